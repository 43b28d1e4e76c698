/* Elastic Common Schema: a document a line for each finding. What ECS has no field for is below
 * `postern`, as ECS asks of custom fields. */
#include <float.h>
#include <math.h>

#include "report/emit.h"
#include "report/say.h"
#include "report/told.h"

#define NAME_BYTES_MAX  255
#define WORDS_BYTES_MAX 4096
#define ECS_VERSION     "8.17.0"
#define ATTACK_URL      "https://attack.mitre.org/"

static void put_word(struct emit *e, const char *key, const char *word)
{
	emit_texts(e, key, &word, 1, NAME_BYTES_MAX);
}

static void put_reference(struct emit *e, const char *folder, const char *id)
{
	struct out url = {0};
	out_printf(&url, ATTACK_URL "%s/", folder);
	for (; *id != '\0'; id++)
		out_bytes(&url, *id == '.' ? "/" : id, 1);
	out_text(&url, "/");
	emit_said(e, NULL, &url);
}

enum member { MEMBER_ID, MEMBER_NAME, MEMBER_REFERENCE };

static void put_members(struct emit *e, const struct technique *const *t, bool sub)
{
	static const char *const keys[] = {"id", "name", "reference"};
	for (unsigned m = 0; m < ARRAY_LEN(keys); m++) {
		emit_open(e, keys[m], '[');
		for (size_t i = 0; t[i] != NULL; i++) {
			bool parent = !sub && t[i]->parent != NULL;
			const char *id = parent ? t[i]->parent : t[i]->id;
			if (sub && t[i]->parent == NULL)
				continue;
			if (m == MEMBER_REFERENCE)
				put_reference(e, "techniques", id);
			else
				emit_text(e, NULL,
					m == MEMBER_ID ? id
					: parent       ? t[i]->parent_name
						       : t[i]->name,
					NAME_BYTES_MAX);
		}
		emit_close(e, ']');
	}
}

static void put_threat(struct emit *e, const struct finding *f)
{
	const struct technique *const *t = told_techniques(f->kind);
	emit_open(e, "threat", '{');
	emit_text(e, "framework", "MITRE ATT&CK", NAME_BYTES_MAX);
	emit_open(e, "tactic", '{');
	put_word(e, "id", t[0]->tactic);
	put_word(e, "name", t[0]->tactic_name);
	emit_open(e, "reference", '[');
	put_reference(e, "tactics", t[0]->tactic);
	emit_close(e, ']');
	emit_close(e, '}');
	emit_open(e, "technique", '{');
	put_members(e, t, false);
	if (t[1] != NULL && t[1]->parent != NULL) {
		emit_open(e, "subtechnique", '{');
		put_members(e, t, true);
		emit_close(e, '}');
	}
	emit_close(e, '}');
	emit_close(e, '}');
}

static void put_event(struct emit *e, const struct report_case *c, const struct finding *f)
{
	/* Elastic's own rules: low 21, medium 47, high 73 */
	static const struct {
		uint64_t severity, risk;
	} scale[] = {[SEVERITY_HIGH] = {3, 73},
		[SEVERITY_MEDIUM] = {2, 47},
		[SEVERITY_LOW] = {1, 21},
		[SEVERITY_NONE] = {0, 0}};
	enum severity severity = told_severity(c, f);
	struct out story = {0};
	emit_open(e, "event", '{');
	emit_text(e, "kind", severity == SEVERITY_NONE ? "event" : "alert", NAME_BYTES_MAX);
	emit_open(e, "category", '[');
	emit_text(e, NULL, "network", NAME_BYTES_MAX);
	emit_text(e, NULL, "intrusion_detection", NAME_BYTES_MAX);
	emit_close(e, ']');
	put_word(e, "type", "info");
	emit_text(e, "id", f->id, NAME_BYTES_MAX);
	emit_text(e, "module", "postern", NAME_BYTES_MAX);
	emit_text(e, "dataset", "postern.finding", NAME_BYTES_MAX);
	emit_text(e, "provider", "postern", NAME_BYTES_MAX);
	emit_text(e, "action", "fallback-channel", NAME_BYTES_MAX);
	emit_time(e, "start", f->first_ns);
	emit_time(e, "end", f->last_ns);
	if (f->last_ns >= f->first_ns)
		emit_count(e, "duration", (uint64_t)(f->last_ns - f->first_ns));
	emit_count(e, "severity", scale[severity].severity);
	emit_count(e, "risk_score", scale[severity].risk);
	told_story(&story, f);
	emit_said(e, "reason", &story);
	emit_close(e, '}');
}

