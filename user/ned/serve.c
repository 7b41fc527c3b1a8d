/* What ned waits for: irqs, and calls at gates that its Lua modules serve; and their answers, at once or later. No more
 * than the way of messages is here: user/ned/lua/ned/serve.lua says who may call and what a call means.
 *
 * A call that arrives is put aside at once, its reply capability in a slot of its own, so the answer may come whenever.
 * Words travel to and from Lua as strings of 8 bytes each, little-endian as they are.
 */
#include "serve.h"

#include <string.h>

#include <l4/server.h>

#include <lauxlib.h>

#include "console.h"
#include "core.h"

/* The call that was received last: its capabilities can be kept until the next wait. */
static struct l4_msg received;
static bool is_open;

/* serve(gate, badge): calls of the gate are told by wait(), with the badge */
static int core_serve(lua_State *L)
{
	enum err err = is_open ? OK : l4_server_open();

	if (err == OK) {
		is_open = true;
		err = l4_gate_bind(core_check_slot(L, 1), L4_SLOT_SELF, (uint64_t)luaL_checkinteger(L, 2));
	}
	return core_done(L, err);
}

static uint64_t deadline_of(lua_Number seconds)
{
	double ticks = seconds * (double)l4_counter_hz();

	return ticks < 1 ? 1 : ticks > 9e18 ? 0 : (uint64_t)ticks;
}

static void push_words(lua_State *L, const struct l4_msg *msg)
{
	uint64_t word[L4_MAX_WORDS];
	unsigned int count = l4_tag_words(msg->tag);

	if (count > L4_MAX_WORDS)
		count = L4_MAX_WORDS;
	memcpy(word, msg->word, sizeof(msg->word));
	if (count > L4_REG_WORDS)
		memcpy(&word[L4_REG_WORDS], &l4_utcb()->word[L4_REG_WORDS], (count - L4_REG_WORDS) * sizeof(word[0]));
	lua_pushlstring(L, (const char *)word, count * sizeof(word[0]));
}

/* 4: it is on the stack. 0: no room for it, and the caller knows. */
static int take_call(lua_State *L)
{
	uint32_t slot;
	enum err err;

	/* Before anything of Lua, which may be out of memory: an error would leave the slot taken. */
	luaL_checkstack(L, 4, NULL);
	lua_pushinteger(L, (lua_Integer)received.badge);
	lua_pushinteger(L, (lua_Integer)l4_tag_label(received.tag));
	push_words(L, &received);
	err = l4_server_defer(&slot);
	if (err != OK) {
		received.word[0] = (uint64_t)(int64_t)err;
		(void)!(l4_reply(&received, 1, 0) == OK);
		lua_pop(L, 3);
		return 0;
	}
	lua_pushinteger(L, slot);
	return 4;
}

/* wait(time or nil) -> badge of an irq that came; badge, label, words, slot of a call, to be answered with reply(); or
 * nothing when now() has reached the time */
static int core_wait(lua_State *L)
{
	uint64_t deadline = lua_isnoneornil(L, 1) ? 0 : deadline_of(luaL_checknumber(L, 1));

	console_forget_interrupt();
	for (;;) {
		enum err err = l4_server_receive(&received, deadline);
		int results = 0;

		if (err == OK && (received.tag & L4_TAG_IRQ) != 0) {
			lua_pushinteger(L, (lua_Integer)received.badge);
			return 1;
		}
		if (err == OK)
			results = take_call(L);
		if (results != 0)
			return results;
		if (err == ERR_TIMEDOUT || (deadline != 0 && l4_now() >= deadline))
			return 0;
		if (err != OK)
			(void)l4_thread_yield();
	}
}

/* keep_irq(index) -> slot: capability `index`, from 0 on, of the call that wait() told last, an irq */
static int core_keep_irq(lua_State *L)
{
	uint32_t slot;
	enum err err = l4_server_keep_cap(&received, (unsigned int)luaL_checkinteger(L, 1), L4_KIND_IRQ, &slot);

	if (err != OK)
		return core_fail(L, err);
	lua_pushinteger(L, slot);
	return 1;
}

/* drop_arrived(): what came along with that call and was not kept is let go now, not only at the next wait */
static int core_drop_arrived(lua_State *L)
{
	(void)L;
	l4_server_drop_arrived();
	return 0;
}

/* reply(slot, words): the answer of a call; a caller that is gone or waits no more is no error */
static int core_reply(lua_State *L)
{
	uint32_t slot = core_check_slot(L, 1);
	struct l4_msg msg = {0};
	size_t size;
	const char *words = luaL_checklstring(L, 2, &size);
	unsigned int count = (unsigned int)(size / sizeof(uint64_t));

	luaL_argcheck(L, size % sizeof(uint64_t) == 0 && size <= L4_MAX_WORDS * sizeof(uint64_t), 2, "no message");
	memcpy(msg.word, words, size < sizeof(msg.word) ? size : sizeof(msg.word));
	if (count > L4_REG_WORDS)
		memcpy(&l4_utcb()->word[L4_REG_WORDS], words + sizeof(msg.word), size - sizeof(msg.word));
	(void)!(l4_server_reply(slot, &msg, count) == OK);
	return 0;
}

static const luaL_Reg functions[] = {
	{"serve", core_serve}, {"wait", core_wait}, {"keep_irq", core_keep_irq}, {"drop_arrived", core_drop_arrived},
	{"reply", core_reply}, {NULL, NULL},
};

void serve_add_functions(lua_State *L)
{
	luaL_setfuncs(L, functions, 0);
}
