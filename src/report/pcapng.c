#include "report/pcapng.h"

#include <string.h>

#define BLOCK_SECTION   0x0a0d0d0au
#define BLOCK_INTERFACE 1u
#define BLOCK_PACKET    6u
#define BYTE_ORDER_MARK 0x1a2b3c4du

#define OPTION_END      0u
#define OPTION_COMMENT  1u
#define SECTION_PROGRAM 4u
#define IFACE_NAME      2u
#define IFACE_TSRESOL   9u
#define NANOSECONDS     9 /* 10^-9 */

#define COMMENT_BYTES_MAX 2000

static void put16(struct out *o, uint32_t value)
{
	char bytes[] = {(char)(value & 0xff), (char)(value >> 8 & 0xff)};
	out_bytes(o, bytes, sizeof bytes);
}

static void put32(struct out *o, uint32_t value)
{
	put16(o, value & 0xffff);
	put16(o, value >> 16);
}

static void pad(struct out *o, size_t len)
{
	out_bytes(o, "\0\0\0", (4 - len % 4) % 4);
}

static void put_option(struct out *o, uint32_t code, const char *bytes, size_t len)
{
	put16(o, code);
	put16(o, (uint32_t)len);
	out_bytes(o, bytes, len);
	pad(o, len);
}

static void put_text(struct out *o, uint32_t code, const char *text)
{
	struct out safe = {0};
	out_safe(&safe, text, COMMENT_BYTES_MAX); /* at most four times as long: 16 bits hold it */
	put_option(o, code, out_string(&safe), safe.len);
	o->failed |= safe.failed;
	out_fini(&safe);
}

static void put_block(struct out *o, uint32_t type, struct out *body)
{
	uint32_t total = (uint32_t)body->len + 12;
	put32(o, type);
	put32(o, total);
	out_bytes(o, out_string(body), body->len);
	put32(o, total);
	o->failed |= body->failed;
	out_fini(body);
}

void pcapng_section(struct out *o, const char *comment)
{
	struct out body = {0};
	put32(&body, BYTE_ORDER_MARK);
	put16(&body, 1); /* version 1.0 */
	put16(&body, 0);
	put32(&body, UINT32_MAX); /* length of the section: not told */
	put32(&body, UINT32_MAX);
	put_text(&body, SECTION_PROGRAM, "Postern " POSTERN_VERSION);
	if (comment != NULL)
		put_text(&body, OPTION_COMMENT, comment);
	put_option(&body, OPTION_END, "", 0);
	put_block(o, BLOCK_SECTION, &body);
}

void pcapng_interface(struct out *o, uint16_t linktype, const char *name)
{
	static const char resolution = NANOSECONDS;
	struct out body = {0};
	put16(&body, linktype);
	put16(&body, 0);
	put32(&body, 0); /* no limit on a packet's length is known */
	put_text(&body, IFACE_NAME, name);
	put_option(&body, IFACE_TSRESOL, &resolution, sizeof resolution);
	put_option(&body, OPTION_END, "", 0);
	put_block(o, BLOCK_INTERFACE, &body);
}

void pcapng_packet(struct out *o, const struct pcapng_packet *packet)
{
	uint64_t time_ns = packet->time_ns < 0 ? 0 : (uint64_t)packet->time_ns;
	struct out body = {0};
	put32(&body, packet->iface);
	put32(&body, (uint32_t)(time_ns >> 32));
	put32(&body, (uint32_t)time_ns);
	put32(&body, packet->cap_bytes);
	put32(&body, packet->wire_bytes);
	out_bytes(&body, (const char *)packet->bytes, packet->cap_bytes);
	pad(&body, packet->cap_bytes);
	for (size_t i = 0; i < packet->comments; i++)
		put_text(&body, OPTION_COMMENT, packet->comment[i]);
	if (packet->comments > 0)
		put_option(&body, OPTION_END, "", 0);
	put_block(o, BLOCK_PACKET, &body);
}
