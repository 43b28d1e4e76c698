#include "decode/tls.h"

#include <stdlib.h>

#include "decode/ja.h"
#include "decode/tls_testing.h"

/* ---- building hellos ---- */

static void add_extension(struct bytes *b, unsigned type, const void *body, size_t len)
{
	add(b, type, 2);
	add(b, (unsigned)len, 2);
	add_span(b, body, len);
}

static void begin_hello(struct bytes *b, unsigned version, const uint16_t *ciphers, size_t count)
{
	b->len = 0;
	add(b, version, 2);
	for (unsigned i = 0; i < 32; i++)
		add(b, i, 1);
	add(b, 0, 1);
	add(b, (unsigned)count * 2, 2);
	for (size_t i = 0; i < count; i++)
		add(b, ciphers[i], 2);
	add(b, 0x0100, 2); /* one compression method: none */
}

static void end_hello(struct bytes *b, const struct bytes *extensions)
{
	add(b, (unsigned)extensions->len, 2);
	add_span(b, extensions->at, extensions->len);
}

/* A list of 16-bit values behind a length of length_bytes, as an extension. */
static void add_list(
	struct bytes *b, unsigned type, size_t length_bytes, const uint16_t *v, size_t count)
{
	struct bytes body = {.len = 0};
	add(&body, (unsigned)count * 2, length_bytes);
	for (size_t i = 0; i < count; i++)
		add(&body, v[i], 2);
	add_extension(b, type, body.at, body.len);
}

static void add_sni(struct bytes *b, const char *name)
{
	struct bytes body = {.len = 0};
	add(&body, (unsigned)strlen(name) + 3, 2);
	add(&body, 0, 1);
	add(&body, (unsigned)strlen(name), 2);
	add_span(&body, name, strlen(name));
	add_extension(b, 0, body.at, body.len);
}

static void add_alpn(struct bytes *b, const void *name, size_t len)
{
	struct bytes body = {.len = 0};
	add(&body, (unsigned)len + 1, 2);
	add(&body, (unsigned)len, 1);
	add_span(&body, name, len);
	add_extension(b, 16, body.at, body.len);
}

static struct tls_hello decode(const struct bytes *b)
{
	struct tls_hello hello = {0};
	struct cur c = cur_of(b->at, b->len);
	tls_client_hello_decode(&c, false, &hello);
	assert_int_equal(c.state, CUR_OK);
	return hello;
}

/* ---- JA3, the two examples of the readme of salesforce/ja3 ---- */

static void test_ja3_readme(void **state)
{
	(void)state;
	static const uint16_t ciphers[] = {
		47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4};
	static const uint16_t groups[] = {23, 24, 25};
	struct bytes b, e = {.len = 0};
	begin_hello(&b, 769, ciphers, ARRAY_LEN(ciphers));
	add_sni(&e, "x");
	add_list(&e, 10, 2, groups, ARRAY_LEN(groups));
	add_extension(&e, 11, "\1\0", 2);
	end_hello(&b, &e);
	struct tls_hello hello = decode(&b);
	assert_string_equal(hello.ja3, "ada70206e40642a3e4461f35503241d5");
	assert_int_equal(hello.version, 769);
}

static void test_ja3_readme_without_extensions(void **state)
{
	(void)state;
	static const uint16_t ciphers[] = {4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99};
	struct bytes b;
	begin_hello(&b, 769, ciphers, ARRAY_LEN(ciphers));
	struct tls_hello hello = decode(&b);
	assert_string_equal(hello.ja3, "de350869b8c85de67a350c8d186f11e6");
	assert_string_equal(hello.sni, "");
	assert_memory_equal(hello.ja4, "t10i110000_", 11);
	assert_string_equal(hello.ja4 + 23, "_000000000000");
}

/* ---- JA4, the worked example of FoxIO-LLC/ja4 technical_details/JA4.md ---- */

static const uint16_t chrome_ciphers[] = {0x4a4a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c,
	0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035};
static const uint16_t chrome_signatures[] = {
	0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601};
static const uint16_t chrome_versions[] = {0xfafa, 0x0304, 0x0303};

