/* The first message of each direction: TLS, HTTP, DNS and SSH are recognised. */
#include "suricata/message.h"

#include <string.h>

#include "base/scan.h"

static bool is_client(const struct replay_flow *f, const struct packet *p)
{
	return addr_eq(&p->src, &f->client) && (!f->ports || p->src_port == f->client_port);
}

static struct suricata_bytes text_of(const char *text, size_t room)
{
	size_t len = strlen(text);
	return (struct suricata_bytes){
		.there = len > 0, .bytes = {(const uint8_t *)text, len}, .open = len + 1 >= room};
}

static struct suricata_bytes open_bytes(const char *known)
{
	return (struct suricata_bytes){.there = true, .bytes = span_of(known), .open = true};
}

/* ---- bytes in order ---- */

static void append(struct replay_half *h, const struct packet *p)
{
	struct cur c = p->payload;
	if (h->holed || c.len == 0)
		return;
	if (p->proto == IP_TCP) {
		uint32_t seq = p->tcp_seq + ((p->tcp_flags & TCP_SYN) != 0);
		if (!h->known) {
			h->known = true;
			h->next = seq;
		}
		uint32_t again = h->next - seq;
		if (again >= c.len && again < UINT32_MAX / 2)
			return; /* sent again */
		if (again >= UINT32_MAX / 2) {
			h->holed = true;
			return;
		}
		cur_skip(&c, again);
		h->next += (uint32_t)c.len;
	} else {
		h->len = 0; /* a datagram is a message */
	}
	size_t room = REPLAY_HEAD_BYTES - h->len;
	size_t len = c.len < room ? c.len : room;
	struct span bytes = cur_bytes(&c, len);
	if (bytes.len > 0)
		memcpy(h->head + h->len, bytes.ptr, bytes.len);
	h->len += len;
}

/* ---- messages ---- */

static bool read_tls(const struct replay_half *h, struct message_room *room)
{
	struct cur c = cur_of(h->head, h->len);
	struct tls_record record = {0};
	tls_record_decode(&c, &record);
	struct cur body = cur_sub(&c, record.len);
	uint8_t type = cur_u8(&body);
	size_t len = (size_t)cur_be(&body, 3);
	struct cur hello = cur_sub(&body, len);
	if (!cur_ok(&c) || !cur_ok(&body) || hello.len < len || type != TLS_CLIENT_HELLO)
		return false;
	tls_client_hello_decode(&hello, false, &room->tls);
	return cur_ok(&hello);
}

static void fill_tls(struct suricata_packet *p, const struct message_room *room)
{
	p->hello = true;
	p->buffer[BUFFER_TLS_SNI] = text_of(room->tls.sni, sizeof room->tls.sni);
	p->buffer[BUFFER_JA3_HASH] = text_of(room->tls.ja3, SIZE_MAX);
	p->buffer[BUFFER_JA4_HASH] = text_of(room->tls.ja4, SIZE_MAX);
}

static void fill_http(struct suricata_packet *p, const struct message_room *room)
{
	const struct http_request *http = &room->http;
	p->buffer[BUFFER_HTTP_METHOD] = text_of(http->method, sizeof http->method);
	p->buffer[BUFFER_HTTP_URI] = text_of(http->uri, sizeof http->uri);
	p->buffer[BUFFER_HTTP_HOST] = text_of(http->host, sizeof http->host);
	p->buffer[BUFFER_HTTP_USER_AGENT] = text_of(http->user_agent, sizeof http->user_agent);
	p->buffer[BUFFER_HTTP_HEADER_NAMES] = open_bytes("\r\n");
}

static void fill_dns(struct suricata_packet *p, const struct message_room *room)
{
	p->buffer[BUFFER_DNS_QUERY] = text_of(room->dns.qname, sizeof room->dns.qname);
	p->buffer[BUFFER_DNS_QUERY_NAME] = p->buffer[BUFFER_DNS_QUERY];
}

/* "SSH-2.0-OpenSSH_9.2 comment" */
static bool fill_ssh(struct suricata_packet *p, const struct replay_half *h)
{
	struct span line = {h->head, h->len}, proto;
	size_t end = span_find(line, "\n");
	if (end == line.len)
		return false;
	line = span_trim((struct span){line.ptr, end});
	if (!span_begins(line, "SSH-"))
		return false; /* the other side's was one */
	struct span rest = {line.ptr + 4, line.len - 4};
	if (!span_next(&rest, '-', &proto))
		return false;
	p->buffer[BUFFER_SSH_PROTO] = (struct suricata_bytes){.there = true, .bytes = proto};
	size_t space = span_find(rest, " ");
	p->buffer[BUFFER_SSH_SOFTWARE] =
		(struct suricata_bytes){.there = true, .bytes = {rest.ptr, space}};
	return true;
}

