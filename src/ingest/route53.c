/* Route 53 Resolver's query logs (docs.aws.amazon.com, "Values that appear in VPC Resolver query
 * logs"): a question with its answer a line. What the resolver answers from its cache is not
 * logged. A DNS Firewall rule that blocks answers in the resolver's place: with nothing, NXDOMAIN
 * or an address of its owner's choice. */
#include "base/limits.h"
#include "base/scan.h"
#include "ingest/dns_words.h"
#include "ingest/json_log.h"

/* The resolver's address in every VPC, beside that of the VPC's own range (docs.aws.amazon.com,
 * "Amazon DNS server"); the log does not say which was asked. */
#define RESOLVER UINT32_C(0xa9fea9fd) /* 169.254.169.253 */

enum field { TIME, NAME, TYPE, RCODE, ANSWERS, SRCADDR, SRCPORT, TRANSPORT, ACTION, FIELDS };

static int route53_open(struct reader *r, struct fail *why)
{
	static const char *const paths[FIELDS] = {[TIME] = "query_timestamp",
		[NAME] = "query_name",
		[TYPE] = "query_type",
		[RCODE] = "rcode",
		[ANSWERS] = "answers",
		[SRCADDR] = "srcaddr",
		[SRCPORT] = "srcport",
		[TRANSPORT] = "transport",
		[ACTION] = "firewall_rule_action"};
	return json_log_open(r, paths, FIELDS, 0, why);
}

static bool is_route53(struct span object)
{
	return json_log_has(object, "query_timestamp") && json_log_has(object, "query_name") &&
	       json_log_has(object, "srcaddr");
}

static bool claims(struct cur start)
{
	return json_log_claims(start, is_route53);
}

static bool when(struct span object, int64_t *ns)
{
	struct span text;
	return json_peek(object, "query_timestamp", &text) && scan_time(text, ns) == 0;
}

static bool route53_next(struct reader *r, struct frame *ret)
{
	return json_log_next(r, ret, when);
}

static void add_answer(
	struct sink *s, struct json *j, const struct json_value *object, struct lookup *l)
{
	struct json_value member = {0};
	struct span name, data = {0}, type = {0};
	struct answer a = {0};
	while (json_member(j, object, &name, &member)) {
		if (span_is_nocase(name, "Rdata"))
			data = member.text;
		else if (span_is_nocase(name, "Type"))
			type = member.text;
	}
	if (scan_addr(data, &a.addr) == 0) {
		if (l->answers < LOOKUP_ANSWERS_MAX)
			l->answer[l->answers++] = a;
	} else if (span_is(type, "CNAME") && l->cnames < LOOKUP_CNAMES_MAX) {
		const char *cname = sink_name(s, data, false);
		if (cname != NULL)
			l->cname[l->cnames++] = cname;
	}
}

/* A blocked name is sinkholed, whatever was answered for it; but NXDOMAIN is what the client saw.
 */
static void settle(struct lookup *l, struct span action)
{
	dns_settle(l, true);
	if (!span_is_nocase(action, "BLOCK") || l->outcome == OUTCOME_NXDOMAIN)
		return;
	l->outcome = OUTCOME_SINKHOLED;
	l->fail_ns = l->answer_ns;
}

static void route53_parse(struct sink *sink, const struct frame *row)
{
	const struct json_log *log = row->schema;
	static _Thread_local struct lookup l; /* large */
	struct json_value slot[FIELDS], item = {0};
	uint64_t port = 0;
	if (!json_log_pick(sink, row, slot))
		return;
	l = (struct lookup){0};
	const char *bad = NULL;
	if (scan_time(slot[TIME].text, &l.query_ns) < 0)
		bad = "no time in query_timestamp";
	else if (scan_addr(slot[SRCADDR].text, &l.client) < 0)
		bad = "no address in srcaddr";
	else if (slot[SRCPORT].text.len > 0 && scan_max(slot[SRCPORT].text, UINT16_MAX, &port) < 0)
		bad = "no port in srcport";
	if (bad != NULL) {
		sink_reject(sink, bad);
		return;
	}
	l.name = sink_name(sink, slot[NAME].text, false);
	if (l.name == NULL)
		return;
	l.repeat_ns = l.answer_ns = l.query_ns;
	l.resolver = addr_v4(RESOLVER);
	l.client_port = (uint16_t)port;
	l.transport = span_is_nocase(slot[TRANSPORT].text, "TCP") ? TRANSPORT_TCP : TRANSPORT_UDP;
	l.qtype = dns_type(slot[TYPE].text);
	l.rcode = dns_rcode(slot[RCODE].text);
	while (json_each(log->json, &slot[ANSWERS], &item))
		add_answer(sink, log->json, &item, &l);
	settle(&l, slot[ACTION].text);
	sink_lookup(sink, 0, &l);
}

const struct format format_route53 = {.name = "route53",
	.claims = claims,
	.open = route53_open,
	.next = route53_next,
	.close = json_log_close,
	.parse = route53_parse};
