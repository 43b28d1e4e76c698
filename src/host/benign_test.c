#include "host/testing.h"

/* What is told from failures that mean nothing: outages, and services that are asked of any server
 * of a list. */

static void add(struct rig *r, struct event e)
{
	assert_null(hosts_add(r->hosts, &e));
}

/* ---- outages of one host ---- */

struct story {
	int servers;       /* polled once a minute for half an hour */
	int lost;          /* of which are silent in minutes 10 to 12 */
	bool return_after; /* else they stay silent */
	bool worked;       /* before; else they were never asked */
	bool busy;         /* one more server answers all the time, every five seconds */
};

static void poll(struct rig *r, const struct story *s, int minute)
{
	static const char *const server[] = {
		"192.0.2.1", "198.51.100.7", "203.0.113.9", "203.0.114.7"};
	for (int i = 0; i < s->servers; i++) {
		bool away = i < s->lost && minute >= 10 && (minute < 12 || !s->return_after);
		if (!s->worked && minute < 10)
			continue;
		add(r, conn_event(server[i], 443, 60 * minute + 5 * i,
			       away ? OUTCOME_SILENT : OUTCOME_OK, 20));
	}
	for (int i = 0; s->busy && i < 12; i++)
		add(r, conn_event("198.51.100.99", 443, 60 * minute + 5 * i + 2, OUTCOME_OK, 0));
}

/* Whether all, or none, of the failures are an outage's. */
static bool is_outage(struct story s)
{
	struct rig r;
	rig_start(&r);
	for (int minute = 0; minute < 16; minute++)
		poll(&r, &s, minute);
	const struct view *v = rig_look(&r);
	uint32_t failures = 0, outages = 0;
	for (uint32_t i = 0; i < v->attempts; i++) {
		failures += attempt_failed(&v->attempt[i]);
		outages += attempt_failed(&v->attempt[i]) && view_outage(v, i);
	}
	assert_true(failures >= 2 && (outages == 0 || outages == failures));
	rig_stop(&r);
	return outages > 0;
}

static void what_worked_fails_together_and_returns(void **state)
{
	(void)state;
	struct story s = {.servers = 4, .lost = 4, .return_after = true, .worked = true};
	assert_true(is_outage(s));
	s.servers = s.lost = 3;
	assert_true(is_outage(s));
}

static void a_list_of_dead_servers_is_none(void **state)
{
	(void)state;
	struct story s = {.servers = 4, .lost = 4, .return_after = true, .worked = true};
	struct story never_worked = s, taken_down = s, too_few = s, others_work = s;
	never_worked.worked = false;
	taken_down.return_after = false;
	too_few.servers = too_few.lost = 2;
	others_work.busy = true;
	assert_false(is_outage(never_worked));
	assert_false(is_outage(taken_down));
	assert_false(is_outage(too_few));
	assert_false(is_outage(others_work));
}

/* ---- services of any server ---- */

static struct event datagram(struct event e, const char *service)
{
	e.conn.transport = TRANSPORT_UDP;
	e.conn.ip_proto = 17;
	e.conn.service = service;
	return e;
}

static void of_a_clock_only_changes_are_kept(void **state)
{
	(void)state;
	struct rig r;
	rig_start(&r);
	static const enum outcome outcome[] = {OUTCOME_OK, OUTCOME_OK, OUTCOME_OK, OUTCOME_SILENT,
		OUTCOME_SILENT, OUTCOME_SILENT, OUTCOME_OK, OUTCOME_OK};
	for (int i = 0; i < 8; i++)
		add(&r, datagram(conn_event("192.0.2.1", 123, 64 * i, outcome[i], 5), "ntp"));
	const struct view *v = rig_look(&r);
	assert_int_equal(v->attempts, 3);
	assert_int_equal(v->attempt[1].outcome, OUTCOME_SILENT);
	assert_int_equal(v->attempt[1].start_ns, at(192));
	assert_int_equal(v->attempt[2].start_ns, at(384));
	assert_int_equal(v->arrivals, 0); /* never a first contact */
	for (uint32_t i = 0; i < v->attempts; i++) {
		assert_false(attempt_failed(&v->attempt[i]));
		assert_true((v->attempt[i].flags & ATTEMPT_POOL) != 0);
	}
	assert_false(v->channel[1].rare);
	rig_stop(&r);
}

static void silence_elsewhere_over_udp_is_nothing(void **state)
{
	(void)state;
	struct rig r;
	rig_start(&r);
	add(&r, datagram(conn_event("192.0.2.1", 6000, 0, OUTCOME_SILENT, 5), NULL));
	assert_int_equal(rig_look(&r)->attempts, 0);
	add(&r, datagram(conn_event("192.0.2.1", 51820, 10, OUTCOME_SILENT, 5), NULL));
	assert_int_equal(rig_look(&r)->attempts, 1);
	assert_int_equal(pool_service(TRANSPORT_TCP, 123), POOL_NONE);
	assert_int_equal(pool_service(TRANSPORT_UDP, 123), POOL_TIME);
	assert_int_equal(pool_service(TRANSPORT_UDP, 3481), POOL_MEDIA);
	assert_int_equal(pool_service(TRANSPORT_UDP, 3482), POOL_NONE);
	assert_int_equal(pool_service(TRANSPORT_UDP, 500), POOL_VPN);
	rig_stop(&r);
}

static void who_asks_for_exchangers_delivers_mail(void **state)
{
	(void)state;
	struct rig r;
	rig_start(&r);
	add(&r, lookup_event("site.example", 0, OUTCOME_OK, "192.0.2.1"));
	assert_false(rig_look(&r)->host->asks_mx);
	struct event e = lookup_event("site.example", 1, OUTCOME_OK, NULL);
	e.lookup.qtype = 15;
	add(&r, e);
	assert_true(rig_look(&r)->host->asks_mx);
	rig_stop(&r);
}

static void published_lists_are_classes(void **state)
{
	(void)state;
	assert_int_equal(domain_class("mirrors.dotsrc.org", NULL), DOMAIN_MIRROR);
	assert_int_equal(domain_class("dotsrc.org", NULL), DOMAIN_ORDINARY);
	assert_int_equal(domain_class("dns.quad9.net", NULL), DOMAIN_RESOLVER);
	assert_true(domain_is_rare(DOMAIN_MIRROR)); /* one end alone excuses nothing */
	assert_false(domain_is_rare(DOMAIN_OPERATOR));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_worked_fails_together_and_returns),
		cmocka_unit_test(a_list_of_dead_servers_is_none),
		cmocka_unit_test(of_a_clock_only_changes_are_kept),
		cmocka_unit_test(silence_elsewhere_over_udp_is_nothing),
		cmocka_unit_test(who_asks_for_exchangers_delivers_mail),
		cmocka_unit_test(published_lists_are_classes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