/* Whether the message is complete; its buffers are filled then. */
static bool fill_stream(struct replay_flow *f, const struct replay_half *h, bool client,
	struct suricata_packet *p, struct message_room *room)
{
	struct cur c = cur_of(h->head, h->len);
	if (strcmp(f->app, "tls") == 0 && client) {
		bool whole = read_tls(h, room);
		if (whole)
			fill_tls(p, room);
		return whole;
	}
	if (strcmp(f->app, "http") == 0 && client) {
		http_request_decode(&c, &room->http);
		if (cur_ok(&c))
			fill_http(p, room);
		return cur_ok(&c);
	}
	if (strcmp(f->app, "ssh") == 0)
		return fill_ssh(p, h);
	return true; /* what the server says is not read: open */
}

/* Requests after the first, one at the begin of a segment each. */
static bool read_later(const struct replay_flow *f, bool client, const struct packet *p,
	struct suricata_packet *ret, struct message_room *room)
{
	struct cur c = p->payload;
	if (!client || strcmp(f->app, "http") != 0 || !http_is_request(c))
		return false;
	http_request_decode(&c, &room->http);
	if (cur_ok(&c))
		fill_http(ret, room);
	return true;
}

static void detect_stream(struct replay_flow *f, const struct replay_half *h, bool client)
{
	struct cur c = cur_of(h->head, h->len);
	if (f->app_state != APP_UNKNOWN || h->len == 0)
		return;
	bool preface = h->len >= 4 && memcmp(h->head, "PRI ", 4) == 0; /* of HTTP/2 */
	if (client && tls_looks_like(c))
		f->app = "tls";
	else if (client && !preface && http_is_request(c))
		f->app = "http";
	else if (h->len >= 4 && memcmp(h->head, "SSH-", 4) == 0)
		f->app = "ssh";
	f->app_state = f->app != NULL ? APP_KNOWN : APP_FAILED;
	f->app_wild = f->app == NULL;
}

static bool read_datagram(struct replay_flow *f, const struct packet *p,
	struct suricata_packet *ret, struct message_room *room)
{
	struct cur c = p->payload;
	if (p->payload.len == 0 || p->proto != IP_UDP)
		return false;
	if (p->src_port == 53 || p->dst_port == 53)
		dns_decode(&c, &room->dns);
	if ((p->src_port == 53 || p->dst_port == 53) && cur_ok(&c)) {
		f->app = "dns";
		f->app_state = APP_KNOWN;
		fill_dns(ret, room);
		return true;
	}
	f->app_wild = f->app == NULL;
	f->app_state = f->app == NULL ? APP_FAILED : APP_KNOWN;
	return f->app_wild;
}

/* ---- a packet ---- */

static void set_ends(const struct packet *p, struct suricata_packet *ret)
{
	ret->src = p->src;
	ret->dst = p->dst;
	ret->proto = p->proto;
	ret->ports_known = true;
	ret->src_port = p->src_port;
	ret->dst_port = p->dst_port;
	ret->tcp_flags = p->tcp_flags;
	ret->payload = p->payload_wire;
	ret->payload_known = true;
	ret->buffer[BUFFER_PAYLOAD] = (struct suricata_bytes){.there = true,
		.bytes = {p->payload.ptr, p->payload.len},
		.open = p->payload.len < p->payload_wire};
}

void message_read(struct replay_flow *f, const struct packet *p, struct suricata_packet *ret,
	struct message_room *room, bool *ret_fresh)
{
	bool client = is_client(f, p), stream = p->proto == IP_TCP;
	struct replay_half *h = &f->half[client ? 0 : 1];
	*ret = (struct suricata_packet){
		.to_server = client, .once = !h->seen, .established = f->established};
	if (!stream)
		ret->established = f->half[0].seen && f->half[1].seen;
	if (!stream && !client)
		ret->established = true; /* now both were seen */
	for (unsigned i = BUFFER_UNKNOWN + 1; i < BUFFER_COUNT; i++)
		ret->buffer[i] = open_bytes("");
	/* a bare ACK that ends the handshake is of it, one with data is not */
	if (stream && f->answered && client && p->payload_wire > 0)
		ret->established = true;
	h->seen = true;
	set_ends(p, ret);
	if (stream && !f->midstream) {
		append(h, p);
		detect_stream(f, h, client);
		bool due = h->len > 0 && !h->told && f->app != NULL;
		/* what can't be completed any more is asked about with what is not known */
		bool over = h->holed || h->len == REPLAY_HEAD_BYTES;
		ret->message = due && (fill_stream(f, h, client, ret, room) || over);
		h->told = h->told || ret->message;
		if (h->told && !ret->message && f->app != NULL)
			ret->message = read_later(f, client, p, ret, room);
	} else if (!stream) {
		ret->message = read_datagram(f, p, ret, room);
	}
	ret->app_state = f->app_state;
	ret->app = f->app;
	ret->app_wild = f->app_wild || (h->holed && f->app_state == APP_UNKNOWN);
	*ret_fresh = f->app_state != APP_UNKNOWN && !h->detected;
	h->detected = h->detected || f->app_state != APP_UNKNOWN;
}

void message_done(struct replay_flow *f, const struct packet *p)
{
	bool client = is_client(f, p);
	if (p->proto != IP_TCP || f->midstream)
		return;
	unsigned flags = p->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST);
	f->answered = f->answered || (!client && flags == (TCP_SYN | TCP_ACK));
	f->established = f->established || (f->answered && client && flags == TCP_ACK);
}
