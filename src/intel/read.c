#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "intel/reader.h"

struct intel_builder {
	struct intel *set;
};

static const struct reader *const readers[] = {
#define READER(name) &reader_##name,
#include "intel/readers.def"
#undef READER
};

int intel_builder_new(struct intel_builder **ret)
{
	struct intel_builder *b = calloc(1, sizeof *b);
	struct intel *set = calloc(1, sizeof *set);
	if (b == NULL || set == NULL) {
		free(b);
		free(set);
		return -ENOMEM;
	}
	b->set = set;
	for (size_t i = 0; i < INTEL_KINDS; i++)
		set->hash[i] = hash_key_new();
	if (strings_new(&set->notes, NOTES_BYTES_MAX, NOTES_COUNT_MAX) < 0 ||
		strings_new(&set->origins, ORIGINS_COUNT_MAX * (sizeof(struct origin) + 8),
			ORIGINS_COUNT_MAX) < 0) {
		intel_builder_free(b);
		return -ENOMEM;
	}
	*ret = b;
	return 0;
}

void intel_builder_free(struct intel_builder *b)
{
	if (b == NULL)
		return;
	intel_free(b->set);
	free(b);
}

size_t intel_builder_files(const struct intel_builder *b)
{
	return b->set->files;
}

const struct intel_file *intel_builder_file(const struct intel_builder *b, size_t index)
{
	CHECK(index < b->set->files);
	return b->set->file[index];
}

int intel_seal(struct intel **ret, struct intel_builder *b)
{
	struct intel *set = b->set;
	free(b);
	if (set_seal(set) < 0 || networks_make(set) < 0) {
		intel_free(set);
		return -ENOMEM;
	}
	*ret = set;
	return 0;
}

/* ---- one file ---- */

static struct intel_file *file_new(struct intel *set, const char *name)
{
	size_t len = strlen(name) + 1;
	struct intel_file *file = calloc(1, sizeof *file + len);
	if (file == NULL)
		return NULL;
	struct intel_file **more =
		realloc(set->file, (set->files + 1) * sizeof(struct intel_file *));
	if (more == NULL) {
		free(file);
		return NULL;
	}
	set->file = more;
	memcpy(file + 1, name, len);
	file->name = (const char *)(file + 1);
	set->file[set->files++] = file;
	return file;
}

static const struct reader *claimed_by(struct span text)
{
	struct span head = {text.ptr, text.len < CLAIM_BYTES ? text.len : CLAIM_BYTES};
	for (size_t i = 0; i < ARRAY_LEN(readers); i++)
		if (readers[i]->claims(head))
			return readers[i];
	return NULL;
}

/* As if each line were an indicator: memory that is not used is not touched. */
static int reserve_for(struct intel *set, struct span text)
{
	size_t lines = 1;
	for (struct span rest = text, line; span_next(&rest, '\n', &line);)
		lines++;
	return set_reserve(set, lines, text.len + lines * sizeof(struct entry));
}

int intel_read(struct intel_builder *b, const char *name, struct cur text, struct fail *why)
{
	static const uint8_t bom[] = {0xef, 0xbb, 0xbf};
	if (text.len > INTEL_BYTES_MAX)
		return fail_set(why, -E2BIG, "%s: larger than 2 GiB: split it", name);
	if (b->set->files == INTEL_FILES_MAX)
		return fail_set(why, -E2BIG, "%s: more than %u files", name, INTEL_FILES_MAX);
	if (text.len >= sizeof bom && memcmp(text.ptr, bom, sizeof bom) == 0)
		cur_skip(&text, sizeof bom);
	struct span all = cur_bytes(&text, text.len);
	const struct reader *reader = claimed_by(all);
	if (reader == NULL)
		return fail_set(why, -EPROTO,
			"%s: no list of indicators that is known (STIX 2.1, MISP, Zeek, CSV, "
			"iprep, hosts, one a line)",
			name);
	struct intel_file *file = file_new(b->set, name);
	if (file == NULL)
		return fail_set(why, -ENOMEM, "out of memory");
	file->format = reader->name;
	struct reading r = {.set = b->set,
		.file = file,
		.text = all,
		.number = (uint16_t)(b->set->files - 1),
		.at = all.ptr,
		.line = 1};
	int err = reserve_for(b->set, all);
	if (err < 0)
		return fail_set(why, err, "out of memory");
	err = reader->read(&r, why);
	if (err == 0 && r.err == -ENOMEM)
		err = fail_set(why, -ENOMEM, "out of memory");
	if (err == 0 && r.err == -E2BIG)
		err = fail_set(why, -E2BIG,
			"%s: more than %zu indicators, or 4 GiB of text, in all lists", name,
			INTEL_ITEMS_MAX);
	return err;
}

/* ---- what readers call ---- */

static uint32_t origin_for(struct reading *r, const struct draft *d, uint32_t group, size_t members)
{
	size_t len = d->note.len < NOTE_BYTES ? d->note.len : NOTE_BYTES;
	struct origin o = {.note = strings_add_bytes(r->set->notes, d->note.ptr, len),
		.group = group,
		.file = r->number,
		.port = d->port,
		.members = (uint8_t)members,
		.tlp = (uint8_t)d->tlp,
		.category = d->category,
		.confidence = (int8_t)d->confidence};
	if (r->origin_number != 0 && memcmp(&o, &r->origin, sizeof o) == 0)
		return r->origin_number; /* as the one before: so nearly always */
	uint32_t number = strings_add_bytes(r->set->origins, &o, sizeof o);
	r->origin = o;
	r->origin_number = number;
	if (number != 0 || group != 0 || d->port != 0)
		return number;
	o.note = 0; /* too many different ones: better without a note than not at all */
	o.confidence = -1;
	return strings_add_bytes(r->set->origins, &o, sizeof o);
}

