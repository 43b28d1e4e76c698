#include "cli/allowances.h"

#include <errno.h>
#include <string.h>

#include "base/strings.h"
#include "cli/message.h"

/* Addresses of names that are remembered, of the policy and of the baseline each; the oldest gives
 * way. */
#define SEEN_MAX 4096u
/* Of one host. */
#define SENT_MAX 4096u

struct names {
	struct policy_seen seen[SEEN_MAX];
	char *name[SEEN_MAX]; /* of seen[], owned */
	size_t seens, next;
};

struct allowances {
	struct expected expected;
	/* Apart: what many hosts normally ask for does not push out what the policy speaks of. */
	struct names policy;
	struct names baseline; /* registered domains */
};

struct sending {
	struct guard_link *link;
	struct guard_command command;
	unsigned sent;
	bool full;
};

int allowances_new(struct allowances **ret, const struct expected *expected)
{
	struct allowances *a = calloc(1, sizeof *a);
	if (a == NULL)
		return -ENOMEM;
	a->expected = *expected;
	*ret = a;
	return 0;
}

static void free_names(struct names *n)
{
	for (size_t i = 0; i < n->seens; i++)
		free(n->name[i]);
}

void allowances_free(struct allowances *a)
{
	if (a == NULL)
		return;
	free_names(&a->policy);
	free_names(&a->baseline);
	free(a);
}

void allowances_expect(struct allowances *a, const struct expected *expected)
{
	a->expected = *expected;
}

static bool is_spoken_of(const struct policy *p, const char *name)
{
	for (size_t i = 0; p != NULL && i < p->rules; i++)
		for (size_t k = 0; k < p->rule[i].to_names.count; k++)
			if (policy_name_matches(p->rule[i].to_names.name[k], name))
				return true;
	return false;
}

static void keep(struct names *n, const char *name, const struct addr *addr)
{
	for (size_t i = 0; i < n->seens; i++)
		if (addr_eq(&n->seen[i].addr, addr) && strcmp(n->seen[i].name, name) == 0)
			return;
	char *copy = strdup(name);
	if (copy == NULL)
		return;
	if (n->seens == SEEN_MAX)
		free(n->name[n->next]);
	else
		n->seens++;
	n->name[n->next] = copy;
	n->seen[n->next] = (struct policy_seen){.name = copy, .addr = *addr};
	n->next = (n->next + 1) % SEEN_MAX;
}

void allowances_learn(struct allowances *a, const struct lookup *lookup)
{
	const struct baseline *b = a->expected.baseline;
	const char *domain =
		lookup->name != NULL && b != NULL ? registered_domain(lookup->name) : NULL;
	bool named = lookup->name != NULL && is_spoken_of(a->expected.policy, lookup->name);
	/* of the baseline's strings few are no endpoints: those are kept in vain */
	bool normal = domain != NULL && strings_find(b->strings, domain) != 0;
	for (size_t i = 0; i < lookup->answers; i++) {
		const struct addr *addr = &lookup->answer[i].addr;
		if (named && !addr_is_none(addr))
			keep(&a->policy, lookup->name, addr);
		if (normal && !addr_is_none(addr))
			keep(&a->baseline, domain, addr);
	}
}

/* ---- what the baseline names ---- */

struct normal {
	struct region *region; /* empty at first */
	struct range host;
	const struct baseline_entry *entry;
	bool full; /* not all of it is in */
};

static int add_end(struct normal *n, const struct addr *addr)
{
	const struct cidr net = {.net = *addr, .bits = 128};
	struct region_box box = region_box_all();
	struct wide proto = {0, transport_proto(n->entry->transport)}, port = {0, n->entry->port};
	if (n->region->count >= SENT_MAX) {
		n->full = true;
		return 0;
	}
	box.axis[REGION_SRC] = n->host;
	box.axis[REGION_DST] = policy_range_of(&net);
	box.axis[REGION_PROTO] = (struct range){proto, proto};
	box.axis[REGION_PORT] = (struct range){port, port};
	return region_add(n->region, &box);
}

/* Of the host or of its zone, and no more than the firewall can tell. */
static bool is_for(const struct baseline_entry *e, const char *zone, const struct addr *host)
{
	return !baseline_is_held(e->why) && strcmp(e->zone, zone) == 0 &&
	       (addr_is_none(&e->host) || addr_eq(&e->host, host)) &&
	       (e->transport == TRANSPORT_TCP || e->transport == TRANSPORT_UDP);
}

static int add_entry(struct normal *n, const struct names *names, const char *const *known)
{
	struct addr addr;
	int code = 0;
	if (addr_parse(n->entry->endpoint, &addr) == 0)
		return add_end(n, &addr);
	for (size_t i = 0; i < names->seens && code == 0; i++)
		if (known[i] == n->entry->endpoint) /* the baseline has each string once */
			code = add_end(n, &names->seen[i].addr);
	return code;
}

/* Fails: -ENOMEM, -E2BIG. */
static int find_normal(const struct allowances *a, const struct addr *host, struct normal *n)
{
	const struct baseline *b = a->expected.baseline;
	const char *known[SEEN_MAX], *zone = baseline_zone_of(b, host);
	int code = 0;
	n->host = policy_range_of(&(struct cidr){.net = *host, .bits = 128});
	for (size_t i = 0; i < a->baseline.seens; i++)
		known[i] =
			strings_get(b->strings, strings_find(b->strings, a->baseline.seen[i].name));
	for (size_t i = 0; i < b->entries && code == 0; i++) {
		n->entry = &b->entry[i];
		if (is_for(n->entry, zone, host))
			code = add_entry(n, &a->baseline, known);
	}
	return code;
}

