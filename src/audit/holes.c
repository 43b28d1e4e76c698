/* Holes that any boundary can have: told by what it answers about the ways out of a place. */
#include "audit/audit.h"

struct side { /* one IP version of a place */
	struct audit *audit;
	const struct audit_place *place;
	bool v6;
	struct out name;
};

static const struct audit_told *told(const struct side *s, enum audit_way way)
{
	return &s->place->way[s->v6][way];
}

static bool passes(const struct side *s, enum audit_way way)
{
	return told(s, way)->asked && told(s, way)->verdict == POLICY_ALLOWED;
}

static bool is_shut(const struct side *s, enum audit_way way)
{
	return told(s, way)->asked && told(s, way)->verdict == POLICY_DENIED;
}

/* shut: AUDIT_WAYS: there is no flow that shows the intent. */
static void add(struct side *s, enum audit_kind kind, enum audit_way open, enum audit_way shut,
	const char *words)
{
	struct out key = {0};
	struct audit_finding f = {.kind = kind,
		.place = out_string(&s->name),
		.rule = told(s, open)->rule,
		.words = words,
		.passes = told(s, open)->flow,
		.shut = shut == AUDIT_WAYS ? NULL : told(s, shut)->flow};
	out_printf(&key, "%s %d %d", out_string(&s->name), (int)open, (int)shut);
	audit_add(s->audit, &f, out_string(&key));
	out_fini(&key);
}

static void udp_through(struct side *s)
{
	static const struct {
		enum audit_way udp, tcp;
		const char *words;
	} pairs[] = {
		{AUDIT_WAY_UDP, AUDIT_WAY_TCP,
			"a port that nobody named is shut to TCP and open to UDP"},
		{AUDIT_WAY_DNS, AUDIT_WAY_DNS_TCP, "port 53 is shut to TCP and open to UDP"},
		{AUDIT_WAY_QUIC, AUDIT_WAY_TLS, "port 443 is shut to TCP and open to UDP"},
	};
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		if (!passes(s, pairs[i].udp) || !is_shut(s, pairs[i].tcp))
			continue;
		add(s, AUDIT_UDP_THROUGH, pairs[i].udp, pairs[i].tcp, pairs[i].words);
		if (i == 0)
			return; /* the others are of it */
	}
}

static void dns(struct side *s)
{
	bool udp = passes(s, AUDIT_WAY_DNS), tcp = passes(s, AUDIT_WAY_DNS_TCP);
	if (udp || tcp)
		add(s, AUDIT_DNS_TO_ANYONE, udp ? AUDIT_WAY_DNS : AUDIT_WAY_DNS_TCP, AUDIT_WAYS,
			udp && tcp ? "port 53 passes to any server, over UDP and TCP"
			: udp      ? "port 53 passes to any server, over UDP"
				   : "port 53 passes to any server, over TCP");
	if (passes(s, AUDIT_WAY_TLS) && is_shut(s, AUDIT_WAY_DNS))
		add(s, AUDIT_DOH, AUDIT_WAY_TLS, AUDIT_WAY_DNS,
			"DNS to servers outside is shut, but HTTPS passes to any of them");
}

static void one_side(struct side *s)
{
	bool tcp = passes(s, AUDIT_WAY_TCP), udp = passes(s, AUDIT_WAY_UDP);
	if (tcp && udp) { /* all else follows */
		add(s, AUDIT_ALL_OPEN, AUDIT_WAY_TCP, AUDIT_WAYS,
			"any port of TCP and UDP passes to an address that nobody named: with it "
			"DNS, DoH, QUIC and all else");
		return;
	}
	if (tcp)
		add(s, AUDIT_ANY_PORT, AUDIT_WAY_TCP, AUDIT_WAYS,
			"a port of TCP that nobody named passes to any address");
	else if (udp && !is_shut(s, AUDIT_WAY_TCP))
		add(s, AUDIT_ANY_PORT, AUDIT_WAY_UDP, AUDIT_WAYS,
			"a port of UDP that nobody named passes to any address");
	udp_through(s);
	dns(s);
	if (passes(s, AUDIT_WAY_QUIC))
		add(s, AUDIT_QUIC, AUDIT_WAY_QUIC, AUDIT_WAYS, "QUIC passes to any address");
	if (passes(s, AUDIT_WAY_ECHO))
		add(s, AUDIT_ICMP, AUDIT_WAY_ECHO, AUDIT_WAYS, "echo passes to any address");
	if (passes(s, AUDIT_WAY_TLS))
		add(s, AUDIT_DIRECT_IP, AUDIT_WAY_TLS, AUDIT_WAYS,
			s->place->names ? "HTTPS passes to a name that nobody named"
					: "HTTPS passes to any address, by its number alone");
}

