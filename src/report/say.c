#include "report/say.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "report/told.h"

#define SAFELIST_NAME_BYTES 255u

#define NAME_BYTES_MAX 255 /* RFC 1035 2.3.4 */
#define PATH_BYTES_MAX 200
#define DAYS_PER_YEAR  365.25

/* Intervals within this share of their median are a rhythm. */
#define RHYTHM_SPREAD    0.15
#define RHYTHM_INTERVALS 4

enum standing finding_standing(const struct report_case *c, const struct finding *f)
{
	if (f->ruling != NULL)
		return f->ruling->kind == RULING_REJECTED ? STANDING_REJECTED : STANDING_REPORTED;
	if (f->explained != NULL)
		return STANDING_EXPLAINED;
	return f->e_value <= c->max_e ? STANDING_REPORTED : STANDING_WEAKER;
}

struct tally case_tally(const struct report_case *c)
{
	struct tally tally = {0};
	for (size_t i = 0; i < c->findings; i++) {
		enum standing standing = finding_standing(c, c->finding[i]);
		tally.reported += standing == STANDING_REPORTED;
		tally.weaker += standing == STANDING_WEAKER;
		tally.explained += standing == STANDING_EXPLAINED;
		tally.rejected += standing == STANDING_REJECTED;
	}
	return tally;
}

const struct finding *case_closest(const struct report_case *c)
{
	for (size_t i = 0; i < c->findings; i++)
		if (finding_standing(c, c->finding[i]) == STANDING_WEAKER)
			return c->finding[i];
	return NULL;
}

const char *outcome_meaning(enum outcome outcome)
{
	static const char *const meanings[OUTCOME_COUNT] = {
		[OUTCOME_UNKNOWN] = "the source cannot tell how it ended",
		[OUTCOME_OK] = "answered",
		[OUTCOME_REFUSED] = "a reset answered the first packet",
		[OUTCOME_SILENT] = "nothing answered",
		[OUTCOME_UNREACHABLE] = "an ICMP message said that it cannot be reached",
		[OUTCOME_RESET] = "cut before any answer",
		[OUTCOME_NXDOMAIN] = "the name does not exist",
		[OUTCOME_SERVFAIL] = "the name server failed or declined",
		[OUTCOME_DNS_SILENT] = "no name server answered",
		[OUTCOME_TLS_ALERT] = "the server ended the TLS handshake with an alert",
		[OUTCOME_HTTP_ERROR] = "every HTTP answer was an error",
		[OUTCOME_DENIED] = "a firewall said that it dropped it",
		[OUTCOME_SINKHOLED] = "the name was answered with a blocking address",
		[OUTCOME_STALLED] = "open, asked, and then the other side fell silent",
	};
	return meanings[outcome];
}

void say_count(struct out *o, uint64_t n)
{
	if (n >= 1000) {
		say_count(o, n / 1000);
		out_printf(o, ",%03" PRIu64, n % 1000);
	} else {
		out_printf(o, "%" PRIu64, n);
	}
}

void say_plural(struct out *o, uint64_t n, const char *noun)
{
	say_count(o, n);
	out_printf(o, n == 1 ? " %s" : " %ss", noun);
}

void say_span(struct out *o, int64_t ns)
{
	static const struct {
		int64_t seconds;
		const char *name;
	} units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
	int64_t seconds = ns / NS_PER_S;
	if (seconds < 60) {
		out_duration(o, ns < 0 ? 0 : ns);
		return;
	}
	size_t i = 0;
	while (seconds < units[i].seconds)
		i++;
	out_printf(o, "%" PRId64 " %s", seconds / units[i].seconds, units[i].name);
	int64_t rest = seconds % units[i].seconds / units[i + 1].seconds;
	if (rest > 0)
		out_printf(o, " %" PRId64 " %s", rest, units[i + 1].name);
}

