/* Lua's module `core`: capabilities as slot numbers, system calls and the ROM; load.c and serve.c add to it. No policy and
 * no checks of names: user/ned/lua does that. A call that fails returns nil and the (positive) error number; wrong types
 * of arguments are errors of ours and raise.
 */
#include "core.h"

#include <string.h>

#include <lauxlib.h>

#include "console.h"
#include "load.h"
#include "platform.h"
#include "serve.h"

/* Devices are reset one after the other, each within a second. */
#define VBUS_PATIENCE_MS 5000u
#define VBUS_NAME_PATIENCE_MS 20u

uint32_t core_check_slot(lua_State *L, int index)
{
	return (uint32_t)luaL_checkinteger(L, index);
}

int core_fail(lua_State *L, enum err err)
{
	lua_pushnil(L);
	lua_pushinteger(L, -(lua_Integer)err);
	return 2;
}

int core_done(lua_State *L, enum err err)
{
	if (err != OK)
		return core_fail(L, err);
	lua_pushboolean(L, true);
	return 1;
}

static void push_number(lua_State *L, uint64_t value)
{
	lua_pushinteger(L, (lua_Integer)value);
}

/* A field of the table on top of the stack. */
static void set_number(lua_State *L, const char *key, uint64_t value)
{
	push_number(L, value);
	lua_setfield(L, -2, key);
}

/* capabilities() -> {name = {slot =, rights =}}: the environment's. */
static int core_capabilities(lua_State *L)
{
	const char *name;
	uint32_t slot;

	lua_newtable(L);
	for (unsigned int i = 0; (name = l4_env_cap_name(i, &slot)) != NULL; i++) {
		lua_createtable(L, 0, 2);
		set_number(L, "slot", slot);
		set_number(L, "rights", l4_env_rights(slot));
		lua_setfield(L, -2, name);
	}
	return 1;
}

/* kind(slot) -> kind, rights */
static int core_kind(lua_State *L)
{
	enum l4_kind kind;
	uint32_t rights;
	enum err err = l4_object_kind(core_check_slot(L, 1), &kind, &rights);

	if (err != OK)
		return core_fail(L, err);
	push_number(L, kind);
	push_number(L, rights);
	return 2;
}

/* drop(slot): the capability goes, and the slot is free again. */
static int core_drop(lua_State *L)
{
	l4_slot_drop(core_check_slot(L, 1));
	return 0;
}

/* slots() -> how many of our slots hold a capability */
static int core_slots(lua_State *L)
{
	push_number(L, l4_slot_count());
	return 1;
}

/* destroy(slot): the object goes, the slot stays. */
static int core_destroy(lua_State *L)
{
	return core_done(L, l4_object_destroy(core_check_slot(L, 1)));
}

/* create(factory, type, a, b, c) -> slot */
static int core_create(lua_State *L)
{
	uint32_t slot;
	enum err err = l4_slot_alloc(&slot);

	if (err != OK)
		return core_fail(L, err);
	err = l4_factory_create(core_check_slot(L, 1), luaL_checkinteger(L, 2), slot,
				(uint64_t)luaL_optinteger(L, 3, 0), (uint64_t)luaL_optinteger(L, 4, 0),
				(uint64_t)luaL_optinteger(L, 5, 0));
	if (err != OK) {
		l4_slot_free(slot);
		return core_fail(L, err);
	}
	push_number(L, slot);
	return 1;
}

/* factory_info(slot) -> {quota =, used =, machine_free =, largest_free =, hypervisor =, machine =} */
static int core_factory_info(lua_State *L)
{
	struct l4_factory_info info;
	enum err err = l4_factory_info(core_check_slot(L, 1), &info);

	if (err != OK)
		return core_fail(L, err);
	lua_createtable(L, 0, 6);
	set_number(L, "quota", info.quota);
	set_number(L, "used", info.used);
	set_number(L, "machine_free", info.machine_free);
	set_number(L, "largest_free", info.largest_free);
	set_number(L, "hypervisor", info.hypervisor);
	set_number(L, "machine", info.machine);
	return 1;
}

