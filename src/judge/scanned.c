#include "judge/scanned.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/grow.h"
#include "base/json.h"
#include "base/scan.h"
#include "judge/judge_private.h"

#define TOLD_MAX     3u
#define NAME_BYTES   120u
#define RULE_BYTES   80u
#define SHA256_CHARS 64u

struct file {
	struct addr to, from;
	int64_t at_ns;
	uint64_t bytes;
	char sha256[SHA256_CHARS + 1];
	char name[NAME_BYTES], rule[RULE_BYTES], protocol[8]; /* safe to print */
};

struct scanned {
	struct file *file; /* by host, then time */
	size_t files, room;
	uint64_t refused;
};

enum { TYPE, AT, TO, FROM, HOST, URI, MEMBER, BYTES, SHA256, PROTOCOL, MATCHES, KEYS };
enum { BY, NAME, MATCH_KEYS };

struct parser {
	struct json *json;
	struct json_keys *keys, *match_keys;
	struct scanned *ret;
};

/* ---- reading ---- */

static void copy_safe(char *ret, size_t room, const struct span *part, size_t parts)
{
	struct out text = {0};
	for (size_t i = 0; i < parts; i++) {
		struct out raw = {0};
		out_printf(&raw, "%.*s", (int)(part[i].len < room ? part[i].len : room),
			part[i].len == 0 ? "" : (const char *)part[i].ptr);
		out_safe(&text, out_string(&raw), room);
		out_fini(&raw);
	}
	(void)snprintf(ret, room, "%s", out_string(&text));
	out_fini(&text);
}

static bool is_hash(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (scan_hex(s.ptr[i]) == 16)
			return false;
	return s.len == SHA256_CHARS;
}

/* "yara: own_mark", of the first match; false: there is none. */
static bool take_rule(const struct parser *p, const struct json_value *matches, struct file *ret)
{
	struct json_value item = {0}, slot[MATCH_KEYS];
	if (matches->type != JSON_ARRAY || !json_each(p->json, matches, &item) ||
		json_pick(p->json, p->match_keys, &item, slot) != NULL)
		return false;
	const struct span part[] = {slot[BY].text, span_of(": "), slot[NAME].text};
	copy_safe(ret->rule, sizeof ret->rule, part, ARRAY_LEN(part));
	return slot[NAME].text.len > 0;
}

/* False: it is no file that somebody received and that matches. */
static bool take_file(const struct parser *p, const struct json_value *v, struct file *ret)
{
	bool member = v[MEMBER].text.len > 0;
	const struct span name[] = {
		v[HOST].text, v[URI].text, span_of(member ? " > " : ""), v[MEMBER].text};
	if (v[TYPE].type != JSON_STRING || !span_is(v[TYPE].text, "file") ||
		scan_time(v[AT].text, &ret->at_ns) < 0 || scan_addr(v[TO].text, &ret->to) < 0 ||
		scan_addr(v[FROM].text, &ret->from) < 0 || !is_hash(v[SHA256].text) ||
		scan_u64(v[BYTES].text, &ret->bytes) < 0)
		return false;
	copy_safe(ret->sha256, sizeof ret->sha256, &v[SHA256].text, 1);
	copy_safe(ret->protocol, sizeof ret->protocol, &v[PROTOCOL].text, 1);
	copy_safe(ret->name, sizeof ret->name, name, ARRAY_LEN(name));
	return take_rule(p, &v[MATCHES], ret); /* last: what was picked is then gone */
}

static int add_line(struct parser *p, struct span line, struct fail *why)
{
	struct json_value root, slot[KEYS];
	struct file file = {0};
	const char *wrong = json_read(p->json, line, &root);
	if (wrong == NULL)
		wrong = json_pick(p->json, p->keys, &root, slot);
	if (wrong != NULL)
		return fail_set(why, -EINVAL, "%s", wrong);
	if (!take_file(p, slot, &file))
		return 0;
	struct scanned *s = p->ret;
	if (s->files == SCANNED_FILES_MAX) {
		s->refused++;
		return 0;
	}
	struct file *grown = grow_array(s->file, s->files, &s->room, 64, sizeof *grown);
	if (grown == NULL)
		return fail_set(why, -ENOMEM, "out of memory");
	s->file = grown;
	s->file[s->files++] = file;
	return 0;
}

static int by_host(const void *a, const void *b)
{
	const struct file *x = a, *y = b;
	int order = addr_cmp(&x->to, &y->to);
	if (order != 0)
		return order;
	if (x->at_ns != y->at_ns)
		return x->at_ns < y->at_ns ? -1 : 1;
	return strcmp(x->sha256, y->sha256);
}

