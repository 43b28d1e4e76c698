/* postern audit: what a real boundary lets pass, and what is wrong with it. */
#include <errno.h>
#include <string.h>

#include "base/scan.h"
#include "cli/audit.h"
#include "cli/file.h"
#include "cli/message.h"
#include "cli/output.h"

#define FLOWS_BYTES_MAX ((size_t)16 << 20)

#define AT(field) offsetof(struct audit_call, field)

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
	{"spokes", 0, OPTION_NETWORKS, "CIDR,...", AT(spokes),
		.help = "networks that are routed through a Network Firewall: whether HOME_NET "
			"holds them"},
	{"policy", 0, OPTION_TEXT, "FILE", AT(policy),
		.help = "a policy: say where the boundary does otherwise"},
	{"baseline", 0, OPTION_TEXT, "FILE", AT(baseline),
		.help = "a baseline: say what of it is shut, and what is open that no host uses"},
	{"flow-logs", 0, OPTION_TEXTS, "INPUT", AT(flow_logs),
		.help = "a log or capture, as hunt reads them, or a folder; may be given again: "
			"say which rules of a firewall or VPC no connection used"},
	{"since", 0, OPTION_TEXT, "FILE", AT(since),
		.help = "what an earlier run printed with --json: say what is new, gone and "
			"changed"},
	{"to", 0, OPTION_TEXT, "FORMAT", AT(to), .fallback = "text",
		.help = "text, json (JSON Lines) or sarif (SARIF 2.1.0: the findings)"},
	{"json", 0, OPTION_FLAG, NULL, AT(json), .help = "as --to json"},
	{"output", 'o', OPTION_TEXT, "FILE", AT(output),
		.help = "write the results to FILE instead of standard output; it appears when it "
			"is complete"},
	{"exit-code", 0, OPTION_FLAG, NULL, AT(exit_code),
		.help = "exit with 1 when there is a finding, with --since a new one; of flows, "
			"when one is denied"},
	{"quiet", 'q', OPTION_FLAG, NULL, AT(quiet), .help = "no remarks; errors are still told"},
};

/* What fallback channels use; in the order of enum audit_way. The last ones only show holes. */
#define TRIES_SAID AUDIT_WAY_TCP
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
	{"tcp 47808", 6, 47808, 47808, "unknown"},
	{"udp 47808", 17, 47808, 47808, "unknown"},
};
_Static_assert(ARRAY_LEN(tries) == AUDIT_WAYS, "a try for each way");

/* ---- one answer ---- */

enum format { TEXT, JSON, SARIF, FORMATS };

struct asking {
	const struct audit_call *audit;
	enum format format;
	const struct target *target;
	struct target_ask ask;
	struct out name; /* of the target; safe */
	struct out *text;
	size_t denied, undecided, changed;
	struct audit *found;
	struct audit_places *places;
	struct audit_since *since; /* NULL: nothing is compared */
};

/* before: the verdict of an earlier run, where it was another; else NULL. */
static void say_json(struct asking *a, const struct target_channel *channel,
	const struct target_answer *answer, const char *before)
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
	if (before != NULL)
		emit_text(&e, "before", before, SIZE_MAX);
	emit_close(&e, '}');
	out_text(a->text, "\n");
}

static void say_text(struct asking *a, const struct target_channel *channel,
	const struct target_answer *answer, const char *before)
{
	out_printf(a->text, "%-9s ", policy_verdict_name(answer->verdict));
	if (channel->place != NULL)
		out_printf(a->text, "%-7s ", channel->place);
	out_safe(a->text, channel->text, 255);
	if (channel->source != NULL) {
		out_text(a->text, "  ");
		out_safe(a->text, channel->source, VPC_NAME_BYTES);
	}
	if (before != NULL)
		out_printf(a->text, "  was %s", before);
	out_printf(a->text, "  %s\n", out_string(&answer->reason));
}

