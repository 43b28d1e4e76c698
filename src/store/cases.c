#include "store/cases.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cur.h"
#include "base/limits.h"
#include "base/out.h"
#include "store/schema.h"

/* PRAGMA application_id: "Posg". The head of a database has it at this place, and begins with the
 * magic (sqlite.org/fileformat2.html, 1.3). */
#define APPLICATION    0x506f7367
#define APPLICATION_AT 68u
#define HEAD_BYTES     100u
static const char magic[16] = "SQLite format 3";

/* Rows that go in one step, and steps in one turn: an old guard's file shrinks while it works. */
#define STEP_ROWS "256"
#define STEPS_MAX 16u
/* How often a guard that tells nothing looks for what is old. */
#define OLD_NS (60 * NS_PER_S)
/* Who reads does not hold a writer up; SQLite's short locks of its files do. */
#define WAIT_MS 200

#define WORDS 6u /* of a row: its texts */

static const char version_1[] =
	"CREATE TABLE told(ordinal INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL, e_value REAL, "
	"type TEXT NOT NULL, host TEXT NOT NULL, id TEXT NOT NULL, state TEXT NOT NULL, kind TEXT "
	"NOT NULL, text TEXT NOT NULL) STRICT;"
	"CREATE INDEX told_host ON told(host, ordinal);";

struct waiting {
	int64_t at_ns;
	double e_value;
	char *words; /* WORDS of them, each with its NUL; owned */
	size_t bytes;
};

struct cases {
	struct cases_options options;
	int lock; /* the file, with its lock: closed after the database, or SQLite's own would go */
	sqlite3 *db;
	sqlite3_stmt *insert, *old, *oldest;
	struct waiting waiting[CASES_WAITING_MAX]; /* a ring */
	size_t first, bytes;
	struct cases_stats stats;
	int64_t looked_ns; /* for what is old */
	struct out name;   /* of the file, safe to print */
};

/* ---- opening ---- */

static int no_cases(struct place place, const char *what)
{
	return fail_set(place.why, -EPROTO,
		"%s: %s; it was left alone: give --cases another file, or move this one away",
		place.file, what);
}

/* SQLite's words on what a file of ours would not have. */
static int refuse(int err, struct place place)
{
	return err == -EPROTO ? no_cases(place, "no file of what a guard told, or a damaged one")
	                      : err;
}

