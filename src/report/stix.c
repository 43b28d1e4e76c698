/* A STIX 2.1 bundle: for each finding an indicator, the infrastructure that it indicates, what was
 * observed, and that it was sighted here. Ids are made of what they name (UUIDv5), so that two
 * bundles that tell of the same thing agree. */
#include <string.h>

#include "base/limits.h"
#include "base/strings.h"
#include "report/emit.h"
#include "report/indicator.h"
#include "report/say.h"
#include "report/told.h"
#include "report/uuid.h"

#define WORDS_BYTES_MAX 4096
#define REF_BYTES       64
#define SEEN_BYTES_MAX  ((size_t)16 << 20)
/* 2026-01-01: the identity is the same object in every bundle. */
#define IDENTITY_NS    (INT64_C(1767225600) * NS_PER_S)
#define SEEN_COUNT_MAX ((size_t)1 << 18)

struct ref {
	char text[REF_BYTES]; /* type--UUID */
};

struct bundle {
	struct emit e;
	struct strings *seen; /* ids of observables that are told already */
	struct ref identity;
	int64_t now_ns;
};

static struct ref ref_in(const char *space, const char *type, const char *name)
{
	char uuid[UUID_BYTES];
	struct ref ref;
	(void)snprintf(ref.text, sizeof ref.text, "%s--%s", type, uuid_of(space, name, uuid));
	return ref;
}

static struct ref ref_of(const char *type, const char *name)
{
	return ref_in(UUID_POSTERN, type, name);
}

/* Exactly three digits behind the point (STIX 2.1, 3.2: created, modified). */
static void put_stamp(struct emit *e, const char *key, int64_t time_ns)
{
	struct out text = {0};
	out_time(&text, time_ns);
	CHECK(text.failed || text.len > 4);
	if (!text.failed) {
		text.len -= 4;
		out_text(&text, "Z");
	}
	emit_said(e, key, &text);
}

/* type, id and the times of an object that is ours. Opens it. */
static void open_object(struct bundle *b, const char *type, const struct ref *id, int64_t made_ns)
{
	struct emit *e = &b->e;
	emit_open(e, NULL, '{');
	emit_text(e, "type", type, REF_BYTES);
	emit_text(e, "spec_version", "2.1", REF_BYTES);
	emit_text(e, "id", id->text, REF_BYTES);
	emit_text(e, "created_by_ref", b->identity.text, REF_BYTES);
	put_stamp(e, "created", made_ns);
	put_stamp(e, "modified", b->now_ns < made_ns ? made_ns : b->now_ns);
}

/* ---- observables: each once a bundle ---- */

static bool is_new(struct bundle *b, const struct ref *id)
{
	if (b->seen == NULL || strings_find(b->seen, id->text) != 0)
		return b->seen == NULL;
	(void)strings_add(b->seen, id->text);
	return true;
}

static struct ref put_value(struct bundle *b, const char *type, const char *value)
{
	struct out name = {0};
	out_printf(&name, "{\"value\":\"%s\"}", value); /* plain: nothing to escape */
	struct ref id = ref_in(UUID_STIX, type, out_string(&name));
	out_fini(&name);
	if (is_new(b, &id)) {
		emit_open(&b->e, NULL, '{');
		emit_text(&b->e, "type", type, REF_BYTES);
		emit_text(&b->e, "spec_version", "2.1", REF_BYTES);
		emit_text(&b->e, "id", id.text, REF_BYTES);
		emit_text(&b->e, "value", value, WORDS_BYTES_MAX);
		emit_close(&b->e, '}');
	}
	return id;
}

static struct ref put_address(struct bundle *b, const struct addr *a)
{
	char text[ADDR_TEXT_BYTES];
	return put_value(b, addr_is_v4(a) ? "ipv4-addr" : "ipv6-addr", addr_text(a, text));
}

static bool is_protocol(const char *service)
{
	size_t len = strspn(service, "abcdefghijklmnopqrstuvwxyz0123456789-");
	return len > 0 && len < REF_BYTES && service[len] == '\0';
}

