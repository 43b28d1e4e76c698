#include "scan/web.h"

#include <string.h>

#include "base/scan.h"

/* A chunk's line with its extensions. */
#define CHUNK_LINE_MAX 256u
#define BODY_FIRST     ((size_t)4096)
/* In the bodies of all conversations together. */
#define HELD_MAX ((size_t)512 << 20)

/* ---- files ---- */

static void drop_body(struct web_shared *x, struct web_half *h)
{
	x->held -= h->body_room;
	free(h->body);
	h->body = NULL;
	h->body_len = h->body_room = 0;
	h->too_long = h->part = false;
	h->coding[0] = '\0';
}

static void tell(struct web_shared *x, const struct web *w, enum side side, struct span bytes,
	const char *gap)
{
	const struct web_half *h = &w->half[side];
	unsigned of = side == CLIENT ? w->requests - 1 : w->responses;
	static const struct asked nobody;
	const struct asked *a = w->requests == 0 ? &nobody : &w->asked[of & (WEB_ASKED_MAX - 1)];
	x->stats.files++;
	x->stats.cut += gap != NULL;
	x->options.take(x->options.context, &(struct carried){.bytes = bytes,
						    .at_ns = h->at_ns,
						    .from = w->addr[side],
						    .to = w->addr[1 - side],
						    .from_port = w->port[side],
						    .to_port = w->port[1 - side],
						    .upload = side == CLIENT,
						    .host = a->host,
						    .uri = a->uri,
						    .gap = gap});
}

/* gap: why the body ended before its end; NULL: it did not. */
static void finish_body(struct web_shared *x, struct web *w, enum side side, const char *gap)
{
	struct web_half *h = &w->half[side];
	struct span bytes = {h->body, h->body_len};
	uint8_t *unpacked = NULL;
	size_t len = 0;
	gap = gap != NULL   ? gap
	      : h->too_long ? "it is longer than is looked at"
	      : h->part     ? "it is one part of a file (Content-Range)"
	                    : NULL;
	bool gzip = strcmp(h->coding, "gzip") == 0 || strcmp(h->coding, "x-gzip") == 0 ||
	            strcmp(h->coding, "deflate") == 0;
	if (h->body_len > 0 && gzip) {
		const char *wrong = inflate_bytes(bytes, x->options.bytes_max, &unpacked, &len);
		gap = gap != NULL ? gap : wrong;
		if (len > 0)
			bytes = (struct span){unpacked, len};
	} else if (h->coding[0] != '\0' && strcmp(h->coding, "identity") != 0) {
		gap = gap != NULL ? gap : "it is packed in a way that is not unpacked";
	}
	if (bytes.len > 0)
		tell(x, w, side, bytes, gap);
	free(unpacked);
	drop_body(x, h);
}

static bool have_room(struct web_shared *x, struct web_half *h, size_t want)
{
	if (want <= h->body_room)
		return true;
	size_t room = h->body_room * 2 > want ? h->body_room * 2 : want;
	room = room < BODY_FIRST ? BODY_FIRST : room;
	room = room < x->options.bytes_max ? room : x->options.bytes_max;
	if (room < want || x->held - h->body_room + room > HELD_MAX)
		return false;
	uint8_t *bigger = realloc(h->body, room);
	if (bigger == NULL)
		return false;
	x->held += room - h->body_room;
	h->body = bigger;
	h->body_room = room;
	return true;
}

static void keep(struct web_shared *x, struct web_half *h, struct span bytes)
{
	if (bytes.len == 0 || h->too_long)
		return;
	size_t room = x->options.bytes_max - h->body_len;
	size_t len = bytes.len < room ? bytes.len : room;
	if (len > 0 && have_room(x, h, h->body_len + len)) {
		memcpy(h->body + h->body_len, bytes.ptr, len);
		h->body_len += len;
	} else {
		len = 0;
	}
	h->too_long = len < bytes.len;
}

/* ---- heads ---- */

/* The value of the first such field; empty: there is none. */
static struct span field(struct span head, const char *name)
{
	struct span line, word;
	while (span_next(&head, '\n', &line))
		if (span_has(line, ':') && span_next(&line, ':', &word) &&
			span_is_nocase(span_trim(word), name))
			return span_trim(line);
	return (struct span){0};
}

