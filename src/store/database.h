/* Inside store/: a SQLite database that is not trusted: its schema has to be ours to the letter
 * before anything in it is asked for. */
#pragma once

#include <sqlite3.h>

#include "store/column.h"

/* The file, not changed by that; a journal that an interrupted writer left is undone first. Fails
 * as stored_open(). */
MUST_USE int database_open(sqlite3 **ret, const char *path, bool write, struct place place);
/* Bytes of such a file, in memory. Fails: -E2BIG, -ENOMEM, -EPROTO. */
MUST_USE int database_of(sqlite3 **ret, struct cur bytes, struct place place);
/* A new one, empty: a file that is there already and has no byte, or ":memory:". */
MUST_USE int database_new(sqlite3 **ret, const char *path, struct place place);
void database_close(sqlite3 *db);

/* A copy in memory, so that it can be brought up to date. */
MUST_USE int database_copy(sqlite3 **ret, sqlite3 *db, struct place place);
/* Whether it is a case of a version up to ours, whole and with nothing in its schema that is not
 * ours. Fails: -EPROTO, -ENOTSUP, -EBUSY. */
MUST_USE int database_check(sqlite3 *db, struct place place);
/* Whether its pages are whole. Fails: -EPROTO. */
MUST_USE int database_pages(sqlite3 *db, struct place place);
/* Statements of ours. */
MUST_USE int database_do(sqlite3 *db, const char *sql, struct place place);

/* What went wrong last, in words; a negative errno. */
int database_fail(sqlite3 *db, struct place place);
