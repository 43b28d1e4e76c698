#include <string.h>

#include "base/limits.h"
#include "host/outage.h"
#include "host/state.h"

/* An endpoint that more hosts than this, or than one in twenty, use is the site's, not one host's
 * (prototype section 3). */
#define RARE_HOSTS 2u
#define RARE_SHARE 20u

/* Fan-out guards (prototype section 8): peers of a file-sharing client; targets of a scan. */
#define FAN_NS         (600 * NS_PER_S)
#define PEERS_MIN      20u
#define PEER_PORTS_MIN 10u
#define TARGETS_MIN    30u

struct addr strings_addr(const struct strings *s, uint32_t number)
{
	const char *bytes = strings_get(s, number);
	struct addr a = {0};
	if (bytes != NULL)
		memcpy(a.byte, bytes, sizeof a.byte);
	return a;
}

/* What an address was called by anybody at any time, unless too many share it. */
static void name_any_time(const struct hosts *hs, struct view_channel *vc)
{
	struct addr addr = strings_addr(hosts_strings(hs), vc->endpoint);
	uint32_t domain = hosts_name_of(hs, &addr);
	if (domain == 0)
		return;
	vc->endpoint = domain;
	vc->named = true;
}

/* What the host met as a bare address was asked for by its address then. */
static bool known_by_name(
	const struct hosts *hs, const struct host *h, const struct view_channel *vc)
{
	const struct channel *c = vc->channel;
	if (c->named || !vc->named)
		return false;
	struct channel_key key = {.endpoint = vc->endpoint,
		.port = c->port,
		.transport = c->transport,
		.named = true};
	return contact_known(hosts_told(hs), h, &key, NULL);
}

static void look_at_channel(
	const struct hosts *hs, const struct channel *c, struct view_channel *vc)
{
	*vc = (struct view_channel){.channel = c, .endpoint = c->endpoint, .named = c->named};
	if (!vc->named)
		name_any_time(hs, vc);
	if (vc->named) {
		const struct strings *strings = hosts_strings(hs);
		const char *name =
			strings_get(strings, c->named && c->name != 0 ? c->name : vc->endpoint);
		vc->class = domain_class(name, &vc->operator);
	}
	const struct endpoint_use *use = naming_use_find(hosts_naming(hs), vc->endpoint);
	vc->hosts = use == NULL ? 0 : use->count;
	uint32_t many = (uint32_t)(hosts_count(hs) / RARE_SHARE);
	bool pool = pool_service((enum transport)c->transport, c->port) != POOL_NONE &&
	            ignored_service((enum transport)c->transport, c->port);
	vc->rare = !pool && domain_is_rare(vc->class) &&
	           vc->hosts <= (many > RARE_HOSTS ? many : RARE_HOSTS);
}

static void group_channels(struct view *v)
{
	for (uint32_t i = 0; i < v->channels; i++) {
		uint32_t j = 1;
		while (j < i && (v->channel[j].endpoint != v->channel[i].endpoint ||
					v->channel[j].named != v->channel[i].named))
			j++;
		v->channel[i].group = i == CHANNEL_FORGOTTEN ? i : j;
	}
}

/* An attempt is an arrival when it was the host's first contact and no other channel of the
 * endpoint, as it is named now, was used before. */
static void find_arrivals(struct view *v, bool *met)
{
	for (uint32_t i = 0; i < v->attempts; i++) {
		const struct attempt *a = &v->attempt[i];
		const struct view_channel *vc = &v->channel[a->channel];
		bool first = (a->flags & ATTEMPT_FIRST) != 0 && (a->flags & ATTEMPT_JOINED) == 0 &&
		             !vc->known;
		bool forgotten = a->channel == CHANNEL_FORGOTTEN;
		if (first &&
			(forgotten ? (a->flags & ATTEMPT_RARE) != 0 : vc->rare && !met[vc->group]))
			v->arrival[v->arrivals++] = i;
		met[vc->group] = true;
	}
}

static void find_bursts(struct view *v, uint32_t *open)
{
	for (uint32_t i = 0; i < v->channels; i++)
		open[i] = UINT32_MAX;
	for (uint32_t i = 0; i < v->attempts; i++) {
		const struct attempt *a = &v->attempt[i];
		bool failed = attempt_failed(a);
		struct burst *b =
			open[a->channel] == UINT32_MAX ? NULL : &v->burst[open[a->channel]];
		if (b != NULL) {
			int64_t since = v->attempt[b->last].start_ns;
			since = b->fail_ns > since ? b->fail_ns : since;
			if (a->start_ns - since >= BURST_GAP_NS)
				b = NULL;
		}
		if (b == NULL) {
			open[a->channel] = v->bursts;
			b = &v->burst[v->bursts++];
			*b = (struct burst){.channel = a->channel,
				.first = i,
				.start_ns = a->start_ns,
				.failed = true};
		}
		b->last = i;
		v->burst_of[i] = (uint32_t)(b - v->burst);
		b->failures += failed;
		if (failed && b->first_fail_ns == 0)
			b->first_fail_ns = a->over_ns;
		if (failed && a->over_ns > b->fail_ns)
			b->fail_ns = a->over_ns;
		/* an answer, or what was open before, means that the channel works; an unknown
		 * outcome says nothing */
		if (a->outcome == OUTCOME_OK || (a->flags & ATTEMPT_JOINED) != 0)
			b->failed = false;
	}
	for (uint32_t i = 0; i < v->bursts; i++)
		v->burst[i].failed = v->burst[i].failed && v->burst[i].failures > 0;
}

