#include "ingest/syslog.h"

#include <errno.h>
#include <stdio.h>

#include "base/limits.h"
#include "base/scan.h"
#include "ingest/lines.h"

#define DAY_NS (86400 * NS_PER_S)

/* ---- stamps ---- */

static size_t count_digits(struct cur c, size_t max)
{
	size_t n = 0;
	while (n < c.len && n < max && c.ptr[n] >= '0' && c.ptr[n] <= '9')
		n++;
	return n;
}

static bool take(struct cur *c, const char *text)
{
	struct span s = {c->ptr, c->len};
	if (!span_begins(s, text))
		return false;
	cur_skip(c, strlen(text));
	return true;
}

/* Up to the next space, which goes with it; one space and no other stands between two words. */
static struct span word(struct cur *c)
{
	const uint8_t *end = c->len == 0 ? NULL : memchr(c->ptr, ' ', c->len);
	struct span s = cur_bytes(c, end == NULL ? c->len : (size_t)(end - c->ptr));
	(void)take(c, " ");
	return s;
}

static bool number(struct cur *c, size_t digits_max, uint64_t max, uint64_t *ret)
{
	return scan_max(cur_bytes(c, count_digits(*c, digits_max)), max, ret) == 0;
}

/* "Nov" is 11, 0 is none. */
static unsigned take_month(struct cur *c)
{
	static const char *const names[] = {
		"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	for (unsigned i = 0; i < ARRAY_LEN(names); i++)
		if (take(c, names[i]))
			return i + 1;
	return 0;
}

static bool take_weekday(struct cur *c)
{
	static const char *const names[] = {"Mon ", "Tue ", "Wed ", "Thu ", "Fri ", "Sat ", "Sun "};
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (take(c, names[i]))
			return true;
	return false;
}

struct date {
	uint64_t year; /* 0 unknown */
	unsigned month;
	uint64_t day;
	struct span clock; /* "18:40:53.123456" */
};

static bool time_in_year(const struct date *d, uint64_t year, int64_t *ret_ns)
{
	char text[64];
	int n = snprintf(text, sizeof text, "%04u-%02u-%02uT%.*s", (unsigned)year, d->month,
		(unsigned)d->day, (int)d->clock.len, (const char *)d->clock.ptr);
	/* a day that the month does not have would become one of the next */
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	if (n < 0 || (size_t)n >= sizeof text ||
		d->day > days[d->month - 1] + (unsigned)(leap && d->month == 2))
		return false;
	return scan_iso(span_of(text), ret_ns) == 0;
}

/* The last year in which the stamp is not later than a day after the file was written. */
static const char *find_year(const struct date *d, int64_t written_ns, int64_t *ret_ns)
{
	if (written_ns <= 0)
		return "its time has no year, and the input no date";
	uint64_t year = 1970 + (uint64_t)(written_ns / DAY_NS) / 365 + 1;
	for (unsigned i = 0; i < 10 && year >= 1970; i++, year--)
		if (time_in_year(d, year, ret_ns) && *ret_ns <= written_ns + DAY_NS)
			return NULL;
	return "no time in it";
}

static const char *settle(const struct date *d, int64_t written_ns, struct syslog_line *ret)
{
	ret->yearless = d->year == 0;
	if (d->year == 0)
		return find_year(d, written_ns, &ret->time_ns);
	if (!time_in_year(d, d->year, &ret->time_ns))
		return "no time in it";
	return NULL;
}

/* "Nov  5 18:40:53", also with a fraction, with a year before or behind the clock, and with a colon
 * behind it. */
static bool take_bsd(struct cur *c, struct date *ret)
{
	struct date d = {.month = take_month(c)};
	if (d.month == 0 || !take(c, " "))
		return false;
	(void)take(c, " ");
	if (!number(c, 2, 31, &d.day) || d.day == 0 || !take(c, " "))
		return false;
	if (count_digits(*c, 5) == 4 && (!number(c, 4, 9999, &d.year) || !take(c, " ")))
		return false;
	d.clock = word(c);
	if (d.clock.len > 0 && d.clock.ptr[d.clock.len - 1] == ':')
		d.clock.len--;
	if (d.year == 0 && count_digits(*c, 5) == 4 && c->len > 4 && c->ptr[4] == ' ' &&
		(!number(c, 4, 9999, &d.year) || !take(c, " ")))
		return false;
	*ret = d;
	return d.clock.len >= 8 && d.clock.ptr[2] == ':';
}

static bool has_zone(struct span stamp)
{
	struct span clock = {stamp.ptr + 10, stamp.len - 10}; /* behind the date */
	return span_has(clock, 'Z') || span_has(clock, 'z') || span_has(clock, '+') ||
	       span_has(clock, '-');
}

/* "2026-11-25T18:40:53.123456+00:00", "2026-11-25 18:40:53". */
static const char *take_iso(struct cur *c, struct syslog_line *ret)
{
	struct cur both = *c;
	struct span stamp = word(c);
	if (stamp.len == 10) {
		struct span clock = word(c);
		stamp = cur_bytes(&both, stamp.len + 1 + clock.len);
	}
	if (stamp.len < 19 || scan_iso(stamp, &ret->time_ns) < 0)
		return "no time in it";
	ret->zoneless = !has_zone(stamp);
	return NULL;
}

/* journalctl -o short-unix: "1764096053.123456". */
static const char *take_epoch(struct cur *c, struct syslog_line *ret)
{
	return scan_time(word(c), &ret->time_ns) < 0 ? "no time in it" : NULL;
}

/* "Wed 2026-11-25 18:40:53 UTC": the zone is a word. Only that of UTC says how far it is off. */
static const char *take_full(struct cur *c, struct syslog_line *ret)
{
	const char *why = take_iso(c, ret);
	if (why != NULL)
		return why;
	struct span zone = word(c);
	ret->zoneless = !span_is(zone, "UTC") && !span_is(zone, "GMT");
	return NULL;
}

/* dmesg -T: "[Wed Nov 25 18:40:53 2026] ". */
static const char *take_dmesg(struct cur *c, struct syslog_line *ret)
{
	struct date d = {0};
	const uint8_t *end = memchr(c->ptr, ']', c->len);
	if (!take(c, "[") || end == NULL)
		return "no time in it";
	struct cur in = cur_sub(c, (size_t)(end - c->ptr));
	cur_skip(c, 1);
	(void)take(c, " ");
	if (!take_weekday(&in) || !take_bsd(&in, &d)) /* its year stands last */
		return "no time in it";
	if (d.year == 0 && scan_max((struct span){in.ptr, in.len}, 9999, &d.year) < 0)
		return "no time in it";
	ret->zoneless = true;
	return settle(&d, 0, ret);
}

/* ---- what stands behind the stamp ---- */

static bool is_tag(struct span s)
{
	return s.len > 1 && s.ptr[s.len - 1] == ':' && span_find(s, "=") == s.len &&
	       span_find(s, "|") == s.len;
}

/* "kernel:", "sshd[123]:" */
static struct span bare_tag(struct span s)
{
	struct span name = {s.ptr, s.len - 1}, rest = name;
	return span_next(&rest, '[', &name) ? name : s;
}

/* "[12345.678901] " */
static void take_uptime(struct cur *c, struct syslog_line *ret)
{
	struct cur in = *c;
	if (!take(&in, "["))
		return;
	while (take(&in, " "))
		;
	const uint8_t *end = in.len == 0 ? NULL : memchr(in.ptr, ']', in.len);
	int64_t ns = 0;
	if (end == NULL || scan_seconds(cur_bytes(&in, (size_t)(end - in.ptr)), &ns) < 0 || ns < 0)
		return;
	cur_skip(&in, 1);
	(void)take(&in, " ");
	ret->uptime_ns = ns;
	*c = in;
}

static void take_message(struct cur *c, struct syslog_line *ret)
{
	struct cur ahead = *c;
	struct span tag = word(&ahead);
	if (is_tag(tag)) {
		ret->tag = bare_tag(tag);
		*c = ahead;
	}
	take_uptime(c, ret);
	ret->message = (struct span){c->ptr, c->len};
}

/* RFC 5424 6.3: "-", or elements "[id name="value" ...]", in whose values \ escapes " ] \. */
static bool skip_structured_data(struct cur *c)
{
	if (take(c, "-"))
		return true;
	bool any = false;
	while (take(c, "[")) {
		bool quoted = false;
		any = true;
		for (;;) {
			uint8_t byte = cur_u8(c);
			if (!cur_ok(c))
				return false;
			if (byte == '\\' && quoted)
				cur_skip(c, 1);
			else if (byte == '"')
				quoted = !quoted;
			else if (byte == ']' && !quoted)
				break;
		}
	}
	return any;
}

/* RFC 5424: VERSION TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA MSG */
static const char *read_5424(struct cur *c, struct syslog_line *ret)
{
	const char *why = take_iso(c, ret);
	if (why != NULL)
		return why;
	(void)word(c); /* host */
	ret->tag = word(c);
	(void)word(c); /* process */
	(void)word(c); /* message id */
	if (!skip_structured_data(c))
		return "its structured data does not end";
	(void)take(c, " ");
	(void)take(c, "\xef\xbb\xbf");
	take_uptime(c, ret);
	ret->message = (struct span){c->ptr, c->len};
	return NULL;
}

/* "<134>": facility and severity. */
static void skip_priority(struct cur *c)
{
	struct cur in = *c;
	uint64_t priority;
	if (take(&in, "<") && number(&in, 3, 191, &priority) && take(&in, ">"))
		*c = in;
}

const char *syslog_read(struct span line, int64_t written_ns, struct syslog_line *ret)
{
	struct cur c = cur_of(line.ptr, line.len);
	struct date d = {0};
	const char *why = NULL;
	*ret = (struct syslog_line){.uptime_ns = -1};
	skip_priority(&c);
	if (take(&c, "1 ")) {
		why = read_5424(&c, ret);
		return why;
	}
	if (c.len > 0 && c.ptr[0] == '[') {
		why = take_dmesg(&c, ret);
		ret->message = (struct span){c.ptr, c.len};
		return why;
	}
	if (count_digits(c, 5) == 4)
		why = take_iso(&c, ret);
	else if (count_digits(c, 11) == 10)
		why = take_epoch(&c, ret);
	else if (take_weekday(&c))
		why = take_full(&c, ret);
	else if (take_bsd(&c, &d))
		why = settle(&d, written_ns, ret);
	else
		return "no time in it";
	ret->zoneless |= d.month != 0;
	if (why != NULL)
		return why;
	(void)word(&c); /* host */
	take_message(&c, ret);
	return NULL;
}

/* ---- the source ---- */

struct syslog {
	int64_t written_ns; /* of the file */
	int64_t boot_ns;    /* what the kernel's clock counts from; INT64_MIN unknown */
};

/* What looks like a line that syslogd wrote, or a message that speaks for itself. */
static bool claims(struct cur start)
{
	struct syslog_line line;
	struct span first = lines_first(start);
	/* any year will do here */
	const char *why = syslog_read(first, READER_TIME_MAX, &line);
	return cef_is(first) || (why == NULL && (line.tag.len > 0 || netfilter_is(line.message)));
}

static int syslog_open(struct reader *r, struct fail *why)
{
	struct syslog *log = calloc(1, sizeof *log);
	if (log == NULL)
		return fail_set(why, -ENOMEM, "%s", strerror(ENOMEM));
	log->written_ns = r->stream.unpack.raw.written_ns;
	log->boot_ns = INT64_MIN;
	r->log = log;
	return 0;
}

static void syslog_close(struct reader *r)
{
	free(r->log);
}

/* Stamps of whole seconds become finer where the kernel wrote its own clock beside them; a
 * suspended or restarted machine begins anew. */
static int64_t finer_time(struct syslog *log, const struct syslog_line *line)
{
	if (line->uptime_ns < 0 || line->time_ns % NS_PER_S != 0)
		return line->time_ns;
	int64_t off = log->boot_ns == INT64_MIN ? INT64_MAX
	                                        : log->boot_ns + line->uptime_ns - line->time_ns;
	if (off >= 2 * NS_PER_S || off <= -2 * NS_PER_S)
		log->boot_ns = line->time_ns - line->uptime_ns;
	return log->boot_ns + line->uptime_ns;
}

static bool syslog_next(struct reader *r, struct frame *ret)
{
	struct syslog *log = r->log;
	struct span text;
	struct syslog_line line;
	int64_t ns = r->last_ns;
	bool zoneless;
	if (!lines_next(r, &text))
		return false;
	if (syslog_read(text, log->written_ns, &line) == NULL)
		ns = finer_time(log, &line);
	if (cef_is(text))
		(void)cef_time(text, &ns, &zoneless);
	*ret = lines_frame(r, text, ns, log);
	return true;
}

static void remark_stamp(struct sink *sink, const struct syslog_line *line)
{
	if (line->yearless)
		sink_remark(sink, REMARK_NO_YEAR);
	if (line->zoneless)
		sink_remark(sink, REMARK_NO_ZONE);
}

bool syslog_message(struct sink *sink, const struct syslog_line *line, int64_t time_ns)
{
	if (squid_message(sink, line->message)) /* has a time of its own */
		return true;
	if (cef_is(line->message)) {
		if (!cef_message(sink, line->message, time_ns))
			remark_stamp(sink, line);
		return true;
	}
	bool known = netfilter_message(sink, line->message, time_ns) ||
	             filterlog_message(sink, line, time_ns);
	if (known)
		remark_stamp(sink, line);
	return known;
}

static void syslog_parse(struct sink *sink, const struct frame *row)
{
	const struct syslog *log = row->schema;
	struct syslog_line line;
	struct span text = {row->bytes, row->cap_bytes};
	const char *why = syslog_read(text, log->written_ns, &line);
	if (cef_is(text)) /* also where no stamp, or one of another kind, stands before it */
		line.message = text;
	else if (why != NULL) {
		sink_reject(sink, why);
		return;
	}
	if (!syslog_message(sink, &line, why == NULL ? row->time_ns : 0))
		sink_remark(sink, REMARK_OTHER_RECORDS);
}

const struct format format_syslog = {.name = "syslog",
	.claims = claims,
	.open = syslog_open,
	.next = syslog_next,
	.close = syslog_close,
	.parse = syslog_parse};
