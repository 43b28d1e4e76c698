/* The words that lists have for kinds, dates, confidence and who may be told. */
#include <ctype.h>
#include <string.h>

#include "base/limits.h"
#include "base/scan.h"
#include "intel/draft.h"

enum how {
	PLAIN,
	HASH,        /* of a file, by its length */
	CERTIFICATE, /* the same of a certificate */
	BELOW,       /* a domain: names below it too */
	PORT,        /* VALUE|PORT or VALUE:PORT */
	SECOND,      /* FILENAME|VALUE */
	PAIR,        /* NAME|ADDRESS */
};

static const struct word {
	const char *word; /* lower case, every sign a dash */
	enum intel_kind kind;
	enum how how;
} words[] = {{"addr", INTEL_ADDRESS, PLAIN}, {"address", INTEL_ADDRESS, PLAIN},
	{"ip", INTEL_ADDRESS, PLAIN}, {"ipv4", INTEL_ADDRESS, PLAIN},
	{"ipv6", INTEL_ADDRESS, PLAIN}, {"ip-address", INTEL_ADDRESS, PLAIN},
	{"ipv4-addr", INTEL_ADDRESS, PLAIN}, {"ipv6-addr", INTEL_ADDRESS, PLAIN},
	{"ip-src", INTEL_ADDRESS, PLAIN}, {"ip-dst", INTEL_ADDRESS, PLAIN},
	{"ip-port", INTEL_ADDRESS, PORT}, {"ip-dst-port", INTEL_ADDRESS, PORT},
	{"ip-src-port", INTEL_ADDRESS, PORT}, {"subnet", INTEL_NETWORK, PLAIN},
	{"network", INTEL_NETWORK, PLAIN}, {"cidr", INTEL_NETWORK, PLAIN},
	{"netblock", INTEL_NETWORK, PLAIN}, {"domain", INTEL_NAME, PLAIN},
	{"domain-name", INTEL_NAME, PLAIN}, {"hostname", INTEL_NAME, PLAIN},
	{"host", INTEL_NAME, PLAIN}, {"fqdn", INTEL_NAME, PLAIN}, {"name", INTEL_NAME, PLAIN},
	{"misp-domain", INTEL_NAME, BELOW}, {"hostname-port", INTEL_NAME, PORT},
	{"domain-ip", INTEL_NAME, PAIR}, {"url", INTEL_URL, PLAIN}, {"uri", INTEL_URL, PLAIN},
	{"ja3", INTEL_JA3, PLAIN}, {"ja3-fingerprint-md5", INTEL_JA3, PLAIN},
	{"ja3-md5", INTEL_JA3, PLAIN}, {"ja3-hash", INTEL_JA3, PLAIN}, {"ja4", INTEL_JA4, PLAIN},
	{"ja4-fingerprint", INTEL_JA4, PLAIN}, {"user-agent", INTEL_AGENT, PLAIN},
	{"http-user-agent", INTEL_AGENT, PLAIN}, {"software", INTEL_AGENT, PLAIN},
	{"useragent", INTEL_AGENT, PLAIN}, {"cert-hash", INTEL_CERT_SHA1, CERTIFICATE},
	{"cert-md5", INTEL_CERT_MD5, PLAIN}, {"cert-sha1", INTEL_CERT_SHA1, PLAIN},
	{"cert-sha256", INTEL_CERT_SHA256, PLAIN}, {"x509-fingerprint-md5", INTEL_CERT_MD5, PLAIN},
	{"x509-fingerprint-sha1", INTEL_CERT_SHA1, PLAIN},
	{"x509-fingerprint-sha256", INTEL_CERT_SHA256, PLAIN},
	{"certificate", INTEL_CERT_SHA1, CERTIFICATE}, {"certificate-md5", INTEL_CERT_MD5, PLAIN},
	{"certificate-sha1", INTEL_CERT_SHA1, PLAIN},
	{"certificate-sha256", INTEL_CERT_SHA256, PLAIN}, {"file-hash", INTEL_FILE_MD5, HASH},
	{"hash", INTEL_FILE_MD5, HASH}, {"md5", INTEL_FILE_MD5, PLAIN},
	{"sha1", INTEL_FILE_SHA1, PLAIN}, {"sha256", INTEL_FILE_SHA256, PLAIN},
	{"sha-1", INTEL_FILE_SHA1, PLAIN}, {"sha-256", INTEL_FILE_SHA256, PLAIN},
	{"md5-hash", INTEL_FILE_MD5, PLAIN}, {"sha1-hash", INTEL_FILE_SHA1, PLAIN},
	{"sha256-hash", INTEL_FILE_SHA256, PLAIN}, {"file-md5", INTEL_FILE_MD5, PLAIN},
	{"file-sha1", INTEL_FILE_SHA1, PLAIN}, {"file-sha256", INTEL_FILE_SHA256, PLAIN},
	{"filehash-md5", INTEL_FILE_MD5, PLAIN}, {"filehash-sha1", INTEL_FILE_SHA1, PLAIN},
	{"filehash-sha256", INTEL_FILE_SHA256, PLAIN}, {"filename-md5", INTEL_FILE_MD5, SECOND},
	{"filename-sha1", INTEL_FILE_SHA1, SECOND}, {"filename-sha256", INTEL_FILE_SHA256, SECOND}};

