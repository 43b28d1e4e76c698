#include "scan/web.h"

#include <string.h>
#include <strings.h>

#include "base/scan.h"
#include "scan/mime.h"

/* A chunk's line with its extensions. */
#define CHUNK_LINE_MAX 256u

/* ---- files ---- */

static void drop_body(struct carry_shared *x, struct web_half *h)
{
	body_drop(x, &h->body);
	h->place = (struct place){0};
	h->validator = 0;
	h->resumable = false;
	h->coding[0] = h->type[0] = '\0';
}

struct telling {
	struct carry_shared *x;
	const struct web *web;
	enum side side;
	const char *gap;
};

/* What was asked of the message. */
static const struct asked *asked_of(const struct web *w, enum side side)
{
	static const struct asked nobody;
	unsigned of = side == CLIENT ? w->requests - 1 : w->responses;
	return w->requests == 0 ? &nobody : &w->asked[of & (WEB_ASKED_MAX - 1)];
}

static struct carried file_of(const struct telling *t, struct span bytes, const char *name)
{
	const struct web *w = t->web;
	const struct ends *ends = w->ends;
	const struct asked *a = asked_of(w, t->side);
	return (struct carried){.bytes = bytes,
		.at_ns = w->half[t->side].body.at_ns,
		.from = ends->addr[t->side],
		.to = ends->addr[1 - t->side],
		.from_port = ends->port[t->side],
		.to_port = ends->port[1 - t->side],
		.upload = t->side == CLIENT,
		.protocol = "http",
		.host = a->host,
		.uri = name[0] == '\0' ? a->uri : name,
		.gap = t->gap};
}

/* A part of a file. As ranges_put(). */
static const char *put_range(
	const struct telling *t, const struct place *p, struct span bytes, const char *coding)
{
	const struct web_half *h = &t->web->half[t->side];
	uint64_t room = p->last - p->first;
	if (!p->ok || bytes.len == 0 || bytes.len - 1 > room)
		return "it is one part of a file, and lies about which (Content-Range)";
	if (h->body.lacks && bytes.len - 1 != room) /* nobody knows where what is there belongs */
		return body_gap(&h->body);
	struct range r = {.file = file_of(t, bytes, ""),
		.target = asked_of(t->web, t->side)->target,
		.validator = h->validator,
		.coding = coding,
		.at = p->first,
		.sized = p->sized,
		.size = p->size,
		.lacks = h->body.lacks};
	return ranges_put(t->x, &r);
}

/* Of a form, or of an answer in parts. */
static void tell_part(void *context, const struct mime_part *part)
{
	const struct telling *t = context;
	struct carried file = file_of(t, part->bytes, part->name);
	struct place place = range_place(mime_field(part->head, "content-range"));
	file.gap = file.gap == NULL ? part->gap : file.gap;
	if (place.said && file.gap == NULL) {
		file.gap = put_range(t, &place, part->bytes, "");
		if (file.gap == NULL)
			return;
	}
	carry_tell(t->x, &file);
}

/* Whether the body is a part of a file and was taken as one; else *gap says why not. */
static bool is_range(struct telling *t)
{
	const struct web_half *h = &t->web->half[t->side];
	bool cut = h->resumable && t->gap != NULL && !h->body.lacks && h->body.len > 0;
	if ((!h->place.said && !cut) || h->body.too_long)
		return false;
	const char *why =
		put_range(t, &h->place, (struct span){h->body.bytes, h->body.len}, h->coding);
	if (why != NULL && t->gap == NULL)
		t->gap = why;
	return why == NULL;
}

/* gap: why the body ended before its end; NULL: it did not. */
static void finish_body(struct carry_shared *x, struct web *w, enum side side, const char *gap)
{
	struct web_half *h = &w->half[side];
	struct telling t = {x, w, side, gap};
	uint8_t *unpacked = NULL;
	if (!is_range(&t)) {
		gap = t.gap;
		t.gap = h->body.lacks || gap == NULL ? body_gap(&h->body) : gap;
		struct carried file = file_of(&t, (struct span){h->body.bytes, h->body.len}, "");
		carry_unpack(x, h->coding, &file, &unpacked);
		carry_tell(x, &file);
		t.gap = file.gap;
		if (h->type[0] != '\0')
			mime_body(span_of(h->type), file.bytes, tell_part, &t);
		free(unpacked);
	}
	drop_body(x, h);
}

