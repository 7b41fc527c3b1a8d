/* Lua's module `core`: what user/ned/lua stands on. */
#pragma once

#include <l4/rt.h>

#include <lua.h>

/* A lua_CFunction that returns the module. */
int core_open(lua_State *L);

/* For those who add to it: the slot that argument `index` names, which has to be a number; and what a call returns that
 * failed (nil and the error's number, positive) or that has nothing else to tell (true). */
uint32_t core_check_slot(lua_State *L, int index);
int core_fail(lua_State *L, enum err err);
int core_done(lua_State *L, enum err err);
