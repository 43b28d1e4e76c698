#include "scan/pieces.h"

#include <inttypes.h>
#include <string.h>

#include "base/grow.h"

/* More zeros than these are not put in for what is missing. */
#define FILL_MAX ((uint64_t)1 << 20)

static uint64_t end_of(const struct piece *piece)
{
	return piece->at + piece->body.len;
}

/* The number of pieces that begin at `at` or before. */
static size_t before(const struct pieces *p, uint64_t at)
{
	size_t low = 0, high = p->count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (p->piece[middle].at <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool insert(struct pieces *p, size_t index, uint64_t at)
{
	if (p->count == PIECES_MAX)
		return false;
	struct piece *grown = grow_array(p->piece, p->count, &p->room, 4, sizeof *grown);
	if (grown == NULL)
		return false;
	p->piece = grown;
	memmove(p->piece + index + 1, p->piece + index, (p->count - index) * sizeof *p->piece);
	p->piece[index] = (struct piece){.at = at};
	p->count++;
	return true;
}

static void take_out(struct carry_shared *x, struct pieces *p, size_t index)
{
	body_drop(x, &p->piece[index].body);
	p->count--;
	memmove(p->piece + index, p->piece + index + 1, (p->count - index) * sizeof *p->piece);
}

/* The smaller one behind it becomes a part of it: each byte moves a few times only, whatever the
 * order in which they come. */
static void join(struct carry_shared *x, struct pieces *p, size_t index)
{
	if (index + 1 >= p->count)
		return;
	struct piece *one = &p->piece[index], *next = one + 1;
	size_t len = one->body.len;
	if (end_of(one) != next->at || next->body.len > len)
		return;
	body_keep(x, &one->body, (struct span){next->body.bytes, next->body.len});
	if (one->body.too_long) { /* no room: both stay */
		one->body.too_long = false;
		one->body.len = len;
		return;
	}
	take_out(x, p, index + 1);
}

/* Puts a first part of the bytes; returns how many, 0: there is no room. */
static size_t put_some(struct carry_shared *x, struct pieces *p, uint64_t at, struct span bytes)
{
	size_t i = before(p, at);
	struct piece *last = i == 0 || p->piece == NULL ? NULL : &p->piece[i - 1];
	if (last != NULL && at < end_of(last)) {
		size_t left = (size_t)(end_of(last) - at);
		size_t len = bytes.len < left ? bytes.len : left;
		if (!p->first)
			memcpy(last->body.bytes + (at - last->at), bytes.ptr, len);
		return len;
	}
	uint64_t room = p->piece != NULL && i < p->count ? p->piece[i].at - at : UINT64_MAX;
	size_t len = bytes.len < room ? bytes.len : (size_t)room;
	if (last == NULL || end_of(last) != at) {
		if (!insert(p, i, at))
			return 0;
		i++;
	}
	struct body *b = &p->piece[i - 1].body;
	size_t had = b->len;
	body_keep(x, b, (struct span){bytes.ptr, len});
	bool full = b->too_long;
	b->too_long = false;
	len = b->len - had;
	if (b->len == 0)
		take_out(x, p, i - 1);
	else
		join(x, p, i - 1);
	return full ? 0 : len;
}

void pieces_put(struct carry_shared *x, struct pieces *p, uint64_t at, struct span bytes)
{
	uint64_t max = x->options.bytes_max;
	if (bytes.len == 0)
		return;
	if (at >= max || bytes.len > max - at) {
		p->dropped = true;
		bytes.len = at >= max ? 0 : (size_t)(max - at);
	}
	while (bytes.len > 0) {
		size_t len = put_some(x, p, at, bytes);
		if (len == 0) {
			p->dropped = true;
			return;
		}
		at += len;
		bytes = (struct span){bytes.ptr + len, bytes.len - len};
	}
}

bool pieces_differ(const struct pieces *p, uint64_t at, struct span bytes)
{
	size_t i = before(p, at);
	for (i -= i > 0; i < p->count && p->piece[i].at < at + bytes.len; i++) {
		const struct piece *piece = &p->piece[i];
		uint64_t from = piece->at > at ? piece->at : at;
		uint64_t end = at + bytes.len < end_of(piece) ? at + bytes.len : end_of(piece);
		if (from < end && memcmp(piece->body.bytes + (from - piece->at),
					  bytes.ptr + (from - at), (size_t)(end - from)) != 0)
			return true;
	}
	return false;
}

void pieces_copy(struct carry_shared *x, struct pieces *to, const struct pieces *p)
{
	*to = *p;
	to->piece = NULL;
	to->count = to->room = 0;
	for (size_t i = 0; i < p->count; i++)
		pieces_put(x, to, p->piece[i].at,
			(struct span){p->piece[i].body.bytes, p->piece[i].body.len});
}

void pieces_drop(struct carry_shared *x, struct pieces *p)
{
	for (size_t i = 0; i < p->count; i++)
		body_drop(x, &p->piece[i].body);
	free(p->piece);
	*p = (struct pieces){0};
}

uint64_t pieces_end(const struct pieces *p)
{
	return p->count == 0 ? 0 : end_of(&p->piece[p->count - 1]);
}

uint64_t pieces_bytes(const struct pieces *p)
{
	uint64_t bytes = 0;
	for (size_t i = 0; i < p->count; i++)
		bytes += p->piece[i].body.len;
	return bytes;
}

/* ---- telling ---- */

static void tell_unpacked(struct carry_shared *x, const struct pieces *p, struct carried file)
{
	uint8_t *unpacked = NULL;
	carry_unpack(x, p->coding, &file, &unpacked);
	carry_tell(x, &file);
	free(unpacked);
}

/* Pieces from index on, before `to`, as one with zeros between. */
static void tell_run(struct carry_shared *x, const struct pieces *p, size_t index, size_t to,
	uint64_t from, struct carried like)
{
	const struct piece *piece = &p->piece[index];
	if (index + 1 == to && from == piece->at) {
		like.bytes = (struct span){piece->body.bytes, piece->body.len};
		tell_unpacked(x, p, like);
		return;
	}
	size_t len = (size_t)(end_of(&p->piece[to - 1]) - from);
	uint8_t *whole = calloc(1, len);
	like.gap = whole == NULL ? "there is no memory to put it together" : like.gap;
	for (size_t i = index; i < to && whole != NULL; i++)
		memcpy(whole + (p->piece[i].at - from), p->piece[i].body.bytes,
			p->piece[i].body.len);
	like.bytes = (struct span){whole, whole == NULL ? 0 : len};
	tell_unpacked(x, p, like);
	free(whole);
}

static void tell_runs(struct carry_shared *x, const struct pieces *p, struct carried like)
{
	for (size_t i = 0, to = 0; i < p->count; i = to) {
		for (to = i + 1; to < p->count && p->piece[to].at == end_of(&p->piece[to - 1]);)
			to++;
		tell_run(x, p, i, to, p->piece[i].at, like);
	}
}

/* The first byte that is not there. */
static uint64_t first_missing(const struct pieces *p)
{
	uint64_t at = 0;
	for (size_t i = 0; i < p->count && p->piece[i].at == at; i++)
		at = end_of(&p->piece[i]);
	return at;
}

bool pieces_have(const struct pieces *p, uint64_t size)
{
	return first_missing(p) >= size;
}

void pieces_tell(struct carry_shared *x, const struct pieces *p, struct carried like,
	const uint64_t *size, const char *gap)
{
	char missing[160];
	uint64_t end = pieces_end(p);
	uint64_t from = first_missing(p), bytes = pieces_bytes(p);
	size_t next = before(p, from);
	like.at_ns = p->at_ns;
	like.gap = p->wrong;
	if (p->wrong != NULL)
		; /* that is more than what is missing */
	else if (p->dropped)
		like.gap = "it is longer, or in more pieces, than is looked at";
	else if (from < end || (size != NULL && from < *size)) {
		uint64_t to = next < p->count ? p->piece[next].at : *size;
		(void)snprintf(missing, sizeof missing,
			"bytes %" PRIu64 " to %" PRIu64 " of it are not there, %" PRIu64
			" of %" PRIu64 " are",
			from, to - 1, bytes, size != NULL && *size > end ? *size : end);
		like.gap = missing;
	} else if (size == NULL) {
		like.gap = gap;
	}
	if (p->count == 0)
		carry_tell(x, &like);
	else if (end - bytes <= FILL_MAX)
		tell_run(x, p, 0, p->count, 0, like);
	else
		tell_runs(x, p, like);
}