/* ---- heads ---- */

/* Of an origin's form as of an absolute one: a request with the same words. */
static uint64_t target_of(const struct carry_shared *x, struct span head)
{
	struct span method, target;
	if (!span_next(&head, ' ', &method) || !span_next(&head, ' ', &target))
		return 0;
	return hash_bytes(&x->key, target.ptr, target.len);
}

static void take_request(const struct carry_shared *x, struct web *w, struct span head)
{
	struct http_request r = {0};
	struct cur c = cur_of(head.ptr, head.len);
	http_request_decode(&c, &r);
	struct asked *a = &w->asked[w->requests++ & (WEB_ASKED_MAX - 1)];
	*a = (struct asked){.target = target_of(x, head),
		.head = strcmp(r.method, "HEAD") == 0,
		.connect = strcmp(r.method, "CONNECT") == 0};
	memcpy(a->host, r.host, sizeof a->host);
	memcpy(a->uri, r.uri, sizeof a->uri);
}

static unsigned status_of(struct span head)
{
	struct http_response r = {0};
	struct cur c = cur_of(head.ptr, head.len);
	http_response_decode(&c, &r);
	return r.status;
}

/* Whether the response has no body whatever its fields say (RFC 9112, 6.3). */
static bool is_bare(struct web *w, unsigned status)
{
	const struct asked *a = &w->asked[w->responses & (WEB_ASKED_MAX - 1)];
	bool asked = w->responses < w->requests;
	if (asked && a->connect && status / 100 == 2)
		w->half[CLIENT].state = w->half[SERVER].state =
			WEB_IGNORED; /* a tunnel from here */
	return status / 100 == 1 || status == 204 || status == 304 || (asked && a->head);
}

/* Kept as a head of its own, for the parts to be found by. */
static void take_type(struct web_half *h, struct span head)
{
	static const char begins[] = "content-type: ";
	struct span type = mime_field(head, "content-type");
	h->type[0] = '\0';
	if (type.len > 10 && strncasecmp((const char *)type.ptr, "multipart/", 10) == 0)
		(void)snprintf(h->type, sizeof h->type, "%s%.*s", begins, (int)type.len,
			(const char *)type.ptr);
}

/* Where the body belongs in a file, and in which. */
static void take_place(
	const struct carry_shared *x, struct web_half *h, struct span head, bool ok_answer)
{
	struct span length = mime_field(head, "content-length"), tag = mime_field(head, "etag");
	uint64_t bytes = 0;
	if (tag.len == 0)
		tag = mime_field(head, "last-modified");
	h->validator = tag.len == 0 ? 0 : hash_bytes(&x->key, tag.ptr, tag.len);
	h->place = range_place(mime_field(head, "content-range"));
	h->resumable = !h->place.said && ok_answer &&
	               mime_field(head, "transfer-encoding").len == 0 &&
	               scan_u64(length, &bytes) == 0 && bytes > 0;
	if (h->resumable)
		h->place =
			(struct place){.ok = true, .sized = true, .last = bytes - 1, .size = bytes};
}

static void begin_body(struct web *w, enum side side, struct span head, bool bare, int64_t at_ns)
{
	struct web_half *h = &w->half[side];
	struct span length = mime_field(head, "content-length");
	struct span transfer = mime_field(head, "transfer-encoding"),
		    coding = mime_field(head, "content-encoding");
	uint64_t bytes = 0;
	h->body.at_ns = at_ns;
	(void)snprintf(
		h->coding, sizeof h->coding, "%.*s", (int)coding.len, (const char *)coding.ptr);
	for (size_t i = 0; h->coding[i] != '\0'; i++)
		h->coding[i] =
			(char)(h->coding[i] >= 'A' && h->coding[i] <= 'Z' ? h->coding[i] | 0x20
									  : h->coding[i]);
	take_type(h, head);
	h->left = 0;
	if (bare)
		h->state = WEB_HEAD;
	else if (transfer.len > 0)
		h->state =
			span_find(transfer, "chunked") < transfer.len ? WEB_CHUNK_HEAD : WEB_TO_END;
	else if (length.len > 0 && scan_u64(length, &bytes) == 0)
		h->state = bytes > 0 ? WEB_LENGTH : WEB_HEAD;
	else
		h->state = length.len > 0 ? WEB_IGNORED : side == SERVER ? WEB_TO_END : WEB_HEAD;
	h->left = bytes;
}

