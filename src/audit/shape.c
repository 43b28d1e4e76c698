/* A rule's steps as boxes. */
#include "audit/shape.h"
#include "base/grow.h"

#include <errno.h>
#include <string.h>

#define NO_AXIS REGION_AXES

static const struct range v4 = {{0, UINT64_C(0xffff00000000)}, {0, UINT64_C(0xffffffffffff)}};
static const struct range below_v4 = {{0, 0}, {0, UINT64_C(0xfffeffffffff)}};
static const struct range above_v4 = {{0, UINT64_C(0x1000000000000)}, {UINT64_MAX, UINT64_MAX}};

static enum region_axis axis_of(enum boundary_field field)
{
	static const enum region_axis axes[BOUNDARY_FIELDS] = {[BOUNDARY_FAMILY] = REGION_DST,
		[BOUNDARY_IIF] = REGION_NAME,
		[BOUNDARY_OIF] = REGION_AS,
		[BOUNDARY_SADDR] = REGION_SRC,
		[BOUNDARY_DADDR] = REGION_DST,
		[BOUNDARY_L4PROTO] = REGION_PROTO,
		[BOUNDARY_SPORT] = NO_AXIS,
		[BOUNDARY_DPORT] = REGION_PORT,
		[BOUNDARY_ICMP_TYPE] = REGION_PORT,
		[BOUNDARY_CT_STATE] = NO_AXIS,
		[BOUNDARY_MARK] = NO_AXIS,
		[BOUNDARY_TCP_FLAGS] = NO_AXIS};
	return axes[field];
}

static struct region_box everything(void)
{
	struct region_box box = region_box_all();
	box.axis[REGION_PROTO].last = (struct wide){0, UINT8_MAX};
	box.axis[REGION_PORT].last = (struct wide){0, UINT16_MAX};
	return box;
}

/* False: they have nothing in common. */
static bool cut(struct range *to, const struct range *by)
{
	if (wide_cmp(to->first, by->first) < 0)
		to->first = by->first;
	if (wide_cmp(by->last, to->last) < 0)
		to->last = by->last;
	return wide_cmp(to->last, to->first) >= 0;
}

/* ---- a list of boxes, while a rule is read ---- */

struct list {
	struct region_box *box;
	size_t count, room;
};

/* Fails: -ENOMEM, -E2BIG. */
static int push(struct list *l, const struct region_box *box)
{
	if (l->count == SHAPE_BOXES_MAX)
		return -E2BIG;
	struct region_box *grown = grow_array(l->box, l->count, &l->room, 16, sizeof *grown);
	if (grown == NULL)
		return -ENOMEM;
	l->box = grown;
	l->box[l->count++] = *box;
	return 0;
}

/* All of the list cut by each of the others. */
static int cross(struct list *l, const struct region_box *by, size_t count)
{
	struct list new = {0};
	int err = 0;
	for (size_t i = 0; i < l->count; i++)
		for (size_t k = 0; k < count && err == 0; k++) {
			struct region_box box = l->box[i];
			bool some = true;
			for (size_t a = 0; a < REGION_AXES && some; a++)
				some = cut(&box.axis[a], &by[k].axis[a]);
			if (some)
				err = push(&new, &box);
		}
	free(l->box);
	*l = new;
	return err;
}

/* ---- one step ---- */

static int push_range(struct list *l, enum region_axis axis, const struct range *r)
{
	struct region_box box = everything();
	return cut(&box.axis[axis], r) ? push(l, &box) : 0;
}

/* The boxes of a match of several fields, or of one that is not negated. */
static int plain(const struct boundary_step *s, struct list *ret)
{
	int err = 0;
	for (size_t i = 0; i < s->boxes && err == 0; i++) {
		struct region_box box = everything();
		bool some = true;
		for (size_t d = 0; d < s->dims && some; d++) {
			struct range r = {wide_of_addr(&s->box[i].range[d].first),
				wide_of_addr(&s->box[i].range[d].last)};
			some = cut(&box.axis[axis_of(s->field[d])], &r);
		}
		if (some)
			err = push(ret, &box);
	}
	return err;
}

static int by_first(const void *a, const void *b)
{
	const struct range *x = a, *y = b;
	return wide_cmp(x->first, y->first);
}

