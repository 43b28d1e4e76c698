/* Expressions of nftables' JSON: what a rule compares with what. */
#include <errno.h>
#include <string.h>

#include "boundary/nft.h"

#define PARTS_MAX 16u /* of one value that is put together with | */

/* ---- the left side ---- */

struct left { /* fields, and what has to be there before they are */
	enum boundary_field field[BOUNDARY_DIMS_MAX];
	size_t dims;
	uint32_t mask; /* 0: none */
};

static const struct {
	const char *protocol, *field;
	enum boundary_field is;
} payloads[] = {
	{"ip", "saddr", BOUNDARY_SADDR},
	{"ip", "daddr", BOUNDARY_DADDR},
	{"ip", "protocol", BOUNDARY_L4PROTO},
	{"ip6", "saddr", BOUNDARY_SADDR},
	{"ip6", "daddr", BOUNDARY_DADDR},
	{"ip6", "nexthdr", BOUNDARY_L4PROTO},
	{"tcp", "sport", BOUNDARY_SPORT},
	{"tcp", "dport", BOUNDARY_DPORT},
	{"tcp", "flags", BOUNDARY_TCP_FLAGS},
	{"udp", "sport", BOUNDARY_SPORT},
	{"udp", "dport", BOUNDARY_DPORT},
	{"th", "sport", BOUNDARY_SPORT},
	{"th", "dport", BOUNDARY_DPORT},
	{"icmp", "type", BOUNDARY_ICMP_TYPE},
	{"icmpv6", "type", BOUNDARY_ICMP_TYPE},
};

static const struct {
	const char *key;
	enum boundary_field is;
} metas[] = {
	{"nfproto", BOUNDARY_FAMILY},
	{"protocol", BOUNDARY_FAMILY},
	{"l4proto", BOUNDARY_L4PROTO},
	{"iifname", BOUNDARY_IIF},
	{"oifname", BOUNDARY_OIF},
	{"iif", BOUNDARY_IIF},
	{"oif", BOUNDARY_OIF},
	{"mark", BOUNDARY_MARK},
};

void nft_depend(struct nft *n, struct build_steps *s, struct span protocol)
{
	static const struct {
		const char *name;
		uint8_t family, l4proto;
	} needs[] = {{"ip", 4, 0}, {"ip6", 6, 0}, {"tcp", 0, 6}, {"udp", 0, 17}, {"icmp", 4, 1},
		{"icmpv6", 6, 58}, {"sctp", 0, 132}, {"dccp", 0, 33}, {"esp", 0, 50}, {"ah", 0, 51},
		{"udplite", 0, 136}, {"comp", 0, 108}, {"igmp", 4, 2}};
	for (size_t i = 0; i < ARRAY_LEN(needs); i++) {
		if (!span_is(protocol, needs[i].name))
			continue;
		if (needs[i].family != 0)
			build_equal(n->b, s, BOUNDARY_FAMILY, needs[i].family);
		if (needs[i].l4proto != 0)
			build_equal(n->b, s, BOUNDARY_L4PROTO, needs[i].l4proto);
	}
}

static int payload(
	struct nft *n, struct build_steps *s, const struct json_value *value, struct left *left)
{
	struct span protocol = nft_member(n, value, "protocol").text;
	struct span field = nft_member(n, value, "field").text;
	nft_depend(n, s, protocol);
	for (size_t i = 0; i < ARRAY_LEN(payloads); i++) {
		if (!span_is(protocol, payloads[i].protocol) || !span_is(field, payloads[i].field))
			continue;
		left->field[left->dims++] = payloads[i].is;
		return 0;
	}
	return -EINVAL;
}

