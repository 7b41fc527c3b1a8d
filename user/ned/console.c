/* ned's own text channel: its lines, and the prompt that steps aside for them. Nothing here waits long for a server that
 * does not answer: what it does not take goes to the machine's UART, as without a channel.
 */
#include "console.h"

#include <string.h>

#include <l4/rt.h>
#include <lauxlib.h>

#include "lib/lineedit.h"
#include "user/srv/cons/protocol.h"

#define PATIENCE_MS 200u
#define LOST_PATIENCE_MS 5u
#define CONTROL_C 3

static struct {
	bool is_open, is_uart;
	struct l4_channel channel;
	uint32_t irq;
	bool is_attended;
	bool is_prompting;
	bool is_interrupted; /* ^C came; until ned waits again */
	struct lineedit edit;
	size_t typed_count; /* what was typed and not looked at */
	size_t out_count;
	char typed[1024];
	char out[2048];
} console;

/* ---- output ---- */

/* All that is collected; false: it was not taken, and is lost. */
static bool flush(void)
{
	uint64_t deadline = l4_now() + l4_ticks_of_ms(console.channel.is_lost ? LOST_PATIENCE_MS : PATIENCE_MS);
	size_t sent = 0, size = console.out_count;

	console.out_count = 0;
	while (sent < size) {
		size_t accepted;

		if (l4_channel_write(&console.channel, console.out + sent, size - sent, deadline, &accepted) != OK ||
		    l4_now() > deadline)
			return false;
		sent += accepted;
		if (accepted == 0)
			l4_sleep_until(l4_now() + l4_ticks_of_ms(1));
	}
	return true;
}

static void put(void *context, const char *text, size_t size)
{
	(void)context;
	while (size > 0) {
		size_t part = sizeof(console.out) - console.out_count;

		part = part < size ? part : size;
		memcpy(console.out + console.out_count, text, part);
		console.out_count += part;
		text += part;
		size -= part;
		if (console.out_count == sizeof(console.out))
			(void)flush();
	}
}

static void put_text(const char *text)
{
	put(NULL, text, strlen(text));
}

/* A line of ned's log: above the prompt. */
static bool put_line(const char *text, size_t size)
{
	lineedit_hide(&console.edit);
	if (console.is_uart) {
		put_text(l4_env_tag());
		put_text(": ");
	}
	put(NULL, text, size);
	put_text("\r\n");
	if (console.is_prompting)
		lineedit_show(&console.edit);
	return flush();
}

/* ---- input ---- */

static void poll(void)
{
	uint64_t flags = 0;
	size_t got, room;

	while ((room = sizeof(console.typed) - console.typed_count) > 0) {
		if (l4_channel_read(&console.channel, console.typed + console.typed_count, room, &got, &flags) != OK)
			return;
		console.is_attended = console.is_uart || (flags & L4_READ_ATTENDED) != 0;
		console.typed_count += got;
		if (got == 0)
			break;
	}
}

static void drop_typed(size_t size)
{
	console.typed_count -= size;
	memmove(console.typed, console.typed + size, console.typed_count);
}

/* Whether ^C was typed; what is before it is forgotten. */
static bool take_interrupt(void)
{
	const char *found = memchr(console.typed, CONTROL_C, console.typed_count);

	if (found == NULL)
		return false;
	drop_typed((size_t)(found - console.typed) + 1);
	return true;
}

void console_forget_interrupt(void)
{
	console.is_interrupted = false;
}

void console_hook(lua_State *L, lua_Debug *ar)
{
	if (!console.is_open)
		return;
	if (!console.is_interrupted) {
		poll();
		console.is_interrupted = take_interrupt();
		/* Much was typed at a program that does not read: ^C must get through all the same. */
		if (!console.is_interrupted && console.typed_count == sizeof(console.typed))
			drop_typed(sizeof(console.typed) / 2);
		/* Once it came, every instruction fails, so that a loop around pcall ends, too. */
		lua_sethook(L, console_hook, LUA_MASKCOUNT, console.is_interrupted ? 1 : CONSOLE_HOOK_COUNT);
	}
	if (!console.is_interrupted)
		return;
	/* ned's own code does not loop, and has to be able to clean up. */
	(void)lua_getinfo(L, "S", ar);
	if (strncmp(ar->source, "@user/ned/lua/", 14) == 0 || strncmp(ar->source, "=ned/", 5) == 0)
		return;
	luaL_where(L, 0);
	lua_pushliteral(L, "interrupted by Ctrl-C at the prompt");
	lua_concat(L, 2);
	(void)lua_error(L);
}

