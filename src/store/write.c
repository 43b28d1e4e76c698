#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/folder.h"
#include "base/out.h"
#include "store/schema.h"
#include "store/tables.h"

/* What is being written where. */
struct writing {
	sqlite3 *db;
	const struct store_case *c;
	struct place place;
};

/* Safe to print, and not longer than a line of complaint has room for. */
static const char *name_of(struct out *safe, const char *path)
{
	out_safe(safe, path, STORE_NAME_BYTES);
	return out_string(safe);
}

/* ---- rows ---- */

/* All items of an array of structs, numbered from 0. */
static int add_all(
	const struct writing *w, const struct table *table, const void *first, size_t count)
{
	struct table_writer t;
	int err = table_writer_open(&t, w->db, table, w->place);
	for (uint64_t i = 0; i < count && err == 0; i++)
		err = table_add(&t, &i, (const uint8_t *)first + i * table->bytes);
	table_writer_close(&t);
	return err;
}

static int add_hunt(const struct writing *w)
{
	const struct store_case *c = w->c;
	const struct safelist *s = c->summary->safelist;
	struct hunt_row row = {.summary = *c->summary,
		.max_e = c->max_e,
		.made_ns = c->made_ns,
		.version = c->version,
		.safelist = s == NULL ? NULL : safelist_name(s)};
	int err = add_all(w, &table_hunt, &row, 1);
	if (err == 0)
		err = add_all(
			w, &table_calibration, c->summary->calibration.line, CALIBRATION_LINES);
	if (err == 0)
		err = add_all(w, &table_off, c->summary->off, c->summary->offs);
	return err == 0 ? add_all(w, &table_option, c->option, c->options) : err;
}

static int add_safelist(const struct writing *w)
{
	const struct safelist *s = w->c->summary->safelist;
	struct table_writer t;
	int err = table_writer_open(&t, w->db, &table_safelist, w->place);
	for (size_t i = 0; s != NULL && i < safelist_count(s) && err == 0; i++) {
		const struct safelist_entry *e = safelist_get(s, i);
		uint64_t line = e->line;
		err = table_add(&t, &line, &(struct safelist_row){.text = e->text, .hid = e->hid});
	}
	table_writer_close(&t);
	return err;
}

static int add_inputs(const struct writing *w)
{
	struct table_writer t;
	int err = table_writer_open(&t, w->db, &table_input, w->place);
	for (uint64_t i = 0; i < w->c->inputs && err == 0; i++) {
		struct input_row row = {.input = *w->c->input[i]};
		if (w->c->digest != NULL)
			row.digest = w->c->digest[i];
		err = table_add(&t, &i, &row);
	}
	table_writer_close(&t);
	return err;
}

/* One table of parts, over all findings. */
static int add_part(const struct writing *w, const struct part *p)
{
	struct table_writer t;
	int err = table_writer_open(&t, w->db, p->table, w->place);
	for (uint64_t i = 0; i < w->c->findings && err == 0; i++) {
		const uint8_t *f = (const uint8_t *)w->c->finding[i];
		size_t count = *(const size_t *)(const void *)(f + p->count);
		for (uint64_t k = 0; k < count && err == 0; k++)
			err = table_add(
				&t, (const uint64_t[]){i, k}, f + p->offset + k * p->table->bytes);
	}
	table_writer_close(&t);
	return err;
}

/* The same one level deeper. */
static int add_channel_part(const struct writing *w, const struct part *p, struct table_writer *t)
{
	int err = 0;
	for (uint64_t i = 0; i < w->c->findings; i++) {
		const struct finding *f = w->c->finding[i];
		for (uint64_t k = 0; k < f->channels; k++) {
			const uint8_t *ch = (const uint8_t *)&f->channel[k];
			size_t count = *(const size_t *)(const void *)(ch + p->count);
			for (uint64_t n = 0; n < count && err == 0; n++)
				err = table_add(t, (const uint64_t[]){i, k, n},
					ch + p->offset + n * p->table->bytes);
		}
	}
	return err;
}

