#include "report/frame.h"

#include <string.h>

#define NAME_BYTES 255
#define OSCAL      "1.1.2"
#define NO_PLAN    "9b7c1c5f-1c7e-5a6f-9f0e-0c6a3f1f7008"

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

void frame_mapex_metadata(struct emit *e, const struct mapex_frame *f, int64_t now_ns)
{
	emit_open(e, "metadata", '{');
	emit_text(e, "mapping_version", "1", NAME_BYTES);
	emit_text(e, "attack_version", ATTACK_VERSION, NAME_BYTES);
	emit_text(e, "technology_domain", "enterprise", NAME_BYTES);
	put_date(e, "creation_date", now_ns);
	emit_text(e, "mapping_framework", "postern", NAME_BYTES);
	emit_text(e, "mapping_framework_version", POSTERN_VERSION, NAME_BYTES);
	emit_text(e, "mapping_framework_version_schema", "FRAMEWORK_VERSION", NAME_BYTES);
	emit_open(e, "mapping_types", '{');
	emit_open(e, f->type, '{');
	emit_text(e, "name", f->type, NAME_BYTES);
	emit_text(e, "description", f->type_words, NAME_BYTES);
	emit_close(e, '}');
	emit_close(e, '}');
	emit_open(e, "capability_groups", '{');
	emit_text(e, f->group, f->group_words, NAME_BYTES);
	emit_close(e, '}');
	emit_close(e, '}');
}

void frame_oscal_head(struct emit *e, const char *title, int64_t now_ns)
{
	emit_open(e, "metadata", '{');
	emit_text(e, "title", title, NAME_BYTES);
	emit_time(e, "last-modified", now_ns);
	emit_text(e, "version", "1", NAME_BYTES);
	emit_text(e, "oscal-version", OSCAL, NAME_BYTES);
	emit_close(e, '}');
	emit_open(e, "import-ap", '{'); /* there is no plan: the resource says so */
	emit_text(e, "href", "#" NO_PLAN, NAME_BYTES);
	emit_close(e, '}');
}

void frame_oscal_foot(struct emit *e, const char *no_plan)
{
	emit_open(e, "back-matter", '{');
	emit_open(e, "resources", '[');
	emit_open(e, NULL, '{');
	emit_text(e, "uuid", NO_PLAN, NAME_BYTES);
	emit_text(e, "title", "No assessment plan", NAME_BYTES);
	emit_text(e, "description", no_plan, NAME_BYTES);
	emit_close(e, '}');
	emit_close(e, ']');
	emit_close(e, '}');
}
