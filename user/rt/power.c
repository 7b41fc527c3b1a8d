/* Platform control and inhibitors from a client's side; see <l4/power.h>. */
#include <string.h>

#include <l4/power.h>

#include "internal.h"

#define TEXT_WORDS_MAX (L4_POWER_TEXT / 8)
_Static_assert(3 + TEXT_WORDS_MAX <= L4_MAX_WORDS, "a text fits into one message");

static void set_word(struct l4_msg *msg, unsigned int index, uint64_t value)
{
	if (index < L4_REG_WORDS)
		msg->word[index] = value;
	else
		l4_utcb()->word[index] = value;
}

static uint64_t get_word(const struct l4_msg *msg, unsigned int index)
{
	return index < L4_REG_WORDS ? msg->word[index] : l4_utcb()->word[index];
}

/* Word `at` is the number of bytes, which follow; how many words the message has then. */
static unsigned int put_text(struct l4_msg *msg, unsigned int at, const char *text, size_t limit)
{
	uint64_t word[TEXT_WORDS_MAX] = {0};
	size_t size = strnlen(text, limit);
	unsigned int words = (unsigned int)(size + 7) / 8;

	memcpy(word, text, size);
	set_word(msg, at, size);
	for (unsigned int i = 0; i < words; i++)
		set_word(msg, at + 1 + i, word[i]);
	return at + 1 + words;
}

/* Only what the message really has, and nothing that does something to a terminal. */
static void get_text(const struct l4_msg *msg, unsigned int at, char text[static L4_POWER_TEXT + 1])
{
	uint64_t word[TEXT_WORDS_MAX] = {0};
	unsigned int words = l4_tag_words(msg->tag), there = words > at + 1 ? words - at - 1 : 0;
	size_t size = words > at ? get_word(msg, at) : 0;

	if (there > TEXT_WORDS_MAX)
		there = TEXT_WORDS_MAX;
	if (size > there * sizeof(uint64_t))
		size = there * sizeof(uint64_t);
	for (unsigned int i = 0; i < there; i++)
		word[i] = get_word(msg, at + 1 + i);
	memcpy(text, word, size);
	text[size] = 0;
	for (size_t i = 0; i < size && text[i] != 0; i++)
		if (text[i] < ' ' || text[i] > '~')
			text[i] = '?';
}

/* Word 0 of a server's answer. Positive is no error that there is. */
static enum err answer_of(const struct l4_msg *msg)
{
	int64_t word = (int64_t)msg->word[0];

	if (l4_tag_words(msg->tag) == 0 || word > 0 || word < INT16_MIN)
		return ERR_IO;
	return (enum err)word;
}

/* ---- platform control ---- */

static enum err ask_server(uint32_t gate, struct l4_msg *msg, unsigned int words, enum l4_label operation,
			   uint64_t deadline, struct l4_platform_answer *out_answer)
{
	unsigned int results = operation == L4_PLATFORM_SYSTEM_SUSPEND ? 1 : 0;
	enum err err;

	msg->tag = L4_TAG(operation, words);
	err = l4_gate_call(gate, msg, deadline);
	if (err != OK)
		return err;
	err = answer_of(msg);
	if (results != 0 && err == OK && l4_tag_words(msg->tag) > 1)
		out_answer->depth = (uint32_t)msg->word[1];
	get_text(msg, 1 + results, out_answer->why);
	return err;
}

enum err l4_platform_ctl_call(uint32_t platform, enum l4_label operation, uint64_t argument, const char *name,
			      uint64_t deadline, struct l4_platform_answer *out_answer)
{
	struct l4_msg msg = {.tag = L4_TAG(operation, 1), .word = {argument}};
	enum l4_kind kind;
	uint32_t rights;
	enum err err = l4_object_kind(platform, &kind, &rights);

	*out_answer = (struct l4_platform_answer){.depth = L4_SLEEP_NONE};
	if (err != OK)
		return err;
	if (kind == L4_KIND_GATE)
		return ask_server(platform, &msg, put_text(&msg, 1, name, L4_POWER_NAME), operation, deadline,
				  out_answer);
	err = l4_invoke(platform, &msg);
	if (err == OK && operation == L4_PLATFORM_SYSTEM_SUSPEND)
		out_answer->depth = (uint32_t)msg.word[0];
	return err;
}