/* Names and protocols are judged, and what has none passes. */
static void list_ignores_ports(struct side *s)
{
	static const enum audit_way others[] = {
		AUDIT_WAY_TCP, AUDIT_WAY_SSH, AUDIT_WAY_UDP, AUDIT_WAY_QUIC};
	if (!s->place->inspects || !is_shut(s, AUDIT_WAY_TLS))
		return;
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		if (!passes(s, others[i]))
			continue;
		add(s, AUDIT_LIST_IGNORES_PORTS, others[i], AUDIT_WAY_TLS,
			"TLS to a name that is not on the list is dropped, but what is not TLS or "
			"HTTP passes");
		return;
	}
}

static void say_ways(struct out *o, uint32_t ways)
{
	static const char *const names[AUDIT_WAYS] = {"tcp 443", "tcp 80", "tcp 53", "tcp 22", NULL,
		"udp 53", "udp 443", "udp 123", NULL, "echo", "other ports of tcp",
		"other ports of udp"};
	size_t said = 0;
	for (size_t i = 0; i < AUDIT_WAYS; i++)
		if ((ways >> i & 1) != 0)
			out_printf(o, "%s%s", said++ == 0 ? "" : ", ", names[i]);
}

/* What of a place passes in one IP version, and not in the other. */
static void twins(struct side *s)
{
	const struct audit_place *p = s->place;
	uint32_t ways = 0;
	enum audit_way first = AUDIT_WAYS;
	struct out words = {0}, key = {0};
	for (unsigned i = 0; i < AUDIT_WAYS; i++) {
		const struct audit_told *other = &p->way[!s->v6][i];
		if (i == AUDIT_WAY_TCP_ANY || i == AUDIT_WAY_UDP_ANY) /* of other ways */
			continue;
		if (!passes(s, (enum audit_way)i) || !other->asked ||
			other->verdict != POLICY_DENIED)
			continue;
		ways |= 1u << i;
		first = first == AUDIT_WAYS ? (enum audit_way)i : first;
	}
	if (ways == 0)
		return;
	out_printf(&words, "%s that %s shuts: ", s->v6 ? "IPv6 lets pass" : "IPv4 lets pass",
		s->v6 ? "IPv4" : "IPv6");
	say_ways(&words, ways);
	out_printf(&key, "%s %x", p->name == NULL ? "" : p->name, ways);
	struct audit_finding f = {.kind = s->v6 ? AUDIT_IPV6_TWIN : AUDIT_IPV4_TWIN,
		.place = p->name,
		.rule = p->way[s->v6][first].rule,
		.words = out_string(&words),
		.passes = p->way[s->v6][first].flow,
		.shut = p->way[!s->v6][first].flow};
	audit_add(s->audit, &f, out_string(&key));
	out_fini(&words);
	out_fini(&key);
}

void audit_holes(struct audit *a, const struct audit_place *place)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct side s = {.audit = a, .place = place, .v6 = v6 == 1};
		out_printf(&s.name, "%s%s%s", place->name == NULL ? "" : place->name,
			place->name == NULL ? "" : " ", s.v6 ? "ipv6" : "ipv4");
		one_side(&s);
		list_ignores_ports(&s);
		twins(&s);
		out_fini(&s.name);
	}
}
