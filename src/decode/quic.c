#include "decode/quic.h"

#include <string.h>

/* Plaintext of one Initial. A datagram that has to fit paths is 1,200 to 1,500 bytes; loopback and
 * jumbo frames more. */
#define PLAIN_BYTES_MAX 16384
/* Packets in one datagram: the four types of a handshake, twice. */
#define COALESCED_MAX 8

#define LONG_HEADER      0xc0u /* form and fixed bit, RFC 9000 17.2 */
#define HELLO_HEAD_BYTES 4

enum frame { /* those that an Initial may carry, RFC 9000 17.2.2 */
	FRAME_PADDING = 0,
	FRAME_PING = 1,
	FRAME_ACK = 2,
	FRAME_ACK_ECN = 3,
	FRAME_CRYPTO = 6,
};

struct long_header {
	const struct quic_version *version;
	uint8_t type; /* with version 1's meaning: 0 Initial, 1 0-RTT, 2 Handshake, 3 Retry */
	struct span dcid;
};

/* RFC 9000 16 */
static uint64_t varint(struct cur *c)
{
	uint8_t first = cur_u8(c);
	size_t more = ((size_t)1 << (first >> 6)) - 1;
	uint64_t rest = cur_be(c, more);
	return (uint64_t)(first & 0x3f) << 8 * more | rest;
}

/* Up to and with the two connection ids; c fails unless it is a long header of a known version. */
static struct long_header read_header(struct cur *c)
{
	struct long_header h = {0};
	uint8_t first = cur_u8(c);
	h.version = quic_version_find(cur_be32(c));
	if (cur_ok(c) && ((first & LONG_HEADER) != LONG_HEADER || h.version == NULL))
		cur_fail(c, CUR_BAD);
	if (h.version == NULL)
		return h;
	uint8_t dcid_len = cur_u8(c);
	h.dcid = cur_bytes(c, dcid_len);
	uint8_t scid_len = cur_u8(c);
	cur_skip(c, scid_len);
	if (dcid_len > QUIC_CID_BYTES || scid_len > QUIC_CID_BYTES)
		cur_fail(c, CUR_BAD);
	if (cur_ok(c)) /* RFC 9369 3.2 turns the types round by one */
		h.type = (uint8_t)((first >> 4) - h.version->initial_type) & 3;
	return h;
}

bool quic_looks_like(struct cur c)
{
	(void)read_header(&c);
	return cur_ok(&c);
}

bool quic_is_initial(struct cur c)
{
	struct long_header h = read_header(&c);
	return cur_ok(&c) && h.type == 0;
}

/* ---- frames ---- */

/* Files a piece of the stream; what is there already stays, what lies beyond the buffer is counted.
 */
static void file_crypto(struct quic_crypto *q, uint64_t offset, struct span data)
{
	size_t fits = offset >= q->room ? 0 : data.len;
	if (fits > q->room - offset)
		fits = (size_t)(q->room - offset);
	q->beyond += (uint32_t)(data.len - fits);
	for (size_t i = 0; i < fits; i++) {
		size_t at = (size_t)offset + i;
		uint8_t bit = (uint8_t)(1u << at % 8);
		if ((q->have[at / 8] & bit) != 0)
			continue;
		q->have[at / 8] |= bit;
		q->bytes[at] = data.ptr[i];
	}
	while (q->contiguous < q->room &&
		(q->have[q->contiguous / 8] >> q->contiguous % 8 & 1) != 0)
		q->contiguous++;
}

/* RFC 9000 19.3: largest, delay, count, first range, then count pairs of gap and length. */
static void skip_ack(struct cur *c, bool with_ecn)
{
	(void)varint(c);
	(void)varint(c);
	uint64_t ranges = varint(c);
	(void)varint(c);
	for (uint64_t i = 0; i < ranges && cur_ok(c);
		i++) { /* ends: each round consumes or fails */
		(void)varint(c);
		(void)varint(c);
	}
	for (size_t i = 0; with_ecn && i < 3; i++)
		(void)varint(c);
}

