/* Values as lists write them, made into the form in which they are compared. */
#include <ctype.h>
#include <string.h>

#include "base/scan.h"
#include "intel/draft.h"

#define NAME_BYTES_MAX  253u
#define LABEL_BYTES_MAX 63u
#define AGENT_BYTES_MAX 512u
#define JA4_BYTES       36u
/* What is wider holds too much of the world to say anything of one host in it. */
#define V4_BITS_LEAST (96u + 8u)
#define V6_BITS_LEAST 16u

/* ---- as people write it so that nobody clicks on it ---- */

/* "hxxp://bad[.]example" is "http://bad.example". Returns buf's length, 0: too long. */
static size_t refang(struct span v, char buf[static KEY_BYTES_MAX])
{
	if (v.len < KEY_BYTES_MAX && !span_has(v, '[') && !span_has(v, '(') &&
		(v.ptr[0] | 0x20) != 'h') {
		memcpy(buf, v.ptr, v.len);
		buf[v.len] = '\0';
		return v.len;
	}
	static const struct {
		const char *from, to;
	} signs[] = {{"[.]", '.'}, {"(.)", '.'}, {"[dot]", '.'}, {"[:]", ':'}, {"[@]", '@'}};
	size_t len = 0;
	for (size_t i = 0; i < v.len; len++) {
		if (len + 1 >= KEY_BYTES_MAX)
			return 0;
		size_t step = 1;
		struct span rest = {v.ptr + i, v.len - i};
		buf[len] = (char)v.ptr[i];
		for (size_t k = 0; k < ARRAY_LEN(signs); k++) {
			if (!span_begins(rest, signs[k].from))
				continue;
			buf[len] = signs[k].to;
			step = strlen(signs[k].from);
		}
		i += step;
	}
	buf[len] = '\0';
	if (len > 4 && (buf[0] | 0x20) == 'h' && (buf[1] | 0x20) == 'x' && (buf[2] | 0x20) == 'x') {
		buf[0] = 'h';
		buf[1] = buf[2] = 't';
	}
	return len;
}

/* ---- addresses ---- */

static const char *address_key(const char *text, struct key *ret)
{
	struct addr a;
	if (addr_parse(text, &a) < 0)
		return "not an address";
	if (addr_is_private(&a) || addr_is_group(&a))
		return "address of private or special use: it means something in its own network "
		       "only";
	ret->kind = INTEL_ADDRESS;
	memcpy(ret->byte, a.byte, sizeof a.byte);
	ret->len = sizeof a.byte;
	return NULL;
}

static const char *network_key(const char *text, struct key *ret)
{
	struct cidr c;
	if (strchr(text, '/') == NULL)
		return address_key(text, ret);
	if (cidr_parse(text, &c) < 0)
		return "not a network";
	bool v4 = addr_is_v4(&c.net) && c.bits >= 96;
	if (c.bits < (v4 ? V4_BITS_LEAST : V6_BITS_LEAST))
		return "network wider than /8 (IPv6: /16): it says nothing of one host in it";
	if (addr_is_private(&c.net) || addr_is_group(&c.net))
		return "network of private or special use: it means something in itself only";
	ret->kind = c.bits == 128 ? INTEL_ADDRESS : INTEL_NETWORK;
	memcpy(ret->byte, c.net.byte, sizeof c.net.byte);
	ret->byte[sizeof c.net.byte] = c.bits;
	ret->len = key_size(ret->kind);
	return NULL;
}

/* ---- names ---- */

/* One label, lower case. False: it is none. */
static bool lower_label(const char *text, size_t len, char *ret)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		bool letter = (unsigned)(c | 0x20) - 'a' < 26, digit = (unsigned)c - '0' < 10;
		if (!letter && !digit && c != '-' && c != '_')
			return false;
		ret[i] = (char)(letter ? c | 0x20 : c);
	}
	return len > 0 && len <= LABEL_BYTES_MAX;
}

