/* What was asked of each place of a target, kept until all of it is there. */
#include <string.h>

#include "cli/audit.h"

#define PLACES_MAX 1024u
#define TEXT_BYTES ((size_t)8 << 20)

struct audit_places {
	struct arena arena;
	struct audit_place place[PLACES_MAX];
	size_t count;
	bool refused;
};

struct audit_places *audit_places_new(void)
{
	struct audit_places *p = calloc(1, sizeof *p);
	if (p != NULL && arena_init(&p->arena, TEXT_BYTES) < 0) {
		free(p);
		return NULL;
	}
	return p;
}

void audit_places_free(struct audit_places *p)
{
	if (p == NULL)
		return;
	arena_fini(&p->arena);
	free(p);
}

void audit_places_clear(struct audit_places *p)
{
	arena_reset(&p->arena, 0);
	p->count = 0;
	p->refused = false;
}

static const char *copy(struct audit_places *p, const char *text)
{
	size_t len = strlen(text) + 1;
	char *to = ARENA_NEW(&p->arena, char, len);
	if (to != NULL)
		memcpy(to, text, len);
	return to;
}

static struct audit_place *place_of(
	struct audit_places *p, const struct target *t, const char *name)
{
	for (size_t i = 0; i < p->count; i++)
		if (strcmp(p->place[i].name, name) == 0)
			return &p->place[i];
	const char *own = p->count == PLACES_MAX ? NULL : copy(p, name);
	if (own == NULL) {
		p->refused = true;
		return NULL;
	}
	p->place[p->count] = (struct audit_place){.name = own,
		.names = t->nfw != NULL || t->policy != NULL,
		.inspects = t->nfw != NULL};
	return &p->place[p->count++];
}

void audit_places_note(struct audit_places *p, const struct target *t,
	const struct target_channel *channel, const struct target_answer *answer)
{
	struct out flow = {0};
	struct audit_place *place = place_of(p, t, channel->place == NULL ? "" : channel->place);
	if (place == NULL || channel->number >= AUDIT_WAYS)
		return;
	out_text(&flow, channel->text);
	if (channel->source != NULL) {
		out_text(&flow, " from ");
		out_safe(&flow, channel->source, VPC_NAME_BYTES);
	}
	place->way[channel->ipv6][channel->number] = (struct audit_told){.asked = true,
		.verdict = answer->verdict,
		.flow = copy(p, out_string(&flow)),
		.rule = answer->rule.len == 0 ? NULL : copy(p, out_string(&answer->rule))};
	out_fini(&flow);
}

bool audit_places_holes(const struct audit_places *p, struct audit *a)
{
	for (size_t i = 0; i < p->count; i++)
		audit_holes(a, &p->place[i]);
	return !p->refused;
}

bool audit_places_pass(
	const struct audit_places *p, enum audit_way way, const struct audit_told **ret)
{
	for (size_t i = 0; i < p->count; i++)
		for (size_t v6 = 0; v6 < 2; v6++) {
			*ret = &p->place[i].way[v6][way];
			if ((*ret)->asked && (*ret)->verdict == POLICY_ALLOWED)
				return true;
		}
	return false;
}
