/* From what happens to findings, endlessly. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/scan.h"
#include "cli/message.h"
#include "cli/sightings.h"
#include "cli/signals.h"
#include "cli/sources.h"
#include "cli/terminal.h"
#include "cli/verb.h"
#include "cli/watch.h"
#include "cli/watch_intel.h"
#include "cli/watch_out.h"
#include "cli/watch_say.h"
#include "event/journal.h"
#include "report/report.h"

/* Nothing waits longer than this to be looked at. */
#define WAIT_MS 250
/* Of the machine's time, in one go: looking at hosts. */
#define LOOK_NS (200 * NS_PER_MS)
/* What is taken is stored as often as this. */
#define STORE_NS NS_PER_S
/* While there is always more to read, what waits is settled as often as this. */
#define SETTLE_NS (1 * NS_PER_S)
/* Kept for the next start, by the data's time: what a fallback can reach back to
 * (docs/DETECTION.md: three days). */
#define JOURNAL_AGE_NS (INT64_C(3) * 86400 * NS_PER_S)
/* Names and fingerprints take this share of their table before what hosts did is read anew. */
#define STRINGS_FULL 0.9

struct watching {
	const struct watch *w;
	const struct call *call;
	const struct watch_hooks *hooks;    /* never NULL */
	const struct report_format *format; /* NULL: not a record's, but ours */
	struct sources *sources;
	struct engine engine;
	struct sightings *sightings;
	struct expected expected; /* of the hooks, or as it was changed */
	struct journal *journal;  /* NULL: nothing is kept */
	bool replaying;
	struct watch_intel *intel; /* NULL: no lists */
	struct alerting *alerting; /* NULL: no targets */
	struct watch_out out;
	int64_t stored_ns, settled_ns, told_ns; /* on the machine's clock */
	struct sources_stats told;              /* as said last */
	double full;       /* the share of the table of names at which it is made anew */
	uint64_t given_up; /* by engines before this one */
	bool dirty;        /* something came since it was stored */
};

/* ---- telling ---- */

/* Of --to, of alerts, or for who keeps what is told. */
enum { FORM_OURS, FORM_ALERTS, FORM_KEPT = FORM_ALERTS + ALERT_FORMS };

static void format(void *context, size_t form, struct out *o, const struct finding *f)
{
	const struct watching *t = context;
	if (form == FORM_OURS)
		watch_say(o, t->w, t->format, f);
	else if (form == FORM_KEPT)
		watch_say_json(o, f);
	else
		alerting_form(t->alerting, (enum alert_form)(form - FORM_ALERTS), f, o);
}

/* The note with the logs' positions: how long the journal was then. */
#define NOTE_JOURNAL "journal "
/* Kinds of notes in the journal. */
enum { NOTE_TOLD = 1, NOTE_FINAL = 2 };

static void keep_told(struct watching *t, const char *id, const char *status, double e)
{
	if (t->journal == NULL || t->replaying)
		return;
	char note[96];
	int len = snprintf(note, sizeof note, "%s %.9g", id, e);
	bool final = strcmp(status, "provisional") != 0;
	journal_note(t->journal, final ? NOTE_FINAL : NOTE_TOLD, note, (size_t)len);
	t->dirty = true;
}

FILE *watch_file(struct watching *t)
{
	return t->out.file;
}

/* Who keeps what is told has it first. */
static void let_go(struct watching *t)
{
	if (t->hooks->keep == NULL)
		return;
	t->hooks->keep(t->hooks->context);
	watch_out_let_go(&t->out);
}

static void keep_finding_told(struct watching *t, const struct sighting_told *x)
{
	struct out o = {0};
	if (t->hooks->told == NULL || x->text[FORM_KEPT] == NULL)
		return;
	out_printf(&o, WATCH_FINDING "%s", x->status, x->text[FORM_KEPT]);
	t->hooks->told(t->hooks->context, &(struct watch_told){.type = "finding",
						  .id = x->id,
						  .state = x->status,
						  .kind = finding_kind_name(x->kind),
						  .host = x->host,
						  .e = x->e,
						  .json = out_string(&o)});
	out_fini(&o);
}

