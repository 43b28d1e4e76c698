/* Diary: what a guard found, did and left alone, of late, so that it can be asked about a host. A
 * ring: the oldest gives way. */
#pragma once

#include "guard/guard.h"

#define DIARY_MAX 4096u

struct diary;

/* Fails: -ENOMEM. */
MUST_USE int diary_new(struct diary **ret);
void diary_free(struct diary *s);
/* True: it was not known. now_ns: the day's clock. */
bool diary_finding(struct diary *s, const struct finding *f, int64_t now_ns);
/* finding: its id, or what else it was left alone after. True: not known. */
bool diary_left(struct diary *s, const char *finding, const struct addr *host,
	const struct guard_left *left, int64_t now_ns);
/* why: a constant, may be NULL. */
void diary_change(struct diary *s, const struct guard_change *change, enum guard_act act,
	const char *why, int64_t now_ns);
/* The newest entry, a JSON object. */
void diary_say_newest(const struct diary *s, struct out *o);
/* A JSON array of what is known of the host, the oldest first. */
void diary_say(const struct diary *s, const struct addr *host, struct out *o);
