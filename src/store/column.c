#include "store/column.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/out.h"
#include "base/scan.h"
#include "store/database.h"

/* Times are as the data has them; so far apart, differences of two are still numbers. */
#define TIME_MOST  (INT64_MAX / 2)
#define ERRNO_MOST 4095

/* ---- writing ---- */

static void say_names(struct out *sql, const struct table *t)
{
	for (size_t i = 0; i < t->keys; i++)
		out_printf(sql, "%s%s", i == 0 ? "" : ",", t->key[i]);
	for (size_t i = 0; i < t->columns; i++)
		out_printf(sql, ",%s", t->column[i].name);
}

static int prepare(sqlite3 *db, const struct out *sql, sqlite3_stmt **ret, struct place place)
{
	if (sql->failed)
		return fail_set(place.why, -ENOMEM, "out of memory");
	if (sqlite3_prepare_v2(db, out_string(sql), -1, ret, NULL) != SQLITE_OK)
		return database_fail(db, place);
	return 0;
}

int table_writer_open(
	struct table_writer *w, sqlite3 *db, const struct table *table, struct place place)
{
	struct out sql = {0};
	*w = (struct table_writer){.table = table, .place = place};
	out_printf(&sql, "INSERT INTO %s(", table->name);
	say_names(&sql, table);
	out_text(&sql, ") VALUES(?");
	for (size_t i = 1; i < table->keys + table->columns; i++)
		out_text(&sql, ",?");
	out_text(&sql, ")");
	int err = prepare(db, &sql, &w->stmt, place);
	out_fini(&sql);
	return err;
}

void table_writer_close(struct table_writer *w)
{
	(void)sqlite3_finalize(w->stmt);
	w->stmt = NULL;
}

static uint64_t number_of(const void *field, size_t size)
{
	uint16_t two;
	uint32_t four;
	uint64_t eight;
	switch (size) {
	case sizeof two:
		memcpy(&two, field, sizeof two);
		return two;
	case sizeof four:
		memcpy(&four, field, sizeof four);
		return four;
	default:
		CHECK(size == sizeof eight);
		memcpy(&eight, field, sizeof eight);
		return eight;
	}
}

static int bind_text(sqlite3_stmt *stmt, int at, const char *text)
{
	if (text == NULL)
		return sqlite3_bind_null(stmt, at);
	return sqlite3_bind_text(
		stmt, at, text, (int)strnlen(text, STORE_TEXT_MAX), SQLITE_TRANSIENT);
}

/* It is already, but where a limit cut a letter in two. */
static int bind_safe(sqlite3_stmt *stmt, int at, const char *text)
{
	if (text == NULL)
		return sqlite3_bind_null(stmt, at);
	struct out safe = {0};
	out_safe(&safe, text, STORE_TEXT_MAX / 8);
	int code = safe.failed ? SQLITE_NOMEM : bind_text(stmt, at, out_string(&safe));
	out_fini(&safe);
	return code;
}

static int64_t time_within(int64_t ns)
{
	if (ns > TIME_MOST)
		return TIME_MOST;
	return ns < -TIME_MOST ? -TIME_MOST : ns;
}

static double real_within(const struct column *c, double value)
{
	return isnan(value) ? 0 : fmax(c->low, fmin(c->high, value));
}

static int bind(sqlite3_stmt *stmt, int at, const struct column *c, const void *row)
{
	const uint8_t *field = (const uint8_t *)row + c->offset;
	char addr[ADDR_TEXT_BYTES];
	switch (c->kind) {
	case COLUMN_TEXT:
		return bind_text(stmt, at, *(const char *const *)(const void *)field);
	case COLUMN_SAFE:
		return bind_safe(stmt, at, *(const char *const *)(const void *)field);
	case COLUMN_CHARS:
		return bind_text(stmt, at, (const char *)field);
	case COLUMN_WORD:
		return bind_text(stmt, at, c->word((unsigned)number_of(field, c->size)));
	case COLUMN_BOOL:
		return sqlite3_bind_int(stmt, at, *(const bool *)field);
	case COLUMN_NUMBER:
		return sqlite3_bind_int64(stmt, at, (int64_t)number_of(field, c->size));
	case COLUMN_TIME:
		return sqlite3_bind_int64(
			stmt, at, time_within(*(const int64_t *)(const void *)field));
	case COLUMN_ERROR:
		return sqlite3_bind_int(stmt, at, *(const int *)(const void *)field);
	case COLUMN_REAL:
		return sqlite3_bind_double(
			stmt, at, real_within(c, *(const double *)(const void *)field));
	case COLUMN_ADDR:
		return bind_text(
			stmt, at, addr_text((const struct addr *)(const void *)field, addr));
	}
	return SQLITE_MISUSE;
}

