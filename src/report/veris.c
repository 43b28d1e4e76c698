/* VERIS incidents, a line each: the finding in the words of the chosen version of the schema. What
 * a network cannot tell (victim, actor, how it got in) is Unknown or left out. */
#include <math.h>
#include <string.h>
#include <time.h>

#include "base/limits.h"
#include "report/emit.h"
#include "report/indicator.h"
#include "report/say.h"
#include "report/told.h"
#include "report/uuid.h"

#define TEXT_BYTES_MAX 4096

/* What the versions call T1008: CTID's mappings (VERIS 1.3.5 to ATT&CK 9.0, 1.3.7 to 12.1, 1.4.0
 * to 16.1, 1.4.1 to 19.1). From 1.3.6 on the variety "Use of backdoor or C2" and the vector
 * "Backdoor or C2" are "Backdoor", and the malware variety C2 has the parent "Backdoor or C2" (vz-
 * risk/veris issues 383 and bin/rules.py). */
struct veris {
	const char *version;
	const char *hacking[3], *hacking_vector[3], *malware[3];
};

static const struct veris veris_135 = {
	"1.3.5", {"Use of backdoor or C2"}, {"Backdoor or C2"}, {"C2"}};
#define SINCE_136                                                              \
	{"Backdoor", "Evade Defenses"}, {"Backdoor", "Other network service"}, \
	{                                                                      \
		"Backdoor or C2", "C2"                                         \
	}
static const struct veris veris_137 = {"1.3.7", SINCE_136};
static const struct veris veris_140 = {"1.4.0", SINCE_136};
static const struct veris veris_141 = {"1.4.1", SINCE_136};

static void put_words(struct emit *e, const char *key, const char *const words[3])
{
	size_t count = 0;
	while (count < 3 && words[count] != NULL)
		count++;
	emit_texts(e, key, words, count, TEXT_BYTES_MAX);
}

static void put_word(struct emit *e, const char *key, const char *word)
{
	put_words(e, key, (const char *const[3]){word});
}

static const char *incident_word(const struct report_case *c, const struct finding *f)
{
	switch (finding_standing(c, f)) {
	case STANDING_REPORTED:
	case STANDING_WEAKER:
		return f->ruling != NULL ? "Confirmed" : "Suspected";
	case STANDING_EXPLAINED:
	case STANDING_REJECTED:
		break;
	}
	return "False positive";
}

static const char *confidence_word(const struct report_case *c, const struct finding *f)
{
	static const char *const words[] = {[SEVERITY_HIGH] = "High",
		[SEVERITY_MEDIUM] = "Medium",
		[SEVERITY_LOW] = "Low",
		[SEVERITY_NONE] = "None"};
	return words[told_severity(c, f)];
}

/* A duration as VERIS counts: the largest unit of which there is one. */
static void put_span(struct emit *e, const char *key, int64_t ns)
{
	static const struct {
		const char *name;
		int64_t seconds;
	} units[] = {{"Years", 31557600}, {"Months", 2629800}, {"Weeks", 604800}, {"Days", 86400},
		{"Hours", 3600}, {"Minutes", 60}, {"Seconds", 1}};
	size_t i = 0;
	while (i + 1 < ARRAY_LEN(units) && ns / NS_PER_S < units[i].seconds)
		i++;
	emit_open(e, key, '{');
	emit_text(e, "unit", units[i].name, TEXT_BYTES_MAX);
	emit_number(e, "value", round((double)ns / 1e9 / (double)units[i].seconds));
	emit_close(e, '}');
}

/* When it was discovered is known only of what a person looked at. */
static void put_timeline(struct emit *e, const struct finding *f)
{
	struct tm day = {0};
	time_t seconds = (time_t)(f->first_ns / NS_PER_S);
	(void)gmtime_r(&seconds, &day);
	emit_open(e, "timeline", '{');
	emit_open(e, "incident", '{');
	emit_count(e, "year", (uint64_t)day.tm_year + 1900);
	emit_count(e, "month", (uint64_t)day.tm_mon + 1);
	emit_count(e, "day", (uint64_t)day.tm_mday);
	emit_close(e, '}');
	if (f->ruling != NULL && f->ruling->at_ns >= f->first_ns) {
		put_span(e, "discovery", f->ruling->at_ns - f->first_ns);
	} else {
		emit_open(e, "discovery", '{');
		emit_text(e, "unit", "Unknown", TEXT_BYTES_MAX);
		emit_close(e, '}');
	}
	emit_close(e, '}');
}

