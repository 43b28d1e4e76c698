#include "cli/diff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/json.h"
#include "report/say.h"

/* E is an estimate: less than this factor is no news. */
#define E_FACTOR 3.0

#define NAME_BYTES 255

enum change { DIFF_NONE, DIFF_NEW, DIFF_GONE, DIFF_SOME };

/* What differs between two findings; bits. */
enum {
	DIFFERS_E = 1,
	DIFFERS_CHANNELS = 2,
	DIFFERS_KIND = 4,
	DIFFERS_EXPLAINED = 8,
	DIFFERS_VERDICT = 16,
};
static const char *const differs_names[] = {"e_value", "channels", "kind", "explained", "verdict"};

struct pairs {
	const struct report_case *old, *new;
	size_t *of;  /* of each new finding: 1 + index of the old one; 0 none */
	bool *taken; /* of each old one */
};

struct difference {
	enum change change;
	const struct finding *old, *new;
	unsigned differs;
};

struct counts {
	size_t of[4]; /* by enum change */
};

/* ---- which is which ---- */

static bool has_channel(const struct finding *f, const struct finding_channel *ch)
{
	for (size_t i = 0; i < f->channels; i++)
		if (f->channel[i].port == ch->port && f->channel[i].transport == ch->transport &&
			strcmp(f->channel[i].endpoint, ch->endpoint) == 0)
			return true;
	return false;
}

/* Channels of f that g has not. */
static size_t lacking(const struct finding *f, const struct finding *g)
{
	size_t count = 0;
	for (size_t i = 0; i < f->channels; i++)
		count += !has_channel(g, &f->channel[i]);
	return count;
}

static bool same_id(const struct finding *a, const struct finding *b)
{
	return strcmp(a->id, b->id) == 0;
}

static bool same_place(const struct finding *a, const struct finding *b)
{
	return addr_eq(&a->host, &b->host) && lacking(a, b) == 0 && lacking(b, a) == 0;
}

static bool same_story(const struct finding *a, const struct finding *b)
{
	return a->kind == b->kind && same_place(a, b);
}

/* Each finding that has no partner yet takes the first that is the same by that rule. */
static void match(struct pairs *p, bool (*same)(const struct finding *a, const struct finding *b))
{
	for (size_t i = 0; i < p->new->findings; i++)
		for (size_t k = 0; k < p->old->findings && p->of[i] == 0; k++)
			if (!p->taken[k] && same(p->old->finding[k], p->new->finding[i])) {
				p->of[i] = k + 1;
				p->taken[k] = true;
			}
}

static void pairs_fini(struct pairs *p)
{
	free(p->of);
	free(p->taken);
}

static int pairs_init(struct pairs *p, const struct report_case *old, const struct report_case *new)
{
	*p = (struct pairs){.old = old,
		.new = new,
		.of = calloc(new->findings + 1, sizeof *p->of),
		.taken = calloc(old->findings + 1, sizeof *p->taken)};
	if (p->of == NULL || p->taken == NULL) {
		pairs_fini(p);
		return -ENOMEM;
	}
	match(p, same_id);
	match(p, same_story);
	match(p, same_place);
	return 0;
}

/* ---- what differs ---- */

static bool same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_ruling(const struct ruling *a, const struct ruling *b)
{
	return a == NULL || b == NULL ? a == b : a->kind == b->kind && same_text(a->why, b->why);
}

static unsigned differs(const struct finding *old, const struct finding *new)
{
	unsigned bits = 0;
	if (old->e_value > E_FACTOR * new->e_value || new->e_value > E_FACTOR * old->e_value)
		bits |= DIFFERS_E;
	if (lacking(old, new) > 0 || lacking(new, old) > 0)
		bits |= DIFFERS_CHANNELS;
	if (old->kind != new->kind)
		bits |= DIFFERS_KIND;
	if (!same_text(old->explained, new->explained))
		bits |= DIFFERS_EXPLAINED;
	if (!same_ruling(old->ruling, new->ruling))
		bits |= DIFFERS_VERDICT;
	return bits;
}

static bool is_told(const struct report_case *c, const struct finding *f)
{
	return f != NULL && finding_standing(c, f) == STANDING_REPORTED;
}

static struct difference difference_of(
	const struct pairs *p, const struct finding *old, const struct finding *new)
{
	struct difference d = {.old = old, .new = new};
	if (!p->new->all && !is_told(p->old, old) && !is_told(p->new, new))
		return d;
	if (old != NULL && new != NULL)
		d.differs = differs(old, new);
	d.change = old == NULL      ? DIFF_NEW
	           : new == NULL    ? DIFF_GONE
	           : d.differs != 0 ? DIFF_SOME
	                            : DIFF_NONE;
	return d;
}

