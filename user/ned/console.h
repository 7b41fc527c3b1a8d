/* ned's own text channel: its lines and its prompt, on a channel of cons or on the machine's UART. */
#pragma once

#include <lua.h>

/* Adds its functions to the table on top of the stack, Lua's module `core`. */
void console_add_functions(lua_State *L);

/* ned waits, so nothing runs that ^C could break. */
void console_forget_interrupt(void);

/* A count hook of Lua: looks for ^C while a script or a line of the prompt runs, and breaks it with an error. */
void console_hook(lua_State *L, lua_Debug *ar);
#define CONSOLE_HOOK_COUNT 100000
