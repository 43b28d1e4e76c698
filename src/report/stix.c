/* A STIX 2.1 bundle: for each finding an indicator, the infrastructure that it indicates, what was
 * observed, and that it was sighted here. Ids are made of what they name (UUIDv5), so that two
 * bundles that tell of the same thing agree. */
#include "base/limits.h"
#include "report/indicator.h"
#include "report/say.h"
#include "report/stix_objects.h"
#include "report/told.h"

/* More than the findings of a case can have: 1,024 of some 450 objects. */
#define SEEN_BYTES_MAX ((size_t)64 << 20)
#define SEEN_COUNT_MAX ((size_t)1 << 20)
/* 2026-01-01: the identity is the same object in every bundle. */
#define IDENTITY_NS (INT64_C(1767225600) * NS_PER_S)

/* Exactly three digits behind the point (STIX 2.1, 3.2: created, modified). */
static void put_stamp(struct emit *e, const char *key, int64_t time_ns)
{
	struct out text = {0};
	out_time(&text, time_ns);
	CHECK(text.failed || text.len > 4);
	if (!text.failed) {
		text.len -= 4;
		out_text(&text, "Z");
	}
	emit_said(e, key, &text);
}

/* type, id and the times of an object that is ours. Opens it. */
static void open_object(
	struct stix_bundle *b, const char *type, const struct stix_ref *id, int64_t made_ns)
{
	struct emit *e = &b->e;
	emit_open(e, NULL, '{');
	emit_text(e, "type", type, STIX_REF_BYTES);
	emit_text(e, "spec_version", "2.1", STIX_REF_BYTES);
	emit_text(e, "id", id->text, STIX_REF_BYTES);
	emit_text(e, "created_by_ref", b->identity.text, STIX_REF_BYTES);
	put_stamp(e, "created", made_ns);
	put_stamp(e, "modified", b->now_ns < made_ns ? made_ns : b->now_ns);
}

/* ---- what is said of them ---- */

static void put_indicator_pattern(struct out *o, const struct indicators *list)
{
	char text[ADDR_TEXT_BYTES];
	out_text(o, "[");
	for (size_t i = 0; i < list->count; i++) {
		const struct indicator *item = &list->item[i];
		out_text(o, i == 0 ? "" : " OR ");
		if (item->name != NULL)
			out_printf(o, "domain-name:value = '%s'", item->name);
		else
			out_printf(o, "%s:value = '%s'",
				addr_is_v4(&item->addr) ? "ipv4-addr" : "ipv6-addr",
				addr_text(&item->addr, text));
	}
	out_text(o, "]");
}

static void put_external(struct emit *e, const struct finding *f)
{
	const struct technique *const *technique = told_techniques(f->kind);
	emit_open(e, "external_references", '[');
	emit_open(e, NULL, '{');
	emit_text(e, "source_name", "postern", STIX_REF_BYTES);
	emit_text(e, "external_id", f->id, STIX_REF_BYTES);
	emit_close(e, '}');
	for (; *technique != NULL; technique++) {
		emit_open(e, NULL, '{');
		emit_text(e, "source_name", "mitre-attack", STIX_REF_BYTES);
		emit_text(e, "external_id", (*technique)->id, STIX_REF_BYTES);
		emit_close(e, '}');
	}
	emit_close(e, ']');
}

/* STIX 2.1, appendix A: High 85, Med 50, Low 15. */
static unsigned confidence_of(const struct report_case *c, const struct finding *f)
{
	static const unsigned scale[] = {[SEVERITY_HIGH] = 85,
		[SEVERITY_MEDIUM] = 50,
		[SEVERITY_LOW] = 15,
		[SEVERITY_NONE] = 0};
	return scale[told_severity(c, f)];
}

