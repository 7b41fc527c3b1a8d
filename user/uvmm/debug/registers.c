/* Registers of a vCPU by name and by GDB's number; see registers.h. [GDB AArch64 Features] */
#include "debug/registers.h"

#include <stdio.h>
#include <string.h>

#include <l4/abi.h>

/* One line each: name, where it is in the state page, which group is changed with it. */
static const struct {
	const char *name;
	uint32_t offset, group;
} system[] = {
#define SYS(name)                                                                                                      \
	{                                                                                                              \
#name, offsetof(struct l4_vcpu_state, sys.name), L4_VCPU_SYS                                           \
	}
	SYS(sctlr_el1),
	SYS(cpacr_el1),
	SYS(ttbr0_el1),
	SYS(ttbr1_el1),
	SYS(tcr_el1),
	SYS(mair_el1),
	SYS(amair_el1),
	SYS(vbar_el1),
	SYS(contextidr_el1),
	SYS(esr_el1),
	SYS(far_el1),
	SYS(elr_el1),
	SYS(spsr_el1),
	SYS(afsr0_el1),
	SYS(afsr1_el1),
	SYS(par_el1),
	SYS(sp_el0),
	SYS(sp_el1),
	SYS(tpidr_el0),
	SYS(tpidrro_el0),
	SYS(tpidr_el1),
	SYS(cntkctl_el1),
	SYS(csselr_el1),
#undef SYS
	{"cntv_ctl_el0", offsetof(struct l4_vcpu_state, timer.cntv_ctl), L4_VCPU_TIMER},
	{"cntv_cval_el0", offsetof(struct l4_vcpu_state, timer.cntv_cval), L4_VCPU_TIMER},
};

#define SYSTEM_COUNT (sizeof(system) / sizeof(system[0]))

unsigned int register_count(void)
{
	return REG_SYSTEM + SYSTEM_COUNT;
}

size_t register_size(unsigned int number)
{
	if (number == REG_CPSR || number == REG_FPSR || number == REG_FPCR)
		return 4;
	if (number >= REG_V0 && number < REG_FPSR)
		return 16;
	return number < register_count() ? 8 : 0;
}

const char *register_name(unsigned int number)
{
	static const char *const core[] = {
		"x0",  "x1",  "x2",  "x3",  "x4",  "x5",  "x6",  "x7",  "x8",  "x9",   "x10", "x11",
		"x12", "x13", "x14", "x15", "x16", "x17", "x18", "x19", "x20", "x21",  "x22", "x23",
		"x24", "x25", "x26", "x27", "x28", "x29", "x30", "sp",  "pc",  "cpsr",
	};
	static const char *const fpu[] = {
		"v0",  "v1",  "v2",  "v3",  "v4",  "v5",  "v6",  "v7",  "v8",   "v9",   "v10", "v11",
		"v12", "v13", "v14", "v15", "v16", "v17", "v18", "v19", "v20",  "v21",  "v22", "v23",
		"v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31", "fpsr", "fpcr",
	};

	if (number < REG_V0)
		return core[number];
	if (number < REG_SYSTEM)
		return fpu[number - REG_V0];
	return number < register_count() ? system[number - REG_SYSTEM].name : NULL;
}

/* At EL1 with SPSel 1 it is SP_EL1, else SP_EL0. [ARM PSTATE.SP] */
static uint64_t *stack_pointer(struct l4_vcpu_state *page)
{
	return (page->pstate & 0xf) == 5 ? &page->sys.sp_el1 : &page->sys.sp_el0;
}

/* Where it is, and which group is changed with it. */
static void *find(struct l4_vcpu_state *page, unsigned int number, uint64_t *out_group)
{
	*out_group = 0;
	if (number < REG_SP)
		return &page->x[number];
	if (number == REG_PC)
		return &page->pc;
	if (number == REG_CPSR)
		return &page->pstate;
	if (number >= REG_SYSTEM) {
		*out_group = system[number - REG_SYSTEM].group;
		return (char *)page + system[number - REG_SYSTEM].offset;
	}
	if (number == REG_SP) {
		*out_group = L4_VCPU_SYS;
		return stack_pointer(page);
	}
	*out_group = L4_VCPU_FP;
	if (number == REG_FPSR)
		return &page->fp.fpsr;
	return number == REG_FPCR ? (void *)&page->fp.fpcr : &page->fp.q[number - REG_V0];
}

