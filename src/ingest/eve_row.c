#include "ingest/eve_row.h"

#include "base/limits.h"
#include "base/scan.h"
#include "ingest/json_log.h"

const char *const eve_paths[EVE_FIELDS] = {[EVE_TIMESTAMP] = "timestamp",
	[EVE_FLOW_ID] = "flow_id",
	[EVE_EVENT_TYPE] = "event_type",
	[EVE_SRC_IP] = "src_ip",
	[EVE_SRC_PORT] = "src_port",
	[EVE_DEST_IP] = "dest_ip",
	[EVE_DEST_PORT] = "dest_port",
	[EVE_PROTO] = "proto",
	[EVE_ICMP_TYPE] = "icmp_type",
	[EVE_ICMP_CODE] = "icmp_code",
	[EVE_VLAN] = "vlan",
	[EVE_APP_PROTO] = "app_proto",
	[EVE_APP_PROTO_TC] = "app_proto_tc",
	[EVE_DIRECTION] = "direction",
	[EVE_FLOW_PKTS_TOSERVER] = "flow.pkts_toserver",
	[EVE_FLOW_PKTS_TOCLIENT] = "flow.pkts_toclient",
	[EVE_FLOW_BYTES_TOSERVER] = "flow.bytes_toserver",
	[EVE_FLOW_BYTES_TOCLIENT] = "flow.bytes_toclient",
	[EVE_FLOW_START] = "flow.start",
	[EVE_FLOW_END] = "flow.end",
	[EVE_FLOW_STATE] = "flow.state",
	[EVE_FLOW_REASON] = "flow.reason",
	[EVE_FLOW_ACTION] = "flow.action",
	[EVE_FLOW_EMERGENCY] = "flow.emergency",
	[EVE_TCP_FLAGS] = "tcp.tcp_flags",
	[EVE_TCP_FLAGS_TS] = "tcp.tcp_flags_ts",
	[EVE_TCP_FLAGS_TC] = "tcp.tcp_flags_tc",
	[EVE_TCP_SYN] = "tcp.syn",
	[EVE_NETFLOW_PKTS] = "netflow.pkts",
	[EVE_NETFLOW_BYTES] = "netflow.bytes",
	[EVE_NETFLOW_START] = "netflow.start",
	[EVE_NETFLOW_END] = "netflow.end",
	[EVE_DNS_VERSION] = "dns.version",
	[EVE_DNS_TYPE] = "dns.type",
	[EVE_DNS_ID] = "dns.id",
	[EVE_DNS_RRNAME] = "dns.rrname",
	[EVE_DNS_RRTYPE] = "dns.rrtype",
	[EVE_DNS_RCODE] = "dns.rcode",
	[EVE_DNS_RDATA] = "dns.rdata",
	[EVE_DNS_TTL] = "dns.ttl",
	[EVE_DNS_QUERIES] = "dns.queries",
	[EVE_DNS_ANSWERS] = "dns.answers",
	[EVE_DNS_GROUPED] = "dns.grouped",
	[EVE_TLS_SNI] = "tls.sni",
	[EVE_TLS_SUBJECT] = "tls.subject",
	[EVE_TLS_SUBJECTALTNAME] = "tls.subjectaltname",
	[EVE_TLS_JA3] = "tls.ja3.hash",
	[EVE_TLS_JA4] = "tls.ja4",
	[EVE_TLS_SERVER_ALPNS] = "tls.server_alpns",
	[EVE_TLS_VERSION] = "tls.version",
	[EVE_QUIC_SNI] = "quic.sni",
	[EVE_QUIC_JA3] = "quic.ja3.hash",
	[EVE_QUIC_JA4] = "quic.ja4",
	[EVE_HTTP_HOSTNAME] = "http.hostname",
	[EVE_HTTP_URL] = "http.url",
	[EVE_HTTP_METHOD] = "http.http_method",
	[EVE_HTTP_USER_AGENT] = "http.http_user_agent",
	[EVE_HTTP_STATUS] = "http.status",
	[EVE_ALERT_ACTION] = "alert.action",
	[EVE_VERDICT_ACTION] = "verdict.action",
	[EVE_SNI] = "sni",
	[EVE_REVOCATION_ACTION] = "revocation_check.action"};

/* ---- before a row is read ---- */

bool eve_is(struct span object)
{
	struct span type;
	if (!json_peek(object, "event_type", &type) || !json_log_has(object, "timestamp"))
		return false;
	return (json_log_has(object, "src_ip") && json_log_has(object, "dest_ip")) ||
	       span_is(type, "stats") || span_is(type, "engine");
}

