/* The smallest policy that carries a baseline: a rule for each zone, service and set of hosts, with
 * the endpoints that they reach. Under a quota the addresses of all rules share so many prefixes,
 * with the fewest excess addresses over all: what each rule's addresses cost under k prefixes comes
 * from cover.c, and which rule gets how many is a knapsack over rules. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "policy/cover.h"
#include "policy/policy.h"

#define WHY_BYTES 80u

/* An endpoint of a zone over one service, and which hosts reach it. */
struct target {
	const struct baseline_entry *entry; /* the first of them */
	size_t first, entries;              /* in draft.entry */
	char *hosts;                        /* as a YAML list, or the zone's name */
	bool address;
	struct addr addr;
};

struct group {                 /* becomes a rule */
	size_t first, targets; /* in draft.target */
	struct addr *addr;
	size_t addrs;
	double *excess; /* of its addresses under 1 to draft.most prefixes */
	struct cover cover;
};

struct draft {
	const struct baseline *baseline;
	const struct baseline_entry **entry; /* that a policy can tell */
	size_t entries;
	struct target *target;
	size_t targets;
	struct group *group;
	size_t groups;
	unsigned most; /* prefixes; 0: no quota */
	struct out *text, *losses;
};

static void draft_fini(struct draft *d)
{
	for (size_t i = 0; i < d->targets; i++)
		free(d->target[i].hosts);
	for (size_t i = 0; i < d->groups; i++) {
		free(d->group[i].addr);
		free(d->group[i].excess);
		cover_fini(&d->group[i].cover);
	}
	free(d->entry);
	free(d->target);
	free(d->group);
}

/* ---- what a policy can tell ---- */

/* YAML as it stands, in quotes: the file came from a stranger's names. */
static bool is_plain(const char *text)
{
	return text[0] != '\0' &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789.-_:") == strlen(text);
}

/* NULL, or why it can't be carried. */
static const char *obstacle(const struct baseline_entry *e)
{
	if (e->transport == TRANSPORT_OTHER)
		return "a policy knows tcp, udp and icmp only";
	if (strcmp(e->zone, BASELINE_ZONE_OTHER) == 0 && addr_is_none(&e->host))
		return "it is of hosts in no zone: give them one";
	return is_plain(e->endpoint) ? NULL : "its name is none that DNS can have";
}

static void lose(struct draft *d, const struct baseline_entry *e, const char *why)
{
	out_text(d->losses, "would be cut: ");
	out_safe(d->losses, e->endpoint, 255);
	out_printf(d->losses, " %s/%u of zone %s: %s\n", transport_name(e->transport), e->port,
		e->zone, why);
}

/* What is spoken, when it is one thing that every source calls by this name; NULL: any. */
static const char *spoken(const struct baseline_entry *e)
{
	static const char *const names[] = {"tls", "http", "quic", "dns", "ssh"};
	for (size_t i = 0; e->service != NULL && i < ARRAY_LEN(names); i++)
		if (strcmp(e->service, names[i]) == 0)
			return names[i];
	return NULL;
}

static int by_words(const char *a, const char *b)
{
	return strcmp(a == NULL ? "" : a, b == NULL ? "" : b);
}

static int by_service(const struct baseline_entry *a, const struct baseline_entry *b)
{
	int order = strcmp(a->zone, b->zone);
	if (order == 0)
		order = (int)a->transport - (int)b->transport;
	if (order == 0 && a->transport != TRANSPORT_ICMP)
		order = (int)a->port - (int)b->port;
	return order != 0 ? order : by_words(spoken(a), spoken(b));
}

static int by_target(const void *x, const void *y)
{
	const struct baseline_entry *a = *(const struct baseline_entry *const *)x,
				    *b = *(const struct baseline_entry *const *)y;
	int order = by_service(a, b);
	if (order == 0)
		order = strcmp(a->endpoint, b->endpoint);
	return order != 0 ? order : addr_cmp(&a->host, &b->host);
}

static int collect(struct draft *d)
{
	const struct baseline *b = d->baseline;
	d->entry = calloc(b->entries + 1, sizeof(struct baseline_entry *));
	d->target = calloc(b->entries + 1, sizeof *d->target);
	d->group = calloc(b->entries + 1, sizeof *d->group);
	if (d->entry == NULL || d->target == NULL || d->group == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < b->entries; i++) {
		const struct baseline_entry *e = &b->entry[i];
		const char *why =
			baseline_is_held(e->why) ? baseline_why_text(e->why) : obstacle(e);
		if (why == NULL)
			d->entry[d->entries++] = e;
		else
			lose(d, e, why);
	}
	qsort(d->entry, d->entries, sizeof(struct baseline_entry *), by_target);
	return 0;
}

