/* The name in a server's certificate, where TLS 1.2 and before still show it (RFC 5246 7.4.2). Of
 * X.509 (RFC 5280 4.1) only the way to two fields is walked; nothing is verified, for a name that a
 * stranger claims is evidence of what he claims and no more. Of DER's BER (X.690 8.1) what
 * certificates use: tags of one byte, definite lengths. */
#include "decode/text.h"
#include "decode/tls.h"

enum der_tag {
	DER_BOOLEAN = 0x01,
	DER_INTEGER = 0x02,
	DER_BIT_STRING = 0x03,
	DER_OCTET_STRING = 0x04,
	DER_OID = 0x06,
	DER_UTF8_STRING = 0x0c,
	DER_NUMERIC_STRING = 0x12,
	DER_PRINTABLE_STRING = 0x13,
	DER_T61_STRING = 0x14,
	DER_IA5_STRING = 0x16,
	DER_VISIBLE_STRING = 0x1a,
	DER_UNIVERSAL_STRING = 0x1c,
	DER_BMP_STRING = 0x1e,
	DER_SEQUENCE = 0x30,
	DER_SET = 0x31,
	DER_DNS_NAME = 0x82,   /* GeneralName [2] */
	DER_VERSION = 0xa0,    /* TBSCertificate [0] */
	DER_EXTENSIONS = 0xa3, /* TBSCertificate [3] */
};

#define TAG_NUMBER_MASK  0x1f /* all set: the number follows in bytes of its own */
#define LENGTH_BYTES_MAX 3    /* as many as the message gives the whole certificate */

struct element {
	uint8_t tag;
	struct cur body;
};

static struct element der_element(struct cur *c)
{
	struct element e = {.tag = cur_u8(c)};
	size_t len = cur_u8(c);
	if (len > 0x80 + LENGTH_BYTES_MAX || len == 0x80 ||
		(e.tag & TAG_NUMBER_MASK) == TAG_NUMBER_MASK)
		cur_fail(c, CUR_BAD);
	else if (len > 0x80)
		len = (size_t)cur_be(c, len - 0x80);
	e.body = text_block(c, len);
	return e;
}

/* The body of the next element, which has this tag or c fails. */
static struct cur der_expect(struct cur *c, enum der_tag tag)
{
	struct element e = der_element(c);
	if (cur_ok(c) && e.tag != tag) {
		cur_fail(c, CUR_BAD);
		e.body = *c;
	}
	return e.body;
}

/* Whether it is id-ce or id-at (2.5.29 or 2.5.4, RFC 5280 A.1 and A.2) and its last number. */
static bool oid_is(struct cur oid, uint8_t arc, uint8_t last)
{
	return oid.len == 3 && cur_u8(&oid) == 0x55 && cur_u8(&oid) == arc && cur_u8(&oid) == last;
}

/* Writes the text if it can be a host's name. */
static bool take_name(struct span text, char ret_name[static TLS_NAME_BYTES])
{
	text_host(ret_name, TLS_NAME_BYTES, text);
	if (text_is_name(ret_name) && !text_is_address(ret_name))
		return true;
	ret_name[0] = '\0';
	return false;
}

/* ---- subjectAltName ---- */

/* GeneralName is a choice of context tags 0 to 8 (RFC 5280 4.2.1.6). */
static bool is_general_name(uint8_t tag)
{
	return (tag & 0xc0) == 0x80 && (tag & TAG_NUMBER_MASK) <= 8;
}

/* The first name of hosts in GeneralNames; none when they do not parse to their end. */
static bool alternative_name(struct cur value, char ret_name[static TLS_NAME_BYTES])
{
	struct cur names = der_expect(&value, DER_SEQUENCE);
	if (value.len > 0)
		cur_fail(&names, CUR_BAD);
	bool found = false;
	while (names.len > 0) {
		struct element e = der_element(&names);
		if (!is_general_name(e.tag))
			cur_fail(&names, CUR_BAD);
		if (!found && cur_ok(&names) && e.tag == DER_DNS_NAME)
			found = take_name((struct span){e.body.ptr, e.body.len}, ret_name);
	}
	if (!cur_ok(&names))
		ret_name[0] = '\0';
	return found && cur_ok(&names);
}

/* The value of subjectAltName, failed when there is none or, against RFC 5280 4.2, more than one:
 * then neither is believed. extensions fails when they are no list of extensions. */
