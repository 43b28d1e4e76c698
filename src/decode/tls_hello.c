/* ClientHello and ServerHello (RFC 8446 4.1, RFC 5246 7.4.1). */
#include "decode/ja.h"
#include "decode/text.h"
#include "decode/tls.h"

#define RANDOM_BYTES 32

enum extension { /* IANA TLS ExtensionType Values */
	EXT_SERVER_NAME = 0,
	EXT_SUPPORTED_GROUPS = 10,
	EXT_EC_POINT_FORMATS = 11,
	EXT_SIGNATURE_ALGORITHMS = 13,
	EXT_ALPN = 16,
	EXT_SUPPORTED_VERSIONS = 43,
	EXT_ENCRYPTED_CLIENT_HELLO = 0xfe0d,
};

struct client { /* what an extension's reader may fill */
	struct tls_hello *hello;
	struct ja_input *ja;
};

static void read_values(struct cur *c, struct ja_list *list)
{
	while (c->len >= 2)
		ja_add(list, cur_be16(c));
}

/* RFC 6066 3: a list of names, of which only host_name exists and at most one is allowed. */
static void server_name(struct cur *c, struct client *to)
{
	struct cur names = text_block(c, cur_be16(c));
	uint8_t type = cur_u8(&names);
	struct span name = cur_bytes(&names, cur_be16(&names));
	to->ja->sni = true;
	if (!cur_ok(&names) || type != 0)
		return;
	text_host(to->hello->sni, sizeof to->hello->sni, name);
	if (text_is_address(to->hello->sni))
		to->hello->sni[0] = '\0';
}

static void supported_groups(struct cur *c, struct client *to)
{
	struct cur values = text_block(c, cur_be16(c));
	read_values(&values, &to->ja->groups);
}

static void point_formats(struct cur *c, struct client *to)
{
	struct span formats = cur_bytes(c, cur_u8(c));
	if (cur_ok(c))
		to->ja->formats = formats;
}

static void signature_algorithms(struct cur *c, struct client *to)
{
	struct cur values = text_block(c, cur_be16(c));
	read_values(&values, &to->ja->signatures);
}

/* RFC 7301 3.1; empty when the extension contradicts itself */
static struct span first_protocol(struct cur *c)
{
	struct cur protocols = text_block(c, cur_be16(c));
	return cur_bytes(&protocols, cur_u8(&protocols));
}

static void alpn(struct cur *c, struct client *to)
{
	to->ja->alpn = first_protocol(c);
	text_copy(to->hello->alpn, sizeof to->hello->alpn, to->ja->alpn);
}

static void supported_versions(struct cur *c, struct client *to)
{
	struct cur versions = text_block(c, cur_u8(c));
	while (versions.len >= 2) {
		uint16_t version = cur_be16(&versions);
		if (!ja_is_grease(version) && version > to->ja->best_version)
			to->ja->best_version = version;
	}
}

static void encrypted_client_hello(struct cur *c, struct client *to)
{
	(void)c;
	to->hello->ech = true;
}

static const struct {
	uint16_t type;
	void (*read)(struct cur *c, struct client *to);
} client_extensions[] = {
	{EXT_SERVER_NAME, server_name},
	{EXT_SUPPORTED_GROUPS, supported_groups},
	{EXT_EC_POINT_FORMATS, point_formats},
	{EXT_SIGNATURE_ALGORITHMS, signature_algorithms},
	{EXT_ALPN, alpn},
	{EXT_SUPPORTED_VERSIONS, supported_versions},
	{EXT_ENCRYPTED_CLIENT_HELLO, encrypted_client_hello},
};

/* An extension whose inside contradicts itself tells nothing; the others are still read, since the
 * server of a fallback channel need not be as strict as the RFC. One that comes twice (RFC 8446 4.2
 * forbids it) counts once. */
static void client_extension(uint16_t type, struct cur *body, struct client *to, unsigned *seen)
{
	for (size_t i = 0; i < ARRAY_LEN(client_extensions); i++) {
		if (client_extensions[i].type != type || (*seen & 1u << i) != 0)
			continue;
		*seen |= 1u << i;
		client_extensions[i].read(body, to);
	}
}

/* Version, random and session id, which both hellos begin with. */
static uint16_t read_start(struct cur *c)
{
	uint16_t version = cur_be16(c);
	cur_skip(c, RANDOM_BYTES);
	cur_skip(c, cur_u8(c));
	return version;
}

/* The extensions, or an empty cursor when the message ends before them, as it may until TLS 1.2. */
static struct cur extensions_of(struct cur *c)
{
	if (c->len == 0)
		return (struct cur){.state = c->state};
	return text_block(c, cur_be16(c));
}

void tls_client_hello_decode(struct cur *c, bool quic, struct tls_hello *ret)
{
	c->fenced = true; /* the message's length field said where it ends */
	struct tls_hello hello = {.version = read_start(c)};
	struct ja_input ja;
	ja.quic = quic;
	ja.sni = false;
	ja.version = hello.version;
	ja.best_version = 0;
	ja.alpn = ja.formats = (struct span){0};
	struct ja_list *lists[] = {&ja.ciphers, &ja.extensions, &ja.groups, &ja.signatures};
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) { /* 2 kB that need no zeroing */
		lists[i]->count = 0;
		lists[i]->over = false;
	}

	struct cur ciphers = text_block(c, cur_be16(c));
	if (ciphers.len % 2 != 0)
		cur_fail(c, CUR_BAD);
	read_values(&ciphers, &ja.ciphers);
	cur_skip(c, cur_u8(c)); /* compression methods */
	struct cur extensions = extensions_of(c);
	struct client to = {&hello, &ja};
	unsigned seen = 0;
	while (extensions.len > 0) {
		uint16_t type = cur_be16(&extensions);
		struct cur body = text_block(&extensions, cur_be16(&extensions));
		if (!cur_ok(&extensions))
			break;
		ja_add(&ja.extensions, type);
		client_extension(type, &body, &to, &seen);
	}
	if (!cur_ok(&extensions))
		cur_fail(c, extensions.state);
	if (!cur_ok(c))
		return;
	ja3(&ja, hello.ja3);
	ja4(&ja, hello.ja4);
	*ret = hello;
}

void tls_server_hello_decode(struct cur *c, struct tls_server_hello *ret)
{
	c->fenced = true;
	struct tls_server_hello hello = {.version = read_start(c)};
	hello.cipher = cur_be16(c);
	cur_skip(c, 1); /* compression method */
	struct cur extensions = extensions_of(c);
	while (extensions.len > 0) {
		uint16_t type = cur_be16(&extensions);
		struct cur body = text_block(&extensions, cur_be16(&extensions));
		if (!cur_ok(&extensions))
			break;
		if (type == EXT_SUPPORTED_VERSIONS && body.len == 2) /* RFC 8446 4.2.1 */
			hello.version = cur_be16(&body);
		else if (type == EXT_ALPN)
			text_copy(hello.alpn, sizeof hello.alpn, first_protocol(&body));
	}
	if (!cur_ok(&extensions))
		cur_fail(c, extensions.state);
	if (cur_ok(c))
		*ret = hello;
}
