/* A file for the Center for Threat-Informed Defense's Mappings Explorer (unified schema): which of
 * Postern's detections saw which technique in this case. It gives no score: what a boundary would
 * have stopped is not told by what was found. */
#include <string.h>

#include "report/emit.h"
#include "report/say.h"
#include "report/told.h"

#define NAME_BYTES_MAX 255
#define ATTACK_VERSION "16.1"

/* MM/DD/YYYY */
static void put_date(struct emit *e, const char *key, int64_t time_ns)
{
	struct out time = {0}, date = {0};
	out_time(&time, time_ns);
	const char *t = out_string(&time);
	if (!time.failed && strlen(t) > 10)
		out_printf(&date, "%.2s/%.2s/%.4s", t + 5, t + 8, t);
	out_fini(&time);
	emit_said(e, key, &date);
}

static void put_metadata(struct emit *e, const struct report_case *c)
{
	emit_open(e, "metadata", '{');
	emit_text(e, "mapping_version", "1", NAME_BYTES_MAX);
	emit_text(e, "attack_version", ATTACK_VERSION, NAME_BYTES_MAX);
	emit_text(e, "technology_domain", "enterprise", NAME_BYTES_MAX);
	put_date(e, "creation_date", told_now(c));
	emit_text(e, "mapping_framework", "postern", NAME_BYTES_MAX);
	emit_text(e, "mapping_framework_version", POSTERN_VERSION, NAME_BYTES_MAX);
	emit_text(e, "mapping_framework_version_schema", "FRAMEWORK_VERSION", NAME_BYTES_MAX);
	emit_open(e, "mapping_types", '{');
	emit_open(e, "detects", '{');
	emit_text(e, "name", "detects", NAME_BYTES_MAX);
	emit_text(e, "description", "the detection saw the technique in the traffic of this case",
		NAME_BYTES_MAX);
	emit_close(e, '}');
	emit_close(e, '}');
	emit_open(e, "capability_groups", '{');
	emit_text(e, "detection", "Detection", NAME_BYTES_MAX);
	emit_close(e, '}');
	emit_close(e, '}');
}

static void put_object(
	struct emit *e, enum finding_kind kind, const struct technique *t, size_t findings)
{
	struct out comment = {0};
	emit_open(e, NULL, '{');
	emit_text(e, "attack_object_id", t->id, NAME_BYTES_MAX);
	emit_text(e, "attack_object_name", t->name, NAME_BYTES_MAX);
	emit_text(e, "capability_id", finding_kind_name(kind), NAME_BYTES_MAX);
	emit_text(e, "capability_description", finding_kind_sentence(kind), NAME_BYTES_MAX);
	emit_text(e, "capability_group", "detection", NAME_BYTES_MAX);
	emit_text(e, "mapping_type", "detects", NAME_BYTES_MAX);
	say_plural(&comment, findings, "finding");
	emit_said(e, "comments", &comment);
	emit_open(e, "references", '[');
	emit_close(e, ']');
	emit_text(e, "status", "complete", NAME_BYTES_MAX);
	emit_close(e, '}');
}

static void mapex_write(
	struct out *o, const struct report_case *c, const struct report_style *style)
{
	(void)style;
	struct emit e = {.out = o};
	size_t findings[KIND_COUNT] = {0};
	for (size_t i = 0; i < c->findings; i++)
		findings[c->finding[i]->kind] += told_against(c, c->finding[i]);
	emit_open(&e, NULL, '{');
	put_metadata(&e, c);
	emit_open(&e, "mapping_objects", '[');
	for (unsigned k = 0; k < KIND_COUNT; k++)
		for (const struct technique *const *t = told_techniques((enum finding_kind)k);
			*t != NULL && findings[k] > 0; t++)
			put_object(&e, (enum finding_kind)k, *t, findings[k]);
	emit_close(&e, ']');
	emit_close(&e, '}');
	out_text(o, "\n");
}

const struct report_format report_mapex = {
	.name = "mapex",
	.explanation = "a Mappings Explorer file: which detection saw which technique",
	.write = mapex_write,
};
