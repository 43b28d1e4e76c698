/* Segments of any bytes in one conversation: what rules find never makes them answer otherwise the
 * second time. A segment is a byte (its low 7 bits: length; the high one: from the server), a byte
 * that moves its place, and its bytes. */
#include <string.h>

#include "suricata/replay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char text[] =
	"alert tls any any -> any any (tls.sni; content:\"a\"; ja4.hash; content:\"_\"; sid:1;)\n"
	"drop http any any -> any any (http.host; content:\"b\"; http.uri; content:\"/\"; sid:2;)\n"
	"alert ssh any any -> any any (ssh.proto; content:\"2\"; flowbits:set,x; sid:3;)\n"
	"pass tcp any any -> any any (flowbits:isset,x; app-layer-protocol:!tls; alert; sid:4;)\n"
	"alert dns any any -> any any (dns.query; dotprefix; content:\".c\"; sid:5;)\n"
	"alert tcp any any -> any any (content:\"x\"; distance:1; within:9; sid:6;)\n";

static size_t play(const struct suricata_rules *rules, struct cur c, bool udp)
{
	struct replay *r = NULL;
	struct replay_options options = {
		.rules = rules, .ips = true, .flows = 2, .rank = {3, 0, 1, 2}};
	uint32_t seq[2] = {1000, 9000};
	size_t events = 0;
	CHECK(replay_new(&r, &options) == 0);
	for (unsigned i = 0; i < 64 && c.len > 2; i++) {
		uint8_t head = cur_u8(&c), move = cur_u8(&c);
		unsigned side = head >> 7;
		size_t len = (head & 127u) < c.len ? head & 127u : c.len;
		struct packet p = {.src = addr_v4(0x0a000005 + side),
			.dst = addr_v4(0x0a000006 - side),
			.proto = udp ? IP_UDP : IP_TCP,
			.src_port = side != 0 ? 53 : 4000,
			.dst_port = side != 0 ? 4000 : 53,
			.tcp_flags = i == 0   ? TCP_SYN
		                     : i == 1 ? TCP_SYN | TCP_ACK
		                              : TCP_ACK,
			.tcp_seq = seq[side] + (move > 250 ? move : 0) - (move < 5 ? move : 0),
			.payload = cur_sub(&c, len),
			.payload_wire = (uint32_t)len};
		const struct replay_event *event = NULL;
		seq[side] += (uint32_t)len + (i < 2);
		events += replay_packet(r, &p, &event);
	}
	replay_free(r);
	return events;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct suricata_rules *rules = NULL;
	struct fail why = {0};
	CHECK(suricata_read(&rules, cur_of(text, sizeof text - 1), &why) == 0);
	CHECK(rules->faults == 0);
	for (unsigned udp = 0; udp < 2; udp++) {
		struct cur c = cur_of(data, size);
		CHECK(play(rules, c, udp != 0) == play(rules, c, udp != 0));
	}
	suricata_free(rules);
	return 0;
}