static struct cur find_alternative(struct cur *extensions)
{
	struct cur found = {.state = CUR_BAD};
	size_t count = 0;
	while (extensions->len > 0) {
		struct cur one = der_expect(extensions, DER_SEQUENCE);
		struct cur oid = der_expect(&one, DER_OID);
		struct element value = der_element(&one);
		if (value.tag == DER_BOOLEAN) /* critical */
			value = der_element(&one);
		if (!cur_ok(&one) || value.tag != DER_OCTET_STRING || one.len > 0)
			cur_fail(extensions, CUR_BAD);
		if (cur_ok(extensions) && oid_is(oid, 29, 17)) {
			found = value.body;
			count++;
		}
	}
	if (count > 1)
		cur_fail(&found, CUR_BAD);
	return found;
}

/* ---- subject ---- */

/* Bytes of one character in the string types that a name may have (RFC 5280 4.1.2.4); 0 in others.
 */
static size_t character_bytes(uint8_t tag)
{
	switch (tag) {
	case DER_UTF8_STRING: /* only its one-byte characters can be in a host's name */
	case DER_NUMERIC_STRING:
	case DER_PRINTABLE_STRING:
	case DER_T61_STRING:
	case DER_IA5_STRING:
	case DER_VISIBLE_STRING:
		return 1;
	case DER_BMP_STRING:
		return 2;
	case DER_UNIVERSAL_STRING:
		return 4;
	default:
		return 0;
	}
}

static bool take_common(struct element e, char ret_name[static TLS_NAME_BYTES])
{
	uint8_t text[TLS_NAME_BYTES]; /* with a final dot, that text_host() takes off */
	size_t width = character_bytes(e.tag), len = 0;
	if (width == 0)
		return false;
	while (e.body.len > 0 && len < sizeof text) {
		uint64_t c = cur_be(&e.body, width);
		text[len++] = c < 0x80 ? (uint8_t)c : '?';
	}
	if (e.body.len > 0 || !cur_ok(&e.body))
		return false;
	return take_name((struct span){text, len}, ret_name);
}

/* The first common name, if it can be a host's. */
static bool common_name(struct cur subject, char ret_name[static TLS_NAME_BYTES])
{
	while (subject.len > 0) {
		struct cur set = der_expect(&subject, DER_SET);
		while (set.len > 0) {
			struct cur pair = der_expect(&set, DER_SEQUENCE);
			struct cur oid = der_expect(&pair, DER_OID);
			struct element value = der_element(&pair);
			if (cur_ok(&pair) && oid_is(oid, 4, 3))
				return take_common(value, ret_name);
		}
		if (!cur_ok(&set))
			return false;
	}
	return false;
}

/* ---- the certificate ---- */

struct certificate {
	struct cur subject, alternative;
};

/* False when it is no certificate. */
static bool certificate_read(struct cur der, struct certificate *ret)
{
	struct cur outer = der_expect(&der, DER_SEQUENCE); /* what may follow it is not looked at */
	struct cur tbs = der_expect(&outer, DER_SEQUENCE);
	(void)der_expect(&outer, DER_SEQUENCE); /* signature's algorithm */
	(void)der_expect(&outer, DER_BIT_STRING);
	if (!cur_ok(&outer) || outer.len > 0)
		return false;
	struct element serial = der_element(&tbs);
	if (serial.tag == DER_VERSION)
		serial = der_element(&tbs);
	(void)der_expect(&tbs, DER_SEQUENCE); /* algorithm */
	(void)der_expect(&tbs, DER_SEQUENCE); /* issuer */
	(void)der_expect(&tbs, DER_SEQUENCE); /* validity */
	ret->subject = der_expect(&tbs, DER_SEQUENCE);
	(void)der_expect(&tbs, DER_SEQUENCE); /* key */
	struct cur extensions = {0};
	while (tbs.len > 0) { /* version 2's unique ids may come first */
		struct element e = der_element(&tbs);
		if (e.tag == DER_EXTENSIONS)
			extensions = der_expect(&e.body, DER_SEQUENCE);
	}
	ret->alternative = find_alternative(&extensions);
	return cur_ok(&tbs) && serial.tag == DER_INTEGER && cur_ok(&extensions);
}

bool tls_certificate_name(struct cur *c, char ret_name[static TLS_NAME_BYTES])
{
	ret_name[0] = '\0';
	c->fenced = true;
	struct cur list = text_block(c, (size_t)cur_be(c, 3));
	if (cur_ok(c) && list.len == 0)
		return true; /* none sent, as a client may */
	struct cur der = text_block(&list, (size_t)cur_be(&list, 3));
	if (!cur_ok(&list))
		cur_fail(c, list.state);
	if (!cur_ok(c))
		return false;
	struct certificate certificate = {0};
	if (!certificate_read(der, &certificate)) {
		cur_fail(c, CUR_BAD);
		return false;
	}
	if (!alternative_name(certificate.alternative, ret_name))
		(void)common_name(certificate.subject, ret_name);
	return true;
}
