#include "decode/ndpi.h"

#include <stdlib.h>

#include "decode/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct packet packet_of(struct cur *c)
{
	struct packet p = {0};
	uint8_t kind = cur_u8(c); /* transport, direction, family */
	bool back = (kind & 2) != 0;
	uint16_t port = cur_be16(c);
	p.proto = (kind & 1) != 0 ? IP_TCP : IP_UDP;
	p.src = addr_v4(back ? 0xc6336407 : 0xc0000201);
	p.dst = addr_v4(back ? 0xc0000201 : 0xc6336407);
	p.src.byte[0] = p.dst.byte[0] = (uint8_t)((kind & 4) != 0 ? 0x20 : 0);
	p.src_port = back ? port : 40000;
	p.dst_port = back ? 40000 : port;
	p.tcp_flags = cur_u8(c);
	size_t len = cur_be16(c);
	struct span payload = cur_bytes(c, len < c->len ? len : c->len);
	p.payload = cur_of(payload.ptr, payload.len);
	return p;
}

/* Packets of one conversation: kind, the server's port, TCP's flags, 16 bits of length, payload.
 * nDPI takes 10 ms to set up, so one serves all inputs. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct namer *n;
	if (n == NULL)
		CHECK(namer_new(&n, 2) == 0);
	struct cur c = cur_of(data, size);
	uint32_t place = namer_begin(n);
	CHECK(place != 0);
	while (place != 0 && c.len > 0) {
		struct packet p = packet_of(&c);
		const char *name = namer_guess(n, &place, &p);
		CHECK(name == NULL || (name[0] != '\0' && place == 0));
	}
	namer_end(n, &place);
	CHECK(place == 0 && namer_refused(n) == 0);
	return 0;
}
