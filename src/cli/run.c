#include "cli/run.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/out.h"
#include "cli/engine.h"

/* How often, in packets, a person's wishes and the progress are looked at. */
#define PAUSE_PACKETS 4096u
/* Remarks of one kind that are told one by one. */
#define REMARKS_MAX 8u
#define OFFS_MAX    64u

struct run {
	const struct run_options *options;
	struct ingest *ingest;
	struct engine engine;
	struct judge *judge;
	uint64_t frames;
	bool stopped;
	const struct finding **finding;
	const struct input **input;
	struct off off[OFFS_MAX];
	size_t offs;
};

/* ---- begin and end ---- */

static void run_free(struct run *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->offs; i++)
		free(r->off[i].owned);
	free(r->finding);
	free(r->input);
	judge_free(r->judge);
	engine_fini(&r->engine);
	ingest_close(r->ingest);
	free(r);
}

void run_result_fini(struct run_result *result)
{
	run_free(result->run);
	*result = (struct run_result){0};
}

static void look(void *context, struct host *host)
{
	struct run *r = context;
	judge_look(r->judge, host);
}

/* Whether the baseline or the policy knows it. */
static bool known(void *context, const struct host_contact *contact)
{
	const struct run *r = context;
	const struct expected e = {r->options->policy, r->options->baseline};
	return expected_has(&e, contact);
}

/* Each event on its way to the hosts, for what lists know to be bad. */
static void take_event(void *context, const struct event *event)
{
	const struct run *r = context;
	const struct run_options *o = r->options;
	int64_t at_ns = event->kind == EVENT_CONN ? event->conn.start_ns : event->lookup.query_ns;
	if ((o->since_ns == 0 || at_ns >= o->since_ns) && (o->until_ns == 0 || at_ns < o->until_ns))
		(void)intel_seen_add(o->bad, event);
}

static struct host_hooks hooks_of(struct run *r)
{
	bool none = r->options->baseline == NULL && r->options->policy == NULL;
	return none ? r->options->hooks : (struct host_hooks){.known = known, .context = r};
}

static int make_tables(struct run *r)
{
	const struct run_options *o = r->options;
	struct engine_options options = {.local = o->local,
		.locals = o->locals,
		.since_ns = o->since_ns,
		.until_ns = o->until_ns,
		.memory_bytes = o->memory_bytes,
		.hooks = hooks_of(r),
		.ingest = r->ingest,
		.ripe = look,
		.event = o->bad == NULL ? NULL : take_event,
		.context = r};
	if (engine_init(&r->engine, &options) < 0)
		return -ENOMEM;
	return judge_new(&r->judge, &(struct judge_options){.hosts = r->engine.hosts,
					    .safelist = o->safelist,
					    .ruling = o->ruling,
					    .rulings = o->rulings,
					    .lessons = o->lessons,
					    .baseline = o->baseline,
					    .policy = o->policy,
					    .bad = o->bad,
					    .scanned = o->scanned});
}

/* ---- the way of the data ---- */

static void pause_for_people(struct run *r)
{
	const struct run_options *o = r->options;
	r->stopped = o->stop != NULL && *o->stop != 0;
	if (o->progress == NULL)
		return;
	struct run_progress p = {.records = r->frames};
	ingest_progress(r->ingest, &p.done_bytes, &p.total_bytes);
	o->progress(o->context, &p);
}

static int read_all(struct run *r)
{
	struct frame frame;
	while (!r->stopped && ingest_next(r->ingest, &frame) == 1) {
		if (++r->frames % PAUSE_PACKETS == 0)
			pause_for_people(r);
		if (engine_frame(&r->engine, &frame) < 0)
			return -ENOMEM;
	}
	/* a signal may have ended the reading of a pipe between two pauses */
	r->stopped |= r->options->stop != NULL && *r->options->stop != 0;
	engine_finish(&r->engine);
	for (size_t i = 0; i < hosts_count(r->engine.hosts); i++)
		judge_look(r->judge, hosts_get(r->engine.hosts, i));
	return 0;
}

/* ---- what could not be judged ---- */

