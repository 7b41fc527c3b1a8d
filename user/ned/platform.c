/* Platform control at a gate, asked by a thread of its own: the answer comes when the machine is awake again, and until then
 * ned serves others, among them those who are asked to let it sleep. One call at a time.
 *
 *   main thread                              this thread
 *   platform_call: request, irq ───────────▶ l4_platform_ctl_call ... the server answers
 *   wait() tells the badge ◀──────────────── irq
 *   platform_answer
 */
#include "platform.h"

#include <l4/rt.h>

#include <lauxlib.h>

#include "core.h"

enum state { IDLE, ASKED, ANSWERED };

static struct {
	uint32_t thread, request, done; /* slots; 0: not made yet */
	/* Written by main while IDLE, by the thread while ASKED. */
	enum state state;
	uint32_t gate;
	enum l4_label operation;
	uint64_t argument, deadline;
	struct l4_platform_answer answer;
	enum err err;
} platform;

_Noreturn static void run(void *arg)
{
	struct l4_msg message;

	(void)arg;
	for (;;) {
		if (l4_receive(&message, 0) != OK || __atomic_load_n(&platform.state, __ATOMIC_ACQUIRE) != ASKED)
			continue;
		platform.err = l4_platform_ctl_call(platform.gate, platform.operation, platform.argument, l4_env_tag(),
						    platform.deadline, &platform.answer);
		__atomic_store_n(&platform.state, ANSWERED, __ATOMIC_RELEASE);
		(void)!(l4_irq_trigger(platform.done) == OK);
	}
}

/* Bound to `thread`, or to the caller's. */
static enum err make_irq(uint32_t factory, uint32_t thread, uint64_t badge, uint32_t *out_irq)
{
	uint32_t irq;
	enum err err = l4_slot_alloc(&irq);

	if (err != OK)
		return err;
	err = l4_factory_create_irq(factory, irq);
	if (err != OK) {
		l4_slot_free(irq);
		return err;
	}
	err = l4_irq_bind_thread(irq, thread, badge);
	if (err == OK)
		*out_irq = irq;
	else
		l4_slot_drop(irq);
	return err;
}

/* Each part once; what failed is tried again by the next call. */
static enum err prepare(uint32_t factory, uint64_t badge)
{
	enum err err = OK;

	if (platform.done == 0)
		err = make_irq(factory, L4_SLOT_SELF, badge, &platform.done);
	if (err == OK && platform.thread == 0)
		err = l4_thread_create_start(run, NULL, 0, -1, 0, &platform.thread);
	if (err == OK && platform.request == 0)
		err = make_irq(factory, platform.thread, 0, &platform.request);
	return err;
}

/* platform_call(gate, label, argument, seconds, factory, badge): the badge, always the same, is told by wait() when there is
 * an answer. EBUSY: another call has none yet. */
static int platform_call(lua_State *L)
{
	double ticks = luaL_checknumber(L, 4) * (double)l4_counter_hz();
	enum err err;

	if (__atomic_load_n(&platform.state, __ATOMIC_ACQUIRE) != IDLE)
		return core_fail(L, ERR_BUSY);
	err = prepare((uint32_t)luaL_checkinteger(L, 5), (uint64_t)luaL_checkinteger(L, 6));
	if (err != OK)
		return core_fail(L, err);
	platform.gate = core_check_slot(L, 1);
	platform.operation = (enum l4_label)luaL_checkinteger(L, 2);
	platform.argument = (uint64_t)luaL_checkinteger(L, 3);
	platform.deadline = l4_now() + (uint64_t)ticks;
	__atomic_store_n(&platform.state, ASKED, __ATOMIC_RELEASE);
	return core_done(L, l4_irq_trigger(platform.request));
}

/* platform_answer() -> how deep the machine slept | nil, error, why; EAGAIN: none yet */
static int platform_answer(lua_State *L)
{
	if (__atomic_load_n(&platform.state, __ATOMIC_ACQUIRE) != ANSWERED)
		return core_fail(L, ERR_AGAIN);
	platform.state = IDLE;
	if (platform.err != OK) {
		(void)core_fail(L, platform.err);
		lua_pushstring(L, platform.answer.why);
		return 3;
	}
	lua_pushinteger(L, platform.answer.depth);
	return 1;
}

static const luaL_Reg functions[] = {
	{"platform_call", platform_call},
	{"platform_answer", platform_answer},
	{NULL, NULL},
};

void platform_add_functions(lua_State *L)
{
	luaL_setfuncs(L, functions, 0);
}
