#include "decode/packet_testing.h"

#define RAW     101
#define NO_PORT 0

/* What stands between the outer IP (proto) or UDP (port) header and the inner packet. */
static const struct {
	const char *name;
	uint8_t proto;
	uint16_t port;
	const char *between;
	bool v6; /* the inner one */
	uint16_t vlan;
} tunnels[] = {
	{"IPv4 in IP", 4, NO_PORT, "", false, 0},
	{"IPv6 in IP", 41, NO_PORT, "", true, 0},
	{"GRE", 47, NO_PORT, "0000 0800", false, 0},
	{"GRE, IPv6", 47, NO_PORT, "0000 86dd", true, 0},
	{"GRE, checksum, key, sequence", 47, NO_PORT, "b000 0800 12340000 00000007 00000001", false,
		0},
	{"GRE, key", 47, NO_PORT, "2000 86dd 00000007", true, 0},
	{"GRE, MPLS", 47, NO_PORT, "0000 8847 000651ff", false, 0},
	{"GRE, PPP", 47, NO_PORT, "0000 880b ff03 0021", false, 0},
	{"GRE, WCCP 1", 47, NO_PORT, "0000 883e", false, 0},
	{"GRE, WCCP 2", 47, NO_PORT, "0000 883e 01020000", false, 0},
	{"NVGRE", 47, NO_PORT, "2000 6558 00000700 020000000001 020000000002 8100 000b 0800", false,
		11},
	{"PPTP", 47, NO_PORT, "3001 880b 0026 0001 00000001 ff03 0021", false, 0},
	{"PPTP, acknowledged", 47, NO_PORT, "3081 880b 0037 0001 00000001 00000001 57", true, 0},
	{"ERSPAN I", 47, NO_PORT, "0000 88be 020000000001 020000000002 0800", false, 0},
	{"ERSPAN II", 47, NO_PORT,
		"1000 88be 00000001 1001 0001 00000000 020000000001 020000000002 86dd", true, 0},
	{"ERSPAN III", 47, NO_PORT,
		"1000 22eb 00000001 2001 0001 00000000 0000 0000 020000000001 020000000002 0800",
		false, 0},
	{"ERSPAN III, more", 47, NO_PORT,
		"1000 22eb 00000001 2001 0001 00000000 0000 0001 1c00000000000000 "
		"020000000001 020000000002 0800",
		false, 0},
	{"ERSPAN III, IP", 47, NO_PORT, "1000 22eb 00000001 2001 0001 00000000 0000 0800", true, 0},
	{"VXLAN", IP_UDP, 4789, "08000000 00000700 020000000001 020000000002 0800", false, 0},
	{"VXLAN, old port, tag", IP_UDP, 8472,
		"08000000 00000700 020000000001 020000000002 8100 000c 86dd", true, 12},
	{"VXLAN, group", IP_UDP, 4789, "88000005 00000700 020000000001 020000000002 0800", false,
		0},
	{"VXLAN-GPE, IPv4", IP_UDP, 4790, "0c000001 00000700", false, 0},
	{"VXLAN-GPE, IPv6", IP_UDP, 4790, "0c000002 00000700", true, 0},
	{"VXLAN-GPE, Ethernet", IP_UDP, 4790, "0c000003 00000700 020000000001 020000000002 0800",
		false, 0},
	{"Geneve", IP_UDP, 6081, "0000 6558 00000700 020000000001 020000000002 0800", false, 0},
	{"Geneve, options, IPv6", IP_UDP, 6081, "0240 86dd 00000700 0102 8001 00000001", true, 0},
	{"GTP-U", IP_UDP, 2152, "30 ff 0022 00000001", false, 0},
	{"GTP-U, sequence", IP_UDP, 2152, "32 ff 0026 00000001 0001 00 00", false, 0},
	{"GTP-U, extensions", IP_UDP, 2152,
		"34 ff 0046 00000001 0000 00 85 01 1001 c0 02 000000000000 00", true, 0},
	{"Teredo", IP_UDP, 3544, "", true, 0},
	{"Teredo, origin", IP_UDP, 3544, "0000 f227 bffffdfe", true, 0},
	{"Teredo, authentication", IP_UDP, 3544,
		"0001 02 03 6162 616263 0102030405060708 00 0000 f227 bffffdfe", true, 0},
	{"MPLS over UDP", IP_UDP, 6635, "000651ff", false, 0},
	{"GRE over UDP", IP_UDP, 4754, "2000 86dd 00000007", true, 0},
};

