#include "decode/layers.h"

#include "decode/packet_testing.h"

static struct frame frame_of(const struct frame_bytes *b)
{
	return (struct frame){.time_ns = 7,
		.bytes = b->at,
		.cap_bytes = (uint32_t)b->len,
		.wire_bytes = (uint32_t)b->len,
		.linktype = 1};
}

static void assert_same(const struct frame *f, const struct packet *plain)
{
	struct decoder *d = new_decoder();
	struct packet p;
	assert_int_equal(layers_decode(d, f, &p), DECODED_OK);
	assert_int_equal(plain->time_ns, p.time_ns);
	assert_true(addr_eq(&plain->src, &p.src) && addr_eq(&plain->dst, &p.dst));
	assert_ports(plain, p.proto, p.src_port, p.dst_port);
	assert_int_equal(plain->src_mac, p.src_mac);
	assert_int_equal(plain->ttl, p.ttl);
	assert_int_equal(plain->tunnels, p.tunnels);
	assert_int_equal(plain->vlan, p.vlan);
	assert_int_equal(plain->wire_bytes, p.wire_bytes);
	assert_int_equal(plain->tcp_flags, p.tcp_flags);
	assert_int_equal(plain->tcp_seq, p.tcp_seq);
	assert_int_equal(plain->tcp_ack, p.tcp_ack);
	assert_int_equal(plain->tcp_window, p.tcp_window);
	assert_false(plain->quoted.present || p.quoted.present);
	assert_int_equal(plain->payload_wire, p.payload_wire);
	assert_ptr_equal(plain->payload.ptr, p.payload.ptr);
	assert_int_equal(plain->payload.len, p.payload.len);
	assert_int_equal(plain->payload.fenced, p.payload.fenced);
	assert_int_equal(plain->payload.state, p.payload.state);
	decoder_free(d);
}

static bool plain(const struct frame *f)
{
	struct packet p;
	memset(&p, 0, sizeof p);
	bool taken = plain_decode(f, &p);
	if (taken)
		assert_same(f, &p);
	return taken;
}

static void start_tcp(struct frame_bytes *b)
{
	b->len = 0;
	put(b, INNER_PAYLOAD, 6);
	front(b, "01bb c001 01020304 05060708 8018 7d00 0000 0000 0101080a 00000001 00000002");
	front_ipv4(b, IP_TCP);
	front_ethernet(b, 0x0800);
}

static void start_udp(struct frame_bytes *b, uint16_t dst)
{
	b->len = 0;
	put(b, "0123456789abcdef", 16);
	front_udp(b, INNER_SRC, dst);
	front_ipv4(b, IP_UDP);
	front_ethernet(b, 0x0800);
}

/* What it is for goes that way, with padding and without, cut and whole. */
static void test_taken(void **state)
{
	(void)state;
	static struct frame_bytes b;
	start_tcp(&b);
	struct frame f = frame_of(&b);
	assert_true(plain(&f));
	f.cap_bytes -= 3; /* within the payload */
	assert_true(plain(&f));
	f.cap_bytes -= 3; /* just the headers */
	assert_true(plain(&f));
	f.cap_bytes--; /* within the options */
	assert_false(plain(&f));
	put(&b, "\0\0\0\0", 4);
	f = frame_of(&b);
	assert_true(plain(&f));
	start_udp(&b, INNER_DST);
	f = frame_of(&b);
	assert_true(plain(&f));
	put(&b, "\0\0\0\0", 4);
	f = frame_of(&b);
	assert_true(plain(&f));
	b.at[39] -= 4; /* UDP ends before IP does */
	assert_true(plain(&f));
}

/* All else is for the layers. */
static void test_left(void **state)
{
	(void)state;
	static const struct {
		size_t at;
		uint8_t value;
	} changes[] = {
		{12, 0x81}, /* another EtherType */
		{14, 0x46}, /* options */
		{14, 0x55}, /* version */
		{16, 0xff}, /* longer than the frame: still plain, see below */
		{17, 19},   /* shorter than IP's header */
		{17, 51},   /* than both headers */
		{20, 0x20}, /* more fragments */
		{21, 0x01}, /* a later fragment */
		{23, IP_ICMP}, {23, 50}, {46, 0x40}, /* TCP: less than its header */
		{46, 0xf0},                          /* more than the segment */
	};
	static struct frame_bytes b;
	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		start_tcp(&b);
		b.at[changes[i].at] = changes[i].value;
		struct frame f = frame_of(&b);
		assert_int_equal(plain(&f), changes[i].at == 16);
	}
	static const uint16_t tunnels[] = {2152, 3544, 4754, 4789, 4790, 6081, 6635, 8472};
	for (size_t i = 0; i < ARRAY_LEN(tunnels); i++) {
		start_udp(&b, tunnels[i]);
		struct frame f = frame_of(&b);
		assert_false(plain(&f));
		set16(b.at + 36, INNER_DST);
		set16(b.at + 34, tunnels[i]);
		assert_false(plain(&f));
	}
	for (uint8_t length = 0; length < 8; length++) { /* UDP: less than its header */
		start_udp(&b, INNER_DST);
		b.at[39] = length;
		struct frame f = frame_of(&b);
		assert_false(plain(&f));
	}
	start_udp(&b, INNER_DST);
	b.at[39]++; /* more than the packet */
	struct frame f = frame_of(&b);
	assert_false(plain(&f));
	start_tcp(&b);
	f = frame_of(&b);
	f.linktype = 101;
	assert_false(plain(&f));
}

/* Any one byte of the headers changed, any length: never another packet than the layers'. */
static void test_same(void **state)
{
	(void)state;
	static struct frame_bytes b;
	size_t taken = 0;
	for (int udp = 0; udp <= 1; udp++) {
		for (size_t at = 12; at < 70; at++) {
			for (unsigned value = 0; value < 256; value++) {
				if (udp)
					start_udp(&b, INNER_DST);
				else
					start_tcp(&b);
				if (at < b.len)
					b.at[at] = (uint8_t)value;
				struct frame f = frame_of(&b);
				f.cap_bytes -= value % 20;
				taken += plain(&f);
			}
		}
	}
	assert_true(taken > 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_left),
		cmocka_unit_test(test_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
