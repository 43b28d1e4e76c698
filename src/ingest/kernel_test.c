#include "ingest/kernel.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/prctl.h>

#include "base/clock.h"
#include "ingest/net_testing.h"

static struct kernel *k;

/* Where this machine cannot, the test says why and is skipped. */
static int set_up(void **state)
{
	struct fail why = {0};
	if (net_set_up(state) != 0)
		return 1;
	/* before it opens anything: what the machine itself connects is not the test's */
	(void)prctl(PR_SET_NAME, "postern-test");
	int code = kernel_open(&k, &why);
	if (code == 0)
		return 0;
	assert_null(k);
	assert_int_equal(code, why.code);
	(void)fprintf(stderr, "%s\n", why.text);
	/* root of a machine of its own can, if it was built and the kernel tells its types */
	return code != -ENOTSUP && code != -EPERM;
}

static int tear_down(void **state)
{
	(void)state;
	kernel_close(k);
	return 0;
}

static void kernel_needed(void)
{
	net_needed();
	if (k == NULL)
		skip();
}

/* The next event of this process within a second or so; kind EVENT_NONE: none. */
static struct event wait_event(struct kernel_owner *ret_owner)
{
	const struct event *event;
	struct fail why = {0};
	for (int64_t end = clock_day_ns() + INT64_C(3000000000); clock_day_ns() < end;) {
		int code;
		while ((code = kernel_next(k, &event, ret_owner, &why)) == 1) {
			assert_int_equal(event->kind, EVENT_CONN);
			if (ret_owner->pid == (uint32_t)getpid())
				return *event;
		}
		assert_int_equal(code, 0);
		struct pollfd poller = {.fd = kernel_fd(k), .events = POLLIN};
		(void)poll(&poller, 1, 100);
	}
	return (struct event){0};
}

struct ends { /* of a connection to ourselves */
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} server;
	socklen_t len;
	int listener;
};

