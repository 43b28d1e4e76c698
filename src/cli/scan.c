/* postern scan: malicious code in files, and in what HTTP carried. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "cli/endpoints.h"
#include "cli/file.h"
#include "cli/inputs.h"
#include "cli/intel.h"
#include "cli/message.h"
#include "cli/output.h"
#include "cli/signals.h"
#include "cli/verb.h"
#include "decode/decode.h"
#include "ingest/walk.h"
#include "report/emit.h"
#include "scan/scan.h"

#define NAME_BYTES   1024u
#define SECONDS_MOST 3600
#define DEPTH_MOST   8
#define MEMBERS_MOST 1000000
#define MEMORY_LEAST ((double)(64u << 20))
#define MEMORY_MOST  ((double)((size_t)1 << 44))

struct scan {
	struct texts rules, intel;
	const char *clamd, *quarantine, *output;
	double timeout_s, depth, members;
	size_t file_bytes, unpacked_bytes, memory_bytes;
	struct networks local;
	int64_t since_ns, until_ns;
	bool json, all, exit_code, quiet, verbose;
};

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
		.help = "write the results to FILE instead of standard output"},
	{"exit-code", 0, OPTION_FLAG, NULL, AT(exit_code),
		.help = "exit with 1 when something matches"},
	{"json", 0, OPTION_FLAG, NULL, AT(json),
		.help = "print JSON Lines: each file, then one summary"},
	{"quiet", 'q', OPTION_FLAG, NULL, AT(quiet),
		.help = "no progress bar, no remarks; errors are still told"},
	{"verbose", 'v', OPTION_FLAG, NULL, AT(verbose), .help = "tell about each input"},
};

struct scanning {
	const struct scan *c;
	struct scanner *scanner;
	struct out text;
	int quarantine; /* folder; -1 none */
	const char *capture;
	uint64_t files, bytes, matching, gaps, unread, captures, kept;
	struct carry_stats carried;
	struct endpoints endpoints;
	const struct intel_seen *seen; /* NULL: no list names endpoints */
};

/* ---- quarantine ---- */

/* A file of that name is the same bytes: nothing is to be done. */
static void keep_copy(struct scanning *s, const char *name, struct span bytes)
{
	int fd = s->quarantine < 0
	                 ? -1
	                 : openat(s->quarantine, name,
				   O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0);
	if (fd < 0) {
		if (s->quarantine >= 0 && errno != EEXIST) {
			message("--quarantine: %s: %s", name, strerror(errno));
			s->gaps++;
		}
		return;
	}
	struct cur c = cur_of(bytes.ptr, bytes.len);
	while (c.len > 0) {
		ssize_t n = write(fd, c.ptr, c.len);
		if (n <= 0)
			break;
		cur_skip(&c, (size_t)n);
	}
	if (close(fd) != 0 || c.len > 0) {
		message("--quarantine: %s: %s", name, strerror(errno));
		(void)unlinkat(s->quarantine, name, 0);
		s->gaps++;
		return;
	}
	s->kept++;
}

/* ---- telling ---- */

struct origin { /* where the bytes come from */
	const char *path;
	const struct carried *carried; /* NULL: the file itself */
	const char *member;            /* of an archive; NULL: it is none */
	const char *gap;               /* NULL none */
};

static void emit_end(struct emit *e, const char *key, const struct addr *a, uint16_t port)
{
	emit_open(e, key, '{');
	emit_address(e, "address", a);
	emit_count(e, "port", port);
	emit_close(e, '}');
}

