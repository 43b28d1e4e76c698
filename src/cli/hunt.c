/* postern hunt: from files to findings, once. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/baseline.h"
#include "cli/case.h"
#include "cli/file.h"
#include "cli/inputs.h"
#include "cli/intel.h"
#include "cli/learn.h"
#include "cli/message.h"
#include "cli/output.h"
#include "cli/packets.h"
#include "cli/progress.h"
#include "cli/run.h"
#include "cli/safelist.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "cli/verb.h"
#include "cli/watch.h"
#include "detect/detect.h"
#include "judge/scanned.h"
#include "report/page.h"
#include "report/report.h"

#define MEMORY_LEAST ((double)(64u << 20))
#define MEMORY_MOST  ((double)((size_t)1 << 44))

struct hunt {
	const char *to, *report, *output, *safelist, *baseline, *policy;
	const char *file, *packets; /* of the case, for packets */
	const char *scanned;
	struct networks local;
	struct texts verdicts, intel;
	double max_e, budget;
	int64_t since_ns, until_ns;
	size_t memory_bytes;
	bool json, all, follow, procedures, exit_code, quiet, verbose;
};

#define AT(field) offsetof(struct hunt, field)

static const struct option options[] = {
	{"read", 'r', OPTION_WORD, "FILE", .help = "read FILE, as if it were named without -r"},
	{"json", 0, OPTION_FLAG, NULL, AT(json),
		.help = "print JSON Lines: each finding, then one summary; the same as --to json"},
	{"to", 't', OPTION_TEXT, "FORMAT", AT(to), .fallback = "text",
		.help = "print in FORMAT: text, json, html, or another that report --to help "
			"lists"},
	{"report", 0, OPTION_TEXT, "F.html", AT(report),
		.help = "write a page about the findings too: one file that needs no network"},
	{"case", 0, OPTION_TEXT, "F.db", AT(file),
		.help = "keep all that is found in a case file too, for report; a case that is "
			"there already gets the new findings in place of the old"},
	{"pcap-out", 0, OPTION_TEXT, "F.pcapng", AT(packets),
		.help = "write the findings' packets too, each with a comment on its part: the "
			"inputs are read a second time"},
	{"output", 'o', OPTION_TEXT, "FILE", AT(output),
		.help = "write the results to FILE instead of standard output; it appears when it "
			"is "
			"complete"},
	{"all", 0, OPTION_FLAG, NULL, AT(all),
		.help = "show what was explained as benign too, and what was too weak to report"},
	{"max-e", 0, OPTION_NUMBER, "X", AT(max_e), .min = 0, .max = 1e6, .fallback = "0.1",
		.help = "report findings of which an innocent host would show X a day or fewer"},
	{"budget", 0, OPTION_NUMBER, "N", AT(budget), .min = 0, .max = 1e6,
		.help = "instead, set that line so that the whole site would show N a day: N "
			"divided "
			"by its hosts"},
	{"safelist", 0, OPTION_TEXT, "FILE", AT(safelist),
		.help = "take what FILE vouches for as explained: a domain (it and all below it), "
			"an address or a network a line; what each line hid is counted"},
	{"baseline", 0, OPTION_TEXT, "FILE", AT(baseline),
		.help = "what FILE (of baseline learn) has for a host is no first contact: what is "
			"new beside it weighs more, and what only leads to it is explained"},
	{"policy", 0, OPTION_TEXT, "FILE", AT(policy),
		.help = "whom a rule of the policy FILE allows by name or network counts as a "
			"baseline's; of every other finding it says whether the policy let it out"},
	{"intel", 0, OPTION_TEXTS, "FILE", AT(intel),
		.help = "tell of what the list FILE knows to be bad: STIX 2.1, MISP, Zeek, CSV, "
			"iprep, hosts, or one a line; may be given for several files; E does not "
			"change by it"},
	{"scanned", 0, OPTION_TEXT, "FILE", AT(scanned),
		.help = "FILE is what scan --json wrote of the same traffic: findings tell what of "
			"it their host received in the day before; E does not change by it"},
	{"verdicts", 0, OPTION_TEXTS, "CASE", AT(verdicts),
		.help = "learn from what people said of an earlier case (judge): a switch that was "
			"rejected is explained, and E grows by how often that happens; may be "
			"given "
			"for several cases"},
	{"local", 0, OPTION_NETWORKS, "CIDR,...", AT(local),
		.help = "networks of your own hosts; without it private, CGNAT, ULA and link-local "
			"addresses"},
	{"since", 0, OPTION_TIME, "TIME", AT(since_ns),
		.help = "leave out what began before TIME (RFC 3339)"},
	{"until", 0, OPTION_TIME, "TIME", AT(until_ns),
		.help = "leave out what began at TIME or after it"},
	{"limit-memory", 0, OPTION_SIZE, "SIZE", AT(memory_bytes), .min = MEMORY_LEAST,
		.max = MEMORY_MOST,
		.help = "scale the tables to SIZE (such as 512M); what finds no room is counted "
			"and "
			"told"},
	{"follow", 0, OPTION_FLAG, NULL, AT(follow),
		.help = "do not end: follow the logs as they grow (as watch, which can do more)"},
	{"procedures", 0, OPTION_FLAG, NULL, AT(procedures), .help = "list what can be detected"},
	{"exit-code", 0, OPTION_FLAG, NULL, AT(exit_code),
		.help = "exit with 1 when there are findings"},
	{"quiet", 'q', OPTION_FLAG, NULL, AT(quiet),
		.help = "no progress bar, no colour, no remarks; errors are still told"},
	{"verbose", 'v', OPTION_FLAG, NULL, AT(verbose),
		.help = "tell about each input, and fingerprints and volumes of each channel"},
};

