#include <errno.h>
#include <string.h>

#include "baseline/baseline_private.h"

/* All uses of one baseline, by zone, endpoint, port and transport. */
struct uses {
	struct baseline_use *use;
	size_t count;
};

static int order_of(const struct baseline_entry *a, const struct baseline_entry *b)
{
	int order = strcmp(a->zone, b->zone);
	order = order != 0 ? order : strcmp(a->endpoint, b->endpoint);
	order = order != 0 ? order : (a->port > b->port) - (a->port < b->port);
	return order != 0 ? order : (a->transport > b->transport) - (a->transport < b->transport);
}

static int by_place(const void *pa, const void *pb)
{
	const struct baseline_use *a = pa, *b = pb;
	int order = order_of(a->entry, b->entry);
	return order != 0 ? order : addr_cmp(&a->entry->host, &b->entry->host);
}

static int by_endpoint(const void *pa, const void *pb)
{
	const struct baseline_entry *a = *(const struct baseline_entry *const *)pa;
	const struct baseline_entry *b = *(const struct baseline_entry *const *)pb;
	int order = strcmp(a->endpoint, b->endpoint);
	return order != 0 ? order : strcmp(a->zone, b->zone);
}

static int gather(const struct baseline *b, struct uses *ret)
{
	struct uses all = {.use = calloc(b->entries + 1, sizeof *all.use)};
	if (all.use == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < b->entries; i++) {
		const struct baseline_entry *e = &b->entry[i];
		if (!baseline_is_held(e->why))
			all.use[all.count++] = (struct baseline_use){.entry = e,
				.hosts = e->hosts,
				.days = e->days,
				.sent = e->sent,
				.got = e->got};
	}
	qsort(all.use, all.count, sizeof *all.use, by_place);
	size_t kept = 0;
	for (size_t i = 0; i < all.count; i++) {
		const struct baseline_use *u = &all.use[i];
		if (kept == 0 || order_of(all.use[kept - 1].entry, u->entry) != 0) {
			all.use[kept++] = *u;
			continue;
		}
		struct baseline_use *to = &all.use[kept - 1];
		to->hosts += u->hosts;
		to->days = u->days > to->days ? u->days : to->days;
		to->sent += u->sent;
		to->got += u->got;
	}
	all.count = kept;
	*ret = all;
	return 0;
}

/* ---- how new it is ---- */

/* Entries of the old file by endpoint, then zone. */
struct names {
	const struct baseline_entry **entry;
	size_t count;
};

static int name_uses(const struct uses *uses, struct names *ret)
{
	ret->entry = calloc(uses->count + 1, sizeof(struct baseline_entry *));
	if (ret->entry == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < uses->count; i++)
		ret->entry[ret->count++] = uses->use[i].entry;
	qsort(ret->entry, ret->count, sizeof(struct baseline_entry *), by_endpoint);
	return 0;
}

/* The first that is not before the endpoint, in the zone; zone "" is before all. */
static size_t first_of(const struct names *n, const char *endpoint, const char *zone)
{
	struct baseline_entry key = {.endpoint = endpoint, .zone = zone};
	const struct baseline_entry *at = &key;
	size_t low = 0, high = n->count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (by_endpoint(&n->entry[mid], &at) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static enum baseline_novelty novelty_of(const struct names *n, const struct baseline_entry *e)
{
	size_t at = first_of(n, e->endpoint, "");
	if (at == n->count || strcmp(n->entry[at]->endpoint, e->endpoint) != 0)
		return NOVEL_ENDPOINT;
	at = first_of(n, e->endpoint, e->zone);
	bool same_zone = at < n->count && strcmp(n->entry[at]->endpoint, e->endpoint) == 0 &&
	                 strcmp(n->entry[at]->zone, e->zone) == 0;
	return same_zone ? NOVEL_PORT : NOVEL_ZONE;
}

/* ---- what changed ---- */

static bool grew(uint64_t before, uint64_t after, double factor)
{
	double least = (double)(before == 0 ? 1 : before);
	return after > before && (double)after >= factor * least;
}

static bool compare(const struct baseline_use *before, const struct baseline_use *after,
	double factor, struct baseline_difference *ret)
{
	struct baseline_difference d = {.change = CHANGE_GROWN,
		.before = *before,
		.after = *after,
		.hosts_grew = after->hosts > before->hosts,
		.days_grew = grew(before->days, after->days, factor),
		.sent_grew = grew(before->sent, after->sent, factor),
		.got_grew = grew(before->got, after->got, factor)};
	d.novelty = d.hosts_grew ? NOVEL_HOST : NOVEL_NONE;
	*ret = d;
	return d.hosts_grew || d.days_grew || d.sent_grew || d.got_grew;
}

static int by_rarity(const void *pa, const void *pb)
{
	const struct baseline_difference *a = pa, *b = pb;
	if (a->change != b->change)
		return a->change < b->change ? -1 : 1;
	if (a->novelty != b->novelty)
		return a->novelty < b->novelty ? -1 : 1;
	const struct baseline_use *x = a->after.entry != NULL ? &a->after : &a->before;
	const struct baseline_use *y = b->after.entry != NULL ? &b->after : &b->before;
	if (x->hosts != y->hosts)
		return x->hosts < y->hosts ? -1 : 1;
	if (x->days != y->days)
		return x->days < y->days ? -1 : 1;
	return order_of(x->entry, y->entry);
}

static size_t walk(const struct uses *before, const struct uses *after, const struct names *names,
	double factor, struct baseline_difference *ret)
{
	size_t count = 0, i = 0, k = 0;
	while (i < before->count || k < after->count) {
		int order = i == before->count ? 1
		            : k == after->count
		                    ? -1
		                    : order_of(before->use[i].entry, after->use[k].entry);
		if (order < 0)
			ret[count++] = (struct baseline_difference){.change = CHANGE_GONE,
				.novelty = NOVEL_NONE,
				.before = before->use[i]};
		else if (order > 0)
			ret[count++] = (struct baseline_difference){.change = CHANGE_NEW,
				.novelty = novelty_of(names, after->use[k].entry),
				.after = after->use[k]};
		else
			count += compare(&before->use[i], &after->use[k], factor, &ret[count]);
		i += order <= 0;
		k += order >= 0;
	}
	qsort(ret, count, sizeof *ret, by_rarity);
	return count;
}

int baseline_diff(const struct baseline *before, const struct baseline *after, double factor,
	struct baseline_difference **ret, size_t *ret_count)
{
	struct uses old = {0}, new = {0};
	struct names names = {0};
	struct baseline_difference *all = NULL;
	int err = gather(before, &old);
	if (err == 0)
		err = gather(after, &new);
	if (err == 0)
		err = name_uses(&old, &names);
	if (err == 0) {
		all = calloc(old.count + new.count + 1, sizeof *all);
		err = all == NULL ? -ENOMEM : 0;
	}
	if (err == 0) {
		*ret_count = walk(&old, &new, &names, factor, all);
		*ret = all;
	}
	free(old.use);
	free(new.use);
	free(names.entry);
	return err;
}
