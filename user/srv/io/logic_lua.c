/* Lua's module `hw`: the machine's devices by number (from 1), and its buses. What can go wrong because of the script comes
 * back as nil and a sentence.
 */
#include <string.h>

#include <lauxlib.h>
#include <lua.h>

#include "user/srv/io/logic.h"

#define NAMES_MAX 16u
#define COMPATIBLE_SIZE 1024u

static struct io_machine *machine_of(lua_State *L)
{
	return lua_touserdata(L, lua_upvalueindex(1));
}

static struct io_device *check_device(lua_State *L, int index)
{
	const struct io_machine *machine = machine_of(L);
	lua_Integer number = luaL_checkinteger(L, index);

	if (number < 1 || number > (lua_Integer)machine->device_count)
		(void)luaL_argerror(L, index, "no such device");
	return machine->device[number - 1];
}

static struct io_bus *check_bus(lua_State *L, int index)
{
	const struct io_machine *machine = machine_of(L);
	lua_Integer number = luaL_checkinteger(L, index);

	if (number < 1 || number > (lua_Integer)machine->bus_count)
		(void)luaL_argerror(L, index, "no such bus");
	return machine->bus[number - 1];
}

static int fail(lua_State *L, const char *why)
{
	lua_pushnil(L);
	lua_pushstring(L, why);
	return 2;
}

static int done(lua_State *L, bool is_good, const char *why)
{
	if (!is_good)
		return fail(L, why);
	lua_pushboolean(L, true);
	return 1;
}

/* count() -> how many devices there are */
static int hw_count(lua_State *L)
{
	lua_pushinteger(L, machine_of(L)->device_count);
	return 1;
}

/* device(number) -> {name =, compatible = {...}, is_pci =, unusable =} */
static int hw_device(lua_State *L)
{
	const struct io_device *device = check_device(L, 1);
	lua_Integer n = 0;

	lua_createtable(L, 0, 4);
	lua_pushstring(L, device->name);
	lua_setfield(L, -2, "name");
	lua_newtable(L);
	for (size_t at = 0; at < device->compatible_size; at += strlen(device->compatible + at) + 1) {
		lua_pushstring(L, device->compatible + at);
		lua_rawseti(L, -2, ++n);
	}
	lua_setfield(L, -2, "compatible");
	lua_pushboolean(L, device->is_pci);
	lua_setfield(L, -2, "is_pci");
	if (device->unusable != NULL) {
		lua_pushstring(L, device->unusable);
		lua_setfield(L, -2, "unusable");
	}
	return 1;
}

/* irq_end() -> the first interrupt number that the machine does not have */
static int hw_irq_end(lua_State *L)
{
	lua_pushinteger(L, machine_of(L)->irq_end);
	return 1;
}

/* pci_match(device, "PCI/...") -> whether it is such; or nil and why the pattern is none */
static int hw_pci_match(lua_State *L)
{
	char error[IO_ERROR] = "";
	bool matches = false;

	if (io_pci_match(check_device(L, 1), luaL_checkstring(L, 2), &matches, error) != OK)
		return fail(L, error);
	lua_pushboolean(L, matches);
	return 1;
}

/* add(name, {compatible ...}) -> device */
static int hw_add(lua_State *L)
{
	struct io_machine *machine = machine_of(L);
	const char *name = luaL_checkstring(L, 1);
	char list[COMPATIBLE_SIZE];
	size_t size = 0;
	struct io_device *device;

	luaL_checktype(L, 2, LUA_TTABLE);
	for (lua_Integer i = 1; lua_rawgeti(L, 2, i) == LUA_TSTRING; i++, lua_pop(L, 1)) {
		size_t length;
		const char *text = lua_tolstring(L, -1, &length);

		if (strlen(text) != length || length + 1 > sizeof(list) - size)
			return fail(L, "what the device is compatible with is too long, or has a zero byte in it");
		memcpy(list + size, text, length + 1);
		size += length + 1;
	}
	device = io_device_add(machine, name, list, size);
	if (device == NULL)
		return fail(L, "no memory, or no room for another device");
	device->is_scripted = true;
	lua_pushinteger(L, machine->device_count);
	return 1;
}

