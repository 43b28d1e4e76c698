#include "policy/surface.h"

#include <math.h>
#include <string.h>

#define PORTS      65536u
#define ICMP_TYPES 256u
#define PROTOS     256u
#define PROTO_TCP  6u
#define PROTO_UDP  17u

/* ::ffff:0:0/96 */
static const struct wide v4_first = {0, UINT64_C(0xffff00000000)};
static const struct wide v4_last = {0, UINT64_C(0xffffffffffff)};

/* ---- counts ---- */

void surface_count_add(struct surface_count *to, const struct surface_count *n)
{
	uint64_t carry = 0;
	for (size_t i = 0; i < ARRAY_LEN(to->word); i++) {
		uint64_t sum = to->word[i] + n->word[i];
		uint64_t over = sum < n->word[i];
		to->word[i] = sum + carry;
		carry = over + (to->word[i] < carry);
	}
}

/* by: under 2^32 */
static void count_multiply(struct surface_count *n, uint64_t by)
{
	uint64_t carry = 0;
	for (size_t i = 0; i < ARRAY_LEN(n->word); i++) {
		uint64_t low = (n->word[i] & UINT32_MAX) * by + carry;
		uint64_t high = (n->word[i] >> 32) * by + (low >> 32);
		n->word[i] = high << 32 | (low & UINT32_MAX);
		carry = high >> 32;
	}
}

/* What is left over. */
static unsigned count_divide(struct surface_count *n, uint32_t by)
{
	uint64_t rest = 0;
	for (size_t i = ARRAY_LEN(n->word); i-- > 0;) {
		uint64_t high = rest << 32 | n->word[i] >> 32;
		uint64_t low = (high % by) << 32 | (n->word[i] & UINT32_MAX);
		n->word[i] = (high / by) << 32 | low / by;
		rest = low % by;
	}
	return (unsigned)rest;
}

static bool count_is_zero(const struct surface_count *n)
{
	return (n->word[0] | n->word[1] | n->word[2]) == 0;
}

const char *surface_count_text(
	const struct surface_count *count, char buf[static SURFACE_COUNT_BYTES])
{
	struct surface_count n = *count;
	char *at = buf + SURFACE_COUNT_BYTES - 1; /* 2^192 has 58 digits */
	*at = '\0';
	do
		*--at = (char)('0' + count_divide(&n, 10));
	while (!count_is_zero(&n));
	memmove(buf, at, strlen(at) + 1);
	return buf;
}

static double count_number(const struct surface_count *n)
{
	return ldexp((double)n->word[2], 128) + ldexp((double)n->word[1], 64) + (double)n->word[0];
}

double surface_share(const struct surface_count *part, const struct surface_count *whole)
{
	return count_is_zero(whole) ? 0 : count_number(part) / count_number(whole);
}

/* ---- boxes ---- */

/* Addresses from first to last. */
static struct surface_count addresses(struct wide first, struct wide last)
{
	static const struct surface_count one = {{1, 0, 0}};
	struct surface_count n = {
		{last.low - first.low, last.high - first.high - (last.low < first.low), 0}};
	surface_count_add(&n, &one);
	return n;
}

/* Small numbers of both: what of an axis is below limit. */
static uint64_t below(const struct range *axis, uint64_t limit)
{
	if (axis->first.high > 0 || axis->first.low >= limit)
		return 0;
	uint64_t last = axis->last.high > 0 || axis->last.low >= limit ? limit - 1 : axis->last.low;
	return last - axis->first.low + 1;
}

static uint64_t services(const struct region_box *box, enum surface_family family)
{
	const struct range *proto = &box->axis[REGION_PROTO];
	uint64_t count = below(proto, PROTOS), sum = 0;
	for (uint64_t i = 0; i < count; i++) {
		uint64_t number = proto->first.low + i;
		bool icmp = number == (family == SURFACE_V4 ? 1 : 58);
		bool ports = number == PROTO_TCP || number == PROTO_UDP;
		sum += below(&box->axis[REGION_PORT], ports ? PORTS : icmp ? ICMP_TYPES : 1);
	}
	return sum;
}

