/* Look-ups: questions meet their answers, repeated questions are one. */
#include "ingest/dns_words.h"
#include "ingest/sink.h"

int64_t ask_first(struct sink *s, int64_t *ret_due_ns)
{
	uint64_t key;
	const struct waiting_lookup *w = keyed_oldest(&s->lookups, &key);
	*ret_due_ns = w == NULL ? INT64_MAX : w->lookup.query_ns + HOLD_NS;
	return w == NULL ? INT64_MAX : w->lookup.query_ns;
}

/* Some sources tell the answer, but not when it came (Zeek: rtt is unset when nothing was answered
 * but a code). The conversation that carried it ended with the answer; without it, what answers
 * take lately must do: an answer that is taken for too early makes parallel questions look like
 * reactions. */
static void find_answer_time(const struct sink *s, struct lookup *l, uint64_t record)
{
	const struct waiting_conn *w = record == 0 ? NULL : keyed_find(&s->waiting, record);
	bool short_one = w != NULL && w->conn.packets_in > 0 && w->conn.packets_in <= 2 &&
	                 w->conn.end_ns > l->query_ns;
	l->answer_ns = short_one ? w->conn.end_ns : l->query_ns + s->usual_rtt_ns;
	if (outcome_is_failure(l->outcome))
		l->fail_ns = l->answer_ns;
}

/* The address of a machine that is known by name. False: no row has told it. */
static bool find_client(const struct sink *s, const struct waiting_lookup *w, struct lookup *l)
{
	if (w->machine == 0)
		return true;
	const struct addr *addr = keyed_find(&s->machines, w->machine);
	if (addr != NULL)
		l->client = *addr;
	return addr != NULL;
}

void ask_tell_first(struct sink *s)
{
	uint64_t key;
	const struct waiting_lookup *w = keyed_oldest(&s->lookups, &key);
	CHECK(w != NULL);
	struct event e = {.kind = EVENT_LOOKUP, .lookup = w->lookup};
	char uid[UID_BYTES];
	memcpy(uid, w->uid, sizeof uid);
	e.lookup.uid = uid[0] == '\0' ? NULL : uid;
	bool known = find_client(s, w, &e.lookup);
	if (w->answered && w->lookup.answer_ns == w->lookup.query_ns && w->machine == 0)
		find_answer_time(s, &e.lookup, w->record);
	keyed_remove(&s->lookups, key);
	if (known)
		sink_tell(s, &e);
	else
		sink_remark(s, REMARK_NO_CLIENT);
}

static const char *kept(const struct sink *s, const char *text)
{
	return strings_get(s->options.strings, strings_add(s->options.strings, text));
}

static void keep_texts(const struct sink *s, struct lookup *l, char uid[static UID_BYTES])
{
	size_t len = l->uid == NULL ? 0 : strlen(l->uid);
	if (len > 0 && len < UID_BYTES && uid[0] == '\0')
		memcpy(uid, l->uid, len + 1);
	l->process = kept(s, l->process);
	l->name = kept(s, l->name);
	for (size_t i = 0; i < l->cnames; i++)
		l->cname[i] = kept(s, l->cname[i]);
	l->uid = NULL;
}

/* A stub waits for a second before it asks again, and again twice as long. */
#define SILENCE_ONCE_NS  (1 * NS_PER_S)
#define SILENCE_AGAIN_NS (3 * NS_PER_S)

static void fail_silent(struct lookup *l)
{
	bool again = l->repeat_ns > l->query_ns;
	l->fail_ns = l->repeat_ns + (again ? SILENCE_AGAIN_NS : SILENCE_ONCE_NS);
}

static void take_answer(struct lookup *to, const struct lookup *answer)
{
	struct lookup asked = *to;
	*to = *answer;
	to->query_ns = asked.query_ns;
	to->repeat_ns = asked.repeat_ns;
	to->name = asked.name;
	to->qtype = asked.qtype;
	if (to->process == NULL)
		to->process = asked.process;
}

