#include <errno.h>
#include <string.h>

#include "base/out.h"
#include "store/schema.h"
#include "store/tables.h"

/* Texts of a case, each once: a thousand findings of dozens of names. */
#define TEXT_BYTES_MAX ((size_t)64 << 20)
#define TEXT_COUNT_MAX ((size_t)1 << 20)
#define OFFS_MAX       1024u
#define OPTIONS_MAX    64u
#define INPUTS_MAX     262144u /* as many as a hunt takes */

struct stored {
	struct strings *strings;
	struct hunt_row hunt;
	struct finding **finding;
	size_t findings;
	struct input_row *row;
	const struct input **input;
	struct store_digest *digest;
	size_t inputs;
	struct off *off;
	size_t offs;
	struct store_option *option;
	size_t options;
	struct ruling *ruling;
	size_t rulings;
	struct safelist *safelist;
	char (*vouched)[SAFELIST_VOUCHED_BYTES]; /* of each finding; NULL: none was applied */
	struct store_case told;
};

void stored_close(struct stored *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->findings; i++)
		free(s->finding[i]);
	free(s->finding);
	free(s->row);
	free(s->input);
	free(s->digest);
	free(s->off);
	free(s->option);
	free(s->ruling);
	free(s->vouched);
	safelist_free(s->safelist);
	strings_free(s->strings);
	free(s);
}

const struct store_case *stored_case(const struct stored *s)
{
	return &s->told;
}

/* ---- lists ---- */

struct loading {
	sqlite3 *db;
	struct stored *s;
	struct place place;
};

/* Room for one more item of `bytes`, zeroed, at the end of *list. NULL: no memory. */
static void *grow(void **list, size_t count, size_t bytes)
{
	if (*list == NULL || (count & (count - 1)) == 0) { /* full at each power of two */
		size_t room = count == 0 ? 1 : 2 * count;
		void *bigger = realloc(*list, room * bytes);
		if (bigger == NULL)
			return NULL;
		*list = bigger;
	}
	return memset((uint8_t *)*list + count * bytes, 0, bytes);
}

static int no_memory(struct place place)
{
	(void)fail_set(place.why, -ENOMEM, "out of memory");
	return -ENOMEM;
}

/* A list of its own, numbered from 0. */
static int load_list(
	struct loading *l, const struct table *table, void **list, size_t *count, size_t most)
{
	struct table_reader r;
	uint64_t key[STORE_KEYS_MAX] = {0};
	int err = table_reader_open(&r, l->db, table, l->s->strings, l->place);
	while (err == 0) {
		void *row = grow(list, *count, table->bytes);
		int got = row == NULL ? no_memory(l->place) : table_next(&r, key, row);
		if (got <= 0) {
			err = got;
			break;
		}
		if (key[0] != *count || *count >= most)
			err = table_wrong(&r, table->key[0], "a number that has no place");
		++*count;
	}
	table_reader_close(&r);
	return err;
}

/* A list of fixed size, in what owner() finds by the first keys. */
static int load_part(struct loading *l, const struct part *p,
	void *(*owner)(struct stored *s, const uint64_t *key))
{
	struct table_reader r;
	uint64_t key[STORE_KEYS_MAX] = {0};
	uint64_t row[(sizeof(struct finding_channel) + 7) / 8]; /* the biggest part */
	CHECK(p->table->bytes <= sizeof row);
	int err = table_reader_open(&r, l->db, p->table, l->s->strings, l->place);
	while (err == 0) {
		memset(row, 0, sizeof row);
		int got = table_next(&r, key, row);
		if (got <= 0) {
			err = got;
			break;
		}
		void *o = owner(l->s, key);
		size_t at = o == NULL ? 0 : *part_count(p, o);
		if (o == NULL || at >= p->most || key[p->table->keys - 1] != at) {
			err = table_wrong(&r, p->table->key[p->table->keys - 1],
				"a number that has no place");
			break;
		}
		memcpy(part_item(p, o, at), row, p->table->bytes);
		++*part_count(p, o);
	}
	table_reader_close(&r);
	return err;
}