static int read_lines(struct parser *p, const char *name, struct span text, struct fail *why)
{
	struct span line;
	struct fail inner = {0};
	for (size_t number = 1; span_next(&text, '\n', &line); number++) {
		line = span_trim(line);
		int err = line.len == 0 ? 0 : add_line(p, line, &inner);
		if (err == -ENOMEM)
			return fail_set(why, err, "%s", inner.text);
		if (err < 0)
			return fail_set(why, err, "%s:%zu: not what scan --json writes: %s", name,
				number, inner.text);
	}
	return 0;
}

int scanned_parse(struct scanned **ret, const char *name, struct cur text, struct fail *why)
{
	static const char *const keys[KEYS] = {"type", "at", "to.address", "from.address", "host",
		"uri", "member", "bytes", "sha256", "protocol", "matches"};
	static const char *const match_keys[MATCH_KEYS] = {"by", "name"};
	struct scanned *s = calloc(1, sizeof *s);
	struct parser p = {.ret = s};
	int err = 0;
	if (s == NULL)
		return fail_set(why, -ENOMEM, "out of memory");
	if (text.len > SCANNED_BYTES_MAX)
		err = fail_set(
			why, -E2BIG, "%s: larger than %zu MB", name, SCANNED_BYTES_MAX >> 20);
	else if (json_new(&p.json) < 0 || json_keys_new(&p.keys, keys, KEYS) < 0 ||
		 json_keys_new(&p.match_keys, match_keys, MATCH_KEYS) < 0)
		err = fail_set(why, -ENOMEM, "out of memory");
	else
		err = read_lines(&p, name, (struct span){text.ptr, text.len}, why);
	json_keys_free(p.match_keys);
	json_keys_free(p.keys);
	json_free(p.json);
	if (err < 0) {
		scanned_free(s);
		return err;
	}
	if (s->files > 1)
		qsort(s->file, s->files, sizeof *s->file, by_host);
	*ret = s;
	return 0;
}

void scanned_free(struct scanned *s)
{
	if (s == NULL)
		return;
	free(s->file);
	free(s);
}

size_t scanned_count(const struct scanned *s)
{
	return s->files;
}

uint64_t scanned_refused(const struct scanned *s)
{
	return s->refused;
}

/* ---- telling ---- */

/* The number of files that sort before (host, at_ns), or before what is at that time. */
static size_t before(const struct scanned *s, const struct addr *host, int64_t at_ns)
{
	size_t low = 0, high = s->files;
	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = addr_cmp(&s->file[middle].to, host);
		if (order < 0 || (order == 0 && s->file[middle].at_ns < at_ns))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The first channel that the host opened after that; NULL: none. */
static const struct finding_channel *opened_after(const struct finding *f, int64_t at_ns)
{
	const struct finding_channel *first = NULL;
	for (size_t i = 0; i < f->channels; i++) {
		const struct finding_channel *c = &f->channel[i];
		if (c->first_ns >= at_ns && c->first_ns - at_ns <= SCANNED_BEFORE_NS &&
			(first == NULL || c->first_ns < first->first_ns))
			first = c;
	}
	return first;
}

static void tell(struct finding *f, const struct file *file, const struct finding_channel *c)
{
	char from[ADDR_TEXT_BYTES];
	struct out endpoint = {0};
	out_safe(&endpoint, c->endpoint == NULL ? "" : c->endpoint, NAME_BYTES);
	evidence_add(f, "malware", 0,
		"%.1f s before it first spoke to %s, this host received %s (%" PRIu64
		" bytes, sha256 %s, %s) from %s by %s",
		(double)(c->first_ns - file->at_ns) / 1e9, out_string(&endpoint),
		file->name[0] == '\0' ? "a file" : file->name, file->bytes, file->sha256,
		file->rule, addr_text(&file->from, from), file->protocol);
	out_fini(&endpoint);
}

void scanned_tell(struct finding *f, const struct scanned *s)
{
	size_t told = 0;
	for (size_t i = before(s, &f->host, INT64_MAX); i > 0 && told < TOLD_MAX; i--) {
		const struct file *file = &s->file[i - 1];
		if (!addr_eq(&file->to, &f->host))
			break;
		const struct finding_channel *c = opened_after(f, file->at_ns);
		if (c == NULL)
			continue;
		tell(f, file, c);
		told++;
	}
}