/* ---- before ---- */

/* Files that are written whole: none is standard output, another one, or an input. */
static const char *own_files(const struct call *call, const struct hunt *h)
{
	const struct {
		const char *path, *complaint;
	} files[] = {{h->report, "--report needs a file of its own"},
		{h->file, "--case needs a file of its own"},
		{h->packets, "--pcap-out needs a file of its own"}, {h->output, NULL}};
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		if (inputs_hold(call->word, call->words, files[i].path))
			return "-o, --report, --case or --pcap-out names an input: it would be "
			       "overwritten";
		if (files[i].path == NULL || files[i].complaint == NULL)
			continue;
		if (strcmp(files[i].path, "-") == 0)
			return files[i].complaint;
		for (size_t k = i + 1; k < ARRAY_LEN(files); k++)
			if (files[k].path != NULL && strcmp(files[i].path, files[k].path) == 0)
				return files[i].complaint;
	}
	return NULL;
}

static const char *complaint(const struct call *call, const struct hunt *h)
{
	if (call->words == 0)
		return "nothing to read: name captures, logs or folders, or - for standard input";
	if (report_formats_find(h->to) == NULL)
		return "--to: no such format: report --to help lists them";
	if (h->json && call_given(call, "to") && strcmp(h->to, "json") != 0)
		return "--json and --to name different formats: give one of them";
	if (call_given(call, "max-e") && call_given(call, "budget"))
		return "--max-e and --budget set the same line: give one of them";
	if (h->since_ns != 0 && h->until_ns != 0 && h->since_ns >= h->until_ns)
		return "--since is not before --until: nothing would be left";
	if (own_files(call, h) != NULL)
		return own_files(call, h);
	if (h->follow && (h->report != NULL || call_given(call, "to") || h->file != NULL ||
				 h->packets != NULL || h->since_ns != 0 || h->until_ns != 0 ||
				 call_given(call, "budget") || call_given(call, "safelist") ||
				 call_given(call, "verdicts") || call_given(call, "baseline") ||
				 call_given(call, "policy") || call_given(call, "intel") ||
				 call_given(call, "scanned")))
		return "--follow has no end: it goes with --json, --all, --max-e, --local and -o";
	for (size_t i = 0, pipes = 0; i < call->words; i++) {
		pipes += strcmp(call->word[i], "-") == 0;
		if (pipes > (h->packets == NULL ? 1 : 0))
			return h->packets == NULL ? "- can be read once only"
			                          : "--pcap-out reads the inputs twice: - can be "
			                            "read once only";
	}
	return NULL;
}

