/* Zeek's logs as JSON: docs.zeek.org, "Zeek Log Formats" (LogAscii::use_json, json-streaming-logs,
 * the Kafka writer) and what pipelines make of them: "." in names as "_" or as nesting, Corelight's
 * "_path", "@stream" of others, a row within a row's "message". A file may mix all logs. */
#include "base/scan.h"
#include "ingest/json_log.h"
#include "ingest/zeek_row.h"

enum extra {
	PATH = ZEEK_FIELDS,
	STREAM,
	CLIENT_PROTOCOL,
	JA3_HASH,
	JA4_HASH,
	NOTE, /* what follows tells notice, dpd and analyzer from conn, where no path is named */
	ANALYZER,
	ANALYZER_NAME,
	MESSAGE, /* a shipper's: the row as text */
	SLOTS
};

static int zeek_json_open(struct reader *r, struct fail *why)
{
	const char *paths[SLOTS] = {[PATH] = "_path",
		[STREAM] = "@stream",
		[CLIENT_PROTOCOL] = "client_protocol",
		[JA3_HASH] = "ja3_hash",
		[JA4_HASH] = "ja4_hash",
		[NOTE] = "note",
		[ANALYZER] = "analyzer",
		[ANALYZER_NAME] = "analyzer_name",
		[MESSAGE] = "message"};
	for (size_t i = 0; i < ZEEK_FIELDS; i++)
		paths[i] = zeek_field_name((enum zeek_field)i);
	return json_log_open(r, paths, SLOTS, 0, why);
}

/* ---- what is one ---- */

static bool is_zeek(struct span object)
{
	struct span ts;
	int64_t ns;
	if (!json_peek(object, "ts", &ts) && !json_peek(object, "_write_ts", &ts))
		return span_find(object, "\"message\"") < object.len &&
		       span_find(object, "\\\"id.orig_h\\\"") < object.len;
	if (scan_time(ts, &ns) < 0)
		return false;
	static const char *const names[] = {
		"_path", "@stream", "id.orig_h", "id_orig_h", "orig_h", "uid", "fuid", "_write_ts"};
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (json_log_has(object, names[i]))
			return true;
	return span_begins(object, "{\"ts\":"); /* loaded_scripts, reporter, stats, … */
}

static bool claims(struct cur start)
{
	return json_log_claims(start, is_zeek);
}

static bool when(struct span line, int64_t *ns)
{
	struct span ts;
	return (json_peek(line, "ts", &ts) || json_peek(line, "_write_ts", &ts) ||
		       json_peek(line, "@timestamp", &ts)) &&
	       scan_time(ts, ns) == 0;
}

static bool zeek_json_next(struct reader *r, struct frame *ret)
{
	return json_log_next(r, ret, when);
}

/* ---- a row ---- */

static bool next_item(
	struct sink *sink, const struct zeek_row *row, struct span *rest, struct span *ret)
{
	(void)sink;
	(void)row;
	return span_next(rest, '\0', ret);
}

static bool is_list(enum zeek_field f)
{
	return f == ZEEK_ANSWERS || f == ZEEK_TTLS || f == ZEEK_CONN_UIDS || f == ZEEK_PROXIED;
}

static enum zeek_path path_of(const struct json_value *slot, uint64_t present)
{
	if (slot[PATH].text.len > 0)
		return zeek_path_of(slot[PATH].text);
	if (slot[STREAM].text.len > 0)
		return zeek_path_of(slot[STREAM].text);
	bool other = slot[NOTE].text.len > 0 || slot[ANALYZER].text.len > 0 ||
	             slot[ANALYZER_NAME].text.len > 0;
	if (other && (present & zeek_bit(ZEEK_CONN_STATE)) == 0)
		return ZEEK_OTHER;
	return zeek_path_by_fields(present);
}

static void emit(struct sink *sink, const struct json_log *log, const struct json_value *slot)
{
	static const struct {
		enum zeek_field field;
		enum extra extra;
	} others[] = {
		{ZEEK_NEXT_PROTOCOL, CLIENT_PROTOCOL}, {ZEEK_JA3, JA3_HASH}, {ZEEK_JA4, JA4_HASH}};
	struct zeek_row z = {.item = next_item};
	uint64_t present = 0;
	for (size_t i = 0; i < ZEEK_FIELDS; i++) {
		enum zeek_field f = (enum zeek_field)i;
		if (slot[i].type == JSON_ABSENT)
			continue;
		present |= zeek_bit(f);
		z.field[i] =
			is_list(f) ? json_log_flatten(sink, log, &slot[i], '\0') : slot[i].text;
	}
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (z.field[others[i].field].len == 0)
			z.field[others[i].field] = slot[others[i].extra].text;
	z.path = path_of(slot, present);
	const char *missing = z.path == ZEEK_OTHER ? NULL : zeek_missing(z.path, present);
	if (missing != NULL)
		sink_reject(sink, missing);
	else
		zeek_emit(sink, &z);
}

/* {"conn": {...}}, as the Kafka writer tags rows: the inner object becomes the row. */
static const char *pick_tagged(
	const struct json_log *log, const struct json_value *root, struct json_value *slot)
{
	struct json_value member = {0};
	struct span name;
	if (!json_member(log->json, root, &name, &member) || member.type != JSON_OBJECT)
		return NULL;
	const char *wrong = json_pick(log->json, log->keys, &member, slot);
	slot[PATH] = (struct json_value){.type = JSON_STRING, .text = name};
	return wrong;
}

static void zeek_json_parse(struct sink *sink, const struct frame *row)
{
	const struct json_log *log = row->schema;
	struct span line = {row->bytes, row->cap_bytes};
	struct json_value root, slot[SLOTS];
	for (int layer = 0;; layer++) {
		const char *wrong = json_read(log->json, line, &root);
		if (wrong == NULL)
			wrong = json_pick(log->json, log->keys, &root, slot);
		if (wrong == NULL && slot[ZEEK_TS].type == JSON_ABSENT)
			wrong = pick_tagged(log, &root, slot);
		if (wrong != NULL) {
			sink_reject(sink, wrong);
			return;
		}
		struct span inner = slot[MESSAGE].text;
		if (layer > 0 || slot[ZEEK_TS].type != JSON_ABSENT || !span_begins(inner, "{"))
			break;
		const char *copy = sink_text(sink, inner); /* out of what the next read uses */
		if (copy == NULL)
			break;
		line = span_of(copy);
	}
	emit(sink, log, slot);
}

const struct format format_zeek_json = {.name = "zeek-json",
	.claims = claims,
	.open = zeek_json_open,
	.next = zeek_json_next,
	.close = json_log_close,
	.parse = zeek_json_parse};
