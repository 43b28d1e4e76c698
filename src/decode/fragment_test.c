#include "decode/fragment.h"

#include "decode/packet_testing.h"

#define RAW   101
#define BYTES 4008 /* a UDP datagram with its header */

/* One fragment to send: the bytes [at, at + len) of the datagram. */
struct part {
	size_t at, len;
	bool more;
};

static uint8_t datagram[65536];

static void make_datagram(size_t len)
{
	for (size_t i = 0; i < len; i++)
		datagram[i] = (uint8_t)(i * 7 + i / 251);
	set16(datagram, INNER_SRC);
	set16(datagram + 2, INNER_DST);
	set16(datagram + 4, len);
}

struct sender {
	struct decoder *d;
	int64_t time_ns;
	uint16_t id;
	uint8_t proto, ttl;
	bool v6, tag;
	size_t cut; /* bytes of each frame that the capture leaves out */
	struct packet got;
};

static struct sender start(size_t fragment_bytes)
{
	struct sender s = {.time_ns = 7, .id = 1, .proto = IP_UDP, .ttl = 64};
	assert_int_equal(decoder_new(&s.d, fragment_bytes), 0);
	return s;
}

static void front_fragment_v6(struct frame_bytes *b, const struct sender *s, struct part part)
{
	front(b, "0000 0000 0000 0000");
	b->at[0] = s->proto;
	set16(b->at + 2, part.at | part.more);
	set16(b->at + 6, s->id);
	front_ipv6(b, 44);
	b->at[7] = s->ttl;
}

static void front_fragment_v4(struct frame_bytes *b, const struct sender *s, struct part part)
{
	front_ipv4(b, s->proto);
	set16(b->at + 4, s->id);
	set16(b->at + 6, part.at / 8 | (part.more ? 0x2000u : 0));
	b->at[8] = s->ttl;
}

static enum decoded send_bytes(struct sender *s, const uint8_t *bytes, struct part part)
{
	static struct frame_bytes b;
	b.len = 0;
	put(&b, bytes, part.len);
	if (s->v6)
		front_fragment_v6(&b, s, part);
	else
		front_fragment_v4(&b, s, part);
	if (s->tag)
		front(&b, "020000000001 020000000002 8100 0007 0800");
	else
		front_ethernet(&b, s->v6 ? 0x86dd : 0x0800);
	uint8_t *exact = malloc(b.len);
	assert_non_null(exact);
	memcpy(exact, b.at, b.len);
	struct frame frame = {.time_ns = s->time_ns,
		.bytes = exact,
		.cap_bytes = (uint32_t)(b.len - s->cut),
		.wire_bytes = (uint32_t)b.len,
		.linktype = 1};
	enum decoded verdict = decode_frame(s->d, &frame, &s->got);
	free(exact); /* a whole datagram does not lie in its last frame */
	return verdict;
}

static enum decoded send(struct sender *s, size_t at, size_t len, bool more)
{
	return send_bytes(s, datagram + at, (struct part){at, len, more});
}

static void assert_whole(const struct sender *s, size_t len)
{
	const struct packet *p = &s->got;
	assert_ports(p, IP_UDP, INNER_SRC, INNER_DST);
	assert_addr(&p->src, s->v6 ? "2001:db8::1" : "192.0.2.1");
	assert_int_equal(p->wire_bytes, len + (s->v6 ? 40 : 20));
	assert_int_equal(p->payload_wire, len - 8);
	assert_int_equal(p->payload.len, len - 8);
	struct cur c = p->payload;
	assert_memory_equal(cur_bytes(&c, c.len).ptr, datagram + 8, len - 8);
}

static const struct part parts[] = {
	{0, 1000, true}, {1000, 1480, true}, {2480, 8, true}, {2488, BYTES - 2488, false}};

