/* Sysmon's events as XML: <Event>…</Event> each, on a line or on many, alone or within <Events>, as
 * wevtutil, evtx_dump and Event Viewer export them. A row is one event. What is read is the little
 * that events have: elements with attributes and text, the five entities and numbered characters.
 */
#include "base/scan.h"
#include "ingest/lines.h"
#include "ingest/sysmon_row.h"

#define BEGIN "<Event"
#define END   "</Event>"

/* ---- framing ---- */

/* "<Event>" or "<Event xmlns=…>", not "<Events>" and "<EventData>": where it begins, or s.len. */
static size_t find_begin(struct span s)
{
	for (size_t from = 0; from < s.len;) {
		struct span rest = {s.ptr + from, s.len - from};
		size_t at = from + span_find(rest, BEGIN), end = at + sizeof BEGIN - 1;
		if (end >= s.len)
			break;
		uint8_t next = s.ptr[end];
		if (next == ' ' || next == '>' || next == '\n' || next == '\r' || next == '\t')
			return at;
		from = end;
	}
	return s.len;
}

static bool claims(struct cur start)
{
	struct span s = {start.ptr, start.len};
	struct span first = span_trim(s);
	size_t at = find_begin(s);
	bool xml = span_begins(first, "<?xml") || span_begins(first, BEGIN) ||
	           span_begins(first, "Record ") || span_begins(first, "<!--");
	return xml && at < s.len && span_find(s, "Microsoft-Windows-Sysmon") < s.len;
}

/* Bytes up to the end of the next event, or 0 when there is none: *ret_cut: an event began. */
static size_t next_end(struct reader *r, struct span *ret_seen)
{
	size_t want = 1, looked = 0;
	for (;;) {
		struct cur c = stream_view(&r->stream, want);
		struct span s = {c.ptr, c.len};
		/* the mark may begin in what was seen before */
		size_t from = looked < sizeof END ? 0 : looked - sizeof END;
		struct span rest = {s.ptr + from, s.len - from};
		size_t at = c.len == 0 ? 0 : span_find(rest, END);
		*ret_seen = s;
		if (at < rest.len)
			return from + at + sizeof END - 1;
		if (c.len < want || c.len >= STREAM_VIEW_MAX)
			return 0;
		looked = c.len;
		want = c.len < STREAM_VIEW_MAX / 2 ? 2 * c.len : STREAM_VIEW_MAX;
		want = want > c.len ? want : c.len + 1;
	}
}

/* ---- elements ---- */

struct element {
	struct span name, attributes, text;
	bool closing;
};

static struct span text_until(struct cur *c, uint8_t end)
{
	const uint8_t *at = c->len == 0 ? NULL : memchr(c->ptr, end, c->len);
	return cur_bytes(c, at == NULL ? c->len : (size_t)(at - c->ptr));
}

/* The next tag and the text behind it. */
static bool next_element(struct cur *c, struct element *ret)
{
	(void)text_until(c, '<');
	if (c->len == 0)
		return false;
	cur_skip(c, 1);
	struct span tag = {c->ptr, 0};
	for (uint8_t quote = 0; c->len > 0;) {
		uint8_t byte = cur_u8(c);
		if (byte == '>' && quote == 0)
			break;
		if (byte == '"' || byte == '\'')
			quote = quote == 0 ? byte : quote == byte ? 0 : quote;
		tag.len++;
	}
	struct element e = {.closing = span_begins(tag, "/"), .attributes = tag};
	while (e.name.len < tag.len && tag.ptr[e.name.len] > ' ')
		e.name.len++;
	e.name.ptr = tag.ptr;
	e.attributes = (struct span){tag.ptr + e.name.len, tag.len - e.name.len};
	bool empty = tag.len > 0 && tag.ptr[tag.len - 1] == '/';
	if (!empty && !e.closing)
		e.text = text_until(c, '<');
	*ret = e;
	return true;
}

/* The value of Name="…" or Name='…', or an empty span. */
static struct span attribute(struct span s, const char *name)
{
	size_t len = strlen(name), at = span_find(s, name);
	if (at + len + 2 > s.len || s.ptr[at + len] != '=')
		return (struct span){0};
	uint8_t quote = s.ptr[at + len + 1];
	struct span rest = {s.ptr + at + len + 2, s.len - at - len - 2}, value = {0};
	if (quote == '"' || quote == '\'')
		(void)span_next(&rest, quote, &value);
	return value;
}

