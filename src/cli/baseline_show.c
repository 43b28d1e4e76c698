/* postern baseline show, restore: a baseline for people, and the one before. */
#include <errno.h>
#include <string.h>

#include "base/out.h"
#include "cli/baseline.h"
#include "cli/file.h"
#include "cli/message.h"
#include "cli/output.h"
#include "cli/versions.h"

#define NOTE_BYTES 200u

struct wanted {
	const char *zone; /* NULL: all */
	struct addr host; /* none: all */
};

static bool is_wanted(const struct wanted *w, const struct baseline_entry *e)
{
	if (w->zone != NULL && strcmp(w->zone, e->zone) != 0)
		return false;
	return addr_is_none(&w->host) || addr_is_none(&e->host) || addr_eq(&w->host, &e->host);
}

static int find_wanted(
	const struct call *call, const struct baseline *b, struct wanted *ret, struct fail *why)
{
	const struct baseline_settings *s = call->settings;
	struct wanted w = {.zone = s->zone.count > 0 ? s->zone.text[0] : NULL};
	bool known = w.zone == NULL || strcmp(w.zone, BASELINE_ZONE_OTHER) == 0;
	for (size_t i = 0; i < b->zones && !known; i++)
		known = strcmp(b->zone[i].name, w.zone) == 0;
	if (s->zone.count > 1 || !known)
		return fail_set(why, -EINVAL, "--zone: %s is no zone of %s; name one of those",
			quoted(s->zone.text[s->zone.count - 1]).text, shown(call->word[0]).text);
	if (s->host != NULL && addr_parse(s->host, &w.host) < 0)
		return fail_set(why, -EINVAL, "--host: %s is not an address", quoted(s->host).text);
	if (s->host != NULL && w.zone == NULL)
		w.zone = baseline_zone_of(b, &w.host);
	*ret = w;
	return 0;
}

static void write_head(struct out *o, const struct baseline *b, size_t shown_entries)
{
	uint32_t days = 0;
	for (size_t i = 0; i < b->windows; i++)
		days += (uint32_t)(b->window[i].last - b->window[i].first) + 1;
	out_printf(o, "%zu of %zu entries, learned of %u day%s", shown_entries, b->entries, days,
		days == 1 ? "" : "s");
	if (b->windows > 0) {
		out_text(o, " from ");
		baseline_write_day(o, b->window[0].first);
		out_text(o, " to ");
		baseline_write_day(o, b->window[b->windows - 1].last);
	}
	out_printf(o, " and %zu input%s\n", b->inputs, b->inputs == 1 ? "" : "s");
}

static void write_row(struct out *o, const struct baseline_entry *e)
{
	struct out sent = {0}, got = {0}, way = {0};
	baseline_write_bytes(&sent, e->sent);
	baseline_write_bytes(&got, e->got);
	out_printf(&way, "%s %s/%u", e->service == NULL ? "-" : e->service,
		transport_name(e->transport), e->port);
	out_printf(o, "  %-30s %-14s %4u day%s %5u host%s %5s out %5s in  ", e->endpoint,
		out_string(&way), e->days, e->days == 1 ? " " : "s", e->hosts,
		e->hosts == 1 ? " " : "s", out_string(&sent), out_string(&got));
	baseline_write_day(o, e->last_day);
	if (e->why != BASELINE_SEEN) {
		out_text(o, "  ");
		baseline_write_why(o, e);
	}
	if (e->note != NULL) {
		out_text(o, "  #");
		out_safe(o, e->note, NOTE_BYTES);
	}
	out_text(o, "\n");
	out_fini(&sent);
	out_fini(&got);
	out_fini(&way);
}

static void write_text(struct out *o, const struct baseline *b, const struct wanted *w)
{
	const struct baseline_entry *last = NULL;
	size_t count = 0;
	for (size_t i = 0; i < b->entries; i++)
		count += is_wanted(w, &b->entry[i]);
	write_head(o, b, count);
	for (size_t i = 0; i < b->entries; i++) {
		const struct baseline_entry *e = &b->entry[i];
		char host[ADDR_TEXT_BYTES];
		if (!is_wanted(w, e))
			continue;
		if (last == NULL || strcmp(last->zone, e->zone) != 0 ||
			!addr_eq(&last->host, &e->host))
			out_printf(o, "\n%s, %s\n", e->zone,
				addr_is_none(&e->host) ? "all hosts" : addr_text(&e->host, host));
		write_row(o, e);
		last = e;
	}
}

static enum exit_code print(struct out *text)
{
	enum exit_code code = output_print(NULL, text) ? EXIT_DONE : EXIT_NOTHING;
	out_fini(text);
	return code;
}

enum exit_code baseline_show(const struct call *call)
{
	const struct baseline_settings *s = call->settings;
	struct baseline *b = NULL;
	struct fail why = {0};
	struct wanted wanted = {0};
	struct out text = {0};
	if (baseline_load(call->word[0], &b, &why) < 0) {
		message("%s", why.text);
		return EXIT_NOTHING;
	}
	enum exit_code code = EXIT_USAGE;
	if (find_wanted(call, b, &wanted, &why) < 0) {
		message("baseline show: %s", why.text);
	} else {
		for (size_t i = 0; i < b->entries && s->json; i++)
			if (is_wanted(&wanted, &b->entry[i]))
				baseline_json(&text, &b->entry[i]);
		if (!s->json)
			write_text(&text, b, &wanted);
		code = print(&text);
	}
	baseline_free(b);
	return code;
}

/* ---- restore ---- */

/* The bytes of the version, once they are known to be a baseline. */
static int read_version(const char *path, struct out *ret, struct fail *why)
{
	struct baseline *b = NULL;
	struct cur text = {0};
	char *owned = NULL;
	int err = file_read(path, BASELINE_BYTES_MAX, &owned, &text, why);
	if (err == 0)
		err = baseline_read(&b, shown(path).text, text, why);
	if (err == 0)
		out_bytes(ret, owned, text.len);
	free(owned);
	baseline_free(b);
	return err;
}

enum exit_code baseline_restore(const struct call *call)
{
	const struct baseline_settings *s = call->settings;
	const char *path = call->word[0];
	struct fail why = {0};
	struct out text = {0};
	bool changed = false;
	unsigned version = (unsigned)s->version, count = versions_count(path);
	char *name = versions_name(path, version);
	/* what is replaced is kept, beside all that is there */
	unsigned keep = count < VERSIONS_MAX ? count + 1 : VERSIONS_MAX;
	int err = name == NULL ? fail_set(&why, -ENOMEM, "out of memory")
	                       : read_version(name, &text, &why);
	if (err == 0)
		err = versions_write(path, &text, keep, &changed, &why);
	if (err < 0)
		message("%s", why.text);
	else if (!s->quiet)
		message(changed ? "%s: as version %u was" : "%s: is the same as version %u",
			shown(path).text, version);
	free(name);
	out_fini(&text);
	return err < 0 ? EXIT_NOTHING : EXIT_DONE;
}
