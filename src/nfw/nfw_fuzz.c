/* A text of any bytes: refused with words, or read so that every policy has an answer for every
 * flow, and the same one twice. */
#include "nfw/nfw.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct nfw *n, const struct nfw_flow *flow)
{
	const struct nfw_policy *p = NULL;
	for (unsigned count = 0; count < 8 && (p = nfw_next_policy(n, p)) != NULL; count++) {
		struct nfw_answer first, again;
		if (nfw_ask(n, p, flow, &first) < 0)
			return;
		CHECK(nfw_ask(n, p, flow, &again) == 0);
		CHECK(first.verdict == again.verdict && first.stages == again.stages);
		CHECK(first.stages > 0 && first.decides->reason[0] != '\0');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const apps[] = {"tls", "http", "dns", "", NULL};
	struct nfw *n = NULL;
	struct fail why = {0};
	if (size > 16384) /* longer ones are no different, and slower */
		return 0;
	CHECK(nfw_new(&n, (size_t)4 << 20) == 0);
	if (nfw_read(n, "x", (struct span){data, size}, &why) < 0) {
		CHECK(why.text[0] != '\0');
		nfw_free(n);
		return 0;
	}
	for (unsigned i = 0; i < ARRAY_LEN(apps); i++) {
		struct nfw_flow flow = {.flow = {.dst = addr_v4(0xcb007109),
						.proto = i == 2 ? 17 : 6,
						.port = 443,
						.as = apps[i],
						.name = i == 1 ? NULL : "www.example.com"},
			.fragment = i == 3};
		ask(n, &flow);
		flow.flow.src = addr_v4(0x0a000005);
		flow.flow.proto = i == 2 ? 1 : 17;
		ask(n, &flow);
	}
	nfw_free(n);
	return 0;
}
