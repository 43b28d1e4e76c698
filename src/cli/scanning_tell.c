/* What scan tells of each file, and in the end. */
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/file.h"
#include "cli/message.h"
#include "cli/output.h"
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

static void emit_when(struct emit *e, const char *key, int64_t at_ns)
{
	if (at_ns == 0)
		emit_null(e, key);
	else
		emit_time(e, key, at_ns);
}

static void say_newest(struct out *o, const char *what, int64_t at_ns)
{
	if (at_ns == 0)
		return;
	out_text(o, what);
	out_time(o, at_ns);
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
		if (s->c->iface != NULL)
			out_printf(o, "; lost: %llu packets, %llu files",
				(unsigned long long)s->packets_lost,
				(unsigned long long)s->files_lost);
		say_newest(o, "; newest rules of ", s->sought.rules_ns);
		say_newest(o, "; newest list of ", s->sought.lists_ns);
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
	emit_count(&e, "rules", scanner_rules(s->sought.scanner));
	emit_when(&e, "rules_newest", s->sought.rules_ns);
	emit_when(&e, "lists_newest", s->sought.lists_ns);
	emit_bool(&e, "stale", s->stale);
	emit_count(&e, "captures", s->captures);
	emit_count(&e, "streams", s->carried.streams);
	emit_count(&e, "missing_bytes", s->carried.holes);
	emit_count(&e, "streams_ended_early", s->carried.refused);
	emit_count(&e, "quarantined", s->kept);
	if (s->c->iface != NULL) {
		emit_count(&e, "files_lost", s->files_lost);
		emit_count(&e, "packets_lost", s->packets_lost);
	}
	if (s->seen != NULL) {
		emit_count(&e, "indicators", intel_count(intel_seen_set(s->seen)));
		emit_count(&e, "endpoints", intel_seen_count(s->seen));
		emit_count(&e, "endpoints_refused", intel_seen_refused(s->seen));
	}
	emit_bool(&e, "partial", scanning_is_partial(s));
	emit_close(&e, '}');
	out_text(o, "\n");
}

/* ---- the state ---- */

static void write_state(const struct scanning *s, struct out *o)
{
	struct emit e = {.out = o};
	emit_open(&e, NULL, '{');
	emit_text(&e, "type", "scan-state", NAME_BYTES);
	emit_time(&e, "at", clock_day_ns());
	emit_time(&e, "begun", s->begun_ns);
	emit_text(&e, "interface", s->c->iface, NAME_BYTES);
	emit_bool(&e, "clamd", s->c->clamd != NULL);
	emit_count(&e, "rules", scanner_rules(s->sought.scanner));
	emit_count(&e, "indicators", s->sought.intel == NULL ? 0 : intel_count(s->sought.intel));
	emit_when(&e, "rules_newest", s->sought.rules_ns);
	emit_when(&e, "lists_newest", s->sought.lists_ns);
	emit_count(&e, "files", s->files);
	emit_count(&e, "matching", s->matching);
	emit_count(&e, "gaps", s->gaps);
	emit_count(&e, "files_lost", s->files_lost);
	emit_count(&e, "packets_lost", s->packets_lost);
	if (s->matched_ns == 0) {
		emit_null(&e, "last_match");
	} else {
		emit_open(&e, "last_match", '{');
		emit_time(&e, "at", s->matched_ns);
		emit_text(&e, "name", s->match, NAME_BYTES);
		emit_text(&e, "sha256", s->sha256, NAME_BYTES);
		emit_close(&e, '}');
	}
	emit_close(&e, '}');
	out_text(o, "\n");
}

int scanning_state_write(const struct scanning *s, struct fail *why)
{
	struct output output = {0};
	struct out text = {0};
	if (s->c->state == NULL)
		return 0;
	write_state(s, &text);
	int err = output_open(&output, s->c->state, why);
	if (err == 0)
		err = output_finish(&output, &text, why);
	output_close(&output);
	out_fini(&text);
	return err;
}

int scanning_state_read(struct scanning *s, struct fail *why)
{
	struct scan_state before = {0};
	struct cur text;
	char *owned = NULL;
	if (s->c->state == NULL || access(s->c->state, F_OK) != 0)
		return 0;
	int err = file_read(s->c->state, SCAN_STATE_BYTES_MAX, &owned, &text, why);
	if (err == 0)
		err = scan_state_parse(&before, shown(s->c->state).text, text, why);
	free(owned);
	s->matched_ns = before.matched_ns;
	memcpy(s->match, before.match, sizeof s->match);
	memcpy(s->sha256, before.sha256, sizeof s->sha256);
	return err;
}
