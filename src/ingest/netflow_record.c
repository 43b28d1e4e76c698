/* NetFlow records: the fields that a template lists become one or two halves of a conversation.
 * Numbers: IANA, "IPFIX Information Elements"; RFC 5103 for the other direction; Cisco's for the
 * firewalls (NSEL); CERT's and ntop's own where they say what IANA has no element for. */
#include "ingest/netflow_record.h"

#define PEN_REVERSE 29305 /* RFC 5103 6.1 */
#define PEN_CERT    6871
#define PEN_NTOP    35632

enum netflow_what netflow_what(uint32_t pen, uint16_t id)
{
	static const struct {
		uint32_t pen;
		uint16_t id;
		uint8_t what;
	} known[] = {{0, 1, NF_BYTES}, {0, 2, NF_PACKETS}, {0, 4, NF_PROTO}, {0, 6, NF_FLAGS},
		{0, 7, NF_SRC_PORT}, {0, 8, NF_SRC}, {0, 11, NF_DST_PORT}, {0, 12, NF_DST},
		{0, 21, NF_END_UP}, {0, 22, NF_START_UP}, {0, 27, NF_SRC}, {0, 28, NF_DST},
		{0, 32, NF_ICMP}, {0, 34, NF_INTERVAL}, {0, 50, NF_INTERVAL}, {0, 58, NF_VLAN},
		{0, 61, NF_DIRECTION}, {0, 85, NF_BYTES}, {0, 86, NF_PACKETS},
		{0, 89, NF_FORWARDING}, {0, 139, NF_ICMP}, {0, 150, NF_START_S}, {0, 151, NF_END_S},
		{0, 152, NF_START_MS}, {0, 153, NF_END_MS}, {0, 154, NF_START_NTP},
		{0, 155, NF_END_NTP}, {0, 156, NF_START_NTP}, {0, 157, NF_END_NTP},
		{0, 158, NF_START_DELTA}, {0, 159, NF_END_DELTA}, {0, 160, NF_BEGAN_MS},
		{0, 161, NF_DURATION_MS}, {0, 162, NF_DURATION_US}, {0, 176, NF_ICMP_TYPE},
		{0, 178, NF_ICMP_TYPE}, {0, 180, NF_SRC_PORT}, {0, 181, NF_DST_PORT},
		{0, 182, NF_SRC_PORT}, {0, 183, NF_DST_PORT}, {0, 226, NF_DST_BEHIND},
		{0, 228, NF_DST_PORT_BEHIND}, {0, 231, NF_PAYLOAD}, {0, 232, NF_PAYLOAD_BACK},
		{0, 233, NF_FIREWALL}, {0, 239, NF_BIFLOW}, {0, 282, NF_DST_BEHIND},
		{0, 298, NF_PACKETS}, {0, 299, NF_PACKETS_BACK}, {0, 305, NF_INTERVAL},
		{0, 306, NF_SPACE}, {0, 322, NF_OBSERVED_S}, {0, 323, NF_OBSERVED_MS},
		{0, 460, NF_HTTP_HOST}, {0, 40002, NF_DST_BEHIND}, {0, 40004, NF_DST_PORT_BEHIND},
		{0, 40005, NF_FIREWALL}, {0, 57659, NF_HTTP_HOST}, {0, 57660, NF_SNI},
		{PEN_NTOP, 187, NF_HTTP_HOST}, {PEN_NTOP, 188, NF_SNI},
		{PEN_REVERSE, 1, NF_BYTES_BACK}, {PEN_REVERSE, 2, NF_PACKETS_BACK},
		{PEN_REVERSE, 6, NF_FLAGS_BACK}, {PEN_REVERSE, 85, NF_BYTES_BACK},
		{PEN_REVERSE, 86, NF_PACKETS_BACK}, {PEN_CERT, 14, NF_FLAGS},
		{PEN_CERT, 15, NF_FLAGS}, {PEN_CERT, 14 | 0x4000, NF_FLAGS_BACK},
		{PEN_CERT, 15 | 0x4000, NF_FLAGS_BACK}, {PEN_CERT, 21, NF_BACK_DELTA_MS}};
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (known[i].id == id && known[i].pen == pen)
			return known[i].what;
	return NF_SKIP;
}

bool template_add(struct template *t, uint16_t bytes, enum netflow_what what)
{
	bool variable = bytes == NETFLOW_VARIABLE;
	t->record_bytes += variable ? 1 : bytes;
	if (bytes == 0)
		return true;
	if (t->fields > 0 && what == NF_SKIP && !variable) {
		struct netflow_field *last = &t->field[t->fields - 1];
		if (last->what == NF_SKIP && last->bytes < NETFLOW_VARIABLE - bytes) {
			last->bytes = (uint16_t)(last->bytes + bytes);
			return true;
		}
	}
	if (t->fields == NETFLOW_FIELDS_MAX)
		return false;
	t->field[t->fields++] = (struct netflow_field){.bytes = bytes, .what = (uint8_t)what};
	return true;
}