static struct ends listen_on(int family)
{
	struct ends e = {.listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	e.server.any.sa_family = (sa_family_t)family;
	if (family == AF_INET6)
		e.server.v6.sin6_addr = (struct in6_addr)IN6ADDR_LOOPBACK_INIT;
	else
		e.server.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	e.len = family == AF_INET6 ? sizeof e.server.v6 : sizeof e.server.v4;
	assert_int_equal(bind(e.listener, &e.server.any, e.len), 0);
	assert_int_equal(getsockname(e.listener, &e.server.any, &e.len), 0);
	assert_int_equal(listen(e.listener, 5), 0);
	return e;
}

static uint16_t port_of(const struct ends *e)
{
	return ntohs(e->server.any.sa_family == AF_INET6 ? e->server.v6.sin6_port
							 : e->server.v4.sin_port);
}

static int connect_to(const struct ends *e)
{
	int fd = socket(e->server.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	(void)connect(fd, &e->server.any, e->len);
	return fd;
}

static void expect(const struct event *event, const struct ends *e, enum outcome outcome)
{
	const struct conn *c = &event->conn;
	char text[ADDR_TEXT_BYTES];
	const char *want = e->server.any.sa_family == AF_INET6 ? "::1" : "127.0.0.1";
	assert_int_equal(event->kind, EVENT_CONN);
	assert_int_equal(c->outcome, outcome);
	assert_true(c->settled && c->ended && c->id != 0);
	assert_int_equal(c->transport, TRANSPORT_TCP);
	assert_int_equal(c->ip_proto, IPPROTO_TCP);
	assert_string_equal(addr_text(&c->client, text), want);
	assert_string_equal(addr_text(&c->server, text), want);
	assert_int_equal(c->server_port, port_of(e));
	assert_true(c->client_port >= 1024);
	assert_string_equal(c->process, "postern-test");
	assert_int_equal(c->fail_ns != 0, outcome_is_failure(outcome));
}

static void test_refused(void **state)
{
	(void)state;
	static const int families[] = {AF_INET, AF_INET6};
	kernel_needed();
	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		struct ends e = listen_on(families[i]);
		struct kernel_owner owner;
		(void)close(e.listener);
		int64_t before = clock_day_ns();
		(void)close(connect_to(&e));
		int64_t after = clock_day_ns();
		struct event event = wait_event(&owner);
		expect(&event, &e, OUTCOME_REFUSED);
		assert_true(event.conn.start_ns >= before - 1000000);
		assert_true(event.conn.start_ns <= event.conn.fail_ns);
		assert_true(event.conn.fail_ns <= after + 1000000);
		assert_int_equal(event.conn.tries, 1);
		assert_int_equal(owner.pid, getpid());
		assert_int_equal(owner.uid, getuid());
		assert_true(owner.cgroup != 0);
		assert_int_equal(event.conn.bytes_out, 0);
	}
}

/* Payload exactly: not SYN, not FIN. Whoever closes first. */
static void test_ok(void **state)
{
	(void)state;
	kernel_needed();
	for (int order = 0; order < 2; order++) {
		struct ends e = listen_on(order == 0 ? AF_INET : AF_INET6);
		struct kernel_owner owner;
		char bytes[4096] = "";
		int client = connect_to(&e), server = accept(e.listener, NULL, NULL);
		assert_int_equal(send(client, bytes, 1234, 0), 1234);
		assert_int_equal(recv(server, bytes, 1234, MSG_WAITALL), 1234);
		assert_int_equal(send(server, bytes, 3210, 0), 3210);
		assert_int_equal(recv(client, bytes, 3210, MSG_WAITALL), 3210);
		(void)close(order == 0 ? client : server);
		(void)usleep(20000);
		(void)close(order == 0 ? server : client);
		(void)close(e.listener);
		struct event event = wait_event(&owner);
		expect(&event, &e, OUTCOME_OK);
		assert_int_equal(event.conn.bytes_out, 1234);
		assert_int_equal(event.conn.bytes_in, 3210);
		assert_true(event.conn.packets_out >= 3 && event.conn.packets_in >= 2);
		assert_int_equal(event.conn.tries, 1);
		assert_true(event.conn.end_ns >= event.conn.start_ns);
	}
}

/* Cut, or left, before any answer. */
static void test_no_answer(void **state)
{
	(void)state;
	kernel_needed();
	for (int cut = 0; cut < 2; cut++) {
		struct ends e = listen_on(AF_INET);
		struct kernel_owner owner;
		const struct linger at_once = {.l_onoff = 1};
		char byte;
		int client = connect_to(&e), server = accept(e.listener, NULL, NULL);
		assert_int_equal(send(client, "hello", 5, 0), 5);
		assert_int_equal(recv(server, &byte, 1, 0), 1);
		if (cut == 1)
			(void)setsockopt(server, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
		else
			assert_int_equal(recv(server, &(char[4]){0}, 4, MSG_WAITALL), 4);
		(void)close(server);
		(void)usleep(20000);
		(void)close(client);
		(void)close(e.listener);
		struct event event = wait_event(&owner);
		expect(&event, &e, cut == 1 ? OUTCOME_RESET : OUTCOME_STALLED);
		assert_int_equal(event.conn.bytes_out, 5);
		assert_int_equal(event.conn.bytes_in, 0);
	}
}

/* A network where 192.0.2.2 to .255 say nothing: a tunnel swallows what is sent. -1: none. */
static int silent_net(void)
{
	int tun = net_tunnel("postern3", false);
	if (tun < 0)
		return -1;
	struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc0000201)};
	struct ifreq request = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	(void)snprintf(request.ifr_name, sizeof request.ifr_name, "postern3");
	memcpy(&request.ifr_addr, &own, sizeof own);
	assert_int_equal(ioctl(fd, SIOCSIFADDR, &request), 0);
	own.sin_addr.s_addr = htonl(0xffffff00);
	memcpy(&request.ifr_netmask, &own, sizeof own);
	assert_int_equal(ioctl(fd, SIOCSIFNETMASK, &request), 0);
	(void)close(fd);
	return tun;
}

