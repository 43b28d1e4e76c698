#include "decode/ndpi.h"

#include "base/testing.h"
#include "decode/decode.h"

/* A packet between the same two hosts, from the client or back. */
static struct packet packet_of(
	uint8_t proto, bool back, uint8_t flags, const char *payload, size_t len)
{
	struct addr client = addr_v4(0xc0000201), server = addr_v4(0xc6336407);
	return (struct packet){.proto = proto,
		.src = back ? server : client,
		.dst = back ? client : server,
		.src_port = back ? 40001 : 40000,
		.dst_port = back ? 40000 : 40001,
		.tcp_flags = flags,
		.tcp_seq = flags == TCP_SYN ? 0 : 1,
		.payload = cur_of(payload, len)};
}

static struct namer *begin(size_t slots)
{
	struct namer *n = NULL;
	assert_int_equal(namer_new(&n, slots), 0);
	return n;
}

static void test_named(void **state)
{
	(void)state;
	static const char invite[] = "INVITE sip:b@b.example SIP/2.0\r\n"
				     "Via: SIP/2.0/UDP a.example:5060;branch=z9hG4bK1\r\n"
				     "From: <sip:a@a.example>;tag=1\r\nTo: <sip:b@b.example>\r\n"
				     "Call-ID: 1@a.example\r\nCSeq: 1 INVITE\r\n\r\n";
	struct namer *n = begin(4);
	uint32_t place = namer_begin(n);
	assert_int_not_equal(place, 0);
	struct packet p = packet_of(IP_UDP, false, 0, invite, sizeof invite - 1);
	const char *name = namer_guess(n, &place, &p);
	assert_non_null(name);
	assert_string_equal(name, "sip");
	assert_int_equal(place, 0);
	namer_free(n);
}

/* What one conversation was says nothing about the next between the same two. */
static void test_not_remembered(void **state)
{
	(void)state;
	static const char hello[] =
		"\023BitTorrent protocol\0\0\0\0\0\0\0\0aaaaaaaaaaaaaaaaaaaa-XX0000-aaaaaaaaaaaa";
	struct namer *n = begin(1);
	for (size_t round = 0; round < 2; round++) {
		uint32_t place = namer_begin(n);
		struct packet p = packet_of(IP_TCP, false, TCP_PSH | TCP_ACK, "\1\2zzzz", 6);
		if (round == 0)
			p.payload = cur_of(hello, sizeof hello - 1);
		for (size_t i = 0; i < NAMER_PACKETS_MAX; i++)
			assert_null(namer_guess(n, &place, &p));
	}
	namer_free(n);
}

static void test_given_up(void **state)
{
	(void)state;
	struct namer *n = begin(1);
	for (size_t round = 0; round < 3; round++) {
		uint32_t place = namer_begin(n);
		assert_int_equal(place, 1);
		assert_int_equal(namer_begin(n), 0);
		for (size_t i = 0; i < NAMER_PACKETS_MAX; i++) {
			assert_int_equal(place, 1);
			struct packet p = packet_of(IP_UDP, i % 2 != 0, 0, "\x01\x02zzzz", 6);
			assert_null(namer_guess(n, &place, &p));
		}
		assert_int_equal(place, 0);
		struct packet p = {0};
		assert_null(namer_guess(n, &place, &p));
	}
	assert_int_equal(namer_refused(n), 3);
	uint32_t place = namer_begin(n);
	namer_end(n, &place);
	assert_int_equal(place, 0);
	namer_end(n, &place);
	namer_free(n);
}

/* nDPI 4.2 keeps both transports' state in one union and frees what the first left there as the
 * second's. */
static void test_changed_transport(void **state)
{
	(void)state;
	static const char lots[3000] = "\x06\0\0\0\x60\x06";
	struct namer *n = begin(1);
	for (size_t i = 0; i < 2; i++) {
		uint32_t place = namer_begin(n);
		struct packet first =
			packet_of(i == 0 ? IP_UDP : IP_TCP, false, 0, lots, sizeof lots);
		struct packet second =
			packet_of(i == 0 ? IP_TCP : IP_UDP, false, 0, lots, sizeof lots);
		assert_null(namer_guess(n, &place, &first));
		assert_null(namer_guess(n, &place, &second));
		assert_int_equal(place, 0);
	}
	uint32_t place = namer_begin(n);
	struct packet icmp = packet_of(IP_ICMP, false, 0, "x", 1);
	assert_null(namer_guess(n, &place, &icmp));
	assert_int_equal(place, 0);
	/* the largest header and payload there are */
	place = namer_begin(n);
	struct packet big = packet_of(IP_TCP, false, TCP_ACK, lots, sizeof lots);
	big.src.byte[0] = 0x20;
	assert_null(namer_guess(n, &place, &big));
	assert_int_not_equal(place, 0);
	namer_end(n, &place);
	namer_free(n);
}

static void test_limits(void **state)
{
	(void)state;
	struct namer *n = NULL;
	assert_int_equal(namer_new(&n, 0), -22);
	assert_int_equal(namer_new(&n, NAMER_SLOTS_MAX + 1), -22);
	assert_null(n);
	namer_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_named),
		cmocka_unit_test(test_not_remembered),
		cmocka_unit_test(test_given_up),
		cmocka_unit_test(test_changed_transport),
		cmocka_unit_test(test_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
