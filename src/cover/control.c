/* What the egress of a boundary says of controls (NIST SP 800-53 rev. 5). */
#include "cover/cover.h"

#include <inttypes.h>

#include "base/limits.h"

#define DAY_NS (86400 * NS_PER_S)
/* A scan that runs writes its state each minute. */
#define STATE_OLD_NS DAY_NS
/* Rules are to follow what is released (SI-3 b); feeds change daily, collections each week. */
#define RULES_OLD_NS (30 * DAY_NS)

enum control { AC_4, CA_7, CM_2, CM_6, CM_7, SC_7, SC_7_5, SI_3, SI_4 };

const struct cover_control cover_controls[] = {
	[AC_4] = {"ac-4", "Information Flow Enforcement",
		"only approved flows leave: what nobody named does not"},
	[CA_7] = {"ca-7", "Continuous Monitoring", "the boundary is measured again and again"},
	[CM_2] = {"cm-2", "Baseline Configuration", "an approved configuration is kept"},
	[CM_6] = {"cm-6", "Configuration Settings",
		"the configuration is the most restrictive one, and deviations are approved"},
	[CM_7] = {"cm-7", "Least Functionality", "ports and protocols that nobody needs are shut"},
	[SC_7] = {"sc-7", "Boundary Protection", "communications at the boundary are controlled"},
	[SC_7_5] = {"sc-7.5", "Deny by Default, Allow by Exception",
		"what no rule names does not pass"},
	[SI_3] = {"si-3", "Malicious Code Protection", "malicious code is found at entry and exit"},
	[SI_4] = {"si-4", "System Monitoring", "the boundary is watched for attacks"},
};
const size_t cover_controls_count = ARRAY_LEN(cover_controls);

const char *cover_status_name(enum cover_status status)
{
	static const char *const names[] = {"not assessed", "satisfied", "not satisfied"};
	return names[status];
}

static void list_ways(struct out *o, const struct cover_state *s, enum policy_verdict verdict)
{
	bool any = false;
	for (unsigned way = 0; way < COVER_ASKED; way++) {
		if (cover_of_way(s, (enum cover_way)way) != verdict)
			continue;
		out_text(o, any ? ", " : "");
		out_text(o, cover_way_name((enum cover_way)way));
		any = true;
	}
}

static size_t count_ways(const struct cover_state *s, enum policy_verdict verdict)
{
	size_t n = 0;
	for (unsigned way = 0; way < COVER_ASKED; way++)
		n += cover_of_way(s, (enum cover_way)way) == verdict;
	return n;
}

/* Deny by default, as far as ways out show it. */
static enum cover_status of_default(const struct cover_state *s, struct out *evidence)
{
	if (count_ways(s, POLICY_ALLOWED) > 0) {
		out_text(evidence, "open to a place that nobody named: ");
		list_ways(evidence, s, POLICY_ALLOWED);
		return COVER_NOT_SATISFIED;
	}
	if (count_ways(s, POLICY_UNDECIDED) > 0) {
		out_text(evidence, "undecided: ");
		list_ways(evidence, s, POLICY_UNDECIDED);
		return COVER_NOT_ASSESSED;
	}
	out_printf(evidence,
		"each of the %d ways that were tried to a place that nobody named is refused, from "
		"each place, in both IP versions that it has",
		COVER_ASKED);
	return COVER_SATISFIED;
}

/* A port that nobody names, open to anybody, is a function that nobody chose. */
static enum cover_status of_functions(const struct cover_state *s, struct out *evidence)
{
	enum policy_verdict verdict = cover_of_way(s, COVER_ODD);
	out_printf(evidence, "%s: %s", cover_way_name(COVER_ODD), policy_verdict_name(verdict));
	return verdict == POLICY_UNDECIDED ? COVER_NOT_ASSESSED
	       : verdict == POLICY_DENIED  ? COVER_SATISFIED
	                                   : COVER_NOT_SATISFIED;
}

