#include "policy/load.h"

#include <errno.h>
#include <string.h>

#include "base/scan.h"

#define POLICY_VERSION  "1"
#define WHY_BYTES_MAX   1000u
#define OWNER_BYTES_MAX 200u
/* The model's lists: each rule has its own of all that its zones and destinations hold. */
#define MODEL_BYTES_MIN ((size_t)1 << 18)
#define MODEL_BYTES_MAX ((size_t)16 << 20)
#define MODEL_FACTOR    512u

/* ---- zones ---- */

static int zone_networks(struct loader *l, const struct yaml_node *n, void *object)
{
	struct policy_zone *zone = object;
	return load_nets(l, n, &zone->nets);
}

static int zone_default(struct loader *l, const struct yaml_node *n, void *object)
{
	struct policy_zone *zone = object;
	return load_action(l, n, &zone->fallback);
}

static int check_count(struct loader *l, const struct yaml_node *n, const char *what)
{
	if (n->kind != YAML_MAP)
		return load_wrong(
			l, n->place, "%s is a map: a name, a colon and what it means", what);
	if (n->children > POLICY_ITEMS_MAX)
		return load_wrong(l, n->place, "more than %u in %s: split the policy",
			POLICY_ITEMS_MAX, what);
	return 0;
}

static int no_room(struct loader *l)
{
	return fail_set(l->why, -E2BIG, "%s: too large", l->policy->file);
}

static int read_zones(struct loader *l, const struct yaml_node *node, void *object)
{
	static const struct load_field fields[] = {
		{"networks", zone_networks, false},
		{"default", zone_default, false},
	};
	struct policy *p = object;
	int err = check_count(l, node, "zones");
	if (err < 0)
		return err;
	p->zone = ARENA_NEW(&p->arena, struct policy_zone, node->children + 1);
	if (p->zone == NULL)
		return no_room(l);
	for (const struct yaml_node *n = node->first; n != NULL && err == 0; n = n->next) {
		struct policy_zone *zone = &p->zone[p->zones++];
		*zone = (struct policy_zone){.name = n->key, .place = n->key_place};
		err = load_id(l, n->key, n->key_place, "a zone");
		if (err == 0)
			err = n->kind == YAML_MAP
			              ? load_map(l, n, "a zone", fields, ARRAY_LEN(fields), zone)
			              : load_nets(l, n, &zone->nets);
	}
	return err;
}

/* ---- services ---- */

static int service_protocol(struct loader *l, const struct yaml_node *node, void *object)
{
	struct policy_service *s = object;
	for (const struct yaml_node *n = load_first(node); n != NULL; n = load_next(node, n)) {
		const char *word = n->kind == YAML_TEXT ? n->text : "";
		s->any |= strcmp(word, "any") == 0;
		s->tcp |= strcmp(word, "tcp") == 0;
		s->udp |= strcmp(word, "udp") == 0;
		s->icmp |= strcmp(word, "icmp") == 0;
		if (strcmp(word, "any") != 0 && strcmp(word, "tcp") != 0 &&
			strcmp(word, "udp") != 0 && strcmp(word, "icmp") != 0)
			return load_wrong(l, n->place,
				"%s is no protocol; give tcp, udp, icmp (both families) or any",
				load_quoted(word).text);
	}
	return 0;
}

static int service_ports(struct loader *l, const struct yaml_node *n, void *object)
{
	struct policy_service *s = object;
	if (s->any || s->icmp)
		return load_wrong(l, n->key_place,
			"ports go with tcp and udp only (icmp has types); split the service");
	return load_ports(l, n, UINT16_MAX, s);
}

static int service_types(struct loader *l, const struct yaml_node *n, void *object)
{
	struct policy_service *s = object;
	if (!s->icmp || s->any || s->tcp || s->udp)
		return load_wrong(l, n->key_place, "types go with icmp only; split the service");
	return load_ports(l, n, UINT8_MAX, s);
}

