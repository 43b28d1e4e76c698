/* postern cover: how much a boundary leaves open, and what that stops of T1008. */
#include "cli/cover.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "cli/file.h"
#include "cli/message.h"
#include "cli/output.h"

struct cover {
	const char *output, *to, *resolver, *iif, *oif, *home, *scan_state;
	int64_t at_ns;
	bool json, quiet;
};

#define AT(field) offsetof(struct cover, field)

static const struct option options[] = {
	{"to", 0, OPTION_TEXT, "FORMAT", AT(to), .fallback = "text",
		.help = "text, json (JSON Lines), markdown, mapex (Mappings Explorer), navigator "
			"(a layer) or oscal (assessment results)"},
	{"json", 0, OPTION_FLAG, NULL, AT(json), .help = "as --to json"},
	{"resolver", 0, OPTION_TEXT, "open|filtered", AT(resolver),
		.help = "whether the site's resolver looks up names that nobody named; without it "
			"that is undecided"},
	{"iif", 0, OPTION_TEXT, "NAME", AT(iif),
		.help = "of a firewall: the interface that hosts come in by"},
	{"oif", 0, OPTION_TEXT, "NAME", AT(oif),
		.help = "of a firewall: the interface to the Internet"},
	{"home", 0, OPTION_TEXT, "NETWORKS", AT(home),
		.help = "of a Network Firewall that does not say it: HOME_NET, as rules write it"},
	{"scan-state", 0, OPTION_TEXT, "FILE", AT(scan_state),
		.help = "what scan -i --state FILE keeps of the scan at this boundary: evidence "
			"for "
			"SI-3"},
	{"output", 'o', OPTION_TEXT, "FILE", AT(output),
		.help = "write to FILE instead of standard output; it appears when it is complete"},
	{"at", 0, OPTION_TIME, "TIME", AT(at_ns),
		.help = "take rules as they stand at TIME (RFC 3339); without it, now"},
	{"quiet", 'q', OPTION_FLAG, NULL, AT(quiet), .help = "no remarks; errors are still told"},
};

static const struct {
	const char *name;
	void (*write)(struct out *o, const struct cover_report *r);
} formats[] = {
	{"text", cover_write_text},
	{"json", cover_write_json},
	{"markdown", cover_write_markdown},
	{"mapex", cover_write_mapex},
	{"navigator", cover_write_navigator},
	{"oscal", cover_write_oscal},
};

static size_t format_of(const struct cover *c)
{
	const char *name = c->json ? "json" : c->to;
	size_t i = 0;
	while (i < ARRAY_LEN(formats) && strcmp(formats[i].name, name) != 0)
		i++;
	return i;
}

/* ---- asking ---- */

static const struct target_try tries[] = {
	[COVER_HTTPS] = {"tcp 443", 6, 443, 443, "tls"},
	[COVER_HTTP] = {"tcp 80", 6, 80, 80, "http"},
	[COVER_WEB] = {"tcp 8080", 6, 8080, 8080, "http"},
	[COVER_TCP] = {"tcp any port", 6, 1, UINT16_MAX, "unknown"},
	[COVER_FTP] = {"tcp 21", 6, 21, 21, "ftp"},
	[COVER_MAIL] = {"tcp 587", 6, 587, 587, "smtp"},
	[COVER_UDP] = {"udp any port", 17, 1, UINT16_MAX, "unknown"},
	[COVER_DNS] = {"udp 53", 17, 53, 53, "dns"},
	[COVER_ICMP] = {"icmp echo", 1, 8, 8, NULL},
	[COVER_ODD] = {"tcp 47808", 6, 47808, 47808, "unknown"},
};
_Static_assert(ARRAY_LEN(tries) == COVER_ASKED, "a try for each way that is asked about");

