#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/limits.h"
#include "host/facts.h"
#include "host/state.h"

/* A letter of a label holds half a byte at least: base 16, the sparsest code in use. */
#define BYTES_PER_LETTER 0.5
/* Shorter labels name things (www, a1234, eu-west-1). */
#define LETTERS_MIN 16u
/* So many bytes told in distinct messages make a channel: eight labels of a hash. */
#define PROVEN_BYTES    256.0
#define PROVEN_MESSAGES 4u
/* Messages within this of the one before, of the same end, are one attempt. */
#define TOLD_NS NS_PER_S

/* A shorter name holds nothing beside its domain. */
#define CARRYING_NAME_MIN 20u
/* A request for the time with all extensions that a client sends (NTS: RFC 8915 5.7). */
#define NTP_BYTES_MAX 320
/* Less than this is no volume worth spreading; and it mostly sends: pages and answers do not. */
#define UPLOAD_BYTES_MIN (64u << 10)
#define UPLOAD_RATIO     3u

/* A register keeps the least of the messages' exponential draws, in eighths of an octave. */
#define LEVELS_PER_OCTAVE 8.0
#define LEVEL_OF_ONE      64.0
#define MIDDLE_OF_LEVEL   0.957603280698573647 /* 2^(-1/16) */

static double draw_at(unsigned level)
{
	static const double part[8] = {1, 0.917004043204671232, 0.840896415253714543,
		0.771105412703970412, 0.707106781186547524, 0.648419777325504833,
		0.594603557501360533, 0.545253866332628829}; /* 2^(-k/8) */
	return ldexp(part[level % 8], (int)(LEVEL_OF_ONE / LEVELS_PER_OCTAVE) - (int)(level / 8));
}

static uint64_t scrambled(uint64_t x) /* splitmix64 (Steele, Lea, Flood 2014) */
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9;
	x ^= x >> 27;
	x *= 0x94d049bb133111eb;
	return x ^ x >> 31;
}

/* Each distinct message draws from Exp(bytes) in every register; the least of all is Exp(sum of
 * bytes), however often each came. */
static void count_distinct(struct carrier *c, uint64_t hash, double bytes)
{
	bool changed = false;
	double sum = 0;
	for (unsigned i = 0; i < CARRIER_REGISTERS; i++) {
		uint64_t bits = scrambled(hash + (i + 1) * 0x9e3779b97f4a7c15) >> 32;
		double u = ((double)bits + 0.5) / 4294967296.0;
		/* -log(1 - u) is u at least: most are told to be too large without a logarithm */
		if (u > bytes * draw_at(c->least[i] + 1u))
			continue;
		double level = LEVEL_OF_ONE -
		               LEVELS_PER_OCTAVE * (double)log2f(-log1pf(-(float)u) / (float)bytes);
		uint8_t fits = level < 0 ? 0 : level > UINT8_MAX ? UINT8_MAX : (uint8_t)level;
		changed |= fits > c->least[i];
		c->least[i] = fits > c->least[i] ? fits : c->least[i];
	}
	if (!changed)
		return;
	/* the sum of n draws of rate W is Gamma(n, W): (n - 1) / sum is without bias */
	for (unsigned i = 0; i < CARRIER_REGISTERS; i++)
		sum += draw_at(c->least[i]);
	c->distinct = (float)((CARRIER_REGISTERS - 1) / (sum * MIDDLE_OF_LEVEL));
}

/* Which of the two can be spared: what told little, then what has been quiet for longer. */
static bool spared_rather(const struct carrier *a, const struct carrier *b)
{
	if (a->proven != b->proven)
		return b->proven;
	if (!a->proven && (a->distinct < b->distinct || a->distinct > b->distinct))
		return a->distinct < b->distinct;
	return a->last_ns < b->last_ns;
}

/* The carrier of the message's endpoint; a new one begins at nothing, whatever gave way. */
static struct carrier *carrier_of(struct host *h, const struct carried *m)
{
	struct carrier *free_one = NULL;
	for (size_t i = 0; i < HOST_CARRIERS_MAX; i++) {
		struct carrier *c = &h->carrier[i];
		if (c->endpoint == m->endpoint && c->kind == m->kind)
			return c;
		if (free_one == NULL || (free_one->endpoint != 0 &&
						(c->endpoint == 0 || spared_rather(c, free_one))))
			free_one = c;
	}
	*free_one = (struct carrier){.endpoint = m->endpoint,
		.kind = m->kind,
		.first_ns = m->at_ns,
		.last_ns = m->at_ns};
	return free_one;
}