/* IPv6 has two, on both sides of IPv4. */
struct sides {
	struct range side[2];
	size_t count;
};

static struct sides sides_of(enum surface_family family)
{
	static const struct wide zero = {0, 0}, end = {UINT64_MAX, UINT64_MAX};
	struct wide below_v4 = {0, v4_first.low - 1}, above_v4 = {0, v4_last.low + 1};
	if (family == SURFACE_V4)
		return (struct sides){{{v4_first, v4_last}}, 1};
	return (struct sides){{{zero, below_v4}, {above_v4, end}}, 2};
}

/* What both hold. False: nothing. */
static bool cut(const struct range *a, const struct range *b, struct range *ret)
{
	ret->first = wide_cmp(a->first, b->first) < 0 ? b->first : a->first;
	ret->last = wide_cmp(a->last, b->last) < 0 ? a->last : b->last;
	return wide_cmp(ret->last, ret->first) >= 0;
}

struct surface_count surface_measure(const struct region_box *box, enum surface_family family)
{
	struct surface_count n = {0};
	struct sides sides = sides_of(family);
	for (size_t i = 0; i < sides.count; i++) {
		struct range both;
		if (!cut(&box->axis[REGION_DST], &sides.side[i], &both))
			continue;
		struct surface_count count = addresses(both.first, both.last);
		surface_count_add(&n, &count);
	}
	count_multiply(&n, services(box, family));
	return n;
}

/* ---- regions ---- */

/* Into *ret, of any source, name and application protocol, what r holds with some. */
static int project(const struct region *r, struct region *ret)
{
	static const enum region_axis gone[] = {REGION_SRC, REGION_NAME, REGION_AS};
	const struct region_box all = region_box_all();
	int err = 0;
	for (size_t i = 0; i < r->count && err == 0; i++) {
		struct region_box box = r->box[i];
		for (size_t k = 0; k < ARRAY_LEN(gone); k++)
			box.axis[gone[k]] = all.axis[gone[k]];
		err = region_add(ret, &box);
	}
	return err;
}

/* What the zone does that leaves. */
static int leaving(const struct policy *p, const struct policy_zone *zone, struct region *ret)
{
	int err = policy_region_of_zone(zone, ret);
	for (size_t i = 0; i < p->zones; i++)
		for (size_t k = 0; k < p->zone[i].nets.count && err == 0; k++) {
			struct region_box inside = region_box_all();
			inside.axis[REGION_DST] = policy_range_of(&p->zone[i].nets.net[k]);
			err = region_take_box(ret, &inside);
		}
	return err;
}

/* *rest is divided, by the first rule that matches and then the default. */
static int divide(const struct policy *p, const struct policy_space *space,
	const struct policy_zone *zone, int64_t at_ns, struct region *rest, struct region to[2])
{
	int err = 0;
	for (size_t i = 0; i < p->rules && rest->count > 0 && err == 0; i++) {
		struct region rule = {0}, cut = {0};
		if (!policy_rule_holds(&p->rule[i], at_ns))
			continue;
		err = policy_region_of_rule(space, &p->rule[i], &rule);
		if (err == 0)
			err = region_cut(&cut, rest, &rule);
		if (err == 0)
			err = project(&cut, &to[p->rule[i].action == POLICY_ALLOW]);
		if (err == 0)
			err = region_take(rest, &rule);
		region_fini(&rule);
		region_fini(&cut);
	}
	return err == 0 ? project(rest, &to[zone->fallback == POLICY_ALLOW]) : err;
}

static void measure(const struct region *r, enum surface_family family, struct surface_count *to)
{
	for (size_t i = 0; i < r->count; i++) {
		struct surface_count n = surface_measure(&r->box[i], family);
		surface_count_add(to, &n);
	}
}

