#include <errno.h>
#include <string.h>

#include "base/testing.h"
#include "judge/judge.h"

static struct safelist *parsed(const char *text)
{
	struct safelist *s = NULL;
	struct fail why = {0};
	assert_int_equal(safelist_parse(&s, "list", cur_of(text, strlen(text)), &why), 0);
	return s;
}

static void fails(const char *text, size_t len, int code, const char *words)
{
	struct safelist *s = NULL;
	struct fail why = {0};
	assert_int_equal(safelist_parse(&s, "list", cur_of(text, len), &why), code);
	assert_null(s);
	assert_string_equal(why.text, words);
}

/* A host that went from a to b. */
static struct finding *went(const char *a, const char *b)
{
	static struct finding f;
	f = (struct finding){.channels = 2, .switches = 1, .sw = {{.from = 0, .to = 1}}};
	assert_int_equal(addr_parse("10.0.0.5", &f.host), 0);
	f.channel[0].endpoint = a;
	f.channel[1].endpoint = b;
	return &f;
}

/* The line of the entry that vouches; 0 none. */
static uint32_t line(const char *list, const struct finding *f)
{
	struct safelist *s = parsed(list);
	const struct safelist_entry *e = safelist_find(s, f);
	uint32_t number = e == NULL ? 0 : e->line;
	safelist_free(s);
	return number;
}

static void a_suffix_covers_the_apex_and_all_below(void **state)
{
	(void)state;
	static const char *const forms[] = {"vendor.example", "*.vendor.example", ".vendor.example",
		"VENDOR.example.", "  vendor.example\t# why\r"};
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		assert_int_equal(line(forms[i], went("a.example", "vendor.example")), 1);
		assert_int_equal(line(forms[i], went("a.example", "api.vendor.example")), 1);
		assert_int_equal(line(forms[i], went("a.example", "notvendor.example")), 0);
		assert_int_equal(line(forms[i], went("vendor.example", "b.example")), 0);
	}
	assert_int_equal(
		line("api.vendor.example\nvendor.example", went("a", "api.vendor.example")), 1);
}

static void addresses_and_networks(void **state)
{
	(void)state;
	const char *list =
		"\xef\xbb\xbf# mine\n\n192.0.2.7\n198.51.100.0/24 # the vendor's\n2001:db8::/32\n";
	assert_int_equal(line(list, went("a.example", "192.0.2.7")), 3);
	assert_int_equal(line(list, went("a.example", "192.0.2.8")), 0);
	assert_int_equal(line(list, went("a.example", "198.51.100.200")), 4);
	assert_int_equal(line(list, went("a.example", "2001:db8::1")), 5);
	assert_int_equal(line("10.0.0.0/8", went("a.example", "b.example")), 1); /* the host */
	struct safelist *s = parsed(list);
	assert_int_equal(safelist_count(s), 3);
	assert_string_equal(safelist_get(s, 1)->text, "198.51.100.0/24");
	safelist_free(s);
}

static void all_that_was_reached_has_to_be_covered(void **state)
{
	(void)state;
	struct finding *f = went("a.example", "b.example");
	f->channels = 3;
	f->channel[2].endpoint = "c.example";
	f->switches = 2;
	f->sw[1] = (struct finding_switch){.from = 1, .to = 2};
	assert_int_equal(line("b.example", f), 0);
	assert_int_equal(line("c.example\nb.example", f), 2);
	f->switches = 0; /* names that were generated: all of them */
	assert_int_equal(line("c.example\nb.example", f), 0);
	assert_int_equal(line("example", f), 1);
}

/* "cloud.example" is everybody's, but the names below it that were used are the vendor's. */
static void the_names_that_were_used_count(void **state)
{
	(void)state;
	struct finding *f = went("a.example", "cloud.example");
	f->channel[1].names[0] = "one.cloud.example";
	f->channel[1].names[1] = "two.cloud.example";
	f->channel[1].name_count = 2;
	assert_int_equal(line("one.cloud.example", f), 0);
	assert_int_equal(line("one.cloud.example\ntwo.cloud.example", f), 2);
	f->channel[1].name_count = FINDING_NAMES_MAX; /* there may be more */
	for (size_t i = 2; i < FINDING_NAMES_MAX; i++)
		f->channel[1].names[i] = "two.cloud.example";
	assert_int_equal(line("one.cloud.example\ntwo.cloud.example", f), 0);
	assert_int_equal(addr_parse("192.0.2.7", &f->channel[1].addrs[0]), 0);
	f->channel[1].addr_count = 1;
	assert_int_equal(line("192.0.2.0/24", f), 1);
}

static void wrong_lines_are_named(void **state)
{
	(void)state;
#define NEITHER " is neither a domain (in ASCII: xn--...) nor an address or network, one a line"
	static const struct {
		const char *text, *words;
	} cases[] = {
		{"a.example\nb example", "list:2: 'b example'" NEITHER},
		{"# fine\n\n192.0.2.256", "list:3: '192.0.2.256'" NEITHER},
		{"192.0.2.0/33", "list:1: '192.0.2.0/33'" NEITHER},
		{"*", "list:1: '*'" NEITHER},
		{".", "list:1: '.'" NEITHER},
		{"a..example", "list:1: 'a..example'" NEITHER},
		{"http://a.example/", "list:1: 'http://a.example/'" NEITHER},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		fails(cases[i].text, strlen(cases[i].text), -EINVAL, cases[i].words);
	fails("a\0b.example", 11, -EINVAL, "list:1: 'a'" NEITHER);
}

static void an_empty_list_vouches_for_nobody(void **state)
{
	(void)state;
	assert_int_equal(line("", went("a.example", "b.example")), 0);
	assert_int_equal(line("# nothing\n\n", went("a.example", "b.example")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_suffix_covers_the_apex_and_all_below),
		cmocka_unit_test(addresses_and_networks),
		cmocka_unit_test(all_that_was_reached_has_to_be_covered),
		cmocka_unit_test(the_names_that_were_used_count),
		cmocka_unit_test(wrong_lines_are_named),
		cmocka_unit_test(an_empty_list_vouches_for_nobody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
