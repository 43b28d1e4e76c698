#include "judge/known.h"

#include <string.h>

/* What is carried over known ways in unknown amounts is not known. */
static bool is_of_volume(enum finding_kind kind)
{
	return kind == KIND_TUNNEL || kind == KIND_SPLIT;
}

static const struct baseline_entry *find_channel(
	const struct baseline *b, const struct finding *f, const struct finding_channel *ch)
{
	struct baseline_question q = {.host = f->host,
		.endpoint = ch->endpoint,
		.transport = ch->transport,
		.port = ch->port,
		.any_port = ch->transport == TRANSPORT_OTHER};
	return ch->endpoint == NULL ? NULL : baseline_find(b, &q);
}

const struct baseline_entry *known_to_baseline(const struct baseline *b, const struct finding *f)
{
	const struct baseline_entry *first = NULL;
	if (is_of_volume(f->kind))
		return NULL;
	for (size_t i = 0; i < f->channels; i++) {
		bool reached = f->switches == 0;
		for (size_t k = 0; k < f->switches; k++)
			reached |= f->sw[k].to == i;
		if (!reached)
			continue;
		const struct baseline_entry *e = find_channel(b, f, &f->channel[i]);
		if (e == NULL)
			return NULL;
		first = first == NULL ? e : first;
	}
	return first;
}

void known_say(struct out *o, const struct baseline_entry *e)
{
	char host[ADDR_TEXT_BYTES];
	out_printf(o, "the baseline has %s %s/%u for %s of zone %s: %u day%s since ", e->endpoint,
		transport_name(e->transport), e->port,
		addr_is_none(&e->host) ? "all hosts" : addr_text(&e->host, host), e->zone, e->days,
		e->days == 1 ? "" : "s");
	baseline_write_day(o, e->first_day);
	if (e->note != NULL) {
		out_text(o, ";");
		out_safe(o, e->note, KNOWN_NOTE_BYTES);
	}
}
