#include "ingest/zeek_row.h"

#include <errno.h>

#include "base/limits.h"
#include "base/scan.h"
#include "ingest/dns_words.h"

static const char *const names[ZEEK_FIELDS] = {
	[ZEEK_TS] = "ts",
	[ZEEK_UID] = "uid",
	[ZEEK_ORIG_H] = "id.orig_h",
	[ZEEK_ORIG_P] = "id.orig_p",
	[ZEEK_RESP_H] = "id.resp_h",
	[ZEEK_RESP_P] = "id.resp_p",
	[ZEEK_PROTO] = "proto",
	[ZEEK_SERVICE] = "service",
	[ZEEK_DURATION] = "duration",
	[ZEEK_ORIG_BYTES] = "orig_bytes",
	[ZEEK_RESP_BYTES] = "resp_bytes",
	[ZEEK_CONN_STATE] = "conn_state",
	[ZEEK_HISTORY] = "history",
	[ZEEK_ORIG_PKTS] = "orig_pkts",
	[ZEEK_RESP_PKTS] = "resp_pkts",
	[ZEEK_VLAN] = "vlan",
	[ZEEK_ORIG_L2_ADDR] = "orig_l2_addr",
	[ZEEK_IP_PROTO] = "ip_proto",
	[ZEEK_SERVER_NAME] = "server_name",
	[ZEEK_LAST_ALERT] = "last_alert",
	[ZEEK_ESTABLISHED] = "established",
	[ZEEK_SSL_HISTORY] = "ssl_history",
	[ZEEK_JA3] = "ja3",
	[ZEEK_JA4] = "ja4",
	[ZEEK_NEXT_PROTOCOL] = "next_protocol",
	[ZEEK_METHOD] = "method",
	[ZEEK_HOST] = "host",
	[ZEEK_URI] = "uri",
	[ZEEK_USER_AGENT] = "user_agent",
	[ZEEK_STATUS_CODE] = "status_code",
	[ZEEK_PROXIED] = "proxied",
	[ZEEK_TRANS_ID] = "trans_id",
	[ZEEK_RTT] = "rtt",
	[ZEEK_QUERY] = "query",
	[ZEEK_QTYPE] = "qtype",
	[ZEEK_QTYPE_NAME] = "qtype_name",
	[ZEEK_RCODE] = "rcode",
	[ZEEK_RCODE_NAME] = "rcode_name",
	[ZEEK_ANSWERS] = "answers",
	[ZEEK_TTLS] = "TTLs",
	[ZEEK_REJECTED] = "rejected",
	[ZEEK_CONN_UIDS] = "conn_uids",
	[ZEEK_SOURCE] = "source",
	[ZEEK_IS_ORIG] = "is_orig",
};

const char *zeek_field_name(enum zeek_field field)
{
	return names[field];
}

/* Log pipelines write "." as "_" or "-". */
static bool same_name(struct span name, const char *known)
{
	if (name.len != strlen(known))
		return false;
	for (size_t i = 0; i < name.len; i++) {
		uint8_t c = name.ptr[i];
		bool scope = known[i] == '.' && (c == '_' || c == '-');
		if (c != (uint8_t)known[i] && !scope)
			return false;
	}
	return true;
}

enum zeek_field zeek_field_of(struct span name)
{
	static const struct {
		const char *name;
		enum zeek_field field;
	} others[] = {{"client_protocol", ZEEK_NEXT_PROTOCOL}, {"ja3_hash", ZEEK_JA3},
		{"ja4_hash", ZEEK_JA4}};
	for (size_t i = 0; i < ZEEK_FIELDS; i++)
		if (same_name(name, names[i]))
			return (enum zeek_field)i;
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (same_name(name, others[i].name))
			return others[i].field;
	return ZEEK_FIELDS;
}

enum zeek_path zeek_path_of(struct span name)
{
	static const struct {
		const char *name;
		enum zeek_path path;
	} paths[] = {{"conn", ZEEK_CONN}, {"conn_long", ZEEK_CONN}, {"open_conn", ZEEK_CONN},
		{"ssl", ZEEK_SSL}, {"quic", ZEEK_QUIC}, {"http", ZEEK_HTTP}, {"dns", ZEEK_DNS},
		{"files", ZEEK_FILES}};
	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		if (span_is(name, paths[i].name))
			return paths[i].path;
	return ZEEK_OTHER;
}

