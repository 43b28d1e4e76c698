/* A flow of any bytes: refused, or read as one family with a protocol that is known. */
#include "policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct policy_flow flow = {0};
	struct fail why = {0};
	if (policy_flow_parse((struct span){data, size}, &flow, &why) < 0) {
		CHECK(why.text[0] != '\0');
		return 0;
	}
	CHECK(addr_is_v4(&flow.src) == addr_is_v4(&flow.dst));
	CHECK(flow.proto == 1 || flow.proto == 6 || flow.proto == 17 || flow.proto == 58);
	return 0;
}