/* In every order: the last one to come completes the datagram. */
static void test_orders(void **state)
{
	(void)state;
	make_datagram(BYTES);
	for (int v6 = 0; v6 <= 1; v6++) {
		struct sender s = start((size_t)1 << 20);
		s.v6 = v6;
		for (unsigned order = 0; order < 256; order++) {
			unsigned seen = 0;
			for (unsigned i = 0; i < 4; i++)
				seen |= 1u << (order >> 2 * i & 3);
			if (seen != 0xf)
				continue;
			s.id++;
			for (unsigned i = 0; i < 4; i++) {
				const struct part *part = &parts[order >> 2 * i & 3];
				s.ttl = part->at == 0 ? 33 : 44; /* the first one's counts */
				assert_int_equal(send(&s, part->at, part->len, part->more),
					i == 3 ? DECODED_OK : DECODED_FRAGMENT);
			}
			assert_whole(&s, BYTES);
			assert_int_equal(s.got.ttl, 33);
		}
		assert_int_equal(decoder_counts(s.d)[DECODED_OK], 24);
		assert_int_equal(decoder_counts(s.d)[DECODED_FRAGMENT], 72);
		assert_int_equal(decoder_fragments_dropped(s.d), 0);
		decoder_free(s.d);
	}
}

/* What came first stays: sent as letters, so that the result shows who won. */
static void test_overlap(void **state)
{
	(void)state;
	static const struct {
		struct part part[5];
		const char *payload; /* behind the UDP header */
	} rows[] = {
		{{{0, 24, true}, {16, 24, true}, {32, 16, false}},
			"aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbcccccccc"},
		{{{32, 16, false}, {16, 24, true}, {0, 24, true}},
			"ccccccccbbbbbbbbbbbbbbbbaaaaaaaaaaaaaaaa"},
		/* one that goes over two gaps and what lies between them */
		{{{0, 8, true}, {16, 8, true}, {32, 16, false}, {8, 32, true}},
			"ddddddddbbbbbbbbddddddddcccccccccccccccc"},
		/* within another; the same again; the same end again */
		{{{0, 32, true}, {8, 8, true}, {0, 32, true}, {24, 24, false}},
			"aaaaaaaaaaaaaaaaaaaaaaaadddddddddddddddd"},
		{{{16, 32, false}, {40, 8, false}, {16, 32, false}, {0, 24, true}},
			"ddddddddaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
	};
	static const char header[] = {0x04, (char)0xd2, 0x16, 0x2e, 0, 48, 0, 0};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sender s = start((size_t)1 << 20);
		enum decoded verdict = DECODED_FRAGMENT;
		for (size_t k = 0; rows[i].part[k].len > 0; k++) {
			assert_int_equal(verdict, DECODED_FRAGMENT);
			uint8_t bytes[64];
			memset(bytes, 'a' + (int)k, sizeof bytes);
			if (rows[i].part[k].at == 0)
				memcpy(bytes, header, sizeof header);
			verdict = send_bytes(&s, bytes, rows[i].part[k]);
		}
		assert_int_equal(verdict, DECODED_OK);
		assert_int_equal(s.got.payload.len, 40);
		struct cur c = s.got.payload;
		char text[41] = {0};
		struct span got = cur_bytes(&c, 40);
		CHECK(got.ptr != NULL);
		memcpy(text, got.ptr, 40);
		assert_string_equal(text, rows[i].payload);
		decoder_free(s.d);
	}
}

/* Linux's reading: in IPv4 what is left over eights is cut off; IPv6 refuses it. */
static void test_eights(void **state)
{
	(void)state;
	make_datagram(40);
	struct sender s = start((size_t)1 << 20);
	assert_int_equal(send(&s, 0, 21, true), DECODED_FRAGMENT);
	assert_int_equal(send(&s, 16, 24, false), DECODED_OK);
	assert_whole(&s, 40);
	s.id++;
	assert_int_equal(send(&s, 0, 7, true), DECODED_BAD);
	s.v6 = true;
	assert_int_equal(send(&s, 0, 21, true), DECODED_BAD);
	assert_int_equal(decoder_fragments_dropped(s.d), 0);
	decoder_free(s.d);
}

