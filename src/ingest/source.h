/* Source: the kinds of file that can be read. One file and one row in sources.def each. A kind of
 * capture gives frames whose bytes are packets; a kind of log gives frames whose bytes are one row,
 * which its parse() turns into events by way of a sink. Rows wait in the window unparsed, so being
 * put in order costs little. */
#pragma once

#include "base/cur.h"
#include "event/event.h"
#include "ingest/reader.h"

/* So much of the start of a text is looked at to tell what it is, or less: its first line. */
#define SOURCE_LOOK_BYTES ((size_t)64 << 10)

struct sink;

struct format {
	const char *name; /* as the person is told */
	/* Whether what begins so is of this kind: at least 4 bytes for captures; for logs the first
	 * line at least, or SOURCE_LOOK_BYTES. A byte order mark is taken off. */
	bool (*claims)(struct cur start);
	int (*open)(struct reader *r, struct fail *why); /* NULL: nothing to do */
	/* Fills *ret but for `input` and `format`. False at the end. */
	bool (*next)(struct reader *r, struct frame *ret);
	void (*close)(struct reader *r); /* NULL: nothing to do */
	/* A log's row becomes events. Calls any of the sink's functions, any number of times;
	 * sink_reject() when the row is none. NULL: the bytes are a packet. */
	void (*parse)(struct sink *sink, const struct frame *row);
};

#define SOURCE(name) extern const struct format format_##name;
#include "ingest/sources.def"
#undef SOURCE

/* ---- what a row says ---- */

/* A row that adds to a conversation told by another row with the same key: TLS, HTTP, files. */
struct detail {
	int64_t at_ns;
	const char *name;
	enum name_source name_source;
	const char *service, *ja3, *ja4, *alpn, *user_agent, *certificate, *process;
	bool request;          /* tells one request */
	uint16_t http_status;  /* 0: no response known */
	uint16_t request_mark; /* as in conn */
	uint64_t request_hash;
	int64_t response_ns;   /* when the response came; 0 unknown */
	bool server_alert;     /* a fatal TLS alert by the server before application data */
	bool to_proxy, denied; /* denied: a firewall cut the conversation at at_ns */
};

/* A row that tells one direction of a conversation, or a part of it: flow exports. */
struct half {
	struct addr src, dst;
	uint16_t src_port,
		dst_port; /* ICMP: type and code in dst_port's halves when known, else 0 */
	uint8_t ip_proto;
	uint8_t tcp_flags; /* OR of all packets' flags, as in the TCP header; 0 unknown */
	uint16_t vlan;
	bool flags_known;          /* tcp_flags holds what happened */
	bool acks_hidden;          /* ACK and PSH alone leave no flag (VPC flow logs) */
	bool denied;               /* a firewall dropped or rejected it */
	bool initiator, responder; /* src is known to have begun, or to have been asked */
	uint64_t packets, bytes;   /* bytes with headers, as exporters count */
	int64_t start_ns, end_ns;
	const char *process, *uid;
	bool sampled;       /* only some packets were counted: an answer may be missing */
	bool payload;       /* bytes are payload, without headers */
	bool whole;         /* the other direction would be in the same record: none is to come */
	bool both_exported; /* this exporter tells both directions, or never only one */
	uint64_t exporter;  /* any number for who saw it, to learn whether it shows answers */
	uint64_t point;     /* any number for where: the same packets are counted at one place */
	int64_t hold_ns;    /* the other half comes within this, by data time; 0: two minutes */
	const char *name;   /* as in conn */
	enum name_source name_source;
};

/* What keeps a source from telling all: counted, said in `off`. */
enum remark {
	REMARK_NODATA_LOST,   /* the source says that it lost records */
	REMARK_SAMPLED,       /* only some packets were counted */
	REMARK_TEMPLATE,      /* data that no template describes */
	REMARK_NO_PORTS,      /* rows without the addresses or ports of a conversation */
	REMARK_NO_OUTCOME,    /* rows that do not say how the conversation ended */
	REMARK_OTHER_RECORDS, /* rows of kinds that say nothing about connections */
	REMARK_ONE_SIDE,      /* one direction only, where the source exports both */
	REMARK_ONE_WAY,       /* one direction only, by an exporter that does not show both */
	REMARK_BAD_EXPORT,    /* export datagrams that contradict their own format */
	REMARK_NO_YEAR,       /* times without a year: it is taken from the date of the file */
	REMARK_NO_ZONE,       /* times without a zone, or of one by name: taken for UTC */
	REMARK_NO_TIME,       /* rows without a time */
	REMARK_NO_CLIENT,     /* questions of machines whose address no other row tells */
	REMARK_COUNT
};

/* ---- the sink: rows.c implements it ---- */

/* A conversation that is over (conn->ended), or of which more rows may come: retries, interim rows.
 * settled is not looked at. key 0: nothing joins it. All strings are borrowed for the call.
 * conn->id is given by the sink. */
void sink_conn(struct sink *s, uint64_t key, const struct conn *conn);
/* Adds to the conversation of the key, whether it was told before or will be. */
void sink_detail(struct sink *s, uint64_t key, const struct detail *detail);
void sink_half(struct sink *s, const struct half *half);
/* A question and what came of it. OUTCOME_DNS_SILENT and outcome UNKNOWN without answer wait for an
 * answer with the same key (and retries); answers without a question stand for both. key 0: it is
 * complete. */
void sink_lookup(struct sink *s, uint64_t key, const struct lookup *lookup);
/* What a source that names machines, but not their addresses in every row, knows. machine: a key of
 * its name. */
void sink_machine(struct sink *s, uint64_t machine, const struct addr *addr);
/* As sink_lookup() with key 0, of that machine: lookup->client is found when it is told. */
void sink_lookup_by(struct sink *s, uint64_t machine, const struct lookup *lookup);
/* This row is none. why: a constant, for the person. */
void sink_reject(struct sink *s, const char *why);
/* What the source can't tell. */
void sink_remark(struct sink *s, enum remark remark);

struct keyed;
/* A table of the source's own over all its files, made when first asked for: entries of one size,
 * room a power of two. At the end of the input `finish` is called with it, before what waits is
 * told. NULL: no memory. */
struct keyed *sink_table(struct sink *s, const struct format *of, size_t entry_bytes, size_t room,
	void (*finish)(struct sink *s, struct keyed *table));

/* A NUL-terminated copy that lives until the row is done; NULL for an empty span, and when the
 * row's strings exceed their room (32 KiB). NUL bytes become '?'. */
const char *sink_text(struct sink *s, struct span text);
/* Room for n bytes of the row's texts, all zero, or NULL. */
char *sink_room(struct sink *s, size_t n);
/* As sink_text, as names are kept: lower case, no final dot, other scripts as "xn--"; NULL for
 * address literals. A host:port loses its port when port is true. */
const char *sink_name(struct sink *s, struct span text, bool port);
/* Key of a record id of the source. */
uint64_t sink_key(struct sink *s, struct span uid);
/* A key from several fields. */
uint64_t sink_key_bytes(struct sink *s, const void *bytes, size_t len);
