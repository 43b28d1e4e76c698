/* AWS Network Firewall's logs (docs.aws.amazon.com, "Contents of a AWS Network Firewall log"):
 * alert, flow ("netflow": a record for each direction) and TLS inspection logs, each an EVE record
 * within an envelope. What the stateless engine drops is never logged. */
#include "base/scan.h"
#include "ingest/eve_row.h"
#include "ingest/json_log.h"

enum extra { FIREWALL_NAME = EVE_FIELDS, EVENT, SLOTS };

static int nfw_open(struct reader *r, struct fail *why)
{
	const char *paths[SLOTS] = {[FIREWALL_NAME] = "firewall_name", [EVENT] = "event"};
	for (size_t i = 0; i < EVE_FIELDS; i++)
		paths[i] = eve_paths[i];
	return json_log_open(r, paths, SLOTS, sizeof(struct eve_memory), why);
}

static bool is_nfw(struct span object)
{
	return json_log_has(object, "firewall_name") && json_log_has(object, "event_timestamp");
}

static bool claims(struct cur start)
{
	return json_log_claims(start, is_nfw);
}

static bool nfw_next(struct reader *r, struct frame *ret)
{
	return json_log_next(r, ret, eve_when);
}

static void nfw_parse(struct sink *sink, const struct frame *row)
{
	const struct json_log *log = row->schema;
	struct json_value slot[SLOTS];
	if (!json_log_pick(sink, row, slot))
		return;
	struct json_value event = slot[EVENT];
	uint64_t exporter = sink_key(sink, slot[FIREWALL_NAME].text);
	const char *wrong = json_pick(log->json, log->keys, &event, slot);
	if (wrong != NULL) {
		sink_reject(sink, wrong);
		return;
	}
	eve_emit(sink, &(struct eve_row){.json = log->json,
			       .slot = slot,
			       .memory = log->memory,
			       .cloud = true,
			       .exporter = exporter});
}

const struct format format_aws_nfw = {.name = "aws-nfw",
	.claims = claims,
	.open = nfw_open,
	.next = nfw_next,
	.close = json_log_close,
	.parse = nfw_parse};