static void put_indicator(struct stix_bundle *b, const struct report_case *c,
	const struct finding *f, const struct indicators *list, const struct stix_ref *id)
{
	struct emit *e = &b->e;
	struct out text = {0};
	open_object(b, "indicator", id, f->first_ns);
	told_title(&text, f);
	emit_said(e, "name", &text);
	told_story(&text, f);
	emit_said(e, "description", &text);
	emit_open(e, "indicator_types", '[');
	emit_text(e, NULL, "malicious-activity", STIX_REF_BYTES);
	emit_close(e, ']');
	emit_count(e, "confidence", confidence_of(c, f));
	put_indicator_pattern(&text, list);
	emit_said(e, "pattern", &text);
	emit_text(e, "pattern_type", "stix", STIX_REF_BYTES);
	emit_time(e, "valid_from", f->first_ns);
	emit_open(e, "kill_chain_phases", '[');
	emit_open(e, NULL, '{');
	emit_text(e, "kill_chain_name", "mitre-attack", STIX_REF_BYTES);
	emit_text(e, "phase_name", "command-and-control", STIX_REF_BYTES);
	emit_close(e, '}');
	emit_close(e, ']');
	put_external(e, f);
	emit_close(e, '}');
}

static void put_relation(struct stix_bundle *b, const struct finding *f,
	const struct stix_ref *from, const char *kind, const char *to)
{
	struct out name = {0};
	out_printf(&name, "%s %s %s", from->text, kind, to);
	struct stix_ref id = stix_ref_of("relationship", out_string(&name));
	out_fini(&name);
	if (!stix_is_new(b, &id))
		return;
	open_object(b, "relationship", &id, f->first_ns);
	emit_text(&b->e, "relationship_type", kind, STIX_REF_BYTES);
	emit_text(&b->e, "source_ref", from->text, STIX_REF_BYTES);
	emit_text(&b->e, "target_ref", to, STIX_REF_BYTES);
	emit_close(&b->e, '}');
}

static void put_infrastructure(
	struct stix_bundle *b, const struct finding *f, const struct stix_ref *id)
{
	struct out text = {0};
	open_object(b, "infrastructure", id, f->first_ns);
	out_text(&text, "command and control of ");
	say_address(&text, &f->host);
	emit_said(&b->e, "name", &text);
	emit_open(&b->e, "infrastructure_types", '[');
	emit_text(&b->e, NULL, "command-and-control", STIX_REF_BYTES);
	emit_close(&b->e, ']');
	emit_time(&b->e, "first_seen", f->first_ns);
	emit_time(&b->e, "last_seen", f->last_ns);
	put_external(&b->e, f);
	emit_close(&b->e, '}');
}

static void put_observed(struct stix_bundle *b, const struct finding *f,
	const struct stix_refs *refs, const struct stix_ref *id)
{
	uint64_t count = 0;
	for (size_t i = 0; i < f->channels; i++)
		if (f->channel[i].connections < NS_PER_S)
			count += f->channel[i].connections;
	open_object(b, "observed-data", id, f->first_ns);
	emit_time(&b->e, "first_observed", f->first_ns);
	emit_time(&b->e, "last_observed", f->last_ns);
	/* STIX 2.1, 4.14: 1 to 999,999,999 */
	emit_count(&b->e, "number_observed",
		count == 0          ? 1
		: count < 999999999 ? count
				    : 999999999);
	stix_refs_put(&b->e, "object_refs", refs);
	emit_close(&b->e, '}');
}

static void put_sighting(struct stix_bundle *b, const struct finding *f, const struct stix_ref *of,
	const struct stix_ref *observed)
{
	struct stix_ref id = stix_ref_of("sighting", f->id);
	open_object(b, "sighting", &id, f->first_ns);
	emit_time(&b->e, "first_seen", f->first_ns);
	emit_time(&b->e, "last_seen", f->last_ns);
	emit_count(&b->e, "count",
		f->episodes == 0          ? 1
		: f->episodes < 999999999 ? f->episodes
					  : 999999999);
	emit_text(&b->e, "sighting_of_ref", of->text, STIX_REF_BYTES);
	emit_open(&b->e, "observed_data_refs", '[');
	emit_text(&b->e, NULL, observed->text, STIX_REF_BYTES);
	emit_close(&b->e, ']');
	emit_open(&b->e, "where_sighted_refs", '[');
	emit_text(&b->e, NULL, b->identity.text, STIX_REF_BYTES);
	emit_close(&b->e, ']');
	emit_close(&b->e, '}');
}