/* Lower case, no final dot. Returns NULL, or why it is no name. */
static const char *lower_name(const char *text, char ret[static NAME_BYTES_MAX + 1])
{
	size_t len = strlen(text), begin = 0;
	if (len > 0 && text[len - 1] == '.')
		len--;
	if (len == 0 || len > NAME_BYTES_MAX)
		return "not a name";
	for (size_t end = strcspn(text, "."); begin < len;
		end = begin + strcspn(text + begin, ".")) {
		end = end < len ? end : len;
		if (!lower_label(text + begin, end - begin, ret + begin))
			return "not a name (what is not in ASCII is written as xn--…)";
		ret[end] = '.';
		if (end == len && begin == 0)
			return "name without a dot";
		if (end == len && strspn(text + begin, "0123456789") == end - begin)
			return "not a name"; /* half an address */
		begin = end + 1;
	}
	ret[len] = '\0';
	return begin == len ? "not a name" : NULL;
}

/* Whether names below it belong to anybody. */
static bool is_public(const char *name)
{
	char below[NAME_BYTES_MAX + 3];
	(void)snprintf(below, sizeof below, "x.%s", name);
	return strlen(registered_domain(below)) == strlen(below);
}

static const char *name_key(const char *text, bool below, struct key *ret, struct entry *entry)
{
	char name[NAME_BYTES_MAX + 1];
	bool star = strncmp(text, "*.", 2) == 0, dot = text[0] == '.';
	const char *wrong = lower_name(text + (star ? 2 : dot ? 1 : 0), name);
	if (wrong != NULL)
		return wrong;
	if ((star || dot) && is_public(name))
		return "everything below a public suffix: names that belong to anybody";
	entry->self = !star;
	entry->below = star || dot || (below && !is_public(name));
	ret->len = strlen(name);
	memcpy(ret->byte, name, ret->len);
	return NULL;
}

/* ---- URLs ---- */

bool url_key(struct key *ret, uint64_t request, const char *host, uint16_t port)
{
	char text[NAME_BYTES_MAX + ADDR_TEXT_BYTES];
	int len = port == 0 ? snprintf(text, sizeof text, "%s", host)
	                    : snprintf(text, sizeof text, "%s:%u", host, port);
	if (len <= 0 || (size_t)len >= sizeof text)
		return false;
	ret->kind = INTEL_URL;
	ret->len = sizeof request + (size_t)len;
	ret->rest = 0;
	memcpy(ret->byte, &request, sizeof request);
	memcpy(ret->byte + sizeof request, text, (size_t)len);
	return true;
}

/* "host", "host:8080", "[2001:db8::1]:80", with or without a name and password before it. */
static const char *split_authority(
	struct span authority, uint16_t usual, char host[static NAME_BYTES_MAX + 1], uint16_t *port)
{
	static const char wrong[] = "not a URL";
	char text[NAME_BYTES_MAX + 16];
	while (span_has(authority, '@')) {
		struct span before;
		(void)span_next(&authority, '@', &before);
	}
	if (authority.len == 0 || authority.len >= sizeof text)
		return wrong;
	memcpy(text, authority.ptr, authority.len);
	text[authority.len] = '\0';
	char *colon = strrchr(text, ':');
	if (colon != NULL && strchr(colon, ']') == NULL) {
		uint64_t n = 0;
		if (scan_max(span_of(colon + 1), UINT16_MAX, &n) < 0)
			return wrong;
		*port = n == usual ? 0 : (uint16_t)n;
		*colon = '\0';
	}
	size_t len = strlen(text);
	struct addr addr;
	bool six = len > 2 && text[0] == '[' && text[len - 1] == ']';
	if (six)
		text[len - 1] = '\0';
	if (addr_parse(text + six, &addr) == 0)
		(void)addr_text(&addr, host);
	else if (six || lower_name(text, host) != NULL)
		return wrong;
	return NULL;
}

