/* What TLS and QUIC tell before they are encrypted, and how they fail. */
#include "flow/tls_testing.h"

static void test_tls(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = connected(&w, 8443);
	struct bytes hello = client_hello(), answer = server_hello(), data = data_record(400);
	send_all(&w, &l, OUT, &hello);
	at(&w, 30);
	send_all(&w, &l, IN, &answer);
	assert_int_equal(w.events, 0); /* it may still refuse */
	at(&w, 31);
	send_all(&w, &l, IN, &data);
	assert_int_equal(w.events, 1);
	const struct conn *c = &w.got[0].conn;
	assert_outcome(c, OUTCOME_OK);
	assert_hello(c);
	assert_int_equal(c->request_bytes, 305);
	assert_int_equal(c->response_bytes, 43 + 4 + 405);
	assert_ms(c->first_data_ns, 30);
	at(&w, 32);
	send_all(&w, &l, OUT, &data);
	at(&w, 33);
	send_all(&w, &l, IN, &data);
	finish(&w);
	c = last_end(&w);
	assert_false(c->settled);
	assert_int_equal(c->response_bytes, 452);
	assert_int_equal(c->bytes_out, 305 + 405);
	assert_int_equal(c->bytes_in, 452 + 405);
	world_free(&w);
}

/* The hello in records of 7 bytes and segments of every size, in order and the other way round. */
static void test_tls_in_pieces(void **state)
{
	(void)state;
	struct bytes body = hello_of("c2.example.net", 300), hello = records_of(22, &body, 7);
	static const size_t steps[] = {1, 2, 3, 5, 31, 32, 33, 100, 514, 4096};
	for (size_t i = 0; i < 2 * ARRAY_LEN(steps); i++) {
		struct world w = world_new();
		struct line l = connected(&w, 8443);
		size_t step = steps[i / 2], last = (hello.len - 1) / step;
		bool backwards = i % 2 == 1 && last < 12; /* LATE_PIECES_MAX */
		for (size_t j = 0; j <= last; j++) {
			size_t piece = (backwards ? last - j : j) * step;
			size_t n = hello.len - piece < step ? hello.len - piece : step;
			send_piece(&w, &l, OUT, &hello, piece, n);
		}
		l.seq[OUT] += (uint32_t)hello.len;
		struct bytes data = data_record(40);
		send_all(&w, &l, IN, &data);
		assert_int_equal(w.events, 1);
		assert_hello(&w.got[0].conn);
		assert_int_equal(w.got[0].conn.bytes_out, hello.len);
		assert_int_equal(w.got[0].conn.request_bytes, hello.len);
		world_free(&w);
	}
}

/* Segments that overlap: what came first stays, bytes count once. */
static void test_tls_overlapping(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = connected(&w, 443);
	struct bytes hello = client_hello(), other = client_hello(), data = data_record(40);
	memset(other.at, 0xff, other.len);
	send_piece(&w, &l, OUT, &hello, 0, 70); /* the name is at 63 */
	send_piece(&w, &l, OUT, &other, 40, 30);
	send_piece(&w, &l, OUT, &hello, 60, 100);
	send_piece(&w, &l, OUT, &hello, 150, 155);
	l.seq[OUT] += 305;
	send_all(&w, &l, IN, &data);
	assert_hello(&w.got[0].conn);
	assert_int_equal(w.got[0].conn.bytes_out, 305);
	world_free(&w);
}