bool eve_when(struct span object, int64_t *ret_ns)
{
	struct span type, when;
	bool flow = json_peek(object, "event_type", &type) &&
	            (span_is(type, "flow") || span_is(type, "netflow"));
	if (flow && json_peek(object, "start", &when) && scan_time(when, ret_ns) == 0)
		return true;
	return json_peek(object, "timestamp", &when) && scan_time(when, ret_ns) == 0;
}

/* ---- fields ---- */

static bool is(const struct eve_row *row, enum eve_field field, const char *text)
{
	return span_is(eve_text(row, field), text);
}

static const char *text(struct sink *s, const struct eve_row *row, enum eve_field field)
{
	return sink_text(s, eve_text(row, field));
}

/* A count; 0 when there is none. False: there is something, and it is no count. */
static bool count(const struct eve_row *row, enum eve_field field, uint64_t max, uint64_t *ret)
{
	struct span s = eve_text(row, field);
	*ret = 0;
	return s.len == 0 || scan_max(s, max, ret) == 0;
}

static bool protocol(struct span proto, struct conn *c)
{
	static const struct {
		const char *name;
		uint8_t proto;
		enum transport transport;
	} known[] = {{"TCP", 6, TRANSPORT_TCP}, {"UDP", 17, TRANSPORT_UDP},
		{"ICMP", 1, TRANSPORT_ICMP}, {"IPv6-ICMP", 58, TRANSPORT_ICMP},
		{"ICMPv6", 58, TRANSPORT_ICMP}, {"SCTP", 132, TRANSPORT_OTHER},
		{"GRE", 47, TRANSPORT_OTHER}, {"ESP", 50, TRANSPORT_OTHER},
		{"AH", 51, TRANSPORT_OTHER}};
	uint64_t number;
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		bool same = scan_max(proto, 255, &number) == 0
		                    ? number == known[i].proto
		                    : span_is_nocase(proto, known[i].name);
		if (!same)
			continue;
		c->ip_proto = known[i].proto;
		c->transport = known[i].transport;
		return true;
	}
	c->ip_proto = 0;
	c->transport = TRANSPORT_OTHER;
	if (scan_max(proto, 255, &number) == 0)
		c->ip_proto = (uint8_t)number;
	return proto.len > 0;
}

/* The first of a list of numbers (QinQ), or the number. */
static uint16_t vlan_of(const struct eve_row *row)
{
	struct json_value item = {0};
	uint64_t vlan = 0;
	if (!json_each(row->json, &row->slot[EVE_VLAN], &item) ||
		scan_max(item.text, 4095, &vlan) < 0)
		return 0;
	return (uint16_t)vlan;
}

static bool has_ports(const struct conn *c)
{
	return c->transport == TRANSPORT_TCP || c->transport == TRANSPORT_UDP;
}

/* The record's time and its two ends, src as client. False: it is none, which was said. */
static bool endpoints(struct sink *s, const struct eve_row *row, struct conn *c)
{
	uint64_t src = 0, dst = 0;
	const char *bad = NULL;
	if (scan_time(eve_text(row, EVE_TIMESTAMP), &c->start_ns) < 0)
		bad = "no time in timestamp";
	else if (scan_addr(eve_text(row, EVE_SRC_IP), &c->client) < 0)
		bad = "no address in src_ip";
	else if (scan_addr(eve_text(row, EVE_DEST_IP), &c->server) < 0)
		bad = "no address in dest_ip";
	else if (!protocol(row->cloud && is(row, EVE_PROTO, "") ? span_of("TCP")
								: eve_text(row, EVE_PROTO),
			 c))
		bad = "no protocol in proto";
	else if (!count(row, EVE_SRC_PORT, UINT16_MAX, &src) ||
		 !count(row, EVE_DEST_PORT, UINT16_MAX, &dst))
		bad = "no port in src_port or dest_port";
	if (bad != NULL) {
		sink_reject(s, bad);
		return false;
	}
	if (has_ports(c) && eve_text(row, EVE_DEST_PORT).len == 0) {
		sink_remark(s, REMARK_NO_PORTS);
		return false;
	}
	c->client_port = (uint16_t)src;
	c->server_port = (uint16_t)dst;
	c->vlan = vlan_of(row);
	return true;
}

