/* Host: events become what one host does: its channels, its attempts with their failures, its first
 * contacts and its own pace. Bounded per host; what is forgotten may only weaken evidence. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/check.h"
#include "base/strings.h"
#include "event/event.h"

/* What a host keeps: 400 * 40 + 150 * 96 + 160 * 16 + 1536 + 8 * 64 + 32 * 16 bytes and a header:
 * 35 KB (DESIGN: speed and size). */
#define HOST_ATTEMPTS_MAX 400
#define HOST_CHANNELS_MAX 150
#define HOST_NAMES_MAX    160
#define HOST_SEEN_BYTES   1536
#define HOST_CARRIERS_MAX 8
#define HOST_UPLOADS_MAX  32

/* host.channel[0]: everything that was forgotten. */
#define CHANNEL_FORGOTTEN 0u

/* Attempts on one channel with less than this between them are one burst. */
#define BURST_GAP_NS (INT64_C(30) * 1000000000)

enum attempt_flag {
	ATTEMPT_FIRST = 1,  /* the host's first contact with the endpoint, as far as it remembers */
	ATTEMPT_LOOKUP = 2, /* a DNS answer, not a conversation */
	ATTEMPT_VOID =
		4, /* failed, but another try of the same thing answered at once: no failure */
	ATTEMPT_JOINED = 8, /* begun before the source saw it */
	ATTEMPT_RARE = 32,  /* with FIRST: the endpoint is neither a large operator's nor special */
	ATTEMPT_POOL = 64,  /* of a service that is asked of any server of a list (time, VPN,
	                     * media): its silence is no failure, and only changes are kept */
	ATTEMPT_CUT = 16,   /* failed after it had been open: start is when it fell silent */
};

/* One try of one channel: retries of the same try are one attempt. Successes in the same burst are
 * one attempt too. */
struct attempt {
	int64_t start_ns; /* the look-up that led to it, or its first packet */
	int64_t over_ns;  /* when the client last learnt of the failure; of a success its end, 0
	                     unknown */
	union {
		uint32_t leave_us;  /* silent: the client's own timer ends this long after start_ns;
		                       0 unknown */
		uint32_t lasted_ms; /* success: the last that was joined to it began this long after
		                       start_ns, saturating; 0 none was */
	};
	uint32_t target; /* strings number: the server's 16 bytes; of a look-up, the full name */
	uint16_t request_size; /* first request, as size_code(); 0 unknown */
	uint16_t request_mark; /* as in conn */
	uint16_t client_port;
	uint16_t channel; /* index into host.channel */
	uint8_t outcome;  /* enum outcome */
	uint8_t flags;    /* enum attempt_flag */
	uint16_t tries;   /* packets that asked, all in all */
	uint32_t uid;     /* of its record: for view_uid() */
};

/* A number of bytes in 16 bits, exact to 0.05 %: five of an exponent, eleven of a mantissa. */
uint16_t size_code(uint32_t bytes);
double size_bytes(uint16_t code);

/* (endpoint, port, transport, process) as one host uses it. Numbers are of the run's strings; 0
 * unknown. */
struct channel {
	uint32_t endpoint; /* registered domain as text, or 16 address bytes when not named */
	uint32_t name;     /* full name last used */
	uint32_t addr[4];  /* distinct server addresses, the first four */
	uint32_t service, ja3, ja4, user_agent;
	uint32_t connections, failures;
	uint32_t openings; /* attempts more than two seconds after the one before */
	uint32_t process;
	uint64_t bytes_out, bytes_in;
	int64_t first_ns, last_ns; /* starts of attempts */
	/* Running mean of the gaps between openings and of their distance from it, in tenths of a
	 * second, saturating: attempts in quick succession are not kept. */
	uint16_t gap_ds, jitter_ds;
	uint16_t port;
	uint8_t failure : 4; /* the last failure's outcome */
	uint8_t last_outcome : 4;
	uint8_t transport : 2; /* enum transport; OTHER: the name alone (a lookup) */
	bool named : 1, used : 1, rare : 1;
	bool proxied : 1; /* asked for through a proxy, which the addresses are of */
};

