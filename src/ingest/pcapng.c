/* pcapng, draft-ietf-opsawg-pcapng: blocks of (type u32, total length u32, body, total length u32),
 * padded to 4 bytes, in the byte order that their section header tells. A body may end with options
 * of (code u16, length u16, value), padded to 4 bytes, up to code 0. */
#include <errno.h>

#include "base/limits.h"
#include "ingest/source.h"

enum block {
	BLOCK_INTERFACE = 1,
	BLOCK_PACKET_OLD = 2, /* obsolete, still met */
	BLOCK_PACKET_SIMPLE = 3,
	BLOCK_STATISTICS = 5,
	BLOCK_PACKET = 6,
	BLOCK_SECTION = 0x0a0d0d0a, /* the same in both byte orders */
};

#define BYTE_ORDER_MAGIC 0x1a2b3c4d
/* Type, length, and length again. */
#define FRAME_BYTES 12u
/* Type, length, byte order, version, section length. */
#define SECTION_BYTES 24u
/* Longer blocks are none: Wireshark's largest packet, with room for its options. */
#define BLOCK_BYTES_MAX ((uint32_t)129 << 20)

enum option { OPTION_END, OPTION_COMMENT };
enum { IF_TSRESOL = 9, IF_TSOFFSET = 14, ISB_IFDROP = 5, ISB_OSDROP = 7, EPB_DROPCOUNT = 4 };

__extension__ typedef __int128 wide;

/* ---- options ---- */

struct option_value {
	uint16_t code;
	struct cur value;
};

/* False at the end, or where the options contradict themselves. */
static bool option_next(struct cur *c, bool swapped, struct option_value *ret)
{
	if (c->len < 4)
		return false;
	ret->code = reader_u16(c, swapped);
	size_t len = reader_u16(c, swapped);
	if (ret->code == OPTION_END || len > c->len)
		return false;
	ret->value = cur_sub(c, len);
	size_t pad = -len & 3;
	cur_skip(c, pad < c->len ? pad : c->len); /* some writers leave out the last padding */
	return true;
}

static uint64_t u64(struct cur *c, bool swapped)
{
	uint64_t v = cur_le64(c);
	return swapped ? __builtin_bswap64(v) : v;
}