static void tell(void *context, const struct sighting_told *told)
{
	struct watching *t = context;
	const char *text = told->text[FORM_OURS] == NULL ? "" : told->text[FORM_OURS];
	const char *status = told->status;
	alerting_finding(t->alerting, told->id, status, told->text + FORM_ALERTS);
	keep_finding_told(t, told);
	if (t->format != NULL)
		(void)fputs(strcmp(status, "withdrawn") == 0 ? "" : text, t->out.file);
	else if (watch_is_json(t->w))
		(void)fprintf(t->out.file, WATCH_FINDING "%s\n", status, text);
	else
		(void)fprintf(
			t->out.file, "%-11s E %-8.2g %s  %s\n", status, told->e, text, told->id);
	watch_out_flush(&t->out);
	keep_told(t, told->id, status, told->e);
}

/* ---- the engine's words ---- */

static void ripe(void *context, struct host *host)
{
	struct watching *t = context;
	if (t->sightings != NULL && !t->replaying) /* an earlier run has told of it */
		sightings_look(t->sightings, host, sources_now(t->sources));
}

static void keep_event(void *context, const struct event *event)
{
	struct watching *t = context;
	t->dirty = true;
	if (t->hooks->event != NULL)
		t->hooks->event(t->hooks->context, event, t->replaying);
	if (t->replaying) /* an earlier run has told of it */
		return;
	if (t->journal != NULL)
		journal_add(t->journal, event);
	watch_intel_event(t->intel, event, t->out.file);
}

static void keep_begun(void *context, const struct conn *c)
{
	const struct watching *t = context;
	if (t->hooks->known != NULL)
		watch_intel_begun(t->intel, c);
	if (t->hooks->begun != NULL)
		t->hooks->begun(t->hooks->context, c);
}

static void keep_refused(void *context, const struct conn *c)
{
	const struct watching *t = context;
	t->hooks->refused(t->hooks->context, c);
}

static void keep_finding(void *context, const struct finding *f)
{
	const struct watching *t = context;
	if (t->hooks->finding != NULL)
		t->hooks->finding(t->hooks->context, f);
}

/* Whom people have decided about is no news at any host. */
static bool is_expected(void *context, const struct host_contact *contact)
{
	const struct watching *t = context;
	return expected_has(&t->expected, contact);
}

static int start_engine(struct watching *t)
{
	bool knows = t->hooks->known != NULL && t->w->intel.count > 0;
	struct engine_options o = {.local = t->w->local.net,
		.locals = t->w->local.count,
		.memory_bytes = t->w->memory_bytes,
		.prompt = true,
		.hooks = {.known = is_expected, .context = t},
		.ripe = ripe,
		.event = keep_event,
		.begun = knows || t->hooks->begun != NULL ? keep_begun : NULL,
		.refused = t->hooks->refused != NULL ? keep_refused : NULL,
		.context = t};
	return engine_init(&t->engine, &o);
}

/* ---- what an earlier run, or this one, knew ---- */

static void remember(void *context, const struct journal_record *record)
{
	struct watching *t = context;
	if (record->event.kind != EVENT_NONE) {
		engine_event(&t->engine, &record->event);
		return;
	}
	char note[JOURNAL_NOTE_MAX + 1] = {0}, *end = note;
	struct cur c = cur_of(record->bytes.ptr, record->bytes.len);
	for (size_t i = 0; c.len > 0 && i < JOURNAL_NOTE_MAX; i++)
		note[i] = (char)cur_u8(&c);
	char *space = strchr(note, ' ');
	if (space == NULL)
		return;
	*space = '\0';
	double e = strtod(space + 1, &end);
	if (end != space + 1 && *end == '\0')
		sightings_remember(t->sightings, note, e, record->note == NOTE_FINAL);
}

