/* Rules that never decide, or change nothing: each rule's boxes against those of its chain. */
#include <errno.h>
#include <stdlib.h>

#include "audit/nearby.h"

/* Boxes looked at, of all chains together: a second or so. */
#define WORK_MAX UINT64_C(30000000)
/* Pieces that a box may fall into while others are taken from it. */
#define PIECES_MAX 256u

struct one_chain {
	struct audit *audit;
	const struct boundary *b;
	const struct boundary_chain *chain;
	struct shapes shapes;
	struct nearby nearby;
	uint32_t *epoch; /* rules before it that may change packets */
	size_t *blocked; /* the first behind it that may decide in another way */
	uint64_t *left;
	bool *cut;
};

void audit_say_rule(struct out *o, const struct boundary *b, const struct boundary_rule *r)
{
	out_printf(o, "%s %s %s %llu", r->chain->table, r->chain->name,
		b->lines ? "line" : "handle", (unsigned long long)r->place);
}

void audit_add_rule(struct audit *a, const struct boundary *b, const struct boundary_rule *r,
	struct audit_finding *f)
{
	struct out rule = {0}, place = {0}, key = {0};
	audit_say_rule(&rule, b, r);
	out_printf(&place, "%s %s", r->chain->table, r->chain->name);
	out_printf(&key, "%s: %s", out_string(&place), r->text);
	f->place = out_string(&place);
	f->rule = out_string(&rule);
	f->line = b->lines ? r->place : 0;
	audit_read_comment(a, r->comment, f);
	audit_add(a, f, out_string(&key));
	out_fini(&rule);
	out_fini(&place);
	out_fini(&key);
}

/* other NULL: words alone; more: there are others beside it. */
static void tell(const struct one_chain *c, size_t i, enum audit_kind kind, const char *before,
	const struct boundary_rule *other, bool more)
{
	const struct boundary_rule *r = c->shapes.shape[i].rule;
	struct out words = {0};
	out_printf(&words, "%s: %s", r->text, before);
	if (other != NULL) {
		audit_say_rule(&words, c->b, other);
		out_printf(&words, "%s: %s", more ? " and others" : "", other->text);
	}
	audit_add_rule(c->audit, c->b, r,
		&(struct audit_finding){.kind = kind, .words = out_string(&words)});
	out_fini(&words);
}

/* ---- earlier rules take all ---- */

struct earlier {
	const struct one_chain *c;
	size_t of;
	const struct region_box *box; /* that is asked about */
	size_t alone;                 /* the first rule that takes all of it; SIZE_MAX: none does */
	struct region rest;           /* what is left when none does */
	size_t by;                    /* the first that took of it */
	bool more, differs;           /* others did; one of them decides otherwise */
	int err;
};

static bool can_take(const struct earlier *e, size_t number)
{
	const struct shape *other = &e->c->shapes.shape[number];
	return number < e->of && other->ends && e->c->epoch[number] == e->c->epoch[e->of] &&
	       shape_others_hold(other, &e->c->shapes.shape[e->of]);
}

static bool take_alone(void *context, size_t number, const struct region_box *box)
{
	struct earlier *e = context;
	if (number < e->alone && can_take(e, number) && region_box_holds(box, e->box))
		e->alone = number;
	return true;
}

static bool overlaps(const struct region *r, const struct region_box *box)
{
	for (size_t i = 0; i < r->count; i++)
		if (region_box_overlaps(&r->box[i], box))
			return true;
	return false;
}

static void note(struct earlier *e, size_t number)
{
	e->more |= e->by != SIZE_MAX && number != e->by;
	e->by = number < e->by ? number : e->by;
	e->differs |= e->c->shapes.shape[number].verdict != e->c->shapes.shape[e->of].verdict;
}

static bool take_part(void *context, size_t number, const struct region_box *box)
{
	struct earlier *e = context;
	if (!can_take(e, number) || !overlaps(&e->rest, box))
		return true;
	e->err = region_take_box(&e->rest, box);
	if (e->err == 0 && e->rest.count > PIECES_MAX)
		e->err = -E2BIG;
	note(e, number);
	return e->err == 0 && e->rest.count > 0;
}

/* Whether earlier rules take all of the box. */
static bool box_is_taken(struct earlier *e)
{
	e->alone = SIZE_MAX;
	nearby_each(&e->c->nearby, e->box, e->c->left, take_alone, e);
	if (e->alone != SIZE_MAX) {
		note(e, e->alone);
		return true;
	}
	e->err = region_add(&e->rest, e->box);
	if (e->err == 0)
		nearby_each(&e->c->nearby, e->box, e->c->left, take_part, e);
	return e->err == 0 && e->rest.count == 0;
}