static struct channel_key key_of(const struct carried *m)
{
	static const uint16_t port[] = {
		[CARRIER_DNS] = 53, [CARRIER_ECHO] = 0, [CARRIER_NTP] = 123};
	return (struct channel_key){.endpoint = m->endpoint,
		.port = port[m->kind],
		.transport = m->kind == CARRIER_ECHO ? TRANSPORT_ICMP : TRANSPORT_UDP,
		.named = m->named,
		.rare = m->rare};
}

/* The message as an attempt on the carrier's channel; of the first one, since when it was used. */
static bool add_attempt(
	struct host *h, const struct carrier *c, const struct carried *m, bool fresh)
{
	struct channel_key key = key_of(m);
	bool first = false;
	uint32_t channel = host_channel(h, &key, &first);
	if (channel == CHANNEL_FORGOTTEN)
		return false;
	struct channel *ch = &h->channel[channel];
	ch->name = m->name;
	if (m->kind != CARRIER_DNS) /* there the server only passes it on */
		channel_learn_server(ch, m->target);
	if (fresh)
		ch->bytes_out += (uint64_t)carrier_bytes(c);
	else
		ch->bytes_out += (uint64_t)(m->distinct + m->exact);
	bool failed = outcome_is_failure(m->outcome);
	if (!fresh && !first && !failed && !outcome_is_failure((enum outcome)ch->last_outcome) &&
		m->at_ns >= ch->last_ns && m->at_ns - ch->last_ns < TOLD_NS) {
		ch->connections++;
		return true;
	}
	h->arrivals += first && m->rare;
	return host_add_attempt(
		h, &(struct attempt){.start_ns = fresh ? c->first_ns : m->at_ns,
			   .over_ns = m->over_ns,
			   .target = m->target,
			   .client_port = m->client_port,
			   .channel = (uint16_t)channel,
			   .outcome = (uint8_t)m->outcome,
			   .flags = (uint8_t)((failed ? ATTEMPT_LOOKUP : 0) |
					      (first ? ATTEMPT_FIRST : 0) |
					      (first && m->rare ? ATTEMPT_RARE : 0)),
			   .tries = 1});
}

/* Several that differ, and enough in all: one long message is none, however often it comes. */
static bool is_proven(const struct carrier *c, const struct carried *m)
{
	double several = (PROVEN_MESSAGES - 1) * m->distinct;
	return c->messages >= PROVEN_MESSAGES &&
	       ((double)c->exact >= PROVEN_BYTES ||
		       (double)c->distinct >= fmax(PROVEN_BYTES, several));
}

bool host_carry(struct host *h, const struct carried *m)
{
	if (m->endpoint == 0)
		return false;
	if (h->carrier == NULL)
		h->carrier = calloc(HOST_CARRIERS_MAX, sizeof *h->carrier);
	if (h->carrier == NULL)
		return false;
	struct carrier *c = carrier_of(h, m);
	if (outcome_is_failure(m->outcome)) /* it was told to nobody */
		return !c->proven || add_attempt(h, c, m, false);
	c->messages += c->messages < UINT32_MAX;
	c->types |= m->type;
	c->first_ns = m->at_ns < c->first_ns ? m->at_ns : c->first_ns;
	c->last_ns = m->at_ns > c->last_ns ? m->at_ns : c->last_ns;
	c->exact += (float)m->exact;
	if (m->hash != 0 && m->distinct > 0)
		count_distinct(c, m->hash, m->distinct);
	if (!c->proven && !is_proven(c, m))
		return true;
	bool fresh = !c->proven;
	c->proven = true;
	return add_attempt(h, c, m, fresh);
}

double carried_by_name(const char *name, const char *domain)
{
	size_t len = strlen(name), own = strlen(domain), letters = 0;
	if (len < own + 1 + LETTERS_MIN || strcmp(name + len - own, domain) != 0 ||
		is_reversed_address(name))
		return 0;
	bool reversed = true; /* digits or nibbles of an address: RFC 5782 2.1, 2.4 */
	size_t label = 0;
	for (size_t i = 0; i + own + 1 < len; i++) {
		if (name[i] == '_' && (i == 0 || name[i - 1] == '.'))
			return 0; /* _dmarc, _domainkey, _tcp: RFC 8552 */
		letters += name[i] != '.';
		label = name[i] == '.' ? 0 : label + 1;
		reversed &= label <= 3;
	}
	if (letters < LETTERS_MIN || reversed)
		return 0;
	return BYTES_PER_LETTER * (double)letters;
}

