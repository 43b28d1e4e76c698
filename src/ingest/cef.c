/* CEF (ArcSight Common Event Format, revision 25) and LEEF (QRadar Log Event Extended Format 1 and
 * 2): what firewalls, proxies and endpoint agents of many makers write, mostly over syslog.
 *
 *   CEF:0|vendor|product|version|class|name|severity|src=10.0.0.5 dst=192.0.2.1 act=blocked …
 *   LEEF:2.0|vendor|product|version|event|^|src=10.0.0.5^dst=192.0.2.1^…
 *
 * CEF's values go on to the space before the next "key="; LEEF's to the delimiter, a tab unless 2.0
 * names another. A row that names a client and whom it talked to, or tried to, is a connection. */
#include "base/limits.h"
#include "base/scan.h"
#include "ingest/access.h"
#include "ingest/syslog.h"

/* ---- keys ---- */

enum key {
	KEY_SRC,
	KEY_SRC6, /* c6a2 */
	KEY_SPT,
	KEY_DST,
	KEY_DST6, /* c6a3 */
	KEY_DPT,
	KEY_HOST,
	KEY_URL,
	KEY_PROTO,
	KEY_APP,
	KEY_METHOD,
	KEY_ACTION,
	KEY_OUTCOME,
	KEY_USER,
	KEY_PROCESS,
	KEY_AGENT,
	KEY_OUT,
	KEY_IN,
	KEY_START,
	KEY_END,
	KEY_TIME,
	KEY_ID,
	KEYS
};

struct pairs {
	struct span value[KEYS];
};

static void take_pair(struct pairs *p, struct span name, struct span value)
{
	static const struct {
		const char *name;
		enum key key;
	} names[] = {/* CEF */
		{"src", KEY_SRC}, {"c6a2", KEY_SRC6}, {"spt", KEY_SPT}, {"dst", KEY_DST},
		{"c6a3", KEY_DST6}, {"dpt", KEY_DPT}, {"dhost", KEY_HOST},
		{"destinationDnsDomain", KEY_HOST}, {"request", KEY_URL}, {"proto", KEY_PROTO},
		{"app", KEY_APP}, {"requestMethod", KEY_METHOD}, {"act", KEY_ACTION},
		{"outcome", KEY_OUTCOME}, {"suser", KEY_USER}, {"sproc", KEY_PROCESS},
		{"requestClientApplication", KEY_AGENT}, {"out", KEY_OUT}, {"in", KEY_IN},
		{"start", KEY_START}, {"end", KEY_END}, {"rt", KEY_TIME}, {"externalId", KEY_ID},
		/* LEEF */
		{"srcPort", KEY_SPT}, {"dstPort", KEY_DPT}, {"dstHostName", KEY_HOST},
		{"url", KEY_URL}, {"action", KEY_ACTION}, {"usrName", KEY_USER},
		{"srcBytes", KEY_OUT}, {"dstBytes", KEY_IN}, {"devTime", KEY_TIME},
		{"startTime", KEY_START}, {"endTime", KEY_END}, {"process", KEY_PROCESS},
		{"userAgent", KEY_AGENT}, {"method", KEY_METHOD}};
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (span_is(name, names[i].name) && p->value[names[i].key].len == 0)
			p->value[names[i].key] = span_trim(value);
}

static bool is_name(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.' || c == '-';
}

/* "key=" at the front of s: its length without the sign, 0 none. */
static size_t name_length(struct span s)
{
	size_t n = 0;
	while (n < s.len && is_name(s.ptr[n]))
		n++;
	return n < s.len && s.ptr[n] == '=' ? n : 0;
}

/* Where a value ends: at the space before the next "key=". A "=" of its own is escaped. */
static size_t value_length(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] == '\\')
			i++;
		else if (s.ptr[i] == ' ' &&
			 name_length((struct span){s.ptr + i + 1, s.len - i - 1}) > 0)
			return i;
	return s.len;
}

static void take_cef(struct pairs *p, struct span rest)
{
	rest = span_trim(rest);
	while (rest.len > 0) {
		size_t name = name_length(rest);
		struct span value = {rest.ptr + name + (name > 0), rest.len - name - (name > 0)};
		size_t len = value_length(value);
		if (name > 0)
			take_pair(p, (struct span){rest.ptr, name}, (struct span){value.ptr, len});
		size_t gone = len < value.len ? len + 1 : len;
		rest = (struct span){value.ptr + gone, value.len - gone};
	}
}

static void take_leef(struct pairs *p, struct span rest, uint8_t delimiter)
{
	struct span pair, name;
	while (span_next(&rest, delimiter, &pair))
		if (span_has(pair, '=') && span_next(&pair, '=', &name))
			take_pair(p, span_trim(name), pair);
}

/* ---- the header ---- */

/* The fields before the extension; a bar within one is escaped. False: it ends before. */
static bool skip_fields(struct span *rest, unsigned fields)
{
	for (size_t i = 0; i < rest->len && fields > 0; i++) {
		if (rest->ptr[i] == '\\') {
			i++;
			continue;
		}
		if (rest->ptr[i] != '|' || --fields > 0)
			continue;
		*rest = (struct span){rest->ptr + i + 1, rest->len - i - 1};
		return true;
	}
	return fields == 0;
}

static unsigned hex(uint8_t c)
{
	unsigned digit = c - (unsigned)'0';
	return digit <= 9 ? digit : ((c | 0x20u) - (unsigned)'a' + 10) & 15u;
}

