/* Lua's functions that load and start programs, of module `core`. */
#include "load.h"

#include <lauxlib.h>

#include "core.h"
#include "loader.h"

/* A field of the table on top of the stack. */
static void set_number(lua_State *L, const char *key, uint64_t value)
{
	lua_pushinteger(L, (lua_Integer)value);
	lua_setfield(L, -2, key);
}

/* Field `key` of the table at `index`, which has to be a string or absent; valid while the table holds it. */
static const char *text_field(lua_State *L, int index, const char *key, const char *otherwise)
{
	const char *text = otherwise;

	if (lua_getfield(L, index, key) != LUA_TNIL)
		text = luaL_checkstring(L, -1);
	lua_pop(L, 1);
	return text;
}

static lua_Integer number_field(lua_State *L, int index, const char *key)
{
	lua_Integer value;

	lua_getfield(L, index, key);
	value = luaL_checkinteger(L, -1);
	lua_pop(L, 1);
	return value;
}

struct load_request {
	struct loader_spec spec;
	const char *argv[LOADER_ARGS_MAX];
	struct loader_cap caps[LOADER_CAPS_MAX];
};

/* Fill the request from the table at index 1; false: too many arguments or capabilities. */
static bool read_request(lua_State *L, struct load_request *r)
{
	r->spec = (struct loader_spec){
		.file = text_field(L, 1, "file", NULL),
		.factory = (uint32_t)number_field(L, 1, "factory"),
		.argv = r->argv,
		.caps = r->caps,
		.tag = text_field(L, 1, "tag", NULL),
		.colour = (uint32_t)number_field(L, 1, "colour"),
	};
	lua_getfield(L, 1, "argv");
	r->spec.argc = (unsigned int)lua_rawlen(L, -1);
	lua_getfield(L, 1, "caps");
	r->spec.cap_count = (unsigned int)lua_rawlen(L, -1);
	if (r->spec.argc > LOADER_ARGS_MAX || r->spec.cap_count > LOADER_CAPS_MAX)
		return false;
	/* The strings stay alive: they are in the table, which is on the stack. */
	for (unsigned int i = 0; i < r->spec.argc; i++) {
		lua_rawgeti(L, -2, i + 1);
		r->argv[i] = luaL_checkstring(L, -1);
		lua_pop(L, 1);
	}
	for (unsigned int i = 0; i < r->spec.cap_count; i++) {
		lua_rawgeti(L, -1, i + 1);
		r->caps[i].name = text_field(L, -1, "name", NULL);
		r->caps[i].slot = (uint32_t)number_field(L, -1, "slot");
		r->caps[i].rights = (uint32_t)number_field(L, -1, "rights");
		lua_pop(L, 1);
	}
	return true;
}

/* load{file =, factory =, argv = {...}, caps = {{name =, slot =, rights =}, ...}, tag =, colour =}
 *   -> {task =, thread =, entry =, stack =, environment =} or nil, error, what was being done */
static int core_load(lua_State *L)
{
	struct load_request *request;
	struct loader_program program;
	const char *what = "too many arguments or capabilities";
	enum err err = ERR_2BIG;

	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	request = lua_newuserdatauv(L, sizeof(*request), 0);
	if (read_request(L, request))
		err = loader_load(&request->spec, &program, &what);
	if (err != OK) {
		(void)core_fail(L, err);
		lua_pushstring(L, what);
		return 3;
	}
	lua_createtable(L, 0, 5);
	set_number(L, "task", program.task);
	set_number(L, "thread", program.thread);
	set_number(L, "entry", program.entry);
	set_number(L, "stack", program.stack);
	set_number(L, "environment", program.environment);
	return 1;
}

/* start(thread, entry, stack, environment) */
static int core_start(lua_State *L)
{
	return core_done(L, l4_thread_start(core_check_slot(L, 1), (uint64_t)luaL_checkinteger(L, 2),
					    (uint64_t)luaL_checkinteger(L, 3), (uint64_t)luaL_checkinteger(L, 4)));
}

static const luaL_Reg functions[] = {
	{"load", core_load},
	{"start", core_start},
	{NULL, NULL},
};

void load_add_functions(lua_State *L)
{
	luaL_setfuncs(L, functions, 0);
}