static int service_as(struct loader *l, const struct yaml_node *n, void *object)
{
	struct policy_service *s = object;
	return load_as(l, n, &s->as);
}

static int read_services(struct loader *l, const struct yaml_node *node, void *object)
{
	static const struct load_field fields[] = {
		{"protocol", service_protocol, true},
		{"ports", service_ports, false},
		{"types", service_types, false},
		{"as", service_as, false},
	};
	struct policy *p = object;
	int err = check_count(l, node, "services");
	if (err < 0)
		return err;
	p->service = ARENA_NEW(&p->arena, struct policy_service, node->children + 1);
	if (p->service == NULL)
		return no_room(l);
	for (const struct yaml_node *n = node->first; n != NULL && err == 0; n = n->next) {
		struct policy_service *s = &p->service[p->services++];
		*s = (struct policy_service){.name = n->key, .place = n->key_place};
		err = load_id(l, n->key, n->key_place, "a service");
		if (err == 0)
			err = load_map(l, n, "a service", fields, ARRAY_LEN(fields), s);
	}
	return err;
}

/* ---- destinations ---- */

static struct policy_zone *find_zone(const struct policy *p, const char *name)
{
	for (size_t i = 0; i < p->zones; i++)
		if (strcmp(p->zone[i].name, name) == 0)
			return &p->zone[i];
	return NULL;
}

static int more(struct loader *l, size_t now, size_t add, struct policy_place at)
{
	if (now + add > POLICY_LIST_MAX)
		return load_wrong(
			l, at, "more than %u networks or names in one: split it", POLICY_LIST_MAX);
	return 0;
}

static int join_nets(struct loader *l, struct policy_nets *to, const struct policy_nets *add,
	struct policy_place at)
{
	int err = more(l, to->count, add->count, at);
	if (err < 0 || add->count == 0)
		return err;
	struct cidr *net = ARENA_NEW(&l->policy->arena, struct cidr, to->count + add->count);
	if (net == NULL)
		return no_room(l);
	if (to->count > 0)
		memcpy(net, to->net, to->count * sizeof *net);
	memcpy(net + to->count, add->net, add->count * sizeof *net);
	*to = (struct policy_nets){net, to->count + add->count};
	return 0;
}

static int join_names(struct loader *l, struct policy_names *to, const struct policy_names *add,
	struct policy_place at)
{
	int err = more(l, to->count, add->count, at);
	if (err < 0 || add->count == 0)
		return err;
	const char **name = arena_alloc(&l->policy->arena, to->count + add->count, sizeof(char *));
	if (name == NULL)
		return no_room(l);
	if (to->count > 0)
		memcpy(name, to->name, to->count * sizeof *name);
	memcpy(name + to->count, add->name, add->count * sizeof *name);
	*to = (struct policy_names){name, to->count + add->count};
	return 0;
}

static int destination_names(struct loader *l, const struct yaml_node *n, void *object)
{
	struct policy_destination *d = object;
	return load_names(l, n, &d->names);
}

static int destination_networks(struct loader *l, const struct yaml_node *n, void *object)
{
	struct policy_destination *d = object;
	return load_nets(l, n, &d->nets);
}

static int destination_zones(struct loader *l, const struct yaml_node *node, void *object)
{
	struct policy_destination *d = object;
	int err = load_filled(l, node);
	for (const struct yaml_node *n = load_first(node); n != NULL && err == 0;
		n = load_next(node, n)) {
		struct policy_zone *zone =
			n->kind == YAML_TEXT ? find_zone(l->policy, n->text) : NULL;
		if (zone == NULL)
			return load_wrong(l, n->place, "%s is no zone; define it under \"zones:\"",
				load_quoted(n->kind == YAML_TEXT ? n->text : "").text);
		zone->used = true;
		err = join_nets(l, &d->nets, &zone->nets, n->place);
	}
	return err;
}

