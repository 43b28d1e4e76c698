/* postern baseline learn: a hunt that takes down what is normal beside what is not. */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/out.h"
#include "base/scan.h"
#include "cli/baseline.h"
#include "cli/file.h"
#include "cli/inputs.h"
#include "cli/message.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "cli/value.h"
#include "cli/versions.h"
#include "report/emit.h"
#include "store/store.h"

/* Of what is held back, without -v. */
#define HELD_TOLD 12u
/* All networks of all zones. */
#define LOCALS_MAX ((size_t)BASELINE_ZONES_MAX * (BASELINE_NETWORKS_MAX + 16))

struct learning {
	const struct call *call;
	const struct baseline_settings *settings;
	struct baseline *book, *held; /* as they were before */
	struct learner *learner;
	struct cidr *local;
	size_t locals;
	struct run_result run;
	struct learner_result result;
};

/* ---- before ---- */

static bool is_whole(double number)
{
	return number >= floor(number) && number <= floor(number);
}

static const char *complaint(const struct call *call, const struct baseline_settings *s)
{
	if (s->output != NULL && s->update != NULL)
		return "-o begins a baseline and --update goes on with one: give one of them";
	if (call_given(call, "keep") && s->update == NULL)
		return "--keep keeps what --update replaces: give both";
	if (!is_whole(s->keep) || !is_whole(s->min_days) || !is_whole(s->min_hosts) ||
		!is_whole(s->shared))
		return "--keep, --min-days, --min-hosts and --shared are whole numbers";
	if (s->json && s->output == NULL && s->update == NULL)
		return "--json prints to standard output: give the baseline a file by -o or "
		       "--update";
	if (s->since_ns != 0 && s->until_ns != 0 && s->since_ns >= s->until_ns)
		return "--since is not before --until: nothing would be left";
	const char *const file[] = {s->output, s->update, s->held};
	for (size_t i = 0; i < ARRAY_LEN(file); i++) {
		if (inputs_hold(call->word, call->words, file[i]))
			return "-o, --update or --held names an input: it would be overwritten";
		if (i < 2 && file[i] != NULL && s->held != NULL && strcmp(file[i], s->held) == 0)
			return "--held needs a file of its own";
	}
	if (s->held != NULL && strcmp(s->held, "-") == 0)
		return "--held needs a file";
	return NULL;
}

/* NAME=CIDR,... */
static int add_zone(struct baseline *book, const char *given, struct fail *why)
{
	char name[64];
	size_t len = strcspn(given, "=");
	struct networks networks = {0};
	struct fail what = {0};
	if (given[len] == '\0' || len >= sizeof name)
		return fail_set(why, -EINVAL,
			"--zone: %s: give NAME=CIDR,... such as office=10.1.0.0/16",
			quoted(given).text);
	memcpy(name, given, len);
	name[len] = '\0';
	struct baseline_zone zone = {.name = name};
	int err = value_networks(given + len + 1, &networks, &what);
	if (err == 0) {
		_Static_assert(
			NETWORKS_MAX <= BASELINE_NETWORKS_MAX, "a zone takes all of an option");
		memcpy(zone.net, networks.net, networks.count * sizeof *zone.net);
		zone.nets = networks.count;
		err = baseline_add_zone(book, &zone, &what);
	}
	return err < 0 ? fail_set(why, err, "--zone: %s %s", quoted(name).text, what.text) : 0;
}

/* By the options: zones, or one of all that is local. */
static int new_book(const struct baseline_settings *s, struct baseline **ret, struct fail *why)
{
	struct baseline *book = NULL;
	if (baseline_new(&book) < 0)
		return fail_set(why, -ENOMEM, "out of memory");
	int err = 0;
	for (size_t i = 0; i < s->zone.count && err == 0; i++)
		err = add_zone(book, s->zone.text[i], why);
	if (s->zone.count == 0) {
		struct baseline_zone local = {.name = "local", .is_private = s->local.count == 0};
		memcpy(local.net, s->local.net, s->local.count * sizeof *local.net);
		local.nets = s->local.count;
		err = baseline_add_zone(book, &local, why);
	}
	if (err < 0)
		baseline_free(book);
	else
		*ret = book;
	return err;
}

