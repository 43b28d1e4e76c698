#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "judge/judge_private.h"

/* Steps of a chain that get a sentence of their own. */
#define STEPS_TOLD 5u
#define NAME_BYTES 64u

void evidence_fini(struct finding *f)
{
	for (size_t i = 0; i < f->evidences; i++)
		free(f->evidence[i].owned);
	f->evidences = 0;
}

void evidence_add(struct finding *f, const char *kind, double bits, const char *fmt, ...)
{
	if (f->evidences == FINDING_EVIDENCE_MAX)
		return;
	va_list args;
	va_start(args, fmt);
	char *text = NULL;
	if (vasprintf(&text, fmt, args) < 0)
		text = NULL;
	va_end(args);
	if (text == NULL) /* out of memory: a finding without this sentence */
		return;
	f->evidence[f->evidences++] =
		(struct finding_evidence){.kind = kind, .bits = bits, .text = text, .owned = text};
}

/* ---- small words ---- */

struct words { /* texts for one sentence */
	struct out out[4];
};

static void words_fini(struct words *w)
{
	for (size_t i = 0; i < ARRAY_LEN(w->out); i++)
		out_fini(&w->out[i]);
}

/* "example.net:443", "203.0.113.7:8080", "[2001:db8::1]:443"; a name that was only looked up has no
 * port. */
static const char *place(struct out *o, const struct view *v, uint32_t channel)
{
	char buf[ADDR_TEXT_BYTES];
	const struct view_channel *vc = &v->channel[channel];
	const char *text = view_endpoint_text(v, channel, buf);
	bool six = !vc->named && strchr(text, ':') != NULL;
	out_clear(o);
	out_text(o, six ? "[" : "");
	out_safe(o, text, NAME_BYTES);
	out_text(o, six ? "]" : "");
	if (vc->channel->transport != TRANSPORT_OTHER && vc->channel->port != 0)
		out_printf(o, ":%u", vc->channel->port);
	return out_string(o);
}

static const char *duration(struct out *o, double s)
{
	out_clear(o);
	out_duration(o, (int64_t)(s * 1e9));
	return out_string(o);
}

/* "1 in 40", "1 in 3,000"; nearly certain things are said as such. */
static const char *odds(struct out *o, double chance)
{
	out_clear(o);
	if (chance > 0.5)
		out_text(o, "as likely as not");
	else if (chance >= 1e-6)
		out_printf(o, "1 time in %.0f", 1 / chance);
	else
		out_printf(o, "1 time in 10^%.0f", -log10(chance));
	return out_string(o);
}

static const char *pace(struct out *o, double per_s)
{
	out_clear(o);
	if (per_s * 60 >= 1)
		out_printf(o, "%.1f a minute", per_s * 60);
	else if (per_s * 3600 >= 1)
		out_printf(o, "%.1f an hour", per_s * 3600);
	else
		out_printf(o, "%.1f a day", per_s * 86400);
	return out_string(o);
}

static const char *failed_how(struct out *o, const struct view *v, const struct step *s)
{
	out_clear(o);
	out_text(o, failure_words((enum outcome)v->attempt[s->from_attempt].outcome));
	if (s->tries > 1)
		out_printf(o, ", %u times", s->tries);
	return out_string(o);
}

/* ---- sentences ---- */

static void chain_step(
	struct finding *f, const struct telling *t, const struct step *s, double bits)
{
	struct words w = {0};
	const struct view *v = t->view;
	char from[2 * NAME_BYTES], to[2 * NAME_BYTES];
	(void)snprintf(from, sizeof from, "%s", place(&w.out[0], v, s->from));
	(void)snprintf(to, sizeof to, "%s", place(&w.out[0], v, s->to));
	evidence_add(f, "timing", bits,
		"%s %s; %s was contacted for the first time %s after the last failure; at this "
		"host's pace of new rare "
		"endpoints then (%s) one comes that close by accident %s",
		from, failed_how(&w.out[0], v, s), to, duration(&w.out[1], s->delay_s),
		pace(&w.out[2], s->rate), odds(&w.out[3], s->chance));
	words_fini(&w);
}

/* Tells the first steps, each with its share of the bits that all of them carry together. Returns
 * the share of those that were not told. */
