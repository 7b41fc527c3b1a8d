/* Ramdisks: uvmm only copies them, but a broken one is better reported here than by a panicking guest. */
#pragma once

#include "guest/image.h"
#include "guest/report.h"

/* Empty: an error. Truncated, or nothing a guest would take for a ramdisk: a warning, as only the guest knows. */
enum err ramdisk_check(const struct blob *file, struct report *report);