static void wrap(struct frame_bytes *b, size_t i, bool outer_v6)
{
	if (tunnels[i].v6)
		start_ipv6(b);
	else
		start_ipv4(b);
	front(b, tunnels[i].between);
	if (tunnels[i].port != NO_PORT)
		front_udp(b, 50000, tunnels[i].port);
	if (outer_v6)
		front_ipv6(b, tunnels[i].proto);
	else
		front_ipv4(b, tunnels[i].proto);
	b->at[outer_v6 ? 7 : 8] = 9; /* TTL: not what is wanted */
}

static void test_tunnels(void **state)
{
	(void)state;
	static struct frame_bytes b;
	struct packet p;
	for (size_t i = 0; i < ARRAY_LEN(tunnels); i++) {
		for (int outer_v6 = 0; outer_v6 <= 1; outer_v6++) {
			wrap(&b, i, outer_v6);
			enum decoded verdict = decode_whole(RAW, &b, &p);
			if (verdict != DECODED_OK || p.tunnels != 1)
				print_error("%s: %s\n", tunnels[i].name, decoded_name(verdict));
			assert_int_equal(verdict, DECODED_OK);
			assert_inner(&p, tunnels[i].v6, 1);
			assert_int_equal(p.vlan, tunnels[i].vlan);
		}
	}
}

/* By the source port too: what comes back from the tunnel's end. */
static void test_source_port(void **state)
{
	(void)state;
	static struct frame_bytes b;
	struct packet p;
	start_ipv4(&b);
	front(&b, "30 ff 0022 00000001");
	front_udp(&b, 2152, 50000);
	front_ipv4(&b, IP_UDP);
	assert_int_equal(decode_whole(RAW, &b, &p), DECODED_OK);
	assert_inner(&p, false, 1);
}

/* The capture's cut in the inner packet: UDP around it has ports, others have none. */
static void test_cut(void **state)
{
	(void)state;
	static struct frame_bytes b;
	struct decoder *d = new_decoder();
	struct packet p;
	for (size_t i = 0; i < ARRAY_LEN(tunnels); i++) {
		wrap(&b, i, false);
		size_t outer = tunnels[i].port != NO_PORT ? 28 : 20, inner = b.len - 10;
		for (size_t n = 20; n < b.len; n++) {
			enum decoded verdict =
				decode_part(d, RAW, b.at, (const size_t[]){n, b.len}, &p);
			if (n >= inner) { /* the inner ports are there */
				assert_int_equal(verdict, DECODED_OK);
				assert_ports(&p, IP_UDP, INNER_SRC, INNER_DST);
				assert_int_equal(p.tunnels, 1);
				assert_int_equal(p.payload_wire, 6);
			} else if (verdict == DECODED_OK) {
				assert_int_equal(p.tunnels, 0);
				assert_int_equal(p.proto, tunnels[i].proto);
				assert_int_equal(p.dst_port, tunnels[i].port);
				assert_int_equal(p.payload_wire, b.len - outer);
				assert_int_equal(p.payload.len, n > outer ? n - outer : 0);
			} else {
				assert_int_equal(verdict, DECODED_SHORT);
				assert_true(tunnels[i].port == NO_PORT || n < 24);
			}
		}
	}
	decoder_free(d);
}