void word_dashed(struct span word, char ret[static WORD_BYTES])
{
	size_t len = 0;
	if (span_begins(word, "Intel::"))
		word = (struct span){word.ptr + 7, word.len - 7};
	for (size_t i = 0; i < word.len && len + 1 < WORD_BYTES; i++)
		ret[len++] = isalnum(word.ptr[i]) ? (char)tolower(word.ptr[i]) : '-';
	ret[len] = '\0';
}

bool draft_hash(struct draft *d, bool certificate)
{
	static const enum intel_kind file[] = {INTEL_FILE_MD5, INTEL_FILE_SHA1, INTEL_FILE_SHA256},
				     cert[] = {INTEL_CERT_MD5, INTEL_CERT_SHA1, INTEL_CERT_SHA256};
	struct span value = span_trim(d->value);
	for (size_t i = 0; i < value.len; i++)
		if (scan_hex(value.ptr[i]) > 15)
			return false;
	for (size_t i = 0; i < ARRAY_LEN(file); i++)
		if (value.len == 2 * key_size(file[i])) {
			d->kind = certificate ? cert[i] : file[i];
			return true;
		}
	return false;
}

/* Cuts "|443" or ":443" off. */
static bool take_port(struct draft *d)
{
	uint64_t port = 0;
	size_t at = d->value.len;
	while (at > 0 && d->value.ptr[at - 1] != '|' && d->value.ptr[at - 1] != ':')
		at--;
	struct span digits = {d->value.ptr + at, d->value.len - at};
	if (at < 2 || scan_max(digits, UINT16_MAX, &port) < 0)
		return false;
	d->value.len = at - 1;
	d->port = (uint16_t)port;
	return true;
}

static bool take_pair(struct draft *d, struct draft *more)
{
	struct span rest = d->value, first = {0};
	if (!span_has(rest, '|') || !span_next(&rest, '|', &first))
		return false;
	*more = *d;
	more->kind = INTEL_ADDRESS;
	more->value = rest;
	d->value = first;
	return true;
}

bool draft_word(struct draft *d, struct span word, struct draft *more)
{
	char text[WORD_BYTES];
	word_dashed(word, text);
	more->value = (struct span){0};
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strcmp(words[i].word, text) != 0)
			continue;
		d->kind = words[i].kind;
		struct span rest = d->value;
		switch (words[i].how) {
		case HASH:
			return draft_hash(d, false);
		case CERTIFICATE:
			return draft_hash(d, true);
		case BELOW:
			d->below = true;
			return true;
		case PORT:
			return take_port(d);
		case PAIR:
			return take_pair(d, more);
		case SECOND:
			d->value.len = 0;
			while (rest.len > 0 && span_has(rest, '|'))
				(void)span_next(&rest, '|', &d->value);
			d->value = rest;
			return true;
		case PLAIN:
			return true;
		}
	}
	return false;
}

bool draft_guess(struct draft *d)
{
	struct key key;
	struct entry entry;
	if (span_has(d->value, ':') && (span_find(d->value, "://") < d->value.len ||
					       span_find(d->value, "[:]//") < d->value.len)) {
		d->kind = INTEL_URL;
		return true;
	}
	if (draft_hash(d, false))
		return true;
	struct cidr c;
	struct addr a;
	char text[ADDR_TEXT_BYTES + 8];
	if (scan_addr(d->value, &a) == 0) {
		d->kind = INTEL_ADDRESS;
		return true;
	}
	if (d->value.len < sizeof text && span_has(d->value, '/')) {
		/* also such as will be refused with their reason */
		memcpy(text, d->value.ptr, d->value.len);
		text[d->value.len] = '\0';
		if (cidr_parse(text, &c) == 0) {
			d->kind = INTEL_NETWORK;
			return true;
		}
	}
	d->kind = INTEL_NAME;
	return draft_key(d, &key, &entry) == NULL;
}

bool draft_confidence(struct draft *d, struct span text)
{
	static const struct {
		const char *word;
		int confidence;
	} levels[] = {
		{"high", 85}, {"medium", 50}, {"low", 15}, {"none", 0}}; /* STIX 2.1, A: N/M/L/H */
	uint64_t n = 0;
	if (scan_max(text, 100, &n) == 0) {
		d->confidence = (int)n;
		return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(levels); i++)
		if (span_is_nocase(text, levels[i].word)) {
			d->confidence = levels[i].confidence;
			return true;
		}
	return false;
}

enum intel_tlp tlp_of(struct span text)
{
	static const struct {
		const char *word;
		enum intel_tlp tlp;
	} words_of[] = {{"clear", TLP_CLEAR}, {"white", TLP_CLEAR}, {"green", TLP_GREEN},
		{"amber", TLP_AMBER}, {"amber+strict", TLP_AMBER_STRICT},
		{"amber-strict", TLP_AMBER_STRICT}, {"red", TLP_RED}};
	if (text.len > 4 && span_is_nocase((struct span){text.ptr, 4}, "tlp:"))
		text = (struct span){text.ptr + 4, text.len - 4};
	for (size_t i = 0; i < ARRAY_LEN(words_of); i++)
		if (span_is_nocase(text, words_of[i].word))
			return words_of[i].tlp;
	return TLP_NONE;
}

bool draft_until(struct draft *d, struct span text)
{
	int64_t ns = 0;
	char day[32];
	if (scan_time(text, &ns) < 0) {
		if (text.len != 10)
			return false;
		(void)snprintf(day, sizeof day, "%.10sT00:00:00", (const char *)text.ptr);
		if (scan_iso(span_of(day), &ns) < 0)
			return false;
	}
	d->until_s = ns / NS_PER_S;
	return d->until_s > 0;
}
