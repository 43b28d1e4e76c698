/* Intel: what others know to be bad (addresses, networks, names, URLs, fingerprints, hashes, user
 * agents), read from lists of many forms into one set that never changes, and looked up by what
 * hosts do. A set of another day is built beside the old one and takes its place as a pointer.
 *
 * A list says that an endpoint is bad, not that a switch to it is one: nothing here is evidence of
 * coincidence, and no E is made of it (docs/INTEL.md). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/check.h"
#include "base/cur.h"
#include "base/fail.h"
#include "base/out.h"
#include "event/event.h"

/* 16 M indicators take 0.6 to 2 GB. */
#define INTEL_ITEMS_MAX ((size_t)1 << 24)
/* Of one file. */
#define INTEL_BYTES_MAX ((size_t)2 << 30)
#define INTEL_FILES_MAX 4096u
/* Lists that may hold the same thing; it is refused from then on, and counted. */
#define INTEL_SAME_MAX 16u

enum intel_kind {
	INTEL_ADDRESS,
	INTEL_NETWORK,
	INTEL_NAME,
	INTEL_URL,
	INTEL_JA3,
	INTEL_JA4,
	INTEL_AGENT, /* a whole user agent */
	INTEL_CERT_MD5,
	INTEL_CERT_SHA1,
	INTEL_CERT_SHA256,
	INTEL_FILE_MD5,
	INTEL_FILE_SHA1,
	INTEL_FILE_SHA256,
	INTEL_KINDS
};
const char *intel_kind_name(enum intel_kind kind); /* "address", "file-sha256", … */

enum intel_tlp { TLP_NONE, TLP_CLEAR, TLP_GREEN, TLP_AMBER, TLP_AMBER_STRICT, TLP_RED };
const char *intel_tlp_name(enum intel_tlp tlp); /* "clear", …, NULL for none */

/* ---- from files to a set ---- */

#define INTEL_REASON_BYTES 120u
#define INTEL_REASONS_MAX  64u
#define INTEL_LINES_MAX    5u

/* Why something was left out, how often, and where first. */
struct intel_skipped {
	char reason[INTEL_REASON_BYTES]; /* safe to print */
	uint64_t count;
	uint32_t line[INTEL_LINES_MAX]; /* from 1; of the first ones */
};

struct intel_file {
	const char *name;            /* as given; NOT safe to print */
	const char *format;          /* "stix", "misp", "csv", "hosts", "iprep", "zeek", "list" */
	uint64_t taken[INTEL_KINDS]; /* into the set */
	uint64_t repeated;           /* known already, of this file */
	uint64_t skipped;            /* all of them */
	uint64_t expiring;           /* of those taken: with a date of expiry */
	int64_t first_until_s, last_until_s;            /* of those; 0 none */
	struct intel_skipped reason[INTEL_REASONS_MAX]; /* the commonest reasons are not first */
	size_t reasons;
};

struct intel_builder;
struct intel;

/* Fails: -ENOMEM. */
MUST_USE int intel_builder_new(struct intel_builder **ret);
void intel_builder_free(struct intel_builder *b); /* NULL is fine */

/* Reads one file's text, which need not outlive the call; name is copied. What is no indicator of a
 * kind above is counted and named, never guessed. Fails: -EPROTO (of no known form), -E2BIG,
 * -ENOMEM. */
MUST_USE int intel_read(
	struct intel_builder *b, const char *name, struct cur text, struct fail *why);
size_t intel_builder_files(const struct intel_builder *b);
const struct intel_file *intel_builder_file(const struct intel_builder *b, size_t index);

/* Takes the builder, also when it fails: -ENOMEM. */
MUST_USE int intel_seal(struct intel **ret, struct intel_builder *b);
void intel_free(struct intel *set); /* NULL is fine */

size_t intel_count(const struct intel *set);
uint64_t intel_count_of(const struct intel *set, enum intel_kind kind);
size_t intel_files(const struct intel *set);
const struct intel_file *intel_file(const struct intel *set, size_t index);
/* Memory held, for those who measure. */
size_t intel_bytes(const struct intel *set);

/* ---- one indicator ---- */

struct intel_item {
	enum intel_kind kind;
	bool self, below; /* a name: itself, names below it */
	uint16_t port;    /* only with this one of the server's; 0 any */
	bool part;        /* only together with others, on the same connection */
	int confidence;   /* 0-100, -1: the list does not say */
	enum intel_tlp tlp;
	int64_t until_ns; /* of no meaning from then on; 0 never */
	const struct intel_file *file;
	uint32_t line;    /* of the file, from 1 */
	const char *note; /* what the list calls it, NULL nothing; NOT safe to print */
};

