#include "report/bad.h"

#include <string.h>

#include "report/markup.h"
#include "report/say.h"

/* A person reads no more; JSON has all. */
#define TEXT_SIGHTS 50u
#define HTML_SIGHTS 1000u
#define NAME_BYTES  256u
#define NOTE_BYTES  400u

/* ---- words ---- */

static void say_place(struct out *o, const struct intel_sight *s)
{
	if (s->name != NULL)
		out_safe(o, s->name, NAME_BYTES);
	if (addr_is_none(&s->peer))
		return;
	char addr[ADDR_TEXT_BYTES];
	bool six = !addr_is_v4(&s->peer);
	bool in = (s->fields >> INTEL_CLIENT & 1) != 0;
	out_printf(o, "%s%s%s%s", s->name != NULL ? ", " : "", six && !in ? "[" : "",
		addr_text(&s->peer, addr), six && !in ? "]" : "");
	if (!in && s->port != 0) /* else the port is the host's own */
		out_printf(o, ":%u", s->port);
}

static void say_fields(struct out *o, uint16_t fields)
{
	const char *comma = "";
	for (int i = 0; i < INTEL_FIELDS; i++) {
		if ((fields >> i & 1) == 0)
			continue;
		out_printf(o, "%s%s", comma, intel_field_name((enum intel_field)i));
		comma = ", ";
	}
}

static void say_times(struct out *o, const struct intel_sight *s)
{
	out_time(o, s->first_ns);
	if (s->last_ns == s->first_ns)
		return;
	out_text(o, " to ");
	out_time(o, s->last_ns);
}

void bad_say_sight(struct out *o, const struct intel_sight *s)
{
	say_address(o, &s->host);
	out_text(o, ": ");
	say_plural(o, s->count, "time");
	if (s->failures > 0) {
		out_text(o, ", ");
		say_count(o, s->failures);
		out_text(o, " failed");
	}
	out_text(o, ", ");
	say_times(o, s);
	if (s->fields != 0) { /* of a case it is not known */
		out_text(o, " (");
		say_fields(o, s->fields);
		out_text(o, ")");
	}
	out_text(o, ": ");
	say_place(o, s);
	if (s->process != NULL) {
		out_text(o, ", by ");
		out_safe(o, s->process, NAME_BYTES);
	}
	if (s->finding[0] == '\0')
		return;
	out_printf(o, "; part of finding %.8s, E ", s->finding);
	say_e(o, s->e_value);
}

static void say_none(struct out *o, const struct intel_seen *seen)
{
	out_text(o, "nothing of ");
	say_plural(o, intel_count(intel_seen_set(seen)), "indicator");
	out_text(o, " was seen");
}

/* ---- for a person ---- */

void bad_text(struct page *p, const struct report_case *c)
{
	const struct intel_seen *seen = c->summary->bad;
	struct out text = {0};
	if (seen == NULL)
		return;
	size_t count = intel_seen_count(seen);
	page_end(p);
	page_put(p, TONE_FAINT, "known bad");
	page_end(p);
	if (count == 0) {
		say_none(&text, seen);
		page_to(p, 2);
		page_wrap(p, TONE_PLAIN, 2, out_string(&text));
		page_end(p);
	}
	for (size_t i = 0; i < count && i < TEXT_SIGHTS; i++) {
		const struct intel_sight *s = intel_seen_get(seen, i);
		out_clear(&text);
		intel_say_item(&text, intel_seen_set(seen), s->item);
		page_to(p, 2);
		page_wrap(p, TONE_PLAIN, 4, out_string(&text));
		page_end(p);
		out_clear(&text);
		bad_say_sight(&text, s);
		page_to(p, 4);
		page_wrap(p, TONE_FAINT, 6, out_string(&text));
		page_end(p);
	}
	if (count > TEXT_SIGHTS) {
		page_to(p, 2);
		page_printf(p, TONE_PLAIN, "and %zu more: JSON has them all", count - TEXT_SIGHTS);
		page_end(p);
	}
	out_fini(&text);
}

static void put(struct out *o, const char *tag, const char *class, struct out *text)
{
	markup_element(o, tag, class, out_string(text));
	out_clear(text);
}

static void put_row(struct out *o, const struct intel *set, const struct intel_sight *s)
{
	struct out text = {0};
	out_text(o, "<tr>");
	intel_say_item(&text, set, s->item);
	put(o, "td", NULL, &text);
	say_address(&text, &s->host);
	put(o, "td", "mono", &text);
	say_place(&text, s);
	out_text(&text, " (");
	say_fields(&text, s->fields);
	out_text(&text, ")");
	put(o, "td", NULL, &text);
	say_times(&text, s);
	put(o, "td", NULL, &text);
	say_count(&text, s->count);
	put(o, "td", "num", &text);
	say_count(&text, s->failures);
	put(o, "td", "num", &text);
	out_printf(&text, "%.8s", s->finding);
	put(o, "td", "mono", &text);
	out_text(o, "</tr>\n");
	out_fini(&text);
}

