/* EVE row: what Suricata's EVE records say (docs.suricata.io, "EVE JSON Format"; the schema in its
 * sources), as Suricata itself writes them and as AWS Network Firewall wraps them. Flow records
 * tell conversations, the application's records what they were about, alerts and drops what a
 * firewall denied. */
#pragma once

#include "base/json.h"
#include "ingest/source.h"

enum eve_field {
	EVE_TIMESTAMP,
	EVE_FLOW_ID,
	EVE_EVENT_TYPE,
	EVE_SRC_IP,
	EVE_SRC_PORT,
	EVE_DEST_IP,
	EVE_DEST_PORT,
	EVE_PROTO,
	EVE_ICMP_TYPE,
	EVE_ICMP_CODE,
	EVE_VLAN,
	EVE_APP_PROTO,
	EVE_APP_PROTO_TC, /* when the two directions speak differently */
	EVE_DIRECTION,
	/* flow */
	EVE_FLOW_PKTS_TOSERVER,
	EVE_FLOW_PKTS_TOCLIENT,
	EVE_FLOW_BYTES_TOSERVER,
	EVE_FLOW_BYTES_TOCLIENT,
	EVE_FLOW_START,
	EVE_FLOW_END,
	EVE_FLOW_STATE,
	EVE_FLOW_REASON,
	EVE_FLOW_ACTION,
	EVE_FLOW_EMERGENCY,
	EVE_TCP_FLAGS, /* hexadecimal */
	EVE_TCP_FLAGS_TS,
	EVE_TCP_FLAGS_TC,
	EVE_TCP_SYN,
	/* netflow */
	EVE_NETFLOW_PKTS,
	EVE_NETFLOW_BYTES,
	EVE_NETFLOW_START,
	EVE_NETFLOW_END,
	/* dns */
	EVE_DNS_VERSION,
	EVE_DNS_TYPE,
	EVE_DNS_ID,
	EVE_DNS_RRNAME,
	EVE_DNS_RRTYPE,
	EVE_DNS_RCODE,
	EVE_DNS_RDATA,
	EVE_DNS_TTL,
	EVE_DNS_QUERIES,
	EVE_DNS_ANSWERS,
	EVE_DNS_GROUPED,
	/* tls, quic */
	EVE_TLS_SNI,
	EVE_TLS_SUBJECT,
	EVE_TLS_SUBJECTALTNAME,
	EVE_TLS_JA3,
	EVE_TLS_JA4,
	EVE_TLS_SERVER_ALPNS,
	EVE_TLS_VERSION,
	EVE_QUIC_SNI,
	EVE_QUIC_JA3,
	EVE_QUIC_JA4,
	/* http */
	EVE_HTTP_HOSTNAME,
	EVE_HTTP_URL,
	EVE_HTTP_METHOD,
	EVE_HTTP_USER_AGENT,
	EVE_HTTP_STATUS,
	/* alert, drop, firewall */
	EVE_ALERT_ACTION,
	EVE_VERDICT_ACTION,
	/* AWS's TLS inspection */
	EVE_SNI,
	EVE_REVOCATION_ACTION,
	EVE_FIELDS
};

/* Their names, for json_keys_new(). */
extern const char *const eve_paths[EVE_FIELDS];

/* What one file has shown so far. All zero before its first row. */
struct eve_memory {
	bool answers; /* DNS answers are logged: a question without one had none */
	bool flows;   /* flow records: netflow records tell the same */
	/* DNS of version 1: the response that the last record was of, and its question's key. */
	uint64_t response, question;
};

struct eve_row {
	struct json *json;             /* that the slots were picked by */
	const struct json_value *slot; /* EVE_FIELDS */
	struct eve_memory *memory;
	bool cloud;        /* AWS: no flow records; sizes are of IP packets */
	uint64_t exporter; /* as in struct half */
};

void eve_emit(struct sink *sink, const struct eve_row *row);

/* Whether the object is an EVE record, as far as its text shows at once. */
bool eve_is(struct span object);
/* When what it tells began, for its place among the others. */
bool eve_when(struct span object, int64_t *ret_ns);

/* eve_flow.c: the outcome of a flow record whose conversation is filled in, and its bytes above the
 * transport header. packets_* and bytes_* are what the record counts. */
void eve_flow_settle(const struct eve_row *row, struct conn *c);
/* The TCP flags of a field, hexadecimal as Suricata prints them. False: there are none. */
bool eve_flags(struct span text, uint8_t *ret);
/* eve_dns.c */
void eve_dns_emit(struct sink *sink, const struct eve_row *row, const struct conn *ends);

static inline struct span eve_text(const struct eve_row *row, enum eve_field field)
{
	return row->slot[field].text;
}
