#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "baseline/learner.h"

#define DAY_NS (86400 * NS_PER_S)
/* Days of one long conversation that are told apart. */
#define LONG_DAYS 63
/* Endpoints of findings: some thousand findings of 24 channels with 16 names and addresses. */
#define TOUCHED_BYTES ((size_t)16 << 20)
#define TOUCHED_MAX   ((size_t)1 << 18)

/* ---- the tables ---- */

static int table_start(struct seen_table *t, size_t max)
{
	t->max = max;
	t->key = hash_key_new();
	for (t->slots = 16; t->slots < 2 * max; t->slots *= 2)
		;
	t->seen = calloc(max, sizeof *t->seen); /* pages are touched as it fills */
	t->slot = calloc(t->slots, sizeof *t->slot);
	return t->seen == NULL || t->slot == NULL ? -ENOMEM : 0;
}

static void table_stop(struct seen_table *t)
{
	free(t->seen);
	free(t->slot);
}

/* Where the key is, or would be. */
static uint32_t *place_of(const struct seen_table *t, const struct seen_key *key)
{
	_Static_assert(sizeof *key == 12, "no padding in what is hashed");
	size_t at = hash_bytes(&t->key, key, sizeof *key) & (t->slots - 1);
	while (t->slot[at] != 0 && memcmp(&t->seen[t->slot[at] - 1].key, key, sizeof *key) != 0)
		at = (at + 1) & (t->slots - 1);
	return &t->slot[at];
}

/* What is needed least comes first: what never answered, then what fewer hosts reached, on fewer
 * days, with fewer attempts; of equal ones the later. */
static int by_strength(const void *pa, const void *pb)
{
	const struct seen *a = *(struct seen *const *)pa, *b = *(struct seen *const *)pb;
	if (a->reached != b->reached)
		return a->reached - b->reached;
	if (a->hosts != b->hosts)
		return a->hosts < b->hosts ? -1 : 1;
	if (a->days.count != b->days.count)
		return a->days.count < b->days.count ? -1 : 1;
	if (a->tries != b->tries)
		return a->tries < b->tries ? -1 : 1;
	return a > b ? -1 : a < b;
}

void seen_table_drop(struct seen_table *t, bool one, uint32_t who)
{
	CHECK(t->seen != NULL && t->slot != NULL);
	struct seen **weak = calloc(t->count + 1, sizeof(struct seen *));
	size_t candidates = 0, kept = 0;
	if (weak == NULL)
		return; /* no room then: the caller counts it */
	for (size_t i = 0; i < t->count; i++)
		if (!one || t->seen[i].key.who == who)
			weak[candidates++] = &t->seen[i];
	qsort(weak, candidates, sizeof(struct seen *), by_strength);
	size_t gone = (candidates + 3) / 4;
	for (size_t i = 0; i < gone; i++) {
		CHECK(weak[i] != NULL);
		weak[i]->key.endpoint = 0; /* no endpoint has it */
	}
	t->dropped += gone;
	memset(t->slot, 0, t->slots * sizeof *t->slot);
	for (size_t i = 0; i < t->count; i++) {
		if (t->seen[i].key.endpoint == 0)
			continue;
		t->seen[kept] = t->seen[i];
		*place_of(t, &t->seen[kept].key) = (uint32_t)kept + 1;
		kept++;
	}
	t->count = kept;
	free(weak);
}

static struct seen *find(const struct seen_table *t, const struct seen_key *key)
{
	uint32_t slot = *place_of(t, key);
	return slot == 0 ? NULL : &t->seen[slot - 1];
}

/* NULL: no room even so. */
static struct seen *make(struct seen_table *t, const struct seen_key *key)
{
	CHECK(t->seen != NULL);
	if (t->count == t->max)
		seen_table_drop(t, false, 0);
	if (t->count == t->max) {
		t->dropped++;
		return NULL;
	}
	struct seen *s = &t->seen[t->count++];
	*s = (struct seen){.key = *key};
	*place_of(t, key) = (uint32_t)t->count;
	return s;
}

/* ---- begin and end ---- */

int learner_new(struct learner **ret, const struct learner_options *options)
{
	struct learner *l = calloc(1, sizeof *l);
	if (l == NULL)
		return -ENOMEM;
	l->options = *options;
	if (l->options.contacts_max == 0)
		l->options.contacts_max = LEARNER_CONTACTS_MAX;
	if (l->options.host_max == 0)
		l->options.host_max = LEARNER_HOST_MAX;
	l->of_host = calloc(HOSTS_MAX, sizeof *l->of_host);
	l->day = calloc(BASELINE_DAY_MAX / 8 + 1, 1);
	if (l->of_host == NULL || l->day == NULL ||
		table_start(&l->hosts, l->options.contacts_max) < 0 ||
		table_start(&l->zones, l->options.contacts_max) < 0 ||
		strings_new(&l->touched, TOUCHED_BYTES, TOUCHED_MAX) < 0) {
		learner_free(l);
		return -ENOMEM;
	}
	*ret = l;
	return 0;
}

void learner_free(struct learner *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->asks; i++)
		free(l->asked[i].endpoint);
	table_stop(&l->hosts);
	table_stop(&l->zones);
	strings_free(l->touched);
	free(l->of_host);
	free(l->day);
	free(l);
}

/* ---- what is told ---- */