void bad_html(struct out *o, const struct report_case *c)
{
	const struct intel_seen *seen = c->summary->bad;
	struct out text = {0};
	if (seen == NULL)
		return;
	out_text(o, "<section class=\"card\"><h2>Known bad</h2>\n");
	if (intel_seen_count(seen) == 0) {
		say_none(&text, seen);
		put(o, "p", "soft", &text);
		out_text(o, "</section>\n");
		out_fini(&text);
		return;
	}
	out_text(o, "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Known bad\">"
		    "<table><thead><tr><th>indicator</th><th>host</th><th>seen as</th>"
		    "<th>when</th><th class=\"num\">times</th><th class=\"num\">failed</th>"
		    "<th>finding</th></tr></thead><tbody>\n");
	for (size_t i = 0; i < intel_seen_count(seen) && i < HTML_SIGHTS; i++)
		put_row(o, intel_seen_set(seen), intel_seen_get(seen, i));
	out_text(o, "</tbody></table></div>");
	if (intel_seen_count(seen) > HTML_SIGHTS)
		markup_element(o, "p", "soft", "There are more: JSON has them all.");
	out_text(o, "</section>\n");
	out_fini(&text);
}

/* ---- for programs ---- */

static void emit_item(struct emit *e, const struct intel *set, uint32_t number)
{
	struct intel_item item = intel_item(set, number);
	struct out value = {0};
	intel_say(&value, set, number);
	emit_text(e, "kind", intel_kind_name(item.kind), NAME_BYTES);
	emit_said(e, "indicator", &value);
	emit_text(e, "list", item.file->name, NAME_BYTES);
	emit_text(e, "format", item.file->format, NAME_BYTES);
	emit_count(e, "line", item.line);
	if (item.confidence >= 0)
		emit_count(e, "confidence", (uint64_t)item.confidence);
	else
		emit_null(e, "confidence");
	emit_text(e, "tlp", intel_tlp_name(item.tlp), NAME_BYTES);
	if (item.until_ns > 0)
		emit_time(e, "valid_until", item.until_ns);
	else
		emit_null(e, "valid_until");
	emit_text(e, "note", item.note, NOTE_BYTES);
	out_fini(&value);
}

/* Who began it: a host of ours, or the other side. */
static const char *direction_of(const struct intel_sight *s)
{
	bool in = (s->fields >> INTEL_CLIENT & 1) != 0;
	bool out = (s->fields & ~(1u << INTEL_CLIENT)) != 0;
	return in && out ? "both" : in ? "in" : "out";
}

void bad_json_sight(struct emit *e, const struct intel *set, const struct intel_sight *s)
{
	emit_item(e, set, s->item);
	emit_address(e, "host", &s->host);
	if (addr_is_none(&s->peer))
		emit_null(e, "peer");
	else
		emit_address(e, "peer", &s->peer);
	if (s->port != 0)
		emit_count(e, "port", s->port);
	else
		emit_null(e, "port");
	emit_text(e, "name", s->name, NAME_BYTES);
	emit_text(e, "process", s->process, NAME_BYTES);
	emit_text(e, "direction", direction_of(s), NAME_BYTES);
	emit_open(e, "seen_as", '[');
	for (int i = 0; i < INTEL_FIELDS; i++)
		if ((s->fields >> i & 1) != 0)
			emit_text(e, NULL, intel_field_name((enum intel_field)i), NAME_BYTES);
	emit_close(e, ']');
	emit_time(e, "first", s->first_ns);
	emit_time(e, "last", s->last_ns);
	emit_count(e, "count", s->count);
	emit_count(e, "failures", s->failures);
	emit_text(e, "finding", s->finding[0] == '\0' ? NULL : s->finding, NAME_BYTES);
}

void bad_json(struct emit *e, const struct intel_seen *seen)
{
	if (seen == NULL)
		return;
	const struct intel *set = intel_seen_set(seen);
	emit_count(e, "indicators", intel_count(set));
	emit_open(e, "known_bad", '[');
	for (size_t i = 0; i < intel_seen_count(seen); i++) {
		emit_open(e, NULL, '{');
		bad_json_sight(e, set, intel_seen_get(seen, i));
		emit_close(e, '}');
	}
	emit_close(e, ']');
}