/* dataspace_info(slot) -> {size =, map_flags =, extents =} */
static int core_dataspace_info(lua_State *L)
{
	struct l4_dataspace_info info;
	enum err err = l4_dataspace_info(core_check_slot(L, 1), &info);

	if (err != OK)
		return core_fail(L, err);
	lua_createtable(L, 0, 3);
	set_number(L, "size", info.size);
	set_number(L, "map_flags", info.map_flags);
	set_number(L, "extents", info.extents);
	return 1;
}

/* dataspace_slice(slot, offset, size, rights) -> slot */
static int core_dataspace_slice(lua_State *L)
{
	uint32_t slot;
	enum err err = l4_slot_alloc(&slot);

	if (err != OK)
		return core_fail(L, err);
	err = l4_dataspace_slice(core_check_slot(L, 1), slot, (uint64_t)luaL_checkinteger(L, 2),
				 (uint64_t)luaL_checkinteger(L, 3), (uint32_t)luaL_checkinteger(L, 4));
	if (err != OK) {
		l4_slot_free(slot);
		return core_fail(L, err);
	}
	push_number(L, slot);
	return 1;
}

/* dataspace_clear(slot, offset, size) */
static int core_dataspace_clear(lua_State *L)
{
	return core_done(L, l4_dataspace_clear(core_check_slot(L, 1), (uint64_t)luaL_checkinteger(L, 2),
					       (uint64_t)luaL_checkinteger(L, 3)));
}

/* dma_map(space, dataspace, offset, address, size, map flags) -> address, size */
static int core_dma_map(lua_State *L)
{
	uint64_t address = (uint64_t)luaL_checkinteger(L, 4), size = (uint64_t)luaL_checkinteger(L, 5);
	enum err err = l4_space_dma_map(core_check_slot(L, 1), core_check_slot(L, 2), (uint64_t)luaL_checkinteger(L, 3),
					&address, &size, (uint32_t)luaL_checkinteger(L, 6));

	if (err != OK)
		return core_fail(L, err);
	push_number(L, address);
	push_number(L, size);
	return 2;
}

/* dma_unmap(space, address, size) */
static int core_dma_unmap(lua_State *L)
{
	return core_done(L, l4_space_unmap(core_check_slot(L, 1), (uint64_t)luaL_checkinteger(L, 2),
					   (uint64_t)luaL_checkinteger(L, 3)));
}

/* dma_info(space) -> kind, highest address + 1 */
static int core_dma_info(lua_State *L)
{
	uint64_t limit;
	uint32_t kind;
	enum err err = l4_space_dma_info(core_check_slot(L, 1), &kind, &limit);

	if (err != OK)
		return core_fail(L, err);
	push_number(L, kind);
	push_number(L, limit);
	return 2;
}

/* iommu_physical(slot, space) */
static int core_iommu_physical(lua_State *L)
{
	return core_done(L, l4_iommu_physical(core_check_slot(L, 1), core_check_slot(L, 2)));
}

/* iommu_info(slot) -> number of SMMUs */
static int core_iommu_info(lua_State *L)
{
	unsigned int smmus;
	enum err err = l4_iommu_info(core_check_slot(L, 1), &smmus);

	if (err != OK)
		return core_fail(L, err);
	push_number(L, smmus);
	return 1;
}

/* scheduler_info(slot) -> {highest_priority =, cpu_mask =, online_mask =} */
static int core_scheduler_info(lua_State *L)
{
	struct l4_scheduler_info info;
	enum err err = l4_scheduler_info(core_check_slot(L, 1), &info);

	if (err != OK)
		return core_fail(L, err);
	lua_createtable(L, 0, 3);
	set_number(L, "highest_priority", info.highest_priority);
	set_number(L, "cpu_mask", info.cpu_mask);
	set_number(L, "online_mask", info.online_mask);
	return 1;
}

