/* What ned waits for, and the calls that it answers. */
#pragma once

#include <lua.h>

/* Adds its functions to the table on top of the stack, Lua's module `core`. */
void serve_add_functions(lua_State *L);
