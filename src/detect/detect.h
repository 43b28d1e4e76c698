/* Detect: what a host does, looked at by limbs. Each limb is a file and a row in detectors.def and
 * knows one way of falling back; it returns hits with the number of such hits that chance alone
 * would give, per host and day. The theory is in docs/DETECTION.md. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "host/host.h"

#define HIT_STEPS_MAX  64
#define HIT_PLACES_MAX 16

/* Why a switch is no fallback of malware, told by its mechanism. */
enum mechanism {
	MECHANISM_NONE,
	MECHANISM_SAME_NAME,      /* another address, port or transport of the same name */
	MECHANISM_HAPPY_EYEBALLS, /* IPv6 to IPv4 of one name at once (RFC 8305) */
	MECHANISM_QUIC_TO_TCP,
	MECHANISM_SAME_OPERATOR,
	MECHANISM_SAME_NETWORK,
	MECHANISM_SEARCH_SUFFIX,
	MECHANISM_RESOLVER_RETRY,
	MECHANISM_PROBE,   /* connectivity checks and address echo services at either end */
	MECHANISM_POPULAR, /* an operator everybody uses, or an endpoint that many hosts of the site
	                      use */
	MECHANISM_PARALLEL, /* opened beside the failing one, not after it */
	MECHANISM_PEER_TO_PEER,
	MECHANISM_SCAN,
	MECHANISM_COMPANION,   /* follows the other's successes as much as its failures */
	MECHANISM_COMMON_TICK, /* both run on one clock */
	MECHANISM_MIRROR,
	MECHANISM_GATEWAY, /* stands before everything: different endpoints follow its failures */
	MECHANISM_NTP_POOL,
	MECHANISM_MX_WALK,
	MECHANISM_VPN_REMOTES,
	MECHANISM_MEDIA_PORTS,
	MECHANISM_RESOLVER_POOL,
	MECHANISM_OUTAGE,
	MECHANISM_COMMON_PAIR, /* many hosts of the site know both ends */
	MECHANISM_MOVED,       /* the host itself left: what it used before goes on nowhere */
	MECHANISM_MONITOR,     /* a monitoring tool asks each of its targets in turn */
	MECHANISM_COUNT
};
const char *mechanism_name(enum mechanism m);     /* "same-name", …; "none" */
const char *mechanism_sentence(enum mechanism m); /* one plain sentence */

/* A failure and the host's next first contact. */
struct step {
	int64_t fail_ns, at_ns; /* the last failure; the successor's start */
	double delay_s;
	double rate;   /* first contacts per second that this host makes around that time, the most
	                  that can be defended */
	double chance; /* of a successor this close, by accident; floored */
	double gap_s, off_s;   /* of moves: see contacts */
	uint32_t from, to;     /* channels */
	uint32_t from_attempt; /* the last failed one before the successor */
	uint32_t to_attempt;
	uint32_t tries;     /* failed attempts since the endpoint last answered */
	enum mechanism why; /* NONE: counts as evidence */
	/* Moves from one channel in steady use to another: how often the left one was contacted
	 * and every how many seconds (gap_s); how far from its next turn the other began (off_s).
	 */
	uint32_t contacts;
	bool door;   /* the successor is another port or transport of the endpoint that failed */
	bool at_end; /* rather: delay_s after it had been left */
};

/* All switches of the host: computed once per view, used by several limbs. */
struct steps {
	struct step *step; /* by at_ns */
	uint32_t count;
};

struct runs;
struct moves;

struct look {
	const struct view *view;
	const struct steps *steps;
	const struct runs *runs; /* both by moves_prepare() */
	const struct moves *moves;
	struct arena *arena;
	double steps_today; /* of this host, this look included: how many chances chance had */
};

