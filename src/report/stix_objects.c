#include "report/stix_objects.h"

#include <string.h>

#include "report/indicator.h"
#include "report/uuid.h"

#define WORDS_BYTES_MAX 4096

static struct stix_ref ref_in(const char *space, const char *type, const char *name)
{
	char uuid[UUID_BYTES];
	struct stix_ref ref;
	(void)snprintf(ref.text, sizeof ref.text, "%s--%s", type, uuid_of(space, name, uuid));
	return ref;
}

struct stix_ref stix_ref_of(const char *type, const char *name)
{
	return ref_in(UUID_POSTERN, type, name);
}

bool stix_is_new(struct stix_bundle *b, const struct stix_ref *id)
{
	if (b->seen == NULL || strings_find(b->seen, id->text) != 0)
		return b->seen == NULL;
	(void)strings_add(b->seen, id->text);
	return true;
}

static struct stix_ref put_value(struct stix_bundle *b, const char *type, const char *value)
{
	struct out name = {0};
	out_printf(&name, "{\"value\":\"%s\"}", value); /* plain: nothing to escape */
	struct stix_ref id = ref_in(UUID_STIX, type, out_string(&name));
	out_fini(&name);
	if (stix_is_new(b, &id)) {
		emit_open(&b->e, NULL, '{');
		emit_text(&b->e, "type", type, STIX_REF_BYTES);
		emit_text(&b->e, "spec_version", "2.1", STIX_REF_BYTES);
		emit_text(&b->e, "id", id.text, STIX_REF_BYTES);
		emit_text(&b->e, "value", value, WORDS_BYTES_MAX);
		emit_close(&b->e, '}');
	}
	return id;
}

struct stix_ref stix_name(struct stix_bundle *b, const char *value)
{
	return put_value(b, "domain-name", value);
}

struct stix_ref stix_address(struct stix_bundle *b, const struct addr *a)
{
	char text[ADDR_TEXT_BYTES];
	return put_value(b, addr_is_v4(a) ? "ipv4-addr" : "ipv6-addr", addr_text(a, text));
}

static bool is_protocol(const char *service)
{
	size_t len = strspn(service, "abcdefghijklmnopqrstuvwxyz0123456789-");
	return len > 0 && len < STIX_REF_BYTES && service[len] == '\0';
}

/* The members that make a conversation's id, in the order of RFC 8785. */
static void put_traffic_members(struct emit *e, const struct finding *f,
	const struct finding_channel *ch, const struct stix_ref *from, const struct stix_ref *to)
{
	if (ch->port != 0)
		emit_count(e, "dst_port", ch->port);
	if (to != NULL)
		emit_text(e, "dst_ref", to->text, STIX_REF_BYTES);
	if (ch->last_ns > ch->first_ns)
		emit_time(e, "end", ch->last_ns);
	emit_open(e, "protocols", '[');
	emit_text(e, NULL, addr_is_v4(&f->host) ? "ipv4" : "ipv6", STIX_REF_BYTES);
	if (ch->transport != TRANSPORT_OTHER)
		emit_text(e, NULL, transport_name(ch->transport), STIX_REF_BYTES);
	if (ch->service != NULL && is_protocol(ch->service))
		emit_text(e, NULL, ch->service, STIX_REF_BYTES);
	emit_close(e, ']');
	emit_text(e, "src_ref", from->text, STIX_REF_BYTES);
	if (ch->first_ns != 0)
		emit_time(e, "start", ch->first_ns);
}

static struct stix_ref put_traffic(struct stix_bundle *b, const struct finding *f,
	const struct finding_channel *ch, const struct stix_ref *from, const struct stix_ref *to)
{
	struct out name = {0};
	struct emit part = {.out = &name};
	emit_open(&part, NULL, '{');
	put_traffic_members(&part, f, ch, from, to);
	emit_close(&part, '}');
	struct stix_ref id = ref_in(UUID_STIX, "network-traffic", out_string(&name));
	out_fini(&name);
	if (stix_is_new(b, &id)) {
		emit_open(&b->e, NULL, '{');
		emit_text(&b->e, "type", "network-traffic", STIX_REF_BYTES);
		emit_text(&b->e, "spec_version", "2.1", STIX_REF_BYTES);
		emit_text(&b->e, "id", id.text, STIX_REF_BYTES);
		put_traffic_members(&b->e, f, ch, from, to);
		emit_close(&b->e, '}');
	}
	return id;
}

void stix_refs_add(struct stix_refs *refs, struct stix_ref ref)
{
	for (size_t i = 0; i < refs->count; i++)
		if (strcmp(refs->item[i].text, ref.text) == 0)
			return;
	CHECK(refs->count < ARRAY_LEN(refs->item));
	refs->item[refs->count++] = ref;
}

void stix_refs_put(struct emit *e, const char *key, const struct stix_refs *refs)
{
	emit_open(e, key, '[');
	for (size_t i = 0; i < refs->count; i++)
		emit_text(e, NULL, refs->item[i].text, STIX_REF_BYTES);
	emit_close(e, ']');
}

void stix_channel(struct stix_bundle *b, const struct finding *f, const struct finding_channel *ch,
	const struct stix_ref *host, struct stix_refs *refs)
{
	struct stix_ref server = {0};
	for (size_t i = 0; i < ch->addr_count; i++) {
		struct stix_ref one = stix_address(b, &ch->addrs[i]);
		server = i == 0 ? one : server;
		stix_refs_add(refs, one);
	}
	struct addr literal;
	if (name_is_plain(ch->endpoint) && addr_parse(ch->endpoint, &literal) != 0) {
		struct stix_ref name = stix_name(b, ch->endpoint);
		server = ch->addr_count == 0 ? name : server;
		stix_refs_add(refs, name);
	}
	for (size_t i = 0; i < ch->name_count; i++)
		if (name_is_plain(ch->names[i]))
			stix_refs_add(refs, stix_name(b, ch->names[i]));
	stix_refs_add(refs, put_traffic(b, f, ch, host, server.text[0] == '\0' ? NULL : &server));
}
