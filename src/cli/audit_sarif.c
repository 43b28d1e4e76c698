/* Findings as SARIF 2.1.0 (OASIS, "Static Analysis Results Interchange Format"). */
#include <string.h>

#include "cli/audit.h"

#define SCHEMA                                                                \
	"https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/" \
	"sarif-schema-2.1.0.json"

/* A path as a URI reference (RFC 3986). */
static void put_uri(struct emit *e, const char *key, const char *path)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "-._~/";
	struct out uri = {0};
	if (*path == '/')
		out_text(&uri, "file://");
	for (; *path != '\0'; path++) {
		if (strchr(plain, *path) != NULL)
			out_bytes(&uri, path, 1);
		else
			out_printf(&uri, "%%%02X", (unsigned)(unsigned char)*path);
	}
	emit_text(e, key, out_string(&uri), SIZE_MAX);
	out_fini(&uri);
}

static void put_message(struct emit *e, const char *key, const char *text)
{
	emit_open(e, key, '{');
	emit_text(e, "text", text, SIZE_MAX);
	emit_close(e, '}');
}

static void put_rules(struct emit *e)
{
	emit_open(e, "rules", '[');
	for (size_t i = 0; i < AUDIT_KINDS; i++) {
		const struct audit_kind_row *kind = &audit_kinds[i];
		emit_open(e, NULL, '{');
		emit_text(e, "id", kind->id, SIZE_MAX);
		put_message(e, "shortDescription", kind->summary);
		put_message(e, "help", kind->remedy);
		emit_open(e, "defaultConfiguration", '{');
		emit_text(e, "level", audit_level_name(kind->level), SIZE_MAX);
		emit_close(e, '}');
		emit_close(e, '}');
	}
	emit_close(e, ']');
}

static void put_location(struct emit *e, const char *file, uint64_t line, const char *object)
{
	emit_open(e, "locations", '[');
	emit_open(e, NULL, '{');
	if (file != NULL) {
		emit_open(e, "physicalLocation", '{');
		emit_open(e, "artifactLocation", '{');
		put_uri(e, "uri", file);
		emit_close(e, '}');
		if (line > 0) {
			emit_open(e, "region", '{');
			emit_count(e, "startLine", line);
			emit_close(e, '}');
		}
		emit_close(e, '}');
	}
	if (object != NULL) {
		emit_open(e, "logicalLocations", '[');
		emit_open(e, NULL, '{');
		emit_text(e, "fullyQualifiedName", object, SIZE_MAX);
		emit_close(e, '}');
		emit_close(e, ']');
	}
	emit_close(e, '}');
	emit_close(e, ']');
}

static void put_print(struct emit *e, const char *id)
{
	emit_open(e, "partialFingerprints", '{');
	emit_text(e, "postern/v1", id, SIZE_MAX);
	emit_close(e, '}');
}

static void put_result(struct emit *e, const struct audit_finding *f, bool compared)
{
	const struct audit_kind_row *kind = &audit_kinds[f->kind];
	struct out words = {0};
	out_text(&words, f->words == NULL ? kind->summary : f->words);
	if (f->passes != NULL)
		out_printf(&words, "; passes %s", f->passes);
	if (f->shut != NULL)
		out_printf(&words, "; shut %s", f->shut);
	emit_open(e, NULL, '{');
	emit_text(e, "ruleId", kind->id, SIZE_MAX);
	emit_count(e, "ruleIndex", f->kind);
	emit_text(e, "level", audit_level_name(kind->level), SIZE_MAX);
	put_message(e, "message", out_string(&words));
	put_location(e, f->file, f->line, f->rule != NULL ? f->rule : f->place);
	put_print(e, f->id);
	if (compared)
		emit_text(e, "baselineState", f->fresh ? "new" : "unchanged", SIZE_MAX);
	emit_open(e, "properties", '{');
	emit_text(e, "place", f->place, SIZE_MAX);
	emit_text(e, "owner", f->owner, SIZE_MAX);
	emit_text(e, "since", f->since, SIZE_MAX);
	emit_close(e, '}');
	emit_close(e, '}');
	out_fini(&words);
}

static void put_gone(struct emit *e, const struct audit_gone *gone)
{
	emit_open(e, NULL, '{');
	if (gone->kind != NULL)
		emit_text(e, "ruleId", gone->kind, SIZE_MAX);
	put_message(e, "message", gone->text);
	put_location(e, gone->file, 0, NULL);
	put_print(e, gone->id);
	emit_text(e, "baselineState", "absent", SIZE_MAX);
	emit_close(e, '}');
}

void audit_say_sarif(struct out *o, const struct audit *a, const struct audit_since *since)
{
	struct emit e = {.out = o};
	struct audit_gone gone;
	emit_open(&e, NULL, '{');
	emit_text(&e, "$schema", SCHEMA, SIZE_MAX);
	emit_text(&e, "version", "2.1.0", SIZE_MAX);
	emit_open(&e, "runs", '[');
	emit_open(&e, NULL, '{');
	emit_open(&e, "tool", '{');
	emit_open(&e, "driver", '{');
	emit_text(&e, "name", "postern audit", SIZE_MAX);
	emit_text(&e, "version", POSTERN_VERSION, SIZE_MAX);
	put_rules(&e);
	emit_close(&e, '}');
	emit_close(&e, '}');
	emit_open(&e, "results", '[');
	for (const struct audit_finding *f = audit_first(a); f != NULL; f = f->next)
		put_result(&e, f, since != NULL);
	for (size_t at = 0; since != NULL && audit_since_gone(since, &at, &gone);)
		put_gone(&e, &gone);
	emit_close(&e, ']');
	emit_close(&e, '}');
	emit_close(&e, ']');
	emit_close(&e, '}');
	out_text(o, "\n");
}
