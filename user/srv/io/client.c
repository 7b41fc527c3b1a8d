/* Clients of buses: what each operation does, and the end of a client. [abi/abi.toml vbus] */
#include <string.h>

#include <l4/rt.h>

#include "user/srv/io/host.h"

#define TEXT_WORD 4u /* of the answer about a device: error, flags, resources, bytes, then text */
#define TEXT_SIZE L4_VBUS_TEXT

static struct answer words(struct l4_msg *msg, unsigned int count)
{
	msg->word[0] = OK;
	return (struct answer){.words = count};
}

/* The error, or OK, and nothing else. */
static struct answer result(struct l4_msg *msg, enum err err)
{
	msg->word[0] = (uint64_t)(int64_t)err;
	return (struct answer){.words = 1};
}

/* ---- who the client is ---- */

enum err client_watch(const struct server *server, uint32_t sign, uint64_t badge, uint32_t *out_irq)
{
	uint32_t irq;
	enum err err = l4_slot_alloc(&irq);

	if (err != OK)
		return err;
	err = l4_factory_create_irq(server->factory, irq);
	if (err != OK) {
		l4_slot_free(irq);
		return err;
	}
	err = l4_irq_bind_thread(irq, L4_SLOT_SELF, badge);
	if (err == OK)
		err = l4_object_watch(sign, irq);
	if (err != OK)
		l4_slot_drop(irq);
	else
		*out_irq = irq;
	return err;
}

static void allow_dma(const struct io_bus *bus, bool is_allowed)
{
	for (unsigned int i = 0; i < bus->device_count; i++)
		if (bus->device[i]->is_pci)
			io_pci_allow_dma(bus->device[i], is_allowed);
}

/* No device does any more what its last client told it; their memory stays until this is done. Once is enough, since it
 * takes time that other buses wait for. */
static void make_quiet(struct client *client)
{
	if (client->is_quiet)
		return;
	allow_dma(client->bus, false);
	io_pci_quiet(client->bus->device, client->bus->device_count);
	client->is_quiet = true;
}

static struct answer open_bus(struct server *server, struct client *client, struct l4_msg *msg, uint64_t death)
{
	uint32_t sign = 0;
	bool is_fresh = msg->word[0] != 0;
	enum err err = client->death != 0 ? ERR_BUSY : l4_server_keep_cap(msg, 0, L4_KIND_IRQ, &sign);

	if (err != OK)
		return result(msg, err);
	/* Who had the bus before may have ended while there was no io, and ned not have told yet. */
	if (is_fresh) {
		make_quiet(client);
		power_client_gone(server, client);
	}
	err = client_watch(server, sign, death, &client->death);
	/* Held by us it would not die. */
	l4_slot_drop(sign);
	if (err != OK)
		return result(msg, err);
	client->number++;
	client->is_quiet = false;
	msg->word[1] = client->bus->device_count;
	msg->word[2] = client->bus->dma;
	return words(msg, 3);
}

/* The first `count` of the bus' streams. */
static void unbind_streams(struct server *server, const struct io_bus *bus, unsigned int count)
{
	for (unsigned int i = 0; i < bus->device_count; i++)
		for (unsigned int k = 0; k < bus->device[i]->stream_count && count != 0; k++, count--)
			(void)!(l4_iommu_unbind(server->iommu, bus->device[i]->stream[k].smmu,
						bus->device[i]->stream[k].stream) == OK);
}

void client_end(struct server *server, struct client *client)
{
	make_quiet(client);
	if (client->dma != 0) {
		unbind_streams(server, client->bus, UINT32_MAX);
		l4_slot_drop(client->dma);
	}
	client->dma = 0;
	l4_slot_drop(client->death);
	client->death = 0;
	l4_log(L4_LOG_TRACE, "%s: its client has ended", client->bus->name);
}

/* Irqs come before calls, so deaths have been seen to. A client that died before we were started is nobody's death. */
static struct answer settle(struct server *server, struct client *client, struct l4_msg *msg)
{
	if (client->death == 0) {
		make_quiet(client);
		power_client_gone(server, client);
	}
	return words(msg, 1);
}

static struct answer name_client(struct client *client, struct l4_msg *msg)
{
	char text[L4_CONSOLE_CHUNK];