static double tell_steps(struct finding *f, const struct telling *t, uint32_t told,
	void (*tell)(struct finding *f, const struct telling *t, const struct step *s, double bits))
{
	const struct hit *h = t->hit;
	double sum = 0, rest = 0;
	for (uint32_t i = 0; i < h->steps; i++)
		sum -= log(h->step[i].chance);
	for (uint32_t i = 0; i < h->steps; i++) {
		double bits = sum > 0 ? h->timing_bits * -log(h->step[i].chance) / sum : 0;
		if (i < told)
			tell(f, t, &h->step[i], bits);
		else
			rest += bits;
	}
	return rest;
}

static void chain(struct finding *f, const struct telling *t)
{
	double rest = tell_steps(f, t, STEPS_TOLD, chain_step);
	if (t->hit->steps > STEPS_TOLD)
		evidence_add(f, "timing", rest, "the list goes on like that for another %u steps",
			t->hit->steps - STEPS_TOLD);
}

static void metronome(struct finding *f, const struct telling *t)
{
	const struct hit *h = t->hit;
	struct words w = {0};
	evidence_add(f, "tick", h->timing_bits,
		h->spacing ? "%u new rare endpoints in a row, each after a failure, were %s apart, "
			     "within %s: a program's "
			     "timer, whatever the host's own pace"
			   : "%u times in a row the next new rare endpoint came %s after a "
			     "failure, within %s: a program's "
			     "timer, whatever the host's own pace",
		h->steps, duration(&w.out[0], h->tick_s), duration(&w.out[1], h->tick_error_s));
	words_fini(&w);
}

static void pair(struct finding *f, const struct telling *t)
{
	const struct hit *h = t->hit;
	const struct view *v = t->view;
	struct words w = {0};
	char from[2 * NAME_BYTES], to[2 * NAME_BYTES];
	(void)snprintf(from, sizeof from, "%s", place(&w.out[0], v, h->step[0].from));
	(void)snprintf(to, sizeof to, "%s", place(&w.out[0], v, h->step[0].to));
	double raw = h->timing_bits - h->rhythm_bits - h->contrast_bits;
	if (h->kind == HIT_PAIR)
		evidence_add(f, "repeat", raw,
			"%s failed %u times (%s), and %u of them were followed by %s within %s; by "
			"its own rate that would "
			"happen %.2g times",
			from, h->failures,
			failure_words((enum outcome)v->attempt[h->step[0].from_attempt].outcome),
			h->followed, to, duration(&w.out[0], h->window_s), h->expected);
	else
		evidence_add(f, "tick", raw,
			"each of the %u times that %s failed (%s), %s followed %s later, within "
			"%s: a program's timer",
			h->followed, from,
			failure_words((enum outcome)v->attempt[h->step[0].from_attempt].outcome),
			to, duration(&w.out[0], h->tick_s), duration(&w.out[1], h->tick_error_s));
	if (h->rhythm_bits < 0)
		evidence_add(f, "rhythm", h->rhythm_bits,
			"both are regular enough that two clocks would meet more often than that "
			"by themselves");
	if (h->successes > 0)
		evidence_add(f, "contrast", h->contrast_bits,
			"%s also worked %u times, and %s followed %u of those", from, h->successes,
			to, h->after_success);
	words_fini(&w);
}

static void same_name(struct finding *f, const struct telling *t)
{
	struct words w = {0};
	const struct view *v = t->view;
	const struct hit *h = t->hit;
	char from[2 * NAME_BYTES];
	(void)snprintf(from, sizeof from, "%s", place(&w.out[0], v, h->step[0].from));
	evidence_add(f, "mechanism", 0,
		"%s %s, and the same name answered another way: %s, %u times", from,
		failure_words((enum outcome)v->attempt[h->step[0].from_attempt].outcome),
		place(&w.out[0], v, h->step[0].to), h->steps);
	words_fini(&w);
}

static void pool(struct finding *f, const struct telling *t)
{
	struct words w = {0};
	const struct view *v = t->view;
	const struct step *s = &t->hit->step[0];
	char from[2 * NAME_BYTES];
	(void)snprintf(from, sizeof from, "%s", place(&w.out[0], v, s->from));
	evidence_add(f, "mechanism", 0,
		"%s %s, and another server of that kind answered: %s; seen %u times", from,
		failure_words((enum outcome)v->attempt[s->from_attempt].outcome),
		place(&w.out[0], v, s->to), t->hit->steps);
	words_fini(&w);
}