static int load_books(struct learning *l, struct fail *why)
{
	const struct baseline_settings *s = l->settings;
	bool there = s->update != NULL && access(s->update, F_OK) == 0;
	if (there && s->zone.count > 0)
		return fail_set(why, -EINVAL,
			"%s has its zones already: leave out --zone, or begin another file by -o",
			shown(s->update).text);
	int err = there ? baseline_load(s->update, &l->book, why) : new_book(s, &l->book, why);
	if (err == 0 && there && s->held != NULL && access(s->held, F_OK) == 0)
		err = baseline_load(s->held, &l->held, why);
	return err;
}

/* What the book's last learning went by, unless the options say otherwise. */
static struct baseline_rules rules_of(const struct learning *l)
{
	const struct baseline_settings *s = l->settings;
	struct baseline_rules rules = {.min_days = (uint32_t)s->min_days,
		.min_hosts = (uint32_t)s->min_hosts,
		.shared = (uint32_t)s->shared,
		.max_e_nano = (int64_t)llround(s->max_e * 1e9)};
	if (l->book->rules.min_days == 0) /* a new one */
		return rules;
	const struct baseline_rules *old = &l->book->rules;
	rules.min_days = call_given(l->call, "min-days") ? rules.min_days : old->min_days;
	rules.min_hosts = call_given(l->call, "min-hosts") ? rules.min_hosts : old->min_hosts;
	rules.shared = call_given(l->call, "shared") ? rules.shared : old->shared;
	rules.max_e_nano = call_given(l->call, "max-e") ? rules.max_e_nano : old->max_e_nano;
	return rules;
}

/* The networks of private hosts, as addr_is_private() knows them. */
static size_t add_private(struct cidr *to)
{
	static const char *const nets[] = {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
		"100.64.0.0/10", "169.254.0.0/16", "127.0.0.0/8", "::1/128", "fe80::/10",
		"fc00::/7"};
	for (size_t i = 0; i < ARRAY_LEN(nets); i++)
		CHECK(cidr_parse(nets[i], &to[i]) == 0);
	return ARRAY_LEN(nets);
}

/* Whose hosts are looked at: --local, or all zones'. */
static int find_locals(struct learning *l)
{
	const struct networks *given = &l->settings->local;
	l->local = calloc(LOCALS_MAX, sizeof *l->local);
	if (l->local == NULL)
		return -ENOMEM;
	memcpy(l->local, given->net, given->count * sizeof *l->local);
	l->locals = given->count;
	for (size_t i = 0; i < l->book->zones && given->count == 0; i++) {
		const struct baseline_zone *zone = &l->book->zone[i];
		if (zone->is_private)
			l->locals += add_private(l->local + l->locals);
		memcpy(l->local + l->locals, zone->net, zone->nets * sizeof *zone->net);
		l->locals += zone->nets;
	}
	return 0;
}

static int start_learner(struct learning *l, struct fail *why)
{
	const struct texts *include = &l->settings->include;
	struct learner_options options = {.book = l->book, .rules = rules_of(l)};
	int err = learner_new(&l->learner, &options);
	for (size_t i = 0; i < include->count && err == 0; i++)
		err = learner_ask(l->learner, include->text[i]);
	if (err == 0)
		err = find_locals(l);
	return err < 0 ? fail_set(why, err, "out of memory") : 0;
}

/* ---- the hunt ---- */

static void told(void *context, const struct host_contact *contact, const struct conn *conn)
{
	learner_told(context, contact, conn);
}

/* Every end of what nothing benign explains. */
static void touch(struct learning *l)
{
	double max_e = (double)rules_of(l).max_e_nano / 1e9;
	for (size_t i = 0; i < l->run.findings; i++) {
		const struct finding *f = l->run.finding[i];
		if (f->explained != NULL || f->e_value > max_e)
			continue;
		for (size_t k = 0; k < f->channels; k++) {
			const struct finding_channel *ch = &f->channel[k];
			learner_touch(l->learner, ch->endpoint);
			for (size_t a = 0; a < ch->addr_count; a++) {
				char text[ADDR_TEXT_BYTES];
				learner_touch(l->learner, addr_text(&ch->addrs[a], text));
			}
		}
	}
}