/* Fails: -ENOMEM. */
static int is_taken(const struct one_chain *c, size_t i, bool *ret)
{
	const struct shape *s = &c->shapes.shape[i];
	struct earlier e = {.c = c, .of = i, .by = SIZE_MAX};
	bool all = s->count > 0;
	for (size_t k = 0; k < s->count && all; k++) {
		e.box = &c->shapes.box[s->first + k];
		all = box_is_taken(&e);
	}
	region_fini(&e.rest);
	all &= *c->left > 0;
	*c->cut |= *c->left == 0 || e.err == -E2BIG;
	*ret = all;
	if (all)
		tell(c, i, e.differs ? AUDIT_SHADOWED : AUDIT_REDUNDANT,
			e.differs ? "never decides, as all of it is taken by "
				  : "decides nothing that is not decided alike by ",
			c->shapes.shape[e.by].rule, e.more);
	return e.err == -ENOMEM ? -ENOMEM : 0;
}

/* ---- later rules do the same ---- */

struct later {
	const struct one_chain *c;
	size_t of, differs, same;
	const struct region_box *box;
};

static bool take_later(void *context, size_t number, const struct region_box *box)
{
	struct later *l = context;
	const struct shape *mine = &l->c->shapes.shape[l->of];
	const struct shape *other = &l->c->shapes.shape[number];
	if (number <= l->of || number >= l->c->blocked[l->of] || !other->ends)
		return true;
	if (other->verdict != mine->verdict)
		l->differs = number < l->differs ? number : l->differs;
	else if (number < l->same && shape_others_hold(other, mine) &&
		 region_box_holds(box, l->box))
		l->same = number;
	return true;
}

/* After is_taken() said no. */
static void is_repeated(const struct one_chain *c, size_t i)
{
	const struct shape *s = &c->shapes.shape[i];
	struct later l = {.c = c, .of = i, .differs = SIZE_MAX};
	size_t same = 0;
	bool end = c->blocked[i] == c->shapes.count && c->chain->hook != BOUNDARY_HOOKS &&
	           c->chain->policy == s->verdict && !s->rule->counted;
	if (s->verdict != BOUNDARY_ACCEPT && s->verdict != BOUNDARY_DROP &&
		s->verdict != BOUNDARY_REJECT)
		return;
	for (size_t k = 0; *c->left > 0 && k < s->count; k++) {
		l.box = &c->shapes.box[s->first + k];
		l.same = SIZE_MAX;
		nearby_each(&c->nearby, l.box, c->left, take_later, &l);
		same = l.same > same ? l.same : same;
	}
	*c->cut |= *c->left == 0;
	if (*c->left == 0 || s->count == 0)
		return;
	if (same < l.differs && same != SIZE_MAX)
		tell(c, i, AUDIT_REDUNDANT, "decided alike without it, by ",
			c->shapes.shape[same].rule, false);
	else if (end && l.differs == SIZE_MAX)
		tell(c, i, AUDIT_REDUNDANT, "decided alike without it, by the chain's policy", NULL,
			false);
}

/* ---- chains ---- */

static int compare_all(struct one_chain *c)
{
	size_t count = c->shapes.count, block = count;
	uint32_t epoch = 0;
	int err = 0;
	for (size_t i = count; i-- > 0;) {
		c->blocked[i] = block;
		block = c->shapes.shape[i].blocks ? i : block;
	}
	for (size_t i = 0; i < count; i++) {
		c->epoch[i] = epoch;
		epoch += c->shapes.shape[i].changes;
	}
	for (size_t i = 0; i < count && err == 0 && *c->left > 0; i++) {
		bool taken = false;
		if (c->shapes.shape[i].state != SHAPE_KNOWN)
			continue;
		if (c->shapes.shape[i].count == 0) {
			tell(c, i, AUDIT_NEVER_MATCHES, "its conditions exclude each other", NULL,
				false);
			continue;
		}
		err = is_taken(c, i, &taken);
		if (err == 0 && !taken)
			is_repeated(c, i);
	}
	return err;
}

static int one_chain(struct one_chain *c, bool jumps_change)
{
	int err = shapes_of(&c->shapes, c->chain, jumps_change);
	if (err == 0)
		err = nearby_new(&c->nearby, &c->shapes);
	c->epoch = calloc(c->shapes.count + 1, sizeof *c->epoch);
	c->blocked = calloc(c->shapes.count + 1, sizeof *c->blocked);
	if (err == 0 && (c->epoch == NULL || c->blocked == NULL))
		err = -ENOMEM;
	if (err == 0)
		err = compare_all(c);
	*c->cut |= c->shapes.large;
	free(c->epoch);
	free(c->blocked);
	nearby_fini(&c->nearby);
	shapes_fini(&c->shapes);
	return err;
}