static enum exit_code list_procedures(const struct hunt *h)
{
	struct output output = {0};
	struct fail why = {0};
	struct out text = {0};
	for (size_t i = 0; i < detectors_count(); i++) {
		const struct detector *d = detectors_get(i);
		char techniques[32];
		(void)snprintf(techniques, sizeof techniques, "T1008 %s",
			d->attack == NULL ? "" : d->attack);
		out_printf(&text, "%-12s %-16s %s\n", d->name, techniques, d->explanation);
	}
	enum exit_code code = EXIT_DONE;
	if (output_open(&output, h->output, &why) < 0 || output_finish(&output, &text, &why) < 0) {
		message("%s", why.text);
		code = EXIT_NOTHING;
	}
	out_fini(&text);
	return code;
}

/* ---- after ---- */

static int write_report(struct output *output, const struct report_format *format,
	const struct report_case *c, const struct report_style *style)
{
	struct fail why = {0};
	struct out text = {0};
	format->write(&text, c, style);
	int err = output_finish(output, &text, &why);
	if (err < 0)
		message("%s", why.text);
	out_fini(&text);
	return err;
}

static struct report_style style_for(const struct hunt *h)
{
	struct terminal t = terminal_of(stdout);
	return (struct report_style){.width = t.width,
		.colour = t.colour && !h->quiet && h->output == NULL,
		.unicode = t.unicode,
		.verbose = h->verbose};
}

struct outputs {
	struct output result, page, packets;
};

static int write_case(const struct call *call, const struct hunt *h, const struct run_result *r)
{
	struct fail why = {0};
	if (h->file == NULL)
		return 0;
	int err = case_write(h->file, call, r, &why);
	if (err < 0)
		message("%s", why.text);
	else if (!h->quiet)
		message("%s: written", shown(h->file).text);
	return err;
}

static int write_packets(const struct hunt *h, const struct run_options *run,
	const struct run_result *r, struct outputs *outputs)
{
	struct fail why = {0};
	uint64_t packets = 0;
	if (h->packets == NULL)
		return 0;
	int err = packets_write(run, r, &outputs->packets, &packets, &why);
	if (err < 0)
		message("%s", why.text);
	else if (packets == 0 && r->summary.findings > 0)
		message("%s: no input holds a packet of the findings", shown(h->packets).text);
	else if (!h->quiet)
		message("%s: written", shown(h->packets).text);
	return err;
}

static int write_all(const struct call *call, const struct hunt *h, const struct run_options *run,
	const struct run_result *r, struct outputs *outputs)
{
	struct report_style style = style_for(h);
	struct report_case c = {.finding = r->finding,
		.findings = r->findings,
		.max_e = r->max_e,
		.summary = &r->summary,
		.input = r->input,
		.inputs = r->inputs,
		.all = h->all};
	bool nothing = r->summary.records == 0;
	int err = 0;
	if (h->report != NULL && !nothing)
		err = write_report(&outputs->page, &report_html, &c, &style);
	if (!nothing || h->json) {
		const struct report_format *format = report_formats_find(h->json ? "json" : h->to);
		int second = write_report(&outputs->result, format, &c, &style);
		err = err < 0 ? err : second;
	}
	if (err == 0 && h->report != NULL && !nothing && !h->quiet)
		message("%s: written", shown(h->report).text);
	int third = nothing ? 0 : write_case(call, h, r);
	int fourth = nothing ? 0 : write_packets(h, run, r, outputs);
	return err < 0 ? err : third < 0 ? third : fourth;
}

static enum exit_code code_of(const struct hunt *h, const struct run_result *r, bool unread)
{
	if (r->summary.records == 0) {
		message("nothing was read%s", signals_stop ? ": interrupted" : "");
		return EXIT_NOTHING;
	}
	if (h->exit_code && r->summary.findings > 0)
		return EXIT_FINDINGS;
	return unread || r->summary.partial || signals_stop ? EXIT_PARTIAL : EXIT_DONE;
}

/* ---- what people said of their network before ---- */

