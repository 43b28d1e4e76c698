/* Inside flow/: what is kept per conversation, and who writes which part of it. */
#pragma once

#include "base/hash.h"
#include "base/limits.h"
#include "flow/flow.h"

enum side { CLIENT, SERVER };

/* What few packets need is kept out of the way that all take. */
#define RARE __attribute__((cold, noinline))

/* Whole words, since it is hashed and compared for every packet. Words 0-1 and 2-3: the client's
 * and the server's address. Word 4: their ports and the protocol. */
struct flow_key {
	uint64_t word[5];
};
struct addr key_addr(const struct flow_key *key, enum side side);
uint16_t key_port(const struct flow_key *key, enum side side);
uint8_t key_proto(const struct flow_key *key);

/* How long a conversation may be idle, by what it waits for. */
enum wait {
	WAIT_CLOSE,   /* closed: stragglers */
	WAIT_REFUSED, /* Windows answers a RST with a new SYN; Dridex sees RSTs 5 s late and still
	                 obeys */
	WAIT_SYN,     /* Linux's longest gap between two SYNs is 64 s */
	WAIT_HALF,    /* datagrams, and streams met in their middle of which one side was seen */
	WAIT_OPEN,
	WAIT_COUNT
};

#define NOBODY      UINT32_MAX
#define REPEATS_MAX 3

/* What every packet of an open conversation reads and writes is in the first two cache lines. */
struct conversation {
	_Alignas(64) struct flow_key key;
	int64_t clock_ns;    /* last packet, by the table's own clock */
	uint32_t seq_end[2]; /* TCP: behind the highest byte counted */
	uint32_t talk;       /* first messages being read; NOBODY: none */
	uint8_t wait;        /* enum wait */
	uint8_t name_source;
	uint8_t repeats;   /* client data sent again since the server was last heard; stays at
	                      REPEATS_MAX */
	uint8_t seq_known; /* bit 1 << side: seq_end and seq_first are set */

	int64_t last_ns;  /* latest time of a packet */
	int64_t heard_ns; /* last packet of the server */
	uint64_t packets[2], bytes[2];
	uint64_t id;
	uint64_t client_mac;
	bool open;    /* TCP: both ends have spoken, or data flows */
	bool data;    /* server payload was seen */
	bool sized;   /* the first response is over: response_bytes is final */
	bool talked;  /* first messages have been looked at */
	bool http;    /* status lines may follow */
	bool holed;   /* acknowledges what was not seen */
	bool pending; /* first messages will tell whether it is OK */
	bool told;    /* OK was told */
	bool evicted;

	uint32_t older, newer; /* in a bucket of the wheel */
	uint32_t tick;         /* which */
	uint32_t tag;          /* of the key */
	uint32_t chain;        /* next in the free or ready list */
	uint32_t tries;        /* SYNs, or datagrams before the first answer */
	bool in_ready, settle_due, end_due;

	int64_t start_ns, data_ns;     /* first packet, first server payload */
	int64_t try_ns, try_before_ns; /* the last two of them */
	int64_t answer_ns;             /* SYN/ACK, or anything else that shows an answer */
	int64_t ask_ns;                /* TCP: first client payload */
	int64_t rst_ns[2], fin_ns[2];
	int64_t icmp_ns;
	int64_t status_ns; /* last HTTP status line */
	int64_t alert_ns;  /* fatal TLS alert by the server before its application data */

	union {
		struct {                       /* TCP */
			uint32_t seq_first[2]; /* of the first payload byte */
			uint32_t seq_odd[2];   /* behind the last payload that was too far away to
			                          be believed */
			uint32_t repeat_ack;   /* acknowledged by the client when it last repeated
			                          itself */
		};
		struct {                        /* ICMP: echo.c */
			uint64_t echo_marks[2]; /* of the last request's payload, and of the one
			                           before; 0 none */
			uint32_t echo_hash, echo_fresh; /* as in conn */
		};
	};
	uint32_t request_bytes, response_bytes;
	uint16_t status, statuses_ok, statuses_bad;
	uint16_t vlan;

	bool joined, inferred;
	bool confirmed; /* the client sent something after its SYN */
	bool resyn;     /* it asked again after the answer: that did not reach it */
	bool tls_hello, tls_server_hello, tls_data; /* server's application data */
	bool client_alert;   /* the client refused: what the server does then is no failure */
	bool blind;          /* the server's first messages could not be read to their end */
	bool tunnel, inside; /* CONNECT succeeded; and the target sent something */
	bool to_proxy;
	bool logged, denied; /* as in struct packet, of the client's before any answer */

	/* numbers in options.strings */
	uint32_t name, service, ja3, ja4, alpn, user_agent, method, certificate;
	uint16_t request_mark; /* as in conn */
	uint64_t request_hash;
};
_Static_assert(sizeof(struct conversation) * CONVERSATIONS_MAX +
			       2 * CONVERSATIONS_MAX * 2 * sizeof(uint32_t) <=
		       (size_t)512 << 20,
	"a million conversations in 512 MB, the index included");

/* ---- first messages (talk.c, read.c, naming.c) ---- */