static void test_tls_alert(void **state)
{
	(void)state;
	for (int fatal = 0; fatal < 2; fatal++) {
		struct world w = world_new();
		struct line l = connected(&w, 443);
		struct bytes hello = client_hello(), answer = server_hello();
		send_all(&w, &l, OUT, &hello);
		at(&w, 40);
		/* level 1, unrecognized_name, is only a warning */
		send_bytes(&w, &l, IN, fatal ? "\x15\3\3\0\2\2\x28" : "\x15\3\3\0\2\1\x70", 7);
		at(&w, 50);
		if (!fatal)
			send_all(&w, &l, IN, &answer);
		send_flags(&w, &l, IN, TCP_FIN | TCP_ACK);
		finish(&w);
		const struct conn *c = last_end(&w);
		assert_outcome(c, fatal ? OUTCOME_TLS_ALERT : OUTCOME_OK);
		assert_int_equal(c->fail_ns, fatal ? MS(40) : 0);
		assert_hello(c);
		world_free(&w);
	}
}

/* The server cuts after the hello, or after its own; not after data, nor when the client refused.
 */
static void test_tls_cut(void **state)
{
	(void)state;
	static const struct {
		int64_t cut_ms;
		enum outcome outcome;
		bool server_hello, client_alert, client_fin, data;
	} rows[] = {
		{40, OUTCOME_RESET, false, false, false, false},
		{9999, OUTCOME_RESET, true, false, false, false},
		{10000, OUTCOME_OK, true, false, false, false},
		{60, OUTCOME_OK, true, true, false, false},
		{60, OUTCOME_OK, true, false, true, false},
		{60, OUTCOME_OK, true, false, false, true},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct world w = world_new();
		struct line l = connected(&w, 443);
		struct bytes hello = client_hello(), answer = server_hello(), data = data_record(9);
		send_all(&w, &l, OUT, &hello);
		at(&w, 20);
		if (rows[i].server_hello)
			send_all(&w, &l, IN, &answer);
		if (rows[i].data)
			send_all(&w, &l, IN, &data);
		at(&w, 30);
		if (rows[i].client_alert)
			send_bytes(&w, &l, OUT, "\x15\3\3\0\2\2\x2a", 7);
		if (rows[i].client_fin)
			send_flags(&w, &l, OUT, TCP_FIN | TCP_ACK);
		at(&w, rows[i].cut_ms);
		send_flags(&w, &l, IN, TCP_RST | TCP_ACK);
		finish(&w);
		assert_outcome(last_end(&w), rows[i].outcome);
		if (rows[i].outcome == OUTCOME_RESET)
			assert_ms(last_end(&w)->fail_ns, rows[i].cut_ms);
		world_free(&w);
	}
}

/* What the tap lost of the server's messages must not make a failure. */
static void test_tls_hole(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = connected(&w, 443);
	struct bytes hello = client_hello(), answer = server_hello(), data = data_record(1000);
	send_all(&w, &l, OUT, &hello);
	l.seq[IN] += (uint32_t)answer.len;
	at(&w, 20);
	for (int i = 0; i < 3; i++)
		send_all(&w, &l, IN, &data);
	at(&w, 30);
	send_flags(&w, &l, IN, TCP_RST | TCP_ACK);
	finish(&w);
	assert_outcome(last_end(&w), OUTCOME_OK);
	assert_int_equal(last_end(&w)->bytes_in, answer.len + 3 * (size_t)1005);
	world_free(&w);
}

static void test_tls_cut_by_the_capture(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = connected(&w, 443);
	struct bytes hello = client_hello(), answer = server_hello();
	struct packet p = segment(&w, &l, OUT, TCP_PSH | TCP_ACK, hello.at, hello.len);
	p.payload = cur_of(hello.at, 40);
	give(&w, &p);
	at(&w, 20);
	p = segment(&w, &l, IN, TCP_PSH | TCP_ACK, answer.at, answer.len);
	p.payload = cur_of(answer.at, 40);
	give(&w, &p);
	assert_int_equal(w.events, 1);
	assert_outcome(&w.got[0].conn, OUTCOME_OK);
	assert_string_equal(w.got[0].conn.service, "tls");
	assert_null(w.got[0].conn.name);
	assert_int_equal(w.got[0].conn.bytes_out, 305);
	world_free(&w);
}

