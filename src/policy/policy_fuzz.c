/* A policy of any bytes: refused with its place named, or understood so that asking it and its
 * regions agree about flows that are known in full. */
#include <errno.h>
#include <string.h>

#include "policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct policy *p, const struct policy_space *s, const struct addr *src,
	const struct addr *dst)
{
	struct policy_flow flow = {.src = *src,
		.dst = *dst,
		.proto = 6,
		.src_port = 40000,
		.port = 443,
		.name = "www.vendor.example",
		.as = "tls"};
	struct region_point point;
	policy_point_of_flow(s, &flow, &point);
	struct policy_answer answer = policy_ask(p, &flow);
	CHECK(answer.verdict != POLICY_UNDECIDED || answer.rule == NULL);
	for (size_t i = 0; i < p->rules; i++) {
		struct region r = {0};
		int err = policy_region_of_rule(s, &p->rule[i], &r);
		bool has = region_has(&r, &point);
		region_fini(&r);
		if (err < 0 || !policy_rule_holds(&p->rule[i], 0))
			continue;
		CHECK(has == (answer.rule == &p->rule[i]));
		if (has)
			return;
	}
}

/* None of these may fail but for memory and size. */
static void check_and_compile(const struct policy *p)
{
	struct policy_lints lints = {0};
	struct out text = {0}, losses = {0};
	struct policy_seen seen = {.name = "www.vendor.example", .addr = addr_v4(0xc0000201)};
	if (policy_check(p, 0, &lints) == 0)
		for (size_t i = 0; i < lints.count; i++)
			CHECK(lints.lint[i].place.line > 0 && lints.lint[i].text[0] != '\0');
	policy_lints_fini(&lints);
	int err = policy_compile_nft(p, &seen, 1, 0, &text, &losses);
	CHECK(err == 0 || err == -E2BIG || err == -ENOMEM);
	out_clear(&text);
	out_clear(&losses);
	err = policy_compile_rpz(p, 0, &text, &losses);
	CHECK(err == 0 || err == -ENOMEM);
	out_fini(&text);
	out_fini(&losses);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct policy *p = NULL;
	struct policy_space *s = NULL;
	struct fail why = {0};
	if (size > 4096) /* regions of very long lists take long, and are no different */
		return 0;
	if (policy_parse(&p, "policy", cur_of(data, size), &why) < 0) {
		CHECK(strncmp(why.text, "policy:", 7) == 0);
		return 0;
	}
	struct addr there = addr_v4(0xc0000201);
	if (p->rules <= 16 && policy_space_new(&s, p) == 0) {
		for (size_t i = 0; i < p->zones; i++)
			if (p->zone[i].nets.count > 0)
				ask(p, s, &p->zone[i].nets.net[0].net, &there);
		ask(p, s, &there, &there);
		check_and_compile(p);
	}
	policy_space_free(s);
	policy_free(p);
	return 0;
}
