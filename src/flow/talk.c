#include <string.h>

#include "flow/conversation.h"

static uint32_t keep(struct flow_table *t, const char *text)
{
	return strings_add(t->options.strings, text);
}

void talk_begin(struct flow_table *t, struct conversation *c)
{
	uint32_t index = t->talk_free;
	if (index != NOBODY) {
		t->talk_free = t->talk[index].free_next;
	} else if (t->talks < TALKS_MAX) {
		index = t->talks++;
	} else {
		t->stats.talks_refused++;
		return;
	}
	t->talk[index] = (struct talk){.kind = TALK_UNKNOWN};
	c->talk = index;
	for (int side = CLIENT; side <= SERVER; side++) {
		/* the SYN's number when it was seen: seq_end has moved on by what was counted since
		 */
		t->talk[index].half[side].synced = c->seq_known[side];
		t->talk[index].half[side].next = c->seq_end[side] - (uint32_t)c->bytes[side];
	}
}

void talk_end(struct flow_table *t, struct conversation *c)
{
	if (c->talk == NOBODY)
		return;
	struct talk *talk = &t->talk[c->talk];
	for (int side = CLIENT; side <= SERVER; side++) {
		block_give(t, talk->half[side].head);
		block_give(t, talk->half[side].late);
	}
	block_give(t, talk->quic.bytes);
	talk->free_next = t->talk_free;
	t->talk_free = c->talk;
	c->talk = NOBODY;
	if (c->service == 0)
		c->service = keep(t, "unknown");
}

void talk_status(struct conversation *c, int64_t time_ns, uint16_t status)
{
	if (status < 200) /* 1xx is not the answer; 0 was no status line */
		return;
	c->status = status;
	c->status_ns = time_ns;
	uint16_t *count = status < 400 ? &c->statuses_ok : &c->statuses_bad;
	*count = (uint16_t)(*count + (*count < UINT16_MAX));
}

static void set_name(
	struct flow_table *t, struct conversation *c, const char *name, enum name_source source)
{
	if (c->name != 0 || name[0] == '\0')
		return;
	c->name = keep(t, name);
	c->name_source = (uint8_t)source;
}

/* ---- TLS ---- */

static void client_hello(struct flow_table *t, struct conversation *c, const struct tls_hello *h)
{
	set_name(t, c, h->sni, NAME_SNI);
	c->ja3 = keep(t, h->ja3);
	c->ja4 = keep(t, h->ja4);
	c->alpn = keep(t, h->alpn);
	c->tls_hello = true;
}

static void tls_message(
	struct flow_table *t, struct conversation *c, enum side from, const struct half *h)
{
	struct cur message = cur_of(h->head, h->tls.hello_len);
	uint8_t type = cur_u8(&message);
	cur_skip(&message, 3);
	if (type == TLS_CLIENT_HELLO && from == CLIENT) {
		struct tls_hello hello = {0};
		tls_client_hello_decode(&message, false, &hello);
		if (cur_ok(&message))
			client_hello(t, c, &hello);
	} else if (type == TLS_SERVER_HELLO && from == SERVER) {
		c->tls_server_hello = true;
	} else if (type == TLS_CERTIFICATE && from == SERVER && c->certificate == 0) {
		char name[TLS_NAME_BYTES];
		if (tls_certificate_name(&message, name))
			c->certificate = keep(t, name);
	}
}

static void read_tls(struct flow_table *t, struct conversation *c, enum side from, struct half *h,
	struct cur bytes, int64_t time_ns)
{
	if (h->head == NULL)
		h->head = block_take(t);
	h->tls.hello = h->head;
	h->tls.hello_room = h->head == NULL ? 0 : TALK_BYTES_MAX;
	while (bytes.len > 0 && !h->tls.bad) {
		enum tls_news news = tls_stream_feed(&h->tls, &bytes);
		if (news == TLS_MESSAGE && h->head != NULL)
			tls_message(t, c, from, h);
		/* RFC 8446 6: level 2 is fatal; 0 is close_notify */
		if (news == TLS_NEWS_ALERT && from == SERVER && h->tls.alert_description != 0 &&
			h->tls.alert_level == 2 && !h->tls.application_data && c->alert_ns == 0)
			c->alert_ns = time_ns;
		if (news == TLS_NOTHING)
			break;
	}
	if (from == SERVER && h->tls.application_data)
		c->tls_data = true;
	h->done = h->tls.bad || h->tls.application_data;
}

