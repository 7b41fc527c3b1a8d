/* A small printf for the hypervisor: %s %c %d %u %x %p with l, ll, z, width and 0; other letters print as they are. */
#pragma once

#include <stdarg.h>
#include <stddef.h>

/* Each finished character goes to put(ctx, c). */
void fmt_write(void (*put)(void *ctx, char c), void *ctx, const char *format, va_list args);