/* ---- who reaches what ---- */

static bool is_same_target(const struct baseline_entry *a, const struct baseline_entry *b)
{
	return by_service(a, b) == 0 && strcmp(a->endpoint, b->endpoint) == 0;
}

static char *hosts_of(const struct draft *d, const struct target *t)
{
	struct out text = {0};
	char addr[ADDR_TEXT_BYTES];
	if (addr_is_none(&t->entry->host)) { /* sorts first: the zone has it for all */
		out_text(&text, t->entry->zone);
	} else {
		out_text(&text, "[");
		for (size_t i = 0; i < t->entries; i++)
			out_printf(&text, "%s\"%s\"", i == 0 ? "" : ", ",
				addr_text(&d->entry[t->first + i]->host, addr));
		out_text(&text, "]");
	}
	char *ret = text.failed ? NULL : strdup(out_string(&text));
	out_fini(&text);
	return ret;
}

static int by_hosts(const void *x, const void *y)
{
	const struct target *a = x, *b = y;
	int order = by_service(a->entry, b->entry);
	if (order == 0)
		order = strcmp(a->hosts, b->hosts);
	return order != 0 ? order : strcmp(a->entry->endpoint, b->entry->endpoint);
}

static int find_targets(struct draft *d)
{
	for (size_t i = 0; i < d->entries;) {
		struct target t = {.entry = d->entry[i], .first = i};
		for (; i < d->entries && is_same_target(t.entry, d->entry[i]); i++)
			t.entries++;
		t.address = addr_parse(t.entry->endpoint, &t.addr) == 0;
		t.hosts = hosts_of(d, &t);
		if (t.hosts == NULL)
			return -ENOMEM;
		d->target[d->targets++] = t;
	}
	qsort(d->target, d->targets, sizeof *d->target, by_hosts);
	return 0;
}

static int find_groups(struct draft *d)
{
	for (size_t i = 0; i < d->targets;) {
		struct group *g = &d->group[d->groups++];
		const struct target *t = &d->target[i];
		*g = (struct group){.first = i};
		for (; i < d->targets && by_service(t->entry, d->target[i].entry) == 0 &&
			strcmp(t->hosts, d->target[i].hosts) == 0;
			i++)
			g->targets++;
		g->addr = calloc(g->targets + 1, sizeof *g->addr);
		if (g->addr == NULL)
			return -ENOMEM;
		for (size_t k = 0; k < g->targets; k++)
			if (d->target[g->first + k].address)
				g->addr[g->addrs++] = d->target[g->first + k].addr;
	}
	return 0;
}

/* ---- the quota ---- */

/* What the group's addresses cost under each number of prefixes; HUGE_VAL: they can't. */
static int price(struct draft *d, struct group *g)
{
	g->excess = calloc(d->most + 1, sizeof *g->excess);
	if (g->excess == NULL)
		return -ENOMEM;
	g->excess[0] = HUGE_VAL;
	for (unsigned k = 1; k <= d->most; k++) {
		struct cover cover = {0};
		int err = k > 1 && !(g->excess[k - 1] > 0)
		                  ? 0 /* nothing is left to gain */
		                  : cover_find(g->addr, g->addrs, k, &cover);
		if (err == -ENOMEM || err == -E2BIG)
			return err;
		g->excess[k] = err < 0 ? HUGE_VAL : cover.excess;
		cover_fini(&cover);
	}
	return 0;
}

/* best[j]: the least excess of the groups so far under j prefixes; take: how many the last of them
 * got. */
static void add_group(const struct draft *d, const struct group *g, double *best, unsigned *take)
{
	for (unsigned j = d->most; j > 0; j--) {
		double least = HUGE_VAL;
		for (unsigned k = 1; k <= j; k++) {
			double sum = best[j - k] + g->excess[k];
			if (sum < least) {
				least = sum;
				take[j] = k;
			}
		}
		best[j] = least;
	}
	best[0] = HUGE_VAL;
}

