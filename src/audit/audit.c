/* Findings, and their ids. */
#include "audit/audit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/scan.h"

#define TEXT_BYTES ((size_t)32 << 20)
#define SLOTS      ((size_t)65536) /* a power of two, over twice AUDIT_FINDINGS_MAX */
#define WORDS_MAX  1024u
#define DATE_BYTES 10u

const struct audit_kind_row audit_kinds[AUDIT_KINDS] = {
#define AUDIT(number, id, level, summary, remedy) {id, summary, remedy, AUDIT_##level},
#include "audit/kinds.def"
#undef AUDIT
};

const char *audit_level_name(enum audit_level level)
{
	static const char *const names[] = {"note", "warning", "error"};
	return names[level];
}

struct seen { /* how many findings have the key */
	uint64_t key;
	uint32_t count;
};

struct audit {
	struct arena arena;
	const char *file;
	struct audit_finding *first, **end;
	struct seen *slot;
	size_t count, refused;
};

int audit_new(struct audit **ret)
{
	struct audit *a = calloc(1, sizeof *a);
	if (a == NULL)
		return -ENOMEM;
	a->end = &a->first;
	a->slot = calloc(SLOTS, sizeof *a->slot);
	if (a->slot == NULL || arena_init(&a->arena, TEXT_BYTES) < 0) {
		free(a->slot);
		free(a);
		return -ENOMEM;
	}
	*ret = a;
	return 0;
}

void audit_free(struct audit *a)
{
	if (a == NULL)
		return;
	arena_fini(&a->arena);
	free(a->slot);
	free(a);
}

static const char *copy(struct audit *a, const char *text, size_t max)
{
	size_t len = text == NULL ? 0 : strnlen(text, max);
	char *to = text == NULL ? NULL : ARENA_NEW(&a->arena, char, len + 1);
	if (to != NULL && len > 0)
		memcpy(to, text, len);
	return to;
}

void audit_set_file(struct audit *a, const char *file)
{
	a->file = copy(a, file, WORDS_MAX);
}

const char *audit_file(const struct audit *a)
{
	return a->file;
}

/* One key for all runs: an id is to be the same tomorrow, and no table's order depends on it. */
static uint64_t hash_of(enum audit_kind kind, const char *key, uint32_t nth)
{
	static const struct hash_key fixed = {UINT64_C(0x706f737465726e01), 1};
	const char *id = audit_kinds[kind].id;
	const uint64_t part[3] = {
		hash_bytes(&fixed, key, strlen(key)), hash_bytes(&fixed, id, strlen(id)), nth};
	return hash_bytes(&fixed, part, sizeof part);
}

/* How many there were before with this hash. */
static uint32_t count_key(struct audit *a, uint64_t key)
{
	size_t at = (size_t)key & (SLOTS - 1);
	while (a->slot[at].count > 0 && a->slot[at].key != key)
		at = (at + 1) & (SLOTS - 1);
	a->slot[at].key = key;
	return a->slot[at].count++;
}

void audit_add(struct audit *a, const struct audit_finding *f, const char *key)
{
	struct audit_finding *new = a->count < AUDIT_FINDINGS_MAX
	                                    ? ARENA_NEW(&a->arena, struct audit_finding, 1)
	                                    : NULL;
	if (new == NULL) {
		a->refused++;
		return;
	}
	uint32_t before = count_key(a, hash_of(f->kind, key, 0));
	*new = (struct audit_finding){.kind = f->kind,
		.line = f->line,
		.file = a->file,
		.place = copy(a, f->place, WORDS_MAX),
		.rule = copy(a, f->rule, WORDS_MAX),
		.words = copy(a, f->words, WORDS_MAX),
		.passes = copy(a, f->passes, WORDS_MAX),
		.shut = copy(a, f->shut, WORDS_MAX),
		.owner = copy(a, f->owner, WORDS_MAX),
		.since = copy(a, f->since, WORDS_MAX)};
	(void)snprintf(new->id, sizeof new->id, "%s-%016llx", audit_kinds[f->kind].id,
		(unsigned long long)hash_of(f->kind, key, before));
	*a->end = new;
	a->end = &new->next;
	a->count++;
}

struct audit_finding *audit_first(const struct audit *a)
{
	return a->first;
}

size_t audit_count(const struct audit *a)
{
	return a->count;
}

size_t audit_refused(const struct audit *a)
{
	return a->refused;
}

/* ---- comments ---- */

static bool is_date(const char *text)
{
	static const char form[] = "0000-00-00";
	for (size_t i = 0; i < DATE_BYTES; i++)
		if (form[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
			return false;
	return true;
}

void audit_read_comment(struct audit *a, const char *comment, struct audit_finding *ret)
{
	static const char *const marks[] = {"owner=", "owner: ", "owner:"};
	if (comment == NULL)
		return;
	for (size_t i = 0; i < ARRAY_LEN(marks) && ret->owner == NULL; i++) {
		const char *at = strstr(comment, marks[i]);
		if (at == NULL)
			continue;
		at += strlen(marks[i]);
		ret->owner = copy(a, at, strcspn(at, " ,;\"'"));
	}
	for (const char *at = comment; ret->since == NULL && strlen(at) >= DATE_BYTES; at++)
		if (is_date(at))
			ret->since = copy(a, at, DATE_BYTES);
}
