/* Inside scan/: protocols of lines: SMTP, whose mails are files with files in them, and FTP's
 * control connection, which says where the files will pass. */
#pragma once

#include "scan/carrier.h"

#define TALK_LINE_BYTES 1024u

struct talk_line {
	uint8_t bytes[TALK_LINE_BYTES]; /* what is longer is cut */
	size_t len;
};

enum talk_state {
	TALK_COMMANDS,
	TALK_ASKED, /* DATA was said: the next bytes are the mail, if the server agreed */
	TALK_MAIL,  /* up to a line with a dot alone */
	TALK_CHUNK, /* `left` bytes of it (RFC 3030) */
};

/* How much of the end, CR LF . CR LF, has been seen (RFC 5321, 4.5.2). */
enum talk_dot { DOT_NONE, DOT_CR, DOT_LINE, DOT_DOT, DOT_DOT_CR };

struct talk { /* all zero but ends is a new one */
	const struct ends *ends;
	enum talk_state state;
	enum talk_dot dot;
	bool refused; /* by the server's last answer */
	bool last;    /* this chunk ends the mail */
	bool pop;     /* it is POP3, which has a RETR of its own */
	bool ftp;     /* it spoke of where files pass */
	bool deaf[2];
	uint64_t left;
	uint64_t rest;     /* the next file begins behind so many bytes (REST) */
	uint64_t expected; /* the newest of this conversation; 0 none */
	struct talk_line line[2];
	struct body mail;
	char from[CARRY_NAME_BYTES]; /* the envelope's */
};
