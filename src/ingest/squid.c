/* Squid's access.log (wiki.squid-cache.org/Features/LogFormat): native
 *
 *   time.ms elapsed client code/status bytes method URL user hierarchy/peer type
 *
 * written when the request was over; and the combined and common formats of web servers, as far as
 * they tell requests of a proxy: CONNECT, or a whole URL. */
#include "base/limits.h"
#include "base/scan.h"
#include "ingest/access.h"
#include "ingest/lines.h"
#include "ingest/syslog.h"

#define ELAPSED_MAX_MS (UINT64_C(86400000) * 365)

/* The next word; columns are filled up with spaces. */
static struct span word(struct span *rest)
{
	struct span w = {0};
	while (rest->len > 0 && rest->ptr[0] == ' ')
		*rest = (struct span){rest->ptr + 1, rest->len - 1};
	(void)span_next(rest, ' ', &w);
	return w;
}

/* ---- native ---- */

static bool is_native_time(struct span text, int64_t *ret_ns)
{
	return text.len >= 12 && span_find(text, ".") >= 9 && span_has(text, '.') &&
	       scan_seconds(text, ret_ns) == 0 && *ret_ns > 0;
}

static bool read_native(struct span line, struct access *ret)
{
	struct access a = {0};
	uint64_t elapsed_ms = 0;
	struct span time = word(&line), elapsed = word(&line);
	if (!is_native_time(time, &a.end_ns))
		return false;
	/* a clock that was set back makes it negative */
	if (scan_max(elapsed, ELAPSED_MAX_MS, &elapsed_ms) < 0 &&
		!(elapsed.len > 1 && elapsed.ptr[0] == '-'))
		return false;
	a.start_ns = a.end_ns - (int64_t)elapsed_ms * NS_PER_MS;
	a.client = word(&line);
	struct span code = word(&line);
	if (!span_has(code, '/') || !span_next(&code, '/', &a.action))
		return false;
	a.status = code;
	a.bytes_in = word(&line);
	a.method = word(&line);
	a.url = word(&line);
	a.user = word(&line);
	*ret = a;
	return a.url.len > 0;
}

/* ---- combined and common ---- */

static bool quoted(struct span *rest, struct span *ret)
{
	while (rest->len > 0 && rest->ptr[0] == ' ')
		*rest = (struct span){rest->ptr + 1, rest->len - 1};
	if (rest->len == 0 || rest->ptr[0] != '"')
		return false;
	for (size_t i = 1; i < rest->len; i++) {
		if (rest->ptr[i] == '\\') {
			i++;
			continue;
		}
		if (rest->ptr[i] != '"')
			continue;
		*ret = (struct span){rest->ptr + 1, i - 1};
		*rest = (struct span){rest->ptr + i + 1, rest->len - i - 1};
		return true;
	}
	return false;
}

/* client ident user [time] "METHOD URL HTTP/1.1" status bytes "referer" "agent" code:hierarchy */
static bool read_combined(struct span line, struct access *ret)
{
	struct access a = {0};
	struct span stamp, request, referer;
	a.client = word(&line);
	(void)word(&line);
	a.user = word(&line);
	if (line.len == 0 || line.ptr[0] != '[')
		return false;
	line = (struct span){line.ptr + 1, line.len - 1};
	if (!span_next(&line, ']', &stamp) || access_clf_time(stamp, &a.end_ns) < 0 ||
		!quoted(&line, &request))
		return false;
	a.start_ns = a.end_ns;
	a.method = word(&request);
	a.url = word(&request);
	a.status = word(&line);
	a.bytes_in = word(&line);
	if (quoted(&line, &referer) && quoted(&line, &a.user_agent)) {
		struct span code = word(&line);
		(void)span_next(&code, ':', &a.action);
	}
	*ret = a;
	return a.status.len > 0;
}

/* ---- the source ---- */

static bool read_row(struct span line, struct access *ret)
{
	return read_native(line, ret) || read_combined(line, ret);
}

static bool through_proxy(const struct access *a)
{
	return span_is_nocase(a->method, "CONNECT") || span_find(a->url, "://") < a->url.len;
}

static bool claims(struct cur start)
{
	struct access a;
	struct span line = lines_first(start);
	return read_native(line, &a) || (read_combined(line, &a) && through_proxy(&a));
}

static bool squid_next(struct reader *r, struct frame *ret)
{
	struct span line;
	struct access a = {0};
	if (!lines_next(r, &line))
		return false;
	*ret = lines_frame(r, line, read_row(line, &a) ? a.end_ns : r->last_ns, NULL);
	return true;
}

bool squid_message(struct sink *sink, struct span message)
{
	struct access a;
	if (!read_row(message, &a))
		return false;
	if (through_proxy(&a))
		access_emit(sink, &a);
	else
		sink_remark(sink, REMARK_OTHER_RECORDS); /* "error:invalid-request", a path */
	return true;
}

static void squid_parse(struct sink *sink, const struct frame *row)
{
	if (!squid_message(sink, (struct span){row->bytes, row->cap_bytes}))
		sink_reject(sink, "neither Squid's own nor the combined format");
}

const struct format format_squid = {
	.name = "squid", .claims = claims, .next = squid_next, .parse = squid_parse};