/* scheduler_limit(slot, highest priority, cpu mask) -> slot */
static int core_scheduler_limit(lua_State *L)
{
	uint32_t slot;
	enum err err = l4_slot_alloc(&slot);

	if (err != OK)
		return core_fail(L, err);
	err = l4_scheduler_limit(core_check_slot(L, 1), slot, (unsigned int)luaL_checkinteger(L, 2),
				 (uint64_t)luaL_checkinteger(L, 3));
	if (err != OK) {
		l4_slot_free(slot);
		return core_fail(L, err);
	}
	push_number(L, slot);
	return 1;
}

/* scheduler_place(slot, thread, priority, cpu) */
static int core_scheduler_place(lua_State *L)
{
	return core_done(L, l4_scheduler_place(core_check_slot(L, 1), core_check_slot(L, 2),
					       (unsigned int)luaL_checkinteger(L, 3), (int)luaL_checkinteger(L, 4)));
}

/* irq_trigger(slot) */
static int core_irq_trigger(lua_State *L)
{
	return core_done(L, l4_irq_trigger(core_check_slot(L, 1)));
}

/* system_suspend(slot, extras) -> how deep the machine slept */
static int core_system_suspend(lua_State *L)
{
	struct l4_platform_answer answer;
	enum err err = l4_platform_ctl_call(core_check_slot(L, 1), L4_PLATFORM_SYSTEM_SUSPEND,
					    (uint64_t)luaL_checkinteger(L, 2), "", 0, &answer);

	if (err != OK)
		return core_fail(L, err);
	push_number(L, answer.depth);
	return 1;
}

/* system_shutdown(slot, reboot) */
static int core_system_shutdown(lua_State *L)
{
	return core_done(L, l4_platform_ctl_system_shutdown(core_check_slot(L, 1), lua_toboolean(L, 2)));
}

/* vbus_settle(gate): a client of the bus has ended, and io has done what follows */
static int core_vbus_settle(lua_State *L)
{
	return core_done(L, l4_vbus_settle(core_check_slot(L, 1), VBUS_PATIENCE_MS));
}

/* vbus_name(gate, name): what io's messages call the client of the bus */
static int core_vbus_name(lua_State *L)
{
	return core_done(L, l4_vbus_name(core_check_slot(L, 1), luaL_checkstring(L, 2), VBUS_NAME_PATIENCE_MS));
}

/* rom_size(name) -> size */
static int core_rom_size(lua_State *L)
{
	const void *data;
	size_t size;
	enum err err = l4_rom_find(luaL_checkstring(L, 1), &data, &size);

	if (err != OK)
		return core_fail(L, err);
	push_number(L, size);
	return 1;
}

/* rom_read(name) -> string */
static int core_rom_read(lua_State *L)
{
	const void *data;
	size_t size;
	enum err err = l4_rom_find(luaL_checkstring(L, 1), &data, &size);

	if (err != OK)
		return core_fail(L, err);
	lua_pushlstring(L, data, size);
	return 1;
}

/* rom_list() -> {name, ...}; what is before a damaged place */
static int core_rom_list(lua_State *L)
{
	char name[256];
	size_t size;

	lua_newtable(L);
	for (unsigned int i = 0, n = 0;; i++) {
		enum err err = l4_rom_list(i, name, sizeof(name), &size);

		if (err == ERR_NAMETOOLONG)
			continue;
		if (err != OK)
			return 1;
		lua_pushstring(L, name);
		lua_rawseti(L, -2, ++n);
	}
}

static enum err copy_to_dataspace(uint32_t dataspace, const void *data, size_t size)
{
	void *window;
	enum err err = l4_attach(dataspace, 0, size, L4_MAP_R | L4_MAP_W, &window);

	if (err != OK)
		return err;
	err = l4_try_copy(window, data, size);
	l4_detach(window, size);
	return err;
}

