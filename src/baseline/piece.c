#include "baseline/piece.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* ---- numbers ---- */

uint64_t volume_rounded(double bytes)
{
	if (!(bytes >= 1))
		return 0;
	double power = pow(10, floor(log10(bytes))), x = bytes / power;
	double nice = x < M_SQRT2 ? 1 : x < sqrt(10) ? 2 : x < sqrt(50) ? 5 : 10;
	return power < 1e17 ? (uint64_t)(nice * power) : UINT64_C(1000000000000000000);
}

const struct baseline_entry *piece_before(const struct piece *p)
{
	if (p->old != NULL)
		return p->old;
	return p->held != NULL && p->held->why != BASELINE_FAILED ? p->held : NULL;
}

uint32_t piece_days(const struct piece *p)
{
	const struct baseline_entry *b = piece_before(p);
	if (b == NULL)
		return p->seen.days.count;
	return b->days + (p->seen.reached ? p->seen.days.fresh : 0);
}

bool piece_reached(const struct piece *p)
{
	return piece_before(p) != NULL || p->seen.reached;
}

struct volume piece_volume(const struct piece *p)
{
	const struct baseline_entry *b = piece_before(p);
	const struct seen *s = &p->seen;
	if (b == NULL)
		return (struct volume){(double)s->sent, (double)s->got};
	return (struct volume){(double)b->sent * b->days + (double)s->fresh_sent,
		(double)b->got * b->days + (double)s->fresh_got};
}

/* ---- texts ---- */

static void put_service(struct out *o, const char *text, size_t len)
{
	char word[SERVICE_MAX];
	len = len < SERVICE_MAX / SEEN_SERVICES - 1 ? len : SERVICE_MAX / SEEN_SERVICES - 1;
	for (size_t i = 0; i < len; i++) {
		unsigned c = (unsigned char)text[i];
		c += c >= 'A' && c <= 'Z' ? (unsigned)('a' - 'A') : 0;
		bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.';
		word[i] = (char)(plain || (c == '-' && len > 1) ? c : '_');
	}
	out_bytes(o, word, len);
}

struct services {
	const char *text[2 * SEEN_SERVICES];
	size_t len[2 * SEEN_SERVICES], count;
};

/* Kept in order, each once; what is one too many is left out. */
static void add_service(struct services *all, const char *text, size_t len)
{
	size_t at = 0;
	for (; at < all->count; at++) {
		size_t least = len < all->len[at] ? len : all->len[at];
		int order = memcmp(all->text[at], text, least);
		order = order != 0 ? order : (all->len[at] > len) - (all->len[at] < len);
		if (order == 0)
			return;
		if (order > 0)
			break;
	}
	if (all->count == SEEN_SERVICES || len == 0)
		return;
	for (size_t i = all->count++; i > at; i--) {
		all->text[i] = all->text[i - 1];
		all->len[i] = all->len[i - 1];
	}
	all->text[at] = text;
	all->len[at] = len;
}

/* "http+tls" of all that the group's line stands for. NULL: unknown. */
static const char *service_of(
	const struct strings *names, const struct piece *p, size_t pieces, struct out *o)
{
	struct services all = {0};
	for (size_t i = 0; i < pieces; i++) {
		const struct baseline_entry *b = piece_before(&p[i]);
		const char *known = b == NULL || b->service == NULL ? "" : b->service;
		for (size_t len = strcspn(known, "+"); len > 0; len = strcspn(known, "+")) {
			add_service(&all, known, len);
			known += len + (known[len] == '+');
		}
	}
	for (size_t i = 0; i < pieces; i++)
		for (size_t k = 0; k < SEEN_SERVICES; k++) {
			const char *text = strings_get(names, p[i].seen.service[k]);
			if (text != NULL)
				add_service(&all, text, strlen(text));
		}
	for (size_t i = 0; i < all.count; i++) {
		out_text(o, i == 0 ? "" : "+");
		put_service(o, all.text[i], all.len[i]);
	}
	return o->len == 0 ? NULL : out_string(o);
}

/* What people wrote about any of the pieces: the first note stays one, others become comments. */
static void remarks_of(const struct piece *p, size_t pieces, struct out *comment, const char **note)
{
	for (size_t i = 0; i < pieces; i++) {
		const struct baseline_entry *b = p[i].old != NULL ? p[i].old : p[i].held;
		if (b == NULL)
			continue;
		if (b->comment != NULL)
			out_text(comment, b->comment);
		if (b->note != NULL && *note != NULL)
			out_printf(comment, "#%s\n", b->note);
		if (*note == NULL)
			*note = b->note;
	}
}

/* ---- entries ---- */

void entry_add_days(struct baseline_entry *e, int32_t first, int32_t last)
{
	e->first_day = first < e->first_day ? first : e->first_day;
	e->last_day = last > e->last_day ? last : e->last_day;
}

struct baseline_entry piece_entry(const struct piece *p, size_t pieces, uint32_t days)
{
	struct baseline_entry e = {.zone = p->zone,
		.host = p->host,
		.endpoint = p->endpoint,
		.transport = p->transport,
		.port = p->port,
		.first_day = INT32_MAX,
		.last_day = INT32_MIN, /* until days are added */
		.days = days,
		.hosts = 1};
	struct volume all = {0};
	for (size_t i = 0; i < pieces; i++) {
		const struct baseline_entry *b = piece_before(&p[i]);
		if (b != NULL)
			entry_add_days(&e, b->first_day, b->last_day);
		if (p[i].now && (p[i].seen.reached || b == NULL))
			entry_add_days(&e, p[i].seen.days.first, p[i].seen.days.last);
		struct volume v = piece_volume(&p[i]);
		all.sent += v.sent;
		all.got += v.got;
	}
	e.sent = volume_rounded(all.sent / days);
	e.got = volume_rounded(all.got / days);
	return e;
}

int piece_put(const struct strings *names, struct baseline *to, struct baseline_entry *e,
	const struct piece *p, size_t pieces)
{
	struct out service = {0}, comment = {0};
	const char *note = NULL;
	CHECK(e->first_day <= e->last_day);
	uint32_t most = (uint32_t)(e->last_day - e->first_day) + 1;
	e->days = e->days < most ? e->days : most;
	e->service = service_of(names, p, pieces, &service);
	remarks_of(p, pieces, &comment, &note);
	e->note = note;
	e->comment = comment.len == 0 ? NULL : out_string(&comment);
	int err = service.failed || comment.failed ? -ENOMEM : baseline_add(to, e);
	out_fini(&service);
	out_fini(&comment);
	return err;
}
