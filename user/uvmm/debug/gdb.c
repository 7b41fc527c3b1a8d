/* The GDB stub of a VM; see gdb.h. [GDB Packets] [GDB Stop Reply Packets] */
#include "debug/gdb.h"

#include <string.h>

#include "debug/registers.h"

#define MEMORY_MAX (GDB_PACKET_MAX / 2 - 16)

static void error(struct text *reply, enum err err)
{
	text_print(reply, "E%02x", (unsigned int)-err & 0xff);
}

static void answer(struct text *reply, enum err err)
{
	if (err == OK)
		text_print(reply, "OK");
	else
		error(reply, err);
}

static struct l4_vcpu_state *page_of(const struct gdb *gdb)
{
	return gdb->debug->vm->vcpu[gdb->cpu].page;
}

/* ---- stops ---- */

/* The vCPU that is told becomes the one that is looked at. */
static void stop_reply(struct gdb *gdb, struct text *reply)
{
	const struct debug_stop *stop = &gdb->debug->last;

	gdb->running = false;
	gdb->cpu = stop->cpu;
	text_print(reply, "T%02xthread:%x;", stop->reason == DEBUG_STOPPED ? 2 : 5, stop->cpu + 1);
	switch (stop->reason) {
	case DEBUG_BREAK:
		if (gdb->knows_swbreak)
			text_print(reply, "swbreak:;");
		break;
	case DEBUG_HARD_BREAK:
		if (gdb->knows_hwbreak)
			text_print(reply, "hwbreak:;");
		break;
	case DEBUG_WATCH:
		text_print(reply, "watch:%llx;", (unsigned long long)stop->address);
		break;
	case DEBUG_NOTHING:
	case DEBUG_STOPPED:
	case DEBUG_STEPPED:
		break;
	}
}

/* ---- registers and memory ---- */

static void read_registers(struct gdb *gdb, struct text *reply)
{
	uint8_t value[REG_SIZE_MAX];

	for (unsigned int i = 0; i < REG_G_COUNT; i++) {
		register_read(page_of(gdb), i, value);
		gdb_put_hex(reply, value, register_size(i));
	}
}

static enum err write_registers(struct gdb *gdb, const char *at)
{
	uint8_t value[REG_SIZE_MAX];

	for (unsigned int i = 0; i < REG_G_COUNT && *at; i++) {
		if (!gdb_get_hex(&at, value, register_size(i)))
			return ERR_INVAL;
		register_write(page_of(gdb), i, value);
	}
	return OK;
}

static void read_register(struct gdb *gdb, const char *at, struct text *reply)
{
	uint8_t value[REG_SIZE_MAX];
	uint64_t number;

	if (!gdb_get_number(&at, &number) || number >= register_count()) {
		error(reply, ERR_INVAL);
		return;
	}
	register_read(page_of(gdb), (unsigned int)number, value);
	gdb_put_hex(reply, value, register_size((unsigned int)number));
}

static enum err write_register(struct gdb *gdb, const char *at)
{
	uint8_t value[REG_SIZE_MAX];
	uint64_t number;

	if (!gdb_get_number(&at, &number) || *at++ != '=' || number >= register_count() ||
	    !gdb_get_hex(&at, value, register_size((unsigned int)number)))
		return ERR_INVAL;
	register_write(page_of(gdb), (unsigned int)number, value);
	return OK;
}

/* "ADDRESS,SIZE" and what ends it. */
static bool get_range(const char **at, uint64_t *address, uint64_t *size)
{
	return gdb_get_number(at, address) && *(*at)++ == ',' && gdb_get_number(at, size);
}

static void read_memory(struct gdb *gdb, const char *at, struct text *reply)
{
	uint8_t data[MEMORY_MAX];
	uint64_t address, size;
	size_t done;

	if (!get_range(&at, &address, &size)) {
		error(reply, ERR_INVAL);
		return;
	}
	done = debug_read(gdb->debug, gdb->cpu, address, data, size < sizeof(data) ? (size_t)size : sizeof(data));
	if (done == 0 && size != 0)
		error(reply, ERR_FAULT);
	gdb_put_hex(reply, data, done);
}

static enum err write_memory(struct gdb *gdb, const char *at, bool binary)
{
	uint8_t data[GDB_PACKET_MAX];
	uint64_t address, size;
	const char *end = gdb->in.data + gdb->in.size;

