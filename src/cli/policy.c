/* postern policy: the egress policy's file, asked, checked and compiled. */
#include "cli/policy.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "cli/message.h"
#include "report/emit.h"

#define AT(field) offsetof(struct policy_call, field)
/* A target with more rules needs no quota. */
#define RULES_MAX 1024
/* Amazon raises that of Network Firewall on demand. */
#define QUOTA_MAX 1000000

static const struct option options[] = {
	{"read", 'r', OPTION_WORD, "INPUT",
		.help = "test: what follows FILE are captures and logs, whose connections are "
			"asked about, not flows"},
	{"json", 0, OPTION_FLAG, NULL, AT(json), .help = "print JSON Lines"},
	{"output", 'o', OPTION_TEXT, "FILE", AT(output),
		.help = "write the results to FILE instead of standard output; it appears when it "
			"is complete"},
	{"at", 0, OPTION_TIME, "TIME", AT(at_ns),
		.help = "take rules as they stand at TIME (RFC 3339); without it, now"},
	{"exit-code", 0, OPTION_FLAG, NULL, AT(exit_code),
		.help = "exit with 1 when check remarks on something, or test denies something"},
	{"sni", 0, OPTION_TEXT, "NAME", AT(sni),
		.help = "test: the flow is TLS (QUIC over UDP) that asks for NAME"},
	{"http-host", 0, OPTION_TEXT, "NAME", AT(http_host),
		.help = "test: the flow is HTTP that asks for NAME"},
	{"dns-name", 0, OPTION_TEXT, "NAME", AT(dns_name),
		.help = "test: the flow's server was looked up as NAME; its protocol is not known"},
	{"as", 0, OPTION_TEXT, "PROTOCOL", AT(as),
		.help = "test: the flow's application protocol, such as tls"},
	{"hook", 0, OPTION_TEXT, "HOOK", AT(hook),
		.help = "test of a firewall: the flow's way through the host: output, forward or "
			"input; without it, output"},
	{"iif", 0, OPTION_TEXT, "NAME", AT(iif),
		.help = "test of a firewall: the interface that the flow comes in by"},
	{"oif", 0, OPTION_TEXT, "NAME", AT(oif),
		.help = "test of a firewall: the interface that the flow leaves by"},
	{"vpc", 0, OPTION_TEXT, "ID", AT(vpc),
		.help = "test of an Amazon VPC: where the flow's source is"},
	{"subnet", 0, OPTION_TEXT, "ID", AT(subnet), .help = "as --vpc"},
	{"eni", 0, OPTION_TEXT, "ID", AT(eni), .help = "as --vpc"},
	{"home", 0, OPTION_TEXT, "NETWORKS", AT(home),
		.help = "test of a Network Firewall that does not say it: HOME_NET, as rules write "
			"it"},
	{"to", 0, OPTION_TEXT, "TARGET", AT(target),
		.help = "compile: for nft (Linux's firewall), rpz (names, for Unbound, BIND, "
			"Knot), nfw (AWS Network Firewall), sg (security groups) or nacl (network "
			"ACLs)"},
	{"form", 0, OPTION_TEXT, "FORM", AT(form),
		.help = "compile for AWS: as cli (calls of the command line; the default), "
			"cloudformation or terraform, all of them JSON"},
	{"wider", 0, OPTION_FLAG, NULL, AT(wider),
		.help = "compile for AWS: what the target can't tell is left open; without it, "
			"shut"},
	{"quota", 0, OPTION_NUMBER, "N", AT(quota), .min = 1, .max = QUOTA_MAX,
		.help = "compile for AWS: the account's quota of rules for a security group (60), "
			"an ACL (20) or a firewall policy (30000)"},
	{"dns", 0, OPTION_WORD, "INPUT",
		.help = "compile: what follows FILE are captures and logs, whose DNS answers say "
			"which addresses names have"},
	{"baseline", 0, OPTION_TEXT, "FILE", AT(baseline),
		.help = "draft: carry what FILE (of baseline learn) took in"},
	{"max-rules", 0, OPTION_NUMBER, "N", AT(max_rules), .min = 0, .max = RULES_MAX,
		.help = "draft: all addresses share N prefixes, with the fewest others that are "
			"possible; names are not counted"},
	{"quiet", 'q', OPTION_FLAG, NULL, AT(quiet), .help = "no remarks; errors are still told"},
};