/* What one direction is read as. */
enum reading {
	READING_NEW, /* not recognised yet */
	READING_TLS,
	READING_HTTP,
	READING_DNS,
	READING_GAP /* a proxy's error page: until its next status line */
};

/* Enough to recognise a stream by, also when it comes a byte at a time. */
#define FIRST_BYTES     32
#define LATE_PIECES_MAX 12

struct half {
	uint32_t next; /* sequence number of the next byte to read */
	bool synced;   /* next is known */
	bool done;     /* nothing more is wanted, or something was lost */
	bool status_told;
	uint8_t reading;
	uint8_t looks; /* at bytes that did not suffice */
	uint8_t first_len;
	uint8_t first[FIRST_BYTES]; /* all bytes so far, while READING_NEW */
	uint8_t pieces;
	uint8_t *head; /* block: a message under way */
	uint32_t head_len;
	uint8_t *late; /* block: segments that came too early */
	uint32_t late_len;
	struct {
		uint32_t seq;
		uint16_t at, len;
	} piece[LATE_PIECES_MAX];
	struct tls_stream tls;
};

struct talk {
	struct half half[2];
	struct quic_crypto quic;
	uint32_t owner;        /* conversation */
	uint32_t older, newer; /* newer also links the free ones */
	bool is_quic, connect; /* the client's last request was CONNECT */
	uint8_t initials;      /* QUIC packets tried */

	/* naming.c */
	bool asked; /* the namer, or it was tried */
	uint32_t place;
	uint8_t *kept; /* block: payload of the first packet, until a second one comes */
	uint32_t kept_len, kept_seq, kept_ack;
	uint8_t kept_from;
};

/* Questions waiting for answers, and those lately answered (lookup.c). */
struct question {
	int64_t query_ns, repeat_ns;
	int64_t clock_ns; /* last asked, or answered, by the table's own clock */
	int64_t answer_ns;
	struct addr client, resolver;
	uint64_t client_mac;
	uint32_t name;
	uint16_t client_port, id, qtype;
	uint8_t transport;
	bool answered, failed;
	uint32_t bucket_next, older, newer;
};
struct question_list {
	uint32_t oldest, newest;
};

#define EVENTS_MAX 16

/* Patience: buckets of 2^30 ns, about a second. The longest wait and the largest step of the clock
 * together fit in. */
#define TICK_BITS     30
#define WHEEL_BUCKETS 8192u

/* Copies are sought among the last packets with something to say: at 1.6 M of them a second this
 * holds COPY_NS. */
#define COPIES_BITS 13

struct flow_table {
	/* every packet */
	struct flow_stats stats;
	struct conversation *conversation;
	struct conversation *latest; /* of the last packet, while it is in the index */
	struct slot {
		uint32_t tag, index;
	} * slot;
	size_t slot_mask;
	uint64_t secret[4];
	int64_t clock_ns;  /* the data's clock, from 0, never going back (clock.c) */
	int64_t origin_ns; /* clock_ns + origin_ns is the data's time */
	int64_t most_ns;   /* clock_ns may not pass this before what is due has ended */
	int64_t at_ns;     /* time of the packet at hand, at least 1 */
	int64_t begin_ns;  /* of the first packet */
	uint32_t tick;     /* of clock_ns: up to here everything due has ended */
	int64_t due_ns;    /* by clock_ns: nothing more can be due before */
	bool quiet;        /* all that is due has been told */
	bool started, finishing;
	uint32_t ready_first, ready_last;
	size_t queue_first, queued;
	struct copy {
		uint32_t mark, at;
	} copy[1u << COPIES_BITS];

	struct flow_options options;
	uint64_t next_id;
	uint32_t conversations, conversation_max, conversation_free;
	uint32_t live;       /* conversations in the wheel */
	uint32_t wheel_tick; /* no bucket before it holds any */
	uint32_t wheel[WHEEL_BUCKETS];

	struct talk *talk;
	uint32_t talk_max, talks, talk_free, talk_oldest, talk_newest;
	uint8_t *block;
	uint32_t block_max, blocks, block_free;

	struct question *question;
	uint32_t *bucket;
	uint32_t question_max, questions, question_free;
	struct question_list waiting, answered;

	struct hash_key hash;
	struct dns dns; /* scratch */
	struct event queue[EVENTS_MAX];
	struct event event; /* lent by flow_table_next() */
};

/* index.c: from packet to conversation */
struct place { /* where a packet belongs */
	uint32_t tag;
	enum side from; /* when its conversation is known */
};
struct flow_key key_of(const struct packet *p, bool by_client);
MUST_USE int index_new(struct flow_table *t, size_t conversations);
/* The packet's conversation, or NULL. */
struct conversation *index_find(
	const struct flow_table *t, const struct packet *p, struct place *ret);
void index_add(struct flow_table *t, struct conversation *c);
void index_remove(struct flow_table *t, const struct conversation *c);

