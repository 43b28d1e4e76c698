/* postern nfw: whether flows pass an AWS Network Firewall, by its policies and rule groups. */
#include <errno.h>
#include <string.h>

#include "base/scan.h"
#include "cli/message.h"
#include "cli/nfw.h"
#include "cli/output.h"
#include "cli/target.h"
#include "cli/verb.h"
#include "nfw/nfw.h"
#include "report/emit.h"

struct nfw_settings {
	struct texts flows;
	const char *read, *order, *home, *from, *sni, *http_host, *dns_name, *app, *output;
	bool strict, ips, json, exit_code, quiet;
};

struct nfw_call {
	const struct call *call;
	const struct nfw_settings *settings;
	struct nfw *nfw;
	uint64_t denied;
	struct out text;
};

/* ---- telling ---- */

static void emit_stage(struct emit *e, const struct nfw_stage *s)
{
	emit_text(e, "stage", s->name, SIZE_MAX);
	emit_text(e, "rule", s->rule[0] == '\0' ? NULL : s->rule, SIZE_MAX);
	emit_text(e, "reason", s->reason, SIZE_MAX);
}

static void say_stage(struct out *o, const struct nfw_stage *s)
{
	out_text(o, s->name);
	if (s->rule[0] != '\0') {
		out_text(o, ", ");
		out_safe(o, s->rule, sizeof s->rule);
	}
	out_text(o, ": ");
	out_safe(o, s->reason, sizeof s->reason);
	out_text(o, "\n");
}

static void emit_answer(struct nfw_call *c, const char *type, const char *what, const char *family,
	const struct nfw_policy *policy, const struct nfw_answer *a)
{
	struct emit e = {.out = &c->text};
	emit_open(&e, NULL, '{');
	emit_text(&e, "type", type, SIZE_MAX);
	emit_text(&e, type, what, SIZE_MAX);
	if (family != NULL)
		emit_text(&e, "family", family, SIZE_MAX);
	emit_text(&e, "policy", nfw_policy_name(policy), 256);
	emit_text(&e, "verdict", nfw_verdict_name(a->verdict), SIZE_MAX);
	emit_stage(&e, a->decides);
	emit_open(&e, "stages", '[');
	for (size_t i = 0; i < a->stages; i++) {
		emit_open(&e, NULL, '{');
		emit_text(&e, "verdict", nfw_verdict_name(a->stage[i].verdict), SIZE_MAX);
		emit_stage(&e, &a->stage[i]);
		emit_close(&e, '}');
	}
	emit_close(&e, ']');
	emit_close(&e, '}');
	out_text(&c->text, "\n");
}

/* ---- flows that a person gives ---- */

static bool set_app(const struct nfw_settings *s, struct policy_flow *flow)
{
	const struct {
		const char *as, *name;
	} names[] = {{"tls", s->sni}, {"http", s->http_host}, {"dns", s->dns_name}};
	size_t given = 0;
	if (s->app != NULL)
		flow->as = strcmp(s->app, "none") == 0 ? "" : s->app;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (names[i].name == NULL)
			continue;
		given++;
		flow->name = names[i].name;
		if (flow->as == NULL)
			flow->as = names[i].as;
	}
	return given < 2;
}

static enum exit_code ask_flow(struct nfw_call *c, const char *words)
{
	struct nfw_flow flow = {0};
	struct fail why = {0};
	if (policy_flow_parse(span_of(words), &flow.flow, &why) < 0) {
		message("nfw: %s is no flow: %s", quoted(words).text, why.text);
		return EXIT_USAGE;
	}
	if (!set_app(c->settings, &flow.flow)) {
		message("nfw: one of --sni, --http-host and --dns-name, as a flow is of one "
			"protocol");
		return EXIT_USAGE;
	}
	const struct nfw_policy *policy = nfw_next_policy(c->nfw, NULL);
	for (; policy != NULL; policy = nfw_next_policy(c->nfw, policy)) {
		struct nfw_answer a;
		if (nfw_ask(c->nfw, policy, &flow, &a) < 0) {
			message("out of memory");
			return EXIT_NOTHING;
		}
		c->denied += a.verdict == NFW_DENIED;
		if (c->settings->json) {
			emit_answer(c, "flow", words, NULL, policy, &a);
			continue;
		}
		out_printf(&c->text, "%-9s %s, ", nfw_verdict_name(a.verdict), words);
		out_safe(&c->text, nfw_policy_name(policy), 256);
		out_text(&c->text, ": ");
		say_stage(&c->text, a.decides);
		for (size_t i = 0; i < a.stages; i++) {
			out_printf(&c->text, "  %-9s ", nfw_verdict_name(a.stage[i].verdict));
			say_stage(&c->text, &a.stage[i]);
		}
	}
	return EXIT_DONE;
}

