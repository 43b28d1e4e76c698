/* ArcSight's Common Event Format (revision 25), an event a line for each finding. */
#include <inttypes.h>
#include <string.h>

#include "base/limits.h"
#include "report/escape.h"
#include "report/say.h"
#include "report/told.h"

#define NAME_BYTES_MAX  255
#define WORDS_BYTES_MAX 1023 /* of msg, by the format's dictionary */

/* key=value; what was said is emptied. Nothing for nothing. */
static void put(struct out *o, const char *key, struct out *said, size_t max_bytes)
{
	if (said->len > 0) {
		out_printf(o, " %s=", key);
		escape_cef_value(o, out_string(said), max_bytes);
	}
	o->failed |= said->failed;
	out_fini(said);
}

static void put_text(struct out *o, const char *key, const char *text)
{
	struct out said = {0};
	out_text(&said, text == NULL ? "" : text);
	put(o, key, &said, NAME_BYTES_MAX);
}

static void put_labelled(struct out *o, const char *key, const char *label, struct out *said)
{
	if (said->len > 0)
		out_printf(o, " %sLabel=%s", key, label);
	put(o, key, said, NAME_BYTES_MAX);
}

/* src and dst are for IPv4; IPv6 addresses are custom fields 2 and 3 (by their labels). */
static void put_address(
	struct out *o, const char *key, const char *key6, const char *label6, const struct addr *a)
{
	struct out said = {0};
	say_address(&said, a);
	if (addr_is_v4(a))
		put(o, key, &said, NAME_BYTES_MAX);
	else
		put_labelled(o, key6, label6, &said);
}

static void put_target(struct out *o, const struct finding_channel *to)
{
	struct addr literal;
	if (to->addr_count > 0)
		put_address(o, "dst", "c6a3", "Destination IPv6 Address", &to->addrs[0]);
	if (addr_parse(to->endpoint, &literal) != 0)
		put_text(o, "dhost", to->name_count > 0 ? to->names[0] : to->endpoint);
	if (to->port != 0)
		out_printf(o, " dpt=%u", to->port);
	if (to->transport != TRANSPORT_OTHER)
		put_text(o, "proto", transport_name(to->transport));
	put_text(o, "app", to->service);
	out_printf(o, " out=%" PRIu64 " in=%" PRIu64, to->bytes_out, to->bytes_in);
	put_text(o, "requestClientApplication", to->user_agent);
}

static void put_event(struct out *o, const struct report_case *c, const struct finding *f)
{
	static const unsigned severities[] = {[SEVERITY_HIGH] = 8,
		[SEVERITY_MEDIUM] = 6,
		[SEVERITY_LOW] = 4,
		[SEVERITY_NONE] = 1};
	struct out said = {0};
	out_text(o, "CEF:0|Postern|Postern|");
	escape_cef_head(o, POSTERN_VERSION, NAME_BYTES_MAX);
	out_printf(o, "|%s|", finding_kind_name(f->kind));
	told_title(&said, f);
	escape_cef_head(o, out_string(&said), NAME_BYTES_MAX);
	out_fini(&said);
	out_printf(o, "|%u|rt=%" PRId64 " start=%" PRId64 " end=%" PRId64 " cnt=%" PRIu32,
		severities[told_severity(c, f)], f->last_ns / NS_PER_MS, f->first_ns / NS_PER_MS,
		f->last_ns / NS_PER_MS, f->episodes == 0 ? 1 : f->episodes);
	put_text(o, "externalId", f->id);
	put_address(o, "src", "c6a2", "Source IPv6 Address", &f->host);
	put_text(o, "sproc", f->process);
	put_target(o, told_fallback(f));
	say_techniques(&said, f->kind);
	put_labelled(o, "cs1", "MITRE ATT&CK", &said);
	say_route(&said, f);
	put_labelled(o, "cs2", "Route", &said);
	say_e(&said, f->e_value);
	put_labelled(o, "cs3", "E per host and day", &said);
	out_text(&said, f->records > 0 ? f->record[0] : "");
	put_labelled(o, "cs4", "Community ID", &said);
	if (f->ruling != NULL)
		out_text(&said, ruling_name(f->ruling->kind));
	else if (f->explained != NULL)
		out_printf(&said, "explained: %s", f->explained);
	put_labelled(o, "cs5", "Verdict", &said);
	told_story(&said, f);
	put(o, "msg", &said, WORDS_BYTES_MAX);
	out_text(o, "\n");
}

static void cef_write(struct out *o, const struct report_case *c, const struct report_style *style)
{
	(void)style;
	for (size_t i = 0; i < c->findings; i++)
		if (told_of(c, c->finding[i]))
			put_event(o, c, c->finding[i]);
}

const struct report_format report_cef = {
	.name = "cef",
	.explanation = "ArcSight's Common Event Format, an event a line",
	.lines = true,
	.write = cef_write,
};
