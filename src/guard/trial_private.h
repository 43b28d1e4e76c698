/* What the files of trial share. */
#pragma once

#include "guard/probe_private.h"
#include "guard/trial.h"

struct trial_rest {
	char question[33]; /* trial_question() */
	int64_t until_ns;
};

struct trials {
	struct trials_options options;
	struct probes *probes;
	struct trial item[PROBE_HOSTS_MAX];
	struct trial_rest rest[TRIAL_RESTS_MAX];
	size_t rests, next_rest;
	bool changed; /* since the last turn */
	struct probe_action action[PROBE_ACTIONS_MAX];
};

/* ---- trial.c ---- */

struct trial *trial_of(struct trials *t, const struct addr *host);
/* What the host did before; NULL: nothing is known. */
const struct host *trial_host(struct hosts *hosts, const struct addr *addr);

/* ---- trial_way.c ---- */

/* "tcp/192.0.2.1/443"; *addr stands for a domain that is NULL. */
void trial_key(char ret[static PROBE_KEY_BYTES], uint8_t proto, const char *domain,
	const struct addr *addr, uint16_t port);
/* One for the host and the channel: who is cleared of the one may be asked about the next. */
void trial_question(const struct addr *host, const char *key, char ret[static 33]);
/* "dns/a.example": data in questions below the domain. */
void trial_name_key(char ret[static PROBE_KEY_BYTES], const char *domain);
struct trial_way *trial_way_find(struct trial *one, const char *key);
bool trial_way_has(const struct trial_way *w, const struct addr *addr);
/* True: the address was not known, and is now. */
bool trial_way_learn(struct trial_way *w, const struct addr *addr);
/* NULL: there is no room. */
struct trial_way *trial_way_add(
	struct trial *one, const char *key, uint8_t proto, uint16_t port, bool named);
/* A tunnel in DNS, as a way that may be shut; NULL: it may not, *why says the reason. */
struct trial_way *trial_way_of_name(struct trial *one, const char *domain,
	const struct guard_rules *rules, enum guard_leave *why);
/* A channel of a finding; its addresses that may be shut. NULL: none, *why says the last reason. */
struct trial_way *trial_way_of_channel(struct trial *one, const struct finding_channel *c,
	const struct guard_rules *rules, enum guard_leave *why);