#define FIVE                                                                                    \
	(UINT64_C(1) << ZEEK_ORIG_H | UINT64_C(1) << ZEEK_ORIG_P | UINT64_C(1) << ZEEK_RESP_H | \
		UINT64_C(1) << ZEEK_RESP_P)

static const struct {
	enum zeek_path path;
	uint64_t has;    /* fields by which it is told where no path is named */
	uint64_t needed; /* fields without which it says nothing */
} shapes[] = {
	{ZEEK_CONN, UINT64_C(1) << ZEEK_CONN_STATE,
		UINT64_C(1) << ZEEK_TS | FIVE | UINT64_C(1) << ZEEK_PROTO},
	{ZEEK_DNS, UINT64_C(1) << ZEEK_QUERY,
		UINT64_C(1) << ZEEK_TS | UINT64_C(1) << ZEEK_ORIG_H | UINT64_C(1) << ZEEK_QUERY},
	{ZEEK_HTTP, UINT64_C(1) << ZEEK_STATUS_CODE,
		UINT64_C(1) << ZEEK_TS | UINT64_C(1) << ZEEK_UID},
	{ZEEK_HTTP, UINT64_C(1) << ZEEK_METHOD | UINT64_C(1) << ZEEK_HOST,
		UINT64_C(1) << ZEEK_TS | UINT64_C(1) << ZEEK_UID},
	{ZEEK_SSL, UINT64_C(1) << ZEEK_ESTABLISHED,
		UINT64_C(1) << ZEEK_TS | UINT64_C(1) << ZEEK_UID},
	{ZEEK_QUIC, UINT64_C(1) << ZEEK_SERVER_NAME,
		UINT64_C(1) << ZEEK_TS | UINT64_C(1) << ZEEK_UID},
	{ZEEK_FILES, UINT64_C(1) << ZEEK_IS_ORIG | UINT64_C(1) << ZEEK_SOURCE,
		UINT64_C(1) << ZEEK_TS},
	{ZEEK_HTTP, UINT64_C(1) << ZEEK_METHOD | UINT64_C(1) << ZEEK_URI,
		UINT64_C(1) << ZEEK_TS | UINT64_C(1) << ZEEK_UID},
	/* home-made conn logs: a time and a conversation */
	{ZEEK_CONN, UINT64_C(1) << ZEEK_TS | FIVE | UINT64_C(1) << ZEEK_PROTO, FIVE},
};

enum zeek_path zeek_path_by_fields(uint64_t present)
{
	for (size_t i = 0; i < ARRAY_LEN(shapes); i++)
		if ((present & shapes[i].has) == shapes[i].has)
			return shapes[i].path;
	return ZEEK_OTHER;
}

const char *zeek_missing(enum zeek_path path, uint64_t present)
{
	for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
		if (shapes[i].path != path)
			continue;
		uint64_t missing = shapes[i].needed & ~present;
		return missing == 0 ? NULL : names[__builtin_ctzll(missing)];
	}
	return NULL;
}

/* ---- fields ---- */

/* Text of a field: NULL when unset. */
static const char *text(struct sink *s, const struct zeek_row *row, enum zeek_field field)
{
	return sink_text(s, row->field[field]);
}

static bool flag(const struct zeek_row *row, enum zeek_field field)
{
	return span_is(row->field[field], "T") || span_is(row->field[field], "true");
}

/* A count; 0 when unset. False: there is something, and it is no count. */
static bool count(const struct zeek_row *row, enum zeek_field field, uint64_t max, uint64_t *ret)
{
	struct span s = row->field[field];
	*ret = 0;
	return s.len == 0 || scan_max(s, max, ret) == 0;
}

static bool ports(const struct zeek_row *row, uint16_t *ret_orig, uint16_t *ret_resp)
{
	uint64_t orig, resp;
	bool good = count(row, ZEEK_ORIG_P, UINT16_MAX, &orig) &&
	            count(row, ZEEK_RESP_P, UINT16_MAX, &resp);
	*ret_orig = good ? (uint16_t)orig : 0;
	*ret_resp = good ? (uint16_t)resp : 0;
	return good;
}

