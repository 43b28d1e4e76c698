/* Look-ups: questions to resolvers and what came of them. A question that was answered is
 * remembered for a while, so that its copies and later answers are not taken for new ones. */
#include <errno.h>
#include <stdlib.h>
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

int lookups_new(struct flow_table *t)
{
	size_t wanted = t->options.lookups_max, max = 1;
	wanted = wanted == 0 ? LOOKUPS_MAX : wanted;
	CHECK(wanted < NOBODY / 2);
	while (max < wanted)
		max *= 2;
	t->question_max = (uint32_t)max;
	t->question = malloc(max * sizeof *t->question);
	t->bucket = malloc(max * sizeof *t->bucket);
	if (t->question == NULL || t->bucket == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < max; i++)
		t->bucket[i] = NOBODY;
	t->question_free = NOBODY;
	t->waiting = t->answered = (struct question_list){NOBODY, NOBODY};
	return 0;
}

/* ---- the table ---- */

/* A question is known by who asked whom, from which port, with which id, for what. */
struct question_key {
	struct addr client, resolver;
	uint32_t name;
	uint16_t client_port, id, qtype, transport;
};

static uint32_t *bucket_of(struct flow_table *t, const struct question *q)
{
	struct question_key key = {.client = q->client,
		.resolver = q->resolver,
		.name = q->name,
		.client_port = q->client_port,
		.id = q->id,
		.qtype = q->qtype,
		.transport = q->transport};
	return &t->bucket[hash_bytes(&t->hash, &key, sizeof key) & (t->question_max - 1)];
}

static bool same_question(const struct question *a, const struct question *b)
{
	return a->name == b->name && a->id == b->id && a->qtype == b->qtype &&
	       a->client_port == b->client_port && a->transport == b->transport &&
	       addr_eq(&a->client, &b->client) && addr_eq(&a->resolver, &b->resolver);
}

static uint32_t question_find(struct flow_table *t, const struct question *like)
{
	uint32_t i = *bucket_of(t, like);
	while (i != NOBODY && !same_question(&t->question[i], like))
		i = t->question[i].bucket_next;
	return i;
}

static struct question_list *list_of(struct flow_table *t, const struct question *q)
{
	return q->answered ? &t->answered : &t->waiting;
}

static void list_append(struct flow_table *t, uint32_t index)
{
	struct question *q = &t->question[index];
	struct question_list *l = list_of(t, q);
	q->clock_ns = t->clock_ns;
	q->newer = NOBODY;
	q->older = l->newest;
	if (q->older != NOBODY)
		t->question[q->older].newer = index;
	else
		l->oldest = index;
	l->newest = index;
}

static void list_remove(struct flow_table *t, uint32_t index)
{
	struct question *q = &t->question[index];
	struct question_list *l = list_of(t, q);
	if (q->older != NOBODY)
		t->question[q->older].newer = q->newer;
	else
		l->oldest = q->newer;
	if (q->newer != NOBODY)
		t->question[q->newer].older = q->older;
	else
		l->newest = q->older;
}

static void question_remove(struct flow_table *t, uint32_t index)
{
	struct question *q = &t->question[index];
	uint32_t *link = bucket_of(t, q);
	while (*link != index)
		link = &t->question[*link].bucket_next;
	*link = q->bucket_next;
	list_remove(t, index);
	q->bucket_next = t->question_free;
	t->question_free = index;
}

/* What was answered has been told and is the first to go; else the oldest goes untold. */
static void make_room(struct flow_table *t)
{
	if (t->question_free != NOBODY || t->questions < t->question_max)
		return;
	bool told = t->answered.oldest != NOBODY;
	t->stats.lookups_evicted += !told;
	question_remove(t, told ? t->answered.oldest : t->waiting.oldest);
}

static uint32_t question_add(struct flow_table *t, const struct question *asked)
{
	make_room(t);
	uint32_t index = t->question_free;
	if (index != NOBODY)
		t->question_free = t->question[index].bucket_next;
	else
		index = t->questions++;
	struct question *q = &t->question[index];
	*q = *asked;
	uint32_t *bucket = bucket_of(t, q);
	q->bucket_next = *bucket;
	*bucket = index;
	list_append(t, index);
	t->stats.lookups++;
	return index;
}

/* ---- events ---- */

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

static struct event *event_for(struct flow_table *t)
{
	struct event *e = event_queue(t);
	t->stats.lookups_untold += e == NULL;
	return e;
}

/* A question that nobody answered: it is forgotten. unreachable_ns: when ICMP said so, else 0. */
static void tell_silent(struct flow_table *t, uint32_t index, int64_t unreachable_ns)
{
	const struct question *q = &t->question[index];
	struct event *e = event_for(t);
	if (e != NULL) {
		struct lookup *l = &e->lookup;
		fill(t, q, l);
		bool again = q->repeat_ns > q->query_ns;
		l->outcome = OUTCOME_DNS_SILENT;
		l->fail_ns = q->repeat_ns + (again ? SILENCE_AGAIN_NS : SILENCE_ONCE_NS);
		if (unreachable_ns != 0) {
			l->outcome = OUTCOME_UNREACHABLE;
			l->fail_ns = unreachable_ns;
		} else if (t->finishing && t->clock_ns + t->origin_ns < l->fail_ns) {
			l->outcome = OUTCOME_UNKNOWN; /* the input ends too early to tell */
			l->fail_ns = 0;
		}
	}
	question_remove(t, index);
}

