/* Ingest: files, folders and standard input become frames in the order of time. Format is told by
 * content, never by name. Nothing here looks inside a packet; a log's row becomes events in rows.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/fail.h"

struct format;

struct frame {           /* a packet, or a row of a log */
	int64_t time_ns; /* UTC since 1970, with the interface's resolution and offset applied */
	const uint8_t *bytes;
	uint32_t cap_bytes;  /* bytes here */
	uint32_t wire_bytes; /* bytes sent; >= cap_bytes */
	uint16_t linktype;   /* LINKTYPE_ number as registered at tcpdump.org */
	uint32_t input;      /* index into ingest_input() */
	uint32_t iface;  /* the capture interface within that input, counted over its sections */
	uint64_t number; /* as Wireshark counts: 1 for the first packet of that input, those left
	                    out counted too when their block is whole. A row: its line */
	const struct format *format; /* NULL: a packet; else the kind of log, linktype is 0 */
	const void
		*schema; /* a row: what its kind of log needs to read it; lives as the bytes do */
};

/* What became of one file. */
struct input {
	const char *path;    /* as given or found below a given folder; "-" for standard input */
	const char *format;  /* "pcap", "zeek", … as in sources.def; NULL when not recognised */
	const char *packing; /* "gzip", "zstd" or NULL */
	uint64_t frames;     /* given so far */
	uint64_t rejected;   /* records, or damaged places, left out: absurd length, unknown
	                        interface, … */
	uint64_t rows_rejected; /* of those: given as rows, which their parser would not have */
	uint64_t late;  /* frames given after a later one: the window was too small for them */
	uint64_t drops; /* packets that the capturing machine says it lost (interface statistics) */
	uint64_t comments;         /* packet and section comments seen */
	int64_t first_ns, last_ns; /* earliest and latest time of the frames given */
	bool log;                  /* rows, not packets */
	bool cut;                  /* the tail is missing or damaged */
	uint64_t cut_offset;   /* in the unpacked stream: where the first record that was not read
	                          begins */
	int error;             /* 0, or the negative errno that kept it from being read at all */
	char text[FAIL_BYTES]; /* one line for the person when cut or error or rejected; ""
	                          otherwise */
};

struct ingest;

/* Opens all paths: files, folders (walked in the order of names; hidden files and pipes are left
 * out, a link to a file is followed, a link to a folder is not), "-" once. A path that cannot be
 * read does not fail the call: its struct input says why. Errors that need no attention below a
 * folder: -ENOMSG (no known format), -ENODATA (empty), -EEXIST (the same file as an earlier input,
 * by another name or given twice, or one with the same content: a log beside its packed copy).
 * Waits for the first packet of a pipe; a signal whose handler was installed without SA_RESTART
 * ends the wait, then and later, as if the pipe were cut there. Owns everything until
 * ingest_close(). Fails: -ENOMEM, -EINVAL (no path, "-" twice), -E2BIG (more than 262,144 files).
 */
MUST_USE int ingest_open(
	struct ingest **ret, const char *const *paths, size_t path_count, struct fail *why);
void ingest_close(struct ingest *ing);

/* The next frame over all inputs in the order of time; equal times in the order in which the inputs
 * begin, then of index and number. So a capture and its parts give the same frames in the same
 * order. Each input is put in order within a window of 4,096 frames and 8 MiB (less where more than
 * 32 inputs overlap). A packet without a time (pcapng's simple packet block) gets that of the
 * packet before it in its file, the first one 0. Returns 1 and a frame whose bytes live until the
 * next call, or 0 at the end. Never fails: what went wrong with an input is in its struct input. */
MUST_USE int ingest_next(struct ingest *ing, struct frame *ret);

/* A row that its parser would not have: counted with its line. why: a constant. */
void ingest_reject(struct ingest *ing, const struct frame *row, const char *why);

/* Inputs found, in the order given. Borrowed; the same struct is brought up to date by each call,
 * its counts are final after ingest_next() returned 0. */
size_t ingest_inputs(const struct ingest *ing);
const struct input *ingest_input(const struct ingest *ing, size_t index);

/* For a progress bar: bytes of the files on disk, all and done. total is 0 when unknown (a pipe).
 */
void ingest_progress(const struct ingest *ing, uint64_t *ret_done, uint64_t *ret_total);