static int replay(struct watching *t, struct fail *why)
{
	t->replaying = true;
	int code = journal_replay(t->journal, remember, t, why);
	t->replaying = false;
	if (code == -EBADMSG) {
		message("%s", why->text);
		code = 0;
	}
	return code;
}

static int open_journal(struct watching *t, struct fail *why)
{
	struct out path = {0};
	struct journal_options o = {.age_ns = JOURNAL_AGE_NS};
	out_printf(&path, "%s.journal", t->w->state);
	int code = journal_open(&t->journal, out_string(&path), &o, why);
	out_fini(&path);
	if (code < 0)
		return code;
	uint64_t position = 0;
	struct span note = span_of(sources_note(t->sources));
	if (span_begins(note, NOTE_JOURNAL)) {
		size_t word = strlen(NOTE_JOURNAL);
		if (scan_u64((struct span){note.ptr + word, note.len - word}, &position) < 0)
			position = 0;
	}
	if (t->call->words > 0) /* logs go on where the journal ends */
		code = journal_cut(t->journal, position, why);
	if (code == -ESTALE || code == -ENODATA) {
		message("%s", why->text);
		code = 0;
	}
	return code < 0 ? code : replay(t, why);
}

/* What found no room and was not, or not wholly, looked at. */
static uint64_t given_up(const struct engine *e)
{
	const struct flow_stats *flow = flow_table_stats(e->flow);
	return flow->evicted + flow->lookups_evicted + flow->lookups_untold +
	       hosts_stats(e->hosts)->refused + strings_refused(e->strings);
}

/* The table of names is nearly full: hosts are made anew from what they did lately. Only then may
 * the old names go. */
static int renew(struct watching *t, struct fail *why)
{
	uint64_t position;
	engine_finish(&t->engine);
	if (t->journal != NULL && journal_flush(t->journal, &position, why) < 0)
		return -EIO;
	t->given_up += given_up(&t->engine);
	engine_fini(&t->engine);
	if (start_engine(t) < 0)
		return fail_set(why, -ENOMEM, "out of memory");
	sightings_move(t->sightings, t->engine.hosts);
	if (t->journal == NULL && !t->w->quiet)
		message("the table of names was full: what hosts did so far is forgotten (with "
			"--state it is kept)");
	int code = t->journal == NULL ? 0 : replay(t, why);
	/* what is still needed may fill most of it: not at once again */
	double filled = strings_filled(t->engine.strings);
	t->full = filled > STRINGS_FULL ? filled + (1 - filled) / 2 : STRINGS_FULL;
	return code;
}

static int store(struct watching *t, struct fail *why)
{
	char note[64] = "";
	uint64_t position = 0;
	int code = t->journal == NULL ? 0 : journal_flush(t->journal, &position, why);
	if (code < 0)
		return code;
	if (t->journal != NULL)
		(void)snprintf(
			note, sizeof note, NOTE_JOURNAL "%llu", (unsigned long long)position);
	return sources_store(t->sources, note, why);
}

/* ---- the watch ---- */

static void say_losses(struct watching *t)
{
	struct sources_stats now = sources_stats(t->sources);
	if (t->w->verbose)
		message("taken: %llu packets, %llu rows of %zu logs, %llu exports, %llu "
			"connections; %llu rejected; %zu hosts",
			(unsigned long long)now.packets, (unsigned long long)now.rows, now.files,
			(unsigned long long)now.exports, (unsigned long long)now.connections,
			(unsigned long long)now.rejected, hosts_count(t->engine.hosts));
	uint64_t lost = now.packets_lost + now.exports_lost + now.changes_lost;
	uint64_t before = t->told.packets_lost + t->told.exports_lost + t->told.changes_lost;
	if (lost > before && !t->w->quiet)
		message("lost since the last such line: %llu packets, %llu exports, %llu changes "
			"of "
			"connections; some failures may be losses",
			(unsigned long long)(now.packets_lost - t->told.packets_lost),
			(unsigned long long)(now.exports_lost - t->told.exports_lost),
			(unsigned long long)(now.changes_lost - t->told.changes_lost));
	t->told = now;
}

