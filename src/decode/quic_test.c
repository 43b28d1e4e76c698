#include "decode/quic.h"

#include <stdlib.h>

#include "base/testing.h"
#include "decode/quic_testing.h"
#include "decode/quic_vectors.h"

#define V1 1u
#define V2 0x6b3343cfu

struct bytes {
	uint8_t at[8192];
	size_t len;
};

static void add(struct bytes *b, const void *from, size_t len)
{
	assert_true(len <= sizeof b->at - b->len);
	memcpy(b->at + b->len, from, len);
	b->len += len;
}

static void add_u8(struct bytes *b, unsigned v)
{
	add(b, &(uint8_t){(uint8_t)v}, 1);
}

static void add_hex(struct bytes *b, const char *hex)
{
	for (; hex[0] != '\0'; hex += 2)
		add_u8(b, (unsigned)strtoul((char[]){hex[0], hex[1], '\0'}, NULL, 16));
}

struct lent {
	struct quic_crypto q;
	uint8_t bytes[QUIC_CRYPTO_BYTES_MAX], have[QUIC_CRYPTO_BYTES_MAX / 8];
};

static struct quic_crypto *begin(struct lent *l)
{
	*l = (struct lent){.q = {.room = QUIC_CRYPTO_BYTES_MAX}};
	l->q.bytes = l->bytes;
	l->q.have = l->have;
	return &l->q;
}

static bool feed(struct quic_crypto *q, const struct bytes *datagram, struct tls_hello *ret)
{
	return quic_client_initial(q, cur_of(datagram->at, datagram->len), ret);
}

/* ---- the RFCs' own vectors ---- */

static void test_rfc_vectors(void **state)
{
	(void)state;
	static const char *const vectors[] = {rfc9001_a2, rfc9369_a2};
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		struct bytes b = {.len = 0};
		add_hex(&b, vectors[i]);
		assert_int_equal(b.len, 1200);
		assert_true(quic_is_initial(cur_of(b.at, b.len)));
		struct lent lent;
		struct quic_crypto *q = begin(&lent);
		struct tls_hello hello = {0};
		assert_true(feed(q, &b, &hello));
		assert_string_equal(hello.sni, "example.com");
		assert_string_equal(hello.alpn, "alpn");
		assert_memory_equal(hello.ja4, "q13d0211an_", 11);
		assert_int_equal(q->contiguous, 241);
		assert_int_equal(q->dcid_len, 8);
		assert_int_equal(q->unopened, 0);
	}
}

/* RFC 9001 A.1, RFC 9369 A.1 */
static void test_rfc_keys(void **state)
{
	(void)state;
	static const struct {
		uint32_t version;
		const char *key, *iv, *hp;
	} rows[] = {{V1, "1f369613dd76d5467730efcbe3b1a22d", "fa044b2f42a3fd3b46fb255c",
			    "9f50449e04a0e810283a1e9933adedd2"},
		{V2, "8b1a0bc121284290a29e0971b5cd045d", "91f73e2351d8fa91660e909f",
			"45b95e15235d6f45a6b19cbcb0294ba9"}};
	struct bytes dcid = {.len = 0};
	add_hex(&dcid, "8394c8f03e515708");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct quic_keys keys;
		struct bytes want = {.len = 0};
		quic_keys_derive(
			quic_version_find(rows[i].version), (struct span){dcid.at, 8}, &keys);
		add_hex(&want, rows[i].key);
		add_hex(&want, rows[i].iv);
		add_hex(&want, rows[i].hp);
		assert_memory_equal(keys.key, want.at, 16);
		assert_memory_equal(keys.iv, want.at + 16, 12);
		assert_memory_equal(keys.hp, want.at + 28, 16);
	}
}

/* ---- streams of our own ---- */

/* The ClientHello of the RFCs, without the frame's head. */
static struct bytes rfc_hello(void)
{
	struct bytes frame = {.len = 0}, hello = {.len = 0};
	add_hex(&frame, rfc_crypto_frame);
	add(&hello, frame.at + 4, frame.len - 4);
	return hello;
}

static void add_crypto(struct bytes *frames, const struct bytes *stream, size_t from, size_t len)
{
	add_u8(frames, 6);
	add_u8(frames, 0x40 | (unsigned)(from >> 8));
	add_u8(frames, (unsigned)from);
	add_u8(frames, 0x40 | (unsigned)(len >> 8));
	add_u8(frames, (unsigned)len);
	add(frames, stream->at + from, len);
}

static const uint8_t first_id[8] = "firstid", other_id[5] = "other";

static void add_packet(struct bytes *datagram, struct sealing s, const struct bytes *frames)
{
	uint8_t packet[SEAL_BYTES_MAX];
	add(datagram, packet, seal_initial(&s, (struct span){frames->at, frames->len}, packet));
}

