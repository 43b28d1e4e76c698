/* The kernel's packet log: nf_log_syslog.c of Linux writes "PREFIXIN=eth0 OUT= MAC=... SRC=...
 * DST=... LEN=60 ... PROTO=TCP SPT=... DPT=... SYN URGP=0 UID=1000"; ulogd's LOGEMU the same. The
 * prefix is the administrator's, so what became of the packet is only known when a word of it says
 * so. A packet that begins a conversation is an attempt. */
#include <stdio.h>

#include "base/limits.h"
#include "base/scan.h"
#include "ingest/syslog.h"
#include "ingest/verdict.h"

struct logged {
	struct span prefix;
	struct span src, dst, proto, mac, uid, type, code;
	struct span src_port, dst_port;
	bool syn, ack, rst, fin;
};

static bool is_key(struct span text, size_t at)
{
	uint8_t before = at == 0 ? ' ' : text.ptr[at - 1];
	/* a prefix may stand right before it, but "PHYSIN=" is another key */
	return before < 'A' || before > 'Z' || at < 4 || memcmp(text.ptr + at - 4, "PHYS", 4) != 0;
}

/* Where "IN=" begins, or text.len. */
static size_t find_start(struct span text)
{
	size_t at = span_find(text, "IN=");
	if (at == text.len || !is_key(text, at))
		return text.len;
	struct span rest = {text.ptr + at, text.len - at};
	bool whole = span_find(rest, " OUT=") < rest.len && span_find(rest, " SRC=") < rest.len &&
	             span_find(rest, " DST=") < rest.len && span_find(rest, " PROTO=") < rest.len;
	return whole ? at : text.len;
}

bool netfilter_is(struct span message)
{
	return find_start(message) < message.len;
}

static void take_field(struct logged *l, struct span field)
{
	const struct {
		const char *key;
		struct span *to;
	} keys[] = {{"SRC=", &l->src}, {"DST=", &l->dst}, {"PROTO=", &l->proto}, {"MAC=", &l->mac},
		{"UID=", &l->uid}, {"TYPE=", &l->type}, {"CODE=", &l->code}, {"SPT=", &l->src_port},
		{"DPT=", &l->dst_port}};
	const struct {
		const char *word;
		bool *to;
	} flags[] = {{"SYN", &l->syn}, {"ACK", &l->ack}, {"RST", &l->rst}, {"FIN", &l->fin}};
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		size_t len = strlen(keys[i].key);
		if (span_begins(field, keys[i].key) && keys[i].to->len == 0)
			*keys[i].to = (struct span){field.ptr + len, field.len - len};
	}
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		*flags[i].to |= span_is(field, flags[i].word);
}

/* Fields up to the packet within, which ICMP errors have in brackets. */
static void take_fields(struct logged *l, struct span rest)
{
	struct span field;
	while (span_next(&rest, ' ', &field) && !span_begins(field, "["))
		take_field(l, field);
}

static uint8_t protocol(struct span name)
{
	static const struct {
		const char *name;
		uint8_t number;
	} names[] = {{"TCP", 6}, {"UDP", 17}, {"ICMP", 1}, {"ICMPv6", 58}, {"UDPLITE", 136},
		{"SCTP", 132}};
	uint64_t n = 0;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (span_is(name, names[i].name))
			return names[i].number;
	return scan_max(name, UINT8_MAX, &n) == 0 ? (uint8_t)n : 0;
}

/* "00:11:22:33:44:55:66:77:88:99:aa:bb:08:00": to, from, type. */
static uint64_t source_mac(struct span text)
{
	uint64_t mac = 0;
	if (text.len < 35)
		return 0;
	struct cur c = cur_of(text.ptr + 18, 17);
	for (size_t i = 0; i < 6; i++) {
		unsigned byte = 0;
		for (size_t k = 0; k < 2; k++) {
			uint8_t d = cur_u8(&c);
			unsigned digit = d - (unsigned)'0';
			digit = digit <= 9 ? digit : (d | 0x20u) - (unsigned)'a' + 10;
			if (digit > 15)
				return 0;
			byte = byte << 4 | digit;
		}
		mac = mac << 8 | byte;
		if (i < 5 && cur_u8(&c) != ':')
			return 0;
	}
	return mac;
}

static const char *user_of(struct sink *s, struct span uid)
{
	uint64_t number;
	char *text = scan_max(uid, UINT32_MAX, &number) < 0 ? NULL : sink_room(s, 16);
	if (text != NULL)
		(void)snprintf(text, 16, "uid %u", (unsigned)number);
	return text;
}

/* Ports, or ICMP's type and code. NULL, or why it is none. */
static const char *take_ports(const struct logged *l, struct conn *c)
{
	bool icmp = c->ip_proto == 1 || c->ip_proto == 58;
	uint64_t max = icmp ? UINT8_MAX : UINT16_MAX, from, to;
	struct span src = icmp ? l->type : l->src_port, dst = icmp ? l->code : l->dst_port;
	if (scan_max(src, max, &from) < 0 || scan_max(dst, max, &to) < 0)
		return icmp ? "no number in TYPE or CODE" : "no number in SPT or DPT";
	c->client_port = (uint16_t)from;
	c->server_port = (uint16_t)to;
	return NULL;
}

/* Whether the packet begins a conversation: not one that was under way, nor an answer. */
static bool begins(const struct logged *l, const struct conn *c)
{
	switch (c->ip_proto) {
	case 6:
		return l->syn && !l->ack && !l->rst && !l->fin;
	case 17:
		return c->client_port >= 1024 || c->server_port < 1024;
	case 1:
		return c->client_port == 8;
	case 58:
		return c->client_port == 128;
	default:
		return false;
	}
}

static void emit(struct sink *s, const struct logged *l, int64_t time_ns)
{
	struct conn c = {.start_ns = time_ns, .end_ns = time_ns, .packets_out = 1, .tries = 1};
	if (scan_addr(l->src, &c.client) < 0 || scan_addr(l->dst, &c.server) < 0) {
		sink_reject(s, "no address in SRC or DST");
		return;
	}
	c.ip_proto = protocol(l->proto);
	c.transport = transport_of(c.ip_proto);
	if (c.transport == TRANSPORT_OTHER || (l->src_port.len == 0 && l->type.len == 0)) {
		sink_remark(s, REMARK_NO_PORTS); /* a fragment, or no protocol with ports */
		return;
	}
	const char *why = take_ports(l, &c);
	if (why != NULL) {
		sink_reject(s, why);
		return;
	}
	if (!begins(l, &c)) {
		sink_remark(s, REMARK_OTHER_RECORDS);
		return;
	}
	c.client_mac = source_mac(l->mac);
	c.process = user_of(s, l->uid);
	verdict_apply(s, verdict_of(l->prefix), &c);
	sink_conn(s, 0, &c);
}

bool netfilter_message(struct sink *sink, struct span message, int64_t time_ns)
{
	size_t at = find_start(message);
	if (at == message.len)
		return false;
	struct logged l = {.prefix = {message.ptr, at}};
	take_fields(&l, (struct span){message.ptr + at, message.len - at});
	emit(sink, &l, time_ns);
	return true;
}
