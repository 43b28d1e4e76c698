/* postern watch. */
#include "cli/watch.h"

#define AT(field) offsetof(struct watch, field)

static const struct option options[] = {
	{"interface", 'i', OPTION_TEXT, "IFACE", AT(iface),
		.help = "watch the packets of a network interface (any: all of them)"},
	{"filter", 'f', OPTION_TEXT, "BPF", AT(filter),
		.help = "of the interface, only packets that pass this filter (pcap-filter(7))"},
	{"host", 0, OPTION_FLAG, NULL, AT(host),
		.help = "watch the TCP connections of this machine, told by its kernel (BPF), with "
			"the "
			"names of processes"},
	{"netflow", 0, OPTION_TEXT, "[ADDR:]PORT", AT(netflow),
		.help = "listen for NetFlow v5, v9 and IPFIX on a UDP port"},
	{"state", 0, OPTION_TEXT, "FILE", AT(state),
		.help = "remember in FILE how far logs were read, and beside it what hosts did, so "
			"that a restart misses and repeats nothing"},
	{"from-end", 0, OPTION_FLAG, NULL, AT(from_end),
		.help = "of logs that are there already, only what is added to them"},
	{"intel", 0, OPTION_TEXTS, "FILE", AT(intel),
		.help = "tell at once of what the list FILE knows to be bad (as hunt --intel); it "
			"is read again when it changes; may be given for several files"},
	ALERT_OPTIONS(AT(alert)),
	{"json", 0, OPTION_FLAG, NULL, AT(json),
		.help = "print JSON Lines: findings, each with its status"},
	{"to", 't', OPTION_TEXT, "FORMAT", AT(to),
		.help = "write FORMAT: text, json, or one of eve, ecs, ocsf, cef, syslog and veris "
			"(also veris-1.4.1 and so on): a record when a finding is told, and again "
			"when it has become stronger or is final, each with the same id"},
	{"output", 'o', OPTION_TEXT, "FILE", AT(output),
		.help = "append findings to FILE instead of printing them"},
	{"all", 0, OPTION_FLAG, NULL, AT(all), .help = "tell what is explained as benign too"},
	{"max-e", 0, OPTION_NUMBER, "X", AT(max_e), .min = 0, .max = 1e6, .fallback = "0.1",
		.help = "tell findings of which an innocent host would show X a day or fewer"},
	{"local", 0, OPTION_NETWORKS, "CIDR,...", AT(local),
		.help = "networks of your own hosts; without it private, CGNAT, ULA and link-local "
			"addresses"},
	{"limit-memory", 0, OPTION_SIZE, "SIZE", AT(memory_bytes), .min = (double)(64u << 20),
		.max = (double)((size_t)1 << 44),
		.help = "scale the tables to SIZE (such as 512M)"},
	{"quiet", 'q', OPTION_FLAG, NULL, AT(quiet), .help = "no remarks; errors are still told"},
	{"verbose", 'v', OPTION_FLAG, NULL, AT(verbose),
		.help = "tell every minute what was taken and lost"},
};

static enum exit_code watch_run(const struct call *call)
{
	return watch_start(call, call->settings, NULL);
}

static const char *const text[] = {
	"Follows logs while they grow, over rotation, truncation and renaming, and packets, flow "
	"exports and this machine's own connections as they happen, and tells findings soon after "
	"what proves them: a server that does not answer counts as silent 8 s after the last SYN, "
	"a refusal as final 1 s after the RST.",
	"A finding is told as provisional when it is seen, again when it has become ten times "
	"stronger, and as final when nothing was added to it for ten minutes, or as withdrawn when "
	"what came later explains it; always with the same id. A provisional E is that of the "
	"moment: whoever looks often sees small ones more often.",
	"With --state FILE a restart goes on where the last run stopped, whatever ended it: FILE "
	"holds how far each log was read, FILE.journal.0 and FILE.journal.1 what hosts did in the "
	"last three days. What an interface, exporters or the kernel told in between is lost.",
	"Logs need only be readable; -i needs CAP_NET_RAW and CAP_NET_ADMIN, --host CAP_BPF and "
	"CAP_PERFMON and Linux 5.8 or later.",
	"SIGINT or SIGTERM ends the watch: what is known is told. A second one ends the program.",
	NULL,
};

static const struct example examples[] = {
	{"postern watch --state /var/lib/postern/state /opt/zeek/logs/current",
		"Zeek's logs as they are written:"},
	{"postern watch -i eth0 --json", "The packets of an interface, for programs:"},
	{"postern watch -i eth0 --to eve -o /var/log/postern/eve.json",
		"As alerts, beside Suricata's:"},
	{"postern watch --host", "This machine's own connections, with their processes:"},
	{"postern watch --netflow 2055", "What routers export:"},
};

const struct verb verb_watch = {
	.name = "watch",
	.words = "[LOG...]",
	.summary = "follow logs, an interface or the kernel, and tell fallback channels as they "
		   "are seen",
	.text = text,
	.option = options,
	.options = ARRAY_LEN(options),
	.settings_bytes = sizeof(struct watch),
	.example = examples,
	.examples = ARRAY_LEN(examples),
	.run = watch_run,
};