/* 0: none. */
static uint64_t mac_of(struct span text)
{
	uint64_t mac = 0;
	struct span rest = text, part;
	size_t parts = 0;
	while (span_next(&rest, ':', &part)) {
		unsigned high = part.len == 2 ? scan_hex(part.ptr[0]) : 16;
		unsigned low = part.len == 2 ? scan_hex(part.ptr[1]) : 16;
		if (high > 15 || low > 15)
			return 0;
		mac = mac << 8 | high << 4 | low;
		parts++;
	}
	return parts == 6 ? mac : 0;
}

/* ---- conn ---- */

static bool protocol(const struct zeek_row *row, struct conn *c)
{
	static const struct {
		const char *name;
		uint8_t proto;
		enum transport transport;
	} known[] = {{"tcp", 6, TRANSPORT_TCP}, {"udp", 17, TRANSPORT_UDP},
		{"icmp", 1, TRANSPORT_ICMP}, {"icmp6", 58, TRANSPORT_ICMP}};
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (!span_is_nocase(row->field[ZEEK_PROTO], known[i].name))
			continue;
		c->ip_proto = known[i].proto;
		c->transport = known[i].transport;
		if (c->transport == TRANSPORT_ICMP && !addr_is_v4(&c->client))
			c->ip_proto = 58;
		return true;
	}
	uint64_t proto = 0;
	if (!count(row, ZEEK_IP_PROTO, 255, &proto))
		return false;
	c->ip_proto = (uint8_t)proto;
	c->transport = TRANSPORT_OTHER;
	return row->field[ZEEK_PROTO].len > 0;
}

static bool has(const struct zeek_row *row, char letter)
{
	return span_has(row->field[ZEEK_HISTORY], letter);
}

/* Established, as far as Zeek knows: what became of the request. Only the end's time is known. */
static void open_outcome(const struct zeek_row *row, struct conn *c)
{
	bool reset = span_is(row->field[ZEEK_CONN_STATE], "RSTR") && !has(row, 'f');
	bool sizes = row->field[ZEEK_RESP_BYTES].len > 0;
	c->outcome = OUTCOME_UNKNOWN;
	if (c->bytes_in > 0 || has(row, 'd'))
		c->outcome = OUTCOME_OK;
	else if (!sizes)
		return;
	else if (reset)
		c->outcome = OUTCOME_RESET;
	else if (c->bytes_out > 0 && !span_is(row->field[ZEEK_CONN_STATE], "S1"))
		c->outcome = OUTCOME_STALLED;
	c->fail_ns = outcome_is_failure(c->outcome) ? c->end_ns : 0;
}

/* conn_state as base/protocols/conn/main.zeek defines it. */
static void tcp_outcome(const struct zeek_row *row, struct conn *c)
{
	struct span state = row->field[ZEEK_CONN_STATE];
	bool reversed = span_has(row->field[ZEEK_HISTORY], '^');
	c->inferred = reversed;
	if (span_is(state, "S0")) {
		c->outcome = OUTCOME_SILENT;
		c->fail_ns = c->end_ns; /* its last SYN */
	} else if (span_is(state, "REJ")) {
		c->outcome = OUTCOME_REFUSED;
		c->fail_ns = c->end_ns;
	} else if (span_is(state, "S1") || span_is(state, "S2") || span_is(state, "S3") ||
		   span_is(state, "SF") || span_is(state, "RSTO") || span_is(state, "RSTR")) {
		open_outcome(row, c);
	} else if (span_is(state, "OTH")) {
		c->joined = true;
		c->outcome = c->bytes_in > 0 || has(row, 'd') ? OUTCOME_OK : OUTCOME_UNKNOWN;
	} else if (span_is(state, "RSTRH") || span_is(state, "SHR")) {
		c->joined = c->one_way = true;
		if (span_is(state, "RSTRH") && !has(row, 'h') && !has(row, 'd')) {
			c->outcome = OUTCOME_REFUSED; /* of a SYN that another row told */
			c->fail_ns = c->end_ns;
		}
	} else if (row->field[ZEEK_HISTORY].len > 0 && !has(row, 'S')) {
		c->joined = true;
	} /* SH, RSTOS0: the client took it back, or its answers were not seen: unknown */
}