/* ---- Lua ---- */

static int fail(lua_State *L, enum err err)
{
	lua_pushnil(L);
	lua_pushinteger(L, -(lua_Integer)err);
	return 2;
}

static enum err make_irq(uint32_t factory, uint64_t badge, uint32_t *out_irq)
{
	enum err err = l4_slot_alloc(out_irq);

	if (err != OK)
		return err;
	err = l4_factory_create_irq(factory, *out_irq);
	if (err == OK)
		err = l4_irq_bind_thread(*out_irq, L4_SLOT_SELF, badge);
	if (err != OK)
		l4_slot_drop(*out_irq);
	return err;
}

/* console_open(slot, factory, badge, is_uart): ned's lines go to that channel, and wait() reports the badge when
 * something was typed. */
static int console_open(lua_State *L)
{
	struct l4_channel channel;
	uint32_t irq = 0;
	enum err err = make_irq((uint32_t)luaL_checkinteger(L, 2), (uint64_t)luaL_checkinteger(L, 3), &irq);

	if (err != OK)
		return fail(L, err);
	err = l4_channel_open(&channel, (uint32_t)luaL_checkinteger(L, 1), irq);
	if (err != OK) {
		l4_slot_drop(irq);
		return fail(L, err);
	}
	if (console.is_open)
		l4_slot_drop(console.irq);
	else
		lineedit_init(&console.edit, put, NULL);
	console.channel = channel;
	console.irq = irq;
	console.is_uart = lua_toboolean(L, 4);
	console.is_open = true;
	l4_log_set_output(put_line);
	lua_pushboolean(L, true);
	return 1;
}

/* console_poll() -> whether somebody is there: fetch what was typed. */
static int console_poll(lua_State *L)
{
	poll();
	lua_pushboolean(L, console.is_attended);
	return 1;
}

/* console_prompt(text): an empty line behind that prompt; nil: no prompt, until the next. */
static int console_prompt(lua_State *L)
{
	console.is_prompting = !lua_isnoneornil(L, 1);
	if (console.is_prompting)
		lineedit_start(&console.edit, luaL_checkstring(L, 1));
	else
		lineedit_hide(&console.edit);
	(void)flush();
	return 0;
}

/* console_show(on): take the prompt away and put it back, with what was typed. */
static int console_show(lua_State *L)
{
	console.is_prompting = lua_toboolean(L, 1);
	if (console.is_prompting)
		lineedit_show(&console.edit);
	else
		lineedit_hide(&console.edit);
	(void)flush();
	return 0;
}

/* console_key() -> "enter", line | "interrupt" | "end" | "complete", the line up to the cursor | nothing: no more keys */
static int console_key(lua_State *L)
{
	static const char *const names[] = {
		[LINEEDIT_ENTER] = "enter",
		[LINEEDIT_COMPLETE] = "complete",
		[LINEEDIT_INTERRUPT] = "interrupt",
		[LINEEDIT_END] = "end",
	};
	enum lineedit_event event = LINEEDIT_NOTHING;
	size_t used = 0;

	while (event == LINEEDIT_NOTHING && used < console.typed_count)
		event = lineedit_key(&console.edit, (unsigned char)console.typed[used++]);
	drop_typed(used);
	(void)flush();
	if (event == LINEEDIT_NOTHING)
		return 0;
	if (event == LINEEDIT_ENTER)
		lineedit_remember(&console.edit);
	lua_pushstring(L, names[event]);
	lua_pushlstring(L, console.edit.line, event == LINEEDIT_COMPLETE ? console.edit.cursor : console.edit.length);
	return 2;
}