/* ---- one record ---- */

struct record {
	uint64_t number[NF_WHATS];
	bool present[NF_WHATS];
	struct addr src, dst, behind;
	struct span sni, http_host;
};

/* Numbers may be written with fewer bytes than their type has (RFC 7011 6.2), or with more. */
static uint64_t number_of(struct span value)
{
	struct cur c = cur_of(value.ptr, value.len);
	if (c.len > sizeof(uint64_t))
		cur_skip(&c, c.len - sizeof(uint64_t));
	return cur_be(&c, c.len);
}

static void take_number(struct record *r, enum netflow_what what, struct span value)
{
	uint64_t n = number_of(value);
	bool ors = what == NF_FLAGS || what == NF_FLAGS_BACK;
	r->number[what] = ors ? r->number[what] | n : n;
	r->present[what] = true;
}

static void take(struct record *r, enum netflow_what what, struct span value)
{
	struct addr addr;
	if (value.len == 0)
		return;
	switch ((int)what) {
	case NF_SKIP:
		return;
	case NF_SRC:
	case NF_DST:
	case NF_DST_BEHIND:
		addr = addr_of(value);
		/* a template may have both families: one of them is zero */
		if (addr_is_none(&addr) || (addr_is_v4(&addr) && number_of(value) == 0))
			return;
		*(what == NF_SRC ? &r->src : what == NF_DST ? &r->dst : &r->behind) = addr;
		r->present[what] = true;
		return;
	case NF_SNI:
		r->sni = value;
		return;
	case NF_HTTP_HOST:
		r->http_host = value;
		return;
	default:
		take_number(r, what, value);
	}
}

/* RFC 7011 7: one byte of length, or 255 and two. */
static struct span take_variable(struct cur *c)
{
	size_t len = cur_u8(c);
	if (len == 255)
		len = cur_be16(c);
	return cur_bytes(c, len);
}

static void read_fields(const struct template *t, struct cur *c, struct record *ret)
{
	*ret = (struct record){0};
	for (uint32_t i = 0; i < t->fields; i++) {
		const struct netflow_field *f = &t->field[i];
		struct span value =
			f->bytes == NETFLOW_VARIABLE ? take_variable(c) : cur_bytes(c, f->bytes);
		if (!cur_ok(c))
			return;
		take(ret, f->what, value);
	}
}

/* ---- times ---- */

#define NTP_1970 2208988800u
/* Longer flows are a clock that jumped. */
#define DURATION_MAX_NS (INT64_C(366) * 86400 * NS_PER_S)
#define YEAR_2116_S     (INT64_C(1) << 32)

static int64_t ntp_ns(uint64_t ntp)
{
	uint32_t seconds = (uint32_t)(ntp >> 32) - NTP_1970; /* the second era ends in 2104 */
	uint64_t fraction = (ntp & UINT32_MAX) * (uint64_t)NS_PER_S >> 32;
	return seconds * NS_PER_S + (int64_t)fraction;
}

/* Milliseconds since the exporter began, a counter of 32 bits that wraps every 49 days: what counts
 * is how far it is from the header's, forth or back (anchors #46: the last packet may be later than
 * the header's own count). */
static int64_t uptime_ns(
	const struct netflow_head *head, const struct domain *domain, uint64_t uptime)
{
	if (head->uptime_known) {
		int32_t ago_ms = (int32_t)(head->uptime_ms - (uint32_t)uptime);
		return head->export_ns - ago_ms * NS_PER_MS;
	}
	if (domain->began_ms == 0)
		return 0;
	int64_t export_ms = head->export_ns / NS_PER_MS;
	uint32_t now = (uint32_t)(export_ms - domain->began_ms);
	return head->export_ns - (int32_t)(now - (uint32_t)uptime) * NS_PER_MS;
}

/* The best that the record says, nearest to the packet first: absolute times before those that need
 * another clock (#47). 0: nothing. */
