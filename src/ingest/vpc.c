/* AWS flow logs of VPCs and Transit Gateways: docs.aws.amazon.com, "Flow log records". A row is
 * fields with spaces between; which fields, in which order, is the owner's choice and stands in a
 * header line, if anywhere. Without one only the default order can be told, and the order in which
 * the fields were added to it. "-" stands for what is not there. */
#include <errno.h>

#include "base/limits.h"
#include "base/scan.h"
#include "ingest/lines.h"

#define COLUMNS_MAX 128
#define SCHEMAS_MAX 256 /* different headers within one file */

enum field {
	F_ACTION,
	F_BYTES,
	F_DIRECTION,
	F_DSTADDR,
	F_DSTPORT,
	F_END,
	F_INTERFACE,
	F_LOG_STATUS,
	F_PACKETS,
	F_PKT_DSTADDR,
	F_PKT_SRCADDR,
	F_PROTOCOL,
	F_SRCADDR,
	F_SRCPORT,
	F_START,
	F_TCP_FLAGS,
	F_TGW_ATTACHMENT,
	F_FIELDS
};

static const char *const names[F_FIELDS] = {[F_ACTION] = "action",
	[F_BYTES] = "bytes",
	[F_DIRECTION] = "flow-direction",
	[F_DSTADDR] = "dstaddr",
	[F_DSTPORT] = "dstport",
	[F_END] = "end",
	[F_INTERFACE] = "interface-id",
	[F_LOG_STATUS] = "log-status",
	[F_PACKETS] = "packets",
	[F_PKT_DSTADDR] = "pkt-dstaddr",
	[F_PKT_SRCADDR] = "pkt-srcaddr",
	[F_PROTOCOL] = "protocol",
	[F_SRCADDR] = "srcaddr",
	[F_SRCPORT] = "srcport",
	[F_START] = "start",
	[F_TCP_FLAGS] = "tcp-flags",
	[F_TGW_ATTACHMENT] = "tgw-attachment-id"};

/* Versions 2 to 8 in the order in which their fields were added; a row may end after any of them.
 */
static const char vpc_order[] =
	"version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes "
	"start end action log-status vpc-id subnet-id instance-id tcp-flags type pkt-srcaddr "
	"pkt-dstaddr region az-id sublocation-type sublocation-id pkt-src-aws-service "
	"pkt-dst-aws-service flow-direction traffic-path";
static const char tgw_order[] =
	"version resource-type account-id tgw-id tgw-attachment-id tgw-src-vpc-account-id "
	"tgw-dst-vpc-account-id tgw-src-vpc-id tgw-dst-vpc-id tgw-src-subnet-id tgw-dst-subnet-id "
	"tgw-src-eni tgw-dst-eni tgw-src-az-id tgw-dst-az-id tgw-pair-attachment-id srcaddr "
	"dstaddr srcport dstport protocol packets bytes start end log-status type "
	"packets-lost-no-route packets-lost-blackhole packets-lost-mtu-exceeded "
	"packets-lost-ttl-expired tcp-flags region flow-direction pkt-src-aws-service "
	"pkt-dst-aws-service";

struct schema {
	struct schema *next;
	uint32_t columns;
	bool at_least; /* more fields may follow */
	uint8_t field[COLUMNS_MAX];
	const char *missing;
};

struct vpc_log {
	struct schema *schemas; /* of headers, the newest first; owned */
	uint32_t count;
	struct schema vpc, vpc_all, tgw, tgw_all; /* without a header */
};

/* ---- field lists ---- */

/* "${start}" as in the format given to AWS, or "start". */
static struct span bare_name(struct span word)
{
	if (span_begins(word, "${") && word.ptr[word.len - 1] == '}')
		return (struct span){word.ptr + 2, word.len - 3};
	return word;
}

/* Tables of them write "_" for "-". */
static bool same_name(struct span name, const char *known)
{
	size_t i = 0;
	while (i < name.len && known[i] != '\0' &&
		name.ptr[i] == (uint8_t)(name.ptr[i] == '_' && known[i] == '-' ? '_' : known[i]))
		i++;
	return i == name.len && known[i] == '\0';
}

static enum field field_of(struct span name)
{
	enum field f = 0;
	while (f < F_FIELDS && !same_name(name, names[f]))
		f++;
	return f;
}

static const char *missing_of(uint64_t present)
{
	static const enum field needed[] = {F_PROTOCOL, F_SRCPORT, F_DSTPORT, F_START, F_END};
	static const char *const why[] = {"its header has no protocol", "its header has no srcport",
		"its header has no dstport", "its header has no start", "its header has no end"};
	bool src = (present & (1u << F_SRCADDR | 1u << F_PKT_SRCADDR)) != 0;
	bool dst = (present & (1u << F_DSTADDR | 1u << F_PKT_DSTADDR)) != 0;
	if (!src || !dst)
		return "its header has no srcaddr or no dstaddr";
	for (size_t i = 0; i < ARRAY_LEN(needed); i++)
		if ((present & (UINT64_C(1) << needed[i])) == 0)
			return why[i];
	return NULL;
}