/* What only looks like a tunnel, or holds no IP: the packet around it is the innermost. */
static const struct {
	uint8_t proto;
	uint16_t port;
	const char *bytes;
} no_tunnels[] = {
	{IP_UDP, 4789, ""},
	{IP_UDP, 4789, "08000000"},
	{IP_UDP, 4789, "08000000 00000700"},
	/* the flag is missing; one too many; reserved is not 0 */
	{IP_UDP, 4789,
		"00000000 00000700 020000000001 020000000002 0800 45000014 00010000 "
		"40320000 c0000201 c6336402"},
	{IP_UDP, 4789,
		"0a000000 00000700 020000000001 020000000002 0800 45000014 00010000 "
		"40320000 c0000201 c6336402"},
	{IP_UDP, 4789,
		"08000000 00000701 020000000001 020000000002 0800 45000014 00010000 "
		"40320000 c0000201 c6336402"},
	/* ARP, STP */
	{IP_UDP, 4789, "08000000 00000700 ffffffffffff 020000000002 0806 00010800"},
	{IP_UDP, 8472, "08000000 00000700 0180c2000000 020000000002 0026 424203"},
	/* the inside is no IP after all */
	{IP_UDP, 4789, "08000000 00000700 020000000001 020000000002 0800 35000014"},
	{IP_UDP, 4789,
		"08000000 00000700 020000000001 020000000002 0800 44000014 00010000 "
		"40320000 c0000201 c6336402"},
	{IP_UDP, 4789,
		"08000000 00000700 020000000001 020000000002 0800 45000018 00010000 "
		"40060000 c0000201 c6336402 00010002"},
	{IP_UDP, 4790, "0c000004 00000700 45000014 00010000 40320000 c0000201 c6336402"},
	{IP_UDP, 4790, "0c000000 00000700 45000014 00010000 40320000 c0000201 c6336402"},
	{IP_UDP, 6081, "4000 0800 00000700 45000014 00010000 40320000 c0000201 c6336402"},
	{IP_UDP, 6081, "0001 0800 00000700 45000014 00010000 40320000 c0000201 c6336402"},
	{IP_UDP, 6081, "0000 0800 00000701 45000014 00010000 40320000 c0000201 c6336402"},
	{IP_UDP, 6081, "0000 0806 00000700 45000014 00010000 40320000 c0000201 c6336402"},
	{IP_UDP, 6081, "3f00 0800 00000700 45000014 00010000 40320000 c0000201 c6336402"},
	{IP_UDP, 2152, "30 01 0014 00000001 45000014 00010000 40320000 c0000201 c6336402"},
	{IP_UDP, 2152, "20 ff 0014 00000001 45000014 00010000 40320000 c0000201 c6336402"},
	{IP_UDP, 2152, "30 ff 0015 00000001 45000014 00010000 40320000 c0000201 c6336402"},
	{IP_UDP, 2152, "34 ff 0008 00000001 0000 00 85 00 000000"},
	{IP_UDP, 2152, "30 ff 0004 00000001 55000014"},
	{IP_UDP, 3544, "45000014 00010000 40320000 c0000201 c6336402"},
	{IP_UDP, 3544, "0001 ff ff 00"},
	{IP_UDP, 3544, "60000000 0000 3b40 20010db8"},
	{IP_UDP, 6635, "000650ff"},
	{47, NO_PORT, ""},
	{47, NO_PORT, "0000 0000"},                                              /* keep-alive */
	{47, NO_PORT, "0000 2001 00000000"},                                     /* NHRP */
	{47, NO_PORT, "4000 0800 45000014 00010000 40320000 c0000201 c6336402"}, /* route */
	{47, NO_PORT, "0002 0800 45000014 00010000 40320000 c0000201 c6336402"},
	{47, NO_PORT, "2001 880b 0000 0001 00000001"}, /* PPTP's bare acknowledgement */
	{47, NO_PORT, "3001 880b 0006 0001 00000001 ff03 c021 0101"},
	{47, NO_PORT, "3001 880b 0006 0001 00000001 ff03 00fd 9001"}, /* encrypted */
	{47, NO_PORT, "3001 0800 0014 0001 00000001 0021"},
	{47, NO_PORT, "1000 88be 00000001 2001 0001 00000000 020000000001"},
	{47, NO_PORT, "1000 22eb 00000001 1001 0001 00000000 0000 0000 020000000001"},
	{47, NO_PORT, "1000 22eb 00000001 2001 0001 00000000 0000 7c00 45000014"},
	{4, NO_PORT, ""},
	{4, NO_PORT, "35000014"},
	{41, NO_PORT, "60000000"},
};

