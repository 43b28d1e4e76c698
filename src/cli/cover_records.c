/* What a boundary stops, for programs: JSON Lines, Mappings Explorer, Navigator, OSCAL. */
#include <string.h>

#include "cli/cover.h"
#include "report/frame.h"
#include "report/uuid.h"

#define NAME_BYTES     255
#define WORDS_BYTES    4096
#define TECHNIQUE      "T1008"
#define TECHNIQUE_NAME "Fallback Channels"
#define PROTECTS       "technique_scores"

static void put_score(struct emit *e, const char *key, const struct cover_state *s)
{
	struct out reason = {0};
	enum cover_score most = COVER_MINIMAL;
	emit_text(e, key, cover_score_name(cover_score_of(s, &most, &reason)), NAME_BYTES);
	out_fini(&reason);
}

/* The reason, and what it would be if more were known. */
static void put_reason(struct emit *e, const char *key, const struct cover_state *s)
{
	struct out reason = {0};
	enum cover_score most = COVER_MINIMAL, score = cover_score_of(s, &most, &reason);
	if (most != score)
		out_printf(&reason, "; %s if what is undecided is shut", cover_score_name(most));
	emit_said(e, key, &reason);
}

/* ---- JSON Lines ---- */

static void line_of_ways(struct out *o, const struct cover_state *s)
{
	for (unsigned way = 0; way <= COVER_RESOLVER; way++) {
		struct emit e = {.out = o};
		emit_open(&e, NULL, '{');
		emit_text(&e, "type", "way", NAME_BYTES);
		emit_text(&e, "way", cover_way_name((enum cover_way)way), NAME_BYTES);
		emit_text(&e, "verdict", policy_verdict_name(cover_of_way(s, (enum cover_way)way)),
			NAME_BYTES);
		emit_open(&e, "places", '[');
		for (size_t i = 0; i < s->places && way < COVER_ASKED; i++)
			for (size_t f = 0; f < 2; f++) {
				if (!s->place[i].known[f])
					continue;
				emit_open(&e, NULL, '{');
				emit_text(&e, "place", s->place[i].name, NAME_BYTES);
				emit_text(&e, "family", f == 0 ? "ipv4" : "ipv6", NAME_BYTES);
				emit_text(&e, "verdict",
					policy_verdict_name(s->place[i].way[f][way]), NAME_BYTES);
				emit_close(&e, '}');
			}
		emit_close(&e, ']');
		emit_close(&e, '}');
		out_text(o, "\n");
	}
}

void cover_write_json(struct out *o, const struct cover_report *r)
{
	const struct cover_state *s = r->state;
	line_of_ways(o, s);
	for (size_t i = 0; i < cover_procedures_count; i++) {
		const struct cover_procedure *p = &cover_procedures[i];
		struct emit e = {.out = o};
		emit_open(&e, NULL, '{');
		emit_text(&e, "type", "procedure", NAME_BYTES);
		emit_text(&e, "id", p->id, NAME_BYTES);
		emit_text(&e, "name", p->name, NAME_BYTES);
		emit_text(&e, "verdict", policy_verdict_name(cover_of_procedure(s, p)), NAME_BYTES);
		emit_close(&e, '}');
		out_text(o, "\n");
	}
	struct emit e = {.out = o};
	emit_open(&e, NULL, '{');
	emit_text(&e, "type", "score", NAME_BYTES);
	emit_text(&e, "technique", TECHNIQUE, NAME_BYTES);
	emit_text(&e, "category", "protect", NAME_BYTES);
	put_score(&e, "value", s);
	put_reason(&e, "reason", s);
	emit_close(&e, '}');
	out_text(o, "\n");
	for (size_t i = 0; i < cover_controls_count; i++) {
		struct out evidence = {0};
		struct emit c = {.out = o};
		enum cover_status status = cover_of_control(s, i, &evidence);
		emit_open(&c, NULL, '{');
		emit_text(&c, "type", "control", NAME_BYTES);
		emit_text(&c, "id", cover_controls[i].id, NAME_BYTES);
		emit_text(&c, "name", cover_controls[i].name, NAME_BYTES);
		emit_text(&c, "requirement", cover_controls[i].requirement, NAME_BYTES);
		emit_text(&c, "status", cover_status_name(status), NAME_BYTES);
		emit_said(&c, "evidence", &evidence);
		emit_close(&c, '}');
		out_text(o, "\n");
	}
}

/* ---- Mappings Explorer ---- */

static const struct mapex_frame frame = {.type = PROTECTS,
	.type_words = "measured on the boundary's configuration",
	.group = "boundary",
	.group_words = "Boundary"};

