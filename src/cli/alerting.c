#include "cli/alerting.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "cli/alert_facts.h"
#include "cli/message.h"
#include "report/bad.h"
#include "report/json.h"
#include "report/say.h"
#include "report/told.h"

/* At the end, for what is on its way. */
#define CLOSE_NS (3 * NS_PER_S)
/* Of the range for local rules, behind those of report/eve.c. */
#define SID_CHANGE 1100900u
#define SID_KNOWN  1100901u

enum { WARNING = 4, NOTICE = 5, INFORMATION = 6 }; /* of RFC 5424, table 2 */

struct alerting {
	struct alerts *alerts;
	bool down[ALERT_TARGETS_MAX];
	uint64_t lost[ALERT_TARGETS_MAX]; /* as said last */
};

int alerting_open(struct alerting **ret, const struct alert_options *options, struct fail *why)
{
	const struct alerts_options o = {.target = options->target.text,
		.targets = options->target.count,
		.spool = options->spool,
		.spool_bytes = options->spool_bytes,
		.ca = options->ca};
	if (o.targets == 0)
		return 0;
	struct alerting *a = calloc(1, sizeof *a);
	int code = a == NULL ? fail_set(why, -ENOMEM, "out of memory")
	                     : alerts_open(&a->alerts, &o, why);
	if (code < 0)
		free(a);
	else
		*ret = a;
	return code;
}

void alerting_close(struct alerting *a)
{
	if (a == NULL)
		return;
	alerting_turn(a);
	uint64_t lost = alerts_close(a->alerts, CLOSE_NS);
	if (lost > 0)
		message("%llu alerts could not be told before the end", (unsigned long long)lost);
	free(a);
}

/* ---- one alert ---- */

/* json: an object. It gets its name in front, and the journal's lines theirs at the end. */
static void tell(struct alerting *a, const char *json, struct out text[static ALERT_FORMS])
{
	struct alert alert = {0};
	char id[DIGEST_NAME_BYTES]; /* by which a receiver knows what it has been told already */
	bool failed = false;
	digest_name(json, strlen(json), id);
	alert.id = id;
	out_clear(&text[ALERT_JSON]);
	out_printf(&text[ALERT_JSON], "{\"alert\":\"%s\",", id);
	out_text(&text[ALERT_JSON], json + 1);
	if (text[ALERT_JOURNAL].len > 0)
		out_printf(&text[ALERT_JOURNAL], "POSTERN_ALERT=%s\n", id);
	for (int form = 0; form < ALERT_FORMS; form++) {
		alert.text[form] = text[form].len > 0 ? out_string(&text[form]) : NULL;
		failed |= text[form].failed;
	}
	if (failed)
		message("an alert could not be told: out of memory");
	else
		alerts_tell(a->alerts, &alert);
}

static void tell_facts(struct alerting *a, const char *json, const struct alert_facts *f)
{
	struct out text[ALERT_FORMS] = {0};
	for (int form = ALERT_JSON + 1; form < ALERT_FORMS; form++)
		if (alerts_want(a->alerts, (enum alert_form)form))
			alert_facts_say(f, (enum alert_form)form, &text[form]);
	tell(a, json, text);
	for (int form = 0; form < ALERT_FORMS; form++)
		out_fini(&text[form]);
}

/* ---- findings ---- */

static void form_journal(const struct finding *f, const struct report_case *c, struct out *o)
{
	static const unsigned severities[] = {[SEVERITY_HIGH] = 1,
		[SEVERITY_MEDIUM] = 3,
		[SEVERITY_LOW] = WARNING,
		[SEVERITY_NONE] = INFORMATION};
	struct alert_facts facts = {.type = "finding", .severity = severities[told_severity(c, f)]};
	out_text(alert_facts_add(&facts, "finding"), f->id);
	out_text(alert_facts_add(&facts, "kind"), finding_kind_name(f->kind));
	say_address(alert_facts_add(&facts, "host"), &f->host);
	out_safe(alert_facts_add(&facts, "process"), f->process == NULL ? "" : f->process, 64);
	say_techniques(alert_facts_add(&facts, "technique"), f->kind);
	say_e(alert_facts_add(&facts, "e_value"), f->e_value);
	say_endpoint(alert_facts_add(&facts, "from"),
		f->switches == 0 ? &f->channel[0] : &f->channel[f->sw[0].from]);
	say_endpoint(alert_facts_add(&facts, "to"), told_fallback(f));
	out_text(alert_facts_add(&facts, "explained"), f->explained == NULL ? "" : f->explained);
	say_address(&facts.message, &f->host);
	out_text(&facts.message, ": ");
	told_title(&facts.message, f);
	alert_facts_say(&facts, ALERT_JOURNAL, o);
	alert_facts_fini(&facts);
}

