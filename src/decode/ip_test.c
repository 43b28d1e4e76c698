#include "decode/packet_testing.h"

#define RAW  101
#define IPV6 229

static enum decoded decode_hex(uint16_t linktype, const char *hex, struct packet *ret)
{
	static struct frame_bytes b;
	b.len = 0;
	front(&b, hex);
	return decode_whole(linktype, &b, ret);
}

/* ---- IPv4 ---- */

static void test_ipv4(void **state)
{
	(void)state;
	static struct frame_bytes b;
	struct packet p;
	b.len = 0;
	put(&b, "hello", 5);
	front(&b, "01bb c001 0102 0304 0506 0708 5018 7d00 0000 0000");
	front_ipv4(&b, IP_TCP);
	b.at[8] = 63;
	front_ethernet(&b, 0x0800);
	put(&b, "\0\0\0\0\0\0", 6); /* padding */
	assert_int_equal(decode_whole(1, &b, &p), DECODED_OK);
	assert_addr(&p.src, "192.0.2.1");
	assert_addr(&p.dst, "198.51.100.2");
	assert_ports(&p, IP_TCP, 443, 49153);
	assert_int_equal(p.ttl, 63);
	assert_int_equal(p.wire_bytes, 45);
	assert_int_equal(p.tcp_seq, 0x01020304);
	assert_int_equal(p.tcp_ack, 0x05060708);
	assert_int_equal(p.tcp_flags, TCP_ACK | TCP_PSH);
	assert_int_equal(p.tcp_window, 0x7d00);
	assert_int_equal(p.payload_wire, 5);
	assert_int_equal(p.payload.len, 5);
	assert_int_equal(p.tunnels, 0);
	assert_int_equal(p.vlan, 0);
	assert_false(p.quoted.present);
}

static void test_ipv4_lengths(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		enum decoded verdict;
		uint32_t wire_bytes, payload_wire;
		size_t captured;
	} rows[] = {
		/* options */
		{"4600 0021 0001 0000 4011 0000 c0000201 c6336402 01010100 04d2162e 0009 0000 61",
			DECODED_OK, 33, 1, 1},
		/* the frame is longer: padding */
		{"4500 001d 0001 0000 4011 0000 c0000201 c6336402 04d2162e 0009 0000 61 0000",
			DECODED_OK, 29, 1, 1},
		/* the header claims more than the frame has: believed as far as sizes go */
		{"4500 0024 0001 0000 4011 0000 c0000201 c6336402 04d2162e 0010 0000 61",
			DECODED_OK, 36, 8, 1},
		/* total length 0: segmentation offload, TCP and UDP only */
		{"4500 0000 0001 0000 4011 0000 c0000201 c6336402 04d2162e 0000 0000 6162",
			DECODED_OK, 30, 2, 2},
		{"4500 0000 0001 0000 4001 0000 c0000201 c6336402 0800 0000 0000 0000", DECODED_BAD,
			0, 0, 0},
		/* no protocol of ours: all that IP carries */
		{"4500 0018 0001 0000 4032 0000 c0000201 c6336402 01020304", DECODED_OK, 24, 4, 4},
		{"4500 0014 0001 0000 4032 0000 c0000201 c6336402", DECODED_OK, 20, 0, 0},
		{"4400 0014 0001 0000 4032 0000 c0000201 c6336402", DECODED_BAD, 0, 0, 0},
		{"4500 0013 0001 0000 4032 0000 c0000201 c6336402", DECODED_BAD, 0, 0, 0},
		{"4600 0014 0001 0000 4032 0000 c0000201 c6336402", DECODED_BAD, 0, 0, 0},
		{"4600 0018 0001 0000 4032 0000 c0000201 c6336402", DECODED_BAD, 0, 0, 0},
		{"4500 0014 0001 0000 4032 0000 c0000201 c63364", DECODED_BAD, 0, 0, 0},
	};
	struct packet p;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(decode_hex(RAW, rows[i].bytes, &p), rows[i].verdict);
		if (rows[i].verdict != DECODED_OK)
			continue;
		assert_int_equal(p.wire_bytes, rows[i].wire_bytes);
		assert_int_equal(p.payload_wire, rows[i].payload_wire);
		assert_int_equal(p.payload.len, rows[i].captured);
		assert_int_equal(p.src_port, p.proto == IP_UDP ? 1234 : 0);
	}
}

