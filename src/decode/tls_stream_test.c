#include "decode/tls.h"
#include "decode/tls_testing.h"

static void add_record(struct bytes *b, unsigned type, const void *body, size_t len)
{
	add(b, type, 1);
	add(b, 0x0303, 2);
	add(b, (unsigned)len, 2);
	add_span(b, body, len);
}

/* Feeds all in pieces of at most step bytes; writes down what was told. */
static void tell(const struct bytes *b, size_t step, struct tls_stream *s, struct bytes *told)
{
	told->len = 0;
	for (size_t at = 0; at < b->len; at += step) {
		struct cur c = cur_of(b->at + at, b->len - at < step ? b->len - at : step);
		while (c.len > 0 && !s->bad) {
			enum tls_news news = tls_stream_feed(s, &c);
			if (news == TLS_MESSAGE)
				add_span(told, s->hello, s->hello_len);
			if (news == TLS_NEWS_ALERT)
				add(told,
					0xaa0000u | (unsigned)s->alert_level << 8 |
						s->alert_description,
					3);
		}
	}
}

static void test_stream_in_any_split(void **state)
{
	(void)state;
	/* a 6-byte and a 9-byte message over three records, one byte of ChangeCipherSpec, then
	 * secrets */
	static const uint8_t messages[] = {1, 0, 0, 2, 7, 8, 2, 0, 0, 5, 1, 2, 3, 4, 5};
	struct bytes b = {.len = 0};
	add_record(&b, 22, messages, 3);
	add_record(&b, 22, messages + 3, 5);
	add_record(&b, 22, messages + 8, 7);
	add_record(&b, 21, "\1", 1);
	add_record(&b, 21, "\x70", 1);
	add_record(&b, 20, "\1", 1);
	add_record(&b, 22, "0123456789abcdef0123", 20);
	add_record(&b, 21, "0123456789abcdef0123", 20);
	add_record(&b, 23, "x", 1);
	for (size_t step = 1; step <= b.len; step++) {
		uint8_t room[16];
		struct tls_stream s = {.hello = room, .hello_room = sizeof room};
		struct bytes told;
		tell(&b, step, &s, &told);
		assert_int_equal(told.len, sizeof messages + 3);
		assert_memory_equal(told.at, messages, sizeof messages);
		assert_memory_equal(told.at + sizeof messages, "\xaa\x01\x70", 3);
		assert_true(s.alert && s.encrypted && s.application_data && !s.bad);
		assert_int_equal(s.oversized, 0);
	}
}

static void test_stream_without_room(void **state)
{
	(void)state;
	static const uint8_t messages[] = {1, 0, 0, 5, 1, 2, 3, 4, 5, 2, 0, 0, 1, 9};
	struct bytes b = {.len = 0}, told;
	add_record(&b, 22, messages, sizeof messages);
	uint8_t room[8];
	struct tls_stream s = {.hello = room, .hello_room = sizeof room};
	tell(&b, 3, &s, &told);
	assert_int_equal(s.oversized, 1);
	assert_int_equal(told.len, 5); /* the second message fits */
	assert_memory_equal(told.at, messages + 9, 5);
	s = (struct tls_stream){0};
	tell(&b, 3, &s, &told);
	assert_int_equal(told.len, 0);
	assert_false(s.bad);
}

static void test_stream_not_tls(void **state)
{
	(void)state;
	struct bytes b = {.len = 0}, told;
	add_span(&b, "GET / HTTP/1.1\r\n", 16);
	struct tls_stream s = {0};
	tell(&b, 16, &s, &told);
	assert_true(s.bad);
	b.len = 0;
	add_record(&b, 20, "\1\1", 2); /* ChangeCipherSpec is one byte */
	s = (struct tls_stream){0};
	tell(&b, 16, &s, &told);
	assert_true(s.bad && !s.encrypted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stream_in_any_split),
		cmocka_unit_test(test_stream_without_room),
		cmocka_unit_test(test_stream_not_tls),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
