/* HTTP and what goes through proxies: names, statuses, tunnels. */
#include "flow/tls_testing.h"

static const char request[] = "GET /gateway.php?id=7 HTTP/1.1\r\nHost: Drop.Example.NET:8080\r\n"
			      "User-Agent: agent/1\r\n\r\n";

static void test_http(void **state)
{
	(void)state;
	for (size_t step = 1; step < 100; step += 7) {
		struct world w = world_new();
		struct line l = connected(&w, 8080);
		for (size_t i = 0; i < sizeof request - 1; i += step) {
			size_t left = sizeof request - 1 - i;
			send_bytes(&w, &l, OUT, request + i, left < step ? left : step);
		}
		at(&w, 20);
		send_text(&w, &l, IN, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 20");
		assert_int_equal(w.events, 0);
		at(&w, 21);
		send_text(&w, &l, IN, "0 OK\r\nContent-Length: 0\r\n\r\n");
		assert_int_equal(w.events, 1);
		const struct conn *c = &w.got[0].conn;
		assert_outcome(c, OUTCOME_OK);
		assert_string_equal(c->service, "http");
		assert_int_equal(c->http_status, 200);
		if (step >= 8) { /* a head in more than LOOKS_MAX pieces is not read to its end */
			assert_string_equal(c->name, "drop.example.net");
			assert_int_equal(c->name_source, NAME_HTTP_HOST);
			assert_string_equal(c->method, "GET");
			assert_int_equal(c->request_mark,
				request_mark((struct span){(const uint8_t *)"gateway", 7}));
			assert_int_not_equal(c->request_mark, 0);
			assert_string_equal(c->user_agent, "agent/1");
			assert_false(c->to_proxy);
		}
		world_free(&w);
	}
}

/* All statuses bad: the time of the last status line, not of the end. */
static void test_http_errors(void **state)
{
	(void)state;
	for (int good = 0; good < 2; good++) {
		struct world w = world_new();
		struct line l = connected(&w, 80);
		for (int64_t i = 0; i < 3; i++) {
			at(&w, 100 * i + 10);
			send_text(&w, &l, OUT, request);
			at(&w, 100 * i + 60);
			struct packet p = send_text(&w, &l, IN,
				good && i == 1 ? "HTTP/1.1 302 Found\r\n\r\n"
					       : "HTTP/1.1 404 Not Found\r\n\r\n");
			at(&w, 100 * i + 90);
			again(&w, &p); /* sent again: no further status */
			assert_int_equal(w.events, good && i > 0);
		}
		at(&w, 75000);
		send_flags(&w, &l, IN, TCP_FIN | TCP_ACK);
		finish(&w);
		const struct conn *c = last_end(&w);
		assert_int_equal(c->settled, !good);
		assert_outcome(c, good ? OUTCOME_OK : OUTCOME_HTTP_ERROR);
		assert_int_equal(c->fail_ns, good ? 0 : MS(260));
		assert_int_equal(c->http_status, 404);
		assert_int_equal(c->response_bytes, 26);
		world_free(&w);
	}
}

static void test_http_to_an_address(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = connected(&w, 80);
	send_text(&w, &l, OUT, "POST / HTTP/1.1\r\nHost: 198.51.100.7\r\n\r\n");
	send_text(&w, &l, IN, "HTTP/1.1 200 OK\r\n\r\n");
	assert_null(w.got[0].conn.name);
	assert_int_equal(w.got[0].conn.name_source, NAME_NONE);
	assert_string_equal(w.got[0].conn.method, "POST");
	world_free(&w);
}

static void test_tls_to_a_web_port(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = connected(&w, 80);
	struct bytes hello = client_hello();
	send_all(&w, &l, OUT, &hello);
	at(&w, 20);
	send_text(&w, &l, IN, "HTTP/1.1 400 Bad Request\r\n\r\n");
	at(&w, 30);
	send_flags(&w, &l, IN, TCP_FIN | TCP_ACK);
	finish(&w);
	assert_hello(only_end(&w));
	assert_outcome(only_end(&w), OUTCOME_HTTP_ERROR);
	assert_ms(only_end(&w)->fail_ns, 20);
	world_free(&w);
}

/* ---- proxies ---- */

static void test_absolute_uri(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = connected(&w, 3128);
	send_text(&w, &l, OUT,
		"GET http://target.example.org/x HTTP/1.1\r\nHost: proxy.example\r\n\r\n");
	at(&w, 20);
	send_text(&w, &l, IN, "HTTP/1.1 503 Service Unavailable\r\n\r\n");
	finish(&w);
	const struct conn *c = only_end(&w);
	assert_string_equal(c->name, "target.example.org");
	assert_int_equal(c->name_source, NAME_PROXY_TARGET);
	assert_true(c->to_proxy);
	assert_int_equal(c->request_mark, 0); /* no word */
	assert_outcome(c, OUTCOME_HTTP_ERROR);
	assert_ms(c->fail_ns, 20);
	world_free(&w);
}

static const char connect[] = "CONNECT target.example.org:443 HTTP/1.1\r\n"
			      "Host: target.example.org:443\r\n\r\n";

static void test_connect(void **state)
{
	(void)state;
	for (int password = 0; password < 2; password++) {
		struct world w = world_new();
		struct line l = connected(&w, 3128);
		send_text(&w, &l, OUT, connect);
		if (password) {
			at(&w, 15);
			send_text(&w, &l, IN, "HTTP/1.1 407 Who Are You\r\n\r\n<html>");
			send_text(&w, &l, IN, "</html>");
			send_text(&w, &l, OUT, connect);
		}
		at(&w, 20);
		send_text(&w, &l, IN, "HTTP/1.1 200 Connection established\r\n\r\n");
		assert_int_equal(w.events, 0); /* the target has said nothing yet */
		struct bytes hello = client_hello(), answer = server_hello(), data = data_record(9);
		send_all(&w, &l, OUT, &hello);
		send_all(&w, &l, IN, &answer);
		assert_int_equal(w.events, 0);
		send_all(&w, &l, IN, &data);
		assert_int_equal(w.events, 1);
		const struct conn *c = &w.got[0].conn;
		assert_outcome(c, OUTCOME_OK);
		assert_string_equal(c->name, "target.example.org");
		assert_int_equal(c->name_source, NAME_PROXY_TARGET);
		assert_true(c->to_proxy);
		assert_string_equal(c->service, "http");
		assert_string_equal(c->method, "CONNECT");
		assert_string_equal(c->ja3, "a91f27792e89a79ec395ec9128fd9f76");
		assert_int_equal(c->http_status, 200);
		world_free(&w);
	}
}

/* The password was asked for, and then it worked: no error is left of that. */
static void test_connect_second_time(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = connected(&w, 3128);
	struct bytes hello = client_hello(), answer = server_hello();
	send_text(&w, &l, OUT, connect);
	send_text(&w, &l, IN, "HTTP/1.1 407 Who Are You\r\n\r\n");
	send_text(&w, &l, OUT, connect);
	send_text(&w, &l, IN, "HTTP/1.1 200 OK\r\n\r\n");
	send_all(&w, &l, OUT, &hello);
	send_all(&w, &l, IN, &answer);
	send_flags(&w, &l, OUT, TCP_FIN | TCP_ACK);
	finish(&w);
	assert_outcome(only_end(&w), OUTCOME_OK);
	world_free(&w);
}

static void test_plain_inside(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = connected(&w, 3128);
	send_text(&w, &l, OUT, "CONNECT target.example.org:80 HTTP/1.1\r\n\r\n");
	send_text(&w, &l, IN, "HTTP/1.1 200 OK\r\n\r\n");
	send_text(&w, &l, OUT, request);
	at(&w, 20);
	send_text(&w, &l, IN, "HTTP/1.1 404 Not Found\r\n\r\n");
	finish(&w);
	const struct conn *c = only_end(&w);
	assert_string_equal(c->name, "target.example.org");
	assert_string_equal(c->method, "CONNECT");
	assert_true(c->to_proxy);
	assert_outcome(c, OUTCOME_HTTP_ERROR); /* the target's */
	assert_ms(c->fail_ns, 20);
	world_free(&w);
}

/* The inside of a tunnel fails as a conversation does. */
static void test_connect_fails(void **state)
{
	(void)state;
	static const struct {
		const char *proxy, *inside;
		size_t inside_len;
		unsigned flags;
		enum outcome outcome;
		int64_t fail_ms;
	} rows[] = {
		{"HTTP/1.1 502 Bad Gateway\r\n\r\n", NULL, 0, TCP_FIN | TCP_ACK, OUTCOME_HTTP_ERROR,
			20},
		{"HTTP/1.1 407 Who\r\n\r\n", NULL, 0, TCP_FIN | TCP_ACK, OUTCOME_HTTP_ERROR, 20},
		{"HTTP/1.1 200 OK\r\n\r\n", "\x15\3\3\0\2\2\x28", 7, TCP_FIN | TCP_ACK,
			OUTCOME_TLS_ALERT, 30},
		{"HTTP/1.1 200 OK\r\n\r\n", NULL, 0, TCP_FIN | TCP_ACK, OUTCOME_STALLED, 40},
		{"HTTP/1.1 200 OK\r\n\r\n", NULL, 0, TCP_RST | TCP_ACK, OUTCOME_RESET, 40},
		{"HTTP/1.1 200 OK\r\n\r\n", "SSH-2.0-x\r\n", 11, TCP_FIN | TCP_ACK, OUTCOME_OK, 0},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct world w = world_new();
		struct line l = connected(&w, 3128);
		struct bytes hello = client_hello();
		send_text(&w, &l, OUT, connect);
		at(&w, 20);
		send_text(&w, &l, IN, rows[i].proxy);
		at(&w, 25);
		if (rows[i].flags != 0 && rows[i].proxy[9] == '2')
			send_all(&w, &l, OUT, &hello);
		at(&w, 30);
		if (rows[i].inside != NULL)
			send_bytes(&w, &l, IN, rows[i].inside, rows[i].inside_len);
		at(&w, 40);
		send_flags(&w, &l, IN, rows[i].flags);
		finish(&w);
		const struct conn *c = last_end(&w);
		assert_outcome(c, rows[i].outcome);
		assert_int_equal(
			c->fail_ns, rows[i].fail_ms == 0 ? 0 : T0 + rows[i].fail_ms * NS_PER_MS);
		assert_string_equal(c->name, "target.example.org");
		world_free(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_http),
		cmocka_unit_test(test_http_errors),
		cmocka_unit_test(test_http_to_an_address),
		cmocka_unit_test(test_tls_to_a_web_port),
		cmocka_unit_test(test_absolute_uri),
		cmocka_unit_test(test_connect),
		cmocka_unit_test(test_connect_second_time),
		cmocka_unit_test(test_plain_inside),
		cmocka_unit_test(test_connect_fails),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
