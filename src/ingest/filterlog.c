/* pfSense's and OPNsense's filterlog: docs.netgate.com, "Raw Filter Log Format". Comma-separated:
 * rule, sub-rule, anchor, tracker, interface, reason, action, direction, IP version; then the IP
 * header's, then the protocol's. */
#include "base/scan.h"
#include "ingest/lines.h"
#include "ingest/syslog.h"
#include "ingest/verdict.h"

#define FIELDS_MAX 64

enum { ACTION = 6, VERSION = 8, V4_PROTO = 15, V4_SRC = 18, V6_PROTO = 13, V6_SRC = 15 };

bool filterlog_is(const struct syslog_line *line)
{
	return span_is(line->tag, "filterlog");
}

/* The flags "S", "SA", "FPA"…: whether a conversation begins. */
static bool begins(const struct conn *c, struct span flags)
{
	if (c->transport == TRANSPORT_TCP)
		return span_has(flags, 'S') && !span_has(flags, 'A') && !span_has(flags, 'R') &&
		       !span_has(flags, 'F');
	return c->client_port >= 1024 || c->server_port < 1024;
}

/* NULL, or why it is none. *ret_next is set to the field behind the addresses. */
static const char *take_header(
	struct span text, const uint32_t *end, size_t count, struct conn *c, size_t *ret_next)
{
	bool v4 = span_is(lines_field(text, end, VERSION), "4");
	size_t src = v4 ? V4_SRC : V6_SRC;
	uint64_t proto = 0;
	if (!v4 && !span_is(lines_field(text, end, VERSION), "6"))
		return "no IP version in it";
	if (count < src + 2)
		return "it has too few fields";
	if (scan_max(lines_field(text, end, v4 ? V4_PROTO : V6_PROTO), UINT8_MAX, &proto) < 0 ||
		scan_addr(lines_field(text, end, src), &c->client) < 0 ||
		scan_addr(lines_field(text, end, src + 1), &c->server) < 0)
		return "no address or protocol in it";
	c->ip_proto = (uint8_t)proto;
	c->transport = transport_of(c->ip_proto);
	*ret_next = src + 2;
	return NULL;
}

static void emit(struct sink *s, struct span text, int64_t time_ns)
{
	uint32_t end[FIELDS_MAX];
	size_t count = lines_split(text, ',', end, FIELDS_MAX), next = 0;
	struct conn c = {.start_ns = time_ns, .end_ns = time_ns, .packets_out = 1, .tries = 1};
	const char *why = count <= VERSION || count > FIELDS_MAX
	                          ? "it has too few or too many fields"
	                          : take_header(text, end, count, &c, &next);
	if (why != NULL) {
		sink_reject(s, why);
		return;
	}
	bool tcp = c.transport == TRANSPORT_TCP;
	if (!tcp && c.transport != TRANSPORT_UDP) {
		sink_remark(s, REMARK_NO_PORTS);
		return;
	}
	uint64_t from, to;
	if (count < next + (tcp ? 4 : 2) ||
		scan_max(lines_field(text, end, next), UINT16_MAX, &from) < 0 ||
		scan_max(lines_field(text, end, next + 1), UINT16_MAX, &to) < 0) {
		sink_reject(s, "no ports in it");
		return;
	}
	c.client_port = (uint16_t)from;
	c.server_port = (uint16_t)to;
	if (!begins(&c, tcp ? lines_field(text, end, next + 3) : (struct span){0})) {
		sink_remark(s, REMARK_OTHER_RECORDS);
		return;
	}
	verdict_apply(s, verdict_of(lines_field(text, end, ACTION)), &c);
	sink_conn(s, 0, &c);
}

bool filterlog_message(struct sink *sink, const struct syslog_line *line, int64_t time_ns)
{
	if (!filterlog_is(line))
		return false;
	emit(sink, line->message, time_ns);
	return true;
}