void alerting_form(
	const struct alerting *a, enum alert_form form, const struct finding *f, struct out *o)
{
	static const struct summary nothing = {0};
	static const struct report_style plain = {0};
	const struct report_case one = {.finding = &f,
		.findings = 1,
		.max_e = f->e_value,
		.summary = &nothing,
		.all = true};
	if (a == NULL || (form != ALERT_JSON && !alerts_want(a->alerts, form)))
		return;
	if (form == ALERT_SYSLOG)
		report_syslog.write(o, &one, &plain);
	else if (form == ALERT_EVE)
		report_eve.write(o, &one, &plain);
	else if (form == ALERT_JOURNAL)
		form_journal(f, &one, o);
	else {
		struct emit e = {.out = o, .comma = true}; /* it stands behind type and status */
		json_finding(&e, f);
		emit_close(&e, '}');
	}
}

void alerting_finding(
	struct alerting *a, const char *id, const char *status, const char *const text[ALERT_FORMS])
{
	struct out json = {0}, form[ALERT_FORMS] = {0};
	if (a == NULL)
		return;
	/* syslog and EVE have no way to take a word back */
	bool withdrawn = strcmp(status, "withdrawn") == 0;
	out_printf(&json, "{\"type\":\"finding\",\"status\":\"%s\"", status);
	if (text[ALERT_JSON] != NULL)
		out_text(&json, text[ALERT_JSON]);
	else /* of an earlier run */
		out_printf(&json, ",\"id\":\"%s\"}", id);
	for (int i = ALERT_JSON + 1; i < ALERT_FORMS; i++)
		if (text[i] != NULL && (!withdrawn || i == ALERT_JOURNAL))
			out_text(&form[i], text[i]);
	if (form[ALERT_JOURNAL].len > 0)
		out_printf(&form[ALERT_JOURNAL], "POSTERN_STATUS=%s\n", status);
	form[ALERT_JSON].failed = json.failed;
	tell(a, out_string(&json), form);
	out_fini(&json);
	for (int i = 0; i < ALERT_FORMS; i++)
		out_fini(&form[i]);
}

/* ---- changes ---- */

static void say_what(struct out *o, const struct guard_change *c, enum guard_act act)
{
	char host[ADDR_TEXT_BYTES], peer[ADDR_TEXT_BYTES];
	out_printf(o, "%s: %s %s", guard_act_name(act), guard_change_action(c),
		addr_text(&c->host, host));
	if (c->name[0] != '\0')
		out_printf(o, " -> %s", c->name);
	else if (!c->contain)
		out_printf(o, " -> %s, port %u, protocol %u", addr_text(&c->peer, peer), c->port,
			c->proto);
	out_text(o, " for ");
	out_duration(o, c->until_ns - c->at_ns);
}

static void say_facts(struct alert_facts *f, const struct guard_change *c, enum guard_act act)
{
	out_text(alert_facts_add(f, "act"), guard_act_name(act));
	out_printf(alert_facts_add(f, "change"), "%llu", (unsigned long long)c->id);
	out_text(alert_facts_add(f, "action"), guard_change_action(c));
	say_address(alert_facts_add(f, "host"), &c->host);
	out_text(alert_facts_add(f, "name"), c->name);
	if (!addr_is_none(&c->peer)) {
		say_address(alert_facts_add(f, "peer"), &c->peer);
		out_printf(alert_facts_add(f, "port"), "%u", c->port);
		out_printf(alert_facts_add(f, "proto"), "%u", c->proto);
	}
	out_time(alert_facts_add(f, "until"), c->until_ns);
	out_text(alert_facts_add(f, "finding"), c->finding);
	if (c->cause != CAUSE_FINDING)
		out_text(alert_facts_add(f, guard_cause_name(c->cause)), c->words);
	say_what(&f->message, c, act);
}

