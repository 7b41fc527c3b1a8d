/* Operations of the machine's own objects: interrupt lines, power, console. [abi/abi.toml icu, platform, console] */
#include <string.h>

#include "arch.h"
#include "call/call.h"
#include "core/console.h"
#include "core/irq.h"
#include "core/sleep.h"

#define CONSOLE_BYTES 480u
#define BYTES_IN_REGISTERS 40u /* words 1 to 5 */

static enum err icu_bind(struct call *call)
{
	enum err err = OK;
	struct object *irq = call_find(call, call->w[1], L4_KIND_IRQ, L4_RIGHT_S, &err);

	if (!irq)
		return err;
	if (call->w[0] > UINT32_MAX || call->w[2] > L4_IRQ_MODE_LEVEL)
		return ERR_INVAL;
	return irq_bind_line(irq_of(irq), (uint32_t)call->w[0], call->w[2] == L4_IRQ_MODE_LEVEL);
}

static enum err icu_info(struct call *call)
{
	call->w[0] = arch_line_count();
	return OK;
}

const struct call_op icu_ops[CALL_OPS_MAX] = {
	[1] = {icu_bind, L4_RIGHT_W, false},
	[2] = {icu_info, L4_RIGHT_R, false},
};

/* The words behind the first are for servers that stand for the machine. */
static enum err suspend(struct call *call) REQUIRES(hv_lock);
static enum err suspend(struct call *call)
{
	return call->w[0] ? ERR_INVAL : sleep_machine(call->thread, &call->w[0]);
}

static enum err shut_down(struct call *call)
{
	if (call->w[0] > 1)
		return ERR_INVAL;
	if (call->w[0] == 0)
		arch_machine_off();
	arch_machine_reset();
}

const struct call_op platform_ops[CALL_OPS_MAX] = {
	[1] = {suspend, L4_RIGHT_W, false},
	[2] = {shut_down, L4_RIGHT_W, false},
};

static size_t write_piece(const void *from, size_t size)
{
	return size ? arch_console_write(from, size) : 0;
}

static enum err console_write(struct call *call)
{
	size_t size = call->w[0] < CONSOLE_BYTES ? call->w[0] : CONSOLE_BYTES;
	size_t first = size < BYTES_IN_REGISTERS ? size : BYTES_IN_REGISTERS, done;

	done = write_piece(&call->w[1], first);
	if (done == first)
		done += write_piece(&call->thread->utcb->word[L4_REG_WORDS], size - first);
	call->w[0] = done;
	return OK;
}

static enum err console_read_bytes(struct call *call)
{
	char buffer[CONSOLE_BYTES];
	size_t size = call->w[0] < CONSOLE_BYTES ? call->w[0] : CONSOLE_BYTES, got = console_read(buffer, size);
	size_t first = got < BYTES_IN_REGISTERS ? got : BYTES_IN_REGISTERS;

	memcpy(&call->w[1], buffer, first);
	memcpy(&call->thread->utcb->word[L4_REG_WORDS], buffer + first, got - first);
	call->w[0] = got;
	return OK;
}

static enum err console_bind(struct call *call)
{
	enum err err = OK;
	struct object *irq = call_find(call, call->w[0], L4_KIND_IRQ, L4_RIGHT_W, &err);

	return irq ? console_bind_irq(irq_of(irq)) : err;
}

const struct call_op console_ops[CALL_OPS_MAX] = {
	[1] = {console_write, L4_RIGHT_W, false},
	[2] = {console_read_bytes, L4_RIGHT_R, false},
	[3] = {console_bind, L4_RIGHT_R, false},
};
