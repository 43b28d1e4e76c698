#include "cli/endpoints.h"

#include <errno.h>
#include <string.h>

#include "cli/file.h"
#include "cli/inputs.h"
#include "cli/message.h"
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

int endpoints_init(struct endpoints *e, const struct endpoints_options *options, size_t paths_max)
{
	*e = (struct endpoints){.options = *options};
	e->traffic = calloc(paths_max + 1, sizeof *e->traffic);
	return e->traffic == NULL ? -ENOMEM : 0;
}

void endpoints_fini(struct endpoints *e)
{
	free(e->traffic);
	*e = (struct endpoints){0};
}

bool endpoints_within(const struct endpoints_options *o, int64_t at_ns)
{
	return (o->since_ns == 0 || at_ns >= o->since_ns) &&
	       (o->until_ns == 0 || at_ns < o->until_ns);
}

/* ---- journals ---- */

static void take_record(void *context, const struct journal_record *record)
{
	const struct endpoints *e = context;
	const struct event *event = &record->event;
	if (event->kind == EVENT_NONE)
		return;
	int64_t at_ns = event->kind == EVENT_CONN ? event->conn.start_ns : event->lookup.query_ns;
	if (endpoints_within(&e->options, at_ns))
		(void)intel_seen_add(e->options.seen, event);
}

static int match_journal(struct endpoints *e, const char *path, struct fail *why)
{
	struct cur bytes = {0};
	char *owned = NULL;
	uint64_t lost = 0;
	int err = file_read(path, JOURNAL_BYTES, &owned, &bytes, why);
	if (err == 0)
		err = journal_read(shown(path).text, bytes, take_record, e, &lost, why);
	free(owned);
	if (err == 0 && lost > 0) {
		message("%s: its last %llu bytes are damaged or not written to their end",
			shown(path).text, (unsigned long long)lost);
		e->partial = true;
	}
	return err;
}

/* ---- cases ---- */

static void match_channel(
	struct endpoints *e, const struct finding *f, const struct finding_channel *ch)
{
	uint32_t item[BAD_ITEMS_MAX];
	const struct intel *set = intel_seen_set(e->options.seen);
	size_t count = endpoints_within(&e->options, ch->first_ns) ? bad_items(set, ch, item) : 0;
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
		intel_seen_note(e->options.seen, &s);
		struct intel_sight *kept = intel_seen_find(e->options.seen, item[i], &f->host);
		if (kept == NULL || kept->finding[0] != '\0')
			continue;
		memcpy(kept->finding, f->id, sizeof kept->finding);
		kept->e_value = f->e_value;
	}
}

static int match_case(struct endpoints *e, const char *path, struct fail *why)
{
	struct stored *stored = NULL;
	int err = stored_open(&stored, path, why);
	if (err < 0)
		return err;
	const struct store_case *c = stored_case(stored);
	for (size_t i = 0; i < c->findings; i++)
		for (size_t k = 0; k < c->finding[i]->channels; k++)
			match_channel(e, c->finding[i], &c->finding[i]->channel[k]);
	stored_close(stored);
	return 0;
}

/* ---- captures and logs ---- */

static int match_traffic(struct endpoints *e, struct fail *why)
{
	const struct endpoints_options *o = &e->options;
	struct terminal t = terminal_of(stderr);
	struct progress progress;
	progress_init(&progress, &t, o->quiet);
	struct run_options run = {.path = e->traffic,
		.paths = e->traffics,
		.local = o->local.net,
		.locals = o->local.count,
		.max_e = 0.1,
		.since_ns = o->since_ns,
		.until_ns = o->until_ns,
		.bad = o->seen,
		.memory_bytes = o->memory_bytes,
		.stop = &signals_stop,
		.progress = progress_show,
		.context = &progress};
	struct run_result result = {0};
	int err = run_hunt(&run, &result, why);
	progress_end(&progress);
	if (err < 0)
		return err;
	struct call traffic = *o->call;
	traffic.word = e->traffic;
	traffic.words = e->traffics;
	e->partial |= inputs_tell(&traffic, &result,
			      &(struct inputs_manner){.quiet = o->quiet, .verbose = o->verbose}) ||
	              result.summary.partial;
	e->read += result.summary.records > 0;
	run_result_fini(&result);
	return 0;
}

/* ---- all of it ---- */

int endpoints_kept(struct endpoints *e, const char *path, bool *ret, struct fail *why)
{
	static const char sqlite[] = "SQLite format 3";
	char head[MAGIC_BYTES] = {0};
	FILE *file = strcmp(path, "-") == 0 ? NULL : fopen(path, "rbe");
	size_t len = file == NULL ? 0 : fread(head, 1, sizeof head, file);
	if (file != NULL)
		(void)fclose(file);
	bool journal = journal_claims((struct span){(const uint8_t *)head, len});
	*ret = journal || (len == sizeof head && memcmp(head, sqlite, sizeof sqlite) == 0);
	int err = !*ret ? 0 : journal ? match_journal(e, path, why) : match_case(e, path, why);
	e->read += *ret && err == 0;
	return err;
}

void endpoints_traffic(struct endpoints *e, const char *path)
{
	e->traffic[e->traffics++] = path;
}

void endpoints_finish(struct endpoints *e)
{
	struct fail why = {0};
	if (e->traffics > 0 && match_traffic(e, &why) < 0) {
		message("%s", why.text);
		e->partial = true;
	}
	intel_seen_sort(e->options.seen);
}

/* ---- telling ---- */

void endpoints_text(struct out *o, const struct intel_seen *seen)
{
	const struct intel *set = intel_seen_set(seen);
	for (size_t i = 0; i < intel_seen_count(seen); i++) {
		const struct intel_sight *s = intel_seen_get(seen, i);
		intel_say_item(o, set, s->item);
		out_text(o, "\n  ");
		bad_say_sight(o, s);
		out_text(o, "\n");
	}
}

void endpoints_json(struct out *o, const struct intel_seen *seen)
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
}
