/* Compiles a Lua file for programs that have it inside: with names of files and lines, without those of locals and upvalues.
 *
 * usage: luac -o OUTPUT FILE. Messages and tracebacks still say file, line, and names of fields and functions; a message about
 * a local does not say which. Names of locals are most of a file's strings, and each start would make all of them.
 * Linked with the sources of the interpreter that loads it, whose own headers say how a compiled function looks. [LUA luac]
 */
#include <stdio.h>
#include <string.h>

#include <lua.h>

#include <lauxlib.h>

#include <lobject.h>
#include <lstate.h>
#include <lundump.h>

static void drop_names(Proto *function)
{
	function->sizelocvars = 0;
	for (int i = 0; i < function->sizeupvalues; i++)
		function->upvalues[i].name = NULL;
	for (int i = 0; i < function->sizep; i++)
		drop_names(function->p[i]);
}

static int write_piece(lua_State *L, const void *data, size_t size, void *file)
{
	(void)L;
	return size != 0 && fwrite(data, size, 1, file) != 1;
}

static int fail(const char *name, const char *why)
{
	(void)fprintf(stderr, "luac: %s: %s\n", name, why);
	return 1;
}

int main(int argc, char **argv)
{
	lua_State *L = luaL_newstate();
	Proto *function;
	FILE *out;
	int result;

	if (argc != 4 || strcmp(argv[1], "-o") != 0)
		return fail("usage", "luac -o OUTPUT FILE");
	if (L == NULL)
		return fail(argv[3], "no memory");
	if (luaL_loadfile(L, argv[3]) != LUA_OK)
		return fail(argv[3], lua_tostring(L, -1));
	function = ((const LClosure *)lua_topointer(L, -1))->p;
	drop_names(function);
	out = fopen(argv[2], "wb");
	if (out == NULL)
		return fail(argv[2], "cannot be written");
	result = luaU_dump(L, function, write_piece, out, 0);
	return fclose(out) != 0 || result != 0 ? fail(argv[2], "cannot be written to its end") : 0;
}
