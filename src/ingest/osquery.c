/* osquery's results log (osquery.readthedocs.io, "Logging"): rows of the tables socket_events,
 * which tells each connect() as it happens, and process_open_sockets, a list of what is open when
 * it is asked for. Rows come one by one ("columns") or as a whole ("snapshot"). */
#include "base/scan.h"
#include "ingest/access.h"
#include "ingest/json_log.h"

enum column {
	ACTION, /* socket_events: connect, bind, accept */
	STATUS, /* succeeded, failed, in_progress, no_status */
	STATE,  /* process_open_sockets, TCP: ESTABLISHED, … */
	PATH,
	NAME, /* where the query joins processes */
	PROTOCOL,
	LOCAL_ADDRESS,
	LOCAL_PORT,
	REMOTE_ADDRESS,
	REMOTE_PORT,
	TIME,
	EID,
	COLUMNS
};
/* Behind the columns of "columns" stand those of a row of its own, then what is said of the query.
 */
enum { OWN = COLUMNS, UNIX_TIME = 2 * COLUMNS, SNAPSHOT, SLOTS };

static int osquery_open(struct reader *r, struct fail *why)
{
	static const char *const paths[SLOTS] = {"columns.action", "columns.status",
		"columns.state", "columns.path", "columns.name", "columns.protocol",
		"columns.local_address", "columns.local_port", "columns.remote_address",
		"columns.remote_port", "columns.time", "columns.eid", "action", "status", "state",
		"path", "name", "protocol", "local_address", "local_port", "remote_address",
		"remote_port", "time", "eid", [UNIX_TIME] = "unixTime", [SNAPSHOT] = "snapshot"};
	return json_log_open(r, paths, SLOTS, 0, why);
}

static bool is_osquery(struct span object)
{
	return json_log_has(object, "hostIdentifier") && json_log_has(object, "unixTime");
}

static bool claims(struct cur start)
{
	return json_log_claims(start, is_osquery);
}

static bool when(struct span object, int64_t *ns)
{
	struct span text;
	return json_peek(object, "unixTime", &text) && scan_time(text, ns) == 0;
}

static bool osquery_next(struct reader *r, struct frame *ret)
{
	return json_log_next(r, ret, when);
}

static struct span base_name(const struct json_value *column)
{
	struct span path = access_base_name(column[PATH].text);
	return path.len > 0 ? path : column[NAME].text;
}

static enum outcome outcome_of(const struct json_value *column, const struct conn *c)
{
	bool open = span_is(column[STATUS].text, "succeeded") ||
	            span_is(column[STATE].text, "ESTABLISHED");
	return open && c->transport == TRANSPORT_TCP ? OUTCOME_OK : OUTCOME_UNKNOWN;
}

/* NULL, or why the row is none. */
static const char *read_row(const struct json_value *column, struct span asked, struct conn *ret)
{
	uint64_t from = 0, to = 0;
	if (scan_time(column[TIME].text, &ret->start_ns) < 0 &&
		scan_time(asked, &ret->start_ns) < 0)
		return "no time in it";
	if (scan_addr(column[LOCAL_ADDRESS].text, &ret->client) < 0 ||
		scan_addr(column[REMOTE_ADDRESS].text, &ret->server) < 0)
		return "no address in local_address or remote_address";
	if (scan_max(column[LOCAL_PORT].text, UINT16_MAX, &from) < 0 ||
		scan_max(column[REMOTE_PORT].text, UINT16_MAX, &to) < 0)
		return "no number in local_port or remote_port";
	ret->end_ns = ret->start_ns;
	ret->client_port = (uint16_t)from;
	ret->server_port = (uint16_t)to;
	ret->ip_proto = access_protocol(column[PROTOCOL].text);
	ret->transport = transport_of(ret->ip_proto);
	return NULL;
}

/* Of the columns, the rows of other tables have none that matter. */
static void emit(struct sink *s, const struct json_value *column, struct span asked)
{
	struct conn c = {0};
	bool event = column[ACTION].text.len > 0 && column[STATE].text.len == 0;
	bool connects = !event || span_is(column[ACTION].text, "connect");
	struct span local = column[LOCAL_ADDRESS].text;
	if (column[REMOTE_ADDRESS].text.len == 0 || !connects ||
		span_is(column[REMOTE_PORT].text, "0")) {
		sink_remark(s, REMARK_OTHER_RECORDS);
		return;
	}
	if (local.len == 0 || span_is(local, "0.0.0.0") || span_is(local, "::")) {
		sink_remark(s, REMARK_NO_PORTS); /* not bound yet when it was told */
		return;
	}
	const char *why = read_row(column, asked, &c);
	if (why != NULL) {
		sink_reject(s, why);
		return;
	}
	if (c.transport == TRANSPORT_OTHER) {
		sink_remark(s, REMARK_NO_PORTS);
		return;
	}
	c.joined = !event; /* it is open, since when is not told */
	c.outcome = outcome_of(column, &c);
	if (c.outcome == OUTCOME_UNKNOWN)
		sink_remark(s, REMARK_NO_OUTCOME);
	c.packets_in = c.outcome == OUTCOME_OK;
	c.process = sink_text(s, base_name(column));
	c.uid = sink_text(s, column[EID].text);
	sink_conn(s, 0, &c);
}

static void osquery_parse(struct sink *sink, const struct frame *row)
{
	const struct json_log *log = row->schema;
	struct json_value slot[SLOTS], item[SLOTS], each = {0};
	if (!json_log_pick(sink, row, slot))
		return;
	bool removed = span_is(slot[OWN + ACTION].text, "removed");
	if (slot[SNAPSHOT].type != JSON_ARRAY) {
		if (removed)
			sink_remark(sink, REMARK_OTHER_RECORDS);
		else
			emit(sink, slot, slot[UNIX_TIME].text);
		return;
	}
	while (json_each(log->json, &slot[SNAPSHOT], &each)) {
		if (each.type == JSON_OBJECT &&
			json_pick(log->json, log->keys, &each, item) == NULL)
			emit(sink, item + OWN, slot[UNIX_TIME].text);
	}
}

const struct format format_osquery = {.name = "osquery",
	.claims = claims,
	.open = osquery_open,
	.next = osquery_next,
	.close = json_log_close,
	.parse = osquery_parse};