static int hunt(struct learning *l, struct fail *why)
{
	const struct baseline_settings *s = l->settings;
	struct terminal t = terminal_of(stderr);
	struct progress progress;
	progress_init(&progress, &t, s->quiet);
	struct run_options run = {.path = l->call->word,
		.paths = l->call->words,
		.local = l->local,
		.locals = l->locals,
		.max_e = (double)rules_of(l).max_e_nano / 1e9,
		.since_ns = s->since_ns,
		.until_ns = s->until_ns,
		.memory_bytes = s->memory_bytes,
		.hooks = {.told = told, .context = l->learner},
		.stop = &signals_stop,
		.progress = progress_show,
		.context = &progress};
	signals_catch();
	int err = run_hunt(&run, &l->run, why);
	progress_end(&progress);
	if (err < 0)
		return err;
	touch(l);
	return learner_finish(l->learner, l->run.hosts, l->held, &l->result, why);
}

/* ---- after ---- */

static int add_inputs(struct learning *l, struct fail *why)
{
	int err = 0;
	for (size_t i = 0; i < l->run.inputs && err == 0; i++) {
		const struct input *input = l->run.input[i];
		struct store_digest digest = {0};
		if (input->error != 0 || input->frames == 0)
			continue;
		const char *slash = strrchr(input->path, '/');
		struct baseline_input one = {.name = slash == NULL ? input->path : slash + 1};
		if (store_digest(input->path, &digest) == 0)
			one.sha256 = digest.sha256;
		if (one.sha256 != NULL && baseline_has_input(l->result.book, one.sha256))
			continue; /* again: its days are known, so it added nothing */
		err = baseline_add_input(l->result.book, &one, why);
		if (err == 0)
			err = baseline_add_input(l->result.held, &one, why);
		if (err < 0 && why->text[0] == 'i') /* "is one more than" */
			err = fail_set(why, err, "%s %s", shown(input->path).text,
				strstr(why->text, "is one"));
	}
	return err;
}

static void say_entry(const struct baseline_entry *e)
{
	char host[ADDR_TEXT_BYTES];
	message("held back: %s %s: %s %s/%u: %s", e->zone,
		addr_is_none(&e->host) ? "*" : addr_text(&e->host, host), e->endpoint,
		transport_name(e->transport), e->port, baseline_why_text(e->why));
}

/* What findings touch first: that is what a person should see. */
static void say_held(const struct learning *l)
{
	static const enum baseline_why order[] = {
		BASELINE_FINDING, BASELINE_FEW_DAYS, BASELINE_FEW_HOSTS, BASELINE_FAILED};
	const struct baseline *held = l->result.held;
	size_t said = 0, most = l->settings->verbose ? SIZE_MAX : HELD_TOLD;
	/* a file or JSON tells it all */
	bool brief = (l->settings->held != NULL || l->settings->json) && !l->settings->verbose;
	for (size_t w = 0; w < ARRAY_LEN(order) && !brief; w++)
		for (size_t i = 0; i < held->entries && said < most; i++)
			if (held->entry[i].why == order[w]) {
				say_entry(&held->entry[i]);
				said++;
			}
	if (!brief && held->entries > said)
		message("held back: %zu more; --held FILE or -v lists them all",
			held->entries - said);
}

static void say_what_was_done(const struct learning *l)
{
	const struct learner_result *r = &l->result;
	const struct texts *include = &l->settings->include;
	for (size_t i = 0; i < include->count; i++)
		if (!learner_met(l->learner, include->text[i]))
			message("--include: %s was not reached: entries are by registered domain "
				"or "
				"address",
				quoted(include->text[i]).text);
	if (r->dropped > 0)
		message("%llu contacts found no room or had no day: they are not learned",
			(unsigned long long)r->dropped);
	if (l->settings->quiet)
		return;
	say_held(l);
	if (r->forgotten > 0)
		message("%llu held back before were not seen for %d days and are forgotten",
			(unsigned long long)r->forgotten, HELD_DAYS_MAX);
	message("%zu entries in the baseline; held back: %zu touched by findings, %zu on too few "
		"days, "
		"%zu of too few hosts, %zu that never answered",
		r->book->entries, r->held_by[BASELINE_FINDING], r->held_by[BASELINE_FEW_DAYS],
		r->held_by[BASELINE_FEW_HOSTS], r->held_by[BASELINE_FAILED]);
}

