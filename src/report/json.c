/* JSON Lines: each finding, then one summary. Keys always come in the same order. */
#include "report/json.h"

#include <float.h>
#include <math.h>

#include "report/bad.h"
#include "report/say.h"
#include "report/told.h"

#define NAME_BYTES_MAX  255
#define AGENT_BYTES_MAX 1024
#define TEXT_BYTES_MAX  4096

static void json_addresses(struct emit *e, const struct finding_channel *ch)
{
	char text[ADDR_TEXT_BYTES];
	emit_open(e, "addresses", '[');
	for (size_t i = 0; i < ch->addr_count; i++)
		emit_text(e, NULL, addr_text(&ch->addrs[i], text), sizeof text);
	emit_close(e, ']');
}

/* null: nothing failed */
static void json_failure(struct emit *e, enum outcome failure)
{
	emit_text(
		e, "failure", failure == OUTCOME_OK ? NULL : outcome_name(failure), NAME_BYTES_MAX);
}

static void json_channel(struct emit *e, const struct finding_channel *ch)
{
	emit_open(e, NULL, '{');
	emit_text(e, "role", channel_role_name(ch->role), NAME_BYTES_MAX);
	emit_text(e, "endpoint", ch->endpoint, NAME_BYTES_MAX);
	emit_texts(e, "names", ch->names, ch->name_count, NAME_BYTES_MAX);
	json_addresses(e, ch);
	if (ch->port == 0)
		emit_null(e, "port");
	else
		emit_count(e, "port", ch->port);
	emit_text(e, "transport", transport_name(ch->transport), NAME_BYTES_MAX);
	emit_text(e, "service", ch->service, NAME_BYTES_MAX);
	emit_count(e, "connections", ch->connections);
	emit_count(e, "failures", ch->failures);
	json_failure(e, ch->failure);
	emit_time(e, "first", ch->first_ns);
	emit_time(e, "last", ch->last_ns);
	emit_count(e, "bytes_out", ch->bytes_out);
	emit_count(e, "bytes_in", ch->bytes_in);
	emit_text(e, "ja3", ch->ja3, NAME_BYTES_MAX);
	emit_text(e, "ja4", ch->ja4, NAME_BYTES_MAX);
	emit_text(e, "user_agent", ch->user_agent, AGENT_BYTES_MAX);
	emit_close(e, '}');
}

static void json_switch(struct emit *e, const struct finding_switch *sw)
{
	emit_open(e, NULL, '{');
	emit_count(e, "from", sw->from);
	emit_count(e, "to", sw->to);
	emit_time(e, "at", sw->at_ns);
	emit_number(e, "after_s", fmax(0, (double)sw->after_ns / 1e9));
	json_failure(e, sw->failure);
	emit_close(e, '}');
}

static void json_evidence(struct emit *e, const struct finding_evidence *evidence)
{
	emit_open(e, NULL, '{');
	emit_text(e, "kind", evidence->kind, NAME_BYTES_MAX);
	emit_number(e, "bits", evidence->bits);
	emit_text(e, "text", evidence->text, TEXT_BYTES_MAX);
	emit_close(e, '}');
}

/* null: nobody ruled */
static void json_ruling(struct emit *e, const struct ruling *ruling)
{
	if (ruling == NULL) {
		emit_null(e, "verdict");
		return;
	}
	emit_open(e, "verdict", '{');
	emit_text(e, "verdict", ruling_name(ruling->kind), NAME_BYTES_MAX);
	emit_text(e, "why", ruling->why, RULING_WHY_BYTES);
	emit_text(e, "by", ruling->by, RULING_BY_BYTES);
	emit_time(e, "at", ruling->at_ns);
	emit_close(e, '}');
}

static void json_head(struct emit *e, const struct finding *f)
{
	char host[ADDR_TEXT_BYTES];
	emit_text(e, "id", f->id, NAME_BYTES_MAX);
	emit_open(e, "technique", '[');
	for (const struct technique *const *t = told_techniques(f->kind); *t != NULL; t++)
		emit_text(e, NULL, (*t)->id, NAME_BYTES_MAX);
	emit_close(e, ']');
	emit_text(e, "kind", finding_kind_name(f->kind), NAME_BYTES_MAX);
	emit_text(e, "host", addr_text(&f->host, host), sizeof host);
	if (f->process != NULL) {
		emit_open(e, "process", '{');
		emit_text(e, "name", f->process, NAME_BYTES_MAX);
		emit_close(e, '}');
	} else {
		emit_null(e, "process");
	}
	emit_time(e, "first", f->first_ns);
	emit_time(e, "last", f->last_ns);
	emit_count(e, "episodes", f->episodes == 0 ? 1 : f->episodes);
	/* never 0: that would say impossible */
	emit_number(e, "e_value", fmax(f->e_value, DBL_MIN));
	emit_bool(e, "measured", f->measured);
	emit_text(e, "explained", f->explained, NAME_BYTES_MAX);
	emit_text(e, "explained_text", f->explained_text, TEXT_BYTES_MAX);
	json_ruling(e, f->ruling);
}

