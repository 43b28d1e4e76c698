/* postern audit: what a real boundary lets pass. */
#include <errno.h>
#include <string.h>

#include "base/scan.h"
#include "cli/file.h"
#include "cli/message.h"
#include "cli/output.h"
#include "cli/target.h"

#define FLOWS_BYTES_MAX ((size_t)16 << 20)

struct audit {
	const char *flow, *flows, *path, *in, *out, *vpc, *subnet, *eni, *home, *output;
	bool json, exit_code, quiet;
};

#define AT(field) offsetof(struct audit, field)

static const struct option options[] = {
	{"flow", 0, OPTION_TEXT, "FLOW", AT(flow),
		.help = "ask about one flow, such as 'tcp:192.0.2.10:40000>198.51.100.7:443'"},
	{"flows", 0, OPTION_TEXT, "FILE", AT(flows),
		.help = "ask about each line of FILE: PATH, IN, OUT and FLOW with a tab between "
			"them, - for an interface that is not known"},
	{"path", 0, OPTION_TEXT, "PATH", AT(path), .fallback = "output",
		.help = "of a firewall: the flow's way through the host: output, forward or input"},
	{"in", 0, OPTION_TEXT, "NAME", AT(in), .help = "the interface that it comes in by"},
	{"out", 0, OPTION_TEXT, "NAME", AT(out), .help = "the interface that it leaves by"},
	{"vpc", 0, OPTION_TEXT, "ID", AT(vpc), .help = "of an Amazon VPC: where the source is"},
	{"subnet", 0, OPTION_TEXT, "ID", AT(subnet), .help = "as --vpc"},
	{"eni", 0, OPTION_TEXT, "ID", AT(eni), .help = "as --vpc"},
	{"home", 0, OPTION_TEXT, "NETWORKS", AT(home),
		.help = "of a Network Firewall that does not say it: HOME_NET, as rules write it"},
	{"json", 0, OPTION_FLAG, NULL, AT(json), .help = "print JSON Lines"},
	{"output", 'o', OPTION_TEXT, "FILE", AT(output),
		.help = "write the results to FILE instead of standard output; it appears when it "
			"is complete"},
	{"exit-code", 0, OPTION_FLAG, NULL, AT(exit_code),
		.help = "exit with 1 when something is denied"},
	{"quiet", 'q', OPTION_FLAG, NULL, AT(quiet), .help = "no remarks; errors are still told"},
};

/* What fallback channels use. */
static const struct target_try tries[] = {
	{"tcp 443", 6, 443, 443, "tls"},
	{"tcp 80", 6, 80, 80, "http"},
	{"tcp 53", 6, 53, 53, "dns"},
	{"tcp 22", 6, 22, 22, "ssh"},
	{"tcp any high port", 6, 1024, UINT16_MAX, "unknown"},
	{"udp 53", 17, 53, 53, "dns"},
	{"udp 443", 17, 443, 443, "quic"},
	{"udp 123", 17, 123, 123, "ntp"},
	{"udp any port", 17, 1, UINT16_MAX, "unknown"},
	{"icmp echo", 1, 8, 8, NULL},
};

/* ---- one answer ---- */

struct asking {
	const struct audit *audit;
	const struct target *target;
	struct target_ask ask;
	struct out name; /* of the target; safe */
	struct out *text;
	size_t denied;
};

static void say_json(
	struct asking *a, const struct target_channel *channel, const struct target_answer *answer)
{
	const char *place = a->target->vpc != NULL     ? "subnet"
	                    : a->target->rules != NULL ? "path"
	                    : a->target->nfw != NULL   ? "policy"
	                                               : "zone";
	struct emit e = {.out = a->text};
	emit_open(&e, NULL, '{');
	emit_text(&e, "type", "answer", SIZE_MAX);
	emit_text(&e, "file", out_string(&a->name), SIZE_MAX);
	if (channel->place != NULL)
		emit_text(&e, place, channel->place, SIZE_MAX);
	if (channel->source != NULL)
		emit_text(&e, "interface", channel->source, VPC_NAME_BYTES);
	emit_text(&e, "flow", channel->text, 255);
	target_put_answer(&e, answer);
	emit_close(&e, '}');
	out_text(a->text, "\n");
}