static void put_finding(struct stix_bundle *b, const struct report_case *c, const struct finding *f)
{
	struct stix_refs seen = {0}, made = {0};
	struct indicators list;
	struct stix_ref indicator = stix_ref_of("indicator", f->id),
			infrastructure = stix_ref_of("infrastructure", f->id),
			observed = stix_ref_of("observed-data", f->id),
			host = stix_address(b, &f->host);
	stix_refs_add(&seen, host);
	for (size_t i = 0; i < f->channels; i++)
		stix_channel(b, f, &f->channel[i], &host, &seen);
	indicators_of(f, &list);
	for (size_t i = 0; i < list.count; i++)
		stix_refs_add(&made, list.item[i].name != NULL
					     ? stix_name(b, list.item[i].name)
					     : stix_address(b, &list.item[i].addr));
	put_observed(b, f, &seen, &observed);
	put_infrastructure(b, f, &infrastructure);
	if (list.count > 0) {
		put_indicator(b, c, f, &list, &indicator);
		put_relation(b, f, &indicator, "indicates", infrastructure.text);
		for (const struct technique *const *t = told_techniques(f->kind); *t != NULL; t++)
			put_relation(b, f, &indicator, "indicates", (*t)->stix);
	}
	for (size_t i = 0; i < made.count; i++)
		put_relation(b, f, &infrastructure, "consists-of", made.item[i].text);
	put_sighting(b, f, list.count > 0 ? &indicator : &infrastructure, &observed);
}

static void put_identity(struct stix_bundle *b)
{
	emit_open(&b->e, NULL, '{');
	emit_text(&b->e, "type", "identity", STIX_REF_BYTES);
	emit_text(&b->e, "spec_version", "2.1", STIX_REF_BYTES);
	emit_text(&b->e, "id", b->identity.text, STIX_REF_BYTES);
	put_stamp(&b->e, "created", IDENTITY_NS);
	put_stamp(&b->e, "modified", IDENTITY_NS);
	emit_text(&b->e, "name", "Postern", STIX_REF_BYTES);
	emit_text(&b->e, "identity_class", "system", STIX_REF_BYTES);
	emit_close(&b->e, '}');
}

static void stix_write(struct out *o, const struct report_case *c, const struct report_style *style)
{
	(void)style;
	struct stix_bundle b = {.e = {.out = o},
		.identity = stix_ref_of("identity", "postern"),
		.now_ns = told_now(c)};
	struct out name = {0};
	for (size_t i = 0; i < c->findings; i++)
		out_printf(&name, "%s ", told_against(c, c->finding[i]) ? c->finding[i]->id : "");
	struct stix_ref id = stix_ref_of("bundle", out_string(&name));
	out_fini(&name);
	if (strings_new(&b.seen, SEEN_BYTES_MAX, SEEN_COUNT_MAX) < 0)
		o->failed = true;
	emit_open(&b.e, NULL, '{');
	emit_text(&b.e, "type", "bundle", STIX_REF_BYTES);
	emit_text(&b.e, "id", id.text, STIX_REF_BYTES);
	emit_open(&b.e, "objects", '[');
	put_identity(&b);
	for (size_t i = 0; i < c->findings; i++)
		if (told_against(c, c->finding[i]))
			put_finding(&b, c, c->finding[i]);
	emit_close(&b.e, ']');
	emit_close(&b.e, '}');
	out_text(o, "\n");
	strings_free(b.seen);
}

const struct report_format report_stix = {
	.name = "stix",
	.explanation =
		"a STIX 2.1 bundle: indicators, infrastructure, what was observed, sightings",
	.write = stix_write,
};