/* A registered domain that the host had never asked for before, and what it was told of it since.
 */
struct new_name {
	int64_t asked_ns;
	uint32_t domain;
	bool answered; /* with an address, ever */
	bool dead;     /* NXDOMAIN; neither: no resolver answered, or none would */
};

/* Protocols that were made for something else and can carry data. */
enum carrier_kind { CARRIER_DNS, CARRIER_ECHO, CARRIER_NTP };
/* What was asked for: records that nobody needs for a connection hold answers. */
enum carrier_type {
	CARRIER_TXT = 1,
	CARRIER_NULL = 2, /* and private types: no service of any kind answers with them */
	CARRIER_CNAME = 4,
	CARRIER_MX = 8,
	CARRIER_OTHER = 16, /* SRV, KEY … */
	CARRIER_ADDRESS = 32,
};
#define CARRIER_REGISTERS 24

/* How much was told to one name server's domain, or one server of echo or time, in what
 * distinguishes the messages: bytes of distinct names or payloads, not their number. Constant
 * memory: a weighted distinct counter (Cohen 1997; ibHH, arXiv 2307.02614). */
struct carrier {
	int64_t first_ns, last_ns;
	uint32_t endpoint; /* as channel.endpoint; 0 free */
	uint32_t messages;
	float distinct; /* bytes, estimated (21 % standard error) */
	float exact;    /* bytes, counted */
	uint8_t kind;   /* enum carrier_kind */
	uint8_t types;  /* enum carrier_type */
	bool proven;    /* told enough to be a channel of its own: port 53, 123 or none */
	uint8_t least[CARRIER_REGISTERS];
};

/* One conversation that mostly sent, and much. */
struct upload {
	int64_t at_ns;
	uint32_t endpoint; /* as channel.endpoint */
	uint32_t bytes;
};

struct host {
	struct addr addr;
	uint32_t index;          /* the run's number of this host, from 0 in order of appearance */
	struct attempt *attempt; /* by start_ns */
	uint32_t attempts, attempt_room;
	struct channel *channel; /* 0 stands for everything that was forgotten */
	uint32_t channels, channel_room;
	struct new_name *new_name; /* by asked_ns; the last HOST_NAMES_MAX */
	uint32_t new_names, name_room;
	uint8_t *seen;           /* Bloom filter of forgotten endpoints */
	struct carrier *carrier; /* HOST_CARRIERS_MAX, NULL none */
	struct upload *upload;   /* the last HOST_UPLOADS_MAX, by at_ns; NULL none */
	uint32_t uploads;

	int64_t first_ns, last_ns;
	int64_t forgotten_ns; /* attempts up to here were retired */
	int64_t active_ns;    /* time with something going on: gaps over 15 min count as 15 min */
	uint64_t arrivals;    /* first contacts with rare endpoints, all in all */
	uint64_t connections;
	uint64_t answered; /* conversations and lookups with anything from the other side */
	uint64_t one_way;  /* conversations of which only this host's packets were seen */
	uint64_t lookups;
	uint64_t late;     /* attempts that came after their time had been forgotten */
	uint32_t database; /* domain of the virus database whose version it asks DNS for; 0 none */
	bool asks_mx;      /* for mail exchangers: it delivers mail */
	bool ripe;         /* must be looked at before more is added */
	bool changed;      /* attempts came since whoever cares looked */
};

/* Whom a host speaks to, or asks DNS for. */
struct host_contact {
	struct addr host;
	uint32_t host_index; /* host.index */
	uint32_t endpoint;   /* as channel.endpoint */
	const char *domain;  /* the endpoint as text; NULL: an address without a name */
	struct addr server;  /* none: a look-up, or only a proxy knows it */
	enum transport transport;
	uint16_t port;
	bool lookup;      /* transport and port are not known yet */
	uint32_t service; /* as channel.service; told() only */
};