/* ---- shared ---- */

/* A path, whole and safe to print: who reads FILE:LINE:COLUMN wants to go there. */
static void say_path(struct out *o, const char *path)
{
	out_clear(o);
	out_safe(o, path, SIZE_MAX);
}

static int read_file(FILE *file, struct policy **ret, struct fail *why)
{
	size_t room = POLICY_BYTES_MAX + 1; /* one more than is taken: too much is seen */
	char *text = malloc(room);
	size_t len = text == NULL ? 0 : fread(text, 1, room, file);
	int err = 0;
	if (text == NULL)
		err = fail_set(why, -ENOMEM, ": out of memory");
	else if (ferror(file))
		err = fail_set(why, -errno, ": %s", strerror(errno));
	else
		err = policy_parse(ret, "", cur_of(text, len), why);
	free(text);
	return err;
}

struct policy *policy_call_open(const char *path)
{
	struct fail why = {0};
	struct policy *p = NULL;
	struct out name = {0};
	say_path(&name, path);
	FILE *file = fopen(path, "rbe");
	if (file == NULL)
		message("%s: %s", out_string(&name), strerror(errno));
	else if (read_file(file, &p, &why) < 0)
		message("%s%s", out_string(&name), why.text);
	if (file != NULL)
		(void)fclose(file);
	out_fini(&name);
	return p;
}

enum exit_code policy_call_write(
	const struct policy_call *c, const struct out *text, enum exit_code code)
{
	return output_print(c->output, text) ? code : EXIT_NOTHING;
}

static enum exit_code usage(const char *what)
{
	message("policy: %s (postern help policy)", what);
	return EXIT_USAGE;
}

/* ---- check ---- */

static void say_lint(struct out *o, const char *path, const struct policy_lint *lint, bool json)
{
	if (!json) {
		out_printf(o, "%s:%u:%u: %s: %s: %s\n", path, lint->place.line, lint->place.column,
			policy_lint_name(lint->kind), lint->id, lint->text);
		return;
	}
	struct emit e = {.out = o};
	emit_open(&e, NULL, '{');
	emit_text(&e, "type", "lint", SIZE_MAX);
	emit_text(&e, "file", path, SIZE_MAX);
	emit_count(&e, "line", lint->place.line);
	emit_count(&e, "column", lint->place.column);
	emit_text(&e, "kind", policy_lint_name(lint->kind), SIZE_MAX);
	emit_text(&e, "id", lint->id, SIZE_MAX);
	emit_text(&e, "text", lint->text, SIZE_MAX);
	emit_close(&e, '}');
	out_text(o, "\n");
}

/* Fails: -ENOMEM. Counts what a person has to act on: what a target can't do is only a word. */
static int check_one(struct out *o, const struct policy *p, const char *path,
	const struct policy_call *c, size_t *ret)
{
	struct policy_lints lints = {0};
	int err = policy_check(p, c->at_ns, &lints);
	size_t before = *ret;
	for (size_t i = 0; i < lints.count; i++) {
		say_lint(o, path, &lints.lint[i], c->json);
		*ret += lints.lint[i].kind != LINT_TARGET;
	}
	if (lints.refused > 0)
		message("%s: %zu more remarks are not shown", path, lints.refused);
	if (err == 0 && !c->json && *ret == before)
		out_printf(o, "%s: nothing to remark on\n", path);
	policy_lints_fini(&lints);
	return err;
}

static enum exit_code check(const struct policy_call *c)
{
	enum exit_code code = EXIT_DONE;
	struct out text = {0}, path = {0};
	size_t remarks = 0;
	for (size_t i = 1; i < c->call->words; i++) {
		struct policy *p = policy_call_open(c->call->word[i]);
		say_path(&path, c->call->word[i]);
		if (p == NULL)
			code = EXIT_USAGE;
		else if (check_one(&text, p, out_string(&path), c, &remarks) < 0) {
			message("out of memory");
			code = EXIT_NOTHING;
		}
		policy_free(p);
	}
	if (code == EXIT_DONE && c->exit_code && remarks > 0)
		code = EXIT_FINDINGS;
	code = policy_call_write(c, &text, code);
	out_fini(&path);
	out_fini(&text);
	return code;
}

