#include <stdlib.h>

#include "decode/tls.h"
#include "decode/tls_testing.h"

/* ---- a writer of DER (X.690 8.1): what is added since `from` becomes the body of an element ----
 */

static void wrap(struct bytes *b, size_t from, unsigned tag)
{
	size_t len = b->len - from;
	struct bytes body = {.len = 0};
	add_span(&body, b->at + from, len);
	b->len = from;
	add(b, tag, 1);
	if (len < 0x80)
		add(b, (unsigned)len, 1);
	else
		add(b, (len < 0x100 ? 0x8100u : 0x820000u) | (unsigned)len, len < 0x100 ? 2 : 3);
	add_span(b, body.at, len);
}

static void add_element(struct bytes *b, unsigned tag, const void *body, size_t len)
{
	size_t from = b->len;
	add_span(b, body, len);
	wrap(b, from, tag);
}

struct text { /* a string with its tag; all zero ends a list of them */
	unsigned tag;
	const char *at;
	size_t len; /* 0: up to the NUL */
};

#define UTF8      0x0c
#define PRINTABLE 0x13
#define BMP       0x1e
#define DNS       0x82
#define ADDRESS   0x87

static void add_text(struct bytes *b, const struct text *text)
{
	add_element(b, text->tag, text->at, text->len == 0 ? strlen(text->at) : text->len);
}

/* An attribute of a name: id-at and its last number. */
static void add_attribute(struct bytes *b, unsigned last, const struct text *text)
{
	size_t from = b->len;
	add_element(b, 0x06, (const uint8_t[]){0x55, 4, (uint8_t)last}, 3);
	add_text(b, text);
	wrap(b, from, 0x30);
	wrap(b, from, 0x31);
}

struct recipe {
	struct text common[3], names[4];
	bool no_extensions, critical, twice, unique_ids;
	const char *behind_names; /* a byte behind the list of names, in the extension */
};

static void add_alternative(struct bytes *b, const struct recipe *r)
{
	size_t from = b->len;
	add_element(b, 0x06, "\x55\x1d\x11", 3);
	if (r->critical)
		add_element(b, 0x01, "\xff", 1);
	size_t value = b->len;
	for (size_t i = 0; i < ARRAY_LEN(r->names) && r->names[i].tag != 0; i++)
		add_text(b, &r->names[i]);
	wrap(b, value, 0x30);
	if (r->behind_names != NULL)
		add_span(b, r->behind_names, 1);
	wrap(b, value, 0x04);
	wrap(b, from, 0x30);
}

static void add_extensions(struct bytes *b, const struct recipe *r)
{
	size_t from = b->len;
	/* basicConstraints: an extension that is passed over */
	add_element(b, 0x30, "\x06\x03\x55\x1d\x13\x01\x01\xff\x04\x02\x30\x00", 12);
	if (r->names[0].tag != 0)
		add_alternative(b, r);
	if (r->twice)
		add_alternative(b, r);
	wrap(b, from, 0x30);
	wrap(b, from, 0xa3);
}

static struct bytes der_of(const struct recipe *r)
{
	static const uint8_t algorithm[] = {6, 3, 0x2b, 0x65, 0x70};
	struct bytes b = {.len = 0};
	if (!r->no_extensions)
		add_element(&b, 0xa0, "\x02\x01\x02", 3);
	add_element(&b, 0x02, "\x01", 1);
	add_element(&b, 0x30, algorithm, sizeof algorithm);
	size_t issuer = b.len;
	add_attribute(&b, 3, &(struct text){UTF8, "issuer.example", 0});
	wrap(&b, issuer, 0x30);
	add_element(&b, 0x30, "\x17\0\x17\0", 4); /* nobody reads the times */
	size_t subject = b.len;
	add_attribute(&b, 10, &(struct text){UTF8, "organisation.example", 0});
	for (size_t i = 0; i < ARRAY_LEN(r->common) && r->common[i].tag != 0; i++)
		add_attribute(&b, 3, &r->common[i]);
	wrap(&b, subject, 0x30);
	add_element(&b, 0x30, "\x30\0\x03\x01\0", 5); /* nor the key */
	if (r->unique_ids)
		add_span(&b, "\x81\x02\0\x01\x82\x02\0\x01", 8);
	if (!r->no_extensions)
		add_extensions(&b, r);
	wrap(&b, 0, 0x30);
	add_element(&b, 0x30, algorithm, sizeof algorithm);
	add_element(&b, 0x03, "\0\1\2", 3);
	wrap(&b, 0, 0x30);
	return b;
}

