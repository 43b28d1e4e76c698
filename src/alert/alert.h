/* Alert: what was found reaches other programs while the watch goes on. Each target has a thread of
 * its own and a bounded queue, so that whoever tells never waits for whoever listens; what finds no
 * room is counted. A web hook's queue is a folder on disk: what was taken there outlives kill -9
 * and is offered until the receiver has acknowledged it. docs/ALERTS.md */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/fail.h"

/* Targets of one watch. */
#define ALERT_TARGETS_MAX 16u
/* Of one alert in one form; a longer one is refused and counted. */
#define ALERT_BYTES_MAX ((size_t)1 << 20)
/* Alerts that wait for one target in memory, and their bytes. */
#define ALERT_WAITING_MAX       4096u
#define ALERT_WAITING_BYTES_MAX ((size_t)16 << 20)
/* Alerts that wait for one target on disk; their bytes are the operator's choice. */
#define ALERT_SPOOLED_MAX 65536u

enum alert_form {
	ALERT_JSON,
	ALERT_SYSLOG,  /* RFC 5424, a message a line */
	ALERT_EVE,     /* Suricata's, a record a line */
	ALERT_JOURNAL, /* systemd's native protocol: KEY=value lines */
	ALERT_FORMS
};

struct alert {                         /* borrowed */
	const char *id;                /* 32 hex digits: the same alert has the same again */
	const char *text[ALERT_FORMS]; /* NULL: not told in that form */
};

/* ---- targets ---- */

enum alert_kind { ALERT_TO_SYSLOG, ALERT_TO_JOURNAL, ALERT_TO_EVE, ALERT_TO_WEBHOOK };

struct alert_target {
	enum alert_kind kind;
	bool tcp;               /* syslog: else UDP */
	char host[256];         /* syslog: "" a socket of this machine */
	char port[6];           /* syslog, decimal */
	char place[2048];       /* a path, or the URL */
	char shown[FAIL_BYTES]; /* to be printed: nothing secret of a URL, safe */
};

/* syslog:, syslog:PATH, syslog:HOST:PORT, syslog+tcp:HOST:PORT, journal:, journal:PATH, eve:FILE,
 * webhook:URL. Fails: -EINVAL, with words. */
MUST_USE int alert_target_parse(const char *text, struct alert_target *ret, struct fail *why);

/* ---- telling ---- */

struct alerts;

struct alerts_options {
	const char *const *target;
	size_t targets;
	const char *spool;  /* the folder; needed by web hooks; NULL none */
	size_t spool_bytes; /* at most, of each web hook */
	const char *ca; /* certificates that a web hook's has to come from; NULL: the system's */
};

/* Takes up what an earlier run left in the spool. The targets need not be there yet. Fails: -errno,
 * with words; -EBUSY: another run has the spool. */
MUST_USE int alerts_open(
	struct alerts **ret, const struct alerts_options *options, struct fail *why);
/* Waits up to wait_ns for what is in the queues; what then is not told is lost, but for what is on
 * disk. Returns how many were lost there. NULL is fine. */
uint64_t alerts_close(struct alerts *a, int64_t wait_ns);
/* Never waits. For a web hook it is in a file when this returns. */
void alerts_tell(struct alerts *a, const struct alert *alert);
/* Whether any target wants the form. */
bool alerts_want(const struct alerts *a, enum alert_form form);

struct alert_health {
	const char *target;       /* safe to print; lives as long as the alerts */
	uint64_t told;            /* taken by the receiver, as far as the way there can tell */
	uint64_t waiting;         /* in the queue */
	uint64_t lost;            /* found no room, or could not be kept */
	uint64_t refused;         /* the receiver says that it will never take them */
	uint64_t failures;        /* tries that failed */
	bool down;                /* the last try failed */
	char trouble[FAIL_BYTES]; /* why; safe to print */
};
size_t alerts_count(const struct alerts *a);
void alerts_health(struct alerts *a, size_t index, struct alert_health *ret);
