#include "store/database.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/out.h"
#include "store/schema.h"

/* Steps of SQLite's virtual machine in one statement; to check a file of STORE_BYTES_MAX takes
 * fewer. */
#define WORK_MAX 2000000000
#define WAIT_MS  3000 /* for another program that is writing */

/* Where the head of a database file says how it is written to: 1 by a journal, 2 by a log of its
 * own, which reading would make files for (sqlite.org/fileformat2.html, 1.3.3). */
#define HEAD_BYTES  100u
#define HEAD_WRITE  18u
#define HEAD_READ   19u
#define MODE_NORMAL 1

static const char magic[16] = "SQLite format 3";

/* SQLite's word for the last failure, the disk's room told apart: it says "I/O error" when its
 * log's index, or a quota, finds none. */
static int code_of(sqlite3 *db)
{
	int code = sqlite3_errcode(db) & 0xff, err = sqlite3_system_errno(db);
	return code == SQLITE_IOERR && (err == ENOSPC || err == EDQUOT) ? SQLITE_FULL : code;
}

int database_fail(sqlite3 *db, struct place place)
{
	int code = code_of(db);
	switch (code) {
	case SQLITE_NOMEM:
		return fail_set(place.why, -ENOMEM, "out of memory");
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return fail_set(place.why, -EBUSY,
			"%s: another program is writing to it; try again", place.file);
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return fail_set(place.why, -EACCES, "%s: can't be written: %s", place.file,
			sqlite3_errmsg(db));
	case SQLITE_FULL:
		return fail_set(
			place.why, -ENOSPC, "%s: can't be written: the disk is full", place.file);
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
		return fail_set(place.why, -EIO, "%s: %s", place.file, sqlite3_errmsg(db));
	default:
		return fail_set(place.why, -EPROTO,
			"%s: a damaged case: %s; hunt the inputs anew into another file",
			place.file,
			code == SQLITE_INTERRUPT ? "checking it takes too long"
						 : sqlite3_errmsg(db));
	}
}

int database_do(sqlite3 *db, const char *sql, struct place place)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : database_fail(db, place);
}

void database_close(sqlite3 *db)
{
	(void)sqlite3_close(db);
}

/* ---- defences ---- */

/* Called when one statement has done all that it may. */
static int too_much(void *context)
{
	(void)context;
	return 1;
}

