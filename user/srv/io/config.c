/* The command line and the scripts of io: Lua, with the modules of user/srv/io/lua in it. */
#include "user/srv/io/config.h"

#include <stdlib.h>
#include <string.h>

#include <l4/rt.h>

#include <lauxlib.h>
#include <lualib.h>

#include "user/ned/embed.h"

#define TIME_MAX_MS 86400000ul

static const luaL_Reg libraries[] = {
	{LUA_GNAME, luaopen_base},
	{LUA_LOADLIBNAME, luaopen_package},
	{LUA_TABLIBNAME, luaopen_table},
	{LUA_STRLIBNAME, luaopen_string},
	{LUA_MATHLIBNAME, luaopen_math},
	{LUA_DBLIBNAME, luaopen_debug},
	{NULL, NULL},
};

/* The loader of an embedded module: upvalue 1 is its struct embedded. */
static int load_embedded(lua_State *L)
{
	const struct embedded *module = lua_touserdata(L, lua_upvalueindex(1));

	if (luaL_loadbuffer(L, module->text, (size_t)(module->end - module->text), module->name) != LUA_OK)
		return lua_error(L);
	lua_call(L, 0, 1);
	return 1;
}

static void add_module(lua_State *L, const char *name, lua_CFunction open, const void *upvalue)
{
	luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
	lua_pushlightuserdata(L, (void *)(uintptr_t)upvalue);
	lua_pushcclosure(L, open, 1);
	lua_setfield(L, -2, name);
	lua_pop(L, 1);
}

/* Argument: the machine. Returns the function that runs a script. */
static int set_up(lua_State *L)
{
	const void *machine = lua_touserdata(L, 1);

	for (const luaL_Reg *library = libraries; library->name != NULL; library++) {
		luaL_requiref(L, library->name, library->func, 1);
		lua_pop(L, 1);
	}
	add_module(L, "hw", io_lua_open, machine);
	for (const struct embedded *module = embedded; module->name != NULL; module++)
		add_module(L, module->name, load_embedded, module);
	lua_getglobal(L, "require");
	lua_pushliteral(L, "conf.init");
	lua_call(L, 1, 1);
	return 1;
}

/* The function that runs a script is on top of the stack, and stays there. */
static enum err run(lua_State *L, const char *name, const char *text, size_t size)
{
	lua_pushvalue(L, -1);
	lua_pushstring(L, name);
	lua_pushlstring(L, text, size);
	if (lua_pcall(L, 2, 0, 0) == LUA_OK)
		return OK;
	l4_log(L4_LOG_ERROR, "%s", luaL_tolstring(L, -1, NULL));
	lua_pop(L, 2);
	return ERR_INVAL;
}

static enum err run_file(lua_State *L, const char *name)
{
	const void *text;
	size_t size;
	enum err err = l4_rom_find(name, &text, &size);

	if (err == OK)
		return run(L, name, text, size);
	l4_log(L4_LOG_ERROR, "%s: the ROM has no such file", name);
	return err;
}

/* "10s", "500ms", "2m". */
static bool read_time(const char *text, uint32_t *out_ms)
{
	static const struct {
		const char *name;
		uint64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}};
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (end == text || text[0] < '0' || text[0] > '9' || strcmp(end, units[i].name) != 0 ||
		    number > TIME_MAX_MS / units[i].ms)
			continue;
		*out_ms = (uint32_t)(number * units[i].ms);
		return true;
	}
	return false;
}

/* Whether `argument` is that option; its value is then read, or complained of. */
static bool is_limit(const char *argument, const char *option, uint32_t *out_ms, enum err *out_err)
{
	size_t length = strlen(option);

	if (strncmp(argument, option, length) != 0)
		return false;
	if (!read_time(argument + length, out_ms)) {
		l4_log(L4_LOG_ERROR, "%s: expected a time like 10s, 500ms or 2m, at most a day", argument);
		*out_err = ERR_INVAL;
	}
	return true;
}

static enum err run_all(lua_State *L, struct io_limits *limits, int argc, char **argv)
{
	enum err err = OK;

	for (int i = 1; err == OK && i < argc; i++) {
		if (strcmp(argv[i], "-v") == 0 || strcmp(argv[i], "--verbose") == 0) {
			l4_log_set_level(L4_LOG_TRACE);
		} else if (is_limit(argv[i], "--suspend-limit=", &limits->suspend_ms, &err) ||
			   is_limit(argv[i], "--shutdown-limit=", &limits->shutdown_ms, &err)) {
			continue;
		} else if (strcmp(argv[i], "-e") == 0 && i + 1 < argc) {
			i++;
			err = run(L, "-e", argv[i], strlen(argv[i]));
		} else if (argv[i][0] == '-') {
			l4_log(L4_LOG_ERROR,
			       "option '%s' is none; usage: io [-v] [--suspend-limit=TIME] [--shutdown-limit=TIME] [-e "
			       "STATEMENT]... FILE...",
			       argv[i]);
			err = ERR_INVAL;
		} else {
			err = run_file(L, argv[i]);
		}
	}
	return err;
}

enum err config_run(struct io_machine *machine, struct io_limits *limits, int argc, char **argv)
{
	lua_State *L = luaL_newstate();
	enum err err = ERR_NOMEM;

	if (L == NULL)
		return err;
	lua_pushcfunction(L, set_up);
	lua_pushlightuserdata(L, machine);
	if (lua_pcall(L, 1, 1, 0) == LUA_OK)
		err = run_all(L, limits, argc, argv);
	else
		l4_log(L4_LOG_ERROR, "internal error: %s", luaL_tolstring(L, -1, NULL));
	lua_close(L);
	return err;
}
