#include "report/pcapng.h"

#include <string.h>

#include "base/cur.h"
#include "base/testing.h"

static void test_blocks(void **s)
{
	(void)s;
	static const uint8_t bytes[] = {1, 2, 3, 4, 5};
	static const char *const comments[] = {"one", "two\n\xff"};
	struct out o = {0};
	pcapng_section(&o, "what it is");
	pcapng_interface(&o, 1, "a.pcap");
	pcapng_packet(&o, &(struct pcapng_packet){.time_ns = INT64_C(0x123456789abcdef0),
				  .bytes = bytes,
				  .cap_bytes = sizeof bytes,
				  .wire_bytes = 60,
				  .comment = comments,
				  .comments = 2});
	struct cur c = cur_of(o.text, o.len);
	static const uint32_t types[] = {0x0a0d0d0a, 1, 6};
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(cur_le32(&c), types[i]);
		uint32_t total = cur_le32(&c);
		assert_int_equal(total % 4, 0);
		struct cur body = cur_sub(&c, total - 12);
		assert_int_equal(cur_le32(&c), total); /* again at the end */
		if (i < 2)
			continue;
		assert_int_equal(cur_le32(&body), 0);
		assert_int_equal(cur_le32(&body), 0x12345678);
		assert_int_equal(cur_le32(&body), 0x9abcdef0);
		assert_int_equal(cur_le32(&body), 5);
		assert_int_equal(cur_le32(&body), 60);
		assert_memory_equal(cur_bytes(&body, 8).ptr, "\1\2\3\4\5\0\0\0", 8);
		assert_int_equal(cur_le32(&body), 3u << 16 | 1);
		assert_memory_equal(cur_bytes(&body, 4).ptr, "one", 4);
		assert_int_equal(cur_le32(&body), 11u << 16 | 1);
		assert_memory_equal(cur_bytes(&body, 12).ptr, "two\\x0a\\xff", 12);
		assert_int_equal(cur_le32(&body), 0);
	}
	assert_true(cur_ok(&c));
	assert_int_equal(c.len, 0);
	out_fini(&o);
}

static void test_before_1970(void **s)
{
	(void)s;
	struct out o = {0};
	pcapng_packet(&o, &(struct pcapng_packet){.time_ns = -5, .bytes = (const uint8_t *)""});
	struct cur c = cur_of(o.text, o.len);
	(void)cur_bytes(&c, 12);
	assert_int_equal(cur_le32(&c), 0);
	assert_int_equal(cur_le32(&c), 0);
	assert_int_equal(o.len, 32); /* no options */
	out_fini(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_before_1970),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
