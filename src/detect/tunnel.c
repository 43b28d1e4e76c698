#include <math.h>

#include "base/limits.h"
#include "detect/detect_private.h"
#include "detect/stats.h"

/* Another carrier: names that hold data (DNS), echo with payloads of its own, requests for the time
 * that are too long, or a DNS resolver over HTTPS; in use since a rare channel failed. What was
 * carried and when it began are two chances, pooled (Fisher). Theory and cost:
 * docs/detectors/tunnel.md. */

/* The share of innocent (host, domain) days on which names carry this many bytes: 0.004 at 0.7
 * bytes a second (ibHH, arXiv 2307.02614), and as heavy a tail around it as a mean allows. */
#define INNOCENT_SHARE 0.004
#define INNOCENT_BYTES (0.7 * 86400)
/* Reputation services, telemetry and content networks put hashes into names, ever so many: names
 * alone can't tell. What they do not do is to ask for records of several kinds, or of kinds without
 * use. */
#define HASHES_FLOOR  0.2
#define RECORDS_FLOOR 0.02
/* A hash of 512 bits is the longest in use: who tells more a question sends something else. Some
 * services put whole addresses of pages into names. */
#define LONG_FLOOR 0.06
#define HASH_BYTES 64.0
/* Payloads that change: some tools for measuring do that. */
#define ECHO_FLOOR 0.05
#define FORMS      2.0 /* alone, or after a failure */

/* One carrier that may have been fallen back to. */
struct candidate {
	uint32_t channel, messages;
	int64_t first_ns;
	double bytes, chance; /* what was carried; an innocent host's chance to show it */
	uint8_t kind, types;
};

static unsigned ones(unsigned bits)
{
	return (unsigned)__builtin_popcount(bits);
}

static double chance_of(const struct carrier *c)
{
	double days = (double)(c->last_ns - c->first_ns) / (86400.0 * (double)NS_PER_S);
	double per_day = carrier_bytes(c) / fmax(1, days);
	double chance = fmin(1, INNOCENT_SHARE * INNOCENT_BYTES / per_day);
	unsigned data = c->types & (CARRIER_TXT | CARRIER_NULL | CARRIER_CNAME | CARRIER_MX);
	bool is_long = carrier_bytes(c) > HASH_BYTES * c->messages;
	double floor = c->kind != CARRIER_DNS                          ? ECHO_FLOOR
	               : (data & CARRIER_NULL) != 0 || ones(data) >= 2 ? RECORDS_FLOOR
	               : is_long                                       ? LONG_FLOOR
	                                                               : HASHES_FLOOR;
	return fmax(chance, floor);
}

static uint32_t channel_of(const struct view *v, const struct carrier *c)
{
	for (uint32_t i = 1; i < v->channels; i++) {
		const struct channel *ch = v->channel[i].channel;
		bool kind = c->kind == CARRIER_ECHO
		                    ? ch->transport == TRANSPORT_ICMP
		                    : ch->transport == TRANSPORT_UDP &&
		                              ch->port == (c->kind == CARRIER_DNS ? 53 : 123);
		if (ch->used && kind && ch->endpoint == c->endpoint)
			return i;
	}
	return CHANNEL_FORGOTTEN;
}

/* DNS over HTTPS: a first contact with a resolver; what it was asked is not seen. */
static bool resolver_of(const struct view *v, uint32_t channel, struct candidate *ret)
{
	const struct channel *ch = v->channel[channel].channel;
	if (!ch->used || v->channel[channel].class != DOMAIN_RESOLVER ||
		ch->transport == TRANSPORT_OTHER)
		return false;
	for (uint32_t i = 0; i < v->attempts; i++) {
		const struct attempt *a = &v->attempt[i];
		if (v->channel[a->channel].group != v->channel[channel].group)
			continue;
		*ret = (struct candidate){.channel = channel,
			.messages = ch->connections,
			.first_ns = a->start_ns,
			.chance = HASHES_FLOOR};
		return a->channel == channel && a->outcome == OUTCOME_OK &&
		       (a->flags & ATTEMPT_FIRST) != 0;
	}
	return false;
}

