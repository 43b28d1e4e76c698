/* The end of learning: what was known, what was held back before and what the window showed come
 * together, endpoint by endpoint, and the rules decide what stands in the book. */
#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "baseline/piece.h"

struct merge {
	struct learner *learner;
	struct hosts *hosts;
	const struct strings *names; /* of the run */
	struct piece *piece;
	size_t pieces;
	int32_t last_day; /* of the window; 0: nothing was told */
	struct learner_result result;
};

/* A zone's use of one endpoint, port and transport. */
struct group {
	struct piece *zone, *host; /* zone NULL: neither known nor seen */
	size_t hosts;              /* pieces of hosts */
	uint32_t reached;          /* of those, now or before */
	uint32_t days;             /* on which any of them reached it */
	bool touched, learned;     /* learned: something of it is in the book */
	struct asked *asked;
};

/* Held back; what finds no room is counted. */
static int hold(struct merge *m, const struct piece *p, enum baseline_why why)
{
	uint32_t days = piece_days(p);
	int32_t last = p->now ? m->last_day : p->held->last_day;
	if (why != BASELINE_FINDING && m->last_day - last > HELD_DAYS_MAX) {
		m->result.forgotten++;
		return 0;
	}
	if (days == 0) /* nothing but failures on record */
		days = p->held != NULL ? p->held->days : 1;
	struct baseline_entry e = piece_entry(p, 1, days);
	if (p->held != NULL && piece_before(p) == NULL && !p->now)
		entry_add_days(&e, p->held->first_day, p->held->last_day);
	e.why = why;
	int err = piece_put(m->names, m->result.held, &e, p, 1);
	if (err == -E2BIG) {
		m->result.dropped++;
		return 0;
	}
	m->result.held_by[why] += err == 0;
	return err;
}

/* ---- a group's fate ---- */

static struct group group_of(struct merge *m, struct piece *p, size_t pieces)
{
	CHECK(p != NULL && pieces > 0);
	struct group g = {.host = p, .hosts = pieces};
	if (addr_is_none(&p->host))
		g = (struct group){.zone = p, .host = p + 1, .hosts = pieces - 1};
	g.learned = g.zone != NULL && g.zone->old != NULL;
	uint32_t known = 0, any = 0;
	for (size_t i = 0; i < g.hosts; i++) {
		const struct piece *h = &g.host[i];
		const struct baseline_entry *b = piece_before(h);
		g.reached += piece_reached(h);
		g.learned |= h->old != NULL;
		g.touched |= h->held != NULL && h->held->why == BASELINE_FINDING;
		known = b != NULL && b->days > known ? b->days : known;
		any = piece_reached(h) && piece_days(h) > any ? piece_days(h) : any;
	}
	const struct seen *z = g.zone == NULL ? NULL : &g.zone->seen;
	if (g.zone != NULL && g.zone->old != NULL)
		g.days = piece_days(g.zone);
	else if (z != NULL && z->reached)
		g.days = known == 0 ? z->days.count : known + z->days.fresh;
	g.days = any > g.days ? any : g.days;
	g.touched |= strings_find(m->learner->touched, p->endpoint) != 0;
	for (size_t i = 0; i < m->learner->asks; i++)
		if (strcmp(m->learner->asked[i].endpoint, p->endpoint) == 0)
			g.asked = &m->learner->asked[i];
	return g;
}

/* Asked for once, asked for always; who passes by the rules needs no asking. */
static void set_why(const struct merge *m, const struct group *g, bool passes,
	const struct baseline_entry *old, struct baseline_entry *e)
{
	bool was = old != NULL && old->why == BASELINE_ASKED;
	e->why = was || (g->asked != NULL && !passes) ? BASELINE_ASKED : BASELINE_SEEN;
	if (e->why == BASELINE_ASKED)
		e->asked_day = was ? old->asked_day : m->last_day;
	if (old != NULL && !was && !passes)
		e->why = old->why; /* it stands: a person may have written it */
}

/* What hosts brought to a line of their zone from before it was one: the zone's own piece holds the
 * window of all of them. */