/* False: too many fields. */
static bool read_names(struct schema *schema, struct span line)
{
	struct span word;
	uint64_t present = 0;
	*schema = (struct schema){0};
	while (span_next(&line, ' ', &word)) {
		if (word.len == 0)
			continue;
		if (schema->columns == COLUMNS_MAX)
			return false;
		enum field f = field_of(bare_name(word));
		if (f < F_FIELDS && (present & (UINT64_C(1) << f)) != 0)
			f = F_FIELDS; /* named twice: the first counts */
		schema->field[schema->columns++] = (uint8_t)f;
		if (f < F_FIELDS)
			present |= UINT64_C(1) << f;
	}
	schema->missing = missing_of(present);
	return true;
}

/* A header has nothing but names, of which some only these logs have. */
static bool is_header(struct span line)
{
	size_t known = 0;
	bool src = false, dst = false;
	struct span word;
	for (size_t i = 0; i < line.len; i++)
		if (!(line.ptr[i] >= 'a' && line.ptr[i] <= 'z') &&
			!(line.ptr[i] >= '0' && line.ptr[i] <= '9') &&
			strchr(" -_${}", line.ptr[i]) == NULL)
			return false;
	while (span_next(&line, ' ', &word)) {
		enum field f = field_of(bare_name(word));
		known += f < F_FIELDS;
		src |= f == F_SRCADDR || f == F_PKT_SRCADDR;
		dst |= f == F_DSTADDR || f == F_PKT_DSTADDR;
	}
	return src && dst && known >= 4;
}

/* ---- rows without a header ---- */

/* The row's fields; lines pasted by hand end with a space. */
static size_t split(struct span line, uint32_t *ret_end)
{
	while (line.len > 0 && line.ptr[line.len - 1] == ' ')
		line.len--;
	return lines_split(line, ' ', ret_end, COLUMNS_MAX);
}

static bool number_or_none(struct span s)
{
	uint64_t n;
	return span_is(s, "-") || scan_u64(s, &n) == 0;
}

static bool addr_or_none(struct span s)
{
	struct addr a;
	return span_is(s, "-") || scan_addr(s, &a) == 0;
}

static bool is_time(struct span s)
{
	uint64_t n;
	return scan_max(s, UINT32_MAX, &n) == 0;
}

static bool is_status(struct span s)
{
	return span_is(s, "OK") || span_is(s, "NODATA") || span_is(s, "SKIPDATA");
}

static bool is_version(struct span s)
{
	uint64_t n;
	return scan_max(s, 99, &n) == 0 && n >= 2;
}

/* The default fourteen fields, in front. */
static bool is_vpc_row(struct span line, const uint32_t *end, size_t count)
{
	if (count < 14 || count > COLUMNS_MAX || !is_version(lines_field(line, end, 0)))
		return false;
	struct span action = lines_field(line, end, 12);
	bool acts = span_is(action, "ACCEPT") || span_is(action, "REJECT") || span_is(action, "-");
	for (size_t i = 5; i < 10; i++)
		acts &= number_or_none(lines_field(line, end, i));
	return acts && addr_or_none(lines_field(line, end, 3)) &&
	       addr_or_none(lines_field(line, end, 4)) && is_time(lines_field(line, end, 10)) &&
	       is_time(lines_field(line, end, 11)) && is_status(lines_field(line, end, 13));
}

/* The fields of version 3 behind them, as AWS lists them. */
static bool is_vpc_all_row(struct span line, const uint32_t *end, size_t count)
{
	if (count < 21)
		return false;
	struct span type = lines_field(line, end, 18);
	return number_or_none(lines_field(line, end, 17)) &&
	       (span_is(type, "-") || span_is(type, "IPv4") || span_is(type, "IPv6") ||
		       span_is(type, "EFA")) &&
	       addr_or_none(lines_field(line, end, 19)) && addr_or_none(lines_field(line, end, 20));
}

static bool is_tgw_row(struct span line, const uint32_t *end, size_t count)
{
	return count >= 26 && count <= COLUMNS_MAX && is_version(lines_field(line, end, 0)) &&
	       span_begins(lines_field(line, end, 1), "TransitGateway") &&
	       addr_or_none(lines_field(line, end, 16)) &&
	       addr_or_none(lines_field(line, end, 17)) && is_time(lines_field(line, end, 23)) &&
	       is_time(lines_field(line, end, 24)) && is_status(lines_field(line, end, 25));
}

