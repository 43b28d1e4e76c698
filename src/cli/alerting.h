/* Alerting: what a watch or a guard tells, as alerts for its targets (alert/alert.h). */
#pragma once

#include "alert/alert.h"
#include "cli/verb.h"
#include "guard/guard.h"
#include "intel/intel.h"
#include "judge/judge.h"
#include "report/emit.h"

struct alert_options { /* of a verb */
	struct texts target;
	const char *spool, *ca;
	size_t spool_bytes;
};

/* The rows of a verb's options; at: where its settings have a struct alert_options. */
#define ALERT_OPTION(at, field) ((at) + offsetof(struct alert_options, field))
#define ALERT_OPTIONS(at)                                                                          \
	{"alert", 0, OPTION_TEXTS, "TARGET", ALERT_OPTION(at, target),                             \
		.help = "also tell TARGET: syslog:HOST:PORT (UDP), syslog+tcp:HOST:PORT, "         \
			"syslog:, "                                                                \
			"journal:, eve:FILE or webhook:URL; may be given for several"},            \
		{"alert-spool", 0, OPTION_TEXT, "DIR", ALERT_OPTION(at, spool),                    \
			.help = "where alerts wait until a web hook has acknowledged them"},       \
		{"alert-spool-max", 0, OPTION_SIZE, "SIZE", ALERT_OPTION(at, spool_bytes),         \
			.min = (double)(64u << 10), .max = (double)((size_t)1 << 40),              \
			.fallback = "64M",                                                         \
			.help = "of alerts that wait there, for each web hook; more are counted "  \
				"as lost"},                                                        \
	{                                                                                          \
		"alert-ca", 0, OPTION_TEXT, "FILE", ALERT_OPTION(at, ca),                          \
			.help = "certificates (PEM) that a web hook's has to come from, in place " \
				"of the "                                                          \
				"system's"                                                         \
	}

struct alerting;

/* No targets: *ret stays NULL, which all other functions take. Fails: -errno, with words. */
MUST_USE int alerting_open(
	struct alerting **ret, const struct alert_options *options, struct fail *why);
/* Waits a few seconds for what is on its way, and says what was lost. */
void alerting_close(struct alerting *a);

/* A finding in the form, to be kept until it is told; nothing when no target wants it. */
void alerting_form(
	const struct alerting *a, enum alert_form form, const struct finding *f, struct out *o);
/* text: of each form as made above, or NULL. status: "provisional", "final", "withdrawn". */
void alerting_finding(struct alerting *a, const char *id, const char *status,
	const char *const text[ALERT_FORMS]);
/* why: ours, may be NULL. */
void alerting_change(struct alerting *a, const struct guard_change *c, enum guard_act act,
	int64_t at_ns, const char *why);
void alerting_known(struct alerting *a, const struct intel *set, const struct intel_sight *s);

/* Every now and then: says when a target can't be reached, and when it can again. */
void alerting_turn(struct alerting *a);
/* The member "alerts": an array, one for each target. */
void alerting_say(struct alerting *a, struct emit *e);