static void bring_hosts(const struct group *g, struct baseline_entry *e, struct volume *all)
{
	for (size_t i = 0; i < g->hosts; i++) {
		const struct piece *p = &g->host[i];
		const struct baseline_entry *b = piece_before(p);
		if (p->seen.reached)
			entry_add_days(e, p->seen.days.first, p->seen.days.last);
		if (b == NULL)
			continue;
		all->sent += (double)b->sent * b->days;
		all->got += (double)b->got * b->days;
		entry_add_days(e, b->first_day, b->last_day);
	}
}

static int put_zone(struct merge *m, const struct group *g, bool passes)
{
	const struct piece *first = g->zone != NULL ? g->zone : g->host;
	const struct baseline_entry *old = g->zone == NULL ? NULL : g->zone->old;
	struct baseline_entry e = {0};
	if (g->zone != NULL && (old != NULL || g->zone->seen.reached)) {
		struct volume all = piece_volume(g->zone);
		e = piece_entry(g->zone, 1, g->days);
		if (old == NULL)
			bring_hosts(g, &e, &all);
		e.sent = volume_rounded(all.sent / g->days);
		e.got = volume_rounded(all.got / g->days);
	} else { /* the zone's piece found no room */
		e = piece_entry(g->host, g->hosts, g->days);
	}
	e.host = (struct addr){0};
	e.hosts = old != NULL && old->hosts > g->reached ? old->hosts : g->reached;
	set_why(m, g, passes, old, &e);
	return piece_put(m->names, m->result.book, &e, first, g->hosts + (g->zone != NULL));
}

static int put_host(struct merge *m, const struct group *g, const struct piece *p, bool passes)
{
	struct baseline_entry e = piece_entry(p, 1, piece_days(p));
	set_why(m, g, passes, p->old, &e);
	return piece_put(m->names, m->result.book, &e, p, 1);
}

/* What is in the book stays as it is; the rest is held back. */
static int keep_out(struct merge *m, const struct group *g, enum baseline_why why)
{
	int err = 0;
	if (g->zone != NULL && g->zone->old != NULL)
		err = baseline_add(m->result.book, g->zone->old);
	for (size_t i = 0; i < g->hosts && err == 0; i++) {
		const struct piece *p = &g->host[i];
		if (p->old != NULL)
			err = baseline_add(m->result.book, p->old);
		if (err == 0 && (p->now || p->held != NULL))
			err = hold(m, p,
				piece_reached(p) || why == BASELINE_FINDING ? why
									    : BASELINE_FAILED);
	}
	return err;
}

static int decide(struct merge *m, const struct group *g)
{
	const struct baseline_rules *rules = &m->learner->options.rules;
	bool shared = g->zone != NULL && g->zone->old != NULL;
	if (g->asked != NULL)
		g->asked->met |= g->reached > 0 || g->learned;
	if (g->touched && g->asked == NULL)
		return keep_out(m, g, BASELINE_FINDING);
	if (g->reached == 0 && !g->learned)
		return keep_out(m, g, BASELINE_FAILED);
	bool passes = !g->touched && g->days >= rules->min_days && g->reached >= rules->min_hosts;
	enum baseline_why why = g->days < rules->min_days ? BASELINE_FEW_DAYS : BASELINE_FEW_HOSTS;
	if (shared || ((passes || g->asked != NULL) && g->reached >= rules->shared))
		return put_zone(m, g, passes);
	int err = 0;
	for (size_t i = 0; i < g->hosts && err == 0; i++) {
		const struct piece *p = &g->host[i];
		bool in = p->old != NULL || (piece_reached(p) && (passes || g->asked != NULL));
		err = in ? put_host(m, g, p, passes)
		         : hold(m, p, piece_reached(p) ? why : BASELINE_FAILED);
	}
	return err;
}

/* ---- the pieces ---- */

static int by_place(const void *pa, const void *pb)
{
	const struct piece *a = pa, *b = pb;
	int order = strcmp(a->zone, b->zone);
	order = order != 0 ? order : strcmp(a->endpoint, b->endpoint);
	order = order != 0 ? order : (a->port > b->port) - (a->port < b->port);
	order = order != 0 ? order : (a->transport > b->transport) - (a->transport < b->transport);
	return order != 0 ? order : addr_cmp(&a->host, &b->host);
}

