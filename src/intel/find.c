/* What a set says of an address, a name, an event. */
#include <string.h>

#include "base/limits.h"
#include "base/scan.h"
#include "intel/draft.h"

/* More of one name's labels are not looked up: no list has names so deep. */
#define LABELS_MAX 32u
#define FOUND_MAX  64u

void intel_free(struct intel *set)
{
	if (set == NULL)
		return;
	for (size_t i = 0; i < set->files; i++)
		free(set->file[i]);
	free(set->file);
	free(set->slot);
	free(set->filter);
	free(set->record);
	free(set->network);
	strings_free(set->notes);
	strings_free(set->origins);
	free(set);
}

size_t intel_count(const struct intel *set)
{
	return set->entries;
}

uint64_t intel_count_of(const struct intel *set, enum intel_kind kind)
{
	return set->count[kind];
}

size_t intel_files(const struct intel *set)
{
	return set->files;
}

const struct intel_file *intel_file(const struct intel *set, size_t index)
{
	CHECK(index < set->files);
	return set->file[index];
}

size_t intel_bytes(const struct intel *set)
{
	return set->slots * sizeof *set->slot + set->filters * sizeof *set->filter + set->bytes +
	       set->networks * sizeof *set->network;
}

/* ---- lookups ---- */

size_t intel_find_addr(const struct intel *set, const struct addr *addr, uint32_t *ret, size_t max)
{
	size_t found = set_find(set, INTEL_ADDRESS, addr->byte, sizeof addr->byte, ret, max);
	return found + networks_find(set, addr, ret + found, max - found);
}

/* The name's own, then of those around it such as mean what is below them. */
static size_t find_name(const struct intel *set, const char *name, uint32_t *ret, size_t max)
{
	size_t found = 0;
	bool self = true;
	for (size_t label = 0; name != NULL && *name != '\0' && label < LABELS_MAX; label++) {
		uint32_t here[INTEL_SAME_MAX];
		size_t count = set_find(set, INTEL_NAME, name, strlen(name), here, ARRAY_LEN(here));
		for (size_t i = 0; i < count && found < max; i++) {
			struct entry e = entry_of(set, here[i]);
			if ((self && e.self != 0) || (!self && e.below != 0))
				ret[found++] = here[i];
		}
		if (!set->below)
			break;
		self = false;
		name = strchr(name, '.');
		name = name == NULL ? NULL : name + 1;
	}
	return found;
}

size_t intel_find_text(
	const struct intel *set, enum intel_kind kind, const char *text, uint32_t *ret, size_t max)
{
	struct key key;
	struct entry entry;
	if (set->count[kind] == 0)
		return 0;
	if (kind == INTEL_NAME)
		return find_name(set, text, ret, max);
	struct draft d = {.kind = kind, .value = span_of(text), .confidence = -1};
	if (draft_key(&d, &key, &entry) != NULL || key.kind != kind)
		return 0;
	return set_find(set, kind, key.byte, key.len, ret, max);
}

/* ---- events ---- */

struct finder {
	const struct intel *set;
	struct intel_match *ret;
	size_t count;
	int64_t at_ns;
	uint16_t port;
};

/* Whether it holds at this time and port. */
static bool holds(const struct finder *f, uint32_t number)
{
	struct entry e = entry_of(f->set, number);
	if (e.until_s != 0 && f->at_ns >= (int64_t)e.until_s * NS_PER_S)
		return false;
	struct origin o = origin_of(f->set, e.origin);
	return o.port == 0 || o.port == f->port;
}

static void take(struct finder *f, enum intel_field field, const char *name, const uint32_t *number,
	size_t count)
{
	for (size_t i = 0; i < count; i++) {
		bool again = !holds(f, number[i]);
		for (size_t k = 0; k < f->count && !again; k++)
			again = f->ret[k].item == number[i];
		if (!again && f->count < INTEL_MATCHES_MAX)
			f->ret[f->count++] = (struct intel_match){
				.item = number[i], .field = field, .name = name};
	}
}