void say_bytes(struct out *o, uint64_t n)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
	double value = (double)n;
	size_t unit = 0;
	for (; value >= 999.5 && unit + 1 < ARRAY_LEN(units); unit++)
		value /= 1000;
	out_printf(o, unit == 0 || value >= 9.95 ? "%.0f %s" : "%.1f %s", value, units[unit]);
}

/* Two digits; without leading zeros in the exponent, which C writes. */
void say_e(struct out *o, double e)
{
	char text[32];
	if (!(e > 0)) {
		out_text(o, "0");
		return;
	}
	(void)snprintf(text, sizeof text, e >= 0.0001 && e < 1000 ? "%.2g" : "%.1e", e);
	if (e >= 10 && e < 1000)
		(void)snprintf(text, sizeof text, "%.0f", e);
	size_t mantissa = strcspn(text, "e");
	out_bytes(o, text, mantissa);
	if (text[mantissa] == '\0')
		return;
	const char *exponent = text + mantissa + 1;
	out_text(o, *exponent == '-' ? "e-" : "e");
	out_text(o, exponent + strspn(exponent, "+-0"));
}

void say_techniques(struct out *o, enum finding_kind kind)
{
	const struct technique *const *technique = told_techniques(kind);
	for (size_t i = 0; technique[i] != NULL; i++)
		out_printf(o, "%s%s", i == 0 ? "" : " ", technique[i]->id);
}

static bool is_address(const struct finding_channel *ch)
{
	struct addr addr;
	return addr_parse(ch->endpoint, &addr) == 0;
}

void say_endpoint(struct out *o, const struct finding_channel *ch)
{
	bool bracket = ch->port != 0 && is_address(ch) && strchr(ch->endpoint, ':') != NULL;
	out_text(o, bracket ? "[" : "");
	out_safe(o, ch->endpoint, NAME_BYTES_MAX);
	out_text(o, bracket ? "]" : "");
	if (ch->port != 0 && ch->transport != TRANSPORT_ICMP)
		out_printf(o, ":%u", ch->port);
}

void say_address(struct out *o, const struct addr *a)
{
	char text[ADDR_TEXT_BYTES];
	out_text(o, addr_text(a, text));
}

bool say_is_also(const struct finding_evidence *e)
{
	return strcmp(e->kind, "also") == 0;
}

double say_bits(double bits)
{
	return fmax(-9999, fmin(9999, bits));
}

void say_service(struct out *o, const struct finding_channel *ch)
{
	if (ch->service != NULL)
		out_safe(o, ch->service, 16);
	else if (ch->transport != TRANSPORT_OTHER)
		out_text(o, transport_name(ch->transport));
	else
		out_text(o, "name");
}

void say_row(struct out *o, const struct finding *f, const struct row *row)
{
	if (row->channels == 1)
		say_endpoint(o, &f->channel[row->channel[0]]);
	else
		out_printf(o, "%zu more", row->channels);
}

