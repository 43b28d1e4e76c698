/* Sysmon's events as JSON: as winlogbeat writes them (winlog.event_data, or moved to the Elastic
 * Common Schema), nxlog and Mordor (flat), Hayabusa and evtx_dump (Event.System, Event.EventData)
 * and Wazuh (data.win). A file may hold the events of other providers as well. */
#include <stdio.h>

#include "base/scan.h"
#include "ingest/json_log.h"
#include "ingest/sysmon_row.h"

static const char *const prefixes[] = {
	"", "winlog.event_data.", "Event.EventData.", "data.win.eventdata.", "event_data."};
#define WAZUH 3 /* writes names with a small first letter */

/* Other ways to say a field; the first that is there counts. */
static const struct {
	enum sysmon_field field;
	const char *path;
} others[] = {{SYSMON_ID, "EventID"}, {SYSMON_ID, "winlog.event_id"},
	{SYSMON_ID, "Event.System.EventID"}, {SYSMON_ID, "Event.System.EventID.#text"},
	{SYSMON_ID, "data.win.system.eventID"}, {SYSMON_ID, "system.event_id"},
	{SYSMON_ID, "event.code"}, {SYSMON_COMPUTER, "winlog.computer_name"},
	{SYSMON_COMPUTER, "Event.System.Computer"}, {SYSMON_COMPUTER, "Hostname"},
	{SYSMON_COMPUTER, "Computer"}, {SYSMON_COMPUTER, "data.win.system.computer"},
	{SYSMON_COMPUTER, "system.computer"}, {SYSMON_COMPUTER, "host.name"},
	{SYSMON_RECORD, "winlog.record_id"}, {SYSMON_RECORD, "Event.System.EventRecordID"},
	{SYSMON_RECORD, "RecordNumber"}, {SYSMON_RECORD, "data.win.system.eventRecordID"},
	{SYSMON_RECORD, "EventRecordID"}, {SYSMON_RECORD, "system.event_record_id"},
	{SYSMON_CREATED, "Event.System.TimeCreated.#attributes.SystemTime"},
	{SYSMON_CREATED, "@timestamp"}, {SYSMON_IMAGE, "process.executable"},
	{SYSMON_PROTOCOL, "network.transport"}, {SYSMON_INITIATED, "network.direction"},
	{SYSMON_SRC, "source.ip"}, {SYSMON_SRC_PORT, "source.port"}, {SYSMON_DST, "destination.ip"},
	{SYSMON_DST_PORT, "destination.port"}, {SYSMON_QUERY, "dns.question.name"},
	{SYSMON_STATUS, "sysmon.dns.status"}, {SYSMON_RESULTS, "dns.resolved_ip"}};

#define NAMED (SYSMON_FIELDS * ARRAY_LEN(prefixes)) /* those of sysmon_field_name() come first */
#define SLOTS (NAMED + ARRAY_LEN(others))
_Static_assert(SLOTS <= JSON_LOG_KEYS_MAX, "keys");
#define PATH_BYTES 64

static int sysmon_open(struct reader *r, struct fail *why)
{
	char text[SLOTS][PATH_BYTES];
	const char *paths[SLOTS];
	for (size_t i = 0; i < SLOTS; i++) {
		enum sysmon_field f = (enum sysmon_field)(i / ARRAY_LEN(prefixes));
		const char *name = i < NAMED ? sysmon_field_name(f) : NULL;
		const char *prefix = i < NAMED ? prefixes[i % ARRAY_LEN(prefixes)] : "";
		paths[i] = text[i];
		if (i >= NAMED)
			(void)snprintf(text[i], PATH_BYTES, "%s", others[i - NAMED].path);
		else if (name == NULL)
			(void)snprintf(text[i], PATH_BYTES, "(none %zu)", i);
		else if (i % ARRAY_LEN(prefixes) == WAZUH)
			(void)snprintf(
				text[i], PATH_BYTES, "%s%c%s", prefix, name[0] | 0x20, name + 1);
		else
			(void)snprintf(text[i], PATH_BYTES, "%s%s", prefix, name);
	}
	return json_log_open(r, paths, SLOTS, 0, why);
}

static bool says_sysmon(struct span object)
{
	return span_find(object, "Microsoft-Windows-Sysmon") < object.len;
}

/* Beside the provider, something that only Windows' events have. */
static bool is_sysmon(struct span object)
{
	static const char *const names[] = {"EventID", "event_id", "eventID", "ProcessGuid",
		"EventRecordID", "record_id", "provider"};
	for (size_t i = 0; says_sysmon(object) && i < ARRAY_LEN(names); i++)
		if (json_log_has(object, names[i]))
			return true;
	return false;
}

/* Events of other providers may stand first. */
static bool claims(struct cur start)
{
	return json_log_claims(start, is_sysmon);
}

static bool when(struct span object, int64_t *ns)
{
	static const char *const names[] = {
		"UtcTime", "utcTime", "@timestamp", "SystemTime", "EventTime", "time_created"};
	struct span text;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (json_peek(object, names[i], &text) && scan_time(text, ns) == 0)
			return true;
	return false;
}

static bool sysmon_next(struct reader *r, struct frame *ret)
{
	return json_log_next(r, ret, when);
}

static void sysmon_parse(struct sink *sink, const struct frame *row)
{
	const struct json_log *log = row->schema;
	struct json_value slot[SLOTS];
	struct span field[SYSMON_FIELDS] = {0};
	if (!says_sysmon((struct span){row->bytes, row->cap_bytes})) {
		sink_remark(sink, REMARK_OTHER_RECORDS);
		return;
	}
	if (!json_log_pick(sink, row, slot))
		return;
	for (size_t i = 0; i < SLOTS; i++) {
		size_t f = i < NAMED ? i / ARRAY_LEN(prefixes) : others[i - NAMED].field;
		if (field[f].len > 0 || slot[i].type == JSON_OBJECT)
			continue;
		field[f] = slot[i].type == JSON_ARRAY ? json_log_flatten(sink, log, &slot[i], ';')
		                                      : slot[i].text;
	}
	sysmon_emit(sink, field);
}

const struct format format_sysmon = {.name = "sysmon",
	.claims = claims,
	.open = sysmon_open,
	.next = sysmon_next,
	.close = json_log_close,
	.parse = sysmon_parse};
