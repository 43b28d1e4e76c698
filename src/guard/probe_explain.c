#include "guard/probe_private.h"

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

static void explain_windows(const struct probes *p, const struct probe *one, struct out *to)
{
	static const char *const of[] = {"blocks", "shams", "rests after them"};
	out_text(to, "something appeared in ");
	for (size_t i = 0; i < PROBE_WINDOWS; i++) {
		const struct probe_count *c = &one->count[i];
		out_printf(
			to, "%s%u of %u %s", i == 0 ? "" : ", ", probe_hits(c), c->windows, of[i]);
		if (c->fresh > 0)
			out_printf(to, " (%u times never met before)", c->fresh);
	}
	out_printf(to,
		"; evidence %.2f (confirmed from %.2f), log odds %.2f (cleared to %.2f), at a "
		"chance "
		"of %.3g a slot\n",
		one->log_e, probe_confirms(&p->config), one->llr, probe_clears(&p->config),
		probe_p0(p, one));
	if (one->count[PROBE_IN_BLOCK].windows > 0 && one->count[PROBE_IN_SHAM].windows > 0)
		out_printf(to, "by the coin alone: p %.2g (Fisher)\n", probe_fisher(one));
}

void probe_explain(const struct probes *p, const struct probe *one, struct out *to)
{
	char host[ADDR_TEXT_BYTES];
	out_printf(to, "%s: %s%s\n", addr_text(&one->host, host), verdicts[one->verdict],
		one->verdict == PROBE_CONFIRMED && one->phase != PROBE_COOLING
			? ", its other ways are looked for"
			: "");
	explain_windows(p, one, to);
	if (one->tree_blocks > 0)
		out_printf(to, "%u blocks after that, the last %u of them brought nothing new\n",
			one->tree_blocks, one->nothing_new);
	if (one->forgotten > 0)
		out_printf(to, "%u sights of channels found no room and count nothing\n",
			one->forgotten);
	for (uint32_t i = 0; i < one->channels; i++)
		explain_channel(&one->channel[i], i == 0, to);
}
