#include "judge/bad.h"

#include <string.h>

#include "judge/judge_private.h"

#define CHANNELS_TOLD 3u
#define TEXT_BYTES    100u
#define FOUND_MAX     32u

struct items {
	const struct intel *set;
	const struct finding_channel *channel;
	size_t count;
	uint32_t item[BAD_ITEMS_MAX];
};

static void take(struct items *x, const uint32_t *found, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct intel_item item = intel_item(x->set, found[i]);
		bool again = item.part || (item.port != 0 && item.port != x->channel->port) ||
		             (item.until_ns != 0 && item.until_ns <= x->channel->first_ns);
		for (size_t k = 0; k < x->count && !again; k++)
			again = x->item[k] == found[i];
		if (!again && x->count < BAD_ITEMS_MAX)
			x->item[x->count++] = found[i];
	}
}

static void take_text(struct items *x, enum intel_kind kind, const char *text)
{
	uint32_t found[FOUND_MAX];
	if (text != NULL)
		take(x, found, intel_find_text(x->set, kind, text, found, FOUND_MAX));
}

static void take_addr(struct items *x, const struct addr *addr)
{
	uint32_t found[FOUND_MAX];
	take(x, found, intel_find_addr(x->set, addr, found, FOUND_MAX));
}

size_t bad_items(
	const struct intel *set, const struct finding_channel *ch, uint32_t ret[BAD_ITEMS_MAX])
{
	struct items x = {.set = set, .channel = ch};
	struct addr addr;
	if (ch->endpoint != NULL && addr_parse(ch->endpoint, &addr) == 0)
		take_addr(&x, &addr);
	else
		take_text(&x, INTEL_NAME, ch->endpoint);
	for (size_t i = 0; i < ch->name_count; i++)
		take_text(&x, INTEL_NAME, ch->names[i]);
	for (size_t i = 0; i < ch->addr_count; i++)
		take_addr(&x, &ch->addrs[i]);
	take_text(&x, INTEL_JA3, ch->ja3);
	take_text(&x, INTEL_JA4, ch->ja4);
	take_text(&x, INTEL_AGENT, ch->user_agent);
	memcpy(ret, x.item, x.count * sizeof *ret);
	return x.count;
}

static void tie(struct intel_seen *seen, uint32_t item, const struct finding *f)
{
	struct intel_sight *s = intel_seen_find(seen, item, &f->host);
	if (s == NULL || s->finding[0] != '\0')
		return;
	memcpy(s->finding, f->id, sizeof s->finding);
	s->e_value = f->e_value;
}

static void tell(
	struct finding *f, const struct intel *set, const struct finding_channel *ch, uint32_t item)
{
	struct out name = {0}, what = {0};
	out_safe(&name, ch->endpoint == NULL ? "" : ch->endpoint, TEXT_BYTES);
	intel_say_item(&what, set, item);
	evidence_add(f, "intel", 0, "%s was known to be bad: %s%s", out_string(&name),
		out_string(&what),
		ch->failures > 0 && (ch->role == ROLE_PRIMARY || ch->role == ROLE_TRIED)
			? "; it failed, and what took its place is to be looked at"
			: "");
	out_fini(&name);
	out_fini(&what);
}

void bad_tell(struct finding *f, struct intel_seen *seen)
{
	const struct intel *set = intel_seen_set(seen);
	size_t told = 0;
	for (size_t i = 0; i < f->channels; i++) {
		uint32_t item[BAD_ITEMS_MAX];
		size_t count = bad_items(set, &f->channel[i], item);
		for (size_t k = 0; k < count; k++)
			tie(seen, item[k], f);
		if (count > 0 && told++ < CHANNELS_TOLD)
			tell(f, set, &f->channel[i], item[0]);
	}
}