	io_bus_name_client(client->bus, text, l4_server_console_text(msg, text));
	return words(msg, 1);
}

/* ---- what there is ---- */

static struct answer tell_device(const struct client *client, struct l4_msg *msg)
{
	const struct io_device *device = io_bus_device(client->bus, msg->word[0]);
	uint64_t text[TEXT_SIZE / 8] = {0};
	size_t size;
	unsigned int count;

	if (device == NULL)
		return result(msg, ERR_RANGE);
	size = io_device_text(device, (char *)text, sizeof(text));
	count = (unsigned int)(size + 7) / 8;
	msg->word[1] = (device->is_pci ? L4_VBUS_DEVICE_PCI : 0) |
		       (device->dma != IO_DMA_NONE || device->stream_count != 0 ? L4_VBUS_DEVICE_DMA : 0);
	msg->word[2] = device->resource_count;
	msg->word[3] = size;
	for (unsigned int i = 0; i < count; i++) {
		if (TEXT_WORD + i < L4_REG_WORDS)
			msg->word[TEXT_WORD + i] = text[i];
		else
			l4_utcb()->word[TEXT_WORD + i] = text[i];
	}
	return words(msg, TEXT_WORD + count);
}

static struct answer tell_resource(const struct client *client, struct l4_msg *msg)
{
	const struct io_resource *resource = io_bus_resource(client->bus, msg->word[0], msg->word[1]);

	if (resource == NULL)
		return result(msg, ERR_RANGE);
	msg->word[1] = resource->type | (uint64_t)resource->flags << 32;
	msg->word[2] = resource->base;
	msg->word[3] = resource->size;
	memcpy(&msg->word[4], resource->id, IO_ID);
	return words(msg, 5);
}

enum err client_make_window(const struct server *server, struct io_resource *r)
{
	uint64_t first = r->base & ~(L4_PAGE_SIZE - 1);
	uint64_t size = ((r->base + (r->size - 1)) | (L4_PAGE_SIZE - 1)) - first + 1;
	uint32_t window;
	enum err err = l4_slot_alloc(&window);

	if (err != OK)
		return err;
	err = l4_dataspace_slice(server->mmio, window, first, size, r->rights);
	if (err != OK)
		l4_slot_free(window);
	else
		r->window = window;
	return err;
}

/* The same one each time: we pay for it, and a client that asks again and again must not use up what others need. */
static struct answer give_window(const struct client *client, struct l4_msg *msg)
{
	const struct io_resource *r = io_bus_resource(client->bus, msg->word[0], msg->word[1]);
	enum err err = r == NULL ? ERR_RANGE : r->type != L4_VBUS_TYPE_MEM ? ERR_INVAL : OK;

	if (err != OK)
		return result(msg, err);
	l4_utcb()->cap[0] = (struct l4_cap_item){r->window, r->rights};
	msg->word[0] = OK;
	return (struct answer){.words = 1, .caps = 1};
}

/* The hypervisor connects them; the line is free again when the client's irq is dead. */
static struct answer bind_irq(struct server *server, const struct client *client, struct l4_msg *msg)
{
	const struct io_resource *r = io_bus_resource(client->bus, msg->word[0], msg->word[1]);
	uint32_t irq = 0;
	enum err err = r == NULL ? ERR_RANGE : r->type != L4_VBUS_TYPE_IRQ ? ERR_INVAL : OK;

	if (err == OK)
		err = l4_server_keep_cap(msg, 0, L4_KIND_IRQ, &irq);
	if (err != OK)
		return result(msg, err);
	err = l4_icu_bind(server->icu, (uint32_t)r->base, irq, r->flags);
	l4_slot_drop(irq);
	return result(msg, err);
}

/* ---- DMA ---- */

static enum err bind_streams(struct server *server, const struct io_bus *bus, uint32_t space)
{
	unsigned int bound = 0;

	for (unsigned int i = 0; i < bus->device_count; i++)
		for (unsigned int k = 0; k < bus->device[i]->stream_count; k++) {
			const struct io_stream *s = &bus->device[i]->stream[k];
			enum err err = l4_iommu_bind(server->iommu, s->smmu, s->stream, space);

			if (err != OK) {
				l4_log(L4_LOG_WARN, "%s: %s: stream 0x%x of SMMU %u cannot be bound: %s", bus->name,
				       bus->device[i]->name, s->stream, s->smmu, l4_err_text(err));
				unbind_streams(server, bus, bound);
				return err;
			}
			bound++;
		}
	return OK;
}