static struct sealing plain_sealing(uint32_t version, uint8_t number)
{
	return (struct sealing){
		version, {first_id, sizeof first_id}, {first_id, sizeof first_id}, number};
}

/* Pieces in a wrong order, PING, PADDING and ACK between them, an overlap, over two packets and two
 * datagrams. */
static void test_scrambled(void **state)
{
	(void)state;
	static const uint32_t versions[] = {V1, V2, 0xff00001d, 0xff000022};
	struct bytes hello = rfc_hello();
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		struct bytes one = {.len = 0}, two = {.len = 0}, three = {.len = 0};
		add_crypto(&one, &hello, 200, 41);
		add(&one, "\1\0\0\0\1", 5);
		add_crypto(&one, &hello, 50, 60);
		add(&two, "\2\5\0\1\0\0\0", 7);   /* ACK with one more range */
		add(&two, "\3\5\0\0\0\1\1\1", 8); /* ACK with ECN counts */
		add_crypto(&two, &hello, 100, 100);
		add_crypto(&three, &hello, 0, 51);
		struct bytes first = {.len = 0}, second = {.len = 0};
		add_packet(&first, plain_sealing(versions[i], 0), &one);
		add_packet(&first, plain_sealing(versions[i], 1), &two);
		add_packet(&second, plain_sealing(versions[i], 2), &three);
		struct lent lent;
		struct quic_crypto *q = begin(&lent);
		struct tls_hello got = {0};
		assert_false(feed(q, &first, &got));
		assert_int_equal(q->contiguous, 0);
		assert_true(feed(q, &second, &got));
		assert_int_equal(q->contiguous, hello.len);
		assert_string_equal(got.sni, "example.com");
	}
}

/* The server chose another id (keys stay), or sent a Retry (keys change). */
static void test_changed_ids(void **state)
{
	(void)state;
	struct bytes hello = rfc_hello();
	const struct span keys[] = {{first_id, sizeof first_id}, {other_id, sizeof other_id}};
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		struct bytes one = {.len = 0}, two = {.len = 0}, first = {.len = 0},
			     second = {.len = 0};
		add_crypto(&one, &hello, 0, 100);
		add_crypto(&two, &hello, 100, 141);
		add_packet(&first, plain_sealing(V1, 0), &one);
		add_packet(&second, (struct sealing){V1, keys[i], {other_id, sizeof other_id}, 1},
			&two);
		struct lent lent;
		struct quic_crypto *q = begin(&lent);
		struct tls_hello got = {0};
		assert_false(feed(q, &first, &got));
		assert_true(feed(q, &second, &got));
		assert_int_equal(q->dcid_len, keys[i].len);
		assert_int_equal(q->unopened, 0);
	}
}

static void test_foreign_packet(void **state)
{
	(void)state;
	struct bytes hello = rfc_hello(), frames = {.len = 0}, datagram = {.len = 0};
	add_crypto(&frames, &hello, 0, hello.len);
	add_packet(&datagram, plain_sealing(V1, 0), &frames);
	struct lent lent;
	struct quic_crypto *q = begin(&lent);
	struct tls_hello got = {0};
	datagram.at[datagram.len - 1] ^= 1;
	assert_false(feed(q, &datagram, &got));
	assert_int_equal(q->unopened, 1);
	assert_false(q->keyed);
	datagram.at[datagram.len - 1] ^= 1;
	assert_true(feed(q, &datagram, &got));
}

/* A packet of the right keys is opened whatever frame of an Initial it begins with, in its short or
 * a longer form; one that begins with anything else carries nothing for us and counts as unopened.
 */
static void test_first_frame(void **state)
{
	(void)state;
	for (unsigned first = 0; first < 256; first++) {
		struct bytes frames = {.len = 0}, datagram = {.len = 0};
		add_u8(&frames, first);
		add(&frames, "\0\0\0\0\0\0\0", 7);
		add_packet(&datagram, plain_sealing(V1, 0), &frames);
		struct lent lent;
		struct quic_crypto *q = begin(&lent);
		struct tls_hello got = {0};
		assert_false(feed(q, &datagram, &got));
		bool frame = first <= 3 || first == 6 || first == 0x1c || first == 0x40 ||
		             first == 0x80 || first == 0xc0;
		assert_int_equal(q->keyed, frame);
		assert_int_equal(q->unopened, !frame);
	}
	struct bytes hello = rfc_hello(), frames = {.len = 0}, datagram = {.len = 0};
	add(&frames, "\x80\0\0", 3);
	add_crypto(&frames, &hello, 0, hello.len);
	add_packet(&datagram, plain_sealing(V1, 0), &frames);
	struct lent lent;
	struct tls_hello got = {0};
	assert_true(feed(begin(&lent), &datagram, &got));
	assert_string_equal(got.sni, "example.com");
}

