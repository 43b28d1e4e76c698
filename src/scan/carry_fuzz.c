/* Any segments of a few conversations: what is taken out of them is bounded, and all memory comes
 * back. A record is: which conversation and direction, flags, sequence number's step, length,
 * bytes. */
#include <string.h>

#include "scan/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BYTES_MAX ((size_t)65536)

static void take(void *context, const struct carried *file)
{
	uint64_t *files = context;
	++*files;
	CHECK(file->bytes.len > 0 || file->gap != NULL);
	CHECK(file->bytes.len <= BYTES_MAX);
	uint8_t sum = 0;
	for (size_t i = 0; i < file->bytes.len; i++)
		sum ^= file->bytes.ptr[i];
	CHECK(strlen(file->host) + strlen(file->uri) + sum < 1024);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cur c = cur_of(data, size);
	struct carry *carry = NULL;
	uint64_t files = 0;
	uint32_t seq[8] = {0};
	CHECK(carry_new(&carry,
		      &(struct carry_options){
			      .bytes_max = BYTES_MAX, .take = take, .context = &files}) == 0);
	while (c.len > 0) {
		uint8_t who = cur_u8(&c) & 7, flags = cur_u8(&c);
		uint32_t step = cur_u8(&c); /* 128: it goes on where it was */
		size_t len = cur_u8(&c);
		len = len < c.len ? len : c.len;
		struct span bytes = cur_bytes(&c, len);
		bool up = (who & 1) == 0;
		struct addr client = addr_v4(0x0a000005), server = addr_v4(0xc6336407);
		seq[who] += step - 128;
		struct packet p = {.time_ns = 1,
			.src = up ? client : server,
			.dst = up ? server : client,
			.proto = IP_TCP,
			.src_port = (uint16_t)(up ? 40000u + who / 2u : 80u),
			.dst_port = (uint16_t)(up ? 80u : 40000u + who / 2u),
			.tcp_flags = flags & 0x17,
			.tcp_seq = seq[who],
			.tcp_ack = seq[who ^ 1],
			.payload_wire = (uint32_t)len + (uint32_t)(flags >> 7),
			.payload = cur_of(bytes.ptr, bytes.len)};
		carry_add(carry, &p);
		seq[who] = seq[who] + (uint32_t)len;
	}
	carry_finish(carry);
	CHECK(carry_stats(carry).files == files);
	carry_free(carry);
	return 0;
}
