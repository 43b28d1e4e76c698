#include "ingest/access.h"

#include <errno.h>
#include <stdio.h>

#include "base/limits.h"
#include "base/scan.h"

/* A proxy's consent to CONNECT takes so much at most, its own headers included. */
#define CONSENT_BYTES 128u
/* So much of a session that only firewalls counted, headers included, holds an answer. */
#define ANSWER_BYTES 1000u

/* ---- words ---- */

static struct span value(struct span s)
{
	s = span_trim(s);
	return span_is(s, "-") ? (struct span){0} : s;
}

uint8_t access_protocol(struct span text)
{
	static const struct {
		const char *name;
		uint8_t number;
	} names[] = {{"tcp", 6}, {"udp", 17}, {"icmp", 1}, {"icmp6", 58}, {"ipv6-icmp", 58},
		{"icmpv6", 58}, {"http", 6}, {"https", 6}, {"ssl", 6}, {"tls", 6}, {"sctp", 132},
		{"tcp/ip", 6}, {"tcp/http", 6}, {"quic", 17}};
	uint64_t n = 0;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (span_is_nocase(text, names[i].name))
			return names[i].number;
	return scan_max(text, UINT8_MAX, &n) == 0 ? (uint8_t)n : 0;
}

struct span access_base_name(struct span path)
{
	for (size_t i = path.len; i > 0; i--)
		if (path.ptr[i - 1] == '\\' || path.ptr[i - 1] == '/')
			return (struct span){path.ptr + i, path.len - i};
	return path;
}

static const char *const months[] = {
	"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

static unsigned month_of(struct span text)
{
	for (unsigned i = 0; i < ARRAY_LEN(months); i++)
		if (span_is_nocase(text, months[i]))
			return i + 1;
	return 0;
}

int access_clf_time(struct span text, int64_t *ret_ns)
{
	struct span day, month, year;
	char iso[64];
	if (!span_next(&text, '/', &day) || !span_next(&text, '/', &month) ||
		!span_next(&text, ':', &year) || day.len != 2 || year.len != 4 || text.len > 20)
		return -EINVAL;
	int n = snprintf(iso, sizeof iso, "%.4s-%02u-%.2sT%.*s", (const char *)year.ptr,
		month_of(month), (const char *)day.ptr, (int)text.len, (const char *)text.ptr);
	return n < 0 || (size_t)n >= sizeof iso ? -EINVAL : scan_iso(span_of(iso), ret_ns);
}

int access_word_time(struct span text, int64_t *ret_ns, bool *ret_zoneless)
{
	struct span month, day, year, clock, zone = {0};
	char iso[64];
	uint64_t number;
	if (!span_next(&text, ' ', &month) || !span_next(&text, ' ', &day) ||
		(day.len == 0 && !span_next(&text, ' ', &day)) || !span_next(&text, ' ', &year) ||
		!span_next(&text, ' ', &clock) || scan_max(day, 31, &number) < 0 || year.len != 4 ||
		clock.len > 18)
		return -EINVAL;
	zone = value(text);
	bool utc = span_is(zone, "UTC") || span_is(zone, "GMT") || span_is(zone, "Z");
	bool off = zone.len >= 5 && zone.len <= 6 && (zone.ptr[0] == '+' || zone.ptr[0] == '-');
	int n = snprintf(iso, sizeof iso, "%.4s-%02u-%02uT%.*s%.*s", (const char *)year.ptr,
		month_of(month), (unsigned)number, (int)clock.len, (const char *)clock.ptr,
		off ? (int)zone.len : 0, (const char *)zone.ptr);
	if (n < 0 || (size_t)n >= sizeof iso || scan_iso(span_of(iso), ret_ns) < 0)
		return -EINVAL;
	*ret_zoneless = !utc && !off;
	return 0;
}

/* ---- the target ---- */

struct target {
	struct span host;
	uint16_t port; /* 0 unknown */
	const char *service;
};

static bool is_port(struct span text, uint16_t *ret)
{
	uint64_t n;
	if (scan_max(text, UINT16_MAX, &n) < 0)
		return false;
	*ret = (uint16_t)n;
	return true;
}

/* "host", "host:443", "[2001:db8::1]:443". */
static void take_authority(struct span text, struct target *ret)
{
	struct span rest = text, host = text, before;
	while (span_has(rest, '@') && span_next(&rest, '@', &before))
		text = host = rest; /* a password, or a name: not the host's */
	if (text.len > 0 && text.ptr[0] == '[') {
		rest = (struct span){text.ptr + 1, text.len - 1};
		if (!span_next(&rest, ']', &host))
			host = text;
		if (rest.len > 1 && rest.ptr[0] == ':')
			(void)is_port((struct span){rest.ptr + 1, rest.len - 1}, &ret->port);
	} else {
		const uint8_t *colon = text.len == 0 ? NULL : memchr(text.ptr, ':', text.len);
		bool one = colon != NULL && memrchr(text.ptr, ':', text.len) == colon;
		size_t at = one ? (size_t)(colon - text.ptr) : text.len;
		host = (struct span){text.ptr, at};
		if (one)
			(void)is_port(
				(struct span){text.ptr + at + 1, text.len - at - 1}, &ret->port);
	}
	ret->host = host;
}

static void take_url(struct span url, bool connect, struct target *ret)
{
	static const struct {
		const char *scheme;
		uint16_t port;
		const char *service;
	} schemes[] = {{"http://", 80, "http"}, {"https://", 443, "tls"}, {"ftp://", 21, "ftp"},
		{"ws://", 80, "http"}, {"wss://", 443, "tls"}, {"tcp://", 0, NULL},
		{"ssl://", 443, "tls"}, {"tunnel://", 0, NULL}};
	struct span rest = url;
	uint16_t port = 0;
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
		size_t len = strlen(schemes[i].scheme);
		if (!span_is_nocase((struct span){url.ptr, url.len < len ? url.len : len},
			    schemes[i].scheme))
			continue;
		port = schemes[i].port;
		ret->service = connect ? NULL : schemes[i].service;
		rest = (struct span){url.ptr + len, url.len - len};
	}
	if (rest.len == url.len && !connect && (span_has(url, ':') || url.len == 0) &&
		span_find(url, "://") < url.len)
		return; /* "cache_object://", "urn:": none of the network's */
	struct span authority = rest;
	for (size_t i = 0; i < rest.len; i++) {
		if (rest.ptr[i] != '/' && rest.ptr[i] != '?' && rest.ptr[i] != '#')
			continue;
		authority.len = i;
		break;
	}
	ret->port = port;
	take_authority(authority, ret);
}

