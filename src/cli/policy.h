/* postern policy: what its actions share. */
#pragma once

#include "cli/output.h"
#include "cli/target.h"
#include "cli/verb.h"
#include "event/event.h"
#include "policy/policy.h"

struct policy_call {
	const struct call *call;
	const char *output, *target, *form, *sni, *http_host, *dns_name, *as;
	const char *baseline; /* of a draft */
	double max_rules;     /* 0: none was given */
	double quota;         /* of a compilation; 0: Amazon's default */
	bool wider;           /* what it can't tell is left open */
	const char *hook, *iif, *oif, *vpc, *subnet, *eni, *home;
	struct networks local;
	int64_t at_ns;
	bool json, exit_code, quiet;
	bool reached; /* of inputs only what was answered, outside the policy's zones */
};

/* Reads and checks a file; says what is wrong with it. NULL: exit with EXIT_USAGE. */
struct policy *policy_call_open(const char *path);
/* Writes the text to -o or standard output; EXIT_NOTHING when that fails, else code. */
enum exit_code policy_call_write(
	const struct policy_call *c, const struct out *text, enum exit_code code);

/* policy test TARGET FLOW... */
enum exit_code policy_call_flows(
	const struct policy_call *c, const struct target *t, const char *const *word, size_t words);

/* All events of the inputs, in order; hosts of the policy's zones are the local ones. Says which
 * inputs could not be read. Returns EXIT_DONE, EXIT_PARTIAL or, with words, EXIT_NOTHING. */
enum exit_code policy_call_read(const struct policy *p, const char *const *path, size_t paths,
	void (*event)(void *context, const struct event *event), void *context);
/* policy test FILE --read INPUT... */
enum exit_code policy_call_inputs(
	const struct policy_call *c, const struct policy *p, const char *const *path, size_t paths);
/* Whether the target and form are known. */
bool policy_call_target(const struct policy_call *c, bool *ret_takes_dns);
/* policy compile FILE --to TARGET [--dns INPUT...] */
enum exit_code policy_call_compile(
	const struct policy_call *c, const struct policy *p, const char *const *path, size_t paths);
/* policy draft --baseline FILE [INPUT...] */
enum exit_code policy_call_draft(
	const struct policy_call *c, const char *const *path, size_t paths);