/* Type and code stand for the ports. False: an error or an announcement, no conversation. */
static bool echo_request(const struct eve_row *row, struct conn *c)
{
	uint64_t type = 0, code = 0;
	if (eve_text(row, EVE_ICMP_TYPE).len > 0 &&
		(!count(row, EVE_ICMP_TYPE, 255, &type) || !count(row, EVE_ICMP_CODE, 255, &code) ||
			type != (c->ip_proto == 1 ? 8 : 128)))
		return false;
	c->client_port = (uint16_t)type;
	c->server_port = (uint16_t)code;
	return true;
}

static void swap_ends(struct conn *c)
{
	struct addr addr = c->client;
	uint16_t port = c->client_port;
	c->client = c->server;
	c->client_port = c->server_port;
	c->server = addr;
	c->server_port = port;
}

static uint64_t key_of(struct sink *s, const struct eve_row *row)
{
	return sink_key(s, eve_text(row, EVE_FLOW_ID));
}

/* ---- flow ---- */

/* Without a SYN the flow's direction is that of the first packet seen: who is at home asked. */
static void orient_joined(struct conn *c)
{
	if (!c->joined)
		return;
	c->inferred = true;
	if (addr_is_private(&c->client) || !addr_is_private(&c->server) ||
		c->client_port >= c->server_port)
		return;
	uint64_t packets = c->packets_out, bytes = c->bytes_out;
	swap_ends(c);
	c->packets_out = c->packets_in;
	c->bytes_out = c->bytes_in;
	c->packets_in = packets;
	c->bytes_in = bytes;
}

static const char *service_of(struct sink *s, const struct eve_row *row)
{
	struct span name = eve_text(row, EVE_APP_PROTO);
	if (span_is(name, "failed") || span_is(name, "unknown"))
		return NULL;
	return sink_text(
		s, span_is(name, "http2") || span_is(name, "http1") ? span_of("http") : name);
}

static bool drops(struct span action)
{
	return span_is_nocase(action, "drop") || span_is_nocase(action, "reject") ||
	       span_is_nocase(action, "rejectboth") || span_is_nocase(action, "blocked");
}

static void emit_flow(struct sink *s, const struct eve_row *row)
{
	struct conn c = {0};
	row->memory->flows = true;
	if (!endpoints(s, row, &c) || (c.transport == TRANSPORT_ICMP && !echo_request(row, &c)))
		return;
	if (!count(row, EVE_FLOW_PKTS_TOSERVER, UINT64_MAX, &c.packets_out) ||
		!count(row, EVE_FLOW_PKTS_TOCLIENT, UINT64_MAX, &c.packets_in) ||
		!count(row, EVE_FLOW_BYTES_TOSERVER, UINT64_MAX, &c.bytes_out) ||
		!count(row, EVE_FLOW_BYTES_TOCLIENT, UINT64_MAX, &c.bytes_in) ||
		scan_time(eve_text(row, EVE_FLOW_START), &c.start_ns) < 0) {
		sink_reject(s, "no numbers or no start in flow");
		return;
	}
	if (scan_time(eve_text(row, EVE_FLOW_END), &c.end_ns) < 0 || c.end_ns < c.start_ns)
		c.end_ns = c.start_ns;
	c.service = service_of(s, row);
	c.uid = text(s, row, EVE_FLOW_ID);
	eve_flow_settle(row, &c);
	orient_joined(&c);
	if (drops(eve_text(row, EVE_FLOW_ACTION)) && !c.joined) {
		c.outcome = OUTCOME_DENIED;
		c.fail_ns = c.end_ns;
	}
	bool asked = c.outcome == OUTCOME_SILENT || c.outcome == OUTCOME_REFUSED ||
	             c.outcome == OUTCOME_UNREACHABLE || c.outcome == OUTCOME_DENIED;
	c.tries = asked && c.packets_out > 0 && c.packets_out <= UINT32_MAX
	                  ? (uint32_t)c.packets_out
	                  : 1;
	sink_conn(s, key_of(s, row), &c);
}

/* ---- netflow: one direction ---- */

#define ETHERNET_BYTES 14

static void emit_half(struct sink *s, const struct eve_row *row, struct half *half, struct conn *c)
{
	half->src = c->client;
	half->dst = c->server;
	half->src_port = c->client_port;
	half->dst_port = c->server_port;
	half->ip_proto = c->ip_proto;
	half->vlan = c->vlan;
	half->both_exported = true;
	half->exporter = row->exporter;
	half->uid = text(s, row, EVE_FLOW_ID);
	if (c->transport == TRANSPORT_ICMP) {
		uint64_t type = 0, code = 0;
		if (!count(row, EVE_ICMP_TYPE, 255, &type) ||
			!count(row, EVE_ICMP_CODE, 255, &code))
			return;
		half->src_port = 0;
		half->dst_port = (uint16_t)(type << 8 | code);
	}
	sink_half(s, half);
}

