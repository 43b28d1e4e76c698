/* OCSF Detection Finding (class 2004), an event a line: fields of 1.3.0 on. */
#include "base/limits.h"
#include "report/emit.h"
#include "report/say.h"
#include "report/told.h"

#define NAME_BYTES_MAX  255
#define WORDS_BYTES_MAX 4096
#define OCSF_VERSION    "1.3.0"
#define CLASS_UID       2004u
#define ACTIVITY_CREATE 1u

/* Milliseconds since 1970; nothing is older. */
static void put_ms(struct emit *e, const char *key, int64_t time_ns)
{
	emit_count(e, key, time_ns < 0 ? 0 : (uint64_t)(time_ns / NS_PER_MS));
}

static void put_named(struct emit *e, const char *key, const char *uid, const char *name)
{
	emit_open(e, key, '{');
	emit_text(e, "uid", uid, NAME_BYTES_MAX);
	emit_text(e, "name", name, NAME_BYTES_MAX);
	emit_close(e, '}');
}

static void put_attacks(struct emit *e, const struct finding *f)
{
	emit_open(e, "attacks", '[');
	for (const struct technique *const *t = told_techniques(f->kind); *t != NULL; t++) {
		bool sub = (*t)->parent != NULL;
		emit_open(e, NULL, '{');
		put_named(e, "tactic", (*t)->tactic, (*t)->tactic_name);
		put_named(e, "technique", sub ? (*t)->parent : (*t)->id,
			sub ? (*t)->parent_name : (*t)->name);
		if (sub)
			put_named(e, "sub_technique", (*t)->id, (*t)->name);
		emit_close(e, '}');
	}
	emit_close(e, ']');
}

static void put_info(struct emit *e, const struct finding *f)
{
	struct out text = {0};
	emit_open(e, "finding_info", '{');
	emit_text(e, "uid", f->id, NAME_BYTES_MAX);
	told_title(&text, f);
	emit_said(e, "title", &text);
	told_story(&text, f);
	emit_said(e, "desc", &text);
	emit_open(e, "types", '[');
	emit_text(e, NULL, finding_kind_name(f->kind), NAME_BYTES_MAX);
	emit_close(e, ']');
	emit_open(e, "analytic", '{');
	emit_text(e, "uid", finding_kind_name(f->kind), NAME_BYTES_MAX);
	emit_text(e, "name", finding_kind_sentence(f->kind), NAME_BYTES_MAX);
	emit_count(e, "type_id", 3); /* Statistical */
	emit_text(e, "type", "Statistical", NAME_BYTES_MAX);
	emit_close(e, '}');
	put_attacks(e, f);
	put_ms(e, "first_seen_time", f->first_ns);
	put_ms(e, "last_seen_time", f->last_ns);
	emit_close(e, '}');
}

static void put_endpoint(struct emit *e, const struct finding_channel *ch)
{
	struct addr literal;
	bool named = addr_parse(ch->endpoint, &literal) != 0;
	emit_open(e, "dst_endpoint", '{');
	if (ch->addr_count > 0)
		emit_address(e, "ip", &ch->addrs[0]);
	if (ch->port != 0)
		emit_count(e, "port", ch->port);
	if (named)
		emit_text(e, "hostname", ch->name_count > 0 ? ch->names[0] : ch->endpoint,
			NAME_BYTES_MAX);
	if (ch->service != NULL)
		emit_text(e, "svc_name", ch->service, NAME_BYTES_MAX);
	emit_close(e, '}');
}

/* One for each channel of the story. */
static void put_evidence(struct emit *e, const struct finding *f, const struct finding_channel *ch)
{
	emit_open(e, NULL, '{');
	emit_text(e, "name", channel_role_name(ch->role), NAME_BYTES_MAX);
	emit_open(e, "src_endpoint", '{');
	emit_address(e, "ip", &f->host);
	emit_close(e, '}');
	put_endpoint(e, ch);
	emit_open(e, "connection_info", '{');
	emit_count(e, "direction_id", 2);
	emit_text(e, "direction", "Outbound", NAME_BYTES_MAX);
	if (ch->transport != TRANSPORT_OTHER) {
		emit_count(e, "protocol_num", transport_proto(ch->transport));
		emit_text(e, "protocol_name", transport_name(ch->transport), NAME_BYTES_MAX);
	}
	emit_close(e, '}');
	emit_close(e, '}');
}