/* Exports of CloudWatch put their own time before the row, and its tail the stream's name behind
 * that. Returns the row. */
static struct span without_prefix(struct span line)
{
	struct span rest = line, word;
	int64_t ns;
	if (line.len < 20 || !span_next(&rest, ' ', &word) || word.len < 19 ||
		scan_iso(word, &ns) < 0)
		return line;
	struct span stream = rest;
	if (span_next(&stream, ' ', &word) &&
		(span_begins(word, "eni-") || span_begins(word, "tgw-")) && stream.len > 0 &&
		stream.ptr[0] >= '0' && stream.ptr[0] <= '9')
		return stream;
	return rest;
}

static bool is_row(struct span line)
{
	uint32_t end[COLUMNS_MAX];
	size_t count = split(line, end);
	return is_vpc_row(line, end, count) || is_tgw_row(line, end, count);
}

static bool claims(struct cur start)
{
	struct span line = lines_first(start);
	return is_header(span_trim(line)) || is_row(without_prefix(line));
}

/* ---- reading ---- */

static int vpc_open(struct reader *r, struct fail *why)
{
	struct vpc_log *log = calloc(1, sizeof *log);
	if (log == NULL)
		return fail_set(why, -ENOMEM, "%s", strerror(ENOMEM));
	CHECK(read_names(&log->vpc_all, span_of(vpc_order)));
	CHECK(read_names(&log->tgw_all, span_of(tgw_order)));
	log->vpc = log->vpc_all;
	log->vpc.columns = 14;
	log->vpc_all.columns = 21;
	log->tgw = log->tgw_all;
	log->tgw.columns = 26;
	log->vpc.at_least = log->vpc_all.at_least = log->tgw.at_least = true;
	r->log = log;
	return 0;
}

static void vpc_close(struct reader *r)
{
	struct vpc_log *log = r->log;
	if (log == NULL)
		return;
	for (struct schema *s = log->schemas; s != NULL;) {
		struct schema *next = s->next;
		free(s);
		s = next;
	}
	free(log);
}

static bool same_schema(const struct schema *a, const struct schema *b)
{
	return a->columns == b->columns && memcmp(a->field, b->field, a->columns) == 0;
}

/* NULL, or why nothing can be read from here on. */
static const char *header(struct vpc_log *log, struct span line)
{
	struct schema draft;
	if (!read_names(&draft, line))
		return "its header names too many fields";
	struct schema **at = &log->schemas;
	while (*at != NULL && !same_schema(*at, &draft))
		at = &(*at)->next;
	struct schema *s = *at;
	if (s != NULL) {
		*at = s->next;
	} else {
		s = log->count < SCHEMAS_MAX ? malloc(sizeof *s) : NULL;
		if (s == NULL)
			return "its header changes too often";
		*s = draft;
		log->count++;
	}
	s->next = log->schemas;
	log->schemas = s;
	return NULL;
}

/* By the header before it, else by what its fields can only be: logs of VPCs and of gateways may be
 * written behind one another. */
static const struct schema *schema_of(const struct vpc_log *log, struct span line)
{
	uint32_t end[COLUMNS_MAX];
	size_t count = split(line, end);
	if (log->schemas != NULL && log->schemas->columns == count)
		return log->schemas;
	for (const struct schema *s = log->schemas; s != NULL; s = s->next)
		if (s->columns == count)
			return s;
	if (is_tgw_row(line, end, count))
		return count == log->tgw_all.columns ? &log->tgw_all : &log->tgw;
	if (!is_vpc_row(line, end, count))
		return NULL;
	return is_vpc_all_row(line, end, count) ? &log->vpc_all : &log->vpc;
}

static bool take_column(
	const struct schema *schema, struct span line, enum field wanted, struct span *ret)
{
	struct span rest = line;
	for (uint32_t i = 0; i < schema->columns; i++)
		if (!span_next(&rest, ' ', ret) || schema->field[i] == wanted)
			return schema->field[i] == wanted;
	return false;
}

static int64_t time_of(const struct reader *r, const struct schema *schema, struct span line)
{
	struct span start;
	int64_t ns;
	if (!take_column(schema, line, F_START, &start) || scan_time(start, &ns) < 0)
		return r->last_ns;
	return ns;
}

static bool vpc_next(struct reader *r, struct frame *ret)
{
	struct vpc_log *log = r->log;
	struct span line;
	while (lines_next(r, &line)) {
		if (is_header(span_trim(line))) {
			const char *wrong = header(log, span_trim(line));
			if (wrong != NULL)
				return reader_cut(r, stream_offset(&r->stream), wrong);
			continue;
		}
		line = without_prefix(line);
		const struct schema *schema = schema_of(log, line);
		if (schema == NULL) {
			reader_reject_line(r, r->number,
				log->schemas != NULL
					? "it has more or fewer fields than its header"
					: "neither the default fields nor a header that names "
					  "them");
			continue;
		}
		*ret = lines_frame(r, line, time_of(r, schema, line), schema);
		return true;
	}
	return false;
}

