/* postern intel match: lists against what is kept. */
#include <errno.h>
#include <string.h>

#include "cli/file.h"
#include "cli/inputs.h"
#include "cli/intel.h"
#include "cli/message.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/run.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "event/journal.h"
#include "judge/bad.h"
#include "report/bad.h"
#include "store/store.h"

#define MAGIC_BYTES   16u
#define JOURNAL_BYTES ((size_t)JOURNAL_BYTES_MAX)

struct matcher {
	const struct call *call;
	const struct intel_settings *settings;
	struct intel_seen *seen;
	const char **traffic; /* words that are neither journals nor cases */
	size_t traffics;
	size_t read; /* journals and cases */
	bool partial;
	bool empty; /* traffic without a record */
};

static bool within(const struct intel_settings *c, int64_t at_ns)
{
	return (c->since_ns == 0 || at_ns >= c->since_ns) &&
	       (c->until_ns == 0 || at_ns < c->until_ns);
}

/* ---- journals ---- */

static void take_record(void *context, const struct journal_record *record)
{
	const struct matcher *m = context;
	const struct event *e = &record->event;
	if (e->kind == EVENT_NONE)
		return;
	if (within(m->settings, e->kind == EVENT_CONN ? e->conn.start_ns : e->lookup.query_ns))
		(void)intel_seen_add(m->seen, e);
}

static int match_journal(struct matcher *m, const char *path, struct fail *why)
{
	struct cur bytes = {0};
	char *owned = NULL;
	uint64_t lost = 0;
	int err = file_read(path, JOURNAL_BYTES, &owned, &bytes, why);
	if (err == 0)
		err = journal_read(shown(path).text, bytes, take_record, m, &lost, why);
	free(owned);
	if (err == 0 && lost > 0) {
		message("%s: its last %llu bytes are damaged or not written to their end",
			shown(path).text, (unsigned long long)lost);
		m->partial = true;
	}
	return err;
}

/* ---- cases ---- */

static void match_channel(
	struct matcher *m, const struct finding *f, const struct finding_channel *ch)
{
	uint32_t item[BAD_ITEMS_MAX];
	const struct intel *set = intel_seen_set(m->seen);
	size_t count = within(m->settings, ch->first_ns) ? bad_items(set, ch, item) : 0;
	for (size_t i = 0; i < count; i++) {
		struct intel_sight s = {.item = item[i],
			.host = f->host,
			.port = ch->port,
			.transport = ch->transport,
			.name = ch->endpoint,
			.first_ns = ch->first_ns,
			.last_ns = ch->last_ns,
			.count = ch->connections,
			.failures = ch->failures};
		s.peer = ch->addr_count > 0 ? ch->addrs[0] : s.peer;
		intel_seen_note(m->seen, &s);
		struct intel_sight *kept = intel_seen_find(m->seen, item[i], &f->host);
		if (kept == NULL || kept->finding[0] != '\0')
			continue;
		memcpy(kept->finding, f->id, sizeof kept->finding);
		kept->e_value = f->e_value;
	}
}

static int match_case(struct matcher *m, const char *path, struct fail *why)
{
	struct stored *stored = NULL;
	int err = stored_open(&stored, path, why);
	if (err < 0)
		return err;
	const struct store_case *c = stored_case(stored);
	for (size_t i = 0; i < c->findings; i++)
		for (size_t k = 0; k < c->finding[i]->channels; k++)
			match_channel(m, c->finding[i], &c->finding[i]->channel[k]);
	stored_close(stored);
	return 0;
}

/* ---- captures and logs ---- */

static int match_traffic(struct matcher *m, struct fail *why)
{
	const struct intel_settings *c = m->settings;
	struct terminal t = terminal_of(stderr);
	struct progress progress;
	progress_init(&progress, &t, c->quiet);
	struct run_options run = {.path = m->traffic,
		.paths = m->traffics,
		.local = c->local.net,
		.locals = c->local.count,
		.max_e = 0.1,
		.since_ns = c->since_ns,
		.until_ns = c->until_ns,
		.bad = m->seen,
		.memory_bytes = c->memory_bytes,
		.stop = &signals_stop,
		.progress = progress_show,
		.context = &progress};
	struct run_result result = {0};
	signals_catch();
	int err = run_hunt(&run, &result, why);
	progress_end(&progress);
	if (err < 0)
		return err;
	struct call traffic = *m->call;
	traffic.word = m->traffic;
	traffic.words = m->traffics;
	m->partial |= inputs_tell(&traffic, &result,
			      &(struct inputs_manner){.quiet = c->quiet, .verbose = c->verbose}) ||
	              result.summary.partial || signals_stop;
	m->empty = result.summary.records == 0;
	run_result_fini(&result);
	return 0;
}