/* clock.c: the data's clock and who has been idle for too long by it */
extern const int64_t wait_ns[2][WAIT_COUNT]; /* by options.prompt */
void clock_set(struct flow_table *t, int64_t time_ns);
/* All that was due up to the tick has ended. */
void clock_done(struct flow_table *t, uint32_t tick);
static inline bool is_idle(const struct flow_table *t, const struct conversation *c)
{
	return t->clock_ns - c->clock_ns > wait_ns[t->options.prompt][c->wait];
}
void wheel_add(struct flow_table *t, struct conversation *c);
void wheel_remove(struct flow_table *t, struct conversation *c);
/* The conversation whose patience ends first, if that is not after the tick; else NULL. */
struct conversation *wheel_first(struct flow_table *t, uint32_t until_tick);
void conversation_wait(struct flow_table *t, struct conversation *c, enum wait wait);
/* Its first answer says no: options.refused hears of it. */
void conversation_refused(const struct flow_table *t, const struct conversation *c);

/* copy.c */
#define COPY_NS (5 * NS_PER_MS)
/* Whether the packet was seen already within COPY_NS; if not, it is remembered. */
bool is_copy(struct flow_table *t, const struct conversation *c, const struct packet *p);

/* table.c */
uint32_t number_of(const struct flow_table *t, const struct conversation *c);
void conversation_settle(struct flow_table *t, struct conversation *c);
void conversation_end(struct flow_table *t, struct conversation *c);
struct event *event_queue(struct flow_table *t); /* room for one more, or NULL */

/* tcp.c, datagram.c: one packet of a known conversation */
void tcp_add(struct flow_table *t, struct conversation *c, enum side from, const struct packet *p);
void datagram_add(
	struct flow_table *t, struct conversation *c, enum side from, const struct packet *p);
/* Whether a SYN on a known pair of ports begins another conversation. */
bool tcp_begins_another(const struct flow_table *t, const struct conversation *c, enum side from,
	const struct packet *p);

/* echo.c: of a packet of ICMP */
bool echo_is_request(const struct packet *p);
/* One packet of a known conversation, counted already. */
void echo_add(struct conversation *c, const struct packet *p);
/* Whether a packet on a conversation of echo holds something new, which is one of its own. */
bool echo_begins_another(const struct conversation *c, const struct packet *p);
/* The conversation goes on where that one ended. */
void echo_follows(struct conversation *c, const struct conversation *before);

/* outcome.c */
/* A RST this long after the last SYN is not the answer to it: the client has left (Trickbot
 * 2020-04: 75 s). */
#define RST_ANSWERS_NS (20 * NS_PER_S)
struct verdict {
	enum outcome outcome;
	int64_t fail_ns, leave_ns;
};
/* What is known of the conversation now; early: it was not idle for long enough (the input is over,
 * the table full), so what was under way stays UNKNOWN. */
struct verdict conversation_verdict(const struct conversation *c, int64_t now_ns, bool early);
/* Whether what is known suffices to say OK now. */
bool conversation_answered(const struct conversation *c);

/* talk.c: lives of talks, segments into order */
void talks_init(struct flow_table *t);
void talk_begin(struct flow_table *t, struct conversation *c);
void talk_end(struct flow_table *t, struct conversation *c);
void talk_segment(struct flow_table *t, struct conversation *c, enum side from, uint32_t seq,
	const struct packet *p);
void talk_datagram(
	struct flow_table *t, struct conversation *c, enum side from, const struct packet *p);
/* TALK_BYTES_MAX bytes for c, or NULL. The oldest talks of others are given up for them. */
uint8_t *block_take(struct flow_table *t, const struct conversation *c);
void block_give(struct flow_table *t, uint8_t **block); /* NULL is fine; makes it NULL */
/* Gives up the oldest talk but c's own; false when there is none. */
bool talk_evict(struct flow_table *t, const struct conversation *c);
void half_finish(struct flow_table *t, struct half *h);

/* read.c: bytes in order */
void read_bytes(struct flow_table *t, struct conversation *c, enum side from, struct cur bytes,
	const struct packet *p);
/* The other side speaks: what is there of this one is its first message. */
void read_no_more(struct flow_table *t, struct conversation *c, enum side from);
/* The server's first messages cannot be read any further. */
void read_blind(struct conversation *c);
/* A later segment of an HTTP server: notes its status line if there is one. */
void read_later_status(struct flow_table *t, struct conversation *c, const struct packet *p);
void read_quic(
	struct flow_table *t, struct conversation *c, struct talk *talk, struct cur datagram);
uint32_t keep_text(struct flow_table *t, const char *text);

/* naming.c: services by nDPI */
void naming_show(
	struct flow_table *t, struct conversation *c, enum side from, const struct packet *p);
void naming_end(struct flow_table *t, struct talk *talk);
/* Whether there is still somebody who may find a service. */
bool naming_hopes(const struct flow_table *t, const struct talk *talk);

/* lookup.c */
MUST_USE int lookups_new(struct flow_table *t);
/* True when the datagram or message was DNS. */
bool lookup_message(struct flow_table *t, const struct packet *p, struct cur message);
void lookup_unreachable(struct flow_table *t, const struct packet *p);
/* Gives up questions that have waited for too long (all of them when finishing): queues events
 * while there is room. */
void lookups_expire(struct flow_table *t);
