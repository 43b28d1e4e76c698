/* Sysmon row: what Windows' Sysmon says of a process's connections (event 3) and questions to DNS
 * (event 22), whatever writes its events down (learn.microsoft.com, "Sysmon v15"). Event 3 does not
 * say how the connection ended. Event 22 does not say which address the machine has: that is known
 * from its connections. */
#pragma once

#include "ingest/source.h"

enum sysmon_field {
	SYSMON_ID,
	SYSMON_TIME,    /* UtcTime: "2026-11-25 12:00:00.123" */
	SYSMON_CREATED, /* when the event was written, where the former is missing */
	SYSMON_COMPUTER,
	SYSMON_RECORD,
	SYSMON_IMAGE,
	SYSMON_PROTOCOL,
	SYSMON_INITIATED,
	SYSMON_SRC,
	SYSMON_SRC_PORT,
	SYSMON_DST,
	SYSMON_DST_PORT,
	SYSMON_QUERY,
	SYSMON_STATUS,
	SYSMON_RESULTS, /* "type:  5 cname.example.com;::ffff:192.0.2.1;" */
	SYSMON_FIELDS
};

/* As in the event's own data: "Image", …; NULL for SYSMON_ID and what stands beside it. */
const char *sysmon_field_name(enum sysmon_field field);

bool sysmon_time(const struct span field[static SYSMON_FIELDS], int64_t *ret_ns);
/* Texts without escapes; empty when there is none. */
void sysmon_emit(struct sink *s, const struct span field[static SYSMON_FIELDS]);