static void put_class(struct emit *e, const struct report_case *c, const struct finding *f)
{
	static const struct {
		uint64_t id;
		const char *name;
	} severities[] = {[SEVERITY_HIGH] = {4, "High"},
		[SEVERITY_MEDIUM] = {3, "Medium"},
		[SEVERITY_LOW] = {2, "Low"},
		[SEVERITY_NONE] = {1, "Informational"}},
	  confidences[] = {[SEVERITY_HIGH] = {3, "High"},
		  [SEVERITY_MEDIUM] = {2, "Medium"},
		  [SEVERITY_LOW] = {1, "Low"},
		  [SEVERITY_NONE] = {1, "Low"}};
	enum severity severity = told_severity(c, f);
	bool benign = severity == SEVERITY_NONE, ruled = f->ruling != NULL;
	emit_count(e, "activity_id", ACTIVITY_CREATE);
	emit_text(e, "activity_name", "Create", NAME_BYTES_MAX);
	emit_count(e, "category_uid", 2);
	emit_text(e, "category_name", "Findings", NAME_BYTES_MAX);
	emit_count(e, "class_uid", CLASS_UID);
	emit_text(e, "class_name", "Detection Finding", NAME_BYTES_MAX);
	emit_count(e, "type_uid", CLASS_UID * 100 + ACTIVITY_CREATE);
	emit_text(e, "type_name", "Detection Finding: Create", NAME_BYTES_MAX);
	emit_count(e, "severity_id", severities[severity].id);
	emit_text(e, "severity", severities[severity].name, NAME_BYTES_MAX);
	emit_count(e, "confidence_id", confidences[severity].id);
	emit_text(e, "confidence", confidences[severity].name, NAME_BYTES_MAX);
	emit_count(e, "status_id", benign ? 3 : ruled ? 2 : 1);
	emit_text(e, "status",
		benign  ? "Suppressed"
		: ruled ? "In Progress"
			: "New",
		NAME_BYTES_MAX);
	emit_bool(e, "is_alert", !benign);
}

static void put_event(struct out *o, const struct report_case *c, const struct finding *f)
{
	struct emit e = {.out = o};
	struct out text = {0};
	emit_open(&e, NULL, '{');
	put_class(&e, c, f);
	put_ms(&e, "time", f->last_ns);
	put_ms(&e, "start_time", f->first_ns);
	put_ms(&e, "end_time", f->last_ns);
	emit_count(&e, "count", f->episodes == 0 ? 1 : f->episodes);
	told_title(&text, f);
	emit_said(&e, "message", &text);
	emit_open(&e, "metadata", '{');
	emit_text(&e, "version", OCSF_VERSION, NAME_BYTES_MAX);
	emit_text(&e, "uid", f->id, NAME_BYTES_MAX);
	emit_open(&e, "product", '{');
	emit_text(&e, "name", "Postern", NAME_BYTES_MAX);
	emit_text(&e, "vendor_name", "Postern", NAME_BYTES_MAX);
	emit_text(&e, "version", POSTERN_VERSION, NAME_BYTES_MAX);
	emit_close(&e, '}');
	emit_close(&e, '}');
	put_info(&e, f);
	emit_open(&e, "device", '{');
	emit_count(&e, "type_id", 0);
	emit_address(&e, "ip", &f->host);
	emit_close(&e, '}');
	emit_open(&e, "evidences", '[');
	for (size_t i = 0; i < f->channels; i++)
		if (f->switches == 0 || !channel_is_beside(f, i))
			put_evidence(&e, f, &f->channel[i]);
	emit_close(&e, ']');
	emit_open(&e, "unmapped", '{');
	emit_number(&e, "e_value", f->e_value);
	emit_text(&e, "explained", f->explained, NAME_BYTES_MAX);
	emit_texts(&e, "community_ids", f->record, f->records, NAME_BYTES_MAX);
	emit_close(&e, '}');
	emit_close(&e, '}');
	out_text(o, "\n");
}

static void ocsf_write(struct out *o, const struct report_case *c, const struct report_style *style)
{
	(void)style;
	for (size_t i = 0; i < c->findings; i++)
		if (told_of(c, c->finding[i]))
			put_event(o, c, c->finding[i]);
}

const struct report_format report_ocsf = {
	.name = "ocsf",
	.explanation = "OCSF Detection Findings (class 2004), one a line",
	.lines = true,
	.write = ocsf_write,
};