/* Bits by which the two ends of a switch look like one program's. */
#define LIKENESS_MAX 4.0
struct likeness {
	double request, mark, ja3, failure; /* bits; they add up to total */
	double total;                       /* within +-LIKENESS_MAX */
	uint32_t requests_near, requests_known;
	uint32_t marks_same, marks_known; /* requests that asked for the same */
};

enum hit_kind {
	HIT_CHAIN,
	HIT_METRONOME,
	HIT_PAIR,
	HIT_PAIR_METRONOME,
	HIT_NAMES,
	HIT_SAME_NAME,
	HIT_POOL,
	HIT_TUNNEL,
	HIT_DEADDROP,
	HIT_SPLIT,
	HIT_ROUTE,
	HIT_HANDOVER,
	HIT_MOVES,
	HIT_TURNS,
};

/* -log2(e) = timing_bits - trials_bits + likeness.total */
struct hit {
	const struct detector *by;
	enum hit_kind kind;
	enum mechanism why; /* NONE: nothing benign explains it */
	double e;           /* such hits that chance alone gives, per host and day */
	double timing_bits; /* -log2 of the chance of this timing by accident */
	double trials_bits; /* log2 of the number of places where chance could have struck */
	struct likeness likeness;
	struct step step[HIT_STEPS_MAX];
	uint32_t steps;
	/* Pairs: a failed `failures` times (bursts); b followed within window_s `followed` times,
	 * where chance would have it `expected` times; b followed a's `successes` `after_success`
	 * times. */
	uint32_t failures, followed, successes, after_success;
	double window_s, expected;
	double rhythm_bits,
		contrast_bits; /* of timing_bits: taken off for a common clock, a companion */
	/* Metronomes: the common delay or spacing. */
	double tick_s, tick_error_s;
	bool spacing;
	/* Hand-overs: both ends are clocks of one pace; what the second did; how long the first has
	 * been silent, and its longest pause before. */
	bool twin;
	double pace_share; /* as in struct move */
	uint32_t contacts_after;
	double gap_after_s, silence_s, longest_s;
	/* Turns in any order: of `pauses` between contacts of `endpoints`, `regular` are near
	 * tick_s. */
	bool shuffled;
	uint32_t endpoints, pauses, regular;
	/* Names: of `names` newly asked domains within span_s, from span_ns on, `dead` do not
	 * exist. */
	uint32_t names, dead;
	double span_s;
	int64_t span_ns;
	/* Tunnels: the carrier's channel and what it was told; 0 bytes: DNS over HTTPS, unseen. Of
	 * timing_bits what_bits are for what was carried, the rest for when it began. */
	uint32_t channel, messages;
	double bytes, what_bits;
	uint8_t carrier, types; /* enum carrier_kind, enum carrier_type */
	/* Splits: `places` endpoints got `messages` pieces of low_bytes to high_bytes, `bytes` in
	 * all; what_bits are for the sizes, the rest for the order. */
	uint32_t place[HIT_PLACES_MAX], places;
	double low_bytes, high_bytes;
};

struct hits {
	struct hit *hit;
	uint32_t count, max;
	uint64_t refused; /* no room: weaker than those kept */
};

struct detector {
	const char *name;        /* as in --procedures */
	const char *attack;      /* technique ids beside T1008, or NULL */
	const char *explanation; /* one sentence */
	void (*run)(const struct look *look, struct hits *hits);
	/* What it tells are coincidences of failures with what came next: decoys can show how many
	 * there are without a reason. Needs no moves. */
	bool coincidences;
};

#define DETECTOR(name) extern const struct detector detector_##name;
#include "detect/detectors.def"
#undef DETECTOR

/* Switches of the host. Returns false when the arena is full. */
MUST_USE bool steps_find(const struct view *v, struct arena *arena, struct steps *ret);

/* Channels in steady use and what took over from them, in the look's arena, for several limbs.
 * Returns false when the arena is full. */
MUST_USE bool moves_prepare(struct look *look);

size_t detectors_count(void);
const struct detector *detectors_get(size_t index);
