/* Inside ingest/: what a template says of its records, and what a record says of a flow. */
#pragma once

#include "ingest/sink.h"

/* Fields of one template after those that nobody needs are put together. */
#define NETFLOW_FIELDS_MAX 128
/* Of a template as it comes. */
#define NETFLOW_ELEMENTS_MAX 1024
#define NETFLOW_VARIABLE     UINT16_MAX /* RFC 7011 7 */

/* What a field holds, as far as it matters. */
enum netflow_what {
	NF_SKIP,
	NF_BYTES,
	NF_PACKETS,
	NF_BYTES_BACK, /* of the other direction: RFC 5103 */
	NF_PACKETS_BACK,
	NF_PAYLOAD, /* bytes without headers, and what came back */
	NF_PAYLOAD_BACK,
	NF_FLAGS,
	NF_FLAGS_BACK,
	NF_PROTO,
	NF_SRC,
	NF_DST,
	NF_DST_BEHIND, /* after translation */
	NF_SRC_PORT,
	NF_DST_PORT,
	NF_DST_PORT_BEHIND,
	NF_ICMP, /* type and code in one */
	NF_ICMP_TYPE,
	NF_VLAN,
	NF_DIRECTION,
	NF_FORWARDING,
	NF_FIREWALL,
	NF_BIFLOW,
	NF_START_UP, /* milliseconds since the exporter began */
	NF_END_UP,
	NF_START_DELTA, /* microseconds before the export */
	NF_END_DELTA,
	NF_START_S,
	NF_END_S,
	NF_START_MS,
	NF_END_MS,
	NF_START_NTP, /* seconds since 1900 and fraction */
	NF_END_NTP,
	NF_OBSERVED_S,
	NF_OBSERVED_MS,
	NF_DURATION_MS,
	NF_DURATION_US,
	NF_BACK_DELTA_MS, /* the other direction began so much later */
	NF_BEGAN_MS,      /* when the exporter began */
	NF_INTERVAL,      /* one packet of so many was counted */
	NF_SPACE,         /* so many packets between were not */
	NF_SNI,
	NF_HTTP_HOST,
	NF_WHATS
};

struct netflow_field {
	uint16_t bytes; /* NETFLOW_VARIABLE: the record says */
	uint8_t what;   /* enum netflow_what */
};

struct template
{
	uint64_t generation; /* of its domain, when it came */
	bool options;
	uint32_t record_bytes; /* at least; never 0 */
	uint32_t fields;
	struct netflow_field field[NETFLOW_FIELDS_MAX];
};

/* What an exporter's domain says of all its flows. */
struct domain {
	uint64_t generation; /* templates of an older one are withdrawn */
	int64_t began_ms;    /* as an options record said; 0 unknown */
	int64_t zero_ms;     /* when its uptime was 0, by the headers; 0 unknown */
	bool sampled;
};

/* The header's words. */
struct netflow_head {
	uint64_t exporter, domain_key;
	uint16_t version;
	bool uptime_known;
	uint32_t uptime_ms; /* v5, v9 */
	int64_t export_ns;
};

/* pen 0: IANA's, which are v9's too. */
enum netflow_what netflow_what(uint32_t pen, uint16_t id);
/* Adds a field; false when there are too many. */
bool template_add(struct template *t, uint16_t bytes, enum netflow_what what);

/* One record off the cursor: its flow goes to the sink, or, of an options template, its words to
 * the domain. The cursor fails when the record does. */
void netflow_record(struct sink *s, const struct netflow_head *head, struct domain *domain,
	const struct template *t, struct cur *c);
