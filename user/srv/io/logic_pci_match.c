/* Patterns of scripts for PCI functions: "PCI/CC_0108", "PCI/storage", "PCI/VEN_1af4&DEV_1001", as L4Re's io has them. */
#include <stdio.h>
#include <string.h>

#include "user/srv/io/logic_pci.h"

/* [PCI class codes] `bytes` of base class, sub-class, interface count. */
static const struct {
	const char *name;
	unsigned int bytes;
	uint32_t class_code;
} classes[] = {
	{"storage", 1, 0x01},      {"scsi", 2, 0x0100},      {"ide", 2, 0x0101},         {"floppy", 2, 0x0102},
	{"raid", 2, 0x0104},       {"ata", 2, 0x0105},       {"sata", 2, 0x0106},        {"ahci", 3, 0x010601},
	{"sas", 2, 0x0107},        {"nvm", 2, 0x0108},       {"nvme", 3, 0x010802},      {"network", 1, 0x02},
	{"ethernet", 2, 0x0200},   {"can", 2, 0x0c09},       {"display", 1, 0x03},       {"vga", 2, 0x0300},
	{"media", 1, 0x04},        {"video", 2, 0x0400},     {"audio", 2, 0x0401},       {"hda", 2, 0x0403},
	{"memory", 1, 0x05},       {"bridge", 1, 0x06},      {"host_bridge", 2, 0x0600}, {"isa_bridge", 2, 0x0601},
	{"pci_bridge", 2, 0x0604}, {"com", 1, 0x07},         {"uart", 2, 0x0700},        {"parallel", 2, 0x0701},
	{"modem", 2, 0x0703},      {"system", 1, 0x08},      {"sd", 2, 0x0805},          {"input", 1, 0x09},
	{"docking", 1, 0x0a},      {"processor", 1, 0x0b},   {"serial", 1, 0x0c},        {"firewire", 2, 0x0c00},
	{"usb", 2, 0x0c03},        {"uhci", 3, 0x0c0300},    {"ohci", 3, 0x0c0310},      {"ehci", 3, 0x0c0320},
	{"xhci", 3, 0x0c0330},     {"fibre", 2, 0x0c04},     {"smbus", 2, 0x0c05},       {"wireless", 1, 0x0d},
	{"bluetooth", 2, 0x0d11},  {"intelligent", 1, 0x0e}, {"satellite", 1, 0x0f},     {"encryption", 1, 0x10},
	{"signal", 1, 0x11},       {"accelerator", 1, 0x12}, {"unclassified", 1, 0x00},
};

struct token {
	const char *text;
	size_t size;
};

static bool has_class(const struct io_pci_function *f, unsigned int bytes, uint32_t class_code)
{
	return f->class_code >> 8 * (3 - bytes) == class_code;
}

/* The hexadecimal digits behind a prefix; false: other characters, or not that many. */
static bool read_hex(struct token t, size_t skip, size_t digits, uint32_t *out)
{
	uint32_t value = 0;

	if (t.size != skip + digits)
		return false;
	for (size_t i = skip; i < t.size; i++) {
		static const char lower[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";
		char c = t.text[i];
		const char *digit = c != 0 ? strchr(lower, c) : NULL;

		if (digit != NULL)
			value = value << 4 | (uint32_t)(digit - lower);
		else if (c != 0 && (digit = strchr(upper, c)) != NULL)
			value = value << 4 | (uint32_t)(digit - upper);
		else
			return false;
	}
	*out = value;
	return true;
}

static bool begins(struct token t, const char *prefix)
{
	return t.size > strlen(prefix) && memcmp(t.text, prefix, strlen(prefix)) == 0;
}

/* ADR_BB:DD.F */
static bool match_place(const struct io_pci_function *f, struct token t, bool *out)
{
	uint32_t bus, slot, function;

	if (t.size != 11 || t.text[6] != ':' || t.text[9] != '.' || !read_hex((struct token){t.text, 6}, 4, 2, &bus) ||
	    !read_hex((struct token){t.text, 9}, 7, 2, &slot) || !read_hex(t, 10, 1, &function))
		return false;
	*out = f->bus == bus && f->device == slot && f->function == function;
	return true;
}

static bool match_class_name(const struct io_pci_function *f, struct token t, bool *out)
{
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		if (strlen(classes[i].name) != t.size || memcmp(classes[i].name, t.text, t.size) != 0)
			continue;
		*out = has_class(f, classes[i].bytes, classes[i].class_code);
		return true;
	}
	return false;
}

/* False: no token that we know. */
static bool match_token(const struct io_pci_function *f, struct token t, bool *out)
{
	uint32_t value;

	if (begins(t, "CC_")) {
		unsigned int bytes = (unsigned int)(t.size - 3) / 2;

		if (bytes < 1 || bytes > 3 || !read_hex(t, 3, 2 * bytes, &value))
			return false;
		*out = has_class(f, bytes, value);
	} else if (begins(t, "VEN_") && read_hex(t, 4, 4, &value)) {
		*out = f->vendor == value;
	} else if (begins(t, "DEV_") && read_hex(t, 4, 4, &value)) {
		*out = f->product == value;
	} else if (begins(t, "SUBSYS_") && read_hex(t, 7, 8, &value)) {
		*out = ((uint32_t)f->subsystem << 16 | f->subsystem_vendor) == value;
	} else if (begins(t, "REV_") && read_hex(t, 4, 2, &value)) {
		*out = f->revision == value;
	} else if (begins(t, "ADR_")) {
		return match_place(f, t, out);
	} else {
		return match_class_name(f, t, out);
	}
	return true;
}

enum err io_pci_match(const struct io_device *device, const char *pattern, bool *out_matches, char *out_error)
{
	const char *at = strncmp(pattern, "PCI/", 4) == 0 ? pattern + 4 : pattern;
	bool all = device->is_pci;

	for (;;) {
		struct token t = {at, strcspn(at, "&")};
		bool one = false;

		if (!match_token(&device->pci, t, &one)) {
			(void)snprintf(out_error, IO_ERROR,
				       "'%.*s' in '%s' is none of CC_cc[ss[pp]], VEN_vvvv, DEV_dddd, SUBSYS_ddddvvvv, "
				       "REV_rr, ADR_bb:dd.f, and no class of PCI devices such as storage or network",
				       (int)(t.size < 40 ? t.size : 40), t.text, pattern);
			return ERR_INVAL;
		}
		all &= one;
		if (at[t.size] == 0)
			break;
		at += t.size + 1;
	}
	*out_matches = all;
	return OK;
}