/* ---- test ---- */

enum use { RULES = 1, VPC = 2, NFW = 4, POLICY = 8 };

static unsigned use_of(const struct target *t, const char **ret_name)
{
	*ret_name = t->rules != NULL ? "a firewall of addresses and ports"
	            : t->vpc != NULL ? "a VPC"
	            : t->nfw != NULL ? "a Network Firewall"
	                             : "a policy file";
	return t->rules != NULL ? RULES
	       : t->vpc != NULL ? (t->nfw != NULL ? VPC | NFW : VPC)
	       : t->nfw != NULL ? NFW
	                        : POLICY;
}

/* Options that the target has no use for are told: who gave one expects a difference. */
static void say_useless(const struct policy_call *c, const struct target *t)
{
	static const struct {
		const char *option;
		unsigned uses;
	} asked[] = {{"hook", RULES}, {"iif", RULES}, {"oif", RULES}, {"vpc", VPC}, {"subnet", VPC},
		{"eni", VPC}, {"home", NFW}, {"sni", NFW | POLICY}, {"http-host", NFW | POLICY},
		{"dns-name", NFW | POLICY}, {"as", NFW | POLICY}};
	const char *name;
	unsigned use = use_of(t, &name);
	for (size_t i = 0; i < ARRAY_LEN(asked) && !c->quiet; i++)
		if ((asked[i].uses & use) == 0 && call_given(c->call, asked[i].option))
			message("%s does not ask for it: --%s changes nothing", name,
				asked[i].option);
}

static enum exit_code test(const struct policy_call *c)
{
	const struct call *call = c->call;
	bool inputs = call_given(call, "read");
	if (inputs && (c->sni != NULL || c->http_host != NULL || c->dns_name != NULL ||
			      c->as != NULL || call_given(call, "at")))
		return usage("--read takes names, protocols and times from the inputs");
	if (call->words < 3)
		return usage("no flow: give one such as 'tcp:192.0.2.10:40000>198.51.100.7:443', "
			     "or - for standard input");
	struct target t;
	enum exit_code read = target_open(&t, call->word + 1, 1,
			       &(struct target_read){.quiet = c->quiet, .home = c->home}),
		       code = EXIT_USAGE;
	if (read != EXIT_DONE && read != EXIT_PARTIAL) {
		target_close(&t);
		return read;
	}
	say_useless(c, &t);
	if (!inputs)
		code = policy_call_flows(c, &t, call->word + 2, call->words - 2);
	else if (t.policy != NULL)
		code = policy_call_inputs(c, t.policy, call->word + 2, call->words - 2);
	else
		code = usage("--read asks policy files only");
	target_close(&t);
	return code == EXIT_DONE ? read : code;
}

/* ---- compile ---- */

static enum exit_code compile(const struct policy_call *c)
{
	const struct call *call = c->call;
	bool takes_dns = true;
	if (c->target == NULL || !policy_call_target(c, &takes_dns))
		return usage("say for what to compile: --to nft, rpz, nfw, sg or nacl; for the "
			     "last three --form cli, cloudformation or terraform");
	if (call->words > 2 && (!takes_dns || !call_given(call, "dns")))
		return usage(takes_dns ? "compile takes one FILE; inputs go behind --dns"
				       : "rpz and nfw need no inputs: compile takes one FILE");
	struct policy *p = policy_call_open(call->word[1]);
	if (p == NULL)
		return EXIT_USAGE;
	enum exit_code code = policy_call_compile(c, p, call->word + 2, call->words - 2);
	policy_free(p);
	return code;
}

/* ---- draft ---- */

static enum exit_code draft(const struct policy_call *c)
{
	const struct call *call = c->call;
	if (c->baseline == NULL)
		return usage("say of which baseline: draft --baseline FILE");
	if (c->max_rules > 0 && c->max_rules < 1)
		return usage("--max-rules takes whole numbers");
	if (call->words > 1 && c->output == NULL)
		return usage("with inputs, say where the draft goes: -o FILE; what it would cut of "
			     "them is printed");
	return policy_call_draft(c, call->word + 1, call->words - 1);
}