static void *finding_of(struct stored *s, const uint64_t *key)
{
	return key[0] < s->findings ? s->finding[key[0]] : NULL;
}

static void *channel_of(struct stored *s, const uint64_t *key)
{
	struct finding *f = finding_of(s, key);
	return f != NULL && key[1] < f->channels ? &f->channel[key[1]] : NULL;
}

/* ---- findings ---- */

static int load_heads(struct loading *l)
{
	struct table_reader r;
	uint64_t key[STORE_KEYS_MAX] = {0};
	struct finding *f = NULL;
	int err = table_reader_open(&r, l->db, &table_finding, l->s->strings, l->place);
	while (err == 0) {
		f = calloc(1, sizeof *f);
		void *list = l->s->finding;
		void *slot =
			f == NULL ? NULL : grow(&list, l->s->findings, sizeof(struct finding *));
		l->s->finding = list;
		int got = slot == NULL ? no_memory(l->place) : table_next(&r, key, f);
		if (got <= 0) {
			err = got;
			break;
		}
		if (key[0] != l->s->findings || l->s->findings >= STORE_FINDINGS_MAX) {
			err = table_wrong(&r, "ordinal", "a number that has no place");
			break;
		}
		l->s->finding[l->s->findings++] = f;
		f = NULL;
	}
	free(f);
	table_reader_close(&r);
	return err;
}

static bool is_id(const char *text)
{
	const size_t len = sizeof((struct finding *)NULL)->id - 1;
	return strlen(text) == len && strspn(text, "0123456789abcdef") == len;
}

/* NULL, or what would lead the reports astray. */
static const char *contradiction(const struct finding *f)
{
	if (!is_id(f->id))
		return "no id";
	if (f->channels == 0)
		return "no channel";
	for (size_t i = 0; i < f->switches; i++)
		if (f->sw[i].from >= f->channels || f->sw[i].to >= f->channels)
			return "a move between channels that it does not have";
	for (size_t i = 0; i < f->ticks; i++)
		if (f->tick[i].channel >= f->channels ||
			(i > 0 && f->tick[i].at_ns < f->tick[i - 1].at_ns))
			return "an attempt without a channel, or out of order";
	return NULL;
}

static int load_findings(struct loading *l)
{
	int err = load_heads(l);
	for (size_t i = 0; i < FINDING_PARTS && err == 0; i++)
		err = load_part(l, &finding_parts[i], finding_of);
	for (size_t i = 0; i < CHANNEL_PARTS && err == 0; i++)
		err = load_part(l, &channel_parts[i], channel_of);
	for (size_t i = 0; i < l->s->findings && err == 0; i++) {
		const char *wrong = contradiction(l->s->finding[i]);
		if (wrong != NULL)
			err = fail_set(l->place.why, -EPROTO,
				"%s: finding %zu: %s: no hunt wrote that; hunt the inputs anew",
				l->place.file, i, wrong);
	}
	return err;
}

/* ---- the rest ---- */

static int load_hunt(struct loading *l)
{
	struct stored *s = l->s;
	void *list = NULL;
	size_t count = 0;
	int err = load_list(l, &table_hunt, &list, &count, 1);
	if (err == 0 && list != NULL && count == 1)
		memcpy(&s->hunt, list, sizeof s->hunt);
	else if (err == 0)
		err = fail_set(l->place.why, -EPROTO, "%s: a case of no hunt", l->place.file);
	free(list);
	list = NULL;
	count = 0;
	if (err == 0)
		err = load_list(l, &table_calibration, &list, &count, CALIBRATION_LINES);
	if (err == 0 && list != NULL)
		memcpy(s->hunt.summary.calibration.line, list,
			count * sizeof(struct calibration_line));
	free(list);
	list = NULL;
	if (err == 0)
		err = load_list(l, &table_off, &list, &s->offs, OFFS_MAX);
	s->off = list;
	list = NULL;
	if (err == 0)
		err = load_list(l, &table_option, &list, &s->options, OPTIONS_MAX);
	s->option = list;
	return err;
}