static void put_ends(struct emit *e, const struct finding *f, const struct finding_channel *to)
{
	char text[ADDR_TEXT_BYTES];
	struct addr literal;
	emit_open(e, "source", '{');
	emit_address(e, "ip", &f->host);
	emit_address(e, "address", &f->host);
	emit_close(e, '}');
	emit_open(e, "destination", '{');
	emit_text(e, "address", to->addr_count > 0 ? addr_text(&to->addrs[0], text) : to->endpoint,
		NAME_BYTES_MAX);
	if (to->addr_count > 0)
		emit_address(e, "ip", &to->addrs[0]);
	if (to->port != 0)
		emit_count(e, "port", to->port);
	if (addr_parse(to->endpoint, &literal) != 0) {
		emit_text(e, "domain", to->name_count > 0 ? to->names[0] : to->endpoint,
			NAME_BYTES_MAX);
		emit_text(e, "registered_domain", to->endpoint, NAME_BYTES_MAX);
	}
	emit_close(e, '}');
	emit_open(e, "network", '{');
	emit_text(e, "direction", "outbound", NAME_BYTES_MAX);
	emit_text(e, "type", addr_is_v4(&f->host) ? "ipv4" : "ipv6", NAME_BYTES_MAX);
	if (to->transport != TRANSPORT_OTHER)
		emit_text(e, "transport", transport_name(to->transport), NAME_BYTES_MAX);
	if (to->service != NULL)
		emit_text(e, "protocol", to->service, NAME_BYTES_MAX);
	if (f->records > 0)
		emit_text(e, "community_id", f->record[0], NAME_BYTES_MAX);
	emit_close(e, '}');
}

static void put_related(struct emit *e, const struct finding *f)
{
	emit_open(e, "related", '{');
	emit_open(e, "ip", '[');
	emit_address(e, NULL, &f->host);
	for (size_t i = 0; i < f->channels; i++)
		for (size_t k = 0; k < f->channel[i].addr_count; k++)
			emit_address(e, NULL, &f->channel[i].addrs[k]);
	emit_close(e, ']');
	emit_open(e, "hosts", '[');
	for (size_t i = 0; i < f->channels; i++)
		for (size_t k = 0; k < f->channel[i].name_count; k++)
			emit_text(e, NULL, f->channel[i].names[k], NAME_BYTES_MAX);
	emit_close(e, ']');
	emit_close(e, '}');
}

static void put_own(struct emit *e, const struct finding *f)
{
	struct out text = {0};
	emit_open(e, "postern", '{');
	emit_text(e, "kind", finding_kind_name(f->kind), NAME_BYTES_MAX);
	emit_number(e, "e_value", fmax(f->e_value, DBL_MIN));
	emit_bool(e, "measured", f->measured);
	emit_text(e, "explained", f->explained, NAME_BYTES_MAX);
	emit_text(e, "verdict", f->ruling == NULL ? NULL : ruling_name(f->ruling->kind),
		NAME_BYTES_MAX);
	emit_count(e, "episodes", f->episodes == 0 ? 1 : f->episodes);
	say_route(&text, f);
	emit_said(e, "route", &text);
	emit_texts(e, "community_ids", f->record, f->records, NAME_BYTES_MAX);
	emit_texts(e, "uids", f->uid, f->uids, NAME_BYTES_MAX);
	emit_close(e, '}');
}

static void put_client(struct emit *e, const struct finding *f, const struct finding_channel *to)
{
	if (f->process != NULL) {
		emit_open(e, "process", '{');
		emit_text(e, "name", f->process, NAME_BYTES_MAX);
		emit_close(e, '}');
	}
	if (to->ja3 != NULL) {
		emit_open(e, "tls", '{');
		emit_open(e, "client", '{');
		emit_text(e, "ja3", to->ja3, NAME_BYTES_MAX);
		emit_close(e, '}');
		emit_close(e, '}');
	}
	if (to->user_agent != NULL) {
		emit_open(e, "user_agent", '{');
		emit_text(e, "original", to->user_agent, NAME_BYTES_MAX);
		emit_close(e, '}');
	}
}

static void put_document(struct out *o, const struct report_case *c, const struct finding *f)
{
	const struct finding_channel *to = told_fallback(f);
	struct emit e = {.out = o};
	struct out title = {0};
	emit_open(&e, NULL, '{');
	emit_time(&e, "@timestamp", f->last_ns);
	emit_open(&e, "ecs", '{');
	emit_text(&e, "version", ECS_VERSION, NAME_BYTES_MAX);
	emit_close(&e, '}');
	told_title(&title, f);
	emit_said(&e, "message", &title);
	put_event(&e, c, f);
	emit_open(&e, "rule", '{');
	emit_text(&e, "id", finding_kind_name(f->kind), NAME_BYTES_MAX);
	emit_text(&e, "name", finding_kind_sentence(f->kind), NAME_BYTES_MAX);
	emit_text(&e, "ruleset", "postern", NAME_BYTES_MAX);
	emit_text(&e, "version", POSTERN_VERSION, NAME_BYTES_MAX);
	emit_close(&e, '}');
	put_threat(&e, f);
	put_ends(&e, f, to);
	put_client(&e, f, to);
	put_related(&e, f);
	put_own(&e, f);
	emit_close(&e, '}');
	out_text(o, "\n");
}

static void ecs_write(struct out *o, const struct report_case *c, const struct report_style *style)
{
	(void)style;
	for (size_t i = 0; i < c->findings; i++)
		if (told_of(c, c->finding[i]))
			put_document(o, c, c->finding[i]);
}

const struct report_format report_ecs = {
	.name = "ecs",
	.explanation = "Elastic Common Schema documents, one a line",
	.lines = true,
	.write = ecs_write,
};
