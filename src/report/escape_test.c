#include "report/escape.h"

#include "base/testing.h"

typedef void (*escape_fn)(struct out *o, const char *text, size_t max_bytes);

static void check(escape_fn escape, const char *text, const char *want)
{
	struct out o = {0};
	escape(&o, text, 64);
	assert_string_equal(out_string(&o), want);
	out_fini(&o);
}

static void test_csv(void **s)
{
	(void)s;
	check(escape_csv, "", "\"\"");
	check(escape_csv, "a,\"b\"", "\"a,\"\"b\"\"\"");
	check(escape_csv, "=1+2", "\"'=1+2\"");
	check(escape_csv, "-1", "\"'-1\"");
	check(escape_csv, "+1", "\"'+1\"");
	check(escape_csv, "@SUM(1)", "\"'@SUM(1)\"");
	check(escape_csv, "\t=1", "\"\\x09=1\"");
	check(escape_csv, "\r\n=1", "\"\\x0d\\x0a=1\"");
}

static void test_cef(void **s)
{
	(void)s;
	check(escape_cef_head, "a|b\\c=d\n", "a\\|b\\\\c=d\\\\x0a");
	check(escape_cef_value, "a|b\\c=d", "a|b\\\\c\\=d");
}

static void test_syslog(void **s)
{
	(void)s;
	check(escape_syslog, "a\"b]c\\d[", "a\\\"b\\]c\\\\d[");
}

static void test_markdown(void **s)
{
	(void)s;
	check(escape_markdown, "2.0 to 6.1 s (give or take)", "2.0 to 6.1 s (give or take)");
	check(escape_markdown, "<b>&amp;", "&#60;b&#62;&#38;amp;");
	check(escape_markdown, "[x](y) *z* _q_ `r` | ~s~ !t #u",
		"\\[x\\](y) \\*z\\* \\_q\\_ \\`r\\` \\| \\~s\\~ \\!t \\#u");
	check(escape_markdown, "WwW.a.example http://b c@d",
		"&#87;wW.a.example http&#58;//b c`@`d");
	check(escape_code, "a`b|c", "`a\\x60b\\x7cc`");
	check(escape_code, "", "");
}

static void test_cut(void **s)
{
	(void)s;
	struct out o = {0};
	escape_csv(&o, "=23456789", 4);
	assert_string_equal(out_string(&o), "\"'=234…\"");
	out_fini(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_csv),
		cmocka_unit_test(test_cef),
		cmocka_unit_test(test_syslog),
		cmocka_unit_test(test_markdown),
		cmocka_unit_test(test_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