/* RFC 4302: in transport mode the packet behind the header is the host's own. */
static void test_authentication(void **state)
{
	(void)state;
	static struct frame_bytes b;
	struct packet p;
	for (int v6 = 0; v6 <= 1; v6++) {
		b.len = 0;
		put(&b, INNER_PAYLOAD, 6);
		front_udp(&b, INNER_SRC, INNER_DST);
		front(&b, "11 04 0000 00000001 00000002 000102030405060708090a0b");
		if (v6)
			front_ipv6(&b, 51);
		else
			front_ipv4(&b, 51);
		assert_int_equal(decode_whole(RAW, &b, &p), DECODED_OK);
		assert_ports(&p, IP_UDP, INNER_SRC, INNER_DST);
		assert_int_equal(p.payload_wire, 6);
		assert_int_equal(p.tunnels, 0);
		sweep(RAW, &b, (v6 ? 40 : 20) + 24 + 4, (v6 ? 40 : 20) + 24 + 8);
		b.at[(v6 ? 40 : 20) + 1] = 0xff; /* longer than the packet */
		assert_int_equal(decode_whole(RAW, &b, &p), DECODED_BAD);
	}
}

static void test_esp(void **state)
{
	(void)state;
	static struct frame_bytes b;
	struct packet p;
	b.len = 0;
	front(&b, "00000001 00000002 0102030405060708");
	front_ipv6(&b, 50);
	assert_int_equal(decode_whole(IPV6, &b, &p), DECODED_OK);
	assert_ports(&p, 50, 0, 0);
	assert_int_equal(p.payload_wire, 16);
	assert_int_equal(p.payload.len, 16);
	sweep(IPV6, &b, 40, 40);
}

/* ---- IPv6 ---- */

static void test_extensions(void **state)
{
	(void)state;
	static const struct {
		uint8_t first;
		const char *bytes;
	} rows[] = {
		{0, "11 00 0502 0000 0100"},                                  /* hop-by-hop */
		{43, "11 02 0400 00000000 20010db8000000000000000000000009"}, /* routing */
		{60, "11 01 0104 00000000 0104 00000000 0000"},               /* destination */
		{44, "11 00 0000 00000001"},   /* an atomic fragment */
		{135, "11 00 0500 0000 0000"}, /* mobility */
		{139, "11 00 0101 0000 0000"}, /* HIP */
		{140, "11 00 8101 0000 0000"}, /* shim6 */
		{0, "2b 00 0502 0000 0100 3c 00 0400 00000000 2c 00 0104 00000000 "
		    "33 00 0000 00000001 11 01 0000 00000001 00000002"},
	};
	static struct frame_bytes b;
	struct packet p;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		b.len = 0;
		put(&b, INNER_PAYLOAD, 6);
		front_udp(&b, INNER_SRC, INNER_DST);
		front(&b, rows[i].bytes);
		front_ipv6(&b, rows[i].first);
		size_t all = b.len;
		assert_int_equal(decode_whole(IPV6, &b, &p), DECODED_OK);
		assert_addr(&p.src, "2001:db8::1");
		assert_addr(&p.dst, "2001:db8::2");
		assert_ports(&p, IP_UDP, INNER_SRC, INNER_DST);
		assert_int_equal(p.wire_bytes, all);
		assert_int_equal(p.payload_wire, 6);
		assert_int_equal(p.ttl, 64);
		sweep(IPV6, &b, all - 10, all - 6);
	}
}

static void test_extensions_bound(void **state)
{
	(void)state;
	static struct frame_bytes b;
	struct packet p;
	for (int count = 16; count <= 17; count++) {
		b.len = 0;
		front_udp(&b, INNER_SRC, INNER_DST);
		front(&b, "11 00 0104 00000000");
		for (int i = 1; i < count; i++)
			front(&b, "3c 00 0104 00000000");
		front_ipv6(&b, 60);
		assert_int_equal(
			decode_whole(IPV6, &b, &p), count == 16 ? DECODED_OK : DECODED_DEPTH);
	}
}