/* The handshake message's body around one certificate. */
static struct bytes message_of(const struct bytes *der)
{
	struct bytes b = {.len = 0};
	add(&b, (unsigned)der->len + 3, 3);
	add(&b, (unsigned)der->len, 3);
	add_span(&b, der->at, der->len);
	return b;
}

/* What comes of a certificate; NULL when it is unreadable. */
static const char *name_in(const struct bytes *der, char name[static TLS_NAME_BYTES])
{
	struct bytes b = message_of(der);
	uint8_t *exact = malloc(b.len); /* so that ASan sees a byte too far */
	assert_non_null(exact);
	memcpy(exact, b.at, b.len);
	struct cur c = cur_of(exact, b.len);
	memset(name, 'x', TLS_NAME_BYTES);
	bool ok = tls_certificate_name(&c, name);
	free(exact);
	assert_int_equal(ok, cur_ok(&c));
	if (!ok) {
		assert_int_equal(c.state, CUR_BAD);
		assert_string_equal(name, "");
	}
	return ok ? name : NULL;
}

static void assert_name(const struct recipe *r, const char *want)
{
	struct bytes der = der_of(r);
	char name[TLS_NAME_BYTES];
	const char *got = name_in(&der, name);
	assert_non_null(got);
	assert_string_equal(got, want);
}

/* ---- which name ---- */

