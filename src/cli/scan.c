/* postern scan: malicious code in files, and in what captures carry. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/inputs.h"
#include "cli/message.h"
#include "cli/output.h"
#include "cli/scanning.h"
#include "cli/signals.h"

#define SECONDS_MOST 3600
#define DEPTH_MOST   8
#define MEMBERS_MOST 1000000
#define MEMORY_LEAST ((double)(64u << 20))
#define MEMORY_MOST  ((double)((size_t)1 << 44))

#define AT(field) offsetof(struct scan, field)

static const struct option options[] = {
	{"rules", 0, OPTION_TEXTS, "FILE", AT(rules),
		.help = "rules of YARA, as text or compiled (compiled ones are programs: only of "
			"those you trust), or a folder of such files; may be given again"},
	{"intel", 0, OPTION_TEXTS, "FILE", AT(intel),
		.help = "a list of what is known to be bad, as hunt --intel takes it: hashes of "
			"files, and endpoints of captures and logs; may be given again"},
	{"clamd", 0, OPTION_TEXT, "SOCKET", AT(clamd),
		.help = "ask ClamAV's daemon too (Debian's is /run/clamav/clamd.ctl)"},
	{"interface", 'i', OPTION_TEXT, "IFACE", AT(iface),
		.help = "look at what passes the interface, or \"any\", until a signal ends it, in "
			"place of inputs; SIGHUP reads rules and lists again (needs CAP_NET_RAW)"},
	{"filter", 0, OPTION_TEXT, "EXPR", AT(filter),
		.help = "take only packets that match (pcap-filter(7))"},
	{"state", 0, OPTION_TEXT, "FILE", AT(state),
		.help = "keep in FILE what is looked for, how old that is, and what was found, for "
			"cover --scan-state"},
	{"max-age", 0, OPTION_NUMBER, "DAYS", AT(max_age_days), .min = 0, .max = 36500,
		.help = "say it, and exit with 4, when the newest file of rules, or of lists, is "
			"older"},
	{"timeout", 0, OPTION_NUMBER, "SEC", AT(timeout_s), .min = 0, .max = SECONDS_MOST,
		.fallback = "10",
		.help = "stop rules, and waiting for clamd, after SEC on one file"},
	{"limit-file", 0, OPTION_SIZE, "SIZE", AT(file_bytes), .min = 1024,
		.max = (double)((size_t)1 << 30), .fallback = "64M",
		.help = "look at the first SIZE of a file, and unpack no more"},
	{"limit-depth", 0, OPTION_NUMBER, "N", AT(depth), .min = -1, .max = DEPTH_MOST,
		.fallback = "4", .help = "open archives in one another, N deep; 0: none is opened"},
	{"limit-members", 0, OPTION_NUMBER, "N", AT(members), .min = 1, .max = MEMBERS_MOST,
		.fallback = "4096", .help = "look at the first N members of an archive"},
	{"limit-unpacked", 0, OPTION_SIZE, "SIZE", AT(unpacked_bytes), .min = 1024,
		.max = (double)((size_t)1 << 34), .fallback = "256M",
		.help = "unpack no more than SIZE of an archive, all members together"},
	{"quarantine", 0, OPTION_TEXT, "DIR", AT(quarantine),
		.help = "keep a copy of what matches in the folder DIR, named by its SHA-256, with "
			"no permissions at all; the file itself is left as it is"},
	{"local", 0, OPTION_NETWORKS, "CIDR,...", AT(local),
		.help = "networks of your own hosts; without it private, CGNAT, ULA and link-local "
			"addresses"},
	{"since", 0, OPTION_TIME, "TIME", AT(since_ns),
		.help = "leave out what captures and logs have from before TIME (RFC 3339)"},
	{"until", 0, OPTION_TIME, "TIME", AT(until_ns),
		.help = "leave out what they have from TIME on"},
	{"limit-memory", 0, OPTION_SIZE, "SIZE", AT(memory_bytes), .min = MEMORY_LEAST,
		.max = MEMORY_MOST,
		.help = "scale the tables for endpoints to SIZE (such as 512M)"},
	{"all", 0, OPTION_FLAG, NULL, AT(all), .help = "tell of files that match nothing too"},
	{"output", 'o', OPTION_TEXT, "FILE", AT(output),
		.help = "write the results to FILE instead of standard output; of an interface "
			"they are added to it as they come"},
	{"exit-code", 0, OPTION_FLAG, NULL, AT(exit_code),
		.help = "exit with 1 when something matches"},
	{"json", 0, OPTION_FLAG, NULL, AT(json),
		.help = "print JSON Lines: each file, then one summary"},
	{"quiet", 'q', OPTION_FLAG, NULL, AT(quiet),
		.help = "no progress bar, no remarks; errors are still told"},
	{"verbose", 'v', OPTION_FLAG, NULL, AT(verbose), .help = "tell about each input"},
};

static enum exit_code code_of(const struct scanning *s)
{
	size_t sights = s->seen == NULL ? 0 : intel_seen_count(s->seen);
	if (s->c->exit_code && (s->matching > 0 || sights > 0))
		return EXIT_FINDINGS;
	return scanning_is_partial(s) ? EXIT_PARTIAL : EXIT_DONE;
}

static enum exit_code scan_all(struct scanning *s, const struct walk *walk, struct output *output)
{
	struct fail why = {0};
	signals_catch();
	scanning_words(s, walk);
	bool nothing = s->files == 0 && s->captures == 0 && s->endpoints.read == 0;
	if (!nothing || s->c->json)
		scanning_summary(s);
	if (output_finish(output, &s->text, &why) < 0 || scanning_state_write(s, &why) < 0) {
		message("%s", why.text);
		return EXIT_NOTHING;
	}
	if (nothing) {
		message("nothing was read");
		return EXIT_NOTHING;
	}
	return code_of(s);
}

/* What is found is added to the file as it comes. */
static enum exit_code scan_interface(struct scanning *s)
{
	struct fail why = {0};
	const char *path = s->c->output;
	bool own = path != NULL && strcmp(path, "-") != 0;
	FILE *file = own ? fopen(path, "ae") : stdout;
	if (file == NULL) {
		message("%s: %s", shown(path).text, strerror(errno));
		return EXIT_USAGE;
	}
	if (s->seen != NULL && !s->c->quiet)
		message("endpoints of lists are not looked for on an interface: watch --intel does "
			"that");
	s->seen = NULL;
	signals_catch();
	signals_catch_reload();
	int code = scanning_live(s, file, &why);
	if (s->captures > 0)
		scanning_summary(s);
	bool written = fwrite(out_string(&s->text), 1, s->text.len, file) == s->text.len;
	written = (own ? fclose(file) : fflush(file)) == 0 && written;
	if (!written)
		message("%s: %s", own ? shown(path).text : "standard output", strerror(errno));
	if (code == 0)
		code = scanning_state_write(s, &why);
	if (code < 0)
		message("%s", why.text);
	return code < 0 ? EXIT_NOTHING : !written ? EXIT_NOTHING : code_of(s);
}

