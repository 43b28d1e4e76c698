#include "scan/mime.h"

#include <string.h>
#include <strings.h>

#include "base/scan.h"

#define BOUNDARY_BYTES 128u /* 70 by RFC 2046 */

struct entity {
	struct span head, body;
	unsigned depth;
};

struct parts { /* that are still to be looked at, in the order in which they stand */
	struct entity entity[MIME_PARTS_MAX];
	size_t done, count;
	bool refused; /* there were more */
	mime_take *take;
	void *context;
};

static struct span from(struct span s, size_t at)
{
	at = at < s.len ? at : s.len;
	return (struct span){s.ptr + at, s.len - at};
}

/* ---- heads ---- */

struct span mime_field(struct span head, const char *name)
{
	struct span line, word;
	while (span_next(&head, '\n', &line)) {
		struct span value = line;
		if (!span_has(line, ':') || !span_next(&value, ':', &word) ||
			!span_is_nocase(span_trim(word), name))
			continue;
		while (head.len > 0 && (head.ptr[0] == ' ' || head.ptr[0] == '\t') &&
			span_next(&head, '\n', &line))
			value.len = (size_t)(line.ptr - value.ptr) + line.len;
		return span_trim(value);
	}
	return (struct span){0};
}

/* The parameter's value in a field; "": there is none. */
static void parameter(struct span value, const char *name, char *ret, size_t room)
{
	size_t len = strlen(name), used = 0;
	struct span one;
	ret[0] = '\0';
	while (span_next(&value, ';', &one)) {
		one = span_trim(one);
		if (one.len <= len || one.ptr[len] != '=' ||
			strncasecmp((const char *)one.ptr, name, len) != 0)
			continue;
		one = span_trim(from(one, len + 1));
		bool quoted = one.len > 0 && one.ptr[0] == '"';
		for (one = from(one, quoted); one.len > 0 && used + 1 < room; one = from(one, 1)) {
			char c = (char)one.ptr[0];
			if (quoted ? c == '"' : c == ' ' || c == '\t' || c == '\r' || c == '\0')
				break;
			ret[used++] = c;
		}
		ret[used] = '\0';
		return;
	}
}

static void name_of(struct span head, char ret[static MIME_NAME_BYTES])
{
	static const char *const words[] = {"filename", "filename*", "name"};
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		const char *field = i < 2 ? "content-disposition" : "content-type";
		parameter(mime_field(head, field), words[i], ret, MIME_NAME_BYTES);
		if (ret[0] != '\0')
			return;
	}
	parameter(mime_field(head, "content-disposition"), "name", ret, MIME_NAME_BYTES);
}

static struct entity split(struct span bytes, unsigned depth)
{
	size_t crlf = span_find(bytes, "\r\n\r\n"), lf = span_find(bytes, "\n\n");
	size_t at = crlf < lf ? crlf : lf;
	struct entity e = {.head = {bytes.ptr, at}, .depth = depth};
	e.body = from(bytes, crlf < lf ? at + 4 : at + 2);
	if (bytes.len > 0 && bytes.ptr[0] == '\n') { /* no head at all */
		e.head.len = 0;
		e.body = from(bytes, 1);
	} else if (span_begins(bytes, "\r\n")) {
		e.head.len = 0;
		e.body = from(bytes, 2);
	}
	return e;
}

/* ---- encodings (RFC 2045, 6) ---- */

static unsigned sextet(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - (unsigned)'A';
	if (c >= 'a' && c <= 'z')
		return c - (unsigned)'a' + 26;
	if (c >= '0' && c <= '9')
		return c - (unsigned)'0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : 64;
}

/* What is not of its letters is passed over; after an end in = another text may follow. */
static size_t decode_base64(struct span s, uint8_t *ret)
{
	uint32_t bits = 0;
	unsigned count = 0;
	size_t len = 0;
	for (; s.len > 0; s = from(s, 1)) {
		unsigned six = sextet(s.ptr[0]);
		count = s.ptr[0] == '=' ? 0 : count;
		if (six == 64)
			continue;
		bits = bits << 6 | six;
		count += 6;
		if (count >= 8) {
			count -= 8;
			ret[len++] = (uint8_t)(bits >> count);
		}
	}
	return len;
}

static size_t decode_quoted(struct span s, uint8_t *ret)
{
	size_t len = 0;
	while (s.len > 0) {
		unsigned high = s.len > 2 ? scan_hex(s.ptr[1]) : 16;
		unsigned low = s.len > 2 ? scan_hex(s.ptr[2]) : 16;
		if (s.ptr[0] == '=' && high < 16 && low < 16) {
			ret[len++] = (uint8_t)(high << 4 | low);
			s = from(s, 3);
		} else if (span_begins(s, "=\r\n")) {
			s = from(s, 3);
		} else if (span_begins(s, "=\n")) {
			s = from(s, 2);
		} else {
			ret[len++] = s.ptr[0];
			s = from(s, 1);
		}
	}
	return len;
}

