/* Suricata's EVE log: a record a line, in a file or behind a syslog header. */
#include "ingest/eve_row.h"
#include "ingest/json_log.h"

static int eve_open(struct reader *r, struct fail *why)
{
	return json_log_open(r, eve_paths, EVE_FIELDS, sizeof(struct eve_memory), why);
}

static bool claims(struct cur start)
{
	return json_log_claims(start, eve_is);
}

static bool eve_next(struct reader *r, struct frame *ret)
{
	return json_log_next(r, ret, eve_when);
}

static void eve_parse(struct sink *sink, const struct frame *row)
{
	const struct json_log *log = row->schema;
	struct json_value slot[EVE_FIELDS];
	if (json_log_pick(sink, row, slot))
		eve_emit(sink,
			&(struct eve_row){.json = log->json, .slot = slot, .memory = log->memory});
}

const struct format format_eve = {.name = "eve",
	.claims = claims,
	.open = eve_open,
	.next = eve_next,
	.close = json_log_close,
	.parse = eve_parse};