/* ---- rows ---- */

struct row {
	struct span field[F_FIELDS]; /* len 0: not there */
};

static bool number(const struct row *row, enum field f, uint64_t max, uint64_t *ret)
{
	*ret = 0;
	return row->field[f].len == 0 || scan_max(row->field[f], max, ret) == 0;
}

/* The packet's own address where the log has it: the other is the interface's first one. */
static bool address(
	const struct row *row, enum field packet, enum field interface, struct addr *ret)
{
	struct span text = row->field[packet].len > 0 ? row->field[packet] : row->field[interface];
	return scan_addr(text, ret) == 0;
}

/* The interface, and whether the packets came or went there: what passes two of them is logged
 * twice. */
static uint64_t point_of(struct sink *s, const struct row *row)
{
	struct span at = row->field[F_INTERFACE].len > 0 ? row->field[F_INTERFACE]
	                                                 : row->field[F_TGW_ATTACHMENT];
	return sink_key(s, at);
}

/* Rows may say a time that is up to a minute off; a window is ten minutes at most. */
#define WINDOW_NS (660 * NS_PER_S)

static void emit(struct sink *s, const struct row *row)
{
	uint64_t src_port, dst_port, proto, flags;
	struct half half = {.acks_hidden = true, .both_exported = true, .hold_ns = WINDOW_NS};
	if (!address(row, F_PKT_SRCADDR, F_SRCADDR, &half.src) ||
		!address(row, F_PKT_DSTADDR, F_DSTADDR, &half.dst)) {
		sink_reject(s, "no address in srcaddr or dstaddr");
		return;
	}
	if (row->field[F_PROTOCOL].len == 0 || !number(row, F_PROTOCOL, 255, &proto) ||
		!number(row, F_SRCPORT, UINT16_MAX, &src_port) ||
		!number(row, F_DSTPORT, UINT16_MAX, &dst_port) ||
		!number(row, F_TCP_FLAGS, UINT8_MAX, &flags) ||
		!number(row, F_PACKETS, UINT64_MAX, &half.packets) ||
		!number(row, F_BYTES, UINT64_MAX, &half.bytes)) {
		sink_reject(s, "no number in protocol, a port, tcp-flags, packets or bytes");
		return;
	}
	if (scan_time(row->field[F_START], &half.start_ns) < 0 ||
		scan_time(row->field[F_END], &half.end_ns) < 0) {
		sink_reject(s, "no time in start or end");
		return;
	}
	if (half.end_ns < half.start_ns)
		half.end_ns = half.start_ns;
	bool icmp = proto == 1 || proto == 58;
	half.ip_proto = (uint8_t)proto;
	half.src_port = icmp ? 0 : (uint16_t)src_port;
	half.dst_port = icmp ? 0 : (uint16_t)dst_port;
	if (row->field[F_PACKETS].len == 0)
		half.packets = 1; /* at least */
	half.tcp_flags = (uint8_t)flags;
	half.flags_known = proto == 6 && row->field[F_TCP_FLAGS].len > 0;
	half.denied = span_is(row->field[F_ACTION], "REJECT");
	half.point = point_of(s, row);
	sink_half(s, &half);
}

static void vpc_parse(struct sink *sink, const struct frame *frame)
{
	const struct schema *schema = frame->schema;
	struct span line = {frame->bytes, frame->cap_bytes};
	uint32_t end[COLUMNS_MAX];
	struct row row = {0};
	if (schema->missing != NULL) {
		sink_reject(sink, schema->missing);
		return;
	}
	size_t count = split(line, end);
	if (count > COLUMNS_MAX || count < schema->columns ||
		(count > schema->columns && !schema->at_least)) {
		sink_reject(sink, "it has more or fewer fields than its header");
		return;
	}
	for (uint32_t i = 0; i < schema->columns; i++) {
		struct span value = lines_field(line, end, i);
		if (schema->field[i] < F_FIELDS && !span_is(value, "-"))
			row.field[schema->field[i]] = value;
	}
	struct span status = row.field[F_LOG_STATUS];
	if (span_is(status, "SKIPDATA"))
		sink_remark(sink, REMARK_NODATA_LOST);
	else if (!span_is(status, "NODATA"))
		emit(sink, &row);
}

const struct format format_vpc = {.name = "vpc",
	.claims = claims,
	.open = vpc_open,
	.next = vpc_next,
	.close = vpc_close,
	.parse = vpc_parse};