static void write_json(struct out *o, const struct origin *from, const struct scan_result *r)
{
	struct emit e = {.out = o};
	emit_open(&e, NULL, '{');
	emit_text(&e, "type", "file", NAME_BYTES);
	emit_text(&e, "path", from->path, NAME_BYTES);
	if (from->carried != NULL) {
		emit_time(&e, "at", from->carried->at_ns);
		emit_end(&e, "from", &from->carried->from, from->carried->from_port);
		emit_end(&e, "to", &from->carried->to, from->carried->to_port);
		emit_text(
			&e, "direction", from->carried->upload ? "upload" : "download", NAME_BYTES);
		emit_text(&e, "protocol", from->carried->protocol, NAME_BYTES);
		emit_text(&e, "host", from->carried->host, NAME_BYTES);
		emit_text(&e, "uri", from->carried->uri, NAME_BYTES);
	}
	emit_text(&e, "member", from->member, NAME_BYTES);
	emit_count(&e, "bytes", r->bytes);
	emit_text(&e, "sha256", r->sha256, NAME_BYTES);
	emit_text(&e, "mime", r->type, NAME_BYTES);
	emit_open(&e, "matches", '[');
	for (size_t i = 0; i < r->matches; i++) {
		emit_open(&e, NULL, '{');
		emit_text(&e, "by", scan_by_name(r->match[i].by), NAME_BYTES);
		emit_text(&e, "name", r->match[i].name, NAME_BYTES);
		emit_text(&e, "text", r->match[i].text, NAME_BYTES);
		emit_close(&e, '}');
	}
	emit_close(&e, ']');
	emit_text(&e, "gap", from->gap, NAME_BYTES);
	emit_close(&e, '}');
	out_text(o, "\n");
}

static void write_text(struct out *o, const struct origin *from, const struct scan_result *r)
{
	char a[ADDR_TEXT_BYTES], b[ADDR_TEXT_BYTES];
	const struct carried *f = from->carried;
	out_safe(o, from->path, NAME_BYTES);
	if (f != NULL) {
		out_text(o, ": ");
		out_time(o, f->at_ns);
		out_printf(o, " %s to %s, ", addr_text(&f->from, a), addr_text(&f->to, b));
		out_printf(o, "%s ", f->protocol);
		out_safe(o, f->host, NAME_BYTES);
		out_text(o, strcmp(f->protocol, "smtp") == 0 ? " " : "");
		out_safe(o, f->uri, NAME_BYTES);
	}
	if (from->member != NULL) {
		out_text(o, " > ");
		out_safe(o, from->member, NAME_BYTES);
	}
	out_printf(o, "\n  %llu bytes, %s, sha256 %s\n", (unsigned long long)r->bytes,
		r->type[0] == '\0' ? "type not known" : r->type, r->sha256);
	for (size_t i = 0; i < r->matches; i++)
		out_printf(o, "  %s: %s%s%s\n", scan_by_name(r->match[i].by), r->match[i].name,
			r->match[i].text[0] == '\0' ? "" : ": ", r->match[i].text);
	if (r->more > 0)
		out_printf(o, "  and %llu more matches\n", (unsigned long long)r->more);
	if (from->gap != NULL)
		out_printf(o, "  not all of it: %s\n", from->gap);
}

static void look_at_one(struct scanning *s, struct origin from, struct span bytes)
{
	struct scan_result r;
	scan_bytes(s->scanner, bytes, &r);
	if (from.gap == NULL && r.gap[0] != '\0')
		from.gap = r.gap;
	s->files++;
	s->bytes += bytes.len;
	s->matching += r.matches > 0;
	s->gaps += from.gap != NULL;
	if (r.matches > 0)
		keep_copy(s, r.sha256, bytes);
	if (r.matches == 0 && from.gap == NULL && !s->c->all)
		return;
	(s->c->json ? write_json : write_text)(&s->text, &from, &r);
}

struct members {
	struct scanning *scanning;
	const struct origin *from;
};

static void take_member(void *context, const struct archived *file)
{
	const struct members *m = context;
	struct origin from = *m->from;
	from.member = file->name;
	from.gap = file->gap;
	look_at_one(m->scanning, from, file->bytes);
}

static void look_at(struct scanning *s, struct origin from, struct span bytes)
{
	struct members m = {s, &from};
	look_at_one(s, from, bytes);
	if (s->c->depth >= 1)
		archive_open(bytes, &(struct archive_options){.bytes_max = s->c->file_bytes,
					    .total_bytes = s->c->unpacked_bytes,
					    .members = (uint32_t)s->c->members,
					    .depth = (unsigned)s->c->depth,
					    .take = take_member,
					    .context = &m});
}

