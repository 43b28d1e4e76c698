/* postern audit: what a real boundary lets pass. */
#include <errno.h>
#include <string.h>

#include "base/scan.h"
#include "boundary/boundary.h"
#include "cli/file.h"
#include "cli/message.h"
#include "cli/output.h"
#include "cli/verb.h"
#include "report/emit.h"

#define FLOWS_BYTES_MAX ((size_t)16 << 20)

struct audit {
	const char *flow, *flows, *path, *in, *out, *output;
	bool json, exit_code;
};

#define AT(field) offsetof(struct audit, field)

static const struct option options[] = {
	{"flow", 0, OPTION_TEXT, "FLOW", AT(flow),
		.help = "ask about one flow, such as 'tcp:192.0.2.10:40000>198.51.100.7:443'"},
	{"flows", 0, OPTION_TEXT, "FILE", AT(flows),
		.help = "ask about each line of FILE: PATH, IN, OUT and FLOW with a tab between "
			"them, - for an interface that is not known"},
	{"path", 0, OPTION_TEXT, "PATH", AT(path), .fallback = "output",
		.help = "the flow's way through the host: output, forward or input"},
	{"in", 0, OPTION_TEXT, "NAME", AT(in), .help = "the interface that it comes in by"},
	{"out", 0, OPTION_TEXT, "NAME", AT(out), .help = "the interface that it leaves by"},
	{"json", 0, OPTION_FLAG, NULL, AT(json), .help = "print JSON Lines"},
	{"output", 'o', OPTION_TEXT, "FILE", AT(output),
		.help = "write the results to FILE instead of standard output; it appears when it "
			"is complete"},
	{"exit-code", 0, OPTION_FLAG, NULL, AT(exit_code),
		.help = "exit with 1 when something is denied"},
};

static const char *const path_names[] = {"output", "forward", "input"};

/* What fallback channels use. */
static const struct {
	const char *name;
	uint8_t proto;
	uint16_t port;
} catalogue[] = {{"tcp", 6, 443}, {"tcp", 6, 80}, {"tcp", 6, 53}, {"tcp", 6, 22}, {"tcp", 6, 47808},
	{"udp", 17, 53}, {"udp", 17, 443}, {"udp", 17, 123}, {"udp", 17, 47808}, {"icmp", 1, 8}};

static bool path_of(struct span text, enum boundary_path *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(path_names); i++)
		if (span_is(text, path_names[i])) {
			*ret = (enum boundary_path)i;
			return true;
		}
	return false;
}

/* ---- one answer ---- */

struct asking {
	const struct audit *audit;
	const char *file; /* safe */
	const struct boundary *b;
	struct out *text;
	size_t denied;
};

static void answer(struct asking *a, const struct boundary_flow *flow, struct span words)
{
	struct boundary_answer answer;
	struct out rule = {0}, reason = {0}, said = {0};
	out_bytes(&said, (const char *)words.ptr, words.len);
	boundary_ask(a->b, flow, &answer);
	boundary_say_rule(&rule, a->b, &answer);
	boundary_say_reason(&reason, a->b, &answer);
	a->denied += answer.kind == BOUNDARY_DENIED;
	if (a->audit->json) {
		struct emit e = {.out = a->text};
		emit_open(&e, NULL, '{');
		emit_text(&e, "type", "answer", SIZE_MAX);
		emit_text(&e, "file", a->file, SIZE_MAX);
		emit_text(&e, "path", path_names[flow->path], SIZE_MAX);
		emit_text(&e, "flow", out_string(&said), 255);
		emit_text(&e, "verdict", boundary_answer_name(answer.kind), SIZE_MAX);
		emit_text(&e, "rule", rule.len == 0 ? NULL : out_string(&rule), SIZE_MAX);
		emit_text(&e, "reason", out_string(&reason), SIZE_MAX);
		emit_close(&e, '}');
	} else {
		out_printf(a->text, "%-9s %-7s ", boundary_answer_name(answer.kind),
			path_names[flow->path]);
		out_safe(a->text, out_string(&said), 255);
		out_printf(a->text, "  %s", out_string(&reason));
	}
	out_text(a->text, "\n");
	out_fini(&rule);
	out_fini(&reason);
	out_fini(&said);
}

