#include "event/event.h"

#include <libpsl.h>
#include <nettle/base64.h>
#include <nettle/sha1.h>
#include <string.h>

#include "base/check.h"

static const char *const outcome_names[OUTCOME_COUNT] = {
	[OUTCOME_UNKNOWN] = "unknown",
	[OUTCOME_OK] = "ok",
	[OUTCOME_REFUSED] = "refused",
	[OUTCOME_SILENT] = "silent",
	[OUTCOME_UNREACHABLE] = "unreachable",
	[OUTCOME_RESET] = "reset",
	[OUTCOME_NXDOMAIN] = "nxdomain",
	[OUTCOME_SERVFAIL] = "servfail",
	[OUTCOME_DNS_SILENT] = "dns-silent",
	[OUTCOME_TLS_ALERT] = "tls-alert",
	[OUTCOME_HTTP_ERROR] = "http-error",
	[OUTCOME_DENIED] = "denied",
	[OUTCOME_SINKHOLED] = "sinkholed",
	[OUTCOME_STALLED] = "stalled",
};

const char *outcome_name(enum outcome outcome)
{
	return outcome_names[outcome];
}

const char *transport_name(enum transport transport)
{
	static const char *const names[] = {"other", "tcp", "udp", "icmp"};
	return names[transport];
}

uint8_t transport_proto(enum transport transport)
{
	static const uint8_t protos[] = {
		[TRANSPORT_TCP] = 6, [TRANSPORT_UDP] = 17, [TRANSPORT_ICMP] = 1};
	return (size_t)transport < ARRAY_LEN(protos) ? protos[transport] : 0;
}

enum transport transport_of(uint8_t ip_proto)
{
	return ip_proto == 6                     ? TRANSPORT_TCP
	       : ip_proto == 17                  ? TRANSPORT_UDP
	       : ip_proto == 1 || ip_proto == 58 ? TRANSPORT_ICMP
	                                         : TRANSPORT_OTHER;
}

/* The other half of a request/reply pair of ICMP types, as the Community ID specification lists
 * them; -1 for types that have none. */
static int icmp_twin(uint8_t type, bool v6)
{
	static const int8_t v4[] = {[0] = 8,
		[8] = 0,
		[9] = 10,
		[10] = 9,
		[13] = 14,
		[14] = 13,
		[15] = 16,
		[16] = 15,
		[17] = 18,
		[18] = 17};
	static const struct {
		uint8_t type, twin;
	} six[] = {{128, 129}, {129, 128}, {133, 134}, {134, 133}, {135, 136}, {136, 135},
		{130, 131}, {131, 130}, {144, 145}, {145, 144}, {139, 140}, {140, 139}};
	if (v6) {
		for (size_t i = 0; i < ARRAY_LEN(six); i++)
			if (six[i].type == type)
				return six[i].twin;
		return -1;
	}
	if (type == 0 || (type < ARRAY_LEN(v4) && v4[type] != 0) || type == 8)
		return v4[type];
	return -1;
}

const char *community_id(const struct conn *conn, char buf[static COMMUNITY_ID_BYTES])
{
	buf[0] = '\0';
	uint8_t proto = conn->ip_proto;
	bool icmp = proto == 1 || proto == 58;
	if (!icmp && proto != 6 && proto != 17 && proto != 132)
		return buf;
	const struct addr *a = &conn->client, *b = &conn->server;
	uint16_t a_port = conn->client_port, b_port = conn->server_port;
	bool one_way = false;
	if (icmp) { /* ports are type and code; a request's reply type stands for the other side */
		int twin = icmp_twin((uint8_t)a_port, proto == 58);
		one_way = twin < 0;
		if (!one_way)
			b_port = (uint16_t)twin;
	}
	int order = addr_cmp(a, b);
	if (!one_way && (order > 0 || (order == 0 && a_port > b_port))) {
		const struct addr *other = a;
		uint16_t port = a_port;
		a = b;
		b = other;
		a_port = b_port;
		b_port = port;
	}
	size_t skip = addr_is_v4(a) && addr_is_v4(b) ? 12 : 0, len = 2;
	uint8_t wire[2 + 32 + 2 + 4] = {0}; /* seed 0 first */
	memcpy(wire + len, a->byte + skip, 16 - skip);
	len += 16 - skip;
	memcpy(wire + len, b->byte + skip, 16 - skip);
	len += 16 - skip;
	wire[len++] = proto;
	wire[len++] = 0;
	wire[len++] = (uint8_t)(a_port >> 8);
	wire[len++] = (uint8_t)a_port;
	wire[len++] = (uint8_t)(b_port >> 8);
	wire[len++] = (uint8_t)b_port;
	uint8_t digest[SHA1_DIGEST_SIZE];
	struct sha1_ctx sha1;
	sha1_init(&sha1);
	sha1_update(&sha1, len, wire);
	sha1_digest(&sha1, sizeof digest, digest);
	buf[0] = '1';
	buf[1] = ':';
	base64_encode_raw(buf + 2, sizeof digest, digest);
	buf[2 + BASE64_ENCODE_RAW_LENGTH(sizeof digest)] = '\0';
	return buf;
}