/* ---- captures ---- */

static void take_carried(void *context, const struct carried *file)
{
	struct scanning *s = context;
	if (!endpoints_within(&s->endpoints.options, file->at_ns))
		return;
	look_at(s, (struct origin){.path = s->capture, .carried = file, .gap = file->gap},
		file->bytes);
}

static int scan_capture(struct scanning *s, const char *path, struct fail *why)
{
	struct ingest *ingest = NULL;
	struct decoder *decoder = NULL;
	struct carry *carry = NULL;
	struct frame frame;
	struct packet packet;
	struct carry_options o = {
		.bytes_max = s->c->file_bytes, .take = take_carried, .context = s};
	s->capture = path;
	int err = ingest_open(&ingest, &path, 1, why);
	if (err == 0 &&
		(decoder_new(&decoder, FRAGMENT_BYTES_MAX) < 0 || carry_new(&carry, &o) < 0))
		err = fail_set(why, -ENOMEM, "out of memory");
	while (err == 0 && !signals_stop && ingest_next(ingest, &frame) == 1)
		if (frame.format == NULL && decode_frame(decoder, &frame, &packet) == DECODED_OK)
			carry_add(carry, &packet);
	if (err == 0) {
		carry_finish(carry);
		struct carry_stats now = carry_stats(carry);
		s->carried.streams += now.streams;
		s->carried.holes += now.holes;
		s->carried.refused += now.refused;
		const struct input *in = ingest_input(ingest, 0);
		if (in->error != 0)
			err = fail_set(why, in->error, "%s", in->text);
		else if (in->cut)
			s->gaps++;
		s->captures++;
	}
	carry_free(carry);
	decoder_free(decoder);
	ingest_close(ingest);
	return err;
}

/* ---- files ---- */

static int scan_file(struct scanning *s, const char *path, struct fail *why)
{
	struct cur text = {0};
	char *owned = NULL;
	size_t max = s->c->file_bytes;
	int err = file_read(path, max, &owned, &text, why);
	if (err < 0)
		return err;
	struct span bytes = {text.ptr, text.len < max ? text.len : max};
	look_at(s,
		(struct origin){.path = path,
			.gap = text.len > max ? "it is longer than is looked at (--limit-file)"
	                                      : NULL},
		bytes);
	free(owned);
	return 0;
}

enum what { A_FILE, A_LOG, A_CAPTURE };

/* By content, packed or not. Standard input can be read once only: it is a file. */
static enum what what_is(const char *path)
{
	struct ingest *ingest = NULL;
	struct fail why = {0};
	enum what what = A_FILE;
	if (strcmp(path, "-") == 0 || ingest_open(&ingest, &path, 1, &why) < 0)
		return A_FILE;
	if (ingest_inputs(ingest) == 1) {
		const struct input *in = ingest_input(ingest, 0);
		if (in->error == 0 && in->format != NULL)
			what = in->log ? A_LOG : A_CAPTURE;
	}
	ingest_close(ingest);
	return what;
}

static int scan_path(struct scanning *s, const char *path, struct fail *why)
{
	bool kept = false, code = s->c->rules.count > 0 || s->c->clamd != NULL;
	int err = s->seen == NULL ? 0 : endpoints_kept(&s->endpoints, path, &kept, why);
	if (err < 0 || kept)
		return err;
	enum what what = what_is(path);
	if (what != A_FILE && s->seen != NULL)
		endpoints_traffic(&s->endpoints, path);
	if (what == A_CAPTURE)
		return scan_capture(s, path, why);
	/* who writes what begins like a log does not get past the rules */
	return what == A_LOG && s->seen != NULL && !code ? 0 : scan_file(s, path, why);
}