/* What lies between the values of one field. */
static int gaps(const struct boundary_step *s, struct list *ret)
{
	enum region_axis axis = axis_of(s->field[0]);
	struct wide at = {0};
	bool end = false;
	int err = 0;
	struct range *r = calloc(s->boxes + 1, sizeof *r);
	if (r == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < s->boxes; i++)
		r[i] = (struct range){wide_of_addr(&s->box[i].range[0].first),
			wide_of_addr(&s->box[i].range[0].last)};
	qsort(r, s->boxes, sizeof *r, by_first);
	for (size_t i = 0; i < s->boxes && err == 0 && !end; i++) {
		if (wide_cmp(r[i].last, r[i].first) < 0)
			continue;
		if (wide_cmp(at, r[i].first) < 0) {
			err = push_range(ret, axis, &(struct range){at, wide_before(r[i].first)});
		}
		struct wide after = wide_next(r[i].last);
		end = after.high == 0 && after.low == 0;
		if (wide_cmp(at, after) < 0)
			at = after;
	}
	if (err == 0 && !end)
		err = push_range(ret, axis, &(struct range){at, {UINT64_MAX, UINT64_MAX}});
	free(r);
	return err;
}

static int family(const struct boundary_step *s, struct list *ret)
{
	bool has4 = s->negated, has6 = s->negated;
	for (size_t i = 0; i < s->boxes; i++) {
		uint64_t first = wide_of_addr(&s->box[i].range[0].first).low;
		uint64_t last = wide_of_addr(&s->box[i].range[0].last).low;
		has4 = (first <= 4 && last >= 4) ? !s->negated : has4;
		has6 = (first <= 6 && last >= 6) ? !s->negated : has6;
	}
	int err = has4 ? push_range(ret, REGION_DST, &v4) : 0;
	if (err == 0 && has6)
		err = push_range(ret, REGION_DST, &below_v4);
	return err == 0 && has6 ? push_range(ret, REGION_DST, &above_v4) : err;
}

static bool is_box(const struct boundary_step *s)
{
	for (size_t i = 0; i < s->dims; i++)
		if (axis_of(s->field[i]) == NO_AXIS ||
			(s->field[i] == BOUNDARY_FAMILY && s->dims > 1))
			return false;
	return s->mask == 0 && !s->partly && (s->dims == 1 || !s->negated);
}

/* Fails: -ENOMEM, -E2BIG; -EINVAL: not understood. */
static int match(struct shape *shape, struct list *l, const struct boundary_step *s)
{
	struct list by = {0};
	if (s->dims == 1 && !s->partly && axis_of(s->field[0]) == NO_AXIS) {
		if (shape->others == SHAPE_OTHERS_MAX)
			return -EINVAL;
		shape->other[shape->others++] = s;
		return 0;
	}
	/* a set that holds nothing waits for somebody to fill it */
	if (s->dims == 0 || s->boxes == 0 || !is_box(s))
		return -EINVAL;
	int err = s->field[0] == BOUNDARY_FAMILY ? family(s, &by)
	          : s->negated                   ? gaps(s, &by)
	                                         : plain(s, &by);
	if (err == 0)
		err = cross(l, by.box, by.count);
	free(by.box);
	return err;
}

/* ---- a rule ---- */

static bool changes(const struct boundary_step *s)
{
	bool any = s->kind == STEP_VERDICT && s->verdict.kind == BOUNDARY_ANY;
	for (size_t i = 0; i < s->boxes && s->kind == STEP_MAP; i++)
		any |= s->box[i].verdict.kind == BOUNDARY_ANY;
	return any || s->kind == STEP_MARK || s->kind == STEP_NOTRACK || s->kind == STEP_REWRITE;
}

bool shape_changes(const struct boundary_rule *r)
{
	for (size_t i = 0; i < r->steps; i++)
		if (changes(&r->step[i]))
			return true;
	return false;
}

static bool leads_on(const struct boundary_verdict *v)
{
	return v->kind == BOUNDARY_JUMP || v->kind == BOUNDARY_GOTO;
}

static void take_verdict(struct shape *shape, const struct boundary_verdict *v, bool jumps_change)
{
	shape->verdict = v->kind;
	shape->ends = v->kind == BOUNDARY_ACCEPT || v->kind == BOUNDARY_DROP ||
	              v->kind == BOUNDARY_REJECT || v->kind == BOUNDARY_RETURN ||
	              (v->kind == BOUNDARY_GOTO && v->chain != NULL);
	shape->blocks |= leads_on(v) || v->kind == BOUNDARY_ANY;
	shape->changes |= leads_on(v) && (jumps_change || v->chain == NULL);
}

static bool map_leads_on(const struct boundary_step *s)
{
	for (size_t i = 0; i < s->boxes; i++)
		if (leads_on(&s->box[i].verdict))
			return true;
	return false;
}

