#include "ingest/netflow.h"

#include "ingest/rows_testing.h"

#define BASE INT64_C(1700000000)
#define WHEN (BASE * SEC)

/* ---- building ---- */

/* The header's clocks: 100 s after the exporter began, at BASE and a quarter, and so much later. */
static void put_v5_header(struct build *b, uint32_t count, uint32_t later_s, uint32_t sampling)
{
	put(b, 5, 2);
	put(b, count, 2);
	put(b, 100000 + later_s * 1000, 4);
	put(b, BASE + later_s, 4);
	put(b, 250000000, 4);
	put(b, 1, 4);
	put(b, 0, 2);
	put(b, sampling, 2);
}

static void put_v5(
	struct build *b, const uint32_t *ports, bool back, uint8_t flags, const uint32_t *counts)
{
	uint32_t client = 0x0a000005, server = 0xc6336407;
	put(b, back ? server : client, 4);
	put(b, back ? client : server, 4);
	put(b, 0, 8);
	for (size_t i = 0; i < 4; i++) /* packets, bytes, first, last */
		put(b, counts[i], 4);
	put(b, ports[back], 2);
	put(b, ports[!back], 2);
	put(b, 0, 1);
	put(b, flags, 1);
	put(b, 6, 1);
	put(b, 0, 9);
}

#define PORTS(...)  ((const uint32_t[]){__VA_ARGS__})
#define COUNTS(...) ((const uint32_t[]){__VA_ARGS__})

/* Of v9 and IPFIX: where the datagram or set begins; end_datagram() and end_set() fill its length
 * in. */
static size_t begin_v9(struct build *b, uint32_t uptime_ms, uint32_t source)
{
	size_t at = b->len;
	put(b, 9, 2);
	put(b, 1, 2);
	put(b, uptime_ms, 4);
	put(b, BASE, 4);
	put(b, 1, 4);
	put(b, source, 4);
	return at;
}

static size_t begin_ipfix(struct build *b, uint32_t domain)
{
	size_t at = b->len;
	put(b, 10, 2);
	put(b, 0, 2);
	put(b, BASE, 4);
	put(b, 1, 4);
	put(b, domain, 4);
	return at;
}

static void put_length(struct build *b, size_t at, size_t from)
{
	size_t end = b->len;
	b->len = at;
	put(b, end - from, 2);
	b->len = end;
}

static size_t begin_set(struct build *b, uint32_t number)
{
	size_t at = b->len;
	put(b, number, 2);
	put(b, 0, 2);
	return at;
}

static void end_set(struct build *b, size_t at)
{
	put_length(b, at + 2, at);
}

static void end_ipfix(struct build *b, size_t at)
{
	put_length(b, at + 2, at);
}

/* Pairs of element and length; an element over 0xffff has its enterprise in the upper half. */
static void put_template(struct build *b, uint32_t number, const uint32_t *fields, size_t count)
{
	put(b, number, 2);
	put(b, count / 2, 2);
	for (size_t i = 0; i < count; i += 2) {
		bool enterprise = fields[i] > 0xffff;
		put(b, (fields[i] & 0xffff) | (enterprise ? 0x8000 : 0), 2);
		put(b, fields[i + 1], 2);
		if (enterprise)
			put(b, fields[i] >> 16, 4);
	}
}

#define TEMPLATE(b, set, number, ...)                                                     \
	do {                                                                              \
		const uint32_t fields_[] = {__VA_ARGS__};                                 \
		size_t at_ = begin_set((b), (set));                                       \
		put_template((b), (number), fields_, sizeof fields_ / sizeof fields_[0]); \
		end_set((b), at_);                                                        \
	} while (0)

/* Template 256: addresses, ports, protocol, flags, packets, bytes, first and last by uptime. */
#define BASIC(b, set, number)                                                                   \
	TEMPLATE((b), (set), (number), 8, 4, 12, 4, 7, 2, 11, 2, 4, 1, 6, 1, 2, 4, 1, 4, 22, 4, \
		21, 4)