static bool same_group(const struct piece *a, const struct piece *b)
{
	return strcmp(a->zone, b->zone) == 0 && strcmp(a->endpoint, b->endpoint) == 0 &&
	       a->port == b->port && a->transport == b->transport;
}

static void add_entries(struct merge *m, const struct baseline *b, bool held)
{
	for (size_t i = 0; b != NULL && i < b->entries; i++) {
		const struct baseline_entry *e = &b->entry[i];
		/* whatever stands in a file, its own line tells what it is */
		bool is_held = held || baseline_is_held(e->why);
		m->piece[m->pieces++] = (struct piece){.zone = e->zone,
			.host = e->host,
			.endpoint = e->endpoint,
			.transport = e->transport,
			.port = e->port,
			.old = is_held ? NULL : e,
			.held = is_held ? e : NULL};
	}
}

/* The endpoint as text, by the name that hosts learnt later too. NULL: no room. */
static const char *endpoint_of(struct merge *m, const struct seen_key *key)
{
	uint32_t name = key->named ? key->endpoint : 0;
	char text[ADDR_TEXT_BYTES];
	if (name == 0) {
		struct addr addr = strings_addr(m->names, key->endpoint);
		name = hosts_name_of(m->hosts, &addr);
		if (name == 0)
			return baseline_keep(m->result.book, addr_text(&addr, text));
	}
	return strings_get(m->names, name);
}

static int add_seen(struct merge *m, const struct seen_table *t, bool zones)
{
	const struct baseline *book = m->learner->options.book;
	for (size_t i = 0; i < t->count; i++) {
		const struct seen *s = &t->seen[i];
		struct piece p = {.endpoint = endpoint_of(m, &s->key),
			.transport = (enum transport)s->key.transport,
			.port = s->key.port,
			.now = true,
			.seen = *s};
		size_t zone = s->key.who;
		if (!zones) {
			p.host = hosts_get(m->hosts, s->key.who)->addr;
			zone = baseline_zone_number(book, &p.host);
		}
		p.zone = zone < book->zones ? book->zone[zone].name : BASELINE_ZONE_OTHER;
		if (p.endpoint == NULL)
			return -ENOMEM;
		m->piece[m->pieces++] = p;
	}
	return 0;
}

static void join_days(struct seen_days *d, const struct seen_days *o)
{
	if (o->count == 0)
		return;
	d->first = d->count == 0 || o->first < d->first ? o->first : d->first;
	d->last = d->count == 0 || o->last > d->last ? o->last : d->last;
	/* which days they share is not known: too few are better than too many */
	d->count = o->count > d->count ? o->count : d->count;
	d->fresh = o->fresh > d->fresh ? o->fresh : d->fresh;
}

/* Two of one place: of the book, of what was held and of the window, or of an address and the name
 * that it turned out to have. */
static void join(struct piece *p, const struct piece *o)
{
	p->old = p->old != NULL ? p->old : o->old;
	p->held = p->held != NULL ? p->held : o->held;
	if (!o->now)
		return;
	struct seen *s = &p->seen;
	if (!p->now || (o->seen.reached && !s->reached)) {
		*s = o->seen;
	} else if (o->seen.reached == s->reached) {
		join_days(&s->days, &o->seen.days);
		s->sent += o->seen.sent;
		s->got += o->seen.got;
		s->fresh_sent += o->seen.fresh_sent;
		s->fresh_got += o->seen.fresh_got;
		for (size_t i = 0; i < SEEN_SERVICES; i++)
			if (s->service[i] == 0)
				s->service[i] = o->seen.service[i];
	}
	p->now = true;
}

static int gather(struct merge *m, const struct baseline *held_before)
{
	const struct learner *l = m->learner;
	size_t count = l->options.book->entries + l->hosts.count + l->zones.count +
	               (held_before == NULL ? 0 : held_before->entries);
	m->piece = calloc(count + 1, sizeof *m->piece);
	if (m->piece == NULL)
		return -ENOMEM;
	add_entries(m, l->options.book, false);
	add_entries(m, held_before, true);
	int err = add_seen(m, &l->hosts, false);
	if (err == 0)
		err = add_seen(m, &l->zones, true);
	qsort(m->piece, m->pieces, sizeof *m->piece, by_place);
	size_t kept = 0;
	for (size_t i = 0; i < m->pieces; i++) {
		if (kept > 0 && by_place(&m->piece[kept - 1], &m->piece[i]) == 0)
			join(&m->piece[kept - 1], &m->piece[i]);
		else
			m->piece[kept++] = m->piece[i];
	}
	m->pieces = kept;
	return err;
}

