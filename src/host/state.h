/* Inside host/: a host's own memory. */
#pragma once

#include "host/host.h"
#include "host/naming.h"
#include "host/uids.h"

/* filter.c: what is nobody's command channel, whatever becomes of it */
bool ignored_service(enum transport transport, uint16_t port);
bool ignored_lookup(const char *name, uint16_t qtype);
bool plausible_name(const char *name);
bool ignored_conn(const struct conn *c);
/* Whether it is to be kept as a pool service's: of the ports that nothing else is looked for at,
 * all; of the others the silence only, which over UDP means nothing elsewhere. */
bool pool_conn(const struct conn *c);

/* host.c */
struct channel_key {
	uint32_t endpoint;
	uint32_t process;
	uint16_t port;
	uint8_t transport;
	bool named;
	bool rare; /* not part of the key: neither an operator nor special */
};
/* All return false (or 0, the forgotten channel) when memory ran out: the event is dropped and
 * counted by the caller. */
bool host_start(struct host *h);
void host_stop(struct host *h);
void host_touch(struct host *h, int64_t now_ns);
/* The conversation is over. */
void host_count(struct host *h, const struct conn *c);
/* The channel of this key, made when missing; *ret_first: the host never met the endpoint before.
 */
uint32_t host_channel(struct host *h, const struct channel_key *key, bool *ret_first);
/* The channel of this key, or 0. */
uint32_t host_channel_find(const struct host *h, const struct channel_key *key);
/* Whether the host ever met or asked for the domain, as far as it remembers. */
bool host_knows(const struct host *h, uint32_t domain);
bool host_add_attempt(struct host *h, const struct attempt *a);
/* A success that follows a success of the same channel within a burst, while the host learnt of no
 * failure, adds nothing but a count: leaves them out. Not done one by one as they come, since
 * failures are told late. */
void host_join_successes(struct host *h);
/* The success that was told before is over. */
void host_end_attempt(struct host *h, uint32_t channel, uint16_t client_port, int64_t end_ns);
/* A look-up of a domain that is new to the host. */
bool host_add_name(struct host *h, uint32_t domain, int64_t asked_ns);
/* What a resolver said of the domain: an address, or that the name does not exist. */
void host_name_told(struct host *h, uint32_t domain, bool answered, bool dead);

/* hosts.c */
const struct naming *hosts_naming(const struct hosts *hs);
const struct outages *hosts_outages(const struct hosts *hs);
const struct uids *hosts_uids(const struct hosts *hs);