static int one_left(
	struct nft *n, struct build_steps *s, const struct json_value *value, struct left *left)
{
	struct span what;
	struct json_value inner;
	if (left->dims == BOUNDARY_DIMS_MAX || !nft_only(n, value, &what, &inner))
		return -EINVAL;
	if (span_is(what, "payload"))
		return payload(n, s, &inner, left);
	struct span key = nft_member(n, &inner, "key").text;
	if (span_is(what, "ct") && span_is(key, "state")) {
		left->field[left->dims++] = BOUNDARY_CT_STATE;
		return 0;
	}
	for (size_t i = 0; span_is(what, "meta") && i < ARRAY_LEN(metas); i++)
		if (span_is(key, metas[i].key)) {
			left->field[left->dims++] = metas[i].is;
			return 0;
		}
	return -EINVAL;
}

/* Puts what the fields depend on before them: an absent one ends the rule, also behind !=. */
static int read_left(
	struct nft *n, struct build_steps *s, const struct json_value *value, struct left *left)
{
	struct span what;
	struct json_value inner, item = {0}, second;
	struct boundary_range mask;
	if (!nft_only(n, value, &what, &inner))
		return -EINVAL;
	if (span_is(what, "concat")) {
		int err = 0;
		while (err == 0 && json_each(n->json, &inner, &item))
			err = one_left(n, s, &item, left);
		return left->dims > 0 ? err : -EINVAL;
	}
	if (!span_is(what, "&"))
		return one_left(n, s, value, left);
	if (!json_each(n->json, &inner, &item) || one_left(n, s, &item, left) < 0)
		return -EINVAL;
	second = item;
	if (!json_each(n->json, &inner, &second) ||
		(left->field[0] != BOUNDARY_MARK && left->field[0] != BOUNDARY_TCP_FLAGS) ||
		nft_value(n, left->field[0], &second, &mask) < 0 ||
		!addr_eq(&mask.first, &mask.last))
		return -EINVAL;
	for (size_t i = 12; i < 16; i++)
		left->mask = left->mask << 8 | mask.first.byte[i];
	return left->mask != 0 ? 0 : -EINVAL;
}

/* ---- the right side ---- */

/* Bits of a list, put together: ["fin", "syn"], also as {"|": [{"|": ["fin", "syn"]}, "rst"]}. */
static int bits_of(struct nft *n, enum boundary_field field, const struct json_value *list,
	unsigned depth, struct addr *all)
{
	struct json_value item = {0}, inner;
	struct boundary_range one;
	struct span what;
	int err = depth < PARTS_MAX ? 0 : -EINVAL;
	while (err == 0 && json_each(n->json, list, &item)) {
		if (item.type == JSON_OBJECT) {
			bool more = nft_only(n, &item, &what, &inner) && span_is(what, "|");
			err = more ? bits_of(n, field, &inner, depth + 1, all) : -EINVAL;
			continue;
		}
		err = item.type == JSON_ARRAY ? -EINVAL : build_value(field, item.text, &one);
		for (size_t i = 0; err == 0 && i < sizeof all->byte; i++)
			all->byte[i] |= one.first.byte[i];
	}
	return err;
}

static int bits_value(struct nft *n, enum boundary_field field, const struct json_value *list,
	struct boundary_range *ret)
{
	struct addr all = {0};
	bool has =
		field == BOUNDARY_CT_STATE || field == BOUNDARY_TCP_FLAGS || field == BOUNDARY_MARK;
	if (!has || bits_of(n, field, list, 0, &all) < 0)
		return -EINVAL;
	*ret = (struct boundary_range){all, all};
	return 0;
}