/* sqlite.org/security.html, "Untrusted SQLite Database Files". */
static int defend(sqlite3 *db, struct place place)
{
	static const struct {
		int what, on;
	} flags[] = {{SQLITE_DBCONFIG_DEFENSIVE, 1}, {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
		{SQLITE_DBCONFIG_ENABLE_TRIGGER, 0}, {SQLITE_DBCONFIG_ENABLE_VIEW, 0},
		{SQLITE_DBCONFIG_DQS_DML, 0}, {SQLITE_DBCONFIG_DQS_DDL, 0},
		{SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0}};
	static const struct {
		int what, most;
	} limits[] = {{SQLITE_LIMIT_LENGTH, 1 << 20}, {SQLITE_LIMIT_SQL_LENGTH, 1 << 16},
		{SQLITE_LIMIT_COLUMN, 64}, {SQLITE_LIMIT_EXPR_DEPTH, 32},
		{SQLITE_LIMIT_COMPOUND_SELECT, 4}, {SQLITE_LIMIT_VDBE_OP, 25000},
		{SQLITE_LIMIT_FUNCTION_ARG, 8}, {SQLITE_LIMIT_ATTACHED, 0},
		{SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 64}, {SQLITE_LIMIT_VARIABLE_NUMBER, 64},
		{SQLITE_LIMIT_TRIGGER_DEPTH, 1}, {SQLITE_LIMIT_WORKER_THREADS, 0}};
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (sqlite3_db_config(db, flags[i].what, flags[i].on, (int *)NULL) != SQLITE_OK)
			return database_fail(db, place);
	for (size_t i = 0; i < ARRAY_LEN(limits); i++)
		(void)sqlite3_limit(db, limits[i].what, limits[i].most);
	sqlite3_progress_handler(db, WORK_MAX, too_much, NULL);
	(void)sqlite3_busy_timeout(db, WAIT_MS);
	return database_do(
		db, "PRAGMA cell_size_check=ON;PRAGMA mmap_size=0;PRAGMA temp_store=MEMORY", place);
}

/* ---- opening ---- */

static int no_case(struct place place, const char *what)
{
	return fail_set(place.why, -EPROTO,
		"%s: %s: a case is what postern hunt --case F.db writes", place.file, what);
}

static int check_head(const uint8_t head[static HEAD_BYTES], struct place place)
{
	if (memcmp(head, magic, sizeof magic) != 0)
		return no_case(place, "no SQLite database");
	if (head[HEAD_WRITE] != MODE_NORMAL || head[HEAD_READ] != MODE_NORMAL)
		return fail_set(place.why, -EPROTO,
			"%s: in a journal mode that a case is never in; if it is one: sqlite3 FILE "
			"'PRAGMA journal_mode=DELETE'",
			place.file);
	return 0;
}

/* What SQLite would not say, or not as well. */
static int check_file(const char *path, struct place place)
{
	struct stat st;
	uint8_t head[HEAD_BYTES];
	if (stat(path, &st) != 0)
		return fail_set(place.why, -errno, "%s: %s", place.file, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return no_case(place, "no file");
	if ((uint64_t)st.st_size > STORE_BYTES_MAX)
		return fail_set(
			place.why, -E2BIG, "%s: bigger than a case can be (512 MB)", place.file);
	FILE *file = fopen(path, "rbe");
	if (file == NULL)
		return fail_set(place.why, -errno, "%s: %s", place.file, strerror(errno));
	size_t got = fread(head, 1, sizeof head, file);
	(void)fclose(file);
	if (got < sizeof head)
		return no_case(place, got == 0 ? "empty" : "no SQLite database");
	return check_head(head, place);
}

static int open_as(sqlite3 **ret, const char *path, int flags, struct place place)
{
	/* a name such as ":memory:" means something to SQLite */
	char *name = sqlite3_mprintf("%s%s", path[0] == '/' || path[0] == ':' ? "" : "./", path);
	int code = name == NULL
	                   ? SQLITE_NOMEM
	                   : sqlite3_open_v2(name, ret, flags | SQLITE_OPEN_PRIVATECACHE, NULL);
	sqlite3_free(name);
	int err = code == SQLITE_NOMEM ? fail_set(place.why, -ENOMEM, "out of memory") : 0;
	if (err == 0 && code != SQLITE_OK)
		err = database_fail(*ret, place);
	if (err == 0)
		err = defend(*ret, place);
	if (err < 0) {
		database_close(*ret);
		*ret = NULL;
	}
	return err;
}

int database_new(sqlite3 **ret, const char *path, struct place place)
{
	return open_as(ret, path, SQLITE_OPEN_READWRITE, place);
}

int database_open(sqlite3 **ret, const char *path, bool write, struct place place)
{
	int err = check_file(path, place);
	if (err < 0)
		return err;
	err = open_as(ret, path, write ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY, place);
	if (err < 0 || write)
		return err;
	/* an interrupted writing can only be undone by who may write */
	int64_t unused = 0;
	struct fail why = {0};
	if (schema_pragma(*ret, "schema_version", &unused, (struct place){place.file, &why}) == 0 ||
		why.code != -EACCES)
		return 0;
	database_close(*ret);
	return open_as(ret, path, SQLITE_OPEN_READWRITE, place);
}

int database_of(sqlite3 **ret, struct cur bytes, struct place place)
{
	size_t len = bytes.len;
	if (len > STORE_BYTES_MAX)
		return fail_set(
			place.why, -E2BIG, "%s: bigger than a case can be (512 MB)", place.file);
	struct span span = cur_bytes(&bytes, len);
	uint8_t head[HEAD_BYTES];
	if (span.len < sizeof head)
		return no_case(place, "no SQLite database");
	memcpy(head, span.ptr, sizeof head);
	int err = check_head(head, place);
	if (err == 0)
		err = database_new(ret, ":memory:", place);
	if (err < 0)
		return err;
	uint8_t *copy = sqlite3_malloc64(len);
	if (copy == NULL) {
		database_close(*ret);
		return fail_set(place.why, -ENOMEM, "out of memory");
	}
	memcpy(copy, span.ptr, len);
	if (sqlite3_deserialize(*ret, "main", copy, (sqlite3_int64)len, (sqlite3_int64)len,
		    SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE) != SQLITE_OK) {
		err = database_fail(*ret, place);
		database_close(*ret);
	}
	return err;
}

int database_copy(sqlite3 **ret, sqlite3 *db, struct place place)
{
	sqlite3 *copy = NULL;
	int err = database_new(&copy, ":memory:", place);
	if (err < 0)
		return err;
	sqlite3_backup *backup = sqlite3_backup_init(copy, "main", db, "main");
	int code = backup == NULL ? SQLITE_ERROR : sqlite3_backup_step(backup, -1);
	if (backup != NULL)
		(void)sqlite3_backup_finish(backup);
	if (code == SQLITE_DONE) {
		*ret = copy;
		return 0;
	}
	if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
		err = fail_set(place.why, -EBUSY, "%s: another program is writing to it; try again",
			place.file);
	else
		err = database_fail(sqlite3_errcode(copy) != SQLITE_OK ? copy : db, place);
	database_close(copy);
	return err;
}

/* ---- what it is ---- */

int database_pages(sqlite3 *db, struct place place)
{
	sqlite3_stmt *stmt = NULL;
	int code = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &stmt, NULL);
	code = code == SQLITE_OK ? sqlite3_step(stmt) : code;
	int err = code == SQLITE_ROW ? 0 : database_fail(db, place);
	const char *said = err < 0 ? NULL : (const char *)sqlite3_column_text(stmt, 0);
	if (err == 0 && (said == NULL || strcmp(said, "ok") != 0)) {
		struct out safe = {0};
		out_safe(&safe, said == NULL ? "no word" : said, 100);
		err = fail_set(place.why, -EPROTO,
			"%s: a damaged case: %s; hunt the inputs anew into another file",
			place.file, out_string(&safe));
		out_fini(&safe);
	}
	(void)sqlite3_finalize(stmt);
	return err;
}

int database_check(sqlite3 *db, struct place place)
{
	int64_t application = 0, version = 0;
	int err = schema_pragma(db, "application_id", &application, place);
	if (err == 0)
		err = schema_pragma(db, "user_version", &version, place);
	if (err < 0)
		return err;
	if (application != SCHEMA_APPLICATION || version < 1)
		return no_case(place, "a database of another program");
	if (version > (int64_t)schema_version())
		return fail_set(place.why, -ENOTSUP,
			"%s: a case of version %lld, made by a later postern; this one reads up to "
			"%u: "
			"use that one, or hunt the inputs anew",
			place.file, (long long)version, schema_version());
	err = schema_compare(db, (unsigned)version, place);
	return err == 0 ? database_pages(db, place) : err;
}