void alerting_change(struct alerting *a, const struct guard_change *c, enum guard_act act,
	int64_t at_ns, const char *why)
{
	if (a == NULL)
		return;
	struct out json = {0};
	struct alert_facts f = {.type = "change",
		.severity = act == ACT_MADE      ? NOTICE
	                    : act == ACT_REFUSED ? WARNING
	                                         : INFORMATION,
		.signature = SID_CHANGE,
		.blocked = act == ACT_MADE,
		.at_ns = at_ns,
		.host = c->host,
		.peer = c->peer,
		.port = c->port,
		.transport = transport_of(c->proto)};
	say_facts(&f, c, act);
	out_text(alert_facts_add(&f, "why"), why == NULL ? "" : why);
	trail_say(&json, c, act, at_ns, why);
	tell_facts(a, out_string(&json), &f);
	out_fini(&json);
	alert_facts_fini(&f);
}

/* ---- what lists know ---- */

void alerting_known(struct alerting *a, const struct intel *set, const struct intel_sight *s)
{
	if (a == NULL)
		return;
	struct out json = {0};
	struct emit e = {.out = &json};
	struct alert_facts f = {.type = "known-bad",
		.severity = WARNING,
		.signature = SID_KNOWN,
		.at_ns = s->last_ns,
		.host = s->host,
		.peer = s->peer,
		.port = s->port,
		.transport = s->transport};
	say_address(alert_facts_add(&f, "host"), &s->host);
	out_safe(alert_facts_add(&f, "name"), s->name == NULL ? "" : s->name, 255);
	intel_say(alert_facts_add(&f, "indicator"), set, s->item);
	out_text(&f.message, "known bad: ");
	intel_say_item(&f.message, set, s->item);
	out_text(&f.message, ": ");
	bad_say_sight(&f.message, s);
	emit_open(&e, NULL, '{');
	emit_text(&e, "type", "known-bad", 16);
	bad_json_sight(&e, set, s);
	emit_close(&e, '}');
	tell_facts(a, out_string(&json), &f);
	out_fini(&json);
	alert_facts_fini(&f);
}

/* ---- how it goes ---- */

void alerting_turn(struct alerting *a)
{
	for (size_t i = 0; a != NULL && i < alerts_count(a->alerts); i++) {
		struct alert_health h;
		alerts_health(a->alerts, i, &h);
		if (h.down != a->down[i])
			message("alerts: %s%s%s", h.down ? "they wait: " : h.target,
				h.down ? h.trouble : "", h.down ? "" : ": it takes them again");
		if (h.lost > 2 * a->lost[i]) { /* each time that they have doubled */
			message("alerts: %s: %llu were lost so far: the queue is full, or can't be "
				"written",
				h.target, (unsigned long long)h.lost);
			a->lost[i] = h.lost;
		}
		a->down[i] = h.down;
	}
}

void alerting_say(struct alerting *a, struct emit *e)
{
	emit_open(e, "alerts", '[');
	for (size_t i = 0; a != NULL && i < alerts_count(a->alerts); i++) {
		struct alert_health h;
		alerts_health(a->alerts, i, &h);
		emit_open(e, NULL, '{');
		emit_text(e, "target", h.target, FAIL_BYTES);
		emit_text(e, "state", h.down ? "down" : "up", 8);
		emit_count(e, "told", h.told);
		emit_count(e, "waiting", h.waiting);
		emit_count(e, "lost", h.lost);
		emit_count(e, "refused", h.refused);
		emit_count(e, "failures", h.failures);
		emit_text(e, "trouble", h.trouble[0] != '\0' ? h.trouble : NULL, FAIL_BYTES);
		emit_close(e, '}');
	}
	emit_close(e, ']');
}
