/* Services by their first bytes, where these can hardly be anything else. A wrong name is worse
 * than none: what could be two things gets no row. */
#include <string.h>

#include "decode/http.h"

enum side { CLIENT, SERVER, EITHER };

/* ---- services with a fixed beginning ---- */

#define ROW(side, service, text)                      \
	{                                             \
		side, sizeof(text) - 1, text, service \
	}

static const struct row {
	enum side side;
	size_t len;
	const char *text;
	const char *service;
} rows[] = {
	ROW(EITHER, "ssh", "SSH-2.0-"),                               /* RFC 4253 4.2 */
	ROW(EITHER, "ssh", "SSH-1."), ROW(EITHER, "vnc", "RFB 003."), /* RFC 6143 7.1.1 */
	ROW(EITHER, "vnc", "RFB 004."),
	ROW(EITHER, "bittorrent", "\023BitTorrent protocol"), /* BEP 3 */
	ROW(EITHER, "bittorrent", "d1:ad2:id20:"), /* BEP 5, the question and the answer */
	ROW(EITHER, "bittorrent", "d1:rd2:id20:"), ROW(SERVER, "pop3", "+OK "), /* RFC 1939 4 */
	ROW(SERVER, "imap", "* OK "),                                           /* RFC 3501 7.1 */
	ROW(SERVER, "imap", "* PREAUTH "),
	ROW(CLIENT, "smtp", "EHLO "), /* RFC 5321; the server's 220 may be missing from a capture */
	ROW(CLIENT, "smtp", "HELO "), ROW(CLIENT, "irc", "NICK "), /* RFC 1459 4.1, RFC 2812 3.1 */
	ROW(CLIENT, "irc", "CAP LS"),                              /* IRCv3 */
	ROW(SERVER, "irc", "NOTICE AUTH :"),
	ROW(EITHER, "xmpp", "<?xml version='1.0'?><stream:stream"), /* RFC 6120 4.7 */
	ROW(EITHER, "xmpp", "<stream:stream "), ROW(SERVER, "redis", "-NOAUTH "),
	ROW(SERVER, "redis", "-DENIED Redis "),
	ROW(CLIENT, "stratum",
		"{\"id\":1,\"jsonrpc\":\"2.0\",\"method\":\"login\""), /* coin miners */
};

static bool begins(struct span s, const char *text, size_t len)
{
	return s.len >= len && memcmp(s.ptr, text, len) == 0;
}

/* ---- services with a form ---- */

/* The word stands somewhere in the first line, whatever its case. */
static bool line_has(struct span s, const char *word)
{
	size_t len = strlen(word);
	for (size_t i = 0; i + len <= s.len && s.ptr[i] != '\n'; i++) {
		size_t same = 0;
		while (same < len && (s.ptr[i + same] | 0x20) == word[same])
			same++;
		if (same == len)
			return true;
	}
	return false;
}

/* SMTP and FTP greet with the same number (RFC 5321 4.2, RFC 959 5.4): only the text tells, if it
 * does. */
static const char *greeting(struct span s)
{
	if (!begins(s, "220 ", 4) && !begins(s, "220-", 4))
		return NULL;
	bool smtp = line_has(s, "smtp"), ftp = line_has(s, "ftp");
	if (smtp == ftp)
		return NULL;
	return smtp ? "smtp" : "ftp";
}

/* ":server.name NOTICE ..." or a number (RFC 2812 2.3) */
static const char *irc_server(struct span s)
{
	if (!begins(s, ":", 1))
		return NULL;
	size_t i = 1;
	while (i < s.len && i < 64 && s.ptr[i] > ' ' && s.ptr[i] < 0x7f)
		i++;
	struct cur c = cur_of(s.ptr, s.len);
	cur_skip(&c, i);
	struct span rest = cur_bytes(&c, c.len);
	if (i == 1 || (!begins(rest, " NOTICE ", 8) && !begins(rest, " 001 ", 5) &&
			      !begins(rest, " 020 ", 5)))
		return NULL;
	return "irc";
}

