#include "judge/judge_private.h"

const char *finding_kind_name(enum finding_kind kind)
{
	static const char *const names[KIND_COUNT] = {
		"ladder", "handover", "rotation", "dga", "deaddrop", "tunnel", "split"};
	return names[kind];
}

const char *finding_kind_sentence(enum finding_kind kind)
{
	static const char *const sentences[KIND_COUNT] = {
		"fallback: next of a list",
		"fallback: one channel ends, its twin begins",
		"fallback: moves by clock or count",
		"fallback: generated names",
		"fallback: by way of a public page",
		"fallback: through another carrier",
		"fallback: volume spread over channels",
	};
	return sentences[kind];
}

const char *channel_role_name(enum channel_role role)
{
	static const char *const names[] = {"primary", "tried", "fallback", "carrier"};
	return names[role];
}

const char *failure_words(enum outcome outcome)
{
	static const char *const words[OUTCOME_COUNT] = {
		[OUTCOME_UNKNOWN] = "ended in an unknown way",
		[OUTCOME_OK] = "answered",
		[OUTCOME_REFUSED] = "refused",
		[OUTCOME_SILENT] = "did not answer",
		[OUTCOME_UNREACHABLE] = "was unreachable",
		[OUTCOME_RESET] = "cut the connection",
		[OUTCOME_NXDOMAIN] = "did not exist (NXDOMAIN)",
		[OUTCOME_SERVFAIL] = "could not be resolved (SERVFAIL)",
		[OUTCOME_DNS_SILENT] = "could not be resolved (no resolver answered)",
		[OUTCOME_TLS_ALERT] = "answered with a TLS alert",
		[OUTCOME_HTTP_ERROR] = "answered with HTTP errors only",
		[OUTCOME_DENIED] = "was denied by a firewall",
		[OUTCOME_SINKHOLED] = "was sinkholed",
		[OUTCOME_STALLED] = "took the request and never answered",
	};
	return words[outcome];
}
