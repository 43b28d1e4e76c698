#include "store/tables.h"

#include <float.h>

#define SIZE_OF(type, field) sizeof(((type *)NULL)->field)
#define AT(type, field)      .offset = offsetof(type, field), .size = SIZE_OF(type, field)

/* Days, seconds and rates: more than there is. */
#define REAL_MOST 1e15
/* No bits of evidence come near. */
#define BITS_MOST 1e6

static const char *kind_word(unsigned n)
{
	return finding_kind_name((enum finding_kind)n);
}

static const char *role_word(unsigned n)
{
	return channel_role_name((enum channel_role)n);
}

static const char *transport_word(unsigned n)
{
	return transport_name((enum transport)n);
}

static const char *outcome_word(unsigned n)
{
	return outcome_name((enum outcome)n);
}

static const char *ruling_word(unsigned n)
{
	return ruling_name((enum ruling_kind)n);
}

#define RULING    .kind = COLUMN_WORD, .word = ruling_word, .words = RULING_COUNT
#define KIND      .kind = COLUMN_WORD, .word = kind_word, .words = KIND_COUNT
#define ROLE      .kind = COLUMN_WORD, .word = role_word, .words = ROLE_CARRIER + 1
#define TRANSPORT .kind = COLUMN_WORD, .word = transport_word, .words = TRANSPORT_ICMP + 1
#define OUTCOME   .kind = COLUMN_WORD, .word = outcome_word, .words = OUTCOME_COUNT
#define REAL      .kind = COLUMN_REAL, .high = REAL_MOST

#define TABLE(rows, type, of, ...)                                              \
	const struct table table_##rows = {.name = #rows,                       \
		.key = {__VA_ARGS__},                                           \
		.keys = sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *), \
		.column = of,                                                   \
		.columns = ARRAY_LEN(of),                                       \
		.bytes = sizeof(type)}

/* ---- the hunt ---- */

#define OF(field) AT(struct hunt_row, field)
static const struct column hunt_columns[] = {
	{"version", COLUMN_SAFE, OF(version)},
	{"made_ns", COLUMN_TIME, OF(made_ns)},
	{"max_e", REAL, OF(max_e)},
	{"inputs", COLUMN_NUMBER, OF(summary.inputs)},
	{"records", COLUMN_NUMBER, OF(summary.records)},
	{"rejected", COLUMN_NUMBER, OF(summary.rejected)},
	{"hosts", COLUMN_NUMBER, OF(summary.hosts)},
	{"host_days", REAL, OF(summary.host_days)},
	{"connections", COLUMN_NUMBER, OF(summary.connections)},
	{"findings", COLUMN_NUMBER, OF(summary.findings)},
	{"explained", COLUMN_NUMBER, OF(summary.explained)},
	{"seconds", REAL, OF(summary.seconds)},
	{"first_ns", COLUMN_TIME, OF(summary.first_ns)},
	{"last_ns", COLUMN_TIME, OF(summary.last_ns)},
	{"partial", COLUMN_BOOL, OF(summary.partial)},
	{"decoy_host_days", REAL, OF(summary.calibration.decoy_host_days)},
	{"safelist", COLUMN_SAFE, OF(safelist), .null = true},
};
#undef OF

#define OF(field) AT(struct store_option, field)
static const struct column option_columns[] = {
	{"name", COLUMN_SAFE, OF(name)},
	{"value", COLUMN_TEXT, OF(value)},
};
#undef OF

static const struct column off_columns[] = {
	{"text", COLUMN_SAFE, AT(struct off, text)},
};

#define OF(field) AT(struct calibration_line, field)
static const struct column calibration_columns[] = {
	{"stated", REAL, OF(stated)},
	{"findings", COLUMN_NUMBER, OF(findings)},
	{"observed", REAL, OF(observed)},
	{"low", REAL, OF(low)},
	{"high", REAL, OF(high)},
};
#undef OF

