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

/* ---- writers: each returns where the next goes; the constants above give the room ---- */

static char *put_decimal(char *p, uint16_t value)
{
	size_t digits = 1u + (value > 9) + (value > 99) + (value > 999) + (value > 9999);
	for (size_t i = digits; i > 0; i--) {
		p[i - 1] = hex_digit[value % 10];
		value /= 10;
	}
	return p + digits;
}

static char *put_hex(char *p, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		*p++ = hex_digit[bytes[i] >> 4];
		*p++ = hex_digit[bytes[i] & 15];
	}
	return p;
}

/* 47-53-5, */
static char *put_decimals(char *p, const struct ja_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		p = put_decimal(p, list->value[i]);
		*p++ = '-';
	}
	if (list->count > 0)
		p--;
	*p++ = ',';
	return p;
}

/* 002f,0035,c013 */
static char *put_values(char *p, const struct ja_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		unsigned value = list->value[i];
		*p++ = hex_digit[value >> 12];
		*p++ = hex_digit[value >> 8 & 15];
		*p++ = hex_digit[value >> 4 & 15];
		*p++ = hex_digit[value & 15];
		*p++ = ',';
	}
	return list->count > 0 ? p - 1 : p;
}

/* ---- JA3 ---- */

/* 769,47-53-5-10,0-10-11,23-24-25,0 */
void ja3(const struct ja_input *in, char ret[static JA3_BYTES])
{
	ret[0] = '\0';
	if (in->ciphers.over || in->extensions.over || in->groups.over)
		return;
	char text[JA3_TEXT_BYTES];
	char *p = put_decimal(text, in->version);
	*p++ = ',';
	p = put_decimals(p, &in->ciphers);
	p = put_decimals(p, &in->extensions);
	p = put_decimals(p, &in->groups);
	CHECK(in->formats.len < 256); /* its length field is one byte */
	for (size_t i = 0; i < in->formats.len; i++) {
		if (i > 0)
			*p++ = '-';
		p = put_decimal(p, in->formats.ptr[i]);
	}
	size_t len = (size_t)(p - text);
	CHECK(len < sizeof text);
	uint8_t sum[MD5_DIGEST_SIZE];
	struct md5_ctx md5;
	md5_init(&md5);
	md5_update(&md5, len, (const uint8_t *)text);
	md5_digest(&md5, sizeof sum, sum);
	*put_hex(ret, sum, sizeof sum) = '\0';
}

/* ---- JA4 ---- */

/* Insertion: lists are short, and qsort() may allocate. */
static void sorted_add(struct ja_list *to, uint16_t value)
{
	size_t i = to->count++;
	for (; i > 0 && to->value[i - 1] > value; i--)
		to->value[i] = to->value[i - 1];
	to->value[i] = value;
}

static char *put_hash(char *p, const char *text, size_t len)
{
	uint8_t sum[JA4_HASH_BYTES] = {0};
	if (len > 0) { /* else zeros, JA4.md "Cipher hash", "Extension hash" */
		struct sha256_ctx sha256;
		sha256_init(&sha256);
		sha256_update(&sha256, len, (const uint8_t *)text);
		sha256_digest(&sha256, sizeof sum, sum);
	}
	*p++ = '_';
	return put_hex(p, sum, sizeof sum);
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
static char *put_alpn(char *p, struct span alpn)
{
	uint8_t first = '0', last = '0';
	if (alpn.len > 0) {
		first = alpn.ptr[0];
		last = alpn.ptr[alpn.len - 1];
	}
	bool plain = is_alphanumeric(first) && is_alphanumeric(last);
	*p++ = (char)(plain ? first : (uint8_t)hex_digit[first >> 4]);
	*p++ = (char)(plain ? last : (uint8_t)hex_digit[last & 15]);
	return p;
}

static char *put_count(char *p, size_t count)
{
	size_t shown = count > 99 ? 99 : count;
	*p++ = hex_digit[shown / 10];
	*p++ = hex_digit[shown % 10];
	return p;
}

static char *put_ciphers_hash(char *p, const struct ja_list *ciphers)
{
	char text[JA4_TEXT_BYTES];
	struct ja_list sorted;
	sorted.count = 0; /* the values need no zeroing */
	for (size_t i = 0; i < ciphers->count; i++)
		sorted_add(&sorted, ciphers->value[i]);
	const char *end = put_values(text, &sorted);
	return put_hash(p, text, (size_t)(end - text));
}

static char *put_extensions_hash(char *p, const struct ja_input *in)
{
	char text[JA4_TEXT_BYTES];
	struct ja_list sorted;
	sorted.count = 0;
	for (size_t i = 0; i < in->extensions.count; i++) {
		uint16_t type = in->extensions.value[i];
		if (type != EXT_SNI && type != EXT_ALPN) /* shown in the first part already */
			sorted_add(&sorted, type);
	}
	char *end = put_values(text, &sorted);
	if (sorted.count > 0 && in->signatures.count > 0) {
		*end++ = '_';
		end = put_values(end, &in->signatures); /* in the order offered */
	}
	CHECK(end <= text + sizeof text);
	return put_hash(p, text, (size_t)(end - text));
}

void ja4(const struct ja_input *in, char ret[static JA4_BYTES])
{
	ret[0] = '\0';
	if (in->ciphers.over || in->extensions.over || in->signatures.over)
		return;
	char *p = ret;
	*p++ = in->quic ? 'q' : 't';
	const char *version = version_code(in->best_version != 0 ? in->best_version : in->version);
	*p++ = version[0];
	*p++ = version[1];
	*p++ = in->sni ? 'd' : 'i';
	p = put_count(p, in->ciphers.count);
	p = put_count(p, in->extensions.count);
	p = put_alpn(p, in->alpn);
	p = put_ciphers_hash(p, &in->ciphers);
	p = put_extensions_hash(p, in);
	*p++ = '\0';
	CHECK(p <= ret + JA4_BYTES);
}