static struct cover_place *place_of(struct cover_state *s, const char *name)
{
	for (size_t i = 0; i < s->places; i++)
		if (strncmp(s->place[i].name, name, COVER_PLACE_BYTES - 1) == 0)
			return &s->place[i];
	if (s->places == COVER_PLACES_MAX) {
		s->refused = true;
		return NULL;
	}
	struct cover_place *new = &s->place[s->places++];
	size_t len = strnlen(name, COVER_PLACE_BYTES - 1);
	memcpy(new->name, name, len);
	new->name[len] = '\0';
	return new;
}

static void note(
	void *context, const struct target_channel *channel, const struct target_answer *answer)
{
	struct cover_place *place = place_of(context, channel->place);
	if (place == NULL)
		return;
	place->known[channel->ipv6] = true;
	place->way[channel->ipv6][channel->number] = answer->verdict;
}

static bool names_a_place(const struct boundary_rule *rule)
{
	bool place = false;
	for (size_t i = 0; i < rule->steps; i++) {
		const struct boundary_step *step = &rule->step[i];
		for (size_t d = 0; d < step->dims && step->kind == STEP_MATCH; d++)
			place |= step->field[d] == BOUNDARY_DADDR && !step->negated;
		if (step->kind == STEP_VERDICT && (step->verdict.kind == BOUNDARY_DROP ||
							  step->verdict.kind == BOUNDARY_REJECT))
			return place;
	}
	return false;
}

/* Whether some places are refused by name or address. */
static bool denies_known(const struct target *t, int64_t at_ns)
{
	for (size_t i = 0; t->policy != NULL && i < t->policy->rules; i++) {
		const struct policy_rule *rule = &t->policy->rule[i];
		if (rule->action != POLICY_ALLOW && !rule->to_any && policy_rule_holds(rule, at_ns))
			return true;
	}
	const struct boundary_chain *chain = t->rules == NULL ? NULL : t->rules->chain;
	for (; chain != NULL; chain = chain->next)
		for (const struct boundary_rule *r = chain->rule; r != NULL; r = r->next)
			if (!chain->dormant && names_a_place(r))
				return true;
	return false;
}

static void ask(const struct cover *c, const struct target *t, struct cover_state *s)
{
	struct target_ask how = {.iif = c->iif, .oif = c->oif, .at_ns = c->at_ns};
	s->at_ns = c->at_ns;
	s->resolver_known = c->resolver != NULL;
	s->resolver_open = c->resolver != NULL && strcmp(c->resolver, "open") == 0;
	s->denies_known = denies_known(t, c->at_ns);
	if (target_each_try(t, &how, tries, ARRAY_LEN(tries), note, s) == 0 && !c->quiet)
		message("%s: no place was found that something could leave from",
			shown(t->path).text);
	if (s->refused)
		message("%s: only %u places are counted", shown(t->path).text, COVER_PLACES_MAX);
}

/* ---- the verb ---- */

static enum exit_code say(
	const struct cover *c, const struct target *t, struct cover_state *s, struct out *o)
{
	struct out name = {0};
	size_t format = format_of(c);
	int err = 0;
	if (t->policy != NULL && format < 2)
		err = cover_say_surface(o, t->policy, c->at_ns, format == 1);
	if (err < 0) {
		message("%s: %s", shown(t->path).text,
			err == -E2BIG ? "the policy is too large to be counted exactly"
				      : strerror(-err));
		return EXIT_NOTHING;
	}
	ask(c, t, s);
	out_safe(&name, t->path, SIZE_MAX);
	formats[format].write(
		o, &(struct cover_report){
			   .state = s, .name = out_string(&name), .now_ns = clock_day_ns()});
	out_fini(&name);
	return EXIT_DONE;
}

static const char *wrong_of(const struct cover *c, const struct call *call)
{
	if (call->words == 0)
		return "name a target: a policy, a firewall's rules or a folder of aws ec2 "
		       "describe-*";
	if (format_of(c) == ARRAY_LEN(formats))
		return "--to is text, json, markdown, mapex, navigator or oscal";
	if (c->resolver != NULL && strcmp(c->resolver, "open") != 0 &&
		strcmp(c->resolver, "filtered") != 0)
		return "--resolver is open or filtered";
	return NULL;
}

