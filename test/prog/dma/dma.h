/* What the parts of the test of DMA domains share. */
#pragma once

#include "edu.h"

/* One line: "ok - sentence" or "not ok - sentence". */
void report(bool good, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Without this the test cannot go on. */
void must(enum err err, const char *what);

/* On a machine without SMMU: memory whose address a device was told stays while its domain lives. */
void test_physical(uint32_t factory, uint32_t iommu, const struct edu *edu);
