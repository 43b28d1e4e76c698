/* Ways: channels as they are known to one experiment, and what of them may be shut. */
#include <string.h>

#include "base/digest.h"
#include "guard/private.h"
#include "guard/trial_private.h"

void trial_key(char ret[static PROBE_KEY_BYTES], uint8_t proto, const char *domain,
	const struct addr *addr, uint16_t port)
{
	char text[ADDR_TEXT_BYTES];
	const char *name = proto == 6 ? "tcp" : proto == 17 ? "udp" : "icmp";
	(void)snprintf(ret, PROBE_KEY_BYTES, "%s/%.253s/%u", name,
		domain != NULL ? domain : addr_text(addr, text), port);
}

void trial_question(const struct addr *host, const char *key, char ret[static 33])
{
	char text[ADDR_TEXT_BYTES], thing[ADDR_TEXT_BYTES + PROBE_KEY_BYTES + 16];
	int len = snprintf(thing, sizeof thing, "experiment %s %s", addr_text(host, text), key);
	digest_name(thing, (size_t)len, ret);
}

struct trial_way *trial_way_find(struct trial *one, const char *key)
{
	for (size_t i = 0; i < one->ways; i++)
		if (strcmp(one->way[i].key, key) == 0)
			return &one->way[i];
	return NULL;
}

bool trial_way_has(const struct trial_way *w, const struct addr *addr)
{
	for (size_t i = 0; i < w->addrs; i++)
		if (addr_eq(&w->addr[i], addr))
			return true;
	return false;
}

bool trial_way_learn(struct trial_way *w, const struct addr *addr)
{
	if (trial_way_has(w, addr) || w->addrs == TRIAL_ADDRS_MAX)
		return false;
	w->addr[w->addrs++] = *addr;
	return true;
}

struct trial_way *trial_way_add(
	struct trial *one, const char *key, uint8_t proto, uint16_t port, bool named)
{
	if (one->ways == PROBE_CHANNELS_MAX)
		return NULL;
	struct trial_way *w = &one->way[one->ways++];
	*w = (struct trial_way){.proto = proto, .port = port, .named = named};
	memcpy(w->key, key, strlen(key));
	return w;
}

void trial_name_key(char ret[static PROBE_KEY_BYTES], const char *domain)
{
	(void)snprintf(ret, PROBE_KEY_BYTES, "dns/%.253s", domain);
}

struct trial_way *trial_way_of_name(struct trial *one, const char *domain,
	const struct guard_rules *rules, enum guard_leave *why)
{
	char key[PROBE_KEY_BYTES];
	trial_name_key(key, domain);
	struct trial_way *w = trial_way_find(one, key);
	*why = rules->names ? name_objection(rules, domain) : LEAVE_UNSEEN;
	if (w == NULL && *why == LEAVE_NONE && (w = trial_way_add(one, key, 0, 0, true)) != NULL)
		(void)snprintf(w->name, sizeof w->name, "%s", domain);
	return w;
}

struct trial_way *trial_way_of_channel(struct trial *one, const struct finding_channel *c,
	const struct guard_rules *rules, enum guard_leave *why)
{
	char key[PROBE_KEY_BYTES];
	struct trial_way *w = NULL;
	uint16_t port = c->transport == TRANSPORT_ICMP ? 0 : c->port;
	*why = LEAVE_UNSEEN;
	if (channel_is_tunnel(c))
		return trial_way_of_name(one, registered_domain(c->names[0]), rules, why);
	if (c->addr_count == 0)
		return NULL;
	uint8_t proto = guard_proto(c->transport, &c->addrs[0]);
	trial_key(key, proto, c->name_count > 0 ? c->endpoint : NULL, &c->addrs[0], port);
	for (size_t i = 0; i < c->addr_count && proto != 0; i++) {
		enum guard_leave now = guard_objection(rules, &one->host, &c->addrs[i]);
		/* never answered, so nobody's: of what a host tried that is enough */
		if (now == LEAVE_UNSEEN && c->connections <= c->failures)
			now = LEAVE_NONE;
		if (now == LEAVE_NONE && guard_names(rules, &one->host, c, &c->addrs[i]))
			now = LEAVE_NAMED;
		*why = now;
		if (now == LEAVE_NEVER || now == LEAVE_POPULAR || now == LEAVE_NAMED)
			return NULL; /* what is shut is all of the channel or nothing */
		if (now == LEAVE_NONE && w == NULL && (w = trial_way_find(one, key)) == NULL)
			w = trial_way_add(one, key, proto, port, c->name_count > 0);
		if (now == LEAVE_NONE && w != NULL)
			(void)trial_way_learn(w, &c->addrs[i]);
	}
	return w;
}
