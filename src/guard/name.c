/* What a name may be, and the zone that blocks some. */
#include <nettle/sha2.h>
#include <string.h>

#include "guard/private.h"

/* A resolver keeps what it answered from the zone as long as this, in seconds. */
#define ZONE_TTL 5

const char *guard_change_action(const struct guard_change *change)
{
	if (change->name[0] != '\0')
		return "name";
	return change->contain ? "contain" : "block";
}

struct addr guard_name_key(const char *domain)
{
	struct sha256_ctx sha256;
	struct addr key;
	sha256_init(&sha256);
	sha256_update(&sha256, strlen(domain), (const uint8_t *)domain);
	sha256_digest(&sha256, sizeof key.byte, key.byte);
	return key;
}

bool guard_name_is_plain(const char *name)
{
	size_t label = 0, dots = 0, len = strlen(name);
	for (size_t i = 0; i < len; i++) {
		char c = name[i];
		bool plain =
			(c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
		if (!plain && (c != '.' || label == 0))
			return false;
		dots += c == '.';
		label = c == '.' ? 0 : label + 1;
		if (label > 63)
			return false;
	}
	return label > 0 && dots > 0 && len < GUARD_NAME_BYTES;
}

/* com, co.uk, github.io: others' names lie below it. */
static bool is_suffix(const char *name)
{
	char below[GUARD_NAME_BYTES + 2];
	(void)snprintf(below, sizeof below, "x.%s", name);
	return strcmp(registered_domain(below), below) == 0;
}

bool channel_is_tunnel(const struct finding_channel *c)
{
	return c->port == 53 && c->addr_count == 0 && c->name_count > 0;
}

/* The policy means the domain, something below it, or all of it. */
static bool is_named(const struct policy *p, const char *domain)
{
	for (size_t i = 0; p != NULL && i < p->rules; i++)
		for (size_t k = 0; k < p->rule[i].to_names.count; k++) {
			const char *pattern = p->rule[i].to_names.name[k];
			const char *bare = strncmp(pattern, "*.", 2) == 0 ? pattern + 2 : pattern;
			if (p->rule[i].action == POLICY_ALLOW &&
				(policy_name_matches(pattern, domain) ||
					strcmp(registered_domain(bare), domain) == 0))
				return true;
		}
	return false;
}

static bool is_normal(const struct baseline *b, const char *domain)
{
	for (size_t i = 0; b != NULL && i < b->entries; i++)
		if (!baseline_is_held(b->entry[i].why) && strcmp(b->entry[i].endpoint, domain) == 0)
			return true;
	return false;
}

enum guard_leave name_objection(const struct guard_rules *rules, const char *domain)
{
	size_t len = strlen(domain);
	unsigned hosts = 0;
	if (!guard_name_is_plain(domain) || is_suffix(domain))
		return LEAVE_SUFFIX;
	if (is_named(rules->expected.policy, domain) ||
		is_normal(rules->expected.baseline, domain) ||
		(len > 5 && strcmp(domain + len - 5, ".arpa") == 0))
		return LEAVE_NEVER;
	struct addr key = guard_name_key(domain);
	hosts = crowd_hosts(rules->askers, &key);
	if (hosts == 0)
		return LEAVE_UNSEEN;
	return hosts > rules->popular ? LEAVE_POPULAR : LEAVE_NONE;
}

void guard_zone_say(struct out *o, const struct guard_state *state, uint32_t serial)
{
	out_printf(o,
		"; Written by postern guard, which writes it anew with each change: edits are "
		"lost.\n"
		"$TTL %u\n@ SOA localhost. root.localhost. %u 3600 600 86400 %u\n@ NS localhost.\n",
		ZONE_TTL, serial, ZONE_TTL);
	for (size_t i = 0; i < state->count; i++) {
		const struct guard_change *c = &state->change[i];
		if (c->name[0] != '\0')
			out_printf(o, "%s CNAME . ; change %llu\n*.%s CNAME .\n", c->name,
				(unsigned long long)c->id, c->name);
	}
}