/* ---- the verb ---- */

static enum exit_code policy_run(const struct call *call)
{
	static const struct {
		const char *name;
		enum exit_code (*run)(const struct policy_call *c);
	} actions[] = {{"check", check}, {"test", test}, {"compile", compile}, {"draft", draft}};
	struct policy_call c = *(const struct policy_call *)call->settings;
	c.call = call;
	if (!call_given(call, "at"))
		c.at_ns = clock_day_ns();
	bool drafts = call->words > 0 && strcmp(call->word[0], "draft") == 0;
	if (call->words < 2 && !drafts)
		return usage("say what to do with which file: check FILE, test FILE FLOW, "
			     "compile FILE --to nft or draft --baseline FILE");
	for (size_t i = 0; i < ARRAY_LEN(actions); i++)
		if (strcmp(call->word[0], actions[i].name) == 0)
			return actions[i].run(&c);
	message("policy: %s: no such action: check, test, compile or draft (postern help policy)",
		quoted(call->word[0]).text);
	return EXIT_USAGE;
}

static const char *const text[] = {
	"The policy is a YAML file of zones, services, destinations and rules: what may leave, and "
	"by whose decision. Rules are tried from the first to the last; the first that matches "
	"decides, then the default of the source's zone. docs/POLICY.md shows the form.",
	"check FILE... reads policies and says what is wrong with them: rules that no flow "
	"reaches or that change nothing, that contradict another, have expired or are too wide, "
	"and what no rule uses. A file that is no policy is told with its line and column.",
	"test TARGET FLOW... says whether each flow is allowed, denied or, where something is not "
	"known that matters, undecided. TARGET is a policy, or any firewall's configuration that "
	"audit reads. A flow is written tcp:192.0.2.10:40000>198.51.100.7:443, "
	"udp the same, icmp:SRC>DST:TYPE; IPv6 addresses in brackets; - reads a flow a line from "
	"standard input.",
	"test FILE --read INPUT... asks about every connection of captures and logs, as hunt reads "
	"them: what is denied or undecided is listed once for each host, endpoint, port and "
	"protocol, with its rule, then a summary.",
	"compile FILE --to nft writes the policy as a ruleset for nft -f: one transaction that "
	"replaces the table inet postern and touches nothing else. It holds for what the machine "
	"sends and forwards. What nftables can't express is told, and what comes of it. "
	"With --dns INPUT... names stand for the addresses that DNS answers in captures and logs "
	"gave them; the network is never asked. --to rpz writes a response policy zone of the "
	"names.",
	"compile FILE --to nfw|sg|nacl writes the policy for Amazon's boundaries, as JSON for the "
	"command line, CloudFormation or Terraform, within their quotas, or nothing. What the "
	"target can't tell (names and application protocols in groups and ACLs) is left shut, or "
	"open with --wider, and told. docs/WRITING.md shows how it is applied.",
	"draft --baseline FILE writes the smallest policy that carries a baseline: a rule for each "
	"zone, service and set of hosts, with the traffic that it is there for. What can't be "
	"carried, and what a quota of prefixes leaves open beside it, is told; with inputs, what "
	"the draft would cut of them is printed as test --read does.",
	NULL,
};

static const struct example examples[] = {
	{"postern policy check --exit-code egress.yaml", "Fail a review when there is a remark:"},
	{"postern policy test egress.yaml --sni www.vendor.example "
	 "'tcp:192.0.2.10:40000>198.51.100.7:443'",
		"Ask about one flow:"},
	{"postern policy draft --baseline office.baseline -o egress.yaml /var/captures",
		"Draft a policy, and see what it would cut:"},
};

const struct verb verb_policy = {
	.name = "policy",
	.words = "check|test|compile|draft FILE...",
	.summary = "drafts and checks an egress policy, says what it allows, and makes a firewall "
		   "of it",
	.text = text,
	.option = options,
	.options = ARRAY_LEN(options),
	.settings_bytes = sizeof(struct policy_call),
	.example = examples,
	.examples = ARRAY_LEN(examples),
	.run = policy_run,
};
