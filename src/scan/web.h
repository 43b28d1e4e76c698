/* Inside scan/: both directions of one HTTP/1.x conversation, as bytes in order, become the files
 * that they carry. */
#pragma once

#include "scan/ranges.h"

#define WEB_ASKED_MAX  8u /* requests that wait for their answer; a power of two */
#define WEB_TYPE_BYTES 256u

enum web_state {
	WEB_HEAD,
	WEB_LENGTH,     /* body of `left` bytes */
	WEB_CHUNK_HEAD, /* its line */
	WEB_CHUNK,      /* `left` bytes of it */
	WEB_CHUNK_END,  /* the line end behind it */
	WEB_TRAILER,    /* lines up to an empty one */
	WEB_TO_END,     /* body up to the end of the conversation */
	WEB_LOST,       /* bytes are missing: up to the next head */
	WEB_IGNORED,    /* no HTTP, or what follows can't be told apart any more */
};

struct web_half {
	enum web_state state;
	uint64_t left;
	uint8_t *line; /* head, or the line of a chunk, so far; owned */
	size_t line_len;
	struct body body;
	struct place place; /* Content-Range, or of a body that may be resumed */
	uint64_t validator; /* ETag or Last-Modified, by hash; 0 none */
	bool resumable;     /* a range may come later of what is missing at its end */
	char coding[16];
	char type[WEB_TYPE_BYTES]; /* the field of a multipart/…, else "" */
};

struct asked {
	char host[HTTP_NAME_BYTES], uri[HTTP_TEXT_BYTES];
	uint64_t target; /* by hash, none of it cut */
	bool head, connect;
};

struct web { /* all zero but ends is a new conversation */
	const struct ends *ends;
	struct web_half half[2];
	struct asked asked[WEB_ASKED_MAX];
	unsigned requests, responses;
};
