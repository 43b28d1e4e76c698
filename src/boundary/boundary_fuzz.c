/* A ruleset of any bytes: refused with words, or read so that every path has an answer, and the
 * same one twice. */
#include "boundary/boundary.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct boundary *b, const struct addr *dst, uint8_t proto)
{
	for (unsigned path = 0; path < 3; path++) {
		struct boundary_flow flow = {.flow = {.dst = *dst, .proto = proto, .port = 443},
			.path = (enum boundary_path)path,
			.oif = path == 2 ? NULL : "eth0"};
		struct boundary_answer first, again;
		struct out words = {0};
		boundary_ask(b, &flow, &first);
		boundary_ask(b, &flow, &again);
		CHECK(first.kind == again.kind && first.rules == again.rules);
		CHECK(first.kind != BOUNDARY_DENIED || first.rules > 0 || first.policy != NULL);
		boundary_say_reason(&words, b, &first);
		CHECK(words.len > 0);
		out_fini(&words);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct boundary *b = NULL;
	struct fail why = {0};
	struct addr v4 = addr_v4(0xc0000201), v6 = {{0x20, 1, 0xd, 0xb8, [15] = 1}};
	if (size > 16384) /* longer ones are no different, and slower */
		return 0;
	bool json = size > 0 && data[0] == '{';
	if ((json ? boundary_read_nft_json : boundary_read_iptables)(&b, cur_of(data, size), &why) <
		0) {
		CHECK(why.text[0] != '\0');
		return 0;
	}
	ask(b, &v4, 6);
	ask(b, &v4, 17);
	ask(b, &v6, 1);
	boundary_free(b);
	return 0;
}
