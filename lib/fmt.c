/* A small printf for the hypervisor, where no C library is; see fmt.h for what it knows. */
#include "lib/fmt.h"

#include <stdbool.h>
#include <stdint.h>

struct out {
	void (*put)(void *ctx, char c);
	void *ctx;
};

static void put_number(struct out *out, uint64_t value, unsigned int base, unsigned int width, bool zero, bool minus)
{
	char digit[24];
	unsigned int n = 0;

	do {
		digit[n++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	if (minus && zero)
		out->put(out->ctx, '-');
	else if (minus)
		digit[n++] = '-';
	for (unsigned int pad = n + (minus && zero); pad < width; pad++)
		out->put(out->ctx, zero ? '0' : ' ');
	while (n)
		out->put(out->ctx, digit[--n]);
}

static void put_string(struct out *out, const char *s, unsigned int width)
{
	unsigned int n = 0;

	for (s = s ? s : "(null)"; *s; s++, n++)
		out->put(out->ctx, *s);
	for (; n < width; n++)
		out->put(out->ctx, ' ');
}

void fmt_write(void (*put)(void *ctx, char c), void *ctx, const char *format, va_list args)
{
	struct out out = {put, ctx};

	for (; *format; format++) {
		unsigned int width = 0, longs = 0;
		bool zero = false;

		if (*format != '%') {
			put(ctx, *format);
			continue;
		}
		format++;
		if (*format == '0')
			zero = true;
		for (; *format >= '0' && *format <= '9'; format++)
			width = width * 10 + (unsigned int)(*format - '0');
		for (; *format == 'l' || *format == 'z'; format++)
			longs++;
		switch (*format) {
		case 's':
			put_string(&out, va_arg(args, const char *), width);
			break;
		case 'c':
			put(ctx, (char)va_arg(args, int));
			break;
		case 'd': {
			int64_t v = longs ? va_arg(args, long) : va_arg(args, int);

			put_number(&out, v < 0 ? -(uint64_t)v : (uint64_t)v, 10, width, zero, v < 0);
			break;
		}
		case 'u':
			put_number(&out, longs ? va_arg(args, unsigned long) : va_arg(args, unsigned int), 10, width,
				   zero, false);
			break;
		case 'x':
			put_number(&out, longs ? va_arg(args, unsigned long) : va_arg(args, unsigned int), 16, width,
				   zero, false);
			break;
		case 'p':
			put_number(&out, (uint64_t)(uintptr_t)va_arg(args, void *), 16, 16, true, false);
			break;
		case 0:
			return;
		default:
			put(ctx, *format);
		}
	}
}