/* console_flush(): wait until cons has sent what it was told before. It answers a call only after that. */
static int console_flush(lua_State *L)
{
	size_t accepted;

	(void)L;
	if (console.is_open && !console.is_uart)
		(void)!(l4_channel_write(&console.channel, "", 0, l4_now() + l4_ticks_of_ms(PATIENCE_MS), &accepted) ==
			OK);
	return 0;
}

/* console_insert(text): as if it had been typed */
static int console_insert(lua_State *L)
{
	size_t size;
	const char *text = luaL_checklstring(L, 1, &size);

	lineedit_insert(&console.edit, text, size);
	(void)flush();
	return 0;
}

/* console_interrupted() -> whether ^C was typed while something ran */
static int console_interrupted(lua_State *L)
{
	lua_pushboolean(L, take_interrupt());
	return 1;
}

static int console_quiet(lua_State *L)
{
	(void)L;
	console_forget_interrupt();
	return 0;
}

/* ---- the other side: who makes channels ---- */

struct answer { /* of CONS_LABEL_CREATE, behind the error */
	uint64_t number, size;
	char text[L4_CONSOLE_CHUNK - 16];
};

/* A call to cons with text and perhaps a capability; the words of the answer are in msg and the UTCB. */
static enum err call(uint32_t service, struct l4_msg *msg, unsigned int label, unsigned int words, unsigned int caps,
		     unsigned int patience_ms)
{
	msg->tag = L4_TAG(label, words) | L4_TAG_CAPS(caps);
	return l4_gate_call(service, msg, l4_now() + l4_ticks_of_ms(patience_ms));
}

/* channel_attach(service, gate, texts) -> number, name | nil, error, what cons says about it */
static int channel_attach(lua_State *L)
{
	size_t size;
	const char *texts = luaL_checklstring(L, 3, &size);
	struct l4_msg msg = {0};
	struct answer answer = {0};
	unsigned int words = l4_console_pack(&msg, texts, size < CONS_TEXT_MAX ? size : CONS_TEXT_MAX, 0);
	enum err err;

	l4_utcb()->cap[0] =
		(struct l4_cap_item){(uint32_t)luaL_checkinteger(L, 2), L4_RIGHT_R | L4_RIGHT_W | L4_RIGHT_S};
	err = call((uint32_t)luaL_checkinteger(L, 1), &msg, CONS_LABEL_CREATE, words, 1, 2000);
	if (err != OK)
		return fail(L, err);
	l4_console_unpack(&msg, &answer, sizeof(answer));
	if (answer.size > sizeof(answer.text))
		answer.size = 0;
	if (msg.word[0] != 0) {
		(void)fail(L, (enum err)(int64_t)msg.word[0]);
		lua_pushlstring(L, answer.text, answer.size);
		return 3;
	}
	lua_pushinteger(L, (lua_Integer)answer.number);
	lua_pushlstring(L, answer.text, answer.size);
	return 2;
}

/* channel_close(service, number): its client is gone */
static int channel_close(lua_State *L)
{
	struct l4_msg msg = {.word = {(uint64_t)luaL_checkinteger(L, 2)}};

	(void)!(call((uint32_t)luaL_checkinteger(L, 1), &msg, CONS_LABEL_CLOSE, 1, 0, PATIENCE_MS) == OK);
	return 0;
}

/* channel_let_go(service, number): the program behind it has ended, the channel stays */
static int channel_let_go(lua_State *L)
{
	struct l4_msg msg = {.word = {(uint64_t)luaL_checkinteger(L, 2)}};

	(void)!(call((uint32_t)luaL_checkinteger(L, 1), &msg, CONS_LABEL_LET_GO, 1, 0, PATIENCE_MS) == OK);
	return 0;
}

static const luaL_Reg functions[] = {
	{"console_open", console_open},
	{"console_poll", console_poll},
	{"console_prompt", console_prompt},
	{"console_show", console_show},
	{"console_key", console_key},
	{"console_flush", console_flush},
	{"console_insert", console_insert},
	{"console_interrupted", console_interrupted},
	{"console_quiet", console_quiet},
	{"channel_attach", channel_attach},
	{"channel_close", channel_close},
	{"channel_let_go", channel_let_go},
	{NULL, NULL},
};

void console_add_functions(lua_State *L)
{
	luaL_setfuncs(L, functions, 0);
}
