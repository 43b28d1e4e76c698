#include "detect/stats.h"

#include <math.h>

#include "base/check.h"
#include "base/testing.h"

static void fisher(void **state)
{
	(void)state;
	assert_near(fisher_tail(1, 3), exp(-3), 1e-12);
	assert_near(fisher_tail(2, 3), exp(-3) * 4, 1e-12);
	assert_near(fisher_tail(3, 3), exp(-3) * (1 + 3 + 4.5), 1e-12);
	assert_near(fisher_tail(5, 0), 1, 0);
	/* deep tails keep their size instead of becoming 0: e^-600 600^63/63! */
	assert_true(fisher_tail(64, 600) > 1e-175 && fisher_tail(64, 600) < 1e-170);
}

static void binomial(void **state)
{
	(void)state;
	assert_near(binomial_tail(10, 0.5, 5), 0.623046875, 1e-9);
	assert_near(binomial_tail(10, 0.1, 10), 1e-10, 1e-16);
	assert_near(binomial_tail(10, 0.1, 0), 1, 0);
	assert_near(binomial_tail(10, 0.1, 11), 0, 0);
	assert_near(binomial_tail(10, 0, 1), 0, 0);
	assert_near(binomial_tail(10, 1, 10), 1, 0);
}

static void poisson_binomial(void **state)
{
	(void)state;
	const double same[] = {.3, .3, .3, .3, .3}, mixed[] = {.5, .1};
	for (unsigned k = 0; k <= 6; k++)
		assert_near(poisson_binomial_tail(same, 5, k), binomial_tail(5, .3, k), 1e-12);
	assert_near(poisson_binomial_tail(mixed, 2, 1), 1 - .5 * .9, 1e-12);
	assert_near(poisson_binomial_tail(mixed, 2, 2), .05, 1e-12);
	static double many[1000];
	for (size_t i = 0; i < ARRAY_LEN(many); i++)
		many[i] = .01;
	assert_near(poisson_binomial_tail(many, 1000, 12), binomial_tail(1000, .01, 12), 1e-9);
}

static void middles(void **state)
{
	(void)state;
	double odd[] = {5, 1, 3}, even[] = {4, 1, 3, 2}, wide[] = {1, 2, 3, 4, 100};
	assert_near(median(odd, 3), 3, 0);
	assert_near(median(even, 4), 2.5, 0);
	assert_near(median(NULL, 0), 0, 0);
	uint32_t seed = 7;
	for (size_t n = 1; n < 60; n++) { /* with many equal ones */
		double sorted[60] = {0}, values[60] = {0};
		for (size_t i = 0; i < n; i++) {
			seed = seed * 1664525 + 1013904223;
			double v = (seed >> 16) % (n < 30 ? 5 : 1000);
			values[i] = v;
			size_t at = i;
			for (; at > 0 && sorted[at - 1] > v; at--)
				sorted[at] = sorted[at - 1];
			sorted[at] = v;
		}
		double want = n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
		assert_near(median(values, n), want, 0);
	}
	assert_near(spread(wide, 5), 1.4826, 1e-12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fisher),
		cmocka_unit_test(binomial),
		cmocka_unit_test(poisson_binomial),
		cmocka_unit_test(middles),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
