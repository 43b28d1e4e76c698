/* One frame on its way through the layers: what the decoders of link.c, ip.c, tunnel.c, transport.c
 * and icmp.c share. Each takes its header off the walk and names the next layer; decode_frame()
 * goes from one to the next, so that nothing recurses. */
#pragma once

#include "decode/decode.h"
#include "decode/fragment.h"

/* Outer IP packets taken off one frame: nobody nests deeper than three; eight is headroom. */
#define TUNNELS_MAX 8
/* Most header lengths count words of four bytes. */
#define WORD ((size_t)4)
/* Headers of one frame, tags included. */
#define LAYERS_MAX 64
/* IPv6 extension headers of one packet. */
#define EXTENSIONS_MAX 16

enum layer {
	LAYER_END, /* the walk's verdict says how */
#define LAYER(name, decoder) LAYER_##name,
#define CARRIES(space, number, layer)
#include "decode/protocols.def"
#undef LAYER
#undef CARRIES
};

/* Who numbers the next protocol. */
enum space {
	SPACE_LINKTYPE,
	SPACE_FAMILY,
	SPACE_ETHERTYPE,
	SPACE_PPP,
	SPACE_GRE,
	SPACE_IP,
	SPACE_UDP
};

struct walk {
	struct fragments *fragments;
	struct cur cur;       /* what is left, as captured */
	size_t wire;          /* what is left, as sent: >= cur.len */
	enum decoded verdict; /* at LAYER_END */
	uint16_t linktype;    /* the last one that was looked for */
	bool in_ip;           /* an IP header was met */
	struct packet packet; /* as the layers so far tell it */
	bool in_tunnel;
	struct packet outer; /* in_tunnel: the packet around, whole */
};

#define LAYER(name, decoder) enum layer decoder(struct walk *w);
#define CARRIES(space, number, layer)
#include "decode/protocols.def"
#undef LAYER
#undef CARRIES

/* The row of protocols.def, or LAYER_END. Inline, so that each caller, who knows its space, is left
 * with a few comparisons. */
static inline enum layer layer_carried(enum space space, uint16_t number)
{
#define LAYER(name, decoder)
#define CARRIES(space, number, layer)                  \
	case (uint32_t)SPACE_##space << 16 | (number): \
		return LAYER_##layer;
	switch ((uint32_t)space << 16 | number) {
#include "decode/protocols.def"
	default:
		return LAYER_END;
	}
#undef LAYER
#undef CARRIES
}

/* The next layer by EtherType, where no length can stand in its place. */
enum layer walk_ethertype(struct walk *w, uint16_t type);
/* The next layer by link type. */
enum layer walk_linktype(struct walk *w, uint32_t type);
/* The next layer by IP version. */
enum layer walk_ip_version(struct walk *w);

static inline enum layer walk_end(struct walk *w, enum decoded verdict)
{
	w->verdict = verdict;
	return LAYER_END;
}

/* The cursor failed: the capture was cut, or the header leaves its frame. */
static inline enum layer walk_failed(struct walk *w)
{
	return walk_end(w, w->cur.state == CUR_SHORT ? DECODED_SHORT : DECODED_BAD);
}

/* What is left is the packet's payload. */
static inline enum layer walk_done(struct walk *w)
{
	w->packet.payload = w->cur;
	w->packet.payload_wire = (uint32_t)w->wire;
	return walk_end(w, DECODED_OK);
}

/* A tunnel begins: the packet around is kept whole, for when the inside proves to be none. */
static inline void walk_tunnel(struct walk *w)
{
	w->in_tunnel = true;
	w->outer = w->packet;
	w->outer.payload = w->cur;
	w->outer.payload_wire = (uint32_t)w->wire;
}

/* The next n bytes; empty and a failed cursor when they are not there. */
static inline struct span walk_take(struct walk *w, size_t n)
{
	struct span s = cur_bytes(&w->cur, n);
	w->wire -= s.len;
	return s;
}

/* Passes over n bytes that the capture need not have; n <= wire. */
static inline void walk_pass(struct walk *w, size_t n)
{
	cur_skip(&w->cur, n < w->cur.len ? n : w->cur.len);
	w->wire -= n;
}

/* Only n bytes belong to what follows: the rest is padding, or the header claims more than came. */
static inline void walk_narrow(struct walk *w, size_t n)
{
	w->cur = cur_sub(&w->cur, n);
	w->wire = n;
}

/* Fields of a header that walk_take() gave: with a constant `at`, the check is done when compiled.
 */
static inline uint8_t span_u8(struct span s, size_t at)
{
	CHECK(at < s.len);
	return s.ptr[at];
}

static inline uint16_t span_be16(struct span s, size_t at)
{
	return (uint16_t)(span_u8(s, at) << 8 | span_u8(s, at + 1));
}

static inline uint32_t span_be32(struct span s, size_t at)
{
	return (uint32_t)span_be16(s, at) << 16 | span_be16(s, at + 2);
}

static inline struct span span_part(struct span s, size_t at, size_t n)
{
	CHECK(at <= s.len && n <= s.len - at);
	return (struct span){s.ptr + at, n};
}

/* ip.c: takes one IPv6 extension header (AH and the fragment header too) off; *proto becomes the
 * next. False, and nothing taken, when *proto is none. */
bool ipv6_extension(struct cur *c, uint8_t *proto);

/* plain.c: fills in a packet that is all zero; false, and *p is spoilt, when the frame is one for
 * the layers. */
bool plain_decode(const struct frame *frame, struct packet *p);
/* decode.c: by the layers, whatever the frame. *ret is written only on DECODED_OK. */
enum decoded layers_decode(struct decoder *d, const struct frame *frame, struct packet *ret);
