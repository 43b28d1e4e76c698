/* Inside scan/: what a conversation is to a protocol that carries files, and what all of them
 * share. A new one: a struct carrier, a row in carry.c, a fuzz corpus of its own. */
#pragma once

#include "base/hash.h"
#include "scan/scan_private.h"

#define CARRY_NAME_BYTES 256u
#define EXPECTED_MAX     256u

enum side { CLIENT, SERVER };

struct ends { /* by enum side */
	struct addr addr[2];
	uint16_t port[2];
};

struct body { /* all zero is empty */
	uint8_t *bytes;
	size_t len, room;
	int64_t at_ns;
	bool too_long; /* longer than is kept */
	bool lacks;    /* the capture does not have all of it */
};

/* A connection of its own that a control connection spoke of (FTP). */
struct expected {
	uint64_t number;         /* 0: none */
	struct addr listener[2]; /* as was said, and as the control connection has it (NAT) */
	uint16_t port;
	struct addr client; /* of the control connection */
	char name[CARRY_NAME_BYTES];
	uint64_t rest; /* it begins behind so many bytes of the file */
	bool upload, listing, append, named;
	bool begun; /* it was seen to begin */
};

struct carry_shared { /* by all conversations */
	struct carry_options options;
	struct carry_stats stats;
	size_t held; /* bytes in all bodies */
	struct expected expected[EXPECTED_MAX];
	uint64_t expectations;
	struct hash_key key;
	struct ranges *ranges; /* files that come in parts; owned, NULL none */
};

/* Keeps the bytes as far as options.bytes_max and all bodies together allow. */
void body_keep(struct carry_shared *x, struct body *b, struct span bytes);
void body_drop(struct carry_shared *x, struct body *b);
/* The capture does not have the next bytes: zeros take their place, as far as there is room. */
void body_lacks(struct carry_shared *x, struct body *b, uint64_t bytes);
/* Why not all of it is there; NULL: it is, as far as this knows. */
const char *body_gap(const struct body *b);
/* Hands a file on, when it has a byte or a gap. */
void carry_tell(struct carry_shared *x, const struct carried *file);
/* Unpacks its bytes, as far as that goes. coding: as HTTP names it (RFC 9110, 8.4.1), in lower
 * case; "" none. The caller frees *ret when it is done with the file. */
void carry_unpack(
	const struct carry_shared *x, const char *coding, struct carried *file, uint8_t **ret);
/* Bytes are missing in which there may have been files that nobody knows of. */
void carry_tell_lost(struct carry_shared *x, const struct ends *ends, enum side side,
	const char *protocol, int64_t at_ns);

struct carrier {
	/* The next bytes of that side. */
	void (*data)(struct carry_shared *x, void *state, enum side side, struct span bytes,
		int64_t at_ns);
	/* So many bytes are missing here, before what comes next: what was begun is told cut, and
	 * what may have been in them is told as a gap. */
	void (*hole)(struct carry_shared *x, void *state, enum side side, uint64_t bytes);
	/* That side says no more; whole: it said so itself. */
	void (*end)(struct carry_shared *x, void *state, enum side side, bool whole);
	/* Nothing is told. */
	void (*fini)(struct carry_shared *x, void *state);
};

extern const struct carrier carrier_web;  /* HTTP/1.x: struct web */
extern const struct carrier carrier_talk; /* SMTP, and FTP's control: struct talk */
extern const struct carrier carrier_raw;  /* FTP's data: struct raw */
extern const struct carrier carrier_smb;  /* SMB 1 to 3: struct smb */