/* A certificate whose first subjectAltName is a.example; its key and signature are empty. */
static const uint8_t der[] = {0x30, 0x81, 0x96, 0x30, 0x81, 0x87, 0xa0, 0x03, 0x02, 0x01, 0x02,
	0x02, 0x01, 0x01, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x30, 0x19, 0x31, 0x17, 0x30,
	0x15, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, 0x0e, 0x69, 0x73, 0x73, 0x75, 0x65, 0x72, 0x2e,
	0x65, 0x78, 0x61, 0x6d, 0x70, 0x6c, 0x65, 0x30, 0x04, 0x17, 0x00, 0x17, 0x00, 0x30, 0x16,
	0x31, 0x14, 0x30, 0x12, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, 0x0b, 0x6f, 0x6c, 0x64, 0x2e,
	0x65, 0x78, 0x61, 0x6d, 0x70, 0x6c, 0x65, 0x30, 0x05, 0x30, 0x00, 0x03, 0x01, 0x00, 0xa3,
	0x36, 0x30, 0x34, 0x30, 0x0c, 0x06, 0x03, 0x55, 0x1d, 0x13, 0x01, 0x01, 0xff, 0x04, 0x02,
	0x30, 0x00, 0x30, 0x24, 0x06, 0x03, 0x55, 0x1d, 0x11, 0x01, 0x01, 0xff, 0x04, 0x1a, 0x30,
	0x18, 0x82, 0x09, 0x61, 0x2e, 0x65, 0x78, 0x61, 0x6d, 0x70, 0x6c, 0x65, 0x82, 0x0b, 0x2a,
	0x2e, 0x62, 0x2e, 0x65, 0x78, 0x61, 0x6d, 0x70, 0x6c, 0x65, 0x30, 0x05, 0x06, 0x03, 0x2b,
	0x65, 0x70, 0x03, 0x03, 0x00, 0x01, 0x02};

/* A Certificate message (RFC 5246 7.4.2) with that one. */
static struct bytes certificate_message(void)
{
	struct bytes b = {.len = 0};
	add(&b, 11, 1);
	add(&b, sizeof der + 6, 3);
	add(&b, sizeof der + 3, 3);
	add(&b, sizeof der, 3);
	memcpy(b.at + b.len, der, sizeof der);
	b.len += sizeof der;
	return b;
}

/* The server's certificate of TLS 1.2, in two segments; its encrypted messages, then data. */
static void test_tls_certificate(void **state)
{
	(void)state;
	struct bytes body = certificate_message();
	struct bytes certificate = records_of(22, &body, 4096), hello = client_hello(),
		     answer = server_hello(), data = data_record(20);
	struct world w = world_new();
	struct line l = connected(&w, 443);
	send_all(&w, &l, OUT, &hello);
	send_all(&w, &l, IN, &answer);
	send_piece(&w, &l, IN, &certificate, 0, 20);
	send_piece(&w, &l, IN, &certificate, 20, certificate.len - 20);
	l.seq[IN] += (uint32_t)certificate.len;
	send_bytes(&w, &l, OUT, "\x14\3\3\0\1\1", 6);
	send_bytes(&w, &l, IN, "\x14\3\3\0\1\1", 6);
	assert_int_equal(w.events, 0);
	send_all(&w, &l, IN, &data);
	assert_int_equal(w.events, 1);
	assert_string_equal(w.got[0].conn.certificate, "a.example");
	assert_hello(&w.got[0].conn); /* nobody asked for the certificate's name */
	world_free(&w);
}

/* What begins as TLS and goes on as something else is no failure by itself. */
static void test_tls_turns_out_bad(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = connected(&w, 443);
	struct bytes hello = client_hello();
	send_all(&w, &l, OUT, &hello);
	send_bytes(&w, &l, IN, "\x16\3\3\0\4\2\0\0\0zzzzzzzz", 17);
	assert_int_equal(w.events, 1);
	assert_outcome(&w.got[0].conn, OUTCOME_OK);
	world_free(&w);
}