static int read_destinations(struct loader *l, const struct yaml_node *node, void *object)
{
	static const struct load_field fields[] = {
		{"names", destination_names, false},
		{"networks", destination_networks, false},
		{"zones", destination_zones, false},
	};
	struct policy *p = object;
	int err = check_count(l, node, "destinations");
	if (err < 0)
		return err;
	p->destination = ARENA_NEW(&p->arena, struct policy_destination, node->children + 1);
	if (p->destination == NULL)
		return no_room(l);
	for (const struct yaml_node *n = node->first; n != NULL && err == 0; n = n->next) {
		struct policy_destination *d = &p->destination[p->destinations++];
		*d = (struct policy_destination){.name = n->key, .place = n->key_place};
		err = load_id(l, n->key, n->key_place, "a destination");
		if (err == 0 && find_zone(p, n->key) != NULL)
			err = load_wrong(l, n->key_place,
				"'%s' is a zone already: call one of them otherwise", n->key);
		if (err == 0)
			err = load_map(l, n, "a destination", fields, ARRAY_LEN(fields), d);
		if (err == 0 && d->names.count + d->nets.count == 0 && n->first == NULL)
			err = load_wrong(
				l, n->place, "a destination needs names, networks or zones");
	}
	return err;
}

/* ---- rules ---- */

static int rule_id(struct loader *l, const struct yaml_node *n, void *object)
{
	struct policy_rule *rule = object;
	int err = load_text(l, n, POLICY_BYTES_MAX, &rule->id);
	rule->place = n->place;
	if (err == 0)
		err = load_id(l, rule->id, n->place, "a rule");
	for (size_t i = 0; err == 0 && &l->policy->rule[i] != rule; i++)
		if (strcmp(l->policy->rule[i].id, rule->id) == 0)
			return load_wrong(l, n->place,
				"rule '%s' stands in line %u already: give this one its own id",
				rule->id, l->policy->rule[i].place.line);
	return err;
}

static int rule_owner(struct loader *l, const struct yaml_node *n, void *object)
{
	struct policy_rule *rule = object;
	return load_text(l, n, OWNER_BYTES_MAX, &rule->owner);
}

static int rule_why(struct loader *l, const struct yaml_node *n, void *object)
{
	struct policy_rule *rule = object;
	return load_text(l, n, WHY_BYTES_MAX, &rule->why);
}

static int rule_expires(struct loader *l, const struct yaml_node *n, void *object)
{
	struct policy_rule *rule = object;
	return load_expiry(l, n, &rule->expires_ns);
}

static int rule_action(struct loader *l, const struct yaml_node *n, void *object)
{
	struct policy_rule *rule = object;
	return load_action(l, n, &rule->action);
}

static int rule_as(struct loader *l, const struct yaml_node *n, void *object)
{
	struct policy_rule *rule = object;
	return load_as(l, n, &rule->as);
}

/* Whether the item is the word that stands for everything. */
static bool is_any(const struct yaml_node *n)
{
	return n->kind == YAML_TEXT && strcmp(n->text, "any") == 0;
}

/* A network that is written into the rule itself. False: it is none. */
static bool is_net(const struct yaml_node *n)
{
	struct cidr net;
	return n->kind == YAML_TEXT && cidr_parse(n->text, &net) == 0;
}

static int add_end(struct loader *l, const struct yaml_node *n, struct policy_nets *to)
{
	struct policy_nets one = {0};
	struct policy_zone *zone = n->kind == YAML_TEXT ? find_zone(l->policy, n->text) : NULL;
	if (zone != NULL) {
		zone->used = true;
		return join_nets(l, to, &zone->nets, n->place);
	}
	int err = load_nets(l, n, &one);
	return err < 0 ? err : join_nets(l, to, &one, n->place);
}