static void test_contradictions(void **state)
{
	(void)state;
	make_datagram(65528);
	struct sender s = start((size_t)1 << 20);
	assert_int_equal(send(&s, 8, 0, true), DECODED_BAD);
	assert_int_equal(send(&s, 8, 0, false), DECODED_BAD);
	/* the ping of death: over 65535 with its header */
	assert_int_equal(send(&s, 65520, 8, false), DECODED_BAD);
	assert_int_equal(send(&s, 65512, 16, true), DECODED_BAD);
	assert_int_equal(send(&s, 65512, 4, false), DECODED_BAD);
	/* teardrop: the last one ends within the first */
	s.id++;
	assert_int_equal(send(&s, 0, 32, true), DECODED_FRAGMENT);
	assert_int_equal(send(&s, 24, 4, false), DECODED_BAD);
	/* two ends; something at the end and behind it */
	s.id++;
	assert_int_equal(send(&s, 64, 8, false), DECODED_FRAGMENT);
	assert_int_equal(send(&s, 64, 9, false), DECODED_BAD);
	assert_int_equal(send(&s, 56, 8, false), DECODED_BAD);
	assert_int_equal(send(&s, 64, 8, true), DECODED_BAD);
	assert_int_equal(send(&s, 80, 8, true), DECODED_BAD);
	/* the datagram takes no harm */
	make_datagram(72);
	assert_int_equal(send(&s, 0, 64, true), DECODED_OK);
	assert_whole(&s, 72);
	decoder_free(s.d);
}

static void test_longest(void **state)
{
	(void)state;
	for (int v6 = 0; v6 <= 1; v6++) {
		size_t len = v6 ? 65535 : 65515;
		make_datagram(len);
		struct sender s = start((size_t)1 << 20);
		s.v6 = v6;
		for (size_t at = 0; at < len; at += 16000)
			assert_int_equal(
				send(&s, at, len - at < 16000 ? len - at : 16000, len - at > 16000),
				len - at > 16000 ? DECODED_FRAGMENT : DECODED_OK);
		assert_whole(&s, len);
		decoder_free(s.d);
	}
}

/* The tiniest fragments, in order, are joined as they come. Backwards they cannot be: a datagram
 * then has FRAGMENT_PIECES_MAX of them. */
static void test_tiny(void **state)
{
	(void)state;
	make_datagram(BYTES);
	struct sender s = start((size_t)1 << 20);
	for (size_t at = 0; at < BYTES; at += 8)
		assert_int_equal(send(&s, at, 8, at + 8 < BYTES),
			at + 8 < BYTES ? DECODED_FRAGMENT : DECODED_OK);
	assert_whole(&s, BYTES);
	s.id++;
	for (int i = 0; i <= FRAGMENT_PIECES_MAX; i++) {
		assert_int_equal(decoder_fragments_dropped(s.d), 0);
		assert_int_equal(send(&s, BYTES - 8 - (size_t)i * 8, 8, i > 0), DECODED_FRAGMENT);
	}
	assert_int_equal(decoder_fragments_dropped(s.d), 1);
	decoder_free(s.d);
}

static void test_timeout(void **state)
{
	(void)state;
	make_datagram(16);
	struct sender s = start((size_t)1 << 20);
	const int64_t begin = INT64_C(1700000000) * NS_PER_S;
	s.time_ns = begin;
	assert_int_equal(send(&s, 0, 8, true), DECODED_FRAGMENT);
	s.time_ns = begin + FRAGMENT_WAIT_NS;
	assert_int_equal(send(&s, 8, 8, false), DECODED_OK);
	assert_whole(&s, 16);
	s.id++;
	s.time_ns = begin;
	assert_int_equal(send(&s, 0, 8, true), DECODED_FRAGMENT);
	s.time_ns = begin + FRAGMENT_WAIT_NS + 1;
	assert_int_equal(send(&s, 8, 8, false), DECODED_FRAGMENT); /* a hole at its start */
	assert_int_equal(decoder_fragments_dropped(s.d), 1);
	assert_int_equal(send(&s, 0, 8, true), DECODED_OK);
	/* any time a file can hold */
	s.id++;
	s.time_ns = INT64_MIN;
	assert_int_equal(send(&s, 0, 8, true), DECODED_FRAGMENT);
	s.time_ns = INT64_MAX;
	s.id++;
	assert_int_equal(send(&s, 0, 8, true), DECODED_FRAGMENT);
	assert_int_equal(decoder_fragments_dropped(s.d), 2);
	s.time_ns = INT64_MIN;
	assert_int_equal(send(&s, 8, 8, false), DECODED_OK);
	decoder_free(s.d);
}