/* ---- which flows ---- */

static int ask_one(struct asking *a, struct span text, struct boundary_flow *flow, struct fail *why)
{
	int err = policy_flow_parse(text, &flow->flow, why);
	if (err == 0)
		answer(a, flow, text);
	return err;
}

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
	char *owned = NULL, in[16], out[16];
	struct cur text;
	struct span line, field[4];
	int err = file_read(a->audit->flows, FLOWS_BYTES_MAX, &owned, &text, why);
	struct span rest = err == 0 ? cur_bytes(&text, text.len) : (struct span){0};
	for (unsigned long at = 1; err == 0 && span_next(&rest, '\n', &line); at++) {
		struct boundary_flow flow = {0};
		struct fail inner = {0};
		bool whole = true;
		if (line.len == 0)
			continue;
		for (size_t i = 0; i < ARRAY_LEN(field); i++)
			whole = whole && span_next(&line, '\t', &field[i]);
		if (!whole || line.len > 0 || !path_of(field[0], &flow.path)) {
			err = fail_set(why, -EINVAL,
				"--flows: line %lu: not PATH, IN, OUT, FLOW with tabs between them",
				at);
			break;
		}
		flow.iif = name_of(field[1], in);
		flow.oif = name_of(field[2], out);
		if (ask_one(a, field[3], &flow, &inner) < 0)
			err = fail_set(why, -EINVAL, "--flows: line %lu: %s", at, inner.text);
	}
	free(owned);
	return err;
}

static bool has_hook(const struct boundary *b, enum boundary_path path)
{
	static const enum boundary_hook hooks[] = {
		BOUNDARY_OUTPUT, BOUNDARY_FORWARD, BOUNDARY_INPUT};
	for (const struct boundary_chain *c = b->chain; c != NULL; c = c->next)
		if (c->hook == hooks[path] && !c->dormant)
			return true;
	return false;
}

/* Addresses that documentation keeps for itself stand in many lists of what to refuse. */
static const char *const servers[] = {"151.101.1.9", "2a04:4e42::9"};

static int ask_catalogue(struct asking *a, enum boundary_path path, struct fail *why)
{
	int err = 0;
	for (size_t i = 0; i < 2 * ARRAY_LEN(catalogue) && err == 0; i++) {
		bool v6 = i % 2 == 1, icmp = catalogue[i / 2].proto == 1;
		struct boundary_flow flow = {.path = path,
			.flow = {.proto = catalogue[i / 2].proto, .port = catalogue[i / 2].port},
			.iif = a->audit->in,
			.oif = a->audit->out};
		struct out text = {0};
		if (icmp && v6)
			flow.flow.port = 128;
		err = scan_addr(span_of(servers[v6]), &flow.flow.dst);
		out_printf(&text, v6 ? "%s:any>[%s]:%u" : "%s:any>%s:%u", catalogue[i / 2].name,
			servers[v6], flow.flow.port);
		if (err < 0)
			err = fail_set(why, err, "%s: no address", servers[v6]);
		else
			answer(a, &flow, span_of(out_string(&text)));
		out_fini(&text);
	}
	return err;
}

static int ask_all(struct asking *a, struct fail *why)
{
	const struct audit *audit = a->audit;
	struct boundary_flow flow = {.iif = audit->in, .oif = audit->out};
	int err = 0;
	if (audit->flows != NULL)
		return ask_file(a, why);
	if (!path_of(span_of(audit->path), &flow.path))
		return fail_set(why, -EINVAL, "--path is output, forward or input");
	if (audit->flow != NULL)
		return ask_one(a, span_of(audit->flow), &flow, why);
	bool any = false;
	for (size_t i = 0; i < ARRAY_LEN(path_names) - 1 && err == 0; i++)
		if (has_hook(a->b, (enum boundary_path)i)) {
			any = true;
			err = ask_catalogue(a, (enum boundary_path)i, why);
		}
	if (!any)
		message("%s: no chain for what leaves (output, forward): all of it passes",
			a->file);
	return err;
}