/* "USER name" begins FTP and POP3 too; only IRC's has the form "USER a b c :real name" (RFC
 * 2812 3.1.3). */
static const char *irc_client(struct span s)
{
	return begins(s, "USER ", 5) && line_has(s, " :") ? "irc" : NULL;
}

/* TPKT (RFC 1006) with an X.224 connection request or confirm, whose own length must fit. */
static const char *rdp(struct span s, uint8_t pdu)
{
	struct cur c = cur_of(s.ptr, s.len);
	uint16_t version = cur_be16(&c), len = cur_be16(&c);
	uint8_t header = cur_u8(&c), type = cur_u8(&c);
	bool fits = cur_ok(&c) && version == 0x0300 && type == pdu && header + 5u == len;
	return fits && len >= 11 && len < 512 ? "rdp" : NULL;
}

static const char *rdp_client(struct span s)
{
	return rdp(s, 0xe0);
}

static const char *rdp_server(struct span s)
{
	return rdp(s, 0xd0);
}

/* A NetBIOS session message (RFC 1002 4.3.1) with \xffSMB or \xfeSMB */
static const char *smb(struct span s)
{
	struct cur c = cur_of(s.ptr, s.len);
	uint32_t head = cur_be32(&c), magic = cur_be32(&c);
	bool is = cur_ok(&c) && head >> 24 == 0 && (head & 0xffffff) >= 32;
	return is && (magic == 0xff534d42 || magic == 0xfe534d42) ? "smb" : NULL;
}

/* SOCKS4: 4, CONNECT or BIND, port, address, user name to a NUL that ends it (4a: a host name and
 * another). */
static const char *socks4(struct span s)
{
	struct cur c = cur_of(s.ptr, s.len);
	uint8_t version = cur_u8(&c), command = cur_u8(&c);
	uint16_t port = cur_be16(&c);
	uint32_t address = cur_be32(&c);
	bool is = cur_ok(&c) && version == 4 && (command == 1 || command == 2) && port != 0 &&
	          address != 0;
	return is && s.ptr[s.len - 1] == 0 && s.len >= 9 && s.len <= 520 ? "socks" : NULL;
}

/* RFC 1928 3: 5, count, methods; nothing behind. Two such bytes may be anything, three and the
 * right ones not often. */
static const char *socks5(struct span s)
{
	struct cur c = cur_of(s.ptr, s.len);
	uint8_t version = cur_u8(&c), count = cur_u8(&c);
	if (!cur_ok(&c) || version != 5 || count == 0 || count > 8 || c.len != count)
		return NULL;
	for (uint8_t i = 0; i < count; i++) {
		uint8_t method = cur_u8(&c); /* none, GSSAPI, password, or the private ones */
		if (method > 9 && method < 0x80)
			return NULL;
	}
	return "socks";
}

/* MQTT 3.1.1 3.1: CONNECT, remaining length, "MQTT" or "MQIsdp", level. */
static const char *mqtt(struct span s)
{
	struct cur c = cur_of(s.ptr, s.len);
	if (cur_u8(&c) != 0x10)
		return NULL;
	for (size_t i = 0; i < 4 && (cur_u8(&c) & 0x80) != 0; i++)
		;
	size_t len = cur_be16(&c);
	if (!cur_ok(&c) || (len != 4 && len != 6))
		return NULL;
	struct span name = cur_bytes(&c, len);
	return begins(name, "MQTT", 4) || begins(name, "MQIsdp", 6) ? "mqtt" : NULL;
}

/* RFC 4511 4.2: SEQUENCE, message id, [APPLICATION 0] with version 2 or 3; short lengths, as simple
 * binds have. */
static const char *ldap(struct span s)
{
	struct cur c = cur_of(s.ptr, s.len);
	uint8_t sequence = cur_u8(&c), len = cur_u8(&c);
	struct span id = cur_bytes(&c, 2);
	cur_skip(&c, 1);
	uint8_t bind = cur_u8(&c), bind_len = cur_u8(&c);
	uint32_t version = cur_be(&c, 3) & 0xffffff;
	bool is = cur_ok(&c) && sequence == 0x30 && len + 2u == s.len && begins(id, "\2\1", 2);
	return is && bind == 0x60 && bind_len + 5u == len &&
	                       (version == 0x020102 || version == 0x020103)
	               ? "ldap"
	               : NULL;
}