/* ---- sending ---- */

static int send_net(struct sending *s, struct wide first, unsigned bits)
{
	struct addr net = addr_of_wide(first);
	bool v4 = addr_is_v4(&net) && bits >= 96;
	struct addr host;
	memcpy(host.byte, s->command.host, 16);
	if (v4 != addr_is_v4(&host) || bits == 0)
		return 0;
	if (s->sent == SENT_MAX) {
		s->full = true;
		return 0;
	}
	s->sent++;
	memcpy(s->command.peer, net.byte, 16);
	s->command.peer_bits = (uint8_t)bits;
	struct guard_command c = s->command;
	return guard_link_send(s->link, &c, 0);
}

/* The last address of the network of so many bits that begins there. */
static struct wide end_of(struct wide first, unsigned bits)
{
	if (bits < 64)
		first.high |= bits == 0 ? UINT64_MAX : (UINT64_C(1) << (64 - bits)) - 1;
	if (bits <= 64)
		first.low = UINT64_MAX;
	else if (bits < 128)
		first.low |= (UINT64_C(1) << (128 - bits)) - 1;
	return first;
}

static bool begins(struct wide at, unsigned bits)
{
	struct wide end = end_of((struct wide){0}, bits);
	return (at.high & end.high) == 0 && (at.low & end.low) == 0;
}

/* The fewest networks that make up the range; of IPv4 below 96 bits none is one. */
static int send_range(struct sending *s, const struct range *dst)
{
	struct wide at = dst->first;
	int code = 0;
	while (code == 0 && !s->full) {
		unsigned bits = 128;
		while (bits > 1 && begins(at, bits - 1) &&
			wide_cmp(end_of(at, bits - 1), dst->last) <= 0)
			bits--;
		code = send_net(s, at, bits);
		struct wide end = end_of(at, bits);
		if (wide_cmp(end, dst->last) >= 0)
			break;
		at = (struct wide){end.high + (end.low == UINT64_MAX), end.low + 1};
	}
	return code;
}

static int send_box(struct sending *s, const struct region_box *box)
{
	static const uint8_t protos[] = {6, 17};
	const struct range *proto = &box->axis[REGION_PROTO], *port = &box->axis[REGION_PORT];
	int code = 0;
	for (size_t i = 0; i < ARRAY_LEN(protos) && code == 0; i++) {
		if (proto->first.low > protos[i] || proto->last.low < protos[i] ||
			port->first.low > 65535)
			continue;
		s->command.proto = protos[i];
		s->command.port = (uint16_t)port->first.low;
		s->command.port_last = port->last.low > 65535 ? 65535 : (uint16_t)port->last.low;
		code = send_range(s, &box->axis[REGION_DST]);
	}
	return code;
}

/* What the policy names. Fails: -ENOMEM, -E2BIG. */
static int find_named(
	const struct allowances *a, const struct addr *host, int64_t now_ns, struct region *ret)
{
	const struct policy *p = a->expected.policy;
	const struct names *n = &a->policy;
	return p == NULL ? 0 : policy_reach_of(p, host, n->seen, n->seens, now_ns, ret);
}

/* What the baseline names beside it, and no rule denies by name. Fails as above. */
static int find_more(const struct allowances *a, const struct addr *host, int64_t now_ns,
	const struct region *named, struct normal *ret)
{
	const struct policy *p = a->expected.policy;
	const struct names *n = &a->policy;
	struct region denied = {0};
	int code = a->expected.baseline == NULL ? 0 : find_normal(a, host, ret);
	if (code == 0 && p != NULL && ret->region->count > 0)
		code = policy_denials_of(p, host, n->seen, n->seens, now_ns, &denied);
	if (code == 0)
		code = region_take(ret->region, &denied);
	if (code == 0)
		code = region_take(ret->region, named);
	region_fini(&denied);
	return code;
}

static int send_region(struct sending *s, const struct region *r)
{
	int code = 0;
	for (size_t i = 0; i < r->count && code == 0; i++)
		code = send_box(s, &r->box[i]);
	return code;
}

int allowances_send(struct allowances *a, struct guard_link *link, const struct addr *host,
	uint32_t expiry_s, int64_t now_ns)
{
	struct sending s = {.link = link, .command = {.kind = GUARD_ALLOW, .expiry_s = expiry_s}};
	struct region named = {0}, more = {0};
	struct normal normal = {.region = &more};
	int code = 0;
	memcpy(s.command.host, host->byte, 16);
	bool fits = find_named(a, host, now_ns, &named) == 0;
	if (fits)
		code = send_region(&s, &named);
	if (fits && code == 0 && (fits = find_more(a, host, now_ns, &named, &normal) == 0))
		code = send_region(&s, &more);
	if (s.full || normal.full || !fits)
		message("the policy and the baseline allow a contained host more networks than "
			"fit: some are cut");
	region_fini(&named);
	region_fini(&more);
	return code;
}