static int share(struct draft *d, size_t with, double *best, unsigned *take)
{
	size_t n = 0;
	for (unsigned j = 1; j <= d->most; j++)
		best[j] = 0;
	for (size_t i = 0; i < d->groups; i++) {
		struct group *g = &d->group[i];
		if (g->addrs == 0)
			continue;
		int err = price(d, g);
		if (err < 0)
			return err;
		add_group(d, g, best, take + n++ * (d->most + 1));
	}
	CHECK(n == with);
	unsigned left = d->most;
	if (with > 0 && !isfinite(best[left]))
		return -ERANGE;
	for (size_t i = d->groups; i > 0; i--) {
		struct group *g = &d->group[i - 1];
		if (g->addrs == 0)
			continue;
		unsigned k = take[--n * (d->most + 1) + left];
		int err = cover_find(g->addr, g->addrs, k, &g->cover);
		if (err < 0)
			return err;
		left -= k;
	}
	return 0;
}

static int cover_all(struct draft *d, struct fail *why)
{
	size_t with = 0;
	for (size_t i = 0; i < d->groups; i++)
		with += d->group[i].addrs > 0;
	if (d->most == 0)
		return 0;
	if (with > d->most)
		return fail_set(why, -ERANGE,
			"%zu rules have addresses: they can't share %u prefixes", with, d->most);
	double *best = calloc(d->most + 1, sizeof *best);
	unsigned *take = calloc((with + 1) * (d->most + 1), sizeof *take);
	int err = best == NULL || take == NULL ? -ENOMEM : share(d, with, best, take);
	free(best);
	free(take);
	if (err == -ERANGE)
		return fail_set(why, err,
			"IPv4 and IPv6 addresses of the rules need more than %u prefixes", d->most);
	return err;
}

/* ---- the file ---- */

static void say_nets(struct out *o, const struct baseline_zone *z)
{
	static const char private[] = "10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10, "
				      "169.254.0.0/16, \"fc00::/7\", \"fe80::/10\"";
	char addr[ADDR_TEXT_BYTES];
	out_text(o, z->is_private ? private : "");
	for (size_t i = 0; i < z->nets; i++) {
		unsigned bits = z->net[i].bits;
		bool v4 = policy_net_is_v4(&z->net[i]);
		out_printf(o, "%s\"%s/%u\"", i == 0 && !z->is_private ? "" : ", ",
			addr_text(&z->net[i].net, addr), v4 ? bits - 96 : bits);
	}
}

static void say_zones(struct draft *d)
{
	out_text(d->text, "zones:\n");
	for (size_t i = 0; i < d->baseline->zones; i++) {
		out_printf(d->text, "  %s: {networks: [", d->baseline->zone[i].name);
		say_nets(d->text, &d->baseline->zone[i]);
		out_text(d->text, "]}\n");
	}
}

static void say_service_name(struct out *o, const struct baseline_entry *e)
{
	const char *as = spoken(e);
	out_printf(o, "%s", transport_name(e->transport));
	if (e->transport != TRANSPORT_ICMP)
		out_printf(o, "-%u", e->port);
	if (as != NULL)
		out_printf(o, "-%s", as);
}

static bool is_first_of_service(const struct draft *d, size_t group)
{
	const struct baseline_entry *e = d->target[d->group[group].first].entry;
	for (size_t i = 0; i < group; i++) {
		const struct baseline_entry *f = d->target[d->group[i].first].entry;
		if (f->transport == e->transport && by_words(spoken(e), spoken(f)) == 0 &&
			(e->transport == TRANSPORT_ICMP || e->port == f->port))
			return false;
	}
	return true;
}

static void say_services(struct draft *d)
{
	out_text(d->text, "services:\n");
	for (size_t i = 0; i < d->groups; i++) {
		const struct baseline_entry *e = d->target[d->group[i].first].entry;
		if (!is_first_of_service(d, i))
			continue;
		out_text(d->text, "  ");
		say_service_name(d->text, e);
		out_printf(d->text, ": {protocol: %s", transport_name(e->transport));
		if (e->transport != TRANSPORT_ICMP)
			out_printf(d->text, ", ports: %u", e->port);
		if (spoken(e) != NULL)
			out_printf(d->text, ", as: \"%s\"", spoken(e));
		out_text(d->text, "}\n");
	}
}

static void say_id(struct draft *d, size_t group)
{
	const struct baseline_entry *e = d->target[d->group[group].first].entry;
	out_printf(d->text, "%s-", e->zone);
	say_service_name(d->text, e);
	out_printf(d->text, "-%zu", group + 1);
}

