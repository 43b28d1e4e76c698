/* SPDX-License-Identifier: Apache-2.0
 *
 * What the fast senders of tests and benchmarks share: chance from a fixed seed, a clock, and the
 * Internet's checksum. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

static inline uint32_t chance(void)
{
	static uint64_t seed = 1;
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(seed >> 32);
}

static inline double now_s(void)
{
	struct timespec now = {0};
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* RFC 1071; of an even number of bytes, fewer than 128 KB. */
static inline uint16_t sum_of(const void *bytes, size_t len)
{
	uint32_t sum = 0;
	for (size_t i = 0; i < len; i += 2) {
		uint16_t word;
		memcpy(&word, (const uint8_t *)bytes + i, sizeof word);
		sum += word;
	}
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~(sum + (sum >> 16));
}
