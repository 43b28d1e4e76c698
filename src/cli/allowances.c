#include "cli/allowances.h"

#include <errno.h>
#include <string.h>

#include "cli/message.h"

/* Addresses of the policy's names that are remembered; the oldest gives way. */
#define SEEN_MAX 4096u
/* Of one host. */
#define SENT_MAX 4096u

struct allowances {
	const struct policy *policy;
	struct policy_seen seen[SEEN_MAX];
	char *name[SEEN_MAX]; /* of seen[], owned */
	size_t seens, next;
};

struct sending {
	struct guard_link *link;
	struct guard_command command;
	unsigned sent;
	bool full;
};

int allowances_new(struct allowances **ret, const struct policy *policy)
{
	struct allowances *a = calloc(1, sizeof *a);
	if (a == NULL)
		return -ENOMEM;
	a->policy = policy;
	*ret = a;
	return 0;
}

void allowances_free(struct allowances *a)
{
	for (size_t i = 0; a != NULL && i < a->seens; i++)
		free(a->name[i]);
	free(a);
}

void allowances_policy(struct allowances *a, const struct policy *policy)
{
	a->policy = policy;
}

static bool is_spoken_of(const struct policy *p, const char *name)
{
	for (size_t i = 0; i < p->rules; i++)
		for (size_t k = 0; k < p->rule[i].to_names.count; k++)
			if (policy_name_matches(p->rule[i].to_names.name[k], name))
				return true;
	return false;
}

static void keep(struct allowances *a, const char *name, const struct addr *addr)
{
	for (size_t i = 0; i < a->seens; i++)
		if (addr_eq(&a->seen[i].addr, addr) && strcmp(a->seen[i].name, name) == 0)
			return;
	char *copy = strdup(name);
	if (copy == NULL)
		return;
	if (a->seens == SEEN_MAX)
		free(a->name[a->next]);
	else
		a->seens++;
	a->name[a->next] = copy;
	a->seen[a->next] = (struct policy_seen){.name = copy, .addr = *addr};
	a->next = (a->next + 1) % SEEN_MAX;
}

void allowances_learn(struct allowances *a, const struct lookup *lookup)
{
	if (a->policy == NULL || lookup->name == NULL || !is_spoken_of(a->policy, lookup->name))
		return;
	for (size_t i = 0; i < lookup->answers; i++)
		if (!addr_is_none(&lookup->answer[i].addr))
			keep(a, lookup->name, &lookup->answer[i].addr);
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

int allowances_send(struct allowances *a, struct guard_link *link, const struct addr *host,
	uint32_t expiry_s, int64_t now_ns)
{
	struct sending s = {.link = link, .command = {.kind = GUARD_ALLOW, .expiry_s = expiry_s}};
	struct region reach = {0};
	int code = 0;
	if (a->policy == NULL)
		return 0;
	memcpy(s.command.host, host->byte, 16);
	bool told = policy_reach_of(a->policy, host, a->seen, a->seens, now_ns, &reach) == 0;
	for (size_t i = 0; told && i < reach.count && code == 0; i++)
		code = send_box(&s, &reach.box[i]);
	if (s.full || !told)
		message("the policy allows a contained host more networks than fit: some are cut");
	region_fini(&reach);
	return code;
}