int surface_of(const struct policy *p, const struct policy_space *space,
	const struct policy_zone *zone, int64_t at_ns, struct surface *ret)
{
	struct region rest = {0}, to[2] = {0};
	struct region *denied = &to[0], *allowed = &to[1];
	int err = leaving(p, zone, &rest);
	if (err == 0)
		err = divide(p, space, zone, at_ns, &rest, to);
	if (err == 0)
		err = region_cut(&ret->some, allowed, denied);
	if (err == 0)
		err = region_copy(&ret->open, allowed);
	if (err == 0)
		err = region_take(&ret->open, denied);
	if (err == 0)
		err = region_take(denied, allowed);
	for (int family = 0; family < SURFACE_FAMILIES && err == 0; family++) {
		struct surface_part *part = &ret->part[family];
		measure(&ret->open, (enum surface_family)family, &part->open);
		measure(&ret->some, (enum surface_family)family, &part->some);
		measure(denied, (enum surface_family)family, &part->shut);
	}
	region_fini(&rest);
	region_fini(denied);
	region_fini(allowed);
	return err;
}

void surface_fini(struct surface *s)
{
	region_fini(&s->open);
	region_fini(&s->some);
}

/* ---- saying ---- */

/* How many of the last bits are free, when the range is a prefix; -1 else. */
static int free_bits(const struct range *r)
{
	for (unsigned bits = 0; bits <= 128; bits++) {
		struct wide mask = {0};
		if (bits > 64)
			mask.high = bits == 128 ? UINT64_MAX : (UINT64_C(1) << (bits - 64)) - 1;
		mask.low = bits >= 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
		bool first = (r->first.high & mask.high) == 0 && (r->first.low & mask.low) == 0;
		if (first && (r->first.high | mask.high) == r->last.high &&
			(r->first.low | mask.low) == r->last.low)
			return (int)bits;
	}
	return -1;
}

static void say_range(struct out *o, const struct range *r, enum surface_family family)
{
	char text[ADDR_TEXT_BYTES];
	struct addr first = addr_of_wide(r->first), last = addr_of_wide(r->last);
	int bits = free_bits(r), all = family == SURFACE_V4 ? 32 : 128;
	out_text(o, addr_text(&first, text));
	if (bits > 0)
		out_printf(o, "/%d", all - bits);
	else if (bits < 0)
		out_printf(o, "-%s", addr_text(&last, text));
}

static void say_addresses(struct out *o, const struct range *r, enum surface_family family)
{
	if (free_bits(r) == 128) {
		out_text(o, "anything");
		return;
	}
	struct sides sides = sides_of(family);
	size_t said = 0;
	for (size_t i = 0; i < sides.count; i++) {
		struct range both;
		if (!cut(r, &sides.side[i], &both))
			continue;
		out_text(o, said++ == 0 ? "" : " and ");
		say_range(o, &both, family);
	}
}

static void say_protocol(struct out *o, const struct range *r)
{
	if (below(r, PROTOS) >= PROTOS) {
		out_text(o, "any protocol");
		return;
	}
	uint64_t first = r->first.low, last = first + below(r, PROTOS) - 1;
	const char *name = first == 6    ? "tcp"
	                   : first == 17 ? "udp"
	                   : first == 1  ? "icmp"
	                   : first == 58 ? "icmpv6"
	                                 : NULL;
	if (first == last && name != NULL)
		out_text(o, name);
	else if (first == last)
		out_printf(o, "protocol %u", (unsigned)first);
	else
		out_printf(o, "protocols %u-%u", (unsigned)first, (unsigned)last);
}

void surface_say_box(struct out *o, const struct region_box *box, enum surface_family family)
{
	const struct range *port = &box->axis[REGION_PORT];
	say_addresses(o, &box->axis[REGION_DST], family);
	out_text(o, " ");
	say_protocol(o, &box->axis[REGION_PROTO]);
	uint64_t count = below(port, PORTS);
	if (count < PORTS && count > 0)
		out_printf(o, " %u", (unsigned)port->first.low);
	if (count < PORTS && count > 1)
		out_printf(o, "-%u", (unsigned)(port->first.low + count - 1));
}
