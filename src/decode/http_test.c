#include "decode/http.h"

#include <stdlib.h>

#include "base/testing.h"

static struct cur cur_text(const char *text)
{
	return cur_of(text, strlen(text));
}

static struct http_request decode(const char *text, enum cur_state want)
{
	struct http_request r = {0};
	struct cur c = cur_text(text);
	http_request_decode(&c, &r);
	assert_int_equal(c.state, want);
	return r;
}

static void test_request(void **state)
{
	(void)state;
	static const char text[] = "GET /a%20b?c=\x01 HTTP/1.1\r\n"
				   "X-Host: no\r\n"
				   "hOST :  Www.Example.ORG.:8080 \r\n"
				   "User-Agent: Mozilla/5.0 (\xff)\r\n"
				   "Host: second.example\r\n"
				   "User-Agent: second\r\n"
				   "\r\nbody";
	struct cur c = cur_text(text);
	struct http_request r = {0};
	http_request_decode(&c, &r);
	assert_true(cur_ok(&c));
	assert_string_equal(r.method, "GET");
	assert_string_equal(r.uri, "/a%20b?c=\x01");
	assert_string_equal(r.host, "www.example.org");
	assert_string_equal(r.user_agent, "Mozilla/5.0 (\xff)");
	assert_int_equal(r.port, 8080);
	assert_false(r.to_proxy || r.host_is_address);
	assert_int_equal(r.head_bytes, sizeof text - 1 - 4);
	assert_int_equal(c.len, 4);
}

static void test_targets(void **state)
{
	(void)state;
	static const struct {
		const char *start, *host, *uri;
		uint16_t port;
		bool proxy, address;
	} rows[] = {
		{"GET / HTTP/1.1\nHost: a.example\n", "a.example", "/", 0, false, false},
		{"GET / HTTP/1.0\n", "", "/", 0, false, false},
		{"GET / HTTP/1.1\nHost: 192.0.2.1:81\n", "192.0.2.1", "/", 81, false, true},
		{"GET / HTTP/1.1\nHost: [2001:DB8::1]:81\n", "2001:db8::1", "/", 81, false, true},
		{"GET / HTTP/1.1\nHost: [2001:db8::1]\n", "2001:db8::1", "/", 0, false, true},
		{"GET / HTTP/1.1\nHost: 2001:db8::1\n", "2001:db8::1", "/", 0, false, true},
		{"GET / HTTP/1.1\nHost: [\n", "", "/", 0, false, false},
		{"GET / HTTP/1.1\nHost: a:99999\n", "a", "/", 0, false, false},
		{"GET / HTTP/1.1\nHost: a:8x\n", "a", "/", 0, false, false},
		{"GET HTTP://u:p@B.example:8000/x?y HTTP/1.1\nHost: a\n", "b.example", "/x?y", 8000,
			true, false},
		{"GET http://b.example HTTP/1.1\nHost: a\n", "b.example", "/", 0, true, false},
		{"GET http://b.example?q HTTP/1.1\n", "b.example", "?q", 0, true, false},
		{"CONNECT c.example:443 HTTP/1.1\nHost: a\n", "c.example", "", 443, true, false},
		{"CONNECT [2001:db8::2]:443 HTTP/1.1\n", "2001:db8::2", "", 443, true, true},
		{"OPTIONS * HTTP/1.1\nHost: a\n", "a", "*", 0, false, false},
		{"GET /a b HTTP/1.1\nHost: a\n", "a", "/a b", 0, false, false},
		{"\r\nGET / HTTP/1.1\nHost: a\n", "a", "/", 0, false, false},
		{"GET / HTTP/1.1\nX: y\n Host: folded\nHost: a\n", "a", "/", 0, false, false},
		{"GET / HTTP/1.1\nHost:\nHost: b\n", "", "/", 0, false, false},
		{"GET / HTTP/1.1\n: x\nno colon\nHost: a\n", "a", "/", 0, false, false},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[256];
		assert_true(snprintf(text, sizeof text, "%s\n", rows[i].start) < (int)sizeof text);
		struct http_request r = decode(text, CUR_OK);
		assert_string_equal(r.host, rows[i].host);
		assert_string_equal(r.uri, rows[i].uri);
		assert_int_equal(r.port, rows[i].port);
		assert_int_equal(r.to_proxy, rows[i].proxy);
		assert_int_equal(r.host_is_address, rows[i].address);
		assert_int_equal(r.head_bytes, strlen(text));
	}
}