static void tell(
	void *context, const struct target_channel *channel, const struct target_answer *answer)
{
	struct asking *a = context;
	const char *before = a->since == NULL
	                             ? NULL
	                             : audit_since_answer(a->since, channel->place, channel->text);
	if (before != NULL && strcmp(before, policy_verdict_name(answer->verdict)) == 0)
		before = NULL;
	a->changed += before != NULL;
	a->denied += answer->verdict == POLICY_DENIED;
	a->undecided += answer->verdict == POLICY_UNDECIDED;
	if (a->format == JSON)
		say_json(a, channel, answer, before);
	else if (a->format == TEXT)
		say_text(a, channel, answer, before);
}

/* A try of those below: answered, and kept for what it shows with the others. */
static void tell_try(
	void *context, const struct target_channel *channel, const struct target_answer *answer)
{
	struct asking *a = context;
	if (channel->number < TRIES_SAID)
		tell(a, channel, answer);
	audit_places_note(a->places, a->target, channel, answer);
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
	const struct audit_call *audit = a->audit;
	if (audit->flows != NULL)
		return ask_file(a, why);
	if (audit->flow != NULL)
		return ask_one(a, span_of(audit->flow), why);
	if (target_each_try(a->target, &a->ask, tries, ARRAY_LEN(tries), tell_try, a) == 0)
		message("%s: %s", out_string(&a->name),
			a->target->vpc != NULL
				? "no interface was read: add describe-network-interfaces"
				: "nothing in it leaves from anywhere");
	return 0;
}

/* ---- the verb ---- */

static bool asks_flows(const struct audit_call *audit)
{
	return audit->flow != NULL || audit->flows != NULL;
}

static enum exit_code ask_and_find(struct asking *a, enum exit_code code)
{
	struct fail why = {0};
	audit_places_clear(a->places);
	audit_set_file(a->found, out_string(&a->name));
	if (ask_all(a, &why) < 0) {
		message("audit: %s", why.text);
		return EXIT_USAGE;
	}
	if (asks_flows(a->audit))
		return code;
	enum exit_code found = audit_find(a->found, a->audit, a->target, a->places);
	return found == EXIT_DONE ? code : found;
}

/* Parts that could not be read do not stop it. */
static enum exit_code audit_target(struct asking *a, const struct call *call, size_t *at)
{
	struct target target;
	const struct audit_call *audit = a->audit;
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
		if (a->format == TEXT && target.paths < call->words)
			out_printf(a->text, "%s:\n", out_string(&a->name));
		code = ask_and_find(a, code);
	}
	*at += target.paths;
	target_close(&target);
	return code;
}

static enum format format_of(const struct audit_call *audit)
{
	static const char *const names[FORMATS] = {"text", "json", "sarif"};
	unsigned i = 0;
	while (i < FORMATS && !audit->json && strcmp(names[i], audit->to) != 0)
		i++;
	return audit->json ? JSON : (enum format)i;
}

static bool is_wrong(const struct asking *a, const struct call *call)
{
	const char *wrong = NULL;
	if (call->words == 0)
		wrong = "name a target: the output of nft -j list ruleset or of iptables-save, or "
			"a folder of aws ec2 describe-*";
	else if (a->format == FORMATS)
		wrong = "--to is text, json or sarif";
	else if (a->format == SARIF && asks_flows(a->audit))
		wrong = "--to sarif holds findings: it goes without --flow and --flows";
	if (wrong != NULL)
		message("audit: %s (postern help audit)", wrong);
	return wrong != NULL;
}

static bool read_since(struct asking *a)
{
	char *owned = NULL;
	struct cur text;
	struct fail why = {0};
	if (a->audit->since == NULL)
		return true;
	int err = file_read(a->audit->since, AUDIT_SINCE_BYTES_MAX, &owned, &text, &why);
	const char *between = err < 0 ? NULL : ":";
	if (err == 0)
		err = audit_since_read(&a->since, text, &why);
	if (err < 0 && between == NULL)
		message("--since: %s", why.text);
	else if (err < 0)
		message("%s:%s", shown(a->audit->since).text, why.text);
	free(owned);
	return err == 0;
}

