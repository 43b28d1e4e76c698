#include "report/rows.h"

#include <string.h>

#include "base/check.h"

struct part {
	bool from, to; /* of any switch */
};

static struct part part_of(const struct finding *f, size_t channel)
{
	struct part part = {0};
	for (size_t i = 0; i < f->switches; i++) {
		part.from |= f->sw[i].from == channel;
		part.to |= f->sw[i].to == channel;
	}
	return part;
}

bool channel_is_beside(const struct finding *f, size_t channel)
{
	enum channel_role role = f->channel[channel].role;
	struct part part = part_of(f, channel);
	return role != ROLE_CARRIER && role != ROLE_FALLBACK && !part.from && !part.to;
}

const char *row_part(const struct finding *f, const struct row *row)
{
	if (row->channels > 1)
		return "tried";
	size_t channel = row->channel[0];
	enum channel_role role = f->channel[channel].role;
	struct part part = part_of(f, channel);
	if (channel_is_beside(f, channel))
		return "beside";
	if (role == ROLE_CARRIER)
		return "via";
	if (role == ROLE_FALLBACK)
		return "to";
	return part.from && (!part.to || role == ROLE_PRIMARY) ? "from" : "tried";
}

bool row_is_fallback(const struct finding *f, const struct row *row)
{
	enum channel_role role = f->channel[row->channel[0]].role;
	return row->channels == 1 && (role == ROLE_FALLBACK || role == ROLE_CARRIER);
}

struct counts {
	uint64_t tries, failures;
	enum outcome failure;
};

/* A name that was only looked up has no connections: its look-ups are counted. */
static struct counts counts_of(const struct finding *f, size_t channel)
{
	const struct finding_channel *ch = &f->channel[channel];
	struct counts c = {ch->connections, ch->failures, ch->failure};
	if (ch->connections > 0)
		return c;
	c.failures = 0;
	for (size_t i = 0; i < f->ticks; i++) {
		if (f->tick[i].channel != channel)
			continue;
		c.tries++;
		if (outcome_is_failure(f->tick[i].outcome)) {
			c.failures++;
			c.failure = f->tick[i].outcome;
		}
	}
	return c;
}

static void row_add(struct row *row, const struct finding *f, size_t channel)
{
	struct counts c = counts_of(f, channel);
	if (row->channels == 0 || c.failures > row->most_failures) {
		row->failure = c.failure;
		row->most_failures = c.failures;
	}
	row->channel[row->channels++] = (uint8_t)channel;
	row->tries += c.tries;
	row->failures += c.failures;
}

/* Channels in the order in which they come into the story. */
static void order_of(const struct finding *f, uint8_t order[FINDING_CHANNELS_MAX])
{
	int64_t first_ns[FINDING_CHANNELS_MAX];
	for (size_t i = 0; i < f->channels; i++)
		first_ns[i] = INT64_MAX;
	for (size_t i = f->ticks; i-- > 0;)
		first_ns[f->tick[i].channel] = f->tick[i].at_ns;
	for (size_t i = 0; i < f->channels; i++) {
		size_t at = i;
		for (; at > 0 && first_ns[order[at - 1]] > first_ns[i]; at--)
			order[at] = order[at - 1];
		order[at] = (uint8_t)i;
	}
}

/* Who keeps a row of his own: the ends of the story before its middle. */
static void choose(const struct finding *f, const uint8_t order[FINDING_CHANNELS_MAX], size_t max,
	bool own[FINDING_CHANNELS_MAX])
{
	size_t left = max - 1; /* one row is the group's */
	for (int pass = 0; pass < 3; pass++) {
		for (size_t i = 0; i < f->channels && left > 0; i++) {
			enum channel_role role = f->channel[order[i]].role;
			bool wanted = pass == 0   ? role == ROLE_FALLBACK || role == ROLE_CARRIER
			              : pass == 1 ? role == ROLE_PRIMARY || i == 0
			                          : true;
			if (!wanted || own[order[i]])
				continue;
			own[order[i]] = true;
			left--;
		}
	}
}

void rows_of(const struct finding *f, size_t max, struct rows *ret)
{
	CHECK(f->channels <= FINDING_CHANNELS_MAX && max >= 4);
	bool own[FINDING_CHANNELS_MAX] = {0};
	uint8_t order[FINDING_CHANNELS_MAX] = {0};
	order_of(f, order);
	if (f->channels <= max)
		memset(own, true, sizeof own);
	else
		choose(f, order, max, own);
	struct rows rows = {0};
	size_t group = FINDING_CHANNELS_MAX;
	for (int beside = 0; beside < 2; beside++) {
		for (size_t k = 0; k < f->channels; k++) {
			size_t i = order[k];
			if (channel_is_beside(f, i) != beside)
				continue;
			size_t at = own[i] || group == FINDING_CHANNELS_MAX ? rows.count++ : group;
			if (!own[i])
				group = at;
			row_add(&rows.row[at], f, i);
			rows.of[i] = (uint8_t)at;
		}
	}
	*ret = rows;
}