static int load_inputs(struct loading *l)
{
	struct stored *s = l->s;
	void *list = NULL;
	int err = load_list(l, &table_input, &list, &s->inputs, INPUTS_MAX);
	s->row = list;
	if (err < 0)
		return err;
	s->input = calloc(s->inputs + 1, sizeof(struct input *));
	s->digest = calloc(s->inputs + 1, sizeof *s->digest);
	if (s->input == NULL || s->digest == NULL)
		return no_memory(l->place);
	for (size_t i = 0; i < s->inputs && s->row != NULL; i++) {
		s->input[i] = &s->row[i].input;
		s->digest[i] = s->row[i].digest;
	}
	return 0;
}

/* Its lines as text, each where it stood. */
static int write_lines(struct loading *l, struct out *text)
{
	struct table_reader r;
	uint64_t key[STORE_KEYS_MAX] = {0}, line = 1;
	struct safelist_row row;
	int err = table_reader_open(&r, l->db, &table_safelist, l->s->strings, l->place), got = 0;
	while (err == 0 && (got = table_next(&r, key, &row)) == 1) {
		if (key[0] < line || key[0] > SAFELIST_BYTES_MAX || strchr(row.text, '#') != NULL)
			err = table_wrong(&r, "line", "no line of a safelist");
		for (; err == 0 && line < key[0]; line++)
			out_text(text, "\n");
		out_text(text, row.text);
	}
	table_reader_close(&r);
	return err < 0 ? err : got;
}

static int load_hidden(struct loading *l)
{
	struct table_reader r;
	uint64_t key[STORE_KEYS_MAX] = {0};
	struct safelist_row row;
	int err = table_reader_open(&r, l->db, &table_safelist, l->s->strings, l->place), got = 0;
	for (size_t i = 0; err == 0 && (got = table_next(&r, key, &row)) == 1; i++)
		if (i >= safelist_count(l->s->safelist) ||
			safelist_get(l->s->safelist, i)->line != key[0])
			err = table_wrong(&r, "line", "no line of a safelist");
		else
			safelist_hid(l->s->safelist, i, row.hid);
	table_reader_close(&r);
	return err < 0 ? err : got;
}

static int load_safelist(struct loading *l)
{
	if (l->s->hunt.safelist == NULL)
		return 0;
	struct out text = {0};
	int err = write_lines(l, &text);
	if (err == 0 && text.failed)
		err = no_memory(l->place);
	if (err == 0 && safelist_parse(&l->s->safelist, l->s->hunt.safelist,
				cur_of(out_string(&text), text.len), NULL) < 0)
		err = fail_set(l->place.why, -EPROTO,
			"%s: table safelist: no safelist; hunt the inputs anew", l->place.file);
	out_fini(&text);
	return err == 0 ? load_hidden(l) : err;
}

static int load_rulings(struct loading *l)
{
	struct stored *s = l->s;
	void *list = NULL;
	int err = load_list(l, &table_ruling, &list, &s->rulings, RULINGS_MAX);
	s->ruling = list;
	for (size_t i = 0; i < s->rulings && err == 0; i++)
		if (!is_id(s->ruling[i].id))
			err = fail_set(l->place.why, -EPROTO,
				"%s: table ruling, row %zu: no id of a finding; hunt the inputs "
				"anew",
				l->place.file, i);
	for (size_t i = 0; i < s->findings && err == 0; i++)
		s->finding[i]->ruling = rulings_find(s->ruling, s->rulings, s->finding[i]->id);
	return err;
}