/* with_signatures: the variant without them is in the same document */
static void chrome_hello(struct bytes *b, bool with_signatures)
{
	static const uint16_t before[] = {0x1a1a, 0x001b}, then[] = {0x4469, 0x0017, 0x002d};
	static const uint16_t after[] = {0xff01, 0x000b, 0x000a, 0x0015, 0x2a2a};
	struct bytes e = {.len = 0};
	for (size_t i = 0; i < ARRAY_LEN(before); i++)
		add_extension(&e, before[i], "", 0);
	add_sni(&e, "Example.COM.");
	add_extension(&e, 0x0033, "", 0);
	add_alpn(&e, "h2", 2);
	for (size_t i = 0; i < ARRAY_LEN(then); i++)
		add_extension(&e, then[i], "", 0);
	add_list(&e, 0x000d, 2, chrome_signatures,
		with_signatures ? ARRAY_LEN(chrome_signatures) : 0);
	add_extension(&e, 0x0005, "", 0);
	add_extension(&e, 0x0023, "", 0);
	add_extension(&e, 0x0012, "", 0);
	add_list(&e, 0x002b, 1, chrome_versions, ARRAY_LEN(chrome_versions));
	for (size_t i = 0; i < ARRAY_LEN(after); i++)
		add_extension(&e, after[i], "", 0);
	begin_hello(b, 0x0303, chrome_ciphers, ARRAY_LEN(chrome_ciphers));
	end_hello(b, &e);
}

static void test_ja4_worked_example(void **state)
{
	(void)state;
	struct bytes b;
	chrome_hello(&b, true);
	struct tls_hello hello = decode(&b);
	assert_string_equal(hello.ja4, "t13d1516h2_8daaf6152771_e5627efa2ab1");
	assert_string_equal(hello.sni, "example.com");
	assert_string_equal(hello.alpn, "h2");
	assert_false(hello.ech);
	chrome_hello(&b, false);
	assert_string_equal(decode(&b).ja4, "t13d1516h2_8daaf6152771_6d807ffa2a79");
}

/* python/test/testdata/sigalg-grease.pcapng.json there: GREASE among the signature algorithms */
static void test_ja4_grease_in_signatures(void **state)
{
	(void)state;
	static const uint16_t types[] = {0xfe0d, 0x0017, 0x44cd, 0xff01, 0x000a, 0x0023, 0x000b,
		0xca34, 0x002d, 0x0005, 0x001b, 0x0012, 0x0033};
	static const uint16_t signatures[] = {0x5a5a, 0x0904, 0x0905, 0x0906, 0x0403, 0x0804,
		0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601};
	struct bytes b, e = {.len = 0};
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		add_extension(&e, types[i], "", 0);
	add_alpn(&e, "h2", 2);
	add_sni(&e, "optimizationguide-pa.googleapis.com");
	add_list(&e, 0x000d, 2, signatures, ARRAY_LEN(signatures));
	add_list(&e, 0x002b, 1, chrome_versions, ARRAY_LEN(chrome_versions));
	begin_hello(&b, 0x0303, chrome_ciphers, ARRAY_LEN(chrome_ciphers));
	end_hello(&b, &e);
	struct tls_hello hello = decode(&b);
	assert_string_equal(hello.ja4, "t13d1517h2_8daaf6152771_cb7bf5808d99");
	assert_true(hello.ech);
}

/* JA4.md "ALPN Extension Value" and python/test/test_ja4_unit.py */
static void test_ja4_alpn(void **state)
{
	(void)state;
	static const struct {
		const char *name, *shown;
	} rows[] = {{"h2", "h2"}, {"http/1.1", "h1"}, {"x", "xx"}, {"", "00"}, {"\xab", "ab"},
		{"\xab\xcd", "ad"}, {"0\xab", "3b"}, {"01\xab\xcd", "3d"},
		{"0\xab\xcd"
		 "1",
			"01"},
		{" ", "20"}, {"a ", "60"}};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct bytes b, e = {.len = 0};
		begin_hello(&b, 0x0303, chrome_ciphers, 1);
		add_alpn(&e, rows[i].name, strlen(rows[i].name));
		end_hello(&b, &e);
		struct tls_hello hello = decode(&b);
		assert_memory_equal(hello.ja4 + 8, rows[i].shown, 2);
		assert_string_equal(hello.alpn, rows[i].name);
		/* the cipher was GREASE: nothing left to hash */
		assert_string_equal(hello.ja4 + 10, "_000000000000_000000000000");
	}
}