#define V6(first, length, next)                                           \
	first " " length " " next " 40 20010db8000000000000000000000001 " \
	      "20010db8000000000000000000000002 "

static void test_ipv6_lengths(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		enum decoded verdict;
		uint32_t wire_bytes, payload_wire;
	} rows[] = {
		{V6("60000000", "0000", "3b"), DECODED_OK, 40, 0},
		{V6("60000000", "0004", "3b") "01020304 0000", DECODED_OK, 44, 4},
		{V6("6fffffff", "0009", "11") "04d2 162e 0009 0000 61", DECODED_OK, 49, 1},
		{V6("60000000", "0000", "11") "04d2 162e 0000 0000 6162", DECODED_OK, 50, 2},
		{V6("60000000", "0009", "11") "04d2 162e 000a 0000 61", DECODED_BAD, 0, 0},
		{V6("60000000", "0010", "00") "1100 0104 00000000 04d2 162e 0008 0000", DECODED_OK,
			56, 0},
		/* a jumbogram, which a frame of that size cannot be */
		{V6("60000000", "0000", "00") "1100 c204 00010000 04d2 162e 0000 0000", DECODED_BAD,
			0, 0},
		{V6("60000000", "0007", "00") "1100 0104 00000000", DECODED_BAD, 0, 0},
		{V6("60000000", "0010", "00") "1103 0104 00000000 0000000000000000", DECODED_BAD, 0,
			0},
		{V6("50000000", "0000", "3b"), DECODED_BAD, 0, 0},
		{"60000000 0000 3b 40 20010db8", DECODED_BAD, 0, 0},
	};
	struct packet p;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(decode_hex(IPV6, rows[i].bytes, &p), rows[i].verdict);
		if (rows[i].verdict != DECODED_OK)
			continue;
		assert_int_equal(p.wire_bytes, rows[i].wire_bytes);
		assert_int_equal(p.payload_wire, rows[i].payload_wire);
	}
}

/* An IPv4 host's address in an IPv6 header would be taken for that host's. */
static void test_mapped(void **state)
{
	(void)state;
	static struct frame_bytes b;
	struct packet p;
	for (int field = 0; field <= 1; field++) {
		uint8_t mapped[16];
		assert_int_equal(hex_bytes("00000000000000000000ffffc0000201", mapped, 16), 16);
		start_ipv6(&b);
		memcpy(b.at + (field == 0 ? 8 : 24), mapped, 16);
		assert_int_equal(decode_whole(IPV6, &b, &p), DECODED_BAD);
		front(&b, "0104 0000 00000000");
		front_ipv6(&b, IP_ICMPV6);
		assert_int_equal(decode_whole(IPV6, &b, &p), DECODED_OK);
		assert_false(p.quoted.present);
	}
}

/* Over 64 KB with length 0 before hop-by-hop options: what a Linux host's own capture shows of
 * segments that the card will cut. */
static void test_big_tcp(void **state)
{
	(void)state;
	struct decoder *d = new_decoder();
	struct packet p;
	uint8_t bytes[128];
	size_t len = hex_bytes(
		V6("60000000", "0000", "00") "0600 c204 000186b4 "
					     "01bb c001 00000001 00000002 5010 0100 0000 0000",
		bytes, sizeof bytes);
	assert_int_equal(
		decode_part(d, IPV6, bytes, (const size_t[]){len, 40 + 100020}, &p), DECODED_OK);
	assert_ports(&p, IP_TCP, 443, 49153);
	assert_int_equal(p.wire_bytes, 40 + 100020);
	assert_int_equal(p.payload_wire, 100020 - 8 - 20);
	assert_int_equal(p.payload.len, 0);
	decoder_free(d);
}

/* ---- transport ---- */

