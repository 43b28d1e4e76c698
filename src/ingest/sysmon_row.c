#include "ingest/sysmon_row.h"

#include "base/scan.h"
#include "ingest/access.h"
#include "ingest/dns_words.h"

const char *sysmon_field_name(enum sysmon_field field)
{
	static const char *const names[SYSMON_FIELDS] = {[SYSMON_TIME] = "UtcTime",
		[SYSMON_IMAGE] = "Image",
		[SYSMON_PROTOCOL] = "Protocol",
		[SYSMON_INITIATED] = "Initiated",
		[SYSMON_SRC] = "SourceIp",
		[SYSMON_SRC_PORT] = "SourcePort",
		[SYSMON_DST] = "DestinationIp",
		[SYSMON_DST_PORT] = "DestinationPort",
		[SYSMON_QUERY] = "QueryName",
		[SYSMON_STATUS] = "QueryStatus",
		[SYSMON_RESULTS] = "QueryResults"};
	return names[field];
}

bool sysmon_time(const struct span field[static SYSMON_FIELDS], int64_t *ret_ns)
{
	return scan_time(field[SYSMON_TIME], ret_ns) == 0 ||
	       scan_time(field[SYSMON_CREATED], ret_ns) == 0;
}

static struct span known(struct span s)
{
	return span_is(s, "-") || span_is(s, "<unknown process>") ? (struct span){0} : s;
}

/* ---- event 3 ---- */

static bool outbound(struct span initiated)
{
	return span_is_nocase(initiated, "true") || span_is_nocase(initiated, "egress") ||
	       span_is_nocase(initiated, "outbound");
}

/* NULL, or why it is none. */
static const char *read_conn(const struct span *f, struct conn *ret)
{
	uint64_t from, to;
	if (!sysmon_time(f, &ret->start_ns))
		return "no time in it";
	if (scan_addr(f[SYSMON_SRC], &ret->client) < 0 ||
		scan_addr(f[SYSMON_DST], &ret->server) < 0)
		return "no address in SourceIp or DestinationIp";
	if (scan_max(f[SYSMON_SRC_PORT], UINT16_MAX, &from) < 0 ||
		scan_max(f[SYSMON_DST_PORT], UINT16_MAX, &to) < 0)
		return "no number in SourcePort or DestinationPort";
	ret->client_port = (uint16_t)from;
	ret->server_port = (uint16_t)to;
	ret->end_ns = ret->start_ns;
	ret->ip_proto = access_protocol(f[SYSMON_PROTOCOL]);
	ret->transport = transport_of(ret->ip_proto);
	return ret->transport == TRANSPORT_OTHER ? "no protocol in it" : NULL;
}

static bool is_loopback(const struct addr *a)
{
	static const struct addr v6 = {{[15] = 1}};
	return (addr_is_v4(a) && a->byte[12] == 127) || addr_eq(a, &v6);
}

static void emit_conn(struct sink *s, const struct span *f)
{
	struct conn c = {0};
	if (!outbound(f[SYSMON_INITIATED])) { /* others came to this machine */
		sink_remark(s, REMARK_OTHER_RECORDS);
		return;
	}
	const char *why = read_conn(f, &c);
	if (why != NULL) {
		sink_reject(s, why);
		return;
	}
	if (is_loopback(&c.client)) {
		sink_remark(s, REMARK_OTHER_RECORDS);
		return;
	}
	sink_machine(s, sink_key(s, f[SYSMON_COMPUTER]), &c.client);
	sink_remark(s, REMARK_NO_OUTCOME);
	c.process = sink_text(s, access_base_name(known(f[SYSMON_IMAGE])));
	c.uid = sink_text(s, f[SYSMON_RECORD]);
	sink_conn(s, 0, &c);
}

/* ---- event 22 ---- */

#define RESPONSE_CODES 9000u /* winerror.h: DNS_ERROR_RESPONSE_CODES_BASE */
#define TIMED_OUT      1460u /* winerror.h: ERROR_TIMEOUT */

/* What the answer's code was, or that none came; UNKNOWN where the status says neither. */
static void settle(struct span status, struct lookup *l)
{
	static const struct {
		const char *word;
		uint64_t status;
	} words[] = {{"SUCCESS", 0}, {"ERROR_SUCCESS", 0}, {"ERROR_TIMEOUT", TIMED_OUT},
		{"DNS_ERROR_RCODE_SERVER_FAILURE", 9002}, {"DNS_ERROR_RCODE_NAME_ERROR", 9003},
		{"DNS_ERROR_RCODE_REFUSED", 9005}};
	uint64_t n = UINT64_MAX;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (span_is_nocase(status, words[i].word))
			n = words[i].status;
	if (n == UINT64_MAX && scan_u64(status, &n) < 0)
		n = UINT64_MAX;
	l->answer_ns = l->query_ns; /* the event is written when it is over */
	if (n == 0 || (n > RESPONSE_CODES && n <= RESPONSE_CODES + 18)) {
		l->rcode = (uint16_t)(n == 0 ? 0 : n - RESPONSE_CODES);
		dns_settle(l, true);
	} else if (n == TIMED_OUT) {
		l->answer_ns = 0;
		l->outcome = OUTCOME_DNS_SILENT;
		l->fail_ns = l->query_ns;
	}
}

static void take_results(struct sink *s, struct span results, struct lookup *l)
{
	static const char cname[] = "type:  5 ";
	struct span item;
	while (span_next(&results, ';', &item)) {
		struct answer a = {0};
		item = span_trim(item);
		bool is_cname = span_begins(item, cname);
		if (!is_cname && scan_addr(item, &a.addr) == 0) {
			if (l->answers < LOOKUP_ANSWERS_MAX)
				l->answer[l->answers++] = a;
			continue;
		}
		if (!is_cname || l->cnames == LOOKUP_CNAMES_MAX)
			continue;
		item = (struct span){item.ptr + sizeof cname - 1, item.len - (sizeof cname - 1)};
		const char *name = sink_name(s, item, false);
		if (name != NULL)
			l->cname[l->cnames++] = name;
	}
}

static void emit_lookup(struct sink *s, const struct span *f)
{
	static _Thread_local struct lookup l; /* large */
	l = (struct lookup){.transport = TRANSPORT_UDP};
	if (!sysmon_time(f, &l.query_ns)) {
		sink_reject(s, "no time in it");
		return;
	}
	l.name = sink_name(s, f[SYSMON_QUERY], false);
	if (l.name == NULL)
		return;
	l.repeat_ns = l.query_ns;
	l.qtype = 1; /* which it was is not told; what is asked for to connect is an address */
	take_results(s, f[SYSMON_RESULTS], &l);
	settle(f[SYSMON_STATUS], &l);
	l.process = sink_text(s, access_base_name(known(f[SYSMON_IMAGE])));
	l.uid = sink_text(s, f[SYSMON_RECORD]);
	sink_lookup_by(s, sink_key(s, f[SYSMON_COMPUTER]), &l);
}

void sysmon_emit(struct sink *s, const struct span field[static SYSMON_FIELDS])
{
	if (span_is(field[SYSMON_ID], "3"))
		emit_conn(s, field);
	else if (span_is(field[SYSMON_ID], "22"))
		emit_lookup(s, field);
	else
		sink_remark(s, REMARK_OTHER_RECORDS);
}