static int add_findings(const struct writing *w)
{
	struct table_writer t;
	int err = table_writer_open(&t, w->db, &table_finding, w->place);
	for (uint64_t i = 0; i < w->c->findings && err == 0; i++)
		err = table_add(&t, &i, w->c->finding[i]);
	table_writer_close(&t);
	for (size_t i = 0; i < FINDING_PARTS && err == 0; i++)
		err = add_part(w, &finding_parts[i]);
	for (size_t i = 0; i < CHANNEL_PARTS && err == 0; i++) {
		err = table_writer_open(&t, w->db, channel_parts[i].table, w->place);
		if (err == 0)
			err = add_channel_part(w, &channel_parts[i], &t);
		table_writer_close(&t);
	}
	return err;
}

/* Inside a transaction: what the case told before goes. */
static int forget(const struct writing *w)
{
	return database_do(w->db,
		"DELETE FROM hunt; DELETE FROM option; DELETE FROM off; DELETE FROM calibration; "
		"DELETE FROM safelist; DELETE FROM input; DELETE FROM finding; DELETE FROM "
		"channel; "
		"DELETE FROM channel_name; DELETE FROM channel_address; DELETE FROM move; DELETE "
		"FROM "
		"evidence; DELETE FROM tick; DELETE FROM community; DELETE FROM uid",
		w->place);
}

static int add_case(const struct writing *w)
{
	int err = w->c->findings > STORE_FINDINGS_MAX
	                  ? fail_set(w->place.why, -E2BIG, "%s: more findings than a case holds",
				    w->place.file)
	                  : add_hunt(w);
	if (err == 0)
		err = add_safelist(w);
	if (err == 0)
		err = add_inputs(w);
	return err == 0 ? add_findings(w) : err;
}

/* ---- into a case ---- */

/* Opens a case of ours and begins a transaction in which it is of the latest version. */
static int begin(sqlite3 **ret, const char *path, struct place place)
{
	int64_t version = 0;
	sqlite3 *db = NULL;
	int err = database_open(&db, path, true, place);
	if (err < 0)
		return err;
	err = database_do(db, "BEGIN IMMEDIATE", place);
	if (err == 0)
		err = database_check(db, place);
	if (err == 0)
		err = schema_pragma(db, "user_version", &version, place);
	if (err == 0)
		err = schema_raise(db, (unsigned)version, schema_version(), place);
	if (err == 0)
		*ret = db;
	else
		database_close(db); /* that undoes it */
	return err;
}

static int replace(const char *path, struct writing *w)
{
	int err = begin(&w->db, path, w->place);
	if (err == 0)
		err = forget(w);
	if (err == 0)
		err = add_case(w);
	if (err == 0)
		err = database_do(w->db, "COMMIT", w->place);
	database_close(w->db);
	return err;
}

/* ---- what people say ---- */

static int next_ordinal(sqlite3 *db, uint64_t *ret, struct place place)
{
	sqlite3_stmt *stmt = NULL;
	int code = sqlite3_prepare_v2(db, "SELECT count(*) FROM ruling", -1, &stmt, NULL);
	code = code == SQLITE_OK ? sqlite3_step(stmt) : code;
	int err = code == SQLITE_ROW ? 0 : database_fail(db, place);
	if (err == 0)
		*ret = (uint64_t)sqlite3_column_int64(stmt, 0);
	(void)sqlite3_finalize(stmt);
	return err;
}

