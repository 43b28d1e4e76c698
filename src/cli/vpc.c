/* postern vpc: whether flows pass an Amazon VPC, by what its describe-* answers say. */
#include <errno.h>
#include <string.h>

#include "aws/vpc.h"
#include "base/scan.h"
#include "cli/file.h"
#include "cli/message.h"
#include "cli/output.h"
#include "cli/verb.h"
#include "ingest/walk.h"
#include "report/emit.h"

/* A large account's interfaces are some 10 MB of JSON. */
#define FILE_BYTES_MAX  ((size_t)64 << 20)
#define MODEL_BYTES_MAX ((size_t)256 << 20)

struct vpc_settings {
	struct texts flows;
	const char *output;
	bool json, exit_code, quiet;
};

struct vpc_call {
	const struct call *call;
	const struct vpc_settings *settings;
	struct vpc *vpc;
	size_t read, failed;
	uint64_t shut;
	struct out text;
};

/* ---- reading ---- */

static bool is_word(const struct vpc_call *c, const char *path)
{
	for (size_t i = 0; i < c->call->words; i++)
		if (strcmp(c->call->word[i], path) == 0)
			return true;
	return false;
}

/* Fails only when answers would be wrong: -E2BIG, -EBADMSG. */
static int read_file(struct vpc_call *c, const struct walk_file *file)
{
	struct fail why = file->why;
	struct cur text = {0};
	char *owned = NULL;
	size_t len = strlen(file->path);
	bool json = len > 5 && strcmp(file->path + len - 5, ".json") == 0;
	if (why.code == 0 && !json && !is_word(c, file->path)) {
		if (!c->settings->quiet)
			message("%s: passed by: only files *.json of a folder are read",
				shown(file->path).text);
		return 0;
	}
	int err = why.code != 0 ? why.code
	                        : file_read(file->path, FILE_BYTES_MAX, &owned, &text, &why);
	if (err == 0 && text.len > FILE_BYTES_MAX)
		err = fail_set(&why, -EINVAL, "over 64 MB: ask for fewer objects at once");
	if (err == 0)
		err = vpc_read(c->vpc, file->path, (struct span){text.ptr, text.len}, &why);
	if (err < 0) {
		message("%s: %s", shown(file->path).text, why.text);
		c->failed++;
	} else {
		c->read++;
	}
	free(owned);
	return err == -E2BIG || err == -EBADMSG ? err : 0;
}

static void tell_warnings(const struct vpc_call *c)
{
	struct span rest = span_of(vpc_warnings(c->vpc)), line;
	while (!c->settings->quiet && span_next(&rest, '\n', &line))
		if (line.len > 0)
			message("%.*s", (int)line.len, (const char *)line.ptr);
}

static enum exit_code read_all(struct vpc_call *c)
{
	struct walk w = {0};
	struct fail why = {0};
	int err = vpc_new(&c->vpc, MODEL_BYTES_MAX);
	if (err < 0)
		message("out of memory");
	for (size_t i = 0; i < c->call->words && err == 0; i++)
		if ((err = walk_add(&w, c->call->word[i], &why)) < 0)
			message("%s", why.text);
	for (size_t i = 0; i < w.files && err == 0; i++)
		err = read_file(c, &w.file[i]);
	walk_fini(&w);
	if (err < 0)
		return EXIT_NOTHING;
	tell_warnings(c);
	if (c->read > 0)
		return c->failed > 0 ? EXIT_PARTIAL : EXIT_DONE;
	message("nothing was read: give what aws ec2 describe-security-groups, "
		"describe-network-acls, ... print");
	return EXIT_NOTHING;
}

/* ---- telling ---- */

static void emit_stage(struct emit *e, const struct vpc_stage *s)
{
	emit_text(e, "stage", s->name, SIZE_MAX);
	emit_text(e, "object", s->object, VPC_NAME_BYTES);
	emit_text(e, "rule", s->rule[0] == '\0' ? NULL : s->rule, SIZE_MAX);
	emit_text(e, "reason", s->reason, SIZE_MAX);
}

static void emit_answer(struct emit *e, const struct vpc_answer *a)
{
	emit_text(e, "verdict", vpc_verdict_name(a->verdict), SIZE_MAX);
	emit_stage(e, a->decides);
	emit_open(e, "stages", '[');
	for (size_t i = 0; i < a->stages; i++) {
		emit_open(e, NULL, '{');
		emit_text(e, "verdict", vpc_verdict_name(a->stage[i].verdict), SIZE_MAX);
		emit_stage(e, &a->stage[i]);
		emit_close(e, '}');
	}
	emit_close(e, ']');
}

static void say_stage(struct out *o, const struct vpc_stage *s)
{
	out_text(o, s->name);
	if (s->object != NULL) {
		out_text(o, ", ");
		out_safe(o, s->object, VPC_NAME_BYTES);
	}
	if (s->rule[0] != '\0') {
		out_text(o, ", rule ");
		out_safe(o, s->rule, sizeof s->rule);
	}
	out_text(o, ": ");
	out_safe(o, s->reason, sizeof s->reason);
	out_text(o, "\n");
}

