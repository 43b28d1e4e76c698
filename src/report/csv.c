/* CSV (RFC 4180) for spreadsheets: a row for each finding. */
#include <inttypes.h>

#include "report/escape.h"
#include "report/say.h"
#include "report/told.h"

#define CELL_BYTES_MAX 4096

static void put(struct out *o, struct out *said)
{
	out_text(o, ",");
	escape_csv(o, out_string(said), CELL_BYTES_MAX);
	o->failed |= said->failed;
	out_fini(said);
}

static const char *standing_name(const struct report_case *c, const struct finding *f)
{
	static const char *const names[] = {[STANDING_REPORTED] = "reported",
		[STANDING_WEAKER] = "weaker",
		[STANDING_EXPLAINED] = "explained",
		[STANDING_REJECTED] = "rejected"};
	return names[finding_standing(c, f)];
}

static void put_ends(struct out *o, const struct finding *f)
{
	const struct finding_channel *to = told_fallback(f);
	struct out said = {0};
	say_endpoint(&said, f->switches == 0 ? &f->channel[0] : &f->channel[f->sw[0].from]);
	put(o, &said);
	say_endpoint(&said, to);
	put(o, &said);
	out_text(&said, transport_name(to->transport));
	put(o, &said);
	if (to->service != NULL)
		out_safe(&said, to->service, CELL_BYTES_MAX);
	put(o, &said);
	if (f->switches > 0)
		out_text(&said, outcome_name(f->sw[0].failure));
	put(o, &said);
	for (size_t i = 0; i < to->addr_count; i++) {
		out_text(&said, i == 0 ? "" : " ");
		say_address(&said, &to->addrs[i]);
	}
	put(o, &said);
}

static void put_row(struct out *o, const struct report_case *c, const struct finding *f)
{
	struct out said = {0};
	escape_csv(o, f->id, CELL_BYTES_MAX);
	say_address(&said, &f->host);
	put(o, &said);
	if (f->process != NULL)
		out_safe(&said, f->process, CELL_BYTES_MAX);
	put(o, &said);
	out_text(&said, finding_kind_name(f->kind));
	put(o, &said);
	say_techniques(&said, f->kind);
	put(o, &said);
	say_e(&said, f->e_value);
	put(o, &said);
	out_text(&said, standing_name(c, f));
	put(o, &said);
	out_time(&said, f->first_ns);
	put(o, &said);
	out_time(&said, f->last_ns);
	put(o, &said);
	out_printf(&said, "%" PRIu32, f->episodes == 0 ? 1 : f->episodes);
	put(o, &said);
	put_ends(o, f);
	if (f->explained != NULL)
		out_text(&said, f->explained);
	put(o, &said);
	say_ruling(&said, f->ruling);
	put(o, &said);
	told_story(&said, f);
	put(o, &said);
	out_text(o, "\r\n");
}

static void csv_write(struct out *o, const struct report_case *c, const struct report_style *style)
{
	(void)style;
	out_text(o, "id,host,process,kind,technique,e_value,standing,first,last,episodes,from,to,"
		    "transport,service,failure,addresses,explained,verdict,why\r\n");
	for (size_t i = 0; i < c->findings; i++)
		if (told_of(c, c->finding[i]))
			put_row(o, c, c->finding[i]);
}

const struct report_format report_csv = {
	.name = "csv",
	.explanation = "CSV for spreadsheets, a row for each finding",
	.write = csv_write,
};
