/* memcpy and its family with general registers only: no SIMD state is touched, so no trap is taken. [C memcpy] */
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int value, size_t size);
int memcmp(const void *a, const void *b, size_t size);
void *memchr(const void *in, int value, size_t size);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t max);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
size_t strcspn(const char *s, const char *reject);

/* Unaligned access is fine on normal memory with SCTLR.A clear; the type tells the compiler. */
typedef uint64_t word __attribute__((may_alias, aligned(1)));
typedef uint32_t half __attribute__((may_alias, aligned(1)));

/* Without restrict: memmove relies on all loads of a step coming before its stores. */
static void copy_64(unsigned char *t, const unsigned char *f)
{
	const word *a = (const void *)f;
	word *b = (void *)t;
	uint64_t w0 = a[0], w1 = a[1], w2 = a[2], w3 = a[3], w4 = a[4], w5 = a[5], w6 = a[6], w7 = a[7];

	b[0] = w0, b[1] = w1, b[2] = w2, b[3] = w3, b[4] = w4, b[5] = w5, b[6] = w6, b[7] = w7;
}

static void copy_up(unsigned char *t, const unsigned char *f, size_t size)
{
	for (; size >= 256; size -= 256, t += 256, f += 256) {
		copy_64(t, f);
		copy_64(t + 64, f + 64);
		copy_64(t + 128, f + 128);
		copy_64(t + 192, f + 192);
	}
	for (; size >= 64; size -= 64, t += 64, f += 64)
		copy_64(t, f);
	for (; size >= 8; size -= 8, t += 8, f += 8)
		*(word *)(void *)t = *(const word *)(const void *)f;
	if (size & 4) {
		*(half *)(void *)t = *(const half *)(const void *)f;
		t += 4, f += 4;
	}
	if (size & 2) {
		unsigned char first = f[0], second = f[1];

		t[0] = first, t[1] = second;
		t += 2, f += 2;
	}
	if (size & 1)
		*t = *f;
}

static void copy_down(unsigned char *t, const unsigned char *f, size_t size)
{
	for (; size % 8; size--)
		t[size - 1] = f[size - 1];
	for (; size; size -= 8)
		*(word *)(void *)(t + size - 8) = *(const word *)(const void *)(f + size - 8);
}

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
	copy_up(to, from, size);
	return to;
}

void *memmove(void *to, const void *from, size_t size)
{
	if ((uintptr_t)to - (uintptr_t)from >= size)
		copy_up(to, from, size);
	else
		copy_down(to, from, size);
	return to;
}

void *memset(void *to, int value, size_t size)
{
	unsigned char *t = to;
	uint64_t w = (unsigned char)value * 0x0101010101010101ull;

	for (; size && ((uintptr_t)t & 7); size--)
		*t++ = (unsigned char)value;
	for (; size >= 32; size -= 32, t += 32) {
		word *b = (void *)t;

		b[0] = w, b[1] = w, b[2] = w, b[3] = w;
	}
	for (; size >= 8; size -= 8, t += 8)
		*(word *)(void *)t = w;
	while (size--)
		*t++ = (unsigned char)value;
	return to;
}

int memcmp(const void *a, const void *b, size_t size)
{
	const unsigned char *x = a, *y = b;

	for (; size >= 8 && *(const word *)(const void *)x == *(const word *)(const void *)y; size -= 8)
		x += 8, y += 8;
	for (; size; size--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

void *memchr(const void *in, int value, size_t size)
{
	for (const unsigned char *p = in; size--; p++)
		if (*p == (unsigned char)value)
			return (void *)(uintptr_t)p;
	return NULL;
}

size_t strlen(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

size_t strnlen(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n])
		n++;
	return n;
}

int strcmp(const char *a, const char *b)
{
	for (; *a && *a == *b; a++, b++)
		;
	return (unsigned char)*a - (unsigned char)*b;
}

int strncmp(const char *a, const char *b, size_t max)
{
	for (; max && *a && *a == *b; a++, b++, max--)
		;
	return max ? (unsigned char)*a - (unsigned char)*b : 0;
}

char *strchr(const char *s, int c)
{
	for (;; s++) {
		if (*s == (char)c)
			return (char *)(uintptr_t)s;
		if (!*s)
			return NULL;
	}
}

char *strrchr(const char *s, int c)
{
	const char *found = NULL;

	for (;; s++) {
		if (*s == (char)c)
			found = s;
		if (!*s)
			return (char *)(uintptr_t)found;
	}
}

size_t strcspn(const char *s, const char *reject)
{
	size_t n = 0;

	while (s[n] && !strchr(reject, s[n]))
		n++;
	return n;
}
