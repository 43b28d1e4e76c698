#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/scan.h"
#include "scan/scan_private.h"

enum {
	TYPE,
	AT,
	BEGUN,
	IFACE,
	CLAMD,
	RULES,
	INDICATORS,
	RULES_NEWEST,
	LISTS_NEWEST,
	FILES,
	MATCHING,
	GAPS,
	FILES_LOST,
	PACKETS_LOST,
	MATCHED,
	MATCH,
	SHA256,
	KEYS
};

static void take_text(char *ret, size_t room, const struct json_value *v)
{
	struct out raw = {0}, text = {0};
	if (v->type == JSON_STRING && v->text.len > 0)
		out_printf(&raw, "%.*s", (int)(v->text.len < room ? v->text.len : room),
			(const char *)v->text.ptr);
	out_safe(&text, out_string(&raw), room - 1);
	(void)snprintf(ret, room, "%s", out_string(&text));
	out_fini(&text);
	out_fini(&raw);
}

/* False: it is there and is none. */
static bool take_count(uint64_t *ret, const struct json_value *v)
{
	return v->type == JSON_NUMBER && scan_u64(v->text, ret) == 0;
}

static bool take_time(int64_t *ret, const struct json_value *v)
{
	return v->type == JSON_ABSENT || v->type == JSON_NULL ||
	       (v->type == JSON_STRING && scan_iso(v->text, ret) == 0);
}

static const char *take(struct scan_state *s, const struct json_value *v)
{
	const struct {
		int key;
		uint64_t *count;
	} counts[] = {{RULES, &s->rules}, {INDICATORS, &s->indicators}, {FILES, &s->files},
		{MATCHING, &s->matching}, {GAPS, &s->gaps}, {FILES_LOST, &s->files_lost},
		{PACKETS_LOST, &s->packets_lost}};
	const struct {
		int key;
		int64_t *at_ns;
	} times[] = {{AT, &s->at_ns}, {BEGUN, &s->begun_ns}, {RULES_NEWEST, &s->rules_ns},
		{LISTS_NEWEST, &s->lists_ns}, {MATCHED, &s->matched_ns}};
	if (!span_is(v[TYPE].text, "scan-state"))
		return "its type is not scan-state";
	for (size_t i = 0; i < ARRAY_LEN(counts); i++)
		if (!take_count(counts[i].count, &v[counts[i].key]))
			return "a number is missing or is none";
	for (size_t i = 0; i < ARRAY_LEN(times); i++)
		if (!take_time(times[i].at_ns, &v[times[i].key]))
			return "a time is none";
	if (s->at_ns == 0)
		return "it does not say when it was written";
	s->clamd = span_is(v[CLAMD].text, "true");
	take_text(s->iface, sizeof s->iface, &v[IFACE]);
	take_text(s->match, sizeof s->match, &v[MATCH]);
	take_text(s->sha256, sizeof s->sha256, &v[SHA256]);
	return NULL;
}

int scan_state_parse(struct scan_state *ret, const char *name, struct cur text, struct fail *why)
{
	static const char *const keys[KEYS] = {"type", "at", "begun", "interface", "clamd", "rules",
		"indicators", "rules_newest", "lists_newest", "files", "matching", "gaps",
		"files_lost", "packets_lost", "last_match.at", "last_match.name",
		"last_match.sha256"};
	struct json *json = NULL;
	struct json_keys *wanted = NULL;
	struct json_value root, slot[KEYS];
	struct scan_state s = {0};
	int err = 0;
	if (text.len > SCAN_STATE_BYTES_MAX)
		return fail_set(why, -E2BIG, "%s: too large for the state of a scan", name);
	if (json_new(&json) < 0 || json_keys_new(&wanted, keys, KEYS) < 0) {
		err = fail_set(why, -ENOMEM, "out of memory");
	} else {
		const char *wrong =
			json_read(json, span_trim((struct span){text.ptr, text.len}), &root);
		wrong = wrong == NULL ? json_pick(json, wanted, &root, slot) : wrong;
		wrong = wrong == NULL ? take(&s, slot) : wrong;
		if (wrong != NULL)
			err = fail_set(
				why, -EINVAL, "%s: not what scan --state writes: %s", name, wrong);
	}
	json_keys_free(wanted);
	json_free(json);
	if (err == 0)
		*ret = s;
	return err;
}
