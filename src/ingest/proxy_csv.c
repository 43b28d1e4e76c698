/* A proxy's log as a table whose first row names the columns: CSV with commas, semicolons or tabs
 * as many products export it, and W3C's extended format ("#Fields: date time c-ip cs-uri …") of
 * Blue Coat and its like. Columns are known by their names, whatever their order; those that are
 * not known are left alone. Needed: a time, the client, and the URL or the host. */
#include <errno.h>
#include <stdio.h>

#include "base/limits.h"
#include "base/scan.h"
#include "ingest/access.h"
#include "ingest/lines.h"

#define COLUMNS_MAX  128
#define HEADERS_MAX  64 /* different ones within one file */
#define TAKEN_MAX_MS (UINT64_C(86400000) * 30)

enum column {
	COLUMN_OTHER,
	COLUMN_TIME,
	COLUMN_DATE,
	COLUMN_CLOCK, /* "time" beside a "date" */
	COLUMN_TAKEN_MS,
	COLUMN_CLIENT,
	COLUMN_CLIENT_PORT,
	COLUMN_SERVER,
	COLUMN_PORT,
	COLUMN_HOST,
	COLUMN_URL,
	COLUMN_METHOD,
	COLUMN_STATUS,
	COLUMN_ACTION,
	COLUMN_USER,
	COLUMN_PROCESS,
	COLUMN_AGENT,
	COLUMN_OUT,
	COLUMN_IN,
	COLUMN_ID,
	COLUMNS
};

/* Names without their case, spaces, dashes, dots, underscores and brackets. */
static const struct {
	const char *name;
	enum column column;
} names[] = {{"timestamp", COLUMN_TIME}, {"time", COLUMN_TIME}, {"ts", COLUMN_TIME},
	{"datetime", COLUMN_TIME}, {"@timestamp", COLUMN_TIME}, {"eventtime", COLUMN_TIME},
	{"requesttime", COLUMN_TIME}, {"logtime", COLUMN_TIME}, {"date", COLUMN_DATE},
	{"timetaken", COLUMN_TAKEN_MS}, {"durationms", COLUMN_TAKEN_MS},
	{"elapsedms", COLUMN_TAKEN_MS}, {"cip", COLUMN_CLIENT}, {"client", COLUMN_CLIENT},
	{"clientip", COLUMN_CLIENT}, {"clientaddress", COLUMN_CLIENT}, {"src", COLUMN_CLIENT},
	{"srcip", COLUMN_CLIENT}, {"sourceip", COLUMN_CLIENT}, {"source", COLUMN_CLIENT},
	{"srcaddr", COLUMN_CLIENT}, {"sourceaddress", COLUMN_CLIENT}, {"internalip", COLUMN_CLIENT},
	{"cport", COLUMN_CLIENT_PORT}, {"clientport", COLUMN_CLIENT_PORT},
	{"srcport", COLUMN_CLIENT_PORT}, {"sourceport", COLUMN_CLIENT_PORT}, {"rip", COLUMN_SERVER},
	{"destip", COLUMN_SERVER}, {"dstip", COLUMN_SERVER}, {"dst", COLUMN_SERVER},
	{"destinationip", COLUMN_SERVER}, {"serverip", COLUMN_SERVER}, {"dstaddr", COLUMN_SERVER},
	{"csuriport", COLUMN_PORT}, {"port", COLUMN_PORT}, {"destport", COLUMN_PORT},
	{"dstport", COLUMN_PORT}, {"destinationport", COLUMN_PORT}, {"serverport", COLUMN_PORT},
	{"rport", COLUMN_PORT}, {"host", COLUMN_HOST}, {"cshost", COLUMN_HOST},
	{"csurihost", COLUMN_HOST}, {"hostname", COLUMN_HOST}, {"desthost", COLUMN_HOST},
	{"destinationhost", COLUMN_HOST}, {"domain", COLUMN_HOST}, {"dhost", COLUMN_HOST},
	{"urlhost", COLUMN_HOST}, {"url", COLUMN_URL}, {"uri", COLUMN_URL}, {"csuri", COLUMN_URL},
	{"curl", COLUMN_URL}, {"requesturl", COLUMN_URL}, {"request", COLUMN_URL},
	{"csmethod", COLUMN_METHOD}, {"method", COLUMN_METHOD}, {"requestmethod", COLUMN_METHOD},
	{"httpmethod", COLUMN_METHOD}, {"scstatus", COLUMN_STATUS}, {"status", COLUMN_STATUS},
	{"statuscode", COLUMN_STATUS}, {"httpstatus", COLUMN_STATUS},
	{"responsecode", COLUMN_STATUS}, {"httpstatuscode", COLUMN_STATUS},
	{"saction", COLUMN_ACTION}, {"scfilterresult", COLUMN_ACTION}, {"action", COLUMN_ACTION},
	{"act", COLUMN_ACTION}, {"verdict", COLUMN_ACTION}, {"decision", COLUMN_ACTION},
	{"csusername", COLUMN_USER}, {"user", COLUMN_USER}, {"username", COLUMN_USER},
	{"login", COLUMN_USER}, {"suser", COLUMN_USER}, {"process", COLUMN_PROCESS},
	{"processname", COLUMN_PROCESS}, {"csuseragent", COLUMN_AGENT}, {"useragent", COLUMN_AGENT},
	{"csbytes", COLUMN_OUT}, {"bytesout", COLUMN_OUT}, {"bytessent", COLUMN_OUT},
	{"requestsize", COLUMN_OUT}, {"scbytes", COLUMN_IN}, {"bytes", COLUMN_IN},
	{"bytesin", COLUMN_IN}, {"bytesreceived", COLUMN_IN}, {"responsesize", COLUMN_IN},
	{"requestid", COLUMN_ID}, {"transactionid", COLUMN_ID}, {"uid", COLUMN_ID}};

