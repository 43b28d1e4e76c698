/* Targets that are Amazon's: networks, Network Firewalls, or both, which are then one boundary. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/scan.h"
#include "cli/documents.h"
#include "cli/message.h"
#include "cli/target.h"

#define MODEL_BYTES_MAX ((size_t)256 << 20)
#define HOMES_MAX       64 /* VPCs with firewalls */

struct target_firewalls { /* what the way through a VPC asks */
	struct nfw *nfw;
	struct {
		char *text;
		const struct suricata_scope *scope;
	} home[HOMES_MAX];
	size_t homes;
};

/* ---- reading ---- */

struct both {
	struct vpc *vpc;
	struct nfw *nfw;
};

static bool holds(struct span text, const char *const *mark, size_t marks)
{
	for (size_t i = 0; i < marks; i++)
		if (span_find(text, mark[i]) < text.len)
			return true;
	return false;
}

/* Of texts that speak of Network Firewall: whether they also say something of networks. */
static bool speaks_of_networks(struct span text)
{
	static const char *const marks[] = {"AWS::EC2::", "AWS::NetworkFirewall::Firewall\n",
		"AWS::NetworkFirewall::Firewall\"", "\"aws_networkfirewall_firewall\"",
		"\"aws_vpc\"", "\"aws_subnet\"", "\"aws_security_group\"", "\"aws_route_table\"",
		"\"FirewallStatus\"", "\"Subnets\"", "\"RouteTables\"", "\"SecurityGroups\"",
		"\"NetworkAcls\"", "\"NetworkInterfaces\"", "\"Vpcs\""};
	return holds(text, marks, ARRAY_LEN(marks));
}

static int read_both(void *model, const char *name, struct span text, struct fail *why)
{
	struct both *b = model;
	bool rules = target_speaks_of_nfw(name, text);
	if (text.len > TARGET_BYTES_MAX)
		return fail_set(why, -EINVAL, "over 64 MB: ask for fewer objects at once");
	if (rules) {
		int err = nfw_read(b->nfw, name, text, why);
		if (err == -ENOMEM)
			return -E2BIG;
		/* a firewall whose policy stands elsewhere: what else is there counts */
		if (!speaks_of_networks(text) || (err < 0 && err != -EINVAL))
			return err;
	}
	return vpc_read(b->vpc, name, text, why);
}

/* What holds nothing is dropped, and the kind is what is left. */
static enum exit_code keep(struct target *t, struct both *b)
{
	bool rules = nfw_next_policy(b->nfw, NULL) != NULL;
	bool networks = vpc_has_networks(b->vpc) || !rules;
	t->kind = networks ? TARGET_VPC : TARGET_NFW;
	if (networks)
		t->vpc = b->vpc;
	else
		vpc_free(b->vpc);
	if (rules)
		t->nfw = b->nfw;
	else
		nfw_free(b->nfw);
	if (!rules || !networks)
		return EXIT_DONE;
	t->firewalls = calloc(1, sizeof *t->firewalls);
	if (t->firewalls == NULL) {
		message("out of memory");
		return EXIT_NOTHING;
	}
	t->firewalls->nfw = t->nfw;
	target_set_inspector(t);
	return EXIT_DONE;
}

static const char *warnings(const void *model, size_t i)
{
	const struct both *b = model;
	return i == 0 ? vpc_warnings(b->vpc) : i == 1 ? nfw_warnings(b->nfw) : NULL;
}

