/* Raw: the bytes of one input as they lie on disk, in a pipe or in memory, in order. Regular files
 * give their descriptor back when too many are open and are opened again where they were, so that a
 * folder of any size needs few descriptors. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/check.h"
#include "base/fail.h"

struct raw;

/* Regular files whose descriptors are open, all inputs of a run together. The soft limit of open
 * files is 1024 nearly everywhere; other parts of the program need some too. */
#define RAW_OPEN_MAX 128

struct raw_pool { /* all zero is valid */
	struct raw *open[RAW_OPEN_MAX];
	size_t hand; /* the place whose file is closed next */
};

/* Bytes that are looked at before anything is known of the file. */
#define RAW_HEAD_BYTES 16

struct raw {
	struct raw_pool *pool; /* borrowed; NULL: the descriptor stays open */
	const char *path;      /* borrowed; NULL: memory */
	int fd;                /* -1: none at the moment */
	bool regular;          /* can be opened again */
	bool borrowed;         /* standard input: not ours to close */
	dev_t dev;
	ino_t ino;
	int64_t written_ns; /* last written to; 0 unknown */
	uint64_t size;      /* bytes on disk when opened; 0 unless regular */
	uint64_t offset;    /* bytes read from the file so far */

	const uint8_t *memory; /* borrowed */
	size_t memory_bytes;

	uint8_t head[RAW_HEAD_BYTES];
	size_t head_bytes, head_used;
};

/* path "-" is standard input. Waits for a writer when path is a FIFO. Fails: as open(2) does,
 * -EISDIR, -ENOTSUP (a device, a socket, a terminal); nothing to close then. */
MUST_USE int raw_open(struct raw *r, const char *path, struct raw_pool *pool, struct fail *why);
void raw_of_memory(struct raw *r, const void *bytes, size_t len);
void raw_close(struct raw *r);

/* The first bytes, up to RAW_HEAD_BYTES: they will be read again. To be asked before the first
 * raw_read(). Fails: as read(2) does. */
MUST_USE int raw_peek(struct raw *r, struct fail *why);

/* Up to n bytes into buf: how many, 0 at the end, or a negative errno (-ESTALE: the file was
 * replaced by another while it was read; -EINTR: a signal came while waiting for a pipe). */
MUST_USE ssize_t raw_read(struct raw *r, void *buf, size_t n);