/* The members that make a conversation's id, in the order of RFC 8785. */
static void put_traffic_members(struct emit *e, const struct finding *f,
	const struct finding_channel *ch, const struct ref *from, const struct ref *to)
{
	if (ch->port != 0)
		emit_count(e, "dst_port", ch->port);
	if (to != NULL)
		emit_text(e, "dst_ref", to->text, REF_BYTES);
	if (ch->last_ns > ch->first_ns)
		emit_time(e, "end", ch->last_ns);
	emit_open(e, "protocols", '[');
	emit_text(e, NULL, addr_is_v4(&f->host) ? "ipv4" : "ipv6", REF_BYTES);
	if (ch->transport != TRANSPORT_OTHER)
		emit_text(e, NULL, transport_name(ch->transport), REF_BYTES);
	if (ch->service != NULL && is_protocol(ch->service))
		emit_text(e, NULL, ch->service, REF_BYTES);
	emit_close(e, ']');
	emit_text(e, "src_ref", from->text, REF_BYTES);
	if (ch->first_ns != 0)
		emit_time(e, "start", ch->first_ns);
}

static struct ref put_traffic(struct bundle *b, const struct finding *f,
	const struct finding_channel *ch, const struct ref *from, const struct ref *to)
{
	struct out name = {0};
	struct emit part = {.out = &name};
	emit_open(&part, NULL, '{');
	put_traffic_members(&part, f, ch, from, to);
	emit_close(&part, '}');
	struct ref id = ref_in(UUID_STIX, "network-traffic", out_string(&name));
	out_fini(&name);
	if (is_new(b, &id)) {
		emit_open(&b->e, NULL, '{');
		emit_text(&b->e, "type", "network-traffic", REF_BYTES);
		emit_text(&b->e, "spec_version", "2.1", REF_BYTES);
		emit_text(&b->e, "id", id.text, REF_BYTES);
		put_traffic_members(&b->e, f, ch, from, to);
		emit_close(&b->e, '}');
	}
	return id;
}

struct refs {
	struct ref item[2 + FINDING_CHANNELS_MAX * (2 + FINDING_NAMES_MAX + FINDING_ADDRS_MAX)];
	size_t count;
};

static void add_ref(struct refs *refs, struct ref ref)
{
	for (size_t i = 0; i < refs->count; i++)
		if (strcmp(refs->item[i].text, ref.text) == 0)
			return;
	CHECK(refs->count < ARRAY_LEN(refs->item));
	refs->item[refs->count++] = ref;
}

static void put_refs(struct emit *e, const char *key, const struct refs *refs)
{
	emit_open(e, key, '[');
	for (size_t i = 0; i < refs->count; i++)
		emit_text(e, NULL, refs->item[i].text, REF_BYTES);
	emit_close(e, ']');
}

static void put_channel(struct bundle *b, const struct finding *f, const struct finding_channel *ch,
	const struct ref *host, struct refs *refs)
{
	struct ref server = {0};
	for (size_t i = 0; i < ch->addr_count; i++) {
		struct ref one = put_address(b, &ch->addrs[i]);
		server = i == 0 ? one : server;
		add_ref(refs, one);
	}
	struct addr literal;
	if (name_is_plain(ch->endpoint) && addr_parse(ch->endpoint, &literal) != 0) {
		struct ref name = put_value(b, "domain-name", ch->endpoint);
		server = ch->addr_count == 0 ? name : server;
		add_ref(refs, name);
	}
	for (size_t i = 0; i < ch->name_count; i++)
		if (name_is_plain(ch->names[i]))
			add_ref(refs, put_value(b, "domain-name", ch->names[i]));
	add_ref(refs, put_traffic(b, f, ch, host, server.text[0] == '\0' ? NULL : &server));
}

/* ---- what is said of them ---- */

static void put_indicator_pattern(struct out *o, const struct indicators *list)
{
	char text[ADDR_TEXT_BYTES];
	out_text(o, "[");
	for (size_t i = 0; i < list->count; i++) {
		const struct indicator *item = &list->item[i];
		out_text(o, i == 0 ? "" : " OR ");
		if (item->name != NULL)
			out_printf(o, "domain-name:value = '%s'", item->name);
		else
			out_printf(o, "%s:value = '%s'",
				addr_is_v4(&item->addr) ? "ipv4-addr" : "ipv6-addr",
				addr_text(&item->addr, text));
	}
	out_text(o, "]");
}