static int write_json(const struct learning *l, struct fail *why)
{
	const struct learner_result *r = &l->result;
	struct out text = {0};
	struct output output = {0};
	for (size_t i = 0; i < r->book->entries; i++)
		baseline_json(&text, &r->book->entry[i]);
	for (size_t i = 0; i < r->held->entries; i++)
		baseline_json(&text, &r->held->entry[i]);
	struct emit e = {.out = &text};
	emit_open(&e, NULL, '{');
	emit_text(&e, "type", "summary", 16);
	emit_count(&e, "entries", r->book->entries);
	emit_open(&e, "held", '{');
	emit_count(&e, "days", r->held_by[BASELINE_FEW_DAYS]);
	emit_count(&e, "hosts", r->held_by[BASELINE_FEW_HOSTS]);
	emit_count(&e, "finding", r->held_by[BASELINE_FINDING]);
	emit_count(&e, "failed", r->held_by[BASELINE_FAILED]);
	emit_close(&e, '}');
	emit_count(&e, "dropped", r->dropped);
	emit_count(&e, "forgotten", r->forgotten);
	emit_close(&e, '}');
	out_text(&text, "\n");
	int err = output_open(&output, NULL, why);
	if (err == 0)
		err = output_finish(&output, &text, why);
	out_fini(&text);
	return err;
}

static int write_plainly(const char *path, const struct out *text, struct fail *why)
{
	struct output output = {0};
	int err = output_open(&output, path, why);
	return err < 0 ? err : output_finish(&output, text, why);
}

/* What was held back first: a crash in between must not lose its days. */
static int write_files(const struct learning *l, struct fail *why)
{
	const struct baseline_settings *s = l->settings;
	struct out book = {0}, held = {0};
	bool changed = true;
	baseline_write(l->result.book, &book);
	baseline_write(l->result.held, &held);
	int err = book.failed || held.failed ? fail_set(why, -ENOMEM, "out of memory") : 0;
	if (err == 0 && s->held != NULL)
		err = write_plainly(s->held, &held, why);
	if (err == 0 && s->update != NULL)
		err = versions_write(s->update, &book, (unsigned)s->keep, &changed, why);
	else if (err == 0)
		err = write_plainly(s->output, &book, why);
	if (err == 0 && !changed && !s->quiet)
		message("%s: nothing changed", shown(s->update).text);
	if (err == 0 && s->json)
		err = write_json(l, why);
	out_fini(&book);
	out_fini(&held);
	return err;
}

static enum exit_code end(struct learning *l, struct fail *why)
{
	const struct inputs_manner manner = {
		.quiet = l->settings->quiet, .verbose = l->settings->verbose};
	bool unread = inputs_tell(l->call, &l->run, &manner);
	if (signals_stop) {
		message("interrupted: nothing is learned from a part");
		return EXIT_NOTHING;
	}
	if (l->run.summary.records == 0) {
		message("nothing was read");
		return EXIT_NOTHING;
	}
	if (add_inputs(l, why) < 0 || write_files(l, why) < 0) {
		message("%s", why->text);
		return EXIT_NOTHING;
	}
	say_what_was_done(l);
	return unread || l->run.summary.partial ? EXIT_PARTIAL : EXIT_DONE;
}

enum exit_code baseline_learn(const struct call *call)
{
	struct learning l = {.call = call, .settings = call->settings};
	struct fail why = {0};
	const char *wrong = complaint(call, l.settings);
	enum exit_code code = EXIT_USAGE;
	if (wrong != NULL) {
		message("baseline learn: %s", wrong);
		return EXIT_USAGE;
	}
	if (load_books(&l, &why) < 0 || start_learner(&l, &why) < 0) {
		message("%s", why.text);
	} else if (hunt(&l, &why) < 0) {
		message("%s", why.text);
		code = EXIT_NOTHING;
	} else {
		code = end(&l, &why);
	}
	run_result_fini(&l.run);
	learner_free(l.learner);
	baseline_free(l.result.book);
	baseline_free(l.result.held);
	baseline_free(l.book);
	baseline_free(l.held);
	free(l.local);
	return code;
}
