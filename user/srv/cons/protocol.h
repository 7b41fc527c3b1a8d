/* What ned says to cons at its gate: make a channel of a gate that ned made, and close one. The gates and their order are
 * remembered by ned, so that a cons started again gets them all. The channels themselves answer the `console` operations.
 */
#pragma once

#include <l4/types.h>

/* Labels from here on are no object's of the hypervisor. Word 0 of an answer is 0 or a negative error. */
#define CONS_LABEL_CREATE                                                                                              \
	0x8001u                  /* word 0: bytes of text; then the text; capability 0: the gate, with right s.
				   * Text: name, colour (a number), options, each ended by a zero byte.
				   * Answer: error, the channel's number, bytes; then its name or what is wrong. */
#define CONS_LABEL_CLOSE 0x8002u /* word 0: the channel's number. Its client is gone. */
#define CONS_LABEL_LET_GO                                                                                              \
	0x8003u /* word 0: the channel's number. The program behind it has ended, another may come: cons lets go of the \
		 * irq that it was told, which the program's factory pays. */
#define CONS_TEXT_MAX 440u