static void test_names(void **state)
{
	(void)state;
	static const struct {
		struct recipe recipe;
		const char *name;
	} rows[] = {
		{{.common = {{UTF8, "Old.Example", 0}}}, "old.example"},
		{{.common = {{UTF8, "old.example", 0}},
			 .names = {{DNS, "*.New.example", 0}, {DNS, "b.example", 0}}},
			"*.new.example"},
		{{.common = {{UTF8, "old.example", 0}},
			 .names = {{ADDRESS, "\300\0\2\1", 4}, {0x81, "a@b.example", 0}}},
			"old.example"},
		{{.names = {{ADDRESS, "\300\0\2\1", 4}, {DNS, "b.example.", 0}}, .critical = true},
			"b.example"},
		{{.names = {{DNS, "two words", 0}, {DNS, "192.0.2.1", 0}, {DNS, "c.example", 0}}},
			"c.example"},
		{{.common = {{UTF8, "old.example", 0}}, .names = {{DNS, "a\0.example", 10}}},
			"old.example"},
		{{.common = {{UTF8, "Internet Widgits", 0}}}, ""},
		{{.common = {{UTF8, "192.0.2.1", 0}}}, ""},
		{{.common = {{UTF8, "2001:db8::1", 0}}}, ""},
		{{.common = {{UTF8, "", 0}}}, ""},
		{{.critical = false}, ""},
		/* the first common name counts, whether it is a host's or not */
		{{.common = {{UTF8, "a.example", 0}, {UTF8, "b.example", 0}}}, "a.example"},
		{{.common = {{UTF8, "Ms Example", 0}, {UTF8, "b.example", 0}}}, ""},
		{{.common = {{UTF8, "v1.example", 0}}, .no_extensions = true}, "v1.example"},
		{{.names = {{DNS, "a.example", 0}}, .unique_ids = true}, "a.example"},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_name(&rows[i].recipe, rows[i].name);
}

/* A subjectAltName that is none does not hide the common name, and gives no name itself. */
static void test_broken_alternative(void **state)
{
	(void)state;
	static const struct recipe rows[] = {
		{.names = {{DNS, "a.example", 0}}, .twice = true},
		{.names = {{DNS, "a.example", 0}}, .behind_names = "\x05"},
		{.names = {{DNS, "a.example", 0}, {0x89, "", 0}}}, /* no choice of GeneralName */
		{.names = {{UTF8, "a.example", 0}}},
		{.names = {{DNS, "a.example", 0}, {0x9f, "", 0}}},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct recipe r = rows[i];
		assert_name(&r, "");
		r.common[0] = (struct text){UTF8, "old.example", 0};
		assert_name(&r, "old.example");
	}
}

static void test_string_types(void **state)
{
	(void)state;
	static const struct {
		struct text common;
		const char *name;
	} rows[] = {
		{{UTF8, "a.example", 0}, "a.example"},
		{{0x12, "12.34.example", 0}, "12.34.example"},
		{{PRINTABLE, "a.example", 0}, "a.example"},
		{{0x14, "a.example", 0}, "a.example"},
		{{0x16, "a.example", 0}, "a.example"},
		{{0x1a, "a.example", 0}, "a.example"},
		{{BMP, "\0A\0.\0b", 6}, "a.b"},
		{{BMP, "\0A\0.\0b\0", 7}, ""},      /* half a character */
		{{BMP, "\1A\0.\0b", 6}, ""},        /* a letter that looks like one of ours */
		{{0x1c, "\0\0\0a\0\0\0.", 8}, "a"}, /* the final dot goes */
		{{0x1c, "\0\0\0a\1\0\0.", 8}, ""},
		{{0x1c, "\0\0\0a\0", 5}, ""},
		{{UTF8,
			 "b\xc3\xbc"
			 "cher.example",
			 0},
			""},
		{{0x14,
			 "b\xfc"
			 "cher.example",
			 0},
			""},
		{{UTF8, "a\0b.example", 11}, ""},
		{{0x04, "a.example", 0}, ""}, /* an OCTET STRING is no text */
		{{0x1b, "a.example", 0}, ""},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_name(&(struct recipe){.common = {rows[i].common}}, rows[i].name);
}

static void test_long_names(void **state)
{
	(void)state;
	char text[TLS_NAME_BYTES + 2];
	memset(text, 'a', sizeof text);
	char want[TLS_NAME_BYTES] = {0};
	memset(want, 'a', sizeof want - 1);
	for (unsigned tag = UTF8; tag <= DNS; tag += DNS - UTF8) {
		struct recipe r = {0};
		struct text *entry = tag == DNS ? r.names : r.common;
		*entry = (struct text){tag, text, TLS_NAME_BYTES - 1};
		assert_name(&r, want);
		entry->len = TLS_NAME_BYTES; /* its end would be missing */
		assert_name(&r, "");
		text[TLS_NAME_BYTES - 1] = '.';
		assert_name(&r, want);
		entry->len = TLS_NAME_BYTES + 1;
		assert_name(&r, "");
		text[TLS_NAME_BYTES - 1] = 'a';
	}
}

/* ---- what is no certificate ---- */

static const struct recipe plain = {
	.common = {{UTF8, "old.example", 0}}, .names = {{DNS, "a.example", 0}}, .critical = true};

/* Replaces the nth place where `from` stands; both have len bytes. */
static void replace(struct bytes *b, size_t nth, const char *from, const char *to, size_t len)
{
	for (size_t i = 0; i + len <= b->len; i++) {
		if (memcmp(b->at + i, from, len) != 0 || nth-- > 0)
			continue;
		memcpy(b->at + i, to, len);
		return;
	}
	fail_msg("the bytes to replace are not there");
}

static void test_unreadable(void **state)
{
	(void)state;
	static const struct {
		size_t nth;
		const char *from, *to;
		size_t len;
	} rows[] = {
		{0, "\x30", "\x31", 1},                                 /* no SEQUENCE */
		{1, "\x30\x81", "\x31\x81", 2},                         /* nor inside */
		{0, "\xa0\x03\x02\x01", "\xa1\x03\x02\x01", 4},         /* no serial number */
		{0, "\x02\x01\x01", "\x03\x01\x01", 3},                 /* of another type */
		{0, "\x30\x81", "\x30\x80", 2},                         /* indefinite length */
		{0, "\x30\x81", "\x30\x84", 2},                         /* length of lengths */
		{0, "\xa0\x03\x02", "\xbf\x03\x02", 3},                 /* long tag */
		{0, "\x30\x05\x06\x03\x2b", "\x30\x06\x06\x03\x2b", 5}, /* element over the rest */
		{0, "\x03\x03\0\x01\x02", "\x04\x03\0\x01\x02", 5},     /* no signature */
		{0, "\x03\x03\0\x01\x02", "\x03\x02\0\x01\x02", 5},     /* byte behind it */
		{0, "\x06\x03\x55\x1d\x11", "\x05\x03\x55\x1d\x11", 5}, /* extension without OID */
		{0, "\x06\x03\x55\x1d\x13\x01\x01", "\x06\x03\x55\x1d\x13\x02\x01", 7},
		{0, "\x04\x02\x30\0", "\x04\x01\x30\0", 4}, /* byte behind an extension's value */
		{0, "\x04\x02\x30\0", "\x03\x02\x30\0", 4}, /* value of another type */
	};
	char name[TLS_NAME_BYTES];
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct bytes der = der_of(&plain);
		assert_string_equal(name_in(&der, name), "a.example");
		replace(&der, rows[i].nth, rows[i].from, rows[i].to, rows[i].len);
		assert_null(name_in(&der, name));
	}
}

/* Lengths may have one, two or three bytes more, needed or not. */
static void test_length_forms(void **state)
{
	(void)state;
	struct bytes der = der_of(&plain), odd;
	char name[TLS_NAME_BYTES];
	assert_memory_equal(der.at, "\x30\x81", 2);
	for (size_t more = 1; more <= 4; more++) {
		odd.len = 0;
		add(&odd, 0x3080u + (unsigned)more, 2);
		add(&odd, der.at[2], more);
		add_span(&odd, der.at + 3, der.len - 3);
		const char *got = name_in(&odd, name);
		assert_int_equal(got != NULL, more <= 3);
		if (got != NULL)
			assert_string_equal(got, "a.example");
	}
}

/* The certificate's own end is missing, at every place, in a message that is whole. */
static void test_cut_certificate(void **state)
{
	(void)state;
	struct bytes whole = der_of(&plain);
	char name[TLS_NAME_BYTES];
	for (size_t n = 0; n < whole.len; n++) {
		struct bytes der = whole;
		der.len = n;
		assert_null(name_in(&der, name));
	}
	add(&whole, 0, 1); /* what follows the certificate in its field does no harm */
	assert_string_equal(name_in(&whole, name), "a.example");
}

static void test_cut_message(void **state)
{
	(void)state;
	struct bytes der = der_of(&plain), b = message_of(&der);
	char name[TLS_NAME_BYTES];
	for (size_t n = 0; n <= b.len; n++) {
		uint8_t *copy = malloc(n == 0 ? 1 : n);
		assert_non_null(copy);
		memcpy(copy, b.at, n);
		struct cur c = cur_of(copy, n);
		assert_int_equal(tls_certificate_name(&c, name), n == b.len);
		assert_int_equal(c.state, n == b.len ? CUR_OK : CUR_BAD);
		assert_string_equal(name, n == b.len ? "a.example" : "");
		free(copy);
	}
}

static void test_none_sent(void **state)
{
	(void)state;
	char name[TLS_NAME_BYTES] = "x";
	struct cur c = cur_of("\0\0\0", 3);
	assert_true(tls_certificate_name(&c, name));
	assert_string_equal(name, "");
	c = cur_of("\0\0\3\0\0\0", 6);
	assert_false(tls_certificate_name(&c, name));
}

/* Made by OpenSSL 3.0: CN old.example; subjectAltName www.example.org and an address. */
static void test_made_elsewhere(void **state)
{
	(void)state;
	static const char hex[] =
		"308201a330820149a00302010202141b07ab492f206e6665bad85a27d8c7b84817fffc300a06"
		"082a8648ce3d04030230163114301206035504030c0b6f6c642e6578616d706c65301e170d32"
		"36313132353037323734305a170d3236313132363037323734305a3016311430120603550403"
		"0c0b6f6c642e6578616d706c653059301306072a8648ce3d020106082a8648ce3d0301070342"
		"0004d4ca7c6b7d63375f47d30b81feb55df53ee5dc9799b1493d4223096fd1fe8b481aea7ca5"
		"239f22638f219fd240fc8dac4ff84346e25fc5bc724c613bfef77273a3753073301d0603551d"
		"0e04160414877a5cfaff6e399147db6d6ffc37312331ffa0bf301f0603551d23041830168014"
		"877a5cfaff6e399147db6d6ffc37312331ffa0bf300f0603551d130101ff040530030101ff30"
		"200603551d1104193017820f7777772e6578616d706c652e6f72678704c0000201300a06082a"
		"8648ce3d04030203480030450220266f6bf8b5e7b071f5c9cf59613018e43ccc5c17b3b98e4a"
		"74160b7c2d8dd02a022100977a6970b6d8015196a8d45042686827aacacb65ed8fc14a30241c"
		"7737fc2dbe";
	struct bytes der = {.len = 0};
	for (const char *p = hex; *p != '\0'; p += 2)
		add(&der, (unsigned)strtoul((char[]){p[0], p[1], '\0'}, NULL, 16), 1);
	char name[TLS_NAME_BYTES];
	assert_string_equal(name_in(&der, name), "www.example.org");
	replace(&der, 0, "\x55\x1d\x11", "\x55\x1d\x12", 3); /* issuerAltName */
	assert_string_equal(name_in(&der, name), "old.example");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_broken_alternative),
		cmocka_unit_test(test_string_types),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_length_forms),
		cmocka_unit_test(test_cut_certificate),
		cmocka_unit_test(test_cut_message),
		cmocka_unit_test(test_none_sent),
		cmocka_unit_test(test_made_elsewhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
