/* What nfdump prints with -o csv: nfdump(1). Its own files (nfcapd) are private to it. Times have
 * no zone: nfdump prints those of the machine it runs on, so run it with TZ=UTC. Releases
 * before 1.7.4 print one set of columns, later ones another; the header says which. */
#include <errno.h>

#include "base/limits.h"
#include "ingest/columns.h"
#include "ingest/sink.h"

enum field {
	F_START,
	F_END,
	F_DURATION,
	F_SRC,
	F_DST,
	F_SPORT,
	F_DPORT,
	F_PROTO,
	F_FLAGS,
	F_FORWARDING,
	F_PACKETS,
	F_BYTES,
	F_PACKETS_BACK,
	F_BYTES_BACK,
	F_ROUTER,
	F_VLAN,
	F_FIELDS
};

static const struct column_name names[] = {{"ts", F_START}, {"firstSeen", F_START}, {"te", F_END},
	{"lastSeen", F_END}, {"td", F_DURATION}, {"duration", F_DURATION}, {"sa", F_SRC},
	{"srcAddr", F_SRC}, {"da", F_DST}, {"dstAddr", F_DST}, {"sp", F_SPORT},
	{"srcPort", F_SPORT}, {"dp", F_DPORT}, {"dstPort", F_DPORT}, {"pr", F_PROTO},
	{"proto", F_PROTO}, {"flg", F_FLAGS}, {"flags", F_FLAGS}, {"fwd", F_FORWARDING},
	{"ipkt", F_PACKETS}, {"packets", F_PACKETS}, {"inPackets", F_PACKETS}, {"ibyt", F_BYTES},
	{"bytes", F_BYTES}, {"inBytes", F_BYTES}, {"opkt", F_PACKETS_BACK},
	{"outPackets", F_PACKETS_BACK}, {"obyt", F_BYTES_BACK}, {"outBytes", F_BYTES_BACK},
	{"ra", F_ROUTER}, {"router", F_ROUTER}, {"svln", F_VLAN}, {"srcVlan", F_VLAN}};

struct nfdump_log {
	struct columns columns;
	bool summary; /* what follows is no flow */
};

static bool is_header(struct span line)
{
	return span_begins(line, "ts,te,td,sa,da,") ||
	       span_begins(line, "firstSeen,duration,proto,");
}

static bool claims(struct cur start)
{
	return is_header(lines_first(start));
}

static int nfdump_open(struct reader *r, struct fail *why)
{
	struct nfdump_log *log = calloc(1, sizeof *log);
	if (log == NULL)
		return fail_set(why, -ENOMEM, "%s", strerror(ENOMEM));
	r->log = log;
	return 0;
}

static void nfdump_close(struct reader *r)
{
	free(r->log);
}

/* Outputs written behind one another have a header each: the same one, as they are of one nfdump,
 * else the rows of the one before would lose theirs. */
static const char *header(struct nfdump_log *log, struct span line)
{
	struct columns columns;
	if (!columns_read(&columns, line, ',', names, ARRAY_LEN(names)))
		return "its header names too many columns";
	bool same = columns.count == log->columns.count &&
	            memcmp(columns.field, log->columns.field, columns.count) == 0;
	if (log->columns.count > 0 && !same)
		return "its header changes";
	log->columns = columns;
	log->summary = false;
	return NULL;
}

static bool nfdump_next(struct reader *r, struct frame *ret)
{
	struct nfdump_log *log = r->log;
	struct span line;
	int64_t ns;
	while (lines_next(r, &line)) {
		if (is_header(line)) {
			const char *wrong = header(log, line);
			if (wrong != NULL)
				return reader_cut(r, stream_offset(&r->stream), wrong);
			continue;
		}
		log->summary |= span_is(line, "Summary");
		if (log->summary || span_is(line, "No matching flows"))
			continue;
		struct span start = columns_one(&log->columns, line, ',', F_START);
		if (scan_time(start, &ns) < 0)
			ns = r->last_ns;
		*ret = lines_frame(r, line, ns, &log->columns);
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
	} known[] = {{"TCP", 6}, {"UDP", 17}, {"ICMP", 1}, {"ICMP6", 58}, {"SCTP", 132},
		{"GRE", 47}, {"ESP", 50}, {"AH", 51}, {"IPIP", 4}, {"IPv6", 41}, {"IGMP", 2},
		{"OSPF", 89}};
	uint64_t n = 0;
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (span_is_nocase(text, known[i].name)) {
			*ret = known[i].proto;
			return true;
		}
	}
	if (scan_max(text, UINT8_MAX, &n) < 0)
		return false;
	*ret = (uint8_t)n;
	return true;
}

