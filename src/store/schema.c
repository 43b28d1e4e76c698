#include "store/schema.h"

#include <errno.h>
#include <string.h>

#include "base/out.h"

/* Each step makes the next version of the one before. A step that was published is never changed:
 * files made by it are out there, and their schema is compared with it letter by letter. So a step
 * adds tables and copies; ALTER TABLE is not used, whose result differs between SQLite's
 * versions. */
static const char *const steps[] = {
	/* 1: what a hunt tells. Numbers are whole, times are nanoseconds since 1970 UTC; a count
         * over 2^63 is negative. Lists are numbered from 0 without a gap. */
	"CREATE TABLE hunt(ordinal INTEGER PRIMARY KEY, version TEXT NOT NULL, made_ns INTEGER NOT "
	"NULL, max_e REAL NOT NULL, inputs INTEGER NOT NULL, records INTEGER NOT NULL, rejected "
	"INTEGER NOT NULL, hosts INTEGER NOT NULL, host_days REAL NOT NULL, connections INTEGER "
	"NOT "
	"NULL, findings INTEGER NOT NULL, explained INTEGER NOT NULL, seconds REAL NOT NULL, "
	"first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL, partial INTEGER NOT NULL, "
	"decoy_host_days REAL NOT NULL, safelist TEXT) STRICT;"
	"CREATE TABLE option(ordinal INTEGER PRIMARY KEY, name TEXT NOT NULL, value TEXT NOT NULL) "
	"STRICT;"
	"CREATE TABLE off(ordinal INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;"
	"CREATE TABLE calibration(ordinal INTEGER PRIMARY KEY, stated REAL NOT NULL, findings "
	"INTEGER NOT NULL, observed REAL NOT NULL, low REAL NOT NULL, high REAL NOT NULL) STRICT;"
	"CREATE TABLE safelist(line INTEGER PRIMARY KEY, entry TEXT NOT NULL, hid INTEGER NOT "
	"NULL) "
	"STRICT;"
	"CREATE TABLE input(ordinal INTEGER PRIMARY KEY, path TEXT NOT NULL, format TEXT, packing "
	"TEXT, bytes INTEGER NOT NULL, sha256 TEXT NOT NULL, frames INTEGER NOT NULL, rejected "
	"INTEGER NOT NULL, rows_rejected INTEGER NOT NULL, late INTEGER NOT NULL, drops INTEGER "
	"NOT "
	"NULL, comments INTEGER NOT NULL, first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL, log "
	"INTEGER NOT NULL, cut INTEGER NOT NULL, cut_offset INTEGER NOT NULL, error INTEGER NOT "
	"NULL, text TEXT NOT NULL) STRICT;"
	"CREATE TABLE finding(ordinal INTEGER PRIMARY KEY, id TEXT NOT NULL, kind TEXT NOT NULL, "
	"host TEXT NOT NULL, process TEXT, first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL, "
	"episodes INTEGER NOT NULL, e_value REAL NOT NULL, measured INTEGER NOT NULL, explained "
	"TEXT, explained_text TEXT) STRICT;"
	"CREATE TABLE channel(finding INTEGER NOT NULL, ordinal INTEGER NOT NULL, role TEXT NOT "
	"NULL, endpoint TEXT NOT NULL, port INTEGER NOT NULL, transport TEXT NOT NULL, service "
	"TEXT, connections INTEGER NOT NULL, failures INTEGER NOT NULL, failure TEXT NOT NULL, "
	"first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL, bytes_out INTEGER NOT NULL, bytes_in "
	"INTEGER NOT NULL, ja3 TEXT, ja4 TEXT, user_agent TEXT, process TEXT, PRIMARY KEY(finding, "
	"ordinal)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE channel_name(finding INTEGER NOT NULL, channel INTEGER NOT NULL, ordinal "
	"INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY(finding, channel, ordinal)) STRICT, "
	"WITHOUT ROWID;"
	"CREATE TABLE channel_address(finding INTEGER NOT NULL, channel INTEGER NOT NULL, ordinal "
	"INTEGER NOT NULL, address TEXT NOT NULL, PRIMARY KEY(finding, channel, ordinal)) STRICT, "
	"WITHOUT ROWID;"
	"CREATE TABLE move(finding INTEGER NOT NULL, ordinal INTEGER NOT NULL, from_channel "
	"INTEGER "
	"NOT NULL, to_channel INTEGER NOT NULL, at_ns INTEGER NOT NULL, after_ns INTEGER NOT NULL, "
	"failure TEXT NOT NULL, PRIMARY KEY(finding, ordinal)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE evidence(finding INTEGER NOT NULL, ordinal INTEGER NOT NULL, kind TEXT NOT "
	"NULL, bits REAL NOT NULL, text TEXT NOT NULL, PRIMARY KEY(finding, ordinal)) STRICT, "
	"WITHOUT ROWID;"
	"CREATE TABLE tick(finding INTEGER NOT NULL, ordinal INTEGER NOT NULL, channel INTEGER NOT "
	"NULL, at_ns INTEGER NOT NULL, outcome TEXT NOT NULL, PRIMARY KEY(finding, ordinal)) "
	"STRICT, "
	"WITHOUT ROWID;"
	"CREATE TABLE community(finding INTEGER NOT NULL, ordinal INTEGER NOT NULL, id TEXT NOT "
	"NULL, PRIMARY KEY(finding, ordinal)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE uid(finding INTEGER NOT NULL, ordinal INTEGER NOT NULL, id TEXT NOT NULL, "
	"PRIMARY KEY(finding, ordinal)) STRICT, WITHOUT ROWID;",
	/* 2: what people say of findings. Only ever added to; the latest on a finding counts. */
	"CREATE TABLE ruling(ordinal INTEGER PRIMARY KEY, finding_id TEXT NOT NULL, verdict TEXT "
	"NOT "
	"NULL, why TEXT NOT NULL, by TEXT, at_ns INTEGER NOT NULL) STRICT;",
};

