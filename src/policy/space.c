/* Names and application protocols as numbers of a box, and rules as regions.
 *
 * A name's key is the name from its end, each dot the smallest letter; a wildcard's key ends with a
 * dot. Then a wildcard holds just those names and wildcards whose keys begin with its own, and in
 * the order of keys these stand side by side behind it: every pattern is one range of numbers. 0
 * stands for all names that no pattern of the policy matches. */
#include <errno.h>
#include <string.h>

#include "policy/policy.h"

#define DOT '\x01'

struct named {
	const char *pattern; /* borrowed */
	char *key;           /* owned */
	size_t last;         /* the last that it holds, itself if it is no wildcard */
};

struct policy_space {
	struct named *name; /* in the order of keys, each once; its number is its index + 1 */
	size_t names;
	const char **as; /* borrowed */
	size_t count;    /* of as */
};

void policy_space_free(struct policy_space *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->names; i++)
		free(s->name[i].key);
	free(s->name);
	free(s->as);
	free(s);
}

static char *key_of(const char *pattern)
{
	const char *from = *pattern == '*' ? pattern + 1 : pattern;
	size_t len = strlen(from);
	char *key = calloc(1, len + 1);
	for (size_t i = 0; key != NULL && i < len; i++) {
		char c = from[len - 1 - i];
		if (c == '.')
			c = DOT;
		key[i] = c;
	}
	return key;
}

static int by_key(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	return strcmp(x->key, y->key);
}

static int collect_names(struct policy_space *s, const struct policy *p)
{
	size_t count = 0;
	for (size_t i = 0; i < p->rules; i++)
		count += p->rule[i].to_names.count;
	s->name = calloc(count + 1, sizeof *s->name);
	if (s->name == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < p->rules; i++)
		for (size_t k = 0; k < p->rule[i].to_names.count; k++) {
			const char *pattern = p->rule[i].to_names.name[k];
			char *key = key_of(pattern);
			if (key == NULL)
				return -ENOMEM;
			s->name[s->names++] = (struct named){.pattern = pattern, .key = key};
		}
	return 0;
}

static void order_names(struct policy_space *s)
{
	qsort(s->name, s->names, sizeof *s->name, by_key);
	size_t kept = 0;
	for (size_t i = 0; i < s->names; i++) {
		if (kept > 0 && strcmp(s->name[kept - 1].key, s->name[i].key) == 0)
			free(s->name[i].key);
		else
			s->name[kept++] = s->name[i];
	}
	s->names = kept;
	for (size_t i = 0; i < kept; i++) {
		size_t len = strlen(s->name[i].key);
		s->name[i].last = i;
		while (*s->name[i].pattern == '*' && s->name[i].last + 1 < kept &&
			strncmp(s->name[s->name[i].last + 1].key, s->name[i].key, len) == 0)
			s->name[i].last++;
	}
}

static uint64_t number_of_as(const struct policy_space *s, const char *as)
{
	for (size_t i = 0; as != NULL && i < s->count; i++)
		if (strcmp(s->as[i], as) == 0)
			return i + 1;
	return 0;
}

static int collect_as(struct policy_space *s, const struct policy *p)
{
	s->as = calloc(p->rules + p->services + 1, sizeof(char *));
	if (s->as == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < p->rules + p->services; i++) {
		const char *as = i < p->rules ? p->rule[i].as : p->service[i - p->rules].as;
		if (as != NULL && number_of_as(s, as) == 0)
			s->as[s->count++] = as;
	}
	return 0;
}

int policy_space_new(struct policy_space **ret, const struct policy *p)
{
	struct policy_space *s = calloc(1, sizeof *s);
	if (s == NULL || collect_names(s, p) < 0 || collect_as(s, p) < 0) {
		policy_space_free(s);
		return -ENOMEM;
	}
	order_names(s);
	*ret = s;
	return 0;
}

/* ---- ranges ---- */

static struct wide number(uint64_t n)
{
	return (struct wide){0, n};
}

struct range policy_range_of(const struct cidr *net)
{
	struct range r = {.first = wide_of_addr(&net->net)};
	r.last = r.first;
	unsigned host = 128u - net->bits;
	r.last.low |= host >= 64 ? UINT64_MAX : (UINT64_C(1) << host) - 1;
	if (host >= 128)
		r.last.high = UINT64_MAX;
	else if (host > 64)
		r.last.high |= (UINT64_C(1) << (host - 64)) - 1;
	return r;
}

static struct range range_of_name(const struct policy_space *s, const char *pattern)
{
	struct named wanted = {.key = key_of(pattern)};
	const struct named *found =
		wanted.key == NULL ? NULL
				   : bsearch(&wanted, s->name, s->names, sizeof *s->name, by_key);
	free(wanted.key);
	CHECK(found != NULL);
	return (struct range){
		number((uint64_t)(found - s->name) + 1), number((uint64_t)found->last + 1)};
}

