#include "baseline/baseline.h"

#include <errno.h>
#include <string.h>

#include "base/scan.h"
#include "base/strings.h"
#include "baseline/baseline_private.h"

/* Names, notes and comments of a file: no more than the file holds. */
#define STRINGS_MAX ((size_t)1 << 20)

int baseline_make(struct baseline **ret, size_t text_bytes, size_t texts)
{
	struct baseline *b = calloc(1, sizeof *b);
	if (b == NULL)
		return -ENOMEM;
	b->zone = calloc(BASELINE_ZONES_MAX, sizeof *b->zone);
	if (b->zone == NULL || strings_new(&b->strings, text_bytes, texts) < 0) {
		baseline_free(b);
		return -ENOMEM;
	}
	*ret = b;
	return 0;
}

int baseline_new(struct baseline **ret)
{
	return baseline_make(ret, 2 * BASELINE_BYTES_MAX, STRINGS_MAX);
}

void baseline_free(struct baseline *b)
{
	if (b == NULL)
		return;
	strings_free(b->strings);
	free(b->entry);
	free(b->zone);
	free(b->input);
	free(b);
}

const char *baseline_keep(struct baseline *b, const char *text)
{
	return text == NULL ? NULL : strings_get(b->strings, strings_add(b->strings, text));
}

/* ---- building one ---- */

bool baseline_is_word(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.ptr[i], letter = c | 0x20;
		bool good = (letter >= 'a' && letter <= 'z') || (c >= '0' && c <= '9') ||
		            c == '-' || c == '_' || c == '.';
		if (!good)
			return false;
	}
	return text.len > 0 && text.len <= ZONE_NAME_MAX;
}

int baseline_add_zone(struct baseline *b, const struct baseline_zone *zone, struct fail *why)
{
	if (!baseline_is_word(span_of(zone->name)) || strcmp(zone->name, BASELINE_ZONE_OTHER) == 0)
		return fail_set(why, -EINVAL,
			"is not a zone's name: 1 to %u of A-Z a-z 0-9 . _ - but not '%s'",
			ZONE_NAME_MAX, BASELINE_ZONE_OTHER);
	for (size_t i = 0; i < b->zones; i++)
		if (strcmp(b->zone[i].name, zone->name) == 0)
			return fail_set(
				why, -EINVAL, "is there twice: give all its networks at once");
	if (b->zones == BASELINE_ZONES_MAX)
		return fail_set(why, -E2BIG, "is one more than %u zones", BASELINE_ZONES_MAX);
	const char *name = baseline_keep(b, zone->name);
	if (name == NULL)
		return fail_set(why, -ENOMEM, "out of memory");
	b->zone[b->zones] = *zone;
	b->zone[b->zones++].name = name;
	return 0;
}

bool baseline_has_input(const struct baseline *b, const char *sha256)
{
	for (size_t i = 0; i < b->inputs; i++)
		if (b->input[i].sha256 != NULL && strcmp(b->input[i].sha256, sha256) == 0)
			return true;
	return false;
}

/* Grows an array that is full by half; at least 64. */
static bool make_room(void **array, size_t count, size_t *room, size_t item)
{
	if (count < *room)
		return true;
	size_t want = *room < 64 ? 64 : *room + *room / 2;
	void *bigger = realloc(*array, want * item);
	if (bigger == NULL)
		return false;
	*array = bigger;
	*room = want;
	return true;
}

static int by_name(const void *pa, const void *pb)
{
	const struct baseline_input *a = pa, *b = pb;
	int order = strcmp(a->name, b->name);
	const char *x = a->sha256 == NULL ? "" : a->sha256, *y = b->sha256 == NULL ? "" : b->sha256;
	return order != 0 ? order : strcmp(x, y);
}

int baseline_add_input(struct baseline *b, const struct baseline_input *input, struct fail *why)
{
	if (b->inputs == BASELINE_INPUTS_MAX)
		return fail_set(why, -E2BIG, "is one more than %u inputs: begin a new baseline",
			BASELINE_INPUTS_MAX);
	char name[INPUT_NAME_MAX + 1];
	(void)snprintf(name, sizeof name, "%s", input->name);
	for (char *c = name; *c != '\0'; c++)
		if (*c <= ' ' || *c > '~' || *c == '#')
			*c = '_';
	struct baseline_input one = {.sha256 = baseline_keep(b, input->sha256),
		.name = baseline_keep(b, name[0] == '\0' ? "_" : name)};
	if (one.name == NULL || (input->sha256 != NULL && one.sha256 == NULL) ||
		!make_room((void **)&b->input, b->inputs, &b->input_room, sizeof *b->input))
		return fail_set(why, -ENOMEM, "out of memory");
	size_t at = b->inputs++;
	for (; at > 0 && by_name(&b->input[at - 1], &one) > 0; at--)
		b->input[at] = b->input[at - 1];
	b->input[at] = one;
	return 0;
}