static void read_frames(struct quic_crypto *q, struct cur c)
{
	while (c.len > 0) {
		uint64_t type = varint(&c);
		if (type == FRAME_CRYPTO) {
			uint64_t offset = varint(&c), len = varint(&c);
			struct span data = cur_bytes(&c, len > c.len ? c.len + 1 : (size_t)len);
			if (cur_ok(&c))
				file_crypto(q, offset, data);
		} else if (type == FRAME_ACK || type == FRAME_ACK_ECN) {
			skip_ack(&c, type == FRAME_ACK_ECN);
		} else if (type != FRAME_PADDING && type != FRAME_PING) {
			return; /* CONNECTION_CLOSE, or nothing that belongs here */
		}
	}
}

/* ---- packets ---- */

static bool same_id(const struct quic_crypto *q, struct span dcid)
{
	return dcid.len == q->dcid_len &&
	       (dcid.len == 0 || memcmp(dcid.ptr, q->dcid, dcid.len) == 0);
}

static void keep_keys(struct quic_crypto *q, struct span dcid, const struct quic_keys *keys)
{
	memcpy(q->dcid, dcid.ptr, dcid.len);
	q->dcid_len = (uint8_t)dcid.len;
	q->keys = *keys;
}

/* The first packet of all, or the first after a Retry: keys hang on its own id (RFC 9001 5.2), and
 * the stream is the same as before (RFC 9000 17.2.5.2). Keys that opened nothing yet are kept too:
 * the next packet is likely to have the same id. */
static size_t open_by_own_id(struct quic_crypto *q, const struct long_header *h,
	const struct quic_sealed *sealed, uint8_t *plain)
{
	struct quic_keys own = q->keys;
	if (own.version != h->version || !same_id(q, h->dcid))
		quic_keys_derive(h->version, h->dcid, &own);
	size_t len = quic_open(&own, sealed, plain, PLAIN_BYTES_MAX);
	if (len > 0 || !q->keyed)
		keep_keys(q, h->dcid, &own);
	q->keyed = q->keyed || len > 0;
	return len;
}

static void read_initial(
	struct quic_crypto *q, const struct long_header *h, const struct quic_sealed *sealed)
{
	uint8_t plain[PLAIN_BYTES_MAX];
	size_t len = 0;
	if (q->keyed) {
		if (q->keys.version != h->version) /* changed midway, RFC 9369 4: the id stays */
			quic_keys_derive(h->version, (struct span){q->dcid, q->dcid_len}, &q->keys);
		len = quic_open(&q->keys, sealed, plain, sizeof plain);
	}
	if (len == 0 && !(q->keyed && same_id(q, h->dcid)))
		len = open_by_own_id(q, h, sealed, plain);
	if (len == 0)
		q->unopened++;
	else
		read_frames(q, cur_of(plain, len));
}

/* One packet off the front of the datagram; c ends empty or failed when nothing can follow. */
static void read_packet(struct quic_crypto *q, struct cur *c)
{
	struct cur start = *c;
	struct long_header h = read_header(c);
	if (!cur_ok(c) || h.type == 3) { /* a Retry has no length and is the server's */
		cur_skip(c, c->len);
		return;
	}
	if (h.type == 0) {
		uint64_t token = varint(c);
		cur_skip(c, token > c->len ? c->len + 1 : (size_t)token);
	}
	uint64_t len = varint(c);
	struct quic_sealed sealed = {.header = cur_bytes(&start, start.len - c->len)};
	sealed.rest = cur_bytes(c, len > c->len ? c->len + 1 : (size_t)len);
	if (cur_ok(c) && h.type == 0)
		read_initial(q, &h, &sealed);
}

bool quic_client_initial(struct quic_crypto *q, struct cur datagram, struct tls_hello *ret)
{
	for (size_t i = 0; i < COALESCED_MAX && datagram.len > 0; i++)
		read_packet(q, &datagram);
	struct cur c = cur_of(q->bytes, q->contiguous);
	uint8_t type = cur_u8(&c);
	size_t len = (size_t)cur_be(&c, HELLO_HEAD_BYTES - 1);
	if (!cur_ok(&c) || type != TLS_CLIENT_HELLO || len > c.len)
		return false;
	struct cur hello = cur_sub(&c, len);
	tls_client_hello_decode(&hello, true, ret);
	return cur_ok(&hello);
}
