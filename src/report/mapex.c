/* A file for the Center for Threat-Informed Defense's Mappings Explorer (unified schema): which of
 * Postern's detections saw which technique in this case. It gives no score: what a boundary would
 * have stopped is not told by what was found. */
#include "report/frame.h"
#include "report/say.h"
#include "report/told.h"

#define NAME_BYTES_MAX 255

static const struct mapex_frame frame = {.type = "detects",
	.type_words = "the detection saw the technique in the traffic of this case",
	.group = "detection",
	.group_words = "Detection"};

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
	frame_mapex_metadata(&e, &frame, told_now(c));
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