static uint64_t add_sat(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static void comments(struct reader *r, struct cur c)
{
	struct option_value option;
	while (option_next(&c, r->pcapng.swapped, &option))
		if (option.code == OPTION_COMMENT)
			r->comments++;
}

/* ---- interfaces ---- */

/* An interface's statistics and its packets' own counts tell of the same losses: the larger one
 * counts. Both only grow. */
static void add_drops(
	struct reader *r, struct pcapng_iface *iface, uint64_t drops, uint64_t packet_drops)
{
	uint64_t before = max(iface->drops, iface->packet_drops);
	iface->drops = max(iface->drops, drops);
	iface->packet_drops = max(iface->packet_drops, packet_drops);
	r->drops = add_sat(r->drops, max(iface->drops, iface->packet_drops) - before);
}

static struct pcapng_iface *iface_new(struct pcapng *ng)
{
	if (ng->ifaces == READER_IFACES_MAX)
		return NULL;
	if (ng->ifaces == ng->ifaces_room) {
		uint32_t room = ng->ifaces_room == 0 ? 4 : ng->ifaces_room * 2;
		struct pcapng_iface *iface = realloc(ng->iface, room * sizeof *iface);
		if (iface == NULL)
			return NULL;
		ng->iface = iface;
		ng->ifaces_room = room;
	}
	ng->iface[ng->ifaces] = (struct pcapng_iface){.resolution = 6};
	return &ng->iface[ng->ifaces++];
}

static void interface(struct reader *r, struct cur c, uint64_t offset)
{
	bool swapped = r->pcapng.swapped;
	uint16_t linktype = reader_u16(&c, swapped);
	cur_skip(&c, 2);
	uint32_t snap_bytes = reader_u32(&c, swapped);
	struct pcapng_iface *iface = iface_new(&r->pcapng);
	if (iface == NULL || !cur_ok(&c)) {
		/* a short one still counts: those behind it keep their numbers */
		reader_reject(r, offset,
			iface == NULL ? "more interfaces than can be kept"
				      : "an interface description that is too short");
		return;
	}
	iface->linktype = linktype;
	iface->snap_bytes = snap_bytes;
	struct option_value option;
	while (option_next(&c, swapped, &option)) {
		if (option.code == IF_TSRESOL && option.value.len >= 1) {
			uint8_t resolution = cur_u8(&option.value);
			iface->binary = (resolution & 0x80) != 0;
			iface->resolution = resolution & 0x7f;
		} else if (option.code == IF_TSOFFSET && option.value.len >= 8) {
			iface->offset_s = (int64_t)u64(&option.value, swapped);
		}
	}
}

static struct pcapng_iface *iface_get(struct reader *r, uint32_t id)
{
	return id < r->pcapng.ifaces ? &r->pcapng.iface[id] : NULL;
}

static void statistics(struct reader *r, struct cur c)
{
	bool swapped = r->pcapng.swapped;
	struct pcapng_iface *iface = iface_get(r, reader_u32(&c, swapped));
	cur_skip(&c, 8); /* time */
	struct option_value option;
	uint64_t drops = 0;
	while (option_next(&c, swapped, &option))
		if ((option.code == ISB_IFDROP || option.code == ISB_OSDROP) &&
			option.value.len >= 8)
			drops = add_sat(drops, u64(&option.value, swapped));
	if (iface != NULL) /* it counts from the beginning: a later block replaces an earlier one */
		add_drops(r, iface, drops, 0);
}

static void packet_drops(struct reader *r, struct pcapng_iface *iface, uint64_t count)
{
	add_drops(r, iface, 0, add_sat(iface->packet_drops, count));
}

/* ---- time ---- */

static int64_t time_clamp(wide ns)
{
	return ns > READER_TIME_MAX    ? READER_TIME_MAX
	       : ns < -READER_TIME_MAX ? -READER_TIME_MAX
	                               : (int64_t)ns;
}

static int64_t time_of(const struct pcapng_iface *iface, uint64_t units)
{
	wide ns = (wide)units;
	uint8_t resolution = iface->resolution;
	if (iface->binary) /* 94 bits at most, shifted by 127 at most */
		ns = ns * NS_PER_S >> resolution;
	else if (resolution <= 9)
		for (; resolution < 9; resolution++)
			ns *= 10;
	else
		for (; resolution > 9 && ns > 0; resolution--)
			ns /= 10;
	return time_clamp(ns + (wide)iface->offset_s * NS_PER_S);
}

/* ---- packets ---- */

struct packet_head {
	uint32_t iface;
	uint32_t cap, wire;
	bool timed;
	uint64_t units;
	uint32_t drops;
};

static bool packet(struct reader *r, const struct packet_head *head, struct cur *c, uint64_t offset,
	struct frame *ret)
{
	const struct pcapng_iface *iface = iface_get(r, head->iface);
	r->number++; /* also of those left out, as Wireshark counts */
	const char *why = iface == NULL ? "a packet of an interface that is not described"
	                  : head->cap > READER_CAP_MAX ? "a packet of absurd length"
	                  : head->cap > c->len         ? "a packet that is longer than its block"
	                                               : NULL;
	if (why != NULL || !cur_ok(c)) {
		reader_reject(r, offset, why != NULL ? why : "a packet block that is too short");
		return false;
	}
	if (head->timed)
		r->last_ns = time_of(iface, head->units);
	*ret = (struct frame){
		.time_ns = r->last_ns,
		.bytes = cur_bytes(c, head->cap).ptr,
		.cap_bytes = head->cap,
		.wire_bytes = head->wire < head->cap ? head->cap : head->wire,
		.linktype = iface->linktype,
		.iface = r->pcapng.ifaces_before + head->iface,
		.number = r->number,
	};
	size_t pad = -(size_t)head->cap & 3;
	cur_skip(c, pad < c->len ? pad : c->len);
	return true;
}

static bool packet_enhanced(struct reader *r, struct cur c, uint64_t offset, struct frame *ret)
{
	bool swapped = r->pcapng.swapped;
	struct packet_head head = {.timed = true};
	head.iface = reader_u32(&c, swapped);
	head.units = (uint64_t)reader_u32(&c, swapped) << 32;
	head.units |= reader_u32(&c, swapped);
	head.cap = reader_u32(&c, swapped);
	head.wire = reader_u32(&c, swapped);
	if (!packet(r, &head, &c, offset, ret))
		return false;
	struct option_value option;
	while (option_next(&c, swapped, &option)) {
		if (option.code == OPTION_COMMENT)
			r->comments++;
		else if (option.code == EPB_DROPCOUNT && option.value.len >= 8)
			packet_drops(r, iface_get(r, head.iface), u64(&option.value, swapped));
	}
	return true;
}

static bool packet_old(struct reader *r, struct cur c, uint64_t offset, struct frame *ret)
{
	bool swapped = r->pcapng.swapped;
	struct packet_head head = {.timed = true};
	head.iface = reader_u16(&c, swapped);
	uint16_t drops = reader_u16(&c, swapped);
	head.units = (uint64_t)reader_u32(&c, swapped) << 32;
	head.units |= reader_u32(&c, swapped);
	head.cap = reader_u32(&c, swapped);
	head.wire = reader_u32(&c, swapped);
	if (!packet(r, &head, &c, offset, ret))
		return false;
	if (drops != 0xffff && drops != 0) /* 0xffff: not known */
		packet_drops(r, iface_get(r, head.iface), drops);
	comments(r, c);
	return true;
}

/* No time and no captured length: the former is that of the last packet, the latter follows from
 * the interface's snapshot length. */
static bool packet_simple(struct reader *r, struct cur c, uint64_t offset, struct frame *ret)
{
	struct packet_head head = {0};
	head.wire = reader_u32(&c, r->pcapng.swapped);
	head.cap = head.wire;
	const struct pcapng_iface *iface = iface_get(r, 0);
	if (iface != NULL && iface->snap_bytes != 0 && head.cap > iface->snap_bytes)
		head.cap = iface->snap_bytes;
	if (head.cap > c.len && c.len > 0)
		head.cap = (uint32_t)c.len;
	return packet(r, &head, &c, offset, ret);
}

/* ---- sections ---- */

/* The byte order of the section that begins here; false when the block is none. */
static bool section_order(struct cur c, bool *ret_swapped)
{
	uint32_t type = cur_le32(&c);
	cur_skip(&c, 4);
	uint32_t magic = cur_le32(&c);
	*ret_swapped = magic == __builtin_bswap32(BYTE_ORDER_MAGIC);
	return type == BLOCK_SECTION && (*ret_swapped || magic == BYTE_ORDER_MAGIC);
}

/* c: the body. False: a version that is unknown. */
static bool section(struct reader *r, struct cur c, bool swapped, uint16_t version[2])
{
	struct pcapng *ng = &r->pcapng;
	ng->ifaces_before += ng->ifaces;
	ng->ifaces = 0;
	ng->swapped = swapped;
	cur_skip(&c, 4);
	version[0] = reader_u16(&c, swapped);
	version[1] = reader_u16(&c, swapped);
	cur_skip(&c, 8); /* its length: the blocks tell it themselves */
	if (!cur_ok(&c))
		return false;
	comments(r, c);
	return version[0] == 1 && (version[1] == 0 || version[1] == 2);
}

/* ---- blocks ---- */

struct block_head {
	uint32_t type, total;
	bool swapped;
};

/* NULL, or why this is no block. c: at least 12 bytes. */
static const char *block_head(const struct reader *r, struct cur c, struct block_head *ret)
{
	struct cur order = c;
	*ret = (struct block_head){.swapped = r->pcapng.swapped};
	ret->type = reader_u32(&c, ret->swapped);
	if (ret->type == BLOCK_SECTION && !section_order(order, &ret->swapped))
		return "a section of unknown byte order";
	ret->total = reader_u32(&c, ret->swapped);
	if (ret->total < FRAME_BYTES || ret->total > BLOCK_BYTES_MAX ||
		(ret->type == BLOCK_SECTION && ret->total < SECTION_BYTES + 4))
		return "a block of absurd length";
	ret->total += -ret->total & 3; /* some writers forget the padding in the length */
	return NULL;
}

static int pcapng_open(struct reader *r, struct fail *why)
{
	struct block_head head;
	uint16_t version[2] = {0};
	struct cur c = stream_view(&r->stream, SECTION_BYTES);
	if (c.len < SECTION_BYTES)
		return fail_set(why, -EBADMSG,
			"a pcapng file that ends within its header, at byte %zu", c.len);
	const char *bad = block_head(r, c, &head);
	if (bad != NULL)
		return fail_set(why, -EBADMSG, "a pcapng file that begins with %s", bad);
	cur_skip(&c, 8);
	struct reader probe = {0};
	if (!section(&probe, cur_sub(&c, SECTION_BYTES - 8), head.swapped, version))
		return fail_set(why, -EPROTONOSUPPORT,
			"a pcapng file of version %u.%u; 1.0 and 1.2 are known", version[0],
			version[1]);
	return 0; /* the block itself is read as every other */
}

/* What a block says; true with a frame. */
static bool block(struct reader *r, const struct block_head *head, struct cur body, uint64_t offset,
	struct frame *ret)
{
	uint16_t version[2];
	switch (head->type) {
	case BLOCK_PACKET:
		return packet_enhanced(r, body, offset, ret);
	case BLOCK_PACKET_SIMPLE:
		return packet_simple(r, body, offset, ret);
	case BLOCK_PACKET_OLD:
		return packet_old(r, body, offset, ret);
	case BLOCK_INTERFACE:
		interface(r, body, offset);
		return false;
	case BLOCK_STATISTICS:
		statistics(r, body);
		return false;
	case BLOCK_SECTION:
		if (!section(r, body, head->swapped, version))
			(void)reader_cut(r, offset, "a section of unknown version");
		return false;
	default: /* names, secrets, custom and future blocks */
		return false;
	}
}

/* ---- damage ---- */

static bool block_fits(const struct reader *r, struct cur *c)
{
	struct block_head head;
	if (c->len < FRAME_BYTES || block_head(r, *c, &head) != NULL || head.total > c->len)
		return false;
	cur_skip(c, head.total - 4);
	uint32_t tail = reader_u32(c, head.swapped);
	return tail + (-tail & 3) == head.total &&
	       (head.type <= BLOCK_PACKET || head.type == BLOCK_SECTION);
}

/* Two blocks of known type whose two lengths agree, or one up to the end. */
static bool blocks_fit(const struct reader *r, struct cur c)
{
	for (size_t good = 0; good < 2; good++) {
		if (good > 0 && c.len == 0 && r->stream.ended)
			return true;
		if (!block_fits(r, &c))
			return false;
	}
	return true;
}

/* The length stands at both ends. Where they differ the first is believed when a block, or the end,
 * follows where it says. Returns NULL and the body, or what is wrong. The whole block is there. */
static const char *body_of(struct reader *r, const struct block_head *head, struct cur *ret)
{
	struct cur c = stream_view(&r->stream, head->total);
	cur_skip(&c, 8);
	*ret = cur_sub(&c, head->total - FRAME_BYTES);
	uint32_t tail = reader_u32(&c, head->swapped);
	if (tail + (-tail & 3) == head->total)
		return NULL;
	struct block_head next;
	c = stream_view(&r->stream, head->total + FRAME_BYTES);
	cur_skip(&c, 8);
	*ret = cur_sub(&c, head->total - FRAME_BYTES);
	cur_skip(&c, 4);
	if (c.len == 0 || (c.len >= FRAME_BYTES && block_head(r, c, &next) == NULL))
		return NULL;
	return "a block whose two lengths differ";
}

/* A block that cannot be seen at once: no packet that is wanted is as long. */
static void skip_long(struct reader *r, const struct block_head *head)
{
	uint64_t offset = stream_offset(&r->stream);
	if (!stream_skip(&r->stream, head->total)) {
		(void)reader_cut(r, offset, "a block that is longer than the rest of the file");
	} else if (head->type == BLOCK_PACKET || head->type == BLOCK_PACKET_OLD ||
		   head->type == BLOCK_PACKET_SIMPLE) {
		r->number++;
		reader_reject(r, offset, "a packet of absurd length");
	}
}

static bool pcapng_next(struct reader *r, struct frame *ret)
{
	while (!r->cut) {
		uint64_t offset = stream_offset(&r->stream);
		struct cur body = {0}, c = stream_view(&r->stream, FRAME_BYTES);
		if (c.len < FRAME_BYTES)
			return reader_end(r, c.len);
		struct block_head head;
		const char *bad = block_head(r, c, &head);
		if (bad == NULL && head.total > STREAM_VIEW_MAX - FRAME_BYTES) {
			skip_long(r, &head);
			continue;
		}
		if (bad == NULL) {
			c = stream_view(&r->stream, head.total);
			if (c.len < head.total)
				return reader_end(r, c.len);
			bad = body_of(r, &head, &body);
		}
		if (bad != NULL && head.type == BLOCK_SECTION) /* the next ones belong to it */
			return reader_cut(r, offset, bad);
		if (bad != NULL) {
			(void)reader_resync(r, bad, blocks_fit);
			continue;
		}
		bool found = block(r, &head, body, offset, ret);
		stream_advance(&r->stream, head.total);
		if (found)
			return true;
	}
	return false;
}

static bool claims(struct cur start)
{
	return cur_le32(&start) == BLOCK_SECTION;
}

static void pcapng_close(struct reader *r)
{
	free(r->pcapng.iface);
	r->pcapng.iface = NULL;
}

const struct format format_pcapng = {.name = "pcapng",
	.claims = claims,
	.open = pcapng_open,
	.next = pcapng_next,
	.close = pcapng_close};
