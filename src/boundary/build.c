/* The model's parts, made from text. */
#include "boundary/build.h"

#include <errno.h>
#include <string.h>

/* Sets of short elements grow the most: "80, " becomes a box of 184 bytes. Room is not touched
 * before it is used. */
#define ARENA_PER_BYTE 64
#define ARENA_LEAST    ((size_t)1 << 20)

int build_new(struct boundary **ret, size_t text_bytes)
{
	struct boundary *b = calloc(1, sizeof *b);
	if (b == NULL)
		return -ENOMEM;
	if (arena_init(&b->arena, ARENA_LEAST + (text_bytes + 15) / 16 * 16 * ARENA_PER_BYTE) < 0) {
		free(b);
		return -ENOMEM;
	}
	b->end = &b->chain;
	*ret = b;
	return 0;
}

void boundary_free(struct boundary *b)
{
	if (b == NULL)
		return;
	arena_fini(&b->arena);
	free(b);
}

const char *build_text(struct boundary *b, struct span text, size_t max)
{
	char raw[1024];
	size_t len = text.len < sizeof raw - 1 ? text.len : sizeof raw - 1;
	struct out safe = {0};
	if (len > 0)
		memcpy(raw, text.ptr, len);
	raw[len] = '\0';
	out_safe(&safe, raw, max);
	const char *from = out_string(&safe);
	char *to = ARENA_NEW(&b->arena, char, strlen(from) + 1);
	if (to != NULL)
		memcpy(to, from, strlen(from) + 1);
	out_fini(&safe);
	return to;
}

struct boundary_chain *build_chain(struct boundary *b, struct span table, struct span name)
{
	struct boundary_chain *c = b->chains < BOUNDARY_CHAINS_MAX
	                                   ? ARENA_NEW(&b->arena, struct boundary_chain, 1)
	                                   : NULL;
	if (c == NULL) {
		b->arena.refused++;
		return NULL;
	}
	c->table = build_text(b, table, 255);
	c->name = build_text(b, name, 255);
	if (c->table == NULL || c->name == NULL)
		return NULL;
	c->hook = BOUNDARY_HOOKS;
	c->policy = BOUNDARY_ACCEPT;
	c->end = &c->rule;
	*b->end = c;
	b->end = &c->next;
	c->number = b->chains++;
	return c;
}

struct boundary_rule *build_rule(struct boundary *b, struct boundary_chain *chain)
{
	struct boundary_rule *r = ARENA_NEW(&b->arena, struct boundary_rule, 1);
	if (r == NULL)
		return NULL;
	r->chain = chain;
	*chain->end = r;
	chain->end = &r->next;
	r->number = b->rules++;
	return r;
}

struct boundary_step *build_step(struct build_steps *s, enum boundary_step_kind kind)
{
	if (s->count == BUILD_STEPS_MAX) {
		struct boundary_step *last = &s->step[BUILD_STEPS_MAX - 1];
		*last = (struct boundary_step){
			.kind = STEP_VERDICT, .verdict = {.kind = BOUNDARY_ANY}};
		s->beyond = (struct boundary_step){.kind = kind};
		return &s->beyond;
	}
	struct boundary_step *step = &s->step[s->count++];
	*step = (struct boundary_step){.kind = kind};
	return step;
}

void build_unknown(struct boundary *b, struct build_steps *s, struct span words)
{
	build_step(s, STEP_UNKNOWN)->words = build_text(b, words, 120);
}

struct addr build_number(uint32_t n)
{
	struct addr a = {0};
	for (size_t i = 0; i < 4; i++)
		a.byte[15 - i] = (uint8_t)(n >> 8 * i);
	return a;
}

void build_equal(
	struct boundary *b, struct build_steps *s, enum boundary_field field, uint32_t value)
{
	struct boundary_step *step = build_step(s, STEP_MATCH);
	step->box = ARENA_NEW(&b->arena, struct boundary_box, 1);
	if (step->box == NULL)
		return;
	step->boxes = step->dims = 1;
	step->field[0] = field;
	step->box->range[0] = (struct boundary_range){build_number(value), build_number(value)};
}

int build_finish(struct boundary *b, struct boundary_rule *rule, const struct build_steps *s)
{
	rule->step = ARENA_NEW(&b->arena, struct boundary_step, s->count);
	if (s->count > 0 && rule->step == NULL)
		return -E2BIG;
	if (s->count > 0)
		memcpy(rule->step, s->step, s->count * sizeof *s->step);
	rule->steps = s->count;
	return 0;
}

/* ---- values ---- */