/* After a message. */
static void next_message(struct web *w, enum side side)
{
	w->half[side].state = WEB_HEAD;
	w->responses += side == SERVER && w->responses < w->requests;
}

static void take_head(
	struct carry_shared *x, struct web *w, enum side side, struct span head, int64_t at_ns)
{
	struct web_half *h = &w->half[side];
	unsigned status = side == SERVER ? status_of(head) : 0;
	if (side == CLIENT)
		take_request(x, w, head);
	bool bare = side == SERVER && is_bare(w, status);
	if (h->state == WEB_IGNORED)
		return;
	begin_body(w, side, head, bare, at_ns);
	take_place(x, h, head, status == 200);
	if (h->state == WEB_HEAD && side == SERVER && status / 100 != 1) /* that is no answer yet */
		next_message(w, side);
}

/* ---- bytes ---- */

static void ignore(struct web_half *h)
{
	h->state = WEB_IGNORED;
	free(h->line);
	h->line = NULL;
	h->line_len = 0;
}

/* Adds to the line up to `end` (a text) or max bytes. Returns whether it is complete. */
static bool take_line(struct web_half *h, struct span *bytes, const char *end, size_t max)
{
	size_t ends = strlen(end);
	if (h->line == NULL)
		h->line = calloc(1, HTTP_HEAD_BYTES_MAX);
	while (h->line != NULL && bytes->len > 0 && h->line_len < max) {
		h->line[h->line_len++] = bytes->ptr[0];
		*bytes = (struct span){bytes->ptr + 1, bytes->len - 1};
		if (h->line_len >= ends && memcmp(h->line + h->line_len - ends, end, ends) == 0)
			return true;
	}
	if (h->line == NULL || h->line_len >= max)
		ignore(h);
	return false;
}

static void head_bytes(
	struct carry_shared *x, struct web *w, enum side side, struct span *bytes, int64_t at_ns)
{
	struct web_half *h = &w->half[side];
	bool whole = take_line(h, bytes, "\r\n\r\n", HTTP_HEAD_BYTES_MAX);
	struct cur c = cur_of(h->line, h->line_len);
	bool begins = side == CLIENT ? http_is_request(c) : http_is_response(c);
	if (h->state == WEB_IGNORED)
		return;
	if (!begins && (whole || h->line_len >= 16)) {
		ignore(h);
		return;
	}
	if (!whole)
		return;
	size_t len = h->line_len;
	h->line_len = 0; /* its bytes stay until the next line begins */
	take_head(x, w, side, (struct span){h->line, len}, at_ns);
}

static void chunk_line(struct web_half *h, struct span *bytes)
{
	uint64_t size = 0;
	size_t digits = 0;
	if (!take_line(h, bytes, "\n", CHUNK_LINE_MAX))
		return;
	while (digits < h->line_len && digits < 8 && scan_hex(h->line[digits]) < 16)
		size = size << 4 | scan_hex(h->line[digits++]);
	h->line_len = 0;
	if (digits == 0) {
		ignore(h);
		return;
	}
	h->left = size;
	h->state = size == 0 ? WEB_TRAILER : WEB_CHUNK;
}

static struct span take_left(struct web_half *h, struct span *bytes)
{
	size_t len = bytes->len < h->left ? bytes->len : (size_t)h->left;
	struct span some = {bytes->ptr, len};
	*bytes = (struct span){bytes->ptr + len, bytes->len - len};
	h->left -= len;
	return some;
}

static void finish_message(struct carry_shared *x, struct web *w, enum side side)
{
	finish_body(x, w, side, NULL);
	next_message(w, side);
}

/* Behind a hole a head is known again where a segment begins with one. What was asked is then taken
 * to be the last that was. */
