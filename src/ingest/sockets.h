/* Sockets: changes of state of TCP sockets, as kernel.bpf.c tells them, become events. Knows no
 * BPF, so that tests and fuzzers can speak for the kernel. */
#pragma once

#include "base/check.h"
#include "base/cur.h"
#include "event/event.h"
#include "ingest/kernel.h"

#define CHANGE_BYTES  144
#define PROCESS_BYTES 16 /* TASK_COMM_LEN */

/* include/net/tcp_states.h */
enum socket_state {
	SOCKET_ESTABLISHED = 1,
	SOCKET_SYN_SENT = 2,
	SOCKET_FIN_WAIT1 = 4,
	SOCKET_CLOSE = 7,
	SOCKET_CLOSE_WAIT = 8,
};

struct change {
	int64_t time_ns; /* of the kernel's own clock; the caller makes it UTC */
	uint64_t sock;
	struct kernel_owner owner; /* of the thread that ran: the client's only with SYN_SENT */
	char process[PROCESS_BYTES + 1];
	uint8_t from, to; /* enum socket_state, or others */
	int error;        /* errno as the kernel would tell the client, 0 none */
	struct addr client, server;
	uint16_t client_port, server_port;
	uint64_t bytes_out, bytes_in; /* payload so far */
	uint32_t packets_out, packets_in, retries;
};

/* A whole record; anything else fails the cursor. */
void change_read(struct cur *c, struct change *ret);

struct sockets;

/* capacity: connections that are open at once, at least 1. Fails: -ENOMEM. */
MUST_USE int sockets_new(struct sockets **ret, size_t capacity);
void sockets_free(struct sockets *s);

/* Takes a change; the event that comes of it, or NULL. Borrowed until the next call on s. Times
 * must not go back by more than the kernel's CPUs overtake each other. */
const struct event *sockets_change(
	struct sockets *s, const struct change *change, struct kernel_owner *ret_owner);
/* The time is now_ns: the next connection that has been open for long enough to count as one. */
const struct event *sockets_due(struct sockets *s, int64_t now_ns, struct kernel_owner *ret_owner);
/* evicted and unsent */
void sockets_stats(const struct sockets *s, struct kernel_stats *ret);
