#include <math.h>

#include "guard/probe_private.h"

static double log_choose(uint32_t n, uint32_t k)
{
	return lgamma(n + 1.0) - lgamma(k + 1.0) - lgamma(n - k + 1.0);
}

double probe_fisher(const struct probe *one)
{
	uint32_t slots = one->blocks + one->shams, hits = one->block_hits + one->sham_hits;
	uint32_t most = hits < one->blocks ? hits : one->blocks;
	double sum = 0;
	for (uint32_t k = one->block_hits; k <= most; k++)
		if (hits - k <= one->shams)
			sum += exp(log_choose(one->blocks, k) + log_choose(one->shams, hits - k) -
				   log_choose(slots, hits));
	return sum < 1 ? sum : 1;
}

static const char *const verdicts[] = {
	[PROBE_OPEN] = "not decided yet",
	[PROBE_CLEARED] = "cleared: blocks bring nothing that shams do not",
	[PROBE_UNDECIDED] = "undecided",
	[PROBE_CONFIRMED] = "confirmed: it has a fallback",
	[PROBE_STOPPED] = "stopped",
};

static void explain_channel(const struct probe_channel *c, bool first, struct out *to)
{
	out_text(to, first ? "asked about: " : c->in_set ? "way: " : "other: ");
	out_safe(to, c->key, sizeof c->key);
	if (c->block_hits + c->sham_hits > 0)
		out_printf(to, ": appeared in %u blocks and %u shams", c->block_hits, c->sham_hits);
	if (c->block_hits > 0) {
		out_text(to, ", after ");
		out_duration(to, c->lag_ns / c->block_hits);
		out_text(to, " on average");
	}
	if (c->spared)
		out_text(to, "; never shut: popular or on the list");
	out_text(to, "\n");
}

void probe_explain(const struct probes *p, const struct probe *one, struct out *to)
{
	char host[ADDR_TEXT_BYTES];
	out_printf(to, "%s: %s%s\n", addr_text(&one->host, host), verdicts[one->verdict],
		one->verdict == PROBE_CONFIRMED && one->phase != PROBE_COOLING
			? ", its other ways are looked for"
			: "");
	out_printf(to,
		"something new appeared in %u of %u blocks, %u of %u shams and %u of %u rests "
		"after them; log odds %.2f "
		"(confirmed from %.2f, cleared to %.2f), at a chance of %.3g a slot\n",
		one->block_hits, one->blocks, one->sham_hits, one->shams, one->rest_hits,
		one->rests, one->llr, log((1 - p->config.beta) / p->config.alpha),
		log(p->config.beta / (1 - p->config.alpha)), probe_p0(p, one));
	if (one->blocks > 0 && one->shams > 0)
		out_printf(to, "by the coin alone: p %.2g (Fisher)\n", probe_fisher(one));
	if (one->tree_blocks > 0)
		out_printf(to, "%u blocks after that, the last %u of them brought nothing new\n",
			one->tree_blocks, one->nothing_new);
	if (one->forgotten > 0)
		out_printf(to, "%u sights of channels found no room and count nothing\n",
			one->forgotten);
	for (uint32_t i = 0; i < one->channels; i++)
		explain_channel(&one->channel[i], i == 0, to);
}
