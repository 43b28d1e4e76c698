/* What Argus's ra prints with -c , (binetflow): ra(1). One row a flow, both directions; long flows
 * have several. Times have no zone unless ra was told to print one: UTC then. */
#include <errno.h>

#include "base/limits.h"
#include "ingest/columns.h"
#include "ingest/halves.h"

enum field {
	F_START,
	F_LAST,
	F_DURATION,
	F_PROTO,
	F_SRC,
	F_SPORT,
	F_DIR,
	F_DST,
	F_DPORT,
	F_STATE,
	F_PACKETS,
	F_BYTES,
	F_SRC_PACKETS,
	F_DST_PACKETS,
	F_SRC_BYTES,
	F_DST_BYTES,
	F_SRC_APP,
	F_DST_APP,
	F_FIELDS
};

static const struct column_name names[] = {{"StartTime", F_START}, {"LastTime", F_LAST},
	{"Dur", F_DURATION}, {"Proto", F_PROTO}, {"SrcAddr", F_SRC}, {"Sport", F_SPORT},
	{"Dir", F_DIR}, {"DstAddr", F_DST}, {"Dport", F_DPORT}, {"State", F_STATE},
	{"TotPkts", F_PACKETS}, {"TotBytes", F_BYTES}, {"SrcPkts", F_SRC_PACKETS},
	{"DstPkts", F_DST_PACKETS}, {"SrcBytes", F_SRC_BYTES}, {"DstBytes", F_DST_BYTES},
	{"SAppBytes", F_SRC_APP}, {"DAppBytes", F_DST_APP}};

#define HAS(field) (UINT64_C(1) << (field))
#define NEEDED     (HAS(F_PROTO) | HAS(F_SRC) | HAS(F_SPORT) | HAS(F_DST) | HAS(F_DPORT))

static bool is_header(struct span line, struct columns *ret)
{
	return columns_read(ret, line, ',', names, ARRAY_LEN(names)) &&
	       (ret->present & NEEDED) == NEEDED &&
	       (ret->present & (HAS(F_START) | HAS(F_LAST))) != 0;
}

static bool claims(struct cur start)
{
	struct columns columns;
	return is_header(lines_first(start), &columns);
}

static int argus_open(struct reader *r, struct fail *why)
{
	struct columns *columns = calloc(1, sizeof *columns);
	if (columns == NULL)
		return fail_set(why, -ENOMEM, "%s", strerror(ENOMEM));
	r->log = columns;
	return 0;
}

static void argus_close(struct reader *r)
{
	free(r->log);
}

static bool argus_next(struct reader *r, struct frame *ret)
{
	struct columns *columns = r->log, next;
	struct span line;
	int64_t ns;
	while (lines_next(r, &line)) {
		/* ra prints it again every so many rows when it is told to */
		if ((columns->count == 0 || span_begins(line, "StartTime")) &&
			is_header(line, &next)) {
			bool same = next.count == columns->count &&
			            memcmp(next.field, columns->field, next.count) == 0;
			if (columns->count > 0 && !same)
				return reader_cut(
					r, stream_offset(&r->stream), "its header changes");
			*columns = next;
			continue;
		}
		bool starts = (columns->present & HAS(F_START)) != 0;
		struct span start = columns_one(columns, line, ',', starts ? F_START : F_LAST);
		if (scan_time(start, &ns) < 0)
			ns = r->last_ns;
		*ret = lines_frame(r, line, ns, columns);
		return true;
	}
	return false;
}

/* ---- rows ---- */

static bool protocol(struct span text, uint8_t *ret)
{
	static const struct {
		const char *name;
		uint8_t proto;
	} known[] = {{"tcp", 6}, {"udp", 17}, {"icmp", 1}, {"icmp6", 58}, {"ipv6-icmp", 58},
		{"sctp", 132}, {"gre", 47}, {"esp", 50}};
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		*ret = known[i].proto;
		if (span_is_nocase(text, known[i].name))
			return true;
	}
	return false;
}

/* Decimal, or 0x and hexadecimal as ra prints ICMP's. */
static bool port(struct span text, uint16_t *ret)
{
	uint64_t n = 0;
	if (span_begins(text, "0x") && text.len >= 3 && text.len <= 6) {
		for (size_t i = 2; i < text.len; i++) {
			static const char digits[] = "0123456789abcdef";
			const char *at =
				text.ptr[i] == 0 ? NULL : strchr(digits, text.ptr[i] | 0x20);
			if (at == NULL)
				return false;
			n = n << 4 | (uint64_t)(at - digits);
		}
	} else if (scan_max(text, UINT16_MAX, &n) < 0) {
		return false;
	}
	*ret = (uint16_t)n;
	return true;
}