void cover_write_mapex(struct out *o, const struct cover_report *r)
{
	struct emit e = {.out = o};
	emit_open(&e, NULL, '{');
	frame_mapex_metadata(&e, &frame, r->now_ns);
	emit_open(&e, "mapping_objects", '[');
	emit_open(&e, NULL, '{');
	emit_text(&e, "attack_object_id", TECHNIQUE, NAME_BYTES);
	emit_text(&e, "attack_object_name", TECHNIQUE_NAME, NAME_BYTES);
	emit_text(&e, "capability_id", "boundary", NAME_BYTES);
	emit_text(&e, "capability_description", r->name, NAME_BYTES);
	emit_text(&e, "capability_group", "boundary", NAME_BYTES);
	emit_text(&e, "mapping_type", PROTECTS, NAME_BYTES);
	emit_text(&e, "score_category", "protect", NAME_BYTES);
	put_score(&e, "score_value", r->state);
	put_reason(&e, "comments", r->state);
	emit_open(&e, "references", '[');
	emit_close(&e, ']');
	emit_text(&e, "status", "complete", NAME_BYTES);
	emit_close(&e, '}');
	emit_close(&e, ']');
	emit_close(&e, '}');
	out_text(o, "\n");
}

/* ---- Navigator ---- */

static void put_layer_procedures(struct emit *e, const struct cover_state *s)
{
	emit_open(e, "metadata", '[');
	for (size_t i = 0; i < cover_procedures_count; i++) {
		struct out name = {0};
		emit_open(e, NULL, '{');
		out_printf(&name, "%s %s", cover_procedures[i].id, cover_procedures[i].name);
		emit_said(e, "name", &name);
		emit_text(e, "value",
			policy_verdict_name(cover_of_procedure(s, &cover_procedures[i])),
			NAME_BYTES);
		emit_close(e, '}');
	}
	emit_close(e, ']');
}

static void put_layer_legend(struct emit *e)
{
	static const char *const colours[] = {"#c0392b", "#f0b429", "#2e8b57"};
	emit_open(e, "gradient", '{');
	emit_texts(e, "colors", colours, ARRAY_LEN(colours), NAME_BYTES);
	emit_count(e, "minValue", 0);
	emit_count(e, "maxValue", 3);
	emit_close(e, '}');
	emit_open(e, "legendItems", '[');
	for (unsigned i = 0; i < ARRAY_LEN(colours); i++) {
		emit_open(e, NULL, '{');
		emit_text(e, "label", cover_score_name((enum cover_score)i), NAME_BYTES);
		emit_text(e, "color", colours[i], NAME_BYTES);
		emit_close(e, '}');
	}
	emit_close(e, ']');
}

void cover_write_navigator(struct out *o, const struct cover_report *r)
{
	struct emit e = {.out = o};
	struct out unused = {0};
	enum cover_score most = COVER_MINIMAL, score = cover_score_of(r->state, &most, &unused);
	out_fini(&unused);
	emit_open(&e, NULL, '{');
	emit_text(&e, "name", "Fallback channels that a boundary stops", NAME_BYTES);
	emit_open(&e, "versions", '{');
	emit_text(&e, "attack", "16", NAME_BYTES);
	emit_text(&e, "navigator", "5.1.0", NAME_BYTES);
	emit_text(&e, "layer", "4.5", NAME_BYTES);
	emit_close(&e, '}');
	emit_text(&e, "domain", "enterprise-attack", NAME_BYTES);
	emit_text(&e, "description", r->name, NAME_BYTES);
	emit_open(&e, "techniques", '[');
	emit_open(&e, NULL, '{');
	emit_text(&e, "techniqueID", TECHNIQUE, NAME_BYTES);
	emit_text(&e, "tactic", "command-and-control", NAME_BYTES);
	emit_count(&e, "score", (unsigned)score + 1);
	put_reason(&e, "comment", r->state);
	emit_bool(&e, "enabled", true);
	put_layer_procedures(&e, r->state);
	emit_close(&e, '}');
	emit_close(&e, ']');
	put_layer_legend(&e);
	emit_close(&e, '}');
	out_text(o, "\n");
}

/* ---- OSCAL ---- */

static void put_uuid(struct emit *e, const char *key, const char *kind, const char *name)
{
	char id[UUID_BYTES];
	emit_text(e, key, uuid_of2(UUID_POSTERN, kind, name, id), UUID_BYTES);
}

static void put_reviewed(struct emit *e)
{
	emit_open(e, "reviewed-controls", '{');
	emit_open(e, "control-selections", '[');
	emit_open(e, NULL, '{');
	emit_open(e, "include-controls", '[');
	for (size_t i = 0; i < cover_controls_count; i++) {
		emit_open(e, NULL, '{');
		emit_text(e, "control-id", cover_controls[i].id, NAME_BYTES);
		emit_close(e, '}');
	}
	emit_close(e, ']');
	emit_close(e, '}');
	emit_close(e, ']');
	emit_close(e, '}');
}