enum err l4_platform_ctl_system_suspend(uint32_t platform, uint64_t extras)
{
	struct l4_platform_answer answer;

	return l4_platform_ctl_call(platform, L4_PLATFORM_SYSTEM_SUSPEND, extras, "", 0, &answer);
}

enum err l4_platform_ctl_system_shutdown(uint32_t platform, bool reboot)
{
	struct l4_platform_answer answer;

	return l4_platform_ctl_call(platform, L4_PLATFORM_SYSTEM_SHUTDOWN, reboot, "", 0, &answer);
}

/* ---- inhibitors ---- */

static enum err ask(const struct l4_inhibitor *inhibitor, struct l4_msg *msg)
{
	uint32_t patience_ms = inhibitor->patience_ms != 0 ? inhibitor->patience_ms : L4_INHIBITOR_PATIENCE_MS;
	enum err err = l4_gate_call(inhibitor->gate, msg, l4_now() + l4_ticks_of_ms(patience_ms));

	return err == OK ? answer_of(msg) : err;
}

static enum err ask_about(const struct l4_inhibitor *inhibitor, enum l4_label operation, uint32_t lock,
			  const char *reason)
{
	struct l4_msg msg = {.word = {lock}};

	msg.tag = L4_TAG(operation, put_text(&msg, 1, reason, L4_INHIBITOR_REASON));
	return ask(inhibitor, &msg);
}

/* The server keeps the other irq, which lives on with that. */
static enum err make_life(struct l4_inhibitor *inhibitor)
{
	uint32_t factory, irq = 0;
	enum err err = l4_env_cap("factory", &factory);

	if (err == OK)
		err = l4_slot_alloc(&irq);
	if (err != OK)
		return err;
	err = l4_factory_create_irq(factory, irq);
	if (err != OK)
		l4_slot_free(irq);
	else
		inhibitor->life = irq;
	return err;
}

enum err l4_inhibitor_listen(struct l4_inhibitor *inhibitor)
{
	struct l4_msg msg = {.tag = L4_TAG(L4_INHIBITOR_LISTEN, 0) | L4_TAG_CAPS(2)};
	enum err err = inhibitor->life == 0 ? make_life(inhibitor) : OK;

	if (err != OK)
		return err;
	l4_utcb()->cap[0] = (struct l4_cap_item){inhibitor->sign, L4_RIGHT_R | L4_RIGHT_W};
	l4_utcb()->cap[1] = (struct l4_cap_item){inhibitor->life, L4_RIGHT_R};
	return ask(inhibitor, &msg);
}

enum err l4_inhibitor_acquire(const struct l4_inhibitor *inhibitor, uint32_t lock, const char *reason)
{
	return ask_about(inhibitor, L4_INHIBITOR_ACQUIRE, lock, reason);
}

enum err l4_inhibitor_release(const struct l4_inhibitor *inhibitor, uint32_t lock)
{
	struct l4_msg msg = {.tag = L4_TAG(L4_INHIBITOR_RELEASE, 1), .word = {lock}};

	return ask(inhibitor, &msg);
}

enum err l4_inhibitor_refuse(const struct l4_inhibitor *inhibitor, uint32_t lock, const char *reason)
{
	return ask_about(inhibitor, L4_INHIBITOR_REFUSE, lock, reason);
}

enum err l4_inhibitor_event(const struct l4_inhibitor *inhibitor, struct l4_power_event *out_event)
{
	struct l4_msg msg = {.tag = L4_TAG(L4_INHIBITOR_EVENT, 0)};
	enum err err = ask(inhibitor, &msg);

	if (err == OK && l4_tag_words(msg.tag) < 3)
		err = ERR_IO;
	if (err == OK)
		*out_event = (struct l4_power_event){(uint32_t)msg.word[1], msg.word[2]};
	return err;
}

enum err l4_inhibitor_lock(const struct l4_inhibitor *inhibitor, unsigned int index, struct l4_inhibitor_lock *out_lock)
{
	struct l4_msg msg = {.tag = L4_TAG(L4_INHIBITOR_LOCK, 1), .word = {index}};
	enum err err = ask(inhibitor, &msg);

	if (err == OK) {
		out_lock->lock = (uint32_t)msg.word[1];
		get_text(&msg, 2, out_lock->text);
	}
	return err;
}