/* "FSPA_FSRA": the flags that the source sent, then those of the destination. */
static bool flags_pair(struct span state, uint8_t *ret_src, uint8_t *ret_dst)
{
	static const char letters[] = "FSRPAUEC"; /* in the order of their bits */
	uint8_t flags[2] = {0, 0};
	size_t side = 0;
	for (size_t i = 0; i < state.len; i++) {
		const char *at = state.ptr[i] == 0 ? NULL : strchr(letters, state.ptr[i]);
		if (state.ptr[i] == '_' && side == 0)
			side = 1;
		else if (at != NULL)
			flags[side] |= (uint8_t)(1u << (at - letters));
		else
			return false;
	}
	*ret_src = flags[0];
	*ret_dst = flags[1];
	return side == 1;
}

struct row {
	const struct span *field;
	struct half src, dst;
	bool there, back; /* packets of each direction were seen */
};

static bool number(struct span text, uint64_t *ret)
{
	*ret = 0;
	return text.len == 0 || scan_u64(text, ret) == 0;
}

/* The second of two parts of a whole, if only the first is there. */
static uint64_t rest_of(struct span part, uint64_t value, uint64_t all, uint64_t other)
{
	return part.len > 0 ? value : all > other ? all - other : 0;
}

/* Frames count with their Ethernet header, where they have one. */
static uint64_t without_link(uint64_t bytes, uint64_t packets)
{
	return bytes / 54 >= packets ? bytes - 14 * packets : bytes;
}

#define PSH 0x08u

/* Payload by the application's bytes; or, without them, by PSH, which all that sends sets in the
 * end. */
static void set_payload(struct half *half, struct span app, uint64_t app_bytes, uint64_t header)
{
	if (app.len > 0) {
		half->payload = true;
		half->bytes = app_bytes;
	} else if (half->flags_known) {
		uint64_t headers = half->packets * header;
		half->payload = true;
		half->bytes = (half->tcp_flags & PSH) == 0 ? 0
		              : half->bytes > headers      ? half->bytes - headers
		                                           : 1;
	}
}

static bool counters(struct row *row)
{
	const struct span *f = row->field;
	uint64_t packets, bytes, src_packets, dst_packets, src_bytes, dst_bytes, src_app, dst_app;
	if (!number(f[F_PACKETS], &packets) || !number(f[F_BYTES], &bytes) ||
		!number(f[F_SRC_PACKETS], &src_packets) ||
		!number(f[F_DST_PACKETS], &dst_packets) || !number(f[F_SRC_BYTES], &src_bytes) ||
		!number(f[F_DST_BYTES], &dst_bytes) || !number(f[F_SRC_APP], &src_app) ||
		!number(f[F_DST_APP], &dst_app))
		return false;
	bool parts = (f[F_SRC_PACKETS].len | f[F_DST_PACKETS].len) != 0;
	if (f[F_SRC_BYTES].len > 0 && f[F_BYTES].len > 0) {
		dst_bytes = rest_of(f[F_DST_BYTES], dst_bytes, bytes, src_bytes);
		row->there = src_bytes > 0;
		row->back = dst_bytes > 0;
	} else if (f[F_BYTES].len > 0 && f[F_DST_BYTES].len == 0) {
		/* shared out: nothing says how they were */
		dst_bytes = row->back ? bytes / 2 : 0;
		src_bytes = bytes - dst_bytes;
	}
	if (parts) {
		dst_packets = rest_of(f[F_DST_PACKETS], dst_packets, packets, src_packets);
		src_packets = rest_of(f[F_SRC_PACKETS], src_packets, packets, dst_packets);
		row->there = src_packets > 0;
		row->back = dst_packets > 0;
	} else {
		dst_packets = row->back && packets > 1 ? packets / 2 : row->back;
		src_packets = packets > dst_packets ? packets - dst_packets : row->there;
	}
	row->src.packets = src_packets;
	row->dst.packets = dst_packets;
	row->src.bytes = without_link(src_bytes, src_packets);
	row->dst.bytes = without_link(dst_bytes, dst_packets);
	uint64_t header = addr_is_v4(&row->src.src) ? 52 : 72;
	set_payload(&row->src, f[F_SRC_APP], src_app, header);
	set_payload(&row->dst, f[F_DST_APP], dst_app, header);
	return true;
}