static void tell(struct stored *s)
{
	s->hunt.summary.off = s->off;
	s->hunt.summary.offs = s->offs;
	s->hunt.summary.safelist = s->safelist;
	s->told = (struct store_case){.finding = (const struct finding *const *)s->finding,
		.findings = s->findings,
		.summary = &s->hunt.summary,
		.max_e = s->hunt.max_e,
		.input = s->input,
		.digest = s->digest,
		.inputs = s->inputs,
		.option = s->option,
		.options = s->options,
		.ruling = s->ruling,
		.rulings = s->rulings,
		.version = s->hunt.version,
		.made_ns = s->hunt.made_ns};
}

/* No text is longer in memory than it is in the file. */
static int make_room(struct loading *l)
{
	int64_t pages = 0, page = 0;
	int err = schema_pragma(l->db, "page_count", &pages, l->place);
	if (err == 0)
		err = schema_pragma(l->db, "page_size", &page, l->place);
	if (err < 0)
		return err;
	size_t bytes = (size_t)pages * (size_t)page + 1;
	size_t room = bytes < TEXT_BYTES_MAX ? bytes : TEXT_BYTES_MAX;
	size_t count = bytes < TEXT_COUNT_MAX ? bytes : TEXT_COUNT_MAX;
	return strings_new(&l->s->strings, room, count) < 0 ? no_memory(l->place) : 0;
}

/* From a database in memory, which it closes. */
static int load(struct stored **ret, sqlite3 *db, struct place place)
{
	int64_t version = 0;
	struct loading l = {.db = db, .s = calloc(1, sizeof *l.s), .place = place};
	if (l.s == NULL) {
		database_close(db);
		return no_memory(place);
	}
	int err = make_room(&l);
	if (err == 0)
		err = database_check(db, place);
	if (err == 0)
		err = schema_pragma(db, "user_version", &version, place);
	if (err == 0)
		err = schema_raise(db, (unsigned)version, schema_version(), place);
	if (err == 0)
		err = load_hunt(&l);
	if (err == 0)
		err = load_safelist(&l);
	if (err == 0)
		err = load_inputs(&l);
	if (err == 0)
		err = load_findings(&l);
	if (err == 0)
		err = load_rulings(&l);
	database_close(db);
	if (err < 0) {
		stored_close(l.s);
		return err;
	}
	tell(l.s);
	*ret = l.s;
	return 0;
}

int stored_of(struct stored **ret, const char *name, struct cur bytes, struct fail *why)
{
	struct place place = {.file = name, .why = why};
	sqlite3 *db = NULL;
	int err = database_of(&db, bytes, place);
	return err < 0 ? err : load(ret, db, place);
}

int stored_open(struct stored **ret, const char *path, struct fail *why)
{
	struct out safe = {0};
	out_safe(&safe, path, STORE_NAME_BYTES);
	struct place place = {.file = out_string(&safe), .why = why};
	sqlite3 *file = NULL, *copy = NULL;
	int err = database_open(&file, path, false, place);
	if (err == 0) {
		err = database_copy(&copy, file, place);
		database_close(file);
	}
	if (err == 0)
		err = load(ret, copy, place);
	out_fini(&safe);
	return err;
}

int stored_vouch(struct stored *s, struct safelist *list)
{
	char(*vouched)[SAFELIST_VOUCHED_BYTES] = calloc(s->findings + 1, sizeof *vouched);
	if (vouched == NULL) {
		safelist_free(list);
		return -ENOMEM;
	}
	for (size_t i = 0; i < s->findings; i++) {
		struct finding *f = s->finding[i];
		if (f->explained != NULL && strcmp(f->explained, "safelist") == 0) {
			f->explained = f->explained_text = NULL;
			s->hunt.summary.explained -= s->hunt.summary.explained > 0;
		}
		safelist_vouch(list, f, s->hunt.max_e, vouched[i]);
		s->hunt.summary.explained += f->explained_text == vouched[i];
	}
	free(s->vouched);
	safelist_free(s->safelist);
	s->vouched = vouched;
	s->safelist = list;
	tell(s);
	return 0;
}
