#include <string.h>

#include "host/state.h"

/* Discovery, time, names, VPN keying, directory services: they walk servers by design (prototype
 * section 2). Sorted. */
static const uint16_t udp_ignored[] = {53, 67, 68, 123, 137, 138, 500, 546, 547, 1194, 1900, 3478,
	3479, 3702, 4500, 5353, 5355, 17500, 19302};
static const uint16_t tcp_ignored[] = {53, 88, 135, 139, 389, 445, 636, 853, 3268};

bool ignored_service(enum transport transport, uint16_t port)
{
	bool udp = transport == TRANSPORT_UDP;
	if (!udp && transport != TRANSPORT_TCP)
		return true;
	const uint16_t *list = udp ? udp_ignored : tcp_ignored;
	size_t count = udp ? ARRAY_LEN(udp_ignored) : ARRAY_LEN(tcp_ignored);
	for (size_t i = 0; i < count; i++)
		if (list[i] == port)
			return true;
	return false;
}

/* Services that a client asks of any server of a list, over UDP: IANA's numbers, and those that
 * everybody uses. Silence is how they learn that a server is dead. */
static const struct {
	uint16_t first, last;
	enum pool_service service;
} pool_ports[] = {
	{123, 123, POOL_TIME},     /* RFC 5905 */
	{500, 500, POOL_VPN},      /* IKE, RFC 7296 */
	{4500, 4500, POOL_VPN},    /* IKE behind NAT, RFC 3948 */
	{1194, 1194, POOL_VPN},    /* OpenVPN */
	{51820, 51821, POOL_VPN},  /* WireGuard by habit */
	{3478, 3481, POOL_MEDIA},  /* STUN and TURN, RFC 8489; meeting apps' relays */
	{5349, 5349, POOL_MEDIA},  /* TURN over (D)TLS */
	{19302, 19309, POOL_MEDIA} /* STUN, Google's */
};

enum pool_service pool_service(enum transport transport, uint16_t port)
{
	for (size_t i = 0; transport == TRANSPORT_UDP && i < ARRAY_LEN(pool_ports); i++)
		if (port >= pool_ports[i].first && port <= pool_ports[i].last)
			return pool_ports[i].service;
	return POOL_NONE;
}

/* Names that never leave a site (RFC 6761, 6762, 8375 and habit). */
static const char *const local_suffixes[] = {"local", "localdomain", "lan", "home", "arpa",
	"internal", "corp", "intranet", "localhost", "workgroup", "domain", "invalid"};

bool is_reversed_address(const char *name)
{
	/* 4.3.2.1.zone: a block list is asked about 1.2.3.4 (RFC 5782 2.1) */
	unsigned labels = 0;
	while (labels < 4) {
		size_t digits = strspn(name, "0123456789");
		if (digits == 0 || digits > 3 || name[digits] != '.')
			return false;
		name += digits + 1;
		labels++;
	}
	return true;
}

bool plausible_name(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.");
	return len > 0 && len < 254 && name[len] == '\0' && strchr(name, '.') != NULL &&
	       name[0] != '.';
}

bool ignored_lookup(const char *name, uint16_t qtype)
{
	if (qtype != 1 && qtype != 28) /* A and AAAA lead to connections */
		return true;
	if (!plausible_name(name) || name[0] == '_' || strncmp(name, "wpad.", 5) == 0 ||
		strncmp(name, "isatap.", 7) == 0 || is_reversed_address(name))
		return true;
	const char *last = strrchr(name, '.') + 1;
	for (size_t i = 0; i < ARRAY_LEN(local_suffixes); i++)
		if (strcmp(last, local_suffixes[i]) == 0)
			return true;
	return false;
}

bool ignored_conn(const struct conn *c)
{
	bool quic = c->service != NULL && strcmp(c->service, "quic") == 0;
	if (ignored_service(c->transport, c->server_port))
		return true;
	/* UDP without answer is everywhere; QUIC has a client that waits for it */
	if (c->transport == TRANSPORT_UDP && c->outcome == OUTCOME_SILENT && !quic)
		return true;
	/* a proxy's target that is no name of the internet */
	return addr_is_none(&c->server) && (c->name == NULL || !plausible_name(c->name));
}

bool pool_conn(const struct conn *c)
{
	bool failed = outcome_is_failure(c->outcome);
	return c->settled && pool_service(c->transport, c->server_port) != POOL_NONE &&
	       (failed ||
		       (c->outcome == OUTCOME_OK && ignored_service(c->transport, c->server_port)));
}

bool pool_conn_changed(const struct channel *ch, const struct conn *c)
{
	bool fails = outcome_is_failure(c->outcome);
	return ch->first_ns == 0 || fails != outcome_is_failure((enum outcome)ch->last_outcome);
}
