/* What is wrong with a policy that can be read. Shadowing and redundancy are exact: they are told
 * of regions, so a rule that several others hide together is found too. */
#include <errno.h>
#include <string.h>

#include "event/event.h"
#include "policy/policy.h"

/* Wider than these is "too wide" for an allow: a /8, and what a registry gives a whole operator. */
#define WIDE_BITS_V4 (96u + 8u)
#define WIDE_BITS_V6 20u
/* Boxes of a rule whose corners are tried before it is taken apart. */
#define WITNESSES_MAX 256u
/* Rules that a sentence names. */
#define NAMED_MAX 3u

struct linter {
	const struct policy *policy;
	int64_t at_ns;
	struct policy_lints *lints;
	struct region *region; /* of each rule */
	struct region *zone;   /* of each zone */
	bool *holds;           /* of each rule: takes part */
	int err;               /* -ENOMEM */
};

const char *policy_lint_name(enum policy_lint_kind kind)
{
	static const char *const names[] = {[LINT_SHADOWED] = "shadowed",
		[LINT_REDUNDANT] = "redundant",
		[LINT_CONTRADICTORY] = "contradictory",
		[LINT_EXPIRED] = "expired",
		[LINT_WIDE] = "too wide",
		[LINT_UNREACHABLE] = "unreachable",
		[LINT_UNUSED] = "unused",
		[LINT_OVERLAP] = "overlap",
		[LINT_TARGET] = "target",
		[LINT_UNDECIDED] = "undecided"};
	return names[kind];
}

void policy_lints_fini(struct policy_lints *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->lint[i].text);
	free(l->lint);
	*l = (struct policy_lints){0};
}

