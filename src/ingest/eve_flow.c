/* The outcome of a flow record: src/flow/outcome.c as far as counters and the flags of each
 * direction tell it. Why Suricata stopped to follow a flow (shutdown, forced, bypassed, emergency)
 * says nothing about how it ended. */
#include "base/limits.h"
#include "base/scan.h"
#include "ingest/eve_row.h"

#define TCP_FIN 0x01u
#define TCP_SYN 0x02u
#define TCP_RST 0x04u
#define TCP_PSH 0x08u
#define TCP_ACK 0x10u

#define ETHERNET_BYTES   14
#define TCP_BYTES        20
#define TCP_BYTES_MAX    60
#define STAMP_BYTES      12 /* the time stamps that most TCP headers hold */
#define SYN_OPTION_BYTES 12
#define PAD_BYTES        6 /* of a frame with a bare TCP header, to Ethernet's least size */
#define UDP_BYTES        8
/* What an ICMP error adds to the frame that it quotes whole: IP and ICMP headers. */
#define ICMP_ERROR_BYTES 28

/* As in src/flow/outcome.c. */
#define UNDECIDED_NS (3 * NS_PER_S)
#define STALL_NS     (10 * NS_PER_S)
#define HELLO_CUT_NS (10 * NS_PER_S)

/* A ServerHello has more bytes. */
#define TLS_ANSWER_MIN 64

struct seen {
	uint8_t out, in;                /* TCP flags of each direction */
	uint64_t data_out, data_in;     /* payload; 0 none, as far as it is known */
	uint64_t frames_out, frames_in; /* bytes as counted */
	int64_t quiet_ns;               /* from the last packet to the record */
	bool stamped;                   /* TCP headers may hold time stamps */
	bool watched;                   /* until it was over, by Suricata's timers */
	bool emergency;                 /* its timers were cut short: less than a retry's gap */
};

