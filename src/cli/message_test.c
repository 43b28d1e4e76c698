#include "cli/message.h"

#include <string.h>

#include "base/check.h"
#include "base/testing.h"

static void test_nearest(void **s)
{
	(void)s;
	static const char *const words[] = {"local", "report", "max-e", "all", "q"};
	static const struct {
		const char *typed, *want;
	} rows[] = {{"lcal", "local"}, {"loacl", "local"}, {"locall", "local"}, {"rep", "report"},
		{"reprot", "report"}, {"maxe", "max-e"}, {"al", "all"}, {"", NULL},
		{"frobnicate", NULL}, {"x", NULL}, {"zzzzz", NULL}};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *got = nearest(rows[i].typed, words, ARRAY_LEN(words));
		if (rows[i].want == NULL)
			assert_null(got);
		else
			assert_string_equal(got, rows[i].want);
	}
	char longest[400];
	memset(longest, 'a', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	assert_null(nearest(longest, words, ARRAY_LEN(words)));
}

static void test_shown_words_are_inert_and_short(void **s)
{
	(void)s;
	assert_string_equal(quoted("a b").text, "'a b'");
	assert_string_equal(shown("a\x1b[2J").text, "a\\x1b[2J");
	char word[500];
	memset(word, '\x1b', sizeof word - 1);
	word[sizeof word - 1] = '\0';
	struct spoken q = quoted(word);
	assert_true(strlen(q.text) < sizeof q.text);
	assert_null(strchr(q.text, '\x1b'));
	assert_string_equal(q.text + strlen(q.text) - 4, "…'");
	memset(word, 'w', sizeof word - 1);
	assert_int_equal(strlen(quoted(word).text), 64 + 2 + strlen("…"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_shown_words_are_inert_and_short),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