static void say_off(struct run *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say_off(struct run *r, const char *fmt, ...)
{
	if (r->offs == OFFS_MAX)
		return;
	char *text = NULL;
	va_list args;
	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		text = NULL;
	va_end(args);
	if (text != NULL)
		r->off[r->offs++] = (struct off){.text = text, .owned = text};
}

static void off_hosts(struct run *r)
{
	size_t one_way = 0, nameless = 0;
	for (size_t i = 0; i < hosts_count(r->engine.hosts); i++) {
		const struct host *h = hosts_get(r->engine.hosts, i);
		char addr[ADDR_TEXT_BYTES];
		nameless += h->connections > 0 && h->lookups == 0;
		if (h->connections == 0 || h->answered > 0)
			continue;
		if (++one_way <= REMARKS_MAX)
			say_off(r,
				"%s: nothing ever came back to it: a capture of one direction, or "
				"a host that is cut off; its silent "
				"failures are not judged",
				addr_text(&h->addr, addr));
	}
	if (one_way > REMARKS_MAX)
		say_off(r, "and %zu more hosts like that", one_way - REMARKS_MAX);
	if (hosts_count(r->engine.hosts) == 0)
		say_off(r, "no local host was seen: say which networks are yours with --local");
	else if (nameless == hosts_count(r->engine.hosts))
		say_off(r, "no DNS in view: names come from TLS and HTTP alone, failing look-ups "
			   "can't be seen");
	else if (nameless > 0)
		say_off(r, "no DNS in view for %zu of %zu hosts", nameless,
			hosts_count(r->engine.hosts));
}

/* Of the conversations, those with a hole: from one in a hundred on, and not for one or two. */
#define HOLED_MIN   5u
#define HOLED_SHARE 100u
/* New endpoints a second at which one comes within a minute three times in ten (SCIENCE 4.15). */
#define CROWDED_PER_S 0.00594
/* What is seen for less than this shows no clock's end and no second try. */
#define SHORT_NS (INT64_C(600) * NS_PER_S)

/* How far the traffic allows a judgement at all. */
static void off_power(struct run *r)
{
	size_t crowded = 0, hosts = hosts_count(r->engine.hosts);
	double most = 0;
	const struct host *busiest = NULL;
	int64_t longest_ns = 0;
	for (size_t i = 0; i < hosts; i++) {
		const struct host *h = hosts_get(r->engine.hosts, i);
		double seen_s =
			(double)(h->active_ns > 60 * NS_PER_S ? h->active_ns : 60 * NS_PER_S) /
			(double)NS_PER_S;
		double rate = (double)h->arrivals / seen_s;
		crowded += rate > CROWDED_PER_S;
		if (rate > most) {
			most = rate;
			busiest = h;
		}
		longest_ns = h->last_ns - h->first_ns > longest_ns ? h->last_ns - h->first_ns
		                                                   : longest_ns;
	}
	char addr[ADDR_TEXT_BYTES];
	if (crowded > 0)
		say_off(r,
			"%zu of %zu hosts meet so much that is new (%s: %.0f endpoints an hour) "
			"that one "
			"switch a minute after a failure can't be told from chance: people at "
			"work, or "
			"several behind one address (NAT, a proxy)",
			crowded, hosts, addr_text(&busiest->addr, addr), most * 3600);
	if (hosts > 0 && longest_ns < SHORT_NS)
		say_off(r, "no host was seen for ten minutes: clocks that stop, and second tries, "
			   "can't be judged");
}

static void off_losses(struct run *r)
{
	const uint64_t *decoded = decoder_counts(r->engine.decoder);
	const struct flow_stats *flow = flow_table_stats(r->engine.flow);
	uint64_t drops = 0;
	for (size_t i = 0; i < ingest_inputs(r->ingest); i++)
		drops += ingest_input(r->ingest, i)->drops;
	uint64_t count = 0;
	const char *remark;
	for (size_t i = 0;
		r->engine.rows != NULL && (remark = rows_remark(r->engine.rows, i, &count)) != NULL;
		i++)
		say_off(r, "%llu %s", (unsigned long long)count, remark);
	if (r->stopped)
		say_off(r, "stopped early: what had been read by then is judged");
	if (drops > 0)
		say_off(r, "the capturing machine lost %llu packets: some failures may be losses",
			(unsigned long long)drops);
	if (flow->holed >= HOLED_MIN && flow->holed * HOLED_SHARE >= flow->conversations)
		say_off(r,
			"%llu of %llu conversations acknowledge data that is not here: the tap "
			"loses "
			"packets, so silence may be a loss",
			(unsigned long long)flow->holed, (unsigned long long)flow->conversations);
	if (decoded[DECODED_LINKTYPE] > 0)
		say_off(r, "%llu packets of link types that are not read (the first: LINKTYPE %u)",
			(unsigned long long)decoded[DECODED_LINKTYPE],
			decoder_unknown_linktype(r->engine.decoder));
	if (decoded[DECODED_SHORT] > 0)
		say_off(r, "%llu packets were cut by the capture before their ports",
			(unsigned long long)decoded[DECODED_SHORT]);
	if (decoded[DECODED_BAD] > 0)
		say_off(r, "%llu packets contradict their own format",
			(unsigned long long)decoded[DECODED_BAD]);
	if (decoded[DECODED_DEPTH] > 0)
		say_off(r, "%llu packets are nested too deeply",
			(unsigned long long)decoded[DECODED_DEPTH]);
	if (flow->evicted > 0)
		say_off(r,
			"%llu conversations were ended early: the table was full (see "
			"--limit-memory)",
			(unsigned long long)flow->evicted);
	if (strings_refused(r->engine.strings) > 0)
		say_off(r, "%llu names found no room and count as unknown (see --limit-memory)",
			(unsigned long long)strings_refused(r->engine.strings));
	if (hosts_stats(r->engine.hosts)->refused > 0)
		say_off(r, "%llu events found no room in the hosts' tables",
			(unsigned long long)hosts_stats(r->engine.hosts)->refused);
}

/* Whether E could be checked on this traffic. */
static void off_calibration(struct run *r, const struct calibration *c)
{
	if (judge_count(r->judge) == 0)
		return; /* no E is told */
	const struct calibration_line *line = &c->line[CALIBRATION_AT_DEFAULT];
	if (!(c->decoy_host_days > 0))
		say_off(r, "calibration: nothing succeeded that could stand for a failure, so E is "
			   "a model's");
	else if (line->high > CALIBRATION_WITHIN * line->stated && line->low <= line->stated)
		say_off(r,
			"calibration: %.3g host-days of decoys are too little traffic to check E "
			"at %g; it is a model's",
			c->decoy_host_days, line->stated);
	else if (line->low > line->stated)
		say_off(r,
			"calibration: on this traffic coincidence gives %.2g findings per host-day "
			"at E <= %g: believe E that much less",
			line->observed, line->stated);
}

/* Whether the baseline could learn from what is judged by it. */
static void off_baseline(struct run *r, const struct summary *s)
{
	const int64_t day_ns = 86400 * NS_PER_S;
	const struct baseline *b = r->options->baseline;
	if (b == NULL || s->first_ns <= 0)
		return;
	int64_t from = s->first_ns / day_ns, to = s->last_ns / day_ns, both = 0;
	int64_t days = to - from + 1;
	for (size_t i = 0; i < b->windows; i++) {
		int64_t first = b->window[i].first > from ? b->window[i].first : from;
		int64_t last = b->window[i].last < to ? b->window[i].last : to;
		both += last >= first ? last - first + 1 : 0;
	}
	if (both > 0)
		say_off(r,
			"the baseline was learned on %lld of these %lld days: what it took in of "
			"them "
			"is no first contact now, and what it held back looks rarer than it is; "
			"judge by a baseline of days before",
			(long long)both, (long long)days);
}

/* What lists have that nothing here could show. */
static void off_intel(struct run *r)
{
	const struct intel_seen *bad = r->options->bad;
	if (bad == NULL)
		return;
	uint64_t files = 0, certificates = 0;
	for (int kind = INTEL_CERT_MD5; kind < INTEL_KINDS; kind++)
		*(kind < INTEL_FILE_MD5 ? &certificates : &files) +=
			intel_count_of(intel_seen_set(bad), (enum intel_kind)kind);
	if (files > 0)
		say_off(r, "%llu hashes of files on the lists: a hunt sees no files",
			(unsigned long long)files);
	if (certificates > 0)
		say_off(r,
			"%llu hashes of certificates on the lists: names in certificates are "
			"compared, their hashes are not",
			(unsigned long long)certificates);
	if (intel_seen_refused(bad) > 0)
		say_off(r, "%llu sights of what is known to be bad found no room",
			(unsigned long long)intel_seen_refused(bad));
}

/* ---- the result ---- */

bool run_passed_by(const char *const *path, size_t paths, const struct input *input)
{
	if (input->error == -EEXIST)
		return true;
	if (input->error != -ENOMSG && input->error != -ENODATA)
		return false;
	for (size_t i = 0; i < paths; i++)
		if (strcmp(path[i], input->path) == 0)
			return false;
	return true;
}

static void sum_up(struct run *r, struct run_result *ret)
{
	struct summary *s = &ret->summary;
	int64_t active_ns = 0;
	uint64_t rows_rejected = 0;
	for (size_t i = 0; i < ingest_inputs(r->ingest); i++) {
		const struct input *in = ingest_input(r->ingest, i);
		s->inputs += in->error == 0;
		s->rejected += in->rejected;
		rows_rejected += in->rows_rejected;
		bool by = run_passed_by(r->options->path, r->options->paths, in);
		s->partial |= in->cut || in->rejected > 0 || (in->error != 0 && !by);
		if (in->log) /* its other rows have any time: see below */
			continue;
		if (in->frames > 0 && (s->first_ns == 0 || in->first_ns < s->first_ns))
			s->first_ns = in->first_ns;
		if (in->last_ns > s->last_ns)
			s->last_ns = in->last_ns;
	}
	const struct engine *e = &r->engine;
	if (e->rows != NULL && e->first_ns != 0 && (s->first_ns == 0 || e->first_ns < s->first_ns))
		s->first_ns = e->first_ns;
	if (e->rows != NULL && e->last_ns > s->last_ns)
		s->last_ns = e->last_ns;
	s->rejected += decoder_counts(r->engine.decoder)[DECODED_LINKTYPE];
	s->partial |= r->stopped || decoder_counts(r->engine.decoder)[DECODED_LINKTYPE] > 0;
	s->records =
		r->frames - decoder_counts(r->engine.decoder)[DECODED_LINKTYPE] - rows_rejected;
	for (size_t i = 0; i < hosts_count(r->engine.hosts); i++)
		active_ns += hosts_get(r->engine.hosts, i)->active_ns;
	s->hosts = hosts_count(r->engine.hosts);
	s->host_days = (double)active_ns / 86400e9;
	s->connections = hosts_stats(r->engine.hosts)->connections;
	for (size_t i = 0; i < judge_count(r->judge); i++) {
		const struct finding *f = judge_get(r->judge, i);
		r->finding[i] = f;
		bool accepted = f->ruling != NULL && f->ruling->kind == RULING_ACCEPTED;
		s->explained += f->ruling == NULL && f->explained != NULL;
		s->findings += accepted || (f->ruling == NULL && f->explained == NULL &&
						   f->e_value <= ret->max_e);
	}
	s->safelist = r->options->safelist;
	s->bad = r->options->bad;
	judge_calibration(r->judge, &s->calibration);
	off_calibration(r, &s->calibration);
	off_baseline(r, s);
	s->off = r->off;
	s->offs = r->offs;
}

static int finish(struct run *r, struct run_result *ret)
{
	ret->run = r;
	size_t hosts = hosts_count(r->engine.hosts);
	ret->max_e = r->options->max_e;
	if (r->options->budget > 0)
		ret->max_e = r->options->budget / (double)(hosts > 0 ? hosts : 1);
	judge_finish(r->judge, ret->max_e);
	if (r->options->bad != NULL)
		intel_seen_sort(r->options->bad);
	off_hosts(r);
	off_power(r);
	off_losses(r);
	off_intel(r);
	ret->findings = judge_count(r->judge);
	ret->inputs = ingest_inputs(r->ingest);
	ret->unknown_linktype = decoder_unknown_linktype(r->engine.decoder);
	r->finding = calloc(ret->findings + 1, sizeof(struct finding *));
	r->input = calloc(ret->inputs + 1, sizeof(struct input *));
	if (r->finding == NULL || r->input == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < ret->inputs; i++)
		r->input[i] = ingest_input(r->ingest, i);
	sum_up(r, ret);
	ret->finding = r->finding;
	ret->hosts = r->engine.hosts;
	ret->input = r->input;
	return 0;
}

int run_hunt(const struct run_options *options, struct run_result *ret, struct fail *why)
{
	int64_t start_ns = clock_steady_ns();
	struct run *r = calloc(1, sizeof *r);
	if (r == NULL)
		return fail_set(why, -ENOMEM, "out of memory");
	r->options = options;
	struct run_result result = {0};
	int err = ingest_open(&r->ingest, options->path, options->paths, why);
	if (err == 0 && make_tables(r) < 0)
		err = fail_set(why, -ENOMEM, "out of memory: try --limit-memory");
	if (err == 0) {
		if (read_all(r) < 0 || finish(r, &result) < 0)
			err = fail_set(why, -ENOMEM, "out of memory: try --limit-memory");
	}
	if (err < 0) {
		run_free(r);
		return err;
	}
	r->options = NULL; /* borrowed for the call only */
	result.summary.seconds = (double)(clock_steady_ns() - start_ns) / NS_PER_S;
	*ret = result;
	return 0;
}
