/* What first messages tell: names, fingerprints, services, and outcomes above TCP. */
#include "flow/testing.h"

struct bytes {
	uint8_t at[4096];
	size_t len;
};

static void add(struct bytes *b, unsigned value, size_t n)
{
	for (size_t i = n; i > 0; i--)
		b->at[b->len++] = (uint8_t)(value >> 8 * (i - 1));
}

static void add_zeros(struct bytes *b, size_t n)
{
	memset(b->at + b->len, 0, n);
	b->len += n;
}

/* A ClientHello (RFC 8446 4.1.2) with a server name, padded to len bytes in all. */
static struct bytes hello_of(const char *name, size_t len)
{
	size_t n = strlen(name), sni = 4 + 5 + n;
	struct bytes b = {.len = 0};
	size_t fixed = 4 + 2 + 32 + 1 + 2 + 4 + 2 + 2, pad = len - fixed - sni - 4;
	add(&b, 1, 1);
	add(&b, (unsigned)(len - 4), 3);
	add(&b, 0x0303, 2);
	add_zeros(&b, 32);
	add(&b, 0, 1);
	add(&b, 4, 2);
	add(&b, 0x1301c02f, 4);
	add(&b, 0x0100, 2);
	add(&b, (unsigned)(sni + 4 + pad), 2);
	add(&b, 0, 2);
	add(&b, (unsigned)(sni - 4), 2);
	add(&b, (unsigned)(3 + n), 2);
	add(&b, 0, 1);
	add(&b, (unsigned)n, 2);
	memcpy(b.at + b.len, name, n);
	b.len += n;
	add(&b, 21, 2); /* padding, RFC 7685 */
	add(&b, (unsigned)pad, 2);
	add_zeros(&b, pad);
	assert_int_equal(b.len, len);
	return b;
}

/* One record of at most step bytes after the other. */
static struct bytes records_of(unsigned type, const struct bytes *body, size_t step)
{
	struct bytes b = {.len = 0};
	for (size_t i = 0; i < body->len; i += step) {
		size_t n = body->len - i < step ? body->len - i : step;
		add(&b, type, 1);
		add(&b, 0x0303, 2);
		add(&b, (unsigned)n, 2);
		memcpy(b.at + b.len, body->at + i, n);
		b.len += n;
	}
	return b;
}

static struct bytes client_hello(void)
{
	struct bytes hello = hello_of("c2.example.net", 300);
	return records_of(22, &hello, 300);
}

/* A ServerHello of TLS 1.3's form. */
static struct bytes server_hello(void)
{
	struct bytes b = {.len = 0};
	add(&b, 2, 1);
	add(&b, 38, 3);
	add(&b, 0x0303, 2);
	add_zeros(&b, 32);
	add(&b, 0, 1);
	add(&b, 0x1301, 2);
	add(&b, 0, 1);
	return records_of(22, &b, 100);
}

static struct bytes data_record(size_t len)
{
	struct bytes b = {.len = len};
	memset(b.at, 'z', len);
	return records_of(23, &b, 4096);
}

static void send_all(struct world *w, struct line *l, enum from from, const struct bytes *b)
{
	send_bytes(w, l, from, b->at, b->len);
}

static void send_piece(struct world *w, struct line *l, enum from from, const struct bytes *b,
	size_t at, size_t len)
{
	struct line side = *l;
	side.seq[from] += (uint32_t)at;
	send_bytes(w, &side, from, b->at + at, len);
}

static struct line connected(struct world *w, uint16_t server_port)
{
	struct line l = line_new(40000, server_port);
	shake_hands(w, &l);
	at(w, 10);
	return l;
}

/* ---- TLS ---- */

