#include "ingest/live.h"

#include <poll.h>

#include "base/clock.h"
#include "ingest/net_testing.h"

#define LINKTYPE_ETHERNET 1
#define LINKTYPE_RAW      101

static struct live *open_live(const char *iface, const char *filter)
{
	struct live *l = NULL;
	struct fail why = {0};
	/* everything else on a new interface (IPv6 looks for neighbours) is not the test's */
	const struct live_options options = {.filter = filter, .buffer_bytes = (size_t)1 << 20};
	int code = live_open(&l, iface, &options, &why);
	if (code < 0)
		print_message("%s\n", why.text);
	assert_int_equal(code, 0);
	return l;
}

/* The next frame, waiting for it as a caller does. */
static int wait_next(struct live *l, struct frame *ret, struct fail *why)
{
	for (int i = 0; i < 50; i++) {
		int code = live_next(l, ret, why);
		if (code != 0)
			return code;
		struct pollfd poller = {.fd = live_fd(l), .events = POLLIN};
		(void)poll(&poller, 1, LIVE_DELAY_MS);
	}
	return 0;
}

/* UDP from 192.0.2.1 to 198.51.100.1 port 9, `len` bytes with all headers. */
static void make_packet(uint8_t *bytes, size_t len, uint8_t mark)
{
	static const uint8_t head[] = {0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 198,
		51, 100, 1, 0x30, 0x39, 0, 9};
	memset(bytes, mark, len);
	memcpy(bytes, head, sizeof head);
	bytes[2] = (uint8_t)(len >> 8);
	bytes[3] = (uint8_t)len;
}

/* The bytes that came in, in their order, with their times and numbers; the filter leaves others
 * out; a cut packet tells its whole length. */
static void test_frames(void **state)
{
	(void)state;
	enum { COUNT = 100, LEN = 300, SNAP = 60 };
	net_needed();
	int tun = net_tunnel("postern0", false);
	if (tun < 0)
		skip();
	for (uint32_t snap = 0; snap <= SNAP; snap += SNAP) {
		struct fail why = {0};
		struct live *l;
		const struct live_options options = {
			.filter = "udp dst port 9", .snap_bytes = snap};
		assert_int_equal(live_open(&l, "postern0", &options, &why), 0);
		uint8_t bytes[LEN];
		int64_t from = clock_day_ns(), last = 0;
		for (int i = 0; i < COUNT; i++) {
			make_packet(bytes, LEN, (uint8_t)i);
			assert_int_equal(write(tun, bytes, LEN), LEN);
			bytes[23] = 10; /* another port */
			assert_int_equal(write(tun, bytes, LEN), LEN);
		}
		int64_t to = clock_day_ns();
		bool fine = false; /* any time that is no whole microsecond */
		for (int i = 0; i < COUNT; i++) {
			struct frame f;
			assert_int_equal(wait_next(l, &f, &why), 1);
			make_packet(bytes, LEN, (uint8_t)i);
			assert_int_equal(f.cap_bytes, snap != 0 ? SNAP : LEN);
			assert_int_equal(f.wire_bytes, LEN);
			assert_memory_equal(f.bytes, bytes, f.cap_bytes);
			assert_int_equal(f.linktype, LINKTYPE_RAW);
			assert_int_equal(f.number, i + 1);
			assert_int_equal(f.input, 0);
			assert_true(f.time_ns >= from && f.time_ns <= to && f.time_ns >= last);
			last = f.time_ns;
			fine = fine || f.time_ns % 1000 != 0;
		}
		assert_true(fine);
		struct frame f;
		assert_int_equal(live_next(l, &f, &why), 0);
		assert_int_equal(live_drops(l).kernel, 0);
		live_close(l);
	}
	(void)close(tun);
}