static enum exit_code ask_flows(struct nfw_call *c, enum exit_code code)
{
	for (size_t i = 0; i < c->settings->flows.count; i++) {
		enum exit_code one = ask_flow(c, c->settings->flows.text[i]);
		if (one != EXIT_DONE)
			return one;
	}
	return code == EXIT_DONE && c->settings->exit_code && c->denied > 0 ? EXIT_FINDINGS : code;
}

/* ---- channels to the Internet ---- */

/* What is tried when a way is shut (docs/DETECTION.md), to a name and an address that no rule
 * names. */
static const struct nfw_channel {
	const char *name;
	uint8_t proto;
	uint16_t port;
	const char *as, *host;
} channels[] = {
	{"tls 443", 6, 443, "tls", "unlisted.example"},
	{"tls 443, no name", 6, 443, "tls", ""},
	{"tls 8443", 6, 8443, "tls", "unlisted.example"},
	{"http 80", 6, 80, "http", "unlisted.example"},
	{"http 8080", 6, 8080, "http", "unlisted.example"},
	{"raw tcp 443", 6, 443, "", NULL},
	{"raw tcp 47808", 6, 47808, "", NULL},
	{"ssh 22", 6, 22, "ssh", NULL},
	{"dns tcp 53", 6, 53, "dns", "unlisted.example"},
	{"dns udp 53", 17, 53, "dns", "unlisted.example"},
	{"quic udp 443", 17, 443, "quic", "unlisted.example"},
	{"raw udp 443", 17, 443, "", NULL},
	{"ntp udp 123", 17, 123, "ntp", NULL},
	{"raw udp 47808", 17, 47808, "", NULL},
	{"icmp echo", 1, 8, NULL, NULL},
};

static enum exit_code ask_channel(struct nfw_call *c, const struct nfw_policy *policy,
	const struct nfw_channel *channel, bool ipv6)
{
	struct nfw_answer a;
	struct nfw_flow flow = {.flow = {.proto = channel->proto,
					.port = channel->port,
					.src_port = channel->proto == 1 ? 0 : 40000,
					.as = channel->as,
					.name = channel->host}};
	CHECK(addr_parse(ipv6 ? "2001:db8:ffff::1" : "203.0.113.1", &flow.flow.dst) == 0);
	if (ipv6 && channel->proto == 1) {
		flow.flow.proto = 58;
		flow.flow.port = 128;
	}
	if (c->settings->from != NULL && addr_parse(c->settings->from, &flow.flow.src) < 0) {
		message("nfw: --from %s is no address", quoted(c->settings->from).text);
		return EXIT_USAGE;
	}
	if (c->settings->from != NULL && addr_is_v4(&flow.flow.src) == ipv6)
		return EXIT_DONE;
	if (nfw_ask(c->nfw, policy, &flow, &a) < 0) {
		message("out of memory");
		return EXIT_NOTHING;
	}
	const char *family = ipv6 ? "ipv6" : "ipv4";
	if (c->settings->json) {
		emit_answer(c, "channel", channel->name, family, policy, &a);
		return EXIT_DONE;
	}
	out_printf(
		&c->text, "  %-9s %s %-16s ", nfw_verdict_name(a.verdict), family, channel->name);
	say_stage(&c->text, a.decides);
	return EXIT_DONE;
}

