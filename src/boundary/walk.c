/* A rule that can't be decided is walked as a match and as none; what comes of both is joined, so a
 * chain is walked once, however many such rules it has. */
#include "boundary/walk.h"

#include <string.h>

#include "boundary/build.h"

enum tri { NO, YES, OPEN };

/* ---- facts ---- */

void facts_set(struct facts *f, unsigned field, const struct addr *value)
{
	f->known &= ~(1u << field);
	f->value[field] = value == NULL ? (struct addr){0} : *value;
	if (value != NULL)
		f->known |= 1u << field;
}

void facts_join(struct facts *to, const struct facts *from)
{
	if (!from->any)
		return;
	if (!to->any) {
		*to = *from;
		return;
	}
	to->known &= from->known;
	for (unsigned i = 0; i < FACTS; i++)
		if (!addr_eq(&to->value[i], &from->value[i]))
			facts_set(to, i, NULL);
}

bool facts_are(const struct facts *f, unsigned field, uint32_t value)
{
	struct addr number = build_number(value);
	return (f->known >> field & 1) != 0 && addr_eq(&f->value[field], &number);
}

/* ---- matching ---- */

static uint32_t low_bits(const struct addr *a)
{
	return (uint32_t)a->byte[12] << 24 | (uint32_t)a->byte[13] << 16 |
	       (uint32_t)a->byte[14] << 8 | a->byte[15];
}

static bool is_all(const struct boundary_range *r)
{
	for (size_t i = 0; i < sizeof r->first.byte; i++)
		if (r->first.byte[i] != 0 || r->last.byte[i] != 0xff)
			return false;
	return true;
}

static enum tri in_box(
	const struct boundary_step *s, const struct boundary_box *box, const struct facts *f)
{
	enum tri all = YES;
	for (size_t i = 0; i < s->dims; i++) {
		struct addr value = f->value[s->field[i]];
		if (is_all(&box->range[i]))
			continue;
		if ((f->known >> s->field[i] & 1) == 0) {
			all = OPEN;
			continue;
		}
		if (s->mask != 0)
			value = build_number(low_bits(&value) & s->mask);
		if (addr_cmp(&value, &box->range[i].first) < 0 ||
			addr_cmp(&value, &box->range[i].last) > 0)
			return NO;
	}
	return all;
}

static bool spend(struct walk *w, uint32_t cost)
{
	w->left = w->left > cost ? w->left - cost : 0;
	return w->left > 0;
}

/* In boxes looked at: two sets of facts compared, a rule begun. */
#define JOIN_COST 16
#define RULE_COST 4

static void join(struct walk *w, struct facts *to, const struct facts *from)
{
	if (to->any && from->any)
		(void)spend(w, JOIN_COST);
	facts_join(to, from);
}

static enum tri match(struct walk *w, const struct boundary_step *s, const struct facts *f)
{
	enum tri any = NO;
	if (s->partly)
		return OPEN;
	for (size_t i = 0; i < s->boxes && any != YES && spend(w, 1); i++) {
		enum tri one = in_box(s, &s->box[i], f);
		any = one == NO ? any : one;
	}
	if (s->negated && any != OPEN)
		any = any == YES ? NO : YES;
	return any;
}

/* ---- walking ---- */

struct at { /* one rule's walk */
	struct walk *w;
	const struct boundary_rule *rule;
	struct facts now;   /* at this step */
	struct facts *next; /* for the next rule */
	struct facts *back; /* for what follows the chain */
	bool open;          /* a step of the rule could not be decided */
	unsigned depth;
};

static void note(const struct boundary_rule *list[static BOUNDARY_TOLD_MAX], size_t *count,
	const struct boundary_rule *rule)
{
	for (size_t i = 0; i < *count; i++)
		if (list[i] == rule)
			return;
	if (*count < BOUNDARY_TOLD_MAX)
		list[(*count)++] = rule;
}

