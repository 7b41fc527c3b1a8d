/* Platform control at a gate, as Lua asks it. */
#pragma once

#include <lua.h>

/* Adds its functions to the table on top of the stack, Lua's module `core`. */
void platform_add_functions(lua_State *L);