/* ---- HTTP ---- */

/* Collects a head over segments: true when h->head holds it whole. */
static bool collect(struct flow_table *t, struct half *h, struct cur *bytes)
{
	if (h->head == NULL)
		h->head = block_take(t);
	if (h->head == NULL) {
		h->done = true;
		return false;
	}
	size_t room = TALK_BYTES_MAX - h->head_len, take = bytes->len < room ? bytes->len : room;
	struct span s = cur_bytes(bytes, take);
	memcpy(h->head + h->head_len, s.ptr, s.len);
	h->head_len += (uint32_t)s.len;
	return true;
}

static void http_request(struct flow_table *t, struct conversation *c, const struct http_request *r)
{
	if (!r->host_is_address)
		set_name(t, c, r->host, r->to_proxy ? NAME_PROXY_TARGET : NAME_HTTP_HOST);
	c->method = keep(t, r->method);
	c->uri = keep(t, r->uri);
	c->user_agent = keep(t, r->user_agent);
	c->to_proxy = r->to_proxy;
}

static void read_http(struct flow_table *t, struct conversation *c, enum side from, struct half *h,
	struct cur bytes, int64_t time_ns)
{
	if (!collect(t, h, &bytes))
		return;
	struct cur head = cur_of(h->head, h->head_len);
	bool full = h->head_len == TALK_BYTES_MAX;
	if (from == CLIENT) {
		struct http_request r = {0};
		http_request_decode(&head, &r);
		h->done = head.state != CUR_SHORT || full;
		if (h->done)
			http_request(t, c, &r);
	} else {
		struct http_response r = {0};
		http_response_decode(&head, &r);
		h->done = head.state != CUR_SHORT || full;
		if (h->done)
			talk_status(c, time_ns, r.status);
	}
}

/* ---- which of them ---- */

static enum talk_kind kind_of(
	struct flow_table *t, struct conversation *c, enum side from, struct cur bytes)
{
	const char *service = NULL;
	enum talk_kind kind = TALK_OTHER;
	if (tls_looks_like(bytes)) {
		kind = TALK_TLS;
		service = "tls";
	} else if (from == CLIENT ? http_is_request(bytes) : http_is_response(bytes)) {
		kind = TALK_HTTP;
		service = "http";
	} else if (c->key.port[1 - c->client_at] == 53) {
		kind = TALK_DNS;
		service = "dns";
	} else {
		service = banner_service(bytes, from == SERVER);
		if (service == NULL && from == CLIENT)
			return TALK_UNKNOWN; /* the server's first bytes may tell */
	}
	c->service = keep(t, service != NULL ? service : "unknown");
	return kind;
}

/* DNS over TCP: messages behind a 16-bit length (RFC 1035 4.2.2). */
static void read_dns(struct flow_table *t, struct half *h, const struct packet *p, struct cur bytes)
{
	while (bytes.len > 0 && !h->done) {
		if (!collect(t, h, &bytes))
			return;
		struct cur all = cur_of(h->head, h->head_len);
		size_t len = cur_be16(&all);
		while (cur_ok(&all) && len <= all.len) {
			struct cur message = cur_sub(&all, len);
			if (!lookup_message(t, p, message)) {
				h->done = true;
				return;
			}
			memmove(h->head, all.ptr, all.len);
			h->head_len = (uint32_t)all.len;
			all = cur_of(h->head, h->head_len);
			len = cur_be16(&all);
		}
		if (h->head_len == TALK_BYTES_MAX)
			h->done = true; /* longer than anybody's answer */
	}
}

static void read_bytes(struct flow_table *t, struct conversation *c, enum side from,
	struct cur bytes, const struct packet *p)
{
	struct talk *talk = &t->talk[c->talk];
	struct half *h = &talk->half[from];
	if (talk->kind == TALK_UNKNOWN)
		talk->kind = kind_of(t, c, from, bytes);
	switch (talk->kind) {
	case TALK_TLS:
		read_tls(t, c, from, h, bytes, p->time_ns);
		break;
	case TALK_HTTP:
		read_http(t, c, from, h, bytes, p->time_ns);
		break;
	case TALK_DNS:
		read_dns(t, h, p, bytes);
		break;
	case TALK_UNKNOWN:
	case TALK_OTHER:
	case TALK_QUIC:
		h->done = true;
		break;
	}
}

/* ---- segments into order ---- */