static void test_no_tunnel(void **state)
{
	(void)state;
	static struct frame_bytes b;
	struct packet p;
	for (size_t i = 0; i < ARRAY_LEN(no_tunnels); i++) {
		b.len = 0;
		front(&b, no_tunnels[i].bytes);
		size_t len = b.len;
		if (no_tunnels[i].port != NO_PORT)
			front_udp(&b, 50000, no_tunnels[i].port);
		front_ipv4(&b, no_tunnels[i].proto);
		enum decoded verdict = decode_whole(RAW, &b, &p);
		if (verdict != DECODED_OK || p.tunnels != 0)
			print_error("%d %s\n", no_tunnels[i].port, no_tunnels[i].bytes);
		assert_int_equal(verdict, DECODED_OK);
		assert_ports(&p, no_tunnels[i].proto, no_tunnels[i].port != NO_PORT ? 50000 : 0,
			no_tunnels[i].port);
		assert_int_equal(p.payload_wire, len);
		assert_int_equal(p.payload.len, len);
		assert_int_equal(p.tunnels, 0);
		assert_int_equal(p.wire_bytes, b.len);
	}
}

/* A tunnel within a tunnel whose inside fails leaves the middle one. */
static void test_middle(void **state)
{
	(void)state;
	static struct frame_bytes b;
	struct packet p;
	b.len = 0;
	front(&b, "00000000 00000700");
	front_udp(&b, 50000, 4789);
	front_ipv6(&b, IP_UDP);
	front(&b, "0000 86dd");
	front_ipv4(&b, 47);
	assert_int_equal(decode_whole(RAW, &b, &p), DECODED_OK);
	assert_addr(&p.src, "2001:db8::1");
	assert_ports(&p, IP_UDP, 50000, 4789);
	assert_int_equal(p.payload_wire, 8);
	assert_int_equal(p.tunnels, 1);
}

static void test_depth(void **state)
{
	(void)state;
	static struct frame_bytes b;
	struct packet p;
	for (unsigned depth = 7; depth <= 9; depth++) {
		start_ipv4(&b);
		for (unsigned i = 0; i < depth; i++)
			front_ipv4(&b, 4);
		enum decoded want = depth == 9 ? DECODED_DEPTH : DECODED_OK;
		assert_int_equal(decode_whole(RAW, &b, &p), want);
		if (want == DECODED_OK)
			assert_inner(&p, false, depth);
		start_ipv6(&b);
		for (unsigned i = 0; i < depth; i++)
			front_ipv6(&b, 41);
		assert_int_equal(decode_whole(RAW, &b, &p), want);
		if (want == DECODED_OK)
			assert_inner(&p, true, depth);
	}
}

/* The outer packet's ports, flags and quotes are not the inner one's. */
static void test_nothing_left_over(void **state)
{
	(void)state;
	static struct frame_bytes b;
	struct packet p;
	b.len = 0;
	front(&b, "00000001");
	front_ipv4(&b, 50);
	front(&b, "30 ff 0018 00000001");
	front_udp(&b, 2152, 2152);
	front_ipv6(&b, IP_UDP);
	assert_int_equal(decode_whole(RAW, &b, &p), DECODED_OK);
	assert_addr(&p.src, "192.0.2.1");
	assert_ports(&p, 50, 0, 0);
	assert_int_equal(p.payload_wire, 4);
	assert_int_equal(p.tunnels, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tunnels),
		cmocka_unit_test(test_source_port),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_no_tunnel),
		cmocka_unit_test(test_middle),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_nothing_left_over),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