/* 1: one of ours; 0: empty. Nothing was asked of SQLite yet. */
static int look_at(int fd, struct place place)
{
	struct stat st;
	uint8_t head[HEAD_BYTES];
	if (fstat(fd, &st) < 0)
		return fail_set(place.why, -errno, "%s: %s", place.file, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return no_cases(place, "no file");
	if (st.st_size == 0)
		return 0;
	ssize_t got = pread(fd, head, sizeof head, 0);
	if (got < 0)
		return fail_set(place.why, -errno, "%s: %s", place.file, strerror(errno));
	struct cur c = cur_of(head + APPLICATION_AT, HEAD_BYTES - APPLICATION_AT);
	if (got < (ssize_t)sizeof head || memcmp(head, magic, sizeof magic) != 0 ||
		cur_be32(&c) != APPLICATION)
		return no_cases(place, "no file of what a guard told");
	return 1;
}

/* All that the database defines is ours, and its pages are whole. */
static int check(sqlite3 *db, struct place place)
{
	int64_t version = 0;
	int err = schema_pragma(db, "user_version", &version, place);
	if (err == 0 && version != 1)
		err = fail_set(place.why, -ENOTSUP,
			"%s: of version %lld, made by a later postern; this one knows 1: use that "
			"one, or another file",
			place.file, (long long)version);
	if (err == 0)
		err = schema_same(db, version_1, place);
	return err == 0 ? database_pages(db, place) : err;
}

/* In one transaction of the kind that a head with our mark is the last of. */
static int make(sqlite3 *db, struct place place)
{
	int err = database_do(db, "BEGIN IMMEDIATE", place);
	if (err == 0)
		err = database_do(db, version_1, place);
	if (err == 0)
		err = database_do(
			db, "PRAGMA application_id=0x506f7367;PRAGMA user_version=1;COMMIT", place);
	return err;
}

static int is_empty(sqlite3 *db, struct place place)
{
	int64_t pages = 0;
	int err = schema_pragma(db, "page_count", &pages, place);
	return err < 0 ? err : pages == 0;
}

static int prepare(struct cases *c, struct place place)
{
	static const char insert[] =
		"INSERT INTO told(at_ns, e_value, type, host, id, state, kind, text) "
		"VALUES(?,?,?,?,?,?,?,?)";
	/* rows lie in the order of time, more or less */
	static const char old[] = "DELETE FROM told WHERE ordinal < (SELECT min(ordinal) FROM "
				  "told) + " STEP_ROWS " AND at_ns < ?";
	static const char oldest[] =
		"DELETE FROM told WHERE ordinal < (SELECT min(ordinal) FROM told) + " STEP_ROWS;
	int code =
		sqlite3_prepare_v3(c->db, insert, -1, SQLITE_PREPARE_PERSISTENT, &c->insert, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_prepare_v3(c->db, old, -1, SQLITE_PREPARE_PERSISTENT, &c->old, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_prepare_v3(
			c->db, oldest, -1, SQLITE_PREPARE_PERSISTENT, &c->oldest, NULL);
	return code == SQLITE_OK ? 0 : database_fail(c->db, place);
}

static int open_database(struct cases *c, const char *path, struct place place)
{
	int err = look_at(c->lock, place);
	if (err >= 0)
		err = database_new(&c->db, path, place);
	if (err == 0)
		err = is_empty(c->db, place); /* also what a writer left that was killed first */
	if (err >= 0)
		err = err == 1 ? make(c->db, place) : check(c->db, place);
	if (err < 0)
		return refuse(err, place);
	(void)sqlite3_busy_timeout(c->db, WAIT_MS);
	err = database_do(c->db,
		"PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA journal_size_limit=4194304",
		place);
	return err == 0 ? prepare(c, place) : err;
}

int cases_open(
	struct cases **ret, const char *path, const struct cases_options *options, struct fail *why)
{
	struct cases *c = calloc(1, sizeof *c);
	if (c == NULL)
		return fail_set(why, -ENOMEM, "out of memory");
	c->options = *options;
	if (c->options.bytes_max == 0)
		c->options.bytes_max = CASES_BYTES_MAX;
	out_safe(&c->name, path, STORE_NAME_BYTES);
	struct place place = {.file = out_string(&c->name), .why = why};
	int err = 0;
	c->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
	if (c->lock < 0)
		err = fail_set(why, -errno, "%s: %s", place.file, strerror(errno));
	else if (flock(c->lock, LOCK_EX | LOCK_NB) < 0)
		err = fail_set(why, -EBUSY,
			"%s: another guard writes it: stop it, or give another --cases",
			place.file);
	if (err == 0)
		err = open_database(c, path, place);
	if (err < 0)
		cases_close(c);
	else
		*ret = c;
	return err;
}

void cases_close(struct cases *c)
{
	struct fail why = {0};
	if (c == NULL)
		return;
	if (c->insert != NULL && c->stats.waiting > 0)
		(void)!cases_commit(c, 0, &why);
	for (size_t i = 0; i < CASES_WAITING_MAX; i++)
		free(c->waiting[i].words);
	(void)sqlite3_finalize(c->insert);
	(void)sqlite3_finalize(c->old);
	(void)sqlite3_finalize(c->oldest);
	database_close(c->db);
	if (c->lock >= 0)
		(void)close(c->lock);
	out_fini(&c->name);
	free(c);
}

/* ---- what waits ---- */

static void take_first(struct cases *c)
{
	struct waiting *w = &c->waiting[c->first];
	c->bytes -= w->bytes;
	free(w->words);
	*w = (struct waiting){0};
	c->first = (c->first + 1) % CASES_WAITING_MAX;
	c->stats.waiting--;
}

void cases_add(struct cases *c, const struct cases_row *row)
{
	const char *const word[WORDS] = {
		row->type, row->host, row->id, row->state, row->kind, row->text};
	struct waiting w = {.at_ns = row->at_ns, .e_value = row->e_value};
	for (size_t i = 0; i < WORDS; i++)
		w.bytes += strlen(word[i]) + 1;
	w.words = w.bytes > CASES_TEXT_MAX ? NULL : malloc(w.bytes);
	if (w.words == NULL) {
		c->stats.dropped++;
		return;
	}
	char *end = w.words;
	for (size_t i = 0; i < WORDS; i++)
		end = stpcpy(end, word[i]) + 1;
	while (c->stats.waiting == CASES_WAITING_MAX ||
		(c->stats.waiting > 0 && c->bytes + w.bytes > CASES_WAITING_BYTES_MAX)) {
		take_first(c);
		c->stats.dropped++;
	}
	c->waiting[(c->first + c->stats.waiting) % CASES_WAITING_MAX] = w;
	c->stats.waiting++;
	c->bytes += w.bytes;
}

struct cases_stats cases_stats(const struct cases *c)
{
	return c->stats;
}

/* ---- writing ---- */

/* A statement that gives no rows. */
static int run(struct cases *c, sqlite3_stmt *stmt, struct place place)
{
	int code = sqlite3_step(stmt);
	int err = code == SQLITE_DONE ? 0 : database_fail(c->db, place);
	(void)sqlite3_reset(stmt);
	return err;
}

static int insert(struct cases *c, const struct waiting *w, struct place place)
{
	const char *word = w->words;
	int code = sqlite3_bind_int64(c->insert, 1, w->at_ns);
	if (code == SQLITE_OK)
		code = sqlite3_bind_double(c->insert, 2, w->e_value);
	for (int i = 0; i < (int)WORDS && code == SQLITE_OK; i++) {
		code = sqlite3_bind_text(c->insert, 3 + i, word, -1, SQLITE_STATIC);
		word += strlen(word) + 1;
	}
	return code == SQLITE_OK ? run(c, c->insert, place) : database_fail(c->db, place);
}

static int write_waiting(struct cases *c, struct place place)
{
	int err = database_do(c->db, "BEGIN IMMEDIATE", place);
	for (size_t i = 0; i < c->stats.waiting && err == 0; i++)
		err = insert(c, &c->waiting[(c->first + i) % CASES_WAITING_MAX], place);
	if (err == 0)
		err = database_do(c->db, "COMMIT", place);
	if (err < 0 && sqlite3_get_autocommit(c->db) == 0)
		(void)sqlite3_exec(c->db, "ROLLBACK", NULL, NULL, NULL);
	return err;
}

/* More than the file may hold is in it. */
static int is_full(struct cases *c, struct place place)
{
	int64_t pages = 0, free_pages = 0, page_bytes = 0;
	int err = schema_pragma(c->db, "page_count", &pages, place);
	if (err == 0)
		err = schema_pragma(c->db, "freelist_count", &free_pages, place);
	if (err == 0)
		err = schema_pragma(c->db, "page_size", &page_bytes, place);
	return err < 0 ? err : (uint64_t)((pages - free_pages) * page_bytes) > c->options.bytes_max;
}

/* The room of what goes is used again. */
static int forget(struct cases *c, int64_t now_ns, struct place place)
{
	int err = 0, full = 1;
	if (now_ns - c->looked_ns >= OLD_NS && c->options.age_ns > 0) {
		(void)sqlite3_bind_int64(c->old, 1, now_ns - c->options.age_ns);
		err = run(c, c->old, place);
		/* a whole step went: the next turn takes another */
		if (err == 0 && sqlite3_changes(c->db) == 0)
			c->looked_ns = now_ns;
	}
	for (unsigned i = 0; i < STEPS_MAX && err == 0 && full == 1; i++) {
		full = c->stats.waiting > 0 ? is_full(c, place) : 0;
		if (full == 1)
			err = run(c, c->oldest, place);
	}
	return full < 0 ? full : err;
}

int cases_commit(struct cases *c, int64_t now_ns, struct fail *why)
{
	struct place place = {.file = out_string(&c->name), .why = why};
	int err = forget(c, now_ns, place);
	if (c->stats.waiting == 0)
		return err;
	/* what could not be taken out does not keep the new from being tried */
	err = write_waiting(c, place);
	if (err < 0)
		return err;
	c->stats.written += c->stats.waiting;
	while (c->stats.waiting > 0)
		take_first(c);
	return 0;
}

/* ---- reading ---- */

static int tell(sqlite3 *db, const char *host,
	int (*each)(void *context, const char *text, struct fail *why), void *context,
	struct place place)
{
	sqlite3_stmt *stmt = NULL;
	int err = 0;
	int code = sqlite3_prepare_v2(
		db, "SELECT text FROM told WHERE host = ? ORDER BY ordinal", -1, &stmt, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_bind_text(stmt, 1, host, -1, SQLITE_STATIC);
	while (code == SQLITE_OK && err == 0) {
		code = sqlite3_step(stmt);
		const char *text = NULL;
		if (code != SQLITE_ROW)
			break;
		text = (const char *)sqlite3_column_text(stmt, 0);
		err = text == NULL ? fail_set(place.why, -ENOMEM, "out of memory")
		                   : each(context, text, place.why);
		code = SQLITE_OK;
	}
	if (err == 0 && code != SQLITE_DONE)
		err = refuse(database_fail(db, place), place);
	(void)sqlite3_finalize(stmt);
	return err;
}

int cases_story(const char *path, const char *host,
	int (*each)(void *context, const char *text, struct fail *why), void *context,
	struct fail *why)
{
	struct out name = {0};
	sqlite3 *db = NULL;
	out_safe(&name, path, STORE_NAME_BYTES);
	struct place place = {.file = out_string(&name), .why = why};
	/* not closed before the database: SQLite's locks would go with it */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int err = fd < 0 ? fail_set(why, -errno, "%s: %s", place.file, strerror(errno))
	                 : look_at(fd, place);
	if (err == 0)
		err = no_cases(place, "empty");
	if (err > 0)
		err = database_new(&db, path, place);
	if (err == 0)
		err = refuse(check(db, place), place);
	if (err == 0)
		err = tell(db, host, each, context, place);
	database_close(db);
	if (fd >= 0)
		(void)close(fd);
	out_fini(&name);
	return err;
}
