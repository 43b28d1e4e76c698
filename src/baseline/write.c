#include <string.h>
#include <time.h>

#include "baseline/baseline_private.h"

#define DAY_S INT64_C(86400)

const char *const baseline_why_words[BASELINE_WHYS] = {
	"seen", "asked:", "held:days", "held:hosts", "held:finding", "held:failed"};

void baseline_write_day(struct out *o, int32_t day)
{
	time_t at = day * DAY_S;
	struct tm tm = {0};
	(void)gmtime_r(&at, &tm);
	out_printf(o, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
}

void baseline_write_bytes(struct out *o, uint64_t bytes)
{
	static const char units[] = "KMGTPE";
	size_t unit = 0;
	for (; bytes > 0 && bytes % 1000 == 0 && unit < sizeof units - 1; unit++)
		bytes /= 1000;
	out_printf(o, "%llu", (unsigned long long)bytes);
	if (unit > 0)
		out_bytes(o, &units[unit - 1], 1);
}

void baseline_write_why(struct out *o, const struct baseline_entry *e)
{
	out_text(o, baseline_why_words[e->why]);
	if (e->why == BASELINE_ASKED)
		baseline_write_day(o, e->asked_day);
}

/* Columns have a least width each, not the widest value's: one long name must not move all lines.
 */
static void column(struct out *o, int width, const char *text)
{
	out_printf(o, "%-*s ", width, text);
}

static void right_column(struct out *o, int width, uint64_t bytes)
{
	struct out text = {0};
	baseline_write_bytes(&text, bytes);
	out_printf(o, "%*s ", width, out_string(&text));
	o->failed |= text.failed;
	out_fini(&text);
}

static void write_entry(struct out *o, const struct baseline_entry *e)
{
	char host[ADDR_TEXT_BYTES];
	if (e->comment != NULL)
		out_text(o, e->comment);
	column(o, 8, e->zone);
	column(o, 15, addr_is_none(&e->host) ? "*" : addr_text(&e->host, host));
	column(o, 30, e->endpoint);
	column(o, 8, e->service == NULL ? "-" : e->service);
	column(o, 4, transport_name(e->transport));
	out_printf(o, "%5u ", e->port);
	baseline_write_day(o, e->first_day);
	out_text(o, " ");
	baseline_write_day(o, e->last_day);
	out_printf(o, " %4u %5u ", e->days, e->hosts);
	right_column(o, 5, e->sent);
	right_column(o, 5, e->got);
	baseline_write_why(o, e);
	if (e->note != NULL)
		out_printf(o, " #%s", e->note);
	out_text(o, "\n");
}

static void write_zone(struct out *o, const struct baseline_zone *zone)
{
	out_printf(o, "zone %s ", zone->name);
	if (zone->is_private)
		out_text(o, "private");
	for (size_t i = 0; i < zone->nets; i++) {
		char net[ADDR_TEXT_BYTES];
		bool v4 = addr_is_v4(&zone->net[i].net) && zone->net[i].bits >= 96;
		out_printf(o, "%s%s/%d", i > 0 || zone->is_private ? "," : "",
			addr_text(&zone->net[i].net, net), zone->net[i].bits - (v4 ? 96 : 0));
	}
	out_text(o, "\n");
}

static void write_header(const struct baseline *b, struct out *o)
{
	out_text(o, "postern baseline 1\n");
	if (b->comment != NULL)
		out_text(o, b->comment);
	for (size_t i = 0; i < b->windows; i++) {
		out_text(o, "window ");
		baseline_write_day(o, b->window[i].first);
		out_text(o, " ");
		baseline_write_day(o, b->window[i].last);
		out_text(o, "\n");
	}
	for (size_t i = 0; i < b->inputs; i++)
		out_printf(o, "input %s %s\n",
			b->input[i].sha256 == NULL ? "pipe" : b->input[i].sha256, b->input[i].name);
	out_printf(o, "rules min-days %u min-hosts %u shared %u max-e %.10g\n", b->rules.min_days,
		b->rules.min_hosts, b->rules.shared, (double)b->rules.max_e_nano / 1e9);
	if (b->dropped > 0)
		out_printf(o, "dropped %llu\n", (unsigned long long)b->dropped);
	for (size_t i = 0; i < b->zones; i++)
		write_zone(o, &b->zone[i]);
	out_text(o, "columns zone host endpoint service transport port first last days hosts sent "
		    "got why\n");
}

void baseline_write(const struct baseline *b, struct out *o)
{
	write_header(b, o);
	for (size_t i = 0; i < b->entries; i++)
		write_entry(o, &b->entry[i]);
	if (b->tail != NULL)
		out_text(o, b->tail);
}