/* Room for a few datagrams only: the oldest goes first, and is counted. */
static void test_room(void **state)
{
	(void)state;
	make_datagram(16);
	struct sender s = start(8192);
	uint16_t sent = 0;
	while (decoder_fragments_dropped(s.d) == 0) {
		s.id = ++sent;
		assert_int_equal(send(&s, 0, 8, true), DECODED_FRAGMENT);
		assert_true(sent < 10);
	}
	assert_int_equal(sent, 6); /* 8192 bytes hold 5 pieces with what they need around */
	s.id = 2;
	assert_int_equal(send(&s, 8, 8, false), DECODED_OK);
	s.id = 1; /* the one that is gone begins anew, in the place just left */
	assert_int_equal(send(&s, 8, 8, false), DECODED_FRAGMENT);
	assert_int_equal(decoder_fragments_dropped(s.d), 1);
	for (s.id = 3; s.id <= sent; s.id++)
		assert_int_equal(send(&s, 8, 8, false), DECODED_OK);
	s.id = 1;
	assert_int_equal(send(&s, 0, 8, true), DECODED_OK);
	assert_whole(&s, 16);
	assert_int_equal(decoder_fragments_dropped(s.d), 1);
	/* the oldest makes room for the pieces of a later one */
	make_datagram(BYTES);
	s.id = 20;
	assert_int_equal(send(&s, 0, 8, true), DECODED_FRAGMENT);
	s.id = 21;
	assert_int_equal(send(&s, 0, 8, true), DECODED_FRAGMENT);
	for (size_t at = 800; at < 3200; at += 800)
		assert_int_equal(send(&s, at, 400, true), DECODED_FRAGMENT);
	assert_int_equal(decoder_fragments_dropped(s.d), 1);
	assert_int_equal(send(&s, 3200, 400, true), DECODED_FRAGMENT);
	assert_int_equal(decoder_fragments_dropped(s.d), 2);
	s.id = 20; /* gone; so this makes the other one go */
	assert_int_equal(send(&s, 8, 8, true), DECODED_FRAGMENT);
	assert_int_equal(decoder_fragments_dropped(s.d), 3);
	/* one that needs more than all there is */
	make_datagram((size_t)BYTES * 2);
	s.id = 9;
	assert_int_equal(send(&s, 0, 8000, true), DECODED_FRAGMENT);
	assert_int_equal(decoder_fragments_dropped(s.d), 5);
	assert_int_equal(send(&s, 8000, 16, false), DECODED_FRAGMENT);
	decoder_free(s.d);
}

static void test_no_room(void **state)
{
	(void)state;
	make_datagram(16);
	struct sender s = start(0);
	assert_int_equal(send(&s, 0, 8, true), DECODED_FRAGMENT);
	assert_int_equal(send(&s, 8, 8, false), DECODED_FRAGMENT);
	assert_int_equal(decoder_fragments_dropped(s.d), 2);
	assert_int_equal(send(&s, 0, 16, false), DECODED_OK); /* no fragment */
	assert_whole(&s, 16);
	decoder_free(s.d);
}

/* Datagrams are told apart by addresses, number, and, in IPv4, protocol; the tag is no part. */
static void test_key(void **state)
{
	(void)state;
	make_datagram(16);
	struct sender s = start((size_t)1 << 20);
	assert_int_equal(send(&s, 0, 8, true), DECODED_FRAGMENT);
	s.id = 2;
	assert_int_equal(send(&s, 8, 8, false), DECODED_FRAGMENT);
	s.id = 1;
	s.proto = IP_TCP;
	assert_int_equal(send(&s, 8, 8, false), DECODED_FRAGMENT);
	s.proto = IP_UDP;
	s.tag = true;
	assert_int_equal(send(&s, 8, 8, false), DECODED_OK);
	assert_whole(&s, 16);
	assert_int_equal(s.got.vlan, 7);
	s = (struct sender){.d = s.d, .id = 2, .proto = IP_UDP, .ttl = 64, .v6 = true};
	assert_int_equal(send(&s, 0, 8, true), DECODED_FRAGMENT);
	s.proto = 0xee; /* RFC 8200 4.5: only the first one's next header counts */
	assert_int_equal(send(&s, 8, 8, false), DECODED_OK);
	assert_whole(&s, 16);
	decoder_free(s.d);
}

