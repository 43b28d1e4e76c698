/* Reader: the records of one file, in its order. */
#pragma once

#include "ingest/ingest.h"
#include "ingest/stream.h"

/* Longer records are none: libpcap's own limit for all but USB, whose transfers are not for us. */
#define READER_CAP_MAX ((uint32_t)256 << 10)
/* Times are kept where an hour more or less cannot overflow: 1823 to 2116. */
#define READER_TIME_MAX (INT64_C(1) << 62)
/* Damaged places of one file that are stepped over: looking for the next record costs time. */
#define READER_RESYNCS_MAX 100
/* Interfaces of one section of a pcapng file; more are damage or malice. */
#define READER_IFACES_MAX 4096

struct pcap {
	bool swapped; /* big-endian */
	bool nanoseconds;
	bool lengths_swapped, lengths_guessed; /* captured and original length change places */
	uint16_t linktype;
	uint32_t record_bytes; /* of a record's header */
};

struct pcapng_iface {
	uint16_t linktype;
	uint32_t snap_bytes; /* 0: no limit */
	bool binary;         /* units of 2^-resolution s, else 10^-resolution s */
	uint8_t resolution;
	int64_t offset_s;
	uint64_t drops, packet_drops; /* by its statistics; by its packets */
};

struct pcapng {
	bool swapped;               /* big-endian section */
	struct pcapng_iface *iface; /* of this section; owned */
	uint32_t ifaces, ifaces_room;
	uint32_t ifaces_before; /* in earlier sections */
};

struct reader {
	struct stream stream;
	const struct format *format; /* source.h */
	union {
		struct pcap pcap;
		struct pcapng pcapng;
		void *log; /* a log's own; its close() frees it */
	};
	uint64_t number; /* of the last record; a log's: of its last line */
	uint32_t iface;
	int64_t last_ns; /* time of the last record */

	/* What became of it, for struct input. */
	uint64_t rejected, drops, comments;
	uint32_t resyncs;
	const char *why_rejected;                /* the first one, in words */
	uint64_t rejected_offset, rejected_line; /* line 0: none */
	bool cut;
	const char *why_cut; /* in words */
	uint64_t cut_offset;
};

/* r->stream.unpack.raw is open, all else zero. The reader must not move from here on. The caller
 * closes it also when this fails: -ENODATA (empty), -ENOMSG (no known format: says what it looks
 * like), -EBADMSG (ends within its header), -EPROTONOSUPPORT (a version that is unknown), -ENOMEM,
 * or what reading says. */
MUST_USE int reader_open(struct reader *r, struct fail *why);
void reader_close(struct reader *r);

/* Fills *ret but for `input`. False at the end. */
bool reader_next(struct reader *r, struct frame *ret);

/* For formats: the rest cannot be read; always false. offset: the first byte that was not read. */
bool reader_cut(struct reader *r, uint64_t offset, const char *why);
/* The stream ended with `left` bytes of a record; 0: between two, which is a clean end unless what
 * was packed is damaged. Always false. */
bool reader_end(struct reader *r, size_t left);
/* One record at offset is left out. */
void reader_reject(struct reader *r, uint64_t offset, const char *why);
/* The line of this number is left out. */
void reader_reject_line(struct reader *r, uint64_t line, const char *why);

/* The record here is damaged: looks for a place behind it, within what can be seen at once, where
 * `fits` finds records again. True: the stream stands there, and what lies between counts as one
 * record left out. False: the rest is cut off. */
bool reader_resync(
	struct reader *r, const char *why, bool (*fits)(const struct reader *r, struct cur c));

static inline uint32_t reader_u32(struct cur *c, bool swapped)
{
	uint32_t v = cur_le32(c);
	return swapped ? __builtin_bswap32(v) : v;
}

static inline uint16_t reader_u16(struct cur *c, bool swapped)
{
	uint16_t v = cur_le16(c);
	return swapped ? __builtin_bswap16(v) : v;
}
