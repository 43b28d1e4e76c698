/* Inside scan/: both directions of one HTTP/1.x conversation, as bytes in order, become the files
 * that they carry. */
#pragma once

#include "scan/scan_private.h"

#define WEB_ASKED_MAX 8u /* requests that wait for their answer; a power of two */

enum side { CLIENT, SERVER };

enum web_state {
	WEB_HEAD,
	WEB_LENGTH,     /* body of `left` bytes */
	WEB_CHUNK_HEAD, /* its line */
	WEB_CHUNK,      /* `left` bytes of it */
	WEB_CHUNK_END,  /* the line end behind it */
	WEB_TRAILER,    /* lines up to an empty one */
	WEB_TO_END,     /* body up to the end of the conversation */
	WEB_IGNORED,    /* no HTTP, or what follows can't be told apart any more */
};

struct web_half {
	enum web_state state;
	uint64_t left;
	uint8_t *line; /* head, or the line of a chunk, so far; owned */
	size_t line_len;
	uint8_t *body; /* owned */
	size_t body_len, body_room;
	int64_t at_ns;
	bool too_long; /* the body is longer than is kept */
	bool part;     /* Content-Range */
	char coding[16];
};

struct asked {
	char host[HTTP_NAME_BYTES], uri[HTTP_TEXT_BYTES];
	bool head, connect;
};

struct web {                 /* all zero is a new conversation */
	struct addr addr[2]; /* of each side */
	uint16_t port[2];
	struct web_half half[2];
	struct asked asked[WEB_ASKED_MAX];
	unsigned requests, responses;
	bool begun; /* it is HTTP */
};

struct web_shared { /* by all conversations */
	struct carry_options options;
	struct carry_stats stats;
	size_t held; /* bytes in all bodies */
};

/* The next bytes of that side. */
void web_data(
	struct web_shared *x, struct web *w, enum side side, struct span bytes, int64_t at_ns);
/* Bytes are missing here: what was begun is told cut, and no more is understood of that side. */
void web_hole(struct web_shared *x, struct web *w, enum side side);
/* That side says no more. */
void web_end(struct web_shared *x, struct web *w, enum side side);
/* Nothing is told. */
void web_fini(struct web_shared *x, struct web *w);