/* ---- all of it ---- */

enum what { TRAFFIC, JOURNAL, CASE };

static enum what what_is(const char *path)
{
	char head[MAGIC_BYTES] = {0};
	FILE *file = strcmp(path, "-") == 0 ? NULL : fopen(path, "rbe");
	size_t len = file == NULL ? 0 : fread(head, 1, sizeof head, file);
	if (file != NULL)
		(void)fclose(file);
	if (journal_claims((struct span){(const uint8_t *)head, len}))
		return JOURNAL;
	return len == sizeof head && memcmp(head, "SQLite format 3", sizeof head) == 0 ? CASE
	                                                                               : TRAFFIC;
}

static void match_words(struct matcher *m)
{
	struct fail why = {0};
	for (size_t i = 0; i < m->call->words; i++) {
		const char *path = m->call->word[i];
		enum what what = what_is(path);
		int err = 0;
		if (what == TRAFFIC)
			m->traffic[m->traffics++] = path;
		else
			err = what == JOURNAL ? match_journal(m, path, &why)
			                      : match_case(m, path, &why);
		if (err < 0)
			message("%s", why.text);
		m->partial |= err < 0;
		m->read += err == 0 && what != TRAFFIC;
	}
	if (m->traffics == 0)
		return;
	if (match_traffic(m, &why) < 0) {
		message("%s", why.text);
		m->partial = m->empty = true;
	}
}

static void write_text(struct out *o, const struct intel_seen *seen)
{
	const struct intel *set = intel_seen_set(seen);
	for (size_t i = 0; i < intel_seen_count(seen); i++) {
		const struct intel_sight *s = intel_seen_get(seen, i);
		intel_say_item(o, set, s->item);
		out_text(o, "\n  ");
		bad_say_sight(o, s);
		out_text(o, "\n");
	}
	out_printf(o, "%zu matches of %zu indicators\n", intel_seen_count(seen), intel_count(set));
}

static void write_json(struct out *o, const struct intel_seen *seen, bool partial)
{
	const struct intel *set = intel_seen_set(seen);
	for (size_t i = 0; i < intel_seen_count(seen); i++) {
		struct emit e = {.out = o};
		emit_open(&e, NULL, '{');
		emit_text(&e, "type", "match", 16);
		bad_json_sight(&e, set, intel_seen_get(seen, i));
		emit_close(&e, '}');
		out_text(o, "\n");
	}
	struct emit e = {.out = o};
	emit_open(&e, NULL, '{');
	emit_text(&e, "type", "summary", 16);
	emit_count(&e, "indicators", intel_count(set));
	emit_count(&e, "matches", intel_seen_count(seen));
	emit_count(&e, "refused", intel_seen_refused(seen));
	emit_bool(&e, "partial", partial);
	emit_close(&e, '}');
	out_text(o, "\n");
}

static enum exit_code match(struct matcher *m)
{
	struct output output = {0};
	struct fail why = {0};
	struct out text = {0};
	if (output_open(&output, m->settings->output, &why) < 0) {
		message("%s", why.text);
		return EXIT_USAGE;
	}
	match_words(m);
	bool nothing = m->read == 0 && (m->traffics == 0 || m->empty);
	intel_seen_sort(m->seen);
	if (m->settings->json)
		write_json(&text, m->seen, m->partial);
	else if (!nothing)
		write_text(&text, m->seen);
	int err = output_finish(&output, &text, &why);
	if (err < 0)
		message("%s", why.text);
	out_fini(&text);
	if (err < 0 || nothing) {
		if (nothing)
			message("nothing was read");
		return EXIT_NOTHING;
	}
	if (m->settings->exit_code && intel_seen_count(m->seen) > 0)
		return EXIT_FINDINGS;
	return m->partial ? EXIT_PARTIAL : EXIT_DONE;
}

enum exit_code intel_match_run(const struct call *call)
{
	struct matcher m = {.call = call, .settings = call->settings};
	struct intel *set = NULL;
	struct fail why = {0};
	enum exit_code code = EXIT_USAGE;
	m.traffic = calloc(call->words, sizeof *m.traffic);
	if (m.traffic == NULL)
		message("out of memory");
	else if (inputs_hold(call->word, call->words, m.settings->output))
		message("intel match: -o names an input: it would be overwritten");
	else if (intel_load(&m.settings->intel, &set, &m.seen, &why) < 0)
		message("%s", why.text);
	else
		code = match(&m);
	intel_seen_free(m.seen);
	intel_free(set);
	free(m.traffic);
	return code;
}