static void count_day(struct seen_days *d, int32_t day, bool covered)
{
	if (d->recent == 0) {
		*d = (struct seen_days){
			.first = day, .last = day, .recent = 1, .count = 1, .fresh = !covered};
		return;
	}
	if (day > d->last) {
		int32_t ahead = day - d->last;
		d->recent = (ahead < 64 ? d->recent << ahead : 0) | 1;
		d->last = day;
	} else {
		int32_t back = d->last - day;
		d->first = day < d->first ? day : d->first;
		if (back >= 64 || (d->recent >> back & 1) != 0)
			return;
		d->recent |= UINT64_C(1) << back;
	}
	d->count++;
	d->fresh += !covered;
}

static void add_service(struct seen *s, uint32_t service)
{
	for (size_t i = 0; i < SEEN_SERVICES && service != 0; i++) {
		if (s->service[i] == 0)
			s->service[i] = service;
		if (s->service[i] == service)
			return;
	}
}

/* One conversation, as it is told now. */
struct told {
	const struct conn *conn;
	int32_t first_day, last_day;
	bool answered, covered; /* covered: the day that it began */
	uint32_t service;
};

static void take(struct seen *s, const struct told *t, const struct baseline *book)
{
	const struct conn *c = t->conn;
	if (c->rest && !s->reached)
		return; /* what came after a failure is no answer */
	s->tries += c->settled;
	if (t->answered && !s->reached) {
		s->reached = true;
		s->days = (struct seen_days){0};
	}
	if (t->answered != s->reached)
		return; /* a failure of what can be reached */
	for (int32_t day = t->first_day; day <= t->last_day; day++)
		count_day(&s->days, day, baseline_covers(book, day));
	if (!t->answered)
		return;
	add_service(s, t->service);
	uint64_t out = c->ended ? c->bytes_out : 0, in = c->ended ? c->bytes_in : 0;
	s->sent += out;
	s->got += in;
	s->fresh_sent += t->covered ? 0 : out;
	s->fresh_got += t->covered ? 0 : in;
}

static struct seen *host_seen(struct learner *l, const struct seen_key *key)
{
	struct seen *s = find(&l->hosts, key);
	if (s != NULL)
		return s;
	if (l->of_host[key->who] >= l->options.host_max)
		seen_table_drop(&l->hosts, true, key->who);
	CHECK(l->of_host != NULL);
	size_t before = l->hosts.dropped;
	s = make(&l->hosts, key);
	if (l->hosts.dropped != before || l->of_host[key->who] >= l->options.host_max) {
		memset(l->of_host, 0, HOSTS_MAX * sizeof *l->of_host);
		for (size_t i = 0; i < l->hosts.count; i++)
			l->of_host[l->hosts.seen[i].key.who]++;
	} else {
		l->of_host[key->who] += s != NULL;
	}
	return s;
}

static bool days_of(const struct conn *c, struct told *ret)
{
	int64_t first = c->start_ns / DAY_NS, last = first;
	if (c->ended && c->end_ns > c->start_ns)
		last = c->end_ns / DAY_NS;
	if (c->start_ns <= 0 || last > BASELINE_DAY_MAX)
		return false;
	ret->first_day = (int32_t)(last - first > LONG_DAYS ? last - LONG_DAYS : first);
	ret->last_day = (int32_t)last;
	return true;
}

void learner_told(struct learner *l, const struct host_contact *contact, const struct conn *c)
{
	struct told t = {.conn = c, .service = contact->service};
	if (!days_of(c, &t)) {
		l->undated++;
		return;
	}
	const struct baseline *book = l->options.book;
	/* a source that can't tell how it ended may tell that something came back */
	t.answered = c->outcome == OUTCOME_OK || (c->outcome == OUTCOME_UNKNOWN && c->bytes_in > 0);
	t.covered = baseline_covers(book, (int32_t)(c->start_ns / DAY_NS));
	if (!c->settled && !t.answered)
		return; /* the end of what was told as a failure */
	for (int32_t day = t.first_day; day <= t.last_day; day++)
		l->day[day / 8] |= (uint8_t)(1u << (day % 8));
	struct seen_key key = {.who = contact->host_index,
		.endpoint = contact->endpoint,
		.port = contact->port,
		.transport = (uint8_t)contact->transport,
		.named = contact->domain != NULL};
	struct seen *host = host_seen(l, &key);
	bool was_reached = host != NULL && host->reached;
	if (host != NULL)
		take(host, &t, book);
	key.who = (uint32_t)baseline_zone_number(book, &contact->host);
	struct seen *zone = find(&l->zones, &key);
	if (zone == NULL)
		zone = make(&l->zones, &key);
	if (zone == NULL)
		return;
	take(zone, &t, book);
	zone->hosts += host != NULL && host->reached && !was_reached;
}

void learner_touch(struct learner *l, const char *endpoint)
{
	(void)strings_add(l->touched, endpoint); /* learner_finish() asks whether all found room */
}

int learner_ask(struct learner *l, const char *endpoint)
{
	if (l->asks == ASKED_MAX)
		return -E2BIG;
	char *copy = strdup(endpoint);
	if (copy == NULL)
		return -ENOMEM;
	for (char *c = copy; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	l->asked[l->asks++] = (struct asked){.endpoint = copy};
	return 0;
}

bool learner_met(const struct learner *l, const char *endpoint)
{
	for (size_t i = 0; i < l->asks; i++)
		if (strcasecmp(l->asked[i].endpoint, endpoint) == 0)
			return l->asked[i].met;
	return false;
}
