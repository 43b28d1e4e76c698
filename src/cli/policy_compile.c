/* postern policy compile: the policy for a target, with names as DNS answers were seen to have
 * them. */
#include <errno.h>
#include <string.h>

#include "base/strings.h"
#include "cli/message.h"
#include "cli/policy.h"
#include "cloud/cloud.h"

/* Addresses of names that rules name; more belong into networks. */
#define SEEN_MAX    8192u
#define NAMES_BYTES ((size_t)4 << 20)

struct names {
	const struct policy *policy;
	struct strings *strings;
	struct policy_seen *seen;
	size_t count;
	uint64_t dropped;
};

static bool is_named(const struct policy *p, const char *name)
{
	for (size_t i = 0; i < p->rules; i++)
		for (size_t k = 0; k < p->rule[i].to_names.count; k++)
			if (policy_name_matches(p->rule[i].to_names.name[k], name))
				return true;
	return false;
}

static void add(struct names *n, const char *name, const struct addr *addr)
{
	for (size_t i = 0; i < n->count; i++)
		if (n->seen[i].name == name && addr_eq(&n->seen[i].addr, addr))
			return;
	if (name == NULL || n->count == SEEN_MAX)
		n->dropped++;
	else
		n->seen[n->count++] = (struct policy_seen){name, *addr};
}

static void take(void *context, const struct event *event)
{
	struct names *n = context;
	const struct lookup *l = &event->lookup;
	if (event->kind != EVENT_LOOKUP || l->outcome != OUTCOME_OK || l->name == NULL ||
		!is_named(n->policy, l->name))
		return;
	const char *name = strings_get(n->strings, strings_add(n->strings, l->name));
	for (size_t i = 0; i < l->answers; i++)
		if (!addr_is_none(&l->answer[i].addr))
			add(n, name, &l->answer[i].addr);
}

/* ---- targets ---- */

static const struct target_row {
	const char *name;
	bool takes_dns, cloud;
	enum cloud_target target;
} targets[] = {{"nft", true, false, 0}, {"rpz", false, false, 0}, {"nfw", false, true, CLOUD_NFW},
	{"sg", true, true, CLOUD_SG}, {"nacl", true, true, CLOUD_NACL}};

static const struct form_row {
	const char *name;
	enum cloud_form form;
} forms[] = {
	{"cli", CLOUD_CLI}, {"cloudformation", CLOUD_FORMATION}, {"terraform", CLOUD_TERRAFORM}};

static const struct target_row *find_target(const struct policy_call *c)
{
	for (size_t i = 0; i < ARRAY_LEN(targets); i++)
		if (strcmp(targets[i].name, c->target) == 0)
			return &targets[i];
	return NULL;
}

static const struct form_row *find_form(const struct policy_call *c)
{
	for (size_t i = 0; i < ARRAY_LEN(forms); i++)
		if (c->form == NULL || strcmp(forms[i].name, c->form) == 0)
			return &forms[i];
	return NULL;
}

bool policy_call_target(const struct policy_call *c, bool *ret_takes_dns)
{
	const struct target_row *row = find_target(c);
	if (row == NULL || find_form(c) == NULL || (c->form != NULL && !row->cloud))
		return false;
	*ret_takes_dns = row->takes_dns;
	return true;
}

static int compile_target(const struct policy_call *c, const struct names *n, struct out *text,
	struct out *losses, struct fail *why)
{
	const struct target_row *row = find_target(c);
	const struct form_row *form = find_form(c);
	if (row == NULL || form == NULL)
		return fail_set(why, -EINVAL, "no such target or form");
	const struct cloud_ask ask = {.policy = n->policy,
		.seen = n->seen,
		.seens = n->count,
		.at_ns = c->at_ns,
		.target = row->target,
		.form = form->form,
		.wider = c->wider,
		.quota = (unsigned)c->quota};
	if (row->cloud)
		return cloud_compile(&ask, text, losses, why);
	int err = row->takes_dns
	                  ? policy_compile_nft(n->policy, n->seen, n->count, c->at_ns, text, losses)
	                  : policy_compile_rpz(n->policy, c->at_ns, text, losses);
	if (err == 0)
		return 0;
	return fail_set(why, err, "%s",
		err == -E2BIG ? "a rule has too many parts: use fewer, wider networks"
			      : "out of memory");
}

static enum exit_code write_target(
	const struct policy_call *c, const struct names *n, enum exit_code code)
{
	struct out text = {0}, losses = {0};
	struct fail why = {0};
	int err = compile_target(c, n, &text, &losses, &why);
	if (err < 0)
		message("%s", why.text);
	const char *line = out_string(&losses);
	for (const char *end = strchr(line, '\n'); err == 0 && end != NULL;
		end = strchr(line, '\n')) {
		message("%.*s", (int)(end - line), line);
		line = end + 1;
	}
	if (n->dropped > 0)
		message("%llu addresses of names found no room: what goes there gets what follows",
			(unsigned long long)n->dropped);
	code = err < 0 ? EXIT_NOTHING : policy_call_write(c, &text, code);
	out_fini(&text);
	out_fini(&losses);
	return code;
}

enum exit_code policy_call_compile(
	const struct policy_call *c, const struct policy *p, const char *const *path, size_t paths)
{
	struct names n = {.policy = p, .seen = calloc(SEEN_MAX, sizeof *n.seen)};
	enum exit_code code = EXIT_NOTHING;
	if (n.seen == NULL || strings_new(&n.strings, NAMES_BYTES, SEEN_MAX) < 0)
		message("out of memory");
	else
		code = paths == 0 ? EXIT_DONE : policy_call_read(p, path, paths, take, &n);
	if (code != EXIT_NOTHING)
		code = write_target(c, &n, code);
	strings_free(n.strings);
	free(n.seen);
	return code;
}
