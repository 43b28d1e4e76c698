#include "report/page.h"

#include <locale.h>

#include "base/testing.h"

static void check_wrap(
	unsigned width, unsigned first, unsigned indent, const char *text, const char *want)
{
	struct out o = {0};
	struct page p = {.out = &o, .width = width};
	if (first > 0)
		page_to(&p, first);
	page_wrap(&p, TONE_PLAIN, indent, text);
	page_end(&p);
	assert_string_equal(out_string(&o), want);
	out_fini(&o);
}

static void test_cells(void **s)
{
	(void)s;
	assert_int_equal(cells_of(""), 0);
	assert_int_equal(cells_of("abc"), 3);
	assert_int_equal(cells_of("●×╰─"), 4);
	assert_int_equal(cells_of("漢字"), 4);
	assert_int_equal(cells_of("\xf0\x9f\x98\x80"), 2); /* emoji */
	assert_int_equal(cells_of("\xff\xe6"), 2);         /* not UTF-8: byte by byte */
}

static void test_cut(void **s)
{
	(void)s;
	static const struct {
		const char *text;
		unsigned cells;
		const char *want;
	} rows[] = {{"abcdef", 6, "abcdef"}, {"abcdef", 5, "abcd…"}, {"漢字漢", 6, "漢字漢"},
		{"漢字漢", 5, "漢字…"}, {"漢字漢", 4, "漢…"}};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct out o = {0};
		cells_cut(&o, rows[i].text, rows[i].cells);
		assert_string_equal(out_string(&o), rows[i].want);
		out_fini(&o);
	}
}

static void test_wrap(void **s)
{
	(void)s;
	check_wrap(10, 0, 2, "one two three", "one two\n  three\n");
	check_wrap(7, 0, 0, "one two", "one two\n"); /* fills the line to its end */
	check_wrap(6, 0, 0, "one two", "one\ntwo\n");
	check_wrap(10, 8, 2, "three", "\n  three\n"); /* no room behind what stands there */
	check_wrap(8, 0, 2, "abcdefghijklmno", "abcdefgh\n  ijklmn\n  o\n");
	check_wrap(20, 0, 0, " two  blanks ", "two  blanks\n");
	check_wrap(5, 0, 1, "漢字漢字", "漢字\n 漢字\n"); /* a wide one is not cut in half */
	check_wrap(10, 0, 0, "", "\n");
}

static void test_right_edge(void **s)
{
	(void)s;
	struct out o = {0};
	struct page p = {.out = &o, .width = 12};
	page_put(&p, TONE_PLAIN, "left");
	page_right(&p, TONE_PLAIN, "right");
	page_put(&p, TONE_PLAIN, "left too");
	page_right(&p, TONE_PLAIN, "right");
	assert_string_equal(out_string(&o), "left   right\nleft too\n       right\n");
	out_fini(&o);
}

static void test_colour_takes_no_room(void **s)
{
	(void)s;
	struct out o = {0};
	struct page p = {.out = &o, .width = 20, .colour = true};
	page_put(&p, TONE_FAILED, "×");
	assert_int_equal(p.col, 1);
	page_to(&p, 4);
	page_put(&p, TONE_PLAIN, "a");
	page_to(&p, 3); /* passed: two spaces on */
	page_put(&p, TONE_OPEN, "b");
	page_to(&p, 18); /* nothing follows: no spaces are left behind */
	page_end(&p);
	assert_string_equal(out_string(&o), "\x1b[31m×\x1b[0m   a  \x1b[32mb\x1b[0m\n");
	out_fini(&o);
}

static void test_ascii(void **s)
{
	(void)s;
	struct out o = {0};
	page_ascii(&o, "●×○◐ ╰─╭│ E ≤ 1 µs a…é漢 · →\n");
	assert_string_equal(out_string(&o), "ox?% `-,| E <= 1 us a~??? - ->\n");
	out_fini(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cells),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_right_edge),
		cmocka_unit_test(test_colour_takes_no_room),
		cmocka_unit_test(test_ascii),
	};
	if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
		return 77; /* widths can't be known */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
