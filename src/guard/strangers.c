#include "guard/strangers.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/limits.h"

/* 4 of a set, 16,384 hosts of about 1 KB; pages are touched as it fills. */
#define WAYS     4u
#define SETS     4096u
#define CHANNELS 16u
/* It was in use when it was answered as often. */
#define USED_ANSWERS 2u
/* Nothing came back for so long: a SYN was sent again by then (RFC 6298, 2.1). */
#define SILENT_NS NS_PER_S
/* Two things within less are told apart by nobody. */
#define LAG_MIN_NS NS_PER_S
/* The pace is of this long, about. */
#define PACE_NS (INT64_C(86400) * NS_PER_S)

struct channel {
	struct stranger is;
	uint32_t answers; /* contacts that were answered, up to USED_ANSWERS */
	int64_t answered_ns, asked_ns, failed_ns;
};

struct one_host {
	struct addr host;
	int64_t since_ns, last_ns; /* since_ns 0: free */
	uint32_t met;              /* strangers that began since then */
	struct stranger stopped;
	int64_t stopped_ns;
	struct channel channel[CHANNELS];
};

struct strangers {
	struct hash_key key;
	struct one_host host[SETS * WAYS];
};

int strangers_new(struct strangers **ret)
{
	struct strangers *s = calloc(1, sizeof *s);
	if (s == NULL)
		return -ENOMEM;
	s->key = hash_key_new();
	*ret = s;
	return 0;
}

void strangers_free(struct strangers *s)
{
	free(s);
}

uint64_t strangers_domain(const char *domain)
{
	static const struct hash_key fixed = {0x706f737465726e00, 0x646f6d61696e0000};
	return hash_bytes(&fixed, domain, strlen(domain)) | 1;
}

/* ---- hosts ---- */

static struct one_host *set_of(struct strangers *s, const struct addr *host)
{
	return &s->host[(hash_bytes(&s->key, host, sizeof *host) & (SETS - 1)) * WAYS];
}

static struct one_host *find(struct strangers *s, const struct addr *host)
{
	struct one_host *set = set_of(s, host);
	for (size_t i = 0; i < WAYS; i++)
		if (set[i].since_ns != 0 && addr_eq(&set[i].host, host))
			return &set[i];
	return NULL;
}

/* The one that was idle longest makes room. */
static struct one_host *have(struct strangers *s, const struct addr *host, int64_t at_ns)
{
	struct one_host *h = find(s, host), *set = set_of(s, host);
	if (h == NULL) {
		h = set;
		for (size_t i = 1; i < WAYS; i++)
			if (set[i].last_ns < h->last_ns)
				h = &set[i];
		*h = (struct one_host){.host = *host, .since_ns = at_ns};
	}
	if (at_ns > h->last_ns)
		h->last_ns = at_ns;
	return h;
}

void strangers_watch(struct strangers *s, const struct addr *host, int64_t at_ns)
{
	(void)have(s, host, at_ns);
}

/* ---- channels ---- */

/* What an address is called may be learnt after it was spoken to; and two names of one address are
 * one thing to whoever blocks it. */
static bool same_end(const struct stranger *a, const struct stranger *b)
{
	return (a->domain != 0 && a->domain == b->domain) ||
	       (!addr_is_none(&a->peer) && addr_eq(&a->peer, &b->peer));
}

bool stranger_same(const struct stranger *a, const struct stranger *b)
{
	return addr_eq(&a->host, &b->host) && a->proto == b->proto && a->port == b->port &&
	       same_end(a, b);
}

static struct channel *channel_find(struct one_host *h, const struct stranger *one)
{
	for (size_t i = 0; i < CHANNELS; i++)
		if (h->channel[i].asked_ns != 0 && stranger_same(&h->channel[i].is, one)) {
			if (one->domain != 0)
				h->channel[i].is = *one;
			return &h->channel[i];
		}
	return NULL;
}

static struct channel *channel_have(struct one_host *h, const struct stranger *one, int64_t at_ns)
{
	struct channel *c = channel_find(h, one);
	if (c != NULL)
		return c;
	c = h->channel;
	for (size_t i = 1; i < CHANNELS; i++)
		if (h->channel[i].asked_ns < c->asked_ns)
			c = &h->channel[i];
	*c = (struct channel){.is = *one, .asked_ns = at_ns};
	if (at_ns - h->since_ns > PACE_NS) { /* half of it is forgotten */
		h->since_ns += (at_ns - h->since_ns) / 2;
		h->met /= 2;
	}
	h->met++;
	return c;
}

static unsigned used(const struct one_host *h, int64_t at_ns)
{
	unsigned count = 0;
	for (size_t i = 0; i < CHANNELS; i++)
		count += h->channel[i].answered_ns != 0 &&
		         at_ns - h->channel[i].answered_ns < STRANGERS_USED_NS;
	return count;
}

/* When the host learnt that the channel does not work; 0: it works, or was not in use. */
static int64_t lost_at(const struct channel *c, int64_t at_ns, enum switch_cause *ret)
{
	if (c->answers < USED_ANSWERS || at_ns - c->answered_ns > STRANGERS_USED_NS)
		return 0;
	if (c->failed_ns > c->answered_ns) {
		*ret = SWITCH_FAILED;
		return c->failed_ns;
	}
	*ret = SWITCH_SILENT;
	return c->asked_ns > c->answered_ns && at_ns - c->asked_ns >= SILENT_NS ? c->asked_ns : 0;
}

