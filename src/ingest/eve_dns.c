/* DNS records of EVE. Version 1 (Suricata 4): a record for each question and each resource record
 * of an answer; 2 (5 to 7): one for the answer, with "answers", "grouped" or both; 3 (8): "request"
 * and "response", the question in "queries". */
#include "base/limits.h"
#include "base/scan.h"
#include "ingest/dns_words.h"
#include "ingest/eve_row.h"

#define DNS_PORT 53

struct record {
	struct span name, type, data, ttl;
};

static void read_record(struct json *j, const struct json_value *object, struct record *ret)
{
	struct json_value member = {0};
	struct span name;
	while (json_member(j, object, &name, &member)) {
		if (span_is(name, "rrname"))
			ret->name = member.text;
		else if (span_is(name, "rrtype"))
			ret->type = member.text;
		else if (span_is(name, "rdata"))
			ret->data = member.text;
		else if (span_is(name, "ttl"))
			ret->ttl = member.text;
	}
}

static void add_record(struct sink *s, const struct record *r, struct lookup *l)
{
	struct answer a = {0};
	uint64_t ttl = 0;
	if (scan_addr(r->data, &a.addr) == 0) {
		if (scan_max(r->ttl, UINT32_MAX, &ttl) == 0)
			a.ttl_s = (uint32_t)ttl;
		if (l->answers < LOOKUP_ANSWERS_MAX)
			l->answer[l->answers++] = a;
		return;
	}
	if (!span_is(r->type, "CNAME") || l->cnames == LOOKUP_CNAMES_MAX)
		return;
	const char *name = sink_name(s, r->data, false);
	if (name != NULL)
		l->cname[l->cnames++] = name;
}

/* {"A": ["192.0.2.1"], "CNAME": [...]}: no TTLs. */
static void add_grouped(struct sink *s, const struct eve_row *row, struct lookup *l)
{
	struct json_value group = {0};
	struct span type;
	while (json_member(row->json, &row->slot[EVE_DNS_GROUPED], &type, &group)) {
		struct json_value item = {0};
		while (json_each(row->json, &group, &item))
			add_record(s, &(struct record){.type = type, .data = item.text}, l);
	}
}

static void add_answers(struct sink *s, const struct eve_row *row, struct lookup *l)
{
	struct json_value item = {0};
	while (json_each(row->json, &row->slot[EVE_DNS_ANSWERS], &item)) {
		struct record r = {0};
		read_record(row->json, &item, &r);
		add_record(s, &r, l);
	}
	if (l->answers + l->cnames == 0)
		add_grouped(s, row, l);
	if (eve_text(row, EVE_DNS_RDATA).len > 0) /* version 1 */
		add_record(s,
			&(struct record){.type = eve_text(row, EVE_DNS_RRTYPE),
				.data = eve_text(row, EVE_DNS_RDATA),
				.ttl = eve_text(row, EVE_DNS_TTL)},
			l);
}

static struct record question_of(const struct eve_row *row)
{
	struct record q = {
		.name = eve_text(row, EVE_DNS_RRNAME), .type = eve_text(row, EVE_DNS_RRTYPE)};
	struct json_value first = {0};
	if (q.name.len == 0 && json_each(row->json, &row->slot[EVE_DNS_QUERIES], &first))
		read_record(row->json, &first, &q);
	return q;
}

static uint64_t key_of_bytes(struct sink *s, const struct lookup *l, uint16_t id, const char *name)
{
	uint8_t bytes[16 + 16 + 2 + 2 + 8 + 256];
	memcpy(bytes, l->client.byte, 16);
	memcpy(bytes + 16, l->resolver.byte, 16);
	size_t len = 32;
	const uint16_t numbers[] = {l->client_port, id};
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		bytes[len++] = (uint8_t)(numbers[i] >> 8);
		bytes[len++] = (uint8_t)numbers[i];
	}
	for (unsigned shift = 0; name == NULL && shift < 64; shift += 8)
		bytes[len++] = (uint8_t)((uint64_t)l->answer_ns >> shift);
	for (; name != NULL && *name != '\0' && len < sizeof bytes; name++)
		bytes[len++] = (uint8_t)*name;
	return sink_key_bytes(s, bytes, len);
}

/* The question's: its ports, id and name. An answer of version 1 names the resource record instead;
 * the first one's owner is the question's name, and those that follow belong to it. */
static uint64_t key_of(
	struct sink *s, const struct eve_row *row, const struct lookup *l, uint16_t id)
{
	uint64_t key = key_of_bytes(s, l, id, l->name);
	if (l->answer_ns == 0 || eve_text(row, EVE_DNS_VERSION).len > 0)
		return key;
	uint64_t response = key_of_bytes(s, l, id, NULL);
	if (response == row->memory->response)
		return row->memory->question;
	row->memory->response = response;
	row->memory->question = key;
	return key;
}

/* Some versions give the packet's ends, some the flow's. */
static void set_ends(const struct conn *ends, bool answers, struct lookup *l)
{
	bool swapped = answers && ends->client_port == DNS_PORT && ends->server_port != DNS_PORT;
	l->client = swapped ? ends->server : ends->client;
	l->resolver = swapped ? ends->client : ends->server;
	l->client_port = swapped ? ends->server_port : ends->client_port;
	l->transport = ends->transport;
}

void eve_dns_emit(struct sink *sink, const struct eve_row *row, const struct conn *ends)
{
	static _Thread_local struct lookup l; /* large */
	struct span type = eve_text(row, EVE_DNS_TYPE), rcode = eve_text(row, EVE_DNS_RCODE);
	bool answers = span_is(type, "answer") || span_is(type, "response");
	uint64_t id = 0;
	if (!answers && !span_is(type, "query") && !span_is(type, "request")) {
		sink_remark(sink, REMARK_OTHER_RECORDS);
		return;
	}
	if (eve_text(row, EVE_DNS_ID).len > 0 &&
		scan_max(eve_text(row, EVE_DNS_ID), UINT16_MAX, &id) < 0) {
		sink_reject(sink, "no number in dns.id");
		return;
	}
	struct record question = question_of(row);
	l = (struct lookup){.query_ns = ends->start_ns, .repeat_ns = ends->start_ns};
	set_ends(ends, answers, &l);
	l.name = sink_name(sink, question.name, false);
	if (l.name == NULL)
		return;
	l.qtype = dns_type(question.type);
	l.uid = sink_text(sink, eve_text(row, EVE_FLOW_ID));
	if (answers) {
		l.answer_ns = ends->start_ns;
		add_answers(sink, row, &l);
		l.rcode = rcode.len > 0              ? dns_rcode(rcode)
		          : l.answers + l.cnames > 0 ? 0
		                                     : UINT16_MAX;
		row->memory->answers = true;
	}
	dns_settle(&l, answers);
	if (!answers && !row->memory->answers)
		l.outcome = OUTCOME_UNKNOWN;
	sink_lookup(sink, key_of(sink, row, &l, (uint16_t)id), &l);
}