/* Numbers are what lookups give; in the order of the files: 0 gives the first, the last gives 0. */
uint32_t intel_next(const struct intel *set, uint32_t number);
struct intel_item intel_item(const struct intel *set, uint32_t number);
/* The thing itself, safe to print: "192.0.2.0/24", "*.example.net". */
void intel_say(struct out *o, const struct intel *set, uint32_t number);
/* With where it comes from, safe as well: "name bad.example of feed.csv, line 12 (confidence 90,
 * TLP:AMBER, Emotet)". */
void intel_say_item(struct out *o, const struct intel *set, uint32_t number);

/* ---- lookups: the numbers of indicators that hold, whatever their dates, ports and company ----
 */

/* At most max, all of them in the order of the files. name: lower case, no final dot; URL: as it is
 * written; hashes: hex. */
size_t intel_find_addr(const struct intel *set, const struct addr *addr, uint32_t *ret, size_t max);
size_t intel_find_text(
	const struct intel *set, enum intel_kind kind, const char *text, uint32_t *ret, size_t max);

/* Where in an event it was seen. */
enum intel_field {
	INTEL_SERVER,  /* the address that was spoken to */
	INTEL_CLIENT,  /* the address that spoke to a host of ours */
	INTEL_QUERY,   /* a name that DNS was asked for */
	INTEL_ALIAS,   /* a name that the answer led through */
	INTEL_ANSWER,  /* an address in an answer */
	INTEL_SNI,     /* the name that the connection was for: of TLS, HTTP or a proxy */
	INTEL_SUBJECT, /* a name in the server's certificate */
	INTEL_REQUEST, /* what HTTP asked for */
	INTEL_CLIENT_HELLO,
	INTEL_USER_AGENT,
	INTEL_FIELDS
};
const char *intel_field_name(enum intel_field field); /* "server", "query", … */

#define INTEL_MATCHES_MAX 64u

struct intel_match {
	uint32_t item;
	enum intel_field field;
	const char *name; /* what matched, where it is a name; borrowed from the event */
};

/* What of the event is known to be bad at the event's own time: ports and company are asked for.
 * ret holds INTEL_MATCHES_MAX. */
size_t intel_match(const struct intel *set, const struct event *event, struct intel_match *ret);

/* ---- what was seen ---- */

/* One indicator at one host. */
struct intel_sight {
	uint32_t item;
	struct addr host; /* of ours */
	struct addr peer; /* the first one; none: it was only asked for */
	uint16_t port;    /* of its server; 0 unknown */
	enum transport transport;
	uint16_t fields;  /* bits of intel_field */
	const char *name; /* what matched first, where it is a name, or NULL; NOT safe to print */
	const char *process; /* the first that a source names, or NULL; NOT safe to print */
	int64_t first_ns, last_ns;
	uint64_t count;    /* connections and look-ups */
	uint64_t failures; /* of those: failed, or were stopped */
	char finding[33];  /* id of the strongest one that it is part of; "" none */
	double e_value;    /* of that */
};

#define INTEL_SIGHTS_MAX ((size_t)65536)

struct intel_seen;

/* set is borrowed and outlives it. Fails: -ENOMEM. */
MUST_USE int intel_seen_new(struct intel_seen **ret, const struct intel *set);
void intel_seen_free(struct intel_seen *s); /* NULL is fine */
/* Counts what matches; returns how many are new, the last of intel_seen_get(). */
size_t intel_seen_add(struct intel_seen *s, const struct event *event);
/* One more sight of the item: for what is no event any more. */
void intel_seen_note(struct intel_seen *s, const struct intel_sight *sight);
/* The sight of this item at this host, NULL: there is none. */
struct intel_sight *intel_seen_find(struct intel_seen *s, uint32_t item, const struct addr *host);
const struct intel *intel_seen_set(const struct intel_seen *s);
/* By the time of the first one. Before more is added: in the order of their coming. */
void intel_seen_sort(struct intel_seen *s);
size_t intel_seen_count(const struct intel_seen *s);
const struct intel_sight *intel_seen_get(const struct intel_seen *s, size_t index);
/* Sights that found no room. */
uint64_t intel_seen_refused(const struct intel_seen *s);
