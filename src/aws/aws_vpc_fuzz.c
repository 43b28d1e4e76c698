/* Any text is refused, or read so that it can be asked: verdicts are the least of their stages. */
#include <errno.h>

#include "aws/vpc.h"
#include "base/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct vpc *v, struct vpc_flow flow)
{
	struct vpc_answer answer;
	vpc_ask(v, &flow, &answer);
	CHECK(answer.stages > 0 && answer.decides->verdict == answer.verdict);
	for (size_t i = 0; i < answer.stages; i++)
		CHECK(answer.stage[i].verdict >= answer.verdict &&
			answer.stage[i].reason[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const flows[] = {"tcp:10.0.0.5>8.8.8.8:443", "udp:10.0.0.5>10.0.0.2:53",
		"icmp:10.0.0.5>10.0.1.6", "tcp:[2001:db8::5]>[2001:db8:1::6]:443",
		"50:10.0.0.5>198.51.100.1", "tcp:eni-1>10.1.0.7:22", "tcp:8.8.8.8>10.0.0.5:80"};
	struct vpc *v = NULL;
	struct fail why = {0};
	char room[VPC_NAME_BYTES];
	struct vpc_flow flow;
	CHECK(vpc_new(&v, (size_t)1 << 18) == 0);
	if (vpc_read(v, "text", (struct span){data, size}, &why) == 0) {
		const void *at = NULL;
		struct vpc_host host;
		for (size_t i = 0; i < ARRAY_LEN(flows); i++) {
			CHECK(vpc_flow_parse(span_of(flows[i]), room, &flow, &why) == 0);
			ask(v, flow);
		}
		while (vpc_each_host(v, false, &at, &host)) {
			struct vpc_answer answer;
			flow = (struct vpc_flow){.src = host.addr,
				.dst = addr_v4(0x08080808),
				.interface = host.interface,
				.proto = 6};
			ask(v, flow);
			vpc_ask_ports(v, &flow, 1024, UINT16_MAX, &answer);
			CHECK(answer.decides->verdict == answer.verdict);
		}
	}
	vpc_free(v);
	if (vpc_flow_parse((struct span){data, size}, room, &flow, &why) < 0)
		CHECK(why.code == -EINVAL);
	return 0;
}
