/* The command line and the scripts of io. */
#pragma once

#include "user/srv/io/logic.h"

/* How long holders of inhibitors have. */
struct io_limits {
	uint32_t suspend_ms, shutdown_ms;
};

/* io [-v] [--suspend-limit=TIME] [--shutdown-limit=TIME] [-e STATEMENT]... FILE...: run all in their order; they fill the
 * machine's buses. Limits are written if they are said. Messages are said. */
enum err config_run(struct io_machine *machine, struct io_limits *limits, int argc, char **argv);