/* New and changed ones in the order of the newer case, then those that are gone. */
static void each(const struct pairs *p, struct out *o, struct counts *counts,
	void (*tell)(struct out *o, const struct difference *d))
{
	for (size_t i = 0; i < p->new->findings + p->old->findings; i++) {
		bool gone = i >= p->new->findings;
		size_t k = gone ? i - p->new->findings : p->of[i] - 1;
		if (gone && p->taken[k])
			continue;
		const struct finding *old = gone || p->of[i] > 0 ? p->old->finding[k] : NULL;
		struct difference d = difference_of(p, old, gone ? NULL : p->new->finding[i]);
		bool told = p->new->all || is_told(p->old, d.old) || is_told(p->new, d.new);
		counts->of[d.change] += told;
		if (d.change != DIFF_NONE)
			tell(o, &d);
	}
}

/* ---- words ---- */

static const char *change_name(enum change change)
{
	static const char *const names[] = {"same", "new", "gone", "changed"};
	return names[change];
}

static void say_change(struct out *o, const char *what, const char *from, const char *to)
{
	out_printf(o, "; %s: ", what);
	out_safe(o, from == NULL ? "none" : from, NAME_BYTES);
	out_text(o, " → ");
	out_safe(o, to == NULL ? "none" : to, NAME_BYTES);
}

static const char *ruling_word(const struct finding *f)
{
	return f->ruling == NULL ? NULL : ruling_name(f->ruling->kind);
}

static void tell_text(struct out *o, const struct difference *d)
{
	const struct finding *f = d->new == NULL ? d->old : d->new;
	out_printf(o, "%-8s %.12s  ", change_name(d->change), f->id);
	say_address(o, &f->host);
	out_printf(o, "  %s  ", finding_kind_sentence(f->kind));
	say_route(o, f);
	out_text(o, "  E ");
	if ((d->differs & DIFFERS_E) != 0) {
		say_e(o, d->old->e_value);
		out_text(o, " → ");
	}
	say_e(o, f->e_value);
	if ((d->differs & DIFFERS_KIND) != 0)
		say_change(o, "kind", finding_kind_name(d->old->kind), finding_kind_name(f->kind));
	if ((d->differs & DIFFERS_EXPLAINED) != 0)
		say_change(o, "explained", d->old->explained, f->explained);
	if ((d->differs & DIFFERS_VERDICT) != 0)
		say_change(o, "verdict", ruling_word(d->old), ruling_word(f));
	if ((d->differs & DIFFERS_CHANNELS) != 0)
		out_printf(o, "; channels: %zu more, %zu fewer", lacking(d->new, d->old),
			lacking(d->old, d->new));
	out_text(o, "\n");
}

static void emit_finding(struct emit *e, const char *key, const struct finding *f)
{
	if (f == NULL) {
		emit_null(e, key);
		return;
	}
	json_finding_open(e, key);
	json_finding(e, f);
	emit_close(e, '}');
}

static void tell_json(struct out *o, const struct difference *d)
{
	struct emit e = {.out = o};
	emit_open(&e, NULL, '{');
	emit_text(&e, "type", "difference", NAME_BYTES);
	emit_text(&e, "change", change_name(d->change), NAME_BYTES);
	emit_open(&e, "differs", '[');
	for (size_t i = 0; i < ARRAY_LEN(differs_names); i++)
		if ((d->differs >> i & 1) != 0)
			emit_text(&e, NULL, differs_names[i], NAME_BYTES);
	emit_close(&e, ']');
	emit_finding(&e, "old", d->old);
	emit_finding(&e, "new", d->new);
	emit_close(&e, '}');
	out_text(o, "\n");
}

int diff_text(struct out *o, const struct report_case *old, const struct report_case *new)
{
	struct pairs p;
	struct counts counts = {0};
	if (pairs_init(&p, old, new) < 0)
		return -ENOMEM;
	each(&p, o, &counts, tell_text);
	out_printf(o, "%zu new, %zu gone, %zu changed, %zu the same\n", counts.of[DIFF_NEW],
		counts.of[DIFF_GONE], counts.of[DIFF_SOME], counts.of[DIFF_NONE]);
	pairs_fini(&p);
	return 0;
}

int diff_json(struct out *o, const struct report_case *old, const struct report_case *new)
{
	struct pairs p;
	struct counts counts = {0};
	if (pairs_init(&p, old, new) < 0)
		return -ENOMEM;
	each(&p, o, &counts, tell_json);
	struct emit e = {.out = o};
	emit_open(&e, NULL, '{');
	emit_text(&e, "type", "summary", NAME_BYTES);
	emit_count(&e, "new", counts.of[DIFF_NEW]);
	emit_count(&e, "gone", counts.of[DIFF_GONE]);
	emit_count(&e, "changed", counts.of[DIFF_SOME]);
	emit_count(&e, "same", counts.of[DIFF_NONE]);
	emit_close(&e, '}');
	out_text(o, "\n");
	pairs_fini(&p);
	return 0;
}
