/* TLS as far as it shows on the wire before encryption (RFC 8446, 5246, 6066, 7301, 8701). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cur.h"

#define TLS_NAME_BYTES 256
#define TLS_ALPN_BYTES 32
#define JA3_BYTES      33 /* MD5 in hex */
#define JA4_BYTES      40 /* t13d1516h2_8daaf6152771_e5627efa2ab1 */
#define TLS_HELLO_BYTES_MAX \
	16384 /* a handshake message that is collected over records and segments */

struct tls_hello {                /* ClientHello */
	uint16_t version;         /* legacy_version of the message */
	char sni[TLS_NAME_BYTES]; /* lower case, no final dot, "" none, and "" for an address
	                             literal */
	bool ech; /* encrypted_client_hello was offered: the SNI may be a cover name; browsers offer
	             a dummy (draft-ietf-tls-esni 6.2) to everyone, so this alone says little */
	char alpn[TLS_ALPN_BYTES]; /* first protocol offered, "" none */
	char ja3[JA3_BYTES]; /* github.com/salesforce/ja3; "" when a list is longer than anyone's
	                        (JA_LIST_MAX) */
	char ja4[JA4_BYTES]; /* github.com/FoxIO-LLC/ja4, JA4 only (BSD 3-clause) */
};

struct tls_server_hello {
	uint16_t version; /* negotiated: supported_versions when present */
	uint16_t cipher;
	char alpn[TLS_ALPN_BYTES];
};

struct tls_record {   /* header of one record */
	uint8_t type; /* enum tls_type */
	uint16_t version;
	uint16_t len; /* body bytes that follow */
};

enum tls_type {
	TLS_CHANGE_CIPHER_SPEC = 20,
	TLS_ALERT = 21,
	TLS_HANDSHAKE = 22,
	TLS_APPLICATION_DATA = 23
};
enum tls_message { TLS_CLIENT_HELLO = 1, TLS_SERVER_HELLO = 2, TLS_CERTIFICATE = 11 };

/* Whether a stream's first bytes are a TLS record with a handshake (also an alert for servers). */
bool tls_looks_like(struct cur c);

/* One record header, checked: type 20..24, version 0x0300..0x0304, length <= 2^14 + 2048. */
void tls_record_decode(struct cur *c, struct tls_record *ret);

/* c is exactly the handshake message's body (after type and 24-bit length). quic selects JA4's "q".
 * On failure c->state says why and *ret is untouched. */
void tls_client_hello_decode(struct cur *c, bool quic, struct tls_hello *ret);
void tls_server_hello_decode(struct cur *c, struct tls_server_hello *ret);

/* Certificate message of TLS 1.2 and before: first DNS name of the leaf (subjectAltName, else CN),
 * lower case,
 * "" when there is none. Returns false when the message is unreadable. */
bool tls_certificate_name(struct cur *c, char ret_name[static TLS_NAME_BYTES]);

/* What a tracker of one direction of a TLS stream has learnt. Fed with the in-order bytes of the
 * stream, it collects handshake messages over record and segment borders in the buffer lent to it.
 * All zero is a valid start. */
struct tls_stream {
	uint8_t *hello; /* lent buffer for one handshake message, may be NULL: then messages are
	                   skipped */
	uint32_t hello_room, hello_len, hello_want;
	uint32_t oversized;   /* messages that were longer than the buffer: passed over */
	uint32_t record_left; /* body bytes of the current record still to come */
	uint8_t record_type;
	uint8_t head[5];
	uint8_t head_len;
	uint8_t alert_level, alert_description;
	uint8_t alert_len;
	bool alert;     /* a plaintext alert was seen: level and description are set */
	bool encrypted; /* after ChangeCipherSpec: handshake and alert bodies are not plaintext */
	bool application_data; /* at least one record of it */
	bool bad;              /* not TLS after all: feed no more */
};

enum tls_news { TLS_NOTHING, TLS_MESSAGE, TLS_NEWS_ALERT };

/* Consumes bytes until something is complete or c is empty. TLS_MESSAGE: hello[0..hello_len) is one
 * handshake message (with its 4-byte header), valid until the next call. Feed again while c->len >
 * 0. */
enum tls_news tls_stream_feed(struct tls_stream *s, struct cur *c);
