/* pcap, draft-ietf-opsawg-pcap:
 *   file:   magic u32, major u16, minor u16, 2 x u32 unused, snapshot length u32, link type u32
 *   record: seconds u32, fraction u32, captured u32, original u32 [, Kuznetzov's 8 more], bytes
 * All in the byte order of the machine that wrote it. The snapshot length often lies: not used. */
#include <errno.h>

#include "base/limits.h"
#include "ingest/source.h"

#define HEADER_BYTES 24

#define MAGIC_US       0xa1b2c3d4
#define MAGIC_NS       0xa1b23c4d
#define MAGIC_MODIFIED 0xa1b2cd34 /* Kuznetzov's: interface, protocol, direction per record */

static bool magic_of(uint32_t magic, struct pcap *ret)
{
	bool swapped = (magic & 0xff) == 0xa1;
	if (swapped)
		magic = __builtin_bswap32(magic);
	*ret = (struct pcap){.swapped = swapped,
		.nanoseconds = magic == MAGIC_NS,
		.record_bytes = magic == MAGIC_MODIFIED ? 24 : 16};
	return magic == MAGIC_US || magic == MAGIC_NS || magic == MAGIC_MODIFIED;
}

static bool claims(struct cur start)
{
	struct pcap pcap;
	return magic_of(cur_le32(&start), &pcap);
}

/* The whole header; false when it is none that libpcap would read. */
static bool header(struct cur c, struct pcap *ret, uint16_t *ret_major, uint16_t *ret_minor)
{
	struct pcap pcap;
	bool known = magic_of(cur_le32(&c), &pcap);
	*ret_major = reader_u16(&c, pcap.swapped);
	*ret_minor = reader_u16(&c, pcap.swapped);
	cur_skip(&c, 12); /* zone, accuracy, snapshot length */
	/* the upper half holds the length of the frame check sequence */
	pcap.linktype = (uint16_t)reader_u32(&c, pcap.swapped);
	/* before 2.3, and in BSD/OS's 543.0, the lengths stood the other way round; in 2.3 some
	 * programs wrote them so */
	pcap.lengths_swapped = *ret_major == 543 || *ret_minor < 3;
	pcap.lengths_guessed = *ret_major == 2 && *ret_minor == 3;
	bool version =
		(*ret_major == 2 && *ret_minor <= 4) || (*ret_major == 543 && *ret_minor == 0);
	*ret = pcap;
	return known && version && cur_ok(&c);
}

static int pcap_open(struct reader *r, struct fail *why)
{
	uint16_t major, minor;
	struct cur c = stream_view(&r->stream, HEADER_BYTES);
	if (c.len < HEADER_BYTES)
		return fail_set(why, -EBADMSG,
			"a pcap file that ends within its header, at byte %zu", c.len);
	if (!header(c, &r->pcap, &major, &minor))
		return fail_set(why, -EPROTONOSUPPORT,
			"a pcap file of version %u.%u; 2.0 to 2.4 are known", major, minor);
	stream_advance(&r->stream, HEADER_BYTES);
	return 0;
}

/* Two captures written one behind the other: a header where a record should be. */
static bool another_header(struct reader *r)
{
	uint16_t major, minor;
	struct pcap next;
	struct cur c = stream_view(&r->stream, HEADER_BYTES);
	if (!header(c, &next, &major, &minor))
		return false;
	stream_advance(&r->stream, HEADER_BYTES);
	r->pcap = next;
	r->iface++;
	return true;
}

struct record {
	uint32_t seconds, fraction, cap, wire;
};

static struct record record_of(const struct pcap *pcap, struct cur *c)
{
	struct record rec;
	rec.seconds = reader_u32(c, pcap->swapped);
	rec.fraction = reader_u32(c, pcap->swapped);
	rec.cap = reader_u32(c, pcap->swapped);
	rec.wire = reader_u32(c, pcap->swapped);
	if (pcap->lengths_swapped || (pcap->lengths_guessed && rec.cap > rec.wire)) {
		uint32_t cap = rec.wire;
		rec.wire = rec.cap;
		rec.cap = cap;
	}
	cur_skip(c, pcap->record_bytes - 16);
	return rec;
}

/* A fraction beyond its second is damage; the second itself is believed. */
static int64_t time_of(const struct pcap *pcap, const struct record *rec)
{
	int64_t unit = pcap->nanoseconds ? 1 : NS_PER_US;
	int64_t fraction = rec->fraction * unit;
	if (fraction >= NS_PER_S)
		fraction = NS_PER_S - unit;
	return rec->seconds * NS_PER_S + fraction;
}

/* ---- damage ---- */

/* Records so far from the last one's time are not believed to follow damage. */
#define RESYNC_NS (86400 * NS_PER_S)
/* So many good records in a row, or as many as there are up to the end, are no chance. */
#define RESYNC_RECORDS 3

static bool record_fits(const struct reader *r, const struct record *rec)
{
	const struct pcap *pcap = &r->pcap;
	int64_t away_ns = time_of(pcap, rec) - r->last_ns;
	return rec->cap > 0 && rec->cap <= rec->wire && rec->wire <= READER_CAP_MAX &&
	       rec->fraction < (pcap->nanoseconds ? NS_PER_S : NS_PER_S / NS_PER_US) &&
	       (r->number == 0 || (away_ns < RESYNC_NS && away_ns > -RESYNC_NS));
}

static bool records_fit(const struct reader *r, struct cur c)
{
	for (size_t good = 0; good < RESYNC_RECORDS; good++) {
		if (good > 0 && cur_ok(&c) && c.len == 0 && r->stream.ended)
			return true;
		struct record rec = record_of(&r->pcap, &c);
		if (!cur_ok(&c) || !record_fits(r, &rec))
			return false;
		cur_skip(&c, rec.cap);
	}
	return cur_ok(&c);
}

/* NULL, or what is wrong with it. */
static const char *record_bad(const struct record *rec)
{
	if (rec->cap > READER_CAP_MAX)
		return "a record of absurd length";
	if ((rec->seconds | rec->fraction | rec->cap | rec->wire) == 0)
		return "zeros where a record should be";
	return NULL;
}

static bool pcap_next(struct reader *r, struct frame *ret)
{
	struct pcap *pcap = &r->pcap;
	for (;;) {
		uint32_t head = pcap->record_bytes;
		struct cur c = stream_view(&r->stream, head);
		if (c.len < head)
			return reader_end(r, c.len);
		struct record rec = record_of(pcap, &c);
		if (rec.cap == 0 && rec.wire == 0 && another_header(r))
			continue;
		const char *bad = record_bad(&rec);
		if (bad != NULL) {
			if (!reader_resync(r, bad, records_fit))
				return false;
			continue;
		}
		if (c.len < rec.cap) {
			c = stream_view(&r->stream, head + rec.cap);
			cur_skip(&c, head);
			if (c.len < rec.cap)
				return reader_end(r, c.len + head);
		}
		r->last_ns = time_of(pcap, &rec);
		*ret = (struct frame){
			.time_ns = r->last_ns,
			.bytes = cur_bytes(&c, rec.cap).ptr,
			.cap_bytes = rec.cap,
			.wire_bytes = rec.wire < rec.cap ? rec.cap : rec.wire,
			.linktype = pcap->linktype,
			.iface = r->iface,
			.number = ++r->number,
		};
		stream_advance(&r->stream, head + rec.cap);
		return true;
	}
}

const struct format format_pcap = {
	.name = "pcap", .claims = claims, .open = pcap_open, .next = pcap_next};