void register_read(const struct l4_vcpu_state *page, unsigned int number, uint8_t value[REG_SIZE_MAX])
{
	uint64_t group;

	memset(value, 0, REG_SIZE_MAX);
	if (register_size(number) != 0)
		memcpy(value, find((struct l4_vcpu_state *)(uintptr_t)page, number, &group), register_size(number));
}

void register_write(struct l4_vcpu_state *page, unsigned int number, const uint8_t value[REG_SIZE_MAX])
{
	uint64_t group;
	void *to;

	if (register_size(number) == 0)
		return;
	to = find(page, number, &group);
	/* The upper halves of those that are 32 bits wide are 0 or not for the debugger. */
	memcpy(to, value, register_size(number));
	page->dirty |= group;
}

/* The views of a vector register that people know from GDB: $v0.d.f[1], $v0.b.u[0]. */
static void put_vector_types(struct text *out)
{
	static const struct {
		char view;
		unsigned int bits;
		const char *real; /* NULL: none */
	} view[] = {
		{'d', 64, "ieee_double"}, {'s', 32, "ieee_single"}, {'h', 16, NULL}, {'b', 8, NULL}, {'q', 128, NULL}};
	enum { VIEWS = sizeof(view) / sizeof(view[0]) };

	for (unsigned int i = 0; i < VIEWS; i++) {
		unsigned int count = 128 / view[i].bits;
		char name = view[i].view;

		text_print(out, "<vector id=\"%cu\" type=\"uint%u\" count=\"%u\"/>\n", name, view[i].bits, count);
		text_print(out, "<vector id=\"%ci\" type=\"int%u\" count=\"%u\"/>\n", name, view[i].bits, count);
		if (view[i].real)
			text_print(out, "<vector id=\"%cf\" type=\"%s\" count=\"%u\"/>\n", name, view[i].real, count);
		text_print(out, "<union id=\"%cn\">", name);
		if (view[i].real)
			text_print(out, "<field name=\"f\" type=\"%cf\"/>", name);
		text_print(out, "<field name=\"u\" type=\"%cu\"/><field name=\"s\" type=\"%ci\"/></union>\n", name,
			   name);
	}
	text_print(out, "<union id=\"vec\">");
	for (unsigned int i = 0; i < VIEWS; i++)
		text_print(out, "<field name=\"%c\" type=\"%cn\"/>", view[i].view, view[i].view);
	text_print(out, "</union>\n");
}

static void put_xml(struct text *out, unsigned int number)
{
	size_t bits = 8 * register_size(number);
	const char *type = bits == 128 ? " type=\"vec\"" : "";

	if (number == REG_SP)
		type = " type=\"data_ptr\"";
	else if (number == REG_PC)
		type = " type=\"code_ptr\"";
	text_print(out, "<reg name=\"%s\" bitsize=\"%zu\"%s regnum=\"%u\"%s/>\n", register_name(number), bits, type,
		   number, number >= REG_SYSTEM ? " group=\"system\"" : "");
}

void register_target_xml(struct text *out)
{
	static const char begin[] = "<?xml version=\"1.0\"?>\n<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n"
				    "<target version=\"1.0\">\n<architecture>aarch64</architecture>\n"
				    "<feature name=\"org.gnu.gdb.aarch64.core\">\n";
	static const char fpu[] = "</feature>\n<feature name=\"org.gnu.gdb.aarch64.fpu\">\n";
	static const char system_feature[] = "</feature>\n<feature name=\"uvmm.aarch64.system\">\n";
	static const char end[] = "</feature>\n</target>\n";

	text_add(out, begin, sizeof(begin) - 1);
	for (unsigned int i = 0; i < register_count(); i++) {
		if (i == REG_V0) {
			text_add(out, fpu, sizeof(fpu) - 1);
			put_vector_types(out);
		} else if (i == REG_SYSTEM) {
			text_add(out, system_feature, sizeof(system_feature) - 1);
		}
		put_xml(out, i);
	}
	text_add(out, end, sizeof(end) - 1);
}