static void scan_words(struct scanning *s, const struct walk *walk)
{
	for (size_t i = 0; i < walk->files && !signals_stop; i++) {
		struct fail why = walk->file[i].why;
		int err = why.code != 0 ? why.code : scan_path(s, walk->file[i].path, &why);
		if (err < 0)
			message("%s", why.text);
		s->unread += err < 0;
	}
	if (s->seen != NULL)
		endpoints_finish(&s->endpoints);
}

static bool is_partial(const struct scanning *s)
{
	return s->unread + s->gaps > 0 || s->endpoints.partial || signals_stop;
}

static void write_summary(struct scanning *s)
{
	struct out *o = &s->text;
	struct emit e = {.out = o};
	if (s->seen != NULL)
		(s->c->json ? endpoints_json : endpoints_text)(o, s->seen);
	if (!s->c->json) {
		out_printf(o, "%llu files, %llu of them match, %llu not seen whole",
			(unsigned long long)s->files, (unsigned long long)s->matching,
			(unsigned long long)s->gaps);
		if (s->captures > 0)
			out_printf(o,
				"; %llu conversations looked into, %llu bytes of them missing",
				(unsigned long long)s->carried.streams,
				(unsigned long long)s->carried.holes);
		if (s->seen != NULL)
			out_printf(o, "; %zu sights of %zu indicators", intel_seen_count(s->seen),
				intel_count(intel_seen_set(s->seen)));
		out_text(o, "\n");
		return;
	}
	emit_open(&e, NULL, '{');
	emit_text(&e, "type", "summary", NAME_BYTES);
	emit_count(&e, "files", s->files);
	emit_count(&e, "bytes", s->bytes);
	emit_count(&e, "matching", s->matching);
	emit_count(&e, "gaps", s->gaps);
	emit_count(&e, "unread", s->unread);
	emit_count(&e, "rules", scanner_rules(s->scanner));
	emit_count(&e, "captures", s->captures);
	emit_count(&e, "streams", s->carried.streams);
	emit_count(&e, "missing_bytes", s->carried.holes);
	emit_count(&e, "streams_ended_early", s->carried.refused);
	emit_count(&e, "quarantined", s->kept);
	if (s->seen != NULL) {
		emit_count(&e, "indicators", intel_count(intel_seen_set(s->seen)));
		emit_count(&e, "endpoints", intel_seen_count(s->seen));
		emit_count(&e, "endpoints_refused", intel_seen_refused(s->seen));
	}
	emit_bool(&e, "partial", is_partial(s));
	emit_close(&e, '}');
	out_text(o, "\n");
}

static enum exit_code scan_all(struct scanning *s, const struct walk *walk, struct output *output)
{
	struct fail why = {0};
	signals_catch();
	scan_words(s, walk);
	bool nothing = s->files == 0 && s->captures == 0 && s->endpoints.read == 0;
	if (!nothing || s->c->json)
		write_summary(s);
	if (output_finish(output, &s->text, &why) < 0) {
		message("%s", why.text);
		return EXIT_NOTHING;
	}
	if (nothing) {
		message("nothing was read");
		return EXIT_NOTHING;
	}
	size_t sights = s->seen == NULL ? 0 : intel_seen_count(s->seen);
	if (s->c->exit_code && (s->matching > 0 || sights > 0))
		return EXIT_FINDINGS;
	return is_partial(s) ? EXIT_PARTIAL : EXIT_DONE;
}

/* ---- the verb ---- */

struct prepared {
	struct intel *intel;
	struct intel_seen *seen;
	struct walk rules, inputs;
	const char **rule;
	struct output output;
};

static int add_paths(struct walk *w, const char *const *path, size_t paths, struct fail *why)
{
	int err = 0;
	for (size_t i = 0; i < paths && err == 0; i++)
		err = walk_add(w, path[i], why);
	return err;
}

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
	struct endpoints_options o = {.seen = p->seen,
		.call = call,
		.local = c->local,
		.since_ns = c->since_ns,
		.until_ns = c->until_ns,
		.memory_bytes = c->memory_bytes,
		.quiet = c->quiet,
		.verbose = c->verbose};
	if (endpoints_init(&s->endpoints, &o, p->inputs.files) < 0)
		return fail_set(why, -ENOMEM, "out of memory");
	s->seen = names_endpoints(p->intel) ? p->seen : NULL;
	return 0;
}

