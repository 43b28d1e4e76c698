/* Unpack: bytes of one input with gzip (RFC 1952) or zstd (RFC 8878) taken off, told by content.
 * Members and frames that follow one another are one stream. Buffers are fixed, so what a small
 * file unpacks to never costs memory. */
#pragma once

#define ZLIB_CONST
#include <zlib.h>
#include <zstd.h>

#include "ingest/raw.h"

enum packing { PACKING_NONE, PACKING_GZIP, PACKING_ZSTD };

struct unpack {
	struct raw raw; /* opened and lent by the caller; closed here */
	enum packing packing;
	bool ended;         /* nothing more will come */
	const char *damage; /* why the end came too early, in words; NULL: it did not */

	uint8_t *in; /* packed bytes; owned */
	size_t in_used, in_bytes;
	bool inside;  /* within a member or frame */
	bool pending; /* more may come out without new input: the last buffer was too small */
	z_stream gzip;
	ZSTD_DStream *zstd; /* owned */
};

/* u->raw is open, all else zero. u must not move from here on. The caller closes it also when this
 * fails: -ENOMEM, or what reading the first bytes says. */
MUST_USE int unpack_start(struct unpack *u, struct fail *why);
void unpack_close(struct unpack *u);

/* Up to n bytes into buf: how many, 0 at the end, which may be one too early (u->damage). */
MUST_USE size_t unpack_read(struct unpack *u, uint8_t *buf, size_t n);

/* What an open unpacker holds, in bytes. */
size_t unpack_memory(const struct unpack *u);
const char *packing_name(enum packing packing); /* NULL for none */