/* When each endpoint answered. What was forgotten of a channel that worked, worked since the
 * channel began. */
static void find_answers(struct view *v)
{
	for (uint32_t i = 0; i < v->channels; i++)
		v->worked_ns[i] = INT64_MAX;
	for (uint32_t i = 1; i < v->channels; i++) {
		const struct channel *c = v->channel[i].channel;
		uint32_t group = v->channel[i].group;
		if (c->connections > c->failures && c->first_ns < v->worked_ns[group] &&
			v->attempts > 0 && c->first_ns < v->attempt[0].start_ns)
			v->worked_ns[group] = c->first_ns;
	}
	for (uint32_t i = 0; i < v->attempts; i++) {
		const struct attempt *a = &v->attempt[i];
		uint32_t group = v->channel[a->channel].group;
		if (a->outcome != OUTCOME_OK || a->channel == CHANNEL_FORGOTTEN)
			continue;
		if (a->start_ns < v->worked_ns[group])
			v->worked_ns[group] = a->start_ns;
		v->works_ns[group] = a->start_ns;
	}
}

/* A minute to either side; what fails together there is one outage. */
#define OUTAGE_NS   (60 * NS_PER_S)
#define OUTAGE_LOST 3u
#define OUTAGE_MAX  8u

struct outage {                    /* of one host */
	uint32_t lost[OUTAGE_MAX]; /* groups that had worked */
	uint32_t losses, returned, answers;
};

static void lose(const struct view *v, struct outage *o, uint32_t group, int64_t after_ns)
{
	for (uint32_t i = 0; i < o->losses; i++)
		if (o->lost[i] == group)
			return;
	if (o->losses == OUTAGE_MAX)
		return;
	o->lost[o->losses++] = group;
	o->returned += v->works_ns[group] > after_ns;
}

/* Three endpoints that worked are lost (not denied) within a minute, next to nothing answers, and
 * half of them come back: the network was away. Servers that a list tries never worked, and those
 * that were taken down don't return. */
static bool host_outage(const struct view *v, uint32_t attempt)
{
	struct outage o = {0};
	const struct attempt *at = &v->attempt[attempt];
	int64_t from_ns = at->start_ns - OUTAGE_NS, to_ns = at->over_ns + OUTAGE_NS;
	int64_t begin_ns = at->start_ns, end_ns = at->start_ns; /* of what was lost */
	uint32_t first = attempt;
	while (first > 0 && v->attempt[first - 1].start_ns >= from_ns)
		first--;
	for (uint32_t i = first; i < v->attempts && v->attempt[i].start_ns <= to_ns; i++) {
		const struct attempt *a = &v->attempt[i];
		uint32_t group = v->channel[a->channel].group;
		if (!attempt_failed(a) || a->outcome == OUTCOME_DENIED ||
			v->worked_ns[group] >= a->start_ns)
			continue;
		lose(v, &o, group, at->over_ns);
		begin_ns = a->start_ns < begin_ns ? a->start_ns : begin_ns;
		end_ns = a->start_ns > end_ns ? a->start_ns : end_ns;
	}
	for (uint32_t i = first; i < v->attempts && v->attempt[i].start_ns <= end_ns; i++)
		/* what was asked more than once may have been answered when all returned */
		o.answers += v->attempt[i].outcome == OUTCOME_OK && v->attempt[i].tries <= 1 &&
		             v->attempt[i].start_ns >= begin_ns;
	return o.losses >= OUTAGE_LOST && 3 * o.answers <= o.losses && 2 * o.returned >= o.losses;
}

bool view_outage(const struct view *v, uint32_t attempt)
{
	const struct attempt *a = &v->attempt[attempt];
	return outages_at(v->outages, a->start_ns) || outages_at(v->outages, a->over_ns) ||
	       host_outage(v, attempt);
}

struct fan {
	uint32_t peers, ports, failing;
};

/* Distinct bare addresses first met in the window that begins with arrival `from`, their ports and
 * how many failed. */