static void tell(struct linter *l, enum policy_lint_kind kind, struct policy_place place,
	const char *id, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
static void tell(struct linter *l, enum policy_lint_kind kind, struct policy_place place,
	const char *id, const char *fmt, ...)
{
	struct policy_lints *all = l->lints;
	if (all->count == POLICY_LINTS_MAX) {
		all->refused++;
		return;
	}
	if (all->count == all->room) {
		size_t room = all->room == 0 ? 32 : all->room * 2;
		struct policy_lint *bigger = realloc(all->lint, room * sizeof *bigger);
		if (bigger == NULL) {
			l->err = -ENOMEM;
			return;
		}
		all->lint = bigger;
		all->room = room;
	}
	struct policy_lint *lint = &all->lint[all->count];
	va_list args;
	va_start(args, fmt);
	int len = vasprintf(&lint->text, fmt, args);
	va_end(args);
	if (len < 0) {
		l->err = -ENOMEM;
		return;
	}
	lint->kind = kind;
	lint->place = place;
	lint->id = id;
	all->count++;
}

/* ---- regions against each other ---- */

struct named_rules {
	struct out text;
	size_t count;
};

static void name_rule(struct named_rules *n, const char *id)
{
	if (n->count < NAMED_MAX)
		out_printf(&n->text, "%s%s", n->count == 0 ? "" : ", ", id);
	else if (n->count == NAMED_MAX)
		out_text(&n->text, " and others");
	n->count++;
}

/* Of rule i, what earlier rules leave: into *rest. ret_other: one of them that takes a part decides
 * otherwise. */
static int leave(struct linter *l, size_t i, struct region *rest, struct named_rules *takers,
	bool *ret_other)
{
	const struct policy_rule *rule = l->policy->rule;
	int err = region_copy(rest, &l->region[i]);
	for (size_t k = 0; k < i && err == 0; k++) {
		if (!l->holds[k] || !region_overlaps(rest, &l->region[k]))
			continue;
		*ret_other |= rule[k].action != rule[i].action;
		name_rule(takers, rule[k].id);
		err = region_take(rest, &l->region[k]);
	}
	return err;
}

/* The rest of rule i gets the same from what comes after it, so the rule changes nothing. */
static int is_needless(
	struct linter *l, size_t i, struct region *rest, struct named_rules *others, bool *ret)
{
	const struct policy *p = l->policy;
	int err = 0;
	*ret = false;
	for (size_t k = i + 1; k < p->rules && err == 0; k++) {
		if (!l->holds[k] || !region_overlaps(rest, &l->region[k]))
			continue;
		if (p->rule[k].action != p->rule[i].action)
			return 0;
		name_rule(others, p->rule[k].id);
		err = region_take(rest, &l->region[k]);
	}
	for (size_t k = 0; k < p->zones && err == 0; k++) {
		if (!region_overlaps(rest, &l->zone[k]))
			continue;
		if (p->zone[k].fallback != p->rule[i].action)
			return 0;
		char id[POLICY_ID_BYTES + 32];
		(void)snprintf(id, sizeof id, "the default of zone %s", p->zone[k].name);
		name_rule(others, id);
		err = region_take(rest, &l->zone[k]);
	}
	*ret = err == 0 && rest->count == 0;
	return err;
}

/* 1: a holds something that b does not; 0: it does not. Fails: as regions do. */
static int exceeds(const struct region *a, const struct region *b)
{
	struct region rest = {0};
	int err = region_copy(&rest, a);
	if (err == 0)
		err = region_take(&rest, b);
	int ret = err < 0 ? err : rest.count > 0;
	region_fini(&rest);
	return ret;
}

/* Two rules that decide otherwise about a common part, none an exception of the other. */
static int find_conflicts(struct linter *l, size_t i)
{
	const struct policy_rule *rule = l->policy->rule;
	for (size_t k = 0; k < i; k++) {
		bool otherwise =
			(rule[k].action == POLICY_ALLOW) != (rule[i].action == POLICY_ALLOW);
		if (!l->holds[k] || rule[k].never || !otherwise ||
			!region_overlaps(&l->region[k], &l->region[i]))
			continue;
		int mine = exceeds(&l->region[i], &l->region[k]);
		int theirs = mine > 0 ? exceeds(&l->region[k], &l->region[i]) : mine;
		if (theirs < 0)
			return theirs;
		if (theirs > 0)
			tell(l, LINT_CONTRADICTORY, rule[i].place, rule[i].id,
				"it says %s, but rule %s (line %u) comes first and says %s about "
				"part of it; narrow one of them",
				policy_action_name(rule[i].action), rule[k].id, rule[k].place.line,
				policy_action_name(rule[k].action));
	}
	return 0;
}

/* ---- a flow that shows that a rule matters ---- */

/* The number of the first that matches; `to`: none does. */
static size_t first_with(
	const struct linter *l, size_t from, size_t to, const struct region_point *point)
{
	size_t i = from;
	while (i < to && !(l->holds[i] && region_has(&l->region[i], point)))
		i++;
	return i;
}

/* Whether the rule decides about the flow, and without it the answer would be another. */
static bool decides(const struct linter *l, size_t i, const struct region_point *point)
{
	const struct policy *p = l->policy;
	if (first_with(l, 0, i, point) < i)
		return false;
	size_t next = first_with(l, i + 1, p->rules, point);
	if (next < p->rules)
		return p->rule[next].action != p->rule[i].action;
	for (size_t k = 0; k < p->zones; k++)
		if (region_has(&l->zone[k], point))
			return p->zone[k].fallback != p->rule[i].action;
	return false;
}

/* Most rules matter, and a corner of one of their boxes shows it: then nothing has to be taken
 * apart, which is what takes long. */
static bool has_witness(const struct linter *l, size_t i)
{
	const struct region *r = &l->region[i];
	for (size_t k = 0; k < r->count && k < WITNESSES_MAX; k++) {
		struct region_point low, high;
		for (size_t axis = 0; axis < REGION_AXES; axis++) {
			low.at[axis] = r->box[k].axis[axis].first;
			high.at[axis] = r->box[k].axis[axis].last;
		}
		if (decides(l, i, &low) || decides(l, i, &high))
			return true;
	}
	return false;
}

static int look_at_region(
	struct linter *l, size_t i, struct region *rest, struct named_rules *named)
{
	const struct policy_rule *rule = &l->policy->rule[i];
	bool otherwise = false, needless = false;
	if (has_witness(l, i))
		return find_conflicts(l, i);
	int err = leave(l, i, rest, named, &otherwise);
	if (err < 0)
		return err;
	if (rest->count == 0) {
		tell(l, otherwise ? LINT_SHADOWED : LINT_REDUNDANT, rule->place, rule->id,
			otherwise
				? "no flow reaches it: %s come%s first, and not all say the same; "
				  "move it up or drop it"
				: "no flow reaches it: %s say%s the same first; drop it",
			out_string(&named->text), named->count == 1 ? "s" : "");
		return 0;
	}
	out_clear(&named->text);
	named->count = 0;
	err = find_conflicts(l, i);
	if (err == 0)
		err = is_needless(l, i, rest, named, &needless);
	if (err == 0 && needless)
		tell(l, LINT_REDUNDANT, rule->place, rule->id,
			"without it %s would say the same; drop it", out_string(&named->text));
	return err;
}

static void check_region(struct linter *l, size_t i)
{
	const struct policy_rule *rule = &l->policy->rule[i];
	struct region rest = {0};
	struct named_rules named = {0};
	int err = l->holds[i] && !rule->never ? look_at_region(l, i, &rest, &named) : 0;
	if (err == -E2BIG)
		tell(l, LINT_UNDECIDED, rule->place, rule->id,
			"over %zu parts: too many to be compared exactly with the other rules; use "
			"fewer, wider networks",
			REGION_BOXES_MAX);
	else if (err < 0)
		l->err = err;
	region_fini(&rest);
	out_fini(&named.text);
}

/* ---- each alone ---- */

static bool is_wide(const struct cidr *net)
{
	bool v4 = policy_net_is_v4(net);
	return net->bits < (v4 ? WIDE_BITS_V4 : WIDE_BITS_V6);
}

/* Everybody can register a name below it. */
static bool is_public_wildcard(const char *pattern)
{
	char below[300];
	if (strncmp(pattern, "*.", 2) != 0)
		return false;
	(void)snprintf(below, sizeof below, "x%s", pattern + 1);
	return strcmp(registered_domain(below), below) == 0;
}

static void check_width(struct linter *l, const struct policy_rule *rule)
{
	if (rule->action != POLICY_ALLOW || rule->never)
		return;
	bool all_services = rule->service_any && rule->as == NULL;
	if (rule->to_any && all_services)
		tell(l, LINT_WIDE, rule->place, rule->id,
			"it allows any service to anywhere: any fallback channel fits; name "
			"services or destinations");
	else if (rule->to_any && rule->from_any)
		tell(l, LINT_WIDE, rule->place, rule->id,
			"it allows from any to any; name zones or destinations");
	for (size_t i = 0; i < rule->to.count; i++) {
		if (!is_wide(&rule->to.net[i]))
			continue;
		char addr[ADDR_TEXT_BYTES];
		bool v4 = policy_net_is_v4(&rule->to.net[i]);
		tell(l, LINT_WIDE, rule->place, rule->id,
			"it allows all of %s/%u: narrow it to the networks that are needed",
			addr_text(&rule->to.net[i].net, addr),
			rule->to.net[i].bits - (v4 ? 96u : 0u));
	}
	for (size_t i = 0; i < rule->to_names.count; i++)
		if (is_public_wildcard(rule->to_names.name[i]))
			tell(l, LINT_WIDE, rule->place, rule->id,
				"it allows %s, below which everybody can have a name; name "
				"registered domains",
				rule->to_names.name[i]);
}

static void check_target(struct linter *l, const struct policy_rule *rule)
{
	const char *as = rule->as;
	for (size_t i = 0; as == NULL && i < rule->services; i++)
		as = rule->service[i]->as;
	if (as != NULL)
		tell(l, LINT_TARGET, rule->place, rule->id,
			"nftables can't tell %s from other protocols: there the rule is about "
			"ports "
			"alone",
			as);
	for (size_t i = 0; i < rule->to_names.count; i++)
		if (strncmp(rule->to_names.name[i], "*.", 2) == 0) {
			tell(l, LINT_TARGET, rule->place, rule->id,
				"nftables can't match %s: there it needs DNS answers that were "
				"seen (policy compile --dns)",
				rule->to_names.name[i]);
			break;
		}
}

static void check_rule(struct linter *l, size_t i)
{
	const struct policy_rule *rule = &l->policy->rule[i];
	char until[64];
	if (!policy_rule_holds(rule, l->at_ns)) {
		struct out when = {0};
		out_time(&when, rule->expires_ns);
		(void)snprintf(until, sizeof until, "%.10s", out_string(&when));
		out_fini(&when);
		tell(l, LINT_EXPIRED, rule->place, rule->id,
			"it no longer holds since %s: drop it, or review it and give a new date",
			until);
		return;
	}
	if (l->holds[i] && l->region[i].count == 0 && !rule->never)
		tell(l, LINT_UNREACHABLE, rule->place, rule->id,
			"its zones or destinations hold no network and no name: no flow can match");
	check_width(l, rule);
	check_target(l, rule);
	if (l->region[i].count > 0)
		check_region(l, i);
}

static void check_definitions(struct linter *l)
{
	const struct policy *p = l->policy;
	for (size_t i = 0; i < p->zones; i++) {
		const struct policy_zone *z = &p->zone[i];
		if (z->nets.count == 0)
			tell(l, LINT_UNREACHABLE, z->place, z->name,
				"the zone has no network: nothing is in it");
		else if (!z->used)
			tell(l, LINT_UNUSED, z->place, z->name,
				"no rule speaks of the zone: all its hosts do gets its default, %s",
				policy_action_name(z->fallback));
		for (size_t k = 0; k < i; k++)
			if (region_overlaps(&l->zone[k], &l->zone[i]))
				tell(l, LINT_OVERLAP, z->place, z->name,
					"the zone shares addresses with zone %s (line %u), whose "
					"default they get; separate them",
					p->zone[k].name, p->zone[k].place.line);
	}
	for (size_t i = 0; i < p->services; i++)
		if (!p->service[i].used)
			tell(l, LINT_UNUSED, p->service[i].place, p->service[i].name,
				"no rule uses the service: drop it");
	for (size_t i = 0; i < p->destinations; i++)
		if (!p->destination[i].used)
			tell(l, LINT_UNUSED, p->destination[i].place, p->destination[i].name,
				"no rule uses the destination: drop it");
}

/* ---- all ---- */

static int by_place(const void *a, const void *b)
{
	const struct policy_lint *x = a, *y = b;
	if (x->place.line != y->place.line)
		return x->place.line < y->place.line ? -1 : 1;
	if (x->place.column != y->place.column)
		return x->place.column < y->place.column ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return strcmp(x->text, y->text);
}

static int make_regions(struct linter *l)
{
	const struct policy *p = l->policy;
	struct policy_space *space = NULL;
	int err = policy_space_new(&space, p);
	for (size_t i = 0; i < p->rules && err == 0; i++) {
		l->holds[i] = policy_rule_holds(&p->rule[i], l->at_ns);
		err = l->holds[i] ? policy_region_of_rule(space, &p->rule[i], &l->region[i]) : 0;
		if (err != -E2BIG)
			continue;
		region_fini(&l->region[i]);
		l->holds[i] = false;
		err = 0;
		tell(l, LINT_UNDECIDED, p->rule[i].place, p->rule[i].id,
			"over %zu parts: too many to be compared exactly with the other rules; use "
			"fewer, wider networks",
			REGION_BOXES_MAX);
	}
	for (size_t i = 0; i < p->zones && err == 0; i++)
		err = policy_region_of_zone(&p->zone[i], &l->zone[i]);
	policy_space_free(space);
	return err;
}

int policy_check(const struct policy *p, int64_t at_ns, struct policy_lints *ret)
{
	struct linter l = {.policy = p,
		.at_ns = at_ns,
		.lints = ret,
		.region = calloc(p->rules + 1, sizeof *l.region),
		.zone = calloc(p->zones + 1, sizeof *l.zone),
		.holds = calloc(p->rules + 1, sizeof *l.holds)};
	if (l.region == NULL || l.zone == NULL || l.holds == NULL)
		l.err = -ENOMEM;
	else
		l.err = make_regions(&l);
	if (l.err == 0) {
		check_definitions(&l);
		for (size_t i = 0; i < p->rules; i++)
			check_rule(&l, i);
		if (ret->count > 0)
			qsort(ret->lint, ret->count, sizeof *ret->lint, by_place);
	}
	for (size_t i = 0; l.region != NULL && i < p->rules; i++)
		region_fini(&l.region[i]);
	for (size_t i = 0; l.zone != NULL && i < p->zones; i++)
		region_fini(&l.zone[i]);
	free(l.region);
	free(l.zone);
	free(l.holds);
	if (l.err < 0)
		policy_lints_fini(ret);
	return l.err;
}