/* By the URL, unless it is only a path; then by the host's own field, then by the address. */
static void find_target(const struct access *a, bool connect, struct target *ret)
{
	if (a->url.len > 0 && (connect || span_find(a->url, "://") < a->url.len))
		take_url(a->url, connect, ret);
	if (ret->host.len == 0 && a->host.len > 0)
		take_authority(a->host, ret);
	if (ret->port == 0)
		(void)is_port(a->server_port, &ret->port);
	if (ret->port == 0 && a->method.len > 0 && !connect)
		ret->port = 80;
}

/* ---- the conversation ---- */

/* NULL, or why it is none. *ret_known: it says who talked to whom. */
static const char *take_ends(
	struct sink *s, const struct access *a, struct target *t, struct conn *c, bool *ret_known)
{
	struct target client = {0};
	struct addr literal;
	take_authority(a->client, &client);
	if (scan_addr(client.host, &c->client) < 0)
		return "no address of a client in it";
	c->client_port = client.port;
	if (a->client_port.len > 0 && !is_port(a->client_port, &c->client_port))
		return "no number for the client's port";
	if (a->server.len > 0 && scan_addr(a->server, &c->server) < 0)
		return "no address of a server in it";
	if (t->host.len > 0 && scan_addr(t->host, &literal) == 0) {
		c->server = literal;
	} else if (t->host.len > 0) {
		c->name = sink_name(s, t->host, false);
		c->to_proxy = c->name != NULL &&
		              (addr_is_none(&c->server) || addr_is_private(&c->server));
		c->name_source = c->name == NULL ? NAME_NONE
		                 : c->to_proxy   ? NAME_PROXY_TARGET
		                                 : NAME_HTTP_HOST;
	}
	c->server_port = t->port;
	*ret_known = c->name != NULL || !addr_is_none(&c->server);
	return NULL;
}