static void say_flow(struct vpc_call *c, const char *flow, const struct vpc_answer *a)
{
	struct out *o = &c->text;
	if (c->settings->json) {
		struct emit e = {.out = o};
		emit_open(&e, NULL, '{');
		emit_text(&e, "type", "flow", SIZE_MAX);
		emit_text(&e, "flow", flow, SIZE_MAX);
		emit_answer(&e, a);
		emit_close(&e, '}');
		out_text(o, "\n");
		return;
	}
	out_printf(o, "%-9s %s: ", vpc_verdict_name(a->verdict), flow);
	say_stage(o, a->decides);
	for (size_t i = 0; i < a->stages; i++) {
		out_printf(o, "  %-9s ", vpc_verdict_name(a->stage[i].verdict));
		say_stage(o, &a->stage[i]);
	}
}

/* ---- flows that a person gives ---- */

static enum exit_code ask_flows(struct vpc_call *c, enum exit_code code)
{
	const struct texts *flows = &c->settings->flows;
	for (size_t i = 0; i < flows->count; i++) {
		char room[VPC_NAME_BYTES];
		struct vpc_flow flow;
		struct vpc_answer answer;
		struct fail why = {0};
		if (vpc_flow_parse(span_of(flows->text[i]), room, &flow, &why) < 0) {
			message("vpc: %s is no flow: %s", quoted(flows->text[i]).text, why.text);
			return EXIT_USAGE;
		}
		vpc_ask(c->vpc, &flow, &answer);
		c->shut += answer.verdict == VPC_SHUT;
		say_flow(c, flows->text[i], &answer);
	}
	return code == EXIT_DONE && c->settings->exit_code && c->shut > 0 ? EXIT_FINDINGS : code;
}

/* ---- channels to the Internet ---- */

/* What is tried when a way is shut (docs/DETECTION.md); to an address that no rule names. */
static const struct channel {
	const char *name;
	uint8_t proto;
	uint16_t low, high;
} channels[] = {
	{"tcp 443", 6, 443, 443},
	{"tcp 80", 6, 80, 80},
	{"tcp 53", 6, 53, 53},
	{"tcp 22", 6, 22, 22},
	{"tcp any high port", 6, 1024, UINT16_MAX},
	{"udp 53", 17, 53, 53},
	{"udp 443", 17, 443, 443},
	{"udp 123", 17, 123, 123},
	{"udp any port", 17, 1, UINT16_MAX},
	{"icmp echo", 1, 0, 0},
};

static void ask_host(const struct vpc *v, const struct channel *channel,
	const struct vpc_host *host, bool ipv6, struct vpc_answer *ret)
{
	struct vpc_flow flow = {.interface = host->interface,
		.proto = channel->proto,
		.type = channel->proto == 1 ? 8 : -1,
		.code = channel->proto == 1 ? 0 : -1};
	CHECK(addr_parse(ipv6 ? "2001:db8:ffff::1" : "203.0.113.1", &flow.dst) == 0);
	if (ipv6 && channel->proto == 1) {
		flow.proto = 58;
		flow.type = 128;
	}
	vpc_ask_ports(v, &flow, channel->low, channel->high, ret);
}

/* The answer for the host of the subnet that gets furthest; begins with *best. */
static void ask_subnet(const struct vpc *v, const struct channel *channel, bool ipv6,
	struct vpc_host *best, struct vpc_answer *ret)
{
	const void *at = NULL;
	struct vpc_host host;
	struct vpc_answer answer;
	ask_host(v, channel, best, ipv6, ret);
	while (ret->verdict != VPC_OPEN && vpc_each_host(v, ipv6, &at, &host)) {
		if (host.subnet != best->subnet)
			continue;
		ask_host(v, channel, &host, ipv6, &answer);
		if (answer.verdict <= ret->verdict)
			continue;
		*ret = answer;
		ret->decides = ret->stage + (answer.decides - answer.stage);
		*best = host;
	}
}

static void say_channel(struct vpc_call *c, const struct channel *channel, bool ipv6,
	const struct vpc_host *host, const struct vpc_answer *a)
{
	struct out *o = &c->text;
	char addr[ADDR_TEXT_BYTES];
	if (c->settings->json) {
		struct emit e = {.out = o};
		emit_open(&e, NULL, '{');
		emit_text(&e, "type", "channel", SIZE_MAX);
		emit_text(&e, "vpc", host->vpc, VPC_NAME_BYTES);
		emit_text(&e, "subnet", host->subnet, VPC_NAME_BYTES);
		emit_text(&e, "interface", host->interface, VPC_NAME_BYTES);
		emit_text(&e, "source", addr_text(&host->addr, addr), SIZE_MAX);
		emit_text(&e, "family", ipv6 ? "ipv6" : "ipv4", SIZE_MAX);
		emit_text(&e, "channel", channel->name, SIZE_MAX);
		emit_answer(&e, a);
		emit_close(&e, '}');
		out_text(o, "\n");
		return;
	}
	out_printf(o, "  %-9s %s %-17s ", vpc_verdict_name(a->verdict), ipv6 ? "ipv6" : "ipv4",
		channel->name);
	out_safe(o, host->interface, VPC_NAME_BYTES);
	out_text(o, "  ");
	say_stage(o, a->decides);
}

