#include "cli/engine.h"

#include <errno.h>

#include "base/limits.h"
#include "ingest/netflow.h"

/* Shares of --limit-memory; the rest is for hosts and the judge. A conversation takes about half a
 * kilobyte. */
#define CONVERSATION_BYTES 512u
#define STRING_BYTES       48u
#define MEMORY_MIN         ((size_t)16 << 20)

static int make_tables(struct engine *e)
{
	const struct engine_options *o = &e->options;
	size_t memory = o->memory_bytes, names = STRINGS_BYTES_MAX, conversations = 0;
	if (memory != 0) {
		memory = memory < MEMORY_MIN ? MEMORY_MIN : memory;
		conversations = memory / 2 / CONVERSATION_BYTES;
		conversations =
			conversations < CONVERSATIONS_MAX ? conversations : CONVERSATIONS_MAX;
		names = memory / 4 < STRINGS_BYTES_MAX ? memory / 4 : STRINGS_BYTES_MAX;
	}
	if (strings_new(&e->strings, names, names / STRING_BYTES) < 0 ||
		decoder_new(&e->decoder, FRAGMENT_BYTES_MAX) < 0 ||
		namer_new(&e->namer, NAMER_SLOTS_MAX) < 0)
		return -ENOMEM;
	struct flow_options flow = {.conversations_max = conversations,
		.local = o->local,
		.locals = o->locals,
		.strings = e->strings,
		.prompt = o->prompt,
		.namer = e->namer,
		.begun = o->begun,
		.refused = o->refused,
		.context = o->context};
	struct hosts_options hosts = {.hooks = o->hooks,
		.local = o->local,
		.locals = o->locals,
		.strings = e->strings,
		.since_ns = o->since_ns,
		.until_ns = o->until_ns};
	return flow_table_new(&e->flow, &flow) < 0 ? -ENOMEM : hosts_new(&e->hosts, &hosts);
}

int engine_init(struct engine *e, const struct engine_options *options)
{
	*e = (struct engine){.options = *options};
	return make_tables(e);
}

void engine_fini(struct engine *e)
{
	hosts_free(e->hosts);
	rows_free(e->rows);
	flow_table_free(e->flow);
	strings_free(e->strings);
	namer_free(e->namer);
	decoder_free(e->decoder);
	*e = (struct engine){0};
}

void engine_event(struct engine *e, const struct event *event)
{
	int64_t at_ns = event->kind == EVENT_CONN ? event->conn.start_ns : event->lookup.query_ns;
	e->first_ns = e->first_ns == 0 || at_ns < e->first_ns ? at_ns : e->first_ns;
	e->last_ns = at_ns > e->last_ns ? at_ns : e->last_ns;
	if (e->options.event != NULL)
		e->options.event(e->options.context, event);
	struct host *ripe = hosts_add(e->hosts, event);
	if (ripe == NULL)
		return;
	e->options.ripe(e->options.context, ripe);
	host_retire(ripe);
}

static void take_event(void *context, const struct event *event)
{
	engine_event(context, event);
}

static void take_events(struct engine *e)
{
	for (const struct event *event = flow_table_next(e->flow); event != NULL;
		event = flow_table_next(e->flow))
		engine_event(e, event);
}

/* The tables that join rows are made for the first one. */
static int have_rows(struct engine *e)
{
	struct rows_options options = {.strings = e->strings,
		.ingest = e->options.ingest,
		.event = take_event,
		.context = e,
		.local = e->options.local,
		.locals = e->options.locals};
	return e->rows != NULL || rows_new(&e->rows, &options) == 0 ? 0 : -ENOMEM;
}

bool engine_export(struct engine *e, const struct addr *exporter, uint16_t dst_port,
	struct cur payload, int64_t time_ns)
{
	return netflow_likely(payload) && have_rows(e) == 0 &&
	       netflow_packet(e->rows, exporter, dst_port, payload, time_ns);
}

int engine_frame(struct engine *e, const struct frame *frame)
{
	struct packet packet;
	if (frame->format != NULL) {
		if (have_rows(e) < 0)
			return -ENOMEM;
		rows_add(e->rows, frame);
		e->rows_taken++;
		return 0;
	}
	e->packets++;
	if (decode_frame(e->decoder, frame, &packet) != DECODED_OK)
		return 0;
	flow_table_add(e->flow, &packet);
	take_events(e);
	/* exports on their way to a collector tell of what this capture did not see */
	if (packet.proto == IP_UDP)
		(void)engine_export(
			e, &packet.src, packet.dst_port, packet.payload, packet.time_ns);
	return 0;
}

void engine_settle(struct engine *e, int64_t now_ns)
{
	flow_table_advance(e->flow, now_ns);
	take_events(e);
	if (e->rows == NULL)
		return;
	rows_settle(e->rows);
	rows_advance(e->rows, now_ns);
}

void engine_finish(struct engine *e)
{
	flow_table_finish(e->flow);
	take_events(e);
	if (e->rows != NULL)
		rows_finish(e->rows);
}
