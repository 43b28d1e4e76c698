#include <errno.h>
#include <string.h>

#include "intel/set.h"

/* Names that matched and processes, each once. */
#define NAMES_BYTES ((size_t)4 << 20)
/* A power of two, at least twice INTEL_SIGHTS_MAX. */
#define SLOTS (2 * INTEL_SIGHTS_MAX)
/* Conversations that are not over; a power of two. */
#define OPEN ((size_t)1 << 15)

struct intel_seen {
	const struct intel *set;
	struct hash_key hash;
	struct strings *names;
	struct intel_sight *sight;
	size_t sights;
	uint32_t *slot; /* from 1; 0 free */
	uint64_t refused;
	/* hashes of those that were counted and are not over: one that was told to be OK is told
	 * again when it falls silent. One that loses its place may be counted twice. */
	uint64_t *open;
};

int intel_seen_new(struct intel_seen **ret, const struct intel *set)
{
	struct intel_seen *s = calloc(1, sizeof *s);
	if (s == NULL)
		return -ENOMEM;
	s->set = set;
	s->hash = hash_key_new();
	s->sight = calloc(INTEL_SIGHTS_MAX, sizeof *s->sight);
	s->slot = calloc(SLOTS, sizeof *s->slot);
	s->open = calloc(OPEN, sizeof *s->open);
	if (s->sight == NULL || s->slot == NULL || s->open == NULL ||
		strings_new(&s->names, NAMES_BYTES, INTEL_SIGHTS_MAX) < 0) {
		intel_seen_free(s);
		return -ENOMEM;
	}
	*ret = s;
	return 0;
}

void intel_seen_free(struct intel_seen *s)
{
	if (s == NULL)
		return;
	strings_free(s->names);
	free(s->sight);
	free(s->slot);
	free(s->open);
	free(s);
}

static uint32_t *slot_of(const struct intel_seen *s, uint32_t item, const struct addr *host)
{
	struct {
		struct addr host;
		uint32_t item;
	} key = {*host, item};
	uint64_t at = hash_bytes(&s->hash, &key, sizeof key);
	for (;; at++) {
		uint32_t *slot = &s->slot[at & (SLOTS - 1)];
		if (*slot == 0 || (s->sight[*slot - 1].item == item &&
					  addr_eq(&s->sight[*slot - 1].host, host)))
			return slot;
	}
}

struct intel_sight *intel_seen_find(struct intel_seen *s, uint32_t item, const struct addr *host)
{
	uint32_t at = *slot_of(s, item, host);
	return at == 0 ? NULL : &s->sight[at - 1];
}

void intel_seen_note(struct intel_seen *s, const struct intel_sight *sight)
{
	uint32_t *slot = slot_of(s, sight->item, &sight->host);
	CHECK(s->sight != NULL);
	if (*slot == 0 && s->sights == INTEL_SIGHTS_MAX) {
		s->refused++;
		return;
	}
	if (*slot == 0) {
		s->sight[s->sights++] = *sight;
		*slot = (uint32_t)s->sights;
		struct intel_sight *new = &s->sight[s->sights - 1];
		new->name = strings_get(s->names, strings_add(s->names, sight->name));
		new->process = strings_get(s->names, strings_add(s->names, sight->process));
		return;
	}
	struct intel_sight *have = &s->sight[*slot - 1];
	have->count += sight->count;
	have->failures += sight->failures;
	have->fields |= sight->fields;
	if (have->process == NULL)
		have->process = strings_get(s->names, strings_add(s->names, sight->process));
	have->first_ns = sight->first_ns < have->first_ns ? sight->first_ns : have->first_ns;
	have->last_ns = sight->last_ns > have->last_ns ? sight->last_ns : have->last_ns;
	if (addr_is_none(&have->peer) && !addr_is_none(&sight->peer)) {
		have->peer = sight->peer; /* asked for first, spoken to now */
		have->port = sight->port;
		have->transport = sight->transport;
	}
}

static struct intel_sight sight_of(const struct event *event, const struct intel_match *m)
{
	const struct conn *c = &event->conn;
	const struct lookup *l = &event->lookup;
	struct intel_sight s = {
		.item = m->item, .fields = (uint16_t)(1u << m->field), .name = m->name, .count = 1};
	if (event->kind == EVENT_LOOKUP) {
		s.host = l->client;
		s.process = l->process;
		s.first_ns = s.last_ns = l->query_ns;
		s.failures = outcome_is_failure(l->outcome);
		return s;
	}
	bool inbound = m->field == INTEL_CLIENT;
	s.host = inbound ? c->server : c->client;
	s.peer = inbound ? c->client : c->server;
	s.process = c->process;
	s.port = c->server_port;
	s.transport = c->transport;
	s.first_ns = s.last_ns = c->start_ns;
	s.failures = outcome_is_failure(c->outcome);
	return s;
}

/* Ids are one run's alone, and journals hold several runs'. */
static uint64_t hash_of_conn(const struct intel_seen *s, const struct conn *c)
{
	struct {
		uint64_t id;
		int64_t start_ns;
	} key = {c->id, c->start_ns};
	return hash_bytes(&s->hash, &key, sizeof key);
}

size_t intel_seen_add(struct intel_seen *s, const struct event *event)
{
	struct intel_match match[INTEL_MATCHES_MAX];
	size_t before = s->sights;
	bool is_conn = event->kind == EVENT_CONN;
	/* each conversation once: when it is known how it went */
	if (is_conn && !event->conn.settled)
		return 0;
	uint64_t conn = is_conn ? hash_of_conn(s, &event->conn) : 0;
	bool again = is_conn && s->open[conn & (OPEN - 1)] == conn;
	size_t count = intel_match(s->set, event, match);
	for (size_t i = 0; i < count; i++) {
		struct intel_sight sight = sight_of(event, &match[i]);
		sight.count = !again || intel_seen_find(s, sight.item, &sight.host) == NULL;
		intel_seen_note(s, &sight);
	}
	if (is_conn && count > 0 && !event->conn.ended)
		s->open[conn & (OPEN - 1)] = conn;
	return s->sights - before;
}

const struct intel *intel_seen_set(const struct intel_seen *s)
{
	return s->set;
}

static int by_time(const void *a, const void *b)
{
	const struct intel_sight *x = a, *y = b;
	if (x->first_ns != y->first_ns)
		return x->first_ns < y->first_ns ? -1 : 1;
	if (x->item != y->item)
		return x->item < y->item ? -1 : 1;
	return addr_cmp(&x->host, &y->host);
}

void intel_seen_sort(struct intel_seen *s)
{
	qsort(s->sight, s->sights, sizeof *s->sight, by_time);
	memset(s->slot, 0, SLOTS * sizeof *s->slot);
	for (size_t i = 0; i < s->sights; i++)
		*slot_of(s, s->sight[i].item, &s->sight[i].host) = (uint32_t)i + 1;
}

size_t intel_seen_count(const struct intel_seen *s)
{
	return s->sights;
}

const struct intel_sight *intel_seen_get(const struct intel_seen *s, size_t index)
{
	CHECK(index < s->sights);
	return &s->sight[index];
}

uint64_t intel_seen_refused(const struct intel_seen *s)
{
	return s->refused;
}