static int rule_from(struct loader *l, const struct yaml_node *node, void *object)
{
	struct policy_rule *rule = object;
	int err = load_filled(l, node);
	for (const struct yaml_node *n = load_first(node); n != NULL && err == 0;
		n = load_next(node, n)) {
		rule->from_any |= is_any(n);
		bool known = n->kind == YAML_TEXT && find_zone(l->policy, n->text) != NULL;
		if (!is_any(n) && !known && !is_net(n))
			return load_wrong(l, n->place,
				"%s is no zone and no network; define it under \"zones:\"",
				load_quoted(n->kind == YAML_TEXT ? n->text : "").text);
		err = is_any(n) ? 0 : add_end(l, n, &rule->from);
	}
	return err;
}

static int rule_to(struct loader *l, const struct yaml_node *node, void *object)
{
	struct policy_rule *rule = object;
	int err = load_filled(l, node);
	for (const struct yaml_node *n = load_first(node); n != NULL && err == 0;
		n = load_next(node, n)) {
		const char *word = n->kind == YAML_TEXT ? n->text : "";
		struct policy_destination *d = NULL;
		for (size_t i = 0; i < l->policy->destinations; i++)
			if (strcmp(l->policy->destination[i].name, word) == 0)
				d = &l->policy->destination[i];
		rule->to_any |= is_any(n);
		if (d != NULL) {
			d->used = true;
			err = join_nets(l, &rule->to, &d->nets, n->place);
			err = err < 0 ? err : join_names(l, &rule->to_names, &d->names, n->place);
		} else if (!is_any(n) && find_zone(l->policy, word) == NULL && !is_net(n)) {
			return load_wrong(l, n->place,
				"%s is no destination, zone or network; define it under "
				"\"destinations:\"",
				load_quoted(word).text);
		} else if (!is_any(n)) {
			err = add_end(l, n, &rule->to);
		}
	}
	return err;
}

static int rule_service(struct loader *l, const struct yaml_node *node, void *object)
{
	struct policy_rule *rule = object;
	int err = load_filled(l, node);
	if (err < 0)
		return err;
	rule->service =
		ARENA_NEW(&l->policy->arena, const struct policy_service *, load_count(node) + 1);
	if (rule->service == NULL)
		return no_room(l);
	for (const struct yaml_node *n = load_first(node); n != NULL; n = load_next(node, n)) {
		const char *word = n->kind == YAML_TEXT ? n->text : "";
		struct policy_service *s = NULL;
		for (size_t i = 0; i < l->policy->services; i++)
			if (strcmp(l->policy->service[i].name, word) == 0)
				s = &l->policy->service[i];
		rule->service_any |= is_any(n);
		if (s == NULL && !is_any(n))
			return load_wrong(l, n->place,
				"%s is no service; define it under \"services:\"",
				load_quoted(word).text);
		if (s == NULL)
			continue;
		s->used = true;
		if (rule->as != NULL && s->as != NULL && strcmp(rule->as, s->as) != 0)
			return load_wrong(l, n->place,
				"the rule says as: %s and service '%s' says as: %s: drop one",
				rule->as, s->name, s->as);
		rule->service[rule->services++] = s;
	}
	return 0;
}

static int read_rules(struct loader *l, const struct yaml_node *node, void *object)
{
	static const struct load_field fields[] = {
		{"id", rule_id, true},
		{"owner", rule_owner, true},
		{"why", rule_why, true},
		{"expires", rule_expires, false},
		{"from", rule_from, true},
		{"to", rule_to, true},
		{"as", rule_as, false}, /* before service, which is checked against it */
		{"service", rule_service, true},
		{"action", rule_action, true},
	};
	struct policy *p = object;
	if (node->kind != YAML_LIST)
		return load_wrong(l, node->place, "rules are a list: each begins with \"- id:\"");
	if (node->children > POLICY_ITEMS_MAX)
		return load_wrong(
			l, node->place, "more than %u rules: split the policy", POLICY_ITEMS_MAX);
	int err = 0;
	for (const struct yaml_node *n = node->first; n != NULL && err == 0; n = n->next)
		err = load_map(l, n, "a rule", fields, ARRAY_LEN(fields), &p->rule[p->rules++]);
	return err;
}