unsigned schema_version(void)
{
	return ARRAY_LEN(steps);
}

int schema_raise(sqlite3 *db, unsigned from, unsigned to, struct place place)
{
	CHECK(to <= ARRAY_LEN(steps));
	int err = 0;
	for (unsigned i = from; i < to && err == 0; i++)
		err = database_do(db, steps[i], place);
	if (err < 0 || from >= to)
		return err;
	char pragma[96];
	(void)snprintf(pragma, sizeof pragma, "PRAGMA application_id=%d;PRAGMA user_version=%u",
		SCHEMA_APPLICATION, to);
	return database_do(db, pragma, place);
}

int schema_pragma(sqlite3 *db, const char *name, int64_t *ret, struct place place)
{
	char sql[64];
	sqlite3_stmt *stmt = NULL;
	(void)snprintf(sql, sizeof sql, "PRAGMA %s", name);
	int code = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
	code = code == SQLITE_OK ? sqlite3_step(stmt) : code;
	int err = code == SQLITE_ROW ? 0 : database_fail(db, place);
	if (err == 0)
		*ret = sqlite3_column_int64(stmt, 0);
	(void)sqlite3_finalize(stmt);
	return err;
}

/* All that is defined, in one text. */
static int list(sqlite3 *db, struct out *ret, struct place place)
{
	sqlite3_stmt *stmt = NULL;
	int code = sqlite3_prepare_v2(db,
		"SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name", -1,
		&stmt, NULL);
	while (code == SQLITE_OK && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
		for (int i = 0; i < sqlite3_column_count(stmt); i++) {
			const char *text = (const char *)sqlite3_column_text(stmt, i);
			out_text(ret, text == NULL ? "-" : text);
			out_text(ret, "\n");
		}
		code = SQLITE_OK;
	}
	int err = code == SQLITE_DONE ? 0 : database_fail(db, place);
	(void)sqlite3_finalize(stmt);
	if (err == 0 && ret->failed)
		err = fail_set(place.why, -ENOMEM, "out of memory");
	return err;
}

/* 1: both define the same. */
static int same(sqlite3 *db, sqlite3 *ours, struct place place)
{
	struct out want = {0}, have = {0};
	int err = list(ours, &want, place);
	if (err == 0)
		err = list(db, &have, place);
	if (err == 0)
		err = strcmp(out_string(&want), out_string(&have)) == 0;
	out_fini(&want);
	out_fini(&have);
	return err;
}

int schema_compare(sqlite3 *db, unsigned version, struct place place)
{
	sqlite3 *ours = NULL;
	int err = database_new(&ours, ":memory:", place);
	if (err == 0)
		err = schema_raise(ours, 0, version, place);
	if (err == 0 && (err = same(db, ours, place)) == 0)
		err = fail_set(place.why, -EPROTO,
			"%s: its tables are not those of a case: it was changed by another "
			"program; "
			"hunt the inputs anew into another file",
			place.file);
	database_close(ours);
	return err < 0 ? err : 0;
}

int schema_same(sqlite3 *db, const char *sql, struct place place)
{
	sqlite3 *ours = NULL;
	int err = database_new(&ours, ":memory:", place);
	if (err == 0)
		err = database_do(ours, sql, place);
	if (err == 0 && (err = same(db, ours, place)) == 0)
		err = fail_set(place.why, -EPROTO, "%s: its tables are others", place.file);
	database_close(ours);
	return err < 0 ? err : 0;
}
