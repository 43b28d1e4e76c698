#include <string.h>

#include "base/limits.h"
#include "detect/detect_private.h"

/* Services that are asked of any server of a list: time servers, VPN remotes, STUN and TURN
 * servers. When one falls silent the next is asked; that is what the list is for, and no fallback
 * channel. Told for --all, so that nobody has to wonder. Details: docs/detectors/pool.md. */

/* Clocks poll every 1024 s at most (RFC 5905), VPN clients give up after two minutes. */
#define NEXT_NS (1200 * NS_PER_S)

static enum pool_service service_of(const struct view *v, uint32_t channel)
{
	const struct channel *c = v->channel[channel].channel;
	return pool_service((enum transport)c->transport, c->port);
}

/* Whether the answer is what the client of the silent server was looking for. */
static bool serves(const struct view *v, uint32_t from, uint32_t to)
{
	enum pool_service want = service_of(v, from);
	bool same_name = v->channel[from].group == v->channel[to].group;
	if (service_of(v, to) == want)
		return true;
	/* over TCP, when UDP finds no way: the same provider, or the same protocol */
	return want != POOL_TIME && (same_name || (want == POOL_VPN && speaks_vpn(v, to)));
}

/* The first answer by another server of that kind, or by another port, after the silence; 0 none.
 */
static uint32_t answered_by(const struct view *v, uint32_t failed)
{
	const struct attempt *a = &v->attempt[failed];
	for (uint32_t i = failed + 1; i < v->attempts; i++) {
		const struct attempt *b = &v->attempt[i];
		if (b->start_ns - a->over_ns > NEXT_NS)
			break;
		bool other = b->channel != a->channel || b->target != a->target;
		if (b->outcome == OUTCOME_OK && other && b->channel != CHANNEL_FORGOTTEN &&
			(b->flags & ATTEMPT_LOOKUP) == 0 && serves(v, a->channel, b->channel))
			return i;
	}
	return 0;
}

static void pool_run(const struct look *look, struct hits *hits)
{
	static const struct {
		enum pool_service service;
		enum mechanism why;
	} pools[] = {{POOL_TIME, MECHANISM_NTP_POOL}, {POOL_VPN, MECHANISM_VPN_REMOTES},
		{POOL_MEDIA, MECHANISM_MEDIA_PORTS}};
	const struct view *v = look->view;
	struct step *step = ARENA_NEW(look->arena, struct step, HIT_STEPS_MAX);
	for (size_t p = 0; step != NULL && p < ARRAY_LEN(pools); p++) {
		uint32_t count = 0;
		for (uint32_t i = 0; i < v->attempts && count < HIT_STEPS_MAX; i++) {
			const struct attempt *a = &v->attempt[i];
			if ((a->flags & ATTEMPT_POOL) == 0 || a->channel == CHANNEL_FORGOTTEN ||
				!outcome_is_failure((enum outcome)a->outcome) ||
				service_of(v, a->channel) != pools[p].service)
				continue;
			uint32_t next = answered_by(v, i);
			if (next == 0)
				continue;
			const struct attempt *b = &v->attempt[next];
			step[count++] = (struct step){.from = a->channel,
				.to = b->channel,
				.from_attempt = i,
				.to_attempt = next,
				.tries = 1,
				.why = pools[p].why,
				.fail_ns = a->over_ns,
				.at_ns = b->start_ns > a->over_ns ? b->start_ns : a->over_ns,
				.chance = 1};
		}
		struct hit like = {.by = &detector_pool, .kind = HIT_POOL, .why = pools[p].why};
		if (count > 0)
			(void)hit_new(look, hits, &like, step, count);
	}
}

const struct detector detector_pool = {
	.name = "pool",
	.attack = NULL,
	.explanation = "benign, told under --all: services that are asked of any server of a list "
		       "(time, VPN remotes, STUN)",
	.run = pool_run,
};