static void names(struct finding *f, const struct telling *t)
{
	const struct hit *h = t->hit;
	struct words w = {0};
	evidence_add(f, "names", h->timing_bits,
		"of %u registered domains that were new to this host within %s, %u do not exist "
		"(NXDOMAIN); of an innocent "
		"host's new names one in ten at most does not",
		h->names, duration(&w.out[0], h->span_s), h->dead);
	words_fini(&w);
}

static const char *volume(struct out *o, double bytes)
{
	out_clear(o);
	if (bytes >= 1e6)
		out_printf(o, "%.1f MB", bytes / 1e6);
	else if (bytes >= 1e4)
		out_printf(o, "%.0f kB", bytes / 1e3);
	else
		out_printf(o, "%.0f bytes", bytes);
	return out_string(o);
}

static const char *record_types(struct out *o, unsigned types)
{
	static const char *const names[] = {
		"TXT", "NULL or private", "CNAME", "MX", "other", "A and AAAA"};
	out_clear(o);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if ((types >> i & 1) != 0)
			out_printf(o, "%s%s", o->len > 0 ? ", " : "", names[i]);
	return out_string(o);
}

static void what_was_carried(struct finding *f, const struct telling *t)
{
	const struct hit *h = t->hit;
	struct words w = {0};
	const char *to = place(&w.out[0], t->view, h->channel),
		   *bytes = volume(&w.out[1], h->bytes);
	if (h->bytes <= 0)
		evidence_add(f, "volume", h->what_bits,
			"%s answers DNS questions over HTTPS: what it is asked is hidden from this "
			"site",
			to);
	else if (h->carrier == CARRIER_DNS)
		evidence_add(f, "volume", h->what_bits,
			"%u questions of DNS with long names told %s at least %s that differ from "
			"one "
			"another (records: %s); a share of %.2g of innocent hosts shows that",
			h->messages, to, bytes, record_types(&w.out[2], h->types),
			exp2(-h->what_bits));
	else
		evidence_add(f, "volume", h->what_bits,
			h->carrier == CARRIER_ECHO ? "%u exchanges of echo carried %s to %s in "
						     "payloads that differ from one "
						     "another; a ping repeats its own"
						   : "%u exchanges with a time server carried %s "
						     "to %s beyond what a request "
						     "for the time needs",
			h->messages, bytes, to);
	words_fini(&w);
}

static void tunnel(struct finding *f, const struct telling *t)
{
	const struct hit *h = t->hit;
	what_was_carried(f, t);
	if (h->steps == 0)
		return;
	const struct step *s = &h->step[0];
	struct words w = {0};
	char from[2 * NAME_BYTES], to[2 * NAME_BYTES];
	(void)snprintf(from, sizeof from, "%s", place(&w.out[0], t->view, s->from));
	(void)snprintf(to, sizeof to, "%s", place(&w.out[0], t->view, s->to));
	evidence_add(f, "timing", h->timing_bits - h->what_bits,
		"%s %s, and %s after that the first went to %s; a share of %.2g of this host's "
		"time is "
		"that close after a failure",
		from, failed_how(&w.out[0], t->view, s), duration(&w.out[1], s->delay_s), to,
		s->chance);
	words_fini(&w);
}

/* One move from a channel in steady use to another. */
static void move(struct finding *f, const struct telling *t, const struct step *s, double bits)
{
	struct words w = {0};
	char from[2 * NAME_BYTES], to[2 * NAME_BYTES], gap[NAME_BYTES];
	(void)snprintf(from, sizeof from, "%s", place(&w.out[0], t->view, s->from));
	(void)snprintf(to, sizeof to, "%s", place(&w.out[0], t->view, s->to));
	(void)snprintf(gap, sizeof gap, "%s", duration(&w.out[0], s->gap_s));
	evidence_add(f, "turn", bits,
		"%s was contacted %u times, every %s, and left; %s began %s %s; at this host's "
		"pace of such beginnings then (%s) one comes that close by accident %s",
		from, s->contacts, gap, to, duration(&w.out[1], s->at_end ? s->delay_s : s->off_s),
		s->at_end ? "later" : "from its next turn", pace(&w.out[2], s->rate),
		odds(&w.out[3], s->chance));
	words_fini(&w);
}