/* The server falls silent in the middle of the handshake. */
static void test_tls_stalls(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = connected(&w, 443);
	struct bytes hello = client_hello(), answer = server_hello();
	send_all(&w, &l, OUT, &hello);
	at(&w, 20);
	send_all(&w, &l, IN, &answer);
	at(&w, 30);
	struct packet p = send_bytes(&w, &l, OUT, "\x14\3\3\0\1\1", 6);
	for (int64_t ms = 300; ms < 8000; ms *= 2) {
		at(&w, ms);
		again(&w, &p);
	}
	finish(&w);
	assert_outcome(only_end(&w), OUTCOME_STALLED);
	assert_ms(only_end(&w)->fail_ns, 4800);
	world_free(&w);
}

static void test_joined_tls(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(40000, 443);
	struct bytes data = data_record(100);
	send_all(&w, &l, IN, &data);
	assert_int_equal(w.events, 1);
	const struct conn *c = &w.got[0].conn;
	assert_true(c->joined && c->inferred && c->one_way && c->settled);
	assert_outcome(c, OUTCOME_OK);
	assert_string_equal(c->service, "tls");
	assert_int_equal(c->server_port, 443);
	assert_int_equal(c->request_bytes, 0);
	assert_int_equal(c->response_bytes, 0);
	world_free(&w);
}

/* ---- QUIC ---- */

/* The client's Initial of RFC 9001 A.2, in hex. */
/* clang-format off */
static const char initial_hex[] =
	"c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11d242b123dc9bd8bab936b47d92ec356c"
	"0bab7df5976d27cd449f63300099f3991c260ec4c60d17b31f8429157bb35a1282a643a8d2262cad67500cadb8e7378c"
	"8eb7539ec4d4905fed1bee1fc8aafba17c750e2c7ace01e6005f80fcb7df621230c83711b39343fa028cea7f7fb5ff89"
	"eac2308249a02252155e2347b63d58c5457afd84d05dfffdb20392844ae812154682e9cf012f9021a6f0be17ddd0c208"
	"4dce25ff9b06cde535d0f920a2db1bf362c23e596d11a4f5a6cf3948838a3aec4e15daf8500a6ef69ec4e3feb6b1d98e"
	"610ac8b7ec3faf6ad760b7bad1db4ba3485e8a94dc250ae3fdb41ed15fb6a8e5eba0fc3dd60bc8e30c5c4287e53805db"
	"059ae0648db2f64264ed5e39be2e20d82df566da8dd5998ccabdae053060ae6c7b4378e846d29f37ed7b4ea9ec5d82e7"
	"961b7f25a9323851f681d582363aa5f89937f5a67258bf63ad6f1a0b1d96dbd4faddfcefc5266ba6611722395c906556"
	"be52afe3f565636ad1b17d508b73d8743eeb524be22b3dcbc2c7468d54119c7468449a13d8e3b95811a198f3491de3e7"
	"fe942b330407abf82a4ed7c1b311663ac69890f4157015853d91e923037c227a33cdd5ec281ca3f79c44546b9d90ca00"
	"f064c99e3dd97911d39fe9c5d0b23a229a234cb36186c4819e8b9c5927726632291d6a418211cc2962e20fe47feb3edf"
	"330f2c603a9d48c0fcb5699dbfe5896425c5bac4aee82e57a85aaf4e2513e4f05796b07ba2ee47d80506f8d2c25e50fd"
	"14de71e6c418559302f939b0e1abd576f279c4b2e0feb85c1f28ff18f58891ffef132eef2fa09346aee33c28eb130ff2"
	"8f5b766953334113211996d20011a198e3fc433f9f2541010ae17c1bf202580f6047472fb36857fe843b19f5984009dd"
	"c324044e847a4f4a0ab34f719595de37252d6235365e9b84392b061085349d73203a4a13e96f5432ec0fd4a1ee65accd"
	"d5e3904df54c1da510b0ff20dcc0c77fcb2c0e0eb605cb0504db87632cf3d8b4dae6e705769d1de354270123cb11450e"
	"fc60ac47683d7b8d0f811365565fd98c4c8eb936bcab8d069fc33bd801b03adea2e1fbc5aa463d08ca19896d2bf59a07"
	"1b851e6c239052172f296bfb5e72404790a2181014f3b94a4e97d117b438130368cc39dbb2d198065ae3986547926cd2"
	"162f40a29f0c3c8745c0f50fba3852e566d44575c29d39a03f0cda721984b6f440591f355e12d439ff150aab7613499d"
	"bd49adabc8676eef023b15b65bfc5ca06948109f23f350db82123535eb8a7433bdabcb909271a6ecbcb58b936a88cd4e"
	"8f2e6ff5800175f113253d8fa9ca8885c2f552e657dc603f252e1a8e308f76f0be79e2fb8f5d5fbbe2e30ecadd220723"
	"c8c0aea8078cdfcb3868263ff8f0940054da48781893a7e49ad5aff4af300cd804a6b6279ab3ff3afb64491c85194aab"
	"760d58a606654f9f4400e8b38591356fbf6425aca26dc85244259ff2b19c41b9f96f3ca9ec1dde434da7d2d392b905dd"
	"f3d1f9af93d1af5950bd493f5aa731b4056df31bd267b6b90a079831aaf579be0a39013137aac6d404f518cfd4684064"
	"7e78bfe706ca4cf5e9c5453e9f7cfd2b8b4c8d169a44e55c88d4a9a7f9474241e221af44860018ab0856972e194cd934";
