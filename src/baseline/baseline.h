/* Baseline: what each zone and host normally reaches, as a text file that people review and keep in
 * git (docs/BASELINE.md). Learned from conversations, merged window by window, compared; never
 * guessed: what is held back is listed with its reason. Times are the data's, in whole days, UTC.
 */
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
#include "host/host.h"

/* A file that is larger belongs to several sites. */
#define BASELINE_BYTES_MAX   ((size_t)64 << 20)
#define BASELINE_ENTRIES_MAX ((size_t)262144)
/* Windows that do not touch: a year of single days with gaps between all of them. */
#define BASELINE_WINDOWS_MAX  512u
#define BASELINE_INPUTS_MAX   16384u
#define BASELINE_ZONES_MAX    64u
#define BASELINE_NETWORKS_MAX 64u
/* The last day that a file can tell: 2261-12-31. */
#define BASELINE_DAY_MAX 106650
/* Findings with a larger E are none: not even leads. */
#define BASELINE_E_MAX 1

#define SHA256_TEXT_BYTES 65 /* 64 hexadecimal digits */

/* The zone of hosts that no zone's networks hold. */
#define BASELINE_ZONE_OTHER "other"

/* Why an entry stands where it does. */
enum baseline_why {
	BASELINE_SEEN,     /* on enough days and hosts */
	BASELINE_ASKED,    /* a person asked for it by name */
	BASELINE_FEW_DAYS, /* held back from here on */
	BASELINE_FEW_HOSTS,
	BASELINE_FINDING, /* a finding touches it */
	BASELINE_FAILED,  /* every attempt failed: it was never reached */
	BASELINE_WHYS
};
static inline bool baseline_is_held(enum baseline_why why)
{
	return why >= BASELINE_FEW_DAYS;
}
/* A few words that follow "held back: ". */
const char *baseline_why_text(enum baseline_why why);

/* One line. Strings belong to the baseline's own. */
struct baseline_entry {
	const char *zone;
	struct addr host;     /* none: hosts of the zone, all of them */
	const char *endpoint; /* registered domain, or the address as text */
	const char *service;  /* "tls", "http+tls"; NULL unknown */
	enum transport transport;
	uint16_t port;               /* ICMP: as event/event.h */
	int32_t first_day, last_day; /* since 1970 */
	uint32_t days;               /* with an answer from there; 1 or more */
	uint32_t hosts;              /* of one host: 1; of a zone: the most in one window */
	uint64_t sent, got;          /* bytes on a day that it is seen: a person's 1, 2 or 5 */
	enum baseline_why why;
	int32_t asked_day;   /* ASKED only */
	const char *note;    /* what stands behind "#" on its line; NULL none. Not safe to print */
	const char *comment; /* lines before it, each with its newline; NULL none. Neither */
};

struct baseline_zone {
	const char *name;
	struct cidr net[BASELINE_NETWORKS_MAX];
	size_t nets;
	bool is_private; /* addr_is_private(), with or without networks */
};

struct baseline_days { /* both included */
	int32_t first, last;
};

struct baseline_input {
	const char *sha256; /* NULL: a pipe, which can't be read twice */
	const char *name;   /* without its folder */
};

struct baseline_rules {
	uint32_t min_days, min_hosts;
	uint32_t shared;    /* from so many hosts on, one line stands for the zone */
	int64_t max_e_nano; /* findings with E up to this hold back, in 1e-9 */
};

struct baseline {
	struct strings *strings;
	struct baseline_entry *entry; /* by zone, host, endpoint, port, transport */
	size_t entries, entry_room;
	struct baseline_zone *zone; /* in the order given: the first that holds a host is its */
	size_t zones;
	struct baseline_days window[BASELINE_WINDOWS_MAX]; /* in order, not touching */
	size_t windows;
	struct baseline_input *input; /* by name, then hash */
	size_t inputs, input_room;
	struct baseline_rules rules;
	uint64_t dropped;    /* contacts that found no room while learning, all in all */
	const char *comment; /* of the header; NULL none */
	const char *tail;    /* comment behind the last entry; NULL none */
};

/* ---- the file ---- */

/* An empty one. Fails: -ENOMEM. */
MUST_USE int baseline_new(struct baseline **ret);
void baseline_free(struct baseline *b);
/* name stands for the file in complaints ("FILE:LINE:COLUMN: ..."). Fails: -EINVAL, -E2BIG,
 * -ENOMEM. */
MUST_USE int baseline_read(
	struct baseline **ret, const char *name, struct cur text, struct fail *why);
void baseline_write(const struct baseline *b, struct out *o);
/* The words of an entry's last column: "seen", "asked:2026-03-08", "held:days". */
void baseline_write_why(struct out *o, const struct baseline_entry *e);
/* 2026-03-08 */
void baseline_write_day(struct out *o, int32_t day);
/* 0, 500, 20K, 1M: the largest unit (of 1000) that tells it exactly. */
void baseline_write_bytes(struct out *o, uint64_t bytes);

/* ---- building one ---- */

