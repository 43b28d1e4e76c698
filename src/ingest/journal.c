/* systemd's journal as `journalctl -o json` writes it: an object a line, of any program. What the
 * kernel and firewalls log is read as in a syslog, with times of a microsecond. */
#include "base/scan.h"
#include "ingest/json_log.h"
#include "ingest/syslog.h"

enum field { TIME, TAG, MESSAGE, FIELDS };

static int journal_open(struct reader *r, struct fail *why)
{
	static const char *const paths[FIELDS] = {[TIME] = "__REALTIME_TIMESTAMP",
		[TAG] = "SYSLOG_IDENTIFIER",
		[MESSAGE] = "MESSAGE"};
	return json_log_open(r, paths, FIELDS, 0, why);
}

static bool is_journal(struct span object)
{
	return json_log_has(object, "__REALTIME_TIMESTAMP") &&
	       (json_log_has(object, "__CURSOR") || json_log_has(object, "MESSAGE"));
}

static bool claims(struct cur start)
{
	return json_log_claims(start, is_journal);
}

static bool when(struct span object, int64_t *ns)
{
	struct span text;
	return json_peek(object, "__REALTIME_TIMESTAMP", &text) && scan_time(text, ns) == 0;
}

static bool journal_next(struct reader *r, struct frame *ret)
{
	return json_log_next(r, ret, when);
}

static void journal_parse(struct sink *sink, const struct frame *row)
{
	struct json_value slot[FIELDS];
	struct syslog_line line = {.uptime_ns = -1};
	if (!json_log_pick(sink, row, slot))
		return;
	if (scan_time(slot[TIME].text, &line.time_ns) < 0) {
		sink_reject(sink, "no time in __REALTIME_TIMESTAMP");
		return;
	}
	/* what is not UTF-8 is written as a list of bytes: no firewall's message is */
	bool text = slot[MESSAGE].type == JSON_STRING;
	line.tag = slot[TAG].text;
	line.message = text ? slot[MESSAGE].text : (struct span){0};
	if (!syslog_message(sink, &line, line.time_ns))
		sink_remark(sink, REMARK_OTHER_RECORDS);
}

const struct format format_journal = {.name = "journal",
	.claims = claims,
	.open = journal_open,
	.next = journal_next,
	.close = json_log_close,
	.parse = journal_parse};
