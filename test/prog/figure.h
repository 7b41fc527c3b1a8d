/* What programs of `make bench` share: samples, sorted, and the line "figure NAME count N avg N med N min N max N". */
#pragma once

#include <stdint.h>
#include <stdio.h>

#define ROUNDS 256

/* Sorts the samples, and prints them. */
static inline void figure_print(const char *name, uint64_t *sample)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < ROUNDS; i++) {
		uint64_t value = sample[i];
		unsigned int j = i;

		for (; j != 0 && sample[j - 1] > value; j--)
			sample[j] = sample[j - 1];
		sample[j] = value;
		sum += value;
	}
	printf("figure %s count %d avg %llu med %llu min %llu max %llu\n", name, ROUNDS,
	       (unsigned long long)(sum / ROUNDS), (unsigned long long)sample[ROUNDS / 2],
	       (unsigned long long)sample[0], (unsigned long long)sample[ROUNDS - 1]);
}