static int64_t time_of(const struct record *r, const struct netflow_head *head,
	const struct domain *domain, bool end)
{
	const uint64_t *n = r->number;
	size_t e = end; /* each end's field stands behind its start's */
	if (n[NF_START_NTP + e] != 0)
		return ntp_ns(n[NF_START_NTP + e]);
	if (n[NF_START_MS + e] != 0 && n[NF_START_MS + e] < (uint64_t)YEAR_2116_S * 1000)
		return (int64_t)n[NF_START_MS + e] * NS_PER_MS;
	if (n[NF_START_S + e] != 0 && n[NF_START_S + e] < (uint64_t)YEAR_2116_S)
		return (int64_t)n[NF_START_S + e] * NS_PER_S;
	if (r->present[NF_START_DELTA + e] && n[NF_START_DELTA + e] <= UINT32_MAX)
		return head->export_ns - (int64_t)n[NF_START_DELTA + e] * NS_PER_US;
	if (r->present[NF_START_UP + e])
		return uptime_ns(head, domain, n[NF_START_UP + e]);
	return 0;
}

static int64_t duration_of(const struct record *r)
{
	const uint64_t *n = r->number;
	if (r->present[NF_DURATION_MS] && n[NF_DURATION_MS] <= UINT32_MAX)
		return (int64_t)n[NF_DURATION_MS] * NS_PER_MS;
	if (r->present[NF_DURATION_US] && n[NF_DURATION_US] <= UINT32_MAX)
		return (int64_t)n[NF_DURATION_US] * NS_PER_US;
	if (r->present[NF_START_UP] && r->present[NF_END_UP])
		return (uint32_t)(n[NF_END_UP] - n[NF_START_UP]) * NS_PER_MS;
	return 0;
}

static void set_times(const struct record *r, const struct netflow_head *head,
	const struct domain *domain, struct half *half)
{
	const uint64_t *n = r->number;
	int64_t start = time_of(r, head, domain, false), end = time_of(r, head, domain, true);
	int64_t duration = duration_of(r), seen = head->export_ns;
	if (n[NF_OBSERVED_MS] != 0 && n[NF_OBSERVED_MS] < (uint64_t)YEAR_2116_S * 1000)
		seen = (int64_t)n[NF_OBSERVED_MS] * NS_PER_MS;
	else if (n[NF_OBSERVED_S] != 0 && n[NF_OBSERVED_S] < (uint64_t)YEAR_2116_S)
		seen = (int64_t)n[NF_OBSERVED_S] * NS_PER_S;
	if (start == 0 && end == 0)
		end = seen;
	if (start == 0)
		start = end - (duration < DURATION_MAX_NS ? duration : 0);
	if (end == 0 && duration > 0)
		end = start + duration;
	else if (end == 0)
		end = seen;
	half->start_ns = start;
	half->end_ns = end > start && end - start < DURATION_MAX_NS ? end : start;
}

/* ---- the flow ---- */

/* RFC 7270 4.12: dropped by an access list. */
static bool is_denied(const struct record *r)
{
	uint64_t status = r->number[NF_FORWARDING];
	if (status > UINT8_MAX) /* RFC 7270 has 32 bits, with the status in the first byte */
		status >>= 24;
	return r->number[NF_FIREWALL] == 3 || status == 129 || status == 130;
}

static uint16_t icmp_of(const struct record *r)
{
	if (r->present[NF_ICMP])
		return (uint16_t)r->number[NF_ICMP];
	if (r->present[NF_ICMP_TYPE])
		return (uint16_t)((r->number[NF_ICMP_TYPE] & 0xff) << 8);
	return (uint16_t)r->number[NF_DST_PORT]; /* v5's habit, kept by many */
}

static void set_name(struct sink *s, const struct record *r, struct half *half)
{
	struct span sni = span_trim(r->sni), host = span_trim(r->http_host);
	while (sni.len > 0 && sni.ptr[sni.len - 1] == 0) /* fields of fixed length are filled up */
		sni.len--;
	while (host.len > 0 && host.ptr[host.len - 1] == 0)
		host.len--;
	half->name = sink_name(s, sni, false);
	half->name_source = NAME_SNI;
	if (half->name == NULL) {
		half->name = sink_name(s, host, true);
		half->name_source = NAME_HTTP_HOST;
	}
	if (half->name == NULL)
		half->name_source = NAME_NONE;
}

static uint8_t flags_of(uint64_t number)
{
	return (uint8_t)number; /* of two bytes the lower has the six of RFC 9293 */
}