int table_add(struct table_writer *w, const uint64_t *key, const void *row)
{
	const struct table *t = w->table;
	int at = 1, code = SQLITE_OK;
	for (size_t i = 0; i < t->keys && code == SQLITE_OK; i++)
		code = sqlite3_bind_int64(w->stmt, at++, (int64_t)key[i]);
	for (size_t i = 0; i < t->columns && code == SQLITE_OK; i++)
		code = bind(w->stmt, at++, &t->column[i], row);
	if (code == SQLITE_OK && sqlite3_step(w->stmt) == SQLITE_DONE)
		code = sqlite3_reset(w->stmt);
	else
		code = SQLITE_ERROR;
	return code == SQLITE_OK ? 0 : database_fail(sqlite3_db_handle(w->stmt), w->place);
}

/* ---- reading ---- */

int table_reader_open(struct table_reader *r, sqlite3 *db, const struct table *table,
	struct strings *strings, struct place place)
{
	struct out sql = {0};
	*r = (struct table_reader){.table = table, .strings = strings, .place = place};
	out_text(&sql, "SELECT ");
	say_names(&sql, table);
	out_printf(&sql, " FROM %s ORDER BY ", table->name);
	for (size_t i = 0; i < table->keys; i++)
		out_printf(&sql, "%s%s", i == 0 ? "" : ",", table->key[i]);
	int err = prepare(db, &sql, &r->stmt, place);
	out_fini(&sql);
	return err;
}

void table_reader_close(struct table_reader *r)
{
	(void)sqlite3_finalize(r->stmt);
	r->stmt = NULL;
}

int table_wrong(const struct table_reader *r, const char *column, const char *what)
{
	return fail_set(r->place.why, -EPROTO,
		"%s: table %s, row %llu, column %s: %s: no hunt wrote that; hunt the inputs anew",
		r->place.file, r->table->name, (unsigned long long)r->row, column, what);
}

/* NULL: there is none, or it is none. */
static const char *text_at(sqlite3_stmt *stmt, int at, const struct column *c, const char **wrong)
{
	if (sqlite3_column_type(stmt, at) == SQLITE_NULL && c->null)
		return NULL;
	const char *text = sqlite3_column_type(stmt, at) == SQLITE_TEXT
	                           ? (const char *)sqlite3_column_text(stmt, at)
	                           : NULL;
	size_t len = (size_t)sqlite3_column_bytes(stmt, at);
	if (text == NULL)
		*wrong = "no text";
	else if (len > STORE_TEXT_MAX)
		*wrong = "too long";
	else if (strlen(text) != len)
		*wrong = "a NUL in a text";
	return *wrong == NULL ? text : NULL;
}

static bool is_safe(const char *text)
{
	struct out safe = {0};
	out_safe(&safe, text, STORE_TEXT_MAX);
	bool same = !safe.failed && strcmp(out_string(&safe), text) == 0;
	out_fini(&safe);
	return same;
}

static const char *take_text(
	const struct table_reader *r, int at, const struct column *c, const char **ret)
{
	const char *wrong = NULL, *text = text_at(r->stmt, at, c, &wrong);
	if (text == NULL || text[0] == '\0') {
		*ret = text == NULL ? NULL : "";
		return wrong;
	}
	if (c->kind == COLUMN_SAFE && !is_safe(text))
		return "a text with control characters";
	*ret = strings_get(r->strings, strings_add(r->strings, text));
	return *ret == NULL ? "more text than a case may hold" : NULL;
}

static const char *take_chars(
	const struct table_reader *r, int at, const struct column *c, uint8_t *field)
{
	const char *wrong = NULL, *text = text_at(r->stmt, at, c, &wrong);
	if (text == NULL)
		return wrong;
	size_t len = strlen(text);
	if (len >= c->size)
		return "too long";
	memcpy(field, text, len + 1);
	return NULL;
}

