/* Syslog: the stamp and the tag in front of a message, as syslogd, rsyslog, journalctl, dmesg and
 * devices write them (RFC 3164, RFC 5424, RFC 3339 stamps). */
#pragma once

#include "ingest/source.h"

struct syslog_line {
	int64_t time_ns;
	int64_t uptime_ns;   /* the kernel's own clock, "[12345.678901]"; -1 none */
	bool yearless;       /* the year is that of the file */
	bool zoneless;       /* taken for UTC */
	struct span tag;     /* "kernel", "filterlog"; may be empty */
	struct span message; /* what follows */
};

/* written_ns: when the file was last written to; a stamp without a year is of the last year in
 * which it is not later than a day after that. 0 unknown. Returns NULL, or why the line is none. */
const char *syslog_read(struct span line, int64_t written_ns, struct syslog_line *ret);

/* What the message says of connections. time_ns: when it was written. False: nothing. */
bool syslog_message(struct sink *sink, const struct syslog_line *line, int64_t time_ns);

/* ---- kinds of messages: false when it is none of that kind ---- */

/* A packet as the kernel logs it (iptables LOG, nftables log, ulogd): IN=eth0 OUT= SRC=... */
bool netfilter_message(struct sink *sink, struct span message, int64_t time_ns);
bool netfilter_is(struct span message);
/* pfSense's and OPNsense's filterlog: docs.netgate.com, "Raw Filter Log Format". */
bool filterlog_message(struct sink *sink, const struct syslog_line *line, int64_t time_ns);
bool filterlog_is(const struct syslog_line *line);
/* A row of a Squid's access.log. */
bool squid_message(struct sink *sink, struct span message);
/* ArcSight's CEF and QRadar's LEEF, wherever in the line they begin; cef_is() holds. time_ns: the
 * stamp's, for those without a time of their own; 0 none. True: it had its own. */
bool cef_message(struct sink *sink, struct span line, int64_t time_ns);
bool cef_is(struct span line);
/* The message's own time; false: it has none. *ret_zoneless: taken for UTC. */
bool cef_time(struct span line, int64_t *ret_ns, bool *ret_zoneless);