/* Versions, the SNI letter, "q", and counts of more than 99. */
static void test_ja4_first_part(void **state)
{
	(void)state;
	static const struct {
		uint16_t version;
		const char *shown;
	} rows[] = {{0x0304, "t13i"}, {0x0303, "t12i"}, {0x0302, "t11i"}, {0x0301, "t10i"},
		{0x0300, "ts3i"}, {0x0002, "ts2i"}, {0x0305, "t00i"}};
	uint16_t many[JA_LIST_MAX + 1];
	for (size_t i = 0; i < ARRAY_LEN(many); i++)
		many[i] = (uint16_t)(0x4000 + i);
	struct bytes b;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		begin_hello(&b, rows[i].version, many, 100);
		struct tls_hello hello = decode(&b);
		assert_memory_equal(hello.ja4, rows[i].shown, 4);
		assert_memory_equal(hello.ja4 + 4, "9900", 4);
	}
	begin_hello(&b, 0x0303, many, JA_LIST_MAX);
	struct tls_hello hello = {0};
	struct cur c = cur_of(b.at, b.len);
	tls_client_hello_decode(&c, true, &hello);
	assert_int_equal(hello.ja4[0], 'q');
	begin_hello(&b, 0x0303, many, ARRAY_LEN(many));
	hello = decode(&b);
	assert_string_equal(hello.ja4, "");
	assert_string_equal(hello.ja3, "");
}

static void test_grease(void **state)
{
	(void)state;
	size_t found = 0;
	for (unsigned v = 0; v <= UINT16_MAX; v++)
		found += ja_is_grease((uint16_t)v);
	assert_int_equal(found, 16);
	assert_true(ja_is_grease(0x0a0a) && ja_is_grease(0xfafa) && !ja_is_grease(0x0a1a));
}

/* ---- names ---- */

static void test_sni(void **state)
{
	(void)state;
	char longest[300];
	memset(longest, 'a', sizeof longest);
	longest[255] = '\0';
	const struct {
		const char *sent, *read;
	} rows[] = {{"www.Example.org", "www.example.org"}, {"example.org.", "example.org"},
		{"192.0.2.1", ""}, {"2001:db8::1", ""}, {"[2001:db8::1]", ""}, {"", ""}, {".", ""},
		{longest, longest}};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct bytes b, e = {.len = 0};
		begin_hello(&b, 0x0303, chrome_ciphers, 2);
		add_sni(&e, rows[i].sent);
		end_hello(&b, &e);
		struct tls_hello hello = decode(&b);
		assert_string_equal(hello.sni, rows[i].read);
		assert_int_equal(hello.ja4[3], 'd');
	}
	longest[255] = 'a';
	longest[256] = '\0';
	struct bytes b, e = {.len = 0};
	begin_hello(&b, 0x0303, chrome_ciphers, 2);
	add_sni(&e, longest);
	end_hello(&b, &e);
	assert_string_equal(decode(&b).sni, "");
}

static void test_broken_extension_hides_no_other(void **state)
{
	(void)state;
	struct bytes b, e = {.len = 0};
	begin_hello(&b, 0x0303, chrome_ciphers, 2);
	add_extension(&e, 16, "\0\x09\x02h2", 5); /* the list says 9, there are 3 */
	add_extension(&e, 11, "\5\0", 2);
	add_sni(&e, "example.com");
	add_sni(&e, "second.example");
	end_hello(&b, &e);
	struct tls_hello hello = decode(&b);
	assert_string_equal(hello.sni, "example.com");
	assert_string_equal(hello.alpn, "");
}

/* ---- truncation ---- */

typedef bool parse(struct cur *c);

/* Cut anywhere a decoder must fail and touch nothing; the block is exact, so that ASan sees a byte
 * too far. */
static void sweep(const struct bytes *b, size_t whole_from, parse *works)
{
	for (size_t n = 0; n <= b->len; n++) {
		uint8_t *copy = malloc(n == 0 ? 1 : n);
		assert_non_null(copy);
		memcpy(copy, b->at, n);
		struct cur c = cur_of(copy, n);
		assert_int_equal(works(&c), n >= whole_from);
		free(copy);
	}
}

static bool client_works(struct cur *c)
{
	struct tls_hello hello = {.version = 7};
	tls_client_hello_decode(c, false, &hello);
	assert_true(cur_ok(c) || (c->state == CUR_BAD && hello.version == 7));
	return cur_ok(c);
}

static bool server_works(struct cur *c)
{
	struct tls_server_hello hello = {.version = 7};
	tls_server_hello_decode(c, &hello);
	assert_true(cur_ok(c) || (c->state == CUR_BAD && hello.version == 7));
	return cur_ok(c);
}