bool eve_flags(struct span text, uint8_t *ret)
{
	unsigned flags = 0;
	for (struct cur c = cur_of(text.ptr, text.len); c.len > 0;) {
		unsigned digit = scan_hex(cur_u8(&c));
		if (digit > 15)
			return false;
		flags = flags << 4 | digit;
	}
	*ret = (uint8_t)flags;
	return text.len > 0 && text.len <= 4;
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* Bytes without the headers of all packets, each `header` long. */
static uint64_t above(uint64_t packets, uint64_t bytes, uint64_t header)
{
	uint64_t headers;
	return __builtin_mul_overflow(packets, header, &headers) ? 0 : less(bytes, headers);
}

/* Suricata counts whole frames; on interfaces without a link layer, IP packets. */
static uint64_t ip_header(const struct conn *c, uint64_t packets, uint64_t bytes)
{
	uint64_t ip = addr_is_v4(&c->client) ? 20 : 40;
	uint64_t least = ip + (c->transport == TRANSPORT_TCP ? TCP_BYTES : UDP_BYTES);
	bool framed = above(packets, bytes, ETHERNET_BYTES + least) > 0 ||
	              bytes == packets * (ETHERNET_BYTES + least);
	return framed ? ip + ETHERNET_BYTES : ip;
}

/* Whether its packets may hold time stamps; both directions' do, or none's. */
static bool may_be_stamped(const struct conn *c, uint64_t packets, uint64_t bytes)
{
	uint64_t ip = ip_header(c, packets, bytes);
	return packets == 0 || above(packets, bytes, ip + TCP_BYTES + STAMP_BYTES) > 0;
}

/* Every stack pushes the last segment of what it sends, so PSH tells of payload where the sizes
 * leave it open. Headers are taken to be short, as Windows sends them. */
static uint64_t tcp_payload(const struct conn *c, uint64_t packets, uint64_t bytes, unsigned flags)
{
	uint64_t ip = ip_header(c, packets, bytes);
	if ((flags & TCP_PSH) == 0 && above(packets, bytes, ip + TCP_BYTES_MAX) == 0)
		return 0;
	uint64_t some = less(above(packets, bytes, ip + TCP_BYTES),
		(flags & TCP_SYN) != 0 ? SYN_OPTION_BYTES : 0);
	return some > 0 ? some : 1;
}

static void fails(struct conn *c, enum outcome outcome)
{
	c->outcome = outcome;
	c->fail_ns = c->end_ns;
}

/* The gaps between SYNs double: after n of them, in all d, the client leaves after a gap that is
 * twice the last one. */
static int64_t leave_of(const struct conn *c)
{
	uint64_t tries = c->packets_out;
	if (c->transport != TRANSPORT_TCP || tries < 2 || tries > 8)
		return 0;
	int64_t all = c->end_ns - c->start_ns, gaps = (INT64_C(1) << (tries - 1)) - 1;
	return c->end_ns + all / gaps * (gaps + 1);
}

static void silent(const struct seen *x, struct conn *c)
{
	if (x->emergency || (!x->watched && x->quiet_ns < UNDECIDED_NS))
		return;
	fails(c, OUTCOME_SILENT);
	c->leave_ns = leave_of(c);
}

static void tcp_unanswered(const struct seen *x, struct conn *c)
{
	if (c->packets_in > 0) /* no TCP came, but something did: the ICMP error that quotes it */
		fails(c, OUTCOME_UNREACHABLE);
	else if ((x->out & TCP_ACK) != 0) /* it answers what was not seen */
		c->one_way = true;
	else if ((x->out & TCP_RST) == 0)
		silent(x, c);
}

/* SYN/ACK, and nothing of the client's after it. */
static void half_open(const struct seen *x, struct conn *c)
{
	if ((x->out & TCP_RST) != 0 && c->packets_out > 2)
		silent(x, c);
	else if ((x->in & TCP_RST) != 0 && (x->in & TCP_FIN) == 0)
		fails(c, OUTCOME_RESET);
	else if ((x->out & TCP_RST) != 0) /* a scanner that has seen enough: the port is open */
		c->outcome = OUTCOME_OK;
}

/* Open, and the server never sent a byte of payload. */
static void mute(const struct seen *x, struct conn *c)
{
	bool over = ((x->in | x->out) & (TCP_FIN | TCP_RST)) != 0 ||
	            (!x->emergency && (x->watched || x->quiet_ns >= STALL_NS));
	if ((x->in & TCP_RST) != 0 && (x->in & TCP_FIN) == 0)
		fails(c, OUTCOME_RESET);
	else if (x->data_out > 0 && over)
		fails(c, OUTCOME_STALLED);
}

/* The server's RST soon after the hello, and nobody had closed: it may have cut the handshake, or
 * not; the record does not say. */
static bool may_be_cut(const struct seen *x, const struct conn *c)
{
	return (x->in & TCP_RST) != 0 && ((x->in | x->out) & TCP_FIN) == 0 &&
	       (x->out & TCP_RST) == 0 && c->end_ns - c->start_ns < HELLO_CUT_NS;
}

/* An answer, and TLS was asked. So few bytes can't be but a fatal alert (RFC 8446 6): a warning
 * would be followed by the handshake. Time stamps and padded frames make it more than it is. */
static void tls_answered(const struct eve_row *row, const struct seen *x, struct conn *c)
{
	uint64_t header = ip_header(c, c->packets_in, x->frames_in) + TCP_BYTES;
	uint64_t most = above(c->packets_in, x->frames_in, header + (x->stamped ? 0 : PAD_BYTES));
	uint64_t least =
		above(c->packets_in, x->frames_in, header + (x->stamped ? STAMP_BYTES : PAD_BYTES));
	struct span answer = eve_text(row, EVE_APP_PROTO_TC);
	bool tls = answer.len == 0 || span_is(answer, "tls");
	if (most < TLS_ANSWER_MIN && tls)
		fails(c, OUTCOME_TLS_ALERT);
	else if (least >= TLS_ANSWER_MIN && !may_be_cut(x, c))
		c->outcome = OUTCOME_OK;
}

static void settle_tcp(const struct eve_row *row, const struct seen *x, struct conn *c)
{
	if ((x->out & TCP_SYN) == 0) {
		c->joined = true;
		c->outcome = x->data_in > 0 ? OUTCOME_OK : OUTCOME_UNKNOWN;
	} else if (x->in == 0) {
		tcp_unanswered(x, c);
	} else if ((x->in & TCP_SYN) == 0) {
		if ((x->in & TCP_RST) != 0 && x->data_in == 0)
			fails(c, OUTCOME_REFUSED);
	} else if ((x->out & TCP_ACK) == 0 && x->data_in == 0) {
		half_open(x, c);
	} else if (x->data_in == 0) {
		mute(x, c);
	} else if (span_is(eve_text(row, EVE_APP_PROTO), "tls")) {
		tls_answered(row, x, c);
	} else {
		c->outcome = OUTCOME_OK;
	}
}

/* Suricata counts an ICMP error as an answer. One that quotes the whole datagram is told by its
 * size, but an answer may have that size too. */
static bool may_be_icmp_error(const struct seen *x, const struct conn *c)
{
	return c->transport == TRANSPORT_UDP && c->packets_in <= c->packets_out &&
	       x->frames_in / c->packets_in == x->frames_out / c->packets_out + ICMP_ERROR_BYTES;
}

static void settle_datagrams(const struct seen *x, struct conn *c)
{
	if (c->packets_in == 0)
		silent(x, c);
	else if (c->packets_out > 0 && !may_be_icmp_error(x, c))
		c->outcome = OUTCOME_OK;
}

void eve_flow_settle(const struct eve_row *row, struct conn *c)
{
	struct seen x = {.frames_out = c->bytes_out, .frames_in = c->bytes_in};
	struct span reason = eve_text(row, EVE_FLOW_REASON);
	int64_t logged_ns;
	bool tcp = c->transport == TRANSPORT_TCP;
	x.watched = span_is(reason, "timeout") || span_is(reason, "tcp_reuse");
	x.emergency = span_is(eve_text(row, EVE_FLOW_EMERGENCY), "true") ||
	              span_is(eve_text(row, EVE_FLOW_STATE), "bypassed");
	if (scan_time(eve_text(row, EVE_TIMESTAMP), &logged_ns) == 0 && logged_ns > c->end_ns)
		x.quiet_ns = logged_ns - c->end_ns;
	bool flags = tcp && eve_flags(eve_text(row, EVE_TCP_FLAGS_TS), &x.out) &&
	             eve_flags(eve_text(row, EVE_TCP_FLAGS_TC), &x.in);
	if (!tcp) {
		uint64_t out = ip_header(c, c->packets_out, c->bytes_out),
			 in = ip_header(c, c->packets_in, c->bytes_in);
		c->bytes_out = above(c->packets_out, c->bytes_out, out + UDP_BYTES);
		c->bytes_in = above(c->packets_in, c->bytes_in, in + UDP_BYTES);
		settle_datagrams(&x, c);
		return;
	}
	x.stamped = may_be_stamped(c, c->packets_out, c->bytes_out) &&
	            may_be_stamped(c, c->packets_in, c->bytes_in);
	x.data_out = tcp_payload(c, c->packets_out, c->bytes_out, x.out);
	x.data_in = tcp_payload(c, c->packets_in, c->bytes_in, x.in);
	c->bytes_out = x.data_out;
	c->bytes_in = x.data_in;
	if (flags)
		settle_tcp(row, &x, c);
	else if (c->packets_in == 0 && span_is(eve_text(row, EVE_TCP_SYN), "true"))
		silent(&x, c); /* older Suricatas: no flags by direction */
	else if (x.data_in > 0)
		c->outcome = OUTCOME_OK;
}