uint8_t carrier_type_of(uint16_t qtype)
{
	switch (qtype) {
	case 1:
	case 28:
		return CARRIER_ADDRESS;
	case 5:
		return CARRIER_CNAME;
	case 10:
		return CARRIER_NULL;
	case 15:
		return CARRIER_MX;
	case 16:
		return CARRIER_TXT;
	default:
		return qtype >= 65280 ? CARRIER_NULL : CARRIER_OTHER; /* RFC 6895 3.1 */
	}
}

bool host_add_upload(struct host *h, const struct upload *u)
{
	if (h->upload == NULL)
		h->upload = calloc(HOST_UPLOADS_MAX, sizeof *h->upload);
	if (h->upload == NULL)
		return false;
	if (h->uploads == HOST_UPLOADS_MAX)
		memmove(h->upload, h->upload + 1, --h->uploads * sizeof *h->upload);
	uint32_t at = h->uploads++;
	for (; at > 0 && h->upload[at - 1].at_ns > u->at_ns; at--)
		h->upload[at] = h->upload[at - 1];
	h->upload[at] = *u;
	return true;
}

bool conn_carries(const struct conn *c)
{
	if (c->rest || c->packets_in == 0)
		return false;
	if (c->transport == TRANSPORT_ICMP) /* the answer has told its one message */
		return c->settled && (c->client_port == 8 || c->client_port == 128);
	return c->ended && c->transport == TRANSPORT_UDP && c->server_port == 123;
}

bool host_carry_conn(struct host *h, const struct conn *c, const struct channel_key *key,
	uint32_t name, uint32_t target)
{
	bool echo = c->transport == TRANSPORT_ICMP;
	double usual = (double)NTP_BYTES_MAX * (double)c->packets_out;
	struct carried m = {.endpoint = key->endpoint,
		.kind = echo ? CARRIER_ECHO : CARRIER_NTP,
		.rare = key->rare,
		.named = key->named,
		.hash = c->echo_hash,
		.distinct = c->echo_fresh,
		.exact = echo ? 0 : fmax(0, (double)c->bytes_out - usual),
		.at_ns = c->start_ns,
		.over_ns = c->end_ns,
		.outcome = OUTCOME_OK,
		.target = target,
		.name = name,
		.client_port = c->client_port};
	return host_carry(h, &m);
}

bool lookup_may_carry(const struct lookup *l)
{
	return l->outcome != OUTCOME_UNKNOWN && strlen(l->name) >= CARRYING_NAME_MIN;
}

bool host_carry_lookup(struct host *h, const struct lookup *l, const struct name_facts *facts,
	uint32_t resolver, double bytes)
{
	static const struct hash_key fixed = {0x6e616d65, 0}; /* the same in every run */
	bool failed = l->outcome != OUTCOME_OK && l->outcome != OUTCOME_NXDOMAIN;
	return host_carry(h, &(struct carried){.endpoint = facts->domain,
				     .kind = CARRIER_DNS,
				     .type = carrier_type_of(l->qtype),
				     .rare = true,
				     .named = true,
				     .hash = hash_bytes(&fixed, l->name, strlen(l->name)) | 1,
				     .distinct = bytes,
				     .at_ns = l->query_ns,
				     .over_ns = failed ? l->fail_ns : l->answer_ns,
				     .outcome = failed ? l->outcome : OUTCOME_OK,
				     .target = failed ? facts->name : resolver,
				     .name = facts->name,
				     .client_port = l->client_port});
}

void host_keep_upload(struct host *h, const struct conn *c, const struct channel_key *key)
{
	uint32_t bytes = c->bytes_out > UINT32_MAX ? UINT32_MAX : (uint32_t)c->bytes_out;
	if (!c->rest && key->rare && bytes >= UPLOAD_BYTES_MIN &&
		bytes / UPLOAD_RATIO > c->bytes_in)
		(void)host_add_upload(h,
			&(struct upload){
				.at_ns = c->start_ns, .endpoint = key->endpoint, .bytes = bytes});
}