static const struct column safelist_columns[] = {
	{"entry", COLUMN_SAFE, AT(struct safelist_row, text)},
	{"hid", COLUMN_NUMBER, AT(struct safelist_row, hid)},
};

#define OF(field) AT(struct input_row, field)
static const struct column input_columns[] = {
	{"path", COLUMN_TEXT, OF(input.path)},
	{"format", COLUMN_SAFE, OF(input.format), .null = true},
	{"packing", COLUMN_SAFE, OF(input.packing), .null = true},
	{"bytes", COLUMN_NUMBER, OF(digest.bytes)},
	{"sha256", COLUMN_CHARS, OF(digest.sha256)},
	{"frames", COLUMN_NUMBER, OF(input.frames)},
	{"rejected", COLUMN_NUMBER, OF(input.rejected)},
	{"rows_rejected", COLUMN_NUMBER, OF(input.rows_rejected)},
	{"late", COLUMN_NUMBER, OF(input.late)},
	{"drops", COLUMN_NUMBER, OF(input.drops)},
	{"comments", COLUMN_NUMBER, OF(input.comments)},
	{"first_ns", COLUMN_TIME, OF(input.first_ns)},
	{"last_ns", COLUMN_TIME, OF(input.last_ns)},
	{"log", COLUMN_BOOL, OF(input.log)},
	{"cut", COLUMN_BOOL, OF(input.cut)},
	{"cut_offset", COLUMN_NUMBER, OF(input.cut_offset)},
	{"error", COLUMN_ERROR, OF(input.error)},
	{"text", COLUMN_CHARS, OF(input.text)},
};
#undef OF

#define OF(field) AT(struct ruling, field)
static const struct column ruling_columns[] = {
	{"finding_id", COLUMN_CHARS, OF(id)},
	{"verdict", RULING, OF(kind)},
	{"why", COLUMN_TEXT, OF(why)},
	{"by", COLUMN_TEXT, OF(by), .null = true},
	{"at_ns", COLUMN_TIME, OF(at_ns)},
};
#undef OF

TABLE(hunt, struct hunt_row, hunt_columns, "ordinal");
TABLE(option, struct store_option, option_columns, "ordinal");
TABLE(off, struct off, off_columns, "ordinal");
TABLE(calibration, struct calibration_line, calibration_columns, "ordinal");
TABLE(safelist, struct safelist_row, safelist_columns, "line");
TABLE(input, struct input_row, input_columns, "ordinal");
TABLE(ruling, struct ruling, ruling_columns, "ordinal");

/* ---- a finding ---- */

#define OF(field) AT(struct finding, field)
static const struct column finding_columns[] = {
	{"id", COLUMN_CHARS, OF(id)},
	{"kind", KIND, OF(kind)},
	{"host", COLUMN_ADDR, OF(host)},
	{"process", COLUMN_TEXT, OF(process), .null = true},
	{"first_ns", COLUMN_TIME, OF(first_ns)},
	{"last_ns", COLUMN_TIME, OF(last_ns)},
	{"episodes", COLUMN_NUMBER, OF(episodes)},
	{"e_value", COLUMN_REAL, OF(e_value), .high = DBL_MAX},
	{"measured", COLUMN_BOOL, OF(measured)},
	{"explained", COLUMN_SAFE, OF(explained), .null = true},
	{"explained_text", COLUMN_SAFE, OF(explained_text), .null = true},
};
#undef OF

#define OF(field) AT(struct finding_channel, field)
static const struct column channel_columns[] = {
	{"role", ROLE, OF(role)},
	{"endpoint", COLUMN_TEXT, OF(endpoint)},
	{"port", COLUMN_NUMBER, OF(port)},
	{"transport", TRANSPORT, OF(transport)},
	{"service", COLUMN_TEXT, OF(service), .null = true},
	{"connections", COLUMN_NUMBER, OF(connections)},
	{"failures", COLUMN_NUMBER, OF(failures)},
	{"failure", OUTCOME, OF(failure)},
	{"first_ns", COLUMN_TIME, OF(first_ns)},
	{"last_ns", COLUMN_TIME, OF(last_ns)},
	{"bytes_out", COLUMN_NUMBER, OF(bytes_out)},
	{"bytes_in", COLUMN_NUMBER, OF(bytes_in)},
	{"ja3", COLUMN_TEXT, OF(ja3), .null = true},
	{"ja4", COLUMN_TEXT, OF(ja4), .null = true},
	{"user_agent", COLUMN_TEXT, OF(user_agent), .null = true},
	{"process", COLUMN_TEXT, OF(process), .null = true},
};
#undef OF

