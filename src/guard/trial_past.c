/* What a host did before says what it does by itself: how often something is new to it, or is tried
 * again that had failed. The same is asked of a contact and of the past, so that the chance is one
 * of what counts. */
#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "guard/trial.h"

/* What is too short to know a host's pace by counts as this. */
#define ACTIVE_LEAST_S 60.0
/* What was new of late weighs by its age in this. */
#define BURST_S  600.0
#define DNS_PORT 53

static bool is_endpoint(const struct strings *strings, const struct channel *ch, const char *domain,
	const struct addr *addr)
{
	const char *text = strings_get(strings, ch->endpoint);
	if (text == NULL || ch->named != (domain != NULL))
		return false;
	if (domain != NULL)
		return strcmp(text, domain) == 0;
	return addr != NULL && memcmp(text, addr->byte, sizeof addr->byte) == 0;
}

static bool is_of_names(const struct channel *ch)
{
	return ch->transport == TRANSPORT_OTHER ||
	       (ch->transport == TRANSPORT_UDP && ch->port == DNS_PORT && ch->named);
}

static const struct channel *channel_of(
	const struct host *h, const struct strings *strings, const struct trial_contact *c)
{
	for (uint32_t i = CHANNEL_FORGOTTEN + 1; i < h->channels; i++) {
		const struct channel *ch = &h->channel[i];
		enum transport transport = (enum transport)ch->transport;
		bool same = c->lookup ? is_of_names(ch)
		                      : guard_proto(transport, &c->peer) == c->proto &&
		                                ch->port == c->port;
		if (same && is_endpoint(strings, ch, c->domain, &c->peer))
			return ch;
	}
	return NULL;
}

static bool is_pool(enum transport transport, uint16_t port)
{
	return pool_service(transport, port) != POOL_NONE;
}

enum trial_past trial_past(const struct host *h, const struct strings *strings,
	const struct trial_contact *c, int64_t since_ns)
{
	const struct channel *ch = channel_of(h, strings, c);
	if (ch == NULL)
		return PAST_NEW;
	if (ch->last_ns >= since_ns || is_pool((enum transport)ch->transport, ch->port))
		return PAST_USED;
	return outcome_is_failure((enum outcome)ch->last_outcome) ? PAST_FAILED : PAST_QUIET;
}

int64_t trial_period(
	const struct host *h, const struct strings *strings, const struct trial_contact *c)
{
	const struct channel *ch = channel_of(h, strings, c);
	return ch == NULL || ch->connections < 2
	               ? 0
	               : (ch->last_ns - ch->first_ns) / (int64_t)(ch->connections - 1);
}

const struct carrier *trial_tunnel(
	const struct host *h, const struct strings *strings, const char *domain)
{
	for (size_t i = 0; h->carrier != NULL && i < HOST_CARRIERS_MAX; i++) {
		const struct carrier *c = &h->carrier[i];
		const char *text = strings_get(strings, c->endpoint);
		if (c->proven && c->kind == CARRIER_DNS && text != NULL &&
			strcmp(text, domain) == 0)
			return c;
	}
	return NULL;
}

/* ---- pace ---- */

struct past {
	const struct host *host;
	const struct strings *strings;
	const struct trial_asked *asked;
	int64_t slot_ns, now_ns;
	double ever, late; /* what was new, and what was tried again */
};

static bool is_its(const struct past *p, const struct channel *ch)
{
	for (size_t i = 0; i < p->asked->channels; i++) {
		const struct finding_channel *c = &p->asked->channel[i];
		if (ch->named && c->endpoint != NULL &&
			is_endpoint(p->strings, ch, c->endpoint, NULL))
			return true;
		for (size_t k = 0; !ch->named && k < c->addr_count; k++)
			if (is_endpoint(p->strings, ch, NULL, &c->addrs[k]))
				return true;
	}
	return false;
}