static void test_transport(void **state)
{
	(void)state;
	static const struct {
		uint8_t proto;
		const char *bytes;
		enum decoded verdict;
		uint16_t src, dst;
		uint32_t payload_wire;
	} rows[] = {
		{IP_TCP, "0001 0002 00000000 00000000 5002 0000 0000 0000", DECODED_OK, 1, 2, 0},
		{IP_TCP, "0001 0002 00000000 00000000 6002 0000 0000 0000 02040100 61", DECODED_OK,
			1, 2, 1},
		{IP_TCP, "0001 0002 00000000 00000000 4002 0000 0000 0000", DECODED_BAD, 0, 0, 0},
		{IP_TCP, "0001 0002 00000000 00000000 6002 0000 0000 0000", DECODED_BAD, 0, 0, 0},
		{IP_TCP, "0001 0002 00000000 00000000 5002 0000 0000 00", DECODED_BAD, 0, 0, 0},
		{IP_TCP, "", DECODED_BAD, 0, 0, 0},
		{IP_UDP, "0001 0002 0008 0000", DECODED_OK, 1, 2, 0},
		{IP_UDP, "0001 0002 0009 0000 61 62", DECODED_OK, 1, 2, 1},
		{IP_UDP, "0001 0002 0000 0000 61 62", DECODED_OK, 1, 2, 2},
		{IP_UDP, "0001 0002 0007 0000", DECODED_BAD, 0, 0, 0},
		{IP_UDP, "0001 0002 000a 0000 61", DECODED_BAD, 0, 0, 0},
		{IP_UDP, "0001 0002 0008 00", DECODED_BAD, 0, 0, 0},
		{IP_SCTP, "0001 0002 00000003 00000004 01000004", DECODED_OK, 1, 2, 4},
		{IP_SCTP, "0001 0002 00000003 000000", DECODED_BAD, 0, 0, 0},
		{136, "0001 0002 0000 0000 61", DECODED_OK, 1, 2, 1},
		{136, "0001 0002 0000 00", DECODED_BAD, 0, 0, 0},
		{IP_ICMP, "0800 0000 0001 0002 6162", DECODED_OK, 8, 0, 2},
		{IP_ICMP, "0d01 0000", DECODED_OK, 13, 1, 0},
		{IP_ICMP, "0801 00", DECODED_BAD, 0, 0, 0},
		{IP_ICMPV6, "8700 0000 00000000 6162", DECODED_OK, 135, 0, 2},
		{IP_ICMPV6, "", DECODED_BAD, 0, 0, 0},
	};
	static struct frame_bytes b;
	struct packet p;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		b.len = 0;
		front(&b, rows[i].bytes);
		front_ipv4(&b, rows[i].proto);
		assert_int_equal(decode_whole(RAW, &b, &p), rows[i].verdict);
		if (rows[i].verdict != DECODED_OK)
			continue;
		assert_ports(&p, rows[i].proto, rows[i].src, rows[i].dst);
		assert_int_equal(p.payload_wire, rows[i].payload_wire);
		assert_false(p.quoted.present);
	}
}

static void test_transport_cut(void **state)
{
	(void)state;
	static const struct {
		uint8_t proto;
		const char *header;
		size_t need;
	} rows[] = {
		{IP_TCP, "01bb c001 00000001 00000002 5012 0100 0000 0000", 4},
		{IP_UDP, "0035 c001 000e 0000", 4},
		{IP_SCTP, "0001 0002 00000003 00000004", 4},
		{136, "0001 0002 000e 0000", 4},
		{IP_ICMP, "0800 0000 0001 0002", 2},
		{IP_ICMPV6, "8000 0000 0001 0002", 2},
	};
	static struct frame_bytes b;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		b.len = 0;
		put(&b, INNER_PAYLOAD, 6);
		front(&b, rows[i].header);
		size_t header = b.len - 6;
		front_ipv6(&b, rows[i].proto);
		front_ethernet(&b, 0x86dd);
		put(&b, "\0\0\0\0", 4);
		sweep(1, &b, 54 + rows[i].need, 54 + header);
	}
}

