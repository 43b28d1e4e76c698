#include "detect/detect.h"

#include <math.h>
#include <string.h>

#include "detect/detect_private.h"

static const struct detector *const detectors[] = {
#define DETECTOR(name) &detector_##name,
#include "detect/detectors.def"
#undef DETECTOR
};

size_t detectors_count(void)
{
	return ARRAY_LEN(detectors);
}

const struct detector *detectors_get(size_t index)
{
	CHECK(index < ARRAY_LEN(detectors));
	return detectors[index];
}

static const struct {
	const char *name, *sentence;
} mechanisms[MECHANISM_COUNT] = {
	[MECHANISM_NONE] = {"none", "no benign mechanism explains it"},
	[MECHANISM_SAME_NAME] = {"same-name", "both are the same name or address: another address, "
					      "port or protocol of one service"},
	[MECHANISM_HAPPY_EYEBALLS] = {"happy-eyeballs",
		"the same name over IPv6 and then IPv4 at once, as RFC 8305 has it"},
	[MECHANISM_QUIC_TO_TCP] = {"quic-to-tcp",
		"the same name over QUIC and then TCP, as browsers do"},
	[MECHANISM_SAME_OPERATOR] = {"same-operator", "both belong to one large operator"},
	[MECHANISM_SAME_NETWORK] = {"same-network",
		"neighbouring addresses of one network: a balanced pair"},
	[MECHANISM_SEARCH_SUFFIX] = {"search-suffix",
		"one host name tried under several search domains, as resolvers do"},
	[MECHANISM_RESOLVER_RETRY] = {"resolver-retry",
		"the same question answered on the next try"},
	[MECHANISM_PROBE] = {"probe", "a connectivity check or a what-is-my-address service"},
	[MECHANISM_POPULAR] = {"popular", "a service that everybody, or many hosts here, use"},
	[MECHANISM_PARALLEL] = {"parallel", "opened beside the failing one, before it had failed"},
	[MECHANISM_PEER_TO_PEER] = {"peer-to-peer",
		"one of many peers on many ports: file sharing or the like"},
	[MECHANISM_SCAN] = {"scan", "one of many failing targets on few ports: a scan"},
	[MECHANISM_COMPANION] = {"companion",
		"it follows the other's successes as much as its failures"},
	[MECHANISM_COMMON_TICK] = {"common-tick",
		"both run on one clock, so they always come close together"},
	[MECHANISM_MIRROR] = {"mirror", "a package tool walks its published mirrors"},
	[MECHANISM_GATEWAY] = {"gateway",
		"it stands before everything, like a resolver or a proxy: one new endpoint after "
		"another follows its failures"},
	[MECHANISM_NTP_POOL] = {"ntp-pool",
		"a clock replaces a time server that fell silent by another"},
	[MECHANISM_MX_WALK] = {"mx-walk",
		"a mail server tries the mail exchangers that DNS lists, one after the other"},
	[MECHANISM_VPN_REMOTES] = {"vpn-remotes",
		"a VPN client walks the remotes of its profile, in its own protocol"},
	[MECHANISM_MEDIA_PORTS] = {"media-ports",
		"a call looks for a way out: STUN and TURN servers, then TCP and TLS"},
	[MECHANISM_RESOLVER_POOL] = {"resolver-pool",
		"one published resolver for DNS over HTTPS or TLS after another"},
	[MECHANISM_OUTAGE] = {"outage",
		"much that had worked failed at once and came back: the network was away"},
	[MECHANISM_COMMON_PAIR] = {"common-pair", "many hosts here know both ends: their software, "
						  "not one host's intruder"},
	[MECHANISM_MOVED] = {"moved",
		"the host itself left or slept: nothing that it used just before goes on"},
	[MECHANISM_MONITOR] = {"monitor", "a monitoring tool asks each of its targets in turn"},
};

const char *mechanism_name(enum mechanism m)
{
	return mechanisms[m].name;
}

const char *mechanism_sentence(enum mechanism m)
{
	return mechanisms[m].sentence;
}

/* Nobody is told of what an innocent network shows this often; it would only push out the rest. */
#define E_MAX 100.0
/* Smaller than anything that means something; an E is never 0. */
#define E_MIN 1e-300

/* Room for one more: the weakest gives way. NULL when e is weaker than all kept. */
static struct hit *hits_add(struct hits *hits, double e)
{
	if (hits->count < hits->max)
		return &hits->hit[hits->count++];
	hits->refused++;
	struct hit *weakest = &hits->hit[0];
	for (uint32_t i = 1; i < hits->count; i++)
		if (hits->hit[i].e > weakest->e)
			weakest = &hits->hit[i];
	return weakest->e > e ? weakest : NULL;
}

struct hit *hit_new(const struct look *look, struct hits *hits, const struct hit *like,
	const struct step *steps, uint32_t count)
{
	bool pair = like->kind == HIT_PAIR || like->kind == HIT_PAIR_METRONOME;
	/* moves bring their own; generated names are failures of one class by definition; one name
	 * is one program anyway */
	struct likeness likeness = like->likeness;
	if (like->kind <= HIT_PAIR_METRONOME)
		likeness = likeness_of(look->view, steps, count, pair);
	double e = fmax(E_MIN, exp2(like->trials_bits - like->timing_bits - likeness.total));
	struct hit *hit = e > E_MAX ? NULL : hits_add(hits, e);
	if (hit == NULL)
		return NULL;
	*hit = *like;
	hit->e = e;
	hit->likeness = likeness;
	hit->steps = count;
	if (count > 0)
		memcpy(hit->step, steps, count * sizeof *steps);
	return hit;
}