static int prepare(
	struct prepared *p, const struct call *call, struct scanning *s, struct fail *why)
{
	const struct scan *c = call->settings;
	int err = intel_load(&c->intel, &p->intel, &p->seen, why);
	if (err == 0)
		err = add_paths(&p->rules, c->rules.text, c->rules.count, why);
	if (err == 0)
		err = add_paths(&p->inputs, call->word, call->words, why);
	if (err == 0)
		err = prepare_endpoints(p, call, s, why);
	p->rule = calloc(p->rules.files + 1, sizeof(char *));
	if (err == 0 && p->rule == NULL)
		err = fail_set(why, -ENOMEM, "out of memory");
	for (size_t i = 0; err == 0 && i < p->rules.files; i++) {
		CHECK(p->rule != NULL);
		p->rule[i] = p->rules.file[i].path;
		if (p->rules.file[i].why.code != 0)
			err = fail_set(
				why, p->rules.file[i].why.code, "%s", p->rules.file[i].why.text);
	}
	struct scan_options o = {.rules = p->rule,
		.rules_count = p->rules.files,
		.intel = p->intel,
		.clamd = c->clamd,
		.timeout_s = c->timeout_s < 1 ? 1 : (int)c->timeout_s};
	if (err == 0)
		err = scanner_new(&s->scanner, &o, why);
	if (err == 0 && c->quarantine != NULL) {
		s->quarantine = open(c->quarantine, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (s->quarantine < 0)
			err = fail_set(why, -errno, "--quarantine %s: %s: make the folder first",
				shown(c->quarantine).text, strerror(errno));
	}
	return err < 0 ? err : output_open(&p->output, c->output, why);
}

static enum exit_code scan_run(const struct call *call)
{
	const struct scan *c = call->settings;
	struct scanning s = {.c = c, .quarantine = -1};
	struct prepared p = {0};
	struct fail why = {0};
	enum exit_code code = EXIT_USAGE;
	if (call->words == 0)
		message("scan: nothing to look at: name files, folders or captures");
	else if (c->rules.count == 0 && c->intel.count == 0 && c->clamd == NULL)
		message("scan: nothing to look for: give --rules, --intel or --clamd");
	else if (c->since_ns != 0 && c->until_ns != 0 && c->since_ns >= c->until_ns)
		message("scan: --since is not before --until");
	else if (inputs_hold(call->word, call->words, c->output))
		message("scan: -o names an input: it would be overwritten");
	else if (prepare(&p, call, &s, &why) < 0)
		message("%s", why.text);
	else
		code = scan_all(&s, &p.inputs, &p.output);
	output_close(&p.output);
	scanner_free(s.scanner);
	if (s.quarantine >= 0)
		(void)close(s.quarantine);
	out_fini(&s.text);
	endpoints_fini(&s.endpoints);
	walk_fini(&p.rules);
	walk_fini(&p.inputs);
	free(p.rule);
	intel_seen_free(p.seen);
	intel_free(p.intel);
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
	"shares and writes to them; a file that is longer "
	"than --limit-file, lacks a part or is a range of another is looked at as far as it is "
	"there, and that is told. What TLS and encrypted SMB carry is not seen.",
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
	{"postern scan --intel new.txt /var/captures state.journal.0 march.db",
		"Did anybody speak to these before?"},
};

const struct verb verb_scan = {
	.name = "scan",
	.words = "INPUT...",
	.summary = "look for malicious code in files and in what captures carry",
	.text = text,
	.option = options,
	.options = ARRAY_LEN(options),
	.settings_bytes = sizeof(struct scan),
	.example = examples,
	.examples = ARRAY_LEN(examples),
	.run = scan_run,
};