/* ---- never-block, and all ---- */

static int never_names(struct loader *l, const struct yaml_node *n, void *object)
{
	struct policy_rule *rule = object;
	return load_names(l, n, &rule->to_names);
}

static int never_networks(struct loader *l, const struct yaml_node *n, void *object)
{
	struct policy_rule *rule = object;
	return load_nets(l, n, &rule->to);
}

static int read_never(struct loader *l, const struct yaml_node *node, void *object)
{
	static const struct load_field fields[] = {
		{"names", never_names, false},
		{"networks", never_networks, false},
	};
	struct policy *p = object;
	struct policy_rule *rule = &p->rule[p->rules++];
	*rule = (struct policy_rule){.id = "never-block",
		.place = node->key_place,
		.action = POLICY_ALLOW,
		.from_any = true,
		.service_any = true,
		.never = true};
	return load_map(l, node, "never-block", fields, ARRAY_LEN(fields), rule);
}

static int read_version(struct loader *l, const struct yaml_node *n, void *object)
{
	(void)object;
	if (n->kind != YAML_TEXT || strcmp(n->text, POLICY_VERSION) != 0)
		return load_wrong(
			l, n->place, "only policies of version 1 are read: \"version: 1\"");
	return 0;
}

static int load(struct loader *l, const struct yaml_node *root)
{
	/* in the order in which one refers to another; never-block comes before the rules */
	static const struct load_field fields[] = {
		{"version", read_version, true},
		{"zones", read_zones, true},
		{"services", read_services, false},
		{"destinations", read_destinations, false},
		{"never-block", read_never, false},
		{"rules", read_rules, true},
	};
	struct policy *p = l->policy;
	size_t rules = 1; /* never-block */
	for (const struct yaml_node *n = root->first; n != NULL; n = n->next)
		if (n->key != NULL && strcmp(n->key, "rules") == 0)
			rules += n->children;
	p->rule = ARENA_NEW(&p->arena, struct policy_rule, rules);
	return p->rule == NULL ? no_room(l)
	                       : load_map(l, root, "a policy", fields, ARRAY_LEN(fields), p);
}

void policy_free(struct policy *p)
{
	if (p == NULL)
		return;
	arena_fini(&p->arena);
	free(p);
}

static int read_file(struct policy *p, const char *file, struct cur text, struct fail *why)
{
	size_t len = strlen(file);
	char *name = arena_alloc(&p->arena, len + 1, 1);
	if (name == NULL)
		return fail_set(why, -E2BIG, "%s: too large", file);
	memcpy(name, file, len + 1);
	p->file = name;
	struct yaml_node *root = NULL;
	int err = yaml_read(&root, &p->arena, name, text, why);
	return err < 0 ? err : load(&(struct loader){.policy = p, .why = why}, root);
}

int policy_parse(struct policy **ret, const char *file, struct cur text, struct fail *why)
{
	if (text.len > POLICY_BYTES_MAX)
		return fail_set(why, -E2BIG, "%s: over 1 MB: split the policy", file);
	struct policy *p = calloc(1, sizeof *p);
	/* touched as it fills */
	size_t model = MODEL_BYTES_MIN + text.len * MODEL_FACTOR;
	if (model > MODEL_BYTES_MAX)
		model = MODEL_BYTES_MAX;
	size_t room = yaml_arena_bytes(text.len) + strlen(file) + model;
	room -= room % 16; /* as the arena wants it */
	if (p == NULL || arena_init(&p->arena, room) < 0) {
		free(p);
		return fail_set(why, -ENOMEM, "%s: out of memory", file);
	}
	int err = read_file(p, file, text, why);
	if (err < 0) {
		policy_free(p);
		return err;
	}
	*ret = p;
	return 0;
}