/* For a memory that is longer than a run. */
struct host_hooks {
	/* Whether the contact, the host's first in this run, is known from before: then it is no
	 * first contact, neither as what a switch leads to nor in the host's pace of them. NULL:
	 * nothing is known. */
	bool (*known)(void *context, const struct host_contact *contact);
	/* Each conversation of a host with the outside, whatever its service, as often as it is
	 * told; not with groups. NULL: nobody asks. */
	void (*told)(void *context, const struct host_contact *contact, const struct conn *conn);
	void *context;
};

struct hosts_options {
	struct host_hooks hooks;
	const struct cidr *local;
	size_t locals;              /* 0: addr_is_private() */
	struct strings *strings;    /* borrowed, outlives the hosts */
	int64_t since_ns, until_ns; /* only attempts that begin within; 0 no limit */
};

struct hosts_stats {
	uint64_t connections; /* ended, of any host */
	uint64_t lookups;
	uint64_t inbound,
		internal; /* conversations that are not from a local host to the outside */
	uint64_t refused; /* events of hosts that found no room */
};

struct hosts;

/* Fails: -ENOMEM. */
MUST_USE int hosts_new(struct hosts **ret, const struct hosts_options *options);
void hosts_free(struct hosts *hs);

/* Takes in one event. When it returns a host, that host is full: look at it, then host_retire() it.
 */
struct host *hosts_add(struct hosts *hs, const struct event *event);
/* Makes room: forgets a quarter of the attempts, or of the channels, whichever is full. */
void host_retire(struct host *h);

/* Whether the channel was forgotten before and made again: then what is its first use is not known.
 */
bool host_forgot_channel(const struct host *h, const struct channel *c);

size_t hosts_count(const struct hosts *hs);
struct host *hosts_get(struct hosts *hs, size_t index);
const struct hosts_stats *hosts_stats(const struct hosts *hs);
/* The registered domain that the address was called by, by anybody at any time, as a string of the
 * run; 0: by none, or by too many. */
uint32_t hosts_name_of(const struct hosts *hs, const struct addr *addr);
struct strings *hosts_strings(const struct hosts *hs);

/* ---- domains.tsv: who runs a domain, and what is special about it ---- */

enum domain_class {
	DOMAIN_ORDINARY,
	DOMAIN_OPERATOR, /* a large operator: everybody talks to it */
	DOMAIN_TENANT,   /* names below it belong to anybody */
	DOMAIN_ECHO,     /* tells a client its own address */
	DOMAIN_DNSBL,
	DOMAIN_PROBE,    /* connectivity checks of operating systems and browsers */
	DOMAIN_MIRROR,   /* of a published list of mirrors: one is as good as the other */
	DOMAIN_RESOLVER, /* a published resolver for DNS over HTTPS or TLS */
	DOMAIN_DEADDROP, /* anybody can leave a text there for anybody: pastes, code, posts,
	                    messages */
};
/* Whom not everybody talks to: what is met there first is worth looking at. */
static inline bool domain_is_rare(enum domain_class class)
{
	return class == DOMAIN_ORDINARY || class == DOMAIN_TENANT || class == DOMAIN_MIRROR ||
	       class == DOMAIN_RESOLVER;
}

/* Bytes told so far. */
static inline double carrier_bytes(const struct carrier *c)
{
	return (double)c->distinct + (double)c->exact;
}

/* Class of a lower-case name; *ret_operator (may be NULL) gets the operator's name, NULL when there
 * is none. */
enum domain_class domain_class(const char *name, const char **ret_operator);
/* Where names below a domain belong to anybody (dynamic DNS, hosting): the tenant's own, one label
 * more than that domain, a borrowed part of the name; NULL elsewhere. It is what a registered
 * domain is to others. */
const char *tenant_domain(const char *name);

/* A question that leads to no conversation of the internet, whatever comes back. */
bool ignored_lookup(const char *name, uint16_t qtype);
/* CARRIER_CNAME … CARRIER_ADDRESS: what a question's answer can hold. */
uint8_t carrier_type_of(uint16_t qtype);

