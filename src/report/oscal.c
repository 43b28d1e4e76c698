/* OSCAL assessment results (1.1.2): what the hunt says of the controls SC-7 (boundary protection)
 * and SI-4 (system monitoring). A fallback channel that got out is evidence against SC-7; that none
 * was found is an observation, not proof that there is none. */
#include <inttypes.h>
#include <string.h>

#include "report/frame.h"
#include "report/say.h"
#include "report/told.h"
#include "report/uuid.h"

#define NAME_BYTES_MAX  255
#define WORDS_BYTES_MAX 4096

static void put_uuid(struct emit *e, const char *key, const char *kind, const char *name)
{
	char id[UUID_BYTES];
	emit_text(e, key, uuid_of2(UUID_POSTERN, kind, name, id), UUID_BYTES);
}

static void put_host_uuid(struct emit *e, const char *key, const struct addr *host)
{
	char text[ADDR_TEXT_BYTES];
	put_uuid(e, key, "oscal-item ", addr_text(host, text));
}

static void put_controls(struct emit *e)
{
	static const char *const controls[] = {"sc-7", "si-4", "si-4.4"};
	emit_open(e, "reviewed-controls", '{');
	emit_open(e, "control-selections", '[');
	emit_open(e, NULL, '{');
	emit_open(e, "include-controls", '[');
	for (size_t i = 0; i < ARRAY_LEN(controls); i++) {
		emit_open(e, NULL, '{');
		emit_text(e, "control-id", controls[i], NAME_BYTES_MAX);
		emit_close(e, '}');
	}
	emit_close(e, ']');
	emit_close(e, '}');
	emit_close(e, ']');
	emit_close(e, '}');
}

static bool is_first_of_host(const struct report_case *c, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (told_against(c, c->finding[i]) &&
			addr_eq(&c->finding[i]->host, &c->finding[index]->host))
			return false;
	return true;
}

static void put_hosts(struct emit *e, const struct report_case *c)
{
	emit_open(e, "local-definitions", '{');
	emit_open(e, "inventory-items", '[');
	for (size_t i = 0; i < c->findings; i++) {
		const struct finding *f = c->finding[i];
		if (!told_against(c, f) || !is_first_of_host(c, i))
			continue;
		emit_open(e, NULL, '{');
		put_host_uuid(e, "uuid", &f->host);
		emit_text(
			e, "description", "a host of the network that was watched", NAME_BYTES_MAX);
		emit_open(e, "props", '[');
		emit_open(e, NULL, '{');
		emit_text(e, "name", addr_is_v4(&f->host) ? "ipv4-address" : "ipv6-address",
			NAME_BYTES_MAX);
		emit_address(e, "value", &f->host);
		emit_close(e, '}');
		emit_close(e, ']');
		emit_close(e, '}');
	}
	emit_close(e, ']');
	emit_close(e, '}');
}

static void put_methods(struct emit *e, const char *type)
{
	emit_open(e, "methods", '[');
	emit_text(e, NULL, "TEST", NAME_BYTES_MAX);
	emit_close(e, ']');
	emit_open(e, "types", '[');
	emit_text(e, NULL, type, NAME_BYTES_MAX);
	emit_close(e, ']');
}

static void put_title(struct emit *e, const struct finding *f)
{
	struct out text = {0};
	say_address(&text, &f->host);
	out_text(&text, ": ");
	told_title(&text, f);
	emit_said(e, "title", &text);
}

static void put_story(struct emit *e, const char *key, const struct finding *f)
{
	struct out text = {0};
	told_story(&text, f);
	out_text(&text, text.len == 0 ? "no evidence was kept" : "");
	emit_said(e, key, &text);
}

static void put_observation(struct emit *e, const struct finding *f)
{
	emit_open(e, NULL, '{');
	put_uuid(e, "uuid", "oscal-observation ", f->id);
	put_title(e, f);
	put_story(e, "description", f);
	put_methods(e, "finding");
	emit_open(e, "subjects", '[');
	emit_open(e, NULL, '{');
	put_host_uuid(e, "subject-uuid", &f->host);
	emit_text(e, "type", "inventory-item", NAME_BYTES_MAX);
	emit_close(e, '}');
	emit_close(e, ']');
	emit_time(e, "collected", f->last_ns);
	emit_close(e, '}');
}

/* The whole hunt: also what makes a hunt that found nothing evidence of monitoring (SI-4). */
static void put_hunt(struct emit *e, const struct report_case *c, const char *id)
{
	struct out text = {0};
	emit_open(e, NULL, '{');
	put_uuid(e, "uuid", "oscal-hunt ", id);
	emit_text(
		e, "title", "Outbound traffic was searched for fallback channels", NAME_BYTES_MAX);
	say_inputs(&text, c);
	out_text(&text, "; ");
	say_verdict(&text, c);
	for (size_t i = 0; i < c->summary->offs; i++) {
		out_text(&text, i == 0 ? "; could not be judged: " : "; ");
		out_text(&text, c->summary->off[i].text);
	}
	emit_said(e, "description", &text);
	put_methods(e, "control-objective");
	emit_time(e, "collected", told_now(c));
	emit_close(e, '}');
}