/* A ring that nobody empties overflows, and each packet is either given or counted. */
static void test_drops(void **state)
{
	(void)state;
	enum { COUNT = 4000, LEN = 1400 };
	net_needed();
	int tap = net_tunnel("postern1", true);
	if (tap < 0)
		skip();
	struct live *l = open_live("postern1", "ether proto 0x88b5"); /* for experiments */
	uint8_t bytes[LEN] = {[5] = 1, [11] = 2, [12] = 0x88, [13] = 0xb5};
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(write(tap, bytes, LEN), LEN);
	uint64_t got = 0;
	struct frame f;
	struct fail why = {0};
	while (live_next(l, &f, &why) == 1 || (got == 0 && wait_next(l, &f, &why) == 1)) {
		assert_int_equal(f.linktype, LINKTYPE_ETHERNET);
		got++;
	}
	/* the last block is given when its time is over */
	for (int i = 0; i < 3; i++) {
		struct pollfd poller = {.fd = live_fd(l), .events = POLLIN};
		(void)poll(&poller, 1, LIVE_DELAY_MS);
		while (live_next(l, &f, &why) == 1)
			got++;
	}
	struct live_drops drops = live_drops(l);
	assert_true(drops.kernel > 0 && got > 0);
	assert_int_equal(got + drops.kernel, COUNT);
	assert_int_equal(live_drops(l).kernel, drops.kernel); /* asking again adds nothing */
	live_close(l);
	(void)close(tap);
}

static void test_gone(void **state)
{
	(void)state;
	net_needed();
	int tun = net_tunnel("postern2", false);
	if (tun < 0)
		skip();
	struct live *l = open_live("postern2", "udp dst port 9");
	struct frame f;
	struct fail why = {0};
	assert_int_equal(live_next(l, &f, &why), 0);
	(void)close(tun);
	assert_int_equal(wait_next(l, &f, &why), -ENETDOWN);
	assert_string_equal(why.text, "postern2: the interface is gone");
	live_close(l);
}

static void test_any(void **state)
{
	(void)state;
	net_needed();
	struct live *l = open_live("any", "udp dst port 9");
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons(9),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(sendto(fd, "x", 1, 0, (const struct sockaddr *)&to, sizeof to), 1);
	(void)close(fd);
	struct frame f;
	struct fail why = {0};
	assert_int_equal(wait_next(l, &f, &why), 1);
	assert_int_equal(f.linktype, 113); /* LINKTYPE_LINUX_SLL */
	assert_int_equal(f.wire_bytes, 16 + 20 + 8 + 1);
	live_close(l);
}

static int fails(const char *iface, const struct live_options *options, struct fail *why)
{
	struct live *l = NULL;
	*why = (struct fail){0};
	int code = live_open(&l, iface, options, why);
	assert_int_equal(code, why->code);
	assert_null(l);
	return code;
}

static void test_refused(void **state)
{
	(void)state;
	struct fail why;
	const struct live_options none = {0}, bad = {.filter = "port tcp or"},
				  large = {.snap_bytes = 300000};
	net_needed();
	assert_int_equal(fails("eth99", &none, &why), -ENODEV);
	assert_string_equal(why.text, "eth99: no such interface; there are: lo, any");
	assert_int_equal(fails("", &none, &why), -ENODEV);
	assert_int_equal(fails("a-name-longer-than-any-interface-may-have", &none, &why), -ENODEV);
	assert_int_equal(fails("lo", &bad, &why), -EINVAL);
	assert_non_null(strstr(why.text, "filter: "));
	assert_non_null(strstr(why.text, "syntax error"));
	assert_int_equal(fails("lo", &large, &why), -EINVAL);
	assert_true(net_up("lo", false));
	assert_int_equal(fails("lo", &none, &why), -ENETDOWN);
	assert_string_equal(why.text, "lo: is down: sudo ip link set lo up");
	assert_true(net_up("lo", true));
}

/* Last: what it gives up does not come back. */
static void test_permission(void **state)
{
	(void)state;
	struct fail why;
	const struct live_options none = {0};
	net_needed();
	if (setuid(65534) < 0)
		skip();
	assert_int_equal(fails("lo", &none, &why), -EPERM);
	assert_non_null(strstr(why.text, "lo: no permission to capture: use sudo, or once: sudo "
					 "setcap cap_net_raw,cap_net_admin=eip "));
	assert_non_null(strstr(why.text, "live-test"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_drops),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_any),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_permission),
	};
	return cmocka_run_group_tests(tests, net_set_up, NULL);
}
