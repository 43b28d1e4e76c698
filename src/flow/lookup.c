#include <string.h>

#include "flow/conversation.h"

/* glibc waits 5 s for each server, Windows 10 s in all: after this no stub resolver listens any
 * more. */
#define ANSWER_WAIT_NS (10 * NS_PER_S)
/* When a client that asked once, or more than once, takes silence for failure (prototype section 2:
 * with the time of the query itself, names asked in parallel look like reactions). */
#define SILENCE_ONCE_NS  (1 * NS_PER_S)
#define SILENCE_AGAIN_NS (3 * NS_PER_S)

/* A flood of ICMP errors must not walk all waiting questions: the quoted one is among the newest.
 */
#define UNREACHABLE_LOOKS 64

_Static_assert(LOOKUP_ANSWERS_MAX == DNS_ANSWERS_MAX && LOOKUP_CNAMES_MAX == DNS_CNAMES_MAX,
	"an event holds what the decoder gives");

void lookups_init(struct flow_table *t)
{
	t->question_free = t->question_oldest = t->question_newest = NOBODY;
	for (size_t i = 0; i < LOOKUPS_MAX; i++)
		t->bucket[i] = NOBODY;
}

/* A question is known by who asked whom, from which port, with which id, for what. */
struct question_key {
	struct addr client, resolver;
	uint32_t name;
	uint16_t client_port, id, qtype, zero;
};

static uint32_t *bucket_of(struct flow_table *t, const struct question *q)
{
	struct question_key key = {.client = q->client,
		.resolver = q->resolver,
		.name = q->name,
		.client_port = q->client_port,
		.id = q->id,
		.qtype = q->qtype};
	return &t->bucket[hash_bytes(&t->hash, &key, sizeof key) & (LOOKUPS_MAX - 1)];
}

static bool same_question(const struct question *a, const struct question *b)
{
	return a->name == b->name && a->id == b->id && a->qtype == b->qtype &&
	       a->client_port == b->client_port && addr_eq(&a->client, &b->client) &&
	       addr_eq(&a->resolver, &b->resolver);
}

static uint32_t question_find(struct flow_table *t, const struct question *like)
{
	uint32_t i = *bucket_of(t, like);
	while (i != NOBODY && !same_question(&t->question[i], like))
		i = t->question[i].bucket_next;
	return i;
}

static void question_remove(struct flow_table *t, uint32_t index)
{
	struct question *q = &t->question[index];
	uint32_t *link = bucket_of(t, q);
	while (*link != index)
		link = &t->question[*link].bucket_next;
	*link = q->bucket_next;
	if (q->older != NOBODY)
		t->question[q->older].newer = q->newer;
	else
		t->question_oldest = q->newer;
	if (q->newer != NOBODY)
		t->question[q->newer].older = q->older;
	else
		t->question_newest = q->older;
	q->used = false;
	q->bucket_next = t->question_free;
	t->question_free = index;
}

static void fill(struct flow_table *t, const struct question *q, struct lookup *l)
{
	*l = (struct lookup){.id = ++t->next_id,
		.query_ns = q->query_ns,
		.repeat_ns = q->repeat_ns,
		.client = q->client,
		.resolver = q->resolver,
		.client_mac = q->client_mac,
		.client_port = q->client_port,
		.transport = (enum transport)q->transport,
		.qtype = q->qtype,
		.name = strings_get(t->options.strings, q->name)};
}

/* A question that nobody answered. unreachable_ns: when ICMP said so, else 0. */
static void tell_silent(struct flow_table *t, uint32_t index, int64_t unreachable_ns)
{
	struct event *e = event_queue(t);
	if (e == NULL)
		return;
	const struct question *q = &t->question[index];
	fill(t, q, &e->lookup);
	e->lookup.outcome = OUTCOME_DNS_SILENT;
	e->lookup.fail_ns =
		q->repeat_ns + (q->repeat_ns > q->query_ns ? SILENCE_AGAIN_NS : SILENCE_ONCE_NS);
	if (unreachable_ns != 0) {
		e->lookup.outcome = OUTCOME_UNREACHABLE;
		e->lookup.fail_ns = unreachable_ns;
	}
	if (t->finishing && t->now_ns < e->lookup.fail_ns)
		e->lookup.outcome = OUTCOME_UNKNOWN;
	question_remove(t, index);
}

void lookups_expire(struct flow_table *t)
{
	while (t->question_oldest != NOBODY && t->queued < EVENTS_MAX) {
		const struct question *q = &t->question[t->question_oldest];
		if (!t->finishing && t->now_ns - q->repeat_ns < ANSWER_WAIT_NS)
			return;
		tell_silent(t, t->question_oldest, 0);
	}
}