/* "://" may be missing: Zeek writes URLs without their scheme. */
static const char *url_of(const char *text, struct key *ret)
{
	struct span rest = span_of(text), authority = {0};
	size_t scheme = span_find(rest, "://");
	uint16_t usual = 80, port = 0;
	if (scheme < rest.len) {
		if (!span_is_nocase((struct span){rest.ptr, scheme}, "http")) {
			if (!span_is_nocase((struct span){rest.ptr, scheme}, "https"))
				return "URL of neither http nor https";
			usual = 443;
		}
		rest = (struct span){rest.ptr + scheme + 3, rest.len - scheme - 3};
	}
	while (authority.len < rest.len && strchr("/?#", rest.ptr[authority.len]) == NULL)
		authority.len++;
	authority.ptr = rest.ptr;
	struct span path = {rest.ptr + authority.len, rest.len - authority.len};
	char host[NAME_BYTES_MAX + 1];
	const char *wrong = split_authority(authority, usual, host, &port);
	if (wrong != NULL)
		return wrong;
	path.len = span_find(path, "#");
	uint64_t hash = request_hash(path.len == 0 ? span_of("/") : path);
	if (hash == 0)
		return "URL too long: captures keep 254 bytes of what is asked for";
	if (!url_key(ret, hash, host, port))
		return "not a URL";
	ret->rest = path.len;
	memcpy(ret->byte + ret->len, path.ptr, path.len);
	return NULL;
}

/* ---- hashes and fingerprints ---- */

static const char *hex_key(const char *text, struct key *ret)
{
	size_t want = key_size(ret->kind), len = 0;
	for (size_t i = 0; text[i] != '\0'; i++) {
		unsigned high = scan_hex((uint8_t)text[i]);
		if (text[i] == ':' && i % 3 == 2) /* as certificates' are written */
			continue;
		unsigned low = high < 16 ? scan_hex((uint8_t)text[++i]) : 16;
		if (low > 15 || len == want)
			return "hash of a wrong length";
		ret->byte[len++] = (uint8_t)(high << 4 | low);
	}
	ret->len = len;
	return len == want ? NULL : "hash of a wrong length";
}

/* FoxIO's form: t13d1516h2_8daaf6152771_e5627efa2ab1. */
static const char *ja4_key(const char *text, struct key *ret)
{
	if (strlen(text) != JA4_BYTES || text[10] != '_' || text[23] != '_')
		return "not a JA4 fingerprint";
	for (size_t i = 0; i < JA4_BYTES; i++) {
		if (!isalnum((unsigned char)text[i]) && i != 10 && i != 23)
			return "not a JA4 fingerprint";
		ret->byte[i] = (uint8_t)tolower((unsigned char)text[i]);
	}
	ret->len = JA4_BYTES;
	return NULL;
}

static const char *agent_key(struct span text, struct key *ret)
{
	if (text.len == 0 || text.len > AGENT_BYTES_MAX)
		return "user agent longer than 512 bytes";
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] < 0x20 || text.ptr[i] == 0x7f)
			return "user agent with control characters";
	memcpy(ret->byte, text.ptr, text.len);
	ret->len = text.len;
	return NULL;
}

const char *draft_key(const struct draft *d, struct key *ret, struct entry *ret_entry)
{
	char text[KEY_BYTES_MAX];
	struct span value = span_trim(d->value);
	ret->kind = d->kind; /* the bytes of a key are not cleared: 2 KB for each line of a list */
	ret->len = ret->rest = 0;
	*ret_entry = (struct entry){.line = d->line};
	if (d->until_s > 0)
		ret_entry->until_s = d->until_s < UINT32_MAX ? (uint32_t)d->until_s : UINT32_MAX;
	if (d->kind == INTEL_AGENT)
		return agent_key(value, ret);
	if (value.len == 0)
		return "no value";
	if (memchr(value.ptr, 0, value.len) != NULL || refang(value, text) == 0)
		return "value that is too long, or has a NUL in it";
	switch (d->kind) {
	case INTEL_ADDRESS:
	case INTEL_NETWORK:
		return network_key(text, ret);
	case INTEL_NAME:
		return name_key(text, d->below, ret, ret_entry);
	case INTEL_URL:
		return url_of(text, ret);
	case INTEL_JA4:
		return ja4_key(text, ret);
	case INTEL_JA3:
	case INTEL_CERT_MD5:
	case INTEL_CERT_SHA1:
	case INTEL_CERT_SHA256:
	case INTEL_FILE_MD5:
	case INTEL_FILE_SHA1:
	case INTEL_FILE_SHA256:
		return hex_key(text, ret);
	case INTEL_AGENT:
	case INTEL_KINDS:
		break;
	}
	return "of no kind";
}