static enum exit_code ask_channels(struct nfw_call *c, enum exit_code code)
{
	const struct nfw_policy *policy = nfw_next_policy(c->nfw, NULL);
	for (; policy != NULL; policy = nfw_next_policy(c->nfw, policy)) {
		if (!c->settings->json) {
			out_safe(&c->text, nfw_policy_name(policy), 256);
			out_printf(&c->text, ", from %s to the Internet\n",
				c->settings->from == NULL ? "HOME_NET" : c->settings->from);
		}
		for (size_t i = 0; i < 2 * ARRAY_LEN(channels); i++) {
			enum exit_code one = ask_channel(c, policy,
				&channels[i % ARRAY_LEN(channels)], i >= ARRAY_LEN(channels));
			if (one != EXIT_DONE)
				return one;
		}
	}
	return code;
}

static void tell_counts(struct nfw_call *c)
{
	struct nfw_counts n = nfw_count(c->nfw);
	if (!c->settings->json) {
		out_printf(&c->text,
			"%zu policies, %zu rule groups: %zu stateless rules, %zu stateful ones, of "
			"which %zu "
			"with keywords that are not supported; %zu left out\n",
			n.policies, n.groups, n.stateless, n.rules, n.unsupported, n.wrong);
		return;
	}
	struct emit e = {.out = &c->text};
	emit_open(&e, NULL, '{');
	emit_text(&e, "type", "summary", SIZE_MAX);
	emit_count(&e, "policies", n.policies);
	emit_count(&e, "groups", n.groups);
	emit_count(&e, "stateless_rules", n.stateless);
	emit_count(&e, "stateful_rules", n.rules);
	emit_count(&e, "unsupported", n.unsupported);
	emit_count(&e, "left_out", n.wrong);
	emit_close(&e, '}');
	out_text(e.out, "\n");
}

/* ---- the verb ---- */

static enum exit_code write_text(const struct nfw_call *c, enum exit_code code)
{
	return output_print(c->settings->output, &c->text) ? code : EXIT_NOTHING;
}

static enum exit_code nfw_run(const struct call *call)
{
	struct nfw_call c = {.call = call, .settings = call->settings};
	if (call->words == 0) {
		message("nfw: give files or folders of rule groups and policies (postern help "
			"nfw)");
		return EXIT_USAGE;
	}
	struct target t = {.kind = TARGET_NFW, .paths = call->words};
	enum exit_code code = target_read_nfw(&t, call->word, NULL,
		&(struct target_read){.quiet = c.settings->quiet,
			.home = c.settings->home,
			.strict = c.settings->strict});
	c.nfw = t.nfw;
	if (code == EXIT_DONE || code == EXIT_PARTIAL) {
		if (c.settings->read != NULL) {
			struct nfw_replay replay = {.capture = c.settings->read,
				.order = c.settings->order,
				.ips = c.settings->ips,
				.strict = c.settings->strict,
				.json = c.settings->json};
			enum exit_code one = nfw_replay(c.nfw, &replay, &c.text);
			code = one == EXIT_DONE ? code : one;
		} else if (c.settings->flows.count > 0) {
			code = ask_flows(&c, code);
		} else {
			code = ask_channels(&c, code);
			tell_counts(&c);
		}
		if (code != EXIT_USAGE && code != EXIT_NOTHING)
			code = write_text(&c, code);
	}
	out_fini(&c.text);
	target_close(&t);
	return code;
}

#define AT(field) offsetof(struct nfw_settings, field)