static int connect_silent(struct ends *e)
{
	*e = (struct ends){.len = sizeof e->server.v4};
	e->server.v4 = (struct sockaddr_in){.sin_family = AF_INET,
		.sin_port = htons(443),
		.sin_addr.s_addr = htonl(0xc0000202)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(connect(fd, &e->server.any, e->len), -1);
	assert_int_equal(errno, EINPROGRESS);
	return fd;
}

/* A server that says nothing, until the client gives up: after its first wait, or before. */
static void test_silent(void **state)
{
	(void)state;
	kernel_needed();
	int tun = silent_net();
	if (tun < 0)
		skip();
	for (int gives_up = 1; gives_up >= 0; gives_up--) {
		struct kernel_owner owner;
		char text[ADDR_TEXT_BYTES];
		struct ends e;
		int fd = connect_silent(&e);
		(void)usleep(gives_up == 1 ? 1500 * 1000 : 100 * 1000);
		(void)close(fd);
		struct event event = wait_event(&owner);
		assert_int_equal(
			event.conn.outcome, gives_up == 1 ? OUTCOME_SILENT : OUTCOME_UNKNOWN);
		assert_string_equal(addr_text(&event.conn.server, text), "192.0.2.2");
		assert_string_equal(addr_text(&event.conn.client, text), "192.0.2.1");
		/* a busy machine may sleep longer than asked */
		assert_in_range(event.conn.tries, 1 + gives_up, 1 + 4 * gives_up);
		if (gives_up == 1)
			assert_in_range(event.conn.leave_ns - event.conn.start_ns,
				INT64_C(1500000000), INT64_C(20000000000));
	}
	(void)close(tun);
}

static void put_checksum(uint8_t *bytes, size_t len, size_t at)
{
	uint32_t sum = 0;
	bytes[at] = bytes[at + 1] = 0;
	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~(sum + (sum >> 16));
	bytes[at] = (uint8_t)(sum >> 8);
	bytes[at + 1] = (uint8_t)sum;
}

/* A router's answer to the SYN: no such host. */
static void test_unreachable(void **state)
{
	(void)state;
	enum { IP = 20, ICMP = 8, QUOTE = 28 };
	kernel_needed();
	int tun = silent_net();
	if (tun < 0)
		skip();
	struct ends e;
	struct kernel_owner owner;
	uint8_t syn[128], answer[IP + ICMP + QUOTE] = {0x45, 0, 0, sizeof answer, 0, 0, 0, 0, 64, 1,
				  0, 0, 192, 0, 2, 2, 192, 0, 2, 1, 3, 1};
	int fd = connect_silent(&e);
	ssize_t got = 0;
	for (int i = 0; i < 100 && (got < QUOTE || syn[9] != IPPROTO_TCP); i++) {
		got = read(tun, syn, sizeof syn);
		(void)usleep(got < 0 ? 10000 : 0);
	}
	assert_true(got >= QUOTE);
	memcpy(answer + IP + ICMP, syn, QUOTE);
	put_checksum(answer, IP, 10);
	put_checksum(answer + IP, ICMP + QUOTE, 2);
	assert_int_equal(write(tun, answer, sizeof answer), sizeof answer);
	struct event event = wait_event(&owner);
	assert_int_equal(event.conn.outcome, OUTCOME_UNREACHABLE);
	assert_true(event.conn.fail_ns >= event.conn.start_ns);
	(void)close(fd);
	(void)close(tun);
}

/* Ten seconds open: told as such, and once more at its end. */
static void test_stays_open(void **state)
{
	(void)state;
	kernel_needed();
	struct ends e = listen_on(AF_INET);
	struct kernel_owner owner;
	struct event event = {0};
	int client = connect_to(&e), server = accept(e.listener, NULL, NULL);
	for (int i = 0; i < 5 && event.kind == EVENT_NONE; i++)
		event = wait_event(&owner);
	assert_int_equal(event.kind, EVENT_CONN);
	assert_true(event.conn.settled && !event.conn.ended);
	assert_int_equal(event.conn.outcome, OUTCOME_OK);
	assert_int_equal(owner.pid, getpid());
	uint64_t id = event.conn.id;
	(void)close(client);
	(void)close(server);
	(void)close(e.listener);
	event = wait_event(&owner);
	expect(&event, &e, OUTCOME_OK);
	assert_int_equal(event.conn.id, id);
	assert_int_equal(kernel_stats(k).lost, 0);
	assert_int_equal(kernel_stats(k).strange, 0);
}

/* Last: what it gives up does not come back. */
static void test_permission(void **state)
{
	(void)state;
	struct kernel *other = NULL;
	struct fail why = {0};
	kernel_needed();
	if (setuid(65534) < 0)
		skip();
	assert_int_equal(kernel_open(&other, &why), -EPERM);
	assert_non_null(strstr(why.text, "no permission to ask the kernel (CAP_BPF, CAP_PERFMON): "
					 "use sudo, or once: sudo setcap cap_bpf,cap_perfmon=ep "));
	assert_null(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_ok),
		cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_silent),
		cmocka_unit_test(test_unreachable),
		cmocka_unit_test(test_stays_open),
		cmocka_unit_test(test_permission),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