/* Returns how many are new, or all when nothing is compared. */
static size_t say_findings(struct asking *a)
{
	static void (*const say[FORMATS])(struct out *, const struct audit *,
		const struct audit_since *) = {audit_say_text, audit_say_json, audit_say_sarif};
	size_t fresh = audit_count(a->found);
	if (a->since != NULL)
		fresh = audit_since_mark(a->since, a->found);
	if (audit_refused(a->found) > 0)
		message("audit: %zu findings more were left out", audit_refused(a->found));
	say[a->format](a->text, a->found, a->since);
	if (a->undecided > 0 && a->format == TEXT)
		out_printf(a->text,
			"%zu answers above are undecided, with what is missing: no finding rests "
			"on "
			"them\n",
			a->undecided);
	return fresh + a->changed;
}

static enum exit_code audit_targets(struct asking *a, const struct call *call)
{
	enum exit_code code = EXIT_DONE;
	size_t drift = 0;
	for (size_t at = 0; at < call->words && (code == EXIT_DONE || code == EXIT_PARTIAL);) {
		enum exit_code one = audit_target(a, call, &at);
		code = one == EXIT_DONE ? code : one;
	}
	if (code != EXIT_DONE && code != EXIT_PARTIAL)
		return code;
	if (!asks_flows(a->audit))
		drift = say_findings(a);
	else
		drift = a->denied;
	if (code == EXIT_DONE && a->audit->exit_code && drift > 0)
		code = EXIT_FINDINGS;
	return code;
}

static enum exit_code audit_run(const struct call *call)
{
	struct audit_call own = *(const struct audit_call *)call->settings, *audit = &own;
	struct out text = {0};
	own.path_given = call_given(call, "path");
	struct asking a = {.audit = audit, .text = &text, .format = format_of(audit)};
	enum exit_code code = EXIT_USAGE;
	if (is_wrong(&a, call) || !read_since(&a))
		return code;
	a.places = audit_places_new();
	if (a.places == NULL || audit_new(&a.found) < 0) {
		message("out of memory");
		code = EXIT_NOTHING;
	} else {
		code = audit_targets(&a, call);
	}
	if (code != EXIT_USAGE && code != EXIT_NOTHING && !output_print(audit->output, &text))
		code = EXIT_NOTHING;
	audit_since_free(a.since);
	audit_places_free(a.places);
	audit_free(a.found);
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
	"that no rule names: on each path of a firewall that has rules, in both IP versions; for "
	"each subnet of a VPC that has interfaces, by the one that gets furthest. Then follow the "
	"findings, each with the flow that passes and the rule that lets it: holes by their kind, "
	"rules that never decide, change nothing or were never hit. docs/AUDIT.md lists the "
	"kinds, and what helps.",
	"With --since what is new, gone or answered otherwise than in an earlier run is said. A "
	"finding keeps its id when rules are only moved or counted on.",
	NULL,
};

static const struct example examples[] = {
	{"nft -j list ruleset > rules.json; postern audit rules.json", "What is open:"},
	{"postern audit rules.json --path forward --in lan0 --out wan0 --flow "
	 "'udp:192.0.2.10:40000>198.51.100.7:443'",
		"Ask about one flow:"},
	{"postern audit rules.json --json > then.jsonl; postern audit rules.json --since "
	 "then.jsonl --exit-code",
		"Fail when something is new:"},
	{"postern audit rules.json --to sarif -o audit.sarif", "For a code review:"},
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
	.settings_bytes = sizeof(struct audit_call),
	.example = examples,
	.examples = ARRAY_LEN(examples),
	.run = audit_run,
};
