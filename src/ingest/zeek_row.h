/* Zeek row: what Zeek's logs say, whether written as TSV or JSON. The field names are Zeek's
 * (docs.zeek.org, "Log Files"); a row is the text of each field that matters. */
#pragma once

#include "ingest/source.h"

enum zeek_field {
	ZEEK_TS,
	ZEEK_UID,
	ZEEK_ORIG_H,
	ZEEK_ORIG_P,
	ZEEK_RESP_H,
	ZEEK_RESP_P,
	ZEEK_PROTO,
	ZEEK_SERVICE,
	/* conn */
	ZEEK_DURATION, /* files too */
	ZEEK_ORIG_BYTES,
	ZEEK_RESP_BYTES,
	ZEEK_CONN_STATE,
	ZEEK_HISTORY,
	ZEEK_ORIG_PKTS,
	ZEEK_RESP_PKTS,
	ZEEK_VLAN,
	ZEEK_ORIG_L2_ADDR,
	ZEEK_IP_PROTO,
	/* ssl, quic */
	ZEEK_SERVER_NAME,
	ZEEK_LAST_ALERT,
	ZEEK_ESTABLISHED,
	ZEEK_SSL_HISTORY,
	ZEEK_JA3,
	ZEEK_JA4,
	ZEEK_NEXT_PROTOCOL, /* quic: client_protocol */
	/* http */
	ZEEK_METHOD,
	ZEEK_HOST,
	ZEEK_URI,
	ZEEK_USER_AGENT,
	ZEEK_STATUS_CODE,
	ZEEK_PROXIED,
	/* dns */
	ZEEK_TRANS_ID,
	ZEEK_RTT,
	ZEEK_QUERY,
	ZEEK_QTYPE,
	ZEEK_QTYPE_NAME,
	ZEEK_RCODE,
	ZEEK_RCODE_NAME,
	ZEEK_ANSWERS,
	ZEEK_TTLS,
	ZEEK_REJECTED,
	/* files */
	ZEEK_CONN_UIDS, /* before Zeek 5.1, a set; later uid */
	ZEEK_SOURCE,
	ZEEK_IS_ORIG,
	ZEEK_FIELDS
};

/* The field of this name, "id.orig_h", "id_orig_h" or "id.orig-h", or ZEEK_FIELDS. */
enum zeek_field zeek_field_of(struct span name);
/* Its name in Zeek's logs. */
const char *zeek_field_name(enum zeek_field field);

enum zeek_path { ZEEK_OTHER, ZEEK_CONN, ZEEK_SSL, ZEEK_QUIC, ZEEK_HTTP, ZEEK_DNS, ZEEK_FILES };
/* By the log's #path or "_path": conn_red, conn-summary and their like are others. */
enum zeek_path zeek_path_of(struct span name);
/* What the fields of a row can only be; for logs without a path. */
enum zeek_path zeek_path_by_fields(uint64_t present);
/* Bit of a field in `present`. */
static inline uint64_t zeek_bit(enum zeek_field field)
{
	return UINT64_C(1) << field;
}
/* The fields that the path can't do without, of those that are missing: one's name, or NULL. */
const char *zeek_missing(enum zeek_path path, uint64_t present);

struct zeek_row {
	enum zeek_path path;
	struct span field[ZEEK_FIELDS]; /* unescaped; len 0: unset or empty */
	/* Takes the next item off a list field (answers, TTLs, uids); false at its end. */
	bool (*item)(
		struct sink *sink, const struct zeek_row *row, struct span *rest, struct span *ret);
	const void *schema; /* of the format */
};

void zeek_emit(struct sink *sink, const struct zeek_row *row);