static void put_basic(
	struct build *b, bool back, uint16_t port, uint8_t flags, const uint32_t *counts)
{
	uint32_t client = 0x0a000005, server = 0xc6336407;
	put(b, back ? server : client, 4);
	put(b, back ? client : server, 4);
	put(b, back ? 443 : port, 2);
	put(b, back ? port : 443, 2);
	put(b, 6, 1);
	put(b, flags, 1);
	for (size_t i = 0; i < 4; i++)
		put(b, counts[i], 4);
}

static struct told_rows *tell(const struct build *b)
{
	return tell_bytes("netflow", b->bytes, b->len);
}

/* ---- v5 ---- */

/* The exporter shows answers, so a flow without one was not answered. Times: the header's clock
 * less what the uptime went on since. */
static void test_v5(void **state)
{
	(void)state;
	struct build b = {.big = true};
	put_v5_header(&b, 4, 0, 0);
	put_v5(&b, PORTS(40000, 443), false, 0x02, COUNTS(3, 180, 90000, 97000));
	put_v5(&b, PORTS(40001, 443), false, 0x1b, COUNTS(9, 2000, 91000, 95000));
	put_v5(&b, PORTS(40001, 443), true, 0x1b, COUNTS(9, 5000, 91020, 94980));
	put_v5(&b, PORTS(40002, 443), false, 0x02, COUNTS(1, 60, 92000, 92000));
	put_v5_header(&b, 1, 10, 0);
	put_v5(&b, PORTS(40002, 443), true, 0x14, COUNTS(1, 40, 92010, 92010));
	struct told_rows *t = tell(&b);
	EXPECT_CONNS(t, BASE,
		"-9.75+7 tcp 10.0.0.5:40000 > 198.51.100.7:443 silent@-2.75 x3 3/0 0/0",
		"-8.75+4 tcp 10.0.0.5:40001 > 198.51.100.7:443 ok x1 9/1524 9/4524",
		"-7.75+0.01 tcp 10.0.0.5:40002 > 198.51.100.7:443 refused@-7.74 x1 1/0 1/0");
	assert_int_equal(remark_count(t, "no answer could be seen"), 1);
	told_free(t);
}

/* What came in the last two seconds may be answered yet; one direction is no proof; and of sampled
 * packets none is. */
static void test_no_guess(void **state)
{
	(void)state;
	for (int sampled = 0; sampled < 2; sampled++) {
		struct build b = {.big = true};
		put_v5_header(&b, 1, 0, sampled ? 0x4064 : 0);
		put_v5(&b, PORTS(40000, 443), false, 0x02, COUNTS(3, 180, 90000, 97000));
		struct told_rows *t = tell(&b);
		EXPECT_CONNS(t, BASE,
			sampled ? "-9.75+7 tcp 10.0.0.5:40000 > 198.51.100.7:443 unknown x1 3/0 "
				  "0/0"
				: "-9.75+7 tcp 10.0.0.5:40000 > 198.51.100.7:443 unknown x1 3/0 "
				  "0/0 "
				  "one-way");
		assert_int_equal(remark_count(t, "sampled"), sampled);
		assert_int_equal(remark_count(t, "one direction only"), !sampled);
		told_free(t);
	}
}

/* ---- v9 ---- */

/* anchors part 4 #46: uptimes wrap, and the last packet may be later than the header's. */
static void test_v9_wrap(void **state)
{
	(void)state;
	struct build b = {.big = true};
	begin_v9(&b, 500, 1);
	BASIC(&b, 0, 256);
	size_t set = begin_set(&b, 256);
	put_basic(&b, false, 40000, 0x1b, COUNTS(9, 2000, 0xfffffc18, 600));
	put_basic(&b, true, 40000, 0x1b, COUNTS(9, 5000, 0xfffffc2c, 600));
	end_set(&b, set);
	struct told_rows *t = tell(&b);
	EXPECT_CONNS(t, BASE, "-1.5+1.6 tcp 10.0.0.5:40000 > 198.51.100.7:443 ok x1 9/1524 9/4524");
	told_free(t);
}

