/* Inside ingest/: what rows.c, sink.c, join.c and ask.c share. */
#pragma once

#include "base/arena.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/scan.h"
#include "ingest/keyed.h"
#include "ingest/rows.h"
#include "ingest/source.h"

/* Events are told this long after they began, in the order in which they came: by then the rows
 * that belong to them are there. */
#define HOLD_NS (30 * NS_PER_S)

/* What other rows say of a conversation. Texts are numbers of the run's strings. */
struct note {
	uint32_t name, service, ja3, ja4, alpn, user_agent, certificate, process;
	enum name_source name_source;
	uint32_t requests, statuses_ok, statuses_bad;
	uint16_t http_status, request_mark;
	uint64_t request_hash;
	bool to_proxy;
	int64_t response_ns; /* of the last response that was 400 or over */
	int64_t alert_ns, denied_ns;
};

#define UID_BYTES 40 /* a GUID in braces */

struct waiting_conn {
	struct conn conn; /* texts are the run's strings */
	struct note note;
	char uid[UID_BYTES];
	uint64_t ports;      /* its key in sink.ports */
	int64_t last_try_ns; /* of an attempt that nobody answered; 0 it was answered */
};

/* What the same two addresses and ports said last: rows that go on with it are no conversation of
 * their own. */
struct ports {
	uint64_t record; /* key of the row's record, also its key in sink.waiting while it waits */
	bool waits;
	int64_t start_ns, end_ns;
	int64_t last_try_ns; /* told, and nobody had answered; else 0 */
	uint64_t bytes_out, bytes_in, packets_out, packets_in; /* told */
};

/* A conversation that is over: what its ports say without a beginning is its tail. */
struct tail {
	uint32_t tag;  /* of its ports' key */
	int32_t end_s; /* since 1970; what does not fit is not remembered */
};
#define TAILS_MAX ((size_t)1 << 16)

struct waiting_lookup {
	struct lookup lookup; /* texts are the run's strings */
	uint64_t record;      /* key of its record's id, 0 none */
	uint64_t machine;     /* in sink.machines, 0: the client is known */
	char uid[UID_BYTES];
	bool answered, asked;
};

#define TABLES_MAX 4 /* kinds of log that keep one */

struct table {
	const struct format *of;
	void (*finish)(struct sink *s, struct keyed *table);
	struct keyed keyed;
};

struct sink {
	struct rows_options options;
	struct hash_key hash;
	const struct frame *row; /* being parsed; NULL between */
	struct arena texts;      /* of the row being parsed */
	int64_t clock_ns;        /* the latest row's */
	uint64_t ids, unnamed;
	bool asked;            /* look-ups are told by rows of their own */
	int64_t usual_rtt_ns;  /* of answers lately; 0 unknown */
	struct keyed waiting;  /* waiting_conn, by its record's key */
	struct keyed ports;    /* ports: of conversations that may go on */
	struct tail *tail;     /* of those that are over, by their ports; TAILS_MAX */
	struct keyed orphans;  /* note: details whose conversation has not been seen yet */
	struct keyed lookups;  /* waiting_lookup */
	struct keyed machines; /* addr */
	struct halves *halves;
	struct netflow *netflow;
	struct table table[TABLES_MAX];
	size_t tables;
	uint64_t rejected; /* rows */
	uint64_t remarks[REMARK_COUNT];
};

/* Gives the event its number and passes it on. */
void sink_tell(struct sink *s, struct event *event);

/* halves.c: what is known of one-directional flows. Fails: -ENOMEM. */
struct halves;
MUST_USE int halves_new(struct halves **ret, size_t room);
void halves_free(struct halves *h);

/* join.c, ask.c, halves.c: when the first that waits began, INT64_MAX when none waits; tells it. */
int64_t join_first(struct sink *s, int64_t *ret_due_ns);
void join_tell_first(struct sink *s);
int64_t ask_first(struct sink *s, int64_t *ret_due_ns);
void ask_tell_first(struct sink *s);
int64_t halves_first(struct sink *s, int64_t *ret_due_ns);
void halves_tell_first(struct sink *s);