/* ---- regions ---- */

/* One protocol of a service, all its ports. */
static int add_ports(const struct policy_service *service, uint8_t proto, struct region_box box,
	struct region *ret)
{
	int err = 0;
	box.axis[REGION_PROTO] = (struct range){number(proto), number(proto)};
	if (service->ports == 0)
		return region_add(ret, &box);
	for (size_t i = 0; i < service->ports && err == 0; i++) {
		box.axis[REGION_PORT] = (struct range){
			number(service->port[i].first), number(service->port[i].last)};
		err = region_add(ret, &box);
	}
	return err;
}

static int add_service(const struct policy_space *s, const struct policy_service *service,
	struct region_box box, struct region *ret)
{
	const struct {
		bool on;
		uint8_t proto;
	} protos[] = {
		{service->icmp, 1}, {service->tcp, 6}, {service->udp, 17}, {service->icmp, 58}};
	int err = 0;
	if (service->as != NULL)
		box.axis[REGION_AS].first = box.axis[REGION_AS].last =
			number(number_of_as(s, service->as));
	if (service->any)
		return region_add(ret, &box);
	for (size_t i = 0; i < ARRAY_LEN(protos) && err == 0; i++)
		err = protos[i].on ? add_ports(service, protos[i].proto, box, ret) : 0;
	return err;
}

/* One source and one destination are set; every service of the rule. */
static int add_services(const struct policy_space *s, const struct policy_rule *rule,
	struct region_box box, struct region *ret)
{
	int err = 0;
	if (rule->as != NULL)
		box.axis[REGION_AS].first = box.axis[REGION_AS].last =
			number(number_of_as(s, rule->as));
	if (rule->service_any)
		return region_add(ret, &box);
	for (size_t i = 0; i < rule->services && err == 0; i++)
		err = add_service(s, rule->service[i], box, ret);
	return err;
}

/* One source is set; every destination of the rule. */
static int add_destinations(const struct policy_space *s, const struct policy_rule *rule,
	const struct region_box *from, struct region *ret)
{
	if (rule->to_any)
		return add_services(s, rule, *from, ret);
	int err = 0;
	for (size_t i = 0; err == 0 && i < rule->to.count; i++) {
		struct region_box box = *from;
		box.axis[REGION_DST] = policy_range_of(&rule->to.net[i]);
		err = add_services(s, rule, box, ret);
	}
	for (size_t i = 0; err == 0 && i < rule->to_names.count; i++) {
		struct region_box box = *from;
		box.axis[REGION_NAME] = range_of_name(s, rule->to_names.name[i]);
		err = add_services(s, rule, box, ret);
	}
	return err;
}

int policy_region_of_rule(
	const struct policy_space *s, const struct policy_rule *rule, struct region *ret)
{
	struct region_box box = region_box_all();
	if (rule->from_any)
		return add_destinations(s, rule, &box, ret);
	int err = 0;
	for (size_t i = 0; err == 0 && i < rule->from.count; i++) {
		box.axis[REGION_SRC] = policy_range_of(&rule->from.net[i]);
		err = add_destinations(s, rule, &box, ret);
	}
	return err;
}

int policy_region_of_zone(const struct policy_zone *zone, struct region *ret)
{
	int err = 0;
	for (size_t i = 0; err == 0 && i < zone->nets.count; i++) {
		struct region_box box = region_box_all();
		box.axis[REGION_SRC] = policy_range_of(&zone->nets.net[i]);
		err = region_add(ret, &box);
	}
	return err;
}

/* The narrowest pattern that matches. */
static uint64_t number_of_name(const struct policy_space *s, const char *name)
{
	uint64_t best = 0;
	size_t longest = 0;
	for (size_t i = 0; name != NULL && i < s->names; i++) {
		const char *pattern = s->name[i].pattern;
		/* an exact name is narrower than the widest wildcard below it could be */
		size_t len = strlen(pattern) + (*pattern == '*' ? 0 : 256);
		if (len > longest && policy_name_matches(pattern, name)) {
			longest = len;
			best = i + 1;
		}
	}
	return best;
}

void policy_point_of_flow(
	const struct policy_space *s, const struct policy_flow *flow, struct region_point *ret)
{
	ret->at[REGION_SRC] = wide_of_addr(&flow->src);
	ret->at[REGION_DST] = wide_of_addr(&flow->dst);
	ret->at[REGION_PROTO] = number(flow->proto);
	ret->at[REGION_PORT] = number(flow->port);
	ret->at[REGION_NAME] = number(number_of_name(s, flow->name));
	ret->at[REGION_AS] = number(number_of_as(s, flow->as));
}
