/* Halves: who is the client, and how it ended, from counters and TCP flags. A record says what
 * happened, not when in which order: what that leaves open is unknown, not guessed. */
#include "ingest/halves.h"

#define IP_ICMP4 1
#define IP_TCP   6
#define IP_UDP   17
#define IP_ICMP6 58

/* Ports below are servers' (RFC 6335 6). */
#define SYSTEM_PORTS 1024
/* A window of silence after which an open connection is not going to be answered. */
#define STALL_NS (10 * NS_PER_S)
/* The answer to what was told this close to the end of the input may have been to come. */
#define UNDECIDED_NS (2 * NS_PER_S)

/* ---- payload ---- */

static uint64_t ip_header(const struct flow *f)
{
	return addr_is_v4(&f->addr[0]) ? 20 : 40;
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static uint64_t times(uint64_t packets, uint64_t header)
{
	uint64_t product;
	return __builtin_mul_overflow(packets, header, &product) ? UINT64_MAX : product;
}

/* TCP headers have 20 bytes, 32 with time stamps; a SYN's has up to 40, rarely 60. */
enum payload flow_payload(const struct flow *f, enum who who)
{
	const struct side *s = &f->side[who];
	uint64_t ip = ip_header(f);
	if (s->payload && s->bytes > 0)
		return PAYLOAD_SURE;
	if (s->flags_known && !f->acks_hidden && (s->flags & HALF_ACK) == 0)
		return PAYLOAD_NONE; /* nothing is sent before the first ACK */
	if (s->packets == 0)
		return s->bytes > 0 ? PAYLOAD_UNKNOWN : PAYLOAD_NONE;
	if (f->ip_proto != IP_TCP)
		return s->bytes > times(s->packets, ip + 8) ? PAYLOAD_SURE : PAYLOAD_NONE;
	if (s->bytes > times(s->packets, ip + 44))
		return PAYLOAD_SURE;
	return less(s->bytes, times(s->packets, ip + 20)) <= 20 ? PAYLOAD_NONE : PAYLOAD_UNKNOWN;
}

/* The likeliest number of bytes above the transport header. */
static uint64_t payload_bytes(const struct flow *f, enum who who)
{
	const struct side *s = &f->side[who];
	if (s->payload)
		return s->bytes;
	uint64_t ip = ip_header(f), syn = (s->flags & HALF_SYN) != 0 ? 12 : 0;
	switch (f->ip_proto) {
	case IP_UDP:
	case IP_ICMP4:
	case IP_ICMP6:
		return less(s->bytes, times(s->packets, ip + 8));
	case IP_TCP:
		if (flow_payload(f, who) == PAYLOAD_NONE)
			return 0;
		if (s->bytes >= times(s->packets, ip + 32))
			return less(s->bytes, times(s->packets, ip + 32) + (syn > 0 ? 8 : 0));
		return less(s->bytes, times(s->packets, ip + 20) + syn);
	default:
		return less(s->bytes, times(s->packets, ip));
	}
}

/* ---- who began it ---- */

static bool is_home(const struct sink *s, const struct addr *a)
{
	for (size_t i = 0; i < s->options.locals; i++)
		if (cidr_has(&s->options.local[i], a))
			return true;
	return s->options.locals == 0 && addr_is_private(a);
}

/* A SYN without ACK is a client's: the OR of a whole connection has both, but for exporters that
 * hide the ACKs, where SYN with ACK is a server's. */
static enum who client_by_flags(const struct flow *f)
{
	bool syn[2], ack[2];
	for (size_t i = 0; i < 2; i++) {
		syn[i] = f->side[i].flags_known && (f->side[i].flags & HALF_SYN) != 0;
		ack[i] = (f->side[i].flags & HALF_ACK) != 0;
	}
	for (size_t i = 0; i < 2; i++)
		if (syn[i] && !ack[i] && (!syn[1 - i] || ack[1 - i]))
			return (enum who)i;
	for (size_t i = 0; i < 2; i++) {
		/* a server that hides its ACKs, or the answer to a SYN that was not seen */
		if (f->acks_hidden && syn[i] && ack[i] && !syn[1 - i])
			return (enum who)(1 - i);
		/* the RST that answers a SYN */
		if (syn[i] && f->side[1 - i].flags_known && f->side[1 - i].seen && !syn[1 - i])
			return (enum who)i;
	}
	return WHO_UNKNOWN;
}

static enum who earlier(const struct flow *f)
{
	if (!f->side[0].seen || !f->side[1].seen || f->side[0].first_ns == f->side[1].first_ns)
		return WHO_UNKNOWN;
	return f->side[0].first_ns < f->side[1].first_ns ? WHO_FIRST : WHO_SECOND;
}

static bool begins_with_syn(const struct flow *f)
{
	return ((f->side[0].flags | f->side[1].flags) & HALF_SYN) != 0;
}

static bool has_ports(const struct flow *f)
{
	return f->ip_proto == IP_TCP || f->ip_proto == IP_UDP || f->ip_proto == 132;
}

static enum who client_by_port(const struct flow *f)
{
	bool low[2] = {f->port[0] < SYSTEM_PORTS, f->port[1] < SYSTEM_PORTS};
	if (!has_ports(f) || low[0] == low[1])
		return WHO_UNKNOWN;
	return low[1] ? WHO_FIRST : WHO_SECOND;
}

enum who flow_client(const struct sink *s, const struct flow *f, bool *ret_inferred)
{
	enum who who = f->client;
	*ret_inferred = false;
	if (who == WHO_UNKNOWN && f->ip_proto == IP_TCP) {
		who = client_by_flags(f);
		if (who == WHO_UNKNOWN && begins_with_syn(f))
			who = earlier(f);
	}
	if (who != WHO_UNKNOWN)
		return who;
	who = client_by_port(f);
	if (who != WHO_UNKNOWN) {
		enum who first = earlier(f);
		*ret_inferred = f->ip_proto == IP_TCP || first == 1 - who;
		return who;
	}
	if (f->ip_proto != IP_TCP && (who = earlier(f)) != WHO_UNKNOWN)
		return who;
	*ret_inferred = true;
	bool home[2] = {is_home(s, &f->addr[0]), is_home(s, &f->addr[1])};
	if (home[0] != home[1])
		return home[0] ? WHO_FIRST : WHO_SECOND;
	return !has_ports(f) || f->port[0] >= f->port[1] ? WHO_FIRST : WHO_SECOND;
}

/* ---- how it ended ---- */

bool flow_is_halved(const struct flow *f)
{
	if (f->ip_proto != IP_TCP || f->side[0].seen == f->side[1].seen)
		return false;
	enum who who = f->side[0].seen ? WHO_FIRST : WHO_SECOND;
	const struct side *one = &f->side[who];
	unsigned flags = one->flags_known ? one->flags : 0;
	if (!one->passed || (one->payload && !one->flags_known))
		return false;
	/* SYN/ACK answers a SYN; an ACK or FIN of a client whose SYN is there, a SYN/ACK */
	bool answered = (flags & HALF_SYN) != 0 && (flags & (HALF_ACK | HALF_FIN)) != 0;
	return answered || flow_payload(f, who) == PAYLOAD_SURE;
}

/* Whether the missing of an answer says that there was none. */
static bool tells_silence(const struct flow *f, const struct exporter *x)
{
	uint64_t shown = x->pairs + f->both_exported;
	return !f->sampled && shown > 0 && shown >= x->halved;
}

/* Nothing came back. */
static void settle_unanswered(struct sink *s, const struct flow *f, const struct exporter *x,
	const struct side *out, struct conn *c)
{
	bool icmp = f->ip_proto == IP_ICMP4 || f->ip_proto == IP_ICMP6;
	bool withdrawn = out->flags_known && (out->flags & HALF_RST) != 0;
	bool asked = f->ip_proto == IP_TCP || f->ip_proto == IP_UDP || (icmp && f->icmp_type != 0);
	if (f->sampled) {
		sink_remark(s, REMARK_SAMPLED);
		return;
	}
	if (f->ip_proto == IP_TCP && out->payload && !out->flags_known) { /* a handshake has none */
		sink_remark(s, REMARK_NO_OUTCOME);
		return;
	}
	if (flow_is_halved(f) || !tells_silence(f, x)) {
		c->one_way = true;
		sink_remark(s, REMARK_ONE_WAY);
		return;
	}
	bool early = !f->both_exported && !f->whole && s->clock_ns - f->arrived_ns < UNDECIDED_NS;
	if (!asked || withdrawn || c->joined || early)
		return;
	sink_remark(s, REMARK_ONE_SIDE);
	c->outcome = OUTCOME_SILENT;
	c->fail_ns = out->last_ns;
}

static void fails(struct conn *c, enum outcome outcome, int64_t at_ns)
{
	c->outcome = outcome;
	c->fail_ns = at_ns;
}

/* Both directions of a TCP connection, and their flags; no answer that has payload for sure. */
static void settle_tcp(const struct flow *f, enum who client, int64_t now_ns, struct conn *c)
{
	enum who server = 1 - client;
	const struct side *out = &f->side[client], *in = &f->side[server];
	enum payload answer = flow_payload(f, server);
	bool asked = flow_payload(f, client) == PAYLOAD_SURE;
	bool rst = (in->flags & HALF_RST) != 0, fin = (in->flags & HALF_FIN) != 0;
	bool left = (out->flags & (HALF_FIN | HALF_RST)) != 0;
	if (f->sampled || c->joined || answer != PAYLOAD_NONE)
		return;
	if ((in->flags & HALF_SYN) == 0) {
		if (rst && !asked && !fin)
			fails(c, OUTCOME_REFUSED, in->last_ns);
	} else if (rst && !fin && !left) {
		fails(c, OUTCOME_RESET, in->last_ns);
	} else if (asked && (fin || left || now_ns - out->last_ns > STALL_NS)) {
		fails(c, OUTCOME_STALLED, fin ? in->last_ns : out->last_ns);
	}
}

static void settle_answered(struct sink *s, const struct flow *f, enum who client, struct conn *c)
{
	const struct side *out = &f->side[client], *in = &f->side[1 - client];
	if (f->ip_proto != IP_TCP || flow_payload(f, 1 - client) == PAYLOAD_SURE)
		c->outcome = OUTCOME_OK;
	else if (out->flags_known && in->flags_known)
		settle_tcp(f, client, s->clock_ns, c);
	else
		sink_remark(s, REMARK_NO_OUTCOME);
	if (f->sampled)
		sink_remark(s, REMARK_SAMPLED);
}

/* Denied, unless an answer shows that it passed, or no SYN is there: late packets of a conversation
 * that a firewall has forgotten are denied too. */
static bool is_denied(const struct flow *f, const struct conn *c, enum who client)
{
	const struct side *out = &f->side[client], *in = &f->side[1 - client];
	return (out->denied_ns != 0 || in->denied_ns != 0) && !in->passed && !c->joined;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t earliest(int64_t a, int64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

/* How it ended, of a flow of which packets were seen. */
static void settle_outcome(struct sink *s, const struct flow *f, const struct exporter *x,
	enum who client, struct conn *c)
{
	const struct side *out = &f->side[client], *in = &f->side[1 - client];
	bool flags = f->ip_proto == IP_TCP && (out->flags_known || !out->seen) &&
	             (in->flags_known || !in->seen);
	c->joined = flags && !begins_with_syn(f);
	if (is_denied(f, c, client)) {
		fails(c, OUTCOME_DENIED, later(out->denied_ns, in->denied_ns));
	} else if (!out->seen) { /* what asked was not seen */
		c->one_way = c->joined = true;
		sink_remark(s, REMARK_ONE_WAY);
	} else if (!in->seen) {
		settle_unanswered(s, f, x, out, c);
	} else {
		settle_answered(s, f, client, c);
	}
	bool asked = c->outcome == OUTCOME_SILENT || c->outcome == OUTCOME_REFUSED ||
	             c->outcome == OUTCOME_DENIED;
	if (asked && out->packets > 0 && out->packets <= UINT32_MAX)
		c->tries = (uint32_t)out->packets;
	if (asked && c->transport == TRANSPORT_TCP)
		c->bytes_out = c->bytes_in = 0; /* options of SYNs */
}

void flow_settle(struct sink *s, const struct flow *f, const struct exporter *x, struct conn *ret)
{
	bool inferred;
	enum who client = flow_client(s, f, &inferred), server = 1 - client;
	const struct side *out = &f->side[client], *in = &f->side[server];
	struct conn c = {.inferred = inferred,
		.start_ns = earliest(out->first_ns, in->first_ns),
		.end_ns = later(out->last_ns, in->last_ns),
		.client = f->addr[client],
		.server = f->addr[server],
		.client_port = f->port[client],
		.server_port = f->port[server],
		.ip_proto = f->ip_proto,
		.vlan = f->vlan,
		.transport = transport_of(f->ip_proto),
		.tries = 1,
		.packets_out = out->packets,
		.packets_in = in->packets,
		.bytes_out = payload_bytes(f, client),
		.bytes_in = payload_bytes(f, server)};
	if (c.transport == TRANSPORT_ICMP) {
		c.client_port = f->icmp_type;
		c.server_port = 0;
	}
	/* else it is announced only, or was told before */
	if ((out->seen || in->seen) && !f->rest)
		settle_outcome(s, f, x, client, &c);
	*ret = c;
}
