#include <inttypes.h>

#include "base/scan.h"
#include "policy/testing.h"

/* The kinds and ids told, one a line, in order; what is no rule's is left out. */
static void told(const char *text, const char *want)
{
	struct policy *p = parsed(text);
	struct policy_lints lints = {0};
	struct out said = {0};
	int64_t at_ns = 0;
	assert_int_equal(scan_iso(span_of("2026-11-25T00:00:00Z"), &at_ns), 0);
	assert_int_equal(policy_check(p, at_ns, &lints), 0);
	for (size_t i = 0; i < lints.count; i++)
		if (lints.lint[i].place.line > 12)
			out_printf(&said, "%s %s: %s\n", policy_lint_name(lints.lint[i].kind),
				lints.lint[i].id, lints.lint[i].text);
	assert_string_equal(out_string(&said), want);
	out_fini(&said);
	policy_lints_fini(&lints);
	policy_free(p);
}

static void a_union_hides_a_rule(void **state)
{
	(void)state;
	told(SMALL RULE("low", "deny", "192.0.2.0/26", "any", "web")
			RULE("high", "deny", "192.0.2.64/26", "any", "web")
				RULE("hidden", "allow", "192.0.2.0/25", "198.51.100.0/28", "web"),
		"shadowed hidden: no flow reaches it: low, high come first, and not all say the "
		"same; move it up or drop it\n");
	/* one address less, and it is reached */
	told(SMALL RULE("low", "deny", "192.0.2.0/26", "any", "web")
			RULE("high", "deny", "192.0.2.64/27", "any", "web")
				RULE("seen", "allow", "192.0.2.0/25", "any", "web"),
		"");
}

static void same_words_twice(void **state)
{
	(void)state;
	told(SMALL RULE("a", "allow", "office", "203.0.113.0/24", "web")
			RULE("b", "allow", "192.0.2.7", "203.0.113.9", "web"),
		"redundant b: no flow reaches it: a says the same first; drop it\n");
	told(SMALL RULE("narrow", "allow", "192.0.2.7", "203.0.113.9", "web")
			RULE("wide", "allow", "office", "203.0.113.0/24", "web"),
		"redundant narrow: without it wide would say the same; drop it\n");
}

static void two_that_cross(void **state)
{
	(void)state;
	told(SMALL RULE("a", "deny", "office", "203.0.113.0/25", "web")
			RULE("b", "allow", "192.0.2.0/26", "203.0.113.0/24", "web"),
		"contradictory b: it says allow, but rule a (line 13) comes first and says deny "
		"about part of it; narrow one of them\n");
	/* an exception before what it is an exception of is the way to write it */
	told(SMALL RULE("a", "deny", "192.0.2.7", "203.0.113.9", "web")
			RULE("b", "allow", "office", "203.0.113.0/24", "web"),
		"");
}

static void names_are_compared_too(void **state)
{
	(void)state;
	told("version: 1\nzones: {o: 192.0.2.0/24}\nservices: {web: {protocol: tcp, ports: 443}}\n"
	     "destinations:\n  all: {names: \"*.vendor.example\"}\n"
	     "  one: {names: www.vendor.example}\n\n\n\n\n\nrules:\n" RULE(
		     "a", "allow", "o", "all", "web") RULE("b", "allow", "o", "one", "web"),
		"target a: nftables can't match *.vendor.example: there it needs DNS answers that "
		"were seen (policy compile --dns)\n"
		"redundant b: no flow reaches it: a says the same first; drop it\n");
}

static void what_is_too_wide_or_over(void **state)
{
	(void)state;
	told(SMALL RULE("a", "allow", "office", "any", "any"),
		"too wide a: it allows any service to anywhere: any fallback channel fits; name "
		"services or destinations\n");
	told(SMALL RULE("a", "allow", "office", "0.0.0.0/0", "web"),
		"too wide a: it allows all of 0.0.0.0/0: narrow it to the networks that are "
		"needed\n");
	told(SMALL RULE("a", "allow", "office", "203.0.113.0/24", "web, expires: 2026-11-24"),
		"expired a: it no longer holds since 2026-11-25: drop it, or review it and give a "
		"new date\n");
	told(SMALL RULE("a", "allow", "office", "203.0.113.0/24", "web, expires: 2026-11-25"), "");
}

static void definitions(void **state)
{
	(void)state;
	struct policy *p = parsed("version: 1\n"
				  "zones:\n"
				  "  a: 192.0.2.0/24\n"
				  "  b: {default: deny}\n"
				  "  c: 192.0.2.128/25\n"
				  "services: {s: {protocol: tcp}}\n"
				  "destinations: {d: {names: \"*.com\"}}\n"
				  "rules:\n" RULE("x", "allow", "a", "d", "any"));
	struct policy_lints lints = {0};
	struct out said = {0};
	assert_int_equal(policy_check(p, 0, &lints), 0);
	for (size_t i = 0; i < lints.count; i++)
		out_printf(&said, "%u:%u %s %s\n", lints.lint[i].place.line,
			lints.lint[i].place.column, policy_lint_name(lints.lint[i].kind),
			lints.lint[i].id);
	assert_string_equal(out_string(&said), "4:3 unreachable b\n"
					       "5:3 unused c\n"
					       "5:3 overlap c\n"
					       "6:12 unused s\n"
					       "9:10 too wide x\n"
					       "9:10 target x\n");
	out_fini(&said);
	policy_lints_fini(&lints);
	policy_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_union_hides_a_rule),
		cmocka_unit_test(same_words_twice),
		cmocka_unit_test(two_that_cross),
		cmocka_unit_test(names_are_compared_too),
		cmocka_unit_test(what_is_too_wide_or_over),
		cmocka_unit_test(definitions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