static void ask(struct flow_table *t, const struct question *asked)
{
	uint32_t index = question_find(t, asked);
	if (index != NOBODY) {
		t->question[index].repeat_ns = asked->query_ns;
		return;
	}
	if (t->question_free != NOBODY) {
		index = t->question_free;
		t->question_free = t->question[index].bucket_next;
	} else if (t->questions < LOOKUPS_MAX) {
		index = t->questions++;
	} else {
		t->stats.lookups_evicted++;
		index = t->question_oldest;
		question_remove(t, index);
		t->question_free = t->question[index].bucket_next;
	}
	struct question *q = &t->question[index];
	*q = *asked;
	q->used = true;
	uint32_t *bucket = bucket_of(t, q);
	q->bucket_next = *bucket;
	*bucket = index;
	q->newer = NOBODY;
	q->older = t->question_newest;
	if (q->older != NOBODY)
		t->question[q->older].newer = index;
	else
		t->question_oldest = index;
	t->question_newest = index;
	t->stats.lookups++;
}

/* RPZ walled gardens and hosts-file blockers answer with these. */
static bool is_sinkhole(const struct addr *a)
{
	return addr_is_none(a) || (addr_is_v4(a) && (a->byte[12] == 127 || a->byte[12] == 0));
}

static enum outcome answer_outcome(const struct dns *d)
{
	switch (d->rcode) {
	case DNS_NOERROR:
		for (size_t i = 0; i < d->answers; i++)
			if (!is_sinkhole(&d->answer[i].addr))
				return OUTCOME_OK;
		return d->answers > 0 ? OUTCOME_SINKHOLED : OUTCOME_OK;
	case DNS_NXDOMAIN:
		return OUTCOME_NXDOMAIN;
	case DNS_SERVFAIL:
	case DNS_REFUSED:
		return OUTCOME_SERVFAIL;
	default:
		return OUTCOME_UNKNOWN;
	}
}

static void tell_answer(struct flow_table *t, const struct question *q, const struct packet *p)
{
	struct event *e = event_queue(t);
	if (e == NULL)
		return;
	const struct dns *d = &t->dns;
	struct lookup *l = &e->lookup;
	fill(t, q, l);
	l->answer_ns = p->time_ns;
	l->rcode = d->rcode;
	l->outcome = d->truncated && d->answers == 0 ? OUTCOME_UNKNOWN : answer_outcome(d);
	if (outcome_is_failure(l->outcome))
		l->fail_ns = p->time_ns;
	for (size_t i = 0; i < d->answers; i++)
		l->answer[l->answers++] = (struct answer){d->answer[i].addr, d->answer[i].ttl_s};
	for (size_t i = 0; i < d->cnames; i++) {
		l->cname[l->cnames] = strings_get(
			t->options.strings, strings_add(t->options.strings, d->cname[i]));
		l->cnames += l->cname[l->cnames] != NULL;
	}
}

bool lookup_message(struct flow_table *t, const struct packet *p, struct cur message)
{
	struct dns *d = &t->dns;
	d->questions = 0;
	dns_decode(&message, d);
	if (!cur_ok(&message) || d->questions == 0)
		return false;
	bool answer = d->response;
	if ((answer ? p->src_port : p->dst_port) != 53)
		return false;
	struct question q = {.query_ns = p->time_ns,
		.repeat_ns = p->time_ns,
		.client = answer ? p->dst : p->src,
		.resolver = answer ? p->src : p->dst,
		.client_mac = answer ? 0 : p->src_mac,
		.client_port = answer ? p->dst_port : p->src_port,
		.id = d->id,
		.qtype = d->qtype,
		.transport = p->proto == IP_TCP ? TRANSPORT_TCP : TRANSPORT_UDP,
		.name = strings_add(t->options.strings, d->qname)};
	if (!answer) {
		ask(t, &q);
		return true;
	}
	uint32_t index = question_find(t, &q);
	if (index != NOBODY) {
		struct question asked = t->question[index];
		question_remove(t, index);
		tell_answer(t, &asked, p);
	} else {
		tell_answer(t, &q, p); /* the question was not seen, or this is its second answer */
	}
	return true;
}

void lookup_unreachable(struct flow_table *t, const struct packet *p)
{
	/* the quote rarely holds the question: any that waits for this resolver from this port is
	 * meant */
	int looks = UNREACHABLE_LOOKS;
	for (uint32_t i = t->question_newest; i != NOBODY && looks-- > 0;
		i = t->question[i].older) {
		const struct question *q = &t->question[i];
		if (p->time_ns - q->repeat_ns > ANSWER_WAIT_NS)
			return;
		if (q->client_port == p->src_port && addr_eq(&q->client, &p->src) &&
			addr_eq(&q->resolver, &p->dst)) {
			tell_silent(t, i, p->time_ns);
			return;
		}
	}
}
