/* Breakpoints, watchpoints and single step of a guest, for its VMM. [ARM DBGBCR<n>_EL1] [ARM DBGWCR<n>_EL1] */
#pragma once

#include <l4/vcpu.h>

/* Copy the group out of a hostile page, each word once; what is left can match nothing but the guest's EL1 and EL0. */
void debug_check(struct l4_vcpu_debug *out, const struct l4_vcpu_debug *page);

/* Checked ones to this CPU's registers, as many as it has; in force with the next entry of a debugged guest. */
void debug_write(const struct l4_vcpu_debug *debug);