struct header {
	struct header *next;
	uint8_t separator;
	uint8_t columns;
	uint8_t column[COLUMNS_MAX]; /* enum column */
};

struct proxy_log {
	struct header *headers; /* the newest first; owned */
	uint32_t count;
};

/* ---- fields ---- */

/* The next field, without its quotes; a doubled quote within stays as it is. False: none is left.
 */
static bool next_field(struct span *rest, bool *more, uint8_t separator, struct span *ret)
{
	if (!*more)
		return false;
	size_t end = 0;
	bool quoted = rest->len > 0 && rest->ptr[0] == '"';
	for (bool inside = quoted; end < rest->len; end++) {
		uint8_t c = rest->ptr[end];
		if (c == '"' && quoted && end > 0)
			inside = !inside;
		else if (c == separator && !inside)
			break;
	}
	struct span field = {rest->ptr, end};
	if (quoted && end >= 2 && rest->ptr[end - 1] == '"')
		field = (struct span){rest->ptr + 1, end - 2};
	*more = end < rest->len;
	*rest = *more ? (struct span){rest->ptr + end + 1, rest->len - end - 1} : (struct span){0};
	*ret = separator == ' ' ? field : span_trim(field);
	return true;
}

static enum column column_of(struct span name)
{
	char plain[32];
	size_t len = 0;
	for (size_t i = 0; i < name.len && len < sizeof plain - 1; i++) {
		uint8_t c = name.ptr[i];
		bool upper = c >= 'A' && c <= 'Z';
		if (upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '@')
			plain[len++] = (char)(upper ? c | 0x20 : c);
	}
	plain[len] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(plain, names[i].name) == 0)
			return names[i].column;
	return COLUMN_OTHER;
}

static bool has(const struct header *h, enum column column)
{
	for (size_t i = 0; i < h->columns; i++)
		if (h->column[i] == column)
			return true;
	return false;
}

static bool is_useful(const struct header *h)
{
	return has(h, COLUMN_TIME) && has(h, COLUMN_CLIENT) &&
	       (has(h, COLUMN_URL) || has(h, COLUMN_HOST));
}