/* #48: data before its template waits; domains do not share templates; templates change. */
static void test_templates(void **state)
{
	(void)state;
	struct build b = {.big = true};
	begin_v9(&b, 100000, 1);
	size_t set = begin_set(&b, 256);
	put_basic(&b, false, 40000, 0x1b, COUNTS(9, 2000, 90000, 91000));
	put_basic(&b, true, 40000, 0x1b, COUNTS(9, 5000, 90020, 91000));
	put(&b, 0, 2); /* padding */
	end_set(&b, set);
	begin_v9(&b, 100000, 2);
	set = begin_set(&b, 256);
	put_basic(&b, false, 50000, 0x1b, COUNTS(9, 2000, 90000, 91000));
	end_set(&b, set);
	begin_v9(&b, 100000, 1);
	BASIC(&b, 0, 256);
	begin_v9(&b, 100000, 1);
	TEMPLATE(&b, 0, 256, 12, 4, 8, 4, 4, 1, 7, 2, 11, 2, 2, 1, 1, 2, 150, 4, 151, 4);
	set = begin_set(&b, 256);
	put(&b, 0xc6336435, 4);
	put(&b, 0x0a000005, 4);
	put(&b, 17, 1);
	put(&b, 40001, 2);
	put(&b, 53, 2);
	put(&b, 1, 1);
	put(&b, 60, 2);
	put(&b, BASE + 1, 4);
	put(&b, BASE + 2, 4);
	end_set(&b, set);
	struct told_rows *t = tell(&b);
	EXPECT_CONNS(t, BASE, "-10+1 tcp 10.0.0.5:40000 > 198.51.100.7:443 ok x1 9/1524 9/4524",
		"1+1 udp 10.0.0.5:40001 > 198.51.100.53:53 unknown x1 1/32 0/0");
	assert_int_equal(remark_count(t, "whose template did not come"), 1);
	told_free(t);
}

/* An options record says that only one packet of 100 was counted: nothing fails. */
static void test_options(void **state)
{
	(void)state;
	struct build b = {.big = true};
	begin_v9(&b, 100000, 1);
	BASIC(&b, 0, 256);
	size_t set = begin_set(&b, 1);
	put(&b, 257, 2);
	put(&b, 4, 2); /* bytes of scopes, of options */
	put(&b, 8, 2);
	const uint32_t fields[] = {1, 4, 34, 4, 35, 1};
	for (size_t i = 0; i < 6; i++)
		put(&b, fields[i], 2);
	put(&b, 0, 2);
	end_set(&b, set);
	set = begin_set(&b, 257);
	put(&b, 0, 4);
	put(&b, 100, 4);
	put(&b, 2, 1);
	put(&b, 0, 3);
	end_set(&b, set);
	set = begin_set(&b, 256);
	put_basic(&b, false, 40000, 0x1b, COUNTS(9, 2000, 90000, 91000));
	put_basic(&b, true, 40000, 0x1b, COUNTS(9, 5000, 90020, 91000));
	put_basic(&b, false, 40001, 0x02, COUNTS(1, 60, 90000, 91000));
	put_basic(&b, true, 40001, 0x14, COUNTS(1, 40, 90000, 91000));
	end_set(&b, set);
	struct told_rows *t = tell(&b);
	EXPECT_CONNS(t, BASE, "-10+1 tcp 10.0.0.5:40000 > 198.51.100.7:443 ok x1 9/1524 9/4524",
		"-10+1 tcp 10.0.0.5:40001 > 198.51.100.7:443 unknown x1 1/0 1/0");
	assert_int_equal(remark_count(t, "sampled"), 2);
	told_free(t);
}