static enum err use_space(struct server *server, const struct client *client, uint32_t space)
{
	uint32_t kind;
	uint64_t limit;
	enum err err = l4_space_dma_info(space, &kind, &limit);

	if (err != OK)
		return err;
	if (client->bus->dma == L4_DMA_TRANSLATING)
		return bind_streams(server, client->bus, space);
	/* It is physical already when we were started again. */
	return kind == L4_DMA_PHYSICAL ? OK : l4_iommu_physical(server->iommu, space);
}

/* We keep the space until the devices are quiet: what is mapped in it belongs to nobody else so long. */
static struct answer set_dma(struct server *server, struct client *client, struct l4_msg *msg)
{
	uint32_t space = 0;
	enum err err = client->bus->dma == L4_DMA_NONE ? ERR_NODEV : server->iommu == 0 ? ERR_NODEV : OK;

	if (err == OK && client->dma != 0)
		err = ERR_BUSY;
	if (err == OK)
		err = l4_server_keep_cap(msg, 0, L4_KIND_SPACE, &space);
	if (err != OK)
		return result(msg, err);
	err = use_space(server, client, space);
	if (err != OK) {
		l4_slot_drop(space);
		return result(msg, err);
	}
	client->dma = space;
	allow_dma(client->bus, true);
	msg->word[1] = client->bus->dma;
	return words(msg, 2);
}

/* ---- PCI ---- */

static enum err check_config(const struct io_device *device, uint64_t reg, uint64_t width)
{
	if (device == NULL)
		return ERR_RANGE;
	if (!device->is_pci)
		return ERR_NODEV;
	if (width != 1 && width != 2 && width != 4)
		return ERR_INVAL;
	return reg < 4096 && reg % width == 0 ? OK : ERR_INVAL;
}

static struct answer read_config(const struct client *client, struct l4_msg *msg)
{
	struct io_device *device = io_bus_device(client->bus, msg->word[0]);
	uint64_t reg = msg->word[1], width = msg->word[2];
	enum err err = check_config(device, reg, width);
	uint32_t value = 0;

	if (err == OK)
		err = io_pci_config_read(device, (unsigned int)reg, (unsigned int)width, &value);
	if (err != OK)
		return result(msg, err);
	msg->word[1] = value;
	return words(msg, 2);
}

static struct answer write_config(const struct client *client, struct l4_msg *msg)
{
	struct io_device *device = io_bus_device(client->bus, msg->word[0]);
	uint64_t reg = msg->word[1], width = msg->word[2];
	enum err err = check_config(device, reg, width);

	if (err == OK)
		err = io_pci_config_write(device, (unsigned int)reg, (unsigned int)width, (uint32_t)msg->word[3]);
	return result(msg, err);
}

/* ---- all of them ---- */

static struct answer serve_open(struct server *server, struct client *client, struct l4_msg *msg)
{
	switch (l4_tag_label(msg->tag)) {
	case L4_VBUS_DEVICE:
		return tell_device(client, msg);
	case L4_VBUS_RESOURCE:
		return tell_resource(client, msg);
	case L4_VBUS_MMIO:
		return give_window(client, msg);
	case L4_VBUS_IRQ:
		return bind_irq(server, client, msg);
	case L4_VBUS_DMA:
		return set_dma(server, client, msg);
	case L4_VBUS_CONFIG_READ:
		return read_config(client, msg);
	case L4_VBUS_CONFIG_WRITE:
		return write_config(client, msg);
	default:
		return result(msg, ERR_NOSYS);
	}
}

struct answer client_serve(struct server *server, struct client *client, struct l4_msg *msg, uint64_t death)
{
	uint64_t label = l4_tag_label(msg->tag);

	if (label == L4_VBUS_OPEN)
		return open_bus(server, client, msg, death);
	if (label == L4_VBUS_SETTLE)
		return settle(server, client, msg);
	if (label == L4_VBUS_NAME)
		return name_client(client, msg);
	if (client->death == 0)
		return result(msg, ERR_CANCELED);
	return serve_open(server, client, msg);
}
