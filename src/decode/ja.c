#include "decode/ja.h"

#include <nettle/md5.h>
#include <nettle/sha2.h>

/* The longest text: four lists of JA_LIST_MAX numbers of five digits, 255 point formats of three,
 * and commas. */
#define JA3_TEXT_BYTES (4 * JA_LIST_MAX * 6 + 256 * 4 + 16)
/* Two lists of JA_LIST_MAX values of four hex digits, comma between. */
#define JA4_TEXT_BYTES (2 * JA_LIST_MAX * 5 + 2)
/* JA4 shows the first 12 hex digits of a SHA-256. */
#define JA4_HASH_BYTES 6

#define EXT_SNI  0x0000
#define EXT_ALPN 0x0010

static const char hex_digit[] = "0123456789abcdef";

struct text { /* own bytes, room checked by the constants above */
	char *at;
	size_t len;
};

bool ja_is_grease(uint16_t value)
{
	return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff);
}

void ja_add(struct ja_list *list, uint16_t value)
{
	if (ja_is_grease(value))
		return;
	if (list->count == JA_LIST_MAX) {
		list->over = true;
		return;
	}
	list->value[list->count++] = value;
}

static void put(struct text *t, char c)
{
	t->at[t->len++] = c;
}

static void put_decimal(struct text *t, unsigned value)
{
	char digits[10];
	size_t n = 0;
	do {
		digits[n++] = hex_digit[value % 10];
		value /= 10;
	} while (value > 0);
	while (n > 0)
		put(t, digits[--n]);
}

static void put_hex(struct text *t, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		put(t, hex_digit[bytes[i] >> 4]);
		put(t, hex_digit[bytes[i] & 15]);
	}
}

static void put_decimals(struct text *t, const struct ja_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		if (i > 0)
			put(t, '-');
		put_decimal(t, list->value[i]);
	}
	put(t, ',');
}

/* 769,47-53-5-10,0-10-11,23-24-25,0 */
void ja3(const struct ja_input *in, char ret[static JA3_BYTES])
{
	ret[0] = '\0';
	if (in->ciphers.over || in->extensions.over || in->groups.over)
		return;
	char bytes[JA3_TEXT_BYTES];
	struct text t = {bytes, 0};
	put_decimal(&t, in->version);
	put(&t, ',');
	put_decimals(&t, &in->ciphers);
	put_decimals(&t, &in->extensions);
	put_decimals(&t, &in->groups);
	CHECK(in->formats.len < 256); /* its length field is one byte */
	for (size_t i = 0; i < in->formats.len; i++) {
		if (i > 0)
			put(&t, '-');
		put_decimal(&t, in->formats.ptr[i]);
	}
	CHECK(t.len < sizeof bytes);
	uint8_t sum[MD5_DIGEST_SIZE];
	struct md5_ctx md5;
	md5_init(&md5);
	md5_update(&md5, t.len, (const uint8_t *)t.at);
	md5_digest(&md5, sizeof sum, sum);
	struct text out = {ret, 0};
	put_hex(&out, sum, sizeof sum);
	put(&out, '\0');
}

static void sort(struct ja_list *list)
{
	/* insertion: lists are short and qsort() may allocate */
	for (size_t i = 1; i < list->count; i++) {
		uint16_t v = list->value[i];
		size_t j = i;
		for (; j > 0 && list->value[j - 1] > v; j--)
			list->value[j] = list->value[j - 1];
		list->value[j] = v;
	}
}

static void put_values(struct text *t, const struct ja_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		if (i > 0)
			put(t, ',');
		put_hex(t,
			(const uint8_t[]){(uint8_t)(list->value[i] >> 8), (uint8_t)list->value[i]},
			2);
	}
}

static void put_hash(struct text *out, const struct text *t)
{
	uint8_t sum[JA4_HASH_BYTES] = {0};
	if (t->len > 0) { /* else zeros, JA4.md "Cipher hash", "Extension hash" */
		struct sha256_ctx sha256;
		sha256_init(&sha256);
		sha256_update(&sha256, t->len, (const uint8_t *)t->at);
		sha256_digest(&sha256, sizeof sum, sum);
	}
	put(out, '_');
	put_hex(out, sum, sizeof sum);
}

/* JA4.md "TLS and DTLS Version" */
static const char *version_code(uint16_t version)
{
	static const struct {
		uint16_t version;
		char code[3];
	} known[] = {{0x0304, "13"}, {0x0303, "12"}, {0x0302, "11"}, {0x0301, "10"}, {0x0300, "s3"},
		{0x0002, "s2"}};
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (known[i].version == version)
			return known[i].code;
	return "00";
}

static bool is_alphanumeric(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* JA4.md "ALPN Extension Value": first and last character; of the hex form when either is not
 * alphanumeric. */
static void put_alpn(struct text *out, struct span alpn)
{
	uint8_t first = '0', last = '0';
	if (alpn.len > 0) {
		first = alpn.ptr[0];
		last = alpn.ptr[alpn.len - 1];
	}
	bool plain = is_alphanumeric(first) && is_alphanumeric(last);
	put(out, (char)(plain ? first : (uint8_t)hex_digit[first >> 4]));
	put(out, (char)(plain ? last : (uint8_t)hex_digit[last & 15]));
}

static void put_count(struct text *out, size_t count)
{
	size_t shown = count > 99 ? 99 : count;
	put(out, hex_digit[shown / 10]);
	put(out, hex_digit[shown % 10]);
}

void ja4(const struct ja_input *in, char ret[static JA4_BYTES])
{
	ret[0] = '\0';
	if (in->ciphers.over || in->extensions.over || in->signatures.over)
		return;
	struct text out = {ret, 0};
	put(&out, in->quic ? 'q' : 't');
	const char *version = version_code(in->best_version != 0 ? in->best_version : in->version);
	put(&out, version[0]);
	put(&out, version[1]);
	put(&out, in->sni ? 'd' : 'i');
	put_count(&out, in->ciphers.count);
	put_count(&out, in->extensions.count);
	put_alpn(&out, in->alpn);

	char bytes[JA4_TEXT_BYTES];
	struct text t = {bytes, 0};
	struct ja_list sorted = in->ciphers;
	sort(&sorted);
	put_values(&t, &sorted);
	put_hash(&out, &t);

	t.len = 0;
	sorted.count = 0;
	for (size_t i = 0; i < in->extensions.count; i++) {
		uint16_t type = in->extensions.value[i];
		if (type != EXT_SNI && type != EXT_ALPN) /* shown in the first part already */
			ja_add(&sorted, type);
	}
	sort(&sorted);
	put_values(&t, &sorted);
	if (sorted.count > 0 && in->signatures.count > 0) {
		put(&t, '_');
		put_values(&t, &in->signatures); /* in the order offered */
	}
	CHECK(t.len <= sizeof bytes);
	put_hash(&out, &t);
	put(&out, '\0');
	CHECK(out.len <= JA4_BYTES);
}
