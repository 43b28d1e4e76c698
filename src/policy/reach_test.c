#include "policy/testing.h"

static void reach(const char *text, const char *from, struct region *ret)
{
	struct policy *p = parsed(text);
	struct addr host;
	const struct policy_seen seen[] = {
		{.name = "www.vendor.example"}, {.name = "www.other.example"}};
	struct policy_seen known[2] = {seen[0], seen[1]};
	assert_int_equal(addr_parse(from, &host), 0);
	assert_int_equal(addr_parse("203.0.113.80", &known[0].addr), 0);
	assert_int_equal(addr_parse("203.0.113.81", &known[1].addr), 0);
	assert_int_equal(policy_reach_of(p, &host, known, 2, 0, ret), 0);
	policy_free(p);
}

static bool reached(const struct region *r, const char *to, unsigned proto, unsigned port)
{
	struct addr a;
	struct cidr one = {.bits = 128};
	assert_int_equal(addr_parse(to, &a), 0);
	one.net = a;
	struct wide dst = policy_range_of(&one).first;
	for (size_t i = 0; i < r->count; i++) {
		const struct range *d = &r->box[i].axis[REGION_DST],
				   *q = &r->box[i].axis[REGION_PROTO],
				   *s = &r->box[i].axis[REGION_PORT];
		bool above = dst.high > d->first.high ||
		             (dst.high == d->first.high && dst.low >= d->first.low);
		bool below = dst.high < d->last.high ||
		             (dst.high == d->last.high && dst.low <= d->last.low);
		if (above && below && q->first.low <= proto && proto <= q->last.low &&
			s->first.low <= port && port <= s->last.low)
			return true;
	}
	return false;
}

static void named_and_nothing_else(void **state)
{
	struct region r = {0};
	(void)state;
	reach(SMALL RULE("no", "deny", "office", "198.51.100.4", "web") RULE("vendor", "allow",
		      "office", "vendor", "web") RULE("all", "allow", "office", "any", "ping"),
		"192.0.2.7", &r);
	assert_true(reached(&r, "198.51.100.3", 6, 443));
	assert_false(reached(&r, "198.51.100.4", 6, 443)); /* denied before */
	assert_false(reached(&r, "198.51.100.3", 6, 22));
	assert_false(reached(&r, "198.51.100.3", 17, 443));
	assert_true(reached(&r, "203.0.113.80", 6, 80)); /* its name was seen there */
	assert_false(reached(&r, "203.0.113.81", 6, 80));
	assert_true(reached(&r, "203.0.113.53", 17, 53)); /* never blocked */
	assert_false(reached(&r, "8.8.8.8", 1, 8));       /* any is nobody in particular */
	region_fini(&r);
}

static void a_default_names_nobody(void **state)
{
	struct region r = {0};
	(void)state;
	reach(SMALL RULE("vendor", "allow", "office", "vendor", "web"), "192.0.2.130", &r);
	assert_false(reached(&r, "198.51.100.3", 6, 443));
	assert_true(reached(&r, "203.0.113.53", 17, 53));
	region_fini(&r);
}

static void boxes_of_one_family_do_not_overlap(void **state)
{
	struct region r = {0};
	(void)state;
	reach(SMALL RULE("a", "allow", "office", "vendor", "web")
			RULE("b", "allow", "office", "198.51.100.0/24", "https")
				RULE("c", "allow", "office", "198.51.100.0/25", "web"),
		"192.0.2.7", &r);
	for (size_t i = 0; i < r.count; i++)
		for (size_t k = i + 1; k < r.count; k++)
			assert_false(region_box_overlaps(&r.box[i], &r.box[k]));
	region_fini(&r);
}

static void what_is_denied_by_name(void **state)
{
	struct policy *p = parsed(SMALL RULE("vendor", "deny", "office", "vendor", "web")
			RULE("tls", "deny", "office", "198.51.100.99", "https")
				RULE("some", "allow", "office", "198.51.100.4", "web")
					RULE("all", "deny", "office", "any", "web"));
	const struct policy_seen seen = {
		.name = "www.vendor.example", .addr = {{[10] = 0xff, 0xff, 203, 0, 113, 80}}};
	struct addr host;
	struct region r = {0};
	(void)state;
	assert_int_equal(addr_parse("192.0.2.7", &host), 0);
	assert_int_equal(policy_denials_of(p, &host, &seen, 1, 0, &r), 0);
	assert_true(reached(&r, "198.51.100.4", 6, 443)); /* denied before it is allowed */
	assert_true(reached(&r, "203.0.113.80", 6, 80));
	assert_false(reached(&r, "203.0.113.80", 17, 80));
	assert_false(reached(&r, "203.0.113.81", 6, 80));   /* any is nobody in particular */
	assert_false(reached(&r, "198.51.100.99", 6, 443)); /* other protocols pass there */
	region_fini(&r);
	assert_int_equal(addr_parse("192.0.2.130", &host), 0); /* another zone's */
	assert_int_equal(policy_denials_of(p, &host, &seen, 1, 0, &r), 0);
	assert_int_equal(r.count, 0);
	policy_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(named_and_nothing_else),
		cmocka_unit_test(a_default_names_nobody),
		cmocka_unit_test(boxes_of_one_family_do_not_overlap),
		cmocka_unit_test(what_is_denied_by_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