static int add_ruling(sqlite3 *db, const struct ruling *ruling, struct place place)
{
	struct table_writer t;
	uint64_t ordinal = 0;
	int err = next_ordinal(db, &ordinal, place);
	if (err == 0 && ordinal >= RULINGS_MAX)
		err = fail_set(place.why, -E2BIG,
			"%s: holds %u verdicts already: hunt the inputs anew into another file",
			place.file, RULINGS_MAX);
	if (err < 0)
		return err;
	err = table_writer_open(&t, db, &table_ruling, place);
	if (err == 0)
		err = table_add(&t, &ordinal, ruling);
	table_writer_close(&t);
	return err;
}

int store_rule(const char *path, const struct ruling *ruling, struct fail *why)
{
	struct out name = {0};
	struct place place = {.file = name_of(&name, path), .why = why};
	sqlite3 *db = NULL;
	int err = begin(&db, path, place);
	if (err == 0)
		err = add_ruling(db, ruling, place);
	if (err == 0)
		err = database_do(db, "COMMIT", place);
	database_close(db);
	out_fini(&name);
	return err;
}

/* ---- into a new file ---- */

static int fill(const char *temp, struct writing *w)
{
	int err = database_new(&w->db, temp, w->place);
	if (err < 0)
		return err;
	/* nobody knows the file yet: there is nothing to go back to */
	err = database_do(w->db, "PRAGMA journal_mode=MEMORY; BEGIN", w->place);
	if (err == 0)
		err = schema_raise(w->db, 0, schema_version(), w->place);
	if (err == 0)
		err = add_case(w);
	if (err == 0)
		err = database_do(w->db, "COMMIT", w->place);
	database_close(w->db);
	return err;
}

/* Never over what appeared there meanwhile, where the file system can tell. */
static int put_in_place(const char *temp, const char *path, struct place place)
{
	int code = renameat2(AT_FDCWD, temp, AT_FDCWD, path, RENAME_NOREPLACE);
	if (code != 0 && (errno == EINVAL || errno == ENOSYS))
		code = rename(temp, path);
	if (code != 0)
		return fail_set(place.why, -errno, "%s: can't be put in place: %s", place.file,
			strerror(errno));
	code = folder_sync(path);
	return code == 0 ? 0
	                 : fail_set(place.why, code, "%s: may be gone if the power fails now: %s",
				   place.file, strerror(-code));
}

static int make_temp(char **ret, const char *path, struct place place)
{
	char *temp = NULL;
	if (asprintf(&temp, "%s.XXXXXX", path) < 0)
		return fail_set(place.why, -ENOMEM, "out of memory");
	int fd = mkostemp(temp, O_CLOEXEC);
	if (fd < 0) {
		int err = fail_set(
			place.why, -errno, "%s: can't be written: %s", place.file, strerror(errno));
		free(temp);
		return err;
	}
	(void)close(fd);
	*ret = temp;
	return 0;
}

static int create(const char *path, struct writing *w)
{
	char *temp = NULL;
	int err = make_temp(&temp, path, w->place);
	if (temp == NULL)
		return err;
	err = fill(temp, w);
	if (err == 0)
		err = put_in_place(temp, path, w->place);
	if (err < 0)
		(void)unlink(temp);
	free(temp);
	return err;
}

/* ---- either ---- */

int store_write(const char *path, const struct store_case *c, struct fail *why)
{
	struct stat st;
	struct out name = {0};
	struct writing w = {.c = c, .place = {.file = name_of(&name, path), .why = why}};
	bool there = stat(path, &st) == 0;
	int err = there ? replace(path, &w) : create(path, &w);
	out_fini(&name);
	return err;
}

int store_may_write(const char *path, struct fail *why)
{
	struct stat st;
	struct out name = {0};
	struct place place = {.file = name_of(&name, path), .why = why};
	char *temp = NULL;
	sqlite3 *db = NULL;
	int err = 0;
	if (stat(path, &st) == 0) {
		err = begin(&db, path, place);
		database_close(db);
	} else {
		err = make_temp(&temp, path, place);
		if (temp != NULL)
			(void)unlink(temp);
		free(temp);
	}
	out_fini(&name);
	return err;
}
