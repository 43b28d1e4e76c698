/* Falco's alerts as JSON (falco.org, "Output formatting"): a rule on connect() that outputs the
 * fields of its file descriptor tells a connection and what the call returned. */
#include "base/scan.h"
#include "ingest/access.h"
#include "ingest/json_log.h"

enum field {
	TIME,
	EVT_TIME, /* nanoseconds */
	EVT_TYPE,
	EVT_RES,
	CLIENT,
	CLIENT_PORT,
	SERVER,
	SERVER_PORT,
	PROTO,
	PROCESS,
	FD_NAME, /* "10.0.0.5:1025->192.0.2.1:443" */
	FIELDS
};

static int falco_open(struct reader *r, struct fail *why)
{
	static const char *const paths[FIELDS] = {[TIME] = "time",
		[EVT_TIME] = "output_fields.evt.time",
		[EVT_TYPE] = "output_fields.evt.type",
		[EVT_RES] = "output_fields.evt.res",
		[CLIENT] = "output_fields.fd.cip",
		[CLIENT_PORT] = "output_fields.fd.cport",
		[SERVER] = "output_fields.fd.sip",
		[SERVER_PORT] = "output_fields.fd.sport",
		[PROTO] = "output_fields.fd.l4proto",
		[PROCESS] = "output_fields.proc.name",
		[FD_NAME] = "output_fields.fd.name"};
	return json_log_open(r, paths, FIELDS, 0, why);
}

static bool is_falco(struct span object)
{
	return json_log_has(object, "rule") && json_log_has(object, "priority") &&
	       span_find(object, "\"output_fields\"") < object.len;
}

static bool claims(struct cur start)
{
	return json_log_claims(start, is_falco);
}

static bool when(struct span object, int64_t *ns)
{
	struct span text;
	return (json_peek(object, "evt.time", &text) || json_peek(object, "time", &text)) &&
	       scan_time(text, ns) == 0;
}

static bool falco_next(struct reader *r, struct frame *ret)
{
	return json_log_next(r, ret, when);
}

/* The port stands behind the last colon, whatever the family. */
static void split_end(struct span end, struct span *ret_addr, struct span *ret_port)
{
	const uint8_t *colon = end.len == 0 ? NULL : memrchr(end.ptr, ':', end.len);
	if (colon == NULL)
		return;
	size_t at = (size_t)(colon - end.ptr);
	*ret_addr = (struct span){end.ptr, at};
	*ret_port = (struct span){end.ptr + at + 1, end.len - at - 1};
}

struct ends {
	struct span client, client_port, server, server_port;
};

/* False: the alert is of no connection. */
static bool find_ends(const struct json_value *f, struct ends *ret)
{
	struct ends e = {f[CLIENT].text, f[CLIENT_PORT].text, f[SERVER].text, f[SERVER_PORT].text};
	struct span name = f[FD_NAME].text;
	size_t arrow = span_find(name, "->");
	if ((e.client.len == 0 || e.server.len == 0) && arrow < name.len) {
		split_end((struct span){name.ptr, arrow}, &e.client, &e.client_port);
		split_end((struct span){name.ptr + arrow + 2, name.len - arrow - 2}, &e.server,
			&e.server_port);
	}
	*ret = e;
	return e.client.len > 0 && e.server.len > 0;
}

/* What connect() returned: errno(3). */
static enum outcome outcome_of(const struct json_value *f)
{
	static const struct {
		const char *result;
		enum outcome outcome;
	} results[] = {{"SUCCESS", OUTCOME_OK}, {"ECONNREFUSED", OUTCOME_REFUSED},
		{"ETIMEDOUT", OUTCOME_SILENT}, {"EHOSTUNREACH", OUTCOME_UNREACHABLE},
		{"ENETUNREACH", OUTCOME_UNREACHABLE}, {"EPERM", OUTCOME_DENIED},
		{"EACCES", OUTCOME_DENIED}};
	for (size_t i = 0; span_is(f[EVT_TYPE].text, "connect") && i < ARRAY_LEN(results); i++)
		if (span_is(f[EVT_RES].text, results[i].result))
			return results[i].outcome;
	return OUTCOME_UNKNOWN;
}

/* NULL, or why the alert is none. */
static const char *read_conn(const struct json_value *f, const struct ends *e, struct conn *ret)
{
	uint64_t from = 0, to = 0;
	if (scan_time(f[EVT_TIME].text, &ret->start_ns) < 0 &&
		scan_time(f[TIME].text, &ret->start_ns) < 0)
		return "no time in it";
	if (scan_addr(e->client, &ret->client) < 0 || scan_addr(e->server, &ret->server) < 0)
		return "no address of the client or the server in it";
	if ((e->client_port.len > 0 && scan_max(e->client_port, UINT16_MAX, &from) < 0) ||
		scan_max(e->server_port, UINT16_MAX, &to) < 0)
		return "no port in it";
	ret->end_ns = ret->start_ns;
	ret->client_port = (uint16_t)from;
	ret->server_port = (uint16_t)to;
	ret->ip_proto = access_protocol(f[PROTO].text);
	ret->transport = transport_of(ret->ip_proto);
	return NULL;
}

static void falco_parse(struct sink *sink, const struct frame *row)
{
	struct json_value slot[FIELDS];
	struct ends ends;
	struct conn c = {0};
	if (!json_log_pick(sink, row, slot))
		return;
	if (!find_ends(slot, &ends)) {
		sink_remark(sink, REMARK_OTHER_RECORDS);
		return;
	}
	const char *why = read_conn(slot, &ends, &c);
	if (why != NULL) {
		sink_reject(sink, why);
		return;
	}
	if (c.transport == TRANSPORT_OTHER) {
		sink_remark(sink, REMARK_NO_PORTS);
		return;
	}
	c.outcome = outcome_of(slot);
	if (outcome_is_failure(c.outcome))
		c.fail_ns = c.start_ns;
	if (c.outcome == OUTCOME_UNKNOWN)
		sink_remark(sink, REMARK_NO_OUTCOME);
	c.packets_in = c.outcome == OUTCOME_OK || c.outcome == OUTCOME_REFUSED;
	c.process = sink_text(sink, slot[PROCESS].text);
	sink_conn(sink, 0, &c);
}

const struct format format_falco = {.name = "falco",
	.claims = claims,
	.open = falco_open,
	.next = falco_next,
	.close = json_log_close,
	.parse = falco_parse};
