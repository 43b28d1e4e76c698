/* First messages: what a stream is, and what it says of itself before it is encrypted. */
#include <string.h>

#include "flow/conversation.h"

/* A head that has come in more pieces than this is read as far as it goes: every piece costs a look
 * at all of it. */
#define LOOKS_MAX 64
/* A stream whose first bytes come this slowly is not going to be recognised. */
#define FIRST_LOOKS_MAX 8

uint32_t keep_text(struct flow_table *t, const char *text)
{
	return strings_add(t->options.strings, text);
}

void read_blind(struct conversation *c)
{
	c->blind = true;
	if (c->statuses_bad == 0)
		c->pending = false;
}

static void set_service(struct flow_table *t, struct conversation *c, const char *service)
{
	if (c->service == 0)
		c->service = keep_text(t, service);
}

static void set_name(
	struct flow_table *t, struct conversation *c, const char *name, enum name_source source)
{
	if (c->name != 0 || name[0] == '\0')
		return;
	c->name = keep_text(t, name);
	c->name_source = (uint8_t)(c->name == 0 ? NAME_NONE : source);
}

static void give_up(struct flow_table *t, struct conversation *c, enum side from, struct half *h)
{
	half_finish(t, h);
	if (from == SERVER)
		read_blind(c);
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Adds bytes to the half's head, as many as there is room for; the part of them that fit is taken.
 */
static void collect(struct half *h, struct cur *bytes, size_t room)
{
	struct span s = cur_bytes(bytes, smaller(bytes->len, room - h->head_len));
	if (s.len > 0)
		memcpy(h->head + h->head_len, s.ptr, s.len);
	h->head_len += (uint32_t)s.len;
}

/* ---- TLS ---- */

static void client_hello(struct flow_table *t, struct conversation *c, const struct tls_hello *h)
{
	set_name(t, c, h->sni, NAME_SNI);
	c->ja3 = keep_text(t, h->ja3);
	c->ja4 = keep_text(t, h->ja4);
	c->alpn = keep_text(t, h->alpn);
	c->tls_hello = true;
}

static void tls_message(
	struct flow_table *t, struct conversation *c, enum side from, const struct tls_stream *s)
{
	struct cur message = cur_of(s->hello, s->hello_len);
	uint8_t type = cur_u8(&message);
	cur_skip(&message, 3);
	if (type == TLS_CLIENT_HELLO && from == CLIENT && !c->tls_hello) {
		struct tls_hello hello = {0};
		tls_client_hello_decode(&message, false, &hello);
		if (cur_ok(&message))
			client_hello(t, c, &hello);
	} else if (type == TLS_SERVER_HELLO && from == SERVER) {
		c->tls_server_hello = true;
	} else if (type == TLS_CERTIFICATE && from == SERVER && c->certificate == 0) {
		char name[TLS_NAME_BYTES];
		if (tls_certificate_name(&message, name))
			c->certificate = keep_text(t, name);
	}
}

/* RFC 8446 6: level 2 is fatal; description 0 is close_notify */
static void tls_alert(
	struct flow_table *t, struct conversation *c, enum side from, const struct tls_stream *s)
{
	if (s->alert_level != 2 || s->alert_description == 0)
		return;
	if (from == CLIENT)
		c->client_alert = true;
	else if (!s->application_data && c->alert_ns == 0)
		c->alert_ns = t->at_ns;
}

static void read_tls(struct flow_table *t, struct conversation *c, enum side from, struct half *h,
	struct cur *bytes)
{
	if (h->head == NULL)
		h->head = block_take(t, c);
	if (h->head == NULL) {
		give_up(t, c, from, h);
		return;
	}
	h->tls.hello = h->head;
	h->tls.hello_room = TALK_BYTES_MAX;
	while (bytes->len > 0 && !h->tls.bad && !h->tls.application_data) {
		enum tls_news news = tls_stream_feed(&h->tls, bytes);
		if (news == TLS_MESSAGE)
			tls_message(t, c, from, &h->tls);
		if (news == TLS_NEWS_ALERT)
			tls_alert(t, c, from, &h->tls);
	}
	if (h->tls.application_data && from == SERVER && !h->tls.bad) {
		c->tls_data = true;
		c->pending = false;
	}
	if (h->tls.bad)
		give_up(t, c, from, h);
	else if (h->tls.application_data || (from == CLIENT && h->tls.encrypted))
		half_finish(t, h);
	else if (h->tls.hello_len == h->tls.hello_want)
		block_give(t, &h->head); /* no message is under way */
}

/* ---- HTTP ---- */

/* The head so far: straight out of the segment, or, when it came in pieces, collected. */
static struct cur head_so_far(struct half *h, struct cur bytes)
{
	if (h->head_len == 0)
		return bytes;
	collect(h, &bytes, HTTP_HEAD_BYTES_MAX);
	return cur_of(h->head, h->head_len);
}

/* The head is not complete: keeps what there is of it. False when it is not going to be. */
static bool head_wait(
	struct flow_table *t, struct conversation *c, struct half *h, struct cur *bytes)
{
	if (h->head_len == 0) {
		h->head = block_take(t, c);
		if (h->head == NULL)
			return false;
		struct cur all = *bytes;
		collect(h, &all, HTTP_HEAD_BYTES_MAX);
	}
	if (++h->looks >= LOOKS_MAX || h->head_len == HTTP_HEAD_BYTES_MAX)
		return false;
	cur_skip(bytes, bytes->len);
	return true;
}

/* The head ended in this segment: what follows it is read on. before: bytes of the head that came
 * in earlier segments. */
static void head_over(
	struct flow_table *t, struct half *h, struct cur *bytes, size_t head_bytes, size_t before)
{
	cur_skip(bytes, head_bytes - before);
	block_give(t, &h->head);
	h->head_len = 0;
	h->looks = 0;
	h->status_told = false;
}

static void http_request(struct flow_table *t, struct conversation *c, const struct http_request *r)
{
	if (!r->host_is_address)
		set_name(t, c, r->host, r->to_proxy ? NAME_PROXY_TARGET : NAME_HTTP_HOST);
	if (c->method != 0)
		return; /* the first request speaks for the conversation */
	c->method = keep_text(t, r->method);
	struct span uri = {(const uint8_t *)r->uri, strlen(r->uri)};
	c->request_mark = request_mark(uri);
	c->request_hash = request_hash(uri);
	c->user_agent = keep_text(t, r->user_agent);
	c->to_proxy = r->to_proxy;
}

static void read_request(
	struct flow_table *t, struct conversation *c, struct half *h, struct cur *bytes)
{
	size_t before = h->head_len;
	struct cur head = head_so_far(h, *bytes);
	struct http_request r = {0};
	http_request_decode(&head, &r);
	if (head.state == CUR_SHORT && head_wait(t, c, h, bytes))
		return;
	http_request(t, c, &r);
	struct talk *talk = &t->talk[c->talk];
	talk->connect = cur_ok(&head) && strcmp(r.method, "CONNECT") == 0;
	if (!talk->connect) {
		half_finish(t, h);
		return;
	}
	head_over(t, h, bytes, r.head_bytes, before);
	h->reading = READING_NEW; /* the tunnel's, or the same again with a password */
	h->first_len = 0;
}

/* 1xx is not the answer (RFC 9110 15.2), except when it changes the protocol. */
static bool is_interim(uint16_t status)
{
	return status < 200 && status != 101;
}

static void note_status(struct flow_table *t, struct conversation *c, uint16_t status)
{
	if (status == 0 || is_interim(status))
		return;
	c->status = status;
	c->status_ns = t->at_ns;
	uint16_t *count = status < 400 ? &c->statuses_ok : &c->statuses_bad;
	*count = (uint16_t)(*count + (*count < UINT16_MAX));
	c->pending = c->statuses_ok == 0;
}

/* A proxy's answer to CONNECT (RFC 9110 9.3.6): what follows a consent is the target's. */
static void note_connect(struct flow_table *t, struct conversation *c, uint16_t status)
{
	if (status >= 300) {
		note_status(t, c, status);
		return;
	}
	c->status = status;
	c->status_ns = t->at_ns;
	c->statuses_bad = 0; /* it wanted a password first */
	c->tunnel = true;
	c->pending = true;
}

static void read_response(
	struct flow_table *t, struct conversation *c, struct half *h, struct cur *bytes)
{
	size_t before = h->head_len;
	bool connect = t->talk[c->talk].connect;
	struct cur head = head_so_far(h, *bytes);
	struct http_response r = {0};
	http_response_decode(&head, &r);
	bool interim = is_interim(r.status);
	if (r.status != 0 && !interim && !h->status_told) {
		if (connect)
			note_connect(t, c, r.status);
		else
			note_status(t, c, r.status);
		h->status_told = true;
	}
	if (r.status != 0 && !interim && !connect) {
		half_finish(t, h);
		return;
	}
	if (!cur_ok(&head)) {
		if (head.state == CUR_BAD || !head_wait(t, c, h, bytes))
			give_up(t, c, SERVER, h);
		return;
	}
	head_over(t, h, bytes, r.head_bytes, before);
	if (interim)
		return;
	h->reading = c->tunnel ? READING_NEW : READING_GAP;
	h->first_len = 0;
}

void read_later_status(struct flow_table *t, struct conversation *c, const struct packet *p)
{
	if (!http_is_response(p->payload))
		return;
	struct cur head = p->payload;
	struct http_response r = {0};
	http_response_decode(&head, &r);
	note_status(t, c, r.status);
}

/* Between a proxy's error and its next answer: the page, of unknown length. */
static void read_gap(struct half *h, struct cur *bytes)
{
	if (http_is_response(*bytes))
		h->reading = READING_HTTP;
	else
		cur_skip(bytes, bytes->len);
}

/* ---- DNS over TCP: messages behind a 16-bit length (RFC 1035 4.2.2) ---- */

static void read_dns(struct flow_table *t, struct conversation *c, struct half *h,
	struct cur *bytes, const struct packet *p)
{
	if (h->head == NULL)
		h->head = block_take(t, c);
	if (h->head == NULL) {
		half_finish(t, h);
		return;
	}
	collect(h, bytes, TALK_BYTES_MAX);
	struct cur all = cur_of(h->head, h->head_len), rest = all;
	size_t len = cur_be16(&all);
	while (cur_ok(&all) && len <= all.len) {
		struct cur message = cur_sub(&all, len);
		if (!lookup_message(t, p, message)) {
			half_finish(t, h);
			return;
		}
		set_service(t, c, "dns");
		rest = all;
		len = cur_be16(&all);
	}
	if (rest.len > 0)
		memmove(h->head, rest.ptr, rest.len);
	h->head_len = (uint32_t)rest.len;
	if (h->head_len == TALK_BYTES_MAX)
		half_finish(t, h); /* longer than anybody's answer */
	else if (h->head_len == 0)
		block_give(t, &h->head);
}

/* ---- QUIC ---- */

void read_quic(struct flow_table *t, struct conversation *c, struct talk *talk, struct cur datagram)
{
	struct quic_crypto *q = &talk->quic;
	_Static_assert(QUIC_CRYPTO_BYTES_MAX + (QUIC_CRYPTO_BYTES_MAX + 7) / 8 <= TALK_BYTES_MAX,
		"one block serves both: the stream and behind it the map of what is there");
	if (q->bytes == NULL) {
		q->bytes = block_take(t, c);
		if (q->bytes == NULL)
			return;
		q->room = QUIC_CRYPTO_BYTES_MAX;
		q->have = q->bytes + QUIC_CRYPTO_BYTES_MAX;
		memset(q->have, 0, (QUIC_CRYPTO_BYTES_MAX + 7) / 8);
	}
	struct tls_hello hello = {0};
	if (quic_client_initial(q, datagram, &hello)) {
		client_hello(t, c, &hello);
		talk_end(t, c);
	}
}

/* ---- which of them ---- */

/* A record of application data: enough for a stream that was met in its middle (RFC 8446 5.1). */
static bool is_tls_middle(struct cur c)
{
	uint8_t type = cur_u8(&c);
	uint16_t version = cur_be16(&c), len = cur_be16(&c);
	return cur_ok(&c) && type == TLS_APPLICATION_DATA && version >= 0x0301 &&
	       version <= 0x0303 && len > 0 && len <= 16384 + 256;
}

/* What the bytes are read as; READING_NEW when they are nothing that is read, and *ret_named when
 * they say all the same what they are. */
static enum reading recognise(struct flow_table *t, struct conversation *c, enum side from,
	struct cur bytes, bool *ret_named)
{
	if (tls_looks_like(bytes)) {
		set_service(t, c, "tls");
		return READING_TLS;
	}
	if (from == CLIENT ? http_is_request(bytes) : http_is_response(bytes)) {
		set_service(t, c, "http");
		c->http = true;
		return READING_HTTP;
	}
	if (key_port(&c->key, SERVER) == 53 && !c->tunnel)
		return READING_DNS;
	const char *service = banner_service(bytes, from == SERVER);
	if (service == NULL && c->joined && is_tls_middle(bytes))
		service = "tls";
	if (service != NULL)
		set_service(t, c, service);
	*ret_named = service != NULL;
	return READING_NEW;
}

static void not_ours(struct flow_table *t, struct conversation *c, enum side from)
{
	struct talk *talk = &t->talk[c->talk];
	if (from == SERVER)
		c->pending = false; /* the server has answered in its own way */
	half_finish(t, &talk->half[from]);
	if (c->service != 0 && !talk->connect)
		half_finish(t, &talk->half[from == CLIENT ? SERVER : CLIENT]);
}

void read_no_more(struct flow_table *t, struct conversation *c, enum side from)
{
	const struct half *h = &t->talk[c->talk].half[from];
	if (!h->done && h->reading == READING_NEW && h->first_len > 0)
		not_ours(t, c, from);
}

/* Keeps the bytes until there are enough to recognise the stream by. */
static void wait_for_more(struct half *h, struct cur *bytes)
{
	struct span s = cur_bytes(bytes, bytes->len);
	memcpy(h->first + h->first_len, s.ptr, s.len);
	h->first_len = (uint8_t)(h->first_len + s.len);
}

static void read_on(struct flow_table *t, struct conversation *c, enum side from, struct cur *bytes,
	const struct packet *p)
{
	struct half *h = &t->talk[c->talk].half[from];
	switch ((enum reading)h->reading) {
	case READING_TLS:
		read_tls(t, c, from, h, bytes);
		break;
	case READING_HTTP:
		if (from == CLIENT)
			read_request(t, c, h, bytes);
		else
			read_response(t, c, h, bytes);
		break;
	case READING_DNS:
		read_dns(t, c, h, bytes, p);
		break;
	case READING_GAP:
		read_gap(h, bytes);
		break;
	case READING_NEW:
		break;
	}
}

/* Recognises the stream by these bytes and those that were kept; the latter are then read. */
static void read_new(struct flow_table *t, struct conversation *c, enum side from,
	struct cur *bytes, const struct packet *p)
{
	struct half *h = &t->talk[c->talk].half[from];
	if (from == SERVER && c->tunnel)
		c->inside = true;
	uint8_t room[FIRST_BYTES];
	struct cur all = *bytes, more = *bytes;
	if (h->first_len > 0) {
		struct span s = cur_bytes(&more, smaller(more.len, FIRST_BYTES - h->first_len));
		memcpy(room, h->first, h->first_len);
		memcpy(room + h->first_len, s.ptr, s.len);
		all = cur_of(room, h->first_len + s.len);
	}
	bool named = false;
	enum reading reading = recognise(t, c, from, all, &named);
	if (reading == READING_NEW) {
		if (named || all.len >= FIRST_BYTES || ++h->looks >= FIRST_LOOKS_MAX)
			not_ours(t, c, from);
		else
			wait_for_more(h, bytes);
		return;
	}
	h->reading = (uint8_t)reading;
	h->looks = 0;
	h->tls = (struct tls_stream){0};
	if (reading == READING_TLS || (reading == READING_HTTP && from == CLIENT))
		c->pending = !c->told;
	struct cur kept = cur_of(room, h->first_len);
	while (kept.len > 0 && !h->done)
		read_on(t, c, from, &kept, p);
}

void read_bytes(struct flow_table *t, struct conversation *c, enum side from, struct cur bytes,
	const struct packet *p)
{
	const struct half *h = &t->talk[c->talk].half[from];
	while (bytes.len > 0 && !h->done) {
		if (h->reading == READING_NEW)
			read_new(t, c, from, &bytes, p);
		else
			read_on(t, c, from, &bytes, p);
	}
}