static bool times(struct row *row)
{
	int64_t start = 0, last = 0, duration = 0;
	bool has_start = scan_time(row->field[F_START], &start) == 0;
	bool has_last = scan_time(row->field[F_LAST], &last) == 0;
	if (scan_seconds(row->field[F_DURATION], &duration) < 0 || duration < 0 ||
		duration > INT64_C(366) * 86400 * NS_PER_S)
		duration = 0;
	if (!has_start)
		start = last - duration;
	if (!has_last)
		last = start + duration;
	row->src.start_ns = row->dst.start_ns = start;
	row->src.end_ns = row->dst.end_ns = last > start ? last : start;
	/* the source is who was heard first */
	row->dst.start_ns += row->dst.end_ns > start;
	return has_start || has_last;
}

/* What the state and the arrow say. False: no conversation. */
static bool state(struct row *row, uint8_t proto)
{
	struct span state = row->field[F_STATE], dir = row->field[F_DIR];
	struct half *src = &row->src, *dst = &row->dst;
	row->there = true;
	row->back = proto == 6 || (span_has(dir, '<') && span_has(dir, '>'));
	if (proto == 6 && flags_pair(state, &src->tcp_flags, &dst->tcp_flags)) {
		src->flags_known = dst->flags_known = true;
		row->there = src->tcp_flags != 0;
		row->back = dst->tcp_flags != 0;
	} else if (proto == 6 && span_is(state, "REQ")) {
		src->flags_known = true;
		src->tcp_flags = HALF_SYN;
		row->back = false;
	} else if (proto == 6) {
		row->back = !span_is(state, "INT");
	} else if (proto == 1 || proto == 58) {
		bool request = span_is(state, "ECO");
		if (!request && !span_is(state, "ECR"))
			return false; /* errors */
		src->initiator = dst->responder = request;
	}
	if (proto == 6 && !span_has(dir, '?')) {
		bool from_dst = span_has(dir, '<') && !span_has(dir, '>');
		bool from_src = span_has(dir, '>') && !span_has(dir, '<');
		src->initiator = dst->responder = from_src;
		src->responder = dst->initiator = from_dst;
	}
	return true;
}

static bool endpoints(struct sink *s, struct row *row, bool icmp)
{
	struct half *src = &row->src, *dst = &row->dst;
	if (scan_addr(row->field[F_SRC], &src->src) < 0 ||
		scan_addr(row->field[F_DST], &src->dst) < 0) {
		sink_reject(s, "no address in SrcAddr or DstAddr");
		return false;
	}
	bool ports = port(row->field[F_SPORT], &src->src_port) &&
	             port(row->field[F_DPORT], &src->dst_port);
	if (!ports && !icmp && (src->ip_proto == 6 || src->ip_proto == 17)) {
		sink_reject(s, "no port in Sport or Dport: print numbers with ra -n");
		return false;
	}
	if (icmp) {
		src->src_port = 0;
		src->dst_port = src->ip_proto == 1 ? 8 << 8 : 128 << 8;
	}
	dst->src = src->dst;
	dst->dst = src->src;
	dst->src_port = icmp ? 0 : src->dst_port;
	dst->dst_port = icmp ? 0 : src->src_port;
	return true;
}

static void argus_parse(struct sink *sink, const struct frame *frame)
{
	struct span field[F_FIELDS];
	struct row row = {.field = field};
	uint8_t proto = 0;
	if (!columns_split(frame->schema, (struct span){frame->bytes, frame->cap_bytes}, ',', field,
		    F_FIELDS)) {
		sink_reject(sink, "it has more or fewer fields than its header");
		return;
	}
	if (!protocol(field[F_PROTO], &proto)) {
		sink_remark(sink, REMARK_OTHER_RECORDS); /* ARP, and Argus's own */
		return;
	}
	bool icmp = proto == 1 || proto == 58;
	row.src.ip_proto = row.dst.ip_proto = proto;
	row.src.whole = row.dst.whole = true;
	row.src.exporter = row.dst.exporter = (uint64_t)frame->input + 1;
	if (!state(&row, proto) || !endpoints(sink, &row, icmp))
		return;
	if (!times(&row)) {
		sink_reject(sink, "no time in StartTime or LastTime");
		return;
	}
	if (!counters(&row)) {
		sink_reject(sink, "no number in a column of packets or bytes");
		return;
	}
	if (row.there || !row.back)
		sink_half(sink, &row.src);
	if (row.back)
		sink_half(sink, &row.dst);
}

const struct format format_argus = {.name = "argus",
	.claims = claims,
	.open = argus_open,
	.next = argus_next,
	.close = argus_close,
	.parse = argus_parse};