static int compare_ns(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

int64_t channel_rhythm(const struct finding *f, size_t channel)
{
	int64_t interval[FINDING_TICKS_MAX];
	size_t n = 0;
	const struct finding_tick *last = NULL;
	for (size_t i = 0; i < f->ticks; i++) {
		const struct finding_tick *tick = &f->tick[i];
		if (tick->channel != channel || tick->outcome != OUTCOME_OK)
			continue;
		if (last != NULL && tick->at_ns - last->at_ns < BURST_GAP_NS)
			continue;
		if (last != NULL)
			interval[n++] = tick->at_ns - last->at_ns;
		last = tick;
	}
	if (n < RHYTHM_INTERVALS)
		return 0;
	qsort(interval, n, sizeof interval[0], compare_ns);
	/* half of them must be close: a missed beat does not break a rhythm */
	int64_t median = interval[n / 2];
	size_t quarter = n / 4;
	int64_t spread = interval[n - 1 - quarter] - interval[quarter];
	return (double)spread <= RHYTHM_SPREAD * (double)median ? median : 0;
}

/* Whether all failures that the timeline shows are of the one kind. */
static bool fails_one_way(const struct finding *f, const struct row *row)
{
	for (size_t i = 0; i < f->ticks; i++) {
		const struct finding_tick *tick = &f->tick[i];
		for (size_t k = 0; k < row->channels; k++)
			if (tick->channel == row->channel[k] && outcome_is_failure(tick->outcome) &&
				tick->outcome != row->failure)
				return false;
	}
	return true;
}

/* "before 3 of 40 after" */
static void say_of(
	struct out *o, const char *before, uint64_t part, uint64_t whole, const char *after)
{
	out_text(o, before);
	say_count(o, part);
	out_text(o, " of ");
	say_count(o, whole);
	out_text(o, after);
}

static void say_failures(struct out *o, const struct finding *f, const struct row *row)
{
	bool one_way = fails_one_way(f, row);
	out_text(o, one_way ? outcome_name(row->failure) : "failed");
	if (row->tries == 1)
		out_text(o, " once");
	else if (row->failures >= row->tries)
		say_of(o, " every time (", row->failures, row->tries, ")");
	else
		say_of(o, " ", row->failures, row->tries, " times");
	if (!one_way)
		out_printf(o, ", mostly %s", outcome_name(row->failure));
}

void say_result(struct out *o, const struct finding *f, const struct row *row)
{
	if (row->tries == 0) {
		out_text(o, "never opened");
		return;
	}
	if (row->failures > 0)
		say_failures(o, f, row);
	else if (row->failure == OUTCOME_UNKNOWN)
		out_text(o, "outcome unknown");
	else if (row->tries == 1)
		out_text(o, "answered once");
	else
		say_of(o, "answered every time (", row->tries, row->tries, ")");
	int64_t rhythm = row->channels == 1 ? channel_rhythm(f, row->channel[0]) : 0;
	if (rhythm > 0) {
		out_text(o, ", every ");
		out_duration(o, rhythm);
	}
}

void say_traffic(struct out *o, const struct finding_channel *ch)
{
	if (ch->bytes_out == 0 && ch->bytes_in == 0)
		return;
	say_bytes(o, ch->bytes_out);
	out_text(o, " out, ");
	say_bytes(o, ch->bytes_in);
	out_text(o, " in");
}

/* A list that stops after a few. */
static void say_item(struct out *o, size_t index, size_t count, const char *item)
{
	const size_t most = 3;
	if (index < most) {
		out_text(o, index == 0 ? "" : ", ");
		out_safe(o, item, NAME_BYTES_MAX);
	} else if (index == most) {
		out_printf(o, " and %zu more", count - most);
	}
}

static void say_members(struct out *o, const struct finding *f, const struct row *row)
{
	for (size_t i = 0; i < row->channels; i++) {
		struct out item = {0};
		say_endpoint(&item, &f->channel[row->channel[i]]);
		say_item(o, i, row->channels, out_string(&item));
		out_fini(&item);
	}
}

void say_naming(struct out *o, const struct finding *f, const struct row *row)
{
	if (row->channels > 1) {
		say_members(o, f, row);
		return;
	}
	const struct finding_channel *ch = &f->channel[row->channel[0]];
	bool bare = is_address(ch);
	if (bare && ch->name_count == 0)
		out_text(o, "no name");
	size_t named = 0, others = 0;
	for (size_t i = 0; i < ch->name_count; i++)
		others += strcmp(ch->names[i], ch->endpoint) != 0;
	for (size_t i = 0; i < ch->name_count; i++)
		if (strcmp(ch->names[i], ch->endpoint) != 0)
			say_item(o, named++, others, ch->names[i]);
	if (!bare && ch->addr_count > 0) {
		out_text(o, named > 0 ? " at " : "at ");
		for (size_t i = 0; i < ch->addr_count; i++) {
			char text[ADDR_TEXT_BYTES];
			say_item(o, i, ch->addr_count, addr_text(&ch->addrs[i], text));
		}
	}
}

/* One in how long, said of a single host. */
static void say_once_in(struct out *o, double days)
{
	if (days < 0.8)
		out_printf(o, "about %.2g times a day on one host", 1 / days);
	else if (days < 10)
		out_printf(o, "about once in %.2g days of one host", days);
	else if (days < 1000)
		out_printf(o, "about once in %.0f days of one host", days);
	else if (days < 1e6 * DAYS_PER_YEAR) {
		out_text(o, "about once in ");
		say_count(o, (uint64_t)(days / DAYS_PER_YEAR + 0.5));
		out_text(o, " years of one host");
	} else
		out_text(o, "less than once in a million years of one host");
}

void say_e_meaning(struct out *o, const struct finding *f, const struct summary *s)
{
	out_text(o, "by accident, innocent traffic shows something this strong ");
	say_once_in(o, 1 / fmax(f->e_value, 1e-300));
	if (s->host_days > 0) {
		out_text(o, ", ");
		say_e(o, f->e_value * s->host_days);
		out_text(o, " times in the ");
		say_e(o, s->host_days);
		out_text(o, " host-days read here");
	}
	for (size_t i = 0; i < f->evidences; i++)
		if (strcmp(f->evidence[i].kind, "people") == 0) {
			out_text(o, "; what people here rejected before is counted in.");
			return;
		}
	out_text(o, f->measured ? " (measured: decoys in this traffic agree)."
				: " (a model, not yet measured on this traffic); software that "
				  "falls back for honest reasons comes on top.");
}

void say_considered(struct out *o)
{
	out_text(o, "one name or address, one operator, neighbours in one network, a search suffix "
		    "or a "
		    "resolver's retry, a popular or probing service, a page or schedule that calls "
		    "both, "
		    "side by side, peer-to-peer, a scan, a package tool's mirrors, a proxy before "
		    "everything");
}

static bool only_packets(const struct report_case *c)
{
	for (size_t i = 0; i < c->inputs; i++) {
		const char *format = c->input[i]->format;
		if (format != NULL && strncmp(format, "pcap", 4) != 0)
			return false;
	}
	return true;
}

void say_inputs(struct out *o, const struct report_case *c)
{
	size_t read = 0, said = 0;
	for (size_t i = 0; i < c->inputs; i++)
		read += c->input[i]->error == 0;
	if (read == 0 || read > 2)
		say_plural(o, read, "file");
	for (size_t i = 0; i < c->inputs && read <= 2; i++) {
		const struct input *input = c->input[i];
		if (input->error != 0)
			continue;
		const char *slash = strrchr(input->path, '/');
		const char *name = slash == NULL ? input->path : slash + 1;
		out_text(o, said++ == 0 ? "" : " and ");
		out_safe(o, strcmp(name, "-") == 0 ? "standard input" : name, PATH_BYTES_MAX);
	}
}

void say_read(struct out *o, const struct report_case *c)
{
	const struct summary *s = c->summary;
	say_inputs(o, c);
	out_text(o, ": ");
	say_plural(o, s->records, only_packets(c) ? "packet" : "record");
	out_text(o, ", ");
	say_span(o, s->last_ns - s->first_ns);
	out_text(o, ", ");
	say_plural(o, s->hosts, "host");
	out_text(o, ", ");
	say_plural(o, s->connections, "connection");
	out_text(o, ", ");
	out_duration(o, (int64_t)(s->seconds * 1e9));
}

void say_calibration(struct out *o, const struct report_case *c)
{
	const struct calibration *cal = &c->summary->calibration;
	size_t i = 0;
	while (i + 1 < CALIBRATION_LINES && cal->line[i + 1].stated >= c->max_e)
		i++;
	const struct calibration_line *line = &cal->line[i];
	if (!(cal->decoy_host_days > 0))
		return;
	out_text(o, "calibration: successes taken for failures gave ");
	say_plural(o, line->findings, "finding");
	out_text(o, " at E ≤ ");
	say_e(o, line->stated);
	out_text(o, " in ");
	say_e(o, cal->decoy_host_days);
	out_text(o, " host-days; E states ");
	say_e(o, line->stated * cal->decoy_host_days);
}

void say_safelist(struct out *o, const struct report_case *c)
{
	const struct safelist *s = c->summary->safelist;
	if (s == NULL)
		return;
	size_t idle = 0;
	out_text(o, "safelist ");
	out_safe(o, safelist_name(s), SAFELIST_NAME_BYTES);
	out_text(o, ": ");
	for (size_t i = 0; i < safelist_count(s); i++) {
		const struct safelist_entry *e = safelist_get(s, i);
		if (e->hid == 0) {
			idle++;
			continue;
		}
		out_safe(o, e->text, SAFELIST_NAME_BYTES);
		out_printf(o, " (line %u) hid ", e->line);
		say_plural(o, e->hid, "finding");
		out_text(o, "; ");
	}
	say_plural(o, idle, idle == safelist_count(s) ? "line" : "other line");
	out_text(o, " hid nothing");
}

void say_verdict(struct out *o, const struct report_case *c)
{
	struct tally tally = case_tally(c);
	if (tally.reported == 0)
		out_text(o, "no findings");
	else
		say_plural(o, tally.reported, "finding");
	out_text(o, " (E ≤ ");
	say_e(o, c->max_e);
	out_text(o, "), ");
	say_count(o, tally.explained);
	out_text(o, " explained as benign, ");
	say_count(o, tally.weaker);
	out_text(o, " weaker");
	if (tally.rejected == 0)
		return;
	out_text(o, ", ");
	say_count(o, tally.rejected);
	out_text(o, " rejected");
}

void say_route(struct out *o, const struct finding *f)
{
	const struct finding_switch *last = f->switches == 0 ? NULL : &f->sw[f->switches - 1];
	const struct finding_channel *from =
		last == NULL ? &f->channel[0] : &f->channel[f->sw[0].from];
	say_endpoint(o, from);
	if (last == NULL)
		return;
	out_text(o, " → ");
	say_endpoint(o, &f->channel[last->to]);
}

static const struct finding_evidence *strongest(const struct finding *f)
{
	const struct finding_evidence *best = NULL;
	for (size_t i = 0; i < f->evidences; i++)
		if (best == NULL || f->evidence[i].bits > best->bits)
			best = &f->evidence[i];
	return best;
}

void say_ruling(struct out *o, const struct ruling *ruling)
{
	if (ruling == NULL)
		return;
	out_text(o, ruling_name(ruling->kind));
	if (ruling->by != NULL) {
		out_text(o, " by ");
		out_safe(o, ruling->by, RULING_BY_BYTES);
	}
	out_text(o, ", ");
	out_time(o, ruling->at_ns);
	if (ruling->why[0] == '\0')
		return;
	out_text(o, ": ");
	out_safe(o, ruling->why, RULING_WHY_BYTES);
}

void say_reason(struct out *o, const struct finding *f)
{
	const struct finding_evidence *best = strongest(f);
	if (f->ruling != NULL && f->ruling->kind == RULING_REJECTED)
		say_ruling(o, f->ruling);
	else if (f->explained != NULL)
		out_printf(o, "%s: %s", f->explained,
			f->explained_text == NULL ? "" : f->explained_text);
	else if (best != NULL)
		out_text(o, best->text);
}

void say_input(struct out *o, const struct input *input)
{
	out_safe(o, input->path, PATH_BYTES_MAX);
	out_printf(o, ": %s", input->format == NULL ? "not read" : input->format);
	if (input->packing != NULL)
		out_printf(o, " in %s", input->packing);
	out_text(o, ", ");
	say_plural(o, input->frames, "record");
	if (input->text[0] != '\0') {
		out_text(o, "; ");
		out_safe(o, input->text, FAIL_BYTES);
	}
}