static const struct option options[] = {
	{"flow", 'f', OPTION_TEXTS, "FLOW", AT(flows),
		.help = "ask about this flow; may be given again"},
	{"sni", 0, OPTION_TEXT, "NAME", AT(sni),
		.help = "the flows are of TLS, and their ClientHello names NAME"},
	{"http-host", 0, OPTION_TEXT, "NAME", AT(http_host),
		.help = "the flows are of HTTP, and ask for NAME (lower case)"},
	{"dns-name", 0, OPTION_TEXT, "NAME", AT(dns_name),
		.help = "the flows are of DNS, and ask about NAME"},
	{"app", 0, OPTION_TEXT, "PROTOCOL", AT(app),
		.help = "the flows' application protocol in Suricata's words (ssh, quic, ...); "
			"none: one "
			"that it does not know"},
	{"home", 0, OPTION_TEXT, "NETS", AT(home),
		.help = "what HOME_NET is where no policy or group says it: the firewall's own "
			"VPC, as "
			"10.0.0.0/16 or [10.0.0.0/16,10.1.0.0/16]"},
	{"from", 0, OPTION_TEXT, "ADDRESS", AT(from),
		.help = "ask about channels from this address; without it from any of HOME_NET"},
	{"read", 'r', OPTION_TEXT, "CAPTURE", AT(read),
		.help = "Suricata's rules over the packets of CAPTURE: what alerts"},
	{"ips", 0, OPTION_FLAG, NULL, AT(ips),
		.help = "with --read: inline, so that drop and reject drop; without it they alert"},
	{"action-order", 0, OPTION_TEXT, "ACTIONS", AT(order),
		.help = "with --read: the order of actions, as Suricata's configuration has it "
			"(pass,drop,reject,alert)"},
	{"strict", 0, OPTION_FLAG, NULL, AT(strict),
		.help = "rules that no policy refers to stand in strict order"},
	{"json", 0, OPTION_FLAG, NULL, AT(json), .help = "print JSON Lines"},
	{"output", 'o', OPTION_TEXT, "FILE", AT(output),
		.help = "write the results to FILE instead of standard output; it appears when it "
			"is complete"},
	{"exit-code", 0, OPTION_FLAG, NULL, AT(exit_code),
		.help = "exit with 1 when a flow of --flow is denied"},
	{"quiet", 'q', OPTION_FLAG, NULL, AT(quiet), .help = "no remarks; errors are still told"},
};

static const char *const text[] = {
	"INPUT... are what aws network-firewall describe-firewall-policy and describe-rule-group "
	"print, templates of CloudFormation (JSON, YAML), terraform show -json, files of "
	"Suricata's "
	"rules, or folders of such files. Nothing is asked of Amazon.",
	"With --flow it is said whether the flow is allowed, denied or, where something was not "
	"read "
	"or is not understood that matters, undecided: packet by packet, from the SYN to the first "
	"answer, first by the stateless rules and then by the stateful ones, and which rule or "
	"default "
	"decides. A flow is written tcp:10.0.0.5:40000>203.0.113.7:443, udp the same, or "
	"icmp:SRC>DST:TYPE; IPv6 addresses in brackets. Datagrams pass when the first one does.",
	"Without --flow the channels that are tried when a way is shut are asked about for each "
	"policy, to an address and a name that no rule names. docs/NFW.md says what is judged and "
	"what "
	"is not.",
	"With --read one file of Suricata's rules is asked about each packet of a capture, as an "
	"IDS or "
	"(--ips) inline: alerts and dropped packets of each rule, and where an answer hangs on "
	"what is "
	"not followed, undecided. --json prints each of them with the packet's number.",
	NULL,
};

static const struct example examples[] = {
	{"postern nfw --home 10.0.0.0/16 account/", "Every policy's channels to the Internet:"},
	{"postern nfw --flow 'tcp:10.0.0.5:40000>203.0.113.7:443' --sni www.example.com account/",
		"Ask about one flow:"},
	{"postern nfw --strict egress.rules", "Rules of Suricata alone:"},
	{"postern nfw --ips --home 10.0.0.0/8 --read traffic.pcap egress.rules",
		"What they would drop of a capture:"},
};

const struct verb verb_nfw = {
	.name = "nfw",
	.words = "INPUT...",
	.summary = "says which channels an AWS Network Firewall leaves open, and what decides",
	.text = text,
	.option = options,
	.options = ARRAY_LEN(options),
	.settings_bytes = sizeof(struct nfw_settings),
	.example = examples,
	.examples = ARRAY_LEN(examples),
	.run = nfw_run,
};
