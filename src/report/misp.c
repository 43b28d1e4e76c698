/* A MISP event (its core format): the endpoints to act on as attributes, one event for the case. */
#include <inttypes.h>
#include <string.h>

#include "base/limits.h"
#include "report/emit.h"
#include "report/indicator.h"
#include "report/say.h"
#include "report/told.h"
#include "report/uuid.h"

#define NAME_BYTES_MAX 255

static void put_seconds(struct emit *e, const char *key, int64_t time_ns)
{
	struct out text = {0};
	out_printf(&text, "%" PRId64, time_ns / NS_PER_S);
	emit_said(e, key, &text);
}

static void put_date(struct emit *e, const char *key, int64_t time_ns)
{
	struct out text = {0}, date = {0};
	out_time(&text, time_ns);
	out_bytes(&date, out_string(&text), strcspn(out_string(&text), "T"));
	out_fini(&text);
	emit_said(e, key, &date);
}

/* What MISP calls the value, and the value. */
static void put_value(struct emit *e, const struct indicator *item)
{
	bool port = item->channel->port != 0;
	struct out value = {0};
	if (item->name != NULL) {
		emit_text(e, "type", item->kind == INDICATOR_DOMAIN ? "domain" : "hostname",
			NAME_BYTES_MAX);
		out_text(&value, item->name);
	} else {
		emit_text(e, "type", port ? "ip-dst|port" : "ip-dst", NAME_BYTES_MAX);
		say_address(&value, &item->addr);
		if (port)
			out_printf(&value, "|%u", item->channel->port);
	}
	emit_said(e, "value", &value);
}

static void put_attribute(
	struct emit *e, const struct indicator *item, const char *event, int64_t now_ns)
{
	const struct finding *f = item->finding;
	char id[UUID_BYTES], address[ADDR_TEXT_BYTES];
	struct out text = {0};
	emit_open(e, NULL, '{');
	out_printf(&text, "%s %s %u", event,
		item->name != NULL ? item->name : addr_text(&item->addr, address),
		item->channel->port);
	emit_text(e, "uuid", uuid_of2(UUID_POSTERN, "misp-attribute", out_string(&text), id),
		UUID_BYTES);
	out_fini(&text);
	emit_text(e, "category", "Network activity", NAME_BYTES_MAX);
	put_value(e, item);
	emit_bool(e, "to_ids", true);
	emit_text(e, "distribution", "5", NAME_BYTES_MAX); /* as the event */
	put_seconds(e, "timestamp", now_ns);
	emit_time(e, "first_seen", item->channel->first_ns);
	emit_time(e, "last_seen", item->channel->last_ns);
	out_printf(&text, "%s of finding %s: ", channel_role_name(item->channel->role), f->id);
	told_title(&text, f);
	emit_said(e, "comment", &text);
	emit_close(e, '}');
}

static void put_tag(struct emit *e, const struct technique *t)
{
	struct out name = {0};
	emit_open(e, NULL, '{');
	out_printf(&name, "misp-galaxy:mitre-attack-pattern=\"%s - %s\"", t->name, t->id);
	emit_said(e, "name", &name);
	emit_close(e, '}');
}

static void put_tags(struct emit *e, const struct report_case *c)
{
	bool kinds[KIND_COUNT] = {0};
	emit_open(e, "Tag", '[');
	put_tag(e, told_techniques(KIND_LADDER)[0]);
	for (size_t i = 0; i < c->findings; i++) {
		const struct finding *f = c->finding[i];
		const struct technique *also = told_techniques(f->kind)[1];
		if (told_against(c, f) && also != NULL && !kinds[f->kind])
			put_tag(e, also);
		kinds[f->kind] |= told_against(c, f);
	}
	emit_close(e, ']');
}

/* Each value once: MISP refuses an attribute that the event has. */
static void put_attributes(
	struct emit *e, const struct report_case *c, const char *event, int64_t now_ns)
{
	struct indicator_walk walk;
	emit_open(e, "Attribute", '[');
	indicators_begin(&walk, c, SAME_PORT);
	for (const struct indicator *item; (item = indicators_next(&walk)) != NULL;)
		put_attribute(e, item, event, now_ns);
	indicators_end(&walk, e->out);
	emit_close(e, ']');
}

/* Of the worst finding: 1 high, 2 medium, 3 low, 4 undefined. */
static const char *threat_level(const struct report_case *c)
{
	static const char *const levels[] = {[SEVERITY_HIGH] = "1",
		[SEVERITY_MEDIUM] = "2",
		[SEVERITY_LOW] = "3",
		[SEVERITY_NONE] = "4"};
	enum severity worst = SEVERITY_NONE;
	for (size_t i = 0; i < c->findings; i++)
		if (told_against(c, c->finding[i]) && told_severity(c, c->finding[i]) < worst)
			worst = told_severity(c, c->finding[i]);
	return levels[worst];
}

static void misp_write(struct out *o, const struct report_case *c, const struct report_style *style)
{
	(void)style;
	struct emit e = {.out = o};
	struct out text = {0};
	char id[UUID_BYTES];
	int64_t now_ns = told_now(c);
	for (size_t i = 0; i < c->findings; i++)
		out_printf(&text, "%s ", told_against(c, c->finding[i]) ? c->finding[i]->id : "");
	(void)uuid_of2(UUID_POSTERN, "misp-event", out_string(&text), id);
	out_fini(&text);
	emit_open(&e, NULL, '{');
	emit_open(&e, "Event", '{');
	emit_text(&e, "uuid", id, UUID_BYTES);
	out_text(&text, "Fallback channels (T1008): ");
	say_plural(&text, case_tally(c).reported, "finding");
	emit_said(&e, "info", &text);
	put_date(&e, "date", now_ns);
	put_seconds(&e, "timestamp", now_ns);
	emit_text(&e, "threat_level_id", threat_level(c), NAME_BYTES_MAX);
	emit_text(&e, "analysis", "1", NAME_BYTES_MAX);     /* ongoing */
	emit_text(&e, "distribution", "0", NAME_BYTES_MAX); /* this organisation only */
	emit_bool(&e, "published", false);
	put_attributes(&e, c, id, now_ns);
	put_tags(&e, c);
	emit_close(&e, '}');
	emit_close(&e, '}');
	out_text(o, "\n");
}

const struct report_format report_misp = {
	.name = "misp",
	.explanation = "a MISP event: the endpoints to act on as attributes",
	.write = misp_write,
};