static void seek_head(struct web *w, enum side side, struct span *bytes)
{
	struct cur c = cur_of(bytes->ptr, bytes->len);
	if (!(side == CLIENT ? http_is_request(c) : http_is_response(c))) {
		bytes->len = 0;
		return;
	}
	w->half[side].state = WEB_HEAD;
	if (side == SERVER && w->requests > 0)
		w->responses = w->requests - 1;
}

static void step(
	struct carry_shared *x, struct web *w, enum side side, struct span *bytes, int64_t at_ns)
{
	struct web_half *h = &w->half[side];
	switch (h->state) {
	case WEB_HEAD:
		head_bytes(x, w, side, bytes, at_ns);
		return;
	case WEB_LENGTH:
		body_keep(x, &h->body, take_left(h, bytes));
		if (h->left > 0)
			return;
		finish_message(x, w, side);
		return;
	case WEB_CHUNK_HEAD:
		chunk_line(h, bytes);
		return;
	case WEB_CHUNK:
		body_keep(x, &h->body, take_left(h, bytes));
		h->state = h->left > 0 ? WEB_CHUNK : WEB_CHUNK_END;
		return;
	case WEB_CHUNK_END:
		if (take_line(h, bytes, "\n", 4)) {
			h->line_len = 0;
			h->state = WEB_CHUNK_HEAD;
		}
		return;
	case WEB_TRAILER:
		if (!take_line(h, bytes, "\n", HTTP_HEAD_BYTES_MAX))
			return;
		bool empty = h->line_len <= 2 && (h->line[0] == '\r' || h->line[0] == '\n');
		h->line_len = 0;
		if (empty) {
			finish_message(x, w, side);
		}
		return;
	case WEB_TO_END:
		body_keep(x, &h->body, *bytes);
		bytes->len = 0;
		return;
	case WEB_LOST:
		seek_head(w, side, bytes);
		return;
	case WEB_IGNORED:
		bytes->len = 0;
		return;
	}
}

static bool in_body(const struct web_half *h)
{
	return h->state != WEB_HEAD && h->state != WEB_LOST && h->state != WEB_IGNORED;
}

static void web_data(
	struct carry_shared *x, void *state, enum side side, struct span bytes, int64_t at_ns)
{
	struct web *w = state;
	while (bytes.len > 0) {
		bool body = in_body(&w->half[side]);
		step(x, w, side, &bytes, at_ns);
		if (body && w->half[side].state == WEB_IGNORED)
			finish_body(x, w, side, "its framing is damaged");
	}
}

static void web_hole(struct carry_shared *x, void *state, enum side side, uint64_t bytes)
{
	struct web *w = state;
	struct web_half *h = &w->half[side];
	bool counted = h->state == WEB_LENGTH || h->state == WEB_CHUNK;
	if (h->state == WEB_IGNORED)
		return;
	if (h->state == WEB_TO_END || (counted && bytes <= h->left)) {
		body_lacks(x, &h->body, bytes);
		h->left -= counted ? bytes : 0;
		if (h->state == WEB_CHUNK && h->left == 0)
			h->state = WEB_CHUNK_END;
		else if (h->state == WEB_LENGTH && h->left == 0)
			finish_message(x, w, side);
		return;
	}
	if (in_body(h)) {
		body_lacks(x, &h->body, 0);
		finish_body(x, w, side, body_gap(&h->body));
	} else {
		carry_tell_lost(x, w->ends, side, "http", 0);
	}
	ignore(h);
	h->state = WEB_LOST;
}

static void web_end(struct carry_shared *x, void *state, enum side side, bool whole)
{
	struct web *w = state;
	struct web_half *h = &w->half[side];
	whole = whole && h->state == WEB_TO_END;
	if (in_body(h))
		finish_body(x, w, side, whole ? NULL : "the conversation ended before it did");
	ignore(h);
}

static void web_fini(struct carry_shared *x, void *state)
{
	struct web *w = state;
	for (int side = CLIENT; side <= SERVER; side++) {
		drop_body(x, &w->half[side]);
		free(w->half[side].line);
		w->half[side].line = NULL;
	}
}

const struct carrier carrier_web = {web_data, web_hole, web_end, web_fini};