/* Some sources tell an answer's records in rows of their own, all of one time. */
static void take_more(const struct sink *s, struct lookup *to, const struct lookup *more)
{
	if (more->answer_ns != to->answer_ns)
		return; /* the same answer again */
	for (size_t i = 0; i < more->answers && to->answers < LOOKUP_ANSWERS_MAX; i++)
		to->answer[to->answers++] = more->answer[i];
	for (size_t i = 0; i < more->cnames && to->cnames < LOOKUP_CNAMES_MAX; i++)
		to->cname[to->cnames++] = kept(s, more->cname[i]);
	dns_settle(to, true);
}

/* Another row of the same question. */
static void merge(const struct sink *s, struct waiting_lookup *w, const struct lookup *l)
{
	bool answers = l->answer_ns != 0;
	if (answers && !w->answered) {
		struct lookup copy = *l;
		keep_texts(s, &copy, w->uid);
		if (w->asked)
			take_answer(&w->lookup, &copy);
		else
			w->lookup = copy;
		w->answered = true;
	} else if (answers) {
		take_more(s, &w->lookup, l);
	} else if (!w->asked) { /* the answer came first */
		w->lookup.query_ns = l->query_ns;
		w->lookup.repeat_ns = l->query_ns;
	} else {
		if (l->query_ns > w->lookup.repeat_ns)
			w->lookup.repeat_ns = l->query_ns;
		if (!w->answered && w->lookup.outcome == OUTCOME_DNS_SILENT)
			fail_silent(&w->lookup);
	}
	w->asked |= !answers;
}

static void add(struct sink *s, uint64_t key, uint64_t machine, const struct lookup *lookup)
{
	bool group = addr_is_group(&lookup->resolver) && !addr_is_none(&lookup->resolver);
	if (group) /* multicast DNS: not a resolver's */
		return;
	s->asked = true;
	struct waiting_lookup *w = key == 0 ? NULL : keyed_find(&s->lookups, key);
	if (w != NULL) {
		merge(s, w, lookup);
		return;
	}
	if (key == 0) {
		s->unnamed++;
		key = sink_key_bytes(s, &s->unnamed, sizeof s->unnamed);
	}
	while (keyed_full(&s->lookups))
		ask_tell_first(s);
	w = keyed_push(&s->lookups, key);
	w->lookup = *lookup;
	w->machine = machine;
	w->record = lookup->uid == NULL ? 0 : sink_key(s, span_of(lookup->uid));
	if (lookup->answer_ns > lookup->query_ns) {
		int64_t rtt = lookup->answer_ns - lookup->query_ns;
		s->usual_rtt_ns += s->usual_rtt_ns == 0 ? rtt : (rtt - s->usual_rtt_ns) / 8;
	}
	w->answered = lookup->answer_ns != 0;
	w->asked = !w->answered || lookup->query_ns < lookup->answer_ns;
	keep_texts(s, &w->lookup, w->uid);
	if (!w->answered && lookup->outcome == OUTCOME_DNS_SILENT && lookup->fail_ns == 0)
		fail_silent(&w->lookup);
}

void sink_lookup(struct sink *s, uint64_t key, const struct lookup *lookup)
{
	add(s, key, 0, lookup);
}

void sink_lookup_by(struct sink *s, uint64_t machine, const struct lookup *lookup)
{
	if (machine == 0)
		sink_remark(s, REMARK_NO_CLIENT);
	else
		add(s, 0, machine, lookup);
}

void sink_machine(struct sink *s, uint64_t machine, const struct addr *addr)
{
	uint64_t oldest;
	struct addr *known = machine == 0 ? NULL : keyed_find(&s->machines, machine);
	if (machine == 0)
		return;
	if (known == NULL) {
		if (keyed_full(&s->machines) && keyed_oldest(&s->machines, &oldest) != NULL)
			keyed_remove(&s->machines, oldest);
		known = keyed_push(&s->machines, machine);
	}
	/* the address that most of its connections have */
	if (addr_is_none(known) || addr_is_v4(addr) || !addr_is_v4(known))
		*known = *addr;
}
