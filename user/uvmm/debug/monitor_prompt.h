/* The monitor for a person: a prompt with line editing, history and completion. Pure. */
#pragma once

#include "debug/monitor.h"

/* From now on keys go to monitor_prompt_key; the prompt comes with the next reply. */
void monitor_prompt_begin(struct monitor *monitor);
/* One byte from the keyboard. ^D on an empty line ends it. */
void monitor_prompt_key(struct monitor *monitor, char key);
/* What a command said, and the next prompt. */
void monitor_prompt_reply(struct monitor *monitor, const struct text *reply);
