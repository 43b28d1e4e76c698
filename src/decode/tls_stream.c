/* Records of one direction of a TLS stream (RFC 8446 5.1), in whatever pieces they come. */
#include <string.h>

#include "decode/tls.h"

#define RECORD_HEAD_BYTES  5
#define MESSAGE_HEAD_BYTES 4
/* RFC 5246 6.2.3: what a record may hold at most. */
#define RECORD_BYTES_MAX (16384 + 2048)
/* An encrypted alert is at least 2 bytes and a 16-byte MAC; a plaintext one is 2, a few at most
 * (RFC 5246 7.2). */
#define PLAIN_ALERT_BYTES_MAX 16

/* A record whose body is not read: encrypted, or not one of ours. */
#define BODY_OPAQUE 0

bool tls_looks_like(struct cur c)
{
	uint8_t type = cur_u8(&c);
	uint16_t version = cur_be16(&c);
	if (!cur_ok(&c) || version < 0x0300 || version > 0x0304)
		return false;
	if (type != TLS_HANDSHAKE && type != TLS_ALERT)
		return false;
	if (c.len < 2)
		return true; /* nothing speaks against it yet */
	uint16_t len = cur_be16(&c);
	if (type == TLS_ALERT)
		return len == 2;
	if (len == 0 || len > RECORD_BYTES_MAX)
		return false;
	uint8_t message = c.len > 0 ? cur_u8(&c) : TLS_CLIENT_HELLO;
	return message == TLS_CLIENT_HELLO || message == TLS_SERVER_HELLO;
}

void tls_record_decode(struct cur *c, struct tls_record *ret)
{
	struct tls_record record = {0};
	record.type = cur_u8(c);
	record.version = cur_be16(c);
	record.len = cur_be16(c);
	if (!cur_ok(c))
		return;
	bool known = record.type >= TLS_CHANGE_CIPHER_SPEC &&
	             record.type <= 24; /* 24: heartbeat, RFC 6520 */
	if (!known || record.version < 0x0300 || record.version > 0x0304 ||
		record.len > RECORD_BYTES_MAX) {
		cur_fail(c, CUR_BAD);
		return;
	}
	*ret = record;
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static void begin_record(struct tls_stream *s)
{
	struct cur head = cur_of(s->head, sizeof s->head);
	struct tls_record record = {0};
	tls_record_decode(&head, &record);
	if (!cur_ok(&head) || (record.type == TLS_CHANGE_CIPHER_SPEC && record.len != 1)) {
		s->bad = true;
		return;
	}
	s->head_len = 0;
	s->record_left = record.len;
	s->record_type = BODY_OPAQUE;
	if (record.type == TLS_CHANGE_CIPHER_SPEC)
		s->encrypted = true;
	else if (record.type == TLS_APPLICATION_DATA)
		s->application_data = true;
	else if (s->encrypted)
		return;
	else if (record.type == TLS_HANDSHAKE ||
		 (record.type == TLS_ALERT && record.len <= PLAIN_ALERT_BYTES_MAX))
		s->record_type = record.type;
}

static void read_head(struct tls_stream *s, struct cur *c)
{
	struct span part = cur_bytes(c, smaller(c->len, sizeof s->head - s->head_len));
	memcpy(s->head + s->head_len, part.ptr, part.len);
	s->head_len = (uint8_t)(s->head_len + part.len);
	if (s->head_len == sizeof s->head)
		begin_record(s);
}

static enum tls_news read_alert(struct tls_stream *s, struct cur *c)
{
	uint8_t byte = cur_u8(c);
	s->record_left--;
	if (s->alert_len == 0) {
		s->alert_level = byte;
		s->alert_len = 1;
		return TLS_NOTHING;
	}
	s->alert_description = byte;
	s->alert_len = 0;
	s->alert = true;
	return TLS_NEWS_ALERT;
}

/* Takes bytes of the message that is being collected; those beyond the buffer are passed over. */
static void collect(struct tls_stream *s, struct cur *c, size_t n)
{
	struct span part = cur_bytes(c, n);
	s->record_left -= (uint32_t)part.len;
	if (part.len > 0 && s->hello_len < s->hello_room)
		memcpy(s->hello + s->hello_len, part.ptr,
			smaller(part.len, s->hello_room - s->hello_len));
	s->hello_len += (uint32_t)part.len;
}

static enum tls_news read_handshake(struct tls_stream *s, struct cur *c)
{
	size_t n = smaller(c->len, s->record_left);
	if (s->hello == NULL || s->hello_room < MESSAGE_HEAD_BYTES) {
		cur_skip(c, n);
		s->record_left -= (uint32_t)n;
		return TLS_NOTHING;
	}
	if (s->hello_len < MESSAGE_HEAD_BYTES) {
		size_t part = smaller(n, MESSAGE_HEAD_BYTES - s->hello_len);
		collect(s, c, part);
		n -= part;
		if (s->hello_len < MESSAGE_HEAD_BYTES)
			return TLS_NOTHING;
		struct cur head = cur_of(s->hello, MESSAGE_HEAD_BYTES);
		cur_skip(&head, 1);
		s->hello_want = MESSAGE_HEAD_BYTES + (uint32_t)cur_be(&head, 3);
	}
	collect(s, c, smaller(n, s->hello_want - s->hello_len));
	if (s->hello_len < s->hello_want)
		return TLS_NOTHING;
	if (s->hello_want <= s->hello_room)
		return TLS_MESSAGE;
	s->oversized++;
	s->hello_len = s->hello_want = 0;
	return TLS_NOTHING;
}

enum tls_news tls_stream_feed(struct tls_stream *s, struct cur *c)
{
	enum tls_news news = TLS_NOTHING;
	if (s->hello_want != 0 && s->hello_len == s->hello_want)
		s->hello_len = s->hello_want = 0; /* told last time */
	while (c->len > 0 && !s->bad && news == TLS_NOTHING) {
		if (s->record_left == 0) {
			read_head(s, c);
		} else if (s->record_type == TLS_HANDSHAKE) {
			news = read_handshake(s, c);
		} else if (s->record_type == TLS_ALERT) {
			news = read_alert(s, c);
		} else {
			size_t n = smaller(c->len, s->record_left);
			cur_skip(c, n);
			s->record_left -= (uint32_t)n;
		}
	}
	if (s->bad)
		cur_skip(c, c->len); /* so that nobody's loop waits for them to be read */
	return news;
}