static void handover(struct finding *f, const struct telling *t)
{
	const struct hit *h = t->hit;
	struct words w = {0};
	move(f, t, &h->step[0], h->timing_bits);
	if (h->step[0].tries > 0)
		evidence_add(f, "failure", 0, "the last contact failed: it %s",
			failure_words(
				(enum outcome)t->view->attempt[h->step[0].from_attempt].outcome));
	if (h->silence_s > h->longest_s)
		evidence_add(f, "stop", 0,
			"it has been silent for %s since; its longest pause before was %s",
			duration(&w.out[0], h->silence_s), duration(&w.out[1], h->longest_s));
	if (h->twin && h->pace_share > 0)
		evidence_add(f, "pace", 0,
			"it keeps the pace of before: every %s, then every %s (%u contacts); of "
			"this "
			"host's other beginnings a share of %.2g at most has that pace, and only "
			"so "
			"many were counted",
			duration(&w.out[0], h->step[0].gap_s), duration(&w.out[1], h->gap_after_s),
			h->contacts_after, h->pace_share);
	else if (h->twin)
		evidence_add(f, "pace", 0,
			"both run at one pace: every %s before, every %s after (%u contacts); only "
			"beginnings of such channels were counted, and of unrelated ones one in "
			"six has "
			"an equal pace",
			duration(&w.out[0], h->step[0].gap_s), duration(&w.out[1], h->gap_after_s),
			h->contacts_after);
	words_fini(&w);
}

static void moves(struct finding *f, const struct telling *t)
{
	double rest = tell_steps(f, t, STEPS_TOLD, move);
	if (t->hit->steps > STEPS_TOLD)
		evidence_add(f, "turn", rest, "it goes on like that for another %u moves",
			t->hit->steps - STEPS_TOLD);
}

static void turns(struct finding *f, const struct telling *t)
{
	const struct hit *h = t->hit;
	struct words w = {0};
	char gap[NAME_BYTES];
	(void)snprintf(gap, sizeof gap, "%s", duration(&w.out[0], h->step[0].gap_s));
	if (h->shuffled) {
		evidence_add(f, "turn", h->timing_bits,
			"%u endpoints share one clock: of the %u pauses between contacts with any "
			"of "
			"them %u are %s long, within a quarter; none keeps time alone",
			h->endpoints, h->pauses, h->regular, duration(&w.out[0], h->tick_s));
		words_fini(&w);
		return;
	}
	evidence_add(f, "turn", h->timing_bits,
		"%u endpoints are each contacted every %s, %s apart from one another within %s: "
		"one "
		"program goes around; clocks of their own would lie as evenly %s",
		h->steps + 1, gap, duration(&w.out[0], h->tick_s),
		duration(&w.out[1], h->tick_error_s), odds(&w.out[2], exp2(-h->timing_bits)));
	words_fini(&w);
}

static void deaddrop_step(
	struct finding *f, const struct telling *t, const struct step *s, double bits)
{
	bool read = t->view->attempt[s->from_attempt].outcome == OUTCOME_OK;
	struct words w = {0};
	char from[2 * NAME_BYTES], to[2 * NAME_BYTES];
	(void)snprintf(from, sizeof from, "%s", place(&w.out[0], t->view, s->from));
	(void)snprintf(to, sizeof to, "%s", place(&w.out[0], t->view, s->to));
	if (read)
		evidence_add(f, "deaddrop", bits,
			"%s was read, where anybody can leave a text, and %s later this host met "
			"%s for the first time%s: by accident so soon %s",
			from, duration(&w.out[0], s->delay_s), to,
			t->view->channel[s->to].named ? "" : ", an address that no name led to",
			odds(&w.out[1], s->chance));
	else
		evidence_add(f, "timing", bits,
			"%s %s, and %s after that %s was read: by accident so soon %s", from,
			failed_how(&w.out[0], t->view, s), duration(&w.out[1], s->delay_s), to,
			odds(&w.out[2], s->chance));
	words_fini(&w);
}

static void deaddrop(struct finding *f, const struct telling *t)
{
	const uint32_t told = 2 * STEPS_TOLD; /* a failure and a reading make one */
	double rest = tell_steps(f, t, told, deaddrop_step);
	if (t->hit->steps > told)
		evidence_add(f, "deaddrop", rest, "it goes on like that for another %u steps",
			t->hit->steps - told);
}