/* Cisco's firewalls: payload both ways in one record, denied ones without any. */
static void test_firewall(void **state)
{
	(void)state;
	struct build b = {.big = true};
	begin_v9(&b, 100000, 1);
	TEMPLATE(&b, 0, 260, 8, 4, 12, 4, 226, 4, 7, 2, 11, 2, 228, 2, 4, 1, 233, 1, 152, 8, 323, 8,
		231, 4, 232, 4);
	size_t set = begin_set(&b, 260);
	for (uint32_t i = 0; i < 3; i++) {
		static const uint8_t events[] = {1, 2, 3};
		put(&b, 0x0a000005, 4);
		put(&b, 0xc6336407, 4);
		put(&b, 0xc6336407, 4);
		put(&b, 40000 + i / 2, 2);
		put(&b, 443, 2);
		put(&b, 443, 2);
		put(&b, 6, 1);
		put(&b, events[i], 1);
		put(&b, BASE * 1000 + 500, 8);
		put(&b, BASE * 1000 + 500 + (uint64_t)i * 1000, 8);
		put(&b, i == 1 ? 700 : 0, 4);
		put(&b, i == 1 ? 9000 : 0, 4);
	}
	end_set(&b, set);
	struct told_rows *t = tell(&b);
	EXPECT_CONNS(t, BASE, "0.5+1 tcp 10.0.0.5:40000 > 198.51.100.7:443 ok x1 0/700 0/9000",
		"0.5+2 tcp 10.0.0.5:40001 > 198.51.100.7:443 denied@2.5 x1 0/0 0/0");
	told_free(t);
}

/* ---- IPFIX ---- */

/* Reduced sizes, an enterprise's element, both directions in one record (RFC 5103), a name of
 * variable length; then the template is withdrawn. */
static void test_ipfix(void **state)
{
	(void)state;
	struct build b = {.big = true};
	size_t message = begin_ipfix(&b, 7);
	TEMPLATE(&b, 2, 300, 27, 16, 28, 16, 7, 2, 11, 2, 4, 1, 6, 2, 2, 2, 1, 3, 29305u << 16 | 2,
		2, 29305u << 16 | 1, 4, 29305u << 16 | 6, 1, 152, 8, 153, 8, 9999u << 16 | 5,
		0xffff, 460, 0xffff);
	size_t set = begin_set(&b, 300);
	for (uint32_t i = 0; i < 2; i++) {
		put_bytes(&b, "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\5", 16);
		put_bytes(&b, "\x20\1\xd\xb8\0\1\0\0\0\0\0\0\0\0\0\7", 16);
		put(&b, 40000 + i, 2);
		put(&b, 80, 2);
		put(&b, 6, 1);
		put(&b, i == 0 ? 0x001b : 0x0002, 2);
		put(&b, i == 0 ? 9 : 2, 2);
		put(&b, i == 0 ? 2000 : 160, 3);
		put(&b, i == 0 ? 8 : 0, 2);
		put(&b, i == 0 ? 5000 : 0, 4);
		put(&b, i == 0 ? 0x1b : 0, 1);
		put(&b, BASE * 1000 + i, 8);
		put(&b, BASE * 1000 + 1500, 8);
		put(&b, 255, 1); /* the long form of a length */
		put(&b, 3, 2);
		put_bytes(&b, "xyz", 3);
		put(&b, i == 0 ? 18 : 0, 1);
		put_bytes(&b, "WWW.Example.net:80", i == 0 ? 18 : 0);
	}
	end_set(&b, set);
	end_ipfix(&b, message);
	message = begin_ipfix(&b, 7);
	set = begin_set(&b, 2);
	put(&b, 300, 2);
	put(&b, 0, 2);
	end_set(&b, set);
	set = begin_set(&b, 300);
	put(&b, 0, 80);
	end_set(&b, set);
	end_ipfix(&b, message);
	struct told_rows *t = tell(&b);
	EXPECT_CONNS(t, BASE,
		"0+1.5 tcp 2001:db8::5:40000 > 2001:db8:1::7:80 ok x1 9/1344 8/4416 "
		"www.example.net",
		"0.001+1.499 tcp 2001:db8::5:40001 > 2001:db8:1::7:80 silent@1.5 x2 2/0 0/0");
	assert_int_equal(t->event[0].conn.name_source, NAME_HTTP_HOST);
	assert_int_equal(remark_count(t, "whose template did not come"), 1);
	told_free(t);
}

/* #47: uptimes count from the exporter's start, which an options record tells; absolute times are
 * preferred to them. ICMP's type is in an element of its own. */
