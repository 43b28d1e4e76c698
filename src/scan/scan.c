#include "scan/scan.h"

#include <errno.h>
#include <magic.h>
#include <nettle/md5.h>
#include <nettle/sha1.h>
#include <nettle/sha2.h>
#include <stdarg.h>
#include <string.h>

#include "base/digest.h"
#include "base/out.h"
#include "scan/scan_private.h"

/* A file's type shows in its first part: the furthest mark is that of ISO 9660, at 32 KB. */
#define TYPE_BYTES ((size_t)64 << 10)
#define ITEMS_MAX  16u

struct scanner {
	struct scan_options options;
	struct yara *yara; /* NULL: no rules */
	magic_t magic;
};

const char *scan_by_name(enum scan_by by)
{
	static const char *const names[] = {"yara", "intel", "clamav"};
	return names[by];
}

void result_match(struct scan_result *r, enum scan_by by, const char *name, const char *text)
{
	if (r->matches == SCAN_MATCHES_MAX) {
		r->more++;
		return;
	}
	struct scan_match *m = &r->match[r->matches++];
	m->by = by;
	(void)snprintf(m->name, sizeof m->name, "%s", name);
	(void)snprintf(m->text, sizeof m->text, "%s", text);
}

/* The first one is told. */
void result_gap(struct scan_result *r, const char *fmt, ...)
{
	if (r->gap[0] != '\0')
		return;
	va_list args;
	va_start(args, fmt);
	(void)vsnprintf(r->gap, sizeof r->gap, fmt, args);
	va_end(args);
}

int scanner_new(struct scanner **ret, const struct scan_options *options, struct fail *why)
{
	struct scanner *s = calloc(1, sizeof *s);
	if (s == NULL)
		return fail_set(why, -ENOMEM, "out of memory");
	s->options = *options;
	s->magic = magic_open(MAGIC_MIME_TYPE | MAGIC_NO_CHECK_COMPRESS);
	int err = 0;
	if (s->magic == NULL || magic_load(s->magic, NULL) != 0)
		err = fail_set(
			why, -ENOENT, "libmagic has no data base of types: install libmagic-mgc");
	if (err == 0 && options->rules_count > 0)
		err = yara_new(&s->yara, options, why);
	if (err == 0 && options->clamd != NULL)
		err = clamd_ping(options->clamd, options->timeout_s, why);
	if (err < 0)
		scanner_free(s);
	else
		*ret = s;
	return err;
}

void scanner_free(struct scanner *s)
{
	if (s == NULL)
		return;
	yara_free(s->yara);
	if (s->magic != NULL)
		magic_close(s->magic);
	free(s);
}

size_t scanner_rules(const struct scanner *s)
{
	return s->yara == NULL ? 0 : yara_rules(s->yara);
}

static bool asks_for(const struct intel *set, enum intel_kind kind)
{
	return set != NULL && intel_count_of(set, kind) > 0;
}

/* The two old ones cost as much as rules do: only for lists that have some. */
static void take_hashes(const struct intel *set, struct span bytes, struct scan_result *r)
{
	struct md5_ctx md5;
	struct sha1_ctx sha1;
	struct sha256_ctx sha256;
	uint8_t digest[SHA256_DIGEST_SIZE];
	if (asks_for(set, INTEL_FILE_MD5)) {
		md5_init(&md5);
		md5_update(&md5, bytes.len, bytes.ptr);
		md5_digest(&md5, MD5_DIGEST_SIZE, digest);
		hex_text(r->md5, digest, MD5_DIGEST_SIZE);
	}
	if (asks_for(set, INTEL_FILE_SHA1)) {
		sha1_init(&sha1);
		sha1_update(&sha1, bytes.len, bytes.ptr);
		sha1_digest(&sha1, SHA1_DIGEST_SIZE, digest);
		hex_text(r->sha1, digest, SHA1_DIGEST_SIZE);
	}
	sha256_init(&sha256);
	sha256_update(&sha256, bytes.len, bytes.ptr);
	sha256_digest(&sha256, SHA256_DIGEST_SIZE, digest);
	hex_text(r->sha256, digest, SHA256_DIGEST_SIZE);
}

static void take_type(struct scanner *s, struct span bytes, struct scan_result *r)
{
	struct out text = {0};
	const char *type =
		magic_buffer(s->magic, bytes.ptr, bytes.len < TYPE_BYTES ? bytes.len : TYPE_BYTES);
	if (type != NULL)
		out_safe(&text, type, SCAN_NAME_BYTES / 4);
	(void)snprintf(r->type, sizeof r->type, "%s", out_string(&text));
	out_fini(&text);
}

static void look_up(const struct intel *set, struct scan_result *r)
{
	const struct {
		enum intel_kind kind;
		const char *hash;
	} hashes[] = {{INTEL_FILE_SHA256, r->sha256}, {INTEL_FILE_SHA1, r->sha1},
		{INTEL_FILE_MD5, r->md5}};
	uint32_t item[ITEMS_MAX];
	struct out name = {0}, text = {0};
	for (size_t i = 0; i < ARRAY_LEN(hashes); i++) {
		size_t count =
			intel_find_text(set, hashes[i].kind, hashes[i].hash, item, ITEMS_MAX);
		for (size_t k = 0; k < count; k++) {
			out_clear(&name);
			out_clear(&text);
			intel_say(&name, set, item[k]);
			intel_say_item(&text, set, item[k]);
			result_match(r, SCAN_INTEL, out_string(&name), out_string(&text));
		}
	}
	out_fini(&name);
	out_fini(&text);
}

void scan_bytes(struct scanner *s, struct span bytes, struct scan_result *ret)
{
	*ret = (struct scan_result){.bytes = bytes.len};
	take_hashes(s->options.intel, bytes, ret);
	take_type(s, bytes, ret);
	if (s->options.intel != NULL)
		look_up(s->options.intel, ret);
	if (s->yara != NULL)
		yara_scan(s->yara, bytes, ret);
	if (s->options.clamd != NULL)
		clamd_scan(s->options.clamd, s->options.timeout_s, bytes, ret);
}