/* "^", "0x5E", "x09"; empty: a tab. */
static uint8_t delimiter_of(struct span s)
{
	size_t x = s.len >= 3 && s.ptr[0] == '0' ? 1 : 0;
	if (s.len == x + 3 && (s.ptr[x] == 'x' || s.ptr[x] == 'X'))
		return (uint8_t)(hex(s.ptr[x + 1]) << 4 | hex(s.ptr[x + 2]));
	return s.len == 1 ? s.ptr[0] : '\t';
}

/* Where the word stands with a version behind it, alone or behind a syslog's tag ("CEF: CEF:0|").
 */
static size_t find_header(struct span line, const char *word)
{
	size_t len = strlen(word);
	for (size_t from = 0; from < line.len;) {
		struct span rest = {line.ptr + from, line.len - from};
		size_t at = from + span_find(rest, word), end = at + len;
		if (end >= line.len)
			break;
		bool version = line.ptr[end] >= '0' && line.ptr[end] <= '9';
		if (version && (at == 0 || !is_name(line.ptr[at - 1])))
			return at;
		from = end;
	}
	return line.len;
}

bool cef_is(struct span line)
{
	return find_header(line, "CEF:") < line.len || find_header(line, "LEEF:") < line.len;
}

static bool read_pairs(struct span line, struct pairs *ret)
{
	size_t cef = find_header(line, "CEF:"), leef = find_header(line, "LEEF:");
	*ret = (struct pairs){0};
	if (cef < line.len) {
		struct span rest = {line.ptr + cef, line.len - cef};
		if (!skip_fields(&rest, 7))
			return false;
		take_cef(ret, rest);
		return true;
	}
	if (leef == line.len)
		return false;
	struct span rest = {line.ptr + leef, line.len - leef};
	uint8_t delimiter = '\t';
	bool second = span_begins(rest, "LEEF:2");
	if (!skip_fields(&rest, 5))
		return false;
	struct span field, ahead = rest;
	if (second && span_has(rest, '|') && span_next(&ahead, '|', &field) && field.len <= 4 &&
		!span_has(field, '=')) {
		delimiter = delimiter_of(field);
		rest = ahead;
	}
	take_leef(ret, rest, delimiter);
	return true;
}

/* ---- times ---- */

/* Seconds or milliseconds since 1970, ISO 8601, or "Nov 25 2026 12:00:00.123 UTC". */
static bool time_of(struct span text, int64_t *ret_ns, bool *ret_zoneless)
{
	bool date = text.len >= 19 && (text.ptr[4] == '-' || text.ptr[4] == '/');
	bool digits = text.len >= 10 && text.ptr[0] >= '0' && text.ptr[0] <= '9';
	*ret_zoneless = false;
	if (date) {
		struct span clock = {text.ptr + 11, text.len - 11};
		*ret_zoneless =
			!span_has(clock, 'Z') && !span_has(clock, '+') && !span_has(clock, '-');
	}
	if (digits)
		return scan_time(text, ret_ns) == 0;
	return access_word_time(text, ret_ns, ret_zoneless) == 0;
}

/* When it began: where the row does not say, when the device says it saw it. */
static bool start_of(const struct pairs *p, int64_t *ret_ns, bool *ret_zoneless)
{
	static const enum key keys[] = {KEY_START, KEY_TIME, KEY_END};
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (time_of(p->value[keys[i]], ret_ns, ret_zoneless))
			return true;
	return false;
}

bool cef_time(struct span line, int64_t *ret_ns, bool *ret_zoneless)
{
	struct pairs p;
	return read_pairs(line, &p) && start_of(&p, ret_ns, ret_zoneless);
}

/* ---- what it says ---- */

static struct span either(struct span a, struct span b)
{
	return a.len > 0 ? a : b;
}

static bool is_status(struct span s)
{
	return s.len == 3 && s.ptr[0] >= '1' && s.ptr[0] <= '5';
}

static void fill(const struct span v[static KEYS], struct access *ret)
{
	*ret = (struct access){.client = either(v[KEY_SRC], v[KEY_SRC6]),
		.client_port = v[KEY_SPT],
		.server = either(v[KEY_DST], v[KEY_DST6]),
		.server_port = v[KEY_DPT],
		.host = v[KEY_HOST],
		.url = v[KEY_URL],
		.proto = either(v[KEY_PROTO], v[KEY_APP]),
		.method = v[KEY_METHOD],
		.action = either(v[KEY_ACTION], v[KEY_OUTCOME]),
		.user = v[KEY_USER],
		.process = access_base_name(v[KEY_PROCESS]),
		.user_agent = v[KEY_AGENT],
		.bytes_out = v[KEY_OUT],
		.bytes_in = v[KEY_IN],
		.uid = v[KEY_ID]};
	if (is_status(v[KEY_OUTCOME]))
		ret->status = v[KEY_OUTCOME];
}

bool cef_message(struct sink *sink, struct span line, int64_t time_ns)
{
	struct pairs p;
	struct access a;
	bool zoneless = false, end_zoneless;
	if (!read_pairs(line, &p)) {
		sink_reject(sink, "its header has too few fields");
		return true;
	}
	fill(p.value, &a);
	if (a.client.len == 0 || (a.server.len == 0 && a.host.len == 0 && a.url.len == 0)) {
		sink_remark(sink, REMARK_OTHER_RECORDS);
		return true;
	}
	bool own = start_of(&p, &a.start_ns, &zoneless);
	if (!own && time_ns == 0) {
		sink_reject(sink, "no time in it");
		return true;
	}
	if (!own)
		a.start_ns = time_ns;
	if (!time_of(p.value[KEY_END], &a.end_ns, &end_zoneless) || a.end_ns < a.start_ns)
		a.end_ns = a.start_ns;
	if (zoneless)
		sink_remark(sink, REMARK_NO_ZONE);
	access_emit(sink, &a);
	return own;
}
