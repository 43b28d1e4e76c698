/* Inside scan/: a connection that is a file (FTP's data). */
#pragma once

#include "scan/carrier.h"

struct raw { /* all zero but ends and expected is a new one */
	const struct ends *ends;
	uint64_t expected; /* number of its struct expected */
	struct body body[2];
	bool over[2];
};

/* What was said of the connection that is first seen with this packet; 0: nothing. */
uint64_t raw_expected(struct carry_shared *x, const struct packet *p);
