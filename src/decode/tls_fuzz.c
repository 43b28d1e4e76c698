#include <stdlib.h>

#include "decode/tls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ROOM 512 /* small, so that messages beyond the buffer come up too */

struct told {
	uint64_t sum; /* of all that the stream told, in order */
	struct tls_stream end;
};

static void add(struct told *t, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		t->sum = (t->sum ^ bytes[i]) * 0x100000001b3; /* FNV-1a */
}

static void read_hellos(const uint8_t *data, size_t size)
{
	struct tls_hello client = {0};
	struct cur c = cur_of(data, size);
	tls_client_hello_decode(&c, true, &client);
	CHECK(cur_ok(&c) ? client.ja4[0] == 'q' || client.ja4[0] == '\0' : client.version == 0);
	CHECK(strlen(client.ja3) == 0 || strlen(client.ja3) == 32);
	CHECK(strlen(client.ja4) == 0 || strlen(client.ja4) == 36);
	struct tls_server_hello server = {0};
	c = cur_of(data, size);
	tls_server_hello_decode(&c, &server);
	CHECK(cur_ok(&c) || server.cipher == 0);
	char name[TLS_NAME_BYTES];
	c = cur_of(data, size);
	CHECK(tls_certificate_name(&c, name) == cur_ok(&c));
	CHECK(strlen(name) < sizeof name);
}

/* Feeds a piece; false once it is not TLS. */
static bool feed(struct tls_stream *s, const uint8_t *data, size_t size, struct told *t)
{
	struct cur c = cur_of(data, size);
	while (c.len > 0 && !s->bad) {
		size_t before = c.len;
		enum tls_news news = tls_stream_feed(s, &c);
		CHECK(c.len < before);
		if (news == TLS_MESSAGE) {
			CHECK(s->hello_len == s->hello_want && s->hello_len >= 4 &&
				s->hello_len <= ROOM);
			add(t, s->hello, s->hello_len);
		} else if (news == TLS_NEWS_ALERT) {
			add(t, &s->alert_level, 1);
			add(t, &s->alert_description, 1);
		}
	}
	return !s->bad;
}

static struct told run(const uint8_t *data, size_t size, size_t step)
{
	uint8_t *room = malloc(ROOM);
	CHECK(room != NULL);
	struct tls_stream s = {.hello = room, .hello_room = ROOM};
	struct told t = {0};
	for (size_t at = 0;
		at < size && feed(&s, data + at, size - at < step ? size - at : step, &t);
		at += step)
		;
	if (s.hello_len <= ROOM) {
		add(&t, s.hello, s.hello_len); /* the message begun and not ended */
		if (s.hello_len > 4)
			read_hellos(s.hello + 4, s.hello_len - 4);
	}
	free(room);
	t.end = s;
	t.end.hello = NULL;
	return t;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	size_t step = data[0] + 1u; /* one byte chooses the split */
	data++;
	size--;
	read_hellos(data, size);
	if (tls_looks_like(cur_of(data, size)))
		CHECK(size >= 3);
	struct told whole = run(data, size, size + 1), pieces = run(data, size, step),
		    bytes = run(data, size, 1);
	CHECK(whole.sum == pieces.sum && whole.sum == bytes.sum);
	CHECK(whole.end.bad == pieces.end.bad && whole.end.bad == bytes.end.bad);
	CHECK(whole.end.oversized == bytes.end.oversized &&
		whole.end.record_left == bytes.end.record_left);
	CHECK(whole.end.application_data == bytes.end.application_data &&
		whole.end.encrypted == bytes.end.encrypted);
	return 0;
}
