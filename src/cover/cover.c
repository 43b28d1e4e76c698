#include "cover/cover.h"

#define BY(way)                   (1u << COVER_##way)
#define PROCEDURE(id, name, ways) {id, name, ways},
const struct cover_procedure cover_procedures[] = {
#include "cover/procedures.def"
};
#undef PROCEDURE
#undef BY
const size_t cover_procedures_count = ARRAY_LEN(cover_procedures);

const char *cover_way_name(enum cover_way way)
{
	static const char *const names[] = {[COVER_HTTPS] = "TLS on tcp 443",
		[COVER_HTTP] = "HTTP on tcp 80",
		[COVER_WEB] = "HTTP on tcp 8080",
		[COVER_TCP] = "any port of TCP",
		[COVER_FTP] = "tcp 21",
		[COVER_MAIL] = "tcp 587",
		[COVER_UDP] = "any port of UDP",
		[COVER_DNS] = "DNS to a server of its choice",
		[COVER_ICMP] = "ICMP echo",
		[COVER_ODD] = "tcp 47808, which nobody names",
		[COVER_RESOLVER] = "names that the site's resolver asks for",
		[COVER_INSIDE] = "another host inside"};
	return names[way];
}

/* ---- verdicts ---- */

static enum policy_verdict worse(enum policy_verdict a, enum policy_verdict b)
{
	return policy_verdict_reach(a) >= policy_verdict_reach(b) ? a : b;
}

static bool is_whole(const struct cover_state *s)
{
	return s->places > 0 && !s->refused && !s->partly_read;
}

enum policy_verdict cover_of_way(const struct cover_state *s, enum cover_way way)
{
	enum policy_verdict worst = is_whole(s) ? POLICY_DENIED : POLICY_UNDECIDED;
	if (way == COVER_INSIDE)
		return POLICY_UNDECIDED;
	if (way == COVER_RESOLVER)
		return !s->resolver_known ? POLICY_UNDECIDED
		       : s->resolver_open ? POLICY_ALLOWED
		                          : POLICY_DENIED;
	for (size_t i = 0; i < s->places; i++)
		for (size_t family = 0; family < 2; family++)
			if (s->place[i].known[family])
				worst = worse(worst, s->place[i].way[family][way]);
	return worst;
}

enum policy_verdict cover_of_procedure(
	const struct cover_state *s, const struct cover_procedure *procedure)
{
	enum policy_verdict worst = POLICY_DENIED;
	for (unsigned way = 0; way < COVER_WAYS; way++)
		if ((procedure->ways & 1u << way) != 0)
			worst = worse(worst, cover_of_way(s, (enum cover_way)way));
	return worst;
}

struct tally { /* of ways that are asked about, and of procedures that leave the site */
	size_t ways[3], procedures[3], leaving;
};

static struct tally count(const struct cover_state *s)
{
	struct tally t = {{0}, {0}, 0};
	for (unsigned way = 0; way < COVER_ASKED; way++)
		t.ways[cover_of_way(s, (enum cover_way)way)]++;
	for (size_t i = 0; i < cover_procedures_count; i++) {
		if (cover_procedures[i].ways == 1u << COVER_INSIDE)
			continue;
		t.leaving++;
		t.procedures[cover_of_procedure(s, &cover_procedures[i])]++;
	}
	return t;
}

/* ---- the score ---- */

const char *cover_score_name(enum cover_score score)
{
	static const char *const names[] = {"minimal", "partial", "significant"};
	return names[score];
}

/* Whether any place refuses anything at all. */
static bool refuses_some(const struct cover_state *s)
{
	for (size_t i = 0; i < s->places; i++)
		for (size_t family = 0; family < 2; family++)
			for (unsigned way = 0; way < COVER_ASKED; way++)
				if (s->place[i].known[family] &&
					s->place[i].way[family][way] == POLICY_DENIED)
					return true;
	return s->denies_known;
}

enum cover_score cover_score_of(
	const struct cover_state *s, enum cover_score *most, struct out *reason)
{
	struct tally t = count(s);
	if (t.procedures[POLICY_DENIED] == t.leaving) {
		*most = COVER_SIGNIFICANT;
		out_printf(reason,
			"every fallback of the %zu procedures that leave the site is cut, as it "
			"happens: high coverage, in real time",
			t.leaving);
		return COVER_SIGNIFICANT;
	}
	*most = t.procedures[POLICY_ALLOWED] == 0 ? COVER_SIGNIFICANT : COVER_PARTIAL;
	if (!refuses_some(s)) {
		out_text(reason, "nothing that a fallback would use is proven to be refused");
		return COVER_MINIMAL;
	}
	bool list = s->denies_known && t.ways[POLICY_ALLOWED] == COVER_ASKED;
	if (list)
		out_text(reason,
			"only what is known to be bad is refused: channels that nobody has "
			"identified stay open");
	else
		out_printf(reason,
			"%zu of the %zu procedures that leave the site are cut, %zu are not, %zu "
			"are undecided",
			t.procedures[POLICY_DENIED], t.leaving, t.procedures[POLICY_ALLOWED],
			t.procedures[POLICY_UNDECIDED]);
	return COVER_PARTIAL;
}