static void take_request(struct web *w, struct span head)
{
	struct http_request r = {0};
	struct cur c = cur_of(head.ptr, head.len);
	http_request_decode(&c, &r);
	struct asked *a = &w->asked[w->requests++ & (WEB_ASKED_MAX - 1)];
	*a = (struct asked){
		.head = strcmp(r.method, "HEAD") == 0, .connect = strcmp(r.method, "CONNECT") == 0};
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

static void begin_body(struct web *w, enum side side, struct span head, bool bare, int64_t at_ns)
{
	struct web_half *h = &w->half[side];
	struct span length = field(head, "content-length");
	struct span transfer = field(head, "transfer-encoding"),
		    coding = field(head, "content-encoding");
	uint64_t bytes = 0;
	h->at_ns = at_ns;
	h->part = field(head, "content-range").len > 0;
	(void)snprintf(
		h->coding, sizeof h->coding, "%.*s", (int)coding.len, (const char *)coding.ptr);
	for (size_t i = 0; h->coding[i] != '\0'; i++)
		h->coding[i] =
			(char)(h->coding[i] >= 'A' && h->coding[i] <= 'Z' ? h->coding[i] | 0x20
									  : h->coding[i]);
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

static void take_head(struct web *w, enum side side, struct span head, int64_t at_ns)
{
	struct web_half *h = &w->half[side];
	unsigned status = side == SERVER ? status_of(head) : 0;
	w->begun = true;
	if (side == CLIENT)
		take_request(w, head);
	bool bare = side == SERVER && is_bare(w, status);
	if (h->state == WEB_IGNORED)
		return;
	begin_body(w, side, head, bare, at_ns);
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

static void head_bytes(struct web *w, enum side side, struct span *bytes, int64_t at_ns)
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
	take_head(w, side, (struct span){h->line, len}, at_ns);
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

static void step(
	struct web_shared *x, struct web *w, enum side side, struct span *bytes, int64_t at_ns)
{
	struct web_half *h = &w->half[side];
	switch (h->state) {
	case WEB_HEAD:
		head_bytes(w, side, bytes, at_ns);
		return;
	case WEB_LENGTH:
		keep(x, h, take_left(h, bytes));
		if (h->left > 0)
			return;
		finish_body(x, w, side, NULL);
		next_message(w, side);
		return;
	case WEB_CHUNK_HEAD:
		chunk_line(h, bytes);
		return;
	case WEB_CHUNK:
		keep(x, h, take_left(h, bytes));
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
			finish_body(x, w, side, NULL);
			next_message(w, side);
		}
		return;
	case WEB_TO_END:
		keep(x, h, *bytes);
		bytes->len = 0;
		return;
	case WEB_IGNORED:
		bytes->len = 0;
		return;
	}
}

static bool in_body(const struct web_half *h)
{
	return h->state != WEB_HEAD && h->state != WEB_IGNORED;
}

void web_data(struct web_shared *x, struct web *w, enum side side, struct span bytes, int64_t at_ns)
{
	while (bytes.len > 0) {
		bool body = in_body(&w->half[side]);
		step(x, w, side, &bytes, at_ns);
		if (body && w->half[side].state == WEB_IGNORED)
			finish_body(x, w, side, "its framing is damaged");
	}
}

void web_hole(struct web_shared *x, struct web *w, enum side side)
{
	if (in_body(&w->half[side]))
		finish_body(x, w, side, "the capture lacks a part of it");
	ignore(&w->half[side]);
}

void web_end(struct web_shared *x, struct web *w, enum side side)
{
	struct web_half *h = &w->half[side];
	if (in_body(h))
		finish_body(x, w, side,
			h->state == WEB_TO_END ? NULL : "the conversation ended before it did");
	ignore(h);
}

void web_fini(struct web_shared *x, struct web *w)
{
	for (int side = CLIENT; side <= SERVER; side++) {
		drop_body(x, &w->half[side]);
		free(w->half[side].line);
		w->half[side].line = NULL;
	}
}
