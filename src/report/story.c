#include "report/story.h"

#include <string.h>

#include "report/say.h"

/* A look-up or a first packet may be this much older than the attempt that it belongs to. */
#define EARLY_NS (INT64_C(5) * 1000000000)

struct attempt_of {
	size_t number, all; /* from 1; 0 before the first */
	const struct finding_tick *tick;
};

static struct attempt_of attempt_at(const struct finding *f, size_t channel, int64_t at_ns)
{
	struct attempt_of a = {0};
	for (size_t i = 0; i < f->ticks; i++) {
		const struct finding_tick *tick = &f->tick[i];
		if (tick->channel != channel)
			continue;
		a.all++;
		if (tick->at_ns <= at_ns || (a.number == 0 && tick->at_ns - at_ns <= EARLY_NS)) {
			a.number = a.all;
			a.tick = tick;
		}
	}
	return a;
}

static const struct finding_switch *switch_at(
	const struct finding *f, size_t channel, const struct finding_tick *tick)
{
	for (size_t i = 0; tick != NULL && i < f->switches; i++)
		if (f->sw[i].to == channel && f->sw[i].at_ns == tick->at_ns)
			return &f->sw[i];
	return NULL;
}

void story_say(struct out *o, const struct finding *f, size_t channel, int64_t at_ns)
{
	struct attempt_of a = attempt_at(f, channel, at_ns);
	const struct finding_switch *sw = switch_at(f, channel, a.tick);
	struct row row = {.channel = {(uint8_t)channel}, .channels = 1};
	out_printf(o, "%s; %s ", finding_kind_sentence(f->kind), row_part(f, &row));
	say_endpoint(o, &f->channel[channel]);
	if (a.tick != NULL)
		out_printf(o, ", attempt %zu of %zu: %s", a.number, a.all,
			a.tick->outcome == OUTCOME_OK ? "answered" : outcome_name(a.tick->outcome));
	if (sw != NULL) {
		out_text(o, "; opened ");
		say_span(o, sw->after_ns);
		out_text(o, " after ");
		say_endpoint(o, &f->channel[sw->from]);
		out_printf(o, " failed (%s)", outcome_name(sw->failure));
	}
}