static void test_ipfix_uptime(void **state)
{
	(void)state;
	struct build b = {.big = true};
	size_t message = begin_ipfix(&b, 7);
	size_t set = begin_set(&b, 3);
	put(&b, 400, 2);
	put(&b, 2, 2);
	put(&b, 1, 2);
	put(&b, 149, 2);
	put(&b, 4, 2);
	put(&b, 160, 2);
	put(&b, 8, 2);
	end_set(&b, set);
	set = begin_set(&b, 400);
	put(&b, 7, 4);
	put(&b, BASE * 1000 - 1000000, 8);
	end_set(&b, set);
	TEMPLATE(&b, 2, 301, 8, 4, 12, 4, 4, 1, 32, 2, 2, 4, 1, 4, 22, 4, 21, 4);
	set = begin_set(&b, 301);
	for (uint32_t i = 0; i < 2; i++) {
		put(&b, i == 0 ? 0x0a000005 : 0xc6336407, 4);
		put(&b, i == 0 ? 0xc6336407 : 0x0a000005, 4);
		put(&b, 1, 1);
		put(&b, i == 0 ? 0x0800 : 0, 2);
		put(&b, 2, 4);
		put(&b, 168, 4);
		put(&b, 990000, 4);
		put(&b, 991000, 4);
	}
	end_set(&b, set);
	TEMPLATE(&b, 2, 302, 8, 4, 12, 4, 4, 1, 7, 2, 11, 2, 2, 4, 1, 4, 22, 4, 21, 4, 154, 8, 155,
		8);
	set = begin_set(&b, 302);
	put(&b, 0x0a000005, 4);
	put(&b, 0xc6336407, 4);
	put(&b, 17, 1);
	put(&b, 40000, 2);
	put(&b, 53, 2);
	put(&b, 1, 4);
	put(&b, 60, 4);
	put(&b, 1, 4);
	put(&b, 2, 4);
	put(&b, (uint64_t)(BASE + 2208988800) << 32 | 0x80000000, 8);
	put(&b, (uint64_t)(BASE + 2208988801) << 32, 8);
	end_set(&b, set);
	end_ipfix(&b, message);
	struct told_rows *t = tell(&b);
	EXPECT_CONNS(t, BASE, "-10+1 icmp 10.0.0.5:8 > 198.51.100.7:0 ok x1 2/112 2/112",
		"0.5+0.5 udp 10.0.0.5:40000 > 198.51.100.7:53 unknown x1 1/32 0/0");
	told_free(t);
}

/* ---- damage ---- */

/* Any cut of a file: what is whole is told, the rest is said to be missing. */
static void test_truncation(void **state)
{
	(void)state;
	struct build b = {.big = true};
	put_v5_header(&b, 1, 0, 0);
	put_v5(&b, PORTS(40000, 443), false, 0x02, COUNTS(3, 180, 90000, 97000));
	size_t message = begin_ipfix(&b, 7);
	BASIC(&b, 2, 256);
	size_t set = begin_set(&b, 256);
	put_basic(&b, false, 40001, 0x02, COUNTS(1, 60, 90000, 91000));
	end_set(&b, set);
	end_ipfix(&b, message);
	for (size_t len = 73; len < b.len; len++) {
		struct told_rows *t = tell_bytes("netflow", b.bytes, len);
		assert_int_equal(t->events, 1);
		assert_true(ingest_input(t->ingest, 0)->cut);
		assert_int_equal(ingest_input(t->ingest, 0)->cut_offset, 72);
		told_free(t);
	}
	struct told_rows *t = tell(&b);
	assert_int_equal(t->events, 2);
	assert_false(ingest_input(t->ingest, 0)->cut);
	told_free(t);
}

/* Nonsense between two datagrams is stepped over and counted; a template that is none is refused.
 */