static void conn_outcome(struct sink *s, const struct zeek_row *row, struct conn *c)
{
	if (row->field[ZEEK_CONN_STATE].len == 0) {
		bool answered = c->packets_in > 0 || c->bytes_in > 0;
		c->outcome = answered ? OUTCOME_OK : OUTCOME_UNKNOWN;
		if (!answered)
			sink_remark(s, REMARK_NO_OUTCOME);
	} else if (c->transport == TRANSPORT_TCP) {
		tcp_outcome(row, c);
	} else if (c->packets_in > 0 || c->bytes_in > 0 || has(row, 'd')) {
		c->joined = span_is(row->field[ZEEK_CONN_STATE], "SHR");
		c->outcome = c->joined ? OUTCOME_UNKNOWN : OUTCOME_OK;
	} else {
		c->outcome = OUTCOME_SILENT;
		c->fail_ns = c->end_ns;
	}
}

/* Both ends have said so. */
static bool is_over(const struct zeek_row *row)
{
	static const char *const states[] = {"SF", "RSTO", "RSTR", "REJ"};
	for (size_t i = 0; i < ARRAY_LEN(states); i++)
		if (span_is(row->field[ZEEK_CONN_STATE], states[i]))
			return true;
	return false;
}

/* The row's conversation; false: said why it is none. */
static bool endpoints(struct sink *s, const struct zeek_row *row, struct conn *c)
{
	const char *bad = NULL;
	if (scan_time(row->field[ZEEK_TS], &c->start_ns) < 0)
		bad = "no time in ts";
	else if (scan_addr(row->field[ZEEK_ORIG_H], &c->client) < 0)
		bad = "no address in id.orig_h";
	else if (scan_addr(row->field[ZEEK_RESP_H], &c->server) < 0)
		bad = "no address in id.resp_h";
	else if (!ports(row, &c->client_port, &c->server_port))
		bad = "no port in id.orig_p or id.resp_p";
	if (bad != NULL)
		sink_reject(s, bad);
	return bad == NULL;
}

/* Longer ones are a sensor's mistake: a wrapped counter, a clock that jumped. */
#define DURATION_MAX (INT64_C(366) * 86400 * NS_PER_S)

static void emit_conn(struct sink *s, const struct zeek_row *row)
{
	struct conn c = {0};
	uint64_t vlan = 0;
	int64_t duration = 0;
	if (!endpoints(s, row, &c))
		return;
	if (!protocol(row, &c) || !count(row, ZEEK_ORIG_PKTS, UINT64_MAX, &c.packets_out) ||
		!count(row, ZEEK_RESP_PKTS, UINT64_MAX, &c.packets_in) ||
		!count(row, ZEEK_ORIG_BYTES, UINT64_MAX, &c.bytes_out) ||
		!count(row, ZEEK_RESP_BYTES, UINT64_MAX, &c.bytes_in) ||
		!count(row, ZEEK_VLAN, 4095, &vlan)) {
		sink_reject(s, "no protocol, or no number in a packets, bytes or vlan field");
		return;
	}
	if (row->field[ZEEK_DURATION].len > 0 &&
		(scan_seconds(row->field[ZEEK_DURATION], &duration) < 0 || duration < 0 ||
			duration > DURATION_MAX))
		duration = 0;
	c.end_ns = c.start_ns + duration;
	c.vlan = (uint16_t)vlan;
	c.client_mac = mac_of(row->field[ZEEK_ORIG_L2_ADDR]);
	c.service = text(s, row, ZEEK_SERVICE);
	c.uid = text(s, row, ZEEK_UID);
	c.ended = is_over(row);
	conn_outcome(s, row, &c);
	bool asked = c.outcome == OUTCOME_SILENT || c.outcome == OUTCOME_REFUSED;
	c.tries = asked && c.packets_out <= UINT32_MAX ? (uint32_t)c.packets_out : 1;
	sink_conn(s, sink_key(s, row->field[ZEEK_UID]), &c);
}

/* ---- what adds to a conversation ---- */