	if (!get_range(&at, &address, &size) || *at++ != ':' || size > sizeof(data))
		return ERR_INVAL;
	if (binary ? (size_t)(end - at) < size : !gdb_get_hex(&at, data, (size_t)size))
		return ERR_INVAL;
	if (binary)
		memcpy(data, at, (size_t)size);
	return debug_write(gdb->debug, gdb->cpu, address, data, (size_t)size) == size ? OK : ERR_FAULT;
}

static void breakpoint(struct gdb *gdb, const char *at, bool add, struct text *reply)
{
	uint64_t kind, address, size;
	enum err err;

	if (!gdb_get_number(&at, &kind) || *at++ != ',' || !get_range(&at, &address, &size)) {
		error(reply, ERR_INVAL);
		return;
	}
	if (kind > DEBUG_KIND_ACCESS)
		return; /* not known */
	err = add ? debug_break_add(gdb->debug, gdb->cpu, (enum debug_kind)kind, address, size)
		  : debug_break_remove(gdb->debug, (enum debug_kind)kind, address, size);
	/* Either may come again. */
	answer(reply, err == ERR_EXIST || err == ERR_NOENT ? OK : err);
}

/* ---- threads and running ---- */

/* A thread id: -1 all, 0 any, else a vCPU + 1. False: there is none like that. */
static bool get_thread(const struct gdb *gdb, const char **at, int *out)
{
	uint64_t number;

	if ((*at)[0] == '-' && (*at)[1] == '1') {
		*at += 2;
		*out = -1;
		return true;
	}
	if (!gdb_get_number(at, &number) || number > gdb->debug->vm->vcpu_count)
		return false;
	*out = (int)number;
	return true;
}

static enum err set_thread(struct gdb *gdb, const char *at)
{
	char what = *at++;
	int thread;

	if ((what != 'g' && what != 'c') || !get_thread(gdb, &at, &thread))
		return ERR_INVAL;
	if (what == 'g' && thread > 0)
		gdb->cpu = (unsigned int)thread - 1;
	return OK;
}

static enum err is_alive(const struct gdb *gdb, const char *at)
{
	int thread;

	return get_thread(gdb, &at, &thread) && thread > 0 ? OK : ERR_INVAL;
}

static void resume(struct gdb *gdb, const enum debug_action *action)
{
	gdb->running = true;
	debug_resume(gdb->debug, action);
	/* A step of a vCPU that is off is over at once. */
	if (gdb->debug->news)
		(void)debug_news(gdb->debug);
	gdb_look(gdb);
}

/* c, s, C, S without vCont: one does it, the others run along. */
static void resume_old(struct gdb *gdb, char what, const char *at)
{
	enum debug_action action[GIC_CPUS_MAX];
	uint64_t number;

	if (what == 'C' || what == 'S') {
		(void)gdb_get_number(&at, &number); /* signals mean nothing to a VM */
		at += *at == ';';
	}
	if (gdb_get_number(&at, &number))
		page_of(gdb)->pc = number;
	for (unsigned int i = 0; i < GIC_CPUS_MAX; i++)
		action[i] = DEBUG_RUN;
	if (what == 's' || what == 'S')
		action[gdb->cpu] = DEBUG_STEP;
	resume(gdb, action);
}

/* One action of vCont: letter, signal, thread. */
static bool get_action(struct gdb *gdb, const char **at, enum debug_action *out, int *out_thread)
{
	char what = *(*at)++;
	uint64_t signal;

	*out_thread = -1;
	if (what == 'C' || what == 'S') {
		if (!gdb_get_number(at, &signal))
			return false;
	} else if (what != 'c' && what != 's') {
		return false;
	}
	*out = what == 'c' || what == 'C' ? DEBUG_RUN : DEBUG_STEP;
	if (**at != ':')
		return true;
	++*at;
	return get_thread(gdb, at, out_thread);
}

/* The first action that names a vCPU is its. Those that none names stay. */
static bool resume_each(struct gdb *gdb, const char *at)
{
	enum debug_action action[GIC_CPUS_MAX] = {DEBUG_STAY}, what;
	bool chosen[GIC_CPUS_MAX] = {false};
	int thread;

	while (*at == ';') {
		at++;
		if (!get_action(gdb, &at, &what, &thread))
			return false;
		for (unsigned int i = 0; i < gdb->debug->vm->vcpu_count; i++) {
			bool named = thread == -1 || thread == (int)i + 1 || (thread == 0 && i == gdb->cpu);

			if (named && !chosen[i])
				action[i] = what;
			chosen[i] |= named;
		}
	}
	if (*at)
		return false;
	resume(gdb, action);
	return true;
}