static enum cover_status of_boundary(const struct cover_state *s, struct out *evidence)
{
	size_t denied = count_ways(s, POLICY_DENIED);
	out_printf(evidence, "%zu of %d ways out are refused, %zu are open, %zu are undecided",
		denied, COVER_ASKED, count_ways(s, POLICY_ALLOWED),
		count_ways(s, POLICY_UNDECIDED));
	if (count_ways(s, POLICY_ALLOWED) == COVER_ASKED && !s->denies_known)
		return COVER_NOT_SATISFIED;
	return denied > 0 && count_ways(s, POLICY_UNDECIDED) == 0 ? COVER_SATISFIED
	                                                          : COVER_NOT_ASSESSED;
}

static void say_count(struct out *o, uint64_t count, const char *what, int64_t newest_ns)
{
	out_printf(o, ", %" PRIu64 " %s", count, what);
	if (count == 0 || newest_ns == 0)
		return;
	out_text(o, " (the newest of ");
	out_time(o, newest_ns);
	out_text(o, ")");
}

static void say_scan(struct out *o, const struct scan_state *scan)
{
	out_text(o, scan->iface[0] == '\0' ? "a scan of files, written " : "a scan of interface ");
	if (scan->iface[0] != '\0') {
		out_text(o, scan->iface);
		out_text(o, " since ");
		out_time(o, scan->begun_ns);
		out_text(o, ", written ");
	}
	out_time(o, scan->at_ns);
	say_count(o, scan->rules, "rules", scan->rules_ns);
	say_count(o, scan->indicators, "indicators", scan->lists_ns);
	out_text(o, scan->clamd ? ", ClamAV's daemon" : "");
	out_printf(o,
		": %" PRIu64 " files looked at, %" PRIu64 " matched, %" PRIu64
		" not seen whole, lost %" PRIu64 " files and %" PRIu64 " packets",
		scan->files, scan->matching, scan->gaps, scan->files_lost, scan->packets_lost);
	if (scan->matched_ns == 0)
		return;
	out_printf(o, "; the latest match: %s (sha256 %s) ", scan->match, scan->sha256);
	out_time(o, scan->matched_ns);
}

static bool is_old(uint64_t count, int64_t newest_ns, int64_t now_ns)
{
	return count == 0 || now_ns - newest_ns > RULES_OLD_NS;
}

/* Entry and exit are looked at by a scan of the interface that runs, with rules of these days. */
static enum cover_status of_scanning(const struct cover_state *s, struct out *evidence)
{
	const struct scan_state *scan = s->scan;
	if (scan == NULL) {
		out_text(evidence,
			"a configuration does not show what is scanned: see scan --state");
		return COVER_NOT_ASSESSED;
	}
	say_scan(evidence, scan);
	if (scan->iface[0] == '\0') {
		out_text(evidence, "; that is not what enters and leaves (scan -i)");
		return COVER_NOT_ASSESSED;
	}
	if (s->at_ns - scan->at_ns > STATE_OLD_NS) {
		out_text(evidence, "; it has not been heard of for more than a day");
		return COVER_NOT_SATISFIED;
	}
	if (is_old(scan->rules, scan->rules_ns, s->at_ns) &&
		is_old(scan->indicators, scan->lists_ns, s->at_ns) && !scan->clamd) {
		out_text(evidence, "; nothing that it looks for was changed in the last 30 days");
		return COVER_NOT_SATISFIED;
	}
	if (scan->files_lost + scan->packets_lost > 0) {
		out_text(evidence, "; what was lost was not looked at");
		return COVER_NOT_ASSESSED;
	}
	out_text(evidence, "; of HTTP/1, SMTP, FTP and SMB in clear");
	return COVER_SATISFIED;
}

enum cover_status cover_of_control(
	const struct cover_state *s, size_t control, struct out *evidence)
{
	CHECK(control < cover_controls_count);
	switch ((enum control)control) {
	case AC_4:
	case SC_7_5:
		return of_default(s, evidence);
	case CM_7:
		return of_functions(s, evidence);
	case SC_7:
		return of_boundary(s, evidence);
	case CM_2:
	case CM_6:
		out_text(
			evidence, "one configuration was read; no approved one to compare it with");
		return COVER_NOT_ASSESSED;
	case CA_7:
	case SI_4:
		out_text(evidence,
			"a configuration does not show that it is watched: see watch and "
			"hunt --to oscal");
		return COVER_NOT_ASSESSED;
	case SI_3:
		return of_scanning(s, evidence);
	}
	return COVER_NOT_ASSESSED;
}