/* Services that are asked of any server of a list, by their port. */
enum pool_service { POOL_NONE, POOL_TIME, POOL_VPN, POOL_MEDIA };
enum pool_service pool_service(enum transport transport, uint16_t port);

/* ---- the host as the limbs see it: names learnt later are applied, endpoints are grouped ---- */

struct view_channel {
	const struct channel *channel;
	const char *operator;    /* of its domain, or NULL */
	enum domain_class class; /* of its name; ORDINARY for an address */
	uint32_t endpoint;       /* as channel.endpoint, after any-time naming */
	uint32_t group;          /* index of the first channel of the same endpoint */
	uint32_t hosts;          /* that use the endpoint, saturating at 8 */
	bool named;
	bool rare;  /* neither an operator's nor special, and few of the site's hosts use it */
	bool known; /* from before the run, by the name that its address turned out to have */
};

/* Attempts of one channel close together: it failed when something failed and nothing was answered.
 */
struct burst {
	uint32_t channel;
	uint32_t first, last; /* attempts */
	uint32_t failures;
	int64_t start_ns;
	int64_t first_fail_ns, fail_ns; /* first and last failure; 0 none */
	bool failed;
};

struct view {
	const struct host *host;
	struct strings *strings;       /* of the run */
	const struct uids *uids;       /* of the run */
	const struct attempt *attempt; /* by start_ns */
	struct view_channel *channel;  /* host.channels of them */
	struct burst *burst;           /* by start_ns */
	uint32_t *burst_of;            /* index of each attempt's burst */
	int64_t *worked_ns; /* of each group: start of its first answer; INT64_MAX none */
	int64_t *works_ns;  /* and of its last; 0 none */
	uint32_t attempts, channels, bursts;
	/* First contacts with rare endpoints: their attempts, in time order. The host's appetite
	 * for the new: those whose channel was forgotten still count. */
	uint32_t *arrival;
	uint32_t arrivals;
	double active_s;               /* the host's active time so far, at least 60 s */
	double arrivals_ever;          /* first contacts so far, forgotten ones included */
	size_t hosts;                  /* local hosts in the run */
	const struct outages *outages; /* of the site */
	bool one_way;                  /* nothing ever came back: silence means nothing */
	bool peer_to_peer, scanning;   /* fan-out over bare addresses */
};

/* Built in the arena. Returns false when it does not fit (counted there). */
MUST_USE bool host_view(
	const struct hosts *hs, struct host *h, struct arena *arena, struct view *ret);

/* The same host, had its attempts turned out as in attempt[]: as many, with the same starts and
 * channels. Borrows attempt. Returns false when it does not fit (counted in the arena). */
MUST_USE bool host_view_as(
	const struct view *v, const struct attempt *attempt, struct arena *arena, struct view *ret);

static inline bool attempt_failed(const struct attempt *a)
{
	return outcome_is_failure((enum outcome)a->outcome) &&
	       (a->flags & (ATTEMPT_VOID | ATTEMPT_POOL)) == 0;
}
/* Whether the attempt failed while much failed at once: of the site, or whatever this host knew to
 * work, until it all returned. */
bool view_outage(const struct view *v, uint32_t attempt);
/* The same endpoint, the same operator, or bare addresses of one network: moving between them is no
 * fallback. */
bool view_same_party(const struct view *v, uint32_t channel_a, uint32_t channel_b);
/* The endpoint as text in buf: the registered domain or the address. */
const char *view_endpoint_text(
	const struct view *v, uint32_t channel, char buf[static ADDR_TEXT_BYTES]);
/* The id of the record that told the attempt, or NULL: it had none, or too many came since.
 * Borrowed until more is added. */
const char *view_uid(const struct view *v, const struct attempt *a);
/* The address behind a strings number, or "none". */
struct addr strings_addr(const struct strings *s, uint32_t number);
