/* Inside store/: what a case file looks like, and how one of an earlier version becomes one of
 * this. */
#pragma once

#include "store/database.h"

/* PRAGMA application_id: "Post". */
#define SCHEMA_APPLICATION 0x506f7374

/* PRAGMA user_version of the cases that this program writes. */
unsigned schema_version(void);
/* From version `from` (0: empty) to `to`. The caller has begun a transaction, if one is wanted. */
MUST_USE int schema_raise(sqlite3 *db, unsigned from, unsigned to, struct place place);
/* A number of the database's head. */
MUST_USE int schema_pragma(sqlite3 *db, const char *name, int64_t *ret, struct place place);
/* Whether all that the database defines is what version `version` defines. Fails: -EPROTO. */
MUST_USE int schema_compare(sqlite3 *db, unsigned version, struct place place);
/* The same with what the statements define. */
MUST_USE int schema_same(sqlite3 *db, const char *sql, struct place place);
