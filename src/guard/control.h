/* Control: what an operator asks a running guard over a Unix socket: one line of JSON in, one out,
 * one request a connection. Who may ask is root and the guard's own user. A client that is slow,
 * sends too much or does not read loses its connection; the guard waits for none. */
#pragma once

#include "base/addr.h"
#include "base/cur.h"
#include "base/fail.h"
#include "base/out.h"

/* A longer request is refused. */
#define CONTROL_LINE_MAX 512u

enum control_kind { CONTROL_STATUS, CONTROL_UNDO, CONTROL_EXPLAIN, CONTROL_KINDS };

struct control_request {
	enum control_kind kind;
	uint64_t id;      /* UNDO: of the change, from 1 */
	uint32_t hold_s;  /* UNDO: for how long it is not made again; 0: the guard's --expiry */
	struct addr host; /* EXPLAIN */
};

struct control_reader;

/* Fails: -ENOMEM. */
MUST_USE int control_reader_new(struct control_reader **ret);
void control_reader_free(struct control_reader *r);
/* The line without its end. Returns NULL, or what is wrong with it: a constant. */
const char *control_read(struct control_reader *r, struct span line, struct control_request *ret);
/* The line that is read as the request, without its end. */
void control_say(struct out *o, const struct control_request *request);
/* The answer to what could not be done. why: ours, safe. */
void control_refuse(struct out *o, const char *why);

struct control;

/* Listens at path, which its owner alone may open; a socket that nobody listens at any more is
 * replaced. wake: an epoll descriptor that becomes readable when there is something to do. Fails:
 * -errno, -EADDRINUSE (another guard listens there). */
MUST_USE int control_open(struct control **ret, const char *path, int wake, struct fail *why);
/* Takes the socket away. */
void control_close(struct control *c);
/* What can be done without waiting. answer appends one line's object to o, without its end. */
void control_turn(struct control *c,
	void (*answer)(void *context, const struct control_request *request, struct out *o),
	void *context);

/* The other side: asks and waits up to wait_ms for the answer, one line in *ret without its end.
 * Fails: -errno. */
MUST_USE int control_ask(const char *path, const struct control_request *request, int wait_ms,
	struct out *ret, struct fail *why);