/* False: too many columns, or none of those that are needed. Of two with one name the first counts.
 */
static bool read_header(struct span line, uint8_t separator, struct header *ret)
{
	struct header h = {.separator = separator};
	struct span field;
	bool more = line.len > 0;
	while (next_field(&line, &more, separator, &field)) {
		enum column c = column_of(field);
		if (h.columns == COLUMNS_MAX)
			return false;
		h.column[h.columns++] = (uint8_t)(has(&h, c) ? COLUMN_OTHER : c);
	}
	/* a date of its own, and the time of that day */
	for (size_t i = 0; i < h.columns && has(&h, COLUMN_DATE); i++)
		if (h.column[i] == COLUMN_TIME)
			h.column[i] = COLUMN_CLOCK;
	*ret = h;
	return is_useful(&h) || (has(&h, COLUMN_CLOCK) && has(&h, COLUMN_CLIENT) &&
					(has(&h, COLUMN_URL) || has(&h, COLUMN_HOST)));
}

static bool read_w3c(struct span line, struct header *ret)
{
	static const char word[] = "#Fields:";
	if (!span_begins(line, word))
		return false;
	struct span rest = {line.ptr + sizeof word - 1, line.len - (sizeof word - 1)};
	rest = span_trim(rest);
	return read_header(rest, span_has(rest, '\t') ? '\t' : ' ', ret);
}

static bool read_csv(struct span line, struct header *ret)
{
	static const uint8_t separators[] = {',', '\t', ';'};
	for (size_t i = 0; i < sizeof separators; i++)
		if (read_header(line, separators[i], ret))
			return true;
	return false;
}

/* ---- the source ---- */

