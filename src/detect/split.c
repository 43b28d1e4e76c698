#include <math.h>

#include "base/limits.h"
#include "detect/detect_private.h"
#include "detect/stats.h"

/* Volume kept under a threshold: uploads to several parties, one after another, all of nearly one
 * size. Sizes of one party are alike by habit; those of several parties are not, and neither do
 * they take turns. Theory and cost: docs/detectors/split.md. */

#define PARTIES_MIN 3u
#define PIECES_MIN  6u
/* Half an octave under the cap: how often another party's uploads are of that size by accident. The
 * densest half octave of a log-normal with a standard deviation of 1.3 octaves. */
#define BAND       0.70710678
#define BAND_SHARE 0.15
/* In all, so many times the cap: else nothing was spread. */
#define VOLUME_MIN 4.0
/* Taking turns may be a program's way to balance its load: no more than this is it worth. */
#define ORDER_FLOOR 0.01
/* Sets of uploads that a host may show a day. */
#define SETS_A_DAY 10.0
/* Copies are of one size within the overhead of their transport. */
#define COPY_SHARE 0.0005
#define COPY_BYTES 512.0

struct piece {
	uint32_t channel, party; /* party: the first channel of it that was seen */
	double bytes;
	int64_t at_ns;
};

struct pieces {
	struct piece piece[HOST_UPLOADS_MAX];
	uint32_t count, parties;
};

/* The channel that was uploaded to, when it is rare. */
static uint32_t channel_of(const struct view *v, uint32_t endpoint)
{
	for (uint32_t i = 1; i < v->channels; i++)
		if (v->channel[i].channel->used && v->channel[i].channel->endpoint == endpoint)
			return v->channel[i].rare && v->channel[i].operator== NULL
			               ? i
			               : CHANNEL_FORGOTTEN;
	return CHANNEL_FORGOTTEN;
}

static uint32_t party_of(const struct view *v, const struct pieces *p, uint32_t channel)
{
	for (uint32_t i = 0; i < p->count; i++)
		if (view_same_party(v, p->piece[i].channel, channel))
			return p->piece[i].party;
	return channel;
}

static uint32_t parties_of(const struct pieces *p)
{
	uint32_t parties = 0;
	for (uint32_t i = 0; i < p->count; i++) {
		uint32_t k = 0;
		while (p->piece[k].party != p->piece[i].party)
			k++;
		parties += k == i;
	}
	return parties;
}

static void collect(const struct view *v, struct pieces *p)
{
	for (uint32_t i = 0; i < v->host->uploads; i++) {
		const struct upload *u = &v->host->upload[i];
		uint32_t channel = channel_of(v, u->endpoint);
		if (channel == CHANNEL_FORGOTTEN)
			continue;
		struct piece piece = {.channel = channel, .bytes = u->bytes, .at_ns = u->at_ns};
		piece.party = party_of(v, p, channel);
		p->piece[p->count++] = piece;
	}
	p->parties = parties_of(p);
}

/* Those of half an octave under the cap. */
static void under(const struct pieces *all, double cap, struct pieces *ret)
{
	*ret = (struct pieces){0};
	for (uint32_t i = 0; i < all->count; i++)
		if (all->piece[i].bytes <= cap && all->piece[i].bytes >= cap * BAND)
			ret->piece[ret->count++] = all->piece[i];
	ret->parties = parties_of(ret);
}

static double bytes_of(const struct pieces *p)
{
	double sum = 0;
	for (uint32_t i = 0; i < p->count; i++)
		sum += p->piece[i].bytes;
	return sum;
}

/* The chance that so few neighbours in time went to one party, if the order were any. */
static double order_chance(const struct pieces *p)
{
	uint32_t neighbours = 0, alike = 0;
	for (uint32_t i = 0; i + 1 < p->count; i++)
		neighbours += p->piece[i].party == p->piece[i + 1].party;
	for (uint32_t i = 0; i < p->count; i++)
		for (uint32_t k = 0; k < p->count; k++)
			alike += i != k && p->piece[i].party == p->piece[k].party;
	double share = alike / ((double)p->count * (p->count - 1));
	double chance = 1 - binomial_tail(p->count - 1, share, neighbours + 1);
	return fmin(1, fmax(ORDER_FLOOR, chance));
}

