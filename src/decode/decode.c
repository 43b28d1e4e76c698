#include "decode/decode.h"

#include <errno.h>
#include <stdlib.h>

#include "decode/layers.h"

struct decoder {
	struct fragments *fragments;
	uint64_t counts[DECODED_COUNT];
	uint16_t unknown_linktype;
};

int decoder_new(struct decoder **ret, size_t fragment_bytes)
{
	struct decoder *d = calloc(1, sizeof *d);
	if (d == NULL || fragments_new(&d->fragments, fragment_bytes) < 0) {
		decoder_free(d);
		return -ENOMEM;
	}
	*ret = d;
	return 0;
}

void decoder_free(struct decoder *d)
{
	if (d != NULL)
		fragments_free(d->fragments);
	free(d);
}

const uint64_t *decoder_counts(const struct decoder *d)
{
	return d->counts;
}

uint64_t decoder_fragments_dropped(const struct decoder *d)
{
	return fragments_dropped(d->fragments);
}

uint16_t decoder_unknown_linktype(const struct decoder *d)
{
	return d->unknown_linktype;
}

const char *decoded_name(enum decoded verdict)
{
	static const char *const names[] = {
		[DECODED_OK] = "ok",
		[DECODED_FRAGMENT] = "fragment",
		[DECODED_NOT_IP] = "not IP",
		[DECODED_LINKTYPE] = "unknown link type",
		[DECODED_DEPTH] = "nested too deep",
		[DECODED_SHORT] = "cut",
		[DECODED_BAD] = "malformed",
	};
	CHECK((size_t)verdict < ARRAY_LEN(names));
	return names[verdict];
}

enum layer layer_carried(enum space space, uint32_t number)
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

static enum layer (*const decoders[])(struct walk *w) = {
#define LAYER(name, decoder) [LAYER_##name] = decoder,
#define CARRIES(space, number, layer)
#include "decode/protocols.def"
#undef LAYER
#undef CARRIES
};

/* What the tunnel carries is no packet: then the one around it is the innermost. So nothing hides
 * behind a port or protocol that tunnels use. Of what the capture cut, UDP has ports at least. */
static bool inside_failed(const struct walk *w)
{
	return w->verdict == DECODED_NOT_IP || w->verdict == DECODED_BAD ||
	       (w->verdict == DECODED_SHORT && w->outer.proto == IP_UDP);
}

/* From layer to layer until one says that it was the last. */
static enum decoded walk(struct walk *w, enum layer layer)
{
	for (int n = 0; layer != LAYER_END; n++) {
		if (n == LAYERS_MAX)
			return DECODED_DEPTH;
		layer = decoders[layer](w);
	}
	if (!w->in_tunnel || !inside_failed(w))
		return w->verdict;
	w->packet = w->outer;
	return DECODED_OK;
}

enum decoded decode_frame(struct decoder *d, const struct frame *frame, struct packet *ret)
{
	struct walk w;
	w.fragments = d->fragments;
	w.cur = cur_of(frame->bytes, frame->cap_bytes);
	w.wire = frame->wire_bytes > frame->cap_bytes ? frame->wire_bytes : frame->cap_bytes;
	w.cur.fenced = w.wire == w.cur.len; /* the frame really ends there */
	w.in_ip = w.in_tunnel = false;
	w.packet = (struct packet){.time_ns = frame->time_ns};
	enum decoded verdict = walk(&w, walk_linktype(&w, frame->linktype));
	d->counts[verdict]++;
	if (verdict == DECODED_OK)
		*ret = w.packet;
	else if (verdict == DECODED_LINKTYPE && d->unknown_linktype == 0)
		d->unknown_linktype = w.linktype;
	return verdict;
}