/* W3C's directives stand before "#Fields:". */
static bool claims(struct cur start)
{
	struct header h;
	struct span rest = {start.ptr, start.len}, line;
	while (span_next(&rest, '\n', &line)) {
		while (line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		if (!span_begins(line, "#"))
			return read_csv(line, &h);
		if (read_w3c(line, &h))
			return true;
		if (!span_begins(line, "#Software:") && !span_begins(line, "#Version:") &&
			!span_begins(line, "#Start-Date:") && !span_begins(line, "#Date:") &&
			!span_begins(line, "#Remark:"))
			return false;
	}
	return false;
}

static int proxy_open(struct reader *r, struct fail *why)
{
	r->log = calloc(1, sizeof(struct proxy_log));
	return r->log == NULL ? fail_set(why, -ENOMEM, "%s", strerror(ENOMEM)) : 0;
}

static void proxy_close(struct reader *r)
{
	struct proxy_log *log = r->log;
	for (struct header *h = log == NULL ? NULL : log->headers; h != NULL;) {
		struct header *next = h->next;
		free(h);
		h = next;
	}
	free(log);
}

/* False: no room for another. */
static bool keep_header(struct proxy_log *log, const struct header *h)
{
	const struct header *last = log->headers;
	if (last != NULL && last->separator == h->separator && last->columns == h->columns &&
		memcmp(last->column, h->column, h->columns) == 0)
		return true;
	struct header *copy = log->count < HEADERS_MAX ? malloc(sizeof *copy) : NULL;
	if (copy == NULL)
		return false;
	*copy = *h;
	copy->next = log->headers;
	log->headers = copy;
	log->count++;
	return true;
}

/* The row's fields by what they are. False: it has more or fewer than its header. */
static bool take_fields(const struct header *h, struct span line, struct span ret[static COLUMNS])
{
	bool more = true;
	struct span field;
	size_t n = 0;
	for (; next_field(&line, &more, h->separator, &field); n++)
		if (n < h->columns)
			ret[h->column[n]] = field;
	return n == h->columns;
}

/* Taken for UTC when it names no zone. */
static bool time_of(const struct span *field, int64_t *ret_ns, bool *ret_zoneless)
{
	char text[64];
	struct span t = field[COLUMN_TIME], date = field[COLUMN_DATE], clock = field[COLUMN_CLOCK];
	*ret_zoneless = false;
	if (clock.len > 0) { /* W3C: always UTC */
		int n = snprintf(text, sizeof text, "%.*sT%.*s", date.len > 20 ? 0 : (int)date.len,
			(const char *)date.ptr, clock.len > 30 ? 0 : (int)clock.len,
			(const char *)clock.ptr);
		return n > 0 && (size_t)n < sizeof text && scan_iso(span_of(text), ret_ns) == 0;
	}
	if (t.len > 2 && t.ptr[0] == '[' && t.ptr[t.len - 1] == ']')
		t = (struct span){t.ptr + 1, t.len - 2};
	if (access_clf_time(t, ret_ns) == 0)
		return true;
	if (t.len >= 19 && (t.ptr[4] == '-' || t.ptr[4] == '/')) {
		struct span rest = {t.ptr + 11, t.len - 11};
		*ret_zoneless = !span_has(rest, 'Z') && !span_has(rest, 'z') &&
		                !span_has(rest, '+') && !span_has(rest, '-') &&
		                span_find(rest, "UTC") == rest.len;
	}
	return t.len >= 10 && scan_time(t, ret_ns) == 0;
}

static bool proxy_next(struct reader *r, struct frame *ret)
{
	struct proxy_log *log = r->log;
	struct span line;
	struct header h;
	while (lines_next(r, &line)) {
		bool comment = span_begins(line, "#");
		bool header =
			comment ? read_w3c(line, &h) : log->headers == NULL && read_csv(line, &h);
		if (header && !keep_header(log, &h))
			return reader_cut(
				r, stream_offset(&r->stream), "its header changes too often");
		if (header || comment)
			continue;
		if (log->headers == NULL) {
			reader_reject_line(r, r->number, "a row before the names of its columns");
			continue;
		}
		struct span field[COLUMNS] = {0};
		int64_t ns = r->last_ns;
		bool zoneless;
		(void)take_fields(log->headers, line, field);
		(void)time_of(field, &ns, &zoneless);
		*ret = lines_frame(r, line, ns, log->headers);
		return true;
	}
	return false;
}

static void proxy_parse(struct sink *sink, const struct frame *row)
{
	const struct header *h = row->schema;
	struct span f[COLUMNS] = {0}, line = {row->bytes, row->cap_bytes};
	struct access a = {0};
	uint64_t taken_ms = 0;
	bool zoneless;
	if (!take_fields(h, line, f)) {
		sink_reject(sink, "it has more or fewer fields than its header");
		return;
	}
	if (!time_of(f, &a.end_ns, &zoneless)) {
		sink_reject(sink, "no time in it");
		return;
	}
	if (zoneless)
		sink_remark(sink, REMARK_NO_ZONE);
	if (scan_max(f[COLUMN_TAKEN_MS], TAKEN_MAX_MS, &taken_ms) < 0)
		taken_ms = 0;
	a.start_ns = a.end_ns - (int64_t)taken_ms * NS_PER_MS;
	a.client = f[COLUMN_CLIENT];
	a.client_port = f[COLUMN_CLIENT_PORT];
	a.server = f[COLUMN_SERVER];
	a.server_port = f[COLUMN_PORT];
	a.host = f[COLUMN_HOST];
	a.url = f[COLUMN_URL];
	a.method = f[COLUMN_METHOD];
	a.status = f[COLUMN_STATUS];
	a.action = f[COLUMN_ACTION];
	a.user = f[COLUMN_USER];
	a.process = f[COLUMN_PROCESS];
	a.user_agent = f[COLUMN_AGENT];
	a.bytes_out = f[COLUMN_OUT];
	a.bytes_in = f[COLUMN_IN];
	a.uid = f[COLUMN_ID];
	access_emit(sink, &a);
}

const struct format format_proxy_csv = {.name = "proxy_csv",
	.claims = claims,
	.open = proxy_open,
	.next = proxy_next,
	.close = proxy_close,
	.parse = proxy_parse};
