/* The machine of board.dts, compiled by dtc, for the tests of io. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/srv/io/logic.h"

#define BOARD_IRQS 288u
#define BOARD_LINES 64u

struct board {
	struct io_machine machine;
	void *tree;
	size_t size;                 /* exactly, so that the sanitizer sees every step outside */
	char line[BOARD_LINES][800]; /* what was said */
	unsigned int lines;
};

static inline void board_say(void *context, const char *text)
{
	struct board *board = context;

	if (board->lines < BOARD_LINES)
		(void)snprintf(board->line[board->lines++], sizeof(board->line[0]), "%s", text);
}

static inline void board_compile(struct board *board)
{
	const char *end = strrchr(__FILE__, '/');
	char command[512], buffer[1 << 16];
	FILE *pipe;

	(void)snprintf(command, sizeof(command), "dtc -q -I dts -O dtb %.*s/board.dts", (int)(end - __FILE__),
		       __FILE__);
	pipe = popen(command, "r");
	if (pipe == NULL)
		abort();
	board->size = fread(buffer, 1, sizeof(buffer), pipe);
	if (pclose(pipe) != 0)
		abort();
	board->tree = malloc(board->size);
	memcpy(board->tree, buffer, board->size);
}

static inline void board_start(struct board *board)
{
	char error[IO_ERROR] = "";

	memset(board, 0, sizeof(*board));
	board_compile(board);
	board->machine.say = board_say;
	board->machine.context = board;
	if (io_tree_read(&board->machine, board->tree, board->size, BOARD_IRQS, error) != OK) {
		(void)fprintf(stderr, "%s\n", error);
		abort();
	}
}

static inline void board_end(struct board *board)
{
	io_machine_end(&board->machine);
	free(board->tree);
}

/* Whether a line with that text was said. */
static inline bool board_said(const struct board *board, const char *text)
{
	for (unsigned int i = 0; i < board->lines; i++)
		if (strstr(board->line[i], text) != NULL)
			return true;
	return false;
}