static bool jumps_change(const struct boundary *b)
{
	for (const struct boundary_chain *c = b->chain; c != NULL; c = c->next)
		for (const struct boundary_rule *r = c->rule; r != NULL; r = r->next)
			if (c->hook == BOUNDARY_HOOKS && shape_changes(r))
				return true;
	return false;
}

int audit_rules(struct audit *a, const struct boundary *b)
{
	uint64_t left = WORK_MAX;
	bool cut = false, change = jumps_change(b);
	int err = 0;
	for (const struct boundary_chain *c = b->chain; c != NULL && err == 0; c = c->next) {
		struct one_chain one = {.audit = a, .b = b, .chain = c, .left = &left, .cut = &cut};
		if (!c->dormant && c->rule != NULL)
			err = one_chain(&one, change);
	}
	if (err == 0 && cut)
		audit_add(a,
			&(struct audit_finding){.kind = AUDIT_TOO_MANY,
				.words = "some rules overlap too many others, or have too many "
					 "members, to be compared with all of them"},
			"rules");
	return err;
}

/* ---- counters, and chains that nothing leads to ---- */

struct lead {
	const struct boundary_chain *to;
};

static int by_place(const void *a, const void *b)
{
	const struct lead *x = a, *y = b;
	return (x->to > y->to) - (x->to < y->to);
}

static void lead_to(struct lead *lead, size_t *count, size_t room, const struct boundary_verdict *v)
{
	if (v->chain != NULL && *count < room)
		lead[(*count)++].to = v->chain;
}

static size_t count_verdicts(const struct boundary *b)
{
	size_t count = 0;
	for (const struct boundary_chain *c = b->chain; c != NULL; c = c->next)
		for (const struct boundary_rule *r = c->rule; r != NULL; r = r->next)
			for (size_t i = 0; i < r->steps; i++)
				count += 1 + (r->step[i].kind == STEP_MAP ? r->step[i].boxes : 0);
	return count;
}

int audit_chains(struct audit *a, const struct boundary *b)
{
	size_t count = 0, room = count_verdicts(b);
	struct lead *to = calloc(room + 1, sizeof *to);
	if (to == NULL)
		return -ENOMEM;
	for (const struct boundary_chain *c = b->chain; c != NULL; c = c->next)
		for (const struct boundary_rule *r = c->rule; r != NULL; r = r->next)
			for (size_t i = 0; i < r->steps; i++) {
				const struct boundary_step *s = &r->step[i];
				lead_to(to, &count, room, &s->verdict);
				for (size_t k = 0; k < s->boxes && s->kind == STEP_MAP; k++)
					lead_to(to, &count, room, &s->box[k].verdict);
			}
	qsort(to, count, sizeof *to, by_place);
	for (const struct boundary_chain *c = b->chain; c != NULL; c = c->next) {
		if (c->hook != BOUNDARY_HOOKS || c->rule == NULL ||
			bsearch(&(struct lead){c}, to, count, sizeof *to, by_place) != NULL)
			continue;
		struct out place = {0};
		out_printf(&place, "%s %s", c->table, c->name);
		audit_add(a,
			&(struct audit_finding){.kind = AUDIT_UNCALLED,
				.place = out_string(&place),
				.words = "no rule jumps to the chain, and it hangs on no hook"},
			out_string(&place));
		out_fini(&place);
	}
	free(to);
	return 0;
}

void audit_counters(struct audit *a, const struct boundary *b)
{
	bool any = false;
	for (const struct boundary_chain *c = b->chain; c != NULL; c = c->next)
		for (const struct boundary_rule *r = c->rule; r != NULL; r = r->next)
			any |= r->counted && r->packets > 0;
	for (const struct boundary_chain *c = b->chain; c != NULL && any; c = c->next)
		for (const struct boundary_rule *r = c->rule; r != NULL; r = r->next) {
			if (!r->counted || r->packets > 0 || c->dormant)
				continue;
			struct out words = {0};
			out_printf(&words,
				"%s: its counter is 0 since the rules were loaded, while others "
				"count",
				r->text);
			audit_add_rule(a, b, r,
				&(struct audit_finding){
					.kind = AUDIT_NEVER_HIT, .words = out_string(&words)});
			out_fini(&words);
		}
}