static int prefix(struct nft *n, const struct json_value *value, struct boundary_range *ret)
{
	struct boundary_range host;
	uint64_t len;
	if (build_value(BOUNDARY_SADDR, nft_member(n, value, "addr").text, &host) < 0)
		return -EINVAL;
	bool v4 = addr_is_v4(&host.first);
	if (scan_max(nft_member(n, value, "len").text, v4 ? 32 : 128, &len) < 0)
		return -EINVAL;
	struct cidr net = {host.first, (uint8_t)(v4 ? len + 96 : len)};
	for (size_t bit = net.bits; bit < 128; bit++)
		net.net.byte[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
	*ret = build_net(&net);
	return 0;
}

static int icmp_name(struct span text, struct boundary_range *ret)
{
	static const struct {
		const char *name;
		uint8_t v4, v6;
	} types[] = {{"echo-request", 8, 128}, {"echo-reply", 0, 129},
		{"destination-unreachable", 3, 1}, {"time-exceeded", 11, 3},
		{"parameter-problem", 12, 4}, {"packet-too-big", 255, 2}, {"redirect", 5, 255},
		{"source-quench", 4, 255}, {"router-solicitation", 10, 255},
		{"router-advertisement", 9, 255}, {"timestamp-request", 13, 255},
		{"timestamp-reply", 14, 255}, {"nd-router-solicit", 255, 133},
		{"nd-router-advert", 255, 134}, {"nd-neighbor-solicit", 255, 135},
		{"nd-neighbor-advert", 255, 136}, {"nd-redirect", 255, 137},
		{"mld-listener-query", 255, 130}, {"mld-listener-report", 255, 131},
		{"mld-listener-done", 255, 132}, {"mld-listener-reduction", 255, 132},
		{"mld2-listener-report", 255, 143}};
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (span_is(text, types[i].name)) { /* both, for the caller to choose */
			*ret = (struct boundary_range){
				build_number(types[i].v4), build_number(types[i].v6)};
			return 0;
		}
	return -EINVAL;
}

int nft_value(struct nft *n, enum boundary_field field, const struct json_value *value,
	struct boundary_range *ret)
{
	struct span what;
	struct json_value inner, item = {0};
	struct boundary_range last;
	if (value->type == JSON_STRING || value->type == JSON_NUMBER) {
		if (value->type == JSON_STRING && span_is(value->text, "*")) {
			*ret = (struct boundary_range){0};
			for (size_t i = 0; i < 16; i++)
				ret->last.byte[i] = 0xff;
			return 0;
		}
		/* an interface's index is another's name elsewhere */
		if (value->type == JSON_NUMBER && (field == BOUNDARY_IIF || field == BOUNDARY_OIF))
			return -EINVAL;
		return build_value(field, value->text, ret);
	}
	if (value->type == JSON_ARRAY)
		return bits_value(n, field, value, ret);
	if (!nft_only(n, value, &what, &inner))
		return -EINVAL;
	if (span_is(what, "|"))
		return bits_value(n, field, &inner, ret);
	if (span_is(what, "prefix"))
		return field == BOUNDARY_SADDR || field == BOUNDARY_DADDR ? prefix(n, &inner, ret)
		                                                          : -EINVAL;
	if (!span_is(what, "range") || !json_each(n->json, &inner, &item) ||
		build_value(field, item.text, ret) < 0 || !json_each(n->json, &inner, &item) ||
		build_value(field, item.text, &last) < 0)
		return -EINVAL;
	ret->last = last.last;
	return 0;
}

static int field_value(struct nft *n, const struct left *left, size_t dim, bool v6,
	const struct json_value *value, struct boundary_range *ret)
{
	if (left->field[dim] != BOUNDARY_ICMP_TYPE || value->type != JSON_STRING ||
		icmp_name(value->text, ret) < 0)
		return nft_value(n, left->field[dim], value, ret);
	*ret = (struct boundary_range){v6 ? ret->last : ret->first, v6 ? ret->last : ret->first};
	return 0;
}

static int one_box(struct nft *n, const struct left *left, bool v6, const struct json_value *value,
	struct boundary_box *ret)
{
	struct json_value at = *value, inner, item = {0};
	struct span what;
	if (nft_only(n, &at, &what, &inner) && span_is(what, "elem")) {
		if (nft_member(n, &inner, "timeout").type != JSON_ABSENT ||
			nft_member(n, &inner, "expires").type != JSON_ABSENT ||
			nft_member(n, &inner, "limit").type != JSON_ABSENT ||
			nft_member(n, &inner, "quota").type != JSON_ABSENT ||
			nft_member(n, &inner, "ct count").type != JSON_ABSENT)
			return -EINVAL;
		at = nft_member(n, &inner, "val");
	}
	if (!nft_only(n, &at, &what, &inner) || !span_is(what, "concat"))
		return left->dims == 1 ? field_value(n, left, 0, v6, &at, &ret->range[0]) : -EINVAL;
	for (size_t i = 0; i < left->dims; i++)
		if (!json_each(n->json, &inner, &item) ||
			field_value(n, left, i, v6, &item, &ret->range[i]) < 0)
			return -EINVAL;
	return 0;
}

static size_t count_of(struct nft *n, const struct json_value *list)
{
	struct json_value item = {0};
	size_t count = 0;
	while (json_each(n->json, list, &item))
		count++;
	return count;
}

/* Elements of a set or, with verdicts, of a map. Each must be understood. */
static int boxes(struct nft *n, const struct left *left, bool v6, const struct json_value *list,
	bool map, struct boundary_step *step)
{
	struct json_value item = {0};
	size_t count = count_of(n, list);
	step->box = ARENA_NEW(&n->b->arena, struct boundary_box, count);
	if (step->box == NULL)
		return count == 0 ? 0 : -ENOMEM;
	while (step->boxes < count && json_each(n->json, list, &item)) {
		struct boundary_box *box = &step->box[step->boxes++];
		struct json_value key = {0}, data;
		struct span name;
		if (!map) {
			if (one_box(n, left, v6, &item, box) < 0)
				return -EINVAL;
			continue;
		}
		if (item.type != JSON_ARRAY || !json_each(n->json, &item, &key))
			return -EINVAL;
		data = key;
		struct json_value inner;
		if (!json_each(n->json, &item, &data) || !nft_only(n, &data, &name, &inner) ||
			!nft_verdict(n, name, &inner, &box->verdict) ||
			one_box(n, left, v6, &key, box) < 0)
			return -EINVAL;
	}
	return 0;
}

/* The right side of any form into the step's boxes. */
static int read_right(struct nft *n, const struct left *left, bool v6,
	const struct json_value *right, bool map, struct boundary_step *step)
{
	struct span what;
	struct json_value inner;
	if (right->type == JSON_STRING && span_begins(right->text, "@")) {
		const struct nft_set *set = nft_set_find(n, right->text);
		if (set == NULL)
			return -EINVAL;
		step->partly = set->partly;
		int err = boxes(n, left, v6, &set->elem, map, step);
		if (err == -EINVAL && !map) { /* what can't be read may be there or not */
			step->partly = true;
			step->boxes = 0;
			return 0;
		}
		return err;
	}
	if (nft_only(n, right, &what, &inner) && span_is(what, "set"))
		return boxes(n, left, v6, &inner, map, step);
	if (map)
		return -EINVAL;
	step->box = ARENA_NEW(&n->b->arena, struct boundary_box, 1);
	if (step->box == NULL)
		return -ENOMEM;
	step->boxes = 1;
	return one_box(n, left, v6, right, step->box);
}

/* ---- match ---- */

/* A packet of one bit: it has one of a list exactly when a bit of both is set. */
static int in_bits(struct left *left, struct boundary_step *step, bool listed)
{
	if (left->mask != 0 || left->dims != 1 || step->boxes != 1 ||
		(left->field[0] != BOUNDARY_CT_STATE && left->field[0] != BOUNDARY_TCP_FLAGS &&
			left->field[0] != BOUNDARY_MARK))
		return -EINVAL;
	for (size_t i = 12; i < 16; i++)
		step->mask = step->mask << 8 | step->box->range[0].first.byte[i];
	if (step->mask == 0)
		return -EINVAL;
	step->box->range[0] = (struct boundary_range){{{0}}, {{0}}};
	step->negated = listed;
	return 0;
}

static int compare(struct boundary_step *step, struct span op)
{
	struct boundary_range *r = &step->box->range[0];
	struct addr least = {0}, most;
	memset(most.byte, 0xff, sizeof most.byte);
	bool less = span_begins(op, "<"), equal = op.len == 2;
	if (step->boxes != 1 || step->dims != 1 || step->mask != 0 ||
		(!less && !span_begins(op, ">")))
		return -EINVAL;
	step->negated = !equal; /* < x is not >= x */
	*r = less == equal ? (struct boundary_range){least, r->last}
	                   : (struct boundary_range){r->first, most};
	return 0;
}

/* != of a list: none of these bits, or not just these; where the two differ it can't be known. */
static int differ(struct left *left, struct boundary_step *step, const struct json_value *right)
{
	if (right->type == JSON_ARRAY &&
		(left->field[0] != BOUNDARY_CT_STATE || left->mask != 0 ||
			((step->box->range[0].first.byte[15] &
				 (1 | BOUNDARY_CT_NEW | BOUNDARY_CT_UNTRACKED)) != 0)))
		return -EINVAL;
	step->negated = true;
	return 0;
}

static int apply_op(struct left *left, struct boundary_step *step, struct span op,
	const struct json_value *right)
{
	bool bits = left->field[0] == BOUNDARY_CT_STATE || left->field[0] == BOUNDARY_TCP_FLAGS ||
	            left->field[0] == BOUNDARY_MARK;
	bool named = right->type == JSON_STRING && span_begins(right->text, "@");
	step->mask = left->mask;
	if (span_is(op, "==") || (span_is(op, "in") && (named || !bits)))
		return 0;
	if (span_is(op, "in") || span_is(op, "!"))
		return in_bits(left, step, span_is(op, "in"));
	return span_is(op, "!=") ? differ(left, step, right) : compare(step, op);
}

/* ICMP's names stand for other numbers in IPv6. */
static bool is_v6(const struct build_steps *s, size_t from)
{
	struct addr six = build_number(6);
	for (size_t i = from; i < s->count; i++)
		if (s->step[i].field[0] == BOUNDARY_FAMILY && s->step[i].boxes == 1 &&
			addr_eq(&s->step[i].box->range[0].first, &six))
			return true;
	return false;
}

/* What a left side depends on is put before it and stays, also when the rest is not understood. */
static int read_step(struct nft *n, struct build_steps *s, const struct json_value *left_value,
	const struct json_value *right, struct span op)
{
	size_t from = s->count;
	struct left left = {0};
	bool map = op.len == 0;
	if (s->count + (size_t)2 * BOUNDARY_DIMS_MAX + 2 >= BUILD_STEPS_MAX ||
		read_left(n, s, left_value, &left) < 0)
		return -EINVAL;
	bool v6 = is_v6(s, from);
	struct boundary_step *step = build_step(s, map ? STEP_MAP : STEP_MATCH);
	step->dims = left.dims;
	for (size_t i = 0; i < left.dims; i++)
		step->field[i] = left.field[i];
	int err = read_right(n, &left, v6, right, map, step);
	if (err == 0)
		err = map ? (left.mask == 0 ? 0 : -EINVAL) : apply_op(&left, step, op, right);
	if (err < 0)
		s->count--;
	return err;
}

static void unknown(struct nft *n, struct build_steps *s,
	void (*say)(struct nft *, struct out *, const struct json_value *),
	const struct json_value *value)
{
	struct out words = {0};
	say(n, &words, value);
	build_unknown(n->b, s, span_of(out_string(&words)));
	out_fini(&words);
}

void nft_match(struct nft *n, struct build_steps *s, const struct json_value *match)
{
	struct json_value left = nft_member(n, match, "left"),
			  right = nft_member(n, match, "right");
	struct span op = nft_member(n, match, "op").text;
	if (op.len == 0 || read_step(n, s, &left, &right, op) < 0)
		unknown(n, s, nft_say_match, match);
}

void nft_vmap(struct nft *n, struct build_steps *s, const struct json_value *vmap)
{
	struct json_value key = nft_member(n, vmap, "key"), data = nft_member(n, vmap, "data");
	if (read_step(n, s, &key, &data, (struct span){0}) == 0)
		return;
	unknown(n, s, nft_say_vmap, vmap);
	build_step(s, STEP_VERDICT)->verdict.kind = BOUNDARY_ANY;
}
