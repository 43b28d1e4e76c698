#include "policy/region.h"

#include <errno.h>
#include <string.h>

#include "base/cur.h"
#include "base/grow.h"

struct wide wide_of_addr(const struct addr *a)
{
	struct cur c = cur_of(a->byte, sizeof a->byte);
	struct wide w = {.high = cur_be64(&c)};
	w.low = cur_be64(&c);
	return w;
}

struct addr addr_of_wide(struct wide w)
{
	struct addr a;
	for (unsigned i = 0; i < 8; i++) {
		a.byte[i] = (uint8_t)(w.high >> (56 - 8 * i));
		a.byte[i + 8] = (uint8_t)(w.low >> (56 - 8 * i));
	}
	return a;
}

struct region_box region_box_all(void)
{
	struct region_box all = {0};
	for (size_t i = 0; i < REGION_AXES; i++)
		all.axis[i].last = (struct wide){UINT64_MAX, UINT64_MAX};
	return all;
}

bool region_box_overlaps(const struct region_box *a, const struct region_box *b)
{
	for (size_t i = 0; i < REGION_AXES; i++)
		if (wide_cmp(a->axis[i].last, b->axis[i].first) < 0 ||
			wide_cmp(b->axis[i].last, a->axis[i].first) < 0)
			return false;
	return true;
}

bool region_box_holds(const struct region_box *a, const struct region_box *b)
{
	for (size_t i = 0; i < REGION_AXES; i++)
		if (wide_cmp(b->axis[i].first, a->axis[i].first) < 0 ||
			wide_cmp(a->axis[i].last, b->axis[i].last) < 0)
			return false;
	return true;
}

void region_fini(struct region *r)
{
	free(r->box);
	*r = (struct region){0};
}

/* The box overlaps none that is there. */
static int push(struct region *r, const struct region_box *box)
{
	if (r->count == REGION_BOXES_MAX)
		return -E2BIG;
	struct region_box *grown = grow_array(r->box, r->count, &r->room, 8, sizeof *grown);
	if (grown == NULL)
		return -ENOMEM;
	r->box = grown;
	r->box[r->count++] = *box;
	return 0;
}

/* What `from` holds and `box` does not, as at most two boxes an axis; they overlap. */
static int push_rest(struct region *r, struct region_box from, const struct region_box *box)
{
	int err = 0;
	for (size_t i = 0; err == 0 && i < REGION_AXES; i++) {
		struct range *mine = &from.axis[i];
		const struct range *theirs = &box->axis[i];
		if (wide_cmp(mine->first, theirs->first) < 0) {
			struct region_box part = from;
			part.axis[i].last = wide_before(theirs->first);
			err = push(r, &part);
			mine->first = theirs->first;
		}
		if (err == 0 && wide_cmp(theirs->last, mine->last) < 0) {
			struct region_box part = from;
			part.axis[i].first = wide_next(theirs->last);
			err = push(r, &part);
			mine->last = theirs->last;
		}
	}
	return err;
}

int region_take_box(struct region *r, const struct region_box *box)
{
	size_t kept = 0, end = r->count;
	int err = 0;
	for (size_t i = 0; i < end && err == 0; i++) {
		struct region_box mine = r->box[i];
		if (region_box_overlaps(&mine, box))
			err = push_rest(r, mine, box); /* behind `end` */
		else
			r->box[kept++] = mine;
	}
	if (err < 0)
		return err;
	if (r->count > end)
		memmove(&r->box[kept], &r->box[end], (r->count - end) * sizeof *r->box);
	r->count = kept + (r->count - end);
	return 0;
}

int region_take(struct region *r, const struct region *other)
{
	int err = 0;
	for (size_t i = 0; err == 0 && r->count > 0 && i < other->count; i++)
		err = region_take_box(r, &other->box[i]);
	return err;
}

int region_add(struct region *r, const struct region_box *box)
{
	struct region fresh = {0};
	int err = push(&fresh, box);
	if (err == 0)
		err = region_take(&fresh, r);
	for (size_t i = 0; err == 0 && i < fresh.count; i++)
		err = push(r, &fresh.box[i]);
	region_fini(&fresh);
	return err;
}

int region_copy(struct region *ret, const struct region *r)
{
	int err = 0;
	for (size_t i = 0; err == 0 && i < r->count; i++)
		err = push(ret, &r->box[i]);
	return err;
}

static struct region_box common(const struct region_box *a, const struct region_box *b)
{
	struct region_box both = *a;
	for (size_t i = 0; i < REGION_AXES; i++) {
		if (wide_cmp(both.axis[i].first, b->axis[i].first) < 0)
			both.axis[i].first = b->axis[i].first;
		if (wide_cmp(b->axis[i].last, both.axis[i].last) < 0)
			both.axis[i].last = b->axis[i].last;
	}
	return both;
}

int region_cut(struct region *ret, const struct region *a, const struct region *b)
{
	int err = 0;
	for (size_t i = 0; i < a->count; i++)
		for (size_t k = 0; k < b->count && err == 0; k++) {
			if (!region_box_overlaps(&a->box[i], &b->box[k]))
				continue;
			struct region_box both = common(&a->box[i], &b->box[k]);
			err = push(ret, &both);
		}
	return err;
}

bool region_overlaps(const struct region *a, const struct region *b)
{
	for (size_t i = 0; i < a->count; i++)
		for (size_t k = 0; k < b->count; k++)
			if (region_box_overlaps(&a->box[i], &b->box[k]))
				return true;
	return false;
}

bool region_has(const struct region *r, const struct region_point *point)
{
	struct region_box dot;
	for (size_t i = 0; i < REGION_AXES; i++)
		dot.axis[i] = (struct range){point->at[i], point->at[i]};
	for (size_t i = 0; i < r->count; i++)
		if (region_box_overlaps(&r->box[i], &dot))
			return true;
	return false;
}
