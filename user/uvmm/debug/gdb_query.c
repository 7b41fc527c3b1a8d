/* GDB's questions: what the stub can do, threads, the description of the registers, monitor commands. Pure.
 * [GDB General Query Packets] */
#include <string.h>

#include "debug/gdb.h"
#include "debug/monitor.h"
#include "debug/registers.h"

#define COMMAND_MAX 256u
#define CHUNK (GDB_PACKET_MAX / 2 - 16)

/* What follows the name in the packet, or NULL when it is another. */
static const char *after(const char *packet, const char *name)
{
	size_t size = strlen(name);

	return strncmp(packet, name, size) == 0 ? packet + size : NULL;
}

static void supported(struct gdb *gdb, const char *features, struct text *reply)
{
	gdb->knows_swbreak = strstr(features, "swbreak+") != NULL;
	gdb->knows_hwbreak = strstr(features, "hwbreak+") != NULL;
	text_print(reply, "PacketSize=%x;qXfer:features:read+;vContSupported+;swbreak+;hwbreak+;QStartNoAckMode+",
		   GDB_PACKET_MAX);
}

/* "OFFSET,LENGTH" of the description; l says that it is the last part, m that there is more. */
static void target_xml(const char *at, struct text *reply)
{
	struct text xml = {0};
	uint64_t offset, size;

	if (!gdb_get_number(&at, &offset) || *at++ != ',' || !gdb_get_number(&at, &size)) {
		text_print(reply, "E00");
		return;
	}
	register_target_xml(&xml);
	if (offset > xml.size)
		offset = xml.size;
	if (size > GDB_PACKET_MAX / 2)
		size = GDB_PACKET_MAX / 2;
	if (size >= xml.size - offset) {
		text_add(reply, "l", 1);
		size = xml.size - offset;
	} else {
		text_add(reply, "m", 1);
	}
	if (size != 0)
		text_add(reply, xml.data + offset, (size_t)size);
	text_free(&xml);
}

static void list_threads(struct gdb *gdb, struct text *reply)
{
	unsigned int count = gdb->debug->vm->vcpu_count, last = gdb->next + 32;

	if (gdb->next >= count) {
		text_print(reply, "l");
		return;
	}
	text_print(reply, "m");
	for (; gdb->next < count && gdb->next < last; gdb->next++)
		text_print(reply, "%s%x", reply->size == 1 ? "" : ",", gdb->next + 1);
}

static void describe_thread(struct gdb *gdb, const char *at, struct text *reply)
{
	struct text line = {0};
	uint64_t number;

	if (!gdb_get_number(&at, &number) || number == 0 || number > gdb->debug->vm->vcpu_count) {
		text_print(reply, "E00");
		return;
	}
	text_print(&line, "vCPU %u%s", (unsigned int)number - 1,
		   debug_is_off(gdb->debug, (unsigned int)number - 1) ? ", off" : "");
	gdb_put_hex(reply, line.data, line.size);
	text_free(&line);
}

/* Its output goes in packets of their own before the answer. */
static void monitor_command(struct gdb *gdb, const char *at, struct text *reply)
{
	char command[COMMAND_MAX + 1] = {0};
	struct text output = {0};
	size_t size = strlen(at) / 2;

	if (!gdb->monitor || size > COMMAND_MAX || !gdb_get_hex(&at, command, size)) {
		text_print(reply, "E00");
		return;
	}
	monitor_execute(gdb->monitor, command, &output);
	for (size_t done = 0; done < output.size; done += CHUNK) {
		struct text part = {0};

		text_print(&part, "O");
		gdb_put_hex(&part, output.data + done, output.size - done < CHUNK ? output.size - done : CHUNK);
		gdb_send(&gdb->out, part.data, part.size);
		text_free(&part);
	}
	text_free(&output);
	text_print(reply, "OK");
}

void gdb_query(struct gdb *gdb, const char *packet, struct text *reply)
{
	const char *rest;

	if ((rest = after(packet, "qSupported")))
		supported(gdb, rest, reply);
	else if (after(packet, "QStartNoAckMode"))
		text_print(reply, "OK"), gdb->in.no_ack = true;
	else if ((rest = after(packet, "qXfer:features:read:target.xml:")))
		target_xml(rest, reply);
	else if (after(packet, "qfThreadInfo"))
		gdb->next = 0, list_threads(gdb, reply);
	else if (after(packet, "qsThreadInfo"))
		list_threads(gdb, reply);
	else if ((rest = after(packet, "qThreadExtraInfo,")))
		describe_thread(gdb, rest, reply);
	else if (after(packet, "qAttached"))
		text_print(reply, "1");
	else if (strcmp(packet, "qC") == 0)
		text_print(reply, "QC%x", gdb->cpu + 1);
	else if ((rest = after(packet, "qRcmd,")))
		monitor_command(gdb, rest, reply);
	else if (strcmp(packet, "vCont?") == 0)
		text_print(reply, "vCont;c;C;s;S");
	/* an empty answer: not known */
}