static void forget_all(struct facts *f)
{
	for (unsigned i = 0; i < FACTS; i++)
		if (i != BOUNDARY_FAMILY && i != BOUNDARY_IIF && i != BOUNDARY_L4PROTO)
			facts_set(f, i, NULL);
}

static void walk_once(
	struct walk *w, const struct boundary_chain *chain, struct facts *f, unsigned depth);

static void accept(struct at *a)
{
	join(a->w, &a->w->accepted, &a->now);
	a->w->accept = a->rule;
}

static void drop(struct at *a)
{
	a->w->dropped = true;
	note(a->w->drop, &a->w->drops, a->rule);
}

static void whatever(struct at *a)
{
	forget_all(&a->now);
	note(a->w->open, &a->w->opens, a->rule);
	accept(a);
	drop(a);
	join(a->w, a->next, &a->now);
	join(a->w, a->back, &a->now);
}

static void decide(struct at *a, const struct boundary_verdict *v, bool open)
{
	struct facts f = a->now;
	if (open && v->kind != BOUNDARY_CONTINUE)
		note(a->w->open, &a->w->opens, a->rule);
	switch (v->kind) {
	case BOUNDARY_CONTINUE:
		join(a->w, a->next, &a->now);
		return;
	case BOUNDARY_ACCEPT:
		accept(a);
		return;
	case BOUNDARY_DROP:
	case BOUNDARY_REJECT:
		drop(a);
		return;
	case BOUNDARY_RETURN:
		join(a->w, a->back, &a->now);
		return;
	case BOUNDARY_JUMP:
	case BOUNDARY_GOTO:
		if (v->chain == NULL || a->depth >= BOUNDARY_DEPTH_MAX)
			break;
		walk_once(a->w, v->chain, &f, a->depth + 1);
		join(a->w, v->kind == BOUNDARY_JUMP ? a->next : a->back, &f);
		return;
	case BOUNDARY_ANY:
		break;
	}
	whatever(a);
}

/* A map's miss ends the rule too. */
static void look_up(struct at *a, const struct boundary_step *s)
{
	enum tri found = NO;
	for (size_t i = 0; i < s->boxes && found != YES && spend(a->w, 1); i++) {
		enum tri one = in_box(s, &s->box[i], &a->now);
		if (one == NO)
			continue;
		found = one;
		decide(a, &s->box[i].verdict, a->open || one == OPEN || s->partly);
	}
	if (s->partly)
		whatever(a);
	if (found != YES)
		join(a->w, a->next, &a->now);
}

static void rewrite(struct facts *f, unsigned addr, unsigned port, const struct boundary_step *s)
{
	struct addr number = build_number(s->port);
	facts_set(f, addr, s->known ? &s->to : NULL);
	if (!s->port_known || s->port != 0)
		facts_set(f, port, s->port_known ? &number : NULL);
}

static void translate(struct at *a, const struct boundary_step *s)
{
	struct addr yes = build_number(1);
	if (s->kind == STEP_SNAT) {
		rewrite(&a->now, BOUNDARY_SADDR, BOUNDARY_SPORT, s);
	} else {
		bool here = s->kind == STEP_REDIRECT ||
		            (s->known && addr_is_private(&s->to) &&
				    (s->to.byte[12] == 127 || !addr_is_v4(&s->to)) &&
				    s->to.byte[15] == 1);
		rewrite(&a->now, BOUNDARY_DADDR, BOUNDARY_DPORT, s);
		facts_set(&a->now, BOUNDARY_OIF, NULL);
		if (s->kind == STEP_DNAT)
			facts_set(&a->now, FACT_DNAT, &yes);
		if (here)
			facts_set(&a->now, FACT_LOCAL, &yes);
		else if (!s->known)
			facts_set(&a->now, FACT_LOCAL, NULL);
	}
	if (a->open)
		note(a->w->open, &a->w->opens, a->rule);
	join(a->w, &a->w->accepted, &a->now); /* what lets it pass is said elsewhere */
}

