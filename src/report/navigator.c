/* A layer for the ATT&CK Navigator (format 4.5): the techniques that were seen, scored by the
 * number of findings. */
#include <inttypes.h>

#include "report/emit.h"
#include "report/say.h"
#include "report/told.h"

#define NAME_BYTES_MAX 255
#define TECHNIQUES_MAX 8
#define METADATA_MAX   200 /* findings named for each technique: a tooltip, not a report */
#define COLOUR_FEW     "#fff3c4"
#define COLOUR_MANY    "#c0392b"

struct seen {
	const struct technique *technique[TECHNIQUES_MAX];
	size_t findings[TECHNIQUES_MAX];
	size_t count;
};

static void see(struct seen *seen, const struct technique *t)
{
	size_t i = 0;
	while (i < seen->count && seen->technique[i] != t)
		i++;
	if (i == TECHNIQUES_MAX)
		return;
	seen->count += i == seen->count;
	seen->technique[i] = t;
	seen->findings[i]++;
}

static bool has(const struct finding *f, const struct technique *t)
{
	for (const struct technique *const *own = told_techniques(f->kind); *own != NULL; own++)
		if (*own == t)
			return true;
	return false;
}

static void put_metadata(struct emit *e, const struct report_case *c, const struct technique *t)
{
	size_t told = 0;
	emit_open(e, "metadata", '[');
	for (size_t i = 0; i < c->findings && told < METADATA_MAX; i++) {
		const struct finding *f = c->finding[i];
		if (!told_against(c, f) || !has(f, t))
			continue;
		struct out value = {0};
		told++;
		emit_open(e, NULL, '{');
		emit_text(e, "name", f->id, NAME_BYTES_MAX);
		say_address(&value, &f->host);
		out_text(&value, ": ");
		told_title(&value, f);
		emit_said(e, "value", &value);
		emit_close(e, '}');
	}
	emit_close(e, ']');
}

static void put_technique(
	struct emit *e, const struct report_case *c, const struct technique *t, size_t findings)
{
	struct out comment = {0};
	emit_open(e, NULL, '{');
	emit_text(e, "techniqueID", t->id, NAME_BYTES_MAX);
	emit_text(e, "tactic", t->tactic_short, NAME_BYTES_MAX);
	emit_count(e, "score", findings);
	say_plural(&comment, findings, "finding");
	out_text(&comment, " by Postern");
	emit_said(e, "comment", &comment);
	emit_bool(e, "enabled", true);
	emit_bool(e, "showSubtechniques", true);
	put_metadata(e, c, t);
	emit_close(e, '}');
}

static void put_head(struct emit *e, const struct report_case *c)
{
	struct out text = {0};
	emit_text(e, "name", "Fallback channels found by Postern", NAME_BYTES_MAX);
	emit_open(e, "versions", '{');
	emit_text(e, "attack", "16", NAME_BYTES_MAX);
	emit_text(e, "navigator", "5.1.0", NAME_BYTES_MAX);
	emit_text(e, "layer", "4.5", NAME_BYTES_MAX);
	emit_close(e, '}');
	emit_text(e, "domain", "enterprise-attack", NAME_BYTES_MAX);
	say_inputs(&text, c);
	emit_said(e, "description", &text);
	emit_count(e, "sorting", 3);
	emit_bool(e, "hideDisabled", false);
}

static void put_gradient(struct emit *e, size_t most)
{
	emit_open(e, "gradient", '{');
	emit_open(e, "colors", '[');
	emit_text(e, NULL, COLOUR_FEW, NAME_BYTES_MAX);
	emit_text(e, NULL, COLOUR_MANY, NAME_BYTES_MAX);
	emit_close(e, ']');
	emit_count(e, "minValue", 0);
	emit_count(e, "maxValue", most);
	emit_close(e, '}');
	emit_open(e, "legendItems", '[');
	emit_open(e, NULL, '{');
	emit_text(e, "label", "number of findings", NAME_BYTES_MAX);
	emit_text(e, "color", COLOUR_MANY, NAME_BYTES_MAX);
	emit_close(e, '}');
	emit_close(e, ']');
}

static void navigator_write(
	struct out *o, const struct report_case *c, const struct report_style *style)
{
	(void)style;
	struct emit e = {.out = o};
	struct seen seen = {0};
	size_t most = 1;
	for (size_t i = 0; i < c->findings; i++)
		for (const struct technique *const *t = told_techniques(c->finding[i]->kind);
			*t != NULL && told_against(c, c->finding[i]); t++)
			see(&seen, *t);
	emit_open(&e, NULL, '{');
	put_head(&e, c);
	emit_open(&e, "techniques", '[');
	for (size_t i = 0; i < seen.count; i++) {
		put_technique(&e, c, seen.technique[i], seen.findings[i]);
		most = seen.findings[i] > most ? seen.findings[i] : most;
	}
	emit_close(&e, ']');
	put_gradient(&e, most);
	emit_close(&e, '}');
	out_text(o, "\n");
}

const struct report_format report_navigator = {
	.name = "navigator",
	.explanation = "a layer for the ATT&CK Navigator: the techniques that were seen",
	.write = navigator_write,
};
