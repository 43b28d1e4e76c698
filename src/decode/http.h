/* HTTP/1.x message heads (RFC 9112, 9110), as far as a hunter needs them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cur.h"

#define HTTP_HEAD_BYTES_MAX 8192
#define HTTP_NAME_BYTES     256
#define HTTP_TEXT_BYTES     256

struct http_request {
	char method[16];
	char uri[HTTP_TEXT_BYTES];  /* path and query as sent (absolute-URI: without scheme and
	                               host), cut */
	char host[HTTP_NAME_BYTES]; /* target host: absolute-URI or CONNECT before Host; lower case,
	                               no port, no final dot; "" none */
	uint16_t port;              /* of the target when said, else 0 */
	bool host_is_address;       /* an address literal */
	bool to_proxy;              /* absolute-URI or CONNECT */
	char user_agent[HTTP_TEXT_BYTES]; /* cut */
	size_t head_bytes;                /* up to and with the empty line */
};

struct http_response {
	uint16_t status;
	size_t head_bytes;
};

/* Whether bytes begin a request ("METHOD SP") or a response ("HTTP/1."). Cheap: first bytes only.
 */
bool http_is_request(struct cur c);
bool http_is_response(struct cur c);

/* Reads one head. Bare LF is accepted, obsolete folding skipped. When the head is not complete
 * c->state is CUR_SHORT and *ret holds what was readable of the first line and the whole header
 * lines so far (zero otherwise). */
void http_request_decode(struct cur *c, struct http_request *ret);
void http_response_decode(struct cur *c, struct http_response *ret);

/* Service named by the first bytes of a stream ("ssh", "smtp", "ftp", "pop3", "imap", "irc", "rdp",
 * "smb", "vnc", "socks", "bittorrent", …) or NULL. from_server: the bytes are the server's. */
const char *banner_service(struct cur c, bool from_server);
