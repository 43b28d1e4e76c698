#include "guard/reload.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/testing.h"

/* Turns until it has failed, or ended well. */
static int settle(struct reload *r, struct fail *why)
{
	const struct timespec moment = {.tv_nsec = 5 * NS_PER_MS};
	int code = 0;
	for (unsigned i = 0; i < 400 && code == 0; i++) {
		code = reload_turn(r, why);
		(void)nanosleep(&moment, NULL);
		if (i > 20 && !reload_failed(r))
			break;
	}
	return code;
}

static void test_words(void **state)
{
	struct reload *r = NULL;
	struct fail why = {0};
	char many[200] = "";
	(void)state;
	assert_int_equal(reload_new(&r, "", &why), -EINVAL);
	assert_int_equal(reload_new(&r, "   ", &why), -EINVAL);
	for (size_t i = 0; i < 2 * ((size_t)RELOAD_WORDS_MAX + 1); i++)
		many[i] = i % 2 == 0 ? 'a' : ' ';
	assert_int_equal(reload_new(&r, many, &why), -EINVAL);
	many[(size_t)2 * RELOAD_WORDS_MAX] = '\0';
	assert_int_equal(reload_new(&r, many, &why), 0);
	reload_free(r);
	reload_free(NULL);
}

static void test_runs(void **state)
{
	struct reload *r = NULL;
	struct fail why = {0};
	(void)state;
	/* no shell: the semicolon is a word */
	assert_int_equal(reload_new(&r, "  test  ; = ;  ", &why), 0);
	reload_ask(r);
	assert_int_equal(settle(r, &why), 0);
	assert_false(reload_failed(r));
	reload_free(r);
	assert_int_equal(reload_new(&r, "false", &why), 0);
	reload_ask(r);
	assert_int_equal(settle(r, &why), -EIO);
	assert_true(reload_failed(r));
	assert_non_null(strstr(why.text, "--rpz-reload: false: it failed"));
	reload_free(r);
	assert_int_equal(reload_new(&r, "/nowhere/program", &why), 0);
	reload_ask(r);
	assert_int_equal(settle(r, &why), -ENOENT);
	reload_free(r);
}

/* What was asked for last is done at the end. */
static void test_the_end(void **state)
{
	struct reload *r = NULL;
	struct fail why = {0};
	(void)state;
	assert_int_equal(reload_new(&r, "sleep 0.3", &why), 0);
	reload_ask(r);
	int64_t began_ns = clock_steady_ns();
	reload_free(r);
	int64_t took_ns = clock_steady_ns() - began_ns;
	assert_true(took_ns > 250 * NS_PER_MS && took_ns < RELOAD_TIMEOUT_S * NS_PER_S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_runs),
		cmocka_unit_test(test_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