static void split(struct finding *f, const struct telling *t)
{
	const struct hit *h = t->hit;
	struct words w = {0};
	evidence_add(f, "volume", h->what_bits,
		"%s went to %u parties in %u pieces of %s to %s each, within %s: by accident the "
		"sizes of "
		"several parties are not so near to one another",
		volume(&w.out[0], h->bytes), h->places, h->messages,
		volume(&w.out[1], h->low_bytes), volume(&w.out[2], h->high_bytes),
		duration(&w.out[3], h->span_s));
	if (h->timing_bits - h->what_bits > 0.05)
		evidence_add(f, "order", h->timing_bits - h->what_bits,
			"they took turns more evenly than chance would have it");
	else
		evidence_add(f, "order", h->timing_bits - h->what_bits, "their order says nothing");
	words_fini(&w);
}

static void route(struct finding *f, const struct telling *t)
{
	const struct step *s = &t->hit->step[0];
	const struct view *v = t->view;
	static const char *const ways[] = {"directly", "through a proxy"};
	bool was = v->channel[s->from].channel->proxied, is = v->channel[s->to].channel->proxied;
	struct words w = {0};
	char from[2 * NAME_BYTES], to[2 * NAME_BYTES];
	(void)snprintf(from, sizeof from, "%s", place(&w.out[0], v, s->from));
	(void)snprintf(to, sizeof to, "%s", place(&w.out[0], v, s->to));
	evidence_add(f, "route", t->hit->timing_bits,
		"%s, asked for %s, %s, and %s after that the same target was asked for %s for the "
		"first "
		"time (%s); other targets come that way at %s: by accident so soon %s",
		from, was == is ? "inside DNS" : ways[was], failed_how(&w.out[0], v, s),
		duration(&w.out[1], s->delay_s), ways[is], to, pace(&w.out[2], s->rate),
		odds(&w.out[3], s->chance));
	words_fini(&w);
}

void evidence_write(struct finding *f, const struct telling *t)
{
	evidence_fini(f);
	switch (t->hit->kind) {
	case HIT_CHAIN:
		chain(f, t);
		break;
	case HIT_SAME_NAME:
		same_name(f, t);
		return;
	case HIT_POOL:
		pool(f, t);
		return;
	case HIT_METRONOME:
		metronome(f, t);
		break;
	case HIT_PAIR:
	case HIT_PAIR_METRONOME:
		pair(f, t);
		break;
	case HIT_NAMES:
		names(f, t);
		break;
	case HIT_HANDOVER:
		handover(f, t);
		break;
	case HIT_MOVES:
		moves(f, t);
		break;
	case HIT_TURNS:
		turns(f, t);
		break;
	case HIT_TUNNEL:
		tunnel(f, t);
		break;
	case HIT_DEADDROP:
		deaddrop(f, t);
		break;
	case HIT_SPLIT:
		split(f, t);
		break;
	case HIT_ROUTE:
		route(f, t);
		break;
	}
	evidence_terms(f, t);
}

/* Whether it is said already, as it is or as another look's. */
static bool has_text(const struct finding *f, const char *text)
{
	for (size_t i = 0; i < f->evidences; i++)
		if (strncmp(f->evidence[i].text, text, strlen(text)) == 0)
			return true;
	return false;
}

/* What a later look counts again, with more in it. */
static bool counts_on(const struct finding *f, const struct hit *h, const char *kind)
{
	if (h->kind != HIT_TUNNEL && h->kind != HIT_SPLIT)
		return false;
	for (size_t i = 0; i < f->evidences; i++)
		if (strcmp(f->evidence[i].kind, kind) == 0 ||
			(strcmp(f->evidence[i].kind, "also") == 0 && strcmp(kind, "volume") == 0))
			return true;
	return false;
}

void evidence_also(struct finding *f, const struct telling *t)
{
	struct finding other = {0};
	evidence_write(&other, t);
	for (size_t i = 0; i < other.evidences; i++) {
		const struct finding_evidence *e = &other.evidence[i];
		bool main = strcmp(e->kind, "chances") != 0 && strcmp(e->kind, "likeness") != 0 &&
		            strcmp(e->kind, "intervention") != 0;
		if (main && i == 0 && !has_text(f, e->text) && !counts_on(f, t->hit, e->kind))
			evidence_add(f, "also", 0,
				"%s (the same failures seen another way: not added up)", e->text);
	}
	evidence_fini(&other);
}