enum exit_code target_read_aws(struct target *t, const char *const *path, const struct cur *first,
	const struct target_read *how)
{
	static const char *const ends[] = {
		".json", ".yaml", ".yml", ".template", ".rules", ".tfstate", NULL};
	static const struct documents kind = {.ends = ends,
		.folder = "*.json, *.yaml, *.yml, *.template, *.tfstate and *.rules",
		.wanted = "what aws ec2 describe-security-groups, describe-network-acls, ... or "
			  "aws network-firewall describe-firewall-policy, describe-rule-group "
			  "print, a template of CloudFormation, terraform show -json, or rules of "
			  "Suricata",
		.bytes_max = TARGET_BYTES_MAX,
		.fatal = {-E2BIG, -EBADMSG},
		.read = read_both,
		.warnings = warnings};
	struct both b = {0};
	enum exit_code code = target_open_nfw(&b.nfw, how);
	if (code == EXIT_DONE && vpc_new(&b.vpc, MODEL_BYTES_MAX) < 0) {
		message("out of memory");
		code = EXIT_NOTHING;
	}
	if (code == EXIT_DONE)
		code = documents_read(&kind, &b, path, t->paths, first, how->quiet);
	if (code == EXIT_DONE || code == EXIT_PARTIAL) {
		enum exit_code kept = keep(t, &b);
		return kept == EXIT_DONE ? code : kept;
	}
	vpc_free(b.vpc);
	nfw_free(b.nfw);
	return code;
}

void target_close_firewalls(struct target_firewalls *f)
{
	for (size_t i = 0; f != NULL && i < f->homes; i++)
		free(f->home[i].text);
	free(f);
}

/* ---- a firewall on the way ---- */

static const struct nfw_policy *find_policy(const struct nfw *n, const char *name)
{
	const struct nfw_policy *p = nfw_next_policy(n, NULL);
	const struct nfw_policy *found = NULL;
	for (; p != NULL; p = nfw_next_policy(n, p)) {
		if (name == NULL || !nfw_policy_is(p, name))
			continue;
		if (found != NULL)
			return NULL; /* two of this name: which is meant is not known */
		found = p;
	}
	return found;
}

/* NULL: not known. */
static const struct suricata_scope *home_of(struct target_firewalls *f, const char *nets)
{
	struct fail why = {0};
	for (size_t i = 0; nets != NULL && i < f->homes; i++)
		if (strcmp(f->home[i].text, nets) == 0)
			return f->home[i].scope;
	if (nets == NULL || f->homes == HOMES_MAX)
		return NULL;
	char *copy = strdup(nets);
	if (copy == NULL ||
		nfw_make_home(f->nfw, span_of(copy), &f->home[f->homes].scope, &why) < 0) {
		free(copy);
		return NULL;
	}
	f->home[f->homes].text = copy;
	return f->home[f->homes++].scope;
}

static void inspect(void *context, const struct vpc_inspection *i, struct vpc_stage *ret)
{
	static const enum vpc_verdict verdicts[] = {[POLICY_DENIED] = VPC_SHUT,
		[POLICY_UNDECIDED] = VPC_UNDECIDED,
		[POLICY_ALLOWED] = VPC_OPEN};
	struct target_firewalls *f = context;
	const struct target_said *said = i->said;
	const struct nfw_policy *policy = find_policy(f->nfw, i->policy);
	bool icmp = i->proto == 1 || i->proto == 58;
	if (policy == NULL || (icmp && i->type < 0))
		return;
	struct nfw_flow flow = {.flow = {.src = i->src,
					.dst = i->dst,
					.proto = i->proto,
					.port = icmp ? (uint16_t)i->type : i->port,
					.src_port = icmp ? 0 : i->src_port,
					.as = said == NULL ? NULL : said->as,
					.name = said == NULL ? NULL : said->name},
		.src_last = i->src_last,
		.home = home_of(f, i->home)};
	struct target_answer a = {0};
	target_judge_nfw(f->nfw, policy, &flow, said != NULL && said->any, &a);
	ret->verdict = verdicts[a.verdict];
	ret->object = nfw_policy_name(policy);
	(void)snprintf(ret->rule, sizeof ret->rule, "%s", out_string(&a.rule));
	(void)snprintf(ret->reason, sizeof ret->reason, "%s", out_string(&a.reason));
	target_answer_fini(&a);
}

void target_set_inspector(struct target *t)
{
	vpc_set_inspector(t->vpc, &(struct vpc_inspector){.inspect = inspect,
					  .context = t->firewalls,
					  .port = target_some_ports,
					  .ports = TARGET_SOME_PORTS});
}