static void count_taken(struct reading *r, const struct key *key, const struct draft *d)
{
	struct intel_file *f = r->file;
	f->taken[key->kind]++;
	if (d->until_s <= 0)
		return;
	f->expiring++;
	if (f->first_until_s == 0 || d->until_s < f->first_until_s)
		f->first_until_s = d->until_s;
	if (d->until_s > f->last_until_s)
		f->last_until_s = d->until_s;
}

static void add(struct reading *r, const struct draft *d, const struct key *key,
	struct entry *entry, uint32_t origin)
{
	if (origin == 0) {
		reading_skip(r, d->line, "no room for what lists say of their indicators");
		return;
	}
	entry->origin = origin & 0x3ffffff;
	int added = set_add(r->set, key, entry);
	if (added == -EEXIST)
		reading_skip(r, d->line, "%u other lists have it already", INTEL_SAME_MAX);
	else if (added < 0)
		r->err = added;
	else if (added == 0)
		r->file->repeated++;
	else
		count_taken(r, key, d);
}

void reading_take(struct reading *r, const struct draft *d)
{
	struct key key;
	struct entry entry;
	if (r->err < 0)
		return;
	const char *wrong = draft_key(d, &key, &entry);
	if (wrong != NULL)
		reading_skip(r, d->line, "%s", wrong);
	else
		add(r, d, &key, &entry, origin_for(r, d, 0, 0));
}

/* Whether one of those before it is the same thing: the set keeps it once, and counts it once. */
static bool is_said_before(const struct draft *d, size_t at)
{
	struct key key, other;
	struct entry entry;
	if (draft_key(&d[at], &key, &entry) != NULL)
		return false;
	for (size_t i = 0; i < at; i++)
		if (draft_key(&d[i], &other, &entry) == NULL && other.kind == key.kind &&
			other.len == key.len && memcmp(other.byte, key.byte, key.len) == 0)
			return true;
	return false;
}

void reading_take_group(struct reading *r, const struct draft *all, size_t said)
{
	struct key key;
	struct entry entry;
	struct draft d[GROUP_MAX];
	size_t count = 0;
	CHECK(said > 0 && said <= GROUP_MAX);
	for (size_t i = 0; i < said; i++) {
		const char *wrong = draft_key(&all[i], &key, &entry);
		if (wrong != NULL) {
			reading_skip(r, all[i].line, "%s", wrong);
			return;
		}
		if (!is_said_before(all, i))
			d[count++] = all[i];
	}
	if (count == 1) {
		reading_take(r, d);
		return;
	}
	uint32_t group = ++r->set->groups;
	uint32_t origin = origin_for(r, d, group, count);
	for (size_t i = 0; i < count && r->err == 0; i++)
		if (draft_key(&d[i], &key, &entry) == NULL)
			add(r, &d[i], &key, &entry, origin);
}

void reading_skip(struct reading *r, uint32_t line, const char *fmt, ...)
{
	char reason[INTEL_REASON_BYTES];
	struct intel_file *f = r->file;
	va_list args;
	va_start(args, fmt);
	(void)vsnprintf(reason, sizeof reason, fmt, args);
	va_end(args);
	f->skipped++;
	size_t i = 0;
	while (i < f->reasons && strcmp(f->reason[i].reason, reason) != 0)
		i++;
	if (i == INTEL_REASONS_MAX - 1) /* one is left for all others */
		(void)snprintf(reason, sizeof reason, "for other reasons");
	if (i == f->reasons)
		memcpy(f->reason[f->reasons++].reason, reason, sizeof reason);
	struct intel_skipped *s = &f->reason[i];
	if (s->count < INTEL_LINES_MAX)
		s->line[s->count] = line;
	s->count++;
}

const char *reading_word(struct span word, char buf[static WORD_BYTES])
{
	size_t len = 0;
	for (size_t i = 0; i < word.len && len + 1 < WORD_BYTES; i++)
		buf[len++] = (char)(word.ptr[i] > 0x20 && word.ptr[i] < 0x7f ? word.ptr[i] : '?');
	buf[len] = '\0';
	return buf;
}

uint32_t reading_line(struct reading *r, const uint8_t *place)
{
	const uint8_t *end = r->text.ptr + r->text.len;
	if (place < r->at || place > end)
		return r->line;
	while (r->at < place) {
		const uint8_t *newline = memchr(r->at, '\n', (size_t)(place - r->at));
		r->line += newline != NULL;
		r->at = newline == NULL ? place : newline + 1;
	}
	return r->line;
}

bool line_next(struct span *rest, struct span *ret, uint32_t *line)
{
	if (!span_next(rest, '\n', ret))
		return false;
	++*line;
	*ret = span_trim(*ret);
	return true;
}

bool line_first(struct span head, struct span *ret)
{
	uint32_t line = 0;
	while (line_next(&head, ret, &line))
		if (!line_is_comment(*ret))
			return true;
	return false;
}

bool field_next(struct span *rest, uint8_t separator, struct span *ret)
{
	struct span s = *rest;
	if (s.len == 0 || s.ptr[0] != '"')
		return span_next(rest, separator, ret);
	size_t end = 1;
	while (end < s.len && !(s.ptr[end] == '"' && (end + 1 == s.len || s.ptr[end + 1] != '"')))
		end += s.ptr[end] == '"' ? 2 : 1;
	end = end < s.len ? end : s.len;
	*ret = (struct span){s.ptr + 1, end - 1};
	size_t next = end;
	while (next < s.len && s.ptr[next] != separator)
		next++;
	next += next < s.len;
	*rest = (struct span){s.ptr + next, s.len - next};
	return true;
}