/* "...AP.SF": dots for those that are not set. */
static bool flags(struct span text, uint8_t *ret)
{
	static const char letters[] = "FSRPAUEC"; /* in the order of their bits */
	uint8_t f = 0;
	for (size_t i = 0; i < text.len; i++) {
		const char *at = text.ptr[i] == 0 ? NULL : strchr(letters, text.ptr[i]);
		if (at != NULL)
			f |= (uint8_t)(1u << (at - letters));
		else if (text.ptr[i] != '.')
			return false;
	}
	*ret = f;
	return true;
}

/* A port, or ICMP's "8.0". */
static bool port(struct span text, bool icmp, uint16_t *ret)
{
	struct span rest = text, type = {0};
	uint64_t a = 0, b = 0;
	*ret = 0;
	if (text.len == 0)
		return true;
	if (icmp && span_has(text, '.')) {
		if (!span_next(&rest, '.', &type) || scan_max(type, 255, &a) < 0 ||
			scan_max(rest, 255, &b) < 0)
			return false;
		*ret = (uint16_t)(a << 8 | b);
		return true;
	}
	if (scan_max(text, UINT16_MAX, &a) < 0)
		return false;
	*ret = (uint16_t)a;
	return true;
}

static bool number(struct span text, uint64_t *ret)
{
	*ret = 0;
	return text.len == 0 || scan_u64(text, ret) == 0;
}

/* The row's own direction; false: said why it is none. */
static bool fill(struct sink *s, const struct span *field, struct half *half)
{
	const char *bad = NULL;
	uint64_t vlan = 0, forwarding = 0;
	bool icmp = false;
	if (scan_addr(field[F_SRC], &half->src) < 0 || scan_addr(field[F_DST], &half->dst) < 0)
		bad = "no address in sa or da";
	else if (!protocol(field[F_PROTO], &half->ip_proto))
		bad = "no protocol in pr";
	icmp = half->ip_proto == 1 || half->ip_proto == 58;
	if (bad == NULL && (!port(field[F_SPORT], icmp, &half->src_port) ||
				   !port(field[F_DPORT], icmp, &half->dst_port)))
		bad = "no port in sp or dp";
	if (bad == NULL &&
		(!number(field[F_PACKETS], &half->packets) ||
			!number(field[F_BYTES], &half->bytes) || !number(field[F_VLAN], &vlan)))
		bad = "no number in ipkt, ibyt or svln";
	if (bad == NULL && !flags(field[F_FLAGS], &half->tcp_flags))
		bad = "no TCP flags in flg";
	if (bad == NULL && scan_time(field[F_START], &half->start_ns) < 0)
		bad = "no time in ts";
	if (bad != NULL) {
		sink_reject(s, bad);
		return false;
	}
	if (icmp)
		half->src_port = 0;
	half->vlan = vlan < 4096 ? (uint16_t)vlan : 0;
	half->flags_known = half->ip_proto == 6 && half->tcp_flags != 0;
	if (scan_max(field[F_FORWARDING], UINT8_MAX, &forwarding) == 0)
		half->denied = forwarding == 129 || forwarding == 130; /* RFC 7270 4.12 */
	return true;
}

static void nfdump_parse(struct sink *sink, const struct frame *row)
{
	struct span field[F_FIELDS];
	struct half half = {0};
	uint64_t packets_back = 0, bytes_back = 0;
	int64_t duration = 0;
	if (!columns_split(
		    row->schema, (struct span){row->bytes, row->cap_bytes}, ',', field, F_FIELDS)) {
		sink_reject(sink, "it has more or fewer fields than its header");
		return;
	}
	if (!fill(sink, field, &half))
		return;
	if (!number(field[F_PACKETS_BACK], &packets_back) ||
		!number(field[F_BYTES_BACK], &bytes_back)) {
		sink_reject(sink, "no number in opkt or obyt");
		return;
	}
	half.end_ns = half.start_ns;
	if (scan_seconds(field[F_DURATION], &duration) == 0 && duration >= 0 &&
		duration < INT64_C(366) * 86400 * NS_PER_S)
		half.end_ns += duration;
	half.exporter = sink_key(sink, field[F_ROUTER]);
	half.exporter = half.exporter != 0 ? half.exporter : (uint64_t)row->input + 1;
	/* nfdump -b puts both directions into a row, with the flags of both in one */
	bool back = (packets_back | bytes_back) != 0;
	half.flags_known &= !back;
	half.both_exported = back;
	sink_half(sink, &half);
	if (!back)
		return;
	struct half other = half;
	other.src = half.dst;
	other.dst = half.src;
	other.src_port = half.dst_port;
	other.dst_port = half.src_port;
	if (half.ip_proto == 1 || half.ip_proto == 58)
		other.src_port = other.dst_port = 0;
	other.packets = packets_back;
	other.bytes = bytes_back;
	sink_half(sink, &other);
}

const struct format format_nfdump = {.name = "nfdump",
	.claims = claims,
	.open = nfdump_open,
	.next = nfdump_next,
	.close = nfdump_close,
	.parse = nfdump_parse};
