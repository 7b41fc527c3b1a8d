/* List registers of the host's make-believe CPU: one set for each host thread; see arch_lr.h. */
#include "arch_lr.h"

_Thread_local struct host_lr host_lr;
