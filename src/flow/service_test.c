/* Services that are no more than named: by their first bytes, or by nDPI. */
#include "flow/testing.h"

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

/* What the server answered was the first message: it does not go on behind the answer. */
static void test_first_message_ends(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = connected(&w, 4444);
	send_text(&w, &l, OUT, "G");
	send_text(&w, &l, IN, "x");
	send_text(&w, &l, OUT, "ET / HTTP/1.1\r\nHost: a.example\r\n\r\n");
	finish(&w);
	assert_string_equal(last_end(&w)->service, "unknown");
	assert_null(last_end(&w)->name);
	world_free(&w);
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
		cmocka_unit_test(test_banners),
		cmocka_unit_test(test_first_message_ends),
		cmocka_unit_test(test_named_by_ndpi),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
