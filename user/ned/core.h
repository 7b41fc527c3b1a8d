/* Lua's module `core`: what user/ned/lua stands on. */
#pragma once

#include <lua.h>

/* A lua_CFunction that returns the module. */
int core_open(lua_State *L);