/* What was seen of each control; those that were not assessed have no finding. */
static void put_observation(struct emit *e, const struct cover_report *r, size_t control)
{
	struct out evidence = {0};
	enum cover_status status = cover_of_control(r->state, control, &evidence);
	emit_open(e, NULL, '{');
	put_uuid(e, "uuid", "cover-observation ", cover_controls[control].id);
	emit_text(e, "title", cover_controls[control].requirement, NAME_BYTES);
	if (status == COVER_NOT_ASSESSED) {
		struct out words = {0};
		out_printf(&words, "not assessed: %s", out_string(&evidence));
		emit_said(e, "description", &words);
	} else {
		emit_text(e, "description", out_string(&evidence), WORDS_BYTES);
	}
	out_fini(&evidence);
	emit_open(e, "methods", '[');
	emit_text(e, NULL, "EXAMINE", NAME_BYTES);
	emit_close(e, ']');
	emit_open(e, "types", '[');
	emit_text(e, NULL, "control-objective", NAME_BYTES);
	emit_close(e, ']');
	emit_time(e, "collected", r->now_ns);
	emit_close(e, '}');
}

static void put_finding(struct emit *e, const struct cover_report *r, size_t control)
{
	struct out evidence = {0}, target = {0};
	enum cover_status status = cover_of_control(r->state, control, &evidence);
	if (status == COVER_NOT_ASSESSED) {
		out_fini(&evidence);
		return;
	}
	emit_open(e, NULL, '{');
	put_uuid(e, "uuid", "cover-finding ", cover_controls[control].id);
	emit_text(e, "title", cover_controls[control].name, NAME_BYTES);
	emit_said(e, "description", &evidence);
	emit_open(e, "target", '{');
	emit_text(e, "type", "statement-id", NAME_BYTES);
	out_printf(&target, "%s_smt", cover_controls[control].id);
	emit_said(e, "target-id", &target);
	emit_open(e, "status", '{');
	emit_text(
		e, "state", status == COVER_SATISFIED ? "satisfied" : "not-satisfied", NAME_BYTES);
	emit_text(e, "reason", status == COVER_SATISFIED ? "pass" : "fail", NAME_BYTES);
	emit_close(e, '}');
	emit_close(e, '}');
	emit_open(e, "related-observations", '[');
	emit_open(e, NULL, '{');
	put_uuid(e, "observation-uuid", "cover-observation ", cover_controls[control].id);
	emit_close(e, '}');
	emit_close(e, ']');
	emit_close(e, '}');
}

static bool has_findings(const struct cover_state *s)
{
	bool any = false;
	for (size_t i = 0; i < cover_controls_count; i++) {
		struct out unused = {0};
		any |= cover_of_control(s, i, &unused) != COVER_NOT_ASSESSED;
		out_fini(&unused);
	}
	return any;
}

static void put_result(struct emit *e, const struct cover_report *r)
{
	emit_open(e, NULL, '{');
	put_uuid(e, "uuid", "cover-result ", r->name);
	emit_text(e, "title", "What a boundary stops of T1008", NAME_BYTES);
	emit_text(e, "description", r->name, NAME_BYTES);
	emit_time(e, "start", r->now_ns);
	emit_time(e, "end", r->now_ns);
	put_reviewed(e);
	emit_open(e, "observations", '[');
	for (size_t i = 0; i < cover_controls_count; i++)
		put_observation(e, r, i);
	emit_close(e, ']');
	if (has_findings(r->state)) { /* OSCAL has no empty lists */
		emit_open(e, "findings", '[');
		for (size_t i = 0; i < cover_controls_count; i++)
			put_finding(e, r, i);
		emit_close(e, ']');
	}
	emit_close(e, '}');
}

void cover_write_oscal(struct out *o, const struct cover_report *r)
{
	struct emit e = {.out = o};
	emit_open(&e, NULL, '{');
	emit_open(&e, "assessment-results", '{');
	put_uuid(&e, "uuid", "cover ", r->name);
	frame_oscal_head(&e, "Fallback channels (T1008): what a boundary stops", r->now_ns);
	emit_open(&e, "results", '[');
	put_result(&e, r);
	emit_close(&e, ']');
	frame_oscal_foot(&e,
		"No plan of assessment was followed; name yours in import-ap in place of this.");
	emit_close(&e, '}');
	emit_close(&e, '}');
	out_text(o, "\n");
}
