/* For tests: records as kernel.bpf.c makes them, byte by byte. */
#pragma once

#include <stdio.h>

#include "ingest/sockets.h"

struct record { /* what a test wants to say; all zero is valid */
	int64_t time_ns;
	uint64_t sock, cgroup, sent, again, received;
	uint32_t pid, uid, segs_in, segs_out, retrans, error;
	uint8_t v4_from[4], v4_to[4], v6_from[16], v6_to[16];
	uint16_t port_from, port_to, family;
	uint8_t from, to;
	bool done;
	const char *comm;
};

static inline uint8_t *record_put(uint8_t *at, uint64_t value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		size_t place = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? i : bytes - 1 - i;
		at[i] = (uint8_t)(value >> 8 * place);
	}
	return at + bytes;
}

static inline void record_make(const struct record *r, uint8_t bytes[static CHANGE_BYTES])
{
	uint8_t *at = record_put(bytes, (uint64_t)r->time_ns, 8);
	const uint64_t longs[] = {r->sock, r->cgroup, r->sent, r->again, r->received};
	const uint32_t words[] = {r->pid, r->uid, r->segs_in, r->segs_out, r->retrans, r->error};
	for (size_t i = 0; i < ARRAY_LEN(longs); i++)
		at = record_put(at, longs[i], 8);
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		at = record_put(at, words[i], 4);
	memcpy(at, r->v4_from, 4);
	memcpy(at + 4, r->v4_to, 4);
	memcpy(at + 8, r->v6_from, 16);
	memcpy(at + 24, r->v6_to, 16);
	at += 40;
	*at++ = (uint8_t)(r->port_from >> 8);
	*at++ = (uint8_t)r->port_from;
	*at++ = (uint8_t)(r->port_to >> 8);
	*at++ = (uint8_t)r->port_to;
	at = record_put(at, r->family, 2);
	*at++ = r->from;
	*at++ = r->to;
	at = record_put(at, r->done, 4);
	at = record_put(at, 0, 4);
	memset(at, 0, PROCESS_BYTES);
	if (r->comm != NULL)
		memcpy(at, r->comm, strlen(r->comm));
	CHECK(at + PROCESS_BYTES == bytes + CHANGE_BYTES);
}
