/* Zeek's logs as TSV: docs.zeek.org, "Zeek Log Formats". A header names separators and fields; it
 * may come again anywhere (rotated logs written behind one another), with other fields. Values
 * escape the separators and what is not printable as \xHH. */
#include <errno.h>

#include "base/scan.h"
#include "ingest/lines.h"
#include "ingest/zeek_row.h"

#define COLUMNS_MAX 256
#define SCHEMAS_MAX 1024 /* different headers within one file */
#define MARK_BYTES  16   /* of separators and the words for unset and empty */

struct mark {
	uint8_t byte[MARK_BYTES];
	size_t len;
};

struct schema {
	struct schema *next;
	uint8_t separator, set_separator;
	struct mark empty, unset;
	enum zeek_path path;
	bool named; /* #path was there */
	uint32_t columns;
	uint16_t ts;                /* column */
	uint8_t field[COLUMNS_MAX]; /* ZEEK_FIELDS: none that matters */
	const char *missing;
};

struct zeek_log {
	struct schema *schemas; /* the newest first; owned */
	uint32_t count;
	struct schema draft; /* the header being read */
	bool open;           /* draft has no #fields yet */
};

static struct span mark_span(const struct mark *m)
{
	return (struct span){m->byte, m->len};
}

static bool span_eq(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* ---- the header ---- */

/* A tab before the header happens where logs are pasted. */
static struct span without_indent(struct span line)
{
	struct span bare = span_trim(line);
	return bare.len > 0 && bare.ptr[0] == '#' ? bare : line;
}

static bool claims(struct cur start)
{
	struct span line = without_indent(lines_first(start));
	return span_begins(line, "#separator") || span_begins(line, "#fields\t") ||
	       span_begins(line, "#fields ") || span_begins(line, "#path\t");
}

/* The byte that "\xHH" at the front stands for, or -1. */
static int escape(struct span s)
{
	if (s.len < 4 || s.ptr[0] != '\\' || s.ptr[1] != 'x')
		return -1;
	unsigned high = scan_hex(s.ptr[2]), low = scan_hex(s.ptr[3]);
	return high > 15 || low > 15 ? -1 : (int)(high << 4 | low);
}

static uint8_t separator_of(struct span value, uint8_t otherwise)
{
	int byte = escape(value);
	return byte >= 0 ? (uint8_t)byte : value.len > 0 ? value.ptr[0] : otherwise;
}

static void set_mark(struct mark *m, struct span value)
{
	struct cur c = cur_of(value.ptr, value.len < MARK_BYTES ? value.len : MARK_BYTES);
	for (m->len = 0; c.len > 0;)
		m->byte[m->len++] = cur_u8(&c);
}

static void begin_draft(struct zeek_log *log)
{
	log->draft = (struct schema){.separator = '\t', .set_separator = ','};
	set_mark(&log->draft.empty, span_of("(empty)"));
	set_mark(&log->draft.unset, span_of("-"));
	log->open = true;
}

static void read_fields(struct schema *d, struct span value)
{
	uint32_t end[COLUMNS_MAX];
	size_t count = lines_split(value, d->separator, end, COLUMNS_MAX);
	uint64_t present = 0;
	d->columns = count > COLUMNS_MAX ? 0 : (uint32_t)count;
	d->ts = 0;
	for (uint32_t i = 0; i < d->columns; i++) {
		enum zeek_field f = zeek_field_of(lines_field(value, end, i));
		if (f != ZEEK_FIELDS && (present & zeek_bit(f)) != 0)
			f = ZEEK_FIELDS; /* named twice: the first counts */
		d->field[i] = (uint8_t)f;
		if (f == ZEEK_TS)
			d->ts = (uint16_t)i;
		if (f != ZEEK_FIELDS)
			present |= zeek_bit(f);
	}
	if (!d->named)
		d->path = zeek_path_by_fields(present);
	d->missing = d->path == ZEEK_OTHER ? NULL : zeek_missing(d->path, present);
}

static bool same_schema(const struct schema *a, const struct schema *b)
{
	if (a->separator != b->separator || a->set_separator != b->set_separator ||
		a->path != b->path || a->columns != b->columns || a->ts != b->ts ||
		!span_eq(mark_span(&a->empty), mark_span(&b->empty)) ||
		!span_eq(mark_span(&a->unset), mark_span(&b->unset)))
		return false;
	return memcmp(a->field, b->field, a->columns) == 0;
}

/* The header is whole: its schema comes to the front of the list. */
static const char *keep_schema(struct zeek_log *log)
{
	struct schema **at = &log->schemas;
	while (*at != NULL && !same_schema(*at, &log->draft))
		at = &(*at)->next;
	struct schema *s = *at;
	if (s != NULL) {
		*at = s->next;
	} else {
		s = log->count < SCHEMAS_MAX ? malloc(sizeof *s) : NULL;
		if (s == NULL)
			return "its header changes too often";
		*s = log->draft;
		log->count++;
	}
	s->next = log->schemas;
	log->schemas = s;
	log->open = false;
	return NULL;
}

/* "#fields\tts\tuid": its value. False: another word. */
static bool directive(struct span line, const char *word, uint8_t separator, struct span *ret)
{
	size_t len = strlen(word);
	if (!span_begins(line, word) || (line.len > len && line.ptr[len] != separator &&
						line.ptr[len] != ' ' && line.ptr[len] != '\t'))
		return false;
	size_t from = len < line.len ? len + 1 : len;
	*ret = (struct span){line.ptr + from, line.len - from};
	return true;
}

/* NULL, or why nothing can be read from here on. */
static const char *header_line(struct zeek_log *log, struct span line)
{
	struct schema *d = &log->draft;
	struct span value;
	if (!log->open || span_begins(line, "#separator"))
		begin_draft(log);
	if (directive(line, "#separator", ' ', &value))
		d->separator = separator_of(span_trim(value), '\t');
	else if (directive(line, "#set_separator", d->separator, &value))
		d->set_separator = separator_of(value, ',');
	else if (directive(line, "#empty_field", d->separator, &value))
		set_mark(&d->empty, value);
	else if (directive(line, "#unset_field", d->separator, &value))
		set_mark(&d->unset, value);
	else if (directive(line, "#path", d->separator, &value)) {
		d->path = zeek_path_of(value);
		d->named = true;
	} else if (directive(line, "#fields", d->separator, &value)) {
		read_fields(d, value);
		return keep_schema(log);
	}
	return NULL; /* #types, #open, #close and comments */
}

/* ---- rows ---- */

static int zeek_open(struct reader *r, struct fail *why)
{
	struct zeek_log *log = calloc(1, sizeof *log);
	if (log == NULL)
		return fail_set(why, -ENOMEM, "%s", strerror(ENOMEM));
	r->log = log;
	begin_draft(log);
	return 0;
}

static void zeek_close(struct reader *r)
{
	struct zeek_log *log = r->log;
	if (log == NULL)
		return;
	for (struct schema *s = log->schemas; s != NULL;) {
		struct schema *next = s->next;
		free(s);
		s = next;
	}
	free(log);
}

/* The time of the row, for its place among the others; the last row's when it has none. */
static int64_t time_of(const struct reader *r, const struct schema *schema, struct span line)
{
	struct span rest = line, field = {0};
	int64_t ns = 0;
	for (uint16_t i = 0; i <= schema->ts; i++)
		if (!span_next(&rest, schema->separator, &field))
			return r->last_ns;
	return scan_time(field, &ns) < 0 ? r->last_ns : ns;
}

static bool zeek_next(struct reader *r, struct frame *ret)
{
	struct zeek_log *log = r->log;
	struct span line;
	while (lines_next(r, &line)) {
		struct span bare = without_indent(line);
		if (bare.ptr[0] == '#') {
			const char *wrong = header_line(log, bare);
			if (wrong != NULL)
				return reader_cut(r, stream_offset(&r->stream), wrong);
			continue;
		}
		const struct schema *schema = log->schemas;
		if (schema == NULL) {
			reader_reject_line(r, r->number, "a row before the header's #fields");
			continue;
		}
		*ret = lines_frame(r, line, time_of(r, schema, line), schema);
		return true;
	}
	return false;
}

/* ---- values ---- */

/* The value without its escapes, in the row's own memory. */
static struct span unescape(struct sink *s, struct span value)
{
	if (!span_has(value, '\\'))
		return value;
	char *to = sink_room(s, value.len);
	size_t len = 0;
	if (to == NULL)
		return (struct span){0};
	for (struct cur c = cur_of(value.ptr, value.len); c.len > 0;) {
		struct span rest = {c.ptr, c.len};
		int byte = escape(rest);
		bool backslash = rest.len >= 2 && rest.ptr[0] == '\\' && rest.ptr[1] == '\\';
		to[len++] = (char)(byte >= 0 ? byte : rest.ptr[0]);
		cur_skip(&c, byte >= 0 ? 4 : backslash ? 2 : 1);
	}
	return (struct span){(const uint8_t *)to, len};
}

static bool next_item(
	struct sink *s, const struct zeek_row *row, struct span *rest, struct span *ret)
{
	const struct schema *schema = row->schema;
	if (!span_next(rest, schema->set_separator, ret))
		return false;
	*ret = unescape(s, *ret);
	return true;
}

/* Fields that hold lists are unescaped item by item. */
static bool is_list(enum zeek_field f)
{
	return f == ZEEK_ANSWERS || f == ZEEK_TTLS || f == ZEEK_CONN_UIDS || f == ZEEK_PROXIED;
}

static void zeek_parse(struct sink *sink, const struct frame *row)
{
	const struct schema *schema = row->schema;
	uint32_t end[COLUMNS_MAX];
	struct span line = {row->bytes, row->cap_bytes};
	if (schema->path == ZEEK_OTHER) {
		sink_remark(sink, REMARK_OTHER_RECORDS);
		return;
	}
	if (schema->missing != NULL) {
		sink_reject(sink, schema->missing);
		return;
	}
	if (lines_split(line, schema->separator, end, COLUMNS_MAX) != schema->columns) {
		sink_reject(sink, "it has more or fewer fields than its header");
		return;
	}
	struct zeek_row z = {.path = schema->path, .item = next_item, .schema = schema};
	bool escaped = span_has(line, '\\'); /* few are: one look at the line for all its fields */
	for (uint32_t i = 0; i < schema->columns; i++) {
		enum zeek_field f = schema->field[i];
		struct span value = lines_field(line, end, i);
		if (f == ZEEK_FIELDS || span_eq(value, mark_span(&schema->unset)) ||
			span_eq(value, mark_span(&schema->empty)))
			continue;
		z.field[f] = is_list(f) || !escaped ? value : unescape(sink, value);
	}
	zeek_emit(sink, &z);
}

const struct format format_zeek = {.name = "zeek",
	.claims = claims,
	.open = zeek_open,
	.next = zeek_next,
	.close = zeek_close,
	.parse = zeek_parse};
