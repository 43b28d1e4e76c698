/* Inside scan/: a file that comes in pieces, each with its place: what there is of it is held, not
 * what lies between, and how much of the whole is there is known. */
#pragma once

#include "scan/carrier.h"

#define PIECES_MAX 1024u

struct piece {
	uint64_t at;
	struct body body;
};

struct pieces {              /* all zero is empty */
	struct piece *piece; /* by place; they touch at most; owned */
	size_t count, room;
	int64_t at_ns;
	bool dropped;      /* some found no room: behind bytes_max, too many, too much in all */
	bool first;        /* what is there stays */
	const char *wrong; /* with it, however much of it is there; NULL nothing */
	char coding[16];   /* of the whole, as HTTP names it; "" none */
};

/* What is there already is written over, or stays. */
void pieces_put(struct carry_shared *x, struct pieces *p, uint64_t at, struct span bytes);
/* *to is then to be dropped too. */
void pieces_copy(struct carry_shared *x, struct pieces *to, const struct pieces *p);
void pieces_drop(struct carry_shared *x, struct pieces *p);
/* Whether something else is there for some of these bytes. */
bool pieces_differ(const struct pieces *p, uint64_t at, struct span bytes);
/* Whether all of the first `size` bytes is there. */
bool pieces_have(const struct pieces *p, uint64_t size);
/* Behind the last piece. */
uint64_t pieces_end(const struct pieces *p);
/* Bytes that are there. */
uint64_t pieces_bytes(const struct pieces *p);
/* Hands on what there is. like: all but bytes, at_ns and gap. size: of the file, where it is known.
 * gap: why something may be missing behind the last piece; NULL: nothing is. Where all of a known
 * size is there, nothing is missing whatever gap says. What is short of the whole is told as one
 * file with zeros between, or, where more than a megabyte is missing, run by run. */
void pieces_tell(struct carry_shared *x, const struct pieces *p, struct carried like,
	const uint64_t *size, const char *gap);