static void test_long_fields(void **state)
{
	(void)state;
	char name[300], text[1024];
	memset(name, 'a', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	(void)snprintf(text, sizeof text, "GET /%s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\n\r\n",
		name, name, name);
	struct http_request r = decode(text, CUR_OK);
	assert_int_equal(strlen(r.uri), HTTP_TEXT_BYTES - 1);
	assert_int_equal(strlen(r.user_agent), HTTP_TEXT_BYTES - 1);
	assert_string_equal(r.host, ""); /* half a name is another name */
}

static void test_nul(void **state)
{
	(void)state;
	static const char text[] = "GET /a\0b HTTP/1.1\r\nHost: a\0b\r\n\r\n";
	struct cur c = cur_of(text, sizeof text - 1);
	struct http_request r = {0};
	http_request_decode(&c, &r);
	assert_true(cur_ok(&c));
	assert_string_equal(r.uri, "/a?b");
	assert_string_equal(r.host, "a?b");
}

static void test_bad(void **state)
{
	(void)state;
	static const char *const rows[] = {"GET /\r\n\r\n", "get / HTTP/1.1\r\n\r\n",
		"GET / FTP/1.1\r\n\r\n", "\r\n\r\n\r\n", "ABCDEFGHIJKLMNOP / HTTP/1.1\r\n\r\n",
		"GET\r\n\r\n", " / HTTP/1.1\r\n\r\n"};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(decode(rows[i], CUR_BAD).method, "");
}

/* What is whole is told even when the head is not. */
static void test_truncation(void **state)
{
	(void)state;
	static const char text[] = "GET /x HTTP/1.1\r\nHost: a.example\r\nUser-Agent: me\r\n\r\n";
	const size_t line = strlen("GET /x HTTP/1.1\r\n"),
		     host = line + strlen("Host: a.example\r\n");
	for (size_t n = 0; n < sizeof text; n++) {
		char *copy = malloc(n == 0 ? 1 : n);
		assert_non_null(copy);
		memcpy(copy, text, n);
		struct cur c = cur_of(copy, n);
		struct http_request r = {0};
		http_request_decode(&c, &r);
		assert_int_equal(c.state, n < sizeof text - 1 ? CUR_SHORT : CUR_OK);
		assert_string_equal(r.method, n < line ? "" : "GET");
		assert_string_equal(r.host, n < host ? "" : "a.example");
		(void)http_is_request(cur_of(copy, n));
		(void)http_is_response(cur_of(copy, n));
		(void)banner_service(cur_of(copy, n), true);
		free(copy);
	}
}

static void test_too_long(void **state)
{
	(void)state;
	size_t len = HTTP_HEAD_BYTES_MAX + 100;
	char *text = malloc(len + 1);
	assert_non_null(text);
	memset(text, 'x', len);
	static const char start[] = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
	memcpy(text, start, sizeof start - 1);
	static const char end[] = "\r\n\r\n";
	memcpy(text + len - 4, end, sizeof end);
	struct http_request r = decode(text, CUR_SHORT);
	assert_string_equal(r.host, "a");
	assert_int_equal(r.head_bytes, 0);
	free(text);
}

static void test_response(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum cur_state state;
		uint16_t status;
		size_t head;
	} rows[] = {
		{"HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody", CUR_OK, 200, 25},
		{"HTTP/1.0 503\n\n", CUR_OK, 503, 14},
		{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", CUR_OK, 100, 25},
		{"HTTP/1.1  404  x\n\n", CUR_OK, 404, 18},
		{"HTTP/1.1 200 OK\r\nA: b\r\n", CUR_SHORT, 200, 0},
		{"HTTP/1.1 200 OK", CUR_SHORT, 0, 0},
		{"HTTP/1.1 20 OK\r\n\r\n", CUR_BAD, 0, 0},
		{"HTTP/1.1 099 OK\r\n\r\n", CUR_BAD, 0, 0},
		{"HTTP/1.1 2000 OK\r\n\r\n", CUR_BAD, 0, 0},
		{"HTTP/2 200 OK\r\n\r\n", CUR_BAD, 0, 0},
		{"HTTP/1.1\r\n\r\n", CUR_BAD, 0, 0},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cur c = cur_text(rows[i].text);
		struct http_response r = {0};
		http_response_decode(&c, &r);
		assert_int_equal(c.state, rows[i].state);
		assert_int_equal(r.status, rows[i].status);
		assert_int_equal(r.head_bytes, rows[i].head);
	}
}

static void test_looks(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool request;
	} rows[] = {{"GET /", true}, {"GET http://x", true}, {"PROPFIND /dav", true},
		{"M-SEARCH * HTTP/1.1", true}, {"RPC_IN_DATA /rpc", true}, {"CONNECT a:443", true},
		{"CONNECT /", false}, {"GET", false}, {"GET ", false}, {"get /", false},
		{"NICK name", false}, {"HELO host", false}, {"OPTIONS sip:a@b SIP/2.0", false},
		{"TOOLONGTOBEAMETHOD /", false}, {"-GET /", false}, {"", false}};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(http_is_request(cur_text(rows[i].text)), rows[i].request);
	assert_true(http_is_response(cur_text("HTTP/1.1 200")));
	assert_false(http_is_response(cur_text("HTTP/1")));
	assert_false(http_is_response(cur_text("HTTP/2.0 200")));
}

/* ---- banners ---- */

#define TEXT(t) t, sizeof(t) - 1