/* What a port is of is to be known, or an absent one would be asked for. */
static bool ports_are_sure(const struct boundary_rule *r, const struct list *l)
{
	bool port = false, type = false;
	for (size_t i = 0; i < r->steps; i++)
		for (size_t d = 0; d < r->step[i].dims; d++) {
			port |= r->step[i].field[d] == BOUNDARY_DPORT;
			type |= r->step[i].field[d] == BOUNDARY_ICMP_TYPE;
		}
	for (size_t i = 0; i < l->count && (port || type); i++) {
		const struct range *proto = &l->box[i].axis[REGION_PROTO];
		bool icmp = proto->first.low == 1 || proto->first.low == 58;
		if (wide_cmp(proto->first, proto->last) < 0 || icmp != type || (port && type))
			return false;
	}
	return true;
}

/* Fails as match(). */
static int read_steps(struct shape *shape, struct list *l, bool jumps_change)
{
	int err = 0;
	bool wrong = false;
	for (size_t i = 0; i < shape->rule->steps && err != -ENOMEM; i++) {
		const struct boundary_step *s = &shape->rule->step[i];
		bool nat = s->kind == STEP_DNAT || s->kind == STEP_SNAT || s->kind == STEP_REDIRECT;
		shape->changes |=
			changes(s) || (s->kind == STEP_MAP && jumps_change && map_leads_on(s));
		if (s->kind == STEP_MATCH && err == 0)
			err = match(shape, l, s);
		wrong |= s->kind == STEP_UNKNOWN || s->kind == STEP_MAP;
		shape->ends |= nat;
		shape->blocks |= nat;
		if (s->kind == STEP_VERDICT)
			take_verdict(shape, &s->verdict, jumps_change);
		if (nat || s->kind == STEP_VERDICT)
			break;
	}
	if (err == 0 && (wrong || !ports_are_sure(shape->rule, l)))
		err = -EINVAL;
	return err;
}

static int keep(struct shapes *s, struct shape *shape, const struct list *l)
{
	if (s->boxes + l->count > SHAPE_CHAIN_BOXES_MAX)
		return -E2BIG;
	if (s->boxes + l->count > s->room) {
		size_t room = 2 * (s->boxes + l->count) + 64;
		struct region_box *bigger = realloc(s->box, room * sizeof *bigger);
		if (bigger == NULL)
			return -ENOMEM;
		s->box = bigger;
		s->room = room;
	}
	if (l->count > 0)
		memcpy(s->box + s->boxes, l->box, l->count * sizeof *l->box);
	shape->first = s->boxes;
	shape->count = l->count;
	s->boxes += l->count;
	return 0;
}

static int one_rule(struct shapes *s, const struct boundary_rule *r, bool jumps_change)
{
	struct shape *shape = &s->shape[s->count++];
	struct list l = {0};
	struct region_box all = everything();
	*shape = (struct shape){.rule = r, .verdict = BOUNDARY_CONTINUE};
	int err = push(&l, &all);
	if (err == 0)
		err = read_steps(shape, &l, jumps_change);
	if (err == 0)
		err = keep(s, shape, &l);
	free(l.box);
	if (err == -ENOMEM)
		return err;
	shape->state = err == 0 ? SHAPE_KNOWN : err == -E2BIG ? SHAPE_LARGE : SHAPE_UNKNOWN;
	shape->blocks |= err < 0 || shape->changes;
	shape->ends &= err == 0;
	s->large |= shape->state == SHAPE_LARGE;
	return 0;
}

int shapes_of(struct shapes *ret, const struct boundary_chain *chain, bool jumps_change)
{
	size_t rules = 0;
	int err = 0;
	for (const struct boundary_rule *r = chain->rule; r != NULL; r = r->next)
		rules++;
	*ret = (struct shapes){.shape = calloc(rules + 1, sizeof *ret->shape)};
	if (ret->shape == NULL)
		return -ENOMEM;
	for (const struct boundary_rule *r = chain->rule; r != NULL && err == 0; r = r->next)
		err = one_rule(ret, r, jumps_change);
	return err;
}

void shapes_fini(struct shapes *s)
{
	free(s->shape);
	free(s->box);
	*s = (struct shapes){0};
}

/* ---- what is no axis ---- */

static bool same_step(const struct boundary_step *a, const struct boundary_step *b)
{
	if (a->field[0] != b->field[0] || a->negated != b->negated || a->mask != b->mask ||
		a->boxes != b->boxes)
		return false;
	for (size_t i = 0; i < a->boxes; i++)
		if (!addr_eq(&a->box[i].range[0].first, &b->box[i].range[0].first) ||
			!addr_eq(&a->box[i].range[0].last, &b->box[i].range[0].last))
			return false;
	return true;
}

bool shape_others_hold(const struct shape *a, const struct shape *b)
{
	for (size_t i = 0; i < a->others; i++) {
		bool found = false;
		for (size_t k = 0; k < b->others && !found; k++)
			found = same_step(a->other[i], b->other[k]);
		if (!found)
			return false;
	}
	return true;
}