static bool same_size(double a, double b)
{
	return fabs(a - b) <= fmax(COPY_BYTES, COPY_SHARE * fmax(a, b));
}

/* A copy of a piece that went to another party before: one file for many places says of their sizes
 * what one says. The same size again to one party is no copy of a file. */
static bool is_copy(const struct pieces *p, uint32_t index)
{
	const struct piece *b = &p->piece[index];
	bool copy = false;
	for (uint32_t i = 0; i < p->count; i++) {
		const struct piece *a = &p->piece[i];
		if (i == index || !same_size(a->bytes, b->bytes))
			continue;
		if (a->party == b->party)
			return false;
		copy |= i < index;
	}
	return copy;
}

static void drop_copies(const struct pieces *all, struct pieces *ret)
{
	*ret = (struct pieces){0};
	for (uint32_t i = 0; i < all->count; i++)
		if (!is_copy(all, i))
			ret->piece[ret->count++] = all->piece[i];
	ret->parties = parties_of(ret);
}

static void describe(const struct pieces *p, double cap, struct hit *ret)
{
	ret->low_bytes = ret->high_bytes = cap;
	ret->bytes = bytes_of(p);
	ret->messages = p->count;
	ret->span_ns = p->piece[0].at_ns;
	ret->span_s = (double)(p->piece[p->count - 1].at_ns - ret->span_ns) / (double)NS_PER_S;
	for (uint32_t i = 0; i < p->count; i++) {
		ret->low_bytes = fmin(ret->low_bytes, p->piece[i].bytes);
		uint32_t k = 0;
		while (k < ret->places && ret->place[k] != p->piece[i].party)
			k++;
		if (k == ret->places && k < HIT_PLACES_MAX)
			ret->place[ret->places++] = p->piece[i].party;
	}
}

/* The cap among the pieces' sizes under which it is the least likely by accident. False: none. */
static bool best_cap(const struct pieces *all, struct hit *best)
{
	struct pieces some;
	if (all->count < PIECES_MIN || all->parties < PARTIES_MIN)
		return false;
	for (uint32_t i = 0; i < all->count; i++) {
		double cap = all->piece[i].bytes;
		under(all, cap, &some);
		if (some.count < PIECES_MIN || some.parties < PARTIES_MIN ||
			bytes_of(&some) < VOLUME_MIN * cap)
			continue;
		/* the cap is one party's own: it takes no chance */
		double sizes = -log(binomial_tail(all->parties - 1, BAND_SHARE, some.parties - 1));
		double order = -log(order_chance(&some));
		double bits = -log2(fisher_tail(2, sizes + order));
		if (bits <= best->timing_bits)
			continue;
		*best = (struct hit){.by = &detector_split,
			.kind = HIT_SPLIT,
			.timing_bits = bits,
			.what_bits = bits * sizes / (sizes + order),
			.trials_bits = log2(all->parties * SETS_A_DAY)};
		describe(&some, cap, best);
	}
	return best->places > 0;
}

static void split_run(const struct look *look, struct hits *hits)
{
	struct pieces all = {0}, originals;
	struct hit best = {0};
	if (look->view->peer_to_peer)
		return;
	collect(look->view, &all);
	drop_copies(&all, &originals);
	if (best_cap(&originals, &best)) {
		(void)hit_new(look, hits, &best, NULL, 0);
	} else if (best_cap(&all, &best)) {
		best.why = MECHANISM_MIRROR;
		(void)hit_new(look, hits, &best, NULL, 0);
	}
}

const struct detector detector_split = {
	.name = "split",
	.attack = "T1030",
	.explanation =
		"volume goes to several parties in pieces of nearly one size, in turns: under a "
		"threshold",
	.run = split_run,
};