static void let_go(struct gdb *gdb)
{
	debug_stop(gdb->debug);
	debug_break_remove_all(gdb->debug);
	debug_continue(gdb->debug);
	gdb->connected = gdb->running = false;
}

/* ---- packets ---- */

/* False: no answer now. */
static bool execute(struct gdb *gdb, const char *packet, struct text *reply)
{
	const char *rest = packet + (*packet != 0);

	switch (*packet) {
	case '?':
		stop_reply(gdb, reply);
		break;
	case 'g':
		read_registers(gdb, reply);
		break;
	case 'G':
		answer(reply, write_registers(gdb, rest));
		break;
	case 'p':
		read_register(gdb, rest, reply);
		break;
	case 'P':
		answer(reply, write_register(gdb, rest));
		break;
	case 'm':
		read_memory(gdb, rest, reply);
		break;
	case 'M':
	case 'X':
		answer(reply, write_memory(gdb, rest, *packet == 'X'));
		break;
	case 'Z':
	case 'z':
		breakpoint(gdb, rest, *packet == 'Z', reply);
		break;
	case 'H':
		answer(reply, set_thread(gdb, rest));
		break;
	case 'T':
		answer(reply, is_alive(gdb, rest));
		break;
	case 'c':
	case 's':
	case 'C':
	case 'S':
		resume_old(gdb, *packet, rest);
		return false;
	case 'D':
		let_go(gdb);
		answer(reply, OK);
		break;
	case 'k': /* a debugger that goes does not end a VM */
		let_go(gdb);
		return false;
	case 'v':
		if (strncmp(packet, "vCont;", 6) == 0) {
			if (resume_each(gdb, packet + 5))
				return false;
			error(reply, ERR_INVAL);
			break;
		}
		gdb_query(gdb, packet, reply);
		break;
	case 'q':
	case 'Q':
		gdb_query(gdb, packet, reply);
		break;
	default: /* an empty answer: not known */
		break;
	}
	return true;
}

static void send(struct gdb *gdb, const struct text *reply)
{
	text_consume(&gdb->last, gdb->last.size);
	gdb_send(&gdb->last, reply->data, reply->size);
	text_add(&gdb->out, gdb->last.data, gdb->last.size);
}

static void packet(struct gdb *gdb)
{
	struct text reply = {0};

	/* A new connection, whatever became of the one before. */
	if (strncmp(gdb->in.data, "qSupported", 10) == 0) {
		if (gdb->in.no_ack)
			text_add(&gdb->out, "+", 1);
		gdb->in.no_ack = gdb->running = false;
		debug_stop(gdb->debug);
		debug_break_remove_all(gdb->debug);
		gdb->connected = true;
	}
	/* Nothing but a break is sent while the VM runs; and somebody else may have continued it. */
	if (!gdb->debug->stopped)
		debug_stop(gdb->debug);
	if (execute(gdb, gdb->in.data, &reply))
		send(gdb, &reply);
	text_free(&reply);
}

void gdb_look(struct gdb *gdb)
{
	struct text reply = {0};

	if (!gdb->running || !gdb->debug->stopped)
		return;
	stop_reply(gdb, &reply);
	send(gdb, &reply);
	text_free(&reply);
}

void gdb_end(struct gdb *gdb, unsigned int code)
{
	struct text reply = {0};

	if (!gdb->running)
		return;
	gdb->running = false;
	text_print(&reply, "W%02x", code & 0xff);
	send(gdb, &reply);
	text_free(&reply);
}

void gdb_take(struct gdb *gdb, const void *data, size_t size)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < size; i++) {
		switch (gdb_receive(&gdb->in, bytes[i], &gdb->out)) {
		case GDB_INPUT_PACKET:
			packet(gdb);
			break;
		case GDB_INPUT_BREAK:
			if (gdb->running)
				debug_stop(gdb->debug);
			gdb_look(gdb);
			break;
		case GDB_INPUT_RESEND:
			text_add(&gdb->out, gdb->last.data, gdb->last.size);
			break;
		case GDB_INPUT_NONE:
			break;
		}
	}
}
