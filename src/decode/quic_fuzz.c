#include "decode/quic.h"
#include "decode/quic_testing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ROOM 1024

static void check(const struct quic_crypto *q)
{
	CHECK(q->contiguous <= q->room && q->dcid_len <= QUIC_CID_BYTES);
	for (size_t i = 0; i < q->contiguous; i++)
		CHECK((q->have[i / 8] >> i % 8 & 1) != 0);
}

static void feed(struct quic_crypto *q, struct span datagram)
{
	struct tls_hello hello = {0};
	bool found = quic_client_initial(q, cur_of(datagram.ptr, datagram.len), &hello);
	CHECK(found || hello.version == 0);
	check(q);
	if (quic_is_initial(cur_of(datagram.ptr, datagram.len)))
		CHECK(quic_looks_like(cur_of(datagram.ptr, datagram.len)));
}

/* Pieces behind 16-bit lengths, each a datagram as it is; or, top bit set, the frames of an
 * Initial, which is sealed first: a fuzzer does not find keys. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t id[] = "8 bytes";
	uint8_t bytes[ROOM], have[ROOM / 8] = {0}, packet[SEAL_BYTES_MAX];
	struct quic_crypto q = {.bytes = bytes, .have = have, .room = ROOM};
	struct cur c = cur_of(data, size);
	for (uint8_t number = 0; c.len > 0 && number < 16; number++) {
		size_t head = cur_be16(&c), want = head & 0x7fff;
		struct span part = cur_bytes(&c, want < c.len ? want : c.len);
		if ((head & 0x8000) != 0 && part.len >= 4 && part.len <= 3900) {
			struct sealing s = {1, {id, sizeof id}, {id, sizeof id}, number};
			part = (struct span){packet, seal_initial(&s, part, packet)};
		}
		feed(&q, part);
	}
	return 0;
}
