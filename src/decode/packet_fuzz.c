/* Frames: the first byte chooses the link type; then, each, two bytes of length, one of flags, and
 * the frame. So fragments of one datagram, and what they leave behind, are reached. */
#include <stdlib.h>

#include "decode/layers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ROOM 16384 /* for fragments: little, so that it is used up */

enum flag {
	CUT = 0x80,   /* the capture left something out */
	LATER = 0x40, /* 16 s after the frame before */
};

static uint64_t sum_of(struct cur c)
{
	uint64_t sum = 0;
	struct span s = cur_bytes(&c, c.len);
	for (size_t i = 0; i < s.len; i++)
		sum += s.ptr[i];
	return sum;
}

static void check(const struct packet *p, const struct frame *f)
{
	CHECK(p->time_ns == f->time_ns);
	CHECK(cur_ok(&p->payload) && p->payload.len <= p->payload_wire);
	CHECK(p->payload_wire < p->wire_bytes && p->tunnels <= 8 && p->vlan < 4096);
	CHECK(sum_of(p->payload) <= UINT64_C(255) * p->payload.len);
	bool icmp = p->proto == IP_ICMP || p->proto == IP_ICMPV6;
	CHECK(icmp || !p->quoted.present);
	CHECK(!icmp || (p->src_port <= UINT8_MAX && p->dst_port <= UINT8_MAX));
	CHECK(p->proto == IP_TCP || (p->tcp_flags == 0 && p->tcp_seq == 0 && p->tcp_window == 0));
	CHECK(addr_is_v4(&p->src) == addr_is_v4(&p->dst));
	CHECK(!p->quoted.present || addr_is_v4(&p->quoted.src) == addr_is_v4(&p->quoted.dst));
}

/* Padding too: both were filled in the same way before. */
static bool same_bytes(const struct packet *a, const struct packet *b)
{
	return memcmp((const uint8_t *)a, (const uint8_t *)b, sizeof *a) == 0;
}

/* The short way and the layers come to the same packet. */
static void check_plain(struct decoder *d, const struct frame *f)
{
	struct packet plain, layers;
	memset(&plain, 0, sizeof plain);
	memset(&layers, 0, sizeof layers);
	if (!plain_decode(f, &plain))
		return;
	CHECK(layers_decode(d, f, &layers) == DECODED_OK);
	CHECK(plain.payload.ptr == layers.payload.ptr && plain.payload.len == layers.payload.len);
	CHECK(plain.payload.fenced == layers.payload.fenced && cur_ok(&plain.payload));
	memset(&plain.payload, 0, sizeof plain.payload);
	memset(&layers.payload, 0, sizeof layers.payload);
	CHECK(same_bytes(&plain, &layers));
}

static void decode_one(struct decoder *d, const struct frame *f)
{
	struct packet p, untouched;
	memset(&p, 0xa5, sizeof p);
	untouched = p;
	enum decoded verdict = decode_frame(d, f, &p);
	if (verdict == DECODED_OK)
		check(&p, f);
	else
		CHECK(same_bytes(&p, &untouched));
	CHECK(decoded_name(verdict)[0] != '\0');
	check_plain(d, f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t linktypes[] = {1, 101, 0, 9, 12, 14, 50, 51, 104, 105, 108, 113, 127,
		192, 228, 229, 239, 258, 276};
	struct decoder *d = NULL;
	CHECK(decoder_new(&d, ROOM) == 0);
	struct cur c = cur_of(data, size);
	struct frame f = {.linktype = linktypes[cur_u8(&c) % ARRAY_LEN(linktypes)]};
	uint64_t frames = 0, counted = 0;
	while (c.len > 0) {
		size_t len = cur_be16(&c);
		uint8_t flags = cur_u8(&c);
		struct span bytes = cur_bytes(&c, len < c.len ? len : c.len);
		/* a block of its own, so that the sanitizer sees one byte too far */
		uint8_t *exact = malloc(bytes.len == 0 ? 1 : bytes.len);
		CHECK(exact != NULL);
		if (bytes.len > 0)
			memcpy(exact, bytes.ptr, bytes.len);
		f.bytes = exact;
		f.cap_bytes = (uint32_t)bytes.len;
		f.wire_bytes = f.cap_bytes + ((flags & CUT) != 0 ? (flags & 0x3fu) * 64 : 0);
		f.time_ns += (flags & LATER) != 0 ? 16 * INT64_C(1000000000) : 1;
		decode_one(d, &f);
		free(exact);
		frames++;
	}
	for (int i = 0; i < DECODED_COUNT; i++)
		counted += decoder_counts(d)[i];
	CHECK(counted == frames);
	CHECK((decoder_counts(d)[DECODED_LINKTYPE] == 0) == (decoder_unknown_linktype(d) == 0) ||
		f.linktype == 192 || f.linktype == 258);
	decoder_free(d);
	return 0;
}
