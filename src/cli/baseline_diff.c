/* postern baseline diff: what changed between two baselines, rarest first, and why it ranks there.
 */
#include <string.h>

#include "base/out.h"
#include "cli/baseline.h"
#include "cli/message.h"
#include "cli/output.h"
#include "report/emit.h"

#define TEXT_BYTES 4096u

static const char *const change_words[] = {"new", "grown", "gone"};
static const char *const novelty_words[] = {"endpoint", "zone", "port", "host", NULL};
static const char *const novelty_texts[] = {"the endpoint is new to all zones",
	"the endpoint is new to this zone", "the port is new for the endpoint", NULL, NULL};

static void say_count(struct out *o, uint32_t count, const char *noun)
{
	out_printf(o, "%u %s%s", count, noun, count == 1 ? "" : "s");
}

static void say_growth(struct out *o, const char *what, uint64_t before, uint64_t after)
{
	out_printf(o, ", %s from ", what);
	baseline_write_bytes(o, before);
	out_text(o, " to ");
	baseline_write_bytes(o, after);
}

/* Why it ranks where it does. */
static void say_why(struct out *o, const struct baseline_difference *d)
{
	const struct baseline_use *use = d->after.entry != NULL ? &d->after : &d->before;
	if (novelty_texts[d->novelty] != NULL)
		out_printf(o, "%s; ", novelty_texts[d->novelty]);
	if (d->change == CHANGE_GONE)
		out_text(o, "was reached by ");
	say_count(o, use->hosts, "host");
	out_text(o, " on ");
	say_count(o, use->days, "day");
	if (d->hosts_grew)
		out_printf(o, ", hosts from %u to %u", d->before.hosts, d->after.hosts);
	if (d->days_grew)
		out_printf(o, ", days from %u to %u", d->before.days, d->after.days);
	if (d->sent_grew)
		say_growth(o, "sent a day", d->before.sent, d->after.sent);
	if (d->got_grew)
		say_growth(o, "got a day", d->before.got, d->after.got);
}

static void write_row(struct out *o, const struct baseline_difference *d)
{
	const struct baseline_use *use = d->after.entry != NULL ? &d->after : &d->before;
	const struct baseline_entry *e = use->entry;
	char host[ADDR_TEXT_BYTES];
	struct out way = {0};
	bool one = use->hosts == 1 && !addr_is_none(&e->host);
	out_printf(&way, "%s %s/%u", e->service == NULL ? "-" : e->service,
		transport_name(e->transport), e->port);
	out_printf(o, "%-5s %-8s %-15s %-30s %-14s ", change_words[d->change], e->zone,
		one ? addr_text(&e->host, host) : "*", e->endpoint, out_string(&way));
	out_fini(&way);
	say_why(o, d);
	out_text(o, "\n");
}

static void emit_use(struct emit *e, const char *key, const struct baseline_use *use)
{
	if (use->entry == NULL) {
		emit_null(e, key);
		return;
	}
	emit_open(e, key, '{');
	emit_count(e, "hosts", use->hosts);
	emit_count(e, "days", use->days);
	emit_count(e, "bytes_out_a_day", use->sent);
	emit_count(e, "bytes_in_a_day", use->got);
	emit_close(e, '}');
}

static void write_json_row(struct out *o, const struct baseline_difference *d, size_t rank)
{
	const struct baseline_use *use = d->after.entry != NULL ? &d->after : &d->before;
	const struct baseline_entry *entry = use->entry;
	char host[ADDR_TEXT_BYTES];
	bool one = use->hosts == 1 && !addr_is_none(&entry->host);
	struct out why = {0};
	struct emit e = {.out = o};
	say_why(&why, d);
	emit_open(&e, NULL, '{');
	emit_text(&e, "type", "difference", TEXT_BYTES);
	emit_count(&e, "rank", rank);
	emit_text(&e, "change", change_words[d->change], TEXT_BYTES);
	emit_text(&e, "novelty", novelty_words[d->novelty], TEXT_BYTES);
	emit_text(&e, "zone", entry->zone, TEXT_BYTES);
	emit_text(&e, "host", one ? addr_text(&entry->host, host) : NULL, TEXT_BYTES);
	emit_text(&e, "endpoint", entry->endpoint, TEXT_BYTES);
	emit_text(&e, "service", entry->service, TEXT_BYTES);
	emit_text(&e, "transport", transport_name(entry->transport), TEXT_BYTES);
	emit_count(&e, "port", entry->port);
	emit_use(&e, "before", &d->before);
	emit_use(&e, "after", &d->after);
	emit_text(&e, "why", out_string(&why), TEXT_BYTES);
	emit_close(&e, '}');
	out_text(o, "\n");
	out_fini(&why);
}

static void write_sum(struct out *o, const size_t count[static 3], bool json)
{
	if (!json) {
		out_printf(o, "%zu new, %zu grown, %zu gone\n", count[CHANGE_NEW],
			count[CHANGE_GROWN], count[CHANGE_GONE]);
		return;
	}
	struct emit e = {.out = o};
	emit_open(&e, NULL, '{');
	emit_text(&e, "type", "summary", TEXT_BYTES);
	for (size_t i = 0; i < 3; i++)
		emit_count(&e, change_words[i], count[i]);
	emit_close(&e, '}');
	out_text(o, "\n");
}

static int print(const struct out *text, struct fail *why)
{
	struct output output = {0};
	int err = output_open(&output, NULL, why);
	return err < 0 ? err : output_finish(&output, text, why);
}

static enum exit_code compare(const struct call *call, const struct baseline *before,
	const struct baseline *after, struct fail *why)
{
	const struct baseline_settings *s = call->settings;
	struct baseline_difference *d = NULL;
	size_t differences = 0, count[3] = {0};
	struct out text = {0};
	if (baseline_diff(before, after, s->factor, &d, &differences) < 0) {
		(void)fail_set(why, -1, "out of memory");
		return EXIT_NOTHING;
	}
	for (size_t i = 0; i < differences; i++) {
		count[d[i].change]++;
		if (s->json)
			write_json_row(&text, &d[i], i + 1);
		else
			write_row(&text, &d[i]);
	}
	write_sum(&text, count, s->json);
	int err = print(&text, why);
	out_fini(&text);
	free(d);
	if (err < 0)
		return EXIT_NOTHING;
	return s->exit_code && differences > 0 ? EXIT_FINDINGS : EXIT_DONE;
}

enum exit_code baseline_difference(const struct call *call)
{
	struct baseline *before = NULL, *after = NULL;
	struct fail why = {0};
	enum exit_code code = EXIT_NOTHING;
	if (baseline_load(call->word[0], &before, &why) == 0 &&
		baseline_load(call->word[1], &after, &why) == 0)
		code = compare(call, before, after, &why);
	if (code == EXIT_NOTHING)
		message("%s", why.text);
	baseline_free(before);
	baseline_free(after);
	return code;
}