struct told_before { /* each NULL: none */
	struct safelist *safelist;
	struct baseline *baseline;
	struct policy *policy;
	struct intel *intel;
	struct intel_seen *bad;
	struct scanned *scanned;
	struct stored *earlier;  /* the case that is there: what was said of it still counts */
	struct lessons *lessons; /* of other cases */
};

/* path NULL: no case is to be written. *ret stays NULL when none is there. */
static int open_case(const char *path, struct stored **ret, struct fail *why)
{
	struct stat st;
	int err = path == NULL ? 0 : store_may_write(path, why);
	if (err < 0 || path == NULL || stat(path, &st) != 0)
		return err;
	return stored_open(ret, path, why);
}

static int read_policy(const char *path, struct policy **ret, struct fail *why)
{
	if (path == NULL)
		return 0;
	struct cur text;
	char *owned = NULL;
	int err = file_read(path, POLICY_BYTES_MAX, &owned, &text, why);
	if (err == 0)
		err = policy_parse(ret, shown(path).text, text, why);
	free(owned);
	return err;
}

static int read_scanned(const char *path, struct scanned **ret, struct fail *why)
{
	if (path == NULL)
		return 0;
	struct cur text;
	char *owned = NULL;
	int err = file_read(path, SCANNED_BYTES_MAX, &owned, &text, why);
	if (err == 0)
		err = scanned_parse(ret, shown(path).text, text, why);
	free(owned);
	if (err == 0 && scanned_refused(*ret) > 0)
		message("%s: %llu files that match are left out: %u are taken", shown(path).text,
			(unsigned long long)scanned_refused(*ret), SCANNED_FILES_MAX);
	return err;
}

static int read_before(const struct hunt *h, struct told_before *ret, struct fail *why)
{
	int err = safelist_read(h->safelist, &ret->safelist, why);
	if (err == 0 && h->baseline != NULL)
		err = baseline_load(h->baseline, &ret->baseline, why);
	if (err == 0)
		err = read_policy(h->policy, &ret->policy, why);
	if (err == 0)
		err = intel_load(&h->intel, &ret->intel, &ret->bad, why);
	if (err == 0)
		err = read_scanned(h->scanned, &ret->scanned, why);
	if (err == 0)
		err = open_case(h->file, &ret->earlier, why);
	return err < 0 ? err : learn(&h->verdicts, &ret->lessons, why);
}

static void forget_before(struct told_before *before)
{
	safelist_free(before->safelist);
	baseline_free(before->baseline);
	policy_free(before->policy);
	intel_seen_free(before->bad);
	intel_free(before->intel);
	scanned_free(before->scanned);
	stored_close(before->earlier);
	lessons_free(before->lessons);
}

/* ---- the hunt ---- */

static enum exit_code hunt(const struct call *call, const struct hunt *h,
	const struct told_before *before, struct outputs *outputs)
{
	struct terminal t = terminal_of(stderr);
	struct progress progress;
	progress_init(&progress, &t, h->quiet);
	const struct store_case *earlier =
		before->earlier == NULL ? NULL : stored_case(before->earlier);
	struct run_options run = {.path = call->word,
		.paths = call->words,
		.local = h->local.net,
		.locals = h->local.count,
		.max_e = h->max_e,
		.budget = h->budget,
		.since_ns = h->since_ns,
		.until_ns = h->until_ns,
		.safelist = before->safelist,
		.ruling = earlier == NULL ? NULL : earlier->ruling,
		.rulings = earlier == NULL ? 0 : earlier->rulings,
		.lessons = before->lessons,
		.baseline = before->baseline,
		.policy = before->policy,
		.bad = before->bad,
		.scanned = before->scanned,
		.memory_bytes = h->memory_bytes,
		.stop = &signals_stop,
		.progress = progress_show,
		.context = &progress};
	struct run_result result = {0};
	struct fail why = {0};
	signals_catch();
	int err = run_hunt(&run, &result, &why);
	progress_end(&progress);
	if (err < 0) {
		message("%s", why.text);
		return EXIT_NOTHING;
	}
	bool unread = inputs_tell(
		call, &result, &(struct inputs_manner){.quiet = h->quiet, .verbose = h->verbose});
	if (signals_stop)
		message("interrupted: what had been read by then is judged");
	enum exit_code code = code_of(h, &result, unread);
	if (write_all(call, h, &run, &result, outputs) < 0)
		code = EXIT_NOTHING;
	run_result_fini(&result);
	return code;
}

