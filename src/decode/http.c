#include "decode/http.h"

#include <string.h>
#include <strings.h>

#include "decode/text.h"

/* The longest method of the IANA registry that is in use: VERSION-CONTROL. */
#define METHOD_BYTES_MAX 15

/* ---- spans of text ---- */

/* Index of the first such byte; s.len when there is none. */
static size_t find(struct span s, char wanted)
{
	size_t i = 0;
	while (i < s.len && s.ptr[i] != (uint8_t)wanted)
		i++;
	return i;
}

/* Index behind the last such byte; 0 when there is none. */
static size_t find_last(struct span s, char wanted)
{
	size_t i = s.len;
	while (i > 0 && s.ptr[i - 1] != (uint8_t)wanted)
		i--;
	return i;
}

static struct span first(struct span s, size_t len)
{
	return (struct span){s.ptr, len < s.len ? len : s.len};
}

static struct span behind(struct span s, size_t len)
{
	struct cur c = cur_of(s.ptr, s.len);
	return (cur_skip(&c, len), (struct span){c.ptr, c.len});
}

static struct span trim(struct span s)
{
	while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
		s = behind(s, 1);
	while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
		s.len--;
	return s;
}

/* Without regard to case, as field names and schemes are. */
static bool starts(struct span s, const char *text)
{
	size_t len = strlen(text);
	return s.len >= len && strncasecmp((const char *)s.ptr, text, len) == 0;
}

static bool equals(struct span s, const char *text)
{
	return s.len == strlen(text) && starts(s, text);
}

/* ---- what it is ---- */

static bool is_method_byte(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || c == '-' || c == '_'; /* M-SEARCH, RPC_IN_DATA */
}

/* Length of a method that a space follows, 0 when there is none. */
static size_t method_length(struct span s)
{
	size_t n = 0;
	while (n < s.len && n <= METHOD_BYTES_MAX && is_method_byte(s.ptr[n]))
		n++;
	bool ends = n > 0 && n <= METHOD_BYTES_MAX && n < s.len && s.ptr[n] == ' ';
	return ends && s.ptr[0] != '-' && s.ptr[0] != '_' ? n : 0;
}

/* The scheme's "://" and all before it: 0 when s is not an absolute URI of the web. */
static size_t scheme_length(struct span s)
{
	static const char *const schemes[] = {"http://", "https://", "ws://", "wss://", "ftp://"};
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		if (starts(s, schemes[i]))
			return strlen(schemes[i]);
	return 0;
}

/* RFC 9112 3.2: origin, absolute or asterisk form, or, for CONNECT only, an authority. The last
 * must be told from other protocols' lines of an upper-case word ("NICK name", "HELO host") and so
 * needs that very method. */
bool http_is_request(struct cur c)
{
	struct span s = cur_bytes(&c, c.len);
	size_t len = method_length(s);
	struct span target = behind(s, len + 1);
	if (len == 0 || target.len == 0)
		return false;
	uint8_t head = target.ptr[0];
	if (equals(first(s, len), "CONNECT"))
		return head > ' ' && head < 0x7f && head != '/' && head != '*';
	return head == '/' || head == '*' || scheme_length(target) > 0;
}

bool http_is_response(struct cur c)
{
	static const char start[] = "HTTP/1.";
	struct span s = cur_bytes(&c, sizeof start - 1);
	return cur_ok(&c) && memcmp(s.ptr, start, s.len) == 0;
}

/* ---- where it goes ---- */

/* Digits up to 65535, else 0. */
static uint16_t read_number(struct span s)
{
	uint32_t port = 0;
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] < '0' || s.ptr[i] > '9' || port > UINT16_MAX)
			return 0;
		port = port * 10 + (s.ptr[i] - '0');
	}
	return port > UINT16_MAX ? 0 : (uint16_t)port;
}

/* RFC 3986 3.2: [ userinfo "@" ] host [ ":" port ] */
static void read_authority(struct span s, struct http_request *r)
{
	s = behind(s, find_last(s, '@')); /* who logs in is not where it goes */
	struct span host = s, port = {0};
	if (s.len > 0 && s.ptr[0] == '[') {
		size_t end = find(s, ']');
		host = behind(first(s, end), 1);
		struct span rest = behind(s, end + (end < s.len));
		if (rest.len > 0 && rest.ptr[0] == ':')
			port = behind(rest, 1);
	} else {
		size_t colon = find_last(s, ':');
		/* an IPv6 address without brackets has more than one */
		if (colon > 0 && find(s, ':') == colon - 1) {
			host = first(s, colon - 1);
			port = behind(s, colon);
		}
	}
	text_host(r->host, sizeof r->host, host);
	r->port = read_number(port);
	r->host_is_address = text_is_address(r->host);
}