static enum exit_code write_text(const struct cover *c, const struct out *text, enum exit_code code)
{
	return output_print(c->output, text) ? code : EXIT_NOTHING;
}

/* None named: nothing. */
static int read_scan_state(const char *path, struct scan_state *scan, struct cover_state *s)
{
	struct cur text;
	struct fail why = {0};
	char *owned = NULL;
	if (path == NULL)
		return 0;
	int err = file_read(path, SCAN_STATE_BYTES_MAX, &owned, &text, &why);
	if (err == 0)
		err = scan_state_parse(scan, shown(path).text, text, &why);
	free(owned);
	if (err < 0)
		message("%s", why.text);
	s->scan = scan;
	return err;
}

static enum exit_code cover_run(const struct call *call)
{
	struct cover c = *(const struct cover *)call->settings;
	const char *wrong = wrong_of(&c, call);
	struct target t;
	struct out text = {0};
	if (wrong != NULL) {
		message("cover: %s (postern help cover)", wrong);
		return EXIT_USAGE;
	}
	if (!call_given(call, "at"))
		c.at_ns = clock_day_ns();
	struct scan_state scan = {0};
	struct cover_state *s = calloc(1, sizeof *s);
	if (s != NULL && read_scan_state(c.scan_state, &scan, s) < 0) {
		free(s);
		return EXIT_USAGE;
	}
	enum exit_code read = target_open(&t, call->word, call->words,
			       &(struct target_read){.quiet = c.quiet, .home = c.home}),
		       code = read;
	if (s == NULL) {
		message("out of memory");
		code = EXIT_NOTHING;
	} else if (read == EXIT_DONE || read == EXIT_PARTIAL) {
		s->partly_read = read == EXIT_PARTIAL;
		if (t.paths < call->words) {
			message("cover: one target at a time: %s is another",
				shown(call->word[t.paths]).text);
			code = EXIT_USAGE;
		} else {
			code = say(&c, &t, s, &text);
		}
		if (code == EXIT_DONE)
			code = write_text(&c, &text, read);
	}
	target_close(&t);
	free(s);
	out_fini(&text);
	return code;
}

static const char *const text[] = {
	"Says how well a boundary stops fallback channels (MITRE ATT&CK T1008). TARGET is a policy "
	"or whatever audit reads: a firewall's rules, an Amazon VPC.",
	"Of a policy it counts, exactly, the pairs of a destination and a service (a port of TCP "
	"or "
	"UDP, a type of ICMP, another IP protocol) that each zone reaches, for IPv4 and IPv6. "
	"Destinations in the policy's own zones are inside and are not counted. open: every host "
	"of "
	"the zone reaches it, whatever name it asks for and whatever it speaks. some: it depends "
	"on "
	"the host, the name or the application protocol. shut: nobody does.",
	"Of every target it asks, from each place (a zone, a path, a subnet), about the ways by "
	"which fallbacks leave, to a place that nobody named; says for each of the 53 procedures "
	"of "
	"the technique whether every one of its fallbacks is cut; scores the boundary by the "
	"rubric "
	"of the Center for Threat-Informed Defense; and says what that means for controls of NIST "
	"SP 800-53. What is not proven is undecided. docs/COVER.md says how.",
	NULL,
};

static const struct example examples[] = {
	{"postern cover egress.yaml", "What a policy leaves open, and what it stops:"},
	{"postern cover rules.json --resolver filtered --to oscal -o results.json",
		"Evidence for an assessment:"},
};

const struct verb verb_cover = {
	.name = "cover",
	.words = "TARGET",
	.summary = "says how well a boundary stops fallback channels, measured",
	.text = text,
	.option = options,
	.options = ARRAY_LEN(options),
	.settings_bytes = sizeof(struct cover),
	.example = examples,
	.examples = ARRAY_LEN(examples),
	.run = cover_run,
};
