/* An interval tree over the axis on which the rules differ most, laid out in a sorted array. */
#include "audit/nearby.h"

#include <errno.h>

#define DEPTH_MAX 64u

static int by_first(const void *a, const void *b)
{
	const struct nearby_entry *x = a, *y = b;
	int order = wide_cmp(x->first, y->first);
	return order != 0 ? order : (x->box > y->box) - (x->box < y->box);
}

static void sort_by(struct nearby *n, enum region_axis axis)
{
	n->axis = axis;
	for (size_t i = 0; i < n->count; i++) {
		const struct range *r = &n->shapes->box[n->entry[i].box].axis[axis];
		n->entry[i].first = r->first;
		n->entry[i].last = r->last;
	}
	qsort(n->entry, n->count, sizeof *n->entry, by_first);
}

static size_t distinct(const struct nearby *n)
{
	size_t count = 0;
	for (size_t i = 0; i < n->count; i++)
		count += i == 0 || wide_cmp(n->entry[i - 1].first, n->entry[i].first) < 0;
	return count;
}

/* The greatest last of [from, to), children before parents: a bounded depth, halved each time. */
static struct wide set_most(struct nearby *n, size_t from, size_t to)
{
	size_t middle = from + (to - from) / 2;
	struct nearby_entry *e = &n->entry[middle];
	e->most = e->last;
	if (middle > from) {
		struct wide most = set_most(n, from, middle);
		e->most = wide_cmp(e->most, most) < 0 ? most : e->most;
	}
	if (middle + 1 < to) {
		struct wide most = set_most(n, middle + 1, to);
		e->most = wide_cmp(e->most, most) < 0 ? most : e->most;
	}
	return e->most;
}

int nearby_new(struct nearby *ret, const struct shapes *shapes)
{
	size_t most = 0;
	enum region_axis best = REGION_DST;
	*ret = (struct nearby){
		.shapes = shapes, .entry = calloc(shapes->boxes + 1, sizeof *ret->entry)};
	if (ret->entry == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < shapes->count; i++)
		for (size_t k = 0; k < shapes->shape[i].count; k++)
			ret->entry[ret->count++] = (struct nearby_entry){.shape = (uint32_t)i,
				.box = (uint32_t)(shapes->shape[i].first + k)};
	for (unsigned axis = 0; axis < REGION_AXES; axis++) {
		sort_by(ret, (enum region_axis)axis);
		size_t count = distinct(ret);
		if (count > most) {
			most = count;
			best = (enum region_axis)axis;
		}
	}
	sort_by(ret, best);
	if (ret->count > 0)
		(void)set_most(ret, 0, ret->count);
	return 0;
}

void nearby_fini(struct nearby *n)
{
	free(n->entry);
	*n = (struct nearby){0};
}

void nearby_each(const struct nearby *n, const struct region_box *box, uint64_t *left,
	bool (*tell)(void *context, size_t shape, const struct region_box *box), void *context)
{
	struct {
		size_t from, to;
	} part[DEPTH_MAX];
	const struct range *r = &box->axis[n->axis];
	size_t parts = 0;
	if (n->count > 0)
		part[parts++].to = n->count;
	part[0].from = 0;
	while (parts > 0 && *left > 0) {
		size_t from = part[parts - 1].from, to = part[--parts].to;
		size_t middle = from + (to - from) / 2;
		const struct nearby_entry *e = &n->entry[middle];
		--*left;
		if (wide_cmp(e->most, r->first) < 0)
			continue;
		const struct region_box *mine = &n->shapes->box[e->box];
		if (region_box_overlaps(mine, box) && !tell(context, e->shape, mine))
			return;
		/* the stack holds at most one part of each halving */
		if (middle + 1 < to && wide_cmp(r->last, e->first) >= 0) {
			part[parts].from = middle + 1;
			part[parts++].to = to;
		}
		if (middle > from) {
			part[parts].from = from;
			part[parts++].to = middle;
		}
	}
}