static void put_action(struct emit *e, const struct finding *f, const struct veris *v)
{
	struct out title = {0};
	told_title(&title, f);
	emit_open(e, "action", '{');
	emit_open(e, "hacking", '{');
	put_words(e, "variety", v->hacking);
	put_words(e, "vector", v->hacking_vector);
	emit_close(e, '}');
	emit_open(e, "malware", '{');
	put_words(e, "variety", v->malware);
	put_word(e, "vector", "Unknown");
	emit_said(e, "notes", &title);
	emit_close(e, '}');
	emit_close(e, '}');
}

/* Whose network it is packets do not tell; VERIS' own rules want to be told that it is unknown. */
static void put_victim(struct emit *e)
{
	emit_open(e, "victim", '{');
	put_word(e, "country", "Unknown");
	put_word(e, "region", "000000");
	emit_text(e, "employee_count", "Unknown", TEXT_BYTES_MAX);
	emit_text(e, "industry", "00", TEXT_BYTES_MAX);
	put_word(e, "government", "Unknown");
	emit_close(e, '}');
}

/* One asset: the host. What kind of machine it is packets do not tell. */
static void put_asset(struct emit *e, const struct finding *f)
{
	struct out notes = {0};
	emit_open(e, "asset", '{');
	emit_open(e, "assets", '[');
	emit_open(e, NULL, '{');
	emit_text(e, "variety", "Unknown", TEXT_BYTES_MAX);
	emit_count(e, "amount", 1);
	emit_close(e, '}');
	emit_close(e, ']');
	emit_count(e, "total_amount", 1);
	put_word(e, "cloud", "Unknown");
	out_text(&notes, "address ");
	say_address(&notes, &f->host);
	if (f->process != NULL) {
		out_text(&notes, ", process ");
		out_safe(&notes, f->process, TEXT_BYTES_MAX);
	}
	emit_said(e, "notes", &notes);
	emit_close(e, '}');
}

/* What the rules of VERIS ask for beside malware (bin/checkValidity.py). */
static void put_implied(struct emit *e)
{
	emit_open(e, "attribute", '{');
	emit_open(e, "integrity", '{');
	put_word(e, "variety", "Software installation");
	emit_close(e, '}');
	emit_close(e, '}');
	emit_open(e, "value_chain", '{');
	emit_open(e, "development", '{');
	put_word(e, "variety", "Unknown");
	emit_close(e, '}');
	emit_open(e, "non-distribution services", '{');
	put_word(e, "variety", "C2");
	emit_close(e, '}');
	emit_close(e, '}');
}

static void put_indicators(struct emit *e, const struct finding *f)
{
	struct indicators list;
	indicators_of(f, &list);
	if (list.count == 0)
		return;
	emit_open(e, "ioc", '[');
	for (size_t i = 0; i < list.count; i++) {
		const struct indicator *item = &list.item[i];
		struct out comment = {0};
		emit_open(e, NULL, '{');
		if (item->name != NULL)
			emit_text(e, "indicator", item->name, TEXT_BYTES_MAX);
		else
			emit_address(e, "indicator", &item->addr);
		out_printf(&comment, "%s, ", channel_role_name(item->channel->role));
		say_endpoint(&comment, item->channel);
		out_printf(&comment, " over %s", transport_name(item->channel->transport));
		emit_said(e, "comment", &comment);
		emit_close(e, '}');
	}
	emit_close(e, ']');
}