static void keep_late(struct flow_table *t, struct half *h, uint32_t seq, struct cur bytes)
{
	if (h->late == NULL)
		h->late = block_take(t);
	if (h->late == NULL || h->pieces == TALK_PIECES_MAX ||
		bytes.len > TALK_BYTES_MAX - h->late_len) {
		h->done = true; /* what is missing will not come any more */
		return;
	}
	struct span s = cur_bytes(&bytes, bytes.len);
	memcpy(h->late + h->late_len, s.ptr, s.len);
	h->piece[h->pieces].seq = seq;
	h->piece[h->pieces].at = (uint16_t)h->late_len;
	h->piece[h->pieces].len = (uint16_t)s.len;
	h->pieces++;
	h->late_len += (uint32_t)s.len;
}

/* Reads what of these bytes is next; returns false when they begin beyond it. */
static bool read_at(struct flow_table *t, struct conversation *c, enum side from, uint32_t seq,
	struct cur bytes, const struct packet *p)
{
	struct half *h = &t->talk[c->talk].half[from];
	int32_t old = (int32_t)(h->next - seq);
	if (old < 0)
		return false;
	if ((size_t)old >= bytes.len)
		return true;
	cur_skip(&bytes, (size_t)old);
	h->next += (uint32_t)bytes.len;
	read_bytes(t, c, from, bytes, p);
	return true;
}

static void read_late(
	struct flow_table *t, struct conversation *c, enum side from, const struct packet *p)
{
	struct half *h = &t->talk[c->talk].half[from];
	for (uint8_t i = 0; i < h->pieces && !h->done;) {
		struct cur bytes = cur_of(h->late + h->piece[i].at, h->piece[i].len);
		if (read_at(t, c, from, h->piece[i].seq, bytes, p)) {
			h->piece[i] = h->piece[--h->pieces];
			i = 0; /* another may follow now */
		} else {
			i++;
		}
	}
	if (h->pieces == 0)
		h->late_len = 0;
}

void talk_segment(struct flow_table *t, struct conversation *c, enum side from, uint32_t seq,
	const struct packet *p)
{
	struct half *h = &t->talk[c->talk].half[from];
	if (!h->done) {
		if (!h->synced) {
			h->synced = true;
			h->next = seq;
		}
		if (read_at(t, c, from, seq, p->payload, p)) {
			if (p->payload.len < p->payload_wire)
				h->done = true; /* the capture cut this segment: the rest has a hole
				                 */
			read_late(t, c, from, p);
		} else {
			keep_late(t, h, seq, p->payload);
		}
	}
	if (t->talk[c->talk].half[CLIENT].done && t->talk[c->talk].half[SERVER].done)
		talk_end(t, c);
}

/* ---- datagrams ---- */

static void read_quic(
	struct flow_table *t, struct conversation *c, struct talk *talk, struct cur bytes)
{
	struct quic_crypto *q = &talk->quic;
	if (q->bytes == NULL) {
		q->bytes = block_take(t);
		if (q->bytes == NULL) {
			talk_end(t, c);
			return;
		}
		/* one block serves both: the stream and behind it the map of what is there */
		q->room = QUIC_CRYPTO_BYTES_MAX;
		q->have = q->bytes + QUIC_CRYPTO_BYTES_MAX;
		memset(q->have, 0, (QUIC_CRYPTO_BYTES_MAX + 7) / 8);
	}
	struct tls_hello hello = {0};
	if (quic_client_initial(q, bytes, &hello)) {
		client_hello(t, c, &hello);
		talk_end(t, c);
	}
}

void talk_datagram(
	struct flow_table *t, struct conversation *c, enum side from, const struct packet *p)
{
	struct talk *talk = &t->talk[c->talk];
	if (talk->kind == TALK_UNKNOWN && from == CLIENT && quic_looks_like(p->payload)) {
		talk->kind = TALK_QUIC;
		c->service = keep(t, "quic");
	}
	if (talk->kind != TALK_QUIC) {
		if (c->packets[CLIENT] > 0 && c->packets[SERVER] > 0) {
			const char *service = banner_service(p->payload, from == SERVER);
			c->service = keep(t, service != NULL ? service : "unknown");
			talk_end(t, c);
		}
		return;
	}
	if (from == CLIENT && quic_is_initial(p->payload))
		read_quic(t, c, talk, p->payload);
	else if (from == SERVER && c->packets[SERVER] > 4)
		talk_end(t, c); /* past the handshake without a readable hello */
}
