/* Judge: hits of the limbs become findings: one story, one number, the benign mechanisms
 * considered. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "baseline/baseline.h"
#include "detect/detect.h"
#include "event/event.h"
#include "host/host.h"
#include "intel/intel.h"
#include "judge/lessons.h"
#include "judge/ruling.h"
#include "judge/safelist.h"
#include "policy/policy.h"

/* The kinds of the contract (contract: finding.schema.json). */
enum finding_kind {
	KIND_LADDER,
	KIND_HANDOVER,
	KIND_ROTATION,
	KIND_DGA,
	KIND_DEADDROP,
	KIND_TUNNEL,
	KIND_SPLIT,
	KIND_COUNT
};
enum channel_role { ROLE_PRIMARY, ROLE_TRIED, ROLE_FALLBACK, ROLE_CARRIER };

const char *finding_kind_name(enum finding_kind kind);     /* "ladder", … */
const char *finding_kind_sentence(enum finding_kind kind); /* "fallback: next of a list", … */
const char *channel_role_name(enum channel_role role);

#define FINDING_NAMES_MAX    8
#define FINDING_ADDRS_MAX    8
#define FINDING_CHANNELS_MAX 24
#define FINDING_SWITCHES_MAX 64
#define FINDING_EVIDENCE_MAX 16
#define FINDING_TICKS_MAX    512
#define FINDING_RECORDS_MAX  64

struct finding_channel {
	uint32_t key; /* the judge's own */
	enum channel_role role;
	enum transport transport;
	enum outcome failure; /* the commonest failure; OUTCOME_OK when none failed */
	uint16_t port;        /* 0 unknown: contract null */
	const char *endpoint; /* registered domain, or the address as text */
	const char *names[FINDING_NAMES_MAX];
	size_t name_count;
	struct addr addrs[FINDING_ADDRS_MAX];
	size_t addr_count;
	const char *service; /* NULL unknown */
	uint64_t connections, failures;
	int64_t first_ns, last_ns;
	uint64_t bytes_out, bytes_in;
	const char *ja3, *ja4, *user_agent; /* NULL unknown */
	const char *process;                /* NULL unknown */
};

struct finding_switch {
	size_t from, to;  /* indexes into channel[] */
	int64_t at_ns;    /* start of the attempt that replaced the failed one */
	int64_t after_ns; /* since the last failed try */
	enum outcome failure;
};

/* For timelines: one attempt of one channel. */
struct finding_tick {
	size_t channel;
	int64_t at_ns;
	enum outcome outcome;
};

struct finding_evidence {
	const char *kind; /* "timing", "repeat", "contrast", "likeness", "prevalence", … */
	double bits;      /* log2 likelihood ratio; negative speaks for benign */
	const char *text; /* one sentence a person can check; safe to print */
	char *owned;      /* by the judge */
};

/* bits of all evidence add up to -log2(e_value). Strings and arrays are owned by the judge that
 * made it. Names are NOT safe to print (out_safe); evidence is. */
struct finding {
	char id[33]; /* hex, stable: the same input gives the same id */
	enum finding_kind kind;
	struct addr host;
	const char *process; /* NULL unknown */
	int64_t first_ns, last_ns;
	uint32_t episodes; /* times that the switch happened */
	double e_value;    /* 1e-6 or more: no model is trusted beyond that */
	/* Decoys reach e_value at most CALIBRATION_WITHIN times as often as it says, on this
	 * traffic, with 97.5 % confidence; else it is a model's. Of coincidence in time only. */
	bool measured;
	const char *explained;       /* NULL, or the benign mechanism: "happy-eyeballs", … */
	const char *explained_text;  /* a sentence for it, or NULL */
	const struct ruling *ruling; /* accepted or rejected by a person; NULL: nobody ruled */
	struct finding_channel channel[FINDING_CHANNELS_MAX];
	size_t channels;
	struct finding_switch sw[FINDING_SWITCHES_MAX];
	size_t switches;
	struct finding_evidence evidence[FINDING_EVIDENCE_MAX];
	size_t evidences;
	struct finding_tick tick[FINDING_TICKS_MAX]; /* in time order */
	size_t ticks;
	const char *record[FINDING_RECORDS_MAX]; /* community ids */
	size_t records;
	const char *uid[FINDING_RECORDS_MAX];
	size_t uids;
};