/* add_irq(device, id, intid, mode), add_mem(device, id, base, size, rights), add_stream(device, smmu, stream) */
static int hw_add_irq(lua_State *L)
{
	bool good = io_device_add_irq(check_device(L, 1), luaL_checkstring(L, 2), (uint32_t)luaL_checkinteger(L, 3),
				      (uint32_t)luaL_checkinteger(L, 4));

	return done(L, good, "the device has too many resources");
}

static int hw_add_mem(lua_State *L)
{
	bool good = io_device_add_mem(check_device(L, 1), luaL_checkstring(L, 2), (uint64_t)luaL_checkinteger(L, 3),
				      (uint64_t)luaL_checkinteger(L, 4), 0, (uint32_t)luaL_checkinteger(L, 5));

	return done(L, good, "the device has too many resources");
}

static int hw_add_stream(lua_State *L)
{
	struct io_device *device = check_device(L, 1);

	device->dma = IO_DMA_SCRIPT;
	return done(L,
		    io_device_add_stream(device, (uint32_t)luaL_checkinteger(L, 2), (uint32_t)luaL_checkinteger(L, 3)),
		    "the device has too many streams");
}

/* set_dma(device): it does DMA, and is behind no SMMU */
static int hw_set_dma(lua_State *L)
{
	check_device(L, 1)->dma = IO_DMA_SCRIPT;
	return 0;
}

/* filter(device, {id ...}): only these resources are left */
static int hw_filter(lua_State *L)
{
	struct io_device *device = check_device(L, 1);
	const char *keep[NAMES_MAX];
	char error[IO_ERROR] = "";
	unsigned int count = 0;

	luaL_checktype(L, 2, LUA_TTABLE);
	/* The table holds the strings. */
	while (count < NAMES_MAX && lua_rawgeti(L, 2, (lua_Integer)count + 1) == LUA_TSTRING) {
		keep[count++] = lua_tostring(L, -1);
		lua_pop(L, 1);
	}
	return done(L, io_device_filter(device, keep, count, error) == OK, error);
}

/* bus(name, where) -> bus */
static int hw_bus(lua_State *L)
{
	struct io_machine *machine = machine_of(L);
	char error[IO_ERROR] = "";
	struct io_bus *bus;

	if (io_bus_add(machine, luaL_checkstring(L, 1), luaL_checkstring(L, 2), &bus, error) != OK)
		return fail(L, error);
	lua_pushinteger(L, machine->bus_count);
	return 1;
}

/* put(bus, device, where) */
static int hw_put(lua_State *L)
{
	char error[IO_ERROR] = "";
	struct io_bus *bus = check_bus(L, 1);

	return done(L, io_bus_put(machine_of(L), bus, check_device(L, 2), luaL_checkstring(L, 3), error) == OK, error);
}

static int hw_set_unsafe_dma(lua_State *L)
{
	check_bus(L, 1)->is_unsafe_dma = true;
	return 0;
}

static const luaL_Reg functions[] = {
	{"count", hw_count},
	{"device", hw_device},
	{"irq_end", hw_irq_end},
	{"pci_match", hw_pci_match},
	{"add", hw_add},
	{"add_irq", hw_add_irq},
	{"add_mem", hw_add_mem},
	{"add_stream", hw_add_stream},
	{"set_dma", hw_set_dma},
	{"filter", hw_filter},
	{"bus", hw_bus},
	{"put", hw_put},
	{"set_unsafe_dma", hw_set_unsafe_dma},
	{NULL, NULL},
};

int io_lua_open(lua_State *L)
{
	luaL_newlibtable(L, functions);
	lua_pushvalue(L, lua_upvalueindex(1));
	luaL_setfuncs(L, functions, 1);
	return 1;
}
