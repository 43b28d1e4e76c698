/* NetFlow v5 and v9 (RFC 3954) and IPFIX (RFC 7011): export datagrams become halves of
 * conversations. Datagrams come one by one from strangers, of several exporters mixed, and may be
 * lost. libfixbuf (2.4.1) knows no v5, reads v9 from its own socket only, and of bytes that are
 * handed to it takes IPFIX alone, without telling exporters apart (fixbuf/public.h, "v9" and
 * fBufSetBuffer): most of what comes here would stay ours, so all of it is. */
#pragma once

#include "ingest/source.h"

/* A datagram's longest. */
#define NETFLOW_BYTES_MAX ((size_t)65535)

/* Templates, exporters and sets without their template, all bounded. One for a run. */
struct netflow;

/* room: of templates and domains, a power of two; more than 4,096 are not kept. Fails: -ENOMEM. */
MUST_USE int netflow_new(struct netflow **ret, size_t room);
void netflow_free(struct netflow *n);

/* Where a datagram comes from. */
struct netflow_from {
	uint64_t exporter; /* any number for who sent it, not 0; its templates are its own */
	int64_t time_ns;   /* when it was sent, as far as the source knows; 0: as its header says */
};

/* One datagram: its flows go to sink_half(). What it says against its format is refused with
 * sink_reject() when a row of a file is being parsed, else remarked. */
void netflow_datagram(
	struct netflow *n, struct sink *s, const struct netflow_from *from, struct cur datagram);

/* How long the datagram at the front is, from its lengths: what the file format lacks. 0: it is
 * none, or is cut. IPFIX and v5 say it; v9 ends where no further set of it begins. *ret_time_ns:
 * the header's time. */
size_t netflow_length(struct cur c, int64_t *ret_time_ns);

/* The end of the input: what still waits for a template is remarked. */
void netflow_finish(struct netflow *n, struct sink *s);
