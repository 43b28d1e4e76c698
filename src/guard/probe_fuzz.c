/* Saved experiments as a stranger might have changed them: what is taken comes out again, goes on,
 * and keeps its bounds. */
#include "guard/probe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void go_on(struct probes *p, struct addr host)
{
	static struct probe_action actions[PROBE_ACTIONS_MAX];
	struct fail why;
	struct out to = {0};
	struct probe_request begin = {.host = host, .key = "tcp/192.0.2.1/443", .p0 = 0.01};
	for (int64_t i = 1; i < 40; i++) {
		const struct probe *one = probe_find(p, &host);
		const char *key = one == NULL ? begin.key : one->channel[one->channels - 1].key;
		struct probe_sight sight = {
			.host = host, .key = i % 3 ? key : "new", .linked = true};
		int64_t now = i * 120 * NS_PER_S;
		sight.at_ns = i % 5 ? now : now - 60 * NS_PER_S;
		sight.apart = i % 4 == 0;
		probe_saw(p, &sight, now);
		size_t n = probe_tick(p, now, actions, ARRAY_LEN(actions));
		CHECK(n <= ARRAY_LEN(actions));
		for (size_t k = 0; k < n; k++)
			CHECK(actions[k].key == NULL || strlen(actions[k].key) < PROBE_KEY_BYTES);
		if (one != NULL)
			probe_explain(p, one, &to);
		else if (probe_begin(p, &begin, now, &why) < 0)
			CHECK(why.text[0] != '\0');
	}
	out_fini(&to);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct probe_config config = probe_config_usual();
	struct probes *p = NULL, *again = NULL;
	struct fail why;
	CHECK(probes_new(&p, &config, &why) == 0 && probes_new(&again, &config, &why) == 0);
	struct out first = {0}, second = {0};
	if (probes_restore(p, data, size, 1, &why) == 0) {
		probes_save(p, &first);
		CHECK(probes_restore(again, first.text, first.len, 1, &why) == 0);
		probes_save(again, &second);
		CHECK(first.len == second.len && memcmp(first.text, second.text, first.len) == 0);
		if (size >= 38)
			go_on(p, addr_of((struct span){data + 22, 16}));
	}
	out_fini(&first);
	out_fini(&second);
	probes_free(p);
	probes_free(again);
	return 0;
}