static void tell(struct parts *p, const struct entity *e)
{
	char name[MIME_NAME_BYTES];
	struct span how = mime_field(e->head, "content-transfer-encoding");
	bool base64 = span_is_nocase(how, "base64");
	struct mime_part part = {.bytes = e->body, .head = e->head, .name = name};
	uint8_t *decoded = NULL;
	name_of(e->head, name);
	if ((base64 || span_is_nocase(how, "quoted-printable")) && e->body.len > 0) {
		decoded = malloc(e->body.len); /* both only shrink */
		if (decoded == NULL)
			part.gap = "it could not be decoded: out of memory";
		else
			part.bytes =
				(struct span){decoded, base64 ? decode_base64(e->body, decoded)
							      : decode_quoted(e->body, decoded)};
	} else if (span_is_nocase(how, "x-uuencode") || span_is_nocase(how, "uuencode")) {
		part.gap = "it is encoded in a way that is not decoded";
	}
	p->take(p->context, &part);
	free(decoded);
}

/* ---- parts ---- */

static void add(struct parts *p, struct entity e)
{
	if (p->count == MIME_PARTS_MAX)
		p->refused = true;
	else
		p->entity[p->count++] = e;
}

/* Where the next line begins that is a delimiter; s.len: there is none. */
static size_t delimiter(struct span s, struct span line)
{
	for (size_t at = 0; at + line.len <= s.len;) {
		if (memcmp(s.ptr + at, line.ptr, line.len) == 0)
			return at;
		const uint8_t *next = memchr(s.ptr + at, '\n', s.len - at);
		if (next == NULL)
			break;
		at = (size_t)(next - s.ptr) + 1;
	}
	return s.len;
}

/* The line end before a delimiter is part of it. */
static struct span without_end(struct span s)
{
	s.len -= s.len > 0 && s.ptr[s.len - 1] == '\n';
	s.len -= s.len > 0 && s.ptr[s.len - 1] == '\r';
	return s;
}

/* False: it says no boundary, or has none. */
static bool split_parts(struct parts *p, const struct entity *e, struct span type)
{
	char line[BOUNDARY_BYTES + 2] = "--";
	struct span rest = e->body, mark;
	parameter(type, "boundary", line + 2, BOUNDARY_BYTES);
	mark = span_of(line);
	size_t at = line[2] == '\0' ? rest.len : delimiter(rest, mark);
	if (at == rest.len)
		return false;
	while (at < rest.len) {
		struct span tail;
		rest = from(rest, at + mark.len);
		if (span_begins(rest, "--"))
			break;
		if (!span_next(&rest, '\n', &tail))
			break;
		at = delimiter(rest, mark);
		struct span one = {rest.ptr, at};
		add(p, split(at < rest.len ? without_end(one) : one, e->depth + 1));
	}
	return true;
}

static bool begins_nocase(struct span s, const char *text)
{
	size_t len = strlen(text);
	return s.len >= len && strncasecmp((const char *)s.ptr, text, len) == 0;
}

static void run(struct parts *p)
{
	while (p->done < p->count) {
		struct entity e = p->entity[p->done++];
		struct span type = mime_field(e.head, "content-type");
		bool deeper = e.depth < MIME_DEPTH_MAX;
		if (deeper && begins_nocase(type, "multipart/") && split_parts(p, &e, type))
			continue;
		if (deeper && begins_nocase(type, "message/rfc822"))
			add(p, split(e.body, e.depth + 1));
		else if (!deeper && begins_nocase(type, "multipart/"))
			p->take(p->context, &(struct mime_part){.bytes = e.body,
						    .name = "",
						    .gap = "parts are nested too deeply in it"});
		else
			tell(p, &e);
		if (p->refused) {
			p->refused = false;
			p->take(p->context, &(struct mime_part){.bytes = e.body,
						    .name = "",
						    .gap = "it has more parts than are looked at"});
		}
	}
}

void mime_message(struct span message, mime_take *take, void *context)
{
	struct parts *p = calloc(1, sizeof *p);
	if (p == NULL)
		return;
	p->take = take;
	p->context = context;
	add(p, split(message, 0));
	run(p);
	free(p);
}

void mime_body(struct span head, struct span body, mime_take *take, void *context)
{
	struct parts *p = calloc(1, sizeof *p);
	if (p == NULL)
		return;
	p->take = take;
	p->context = context;
	struct entity e = {.head = head, .body = body};
	struct span type = mime_field(head, "content-type");
	if (begins_nocase(type, "multipart/") && split_parts(p, &e, type))
		run(p);
	free(p);
}
