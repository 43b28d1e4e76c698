#include "base/limits.h"
#include "base/testing.h"
#include "host/outage.h"

#define MINUTE (60 * NS_PER_S)
#define NOON   (INT64_C(1700000000) / 60 * MINUTE)

/* hosts of the site try something; the first `lost` of them lose one of `endpoints` each. */
static bool outage(uint32_t hosts, uint32_t lost, uint32_t endpoints)
{
	struct outages *o = NULL;
	assert_int_equal(outages_new(&o), 0);
	for (uint32_t host = 0; host < hosts; host++)
		outages_tried(o, host, NOON + host);
	for (uint32_t host = 0; host < lost; host++)
		outages_lost(o, host, 100 + host % endpoints, NOON + host);
	bool is = outages_at(o, NOON);
	/* a minute to either side belongs to it, no more */
	assert_int_equal(outages_at(o, NOON + MINUTE), is);
	assert_int_equal(outages_at(o, NOON - 1), is);
	assert_false(outages_at(o, NOON + 2 * MINUTE));
	assert_false(outages_at(o, NOON - MINUTE - 1));
	outages_free(o);
	return is;
}

static void much_of_the_site_has_to_fail(void **state)
{
	(void)state;
	assert_true(outage(5, 5, 3));
	assert_true(outage(15, 5, 3));
	assert_false(outage(16, 5, 3)); /* less than a third */
	assert_false(outage(5, 4, 3));  /* fewer than five */
	assert_false(outage(5, 5, 2));  /* one or two services that died */
	assert_false(outage(5, 0, 3));
}

static void a_minute_makes_room_for_a_later_one(void **state)
{
	(void)state;
	struct outages *o = NULL;
	assert_int_equal(outages_new(&o), 0);
	for (uint32_t host = 0; host < 5; host++)
		outages_lost(o, host, 100 + host, NOON);
	assert_true(outages_at(o, NOON));
	assert_false(outages_at(o, NOON + 4096 * MINUTE));
	outages_tried(o, 0, NOON + 4096 * MINUTE);
	assert_false(outages_at(o, NOON));
	outages_free(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(much_of_the_site_has_to_fail),
		cmocka_unit_test(a_minute_makes_room_for_a_later_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