static void put_plus(struct emit *e, const struct finding *f)
{
	emit_open(e, "plus", '{');
	emit_text(e, "master_id", f->id, TEXT_BYTES_MAX);
	emit_text(e, "analysis_status", f->ruling == NULL ? "First pass" : "Validated",
		TEXT_BYTES_MAX);
	if (f->ruling != NULL && f->ruling->by != NULL)
		emit_text(e, "analyst", f->ruling->by, RULING_BY_BYTES);
	emit_close(e, '}');
}

static void put_incident(
	struct emit *e, const struct report_case *c, const struct finding *f, const struct veris *v)
{
	char id[UUID_BYTES];
	struct out text = {0};
	emit_open(e, NULL, '{');
	emit_text(e, "schema_version", v->version, TEXT_BYTES_MAX);
	emit_text(e, "incident_id", uuid_of2(UUID_POSTERN, "veris", f->id, id), UUID_BYTES);
	emit_text(e, "source_id", "postern", TEXT_BYTES_MAX);
	emit_text(e, "security_incident", incident_word(c, f), TEXT_BYTES_MAX);
	emit_text(e, "confidence", confidence_word(c, f), TEXT_BYTES_MAX);
	say_address(&text, &f->host);
	out_text(&text, ": ");
	told_title(&text, f);
	emit_said(e, "summary", &text);
	put_timeline(e, f);
	put_victim(e);
	emit_open(e, "actor", '{');
	emit_open(e, "external", '{');
	put_word(e, "variety", "Unknown");
	put_word(e, "motive", "Unknown");
	emit_close(e, '}');
	emit_close(e, '}');
	put_action(e, f, v);
	put_asset(e, f);
	put_implied(e);
	emit_text(e, "targeted", "Unknown", TEXT_BYTES_MAX);
	emit_open(e, "discovery_method", '{');
	emit_open(e, "internal", '{');
	put_word(e, "variety", "Nids");
	emit_close(e, '}');
	emit_close(e, '}');
	told_story(&text, f);
	out_text(&text, text.len == 0 ? "no evidence was kept" : "");
	emit_said(e, "discovery_notes", &text);
	if (f->ruling != NULL && f->ruling->why[0] != '\0')
		emit_text(e, "notes", f->ruling->why, RULING_WHY_BYTES);
	put_indicators(e, f);
	put_plus(e, f);
	emit_close(e, '}');
}

static void veris_write(struct out *o, const struct report_case *c, const struct veris *v)
{
	for (size_t i = 0; i < c->findings; i++) {
		if (!told_of(c, c->finding[i]))
			continue;
		struct emit e = {.out = o};
		put_incident(&e, c, c->finding[i], v);
		out_text(o, "\n");
	}
}

static void write_135(struct out *o, const struct report_case *c, const struct report_style *style)
{
	(void)style;
	veris_write(o, c, &veris_135);
}

static void write_137(struct out *o, const struct report_case *c, const struct report_style *style)
{
	(void)style;
	veris_write(o, c, &veris_137);
}

static void write_140(struct out *o, const struct report_case *c, const struct report_style *style)
{
	(void)style;
	veris_write(o, c, &veris_140);
}

static void write_141(struct out *o, const struct report_case *c, const struct report_style *style)
{
	(void)style;
	veris_write(o, c, &veris_141);
}

const struct report_format report_veris = {
	.name = "veris",
	.explanation = "VERIS 1.4.1 incidents, one a line: suspected, or confirmed where a person "
		       "accepted the finding",
	.lines = true,
	.write = write_141,
};
const struct report_format report_veris_141 = {.name = "veris-1.4.1",
	.explanation = "the same, whatever version comes after it",
	.lines = true,
	.write = write_141};
const struct report_format report_veris_140 = {
	.name = "veris-1.4.0", .explanation = "the same in VERIS 1.4.0", .write = write_140};
const struct report_format report_veris_137 = {
	.name = "veris-1.3.7", .explanation = "the same in VERIS 1.3.7", .write = write_137};
const struct report_format report_veris_135 = {
	.name = "veris-1.3.5", .explanation = "the same in VERIS 1.3.5", .write = write_135};
