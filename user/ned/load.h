/* Loading and starting programs from Lua. */
#pragma once

#include <lua.h>

/* Adds its functions to the table on top of the stack, Lua's module `core`. */
void load_add_functions(lua_State *L);
