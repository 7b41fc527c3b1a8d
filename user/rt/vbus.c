/* A client's end of a virtual bus; see <l4/vbus.h>. */
#include <string.h>

#include <l4/vbus.h>

#include "internal.h"

#define HEAD_WORDS 4u /* of an answer about a device: error, flags, resources, bytes */
#define TEXT_WORDS (L4_VBUS_TEXT / 8)
#define DMA_RIGHTS (L4_RIGHT_R | L4_RIGHT_W | L4_RIGHT_S)
_Static_assert(HEAD_WORDS + TEXT_WORDS <= L4_MAX_WORDS, "a device fits into one message");

/* One call with at most one capability; `receive` is where one may arrive. */
static enum err call(uint32_t gate, struct l4_msg *msg, uint32_t cap, uint32_t rights, uint32_t receive,
		     uint32_t patience_ms)
{
	struct l4_utcb *utcb = l4_utcb();
	uint32_t before = utcb->recv_slot;
	uint64_t deadline = l4_now() + l4_ticks_of_ms(patience_ms);
	enum err err;

	if (cap != 0) {
		msg->tag |= L4_TAG_CAPS(1);
		utcb->cap[0] = (struct l4_cap_item){cap, rights};
	}
	utcb->recv_slot = receive;
	err = l4_gate_call(gate, msg, deadline);
	utcb->recv_slot = before;
	if (err != OK)
		return err;
	return (enum err)(int64_t)msg->word[0];
}

static enum err open_bus(struct l4_vbus *bus, bool is_fresh)
{
	struct l4_msg msg = {.tag = L4_TAG(L4_VBUS_OPEN, 1), .word = {is_fresh}};
	enum err err = call(bus->gate, &msg, bus->sign, L4_RIGHT_R | L4_RIGHT_W, 0, L4_VBUS_PATIENCE_MS);

	if (err == OK) {
		bus->devices = (unsigned int)msg.word[1];
		bus->dma_kind = (unsigned int)msg.word[2];
	}
	return err;
}

enum err l4_vbus_reopen(struct l4_vbus *bus)
{
	struct l4_msg msg = {.tag = L4_TAG(L4_VBUS_DMA, 0)};
	enum err err = open_bus(bus, false);

	if (err == OK && bus->dma != 0)
		err = call(bus->gate, &msg, bus->dma, DMA_RIGHTS, 0, L4_VBUS_PATIENCE_MS);
	/* It knew us all the time. */
	return err == ERR_BUSY ? OK : err;
}

enum err l4_vbus_open(struct l4_vbus *bus, uint32_t gate, uint32_t sign)
{
	*bus = (struct l4_vbus){.gate = gate, .sign = sign};
	return open_bus(bus, true);
}

/* A call of the bus' client. An io that was started again does not know us yet, or died in the middle: once more. */
static enum err ask(struct l4_vbus *bus, struct l4_msg *msg, uint32_t cap, uint32_t rights, uint32_t receive)
{
	struct l4_msg first = *msg;
	enum err err = call(bus->gate, msg, cap, rights, receive, L4_VBUS_PATIENCE_MS);

	if (err != ERR_CANCELED && err != ERR_NOREPLY)
		return err;
	err = l4_vbus_reopen(bus);
	if (err != OK)
		return err;
	*msg = first;
	return call(bus->gate, msg, cap, rights, receive, L4_VBUS_PATIENCE_MS);
}

enum err l4_vbus_device(struct l4_vbus *bus, unsigned int device, struct l4_vbus_device *out_device)
{
	struct l4_msg msg = {.tag = L4_TAG(L4_VBUS_DEVICE, 1), .word = {device}};
	enum err err = ask(bus, &msg, 0, 0, 0);
	uint64_t word[TEXT_WORDS];
	size_t size;