static void test_banners(void **state)
{
	(void)state;
	static const struct {
		bool server;
		const char *bytes;
		size_t len;
		const char *service;
	} rows[] = {
		{true, TEXT("SSH-2.0-OpenSSH_9.2\r\n"), "ssh"},
		{false, TEXT("SSH-2.0-libssh2\r\n"), "ssh"},
		{true, TEXT("220 mx.example ESMTP Postfix\r\n"), "smtp"},
		{true, TEXT("220-FileZilla Server\r\n220 ftp\r\n"), NULL},
		{true, TEXT("220 (vsFTPd 3.0.3)\r\n"), "ftp"},
		{true, TEXT("220 hello\r\n"), NULL},
		{false, TEXT("220 a SMTP\r\n"), NULL},
		{true, TEXT("+OK ready\r\n"), "pop3"},
		{true, TEXT("* OK IMAP4rev1\r\n"), "imap"},
		{false, TEXT("* OK IMAP4rev1\r\n"), NULL},
		{false, TEXT("NICK bot\r\nUSER b 0 * :b\r\n"), "irc"},
		{false, TEXT("USER b 0 * :b\r\n"), "irc"},
		{false, TEXT("USER anonymous\r\n"), NULL},
		{true, TEXT(":irc.example NOTICE * :*** hi\r\n"), "irc"},
		{true, TEXT(":) smile\r\n"), NULL},
		{false, TEXT("EHLO me\r\n"), "smtp"},
		{false, TEXT("\3\0\0\x13\x0e\xe0\0\0\0\0\0\1\0\x08\0\3\0\0\0"), "rdp"},
		{true, TEXT("\3\0\0\x13\x0e\xd0\0\0\x12\x34\0\2\0\x08\0\2\0\0\0"), "rdp"},
		{false, TEXT("\3\0\0\x14\x0e\xe0\0\0\0\0\0\1\0\x08\0\3\0\0\0"), NULL},
		{false, TEXT("\0\0\0\x54\xffSMBr\0\0\0\0"), "smb"},
		{true, TEXT("\0\0\0\x54\xfeSMB@\0\0\0\0"), "smb"},
		{false, TEXT("\1\0\0\x54\xfeSMB@\0\0\0\0"), NULL},
		{true, TEXT("RFB 003.008\n"), "vnc"},
		{false, TEXT("\4\1\0\x50\xc0\0\2\1me\0"), "socks"},
		{false, TEXT("\4\1\0\x50\xc0\0\2\1me"), NULL},
		{false, TEXT("\5\2\0\2"), "socks"},
		{false, TEXT("\5\2\0\2x"), NULL},
		{true, TEXT("\5\1\0"), NULL},
		{false, TEXT("\023BitTorrent protocol\0\0\0\0"), "bittorrent"},
		{false, TEXT("d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe"),
			"bittorrent"},
		{false, TEXT("\x10\x10\0\4MQTT\4\2\0\x3c\0\4abcd"), "mqtt"},
		{false, TEXT("\x10\x80\1\0\6MQIsdp\3\2"), "mqtt"},
		{false, TEXT("\x10\x10\0\4NOPE\4\2"), NULL},
		{false, TEXT("\x30\x0c\2\1\1\x60\7\2\1\3\4\0\x80\0"), "ldap"},
		{false, TEXT("\x30\x0d\2\1\1\x60\7\2\1\3\4\0\x80\0"), NULL},
		{true,
			TEXT("\x2c\0\0\0\x0a"
			     "8.0.36\0................................................."),
			NULL},
		{true,
			TEXT("\x2d\0\0\0\x0a"
			     "8.0.36\0"
			     "....................................."),
			"mysql"},
		{false, TEXT("\0\0\0\x08\4\xd2\x16\x2f"), "postgresql"},
		{false, TEXT("\0\0\0\x10\0\3\0\0user\0me\0"), "postgresql"},
		{false, TEXT("\0\0\0\x11\0\3\0\0user\0me\0"), NULL},
		{false, TEXT("*2\r\n$4\r\nAUTH\r\n"), "redis"},
		{false, TEXT("*1\r\n$4\r\nNOPE\r\n"), NULL},
		{true, TEXT("\xff\xfd\x18\xff\xfd\x20"), "telnet"},
		{true, TEXT("\xff\xfd\x18"), NULL},
		{false, TEXT("<stream:stream xmlns='jabber:client'>"), "xmpp"},
		{false, TEXT("\0\x1d\xaa\xaa\1\0\0\1\0\0\0\0\0\0"), NULL},
		{false, TEXT(""), NULL},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		/* every length in a block of that size: no read too far; the name may only come or
		 * go */
		for (size_t n = 0; n <= rows[i].len; n++) {
			char *copy = malloc(n == 0 ? 1 : n);
			assert_non_null(copy);
			memcpy(copy, rows[i].bytes, n);
			const char *service = banner_service(cur_of(copy, n), rows[i].server);
			if (n == rows[i].len && rows[i].service == NULL)
				assert_null(service);
			else if (n == rows[i].len)
				assert_string_equal(
					service == NULL ? "none" : service, rows[i].service);
			free(copy);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_long_fields),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_truncation),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_response),
		cmocka_unit_test(test_looks),
		cmocka_unit_test(test_banners),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
