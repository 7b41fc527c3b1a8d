/* ned: an interpreter of Lua 5.4 that wires the system. This file sets Lua up; lua/ned/init.lua does the rest. */
#include <stdio.h>
#include <stdlib.h>

#include <l4/rt.h>

#include <lauxlib.h>
#include <lualib.h>

#include "console.h"
#include "core.h"
#include "embed.h"
#include "lib/pool.h"

static const luaL_Reg libraries[] = {
	{LUA_GNAME, luaopen_base},
	{LUA_LOADLIBNAME, luaopen_package},
	{LUA_COLIBNAME, luaopen_coroutine},
	{LUA_TABLIBNAME, luaopen_table},
	{LUA_IOLIBNAME, luaopen_io},
	{LUA_STRLIBNAME, luaopen_string},
	{LUA_MATHLIBNAME, luaopen_math},
	{LUA_UTF8LIBNAME, luaopen_utf8},
	{LUA_DBLIBNAME, luaopen_debug},
	{"core", core_open},
	{NULL, NULL},
};

/* The loader of an embedded module: upvalue 1 is its struct embedded. */
static int load_embedded(lua_State *L)
{
	const struct embedded *module = lua_touserdata(L, lua_upvalueindex(1));
	char chunk_name[64];

	(void)snprintf(chunk_name, sizeof(chunk_name), "=ned/%s", module->name);
	if (luaL_loadbuffer(L, module->text, (size_t)(module->end - module->text), chunk_name) != LUA_OK)
		return lua_error(L);
	lua_call(L, 0, 1);
	return 1;
}

static int set_up(lua_State *L)
{
	for (const luaL_Reg *library = libraries; library->name != NULL; library++) {
		luaL_requiref(L, library->name, library->func, 1);
		lua_pop(L, 1);
	}
	/* core is for our own modules, which require it. */
	lua_pushnil(L);
	lua_setglobal(L, "core");

	luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
	for (const struct embedded *module = embedded; module->name != NULL; module++) {
		lua_pushlightuserdata(L, (void *)(uintptr_t)module);
		lua_pushcclosure(L, load_embedded, 1);
		lua_setfield(L, -2, module->name);
	}
	return 0;
}

/* Leaves the module on the stack. */
static void require(lua_State *L, const char *module)
{
	lua_getglobal(L, "require");
	lua_pushstring(L, module);
	lua_call(L, 1, 1);
}

/* Arguments: a light pointer to argv, argc. Comes back only with a number for exit. */
static int run(lua_State *L)
{
	char **argv = lua_touserdata(L, 1);
	int argc = (int)lua_tointeger(L, 2);

	/* What is our own stays: nothing of it is garbage, and none of it runs for long. */
	lua_gc(L, LUA_GCSTOP);
	(void)set_up(L);
	require(L, "L4");
	lua_pop(L, 1);
	require(L, "ned.init");
	lua_gc(L, LUA_GCRESTART);
	/* Coroutines inherit it. */
	lua_sethook(L, console_hook, LUA_MASKCOUNT, CONSOLE_HOOK_COUNT);
	lua_createtable(L, argc, 0);
	for (int i = 0; i < argc; i++) {
		lua_pushstring(L, argv[i]);
		lua_rawseti(L, -2, i);
	}
	lua_call(L, 1, 1);
	return 1;
}

static int add_traceback(lua_State *L)
{
	luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
	return 1;
}

/* What the pool does not keep. */
static void *resize(void *block, size_t size)
{
	if (size != 0)
		return realloc(block, size);
	free(block);
	return NULL;
}

int main(int argc, char **argv)
{
	/* Everything runs protected, so no panic function is needed; warn() says nothing, as in luaL_newstate. */
	static struct pool pool = {.resize = resize};
	lua_State *L = lua_newstate(pool_resize, &pool);

	if (L == NULL) {
		l4_log(L4_LOG_ERROR, "no memory for the Lua interpreter");
		return 1;
	}
	lua_pushcfunction(L, add_traceback);
	lua_pushcfunction(L, run);
	lua_pushlightuserdata(L, argv);
	lua_pushinteger(L, argc);
	if (lua_pcall(L, 2, 1, 1) != LUA_OK) {
		const char *text = lua_tostring(L, -1);

		l4_log(L4_LOG_ERROR, "internal error: %s", text == NULL ? "unknown" : text);
		return 1;
	}
	return (int)lua_tointeger(L, -1);
}