/* clang-format on */

static struct bytes initial(void)
{
	struct bytes b = {.len = (sizeof initial_hex - 1) / 2};
	for (size_t i = 0; i < b.len; i++) {
		char byte[3] = {initial_hex[2 * i], initial_hex[2 * i + 1], '\0'};
		b.at[i] = (uint8_t)strtoul(byte, NULL, 16);
	}
	assert_int_equal(b.len, 1200);
	return b;
}

static void test_quic(void **state)
{
	(void)state;
	for (int broken = 0; broken < 2; broken++) {
		struct world w = world_new();
		struct line l = line_new(50000, 443);
		struct bytes b = initial();
		b.at[600] ^= (uint8_t)broken;
		datagram(&w, &l, OUT, b.at, b.len);
		at(&w, 30);
		for (uint8_t i = 0; i < 9; i++) {
			b.at[20] = i; /* no copies */
			datagram(&w, &l, IN, b.at, b.len);
			datagram(&w, &l, OUT, b.at, b.len); /* more than are tried */
		}
		finish(&w);
		assert_int_equal(w.events, 2);
		const struct conn *c = last_end(&w);
		assert_outcome(c, OUTCOME_OK);
		assert_string_equal(c->service, "quic");
		assert_int_equal(c->request_bytes, 1200);
		if (broken) {
			assert_null(c->name);
		} else {
			assert_string_equal(c->name, "example.com");
			assert_int_equal(c->name_source, NAME_SNI);
			assert_memory_equal(c->ja4, "q13d", 4);
		}
		world_free(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tls),
		cmocka_unit_test(test_tls_in_pieces),
		cmocka_unit_test(test_tls_overlapping),
		cmocka_unit_test(test_tls_alert),
		cmocka_unit_test(test_tls_cut),
		cmocka_unit_test(test_tls_hole),
		cmocka_unit_test(test_tls_cut_by_the_capture),
		cmocka_unit_test(test_tls_certificate),
		cmocka_unit_test(test_tls_turns_out_bad),
		cmocka_unit_test(test_tls_stalls),
		cmocka_unit_test(test_joined_tls),
		cmocka_unit_test(test_quic),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
