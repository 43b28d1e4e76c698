#include "decode/decode.h"

#include <errno.h>
#include <stdlib.h>

#include "decode/layers.h"

struct decoder {
	struct fragments *fragments;
	uint64_t counts[DECODED_COUNT];
	uint16_t unknown_linktype;
	struct packet empty; /* all zero; copied, since gcc clears with a slow rep stos */
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

static enum layer (*const decoders[])(struct walk *w) = {
#define LAYER(name, decoder) [LAYER_##name] = (decoder),
#define CARRIES(space, number, layer)
#include "decode/protocols.def"
#undef LAYER
#undef CARRIES
};

/* From layer to layer until one says that it was the last. */
static enum decoded walk(struct walk *w, enum layer layer)
{
	for (int n = 0; layer != LAYER_END; n++) {
		if (n == LAYERS_MAX)
			return DECODED_DEPTH;
		layer = decoders[layer](w);
	}
	return w->verdict;
}

/* What the tunnel carries is no packet: then the one around it is the innermost. So nothing hides
 * behind a port or protocol that tunnels use. Of what the capture cut, UDP has ports at least. */
static bool takes_outer(const struct walk *w, enum decoded verdict)
{
	return w->in_tunnel && (verdict == DECODED_NOT_IP || verdict == DECODED_BAD ||
				       (verdict == DECODED_SHORT && w->outer.proto == IP_UDP));
}

enum decoded layers_decode(struct decoder *d, const struct frame *frame, struct packet *ret)
{
	struct walk w;
	w.fragments = d->fragments;
	w.cur = cur_of(frame->bytes, frame->cap_bytes);
	w.wire = frame->wire_bytes > frame->cap_bytes ? frame->wire_bytes : frame->cap_bytes;
	w.cur.fenced = w.wire == w.cur.len; /* the frame really ends there */
	w.in_ip = w.in_tunnel = false;
	w.packet = d->empty;
	w.packet.time_ns = frame->time_ns;
	enum decoded verdict = walk(&w, walk_linktype(&w, frame->linktype));
	if (verdict == DECODED_OK) {
		*ret = w.packet;
	} else if (takes_outer(&w, verdict)) {
		*ret = w.outer;
		verdict = DECODED_OK;
	} else if (verdict == DECODED_LINKTYPE && d->unknown_linktype == 0) {
		d->unknown_linktype = w.linktype;
	}
	return verdict;
}

enum decoded decode_frame(struct decoder *d, const struct frame *frame, struct packet *ret)
{
	struct packet p = d->empty;
	enum decoded verdict = DECODED_OK;
	if (plain_decode(frame, &p))
		*ret = p;
	else
		verdict = layers_decode(d, frame, ret);
	d->counts[verdict]++;
	return verdict;
}