	if (err != OK)
		return err;
	/* A server may answer anything. */
	size = msg.word[3] < L4_VBUS_TEXT ? msg.word[3] : L4_VBUS_TEXT;
	out_device->flags = msg.word[1];
	out_device->resources = (unsigned int)msg.word[2];
	for (unsigned int i = 0; i < TEXT_WORDS; i++)
		word[i] = i + HEAD_WORDS < L4_REG_WORDS ? msg.word[i + HEAD_WORDS] : l4_utcb()->word[i + HEAD_WORDS];
	memcpy(out_device->text, word, sizeof(word));
	if (size == 0)
		size = 1;
	out_device->text[size - 1] = 0;
	out_device->size = size;
	return OK;
}

enum err l4_vbus_resource(struct l4_vbus *bus, unsigned int device, unsigned int index,
			  struct l4_vbus_resource *out_resource)
{
	struct l4_msg msg = {.tag = L4_TAG(L4_VBUS_RESOURCE, 2), .word = {device, index}};
	enum err err = ask(bus, &msg, 0, 0, 0);

	if (err != OK)
		return err;
	*out_resource = (struct l4_vbus_resource){
		.type = (uint32_t)(msg.word[1] & 0xffffffffu),
		.flags = (uint32_t)(msg.word[1] >> 32),
		.base = msg.word[2],
		.size = msg.word[3],
	};
	memcpy(out_resource->id, &msg.word[4], 8);
	return OK;
}

enum err l4_vbus_mmio(struct l4_vbus *bus, unsigned int device, unsigned int resource, uint32_t slot)
{
	struct l4_msg msg = {.tag = L4_TAG(L4_VBUS_MMIO, 2), .word = {device, resource}};
	enum err err = ask(bus, &msg, 0, 0, slot);

	return err == OK && l4_tag_caps(msg.tag) == 0 ? ERR_IO : err;
}

enum err l4_vbus_irq(struct l4_vbus *bus, unsigned int device, unsigned int resource, uint32_t irq)
{
	struct l4_msg msg = {.tag = L4_TAG(L4_VBUS_IRQ, 2), .word = {device, resource}};

	return ask(bus, &msg, irq, L4_RIGHT_R | L4_RIGHT_W | L4_RIGHT_S, 0);
}

enum err l4_vbus_dma(struct l4_vbus *bus, uint32_t space, unsigned int *out_kind)
{
	struct l4_msg msg = {.tag = L4_TAG(L4_VBUS_DMA, 0)};
	enum err err = ask(bus, &msg, space, DMA_RIGHTS, 0);

	if (err != OK)
		return err;
	bus->dma = space;
	*out_kind = (unsigned int)msg.word[1];
	return OK;
}

enum err l4_vbus_config_read(struct l4_vbus *bus, unsigned int device, unsigned int reg, unsigned int width,
			     uint32_t *out_value)
{
	struct l4_msg msg = {.tag = L4_TAG(L4_VBUS_CONFIG_READ, 3), .word = {device, reg, width}};
	enum err err = ask(bus, &msg, 0, 0, 0);

	if (err == OK)
		*out_value = (uint32_t)msg.word[1];
	return err;
}

enum err l4_vbus_config_write(struct l4_vbus *bus, unsigned int device, unsigned int reg, unsigned int width,
			      uint32_t value)
{
	struct l4_msg msg = {.tag = L4_TAG(L4_VBUS_CONFIG_WRITE, 4), .word = {device, reg, width, value}};

	return ask(bus, &msg, 0, 0, 0);
}

enum err l4_vbus_name(uint32_t gate, const char *name, uint32_t patience_ms)
{
	struct l4_msg msg = {0};
	unsigned int words = l4_console_pack(&msg, name, strlen(name), 0);

	msg.tag = L4_TAG(L4_VBUS_NAME, words);
	return call(gate, &msg, 0, 0, 0, patience_ms);
}

enum err l4_vbus_settle(uint32_t gate, uint32_t patience_ms)
{
	struct l4_msg msg = {.tag = L4_TAG(L4_VBUS_SETTLE, 0)};

	return call(gate, &msg, 0, 0, 0, patience_ms);
}
