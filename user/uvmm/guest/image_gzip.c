/* Inflating a gzip-compressed kernel with zlib, in bounded steps. [RFC1952] [ZLIB] */
#include "guest/image_format.h"

#include <stdlib.h>
#define ZLIB_CONST /* next_in points to const */
#include <zlib.h>

#define MEMBER_MIN 18u /* header and trailer */
#define WINDOW_GZIP (MAX_WBITS + 16)
#define CHUNK 0x10000u
#define INPUT_MAX (1u << 30) /* zlib counts in unsigned int */

/* Where inflated bytes go; false: enough. */
struct sink {
	bool (*put)(struct sink *sink, const uint8_t *data, size_t size);
	uint64_t total;
	uint64_t limit;

	uint8_t *head;
	ipa_t to;
	const struct guest_mem *mem;
};

/* Our zlib is built without allocators of its own (Z_SOLO). */
static void *allocate(void *ctx, uInt count, uInt size)
{
	(void)ctx;
	return calloc(count, size);
}

static void release(void *ctx, void *memory)
{
	(void)ctx;
	free(memory);
}

bool image_gzip_is(const uint8_t *data, size_t size)
{
	return size >= 2 && data[0] == 0x1f && data[1] == 0x8b;
}

uint32_t image_gzip_claimed_size(const struct blob *file)
{
	return file->size < MEMBER_MIN ? 0 : image_u32(file->data, file->size - 4);
}

static enum err fail_inflate(const struct blob *file, const z_stream *stream, int result, struct report *report)
{
	if (result == Z_MEM_ERROR)
		return report_fail(report, ERR_NOMEM, "no memory to decompress %s", file->name);
	if (result == Z_BUF_ERROR || result == Z_OK)
		return report_fail(report, ERR_INVAL,
				   "%s is truncated: its gzip data ends after %s of the kernel, the file has %s",
				   file->name, REPORT_SIZE(stream->total_out), REPORT_SIZE(file->size));
	return report_fail(report, ERR_INVAL, "%s is damaged: gzip says '%s' after %s of the kernel", file->name,
			   stream->msg ? stream->msg : "dictionary needed", REPORT_SIZE(stream->total_out));
}

static enum err inflate_loop(const struct blob *file, z_stream *stream, uint8_t *chunk, struct sink *sink,
			     struct report *report)
{
	size_t fed = 0;
	int result = Z_OK;

	while (result != Z_STREAM_END) {
		if (!stream->avail_in && fed < file->size) {
			size_t part = file->size - fed < INPUT_MAX ? file->size - fed : INPUT_MAX;

			stream->next_in = file->data + fed;
			stream->avail_in = (uInt)part;
			fed += part;
		}
		stream->next_out = chunk;
		stream->avail_out = CHUNK;
		result = inflate(stream, Z_NO_FLUSH);
		if (result != Z_OK && result != Z_STREAM_END)
			return fail_inflate(file, stream, result, report);
		if (!sink->put(sink, chunk, CHUNK - stream->avail_out))
			return OK;
		/* All input eaten and output not filled: more input would have been needed. */
		if (result == Z_OK && !stream->avail_in && fed == file->size && stream->avail_out)
			return fail_inflate(file, stream, result, report);
	}
	if (stream->avail_in || fed < file->size)
		return report_fail(report, ERR_INVAL, "%s has %zu bytes behind its gzip data; remove them", file->name,
				   file->size - fed + stream->avail_in);
	return OK;
}

static enum err inflate_file(const struct blob *file, struct sink *sink, struct report *report)
{
	z_stream stream = {.zalloc = allocate, .zfree = release};
	uint8_t *chunk;
	enum err e;
	int result;

	if (file->size < MEMBER_MIN)
		return report_fail(report, ERR_INVAL, "%s is truncated: gzip data has at least %u bytes, the file %zu",
				   file->name, MEMBER_MIN, file->size);
	result = inflateInit2(&stream, WINDOW_GZIP);
	if (result != Z_OK)
		return report_fail(report, ERR_NOMEM, "no memory to decompress %s", file->name);
	chunk = malloc(CHUNK);
	if (chunk)
		e = inflate_loop(file, &stream, chunk, sink, report);
	else
		e = report_fail(report, ERR_NOMEM, "no memory to decompress %s", file->name);
	free(chunk);
	inflateEnd(&stream);
	return e;
}

static bool put_head(struct sink *sink, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size && sink->total < sink->limit; i++)
		sink->head[sink->total++] = data[i];
	return sink->total < sink->limit;
}

enum err image_gzip_head(const struct blob *file, uint8_t *head, size_t size, size_t *out_got, struct report *report)
{
	struct sink sink = {.put = put_head, .limit = size, .head = head};
	enum err e = inflate_file(file, &sink, report);

	*out_got = sink.total;
	return e;
}

static bool put_guest(struct sink *sink, const uint8_t *data, size_t size)
{
	sink->total += size;
	if (sink->total > sink->limit ||
	    guest_write(sink->mem, (ipa_t){sink->to.v + sink->total - size}, data, size) != OK)
		return false;
	return true;
}

enum err image_gzip_load(const struct blob *file, ipa_t to, uint64_t size, const struct guest_mem *mem,
			 struct report *report)
{
	struct sink sink = {.put = put_guest, .limit = size, .to = to, .mem = mem};
	enum err e;

	if (!guest_mem_contains(mem, to, size))
		return report_fail(report, ERR_RANGE, "%s: no guest RAM at %#llx to load it to", file->name,
				   (unsigned long long)to.v);
	e = inflate_file(file, &sink, report);
	if (e != OK)
		return e;
	if (sink.total != size)
		return report_fail(report, ERR_INVAL,
				   "%s is damaged: its last bytes promise %s of kernel, inside are %s%s", file->name,
				   REPORT_SIZE(size), REPORT_SIZE(sink.total), sink.total > size ? " or more" : "");
	return OK;
}