static void emit_detail(struct sink *s, const struct zeek_row *row, struct detail *d)
{
	if (scan_time(row->field[ZEEK_TS], &d->at_ns) < 0) {
		sink_reject(s, "no time in ts");
		return;
	}
	if (d->http_status >= 400 && d->response_ns == 0)
		d->response_ns = d->at_ns;
	struct span uid = row->field[ZEEK_UID];
	if (uid.len > 0) {
		sink_detail(s, sink_key(s, uid), d);
		return;
	}
	struct span rest = row->field[ZEEK_CONN_UIDS];
	while (row->item(s, row, &rest, &uid))
		sink_detail(s, sink_key(s, uid), d);
}

static void emit_ssl(struct sink *s, const struct zeek_row *row)
{
	struct span history = row->field[ZEEK_SSL_HISTORY], alert = row->field[ZEEK_LAST_ALERT];
	struct detail d = {.name = sink_name(s, row->field[ZEEK_SERVER_NAME], false),
		.name_source = NAME_SNI,
		.service = row->path == ZEEK_QUIC ? "quic" : "tls",
		.ja3 = text(s, row, ZEEK_JA3),
		.ja4 = text(s, row, ZEEK_JA4),
		.alpn = text(s, row, ZEEK_NEXT_PROTOCOL)};
	/* ssl_history: the server's letters are small; l is an alert, j and i are what comes after
	 * a handshake */
	d.server_alert = span_has(history, 'l') && alert.len > 0 &&
	                 !span_is(alert, "close_notify") && !flag(row, ZEEK_ESTABLISHED);
	emit_detail(s, row, &d);
}

static void emit_http(struct sink *s, const struct zeek_row *row)
{
	uint64_t status = 0;
	if (!count(row, ZEEK_STATUS_CODE, 999, &status)) {
		sink_reject(s, "no status in status_code");
		return;
	}
	struct span uri = row->field[ZEEK_URI];
	bool connect = span_is_nocase(row->field[ZEEK_METHOD], "CONNECT");
	struct detail d = {.name = sink_name(s, row->field[ZEEK_HOST], true),
		.name_source = NAME_HTTP_HOST,
		.service = "http",
		.user_agent = text(s, row, ZEEK_USER_AGENT),
		.request = true,
		.request_mark = connect ? 0 : request_mark(uri),
		.request_hash = connect ? 0 : request_hash(uri),
		.http_status = (uint16_t)status,
		.to_proxy = connect || span_begins(uri, "http://")};
	if (connect || d.to_proxy)
		d.name_source = NAME_PROXY_TARGET;
	if (connect && d.name == NULL)
		d.name = sink_name(s, uri, true);
	emit_detail(s, row, &d);
}

/* A file that came with a response tells when it came, which the http row does not. */
static void emit_files(struct sink *s, const struct zeek_row *row)
{
	struct detail d = {0};
	if (flag(row, ZEEK_IS_ORIG) || !span_is(row->field[ZEEK_SOURCE], "HTTP") ||
		scan_time(row->field[ZEEK_TS], &d.response_ns) < 0)
		return;
	emit_detail(s, row, &d);
}

/* ---- dns ---- */

static void take_answers(struct sink *s, const struct zeek_row *row, struct lookup *l)
{
	struct span answers = row->field[ZEEK_ANSWERS], ttls = row->field[ZEEK_TTLS], item, ttl;
	while (row->item(s, row, &answers, &item)) {
		struct answer a = {0};
		int64_t ttl_ns = 0;
		if (row->item(s, row, &ttls, &ttl) && scan_seconds(ttl, &ttl_ns) == 0 &&
			ttl_ns >= 0 && ttl_ns / NS_PER_S <= UINT32_MAX)
			a.ttl_s = (uint32_t)(ttl_ns / NS_PER_S);
		if (scan_addr(item, &a.addr) == 0) {
			if (l->answers < LOOKUP_ANSWERS_MAX)
				l->answer[l->answers++] = a;
			continue;
		}
		const char *name = l->cnames < LOOKUP_CNAMES_MAX ? sink_name(s, item, false) : NULL;
		if (name != NULL && strchr(name, ' ') == NULL) /* "TXT 11 v=spf1 ..." is no name */
			l->cname[l->cnames++] = name;
	}
}