/* How often decoys (failures that were none) gave what E says is rare, on the traffic that was
 * read.
 */
#define CALIBRATION_LINES      3   /* E <= 1, 0.1, 0.01 */
#define CALIBRATION_AT_DEFAULT 1   /* of these, the line of --max-e 0.1 */
#define CALIBRATION_WITHIN     2.0 /* E is taken as right when decoys are within this of it */
struct calibration_line {
	double stated;     /* E: findings per host-day that it promises at most */
	uint64_t findings; /* of decoys, as strong as that or stronger */
	double observed;   /* per host-day */
	double low, high;  /* 95 % interval of observed (Poisson, exact) */
};
struct calibration {
	/* One host, one day or the part of it that was seen, one drawing of decoys: 1. */
	double decoy_host_days;
	struct calibration_line line[CALIBRATION_LINES];
};

/* What could not be judged and why: "10.0.0.5: one direction only", … */
struct off {
	const char *text; /* safe to print */
	char *owned;      /* by the run */
};

/* What was read, for the first line and the summary. */
struct summary {
	size_t inputs;     /* files read */
	uint64_t records;  /* packets and log rows taken */
	uint64_t rejected; /* packets and rows left out */
	uint64_t hosts;    /* local hosts with any attempt */
	double host_days;  /* time in which they were active, gaps over 15 min counted as 15 min */
	uint64_t connections;
	uint64_t findings; /* reported: E within the threshold and not explained */
	uint64_t explained;
	double seconds; /* CPU and wall alike are not for tests: the only field that differs between
	                   runs */
	int64_t first_ns, last_ns;
	struct calibration calibration;
	const struct safelist *safelist; /* NULL: none was given */
	const struct intel_seen *bad;    /* what lists know to be bad; NULL: none were given */

	bool partial; /* part of the input was cut or rejected, or the hunt was interrupted */
	const struct off *off;
	size_t offs;
};

struct judge;

/* Whom people have decided about, in the policy or in the baseline that they reviewed. */
struct expected { /* each may be NULL: there is none */
	const struct policy *policy;
	const struct baseline *baseline;
};

/* Whether one of them names whom the host speaks to. */
bool expected_has(const struct expected *e, const struct host_contact *contact);

struct judge_options {
	struct hosts *hosts;         /* borrowed, outlives the judge */
	size_t findings_max;         /* 0: FINDINGS_MAX */
	struct safelist *safelist;   /* borrowed, outlives the judge; its counts grow; NULL none */
	const struct ruling *ruling; /* of earlier hunts, the oldest first; borrowed as well */
	size_t rulings;
	const struct lessons *lessons;   /* borrowed, outlives the judge; NULL none */
	const struct baseline *baseline; /* borrowed, outlives the judge; NULL none */
	const struct policy *policy;     /* as well */
	struct intel_seen *bad;          /* as well; told which findings are part of it */
	const struct scanned *scanned;   /* as well: what hosts received before */
};

/* Fails: -ENOMEM. */
MUST_USE int judge_new(struct judge **ret, const struct judge_options *options);
void judge_free(struct judge *j);

/* Looks at what a host did: when it is ripe (before host_retire()), and once at the end. What
 * several looks see of one story becomes one finding. */
void judge_look(struct judge *j, struct host *h);

/* No look may follow. Decides what is explained, given the line that findings have to pass, and
 * sorts: by E, then id. */
void judge_finish(struct judge *j, double max_e);
size_t judge_count(const struct judge *j);
const struct finding *judge_get(const struct judge *j, size_t index);
/* After judge_finish(). */
void judge_calibration(const struct judge *j, struct calibration *ret);
/* Findings that found no room, and views that did not fit: all weaker ones. */
uint64_t judge_refused(const struct judge *j);