/* Of a TCP header that the capture cut, all counts that is there. */
static void test_tcp_cut(void **state)
{
	(void)state;
	static struct frame_bytes b;
	struct packet p;
	b.len = 0;
	put(&b, INNER_PAYLOAD, 6);
	front(&b, "01bb c001 01020304 05060708 6012 0100 0000 0000 02040100");
	front_ipv4(&b, IP_TCP);
	static const struct {
		size_t captured;
		uint32_t seq, ack;
		uint8_t flags;
		uint32_t payload_wire;
	} rows[] = {
		{20 + 4, 0, 0, 0, 10}, /* as if without options */
		{20 + 8, 0x01020304, 0, 0, 10}, {20 + 13, 0x01020304, 0x05060708, 0, 10},
		{20 + 14, 0x01020304, 0x05060708, TCP_SYN | TCP_ACK, 6},
		{20 + 22, 0x01020304, 0x05060708, TCP_SYN | TCP_ACK, 6}, /* within the options */
	};
	struct decoder *d = new_decoder();
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t captured = rows[i].captured;
		assert_int_equal(decode_part(d, RAW, b.at, (const size_t[]){captured, b.len}, &p),
			DECODED_OK);
		assert_ports(&p, IP_TCP, 443, 49153);
		assert_int_equal(p.tcp_seq, rows[i].seq);
		assert_int_equal(p.tcp_ack, rows[i].ack);
		assert_int_equal(p.tcp_flags, rows[i].flags);
		assert_int_equal(p.payload_wire, rows[i].payload_wire);
		assert_int_equal(p.payload.len, 0);
	}
	b.at[20 + 12] = 0xf0; /* a header of 60 bytes in a segment of 30 */
	assert_int_equal(decode_part(d, RAW, b.at, (const size_t[]){36, b.len}, &p), DECODED_BAD);
	decoder_free(d);
}

/* ---- quotes ---- */

#define QUOTED_V4(part, proto) "4500 0044 0001 " part " 01" proto " 0000 0a000001 cb007105 "

static void test_quotes(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		bool present;
		uint8_t proto;
		uint16_t src, dst;
	} rows[] = {
		/* eight bytes of the transport header, as RFC 792 asks */
		{"0303 0000 00000000" QUOTED_V4("0000", "11") "c001 0035 0030 0000", true, IP_UDP,
			49153, 53},
		{"0b00 0000 00000000" QUOTED_V4("4000", "06") "c001 01bb 00000001", true, IP_TCP,
			49153, 443},
		{"0401 0000 00000000" QUOTED_V4("0000", "84") "0001 0002 00000001", true, IP_SCTP,
			1, 2},
		{"0501 0000 0a000001" QUOTED_V4("0000", "01") "0800 0000 0001 0002", true, IP_ICMP,
			8, 0},
		{"0c00 0000 00000000" QUOTED_V4("0000", "2f") "0000 0800 00000000", true, 47, 0, 0},
		/* a first fragment has ports, a later one none */
		{"0303 0000 00000000" QUOTED_V4("2000", "11") "c001 0035 0030 0000", true, IP_UDP,
			49153, 53},
		{"0303 0000 00000000" QUOTED_V4("2001", "11") "c001 0035 0030 0000", true, IP_UDP,
			0, 0},
		/* options */
		{"0303 0000 00000000 4600 0044 0001 0000 0111 0000 0a000001 cb007105 01010101"
		 "c001 0035 0030 0000",
			true, IP_UDP, 49153, 53},
		/* no more than this came */
		{"0303 0000 00000000" QUOTED_V4("0000", "11") "c001 00", true, IP_UDP, 0, 0},
		{"0303 0000 00000000" QUOTED_V4("0000", "11"), true, IP_UDP, 0, 0},
		{"0303 0000 00000000 4500 0044 0001 0000 0111 0000 0a000001 cb0071", false, 0, 0,
			0},
		{"0303 0000 00000000", false, 0, 0, 0},
		{"0303 0000", false, 0, 0, 0},
		{"0303 0000 00000000 4400 0044 0001 0000 0111 0000 0a000001 cb007105 c0010035",
			false, 0, 0, 0},
		{"0303 0000 00000000 5500 0044 0001 0000 0111 0000 0a000001 cb007105 c0010035",
			false, 0, 0, 0},
		/* no error, though it looks like one */
		{"0800 0000 00000000" QUOTED_V4("0000", "11") "c001 0035 0030 0000", false, 0, 0,
			0},
	};
	static struct frame_bytes b;
	struct packet p;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		b.len = 0;
		front(&b, rows[i].bytes);
		size_t len = b.len;
		front_ipv4(&b, IP_ICMP);
		assert_int_equal(decode_whole(RAW, &b, &p), DECODED_OK);
		assert_int_equal(p.payload_wire, len < 8 ? 0 : len - 8);
		assert_int_equal(p.src_port, b.at[20]);
		assert_int_equal(p.dst_port, b.at[21]);
		assert_int_equal(p.quoted.present, rows[i].present);
		assert_int_equal(p.quoted.proto, rows[i].proto);
		assert_int_equal(p.quoted.src_port, rows[i].src);
		assert_int_equal(p.quoted.dst_port, rows[i].dst);
		assert_addr(&p.quoted.src, rows[i].present ? "10.0.0.1" : "::");
		assert_addr(&p.quoted.dst, rows[i].present ? "203.0.113.5" : "::");
	}
}