/* When it was first used, as far as the host remembers; 0: that was forgotten. */
static int64_t since(const struct view *v, uint32_t channel, int64_t first_ns)
{
	const struct channel *ch = v->channel[channel].channel;
	if (host_forgot_channel(v->host, ch))
		return 0;
	return ch->first_ns != 0 && ch->first_ns < first_ns ? ch->first_ns : first_ns;
}

static uint32_t candidates(const struct view *v, struct candidate *ret)
{
	uint32_t count = 0;
	for (size_t i = 0; v->host->carrier != NULL && i < HOST_CARRIERS_MAX; i++) {
		const struct carrier *c = &v->host->carrier[i];
		uint32_t channel = c->proven ? channel_of(v, c) : CHANNEL_FORGOTTEN;
		if (channel != CHANNEL_FORGOTTEN)
			ret[count++] = (struct candidate){.channel = channel,
				.messages = c->messages,
				.first_ns = since(v, channel, c->first_ns),
				.bytes = carrier_bytes(c),
				.chance = chance_of(c),
				.kind = c->kind,
				.types = c->types};
	}
	for (uint32_t i = 1; i < v->channels && count < 2 * HOST_CARRIERS_MAX; i++)
		count += resolver_of(v, i, &ret[count]);
	return count;
}

/* The carrier's first attempt in view, or UINT32_MAX. */
static uint32_t first_attempt(const struct view *v, uint32_t channel)
{
	for (uint32_t i = 0; i < v->attempts; i++)
		if (v->attempt[i].channel == channel)
			return i;
	return UINT32_MAX;
}

static void judge(
	const struct look *look, const struct candidate *c, uint32_t count, struct hits *hits)
{
	const struct view *v = look->view;
	const struct view_channel *vc = &v->channel[c->channel];
	struct hit like = {.by = &detector_tunnel,
		.kind = HIT_TUNNEL,
		.channel = c->channel,
		.messages = c->messages,
		.bytes = c->bytes,
		.carrier = c->kind,
		.types = c->types,
		/* servers of time are pools, and not rare as such */
		.why = vc->rare || c->bytes <= 0 || c->kind == CARRIER_NTP ? MECHANISM_NONE
	                                                                   : MECHANISM_POPULAR,
		.timing_bits = -log2(c->chance),
		.what_bits = -log2(c->chance),
		.trials_bits = log2(FORMS * count)};
	struct failures failures;
	uint32_t to = first_attempt(v, c->channel), from = UINT32_MAX;
	if (to != UINT32_MAX && c->first_ns != 0 &&
		failures_find(v, c->channel, look->arena, &failures))
		from = failure_before(v, &failures, c->first_ns);
	if (from != UINT32_MAX && c->bytes <= 0 && /* one resolver for another */
		mechanism_between(v, v->attempt[from].channel, c->channel) ==
			MECHANISM_RESOLVER_POOL)
		from = UINT32_MAX;
	if (from != UINT32_MAX) {
		struct step s = {.from = v->attempt[from].channel,
			.to = c->channel,
			.from_attempt = from,
			.to_attempt = to,
			.tries = 1,
			.fail_ns = v->attempt[from].over_ns,
			.at_ns = c->first_ns};
		s.chance = failure_chance(v, &failures, from, c->first_ns, &s.delay_s);
		double both = fisher_tail(2, -log(c->chance) - log(s.chance));
		if (both < c->chance) {
			like.timing_bits = -log2(both);
			(void)hit_new(look, hits, &like, &s, 1);
			return;
		}
	}
	if (c->bytes > 0)
		(void)hit_new(look, hits, &like, NULL, 0);
}

static void tunnel_run(const struct look *look, struct hits *hits)
{
	struct candidate candidate[2 * HOST_CARRIERS_MAX];
	uint32_t count = candidates(look->view, candidate);
	for (uint32_t i = 0; i < count; i++)
		judge(look, &candidate[i], count, hits);
}

const struct detector detector_tunnel = {
	.name = "tunnel",
	.attack = "T1071.004, T1095, T1572",
	.explanation = "data goes on inside DNS names, echo or another carrier, since a rare "
		       "channel failed",
	.run = tunnel_run,
};
