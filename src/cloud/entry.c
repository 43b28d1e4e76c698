/* Boxes as entries: a prefix, one protocol or all, one range of ports or one type each. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "cloud/model.h"

#define ENTRIES_MAX 4096u

void entries_fini(struct entries *e)
{
	free(e->entry);
	*e = (struct entries){0};
}

int entries_add(struct entries *to, const struct entry *e)
{
	if (to->count == ENTRIES_MAX)
		return -E2BIG;
	struct entry *grown = grow_array(to->entry, to->count, &to->room, 32, sizeof *grown);
	if (grown == NULL)
		return -ENOMEM;
	to->entry = grown;
	to->entry[to->count++] = *e;
	return 0;
}

/* ---- prefixes of a range ---- */

static struct wide host_bits(unsigned count)
{
	struct wide w = {.low = count >= 64 ? UINT64_MAX : (UINT64_C(1) << count) - 1};
	if (count > 64)
		w.high = count == 128 ? UINT64_MAX : (UINT64_C(1) << (count - 64)) - 1;
	return w;
}

/* The widest prefix that begins where the range does and stays in it; the range becomes the rest.
 * False: none is left. */
static bool next_net(struct range *r, bool *done, struct cidr *ret)
{
	if (*done)
		return false;
	ret->net = addr_of_wide(r->first);
	for (unsigned bits = 0; bits <= 128; bits++) {
		ret->bits = (uint8_t)bits;
		const struct wide last = policy_range_of(ret).last;
		/* the bits behind the prefix: all of them must be clear in its first address */
		const struct wide host = host_bits(128 - bits);
		bool begins = (r->first.high & host.high) == 0 && (r->first.low & host.low) == 0;
		if (!begins || wide_cmp(last, r->last) > 0)
			continue;
		*done = wide_cmp(last, r->last) == 0;
		r->first = wide_next(last);
		return true;
	}
	return false;
}

/* ---- protocols ---- */

static bool is_number(const struct range *r, uint64_t first, uint64_t last)
{
	return r->first.high == 0 && r->last.high == 0 && r->first.low == first &&
	       r->last.low == last;
}

/* One prefix and protocol. */
static int add_ports(const struct region_box *box, struct entry e, struct entries *ret)
{
	const struct range *port = &box->axis[REGION_PORT];
	bool ports = e.proto == 6 || e.proto == 17, icmp = e.proto == 1 || e.proto == 58;
	int err = 0;
	e.low = e.high = -1;
	if (ports) {
		e.low = (int)port->first.low;
		e.high = (int)port->last.low;
	}
	uint64_t last = port->last.low < UINT8_MAX ? port->last.low : UINT8_MAX;
	if (!icmp || (port->first.low == 0 && last == UINT8_MAX))
		return entries_add(ret, &e);
	for (uint64_t type = port->first.low; type <= last && err == 0; type++) {
		e.low = e.high = (int)type;
		err = entries_add(ret, &e);
	}
	return err;
}

static int add_protos(const struct region_box *box, struct entry e, bool v4, struct entries *ret)
{
	const struct range *proto = &box->axis[REGION_PROTO];
	int err = 0;
	e.proto = e.low = e.high = -1;
	if (is_number(proto, 0, UINT8_MAX) && is_number(&box->axis[REGION_PORT], 0, UINT16_MAX))
		return entries_add(ret, &e);
	for (uint64_t p = proto->first.low; p <= proto->last.low && err == 0; p++) {
		if (p == (v4 ? 58 : 1)) /* ICMP of the other family */
			continue;
		e.proto = (int)p;
		err = add_ports(box, e, ret);
	}
	return err;
}

int entries_of(const struct parts *p, bool v4, struct entries *ret)
{
	int err = 0;
	for (size_t i = 0; i < p->count && err == 0; i++) {
		const struct part *part = &p->part[i];
		struct range dst = part->box.axis[REGION_DST];
		struct entry e = {.id = part->id, .allow = part->allow};
		bool done = false;
		while (err == 0 && next_net(&dst, &done, &e.net))
			err = add_protos(&part->box, e, v4, ret);
	}
	return err;
}

/* ---- pruning ---- */

static bool entry_holds(const struct entry *a, const struct entry *b)
{
	bool service = a->proto == -1 ||
	               (a->proto == b->proto &&
			       (a->low == -1 || (b->low >= a->low && b->high <= a->high)));
	bool family = policy_net_is_v4(&a->net) == policy_net_is_v4(&b->net);
	return service && family && a->net.bits <= b->net.bits && cidr_has(&a->net, &b->net.net);
}

void entries_prune(struct entries *e)
{
	size_t kept = 0;
	for (size_t i = 0; i < e->count; i++) {
		bool held = false;
		for (size_t k = 0; k < kept && !held; k++)
			held = entry_holds(&e->entry[k], &e->entry[i]);
		if (!held)
			e->entry[kept++] = e->entry[i];
	}
	e->count = kept;
}
