/* Inside scan/: the files in a mail or a form (RFC 2045 to 2047, 7578). */
#pragma once

#include "scan/scan_private.h"

#define MIME_PARTS_MAX  256u /* with those that only hold others */
#define MIME_DEPTH_MAX  8u
#define MIME_NAME_BYTES 256u

struct mime_part {         /* borrowed until the callback returns */
	struct span bytes; /* decoded */
	struct span head;  /* its fields */
	const char *name;  /* as written; "" none; NOT safe to print */
	const char *gap;   /* NULL: all of it was decoded */
};

typedef void mime_take(void *context, const struct mime_part *part);

/* The value of the first such field, its further lines with it; empty: there is none. */
struct span mime_field(struct span head, const char *name);
/* Each part that holds no others. */
void mime_message(struct span message, mime_take *take, void *context);
/* The same, of a body whose head came otherwise. What is not in parts is not told. */
void mime_body(struct span head, struct span body, mime_take *take, void *context);