/* The traffic that the endpoint is there for. */
static void say_reason(struct draft *d, const struct target *t)
{
	const struct baseline_entry *e = t->entry;
	uint64_t sent = 0, got = 0;
	uint32_t days = 0, hosts = 0;
	for (size_t i = 0; i < t->entries; i++) {
		const struct baseline_entry *one = d->entry[t->first + i];
		sent += one->sent;
		got += one->got;
		days = one->days > days ? one->days : days;
		hosts += one->hosts;
	}
	out_printf(d->text, "      # %s: %u day%s to ", e->endpoint, days, days == 1 ? "" : "s");
	baseline_write_day(d->text, e->last_day);
	out_printf(d->text, ", %u host%s, ", hosts, hosts == 1 ? "" : "s");
	baseline_write_bytes(d->text, sent);
	out_text(d->text, " sent and ");
	baseline_write_bytes(d->text, got);
	out_text(d->text, " got a day\n");
}

static void say_prefixes(struct draft *d, const struct group *g)
{
	char addr[ADDR_TEXT_BYTES];
	for (size_t i = 0; i < g->cover.count; i++) {
		const struct cidr *n = &g->cover.net[i];
		unsigned bits = policy_net_is_v4(n) ? n->bits - 96u : n->bits;
		out_printf(
			d->text, "%s\"%s/%u\"", i == 0 ? "" : ", ", addr_text(&n->net, addr), bits);
	}
	for (size_t i = 0; i < g->addrs && d->most == 0; i++)
		out_printf(d->text, "%s\"%s\"", i == 0 ? "" : ", ", addr_text(&g->addr[i], addr));
}

static void say_destination(struct draft *d, size_t group)
{
	const struct group *g = &d->group[group];
	out_text(d->text, "  ");
	say_id(d, group);
	out_text(d->text, ":\n");
	for (size_t i = 0; i < g->targets; i++)
		say_reason(d, &d->target[g->first + i]);
	if (g->addrs < g->targets) {
		const char *comma = "";
		out_text(d->text, "    names: [");
		for (size_t i = 0; i < g->targets; i++) {
			const struct target *t = &d->target[g->first + i];
			if (t->address)
				continue;
			out_printf(d->text, "%s\"%s\", \"*.%s\"", comma, t->entry->endpoint,
				t->entry->endpoint);
			comma = ", ";
		}
		out_text(d->text, "]\n");
	}
	if (g->addrs > 0) {
		out_text(d->text, "    networks: [");
		say_prefixes(d, g);
		out_text(d->text, "]\n");
	}
}

static void say_excess(struct draft *d, size_t group)
{
	double excess = d->group[group].cover.excess;
	if (!(excess > 0))
		return;
	out_text(d->losses, "would be open too: rule ");
	struct out *text = d->text;
	d->text = d->losses;
	say_id(d, group);
	d->text = text;
	out_printf(d->losses,
		": %.0f addresses beside the %zu that are needed, under %zu prefixes\n", excess,
		d->group[group].addrs, d->group[group].cover.count);
}

static void say_rule(struct draft *d, size_t group)
{
	const struct group *g = &d->group[group];
	const struct target *t = &d->target[g->first];
	out_text(d->text, "  - id: ");
	say_id(d, group);
	out_printf(d->text,
		"\n    owner: nobody yet\n    why: \"draft of a baseline: %zu endpoint%s in use\"\n"
		"    from: %s\n    to: ",
		g->targets, g->targets == 1 ? "" : "s", t->hosts);
	say_id(d, group);
	out_text(d->text, "\n    service: ");
	say_service_name(d->text, t->entry);
	out_text(d->text, "\n    action: allow\n");
}

int policy_draft(const struct baseline *b, unsigned prefixes, struct out *text, struct out *losses,
	struct fail *why)
{
	struct draft d = {.baseline = b, .most = prefixes, .text = text, .losses = losses};
	int err = collect(&d);
	if (err == 0)
		err = find_targets(&d);
	if (err == 0)
		err = find_groups(&d);
	if (err == 0)
		err = cover_all(&d, why);
	if (err == 0) {
		out_text(text,
			"# Made by postern policy draft of a baseline: name the owners and the "
			"reasons, then keep it in git.\nversion: 1\n");
		say_zones(&d);
		if (d.groups > 0)
			say_services(&d);
		out_text(text, d.groups > 0 ? "destinations:\n" : "");
		for (size_t i = 0; i < d.groups; i++)
			say_destination(&d, i);
		out_text(text, d.groups > 0 ? "rules:\n" : "rules: []\n");
		for (size_t i = 0; i < d.groups; i++) {
			say_rule(&d, i);
			say_excess(&d, i);
		}
	}
	draft_fini(&d);
	if (err == 0 && (text->failed || losses->failed))
		err = -ENOMEM;
	return err == -ENOMEM || err == -E2BIG
	               ? fail_set(why, err,
				 err == -E2BIG ? "too many addresses for one rule"
					       : "out of memory")
	               : err;
}