static void put_external(struct emit *e, const struct finding *f)
{
	const struct technique *const *technique = told_techniques(f->kind);
	emit_open(e, "external_references", '[');
	emit_open(e, NULL, '{');
	emit_text(e, "source_name", "postern", REF_BYTES);
	emit_text(e, "external_id", f->id, REF_BYTES);
	emit_close(e, '}');
	for (; *technique != NULL; technique++) {
		emit_open(e, NULL, '{');
		emit_text(e, "source_name", "mitre-attack", REF_BYTES);
		emit_text(e, "external_id", (*technique)->id, REF_BYTES);
		emit_close(e, '}');
	}
	emit_close(e, ']');
}

/* STIX 2.1, appendix A: High 85, Med 50, Low 15. */
static unsigned confidence_of(const struct report_case *c, const struct finding *f)
{
	static const unsigned scale[] = {[SEVERITY_HIGH] = 85,
		[SEVERITY_MEDIUM] = 50,
		[SEVERITY_LOW] = 15,
		[SEVERITY_NONE] = 0};
	return scale[told_severity(c, f)];
}

static void put_indicator(struct bundle *b, const struct report_case *c, const struct finding *f,
	const struct indicators *list, const struct ref *id)
{
	struct emit *e = &b->e;
	struct out text = {0};
	open_object(b, "indicator", id, f->first_ns);
	told_title(&text, f);
	emit_said(e, "name", &text);
	told_story(&text, f);
	emit_said(e, "description", &text);
	emit_open(e, "indicator_types", '[');
	emit_text(e, NULL, "malicious-activity", REF_BYTES);
	emit_close(e, ']');
	emit_count(e, "confidence", confidence_of(c, f));
	put_indicator_pattern(&text, list);
	emit_said(e, "pattern", &text);
	emit_text(e, "pattern_type", "stix", REF_BYTES);
	emit_time(e, "valid_from", f->first_ns);
	emit_open(e, "kill_chain_phases", '[');
	emit_open(e, NULL, '{');
	emit_text(e, "kill_chain_name", "mitre-attack", REF_BYTES);
	emit_text(e, "phase_name", "command-and-control", REF_BYTES);
	emit_close(e, '}');
	emit_close(e, ']');
	put_external(e, f);
	emit_close(e, '}');
}

static void put_relation(struct bundle *b, const struct finding *f, const struct ref *from,
	const char *kind, const char *to)
{
	struct out name = {0};
	out_printf(&name, "%s %s %s", from->text, kind, to);
	struct ref id = ref_of("relationship", out_string(&name));
	out_fini(&name);
	if (!is_new(b, &id))
		return;
	open_object(b, "relationship", &id, f->first_ns);
	emit_text(&b->e, "relationship_type", kind, REF_BYTES);
	emit_text(&b->e, "source_ref", from->text, REF_BYTES);
	emit_text(&b->e, "target_ref", to, REF_BYTES);
	emit_close(&b->e, '}');
}

static void put_infrastructure(struct bundle *b, const struct finding *f, const struct ref *id)
{
	struct out text = {0};
	open_object(b, "infrastructure", id, f->first_ns);
	out_text(&text, "command and control of ");
	say_address(&text, &f->host);
	emit_said(&b->e, "name", &text);
	emit_open(&b->e, "infrastructure_types", '[');
	emit_text(&b->e, NULL, "command-and-control", REF_BYTES);
	emit_close(&b->e, ']');
	emit_time(&b->e, "first_seen", f->first_ns);
	emit_time(&b->e, "last_seen", f->last_ns);
	put_external(&b->e, f);
	emit_close(&b->e, '}');
}

static void put_observed(
	struct bundle *b, const struct finding *f, const struct refs *refs, const struct ref *id)
{
	uint64_t count = 0;
	for (size_t i = 0; i < f->channels; i++)
		if (f->channel[i].connections < NS_PER_S)
			count += f->channel[i].connections;
	open_object(b, "observed-data", id, f->first_ns);
	emit_time(&b->e, "first_observed", f->first_ns);
	emit_time(&b->e, "last_observed", f->last_ns);
	/* STIX 2.1, 4.14: 1 to 999,999,999 */
	emit_count(&b->e, "number_observed",
		count == 0          ? 1
		: count < 999999999 ? count
				    : 999999999);
	put_refs(&b->e, "object_refs", refs);
	emit_close(&b->e, '}');
}