static bool is_first(const struct vpc *v, bool ipv6, const struct vpc_host *host)
{
	const void *at = NULL;
	struct vpc_host before;
	while (vpc_each_host(v, ipv6, &at, &before))
		if (before.subnet == host->subnet)
			return before.interface == host->interface;
	return false;
}

static size_t ask_channels(struct vpc_call *c, bool ipv6)
{
	const void *at = NULL;
	struct vpc_host host;
	size_t subnets = 0;
	while (vpc_each_host(c->vpc, ipv6, &at, &host)) {
		if (!is_first(c->vpc, ipv6, &host))
			continue;
		subnets++;
		if (!c->settings->json) {
			out_safe(&c->text, host.vpc, VPC_NAME_BYTES);
			out_text(&c->text, " ");
			out_safe(&c->text, host.subnet, VPC_NAME_BYTES);
			out_text(&c->text, ", to the Internet\n");
		}
		for (size_t i = 0; i < ARRAY_LEN(channels); i++) {
			struct vpc_answer answer;
			struct vpc_host best = host;
			ask_subnet(c->vpc, &channels[i], ipv6, &best, &answer);
			say_channel(c, &channels[i], ipv6, &best, &answer);
		}
	}
	return subnets;
}

/* ---- the verb ---- */

static enum exit_code write_text(const struct vpc_call *c, enum exit_code code)
{
	struct output output = {0};
	struct fail why = {0};
	if (output_open(&output, c->settings->output, &why) == 0 &&
		output_finish(&output, &c->text, &why) == 0)
		return code;
	message("%s", why.text);
	output_close(&output);
	return EXIT_NOTHING;
}

static enum exit_code vpc_run(const struct call *call)
{
	struct vpc_call c = {.call = call, .settings = call->settings};
	if (call->words == 0) {
		message("vpc: give a folder or files of JSON of aws ec2 describe-... "
			"(postern help vpc)");
		return EXIT_USAGE;
	}
	enum exit_code code = read_all(&c);
	if (code == EXIT_DONE || code == EXIT_PARTIAL) {
		if (c.settings->flows.count > 0)
			code = ask_flows(&c, code);
		else if (ask_channels(&c, false) + ask_channels(&c, true) == 0)
			message("no interface was read: add describe-network-interfaces");
		if (code != EXIT_USAGE)
			code = write_text(&c, code);
	}
	out_fini(&c.text);
	vpc_free(c.vpc);
	return code;
}

#define AT(field) offsetof(struct vpc_settings, field)

static const struct option options[] = {
	{"flow", 'f', OPTION_TEXTS, "FLOW", AT(flows),
		.help = "ask about this flow; may be given again"},
	{"json", 0, OPTION_FLAG, NULL, AT(json), .help = "print JSON Lines"},
	{"output", 'o', OPTION_TEXT, "FILE", AT(output),
		.help = "write the results to FILE instead of standard output; it appears when it "
			"is complete"},
	{"exit-code", 0, OPTION_FLAG, NULL, AT(exit_code),
		.help = "exit with 1 when a flow of --flow is shut"},
	{"quiet", 'q', OPTION_FLAG, NULL, AT(quiet), .help = "no remarks; errors are still told"},
};

static const char *const text[] = {
	"INPUT... are files of JSON as aws ec2 describe-security-groups, describe-network-acls, "
	"describe-subnets, describe-route-tables, describe-network-interfaces, describe-vpcs, "
	"describe-nat-gateways, describe-vpc-endpoints, describe-vpc-peering-connections and "
	"get-managed-prefix-list-entries print them, or folders of such files (*.json). Nothing is "
	"asked of Amazon.",
	"With --flow it is said whether the flow is open, shut or, where something was not read "
	"that matters, undecided, and which security group, ACL, route or gateway decides. A flow "
	"is "
	"written tcp:10.0.0.5>8.8.8.8:443, udp the same, icmp:SRC>DST or icmp:SRC>DST:TYPE, or a "
	"protocol's number as 50:SRC>DST; for the source's address an interface (eni-...) or an "
	"instance (i-...) may stand; IPv6 addresses in brackets.",
	"Without --flow the channels that are tried when a way is shut are asked about for each "
	"subnet with interfaces, to an address of the Internet that no rule names; of a subnet's "
	"interfaces the one counts that gets furthest. docs/VPC.md says what is judged and what is "
	"not.",
	NULL,
};

static const struct example examples[] = {
	{"postern vpc --flow 'tcp:10.0.0.5>203.0.113.7:443' account/", "Ask about one flow:"},
	{"postern vpc --json account/", "Every subnet's channels to the Internet:"},
};

const struct verb verb_vpc = {
	.name = "vpc",
	.words = "INPUT...",
	.summary = "says which channels an Amazon VPC leaves open, and what decides",
	.text = text,
	.option = options,
	.options = ARRAY_LEN(options),
	.settings_bytes = sizeof(struct vpc_settings),
	.example = examples,
	.examples = ARRAY_LEN(examples),
	.run = vpc_run,
};