static struct fan fan_out(const struct view *v, uint32_t from)
{
	struct fan f = {0};
	uint16_t port[PEER_PORTS_MIN];
	int64_t start_ns = v->attempt[v->arrival[from]].start_ns;
	for (uint32_t i = from; i < v->arrivals; i++) {
		const struct attempt *a = &v->attempt[v->arrival[i]];
		const struct view_channel *vc = &v->channel[a->channel];
		if (a->start_ns - start_ns > FAN_NS)
			break;
		if (vc->named)
			continue;
		f.failing += attempt_failed(a);
		if (vc->channel->port < 1024)
			continue;
		f.peers++;
		uint32_t p = 0;
		while (p < f.ports && port[p] != vc->channel->port)
			p++;
		if (p == f.ports && f.ports < PEER_PORTS_MIN)
			port[f.ports++] = vc->channel->port;
	}
	return f;
}

static void look_for_fans(struct view *v)
{
	uint32_t bare = 0;
	for (uint32_t i = 0; i < v->arrivals; i++)
		bare += !v->channel[v->attempt[v->arrival[i]].channel].named;
	if (bare < PEERS_MIN)
		return; /* nearly every host: the walk below grows with the square */
	for (uint32_t i = 0; i < v->arrivals; i++) {
		struct fan f = fan_out(v, i);
		v->peer_to_peer |= f.peers >= PEERS_MIN && f.ports >= PEER_PORTS_MIN;
		v->scanning |= f.failing >= TARGETS_MIN && f.ports < PEER_PORTS_MIN;
	}
}

bool host_view(const struct hosts *hs, struct host *h, struct arena *arena, struct view *ret)
{
	host_join_successes(h);
	struct view v = {.host = h,
		.strings = hosts_strings(hs),
		.uids = hosts_uids(hs),
		.attempt = h->attempt,
		.attempts = h->attempts,
		.channels = h->channels,
		.hosts = hosts_count(hs),
		.outages = hosts_outages(hs),
		.active_s = (double)h->active_ns / (double)NS_PER_S,
		.arrivals_ever = (double)h->arrivals,
		.one_way = h->answered == 0};
	if (v.active_s < 60)
		v.active_s = 60;
	v.channel = ARENA_NEW(arena, struct view_channel, h->channels);
	v.burst = ARENA_NEW(arena, struct burst, h->attempts);
	v.burst_of = ARENA_NEW(arena, uint32_t, h->attempts);
	v.arrival = ARENA_NEW(arena, uint32_t, h->attempts);
	v.worked_ns = ARENA_NEW(arena, int64_t, h->channels);
	v.works_ns = ARENA_NEW(arena, int64_t, h->channels);
	bool *met = ARENA_NEW(arena, bool, h->channels);
	uint32_t *open = ARENA_NEW(arena, uint32_t, h->channels);
	if (v.channel == NULL || v.burst == NULL || v.burst_of == NULL || v.arrival == NULL ||
		v.worked_ns == NULL || v.works_ns == NULL || met == NULL || open == NULL)
		return false;
	for (uint32_t i = 1; i < h->channels; i++) {
		look_at_channel(hs, &h->channel[i], &v.channel[i]);
		v.channel[i].known = known_by_name(hs, h, &v.channel[i]);
	}
	v.channel[CHANNEL_FORGOTTEN].channel = &h->channel[CHANNEL_FORGOTTEN];
	group_channels(&v);
	find_arrivals(&v, met);
	find_bursts(&v, open);
	find_answers(&v);
	look_for_fans(&v);
	*ret = v;
	return true;
}

bool host_view_as(
	const struct view *v, const struct attempt *attempt, struct arena *arena, struct view *ret)
{
	struct view other = *v;
	other.attempt = attempt;
	other.burst = ARENA_NEW(arena, struct burst, v->attempts);
	other.burst_of = ARENA_NEW(arena, uint32_t, v->attempts);
	uint32_t *open = ARENA_NEW(arena, uint32_t, v->channels);
	if (other.burst == NULL || other.burst_of == NULL || open == NULL)
		return false;
	other.bursts = 0;
	other.peer_to_peer = other.scanning = false;
	find_bursts(&other, open);
	look_for_fans(&other);
	*ret = other;
	return true;
}

const char *view_uid(const struct view *v, const struct attempt *a)
{
	return uids_get(v->uids, a->uid);
}

bool view_same_party(const struct view *v, uint32_t channel_a, uint32_t channel_b)
{
	const struct view_channel *a = &v->channel[channel_a], *b = &v->channel[channel_b];
	if (a->group == b->group)
		return true;
	if (a->operator!= NULL && b->operator!= NULL && strcmp(a->operator, b->operator) == 0)
		return true;
	if (a->named || b->named)
		return false;
	struct addr x = strings_addr(v->strings, a->endpoint),
		    y = strings_addr(v->strings, b->endpoint);
	return addr_same_net(&x, &y);
}

const char *view_endpoint_text(
	const struct view *v, uint32_t channel, char buf[static ADDR_TEXT_BYTES])
{
	const struct view_channel *vc = &v->channel[channel];
	if (vc->named)
		return strings_get(v->strings, vc->endpoint);
	struct addr a = strings_addr(v->strings, vc->endpoint);
	return addr_text(&a, buf);
}
