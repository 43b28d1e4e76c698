/* Access: a request through a proxy, or a session through a firewall, as one row tells it; whatever
 * the row's format, it means the same. */
#pragma once

#include "ingest/source.h"

/* Texts as they stand in the row; empty when it has none, or "-". */
struct access {
	int64_t start_ns, end_ns;
	struct span client, client_port; /* an address; may have a port behind it */
	struct span server, server_port; /* an address */
	struct span host;                /* asked for; may have a port behind it */
	struct span url;                 /* "http://host/…", or of CONNECT "host:port" */
	struct span proto;               /* "TCP", "6" */
	struct span method, status, action, user, process, user_agent, uid;
	struct span bytes_out, bytes_in; /* of the client, to the client */
};

/* Tells it. Denied, by the action's words, is DENIED; a status of 400 and over HTTP_ERROR; 407 asks
 * for a password: no attempt at the target. A proxy's consent to CONNECT alone is no answer. Where
 * no name is asked for, or the address is a public one, `server` is who answered; else the proxy.
 */
void access_emit(struct sink *s, const struct access *row);

/* The number of a protocol by its name or number; 0 unknown. */
uint8_t access_protocol(struct span text);

/* "C:\Windows\System32\rundll32.exe", "/usr/bin/curl": the last part. */
struct span access_base_name(struct span path);

/* "10/Oct/2000:13:55:36 -0700", as web servers write it. */
MUST_USE int access_clf_time(struct span text, int64_t *ret_ns);
/* "Oct 10 2000 13:55:36", also with a fraction and a zone: "UTC", "+0200". *ret_zoneless: it names
 * none that says how far it is off. */
MUST_USE int access_word_time(struct span text, int64_t *ret_ns, bool *ret_zoneless);