static uint64_t question_key(struct sink *s, const struct zeek_row *row, uint64_t trans_id)
{
	uint8_t bytes[64 + 256 + 2];
	size_t len = 0;
	const enum zeek_field fields[] = {ZEEK_ORIG_H, ZEEK_ORIG_P, ZEEK_RESP_H, ZEEK_QTYPE};
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		struct span f = row->field[fields[i]];
		if (f.len > 16)
			f.len = 16;
		struct cur c = cur_of(f.ptr, f.len);
		while (c.len > 0)
			bytes[len++] = cur_u8(&c);
		bytes[len++] = ' ';
	}
	bytes[len++] = (uint8_t)(trans_id >> 8);
	bytes[len++] = (uint8_t)trans_id;
	struct span q = row->field[ZEEK_QUERY];
	struct cur c = cur_of(q.ptr, q.len > 200 ? 200 : q.len);
	while (c.len > 0)
		bytes[len++] = cur_u8(&c);
	return sink_key_bytes(s, bytes, len);
}

static bool dns_codes(const struct zeek_row *row, struct lookup *l)
{
	uint64_t qtype = 0, rcode = 0;
	if (!count(row, ZEEK_QTYPE, UINT16_MAX, &qtype) ||
		!count(row, ZEEK_RCODE, UINT16_MAX, &rcode))
		return false;
	l->qtype = row->field[ZEEK_QTYPE].len > 0 ? (uint16_t)qtype
	                                          : dns_type(row->field[ZEEK_QTYPE_NAME]);
	l->rcode = row->field[ZEEK_RCODE].len > 0 ? (uint16_t)rcode
	                                          : dns_rcode(row->field[ZEEK_RCODE_NAME]);
	return true;
}

static void emit_dns(struct sink *s, const struct zeek_row *row)
{
	struct conn c = {0};
	static _Thread_local struct lookup l; /* large */
	uint64_t trans_id = 0;
	int64_t rtt = 0;
	l = (struct lookup){0};
	if (!endpoints(s, row, &c))
		return;
	if (!count(row, ZEEK_TRANS_ID, UINT16_MAX, &trans_id) || !dns_codes(row, &l)) {
		sink_reject(s, "no number in trans_id, qtype or rcode");
		return;
	}
	l.name = sink_name(s, row->field[ZEEK_QUERY], false);
	if (l.name == NULL)
		return;
	l.query_ns = l.repeat_ns = c.start_ns;
	l.client = c.client;
	l.resolver = c.server;
	l.client_port = c.client_port;
	l.transport = span_is(row->field[ZEEK_PROTO], "tcp") ? TRANSPORT_TCP : TRANSPORT_UDP;
	l.uid = text(s, row, ZEEK_UID);
	bool answered = row->field[ZEEK_RCODE].len > 0 || row->field[ZEEK_RCODE_NAME].len > 0 ||
	                row->field[ZEEK_ANSWERS].len > 0;
	if (answered) {
		if (scan_seconds(row->field[ZEEK_RTT], &rtt) < 0 || rtt < 0)
			rtt = 0;
		l.answer_ns = l.query_ns + rtt;
		take_answers(s, row, &l);
	}
	dns_settle(&l, answered);
	sink_lookup(s, question_key(s, row, trans_id), &l);
}

void zeek_emit(struct sink *sink, const struct zeek_row *row)
{
	if (row->path != ZEEK_OTHER && scan_is_zoneless(row->field[ZEEK_TS]))
		sink_remark(sink, REMARK_NO_ZONE);
	switch (row->path) {
	case ZEEK_CONN:
		emit_conn(sink, row);
		break;
	case ZEEK_SSL:
	case ZEEK_QUIC:
		emit_ssl(sink, row);
		break;
	case ZEEK_HTTP:
		emit_http(sink, row);
		break;
	case ZEEK_DNS:
		emit_dns(sink, row);
		break;
	case ZEEK_FILES:
		emit_files(sink, row);
		break;
	case ZEEK_OTHER:
		sink_remark(sink, REMARK_OTHER_RECORDS);
		break;
	}
}
