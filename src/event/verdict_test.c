#include "base/scan.h"
#include "base/testing.h"
#include "event/event.h"

static void test_words(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum verdict_words verdict;
	} rows[] = {{"", VERDICT_NONE}, {"DROP", VERDICT_DENIED}, {"[UFW BLOCK] ", VERDICT_DENIED},
		{"Shorewall:net2fw:DROP:", VERDICT_DENIED}, {"iptables-dropped: ", VERDICT_DENIED},
		{"FINAL_REJECT: ", VERDICT_DENIED}, {"[UFW ALLOW]", VERDICT_ALLOWED},
		{"TCP_DENIED/403", VERDICT_DENIED}, {"pass", VERDICT_ALLOWED},
		{"dropbear", VERDICT_NONE}, {"allow-then-drop", VERDICT_NONE},
		{"passdrop", VERDICT_NONE}, {"audit", VERDICT_NONE}, {"drop\0x", VERDICT_DENIED}};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(verdict_of(span_of(rows[i].text)), rows[i].verdict);
	assert_int_equal(verdict_of((struct span){0}), VERDICT_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_words)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
