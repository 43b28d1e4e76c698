/* What an earlier run said: its JSON Lines, a finding or an answer each. */
#include <errno.h>
#include <string.h>

#include "audit/audit.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/scan.h"

#define TEXT_BYTES ((size_t)64 << 20)
#define OLD_MAX    ((size_t)65536) /* answers and findings */
#define SLOTS      (2 * OLD_MAX)   /* a power of two */
#define WORDS_MAX  1024u

enum { TYPE, ID, KIND, FILE_NAME, TEXT, PLACE, PATH, SUBNET, POLICY, ZONE, FLOW, VERDICT, MEMBERS };
static const char *const members[MEMBERS] = {"type", "id", "kind", "file", "text", "place", "path",
	"subnet", "policy", "zone", "flow", "verdict"};

struct old {
	const char *key; /* a finding's id; an answer's place and flow */
	bool answer, seen;
	uint32_t times; /* an answer of this key, asked for so far; while it is read: there are */
	const char *kind, *file, *text; /* text: an answer's verdict */
};

struct audit_since {
	struct arena arena;
	struct hash_key hash;
	struct old *old;
	uint32_t *slot; /* index + 1 */
	size_t count;
};

void audit_since_free(struct audit_since *s)
{
	if (s == NULL)
		return;
	arena_fini(&s->arena);
	free(s->old);
	free(s->slot);
	free(s);
}

static struct old *find(const struct audit_since *s, const char *key, bool answer, size_t *ret_slot)
{
	size_t at = (size_t)hash_bytes(&s->hash, key, strlen(key)) & (SLOTS - 1);
	for (; s->slot[at] != 0; at = (at + 1) & (SLOTS - 1)) {
		struct old *old = &s->old[s->slot[at] - 1];
		if (old->answer == answer && strcmp(old->key, key) == 0)
			return old;
	}
	*ret_slot = at;
	return NULL;
}

static const char *copy(struct audit_since *s, struct span text)
{
	char raw[WORDS_MAX];
	struct out safe = {0};
	size_t len = text.len < sizeof raw - 1 ? text.len : sizeof raw - 1;
	if (len > 0)
		memcpy(raw, text.ptr, len);
	raw[len] = '\0';
	out_safe(&safe, raw, sizeof raw);
	char *to = ARENA_NEW(&s->arena, char, safe.len + 1);
	if (to != NULL)
		memcpy(to, out_string(&safe), safe.len + 1);
	out_fini(&safe);
	return to;
}

/* nth: from 0; the first stands for all of its key, and counts them. */
static const char *key_of_answer(struct out *o, const char *place, const char *flow, uint32_t nth)
{
	out_clear(o);
	out_printf(o, "%s | %s", place == NULL ? "" : place, flow == NULL ? "" : flow);
	if (nth > 0)
		out_printf(o, " | %u", nth);
	return out_string(o);
}

/* Fails: -E2BIG. */
static int add(struct audit_since *s, const struct old *old)
{
	size_t slot = 0;
	if (old->key == NULL || old->text == NULL || s->count == OLD_MAX)
		return -E2BIG;
	if (find(s, old->key, old->answer, &slot) != NULL)
		return 0;
	s->old[s->count++] = *old;
	s->slot[slot] = (uint32_t)s->count;
	return 0;
}

static int add_answer(struct audit_since *s, const struct json_value *v)
{
	struct out key = {0};
	struct span place = {0};
	for (int i = PATH; i <= ZONE; i++)
		if (v[i].type == JSON_STRING)
			place = v[i].text;
	const char *from = copy(s, place), *flow = copy(s, v[FLOW].text);
	size_t slot;
	struct old *first = find(s, key_of_answer(&key, from, flow, 0), true, &slot);
	uint32_t nth = first == NULL ? 0 : ++first->times;
	const char *text = key_of_answer(&key, from, flow, nth);
	struct old old = {
		.key = copy(s, span_of(text)), .answer = true, .text = copy(s, v[VERDICT].text)};
	out_fini(&key);
	return add(s, &old);
}