/* Packets of strangers, before and after the client's first, neither open nor spoil its keys. */
static void test_strangers(void **state)
{
	(void)state;
	struct bytes hello = rfc_hello(), one = {.len = 0}, two = {.len = 0};
	add_crypto(&one, &hello, 0, 100);
	add_crypto(&two, &hello, 100, 141);
	struct lent lent;
	struct quic_crypto *q = begin(&lent);
	struct tls_hello got = {0};
	static const struct span other = {other_id, sizeof other_id};
	static const struct span first = {first_id, sizeof first_id};
	const struct sealing strange[] = {
		{V1, other, first, 0}, {V1, first, other, 0}, {V2, other, first, 0}};
	const struct sealing own[] = {{V1, first, first, 0}, {V2, first, other, 1}};
	for (uint32_t i = 0; i < 2; i++) {
		for (uint32_t j = 0; j < ARRAY_LEN(strange); j++) {
			if (i > 0 && j == 1)
				continue; /* the client's own by now */
			struct bytes datagram = {.len = 0};
			add_packet(&datagram, strange[j], &one);
			assert_false(feed(q, &datagram, &got));
			assert_int_equal(q->keyed, i > 0);
		}
		assert_int_equal(q->unopened, i == 0 ? 3 : 5);
		struct bytes datagram = {.len = 0};
		add_packet(&datagram, own[i], i == 0 ? &one : &two);
		assert_int_equal(feed(q, &datagram, &got), i > 0);
		assert_int_equal(q->contiguous, i == 0 ? 100 : hello.len);
		assert_int_equal(q->dcid_len, sizeof first_id);
	}
	assert_string_equal(got.sni, "example.com");
}

static void test_beyond_the_buffer(void **state)
{
	(void)state;
	struct bytes hello = rfc_hello(), frames = {.len = 0}, datagram = {.len = 0};
	add_crypto(&frames, &hello, 0, hello.len);
	add_packet(&datagram, plain_sealing(V1, 0), &frames);
	struct lent lent;
	struct quic_crypto *q = begin(&lent);
	q->room = 100;
	struct tls_hello got = {0};
	assert_false(feed(q, &datagram, &got));
	assert_int_equal(q->contiguous, 100);
	assert_int_equal(q->beyond, hello.len - 100);
	struct lent empty = {.q = {0}};
	assert_false(feed(&empty.q, &datagram, &got));
	assert_int_equal(empty.q.beyond, hello.len);
}

static void test_looks(void **state)
{
	(void)state;
	static const struct {
		const char *hex;
		bool initial, quic;
	} rows[] = {
		{"c00000000100", false, false}, /* cut in the ids */
		{"c0000000010000", true, true}, {"f0000000010000", false, true}, /* Retry */
		{"d06b3343cf0000", true, true}, {"c06b3343cf0000", false, true},
		{"80000000010000", false, false}, /* no fixed bit */
		{"c0000000000000", false, false}, /* version negotiation */
		{"c0ff00001d0000", true, true}, {"c0ff00001c0000", false, false},
		{"40000000010000", false, false},     /* short header */
		{"c00000000115000000", false, false}, /* an id longer than 20 */
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct bytes b = {.len = 0};
		add_hex(&b, rows[i].hex);
		assert_int_equal(quic_is_initial(cur_of(b.at, b.len)), rows[i].initial);
		assert_int_equal(quic_looks_like(cur_of(b.at, b.len)), rows[i].quic);
	}
}

/* Every length of a whole datagram: the packet's own length does not fit, so nothing may come of
 * it. */
static void test_truncation(void **state)
{
	(void)state;
	struct bytes b = {.len = 0};
	add_hex(&b, rfc9001_a2);
	for (size_t n = 0; n < b.len; n++) {
		uint8_t *copy = malloc(n == 0 ? 1 : n);
		assert_non_null(copy);
		memcpy(copy, b.at, n);
		struct lent lent;
		struct quic_crypto *q = begin(&lent);
		struct tls_hello hello = {0};
		assert_false(quic_client_initial(q, cur_of(copy, n), &hello));
		assert_int_equal(q->contiguous, 0);
		(void)quic_is_initial(cur_of(copy, n));
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc_vectors),
		cmocka_unit_test(test_rfc_keys),
		cmocka_unit_test(test_scrambled),
		cmocka_unit_test(test_changed_ids),
		cmocka_unit_test(test_foreign_packet),
		cmocka_unit_test(test_first_frame),
		cmocka_unit_test(test_strangers),
		cmocka_unit_test(test_beyond_the_buffer),
		cmocka_unit_test(test_looks),
		cmocka_unit_test(test_truncation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