static void put_risk(struct emit *e, const struct finding *f)
{
	emit_open(e, NULL, '{');
	put_uuid(e, "uuid", "oscal-risk ", f->id);
	put_title(e, f);
	put_story(e, "description", f);
	emit_text(e, "statement",
		"A host goes on over another channel when one is shut: command and control is not "
		"stopped by blocking single endpoints.",
		WORDS_BYTES_MAX);
	emit_text(e, "status", "open", NAME_BYTES_MAX);
	emit_close(e, '}');
}

static void put_related(struct emit *e, const char *list, const char *key, const char *kind,
	const struct finding *f)
{
	emit_open(e, list, '[');
	emit_open(e, NULL, '{');
	put_uuid(e, key, kind, f->id);
	emit_close(e, '}');
	emit_close(e, ']');
}

static void put_finding(struct emit *e, const struct finding *f)
{
	emit_open(e, NULL, '{');
	put_uuid(e, "uuid", "oscal-finding ", f->id);
	put_title(e, f);
	put_story(e, "description", f);
	emit_open(e, "target", '{');
	emit_text(e, "type", "statement-id", NAME_BYTES_MAX);
	emit_text(e, "target-id", "sc-7_smt.a", NAME_BYTES_MAX);
	emit_open(e, "status", '{');
	emit_text(e, "state", "not-satisfied", NAME_BYTES_MAX);
	emit_text(e, "reason", "fail", NAME_BYTES_MAX);
	emit_close(e, '}');
	emit_close(e, '}');
	put_related(e, "related-observations", "observation-uuid", "oscal-observation ", f);
	put_related(e, "related-risks", "risk-uuid", "oscal-risk ", f);
	emit_close(e, '}');
}

static void put_result(struct emit *e, const struct report_case *c, const char *id)
{
	size_t reported = case_tally(c).reported;
	emit_open(e, NULL, '{');
	put_uuid(e, "uuid", "oscal-result ", id);
	emit_text(e, "title", "Hunt for fallback channels", NAME_BYTES_MAX);
	emit_text(e, "description",
		"Captures and logs were searched for hosts that went on over another channel after "
		"one had failed them (MITRE ATT&CK T1008).",
		WORDS_BYTES_MAX);
	emit_time(e, "start", c->summary->first_ns);
	emit_time(e, "end", told_now(c));
	if (reported > 0)
		put_hosts(e, c);
	put_controls(e);
	emit_open(e, "observations", '[');
	put_hunt(e, c, id);
	for (size_t i = 0; i < c->findings; i++)
		if (told_against(c, c->finding[i]))
			put_observation(e, c->finding[i]);
	emit_close(e, ']');
	if (reported > 0) { /* OSCAL has no empty lists */
		emit_open(e, "risks", '[');
		for (size_t i = 0; i < c->findings; i++)
			if (told_against(c, c->finding[i]))
				put_risk(e, c->finding[i]);
		emit_close(e, ']');
		emit_open(e, "findings", '[');
		for (size_t i = 0; i < c->findings; i++)
			if (told_against(c, c->finding[i]))
				put_finding(e, c->finding[i]);
		emit_close(e, ']');
	}
	emit_close(e, '}');
}

/* What the case is called by: its findings, and how much was read. */
static void say_id(struct out *o, const struct report_case *c)
{
	out_printf(o, "%" PRIu64 " %" PRId64 " %" PRId64, c->summary->records, c->summary->first_ns,
		c->summary->last_ns);
	for (size_t i = 0; i < c->findings; i++)
		out_printf(o, " %s", told_against(c, c->finding[i]) ? c->finding[i]->id : "");
}

static void oscal_write(
	struct out *o, const struct report_case *c, const struct report_style *style)
{
	(void)style;
	struct emit e = {.out = o};
	struct out id = {0};
	say_id(&id, c);
	emit_open(&e, NULL, '{');
	emit_open(&e, "assessment-results", '{');
	put_uuid(&e, "uuid", "oscal ", out_string(&id));
	frame_oscal_head(
		&e, "Fallback channels (T1008): results of a hunt by Postern", told_now(c));
	emit_open(&e, "results", '[');
	put_result(&e, c, out_string(&id));
	emit_close(&e, ']');
	frame_oscal_foot(&e,
		"The hunt followed no plan of assessment; name yours in import-ap in place of "
		"this.");
	emit_close(&e, '}');
	emit_close(&e, '}');
	out_text(o, "\n");
	o->failed |= id.failed;
	out_fini(&id);
}

const struct report_format report_oscal = {
	.name = "oscal",
	.explanation = "OSCAL assessment results: evidence for SC-7 and SI-4",
	.write = oscal_write,
};