/* ---- the verb ---- */

struct prepared {
	struct walk inputs;
	struct output output;
};

/* Whether it names anything but files. */
static bool names_endpoints(const struct intel *set)
{
	size_t files = 0;
	if (set == NULL)
		return false;
	for (int kind = INTEL_FILE_MD5; kind <= INTEL_FILE_SHA256; kind++)
		files += intel_count_of(set, (enum intel_kind)kind);
	return intel_count(set) > files;
}

static int prepare_endpoints(
	struct prepared *p, const struct call *call, struct scanning *s, struct fail *why)
{
	const struct scan *c = call->settings;
	struct endpoints_options o = {.seen = s->sought.seen,
		.call = call,
		.local = c->local,
		.since_ns = c->since_ns,
		.until_ns = c->until_ns,
		.memory_bytes = c->memory_bytes,
		.quiet = c->quiet,
		.verbose = c->verbose};
	if (endpoints_init(&s->endpoints, &o, p->inputs.files) < 0)
		return fail_set(why, -ENOMEM, "out of memory");
	s->seen = names_endpoints(s->sought.intel) ? s->sought.seen : NULL;
	return 0;
}

static int prepare(
	struct prepared *p, const struct call *call, struct scanning *s, struct fail *why)
{
	const struct scan *c = call->settings;
	int err = sought_load(&s->sought, c, why);
	for (size_t i = 0; i < call->words && err == 0; i++)
		err = walk_add(&p->inputs, call->word[i], why);
	if (err == 0)
		err = prepare_endpoints(p, call, s, why);
	if (err == 0)
		err = scanning_state_read(s, why);
	if (err == 0 && c->quarantine != NULL) {
		s->quarantine = open(c->quarantine, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (s->quarantine < 0)
			err = fail_set(why, -errno, "--quarantine %s: %s: make the folder first",
				shown(c->quarantine).text, strerror(errno));
	}
	s->begun_ns = clock_day_ns();
	s->stale = err == 0 && sought_is_stale(&s->sought, c, s->begun_ns);
	return err < 0 || c->iface != NULL ? err : output_open(&p->output, c->output, why);
}

static const char *complaint(const struct call *call, const struct scan *c)
{
	if (call->words == 0 && c->iface == NULL)
		return "nothing to look at: name files, folders or captures, or give -i";
	if (call->words > 0 && c->iface != NULL)
		return "an interface has no end: name inputs or give -i, not both";
	if (c->filter != NULL && c->iface == NULL)
		return "--filter needs an interface (-i)";
	if (c->iface != NULL && (c->since_ns != 0 || c->until_ns != 0))
		return "--since and --until are for what is there already, not for -i";
	if (c->rules.count == 0 && c->intel.count == 0 && c->clamd == NULL)
		return "nothing to look for: give --rules, --intel or --clamd";
	if (c->since_ns != 0 && c->until_ns != 0 && c->since_ns >= c->until_ns)
		return "--since is not before --until";
	if (inputs_hold(call->word, call->words, c->output))
		return "-o names an input: it would be overwritten";
	if (inputs_hold(call->word, call->words, c->state))
		return "--state names an input: it would be overwritten";
	return NULL;
}

static enum exit_code scan_run(const struct call *call)
{
	const struct scan *c = call->settings;
	struct scanning s = {.c = c, .quarantine = -1};
	struct prepared p = {0};
	struct fail why = {0};
	enum exit_code code = EXIT_USAGE;
	const char *wrong = complaint(call, c);
	if (wrong != NULL)
		message("scan: %s", wrong);
	else if (prepare(&p, call, &s, &why) < 0)
		message("%s", why.text);
	else
		code = c->iface != NULL ? scan_interface(&s) : scan_all(&s, &p.inputs, &p.output);
	output_close(&p.output);
	if (s.quarantine >= 0)
		(void)close(s.quarantine);
	out_fini(&s.text);
	endpoints_fini(&s.endpoints);
	walk_fini(&p.inputs);
	sought_free(&s.sought);
	return code;
}

static const char *const text[] = {
	"Looks for malicious code in files, in folders of files (such as Zeek or Suricata extract "
	"them), and in what captures carry: by rules of YARA, by hashes that lists know to be bad, "
	"and by ClamAV's daemon where it runs. Each match is told with the file's SHA-256, its "
	"type by content, and who sent it to whom.",
	"With --intel, endpoints that the lists know (addresses, networks, names, URLs, JA3, JA4, "
	"user agents) are looked for in captures and logs of any kind that hunt reads, in the "
	"journal that watch --state keeps, and in cases of earlier hunts: a list of today against "
	"the traffic of last week.",
	"Captures and logs are known by their content, packed or not. Put together from TCP are "
	"bodies of HTTP/1.x (chunked or not, unpacked when gzip or deflate, forms part by part), "
	"mails of SMTP with their attachments, FTP's data connections, and what SMB reads of "
	"shares and writes to them; parts of one file (ranges, resumed downloads, REST) are put "
	"together over connections. A file that is longer than --limit-file or lacks a part is "
	"looked at as far as it is there, and that is told. What TLS and encrypted SMB carry is "
	"not seen.",
	"With -i the same is done for what passes an interface, and told as it comes. What waits "
	"to be looked at, and finds no room, is counted.",
	"Files are looked at whole in memory and never run, unpacked to disk or changed.",
	NULL,
};

static const struct example examples[] = {
	{"postern scan --rules rules/ --clamd /run/clamav/clamd.ctl /opt/zeek/extract_files",
		"What Zeek extracted:"},
	{"postern scan --rules rules.yar --exit-code day.pcap",
		"What HTTP, SMTP, FTP and SMB carried in a capture:"},
	{"postern scan --intel hashes.csv --quarantine /var/quarantine --json downloads/",
		"By hashes, with copies of what matches:"},
	{"postern scan -i eth0 --rules rules/ --max-age 7 --state scan.state --json -o found.jsonl",
		"What passes an interface, from now on:"},
	{"postern scan --intel new.txt /var/captures state.journal.0 march.db",
		"Did anybody speak to these before?"},
};

const struct verb verb_scan = {
	.name = "scan",
	.words = "[INPUT...]",
	.summary = "look for malicious code in files and in what captures carry",
	.text = text,
	.option = options,
	.options = ARRAY_LEN(options),
	.settings_bytes = sizeof(struct scan),
	.example = examples,
	.examples = ARRAY_LEN(examples),
	.run = scan_run,
};
