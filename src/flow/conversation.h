/* Inside flow/: what is kept per conversation, and who writes which part of it. */
#pragma once

#include "base/hash.h"
#include "base/limits.h"
#include "flow/flow.h"

enum side { CLIENT, SERVER };

/* The same for both directions: the smaller (address, port) first. Zero-padded: hashed and compared
 * as bytes. */
struct flow_key {
	struct addr addr[2];
	uint16_t port[2];
	uint8_t proto;
	uint8_t zero[3];
};

/* How long a conversation may be idle, by what it waits for. */
enum wait {
	WAIT_CLOSE,   /* closed: stragglers */
	WAIT_REFUSED, /* Windows answers a RST with a new SYN; Dridex sees RSTs 5 s late and still
	                 obeys */
	WAIT_SYN,     /* Linux's longest gap between two SYNs is 64 s */
	WAIT_DATAGRAM,
	WAIT_OPEN,
	WAIT_COUNT
};

/* Bytes of one direction on their way into the right order; only while first messages are read. */
#define TALK_PIECES_MAX 12
struct half {
	uint32_t next; /* sequence number of the next byte to read */
	bool synced;   /* next is known */
	bool done;     /* nothing more is wanted, or something was lost */
	uint8_t *head; /* block: a TLS message or an HTTP head under way */
	uint32_t head_len;
	uint8_t *late; /* block: segments that came too early */
	uint32_t late_len;
	struct {
		uint32_t seq;
		uint16_t at, len;
	} piece[TALK_PIECES_MAX];
	uint8_t pieces;
	struct tls_stream tls;
};

enum talk_kind { TALK_UNKNOWN, TALK_TLS, TALK_HTTP, TALK_DNS, TALK_QUIC, TALK_OTHER };

struct talk {
	enum talk_kind kind;
	struct half half[2];
	struct quic_crypto quic;
	uint32_t free_next;
};

#define NOBODY UINT32_MAX

struct conversation {
	struct flow_key key;
	uint32_t chain; /* next in the free or ready list */
	uint32_t older, newer;
	uint32_t talk; /* NOBODY: none */
	uint64_t id;
	uint64_t client_mac;

	uint8_t client_at; /* index into key.addr of the client */
	uint8_t wait;      /* enum wait: the list it is on */
	bool joined, inferred, over;
	bool settle_due, end_due, in_ready;
	enum outcome told; /* UNKNOWN until settled */

	int64_t start_ns, last_ns;
	int64_t listed_ns; /* last_ns when it was put on its list */
	uint64_t bytes[2], packets[2];

	/* TCP */
	int64_t syn_ns, syn_before_ns; /* the last two SYNs */
	int64_t answer_ns;             /* SYN/ACK, or anything else that shows an answer */
	int64_t rst_ns[2], fin_ns[2];
	int64_t heard_ns; /* last packet of the server */
	uint32_t seq_end[2];
	uint32_t tries;
	uint16_t repeats; /* client data sent again since the server was last heard */
	bool seq_known[2];
	uint16_t vlan;

	int64_t icmp_ns;
	int64_t data_ns;   /* first server payload */
	int64_t status_ns; /* last HTTP status line */
	int64_t alert_ns;  /* fatal TLS alert by the server before its application data */
	uint16_t status, statuses_ok, statuses_bad;
	uint32_t request_bytes, response_bytes;
	bool response_done;
	bool tls_hello, tls_server_hello,
		tls_data; /* seen: client's, server's; server's application data */
	bool to_proxy, named;
	uint8_t name_source;

	/* numbers in options.strings */
	uint32_t name, service, ja3, ja4, alpn, user_agent, method, uri, certificate;

	/* the last packets with something to say, to know a copy */
	struct {
		uint32_t mark;
		uint32_t at_us;
	} seen[4];
	uint8_t seen_next;
};

/* Questions waiting for answers (lookup.c). */
struct question {
	int64_t query_ns, repeat_ns;
	struct addr client, resolver;
	uint64_t client_mac;
	uint32_t name;
	uint16_t client_port, id, qtype;
	uint8_t transport;
	bool used;
	uint32_t bucket_next, older, newer;
};

#define EVENTS_MAX 8

struct flow_table {
	struct flow_options options;
	struct hash_key hash;
	struct flow_stats stats;
	int64_t now_ns;
	uint64_t next_id;
	bool finishing;

	struct conversation *conversation;
	uint32_t conversations, conversation_max, conversation_free;
	struct slot {
		uint32_t tag, index;
	} * slot;
	size_t slots;
	struct list {
		uint32_t oldest, newest;
	} list[WAIT_COUNT];
	uint32_t ready_first, ready_last;

	struct talk *talk;
	uint32_t talks, talk_free;
	uint8_t *block;
	uint32_t blocks, block_free;

	struct question *question;
	uint32_t *bucket;
	uint32_t questions, question_free, question_oldest, question_newest;

	struct dns dns; /* scratch */
	struct event queue[EVENTS_MAX];
	size_t queue_first, queued;
	struct event event; /* lent by flow_table_next() */
};

/* table.c */
struct conversation *conversation_find(
	struct flow_table *t, const struct flow_key *key, uint32_t tag);
void conversation_wait(struct flow_table *t, struct conversation *c, enum wait wait);
void conversation_settle(struct flow_table *t, struct conversation *c);
void conversation_end(struct flow_table *t, struct conversation *c);
uint8_t *block_take(struct flow_table *t); /* TALK_BYTES_MAX bytes, or NULL */
void block_give(struct flow_table *t, uint8_t *block);

/* tcp.c, datagram.c: one packet of a known conversation */
void tcp_add(struct flow_table *t, struct conversation *c, enum side from, const struct packet *p);
void datagram_add(
	struct flow_table *t, struct conversation *c, enum side from, const struct packet *p);

/* outcome.c */
struct verdict {
	enum outcome outcome;
	int64_t fail_ns, leave_ns;
};
/* What is known of the conversation now; finishing: the input is over, what was under way stays
 * UNKNOWN. */
struct verdict conversation_verdict(const struct conversation *c, int64_t now_ns, bool finishing);
/* Whether what is known suffices to say OK now. */
bool conversation_answered(const struct conversation *c);

/* talk.c: first messages */
void talk_begin(struct flow_table *t, struct conversation *c);
void talk_end(struct flow_table *t, struct conversation *c);
void talk_segment(struct flow_table *t, struct conversation *c, enum side from, uint32_t seq,
	const struct packet *p);
void talk_datagram(
	struct flow_table *t, struct conversation *c, enum side from, const struct packet *p);
void talk_status(struct conversation *c, int64_t time_ns, uint16_t status);

/* lookup.c */
void lookups_init(struct flow_table *t);
/* True when the datagram or message was DNS. */
bool lookup_message(struct flow_table *t, const struct packet *p, struct cur message);
void lookup_unreachable(struct flow_table *t, const struct packet *p);
/* Gives up questions that have waited for too long (all of them when finishing): queues events
 * while there is room. */
void lookups_expire(struct flow_table *t);
struct event *event_queue(struct flow_table *t); /* room for one more, or NULL */