static enum exit_code follow(const struct call *call, const struct hunt *h)
{
	return watch_start(call,
		&(struct watch){.local = h->local,
			.output = h->output,
			.max_e = h->max_e,
			.memory_bytes = h->memory_bytes,
			.json = h->json,
			.all = h->all,
			.quiet = h->quiet,
			.verbose = h->verbose},
		NULL);
}

static enum exit_code hunt_run(const struct call *call)
{
	const struct hunt *h = call->settings;
	struct outputs outputs = {0};
	struct fail why = {0};
	if (h->procedures)
		return list_procedures(h);
	const char *wrong = complaint(call, h);
	if (wrong != NULL) {
		message("hunt: %s", wrong);
		return EXIT_USAGE;
	}
	if (h->follow)
		return follow(call, h);
	enum exit_code code = EXIT_USAGE;
	struct told_before before = {0};
	/* before the work: a name that can't be written is known at once */
	if (read_before(h, &before, &why) < 0 ||
		output_open(&outputs.result, h->output, &why) < 0 ||
		(h->report != NULL && output_open(&outputs.page, h->report, &why) < 0) ||
		(h->packets != NULL && output_open(&outputs.packets, h->packets, &why) < 0))
		message("%s", why.text);
	else
		code = hunt(call, h, &before, &outputs);
	forget_before(&before);
	output_close(&outputs.result);
	output_close(&outputs.page);
	output_close(&outputs.packets);
	return code;
}

static const char *const text[] = {
	"Reads captures (pcap, pcapng) and logs (Zeek, Suricata, AWS, NetFlow and IPFIX, nfdump, "
	"Argus, firewalls' syslogs, conntrack, proxies, CEF, LEEF, Sysmon, osquery, Falco, the "
	"journal), plain or packed, in the order of time, whatever they are called, and looks at "
	"what each local host did when a channel failed it.",
	"How a conversation ended is told as far as the source says it; what it does not say is "
	"unknown, and that is counted under \"could not be judged\".",
	"A finding is a switch: attempts that failed, and what the host opened instead. Its E is "
	"the "
	"number of findings as strong as this that an innocent host would show per day; the list "
	"is "
	"sorted by it. Benign mechanisms that fall back too (resolvers, Happy Eyeballs, time "
	"servers, mirrors) are recognised; --all shows them with their names.",
	"SIGINT or SIGTERM ends the hunt early: what is known by then is judged and printed. A "
	"second "
	"one ends the program.",
	NULL,
};

static const struct example examples[] = {
	{"postern hunt capture.pcap", "Look into a capture:"},
	{"postern hunt --report case.html captures/",
		"All captures of a folder, and a page to keep:"},
	{"postern hunt --pcap-out found.pcapng captures/",
		"The packets of what is found, commented, for Wireshark:"},
	{"postern hunt --to veris day.pcap", "As incidents; report --to help lists the formats:"},
	{"postern hunt --case day.db captures/", "Keep all that is found; see postern report:"},
	{"postern hunt /opt/zeek/logs/2026-03-02/", "A day of Zeek's logs, packed or not:"},
	{"TZ=UTC nfdump -R /var/cache/nfdump -o csv | postern hunt -", "What nfdump kept:"},
	{"zstd -dc day.pcapng.zst | postern hunt --json - | jq .host",
		"From a pipe, for programs:"},
	{"postern hunt --budget 1 --exit-code /var/captures || mail-someone",
		"In a nightly job that may cry wolf once a day:"},
};

const struct verb verb_hunt = {
	.name = "hunt",
	.words = "INPUT...",
	.summary = "read captures and logs and find fallback channels in them",
	.text = text,
	.option = options,
	.options = ARRAY_LEN(options),
	.settings_bytes = sizeof(struct hunt),
	.example = examples,
	.examples = ARRAY_LEN(examples),
	.run = hunt_run,
};