int baseline_add(struct baseline *b, const struct baseline_entry *e)
{
	if (b->entries == BASELINE_ENTRIES_MAX)
		return -E2BIG;
	struct baseline_entry one = *e;
	const char **text[] = {&one.zone, &one.endpoint, &one.service, &one.note, &one.comment};
	for (size_t i = 0; i < ARRAY_LEN(text); i++) {
		bool given = *text[i] != NULL && **text[i] != '\0';
		*text[i] = baseline_keep(b, *text[i]);
		if (given && *text[i] == NULL)
			return -ENOMEM;
	}
	if (!make_room((void **)&b->entry, b->entries, &b->entry_room, sizeof *b->entry))
		return -ENOMEM;
	b->entry[b->entries++] = one;
	return 0;
}

int baseline_order(const struct baseline_entry *a, const struct baseline_entry *b)
{
	int order = strcmp(a->zone, b->zone);
	order = order != 0 ? order : addr_cmp(&a->host, &b->host);
	order = order != 0 ? order : strcmp(a->endpoint, b->endpoint);
	order = order != 0 ? order : (a->port > b->port) - (a->port < b->port);
	return order != 0 ? order : (a->transport > b->transport) - (a->transport < b->transport);
}

static int by_key(const void *a, const void *b)
{
	return baseline_order(a, b);
}

void baseline_sort(struct baseline *b)
{
	if (b->entries > 0)
		qsort(b->entry, b->entries, sizeof *b->entry, by_key);
}

int baseline_cover(struct baseline *b, struct baseline_days days)
{
	size_t at = 0, end;
	while (at < b->windows && b->window[at].last < days.first - 1)
		at++;
	for (end = at; end < b->windows && b->window[end].first <= days.last + 1; end++) {
		days.first = b->window[end].first < days.first ? b->window[end].first : days.first;
		days.last = b->window[end].last > days.last ? b->window[end].last : days.last;
	}
	if (end == at && b->windows == BASELINE_WINDOWS_MAX)
		return -E2BIG;
	memmove(&b->window[at + 1], &b->window[end], (b->windows - end) * sizeof *b->window);
	b->windows = b->windows - (end - at) + 1;
	b->window[at] = days;
	return 0;
}

bool baseline_covers(const struct baseline *b, int32_t day)
{
	for (size_t i = 0; i < b->windows; i++)
		if (day >= b->window[i].first && day <= b->window[i].last)
			return true;
	return false;
}

/* ---- asking it ---- */

size_t baseline_zone_number(const struct baseline *b, const struct addr *host)
{
	for (size_t i = 0; i < b->zones; i++) {
		const struct baseline_zone *zone = &b->zone[i];
		if (zone->is_private && addr_is_private(host))
			return i;
		for (size_t k = 0; k < zone->nets; k++)
			if (cidr_has(&zone->net[k], host))
				return i;
	}
	return b->zones;
}

const char *baseline_zone_of(const struct baseline *b, const struct addr *host)
{
	size_t zone = baseline_zone_number(b, host);
	return zone < b->zones ? b->zone[zone].name : BASELINE_ZONE_OTHER;
}

/* Where the entry stands, or would. */
static size_t place_of(const struct baseline *b, const struct baseline_entry *key)
{
	size_t low = 0, high = b->entries;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (baseline_order(&b->entry[mid], key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static const struct baseline_entry *find_for(const struct baseline *b,
	const struct baseline_question *q, const char *zone, const struct addr *host)
{
	struct baseline_entry key = {.zone = zone,
		.host = *host,
		.endpoint = q->endpoint,
		.port = q->any_port ? 0 : q->port,
		.transport = q->any_port ? TRANSPORT_OTHER : q->transport};
	for (size_t i = place_of(b, &key); i < b->entries; i++) {
		const struct baseline_entry *e = &b->entry[i];
		bool same = strcmp(e->zone, zone) == 0 && addr_eq(&e->host, host) &&
		            strcmp(e->endpoint, q->endpoint) == 0;
		if (!same || (!q->any_port && baseline_order(e, &key) != 0))
			return NULL;
		if (!baseline_is_held(e->why))
			return e;
	}
	return NULL;
}

const struct baseline_entry *baseline_find(
	const struct baseline *b, const struct baseline_question *q)
{
	static const struct addr all;
	const char *zone = baseline_zone_of(b, &q->host);
	const struct baseline_entry *e = find_for(b, q, zone, &q->host);
	return e != NULL ? e : find_for(b, q, zone, &all);
}

const char *baseline_why_text(enum baseline_why why)
{
	static const char *const text[BASELINE_WHYS] = {"seen", "asked for by name",
		"seen on too few days", "seen of too few hosts", "a finding touches it",
		"every attempt failed"};
	return text[why];
}