#define QUOTED_V6(next)                                               \
	"60000000 0044 " next " 01 20010db8000000000000000000000a01 " \
	"20010db8000000000000000000000b02 "

static void test_quotes_v6(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		uint8_t proto;
		uint16_t src, dst;
	} rows[] = {
		{"0104 0000 00000000" QUOTED_V6("11") "c001 0035 0030 0000", IP_UDP, 49153, 53},
		{"0300 0000 00000000" QUOTED_V6("06") "c001 01bb 00000001", IP_TCP, 49153, 443},
		{"0200 0000 00000500" QUOTED_V6("3a") "8000 0000 0001 0002", IP_ICMPV6, 128, 0},
		{"0402 0000 00000028" QUOTED_V6("00") "3c00 0104 00000000 1100 0104 00000000 "
						      "c001 0035 0030 0000",
			IP_UDP, 49153, 53},
		{"0104 0000 00000000" QUOTED_V6("2c") "1100 0001 00000001 c001 0035 0030 0000",
			IP_UDP, 49153, 53},
		{"0104 0000 00000000" QUOTED_V6("2c") "1100 0009 00000001 c001 0035 0030 0000",
			IP_UDP, 0, 0},
		{"0104 0000 00000000" QUOTED_V6("00") "1101 0104 00000000", 0, 0, 0},
		{"0104 0000 00000000" QUOTED_V6("11"), IP_UDP, 0, 0},
	};
	static struct frame_bytes b;
	struct packet p;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		b.len = 0;
		front(&b, rows[i].bytes);
		front_ipv6(&b, IP_ICMPV6);
		assert_int_equal(decode_whole(RAW, &b, &p), DECODED_OK);
		assert_true(p.quoted.present);
		assert_addr(&p.quoted.src, "2001:db8::a01");
		assert_addr(&p.quoted.dst, "2001:db8::b02");
		assert_int_equal(p.quoted.proto, rows[i].proto);
		assert_int_equal(p.quoted.src_port, rows[i].src);
		assert_int_equal(p.quoted.dst_port, rows[i].dst);
		sweep(RAW, &b, 42, 48);
	}
	b.len = 0;
	front(&b, "8000 0000 00000000" QUOTED_V6("11") "c001 0035 0030 0000");
	front_ipv6(&b, IP_ICMPV6);
	assert_int_equal(decode_whole(RAW, &b, &p), DECODED_OK);
	assert_false(p.quoted.present);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ipv4),
		cmocka_unit_test(test_ipv4_lengths),
		cmocka_unit_test(test_authentication),
		cmocka_unit_test(test_esp),
		cmocka_unit_test(test_extensions),
		cmocka_unit_test(test_extensions_bound),
		cmocka_unit_test(test_ipv6_lengths),
		cmocka_unit_test(test_mapped),
		cmocka_unit_test(test_big_tcp),
		cmocka_unit_test(test_transport),
		cmocka_unit_test(test_transport_cut),
		cmocka_unit_test(test_tcp_cut),
		cmocka_unit_test(test_quotes),
		cmocka_unit_test(test_quotes_v6),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