/* Protocol 10 greeting: 3-byte length, sequence 0, 10, version as text with a digit first, ended by
 * a NUL. */
static const char *mysql(struct span s)
{
	struct cur c = cur_of(s.ptr, s.len);
	size_t len = (size_t)cur_le(&c, 3);
	uint8_t sequence = cur_u8(&c), protocol = cur_u8(&c), major = cur_u8(&c), dot = cur_u8(&c);
	bool is = cur_ok(&c) && len + 4 == s.len && sequence == 0 && protocol == 10 && len >= 40;
	return is && major >= '3' && major <= '9' && dot == '.' ? "mysql" : NULL;
}

/* Start-up (196608) or SSLRequest (80877103), with its length in front. */
static const char *postgresql(struct span s)
{
	struct cur c = cur_of(s.ptr, s.len);
	uint32_t len = cur_be32(&c), code = cur_be32(&c);
	if (!cur_ok(&c) || len != s.len)
		return NULL;
	if (code == 80877103 && len == 8)
		return "postgresql";
	return code == 196608 && begins((struct span){c.ptr, c.len}, "user", 5) ? "postgresql"
	                                                                        : NULL;
}

/* Requests as arrays of bulk strings: *2\r\n$4\r\nAUTH\r\n; the word is one of few that begin a
 * session. */
static const char *redis(struct span s)
{
	static const char *const words[] = {
		"auth", "ping", "info", "select", "hello", "client", "command", "config"};
	struct cur c = cur_of(s.ptr, s.len);
	uint8_t star = cur_u8(&c), parts = cur_u8(&c);
	struct span middle = cur_bytes(&c, 3);
	cur_skip(&c, 1); /* one digit of length */
	struct span end = cur_bytes(&c, 2);
	if (!cur_ok(&c) || star != '*' || parts < '1' || parts > '9' ||
		!begins(middle, "\r\n$", 3) || !begins(end, "\r\n", 2))
		return NULL;
	struct span word = {c.ptr, c.len};
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (word.len >= strlen(words[i]) &&
			line_has((struct span){word.ptr, strlen(words[i])}, words[i]))
			return "redis";
	return NULL;
}

/* RFC 854: two commands IAC WILL/WONT/DO/DONT option, one after the other. */
static const char *telnet(struct span s)
{
	struct cur c = cur_of(s.ptr, s.len);
	for (size_t i = 0; i < 2; i++) {
		uint8_t iac = cur_u8(&c), verb = cur_u8(&c), option = cur_u8(&c);
		if (!cur_ok(&c) || iac != 0xff || verb < 0xfb || verb > 0xfe || option > 49)
			return NULL;
	}
	return "telnet";
}

static const struct {
	enum side side;
	const char *(*test)(struct span s);
} tests[] = {
	{SERVER, greeting},
	{SERVER, irc_server},
	{CLIENT, irc_client},
	{CLIENT, rdp_client},
	{SERVER, rdp_server},
	{EITHER, smb},
	{CLIENT, socks4},
	{CLIENT, socks5},
	{CLIENT, mqtt},
	{CLIENT, ldap},
	{SERVER, mysql},
	{CLIENT, postgresql},
	{CLIENT, redis},
	{SERVER, telnet},
};

const char *banner_service(struct cur c, bool from_server)
{
	enum side other = from_server ? CLIENT : SERVER;
	struct span s = cur_bytes(&c, c.len);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].side != other && begins(s, rows[i].text, rows[i].len))
			return rows[i].service;
	const char *service = NULL;
	for (size_t i = 0; s.len > 0 && service == NULL && i < ARRAY_LEN(tests); i++)
		if (tests[i].side != other)
			service = tests[i].test(s);
	return service;
}
