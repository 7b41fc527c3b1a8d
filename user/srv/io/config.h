/* The command line and the scripts of io. */
#pragma once

#include "user/srv/io/logic.h"

/* io [-v] [-e STATEMENT]... FILE...: run all in their order; they fill the machine's buses. Messages are said. */
enum err config_run(struct io_machine *machine, int argc, char **argv);