static void read_target(struct span target, struct http_request *r)
{
	size_t scheme = scheme_length(target);
	if (strcmp(r->method, "CONNECT") == 0) {
		r->to_proxy = true;
		read_authority(target, r);
		return;
	}
	if (scheme > 0) {
		r->to_proxy = true;
		target = behind(target, scheme);
		size_t end = 0;
		while (end < target.len && strchr("/?#", target.ptr[end]) == NULL)
			end++;
		read_authority(first(target, end), r);
		target = behind(target, end);
	}
	text_copy(r->uri, sizeof r->uri, target);
	if (r->uri[0] == '\0')
		memcpy(r->uri, "/", 2);
}

/* ---- lines ---- */

/* The next whole line without its end; false when there is none. A bare LF ends one too (RFC
 * 9112 2.2). */
static bool read_line(struct cur *c, struct span *ret)
{
	struct cur ahead = *c;
	struct span all = cur_bytes(&ahead, ahead.len);
	size_t len = find(all, '\n');
	if (len == all.len)
		return false;
	struct span line = cur_bytes(c, len);
	cur_skip(c, 1);
	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	*ret = line;
	return true;
}

static bool request_line(struct span line, struct http_request *r)
{
	size_t method = method_length(line), version = find_last(line, ' ');
	if (method == 0 || version <= method + 1 || !starts(behind(line, version), "HTTP/"))
		return false;
	text_copy(r->method, sizeof r->method, first(line, method));
	/* A space inside the target is against the RFC and served all the same. */
	read_target(trim(behind(first(line, version), method)), r);
	return true;
}

static void host_field(struct span value, struct http_request *r)
{
	if (!r->to_proxy) /* RFC 9112 3.2.2: the target's own host goes before the field */
		read_authority(value, r);
}

static void agent_field(struct span value, struct http_request *r)
{
	text_copy(r->user_agent, sizeof r->user_agent, value);
}

static void read_field(struct span line, struct http_request *r, unsigned *seen)
{
	static const struct {
		const char *name;
		void (*read)(struct span value, struct http_request *r);
	} fields[] = {{"host", host_field}, {"user-agent", agent_field}};
	size_t colon = find(line, ':');
	if (colon == line.len || line.ptr[0] == ' ' || line.ptr[0] == '\t')
		return; /* no field, or the folded rest of one (RFC 9112 5.2) */
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		if ((*seen & 1u << i) != 0 || !equals(trim(first(line, colon)), fields[i].name))
			continue;
		*seen |= 1u << i;
		fields[i].read(trim(behind(line, colon + 1)), r);
	}
}

/* The part of c that a head may fill; what is longer is nobody's head. */
static struct cur head_of(const struct cur *c)
{
	struct cur head = *c;
	return cur_sub(&head, c->len < HTTP_HEAD_BYTES_MAX ? c->len : HTTP_HEAD_BYTES_MAX);
}

void http_request_decode(struct cur *c, struct http_request *ret)
{
	struct cur head = head_of(c);
	size_t all = head.len;
	struct http_request r = {0};
	struct span line = {0};
	unsigned seen = 0;
	bool whole = false;
	/* RFC 9112 2.2: an empty line before the first is passed over */
	bool more = read_line(&head, &line) && (line.len > 0 || read_line(&head, &line));
	if (more && !request_line(line, &r)) {
		cur_fail(c, CUR_BAD);
		return;
	}
	while (more && read_line(&head, &line)) {
		whole = line.len == 0;
		if (whole)
			break;
		read_field(line, &r, &seen);
	}
	if (whole) {
		r.head_bytes = all - head.len;
		cur_skip(c, r.head_bytes);
	} else {
		cur_fail(c, CUR_SHORT);
	}
	*ret = r;
}

static bool status_line(struct span line, struct http_response *r)
{
	struct cur c = cur_of(line.ptr, line.len);
	if (!http_is_response(c))
		return false;
	struct span rest = behind(line, find(line, ' '));
	rest = trim(rest);
	struct span status = first(rest, find(rest, ' '));
	r->status = read_number(status);
	return status.len == 3 && r->status >= 100; /* RFC 9110 15 */
}

void http_response_decode(struct cur *c, struct http_response *ret)
{
	struct cur head = head_of(c);
	size_t all = head.len;
	struct http_response r = {0};
	struct span line = {0};
	bool more = read_line(&head, &line), whole = false;
	if (more && !status_line(line, &r)) {
		cur_fail(c, CUR_BAD);
		return;
	}
	while (more && !whole && read_line(&head, &line))
		whole = line.len == 0;
	if (whole) {
		r.head_bytes = all - head.len;
		cur_skip(c, r.head_bytes);
	} else {
		cur_fail(c, CUR_SHORT);
	}
	*ret = r;
}