static void test_damage(void **state)
{
	(void)state;
	struct build b = {.big = true};
	put_v5_header(&b, 1, 0, 0);
	put_v5(&b, PORTS(40000, 443), false, 0x02, COUNTS(3, 180, 90000, 97000));
	put_bytes(&b, "nonsense", 8);
	put_v5_header(&b, 1, 0, 0);
	put_v5(&b, PORTS(40001, 443), false, 0x02, COUNTS(3, 180, 90000, 97000));
	begin_v9(&b, 100000, 1);
	TEMPLATE(&b, 0, 255, 8, 4); /* no number of data sets */
	begin_v9(&b, 100000, 1);
	TEMPLATE(&b, 0, 256, 8, 0); /* records of no length would never end */
	struct told_rows *t = tell(&b);
	assert_int_equal(t->events, 2);
	const struct input *in = ingest_input(t->ingest, 0);
	assert_int_equal(in->rejected, 3);
	assert_int_equal(in->rows_rejected, 2);
	assert_false(in->cut);
	told_free(t);
}

/* ---- packets ---- */

/* In a capture: by port or by lengths; each exporter has its own templates. */
static void test_packets(void **state)
{
	(void)state;
	struct told_rows *t = told_new(0);
	struct build templates = {.big = true}, data = {.big = true}, other = {.big = true};
	struct addr one = addr_v4(0xc0000201), two = addr_v4(0xc0000202);
	begin_v9(&templates, 100000, 1);
	BASIC(&templates, 0, 256);
	begin_v9(&data, 100000, 1);
	size_t set = begin_set(&data, 256);
	put_basic(&data, false, 40000, 0x1b, COUNTS(9, 2000, 90000, 91000));
	put_basic(&data, true, 40000, 0x1b, COUNTS(9, 5000, 90020, 91000));
	end_set(&data, set);
	put_bytes(&other, "\0\5not an export datagram at all", 31);
	assert_true(
		netflow_packet(t->sink, &one, 9991, cur_of(templates.bytes, templates.len), WHEN));
	assert_true(netflow_packet(t->sink, &two, 9991, cur_of(data.bytes, data.len), WHEN));
	assert_true(netflow_packet(t->sink, &one, 2055, cur_of(data.bytes, data.len), WHEN));
	assert_false(netflow_packet(t->sink, &one, 2055, cur_of(other.bytes, other.len), WHEN));
	/* one byte more than the sets: only where exports are expected */
	put(&data, 7, 1);
	assert_false(netflow_packet(t->sink, &one, 9991, cur_of(data.bytes, data.len), WHEN));
	assert_true(netflow_likely(cur_of(data.bytes, data.len)));
	assert_false(netflow_likely(cur_of("\0\7aaaaaaaaaaaaaaaaaaaa", 22)));
	rows_finish(t->sink);
	EXPECT_CONNS(t, BASE, "-10+1 tcp 10.0.0.5:40000 > 198.51.100.7:443 ok x1 9/1524 9/4524");
	assert_int_equal(remark_count(t, "whose template did not come"), 1);
	told_free(t);
}

/* An exporter without a clock: its datagram came when the capture says so. */
static void test_clock(void **state)
{
	(void)state;
	struct told_rows *t = told_new(0);
	struct build b = {.big = true};
	struct addr one = addr_v4(0xc0000201);
	put_v5_header(&b, 1, 0, 0);
	put_v5(&b, PORTS(40000, 443), true, 0x1b, COUNTS(3, 1800, 90000, 97000));
	b.bytes[8] = b.bytes[9] = 0; /* seconds: half a day after 1970 */
	assert_true(netflow_packet(t->sink, &one, 2055, cur_of(b.bytes, b.len), WHEN));
	rows_finish(t->sink);
	EXPECT_CONNS(t, BASE,
		"-10+7 tcp 10.0.0.5:40000 > 198.51.100.7:443 unknown x1 0/0 3/1636 joined inferred "
		"one-way");
	told_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_v5),
		cmocka_unit_test(test_no_guess), cmocka_unit_test(test_v9_wrap),
		cmocka_unit_test(test_templates), cmocka_unit_test(test_options),
		cmocka_unit_test(test_firewall), cmocka_unit_test(test_ipfix),
		cmocka_unit_test(test_ipfix_uptime), cmocka_unit_test(test_truncation),
		cmocka_unit_test(test_damage), cmocka_unit_test(test_packets),
		cmocka_unit_test(test_clock)};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
