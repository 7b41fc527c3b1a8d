/* Tests of --framed: each client is a channel of its own, in both directions, and nothing is lost. */
#include "world.h"

/* What came out, frame by frame: "kind channel payload;" with numbers of announcements and credits in it. */
static char log_text[1 << 16];
static size_t log_size;

static uint32_t get_u32(const uint8_t *from)
{
	return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

static void got_frame(void *context, uint8_t kind, uint8_t channel, const uint8_t *payload, size_t size)
{
	(void)context;
	log_size += (size_t)sprintf(log_text + log_size, "%c%u ", kind, channel);
	if (kind == 'A') {
		log_size += (size_t)sprintf(log_text + log_size, "%u %d ", get_u32(payload), (int)get_u32(payload + 4));
		payload += 8;
		size -= 8;
	} else if (kind == 'C') {
		log_size += (size_t)sprintf(log_text + log_size, "%u", get_u32(payload));
		size = 0;
	}
	for (size_t i = 0; i < size; i++)
		if (payload[i] != '\r')
			log_text[log_size++] = payload[i] == '\033' ? '^' : (char)payload[i];
	log_size += (size_t)sprintf(log_text + log_size, ";");
}

static void got_text(void *context, const uint8_t *bytes, size_t size)
{
	(void)context;
	(void)bytes;
	fail_msg("%zu bytes of text on a framed line", size);
}

static const char *frames(void)
{
	struct frame_decoder decoder = {.frame = got_frame, .text = got_text};

	drain(SIZE_MAX);
	log_size = 0;
	log_text[0] = 0;
	frame_decode(&decoder, (const uint8_t *)screen, screen_size);
	screen_size = 0;
	return log_text;
}

static void send(uint8_t kind, uint8_t channel, const char *payload, size_t size)
{
	uint8_t bytes[FRAME_ENCODED];

	cons_input(&cons, (const char *)bytes, frame_encode(bytes, kind, channel, payload, size));
}

static int set_up(void **state)
{
	struct cons_options options = world_options();

	(void)state;
	options.is_framed = true;
	options.show_all = false;
	world_start(options);
	(void)create("vm1");
	(void)create("gdb1");
	return 0;
}

static void channels_are_announced(void **state)
{
	(void)state;
	assert_string_equal(frames(), "A0 4096 0 cons;A1 4096 0 vm1;A2 4096 0 gdb1;");
	assert_string_equal(frames(), "");
}

static void output_goes_to_its_channel_at_once(void **state)
{
	(void)state;
	(void)frames();
	say(0, "unfinished\033[6n");
	say(1, "$O\377\376K#");
	assert_string_equal(frames(), "D1 unfinished^[6n;D2 $O\377\376K#;");
}

static void shown_clients_are_on_the_terminal_too(void **state)
{
	(void)state;
	(void)frames();
	send('D', 0, "\005s", 2);
	(void)frames();
	say(0, "line\n");
	assert_string_equal(frames(), "D0 vm1: line\n;D1 line\n;");
}

static void input_goes_to_its_channel_and_credit_comes_back(void **state)
{
	(void)state;
	(void)frames();
	send('D', 2, "$m0,4#\005.", 8);
	assert_int_equal(notified, 1);
	assert_string_equal(frames(), "");
	assert_string_equal(input_of(1), "$m0,4#\005.");
	assert_string_equal(frames(), "C2 8;");
	send('B', 2, "", 0);
	assert_string_equal(input_of(1), "[break]");
	send('D', 77, "x", 1);
	send('?', 1, "x", 1);
	assert_string_equal(input_of(0), "");
}

static void the_terminal_is_channel_0(void **state)
{
	const char *text;

	(void)state;
	(void)frames();
	send('D', 0, "list\r", 5);
	text = frames();
	assert_contains(text, "C0 5;");
	assert_contains(text, "vm1                 ^[0m hidden");
}

static void what_is_typed_without_frames_is_for_the_terminal(void **state)
{
	(void)state;
	(void)frames();
	type("list\r");
	assert_contains(frames(), "gdb1                ^[0m hidden");
}

static void a_splitter_that_comes_late_is_told_everything(void **state)
{
	(void)state;
	send('D', 1, "waits", 5);
	(void)input_of(1);
	(void)frames();
	send('H', 0, "", 0);
	assert_string_equal(frames(), "A0 4096 0 cons;A1 4096 -5 vm1;A2 4096 0 gdb1;");
	assert_string_equal(input_of(0), "waits");
	assert_string_equal(frames(), "C1 0;");
}

static void the_end_comes_after_the_last_byte(void **state)
{
	(void)state;
	(void)frames();
	say(0, "last");
	cons_close(&cons, 0);
	assert_string_equal(frames(), "D1 last;X1 ;");
	assert_int_equal(cons.client[0].state, CLIENT_FREE);
	(void)create("vm2");
	assert_string_equal(frames(), "A1 4096 0 vm2;");
}

static void a_slow_uart_loses_nothing(void **state)
{
	char text[40];
	unsigned int lines = 0;
	const char *at;

	(void)state;
	for (unsigned int i = 0; i < 800; i++) {
		size_t done = 0;

		snprintf(text, sizeof(text), "line %u of many.", i);
		while (done < strlen(text)) {
			done += say(0, text + done);
			drain(7);
		}
	}
	/* Frames cut the stream anywhere. */
	at = frames();
	for (char *out = log_text; *at != 0;) {
		if (strncmp(at, "D1 ", 3) == 0)
			for (at += 3; *at != ';';)
				*out++ = *at++;
		else
			at = strchr(at, ';');
		at++;
		*out = 0;
	}
	for (at = log_text; *at != 0; lines++) {
		snprintf(text, sizeof(text), "line %u of many.", lines);
		assert_memory_equal(at, text, strlen(text));
		at += strlen(text);
	}
	assert_int_equal(lines, 800);
}

#define FRAMED(name) cmocka_unit_test_setup_teardown(name, set_up, world_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FRAMED(channels_are_announced),
		FRAMED(output_goes_to_its_channel_at_once),
		FRAMED(shown_clients_are_on_the_terminal_too),
		FRAMED(input_goes_to_its_channel_and_credit_comes_back),
		FRAMED(the_terminal_is_channel_0),
		FRAMED(what_is_typed_without_frames_is_for_the_terminal),
		FRAMED(a_splitter_that_comes_late_is_told_everything),
		FRAMED(the_end_comes_after_the_last_byte),
		FRAMED(a_slow_uart_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
