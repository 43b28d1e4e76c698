/* What scan tells of each file, and in the end. */
#include <string.h>

#include "cli/scanning.h"
#include "report/emit.h"

#define NAME_BYTES 1024u

static void emit_end(struct emit *e, const char *key, const struct addr *a, uint16_t port)
{
	emit_open(e, key, '{');
	emit_address(e, "address", a);
	emit_count(e, "port", port);
	emit_close(e, '}');
}

static void write_json(struct out *o, const struct origin *from, const struct scan_result *r)
{
	struct emit e = {.out = o};
	emit_open(&e, NULL, '{');
	emit_text(&e, "type", "file", NAME_BYTES);
	emit_text(&e, "path", from->path, NAME_BYTES);
	if (from->carried != NULL) {
		emit_time(&e, "at", from->carried->at_ns);
		emit_end(&e, "from", &from->carried->from, from->carried->from_port);
		emit_end(&e, "to", &from->carried->to, from->carried->to_port);
		emit_text(
			&e, "direction", from->carried->upload ? "upload" : "download", NAME_BYTES);
		emit_text(&e, "protocol", from->carried->protocol, NAME_BYTES);
		emit_text(&e, "host", from->carried->host, NAME_BYTES);
		emit_text(&e, "uri", from->carried->uri, NAME_BYTES);
	}
	emit_text(&e, "member", from->member, NAME_BYTES);
	emit_count(&e, "bytes", r->bytes);
	emit_text(&e, "sha256", r->sha256, NAME_BYTES);
	emit_text(&e, "mime", r->type, NAME_BYTES);
	emit_open(&e, "matches", '[');
	for (size_t i = 0; i < r->matches; i++) {
		emit_open(&e, NULL, '{');
		emit_text(&e, "by", scan_by_name(r->match[i].by), NAME_BYTES);
		emit_text(&e, "name", r->match[i].name, NAME_BYTES);
		emit_text(&e, "text", r->match[i].text, NAME_BYTES);
		emit_close(&e, '}');
	}
	emit_close(&e, ']');
	emit_text(&e, "gap", from->gap, NAME_BYTES);
	emit_close(&e, '}');
	out_text(o, "\n");
}

static void write_text(struct out *o, const struct origin *from, const struct scan_result *r)
{
	char a[ADDR_TEXT_BYTES], b[ADDR_TEXT_BYTES];
	const struct carried *f = from->carried;
	out_safe(o, from->path, NAME_BYTES);
	if (f != NULL) {
		out_text(o, ": ");
		out_time(o, f->at_ns);
		out_printf(o, " %s to %s, ", addr_text(&f->from, a), addr_text(&f->to, b));
		out_printf(o, "%s ", f->protocol);
		out_safe(o, f->host, NAME_BYTES);
		out_text(o, strcmp(f->protocol, "smtp") == 0 ? " " : "");
		out_safe(o, f->uri, NAME_BYTES);
	}
	if (from->member != NULL) {
		out_text(o, " > ");
		out_safe(o, from->member, NAME_BYTES);
	}
	out_printf(o, "\n  %llu bytes, %s, sha256 %s\n", (unsigned long long)r->bytes,
		r->type[0] == '\0' ? "type not known" : r->type, r->sha256);
	for (size_t i = 0; i < r->matches; i++)
		out_printf(o, "  %s: %s%s%s\n", scan_by_name(r->match[i].by), r->match[i].name,
			r->match[i].text[0] == '\0' ? "" : ": ", r->match[i].text);
	if (r->more > 0)
		out_printf(o, "  and %llu more matches\n", (unsigned long long)r->more);
	if (from->gap != NULL)
		out_printf(o, "  not all of it: %s\n", from->gap);
}

void scanning_tell(struct scanning *s, const struct origin *from, const struct scan_result *r)
{
	(s->c->json ? write_json : write_text)(&s->text, from, r);
}

void scanning_summary(struct scanning *s)
{
	struct out *o = &s->text;
	struct emit e = {.out = o};
	if (s->seen != NULL)
		(s->c->json ? endpoints_json : endpoints_text)(o, s->seen);
	if (!s->c->json) {
		out_printf(o, "%llu files, %llu of them match, %llu not seen whole",
			(unsigned long long)s->files, (unsigned long long)s->matching,
			(unsigned long long)s->gaps);
		if (s->captures > 0)
			out_printf(o,
				"; %llu conversations looked into, %llu bytes of them missing",
				(unsigned long long)s->carried.streams,
				(unsigned long long)s->carried.holes);
		if (s->seen != NULL)
			out_printf(o, "; %zu sights of %zu indicators", intel_seen_count(s->seen),
				intel_count(intel_seen_set(s->seen)));
		out_text(o, "\n");
		return;
	}
	emit_open(&e, NULL, '{');
	emit_text(&e, "type", "summary", NAME_BYTES);
	emit_count(&e, "files", s->files);
	emit_count(&e, "bytes", s->bytes);
	emit_count(&e, "matching", s->matching);
	emit_count(&e, "gaps", s->gaps);
	emit_count(&e, "unread", s->unread);
	emit_count(&e, "rules", scanner_rules(s->scanner));
	emit_count(&e, "captures", s->captures);
	emit_count(&e, "streams", s->carried.streams);
	emit_count(&e, "missing_bytes", s->carried.holes);
	emit_count(&e, "streams_ended_early", s->carried.refused);
	emit_count(&e, "quarantined", s->kept);
	if (s->seen != NULL) {
		emit_count(&e, "indicators", intel_count(intel_seen_set(s->seen)));
		emit_count(&e, "endpoints", intel_seen_count(s->seen));
		emit_count(&e, "endpoints_refused", intel_seen_refused(s->seen));
	}
	emit_bool(&e, "partial", scanning_is_partial(s));
	emit_close(&e, '}');
	out_text(o, "\n");
}
