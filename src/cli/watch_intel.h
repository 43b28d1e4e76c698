/* Lists of what is known to be bad, beside a watch: read again when their files change. */
#pragma once

#include <stdio.h>

#include "cli/alerting.h"
#include "cli/verb.h"
#include "event/event.h"
#include "intel/intel.h"

struct watch_intel;
struct watch_told;

struct watch_intel_options {
	const struct texts *files; /* borrowed */
	bool json;
	struct alerting *alerting; /* may be NULL */
	/* As of watch_hooks; may be NULL. */
	void (*known)(void *context, const struct intel *set, const struct intel_match *match,
		const struct event *event);
	void (*told)(void *context, const struct watch_told *told); /* as of watch_hooks */
	void *context;
};

/* Reads the lists; no files: *ret stays NULL, which all other functions take. Fails: -errno, with
 * words. */
MUST_USE int watch_intel_new(
	struct watch_intel **ret, const struct watch_intel_options *options, struct fail *why);
void watch_intel_free(struct watch_intel *w);

/* Prints, and alerts of, what is seen for the first time since the set was made. */
void watch_intel_event(struct watch_intel *w, const struct event *event, FILE *out);
/* A conversation begins: options.known hears of it at once, and again when it is told. */
void watch_intel_begun(const struct watch_intel *w, const struct conn *c);
/* Every now and then: looks whether a file has changed, has a set made of the new ones by a thread
 * of its own, and takes it when it is ready. now_ns is the machine's. */
void watch_intel_tick(struct watch_intel *w, int64_t now_ns);