static void say_text(
	struct asking *a, const struct target_channel *channel, const struct target_answer *answer)
{
	out_printf(a->text, "%-9s ", policy_verdict_name(answer->verdict));
	if (channel->place != NULL)
		out_printf(a->text, "%-7s ", channel->place);
	out_safe(a->text, channel->text, 255);
	if (channel->source != NULL) {
		out_text(a->text, "  ");
		out_safe(a->text, channel->source, VPC_NAME_BYTES);
	}
	out_printf(a->text, "  %s\n", out_string(&answer->reason));
}

static void tell(
	void *context, const struct target_channel *channel, const struct target_answer *answer)
{
	struct asking *a = context;
	a->denied += answer->verdict == POLICY_DENIED;
	(a->audit->json ? say_json : say_text)(a, channel, answer);
}

static int ask_one(struct asking *a, struct span text, struct fail *why)
{
	struct target_answer answer = {0};
	struct out said = {0};
	int err = target_ask(a->target, text, &a->ask, &answer, why);
	out_bytes(&said, (const char *)text.ptr, text.len);
	if (err == 0)
		tell(a,
			&(struct target_channel){
				.place = a->target->rules != NULL ? a->ask.hook : NULL,
				.text = out_string(&said)},
			&answer);
	out_fini(&said);
	target_answer_fini(&answer);
	return err;
}

/* ---- which flows ---- */

static const char *name_of(struct span text, char buf[static 16])
{
	if (span_is(text, "-") || text.len == 0 || text.len > 15)
		return NULL;
	memcpy(buf, text.ptr, text.len);
	buf[text.len] = '\0';
	return buf;
}

static int ask_file(struct asking *a, struct fail *why)
{
	char *owned = NULL, hook[16], in[16], out[16];
	struct cur text;
	struct span line, field[4];
	int err = file_read(a->audit->flows, FLOWS_BYTES_MAX, &owned, &text, why);
	struct span rest = err == 0 ? cur_bytes(&text, text.len) : (struct span){0};
	for (unsigned long at = 1; err == 0 && span_next(&rest, '\n', &line); at++) {
		struct fail inner = {0};
		bool whole = true;
		if (line.len == 0)
			continue;
		for (size_t i = 0; i < ARRAY_LEN(field); i++)
			whole = whole && span_next(&line, '\t', &field[i]);
		if (!whole || line.len > 0) {
			err = fail_set(why, -EINVAL,
				"--flows: line %lu: not PATH, IN, OUT, FLOW with tabs between them",
				at);
			break;
		}
		a->ask.hook = name_of(field[0], hook);
		a->ask.iif = name_of(field[1], in);
		a->ask.oif = name_of(field[2], out);
		if (ask_one(a, field[3], &inner) < 0)
			err = fail_set(why, -EINVAL, "--flows: line %lu: %s", at, inner.text);
	}
	free(owned);
	return err;
}

static int ask_all(struct asking *a, struct fail *why)
{
	const struct audit *audit = a->audit;
	if (audit->flows != NULL)
		return ask_file(a, why);
	if (audit->flow != NULL)
		return ask_one(a, span_of(audit->flow), why);
	if (target_each_try(a->target, &a->ask, tries, ARRAY_LEN(tries), tell, a) > 0)
		return 0;
	message("%s: %s", out_string(&a->name),
		a->target->vpc != NULL
			? "no interface was read: add describe-network-interfaces"
			: "no chain for what leaves (output, forward): all of it passes");
	return 0;
}

/* ---- the verb ---- */