static void emit_netflow(struct sink *s, const struct eve_row *row)
{
	struct conn c = {0};
	struct half half = {0};
	half.flags_known = eve_flags(eve_text(row, EVE_TCP_FLAGS), &half.tcp_flags);
	if (row->memory->flows || !endpoints(s, row, &c))
		return;
	if (!count(row, EVE_NETFLOW_PKTS, UINT64_MAX, &half.packets) ||
		!count(row, EVE_NETFLOW_BYTES, UINT64_MAX, &half.bytes) ||
		scan_time(eve_text(row, EVE_NETFLOW_START), &half.start_ns) < 0) {
		sink_reject(s, "no numbers or no start in netflow");
		return;
	}
	if (scan_time(eve_text(row, EVE_NETFLOW_END), &half.end_ns) < 0 ||
		half.end_ns < half.start_ns)
		half.end_ns = half.start_ns;
	uint64_t link = half.packets < UINT32_MAX ? half.packets * ETHERNET_BYTES : 0;
	if (!row->cloud && half.bytes > link) /* Suricata counts whole frames */
		half.bytes -= link;
	emit_half(s, row, &half, &c);
}

/* ---- what adds to a conversation ---- */

/* The first DNS name of the certificate: of its list, else of the subject's CN. */
static const char *certificate_of(struct sink *s, const struct eve_row *row)
{
	struct json_value item = {0};
	if (json_each(row->json, &row->slot[EVE_TLS_SUBJECTALTNAME], &item))
		return sink_text(s, item.text);
	struct span rest = eve_text(row, EVE_TLS_SUBJECT), part;
	while (span_next(&rest, ',', &part)) {
		part = span_trim(part);
		if (span_begins(part, "CN="))
			return sink_text(s, (struct span){part.ptr + 3, part.len - 3});
	}
	return NULL;
}

static struct detail tls_detail(struct sink *s, const struct eve_row *row)
{
	struct json_value alpn = {0};
	(void)json_each(row->json, &row->slot[EVE_TLS_SERVER_ALPNS], &alpn);
	return (struct detail){.name = sink_name(s, eve_text(row, EVE_TLS_SNI), false),
		.name_source = NAME_SNI,
		.service = "tls",
		.ja3 = text(s, row, EVE_TLS_JA3),
		.ja4 = text(s, row, EVE_TLS_JA4),
		.alpn = sink_text(s, alpn.text),
		.certificate = certificate_of(s, row)};
}

static struct detail quic_detail(struct sink *s, const struct eve_row *row)
{
	return (struct detail){.name = sink_name(s, eve_text(row, EVE_QUIC_SNI), false),
		.name_source = NAME_SNI,
		.service = "quic",
		.ja3 = text(s, row, EVE_QUIC_JA3),
		.ja4 = text(s, row, EVE_QUIC_JA4)};
}

static struct detail http_detail(struct sink *s, const struct eve_row *row)
{
	uint64_t status = 0;
	struct span url = eve_text(row, EVE_HTTP_URL);
	bool connect = span_is_nocase(eve_text(row, EVE_HTTP_METHOD), "CONNECT");
	struct detail d = {.name = sink_name(s, eve_text(row, EVE_HTTP_HOSTNAME), true),
		.service = "http",
		.user_agent = text(s, row, EVE_HTTP_USER_AGENT),
		.request = true,
		.request_mark = connect ? 0 : request_mark(url),
		.request_hash = connect ? 0 : request_hash(url),
		.to_proxy = connect || span_begins(url, "http://")};
	d.name_source = d.to_proxy ? NAME_PROXY_TARGET : NAME_HTTP_HOST;
	if (connect && d.name == NULL)
		d.name = sink_name(s, url, true);
	if (count(row, EVE_HTTP_STATUS, 999, &status))
		d.http_status = (uint16_t)status;
	return d;
}

/* What the record's application layer says. False: nothing. */
static bool application(struct sink *s, const struct eve_row *row, struct detail *ret)
{
	struct span type = eve_text(row, EVE_EVENT_TYPE), app = eve_text(row, EVE_APP_PROTO);
	if (span_is(type, "tls") || span_is(app, "tls"))
		*ret = tls_detail(s, row);
	else if (span_is(type, "http") || span_is(app, "http") || span_is(app, "http2"))
		*ret = http_detail(s, row);
	else if (span_is(type, "quic") || span_is(app, "quic"))
		*ret = quic_detail(s, row);
	else if (span_is(type, "ssh") || span_is(app, "ssh"))
		*ret = (struct detail){.service = "ssh"};
	else
		return false;
	return true;
}

