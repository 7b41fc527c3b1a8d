/* Monitor command about guest memory: ram. Pure. */
#include "debug/monitor_commands.h"

#include <string.h>

#define ITEMS_MAX 1024u
#define ITEMS_DEFAULT 32u
#define ROW 16u

static size_t size_of(const char *word)
{
	static const char letter[] = "bwdq";
	const char *found = strlen(word) == 1 ? strchr(letter, *word) : NULL;

	return found ? (size_t)1 << (found - letter) : 0;
}

static void print_row(uint64_t address, const uint8_t *data, size_t size, size_t item, struct text *out)
{
	text_print(out, "%012llx:", (unsigned long long)address);
	for (size_t i = 0; i < ROW; i += item) {
		uint64_t value = 0;

		if (i >= size) {
			text_print(out, "%*s", (int)(2 * item + 1), "");
			continue;
		}
		memcpy(&value, data + i, item);
		text_print(out, " %0*llx", (int)(2 * item), (unsigned long long)value);
	}
	text_print(out, "  ");
	for (size_t i = 0; i < size; i++)
		text_print(out, "%c", data[i] >= ' ' && data[i] < 0x7f ? data[i] : '.');
	text_print(out, "\n");
}

static bool dump(struct monitor *monitor, unsigned int count, char *const *word, struct text *out)
{
	uint64_t address, items = ITEMS_DEFAULT;
	size_t item = 4;

	if (count < 3 || count > 5 || !monitor_number(word[2], &address) ||
	    (count > 3 && !monitor_number(word[3], &items)) || (count > 4 && (item = size_of(word[4])) == 0))
		return false;
	if (items > ITEMS_MAX) {
		text_print(out, "%llu are too many: at most %u\n", (unsigned long long)items, ITEMS_MAX);
		return true;
	}
	for (size_t left = (size_t)items * item, part; left != 0; left -= part, address += part) {
		uint8_t row[ROW];

		part = left < ROW ? left : ROW;
		if (debug_read_physical(monitor->debug, (ipa_t){address}, row, part) != OK) {
			text_print(out, "%012llx: no RAM is there\n", (unsigned long long)address);
			break;
		}
		print_row(address, row, part, item, out);
	}
	return true;
}

static bool write(struct monitor *monitor, unsigned int count, char *const *word, struct text *out)
{
	uint8_t data[8 * MONITOR_WORDS_MAX];
	uint64_t address, value;
	size_t item;

	if (count < 5 || !monitor_number(word[2], &address) || (item = size_of(word[3])) == 0)
		return false;
	for (unsigned int i = 4; i < count; i++) {
		if (!monitor_number(word[i], &value))
			return false;
		if (item < 8 && value >> 8 * item) {
			text_print(out, "0x%llx does not fit into %zu bytes\n", (unsigned long long)value, item);
			return true;
		}
		memcpy(data + (i - 4) * item, &value, item);
	}
	if (debug_write_physical(monitor->debug, (ipa_t){address}, data, (count - 4) * item) != OK)
		text_print(out, "no RAM is at 0x%llx: nothing was written\n", (unsigned long long)address);
	return true;
}

bool monitor_ram(struct monitor *monitor, unsigned int count, char *const *word, struct text *out)
{
	const struct layout *layout = &monitor->plan->layout;

	if (count >= 2 && strcmp(word[1], "dump") == 0)
		return dump(monitor, count, word, out);
	if (count >= 2 && strcmp(word[1], "write") == 0)
		return write(monitor, count, word, out);
	if (count != 2 || strcmp(word[1], "ds") != 0)
		return false;
	for (size_t i = 0; i < layout->piece_count; i++) {
		const struct ram_piece *piece = &layout->piece[i];

		text_print(out, "0x%012llx-0x%012llx %s, from 0x%llx of %s", (unsigned long long)piece->base.v,
			   (unsigned long long)(piece->base.v + piece->size - 1), REPORT_SIZE(piece->size),
			   (unsigned long long)piece->offset, monitor->plan->source[piece->source].cap);
		if (piece->has_dma)
			text_print(out, ", DMA address 0x%llx", (unsigned long long)piece->dma);
		text_print(out, "\n");
	}
	return true;
}