/* Parts that could not be read do not stop it. */
static enum exit_code audit_target(struct asking *a, const struct call *call, size_t *at)
{
	struct target target;
	struct fail why = {0};
	const struct audit *audit = a->audit;
	enum exit_code code = target_open(&target, call->word + *at, call->words - *at,
		&(struct target_read){.quiet = audit->quiet, .home = audit->home});
	a->target = &target;
	a->ask = (struct target_ask){.hook = audit->path,
		.iif = audit->in,
		.oif = audit->out,
		.vpc = audit->vpc,
		.subnet = audit->subnet,
		.eni = audit->eni};
	out_clear(&a->name);
	out_safe(&a->name, target.path, SIZE_MAX);
	if (code == EXIT_DONE || code == EXIT_PARTIAL) {
		if (!audit->json && target.paths < call->words)
			out_printf(a->text, "%s:\n", out_string(&a->name));
		if (ask_all(a, &why) < 0) {
			message("audit: %s", why.text);
			code = EXIT_USAGE;
		}
	}
	*at += target.paths;
	target_close(&target);
	return code;
}

static enum exit_code audit_run(const struct call *call)
{
	const struct audit *audit = call->settings;
	struct out text = {0};
	struct asking a = {.audit = audit, .text = &text};
	enum exit_code code = call->words > 0 ? EXIT_DONE : EXIT_USAGE;
	if (code == EXIT_USAGE)
		message("audit: name a target: the output of nft -j list ruleset or of "
			"iptables-save, or a folder of aws ec2 describe-* (postern help audit)");
	for (size_t at = 0; at < call->words && (code == EXIT_DONE || code == EXIT_PARTIAL);) {
		enum exit_code one = audit_target(&a, call, &at);
		code = one == EXIT_DONE ? code : one;
	}
	if (code == EXIT_DONE && audit->exit_code && a.denied > 0)
		code = EXIT_FINDINGS;
	if (code != EXIT_USAGE && code != EXIT_NOTHING && !output_print(audit->output, &text))
		code = EXIT_NOTHING;
	out_fini(&text);
	out_fini(&a.name);
	return code;
}

static const char *const text[] = {
	"Reads a boundary and says what it lets out. TARGET is a firewall's rules, as nft -j list "
	"ruleset, iptables-save or ip6tables-save print them, or as nft -f reads them (nft "
	"itself reads these, in a network namespace that is thrown away); or what aws ec2 "
	"describe-* "
	"print of an Amazon VPC: files of JSON, which are taken together, or a folder of them; or "
	"what aws network-firewall describe-* print of a Network Firewall, or Suricata's rules. "
	"Nothing is asked of a machine or of Amazon.",
	"For the first packet of a new connection it is said whether it is allowed, denied or, "
	"where that hangs on what no file tells (a rate, a clock, a socket's owner, a list that "
	"was "
	"not read), undecided; with the rule that decides. docs/BOUNDARIES.md and docs/VPC.md say "
	"how.",
	"Without a flow, the channels that a fallback would try are asked about, to an address "
	"that "
	"no rule names: on each path of a firewall that has rules, in both IP versions; for each "
	"subnet of a VPC that has interfaces, by the one that gets furthest.",
	NULL,
};

static const struct example examples[] = {
	{"nft -j list ruleset > rules.json; postern audit rules.json", "What is open:"},
	{"postern audit rules.json --path forward --in lan0 --out wan0 --flow "
	 "'udp:192.0.2.10:40000>198.51.100.7:443'",
		"Ask about one flow:"},
	{"postern audit account/ --flow 'tcp:i-0123>203.0.113.7:443'",
		"An Amazon VPC, by what aws ec2 describe-* printed into account/:"},
};

const struct verb verb_audit = {
	.name = "audit",
	.words = "TARGET...",
	.summary = "says what a firewall or a VPC lets out",
	.text = text,
	.option = options,
	.options = ARRAY_LEN(options),
	.settings_bytes = sizeof(struct audit),
	.example = examples,
	.examples = ARRAY_LEN(examples),
	.run = audit_run,
};
