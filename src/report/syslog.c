/* Syslog (RFC 5424), a message a line for each finding, its facts as structured data. */
#include <inttypes.h>

#include "report/escape.h"
#include "report/say.h"
#include "report/told.h"

#define NAME_BYTES_MAX  255
#define WORDS_BYTES_MAX 1500
#define FACILITY_AUTH   4u
/* RFC 5612: the enterprise number of examples; Postern has none of its own. */
#define SD_ID "postern@32473"
#define BOM   "\xef\xbb\xbf" /* RFC 5424, 6.4: what follows is UTF-8 */

static void put(struct out *o, const char *name, struct out *said)
{
	if (said->len > 0) {
		out_printf(o, " %s=\"", name);
		escape_syslog(o, out_string(said), NAME_BYTES_MAX);
		out_text(o, "\"");
	}
	o->failed |= said->failed;
	out_fini(said);
}

static void put_text(struct out *o, const char *name, const char *text)
{
	struct out said = {0};
	out_text(&said, text == NULL ? "" : text);
	put(o, name, &said);
}

static void put_data(struct out *o, const struct finding *f)
{
	struct out said = {0};
	out_text(o, "[" SD_ID);
	put_text(o, "id", f->id);
	say_address(&said, &f->host);
	put(o, "host", &said);
	put_text(o, "process", f->process);
	say_techniques(&said, f->kind);
	put(o, "technique", &said);
	say_e(&said, f->e_value);
	put(o, "e_value", &said);
	say_endpoint(&said, f->switches == 0 ? &f->channel[0] : &f->channel[f->sw[0].from]);
	put(o, "from", &said);
	say_endpoint(&said, told_fallback(f));
	put(o, "to", &said);
	put_text(o, "transport", transport_name(told_fallback(f)->transport));
	put_text(o, "service", told_fallback(f)->service);
	if (f->switches > 0)
		put_text(o, "failure", outcome_name(f->sw[0].failure));
	put_text(o, "community_id", f->records > 0 ? f->record[0] : NULL);
	put_text(o, "explained", f->explained);
	put_text(o, "verdict", f->ruling == NULL ? NULL : ruling_name(f->ruling->kind));
	out_text(o, "]");
}

static void put_message(struct out *o, const struct report_case *c, const struct finding *f)
{
	/* of RFC 5424, table 2: alert, error, warning, informational */
	static const unsigned severities[] = {[SEVERITY_HIGH] = 1,
		[SEVERITY_MEDIUM] = 3,
		[SEVERITY_LOW] = 4,
		[SEVERITY_NONE] = 6};
	struct out said = {0};
	out_printf(o, "<%u>1 ", FACILITY_AUTH * 8 + severities[told_severity(c, f)]);
	out_time(o, f->last_ns);
	out_printf(o, " - postern - %s ", finding_kind_name(f->kind));
	put_data(o, f);
	out_text(o, " " BOM);
	say_address(&said, &f->host);
	out_text(&said, ": ");
	told_title(&said, f);
	out_text(&said, ". ");
	told_story(&said, f);
	out_safe(o, out_string(&said), WORDS_BYTES_MAX);
	o->failed |= said.failed;
	out_fini(&said);
	out_text(o, "\n");
}

static void syslog_write(
	struct out *o, const struct report_case *c, const struct report_style *style)
{
	(void)style;
	for (size_t i = 0; i < c->findings; i++)
		if (told_of(c, c->finding[i]))
			put_message(o, c, c->finding[i]);
}

const struct report_format report_syslog = {
	.name = "syslog",
	.explanation = "syslog messages (RFC 5424) with structured data, one a line",
	.lines = true,
	.write = syslog_write,
};