/* What browsers and libraries do by themselves with one server: QUIC, then TCP; 80, then 443. */
static bool is_usual(const struct stranger *from, const struct stranger *to)
{
	return same_end(from, to) && to->proto == IPPROTO_TCP && to->port == 443 &&
	       ((from->proto == IPPROTO_UDP && from->port == 443) ||
		       (from->proto == IPPROTO_TCP && from->port == 80));
}

/* ---- switches ---- */

static void latest_loss(const struct one_host *h, const struct stranger *one, int64_t at_ns,
	struct switch_sign *ret)
{
	int64_t latest_ns = 0;
	for (size_t i = 0; i < CHANNELS; i++) {
		const struct channel *c = &h->channel[i];
		enum switch_cause cause = SWITCH_NONE;
		int64_t lost_ns = lost_at(c, at_ns, &cause);
		if (lost_ns <= latest_ns || stranger_same(&c->is, one) || is_usual(&c->is, one))
			continue;
		latest_ns = lost_ns;
		ret->cause = cause;
		ret->left = c->is;
	}
	if (h->stopped_ns > latest_ns) {
		latest_ns = h->stopped_ns;
		ret->cause = SWITCH_STOPPED;
		ret->left = h->stopped;
	}
	ret->lag_ns = at_ns - latest_ns;
	if (ret->lag_ns > SWITCH_LAG_NS || ret->lag_ns < 0)
		ret->cause = SWITCH_NONE;
}

/* Laplace's rule: of what began in the time that the host was watched, one more. */
static double chance_of(const struct one_host *h, int64_t lag_ns, int64_t at_ns)
{
	double lag = (double)(lag_ns > LAG_MIN_NS ? lag_ns : LAG_MIN_NS);
	double watched = (double)(at_ns - h->since_ns), chance = 1;
	if (watched > lag)
		chance = (h->met + 1.0) * lag / watched;
	return chance < 1 ? chance : 1;
}

static void too_many(
	const struct one_host *h, int64_t at_ns, unsigned limit, struct switch_sign *ret)
{
	const struct channel *latest = NULL;
	for (size_t i = 0; i < CHANNELS; i++)
		if (h->channel[i].answered_ns != 0 &&
			(latest == NULL || h->channel[i].answered_ns > latest->answered_ns))
			latest = &h->channel[i];
	ret->used = used(h, at_ns);
	if (limit == 0 || ret->used < limit || latest == NULL)
		return;
	ret->cause = SWITCH_MANY;
	ret->left = latest->is;
	ret->lag_ns = at_ns - latest->answered_ns;
}

bool strangers_begin(struct strangers *s, const struct stranger *one, int64_t at_ns, unsigned limit,
	struct switch_sign *ret)
{
	struct one_host *h = have(s, &one->host, at_ns);
	struct channel *c = channel_find(h, one);
	*ret = (struct switch_sign){0};
	if (c == NULL || c->answers == 0) {
		latest_loss(h, one, at_ns, ret);
		ret->chance = chance_of(h, ret->lag_ns, at_ns);
		if (ret->chance > SWITCH_CHANCE)
			ret->cause = SWITCH_NONE;
		if (ret->cause == SWITCH_NONE)
			too_many(h, at_ns, limit, ret);
	}
	if (c == NULL)
		c = channel_have(h, one, at_ns);
	/* of those that wait for an answer the first counts */
	if (c->asked_ns <= c->answered_ns || c->asked_ns <= c->failed_ns)
		c->asked_ns = at_ns;
	return ret->cause != SWITCH_NONE;
}

void strangers_answer(
	struct strangers *s, const struct stranger *one, int64_t start_ns, bool lasting)
{
	struct one_host *h = have(s, &one->host, start_ns);
	struct channel *c = channel_have(h, one, start_ns);
	if (c->answered_ns < start_ns) { /* else it is told again, or late */
		c->answered_ns = start_ns;
		c->answers += c->answers < USED_ANSWERS;
	}
	if (c->asked_ns < start_ns)
		c->asked_ns = start_ns;
	if (lasting)
		c->answers = USED_ANSWERS;
}

void strangers_fail(struct strangers *s, const struct stranger *one, int64_t at_ns)
{
	struct one_host *h = find(s, &one->host);
	struct channel *c = h == NULL ? NULL : channel_find(h, one);
	if (c != NULL && at_ns > c->failed_ns)
		c->failed_ns = at_ns;
}

void strangers_fail_domain(
	struct strangers *s, const struct addr *host, uint64_t domain, int64_t at_ns)
{
	struct one_host *h = find(s, host);
	for (size_t i = 0; h != NULL && i < CHANNELS; i++) {
		struct channel *c = &h->channel[i];
		if (c->asked_ns != 0 && c->is.domain == domain && at_ns > c->failed_ns)
			c->failed_ns = at_ns;
	}
}

void strangers_stop(struct strangers *s, const struct stranger *one, int64_t at_ns)
{
	struct one_host *h = find(s, &one->host);
	if (h == NULL || at_ns <= h->stopped_ns)
		return;
	h->stopped = *one;
	h->stopped_ns = at_ns;
}