static void assert_hello(const struct conn *c)
{
	assert_string_equal(c->service, "tls");
	assert_string_equal(c->name, "c2.example.net");
	assert_int_equal(c->name_source, NAME_SNI);
	assert_string_equal(c->ja3, "a91f27792e89a79ec395ec9128fd9f76");
	assert_int_equal(strlen(c->ja4), 36);
	assert_memory_equal(c->ja4, "t12d020200_", 11);
}

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
	send_piece(&w, &l, OUT, &hello, 0, 100);
	send_piece(&w, &l, OUT, &other, 50, 50);
	send_piece(&w, &l, OUT, &hello, 90, 100);
	send_piece(&w, &l, OUT, &hello, 180, 125);
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
		struct bytes hello = client_hello(), answer = server_hello(), data = data_record(9);
		send_all(&w, &l, OUT, &hello);
		at(&w, 40);
		/* level 1, unrecognized_name, is only a warning */
		send_bytes(&w, &l, IN, fatal ? "\x15\3\3\0\2\2\x28" : "\x15\3\3\0\2\1\x70", 7);
		at(&w, 50);
		if (!fatal) {
			send_all(&w, &l, IN, &answer);
			send_all(&w, &l, IN, &data);
		}
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
		bool server_hello, client_alert, client_fin, data;
		int64_t cut_ms;
		enum outcome outcome;
	} rows[] = {
		{false, false, false, false, 40, OUTCOME_RESET},
		{true, false, false, false, 9999, OUTCOME_RESET},
		{true, false, false, false, 10000, OUTCOME_OK},
		{true, true, false, false, 60, OUTCOME_OK},
		{true, false, true, false, 60, OUTCOME_OK},
		{true, false, false, true, 60, OUTCOME_OK},
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
	assert_int_equal(last_end(&w)->bytes_in, answer.len + 3015);
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

/* ---- HTTP ---- */

static const char request[] = "GET /gate.php?id=7 HTTP/1.1\r\nHost: Drop.Example.NET:8080\r\n"
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
			assert_string_equal(c->uri, "/gate.php?id=7");
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
		for (int i = 0; i < 3; i++) {
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
	assert_string_equal(c->uri, "/x");
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

/* ---- others ---- */

static void test_banners(void **state)
{
	(void)state;
	static const struct {
		const char *client, *server, *service;
	} rows[] = {
		{NULL, "SSH-2.0-OpenSSH_9.2\r\n", "ssh"},
		{"SSH-2.0-x\r\n", NULL, "ssh"},
		{NULL, "220 mail.example ESMTP\r\n", "smtp"},
		{"what is this?", "220 ready for FTP\r\n", "ftp"},
		{"what is this, more than thirty-two bytes?", "and that", "unknown"},
		{"a", "b", "unknown"},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct world w = world_new();
		struct line l = connected(&w, 4444);
		if (rows[i].client != NULL)
			send_text(&w, &l, OUT, rows[i].client);
		if (rows[i].server != NULL)
			send_text(&w, &l, IN, rows[i].server);
		assert_int_equal(w.events, rows[i].server != NULL);
		finish(&w);
		assert_string_equal(last_end(&w)->service, rows[i].service);
		world_free(&w);
	}
}

static void test_named_by_ndpi(void **state)
{
	(void)state;
	static const char invite[] = "INVITE sip:b@b.example SIP/2.0\r\n"
				     "Via: SIP/2.0/TCP a.example:5060;branch=z9hG4bK1\r\n"
				     "From: <sip:a@a.example>;tag=1\r\nTo: <sip:b@b.example>\r\n"
				     "Call-ID: 1@a.example\r\nCSeq: 1 INVITE\r\n\r\n";
	struct namer *namer = NULL;
	assert_int_equal(namer_new(&namer, 1), 0);
	struct world w = world_of(
		(struct flow_options){.conversations_max = 64, .lookups_max = 64, .namer = namer});
	for (uint16_t i = 0; i < 3; i++) { /* the place comes back */
		struct line l = line_new((uint16_t)(40000 + i), 4444);
		shake_hands(&w, &l);
		send_text(&w, &l, OUT, invite);
		send_text(&w, &l, IN, "SIP/2.0 100 Trying\r\n\r\n");
	}
	struct line l = line_new(41000, 4445);
	datagram(&w, &l, OUT, invite, sizeof invite - 1);
	datagram(&w, &l, IN, "SIP/2.0 100 Trying\r\n\r\n", 22);
	for (uint16_t i = 0; i < 3; i++) { /* an old one gives its place to a new one */
		l = line_new((uint16_t)(42000 + i), 4446);
		datagram(&w, &l, OUT, "\1\2nothing known", 15);
		datagram(&w, &l, IN, "\3\4nothing known", 15);
	}
	finish(&w);
	size_t sip = 0, unknown = 0;
	for (size_t i = 0; i < w.events; i++) {
		if (!w.got[i].conn.ended)
			continue;
		sip += strcmp(w.got[i].conn.service, "sip") == 0;
		unknown += strcmp(w.got[i].conn.service, "unknown") == 0;
	}
	assert_int_equal(sip, 4);
	assert_int_equal(unknown, 3);
	assert_int_equal(flow_table_stats(w.t)->talks_evicted, 2);
	world_free(&w);
	namer_free(namer);
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
		cmocka_unit_test(test_joined_tls),
		cmocka_unit_test(test_http),
		cmocka_unit_test(test_http_errors),
		cmocka_unit_test(test_http_to_an_address),
		cmocka_unit_test(test_tls_to_a_web_port),
		cmocka_unit_test(test_absolute_uri),
		cmocka_unit_test(test_connect),
		cmocka_unit_test(test_connect_fails),
		cmocka_unit_test(test_banners),
		cmocka_unit_test(test_named_by_ndpi),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