void json_finding_open(struct emit *e, const char *key)
{
	emit_open(e, key, '{');
	emit_text(e, "type", "finding", NAME_BYTES_MAX);
}

void json_finding(struct emit *e, const struct finding *f)
{
	json_head(e, f);
	emit_open(e, "channels", '[');
	for (size_t i = 0; i < f->channels; i++)
		json_channel(e, &f->channel[i]);
	emit_close(e, ']');
	emit_open(e, "switches", '[');
	for (size_t i = 0; i < f->switches; i++)
		json_switch(e, &f->sw[i]);
	emit_close(e, ']');
	emit_open(e, "evidence", '[');
	for (size_t i = 0; i < f->evidences; i++)
		json_evidence(e, &f->evidence[i]);
	emit_close(e, ']');
	emit_texts(e, "community_ids", f->record, f->records, NAME_BYTES_MAX);
	emit_texts(e, "uids", f->uid, f->uids, NAME_BYTES_MAX);
}

/* What decoys showed; "at" is empty when there were none. */
static void json_calibration(struct emit *e, const struct calibration *c)
{
	emit_open(e, "calibration", '{');
	emit_number(e, "decoy_host_days", c->decoy_host_days);
	emit_open(e, "at", '[');
	for (size_t i = 0; i < CALIBRATION_LINES && c->decoy_host_days > 0; i++) {
		const struct calibration_line *line = &c->line[i];
		emit_open(e, NULL, '{');
		emit_number(e, "stated", line->stated);
		emit_number(e, "observed", line->observed);
		emit_number(e, "low", line->low);
		emit_number(e, "high", line->high);
		emit_count(e, "findings", line->findings);
		emit_close(e, '}');
	}
	emit_close(e, ']');
	emit_close(e, '}');
}

/* What each entry hid; only when there is a list. */
static void json_safelist(struct emit *e, const struct safelist *s)
{
	if (s == NULL)
		return;
	emit_open(e, "safelist", '{');
	emit_text(e, "file", safelist_name(s), TEXT_BYTES_MAX);
	emit_count(e, "entries", safelist_count(s));
	emit_open(e, "hid", '[');
	for (size_t i = 0; i < safelist_count(s); i++) {
		const struct safelist_entry *entry = safelist_get(s, i);
		if (entry->hid == 0)
			continue;
		emit_open(e, NULL, '{');
		emit_text(e, "entry", entry->text, NAME_BYTES_MAX);
		emit_count(e, "line", entry->line);
		emit_count(e, "findings", entry->hid);
		emit_close(e, '}');
	}
	emit_close(e, ']');
	emit_close(e, '}');
}

static void json_summary(struct emit *e, const struct report_case *c)
{
	const struct summary *s = c->summary;
	struct tally tally = case_tally(c);
	emit_open(e, NULL, '{');
	emit_text(e, "type", "summary", NAME_BYTES_MAX);
	emit_count(e, "inputs", s->inputs);
	emit_count(e, "records", s->records);
	emit_count(e, "rejected", s->rejected);
	emit_count(e, "hosts", s->hosts);
	emit_number(e, "host_days", s->host_days);
	emit_count(e, "connections", s->connections);
	emit_count(e, "findings", tally.reported);
	emit_count(e, "explained", tally.explained);
	if (tally.rejected > 0)
		emit_count(e, "findings_rejected", tally.rejected);
	emit_number(e, "seconds", s->seconds);
	emit_bool(e, "partial", s->partial);
	emit_open(e, "off", '[');
	for (size_t i = 0; i < s->offs; i++)
		emit_text(e, NULL, s->off[i].text, TEXT_BYTES_MAX);
	emit_close(e, ']');
	emit_number(e, "max_e", c->max_e);
	json_calibration(e, &s->calibration);
	json_safelist(e, s->safelist);
	bad_json(e, s->bad);
	emit_close(e, '}');
}

static void json_write(struct out *o, const struct report_case *c, const struct report_style *style)
{
	(void)style;
	for (size_t i = 0; i < c->findings; i++) {
		const struct finding *f = c->finding[i];
		if (!told_of(c, f))
			continue;
		struct emit e = {.out = o};
		json_finding_open(&e, NULL);
		json_finding(&e, f);
		emit_close(&e, '}');
		out_text(o, "\n");
	}
	struct emit e = {.out = o};
	json_summary(&e, c);
	out_text(o, "\n");
}

const struct report_format report_json = {
	.name = "json",
	.explanation = "JSON Lines: each finding, then one summary",
	.write = json_write,
};
