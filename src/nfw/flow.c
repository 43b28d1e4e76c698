/* A flow as the packets that the firewall sees of it, and what they hold. */
#include "nfw/flow.h"

#include <string.h>

/* Of a JA4 (FoxIO's text): transport and version, whether there is a server name, counts, ALPN;
 * then two hashes of 12 digits. */
#define JA4_TLS  "t??%c??????_????????????_????????????"
#define JA4_QUIC "q??%c??????_????????????_????????????"

static bool is(const char *text, const char *other)
{
	return text != NULL && strcmp(text, other) == 0;
}

static bool is_icmp(uint8_t proto)
{
	return proto == 1 || proto == 58;
}

size_t flow_packets(const struct nfw_flow *flow, const char *name[static NFW_STAGES_MAX])
{
	const char *as = flow->flow.as;
	const char *data = is(as, "tls")           ? "TLS hello"
	                   : is(as, "http")        ? "HTTP request"
	                   : is(as, "dns")         ? "DNS query"
	                   : is(as, "quic")        ? "QUIC hello"
	                   : flow->flow.proto == 6 ? "data"
	                                           : "first packet";
	size_t count = 0;
	if (flow->flow.proto == 6) {
		name[count++] = "SYN";
		name[count++] = "SYN-ACK";
		if (is(as, ""))
			name[count++] = "first data";
		name[count++] = data;
		name[count++] = "reply";
		return count;
	}
	name[count++] = data;
	name[count++] = "reply";
	name[count++] = "next packet";
	return count;
}

static struct suricata_bytes open_bytes(const char *known)
{
	return (struct suricata_bytes){.there = true, .bytes = span_of(known), .open = true};
}

static struct suricata_bytes name_bytes(const char *name)
{
	if (name == NULL)
		return open_bytes("");
	return (struct suricata_bytes){.there = name[0] != '\0', .bytes = span_of(name)};
}

/* What an application's message shows; what is not known of it is open. */
static void fill_message(struct flow_packet *fp, const struct nfw_flow *flow)
{
	struct suricata_packet *p = &fp->packet;
	const char *as = flow->flow.as, *name = flow->flow.name;
	bool ja = as == NULL || is(as, "tls") || is(as, "quic");
	p->message = true;
	for (unsigned i = 0; i < BUFFER_COUNT; i++)
		p->buffer[i] = open_bytes("");
	for (unsigned i = BUFFER_JA3_HASH; i <= BUFFER_JA4_HASH; i++)
		p->buffer[i].there = ja;
	if (is(as, "tls"))
		p->buffer[BUFFER_TLS_SNI] = name_bytes(name);
	if (is(as, "quic"))
		p->buffer[BUFFER_QUIC_SNI] = name_bytes(name);
	if (is(as, "dns"))
		p->buffer[BUFFER_DNS_QUERY] = p->buffer[BUFFER_DNS_QUERY_NAME] = name_bytes(name);
	if (is(as, "http")) {
		p->buffer[BUFFER_HTTP_HOST] = p->buffer[BUFFER_HTTP_HOST_RAW] = name_bytes(name);
		p->buffer[BUFFER_HTTP_HEADER_NAMES] = open_bytes("\r\n");
	}
	if (ja && as != NULL) {
		(void)snprintf(fp->ja4, sizeof fp->ja4, is(as, "quic") ? JA4_QUIC : JA4_TLS,
			name == NULL      ? '?'
			: name[0] == '\0' ? 'i'
					  : 'd');
		p->buffer[BUFFER_JA4_HASH] = (struct suricata_bytes){
			.there = true, .bytes = span_of(fp->ja4), .wild = true};
	}
	p->hello = is(as, "tls") && p->to_server;
}

static void set_app(struct suricata_packet *p, const char *as)
{
	p->app_wild = as == NULL;
	p->app = as;
	p->app_state = as == NULL || as[0] == '\0' ? APP_FAILED : APP_KNOWN;
}

static void turn(struct suricata_packet *p, bool icmp)
{
	struct addr addr = p->src, last = p->src_last;
	uint16_t port = p->src_port;
	p->src = p->dst;
	p->dst = addr;
	p->src_last = p->dst_last;
	p->dst_last = last;
	p->dst_home = p->src_home;
	p->src_foreign = p->dst_foreign;
	p->src_home = p->dst_foreign = false;
	if (icmp) { /* echo's answer; of others none is known */
		p->src_port = port == 8 ? 0 : port == 128 ? 129 : port;
		return;
	}
	p->src_port = p->dst_port;
	p->dst_port = port;
}

static uint8_t flags_of(const char *name)
{
	return is(name, "SYN") ? 0x02 : is(name, "SYN-ACK") ? 0x12 : 0x18;
}

static void fill_payload(struct flow_packet *fp, const struct nfw_flow *flow, bool early)
{
	const char *as = flow->flow.as;
	fp->packet.buffer[BUFFER_PAYLOAD] = open_bytes("");
	if (early || is_icmp(flow->flow.proto))
		return; /* nothing is recognised, or ever will be */
	set_app(&fp->packet, as);
	if (!is(as, ""))
		fill_message(fp, flow);
}

void flow_packet(const struct nfw_flow *flow, const char *name, struct flow_packet *ret)
{
	const struct policy_flow *f = &flow->flow;
	bool icmp = is_icmp(f->proto), tcp = f->proto == 6;
	bool syn = is(name, "SYN"), syn_ack = is(name, "SYN-ACK"), reply = is(name, "reply");
	*ret = (struct flow_packet){0};
	struct suricata_packet *p = &ret->packet;
	*p = (struct suricata_packet){.src = f->src,
		.dst = f->dst,
		.src_last = flow->src_last,
		.src_home = addr_is_none(&f->src),
		.dst_foreign = addr_is_none(&f->src), /* a question about the Internet at large */
		.ports_known = icmp || f->src_port != 0,
		.proto = f->proto,
		.src_port = icmp ? f->port : f->src_port,
		.dst_port = icmp ? 0 : f->port,
		.tcp_flags = tcp ? flags_of(name) : 0,
		.to_server = !syn_ack && !reply,
		.established = tcp ? !syn && !syn_ack : reply || is(name, "next packet"),
		.once = syn || syn_ack || (!tcp && !is(name, "next packet")),
		.payload_known = syn || syn_ack};
	if (!p->payload_known)
		fill_payload(ret, flow, is(name, "first data"));
	if (!p->to_server)
		turn(p, icmp);
}