static void find_addr(
	struct finder *f, enum intel_field field, const struct addr *a, const char *name)
{
	uint32_t found[FOUND_MAX];
	take(f, field, name, found, intel_find_addr(f->set, a, found, FOUND_MAX));
}

static void find_text(struct finder *f, enum intel_field field, enum intel_kind kind,
	const char *text, const char *name)
{
	uint32_t found[FOUND_MAX];
	if (text != NULL)
		take(f, field, name, found, intel_find_text(f->set, kind, text, found, FOUND_MAX));
}

static void find_url(struct finder *f, const struct conn *c)
{
	char addr[ADDR_TEXT_BYTES];
	uint32_t found[FOUND_MAX];
	struct key key;
	if (c->request_hash == 0 || f->set->count[INTEL_URL] == 0)
		return;
	const char *host = c->name != NULL ? c->name : addr_text(&c->server, addr);
	bool usual = c->to_proxy || c->server_port == 80 || c->server_port == 443;
	if (url_key(&key, c->request_hash, host, usual ? 0 : c->server_port))
		take(f, INTEL_REQUEST, c->name, found,
			set_find(f->set, INTEL_URL, key.byte, key.len, found, FOUND_MAX));
}

static void find_in_conn(struct finder *f, const struct conn *c)
{
	f->at_ns = c->start_ns;
	f->port = c->server_port;
	if (!c->to_proxy) /* else the server is the proxy */
		find_addr(f, INTEL_SERVER, &c->server, NULL);
	find_addr(f, INTEL_CLIENT, &c->client, NULL);
	if (c->name != NULL)
		find_text(f, INTEL_SNI, INTEL_NAME, c->name, c->name);
	find_text(f, INTEL_SUBJECT, INTEL_NAME, c->certificate, c->certificate);
	find_text(f, INTEL_CLIENT_HELLO, INTEL_JA3, c->ja3, NULL);
	find_text(f, INTEL_CLIENT_HELLO, INTEL_JA4, c->ja4, NULL);
	find_text(f, INTEL_USER_AGENT, INTEL_AGENT, c->user_agent, NULL);
	find_url(f, c);
}

static void find_in_lookup(struct finder *f, const struct lookup *l)
{
	f->at_ns = l->query_ns;
	find_text(f, INTEL_QUERY, INTEL_NAME, l->name, l->name);
	for (size_t i = 0; i < l->cnames; i++)
		find_text(f, INTEL_ALIAS, INTEL_NAME, l->cname[i], l->cname[i]);
	for (size_t i = 0; i < l->answers; i++)
		find_addr(f, INTEL_ANSWER, &l->answer[i].addr, l->name);
}

/* Parts of what holds together only stay when all of them are there. */
static size_t whole_groups(const struct intel *set, struct intel_match *match, size_t count)
{
	size_t kept = 0;
	bool whole[INTEL_MATCHES_MAX];
	for (size_t i = 0; i < count; i++) {
		uint32_t origin = entry_of(set, match[i].item).origin;
		struct origin o = origin_of(set, origin);
		size_t there = 0;
		for (size_t k = 0; k < count && o.group != 0; k++)
			there += entry_of(set, match[k].item).origin == origin;
		whole[i] = o.group == 0 || there >= o.members;
	}
	for (size_t i = 0; i < count; i++)
		if (whole[i])
			match[kept++] = match[i];
	return kept;
}

size_t intel_match(const struct intel *set, const struct event *event, struct intel_match *ret)
{
	struct finder f = {.set = set, .ret = ret};
	if (event->kind == EVENT_CONN)
		find_in_conn(&f, &event->conn);
	else if (event->kind == EVENT_LOOKUP)
		find_in_lookup(&f, &event->lookup);
	return set->groups == 0 ? f.count : whole_groups(set, ret, f.count);
}
