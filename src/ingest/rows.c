#include "ingest/rows.h"

#include <errno.h>
#include <stdlib.h>

#include "ingest/netflow_decode.h"
#include "ingest/sink.h"

/* Conversations that wait; the same for details without one, and for ports that are remembered. */
#define WAITING_MAX ((size_t)1 << 17)
/* Look-ups that wait, for each so many conversations: one takes 1.7 KB. */
#define ASKING_SHARE 8u
#define ASKING_MIN   ((size_t)16)
/* Texts of one row. */
#define TEXT_BYTES ((size_t)64 << 10)

int rows_new(struct sink **ret, const struct rows_options *options)
{
	struct sink *s = calloc(1, sizeof *s);
	if (s == NULL)
		return -ENOMEM;
	s->options = *options;
	s->hash = hash_key_new();
	s->clock_ns = INT64_MIN;
	size_t room = options->waiting_max == 0 ? WAITING_MAX : options->waiting_max;
	size_t asking = room / ASKING_SHARE > ASKING_MIN ? room / ASKING_SHARE : ASKING_MIN;
	s->tail = calloc(TAILS_MAX, sizeof *s->tail);
	if (s->tail == NULL || keyed_init(&s->waiting, sizeof(struct waiting_conn), room) < 0 ||
		keyed_init(&s->ports, sizeof(struct ports), room) < 0 ||
		keyed_init(&s->orphans, sizeof(struct note), room) < 0 ||
		keyed_init(&s->lookups, sizeof(struct waiting_lookup), asking) < 0 ||
		keyed_init(&s->machines, sizeof(struct addr), asking) < 0 ||
		arena_init(&s->texts, TEXT_BYTES) < 0 || halves_new(&s->halves, room) < 0 ||
		netflow_new(&s->netflow, room) < 0) {
		rows_free(s);
		return -ENOMEM;
	}
	*ret = s;
	return 0;
}

void rows_free(struct sink *s)
{
	if (s == NULL)
		return;
	keyed_fini(&s->waiting);
	keyed_fini(&s->ports);
	free(s->tail);
	keyed_fini(&s->orphans);
	keyed_fini(&s->lookups);
	keyed_fini(&s->machines);
	arena_fini(&s->texts);
	halves_free(s->halves);
	netflow_free(s->netflow);
	for (size_t i = 0; i < s->tables; i++)
		keyed_fini(&s->table[i].keyed);
	free(s);
}

void sink_tell(struct sink *s, struct event *event)
{
	uint64_t id = ++s->ids;
	if (event->kind == EVENT_CONN)
		event->conn.id = id;
	else
		event->lookup.id = id;
	s->options.event(s->options.context, event);
}

/* What waits, of which the one that began first is told first. */
static const struct {
	int64_t (*first)(struct sink *s, int64_t *ret_due_ns);
	void (*tell_first)(struct sink *s);
} waits[] = {{ask_first, ask_tell_first}, {join_first, join_tell_first},
	{halves_first, halves_tell_first}};

/* Tells what began so long ago that all its rows have come, in the order of time. */
static void tell_due(struct sink *s, int64_t now_ns)
{
	for (;;) {
		int64_t first_ns = INT64_MAX, first_due = INT64_MAX;
		size_t first = 0;
		for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
			int64_t due_ns, ns = waits[i].first(s, &due_ns);
			if (ns >= first_ns)
				continue;
			first_ns = ns;
			first_due = due_ns;
			first = i;
		}
		if (first_due > now_ns)
			return;
		waits[first].tell_first(s);
	}
}

void rows_advance(struct sink *s, int64_t now_ns)
{
	arena_reset(&s->texts, 0);
	if (now_ns <= s->clock_ns)
		return;
	s->clock_ns = now_ns;
	tell_due(s, now_ns);
}

void rows_add(struct sink *s, const struct frame *row)
{
	s->row = row;
	row->format->parse(s, row);
	s->row = NULL;
	rows_advance(s, row->time_ns);
}

void rows_settle(struct sink *s)
{
	/* what is exported in halves comes minutes apart: that goes on waiting */
	int64_t due_ns;
	while (ask_first(s, &due_ns) != INT64_MAX)
		ask_tell_first(s);
	while (join_first(s, &due_ns) != INT64_MAX)
		join_tell_first(s);
}

void rows_finish(struct sink *s)
{
	netflow_finish(s->netflow, s);
	for (size_t i = 0; i < s->tables; i++)
		s->table[i].finish(s, &s->table[i].keyed);
	tell_due(s, INT64_MAX - 1);
}

uint64_t rows_rejected(const struct sink *s)
{
	return s->rejected;
}

/* ---- what sources can't tell ---- */

static const char *const remarks[REMARK_COUNT] = {
	[REMARK_NODATA_LOST] =
		"periods of which the source says that it lost records: what happened "
		"in them is not known",
	[REMARK_SAMPLED] = "rows of sampled traffic: what few packets make is missing, and so are "
			   "most failures",
	[REMARK_TEMPLATE] = "sets of flow records whose template did not come",
	[REMARK_NO_PORTS] = "rows without the addresses and ports of a conversation",
	[REMARK_NO_OUTCOME] = "conversations whose source does not say how they ended",
	[REMARK_OTHER_RECORDS] = "rows of kinds that say nothing about connections",
	[REMARK_ONE_SIDE] = "flows of which no answer could be seen although answers are "
			    "exported: taken for unanswered",
	[REMARK_ONE_WAY] = "flows of which the exporter shows one direction only: whether they "
			   "were answered is not known",
	[REMARK_BAD_EXPORT] = "export datagrams that contradict their own format",
	[REMARK_NO_YEAR] = "rows whose times have no year: it is taken from the date of their file",
	[REMARK_NO_TIME] = "rows without a time: the connections that they tell began before the "
			   "date of their file",
	[REMARK_NO_CLIENT] = "questions to DNS of machines whose address no connection told: not "
			     "judged",
	[REMARK_NO_ZONE] = "rows whose times have no zone, or a local one by name: taken for UTC",
};

const char *rows_remark(const struct sink *s, size_t index, uint64_t *ret_count)
{
	for (size_t i = 0; i < REMARK_COUNT; i++) {
		if (s->remarks[i] == 0)
			continue;
		if (index-- > 0)
			continue;
		*ret_count = s->remarks[i];
		return remarks[i];
	}
	return NULL;
}
