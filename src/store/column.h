/* Inside store/: a table of the case file beside the struct that it holds. Each column is one row
 * of a list: its name, its kind, its field. Writing and reading go through the same list, so
 * neither can know a field that the other does not. */
#pragma once

#include <sqlite3.h>

#include "base/strings.h"
#include "store/store.h"

#define STORE_TEXT_MAX   ((size_t)64 << 10) /* bytes of one text */
#define STORE_NAME_BYTES 110u               /* of a path in a complaint */
#define STORE_KEYS_MAX   3u

enum column_kind {
	COLUMN_TEXT,   /* const char *: of strangers, any bytes but NUL */
	COLUMN_SAFE,   /* const char *: printed as it is, so out_safe() must find nothing in it */
	COLUMN_CHARS,  /* char[size]: as COLUMN_TEXT */
	COLUMN_WORD,   /* an enum, by its name */
	COLUMN_BOOL,   /* bool */
	COLUMN_NUMBER, /* an unsigned integer of size bytes, 2, 4 or 8; over 2^63 it is negative in
	                  SQL */
	COLUMN_TIME,   /* int64_t, ns: a point in time or a span */
	COLUMN_ERROR,  /* int: 0 or a negative errno */
	COLUMN_REAL,   /* double, finite */
	COLUMN_ADDR,   /* struct addr, as text */
};

struct column {
	const char *name;
	enum column_kind kind;
	size_t offset, size;
	double low, high; /* of a COLUMN_REAL */
	uint64_t most;    /* of a COLUMN_NUMBER; 0: whatever fits */
	const char *(*word)(unsigned n);
	unsigned words;
	bool null; /* a text that may be NULL */
};

struct table {
	const char *name;
	const char *key[STORE_KEYS_MAX]; /* before the columns; its rows are read in their order */
	size_t keys;
	const struct column *column;
	size_t columns;
	size_t bytes; /* of a row */
};

/* What is needed to speak of a row. */
struct place {
	const char *file; /* safe to print */
	struct fail *why;
};

struct table_writer {
	const struct table *table;
	sqlite3_stmt *stmt;
	struct place place;
};

/* Fails: -errno, -ENOMEM. */
MUST_USE int table_writer_open(
	struct table_writer *w, sqlite3 *db, const struct table *table, struct place place);
MUST_USE int table_add(struct table_writer *w, const uint64_t *key, const void *row);
void table_writer_close(struct table_writer *w);

struct table_reader {
	const struct table *table;
	sqlite3_stmt *stmt;
	struct strings *strings; /* texts go there */
	struct place place;
	uint64_t row; /* read so far */
};

MUST_USE int table_reader_open(struct table_reader *r, sqlite3 *db, const struct table *table,
	struct strings *strings, struct place place);
/* 1: key and row are filled. 0: no more. Fails: -EPROTO (a value that no hunt would write), -E2BIG
 * (more text than a case may hold), -errno. */
MUST_USE int table_next(struct table_reader *r, uint64_t *key, void *row);
/* Says which row is wrong. Returns -EPROTO. */
int table_wrong(const struct table_reader *r, const char *column, const char *what);
void table_reader_close(struct table_reader *r);