static const char *take_word(
	const struct table_reader *r, int at, const struct column *c, uint8_t *field)
{
	const char *wrong = NULL, *text = text_at(r->stmt, at, c, &wrong);
	for (unsigned n = 0; text != NULL && n < c->words; n++) {
		if (strcmp(text, c->word(n)) != 0)
			continue;
		CHECK(c->size == sizeof n); /* of an enum, here and with both compilers */
		memcpy(field, &n, sizeof n);
		return NULL;
	}
	return wrong == NULL ? "an unknown word" : wrong;
}

static const char *take_number(const struct column *c, int64_t value, uint8_t *field)
{
	uint64_t number = (uint64_t)value, most = c->most;
	uint16_t two = (uint16_t)number;
	uint32_t four = (uint32_t)number;
	if (most == 0)
		most = c->size == sizeof two    ? UINT16_MAX
		       : c->size == sizeof four ? UINT32_MAX
		                                : UINT64_MAX;
	if (number > most)
		return "out of range";
	if (c->size == sizeof two)
		memcpy(field, &two, sizeof two);
	else if (c->size == sizeof four)
		memcpy(field, &four, sizeof four);
	else
		memcpy(field, &number, sizeof number);
	return NULL;
}

static const char *take_integer(
	const struct table_reader *r, int at, const struct column *c, uint8_t *field)
{
	if (sqlite3_column_type(r->stmt, at) != SQLITE_INTEGER)
		return "no whole number";
	int64_t value = sqlite3_column_int64(r->stmt, at);
	if (c->kind == COLUMN_NUMBER)
		return take_number(c, value, field);
	if (c->kind == COLUMN_TIME && value >= -TIME_MOST && value <= TIME_MOST)
		*(int64_t *)(void *)field = value;
	else if (c->kind == COLUMN_BOOL && (value == 0 || value == 1))
		*(bool *)field = value == 1;
	else if (c->kind == COLUMN_ERROR && value <= 0 && value >= -ERRNO_MOST)
		*(int *)(void *)field = (int)value;
	else
		return "out of range";
	return NULL;
}

static const char *take_real(
	const struct table_reader *r, int at, const struct column *c, uint8_t *field)
{
	if (sqlite3_column_type(r->stmt, at) != SQLITE_FLOAT)
		return "no number";
	double value = sqlite3_column_double(r->stmt, at);
	if (!(value >= c->low && value <= c->high))
		return "out of range";
	*(double *)(void *)field = value;
	return NULL;
}

static const char *take_addr(
	const struct table_reader *r, int at, const struct column *c, uint8_t *field)
{
	const char *wrong = NULL, *text = text_at(r->stmt, at, c, &wrong);
	if (text != NULL && addr_parse(text, (struct addr *)(void *)field) < 0)
		return "no address";
	return wrong;
}

/* NULL, or what is wrong. */
static const char *take(const struct table_reader *r, int at, const struct column *c, void *row)
{
	uint8_t *field = (uint8_t *)row + c->offset;
	switch (c->kind) {
	case COLUMN_TEXT:
	case COLUMN_SAFE:
		return take_text(r, at, c, (const char **)(void *)field);
	case COLUMN_CHARS:
		return take_chars(r, at, c, field);
	case COLUMN_WORD:
		return take_word(r, at, c, field);
	case COLUMN_BOOL:
	case COLUMN_NUMBER:
	case COLUMN_TIME:
	case COLUMN_ERROR:
		return take_integer(r, at, c, field);
	case COLUMN_REAL:
		return take_real(r, at, c, field);
	case COLUMN_ADDR:
		return take_addr(r, at, c, field);
	}
	return "of no kind";
}

int table_next(struct table_reader *r, uint64_t *key, void *row)
{
	const struct table *t = r->table;
	int code = sqlite3_step(r->stmt);
	if (code == SQLITE_DONE)
		return 0;
	if (code != SQLITE_ROW)
		return database_fail(sqlite3_db_handle(r->stmt), r->place);
	r->row++;
	int at = 0;
	for (size_t i = 0; i < t->keys; i++, at++) {
		int64_t value = sqlite3_column_int64(r->stmt, at);
		if (sqlite3_column_type(r->stmt, at) != SQLITE_INTEGER || value < 0)
			return table_wrong(r, t->key[i], "no number");
		key[i] = (uint64_t)value;
	}
	for (size_t i = 0; i < t->columns; i++, at++) {
		const char *wrong = take(r, at, &t->column[i], row);
		if (wrong != NULL)
			return table_wrong(r, t->column[i].name, wrong);
	}
	return 1;
}