/* ---- what a request asks for ---- */

#define MARK_WORD_LEAST 6u   /* shorter ones (index, image) are anybody's */
#define MARK_LOOKED_AT  256u /* of the target: a capture's decoder keeps no more */

static bool is_word_byte(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_';
}

/* "http://host:80/path" is asked of a proxy: "/path". */
static struct span without_authority(struct span target)
{
	size_t at = 0;
	while (at + 2 < target.len && memcmp(target.ptr + at, "://", 3) != 0 &&
		is_word_byte(target.ptr[at]))
		at++;
	if (at + 2 >= target.len || memcmp(target.ptr + at, "://", 3) != 0)
		return target;
	for (at += 3; at < target.len && target.ptr[at] != '/' && target.ptr[at] != '?'; at++)
		;
	return (struct span){target.ptr + at, target.len - at};
}

uint16_t request_mark(struct span target)
{
	struct span path = without_authority(target);
	size_t end = path.len < MARK_LOOKED_AT ? path.len : MARK_LOOKED_AT;
	struct span word = {0};
	for (size_t at = 0, begin = 0; at <= end; at++) {
		if (at < end && is_word_byte(path.ptr[at]))
			continue;
		if (at - begin > word.len)
			word = (struct span){path.ptr + begin, at - begin};
		begin = at + 1;
	}
	if (word.len < MARK_WORD_LEAST)
		return 0;
	uint32_t hash = 2166136261u; /* FNV-1a: no key, so that a journal can keep it */
	for (size_t i = 0; i < word.len; i++)
		hash = (hash ^ word.ptr[i]) * 16777619u;
	uint16_t mark = (uint16_t)(hash >> 16 ^ hash);
	return mark != 0 ? mark : 1;
}

uint64_t request_hash(struct span target)
{
	struct span path = without_authority(target);
	uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a, as above */
	if (target.len == 0 || path.len >= MARK_LOOKED_AT - 1)
		return 0;
	if (path.len == 0 || path.ptr[0] != '/')
		hash = (hash ^ '/') * UINT64_C(1099511628211);
	for (size_t i = 0; i < path.len && path.ptr[i] != '#'; i++)
		hash = (hash ^ path.ptr[i]) * UINT64_C(1099511628211);
	return hash != 0 ? hash : 1;
}

/* ---- names ---- */

const char *registered_domain(const char *name)
{
	const psl_ctx_t *psl = psl_builtin();
	CHECK(psl != NULL); /* compiled into Debian's libpsl */
	const char *domain = psl_registrable_domain(psl, name);
	return domain != NULL ? domain : name;
}

/* RPZ walled gardens and hosts-file blockers answer with these. */
static bool is_sinkhole(const struct addr *a)
{
	static const struct addr loopback = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
	return addr_is_none(a) || addr_eq(a, &loopback) ||
	       (addr_is_v4(a) && (a->byte[12] == 127 || a->byte[12] == 0));
}

enum outcome lookup_outcome(uint16_t rcode, const struct answer *answer, size_t answers)
{
	switch (rcode) { /* RFC 1035 4.1.1 */
	case 0:
		for (size_t i = 0; i < answers; i++)
			if (!is_sinkhole(&answer[i].addr))
				return OUTCOME_OK;
		return answers > 0 ? OUTCOME_SINKHOLED : OUTCOME_OK;
	case 3:
		return OUTCOME_NXDOMAIN;
	case 2:
	case 5:
		return OUTCOME_SERVFAIL;
	default:
		return OUTCOME_UNKNOWN;
	}
}
