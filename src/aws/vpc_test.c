#include "aws/vpc.h"
#include "base/scan.h"
#include "base/testing.h"

static void test_nothing(void **state)
{
	(void)state;
}
int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_nothing)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