/* The tables that are nothing but a list of texts or addresses. */
#define WHOLE(type) .offset = 0, .size = sizeof(type)
static const struct column name_columns[] = {{"name", COLUMN_TEXT, WHOLE(const char *)}};
static const struct column address_columns[] = {{"address", COLUMN_ADDR, WHOLE(struct addr)}};
static const struct column id_columns[] = {{"id", COLUMN_TEXT, WHOLE(const char *)}};

#define OF(field) AT(struct finding_switch, field)
static const struct column move_columns[] = {
	{"from_channel", COLUMN_NUMBER, OF(from), .most = FINDING_CHANNELS_MAX - 1},
	{"to_channel", COLUMN_NUMBER, OF(to), .most = FINDING_CHANNELS_MAX - 1},
	{"at_ns", COLUMN_TIME, OF(at_ns)},
	{"after_ns", COLUMN_TIME, OF(after_ns)},
	{"failure", OUTCOME, OF(failure)},
};
#undef OF

#define OF(field) AT(struct finding_evidence, field)
static const struct column evidence_columns[] = {
	{"kind", COLUMN_SAFE, OF(kind)},
	{"bits", COLUMN_REAL, OF(bits), .low = -BITS_MOST, .high = BITS_MOST},
	{"text", COLUMN_SAFE, OF(text)},
};
#undef OF

#define OF(field) AT(struct finding_tick, field)
static const struct column tick_columns[] = {
	{"channel", COLUMN_NUMBER, OF(channel), .most = FINDING_CHANNELS_MAX - 1},
	{"at_ns", COLUMN_TIME, OF(at_ns)},
	{"outcome", OUTCOME, OF(outcome)},
};
#undef OF

TABLE(finding, struct finding, finding_columns, "ordinal");
static TABLE(channel, struct finding_channel, channel_columns, "finding", "ordinal");
static TABLE(channel_name, const char *, name_columns, "finding", "channel", "ordinal");
static TABLE(channel_address, struct addr, address_columns, "finding", "channel", "ordinal");
static TABLE(move, struct finding_switch, move_columns, "finding", "ordinal");
static TABLE(evidence, struct finding_evidence, evidence_columns, "finding", "ordinal");
static TABLE(tick, struct finding_tick, tick_columns, "finding", "ordinal");
static TABLE(community, const char *, id_columns, "finding", "ordinal");
static TABLE(uid, const char *, id_columns, "finding", "ordinal");

#define PART(table, type, array, number, maximum)                                      \
	{                                                                              \
		&table_##table, offsetof(type, array), offsetof(type, number), maximum \
	}

const struct part finding_parts[FINDING_PARTS] = {
	PART(channel, struct finding, channel, channels, FINDING_CHANNELS_MAX),
	PART(move, struct finding, sw, switches, FINDING_SWITCHES_MAX),
	PART(evidence, struct finding, evidence, evidences, FINDING_EVIDENCE_MAX),
	PART(tick, struct finding, tick, ticks, FINDING_TICKS_MAX),
	PART(community, struct finding, record, records, FINDING_RECORDS_MAX),
	PART(uid, struct finding, uid, uids, FINDING_RECORDS_MAX),
};

const struct part channel_parts[CHANNEL_PARTS] = {
	PART(channel_name, struct finding_channel, names, name_count, FINDING_NAMES_MAX),
	PART(channel_address, struct finding_channel, addrs, addr_count, FINDING_ADDRS_MAX),
};