/* "&amp;" at the front: its byte and how many it takes, or 0. Characters beyond ASCII become '?'.
 */
static size_t entity(struct span s, char *ret)
{
	static const struct {
		const char *name;
		char byte;
	} names[] = {
		{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (span_begins(s, names[i].name)) {
			*ret = names[i].byte;
			return strlen(names[i].name);
		}
	size_t n = 0;
	while (n < s.len && n < 10 && s.ptr[n] != ';')
		n++;
	if (n == s.len || n == 10 || !span_begins(s, "&#"))
		return 0;
	*ret = '?';
	return n + 1;
}

static struct span decode(struct sink *s, struct span text)
{
	if (!span_has(text, '&'))
		return text;
	char *to = sink_room(s, text.len);
	size_t len = 0;
	if (to == NULL)
		return (struct span){0};
	for (struct cur c = cur_of(text.ptr, text.len); c.len > 0;) {
		char byte = (char)c.ptr[0];
		size_t taken = entity((struct span){c.ptr, c.len}, &byte);
		to[len++] = byte;
		cur_skip(&c, taken > 0 ? taken : 1);
	}
	return (struct span){(const uint8_t *)to, len};
}

/* ---- an event ---- */

static void take_data(struct span field[static SYSMON_FIELDS], const struct element *e)
{
	struct span name = attribute(e->attributes, "Name");
	for (size_t i = 0; i < SYSMON_FIELDS; i++) {
		const char *known = sysmon_field_name((enum sysmon_field)i);
		if (known != NULL && span_is(name, known))
			field[i] = span_trim(e->text);
	}
}

static void read_event(struct span event, struct span field[static SYSMON_FIELDS])
{
	struct cur c = cur_of(event.ptr, event.len);
	struct element e;
	while (next_element(&c, &e)) {
		if (span_is(e.name, "EventID"))
			field[SYSMON_ID] = span_trim(e.text);
		else if (span_is(e.name, "EventRecordID"))
			field[SYSMON_RECORD] = span_trim(e.text);
		else if (span_is(e.name, "Computer"))
			field[SYSMON_COMPUTER] = span_trim(e.text);
		else if (span_begins(e.name, "TimeCreated"))
			field[SYSMON_CREATED] = attribute(e.attributes, "SystemTime");
		else if (span_is(e.name, "Data"))
			take_data(field, &e);
	}
}

static bool sysmon_xml_next(struct reader *r, struct frame *ret)
{
	struct span seen;
	for (;;) {
		size_t end = next_end(r, &seen);
		if (end == 0 && seen.len >= STREAM_VIEW_MAX) {
			reader_reject_line(r, ++r->number, "an event of a mebibyte or more");
			stream_advance(&r->stream, seen.len - sizeof END);
			continue;
		}
		size_t begin = find_begin((struct span){seen.ptr, end == 0 ? seen.len : end});
		if (end == 0) { /* what is left: half an event, or the end of the document */
			size_t left = begin < seen.len ? seen.len : 0;
			stream_advance(&r->stream, seen.len);
			return left > 0 ? reader_end(r, left) : reader_end(r, 0);
		}
		stream_advance(&r->stream, end);
		r->number++;
		if (begin == end) {
			reader_reject_line(r, r->number, "an end without a beginning");
			continue;
		}
		struct span event = {seen.ptr + begin, end - begin}, field[SYSMON_FIELDS] = {0};
		int64_t ns = r->last_ns;
		read_event(event, field);
		(void)sysmon_time(field, &ns);
		*ret = lines_frame(r, event, ns, NULL);
		return true;
	}
}

static void sysmon_xml_parse(struct sink *sink, const struct frame *row)
{
	struct span event = {row->bytes, row->cap_bytes}, field[SYSMON_FIELDS] = {0};
	if (span_find(event, "Microsoft-Windows-Sysmon") == event.len) {
		sink_remark(sink, REMARK_OTHER_RECORDS);
		return;
	}
	read_event(event, field);
	for (size_t i = 0; i < SYSMON_FIELDS; i++)
		field[i] = decode(sink, field[i]);
	sysmon_emit(sink, field);
}

const struct format format_sysmon_xml = {
	.name = "sysmon-xml", .claims = claims, .next = sysmon_xml_next, .parse = sysmon_xml_parse};