/* Whether the rule's next step is reached. */
static bool walk_step(struct at *a, const struct boundary_step *s)
{
	struct addr value;
	enum tri is;
	switch (s->kind) {
	case STEP_MATCH:
	case STEP_UNKNOWN:
		is = s->kind == STEP_MATCH ? match(a->w, s, &a->now) : OPEN;
		if (is != YES)
			join(a->w, a->next, &a->now);
		a->open |= is == OPEN;
		return is != NO;
	case STEP_MAP:
		look_up(a, s);
		return false;
	case STEP_VERDICT:
		decide(a, &s->verdict, a->open);
		return false;
	case STEP_MARK:
		value = build_number(s->mark);
		facts_set(&a->now, BOUNDARY_MARK, s->known ? &value : NULL);
		return true;
	case STEP_NOTRACK:
		value = build_number(BOUNDARY_CT_UNTRACKED);
		if (facts_are(&a->now, BOUNDARY_CT_STATE, 1)) /* not yet tracked */
			facts_set(&a->now, BOUNDARY_CT_STATE, &value);
		return true;
	case STEP_REWRITE:
		forget_all(&a->now);
		return true;
	case STEP_DNAT:
	case STEP_SNAT:
	case STEP_REDIRECT:
		translate(a, s);
		return false;
	}
	return false;
}

static void walk_chain(
	struct walk *w, const struct boundary_chain *chain, struct facts *f, unsigned depth)
{
	struct facts back = {0};
	for (const struct boundary_rule *r = chain->rule;
		r != NULL && f->any && spend(w, RULE_COST); r = r->next) {
		struct facts next = {0};
		struct at a = {w, r, *f, &next, &back, false, depth};
		bool on = true, hit = true;
		for (size_t i = 0; i < r->steps && on && spend(w, 1); i++) {
			enum boundary_step_kind kind = r->step[i].kind;
			on = walk_step(&a, &r->step[i]);
			hit = on || (kind != STEP_MATCH && kind != STEP_UNKNOWN);
		}
		if (w->flow->met != NULL)
			w->flow->met(w->flow->context, r, hit);
		if (on)
			join(w, &next, &a.now);
		*f = next;
	}
	join(w, f, &back);
}

static bool same(const struct facts *a, const struct facts *b)
{
	return a->any == b->any && a->known == b->known &&
	       memcmp(a->value, b->value, sizeof a->value) == 0;
}

/* Chains that lead to each other many times over are walked once for each state of the packet. */
static void walk_once(
	struct walk *w, const struct boundary_chain *chain, struct facts *f, unsigned depth)
{
	struct walked *last = &w->walked[chain->number % WALKED_MAX];
	if (!spend(w, 2 * JOIN_COST)) {
		*f = (struct facts){0};
		return;
	}
	if (last->chain != chain || last->depth != depth || last->base != w->base ||
		!same(&last->before, f)) {
		struct walked now = {.chain = chain, .depth = depth, .base = w->base, .before = *f};
		const struct boundary_rule *accept = w->accept;
		w->accept = NULL;
		walk_chain(w, chain, f, depth);
		now.after = *f;
		now.accept = w->accept;
		w->accept = now.accept == NULL ? accept : now.accept;
		*last = now;
		return;
	}
	*f = last->after;
	if (last->accept != NULL)
		w->accept = last->accept;
}

/* Where people filter: what translates, or stands before and behind the routing, mostly lets all
 * pass, and its policy says nothing. */
static bool is_filter(const struct boundary_chain *c)
{
	return !c->nat && c->hook != BOUNDARY_PREROUTING && c->hook != BOUNDARY_POSTROUTING;
}

void walk_base(struct walk *w, const struct boundary_chain *chain, struct facts *f)
{
	w->accepted = (struct facts){0};
	w->base++;
	walk_chain(w, chain, f, 0);
	if (f->any && chain->policy == BOUNDARY_ACCEPT) {
		join(w, &w->accepted, f);
		if (w->accept_policy == NULL || is_filter(chain))
			w->accept_policy = chain;
	} else if (f->any) {
		w->dropped = true;
		w->drop_policy = chain;
	}
	*f = w->accepted;
}