static int add_finding(struct audit_since *s, const struct json_value *v)
{
	struct old old = {.key = copy(s, v[ID].text),
		.kind = copy(s, v[KIND].text),
		.file = copy(s, v[FILE_NAME].text),
		.text = copy(s, v[TEXT].text)};
	return v[ID].type == JSON_STRING ? add(s, &old) : -EINVAL;
}

static int read_lines(struct audit_since *s, struct json *json, const struct json_keys *keys,
	struct span rest, struct fail *why)
{
	struct span line;
	int err = 0;
	for (unsigned long at = 1; err == 0 && span_next(&rest, '\n', &line); at++) {
		struct json_value root, v[MEMBERS];
		if (span_trim(line).len == 0)
			continue;
		const char *wrong = json_read(json, line, &root);
		if (wrong == NULL)
			wrong = json_pick(json, keys, &root, v);
		if (wrong != NULL)
			return fail_set(
				why, -EINVAL, "%lu: %s: give what audit --json printed", at, wrong);
		if (span_is(v[TYPE].text, "answer"))
			err = add_answer(s, v);
		else if (span_is(v[TYPE].text, "finding"))
			err = add_finding(s, v);
		if (err < 0)
			return fail_set(why, err,
				err == -E2BIG ? "%lu: too many findings and answers"
					      : "%lu: a finding without id: give what audit "
						"--json printed",
				at);
	}
	return 0;
}

int audit_since_read(struct audit_since **ret, struct cur text, struct fail *why)
{
	struct span all = cur_bytes(&text, text.len);
	struct json *json = NULL;
	struct json_keys *keys = NULL;
	if (all.len > AUDIT_SINCE_BYTES_MAX)
		return fail_set(why, -E2BIG, "1: over %zu MB", AUDIT_SINCE_BYTES_MAX >> 20);
	struct audit_since *s = calloc(1, sizeof *s);
	if (s == NULL)
		return fail_set(why, -ENOMEM, "out of memory");
	s->hash = hash_key_new();
	s->old = calloc(OLD_MAX, sizeof *s->old);
	s->slot = calloc(SLOTS, sizeof *s->slot);
	size_t room = ((size_t)1 << 20) + all.len / 16 * 128;
	room = room < TEXT_BYTES ? room : TEXT_BYTES;
	int err = s->old == NULL || s->slot == NULL || arena_init(&s->arena, room) < 0 ||
	                          json_new(&json) < 0 || json_keys_new(&keys, members, MEMBERS) < 0
	                  ? fail_set(why, -ENOMEM, "out of memory")
	                  : read_lines(s, json, keys, all, why);
	json_keys_free(keys);
	json_free(json);
	for (size_t i = 0; i < s->count && s->old != NULL; i++)
		s->old[i].times = 0; /* counted anew, while they are asked for */
	if (err == 0)
		*ret = s;
	else
		audit_since_free(s);
	return err;
}

size_t audit_since_mark(struct audit_since *s, const struct audit *a)
{
	size_t fresh = 0, slot;
	for (struct audit_finding *f = audit_first(a); f != NULL; f = f->next) {
		struct old *old = find(s, f->id, false, &slot);
		f->fresh = old == NULL;
		fresh += f->fresh;
		if (old != NULL)
			old->seen = true;
	}
	return fresh;
}

bool audit_since_gone(const struct audit_since *s, size_t *at, struct audit_gone *ret)
{
	while (*at < s->count) {
		const struct old *old = &s->old[(*at)++];
		if (old->answer || old->seen)
			continue;
		*ret = (struct audit_gone){
			.id = old->key, .kind = old->kind, .file = old->file, .text = old->text};
		return true;
	}
	return false;
}

const char *audit_since_answer(struct audit_since *s, const char *place, const char *flow)
{
	struct out key = {0};
	size_t slot;
	struct old *first = find(s, key_of_answer(&key, place, flow, 0), true, &slot);
	uint32_t nth = first == NULL ? 0 : first->times++;
	const struct old *old =
		nth == 0 ? first : find(s, key_of_answer(&key, place, flow, nth), true, &slot);
	out_fini(&key);
	return old == NULL ? NULL : old->text;
}
