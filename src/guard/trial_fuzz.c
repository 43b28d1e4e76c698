/* Saved trials as a stranger might have changed them: what is taken comes out again and goes on. */
#include <string.h>

#include "base/limits.h"
#include "guard/trial.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool make(void *context, const struct guard_change *change)
{
	(void)context;
	return change->experiment % 2 != 0;
}

static void sham(void *context, const struct guard_change *change)
{
	(void)context;
	(void)change;
}

static void release(void *context, const struct trial *t)
{
	(void)context;
	CHECK(t->ways <= PROBE_CHANNELS_MAX);
}

static void news(void *context, enum trial_news n, const struct trial *t, const struct probe *one)
{
	(void)context;
	(void)n;
	CHECK(addr_eq(&t->host, &one->host) && strlen(t->finding) == 32);
}

static void go_on(struct trials *t, const struct guard_rules *rules, struct hosts *hosts)
{
	const struct probe *one = trials_get(t, 0);
	for (int64_t i = 1; i < 20 && one != NULL; i++) {
		const struct trial_contact c = {.host = one->host,
			.peer = addr_v4(0xc6336400u + (uint32_t)i % 3),
			.start_ns = i * 60 * NS_PER_S,
			.proto = 6,
			.port = 443,
			.domain = i % 2 ? "a.example" : NULL,
			.lookup = i % 6 == 1,
			.answered = true,
			.first = true};
		trials_saw(t, &c, rules, hosts, i * 60 * NS_PER_S);
		(void)trials_turn(t, i * 60 * NS_PER_S);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trials_options o = {.probe = probe_config_usual(),
		.rest_ns = NS_PER_S,
		.expiry_ns = NS_PER_S,
		.hooks = {.make = make, .sham = sham, .release = release, .news = news}};
	struct trials *t = NULL, *again = NULL;
	struct crowd *crowd = NULL;
	struct strings *strings = NULL;
	struct hosts *hosts = NULL;
	struct fail why;
	CHECK(strings_new(&strings, 4096, 64) == 0);
	const struct hosts_options known = {.strings = strings};
	CHECK(hosts_new(&hosts, &known) == 0);
	CHECK(trials_new(&t, &o, &why) == 0 && trials_new(&again, &o, &why) == 0);
	struct out first = {0}, second = {0};
	if (trials_restore(t, data, size, 1, &why) == 0 && crowd_new(&crowd) == 0) {
		const struct guard_rules rules = {.crowd = crowd};
		trials_save(t, &first);
		CHECK(trials_restore(again, first.text, first.len, 1, &why) == 0);
		trials_save(again, &second);
		CHECK(first.len == second.len && memcmp(first.text, second.text, first.len) == 0);
		go_on(t, &rules, hosts);
	}
	out_fini(&first);
	out_fini(&second);
	crowd_free(crowd);
	hosts_free(hosts);
	strings_free(strings);
	trials_free(t);
	trials_free(again);
	return 0;
}