void watch_health(struct watching *t, struct watch_health *ret)
{
	int64_t data_ns = sources_now(t->sources);
	struct rusage used = {0};
	(void)getrusage(RUSAGE_SELF, &used);
	*ret = (struct watch_health){.sources = sources_stats(t->sources),
		.behind_ns = data_ns == 0 ? 0 : clock_day_ns() - data_ns,
		.hosts = hosts_count(t->engine.hosts),
		.connections = hosts_stats(t->engine.hosts)->connections,
		.given_up = t->given_up + given_up(&t->engine),
		.cpu_ns = (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * NS_PER_S +
	                  (used.ru_utime.tv_usec + used.ru_stime.tv_usec) * (NS_PER_S / 1000000),
		.peak_bytes = (uint64_t)used.ru_maxrss * 1024};
}

void watch_expect(struct watching *t, const struct expected *expected)
{
	t->expected = *expected;
	sightings_expect(t->sightings, expected);
}

struct alerting *watch_alerting(struct watching *t)
{
	return t->alerting;
}

/* What came is judged, told and stored. */
static int settle(struct watching *t, struct fail *why)
{
	int64_t now_ns = sources_now(t->sources), machine = clock_steady_ns();
	int code = 0;
	engine_settle(&t->engine, now_ns);
	watch_intel_tick(t->intel, machine);
	alerting_turn(t->alerting);
	t->settled_ns = machine;
	(void)sightings_look_around(t->sightings, now_ns, LOOK_NS);
	sightings_settle(t->sightings, now_ns, false);
	let_go(t); /* before it is noted as told */
	if (strings_filled(t->engine.strings) > t->full)
		code = renew(t, why);
	if (code == 0 && t->dirty && machine - t->stored_ns > STORE_NS) {
		t->stored_ns = machine;
		t->dirty = false;
		code = store(t, why);
	}
	if (machine - t->told_ns > 60 * NS_PER_S) {
		t->told_ns = machine;
		say_losses(t);
	}
	return code;
}

static int watch_on(struct watching *t, struct fail *why)
{
	int code = 0;
	t->told_ns = t->settled_ns = clock_steady_ns();
	while (!signals_stop && code == 0) {
		bool more = false;
		sources_wait(t->sources, t->hooks->wake > 0 ? t->hooks->wake : -1, WAIT_MS);
		code = sources_take(t->sources, &t->engine, &more, why);
		if (code == 0 && t->hooks->turn != NULL)
			code = t->hooks->turn(t->hooks->context, &t->engine, why);
		if (code == 0 && (!more || clock_steady_ns() - t->settled_ns > SETTLE_NS))
			code = settle(t, why);
		let_go(t);
	}
	return code;
}

/* The end, asked for or not: what is known is told and stored. */
static int end_watch(struct watching *t, struct fail *why)
{
	int64_t now_ns = sources_now(t->sources);
	engine_settle(&t->engine, now_ns);
	(void)sightings_look_around(t->sightings, now_ns, 60 * NS_PER_S);
	sightings_settle(t->sightings, now_ns, true);
	let_go(t);
	return t->dirty ? store(t, why) : 0;
}

/* Of --to. NULL: none. */
static const char *complaint_of_format(const struct watch *w)
{
	if (w->to == NULL)
		return NULL;
	if (w->json && strcmp(w->to, "json") != 0)
		return "--json and --to name different formats: give one of them";
	if (strcmp(w->to, "text") == 0 || strcmp(w->to, "json") == 0)
		return NULL;
	const struct report_format *format = report_formats_find(w->to);
	if (format == NULL || !format->lines)
		return "--to: a watch writes text, json, eve, ecs, ocsf, cef, syslog or veris: "
		       "other "
		       "formats are of a whole case (hunt --case, report)";
	return NULL;
}

static const char *complaint(const struct call *call, const struct watch *w)
{
	const char *wrong = complaint_of_format(w);
	if (wrong != NULL)
		return wrong;
	if (call->words == 0 && w->iface == NULL && !w->host && w->netflow == NULL)
		return "nothing to watch: name logs or folders, or give -i, --host or --netflow";
	if (w->filter != NULL && w->iface == NULL)
		return "--filter needs an interface (-i)";
	for (size_t i = 0; i < call->words; i++)
		if (strcmp(call->word[i], "-") == 0)
			return "standard input does not grow: hunt reads it";
	return NULL;
}

static int start(struct watching *t, struct fail *why)
{
	const struct watch *w = t->w;
	struct sources_options o = {.iface = w->iface,
		.filter = w->filter,
		.kernel = w->host,
		.netflow = w->netflow,
		.path = t->call->word,
		.paths = t->call->words,
		.state_path = w->state,
		.from_end = w->from_end};
	int code = sources_open(&t->sources, &o, why);
	if (code == 0 && start_engine(t) < 0)
		code = fail_set(why, -ENOMEM, "out of memory: try --limit-memory");
	if (code == 0 && t->hooks->opened != NULL)
		code = t->hooks->opened(t->hooks->context, &t->engine, why);
	if (code < 0)
		return code;
	struct sightings_options s = {.hosts = t->engine.hosts,
		.max_e = w->max_e,
		.all = w->all,
		.forms = t->hooks->told != NULL ? FORM_KEPT + 1 : FORM_KEPT,
		.format = format,
		.tell = tell,
		.seen = keep_finding,
		.seen_max_e = t->hooks->max_e,
		.expected = t->expected,
		.context = t};
	if (sightings_new(&t->sightings, &s) < 0)
		return fail_set(why, -ENOMEM, "out of memory");
	code = alerting_open(&t->alerting, &w->alert, why);
	const struct watch_intel_options i = {.files = &w->intel,
		.json = w->json,
		.alerting = t->alerting,
		.known = t->hooks->known,
		.told = t->hooks->told,
		.context = t->hooks->context};
	if (code == 0)
		code = watch_intel_new(&t->intel, &i, why);
	if (code == 0 && w->state != NULL)
		code = open_journal(t, why);
	if (code == 0)
		code = watch_out_open(&t->out, w->output, t->hooks->keep != NULL, why);
	return code < 0 || t->journal == NULL ? code : store(t, why);
}

enum exit_code watch_start(
	const struct call *call, const struct watch *w, const struct watch_hooks *hooks)
{
	static const struct watch_hooks none = {0};
	struct watching t = {
		.w = w, .call = call, .hooks = hooks != NULL ? hooks : &none, .full = STRINGS_FULL};
	struct fail why = {0};
	t.expected = t.hooks->expected;
	const char *wrong = complaint(call, t.w);
	if (wrong != NULL) {
		message("%s: %s", call->verb->name, wrong);
		return EXIT_USAGE;
	}
	if (w->to != NULL && strcmp(w->to, "text") != 0 && strcmp(w->to, "json") != 0)
		t.format = report_formats_find(w->to);
	signals_catch();
	int code = start(&t, &why);
	if (code == 0 && t.hooks->start != NULL)
		code = t.hooks->start(t.hooks->context, &t, &why);
	bool started = code == 0;
	if (started)
		code = watch_on(&t, &why);
	if (code < 0)
		message("%s", why.text);
	if (started && end_watch(&t, &why) < 0) {
		message("%s", why.text);
		code = -EIO;
	}
	if (started && t.w->verbose)
		say_losses(&t);
	watch_out_close(&t.out);
	journal_close(t.journal);
	sightings_free(t.sightings);
	watch_intel_free(t.intel);
	alerting_close(t.alerting);
	engine_fini(&t.engine);
	sources_close(t.sources);
	return code < 0 ? EXIT_NOTHING : EXIT_DONE;
}