static int decide_all(struct merge *m)
{
	int err = 0;
	CHECK(m->piece != NULL);
	for (size_t i = 0, end; i < m->pieces && err == 0; i = end) {
		for (end = i + 1; end < m->pieces && same_group(&m->piece[i], &m->piece[end]);
			end++)
			;
		struct group g = group_of(m, &m->piece[i], end - i);
		err = decide(m, &g);
	}
	baseline_sort(m->result.book);
	baseline_sort(m->result.held);
	return err;
}

/* ---- the headers ---- */

static int copy_header(struct baseline *to, const struct baseline *from, struct fail *why)
{
	int err = 0;
	for (size_t i = 0; i < from->zones && err == 0; i++)
		err = baseline_add_zone(to, &from->zone[i], why);
	for (size_t i = 0; i < from->inputs && err == 0; i++)
		err = baseline_add_input(to, &from->input[i], why);
	memcpy(to->window, from->window, sizeof to->window);
	to->windows = from->windows;
	to->dropped = from->dropped;
	return err;
}

/* The window's days, run by run. */
static int cover(struct merge *m, struct fail *why)
{
	const uint8_t *day = m->learner->day;
	for (int32_t i = 0; i <= BASELINE_DAY_MAX; i++) {
		struct baseline_days run = {i, i};
		if ((day[i / 8] >> (i % 8) & 1) == 0)
			continue;
		while (run.last < BASELINE_DAY_MAX &&
			(day[(run.last + 1) / 8] >> ((run.last + 1) % 8) & 1) != 0)
			run.last++;
		i = m->last_day = run.last;
		if (baseline_cover(m->result.book, run) < 0 ||
			baseline_cover(m->result.held, run) < 0)
			return fail_set(why, -E2BIG,
				"more than %u windows that do not touch: begin a new baseline",
				BASELINE_WINDOWS_MAX);
	}
	return 0;
}

static int start(struct merge *m, const struct baseline *held_before, struct fail *why)
{
	const struct learner *l = m->learner;
	const struct baseline *book = l->options.book;
	struct learner_result *r = &m->result;
	if (strings_refused(l->touched) > 0)
		return fail_set(why, -E2BIG, "findings touch more endpoints than can be held back");
	if (baseline_new(&r->book) < 0 || baseline_new(&r->held) < 0)
		return fail_set(why, -ENOMEM, "out of memory");
	if (copy_header(r->book, book, why) < 0 || copy_header(r->held, book, why) < 0)
		return -ENOMEM;
	r->book->comment = baseline_keep(r->book, book->comment);
	r->book->tail = baseline_keep(r->book, book->tail);
	if (held_before != NULL) {
		r->held->comment = baseline_keep(r->held, held_before->comment);
		r->held->tail = baseline_keep(r->held, held_before->tail);
	}
	r->book->rules = r->held->rules = l->options.rules;
	return cover(m, why);
}

int learner_finish(struct learner *l, struct hosts *hosts, const struct baseline *held_before,
	struct learner_result *ret, struct fail *why)
{
	struct merge m = {.learner = l, .hosts = hosts, .names = hosts_strings(hosts)};
	int err = start(&m, held_before, why);
	if (err == 0 && (gather(&m, held_before) < 0 || (err = decide_all(&m)) < 0)) {
		err = err == 0 ? -ENOMEM : err;
		(void)fail_set(why, err,
			err == -E2BIG ? "more than %zu entries: make a baseline of each zone"
				      : "out of memory (%zu entries are the most)",
			BASELINE_ENTRIES_MAX);
	}
	free(m.piece);
	if (err < 0) {
		baseline_free(m.result.book);
		baseline_free(m.result.held);
		return err;
	}
	CHECK(m.result.book != NULL && m.result.held != NULL);
	m.result.dropped += l->hosts.dropped + l->undated;
	m.result.book->dropped += m.result.dropped;
	*ret = m.result;
	return 0;
}