static bool is_over(const struct flow_table *t, uint32_t index)
{
	return index != NOBODY &&
	       (t->finishing || t->clock_ns - t->question[index].clock_ns > ANSWER_WAIT_NS);
}

void lookups_expire(struct flow_table *t)
{
	while (is_over(t, t->answered.oldest))
		question_remove(t, t->answered.oldest);
	while (t->queued < EVENTS_MAX && is_over(t, t->waiting.oldest))
		tell_silent(t, t->waiting.oldest, 0);
}

/* The question at index was answered by t->dns: tells it and remembers it as answered. */
static void tell_answer(struct flow_table *t, uint32_t index)
{
	const struct dns *d = &t->dns;
	struct question *q = &t->question[index];
	enum outcome outcome = OUTCOME_UNKNOWN;
	struct event *e = event_for(t);
	if (e != NULL) {
		struct lookup *l = &e->lookup;
		fill(t, q, l);
		l->answer_ns = t->at_ns;
		l->rcode = d->rcode;
		for (size_t i = 0; i < d->answers; i++)
			l->answer[l->answers++] =
				(struct answer){d->answer[i].addr, d->answer[i].ttl_s};
		bool again = d->truncated && d->answers == 0; /* the client asks again over TCP */
		if (!again)
			outcome = lookup_outcome(l->rcode, l->answer, l->answers);
		l->outcome = outcome;
		l->fail_ns = outcome_is_failure(outcome) ? t->at_ns : 0;
		for (size_t i = 0; i < d->cnames; i++) {
			l->cname[l->cnames] =
				strings_get(t->options.strings, keep_text(t, d->cname[i]));
			l->cnames += l->cname[l->cnames] != NULL;
		}
	}
	list_remove(t, index);
	q->answered = true;
	q->failed = outcome_is_failure(outcome);
	q->answer_ns = t->at_ns;
	list_append(t, index);
}

/* ---- messages ---- */

static bool within_copy(int64_t a, int64_t b)
{
	return a - b < COPY_NS && b - a < COPY_NS;
}

/* The question when it is known and not too old; one that is too old is given up. */
static uint32_t question_current(struct flow_table *t, const struct question *like)
{
	uint32_t index = question_find(t, like);
	if (index == NOBODY || !is_over(t, index))
		return index;
	if (t->question[index].answered)
		question_remove(t, index);
	else
		tell_silent(t, index, 0);
	return NOBODY;
}

static void count_copy(struct flow_table *t, bool datagram)
{
	t->stats.duplicates += datagram;
	t->stats.messages -= datagram;
}

static void on_question(struct flow_table *t, const struct question *asked, bool datagram)
{
	uint32_t index = question_current(t, asked);
	if (index == NOBODY) {
		(void)question_add(t, asked);
		return;
	}
	struct question *q = &t->question[index];
	if (within_copy(t->at_ns, q->repeat_ns)) {
		count_copy(t, datagram);
	} else if (!q->answered) {
		q->repeat_ns = t->at_ns > q->repeat_ns ? t->at_ns : q->repeat_ns;
		list_remove(t, index); /* it is the youngest now */
		list_append(t, index);
	} else if (q->failed) { /* another try; after a good answer it crossed it on its way */
		question_remove(t, index);
		(void)question_add(t, asked);
	}
}

static void on_answer(struct flow_table *t, const struct question *asked, bool datagram)
{
	uint32_t index = question_current(t, asked);
	if (index == NOBODY)
		index = question_add(t, asked); /* its question was not seen */
	const struct question *q = &t->question[index];
	if (!q->answered)
		tell_answer(t, index);
	else if (within_copy(t->at_ns, q->answer_ns))
		count_copy(t, datagram);
	else
		t->stats.answers_again++;
}

bool lookup_message(struct flow_table *t, const struct packet *p, struct cur message)
{
	struct dns *d = &t->dns;
	d->questions = 0;
	dns_decode(&message, d);
	if (!cur_ok(&message) || d->questions == 0 || d->opcode != 0)
		return false;
	bool answer = d->response;
	if ((answer ? p->src_port : p->dst_port) != 53 || addr_is_group(&p->dst) ||
		addr_is_group(&p->src))
		return false;
	struct question q = {.query_ns = t->at_ns,
		.repeat_ns = t->at_ns,
		.client = answer ? p->dst : p->src,
		.resolver = answer ? p->src : p->dst,
		.client_mac = answer ? 0 : p->src_mac,
		.client_port = answer ? p->dst_port : p->src_port,
		.id = d->id,
		.qtype = d->qtype,
		.transport = p->proto == IP_TCP ? TRANSPORT_TCP : TRANSPORT_UDP,
		.name = keep_text(t, d->qname)};
	bool datagram = p->proto == IP_UDP;
	t->stats.messages += datagram;
	if (answer)
		on_answer(t, &q, datagram);
	else
		on_question(t, &q, datagram);
	return true;
}

void lookup_unreachable(struct flow_table *t, const struct packet *p)
{
	/* the quote rarely holds the question: the youngest that waits for this resolver from this
	 * port is meant */
	int looks = UNREACHABLE_LOOKS;
	for (uint32_t i = t->waiting.newest; i != NOBODY && looks-- > 0; i = t->question[i].older) {
		const struct question *q = &t->question[i];
		if (is_over(t, i))
			return;
		if (q->client_port == p->src_port && q->transport == TRANSPORT_UDP &&
			addr_eq(&q->client, &p->src) && addr_eq(&q->resolver, &p->dst)) {
			tell_silent(t, i, t->at_ns);
			return;
		}
	}
}
