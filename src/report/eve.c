/* Suricata's EVE (its etc/schema.json): an alert for each switch of a finding, for whoever reads
 * eve.json already. What EVE has no field for stands in the rule's metadata, as lists of strings.
 */
#include <string.h>

#include "base/limits.h"
#include "report/emit.h"
#include "report/say.h"
#include "report/told.h"

#define WORDS_BYTES_MAX 1024
/* Of the range for local rules (1,000,000 to 1,999,999), one for each kind. */
#define SID_FIRST 1100800u

static void put_time(struct emit *e, const char *key, int64_t time_ns)
{
	struct out text = {0};
	out_time(&text, time_ns);
	if (!text.failed) {
		text.len--; /* Z */
		out_text(&text, "+0000");
	}
	emit_said(e, key, &text);
}

static void put_meta(struct emit *e, const char *key, const char *value)
{
	emit_texts(e, key, &value, 1, WORDS_BYTES_MAX);
}

static void put_meta_said(struct emit *e, const char *key, struct out *said)
{
	put_meta(e, key, out_string(said));
	e->out->failed |= said->failed;
	out_fini(said);
}

/* The keys of Emerging Threats' rules: names have _ for spaces. */
static void put_technique(struct emit *e, const struct finding *f)
{
	static const char *const keys[] = {"mitre_technique_name", "mitre_tactic_name"};
	const struct technique *const *t = told_techniques(f->kind);
	emit_open(e, "mitre_technique_id", '[');
	for (size_t i = 0; t[i] != NULL; i++)
		emit_text(e, NULL, t[i]->id, WORDS_BYTES_MAX);
	emit_close(e, ']');
	CHECK(t[0] != NULL);
	put_meta(e, "mitre_tactic_id", t[0]->tactic);
	for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
		emit_open(e, keys[k], '[');
		for (size_t i = 0; t[i] != NULL && (k == 0 || i == 0); i++) {
			struct out name = {0};
			for (const char *c = k == 0 ? t[i]->name : t[i]->tactic_name; *c != '\0';
				c++)
				out_bytes(&name, *c == ' ' ? "_" : c, 1);
			emit_said(e, NULL, &name);
		}
		emit_close(e, ']');
	}
}

static void put_metadata(struct emit *e, const struct finding *f, const struct finding_switch *sw)
{
	struct out text = {0};
	emit_open(e, "metadata", '{');
	put_technique(e, f);
	put_meta(e, "finding", f->id);
	say_e(&text, f->e_value);
	put_meta_said(e, "e_value", &text);
	if (sw != NULL) {
		say_endpoint(&text, &f->channel[sw->from]);
		put_meta_said(e, "from", &text);
		say_endpoint(&text, &f->channel[sw->to]);
		put_meta_said(e, "to", &text);
		put_meta(e, "failure", outcome_name(sw->failure));
	}
	if (f->explained != NULL)
		put_meta(e, "explained", f->explained);
	if (f->ruling != NULL)
		put_meta(e, "verdict", ruling_name(f->ruling->kind));
	emit_close(e, '}');
}

static void put_alert(struct emit *e, const struct report_case *c, const struct finding *f,
	const struct finding_switch *sw)
{
	static const uint64_t severities[] = {[SEVERITY_HIGH] = 1,
		[SEVERITY_MEDIUM] = 2,
		[SEVERITY_LOW] = 3,
		[SEVERITY_NONE] = 4};
	struct out text = {0};
	emit_open(e, "alert", '{');
	emit_text(e, "action", "allowed", WORDS_BYTES_MAX);
	emit_count(e, "gid", 1);
	emit_count(e, "signature_id", SID_FIRST + (unsigned)f->kind);
	emit_count(e, "rev", 1);
	out_printf(&text, "POSTERN T1008 %s", finding_kind_sentence(f->kind));
	emit_said(e, "signature", &text);
	emit_text(e, "category", "Malware Command and Control Activity Detected", WORDS_BYTES_MAX);
	emit_count(e, "severity", severities[told_severity(c, f)]);
	put_metadata(e, f, sw);
	emit_close(e, '}');
}

static const char *proto_name(enum transport transport)
{
	static const char *const names[] = {[TRANSPORT_OTHER] = NULL,
		[TRANSPORT_TCP] = "TCP",
		[TRANSPORT_UDP] = "UDP",
		[TRANSPORT_ICMP] = "ICMP"};
	return names[transport];
}

static void put_event(struct out *o, const struct report_case *c, const struct finding *f,
	const struct finding_switch *sw)
{
	const struct finding_channel *to = sw == NULL ? told_fallback(f) : &f->channel[sw->to];
	struct emit e = {.out = o};
	emit_open(&e, NULL, '{');
	put_time(&e, "timestamp", sw == NULL ? f->first_ns : sw->at_ns);
	emit_text(&e, "event_type", "alert", WORDS_BYTES_MAX);
	emit_address(&e, "src_ip", &f->host);
	if (to->addr_count > 0)
		emit_address(&e, "dest_ip", &to->addrs[0]);
	if (to->port != 0)
		emit_count(&e, "dest_port", to->port);
	if (proto_name(to->transport) != NULL)
		emit_text(&e, "proto", proto_name(to->transport), WORDS_BYTES_MAX);
	if (to->service != NULL)
		emit_text(&e, "app_proto", to->service, WORDS_BYTES_MAX);
	if (f->records == 1) /* of several, it is not known which is the switch's */
		emit_text(&e, "community_id", f->record[0], WORDS_BYTES_MAX);
	put_alert(&e, c, f, sw);
	emit_close(&e, '}');
	out_text(o, "\n");
}

static void eve_write(struct out *o, const struct report_case *c, const struct report_style *style)
{
	(void)style;
	for (size_t i = 0; i < c->findings; i++) {
		const struct finding *f = c->finding[i];
		if (!told_of(c, f))
			continue;
		for (size_t k = 0; k < f->switches; k++)
			put_event(o, c, f, &f->sw[k]);
		if (f->switches == 0)
			put_event(o, c, f, NULL);
	}
}

const struct report_format report_eve = {
	.name = "eve",
	.explanation = "Suricata's EVE: an alert for each switch, JSON Lines",
	.lines = true,
	.write = eve_write,
};