static void emit_detail(struct sink *s, const struct eve_row *row)
{
	struct detail d = {0};
	int64_t at_ns;
	if (!application(s, row, &d))
		return;
	if (scan_time(eve_text(row, EVE_TIMESTAMP), &at_ns) < 0) {
		sink_reject(s, "no time in timestamp");
		return;
	}
	d.at_ns = at_ns;
	if (d.http_status >= 400) /* the record is written when the response has come */
		d.response_ns = at_ns;
	sink_detail(s, key_of(s, row), &d);
}

/* ---- alert, drop, firewall ---- */

/* The verdict on the packet wins over the rule's action: a rule may drop where another one passed
 * (and "allowed" stands beside both). */
static bool denies(const struct eve_row *row)
{
	struct span verdict = eve_text(row, EVE_VERDICT_ACTION);
	if (verdict.len > 0)
		return drops(verdict);
	if (drops(eve_text(row, EVE_REVOCATION_ACTION)))
		return true;
	return is(row, EVE_EVENT_TYPE, "drop") || drops(eve_text(row, EVE_ALERT_ACTION));
}

/* A record of one packet may be of the answer's direction. Ports tell where nothing else does. */
static bool orient_packet(const struct eve_row *row, struct conn *c)
{
	bool to_client = is(row, EVE_DIRECTION, "to_client");
	bool known = to_client || is(row, EVE_DIRECTION, "to_server");
	bool low_src = c->client_port < 1024, low_dst = c->server_port < 1024;
	if (to_client || (!known && has_ports(c) && low_src && !low_dst))
		swap_ends(c);
	return known;
}

/* AWS's alerts stand beside flow records of one direction each, which they name. */
static void emit_cloud_alert(struct sink *s, const struct eve_row *row)
{
	struct conn c = {0};
	struct detail d = {0};
	if (!endpoints(s, row, &c))
		return;
	struct half half = {.start_ns = c.start_ns, .end_ns = c.start_ns, .denied = denies(row)};
	half.initiator = orient_packet(row, &c);
	if (eve_text(row, EVE_SNI).len > 0) /* the TLS inspection's record */
		d = (struct detail){.name = sink_name(s, eve_text(row, EVE_SNI), false),
			.name_source = NAME_SNI};
	else
		(void)application(s, row, &d);
	if (d.name != NULL) {
		half.name = d.name;
		half.name_source = d.name_source;
		half.initiator = true;
	}
	emit_half(s, row, &half, &c);
}

static void emit_alert(struct sink *s, const struct eve_row *row)
{
	struct conn c = {0};
	emit_detail(s, row);
	if (!denies(row) || !endpoints(s, row, &c) ||
		(c.transport == TRANSPORT_ICMP && !echo_request(row, &c)))
		return;
	struct detail denied = {.at_ns = c.start_ns, .denied = true};
	c.inferred = !orient_packet(row, &c);
	c.end_ns = c.fail_ns = c.start_ns;
	if (scan_time(eve_text(row, EVE_FLOW_START), &c.start_ns) < 0 || c.start_ns > c.end_ns)
		c.start_ns = c.end_ns;
	c.outcome = OUTCOME_DENIED;
	c.tries = 1;
	c.packets_out = 1;
	c.service = service_of(s, row);
	c.uid = text(s, row, EVE_FLOW_ID);
	sink_conn(s, key_of(s, row), &c);
	sink_detail(s, key_of(s, row), &denied);
}

void eve_emit(struct sink *sink, const struct eve_row *row)
{
	struct span type = eve_text(row, EVE_EVENT_TYPE);
	struct conn ends = {0};
	if (type.len == 0 && !(row->cloud && eve_text(row, EVE_SNI).len > 0))
		sink_reject(sink, "no event_type");
	else if (span_is(type, "flow"))
		emit_flow(sink, row);
	else if (span_is(type, "netflow"))
		emit_netflow(sink, row);
	else if (row->cloud)
		emit_cloud_alert(sink, row);
	else if (span_is(type, "alert") || span_is(type, "drop") || span_is(type, "firewall"))
		emit_alert(sink, row);
	else if (span_is(type, "dns")) {
		if (endpoints(sink, row, &ends))
			eve_dns_emit(sink, row, &ends);
	} else if (span_is(type, "tls") || span_is(type, "http") || span_is(type, "quic") ||
		   span_is(type, "ssh"))
		emit_detail(sink, row);
	else
		sink_remark(sink, REMARK_OTHER_RECORDS);
}