/* The direction that the record is about. */
static bool fill_half(struct sink *s, const struct netflow_head *head, const struct domain *domain,
	const struct record *r, struct half *ret)
{
	const uint64_t *n = r->number;
	bool port = r->present[NF_SRC_PORT] && r->present[NF_DST_PORT];
	struct half half = {.src = r->src,
		.dst = r->present[NF_DST_BEHIND] ? r->behind : r->dst,
		.ip_proto = (uint8_t)n[NF_PROTO],
		.src_port = (uint16_t)n[NF_SRC_PORT],
		.dst_port = (uint16_t)n[NF_DST_PORT],
		.vlan = n[NF_VLAN] < 4096 ? (uint16_t)n[NF_VLAN] : 0,
		.tcp_flags = flags_of(n[NF_FLAGS]),
		.packets = n[NF_PACKETS],
		.bytes = r->present[NF_PAYLOAD] ? n[NF_PAYLOAD] : n[NF_BYTES],
		.payload = r->present[NF_PAYLOAD],
		.denied = is_denied(r),
		.exporter = head->domain_key,
		.point = head->domain_key + n[NF_DIRECTION]};
	bool icmp = half.ip_proto == 1 || half.ip_proto == 58;
	bool ported = half.ip_proto == 6 || half.ip_proto == 17 || half.ip_proto == 132;
	if (!r->present[NF_SRC] || !r->present[NF_DST] || !r->present[NF_PROTO] ||
		(ported && !port))
		return false;
	if (!r->present[NF_PACKETS] && !r->present[NF_BYTES] && !r->present[NF_PAYLOAD])
		half.packets = 1; /* at least */
	if (n[NF_DST_PORT_BEHIND] != 0)
		half.dst_port = (uint16_t)n[NF_DST_PORT_BEHIND];
	if (icmp) {
		half.src_port = 0;
		half.dst_port = icmp_of(r);
	}
	/* hardware that does not look at flags says 0 */
	half.flags_known = half.ip_proto == 6 && half.tcp_flags != 0;
	half.sampled = domain->sampled || n[NF_INTERVAL] > 1;
	set_times(r, head, domain, &half);
	set_name(s, r, &half);
	*ret = half;
	return true;
}

/* The other direction of the same record. */
static struct half back_of(const struct record *r, const struct half *half)
{
	const uint64_t *n = r->number;
	struct half back = *half;
	back.src = half->dst;
	back.dst = half->src;
	back.src_port = half->dst_port;
	back.dst_port = half->src_port;
	if (half->ip_proto == 1 || half->ip_proto == 58) {
		back.src_port = back.dst_port = 0;
	}
	back.initiator = half->responder;
	back.responder = half->initiator;
	back.packets = n[NF_PACKETS_BACK];
	back.bytes = half->payload ? n[NF_PAYLOAD_BACK] : n[NF_BYTES_BACK];
	back.tcp_flags = flags_of(n[NF_FLAGS_BACK]);
	back.flags_known = half->ip_proto == 6 && back.tcp_flags != 0;
	back.denied = false;
	if (n[NF_BACK_DELTA_MS] <= UINT32_MAX) {
		int64_t start = half->start_ns + (int64_t)n[NF_BACK_DELTA_MS] * NS_PER_MS;
		back.start_ns = start < half->end_ns ? start : half->end_ns;
	}
	return back;
}

static void emit(struct sink *s, const struct netflow_head *head, const struct domain *domain,
	const struct record *r)
{
	struct half half;
	bool firewall = r->present[NF_PAYLOAD] || r->present[NF_FIREWALL];
	bool back = r->present[NF_BYTES_BACK] || r->present[NF_PACKETS_BACK] ||
	            r->present[NF_PAYLOAD_BACK];
	if (!fill_half(s, head, domain, r, &half)) {
		sink_remark(s, REMARK_NO_PORTS);
		return;
	}
	uint64_t began = r->number[NF_BIFLOW]; /* 1: the source, 2: the destination, 3: neither */
	if (firewall || (back && began <= 1))
		half.initiator = true;
	else if (began == 2)
		half.responder = true;
	half.both_exported = back;
	sink_half(s, &half);
	if (!back)
		return;
	struct half other = back_of(r, &half);
	if ((other.packets | other.bytes) != 0)
		sink_half(s, &other);
}

static void learn(struct domain *domain, const struct record *r)
{
	const uint64_t *n = r->number;
	domain->sampled |= n[NF_SPACE] > 0 || (n[NF_INTERVAL] > 1 && !r->present[NF_SPACE]);
	if (n[NF_BEGAN_MS] != 0 && n[NF_BEGAN_MS] < (uint64_t)YEAR_2116_S * 1000)
		domain->began_ms = (int64_t)n[NF_BEGAN_MS];
}

void netflow_record(struct sink *s, const struct netflow_head *head, struct domain *domain,
	const struct template *t, struct cur *c)
{
	struct record r;
	read_fields(t, c, &r);
	if (!cur_ok(c))
		return;
	if (r.present[NF_BEGAN_MS] || t->options)
		learn(domain, &r);
	if (!t->options)
		emit(s, head, domain, &r);
}