static uint64_t count(struct span text)
{
	uint64_t n = 0;
	return scan_u64(text, &n) < 0 ? 0 : n;
}

static enum outcome outcome_of(const struct access *a, const struct conn *c, bool connect)
{
	bool reset = a->action.len >= 5 && span_is_nocase((struct span){a->action.ptr, 5}, "reset");
	if (verdict_of(a->action) == VERDICT_DENIED || reset)
		return OUTCOME_DENIED;
	if (c->http_status >= 400)
		return OUTCOME_HTTP_ERROR;
	if (connect)
		return c->http_status >= 200 && c->bytes_in > CONSENT_BYTES ? OUTCOME_OK
		                                                            : OUTCOME_UNKNOWN;
	if (c->http_status >= 200)
		return OUTCOME_OK;
	return c->bytes_in >= ANSWER_BYTES ? OUTCOME_OK : OUTCOME_UNKNOWN;
}

static const char *who(struct sink *s, const struct access *a)
{
	static const char prefix[] = "user ";
	if (a->process.len > 0)
		return sink_text(s, a->process);
	size_t len = sizeof prefix - 1 + a->user.len;
	char *text = a->user.len == 0 ? NULL : sink_room(s, len + 1);
	const char *user = text == NULL ? NULL : sink_text(s, a->user);
	if (user == NULL)
		return NULL;
	(void)snprintf(text, len + 1, "%s%s", prefix, user);
	return text;
}

static void settle(struct sink *s, const struct access *a, struct conn *c, bool connect)
{
	c->outcome = outcome_of(a, c, connect);
	if (outcome_is_failure(c->outcome))
		c->fail_ns = c->end_ns;
	if (c->outcome == OUTCOME_UNKNOWN)
		sink_remark(s, REMARK_NO_OUTCOME);
	c->tries = 1;
	c->packets_out = 1;
	c->packets_in = c->outcome != OUTCOME_UNKNOWN; /* somebody answered */
	c->process = who(s, a);
	c->method = sink_text(s, a->method);
	c->user_agent = sink_text(s, a->user_agent);
	c->request_mark = connect ? 0 : request_mark(a->url);
	c->request_hash = connect ? 0 : request_hash(a->url);
	c->uid = sink_text(s, a->uid);
	sink_conn(s, 0, c);
}

static struct access without_dashes(const struct access *a)
{
	struct access b = *a;
	struct span *fields[] = {&b.client, &b.client_port, &b.server, &b.server_port, &b.host,
		&b.url, &b.proto, &b.method, &b.status, &b.action, &b.user, &b.process,
		&b.user_agent, &b.uid, &b.bytes_out, &b.bytes_in};
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		*fields[i] = value(*fields[i]);
	return b;
}

void access_emit(struct sink *s, const struct access *row)
{
	struct access a = without_dashes(row);
	struct conn c = {.start_ns = a.start_ns, .end_ns = a.end_ns};
	struct target t = {0};
	bool connect = span_is_nocase(a.method, "CONNECT"), known = false;
	uint64_t status = 0;
	find_target(&a, connect, &t);
	const char *why = take_ends(s, &a, &t, &c, &known);
	if (why == NULL && a.status.len > 0 && scan_max(a.status, 999, &status) < 0)
		why = "no number for the status";
	if (why != NULL) {
		sink_reject(s, why);
		return;
	}
	if (!known || status == 407) { /* a password is asked for: not the target's failure */
		sink_remark(s, REMARK_OTHER_RECORDS);
		return;
	}
	bool web = a.method.len > 0 || a.url.len > 0 || c.name != NULL;
	c.ip_proto = access_protocol(a.proto);
	if (c.ip_proto == 0 && web)
		c.ip_proto = 6;
	c.transport = transport_of(c.ip_proto);
	if (c.transport == TRANSPORT_OTHER || (c.transport != TRANSPORT_ICMP && t.port == 0)) {
		sink_remark(s, REMARK_NO_PORTS);
		return;
	}
	c.http_status = (uint16_t)status;
	c.bytes_out = count(a.bytes_out);
	c.bytes_in = count(a.bytes_in);
	c.service = t.service;
	settle(s, &a, &c, connect);
}
