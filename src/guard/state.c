#include <errno.h>
#include <string.h>

#include "base/grow.h"
#include "base/limits.h"
#include "guard/guard.h"

void guard_state_fini(struct guard_state *s)
{
	free(s->change);
	free(s->held);
	*s = (struct guard_state){0};
}

int guard_state_add(struct guard_state *s, const struct guard_change *change)
{
	struct guard_change *grown = grow_array(s->change, s->count, &s->room, 64, sizeof *grown);
	if (grown == NULL)
		return -ENOMEM;
	s->change = grown;
	s->change[s->count++] = *change;
	if (change->id > s->last_id)
		s->last_id = change->id;
	return 0;
}

static void take(struct guard_state *s, size_t index, struct guard_change *ret)
{
	if (ret != NULL)
		*ret = s->change[index];
	s->change[index] = s->change[--s->count];
}

bool guard_state_take(struct guard_state *s, uint64_t id, struct guard_change *ret)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->change[i].id == id) {
			take(s, i, ret);
			return true;
		}
	return false;
}

bool guard_state_take_ended(struct guard_state *s, int64_t now_ns, struct guard_change *ret)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->change[i].until_ns <= now_ns) {
			take(s, i, ret);
			return true;
		}
	return false;
}

const struct guard_change *guard_changes_find(
	const struct guard_change *change, size_t count, const struct guard_change *like)
{
	for (size_t i = 0; i < count; i++) {
		const struct guard_change *c = &change[i];
		if (c->name[0] != '\0' || like->name[0] != '\0') { /* whoever asks for it */
			if (strcmp(c->name, like->name) == 0)
				return c;
			continue;
		}
		if (c->contain == like->contain && addr_eq(&c->host, &like->host) &&
			addr_eq(&c->peer, &like->peer) && c->proto == like->proto &&
			c->port == like->port)
			return c;
	}
	return NULL;
}

void guard_state_deny(struct guard_state *s, const struct guard_change *like, int64_t at_ns)
{
	for (size_t i = 0; i < s->count; i++) {
		struct guard_change *c = &s->change[i];
		if (!c->contain && addr_eq(&c->host, &like->host) &&
			addr_eq(&c->peer, &like->peer) && c->proto == like->proto &&
			(c->port == like->port || c->port == 0))
			c->denied_ns = at_ns;
	}
}

int guard_state_hold(struct guard_state *s, const struct guard_change *ended)
{
	if (s->held == NULL)
		s->held = calloc(GUARD_HELD_MAX, sizeof *s->held);
	if (s->held == NULL)
		return -ENOMEM;
	size_t at = s->helds < GUARD_HELD_MAX ? s->helds++ : 0;
	for (size_t i = 1; s->helds == GUARD_HELD_MAX && i < s->helds; i++)
		if (s->held[i].held_ns < s->held[at].held_ns)
			at = i;
	s->held[at] = *ended;
	return 0;
}

bool guard_state_holds(
	const struct guard_state *s, const struct guard_change *change, int64_t now_ns)
{
	for (size_t i = 0; i < s->helds; i++)
		if (s->held[i].held_ns > now_ns &&
			strcmp(s->held[i].finding, change->finding) == 0 &&
			guard_changes_find(&s->held[i], 1, change) != NULL)
			return true;
	return false;
}

bool guard_state_contains(const struct guard_state *s, const struct addr *host)
{
	const struct guard_change like = {.contain = true, .host = *host};
	return guard_changes_find(s->change, s->count, &like) != NULL;
}

bool guard_state_has_host(const struct guard_state *s, const struct addr *host)
{
	for (size_t i = 0; i < s->count; i++)
		if (addr_eq(&s->change[i].host, host))
			return true;
	return false;
}

struct guard_command guard_command_of(const struct guard_change *change, bool back, int64_t now_ns)
{
	int64_t left_s = (change->until_ns - now_ns + NS_PER_S - 1) / NS_PER_S;
	struct guard_command c = {.proto = change->proto, .port = change->port, .peer_bits = 128};
	if (change->contain)
		c.kind = back ? GUARD_RELEASE : GUARD_CONTAIN;
	else
		c.kind = back ? GUARD_UNBLOCK : GUARD_BLOCK;
	left_s = left_s < 1 ? 1 : left_s;
	c.expiry_s = left_s > (int64_t)GUARD_EXPIRY_MAX_S ? GUARD_EXPIRY_MAX_S : (uint32_t)left_s;
	memcpy(c.host, change->host.byte, 16);
	memcpy(c.peer, change->peer.byte, 16);
	return c;
}
