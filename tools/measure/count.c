/* A plugin of QEMU 7.2 that counts how often each instruction was executed, for the profile of `make bench`.
 *
 * usage: -plugin count.so,out=PATH. At QEMU's end PATH has, for each translated block, a line "VADDR" in hex, and for each of
 * its instructions a line " OPCODE COUNT"; instructions in the upper half of the address space are summed as "upper COUNT".
 * Debian packages no header of the plugin interface: what is used of version 1 is declared here. See docs/devel/tcg-plugins.rst of QEMU.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_info;
typedef uint64_t plugin_id;
enum plugin_op { INLINE_ADD_U64 };

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, void (*work)(plugin_id id, struct qemu_plugin_tb *tb));
void qemu_plugin_register_atexit_cb(plugin_id id, void (*work)(plugin_id id, void *data), void *data);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn, enum plugin_op op, void *counter,
						uint64_t add);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;
__attribute__((visibility("default"))) int qemu_plugin_install(plugin_id id, const struct qemu_info *info, int argc,
							       char **argv);

/* A block that was translated at an address; one translated again finds its counters. */
struct block {
	struct block *next;
	uint64_t vaddr;
	size_t size;
	uint32_t *opcode;
	uint64_t *count;
};

#define BUCKETS 65536u
static struct block *bucket[BUCKETS];
static uint64_t upper;
static const char *path;

static void *memory(size_t count, size_t size)
{
	void *at = calloc(count, size);

	if (!at)
		abort();
	return at;
}

static struct block *block_of(uint64_t vaddr, const uint32_t *opcode, size_t size)
{
	struct block **at = &bucket[(vaddr >> 2) % BUCKETS], *block;

	for (block = *at; block; block = block->next)
		if (block->vaddr == vaddr && block->size == size &&
		    !memcmp(block->opcode, opcode, size * sizeof(*opcode)))
			return block;
	block = memory(1, sizeof(*block));
	block->vaddr = vaddr;
	block->size = size;
	block->opcode = memory(size, sizeof(*opcode));
	memcpy(block->opcode, opcode, size * sizeof(*opcode));
	block->count = memory(size, sizeof(*block->count));
	block->next = *at;
	*at = block;
	return block;
}

static void translated(plugin_id id, struct qemu_plugin_tb *tb)
{
	size_t size = qemu_plugin_tb_n_insns(tb);
	uint64_t vaddr = qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(tb, 0));
	struct block *block = NULL;

	(void)id;
	if (!(vaddr >> 63)) {
		uint32_t *opcode = memory(size, sizeof(*opcode));

		for (size_t i = 0; i < size; i++)
			memcpy(&opcode[i], qemu_plugin_insn_data(qemu_plugin_tb_get_insn(tb, i)), sizeof(*opcode));
		block = block_of(vaddr, opcode, size);
		free(opcode);
	}
	for (size_t i = 0; i < size; i++)
		qemu_plugin_register_vcpu_insn_exec_inline(qemu_plugin_tb_get_insn(tb, i), INLINE_ADD_U64,
							   block ? &block->count[i] : &upper, 1);
}

static void ended(plugin_id id, void *data)
{
	FILE *file = fopen(path, "w");

	(void)id;
	(void)data;
	if (!file) {
		perror(path);
		return;
	}
	fprintf(file, "upper %" PRIu64 "\n", upper);
	for (unsigned int i = 0; i < BUCKETS; i++)
		for (struct block *block = bucket[i]; block; block = block->next) {
			fprintf(file, "%" PRIx64 "\n", block->vaddr);
			for (size_t k = 0; k < block->size; k++)
				fprintf(file, " %08" PRIx32 " %" PRIu64 "\n", block->opcode[k], block->count[k]);
		}
	fclose(file);
}

int qemu_plugin_install(plugin_id id, const struct qemu_info *info, int argc, char **argv)
{
	(void)info;
	if (argc != 1 || strncmp(argv[0], "out=", 4)) {
		fprintf(stderr, "count.so: needs out=PATH\n");
		return -1;
	}
	path = strdup(argv[0] + 4);
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, ended, NULL);
	return 0;
}
