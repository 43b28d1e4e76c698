/* Inside host/: a host's own memory. */
#pragma once

#include "host/host.h"
#include "host/naming.h"
#include "host/uids.h"

/* filter.c: what is nobody's command channel, whatever becomes of it */
bool ignored_service(enum transport transport, uint16_t port);
bool plausible_name(const char *name);
bool ignored_conn(const struct conn *c);
/* Whether it is to be kept as a pool service's: of the ports that nothing else is looked for at,
 * all; of the others the silence only, which over UDP means nothing elsewhere. */
bool pool_conn(const struct conn *c);
/* Of a service that is asked of any server of a list only the changes are kept: a server that went
 * silent, one that answers for the first time or again. It is never a first contact. */
bool pool_conn_changed(const struct channel *ch, const struct conn *c);
bool is_reversed_address(const char *name);

/* An answer this close to a failure of the same name voids the failure: the stub asked elsewhere,
 * or for the other family. */
#define ANSWER_VOIDS_NS (10 * NS_PER_S)

/* host.c */
struct channel_key {
	uint32_t endpoint;
	uint32_t process;
	uint16_t port;
	uint8_t transport;
	bool named;
	bool rare; /* not part of the key: neither an operator nor special */
	bool proxied;
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
/* A failure whose name answered a moment before or after was none. */
void host_void_failures(struct host *h, uint32_t channel, uint32_t name, int64_t answered_ns);
/* The success that was told before is over. */
void host_end_attempt(struct host *h, uint32_t channel, uint16_t client_port, int64_t end_ns);
/* A look-up of a domain that is new to the host. */
bool host_add_name(struct host *h, uint32_t domain, int64_t asked_ns);
/* What a resolver said of the domain: an address, or that the name does not exist. */
void host_name_told(struct host *h, uint32_t domain, bool answered, bool dead);

/* contact.c */
/* conn NULL: a look-up, when the key's transport is OTHER. */
struct host_contact contact_of(const struct host *h, const struct channel_key *key,
	const struct conn *conn, const struct strings *strings);
/* Whether whoever keeps a longer memory knows the contact from before the run. */
bool contact_known(const struct hosts_options *options, const struct host *h,
	const struct channel_key *key, const struct conn *conn);
/* One of the first that were met; server: a string, 0 unknown. */
void channel_learn_server(struct channel *ch, uint32_t server);
/* What the conversation tells of its channel; name: the full one asked for, server: its address,
 * both as strings, 0 unknown. */
void contact_describe(struct strings *strings, struct channel *ch, const struct conn *c,
	uint32_t name, uint32_t server);

/* carrier.c */
/* One message that may carry data. */
struct carried {
	uint32_t endpoint;
	uint8_t kind; /* enum carrier_kind */
	uint8_t type; /* enum carrier_type */
	bool rare, named;
	uint64_t hash;   /* of what distinguishes it; 0: nothing does */
	double distinct; /* bytes of that; counted once for equal hashes */
	double exact;    /* bytes that are counted whatever they are */
	int64_t at_ns, over_ns;
	enum outcome outcome; /* OK: it got through */
	uint32_t target, name;
	uint16_t client_port;
};
/* The host's memory of carriers, with this message. False: no memory. */
bool host_carry(struct host *h, const struct carried *m);
/* What the labels of a name below its domain hold: at least half a byte a letter. 0: too short to
 * carry anything, or made for services (_dmarc, reversed addresses). */
double carried_by_name(const char *name, const char *domain);
/* An event that tells of echo or time that was answered, once of each; and what it carried. */
bool conn_carries(const struct conn *c);
bool host_carry_conn(struct host *h, const struct conn *c, const struct channel_key *key,
	uint32_t name, uint32_t target);
/* A question with a name long enough and an end that is known, and what its name carried. */
bool lookup_may_carry(const struct lookup *l);
struct name_facts;
bool host_carry_lookup(struct host *h, const struct lookup *l, const struct name_facts *facts,
	uint32_t resolver, double bytes);
bool host_add_upload(struct host *h, const struct upload *u);
/* When it is one. */
void host_keep_upload(struct host *h, const struct conn *c, const struct channel_key *key);

/* hosts.c */
const struct hosts_options *hosts_told(const struct hosts *hs);
const struct naming *hosts_naming(const struct hosts *hs);
const struct outages *hosts_outages(const struct hosts *hs);
const struct uids *hosts_uids(const struct hosts *hs);