static bool record_works(struct cur *c)
{
	struct tls_record record = {.type = 7};
	tls_record_decode(c, &record);
	assert_true(cur_ok(c) || (c->state == CUR_SHORT && record.type == 7));
	(void)tls_looks_like(*c);
	return cur_ok(c);
}

static void server_hello(struct bytes *b)
{
	b->len = 0;
	add(b, 0x0303, 2);
	for (unsigned i = 0; i < 32; i++)
		add(b, i, 1);
	add(b, 2, 1);
	add(b, 0x5555, 2);
	add(b, 0x1302, 2);
	add(b, 0, 1);
	struct bytes e = {.len = 0};
	add_extension(&e, 43, "\3\4", 2);
	add_alpn(&e, "http/1.1", 8);
	end_hello(b, &e);
}

static void test_truncation(void **state)
{
	(void)state;
	struct bytes b;
	chrome_hello(&b, true);
	/* without its extensions, 77 bytes in, it is a whole hello of an old client */
	size_t old = 2 + 32 + 1 + 2 + sizeof chrome_ciphers + 2;
	for (size_t n = 0; n <= b.len; n++) {
		uint8_t *copy = malloc(n == 0 ? 1 : n);
		assert_non_null(copy);
		memcpy(copy, b.at, n);
		struct cur c = cur_of(copy, n);
		assert_int_equal(client_works(&c), n == old || n == b.len);
		free(copy);
	}
	server_hello(&b);
	b.len = 2 + 32 + 3 + 2 + 1; /* likewise */
	sweep(&b, b.len, server_works);
	struct bytes record = {{22, 3, 1, 0, 5}, 5};
	sweep(&record, 5, record_works);
}

/* ---- the others ---- */

static void test_server_hello(void **state)
{
	(void)state;
	struct bytes b;
	server_hello(&b);
	struct tls_server_hello hello = {0};
	struct cur c = cur_of(b.at, b.len);
	tls_server_hello_decode(&c, &hello);
	assert_true(cur_ok(&c));
	assert_int_equal(hello.version, 0x0304);
	assert_int_equal(hello.cipher, 0x1302);
	assert_string_equal(hello.alpn, "http/1.1");
}

static void test_record(void **state)
{
	(void)state;
	static const struct {
		uint8_t head[5];
		enum cur_state state;
	} rows[] = {{{22, 3, 1, 0, 5}, CUR_OK}, {{20, 3, 0, 0, 1}, CUR_OK},
		{{24, 3, 4, 0x48, 0}, CUR_OK}, {{19, 3, 1, 0, 5}, CUR_BAD},
		{{25, 3, 1, 0, 5}, CUR_BAD}, {{22, 2, 1, 0, 5}, CUR_BAD},
		{{22, 3, 5, 0, 5}, CUR_BAD}, {{22, 3, 1, 0x48, 1}, CUR_BAD}};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cur c = cur_of(rows[i].head, 5);
		struct tls_record record;
		tls_record_decode(&c, &record);
		assert_int_equal(c.state, rows[i].state);
	}
}

static void test_looks_like(void **state)
{
	(void)state;
	static const struct {
		uint8_t bytes[6];
		uint8_t len;
		bool tls;
	} rows[] = {{{22, 3, 1, 0, 5, 1}, 6, true}, {{22, 3, 3, 0, 5, 2}, 6, true},
		{{22, 3, 3, 0, 5, 9}, 6, false}, {{22, 3, 1}, 3, true}, {{22, 3}, 2, false},
		{{21, 3, 1, 0, 2, 2}, 6, true}, {{21, 3, 1, 0, 3, 2}, 6, false},
		{{23, 3, 3, 0, 5, 1}, 6, false}, {{22, 3, 1, 0, 0, 1}, 6, false},
		{{'G', 'E', 'T', ' ', '/', ' '}, 6, false}};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(tls_looks_like(cur_of(rows[i].bytes, rows[i].len)), rows[i].tls);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ja3_readme),
		cmocka_unit_test(test_ja3_readme_without_extensions),
		cmocka_unit_test(test_ja4_worked_example),
		cmocka_unit_test(test_ja4_grease_in_signatures),
		cmocka_unit_test(test_ja4_alpn),
		cmocka_unit_test(test_ja4_first_part),
		cmocka_unit_test(test_grease),
		cmocka_unit_test(test_sni),
		cmocka_unit_test(test_broken_extension_hides_no_other),
		cmocka_unit_test(test_truncation),
		cmocka_unit_test(test_server_hello),
		cmocka_unit_test(test_record),
		cmocka_unit_test(test_looks_like),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