/* rom_copy(factory, name) -> slot of a dataspace with a copy of the file, size */
static int core_rom_copy(lua_State *L)
{
	uint32_t slot = 0;
	const void *data;
	size_t size;
	enum err err = l4_rom_find(luaL_checkstring(L, 2), &data, &size);

	if (err == OK && size == 0)
		err = ERR_INVAL;
	if (err == OK)
		err = l4_slot_alloc(&slot);
	if (err != OK)
		return core_fail(L, err);
	err = l4_factory_create_dataspace(core_check_slot(L, 1), slot, (size + L4_PAGE_SIZE - 1) & ~(L4_PAGE_SIZE - 1),
					  0, 0);
	if (err != OK) {
		l4_slot_free(slot);
		return core_fail(L, err);
	}
	err = copy_to_dataspace(slot, data, size);
	if (err != OK) {
		l4_slot_drop(slot);
		return core_fail(L, err);
	}
	push_number(L, slot);
	push_number(L, size);
	return 2;
}

/* status(task) -> reason, code, pc, far, cycles */
static int core_status(lua_State *L)
{
	struct l4_space_status status;
	enum err err = l4_space_status(core_check_slot(L, 1), &status);

	if (err != OK)
		return core_fail(L, err);
	push_number(L, status.reason);
	push_number(L, status.code);
	push_number(L, status.pc);
	push_number(L, status.far);
	push_number(L, status.cycles);
	return 5;
}

/* watch(factory, slot, badge) -> slot of an irq that wait() reports with the badge when the object dies */
static int core_watch(lua_State *L)
{
	uint32_t irq;
	enum err err = l4_slot_alloc(&irq);

	if (err != OK)
		return core_fail(L, err);
	err = l4_factory_create_irq(core_check_slot(L, 1), irq);
	if (err != OK) {
		l4_slot_free(irq);
		return core_fail(L, err);
	}
	err = l4_irq_bind_thread(irq, L4_SLOT_SELF, (uint64_t)luaL_checkinteger(L, 3));
	if (err == OK)
		err = l4_object_watch(core_check_slot(L, 2), irq);
	if (err != OK) {
		l4_slot_drop(irq);
		return core_fail(L, err);
	}
	push_number(L, irq);
	return 1;
}

/* now() -> seconds since the counter was 0 */
static int core_now(lua_State *L)
{
	lua_pushnumber(L, (lua_Number)l4_now() / (lua_Number)l4_counter_hz());
	return 1;
}

/* say(text): a line on the log, marked as ours */
static int core_say(lua_State *L)
{
	size_t size;
	const char *text = luaL_checklstring(L, 1, &size);

	l4_log_line(text, size);
	return 0;
}

static const luaL_Reg functions[] = {
	{"capabilities", core_capabilities},
	{"kind", core_kind},
	{"drop", core_drop},
	{"slots", core_slots},
	{"destroy", core_destroy},
	{"create", core_create},
	{"factory_info", core_factory_info},
	{"dataspace_info", core_dataspace_info},
	{"dataspace_slice", core_dataspace_slice},
	{"dataspace_clear", core_dataspace_clear},
	{"dma_map", core_dma_map},
	{"dma_unmap", core_dma_unmap},
	{"dma_info", core_dma_info},
	{"iommu_physical", core_iommu_physical},
	{"iommu_info", core_iommu_info},
	{"scheduler_info", core_scheduler_info},
	{"scheduler_limit", core_scheduler_limit},
	{"scheduler_place", core_scheduler_place},
	{"irq_trigger", core_irq_trigger},
	{"system_suspend", core_system_suspend},
	{"system_shutdown", core_system_shutdown},
	{"vbus_settle", core_vbus_settle},
	{"vbus_name", core_vbus_name},
	{"rom_size", core_rom_size},
	{"rom_read", core_rom_read},
	{"rom_list", core_rom_list},
	{"rom_copy", core_rom_copy},
	{"status", core_status},
	{"watch", core_watch},
	{"now", core_now},
	{"say", core_say},
	{NULL, NULL},
};

int core_open(lua_State *L)
{
	luaL_newlib(L, functions);
	console_add_functions(L);
	load_add_functions(L);
	platform_add_functions(L);
	serve_add_functions(L);
	return 1;
}
