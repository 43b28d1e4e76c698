#include "ingest/udp.h"

#include <arpa/inet.h>
#include <poll.h>

#include "base/clock.h"
#include "ingest/net_testing.h"

static struct udp *open_udp(const char *where, size_t buffer_bytes)
{
	struct udp *u = NULL;
	struct fail why = {0};
	int code = udp_open(&u, where, buffer_bytes, &why);
	if (code < 0)
		print_message("%s\n", why.text);
	assert_int_equal(code, 0);
	return u;
}

/* A socket that sends from 127.0.0.1 or ::1 to the port there. */
static int sender(int family, uint16_t port)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
		.sin6_port = htons(port),
		.sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool is_v4 = family == AF_INET;
	assert_int_equal(connect(fd, is_v4 ? (const struct sockaddr *)&v4 : (void *)&v6,
				 is_v4 ? sizeof v4 : sizeof v6),
		0);
	return fd;
}

static uint16_t port_of_sender(int fd)
{
	struct sockaddr_in name = {0};
	socklen_t len = sizeof name;
	assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &len), 0);
	return ntohs(name.sin_port);
}

static int wait_next(struct udp *u, struct udp_datagram *ret)
{
	struct fail why = {0};
	struct pollfd poller = {.fd = udp_fd(u), .events = POLLIN};
	int code = udp_next(u, ret, &why);
	if (code == 0 && poll(&poller, 1, 5000) == 1)
		code = udp_next(u, ret, &why);
	return code;
}

/* More than a batch, of every kind of length. */
static void test_datagrams(void **state)
{
	(void)state;
	enum { COUNT = 150, LARGE = 65507 };
	static uint8_t bytes[LARGE];
	struct udp *u = open_udp("127.0.0.1:0", 0);
	int fd = sender(AF_INET, udp_port(u));
	struct udp_datagram d;
	struct fail why = {0};
	assert_int_equal(udp_next(u, &d, &why), 0);
	int64_t from = clock_day_ns();
	for (int i = 0; i < COUNT; i++) {
		size_t len = i == 0 ? 0 : i == 1 ? LARGE : (size_t)i;
		memset(bytes, i, len);
		assert_int_equal(send(fd, bytes, len, 0), len);
	}
	for (int i = 0; i < COUNT; i++) {
		size_t len = i == 0 ? 0 : i == 1 ? LARGE : (size_t)i;
		assert_int_equal(wait_next(u, &d), 1);
		memset(bytes, i, len);
		assert_int_equal(d.len, len);
		assert_memory_equal(d.bytes, bytes, len);
		char text[ADDR_TEXT_BYTES];
		assert_string_equal(addr_text(&d.from, text), "127.0.0.1");
		assert_int_equal(d.from_port, port_of_sender(fd));
		assert_true(d.time_ns >= from && d.time_ns <= clock_day_ns());
	}
	assert_int_equal(udp_next(u, &d, &why), 0);
	assert_int_equal(udp_drops(u), 0);
	(void)close(fd);
	udp_close(u);
}

/* [::] hears both families, and an IPv4 exporter is known by its IPv4 address. */
static void test_families(void **state)
{
	(void)state;
	net_needed(); /* a machine of no IPv6 would fail it */
	static const char *const every[] = {"[::]:0", ":0", "0"};
	for (size_t i = 0; i < ARRAY_LEN(every); i++) {
		struct udp *u = open_udp(every[i], 0);
		struct udp_datagram d;
		char text[ADDR_TEXT_BYTES];
		int v4 = sender(AF_INET, udp_port(u)), v6 = sender(AF_INET6, udp_port(u));
		assert_int_equal(send(v4, "4", 1, 0), 1);
		assert_int_equal(send(v6, "6", 1, 0), 1);
		assert_int_equal(wait_next(u, &d), 1);
		assert_string_equal(addr_text(&d.from, text), "127.0.0.1");
		assert_int_equal(wait_next(u, &d), 1);
		assert_string_equal(addr_text(&d.from, text), "::1");
		assert_int_equal(d.bytes[0], '6');
		(void)close(v4);
		(void)close(v6);
		udp_close(u);
	}
}

/* What does not fit is counted: with the datagram after it, as the kernel tells it. */
static void test_drops(void **state)
{
	(void)state;
	enum { COUNT = 1000 };
	struct udp *u = open_udp("127.0.0.1:0", 8192);
	assert_in_range(udp_buffer_bytes(u), 8192, 65536);
	int fd = sender(AF_INET, udp_port(u));
	struct udp_datagram d;
	struct fail why = {0};
	uint64_t got = 0;
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(send(fd, "0123456789", 10, 0), 10);
	while (udp_next(u, &d, &why) == 1)
		got++;
	assert_int_equal(send(fd, "last", 4, 0), 4);
	assert_int_equal(wait_next(u, &d), 1);
	assert_memory_equal(d.bytes, "last", 4);
	assert_true(got > 0 && got < COUNT);
	assert_int_equal(got + udp_drops(u), COUNT);
	(void)close(fd);
	udp_close(u);
}

static void test_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {"", ":", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x",
		"127.0.0.1:65536", "127.0.0.1:123456", "::1:2055", "[::1]", "[::1:2055", "[]:2055",
		"::1]:2055", "127.0.0.1:-1", "127.0.0.1: 1", "localhost:2055", "127.0.0.1.5:2055",
		"[127.0.0.1", "[fe80::1%a-zone-that-is-longer-than-any-interface-name-here]:2055"};
	struct fail why = {0};
	struct udp *u = NULL, *first = open_udp("127.0.0.1:0", 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(udp_open(&u, bad[i], 0, &why), -EINVAL);
		assert_non_null(strstr(why.text, ": want ADDRESS:PORT"));
		assert_null(u);
	}
	char where[32];
	(void)snprintf(where, sizeof where, "127.0.0.1:%u", (unsigned)udp_port(first));
	assert_int_equal(udp_open(&u, where, 0, &why), -EADDRINUSE);
	assert_non_null(strstr(why.text, "another program listens there"));
	assert_int_equal(udp_open(&u, "192.0.2.77:0", 0, &why), -EADDRNOTAVAIL);
	assert_non_null(strstr(why.text, "no interface has this address"));
	udp_close(first);
	udp_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_datagrams),
		cmocka_unit_test(test_families),
		cmocka_unit_test(test_drops),
		cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests(tests, net_set_up, NULL);
}