struct boundary_range build_net(const struct cidr *net)
{
	struct boundary_range r = {net->net, net->net};
	for (size_t bit = net->bits; bit < 128; bit++)
		r.last.byte[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	return r;
}

int build_interface(struct span text, char wild, struct boundary_range *ret)
{
	struct boundary_range r = {0};
	bool begins = text.len > 0 && text.ptr[text.len - 1] == (uint8_t)wild;
	size_t len = text.len - begins;
	if (text.len == 0 || len >= sizeof r.first.byte || span_has(text, '\\'))
		return -EINVAL;
	if (len > 0)
		memcpy(r.first.byte, text.ptr, len);
	r.last = r.first;
	if (begins)
		memset(r.last.byte + len, 0xff, sizeof r.last.byte - len);
	*ret = r;
	return 0;
}

struct named {
	const char *name;
	uint32_t value;
};

static const struct named protocols[] = {{"icmp", 1}, {"igmp", 2}, {"tcp", 6}, {"udp", 17},
	{"dccp", 33}, {"gre", 47}, {"esp", 50}, {"ah", 51}, {"icmpv6", 58}, {"ipv6-icmp", 58},
	{"ospf", 89}, {"sctp", 132}, {"udplite", 136}, {NULL, 0}};
static const struct named families[] = {{"ipv4", 4}, {"ip", 4}, {"ipv6", 6}, {"ip6", 6}, {NULL, 0}};
static const struct named states[] = {{"invalid", 1}, {"established", 2}, {"related", 4},
	{"new", BOUNDARY_CT_NEW}, {"untracked", BOUNDARY_CT_UNTRACKED}, {NULL, 0}};
static const struct named flags[] = {{"fin", 1}, {"syn", 2}, {"rst", 4}, {"psh", 8}, {"ack", 16},
	{"urg", 32}, {"ecn", 64}, {"cwr", 128}, {NULL, 0}};

static int number_of(const struct named *name, struct span text, uint32_t *ret)
{
	uint64_t n;
	for (; name != NULL && name->name != NULL; name++)
		if (span_is_nocase(text, name->name)) {
			*ret = name->value;
			return 0;
		}
	if (span_begins(text, "0x") && text.len <= 10) {
		uint32_t hex = 0;
		for (size_t i = 2; i < text.len; i++) {
			if (scan_hex(text.ptr[i]) > 15)
				return -EINVAL;
			hex = hex << 4 | scan_hex(text.ptr[i]);
		}
		*ret = hex;
		return text.len > 2 ? 0 : -EINVAL;
	}
	if (scan_max(text, UINT32_MAX, &n) < 0)
		return -EINVAL;
	*ret = (uint32_t)n;
	return 0;
}

static int address(struct span text, struct boundary_range *ret)
{
	char buf[64];
	struct cidr net;
	if (text.len >= sizeof buf)
		return -EINVAL;
	if (text.len > 0)
		memcpy(buf, text.ptr, text.len);
	buf[text.len] = '\0';
	if (cidr_parse(buf, &net) < 0)
		return -EINVAL;
	*ret = build_net(&net);
	return 0;
}

int build_value(enum boundary_field field, struct span text, struct boundary_range *ret)
{
	static const struct named *const names[BOUNDARY_FIELDS] = {[BOUNDARY_FAMILY] = families,
		[BOUNDARY_L4PROTO] = protocols,
		[BOUNDARY_CT_STATE] = states,
		[BOUNDARY_TCP_FLAGS] = flags};
	uint32_t n;
	if (field == BOUNDARY_IIF || field == BOUNDARY_OIF)
		return build_interface(text, '*', ret);
	if (field == BOUNDARY_SADDR || field == BOUNDARY_DADDR)
		return address(text, ret);
	if (number_of(names[field], text, &n) < 0)
		return -EINVAL;
	if (field == BOUNDARY_FAMILY && n != 4 && n != 6)
		return -EINVAL; /* a number that is not ours: NFPROTO and ethertypes differ */
	*ret = (struct boundary_range){build_number(n), build_number(n)};
	return 0;
}

/* ---- names ---- */

static void resolve(
	const struct boundary *b, const struct boundary_chain *from, struct boundary_verdict *v)
{
	if (v->target == NULL)
		return;
	for (const struct boundary_chain *c = b->chain; c != NULL && v->chain == NULL; c = c->next)
		if (strcmp(c->name, v->target) == 0 && strcmp(c->table, from->table) == 0)
			v->chain = c;
}

void build_resolve(struct boundary *b)
{
	for (struct boundary_chain *c = b->chain; c != NULL; c = c->next)
		for (struct boundary_rule *r = c->rule; r != NULL; r = r->next)
			for (size_t i = 0; i < r->steps; i++) {
				resolve(b, c, &r->step[i].verdict);
				for (size_t k = 0; k < r->step[i].boxes; k++)
					resolve(b, c, &r->step[i].box[k].verdict);
			}
}