/* What people have decided about is no sign, in a slot or before. */
static bool is_expected(const struct past *p, const struct channel *ch)
{
	const char *server = strings_get(p->strings, ch->addr[0]);
	struct host_contact contact = {.host = p->host->addr,
		.domain = ch->named ? strings_get(p->strings, ch->endpoint) : NULL,
		.transport = (enum transport)ch->transport,
		.port = ch->port};
	if (server == NULL || ch->transport == TRANSPORT_OTHER)
		return false;
	memcpy(contact.server.byte, server, sizeof contact.server.byte);
	return expected_has(p->asked->expected, &contact);
}

static void count(struct past *p, int64_t at_ns)
{
	p->ever++;
	p->late += exp(-fmax(0, (double)(p->now_ns - at_ns) / 1e9) / BURST_S) / BURST_S;
}

/* The first contacts of which nothing but their number is remembered count as well. */
static void count_new(struct past *p)
{
	const struct host *h = p->host;
	uint64_t spared = 0;
	for (uint32_t i = CHANNEL_FORGOTTEN + 1; i < h->channels; i++) {
		const struct channel *ch = &h->channel[i];
		if (ch->rare && !is_its(p, ch) && !is_expected(p, ch))
			count(p, ch->first_ns);
	}
	for (uint32_t i = 0; i < h->attempts; i++) {
		const struct attempt *a = &h->attempt[i];
		const struct channel *ch = &h->channel[a->channel];
		spared += (a->flags & ATTEMPT_FIRST) != 0 && (a->flags & ATTEMPT_RARE) != 0 &&
		          a->channel != CHANNEL_FORGOTTEN && (is_its(p, ch) || is_expected(p, ch));
	}
	p->ever = fmax(p->ever, (double)h->arrivals - (double)spared);
}

/* Names that were answered, and that no conversation went to. */
static void count_names(struct past *p)
{
	const struct host *h = p->host;
	for (uint32_t i = 0; i < h->new_names; i++) {
		bool met = !h->new_name[i].answered;
		for (uint32_t k = CHANNEL_FORGOTTEN + 1; k < h->channels && !met; k++)
			met = h->channel[k].named &&
			      h->channel[k].endpoint == h->new_name[i].domain;
		if (!met)
			count(p, h->new_name[i].asked_ns);
	}
}

static void count_again(struct past *p)
{
	const struct host *h = p->host;
	struct {
		int64_t last_ns;
		bool failed;
	} before[HOST_CHANNELS_MAX] = {{0}};
	for (uint32_t i = 0; i < h->attempts; i++) {
		const struct attempt *a = &h->attempt[i];
		const struct channel *ch = &h->channel[a->channel];
		int64_t last_ns = before[a->channel].last_ns;
		bool failed = outcome_is_failure((enum outcome)a->outcome);
		bool again = last_ns != 0 && a->start_ns - last_ns > p->slot_ns &&
		             a->channel != CHANNEL_FORGOTTEN && (a->flags & ATTEMPT_POOL) == 0;
		if (again && (is_its(p, ch) || (before[a->channel].failed && ch->rare &&
						       !is_expected(p, ch))))
			count(p, a->start_ns);
		before[a->channel].failed = failed;
		before[a->channel].last_ns =
			a->start_ns + (failed ? 0 : (int64_t)a->lasted_ms * NS_PER_MS);
	}
}

double trial_chance(const struct host *h, const struct strings *strings,
	const struct trial_asked *asked, int64_t slot_ns, int64_t now_ns)
{
	struct past p = {.host = h,
		.strings = strings,
		.asked = asked,
		.slot_ns = slot_ns,
		.now_ns = now_ns};
	count_new(&p);
	count_names(&p);
	count_again(&p);
	/* one more than was seen: what was seen is as often less than the truth as more */
	double ever = (1 + p.ever) / fmax(ACTIVE_LEAST_S, (double)h->active_ns / 1e9);
	return 1 - exp(-fmax(ever, p.late) * (double)slot_ns / 1e9);
}