/* ---- the verb ---- */

static int read_boundary(struct boundary **ret, const char *path, struct fail *why)
{
	char *owned = NULL;
	struct cur text;
	struct fail inner = {0};
	int err = file_read(path, BOUNDARY_BYTES_MAX, &owned, &text, why);
	struct span start = span_trim((struct span){text.ptr, err == 0 ? text.len : 0});
	bool json = span_begins(start, "{"), save = false;
	struct span rest = start, line; /* iptables-save: comments, then a table */
	while (err == 0 && !json && !save && span_next(&rest, '\n', &line) &&
		(line.len == 0 || line.ptr[0] == '#' || line.ptr[0] == '*'))
		save = line.len > 0 && line.ptr[0] == '*';
	if (err < 0)
		return err;
	if (json || save)
		err = (json ? boundary_read_nft_json : boundary_read_iptables)(ret, text, &inner);
	else
		err = fail_set(&inner, -EINVAL,
			"neither JSON nor of iptables-save: give the output of nft -j list "
			"ruleset");
	if (err < 0)
		(void)fail_set(why, err, "%s:%s%s", shown(path).text, save ? "" : " ", inner.text);
	free(owned);
	return err;
}

static enum exit_code audit_run(const struct call *call)
{
	const struct audit *audit = call->settings;
	struct out text = {0}, name = {0};
	struct asking a = {.audit = audit, .text = &text};
	struct fail why = {0};
	enum exit_code code = call->words > 0 ? EXIT_DONE : EXIT_USAGE;
	if (code == EXIT_USAGE)
		message("audit: name a file: the output of nft -j list ruleset or of "
			"iptables-save");
	for (size_t i = 0; i < call->words && code == EXIT_DONE; i++) {
		struct boundary *b = NULL;
		out_clear(&name);
		out_safe(&name, call->word[i], SIZE_MAX);
		a.file = out_string(&name);
		if (read_boundary(&b, call->word[i], &why) < 0) {
			message("%s", why.text);
			code = EXIT_USAGE;
		} else {
			a.b = b;
			if (!audit->json && call->words > 1)
				out_printf(&text, "%s:\n", a.file);
			if (ask_all(&a, &why) < 0) {
				message("audit: %s", why.text);
				code = EXIT_USAGE;
			}
		}
		boundary_free(b);
	}
	struct output output = {0};
	if (code == EXIT_DONE && audit->exit_code && a.denied > 0)
		code = EXIT_FINDINGS;
	if (code != EXIT_USAGE && (output_open(&output, audit->output, &why) < 0 ||
					  output_finish(&output, &text, &why) < 0)) {
		message("%s", why.text);
		output_close(&output);
		code = EXIT_NOTHING;
	}
	out_fini(&text);
	out_fini(&name);
	return code;
}

static const char *const text[] = {
	"Reads a firewall's rules, as nft -j list ruleset, iptables-save and ip6tables-save print "
	"them, and says for the first "
	"packet of a new connection whether it is allowed, denied or, where that hangs on what no "
	"file tells (a rate, a clock, a socket's owner), undecided; with the rule that decides. "
	"docs/BOUNDARIES.md says how.",
	"Without a flow, the channels that a fallback would try are asked about on each path that "
	"has rules, out of the host and through it, in both IP versions.",
	NULL,
};

static const struct example examples[] = {
	{"nft -j list ruleset > rules.json; postern audit rules.json", "What is open:"},
	{"postern audit rules.json --path forward --in lan0 --out wan0 --flow "
	 "'udp:192.0.2.10:40000>198.51.100.7:443'",
		"Ask about one flow:"},
};

const struct verb verb_audit = {
	.name = "audit",
	.words = "FILE...",
	.summary = "says what a firewall's rules let pass",
	.text = text,
	.option = options,
	.options = ARRAY_LEN(options),
	.settings_bytes = sizeof(struct audit),
	.example = examples,
	.examples = ARRAY_LEN(examples),
	.run = audit_run,
};
