/* Each kind of target's own questions. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/audit.h"
#include "cli/message.h"

/* Who answers for the rule that lets a flow pass, as its comment says. */
static void find_owner(struct audit *a, const struct boundary *b, struct audit_finding *f)
{
	struct out name = {0};
	bool found = false;
	for (const struct boundary_chain *c = b->chain; c != NULL && !found; c = c->next)
		for (const struct boundary_rule *r = c->rule; r != NULL && !found; r = r->next) {
			if (r->comment == NULL)
				continue;
			out_clear(&name);
			audit_say_rule(&name, b, r);
			found = strcmp(out_string(&name), f->rule) == 0;
			if (found)
				audit_read_comment(a, r->comment, f);
		}
	out_fini(&name);
}

static void find_owners(struct audit *a, const struct boundary *b)
{
	for (struct audit_finding *f = audit_first(a); f != NULL; f = f->next)
		if (f->file == audit_file(a) && f->rule != NULL && f->passes != NULL &&
			f->owner == NULL)
			find_owner(a, b, f);
}

static int find_in_rules(struct audit *a, const struct audit_call *c, const struct boundary *b)
{
	audit_doh(a, b, c->in, c->out);
	find_owners(a, b); /* before those that know their rule: there may be many */
	audit_nat(a, b, c->in, c->out);
	int err = audit_rules(a, b);
	if (err == 0)
		err = audit_chains(a, b);
	audit_counters(a, b);
	return err;
}

void audit_read_note(struct audit *a, const char *note, struct audit_finding *f)
{
	struct out safe = {0};
	out_safe(&safe, note == NULL ? "" : note, VPC_NAME_BYTES);
	audit_read_comment(a, out_string(&safe), f);
	out_fini(&safe);
}

/* Of the group or list that decides: the first word of what is told as the rule. */
static void find_owners_of_objects(struct audit *a, const struct vpc *v)
{
	for (struct audit_finding *f = audit_first(a); f != NULL; f = f->next) {
		char id[VPC_NAME_BYTES];
		if (f->file != audit_file(a) || f->rule == NULL || f->owner != NULL)
			continue;
		(void)snprintf(id, sizeof id, "%.*s", (int)strcspn(f->rule, " "), f->rule);
		audit_read_note(a, vpc_note(v, id), f);
	}
}

static void add_covered(void *context, const struct vpc_covered *covered)
{
	struct audit *a = context;
	struct out rule = {0}, by = {0}, words = {0}, place = {0};
	out_safe(&place, covered->object, VPC_NAME_BYTES);
	out_safe(&rule, covered->rule, VPC_RULE_BYTES);
	out_safe(&by, covered->by, VPC_RULE_BYTES);
	out_printf(&words, "%s %s: all of it is %s by %s", covered->egress ? "egress" : "ingress",
		out_string(&rule), covered->differs ? "decided otherwise, before it," : "covered",
		out_string(&by));
	out_printf(&place, " %s", out_string(&rule));
	struct audit_finding f = {.kind = covered->differs ? AUDIT_SHADOWED : AUDIT_REDUNDANT,
		.place = covered->egress ? "egress" : "ingress",
		.rule = out_string(&place),
		.words = out_string(&words)};
	audit_read_note(a, covered->note, &f);
	audit_add(a, &f, out_string(&words));
	out_fini(&rule);
	out_fini(&by);
	out_fini(&words);
	out_fini(&place);
}

static void find_in_vpc(struct audit *a, const struct vpc *v)
{
	find_owners_of_objects(a, v);
	if (!vpc_each_covered(v, add_covered, a))
		audit_add(a,
			&(struct audit_finding){.kind = AUDIT_TOO_MANY,
				.words = "not all rules of the security groups were compared"},
			"groups");
}

static void add_covered_rule(void *context, const struct nfw_covered *c)
{
	struct audit *a = context;
	const char *word = c->stateless ? "priority" : "sid";
	struct out group = {0}, rule = {0}, words = {0};
	out_safe(&group, c->group == NULL ? "rules" : c->group, VPC_NAME_BYTES);
	out_printf(&rule, "%s %s:%llu", out_string(&group), word, (unsigned long long)c->rule);
	out_printf(&words, "%s: all of it is %s by %s:%llu", out_string(&rule),
		c->differs ? "decided otherwise, before it," : "covered", word,
		(unsigned long long)c->by);
	struct audit_finding f = {.kind = c->differs ? AUDIT_SHADOWED : AUDIT_REDUNDANT,
		.place = out_string(&group),
		.rule = out_string(&rule),
		.words = out_string(&words)};
	audit_read_note(a, c->msg, &f);
	audit_add(a, &f, out_string(&words));
	out_fini(&group);
	out_fini(&rule);
	out_fini(&words);
}

static int find_in_nfw(struct audit *a, const struct nfw *n)
{
	int err = 0;
	for (const struct nfw_policy *p = nfw_next_policy(n, NULL); p != NULL && err != -ENOMEM;
		p = nfw_next_policy(n, p)) {
		err = nfw_each_covered(p, add_covered_rule, a);
		if (err == -E2BIG)
			audit_add(a,
				&(struct audit_finding){.kind = AUDIT_TOO_MANY,
					.words = "not all rules of the firewall were compared"},
				"rules");
	}
	return err == -ENOMEM ? err : 0;
}

enum exit_code audit_find(struct audit *a, const struct audit_call *c, const struct target *t,
	const struct audit_places *places)
{
	int err = 0;
	if (!audit_places_holes(places, a))
		message("%s: not all places were looked at: they are too many",
			shown(t->path).text);
	if (t->rules != NULL)
		err = find_in_rules(a, c, t->rules);
	if (t->vpc != NULL)
		find_in_vpc(a, t->vpc);
	if (t->nfw != NULL)
		err = audit_nfw(a, t->nfw, c->spokes.net, c->spokes.count);
	if (t->nfw != NULL && err == 0)
		err = find_in_nfw(a, t->nfw);
	if (err < 0) {
		message("out of memory");
		return EXIT_NOTHING;
	}
	enum exit_code code = EXIT_DONE;
	if (c->policy != NULL || c->baseline != NULL)
		code = audit_find_deviations(a, c, t, places);
	if (code == EXIT_DONE && c->flow_logs.count > 0)
		code = audit_find_used(a, c, t);
	return code;
}
