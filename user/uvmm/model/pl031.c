/* PL031, the Arm PrimeCell real-time clock [PL031]. Pure. */
#include "model/pl031.h"

#include <string.h>

#include "model/amba_id.h"

#define PL031_PART 0x00141031u
#define SECOND 1000000000ull

/* offset, access, meaning. [PL031 summary of registers] */
enum {
	RTCDR = 0x00,   /* R   seconds now */
	RTCMR = 0x04,   /* RW  seconds of the alarm */
	RTCLR = 0x08,   /* RW  sets the seconds */
	RTCCR = 0x0c,   /* RW  bit 0: counting; cannot be stopped again */
	RTCIMSC = 0x10, /* RW  bit 0: the alarm may interrupt */
	RTCRIS = 0x14,  /* R   the alarm went off */
	RTCMIS = 0x18,  /* R   and may interrupt */
	RTCICR = 0x1c,  /* W   bit 0: silence it */
};

static uint32_t seconds_now(const struct pl031 *rtc)
{
	return (uint32_t)(rtc->port.now(rtc->port.context) / SECOND) + rtc->state.offset;
}

static void update_irq(struct pl031 *rtc)
{
	irq_line_set(&rtc->port.irq, (rtc->state.ris & rtc->state.imsc) != 0);
}

/* The alarm goes off when the counter becomes equal to RTCMR; a time in the past is reached after the counter wraps. */
static void set_alarm(struct pl031 *rtc)
{
	uint32_t wait = rtc->state.mr - seconds_now(rtc);

	rtc->state.due = wait == 0 ? 0 : (rtc->port.now(rtc->port.context) / SECOND + wait) * SECOND;
	if (wait == 0)
		rtc->state.ris = 1;
	rtc->port.deadline(rtc->port.context, rtc->state.due);
	update_irq(rtc);
}

void pl031_init(struct pl031 *rtc, const struct pl031_port *port, uint32_t seconds)
{
	memset(&rtc->state, 0, sizeof(rtc->state));
	rtc->port = *port;
	rtc->state.version = PL031_VERSION;
	rtc->state.cr = 1;
	rtc->state.offset = seconds - (uint32_t)(port->now(port->context) / SECOND);
}

void pl031_tick(struct pl031 *rtc)
{
	if (rtc->state.due == 0)
		return;
	if (rtc->port.now(rtc->port.context) < rtc->state.due) {
		rtc->port.deadline(rtc->port.context, rtc->state.due);
		return;
	}
	rtc->state.due = 0;
	rtc->state.ris = 1;
	update_irq(rtc);
}

static uint32_t read_register(const struct pl031 *rtc, uint64_t offset)
{
	const struct pl031_state *s = &rtc->state;

	switch (offset) {
	case RTCDR:
		return seconds_now(rtc);
	case RTCMR:
		return s->mr;
	case RTCLR:
		return s->lr;
	case RTCCR:
		return s->cr;
	case RTCIMSC:
		return s->imsc;
	case RTCRIS:
		return s->ris;
	case RTCMIS:
		return s->ris & s->imsc;
	default:
		return offset >= AMBA_ID_FIRST ? amba_id(PL031_PART, offset) : 0;
	}
}

static void write_register(struct pl031 *rtc, uint64_t offset, uint32_t value)
{
	struct pl031_state *s = &rtc->state;

	switch (offset) {
	case RTCMR:
		s->mr = value;
		set_alarm(rtc);
		break;
	case RTCLR:
		s->lr = value;
		s->offset += value - seconds_now(rtc);
		set_alarm(rtc);
		break;
	case RTCIMSC:
		s->imsc = value & 1;
		update_irq(rtc);
		break;
	case RTCICR:
		s->ris &= ~value;
		update_irq(rtc);
		break;
	default: /* read-only or reserved; RTCCR stays 1 [PL031 RTCCR] */
		break;
	}
}

enum mmio_result pl031_access(void *device, struct mmio_access *access)
{
	struct pl031 *rtc = device;
	unsigned int shift = (unsigned int)(access->address & 3) * 8;

	if (access->size > 4 || (access->address & (access->size - 1)))
		return MMIO_BAD;
	if (!access->write) {
		access->value = read_register(rtc, access->address & ~3ull) >> shift;
		return MMIO_OK;
	}
	if (access->size != 4)
		return MMIO_BAD;
	write_register(rtc, access->address, (uint32_t)access->value);
	return MMIO_OK;
}