/* Copies; -EINVAL: a name that can't be written (letters, digits, "-", "_", ".", 1 to 32) or that
 * is there already; -E2BIG, -ENOMEM. */
MUST_USE int baseline_add_zone(
	struct baseline *b, const struct baseline_zone *zone, struct fail *why);
/* Whether an input of this hash was learned from. */
bool baseline_has_input(const struct baseline *b, const char *sha256);
/* Bytes of the name that a file can't hold become "_". Fails: -E2BIG, -ENOMEM. */
MUST_USE int baseline_add_input(
	struct baseline *b, const struct baseline_input *input, struct fail *why);
/* Copies, in any order: baseline_sort() when all are there. Fails: -E2BIG, -ENOMEM. */
MUST_USE int baseline_add(struct baseline *b, const struct baseline_entry *e);
void baseline_sort(struct baseline *b);
/* Adds a run of days to the windows. Fails: -E2BIG: they would be too many. */
MUST_USE int baseline_cover(struct baseline *b, struct baseline_days days);
bool baseline_covers(const struct baseline *b, int32_t day);

/* ---- asking it ---- */

/* The name of the first zone that holds the host; BASELINE_ZONE_OTHER: none does. */
const char *baseline_zone_of(const struct baseline *b, const struct addr *host);

struct baseline_question {
	struct addr host;
	const char *endpoint;
	enum transport transport;
	uint16_t port;
	bool any_port; /* a look-up: of any transport and port */
};
/* The learned entry (never one that was held back) of the host, else of its zone; NULL none. */
const struct baseline_entry *baseline_find(
	const struct baseline *b, const struct baseline_question *q);

/* ---- learning ---- */

/* Contacts remembered at once, 100 bytes each, twice (of hosts, of zones), and of one host: what
 * floods the table from one host pushes out its own first. */
#define LEARNER_CONTACTS_MAX ((size_t)131072)
#define LEARNER_HOST_MAX     4096u
/* What was held back and is not seen again for so long is forgotten, but for what a finding
 * touched.
 */
#define HELD_DAYS_MAX 90

struct learner;

struct learner_options {
	const struct baseline *book; /* zones, and what is known already; borrowed */
	struct baseline_rules rules;
	size_t contacts_max; /* 0: LEARNER_CONTACTS_MAX */
	size_t host_max;     /* 0: LEARNER_HOST_MAX */
};

/* Fails: -ENOMEM. */
MUST_USE int learner_new(struct learner **ret, const struct learner_options *options);
void learner_free(struct learner *l);
/* A conversation of a local host with the outside: host_hooks.told. */
void learner_told(struct learner *l, const struct host_contact *contact, const struct conn *conn);
/* A finding is about this endpoint, a domain or an address as text: nobody learns it. */
void learner_touch(struct learner *l, const char *endpoint);
/* A person asks for this endpoint. Fails: -ENOMEM. */
MUST_USE int learner_ask(struct learner *l, const char *endpoint);
/* After learner_finish(): whether it was met, in the book or the window. */
bool learner_met(const struct learner *l, const char *endpoint);

struct learner_result {
	struct baseline *book, *held; /* the caller's to free */
	size_t held_by[BASELINE_WHYS];
	uint64_t dropped;   /* contacts of this window that found no room, or no day */
	uint64_t forgotten; /* held back before, and not seen again for HELD_DAYS_MAX */
};
/* The book with what was told since learner_new(), by its rules, and what is held back. held_before
 * (may be NULL): what an earlier window held back, whose days add up. Names that hosts learnt later
 * are applied. Fails: -E2BIG, -ENOMEM. */
MUST_USE int learner_finish(struct learner *l, struct hosts *hosts,
	const struct baseline *held_before, struct learner_result *ret, struct fail *why);

/* ---- comparing ---- */

enum baseline_change { CHANGE_NEW, CHANGE_GROWN, CHANGE_GONE };
/* How new what is new is, strangest first. */
enum baseline_novelty { NOVEL_ENDPOINT, NOVEL_ZONE, NOVEL_PORT, NOVEL_HOST, NOVEL_NONE };

/* A zone's use of one endpoint, port and transport, whoever of it does. */
struct baseline_use {
	const struct baseline_entry *entry; /* its first */
	uint32_t hosts, days;               /* days: of the entry with most */
	uint64_t sent, got;                 /* of all hosts */
};

struct baseline_difference {
	enum baseline_change change;
	enum baseline_novelty novelty;
	struct baseline_use before, after; /* entry NULL: not there */
	/* Which of its numbers grew, as they are told: by at least the factor, or hosts by any. */
	bool hosts_grew, days_grew, sent_grew, got_grew;
};

/* What is in a file, what is not, and what grew by the factor (over 1), rarest first: new before
 * grown before gone; then the stranger, the fewer hosts, the fewer days; then by name. Entries that
 * are held back do not count. *ret is the caller's to free, its pointers are into the two. Fails:
 * -ENOMEM. */
MUST_USE int baseline_diff(const struct baseline *before, const struct baseline *after,
	double factor, struct baseline_difference **ret, size_t *ret_count);
