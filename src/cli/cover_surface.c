/* The egress surface of a policy: counts, and the largest regions. */
#include <string.h>

#include "cli/cover.h"
#include "policy/surface.h"

/* Of each zone and family, the largest. */
#define BOXES_SHOWN 5u

static const char *const family_names[] = {[SURFACE_V4] = "IPv4", [SURFACE_V6] = "IPv6"};

/* ---- the largest regions ---- */

struct large {
	const struct region_box *box;
	struct surface_count size;
};

static int compare(const struct surface_count *a, const struct surface_count *b)
{
	for (size_t i = ARRAY_LEN(a->word); i-- > 0;)
		if (a->word[i] != b->word[i])
			return a->word[i] < b->word[i] ? -1 : 1;
	return 0;
}

/* Into large, the largest first; how many there are. */
static size_t find_large(
	const struct region *r, enum surface_family family, struct large large[static BOXES_SHOWN])
{
	static const struct surface_count zero = {0};
	size_t count = 0;
	for (size_t i = 0; i < r->count; i++) {
		struct large new = {&r->box[i], surface_measure(&r->box[i], family)};
		size_t at = count;
		if (compare(&new.size, &zero) == 0)
			continue;
		while (at > 0 && compare(&large[at - 1].size, &new.size) < 0)
			at--;
		if (at == BOXES_SHOWN)
			continue;
		count += count < BOXES_SHOWN;
		memmove(&large[at + 1], &large[at], (count - at - 1) * sizeof *large);
		large[at] = new;
	}
	return count;
}

/* ---- saying ---- */

static struct surface_count whole_of(const struct surface_part *part)
{
	struct surface_count whole = part->open;
	surface_count_add(&whole, &part->some);
	surface_count_add(&whole, &part->shut);
	return whole;
}

static void say_count(struct out *o, const char *what, const struct surface_count *count,
	const struct surface_count *whole)
{
	char text[SURFACE_COUNT_BYTES];
	out_printf(o, "  %-5s %s (%.3g %%)\n", what, surface_count_text(count, text),
		100 * surface_share(count, whole));
}

static void say_large(
	struct out *o, const char *what, const struct region *r, enum surface_family family)
{
	struct large large[BOXES_SHOWN];
	size_t count = find_large(r, family, large);
	for (size_t i = 0; i < count; i++) {
		out_printf(o, "    %s: ", what);
		surface_say_box(o, large[i].box, family);
		out_text(o, "\n");
	}
}

static void say_text(struct out *o, const struct policy_zone *zone, const struct surface *s,
	enum surface_family family)
{
	const struct surface_part *part = &s->part[family];
	struct surface_count whole = whole_of(part);
	out_printf(
		o, "%s, %s: of all destinations and services\n", zone->name, family_names[family]);
	say_count(o, "open", &part->open, &whole);
	say_large(o, "open", &s->open, family);
	say_count(o, "some", &part->some, &whole);
	say_large(o, "some", &s->some, family);
	say_count(o, "shut", &part->shut, &whole);
}

static void put_count(struct emit *e, const char *key, const struct surface_count *count)
{
	char text[SURFACE_COUNT_BYTES];
	emit_text(e, key, surface_count_text(count, text), SIZE_MAX);
}

static void put_large(
	struct emit *e, const char *key, const struct region *r, enum surface_family family)
{
	struct large large[BOXES_SHOWN];
	size_t count = find_large(r, family, large);
	emit_open(e, key, '[');
	for (size_t i = 0; i < count; i++) {
		struct out text = {0};
		surface_say_box(&text, large[i].box, family);
		emit_open(e, NULL, '{');
		emit_text(e, "region", out_string(&text), SIZE_MAX);
		put_count(e, "count", &large[i].size);
		emit_close(e, '}');
		out_fini(&text);
	}
	emit_close(e, ']');
}

static void say_json(struct out *o, const struct policy_zone *zone, const struct surface *s,
	enum surface_family family)
{
	const struct surface_part *part = &s->part[family];
	struct surface_count whole = whole_of(part);
	struct emit e = {.out = o};
	emit_open(&e, NULL, '{');
	emit_text(&e, "type", "surface", SIZE_MAX);
	emit_text(&e, "zone", zone->name, SIZE_MAX);
	emit_text(&e, "family", family_names[family], SIZE_MAX);
	put_count(&e, "open", &part->open);
	put_count(&e, "some", &part->some);
	put_count(&e, "shut", &part->shut);
	emit_number(&e, "open_share", surface_share(&part->open, &whole));
	emit_number(&e, "some_share", surface_share(&part->some, &whole));
	put_large(&e, "largest_open", &s->open, family);
	put_large(&e, "largest_some", &s->some, family);
	emit_close(&e, '}');
	out_text(o, "\n");
}

/* ---- zones ---- */

int cover_say_surface(struct out *o, const struct policy *p, int64_t at_ns, bool json)
{
	struct policy_space *space = NULL;
	int err = policy_space_new(&space, p);
	for (size_t i = 0; i < p->zones && err == 0; i++) {
		struct surface s = {0};
		err = surface_of(p, space, &p->zone[i], at_ns, &s);
		for (int family = 0; family < SURFACE_FAMILIES && err == 0; family++)
			(json ? say_json : say_text)(
				o, &p->zone[i], &s, (enum surface_family)family);
		surface_fini(&s);
	}
	policy_space_free(space);
	return err;
}