static void put_sighting(
	struct bundle *b, const struct finding *f, const struct ref *of, const struct ref *observed)
{
	struct ref id = ref_of("sighting", f->id);
	open_object(b, "sighting", &id, f->first_ns);
	emit_time(&b->e, "first_seen", f->first_ns);
	emit_time(&b->e, "last_seen", f->last_ns);
	emit_count(&b->e, "count",
		f->episodes == 0          ? 1
		: f->episodes < 999999999 ? f->episodes
					  : 999999999);
	emit_text(&b->e, "sighting_of_ref", of->text, REF_BYTES);
	emit_open(&b->e, "observed_data_refs", '[');
	emit_text(&b->e, NULL, observed->text, REF_BYTES);
	emit_close(&b->e, ']');
	emit_open(&b->e, "where_sighted_refs", '[');
	emit_text(&b->e, NULL, b->identity.text, REF_BYTES);
	emit_close(&b->e, ']');
	emit_close(&b->e, '}');
}

static void put_finding(struct bundle *b, const struct report_case *c, const struct finding *f)
{
	struct refs seen = {0}, made = {0};
	struct indicators list;
	struct ref indicator = ref_of("indicator", f->id),
		   infrastructure = ref_of("infrastructure", f->id),
		   observed = ref_of("observed-data", f->id), host = put_address(b, &f->host);
	add_ref(&seen, host);
	for (size_t i = 0; i < f->channels; i++)
		put_channel(b, f, &f->channel[i], &host, &seen);
	indicators_of(f, &list);
	for (size_t i = 0; i < list.count; i++)
		add_ref(&made, list.item[i].name != NULL
				       ? put_value(b, "domain-name", list.item[i].name)
				       : put_address(b, &list.item[i].addr));
	put_observed(b, f, &seen, &observed);
	put_infrastructure(b, f, &infrastructure);
	if (list.count > 0) {
		put_indicator(b, c, f, &list, &indicator);
		put_relation(b, f, &indicator, "indicates", infrastructure.text);
		for (const struct technique *const *t = told_techniques(f->kind); *t != NULL; t++)
			put_relation(b, f, &indicator, "indicates", (*t)->stix);
	}
	for (size_t i = 0; i < made.count; i++)
		put_relation(b, f, &infrastructure, "consists-of", made.item[i].text);
	put_sighting(b, f, list.count > 0 ? &indicator : &infrastructure, &observed);
}

static void put_identity(struct bundle *b)
{
	emit_open(&b->e, NULL, '{');
	emit_text(&b->e, "type", "identity", REF_BYTES);
	emit_text(&b->e, "spec_version", "2.1", REF_BYTES);
	emit_text(&b->e, "id", b->identity.text, REF_BYTES);
	put_stamp(&b->e, "created", IDENTITY_NS);
	put_stamp(&b->e, "modified", IDENTITY_NS);
	emit_text(&b->e, "name", "Postern", REF_BYTES);
	emit_text(&b->e, "identity_class", "system", REF_BYTES);
	emit_close(&b->e, '}');
}

static void stix_write(struct out *o, const struct report_case *c, const struct report_style *style)
{
	(void)style;
	struct bundle b = {
		.e = {.out = o}, .identity = ref_of("identity", "postern"), .now_ns = told_now(c)};
	struct out name = {0};
	for (size_t i = 0; i < c->findings; i++)
		out_printf(&name, "%s ", told_against(c, c->finding[i]) ? c->finding[i]->id : "");
	struct ref id = ref_of("bundle", out_string(&name));
	out_fini(&name);
	if (strings_new(&b.seen, SEEN_BYTES_MAX, SEEN_COUNT_MAX) < 0)
		o->failed = true;
	emit_open(&b.e, NULL, '{');
	emit_text(&b.e, "type", "bundle", REF_BYTES);
	emit_text(&b.e, "id", id.text, REF_BYTES);
	emit_open(&b.e, "objects", '[');
	put_identity(&b);
	for (size_t i = 0; i < c->findings; i++)
		if (told_against(c, c->finding[i]))
			put_finding(&b, c, c->finding[i]);
	emit_close(&b.e, ']');
	emit_close(&b.e, '}');
	out_text(o, "\n");
	strings_free(b.seen);
}

const struct report_format report_stix = {
	.name = "stix",
	.explanation =
		"a STIX 2.1 bundle: indicators, infrastructure, what was observed, sightings",
	.write = stix_write,
};