/* Each frame cut by the capture: sizes from the headers, bytes up to the first that is missing. */
static void test_cut(void **state)
{
	(void)state;
	make_datagram(BYTES);
	struct sender s = start((size_t)1 << 20);
	s.cut = 100;
	assert_int_equal(send(&s, 1000, BYTES - 1000, false), DECODED_FRAGMENT);
	assert_int_equal(send(&s, 0, 1000, true), DECODED_OK);
	assert_ports(&s.got, IP_UDP, INNER_SRC, INNER_DST);
	assert_int_equal(s.got.payload_wire, BYTES - 8);
	assert_int_equal(s.got.payload.len, 900 - 8);
	s.id++;
	s.cut = 1000; /* nothing of the first but its IP header */
	assert_int_equal(send(&s, 0, 1000, true), DECODED_FRAGMENT);
	s.cut = 0;
	assert_int_equal(send(&s, 1000, BYTES - 1000, false), DECODED_SHORT);
	decoder_free(s.d);
}

/* A fragmented packet in GRE in fragments. */
static enum decoded send_nested(struct decoder *d, struct packet *p)
{
	static struct frame_bytes outer[2];
	enum decoded verdict = DECODED_FRAGMENT;
	for (int inner = 0; inner <= 1; inner++) {
		struct frame_bytes *b = &outer[inner];
		b->len = 0;
		put(b, datagram + (inner ? 496 : 0), inner ? 504 : 496);
		front_ipv4(b, IP_UDP);
		set16(b->at + 6, inner ? 496 / 8 : 0x2000);
		front(b, "0000 0800");
		for (int part = 0; part <= 1; part++) {
			static struct frame_bytes f;
			f.len = 0;
			put(&f, b->at + (part ? 256 : 0), part ? b->len - 256 : 256);
			front_ipv4(&f, 47);
			set16(f.at + 4, (size_t)inner + 77);
			set16(f.at + 6, part ? 256 / 8 : 0x2000);
			assert_int_equal(verdict, DECODED_FRAGMENT);
			verdict = decode_part(d, RAW, f.at, (const size_t[]){f.len, f.len}, p);
		}
	}
	return verdict;
}

static void test_nested(void **state)
{
	(void)state;
	struct decoder *d = new_decoder();
	struct packet p;
	make_datagram(1000);
	assert_int_equal(send_nested(d, &p), DECODED_OK);
	assert_ports(&p, IP_UDP, INNER_SRC, INNER_DST);
	assert_int_equal(p.tunnels, 1);
	assert_int_equal(p.wire_bytes, 1020);
	assert_int_equal(p.payload.len, 992);
	struct cur c = p.payload;
	assert_memory_equal(cur_bytes(&c, 992).ptr, datagram + 8, 992);
	/* the packet around an inner one that is no good cannot be had: its bytes lay where the
	 * inner one's now do */
	set16(datagram + 4, 7);
	assert_int_equal(send_nested(d, &p), DECODED_BAD);
	decoder_free(d);
}

/* Cut anywhere, overlapping anyhow, in any order: all the same bytes in the end. */
static void test_random(void **state)
{
	(void)state;
	uint64_t seed = 88172645463325252; /* xorshift64 */
	struct sender s = start((size_t)1 << 20);
	for (int round = 0; round < 2000; round++) {
		size_t units = 2 + seed % 400, len = units * 8 - seed / 400 % 8;
		make_datagram(len);
		s.id++;
		enum decoded verdict = DECODED_FRAGMENT;
		uint8_t known[512] = {0};
		size_t missing = units;
		while (missing > 0) {
			assert_int_equal(verdict, DECODED_FRAGMENT);
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			size_t at = seed % units, count = 1 + (seed >> 20) % 40;
			count = count > units - at ? units - at : count;
			for (size_t i = at; i < at + count; i++) {
				missing -= known[i] == 0;
				known[i] = 1;
			}
			bool more = at + count < units;
			verdict = send(&s, at * 8, more ? count * 8 : len - at * 8, more);
			if (at == 0 && !more) /* all of it at once: no fragment */
				break;
		}
		assert_int_equal(verdict, DECODED_OK);
		assert_whole(&s, len);
	}
	decoder_free(s.d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_orders),
		cmocka_unit_test(test_overlap),
		cmocka_unit_test(test_eights),
		cmocka_unit_test(test_contradictions),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_tiny),
		cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_nested),
		cmocka_unit_test(test_random),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
