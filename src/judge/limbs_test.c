/* Tunnels, dead drops, split volumes and routes, from events to findings. */
#include <math.h>
#include <stdio.h>

#include "host/testing.h"
#include "judge/judge.h"

struct run {
	struct strings *strings;
	struct hosts *hosts;
	struct judge *judge;
};

static void add(struct run *r, struct event e)
{
	struct host *ripe = hosts_add(r->hosts, &e);
	if (ripe != NULL) {
		judge_look(r->judge, ripe);
		host_retire(ripe);
	}
}

/* Begins with a quiet host's two hours: one known server, and names enough for DNS to be in view.
 */
static void run_start(struct run *r)
{
	assert_int_equal(strings_new(&r->strings, 4 << 20, 1 << 16), 0);
	assert_int_equal(hosts_new(&r->hosts, &(struct hosts_options){.strings = r->strings}), 0);
	assert_int_equal(judge_new(&r->judge, &(struct judge_options){.hosts = r->hosts}), 0);
	for (int i = 0; i < 120; i++) {
		add(r, lookup_event("www.known.com", 60.0 * i, OUTCOME_OK, "198.51.100.200"));
		add(r, conn_event("198.51.100.200", 443, 60.0 * i + 0.1, OUTCOME_OK, 0));
	}
}

static void run_finish(struct run *r)
{
	for (size_t i = 0; i < hosts_count(r->hosts); i++)
		judge_look(r->judge, hosts_get(r->hosts, i));
	judge_finish(r->judge, 0.1);
	for (size_t i = 0; i < judge_count(r->judge); i++) {
		const struct finding *f = judge_get(r->judge, i);
		double bits = 0;
		for (size_t k = 0; k < f->evidences; k++)
			bits += f->evidence[k].bits;
		if (f->explained == NULL)
			assert_near(bits, -log2(f->e_value), 1e-6);
	}
}

static void run_stop(struct run *r)
{
	judge_free(r->judge);
	hosts_free(r->hosts);
	strings_free(r->strings);
}

/* The strongest finding of the kind that nothing explains; NULL none. */
static const struct finding *first_of(const struct run *r, enum finding_kind kind)
{
	for (size_t i = 0; i < judge_count(r->judge); i++) {
		const struct finding *f = judge_get(r->judge, i);
		if (f->kind == kind && f->explained == NULL)
			return f;
	}
	return NULL;
}

static double e_of(const struct run *r, enum finding_kind kind)
{
	const struct finding *f = first_of(r, kind);
	return f == NULL ? HUGE_VAL : f->e_value;
}

/* ---- tunnels ---- */

static void add_question(struct run *r, const char *domain, unsigned number, unsigned letters,
	uint16_t qtype, double at_s)
{
	static const char hex[] = "0123456789abcdef";
	char name[256];
	unsigned len = 0;
	uint64_t bits = number * 0x9e3779b97f4a7c15u + 1;
	for (unsigned i = 0; i < letters; i++) {
		if (i > 0 && i % 40 == 0)
			name[len++] = '.';
		bits = bits * 6364136223846793005u + 1442695040888963407u;
		name[len++] = hex[bits >> 60];
	}
	(void)snprintf(name + len, sizeof name - len, ".%s", domain);
	struct event e = lookup_event(name, at_s, OUTCOME_OK, NULL);
	e.lookup.qtype = qtype;
	add(r, e);
}

/* So many questions, one a second. */
static void tunnel(struct run *r, unsigned letters, uint16_t qtype, uint16_t other, double at_s)
{
	for (unsigned i = 0; i < 200; i++)
		add_question(r, "tun.example", i, letters, i % 2 == 0 ? qtype : other, at_s + i);
}

static void a_tunnel_after_a_failure_is_found(void **state)
{
	(void)state;
	struct run r;
	run_start(&r);
	add(&r, conn_event("192.0.2.1", 443, 4000, OUTCOME_REFUSED, 2));
	tunnel(&r, 60, 16, 16, 4005);
	run_finish(&r);
	const struct finding *f = first_of(&r, KIND_TUNNEL);
	assert_non_null(f);
	assert_true(f->e_value < 0.05);
	assert_int_equal(f->channels, 2);
	assert_string_equal(f->channel[f->sw[0].from].endpoint, "192.0.2.1");
	assert_int_equal(f->channel[f->sw[0].from].role, ROLE_PRIMARY);
	const struct finding_channel *to = &f->channel[f->sw[0].to];
	assert_string_equal(to->endpoint, "tun.example");
	assert_int_equal(to->role, ROLE_FALLBACK);
	assert_int_equal(to->port, 53);
	assert_int_equal(to->transport, TRANSPORT_UDP);
	assert_int_equal(f->sw[0].after_ns, 3 * NS_PER_S);
	run_stop(&r);
}

/* Under the same domain as the channel that failed: no retry of it, another carrier. */
static void a_tunnel_under_the_failed_domain_is_found(void **state)
{
	(void)state;
	struct run r;
	run_start(&r);
	add(&r, lookup_event("www.tun.example", 3999, OUTCOME_OK, "192.0.2.1"));
	add(&r, conn_event("192.0.2.1", 80, 4000, OUTCOME_REFUSED, 2));
	tunnel(&r, 60, 16, 16, 4005);
	run_finish(&r);
	const struct finding *f = first_of(&r, KIND_TUNNEL);
	assert_non_null(f);
	assert_true(f->e_value < 0.05);
	assert_int_equal(f->channel[f->sw[0].from].port, 80);
	assert_int_equal(f->channel[f->sw[0].to].port, 53);
	run_stop(&r);
}

/* Names of hashes, ever so many, with a failure half an hour before: a reputation service. */
static void hashes_alone_are_no_finding(void **state)
{
	(void)state;
	static const unsigned letters[] = {32, 64, 128, 160};
	for (size_t i = 0; i < ARRAY_LEN(letters); i++) {
		struct run r;
		run_start(&r);
		add(&r, conn_event("192.0.2.1", 443, 2200, OUTCOME_REFUSED, 2));
		tunnel(&r, letters[i], 1, 1, 4005);
		run_finish(&r);
		assert_true(e_of(&r, KIND_TUNNEL) > 0.1);
		run_stop(&r);
	}
}

/* Records of several kinds for names that nobody chose, or records without use: no service does
 * that. */
static void records_without_use_are_found(void **state)
{
	(void)state;
	static const uint16_t types[][2] = {{10, 10}, {16, 15}, {5, 16}, {65399, 65399}};
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		struct run r;
		run_start(&r);
		tunnel(&r, 120, types[i][0], types[i][1], 4005);
		run_finish(&r);
		const struct finding *f = first_of(&r, KIND_TUNNEL);
		assert_non_null(f);
		assert_true(f->e_value < 0.1);
		assert_int_equal(f->switches, 0);
		assert_int_equal(f->channel[0].role, ROLE_CARRIER);
		run_stop(&r);
	}
}

/* A hundred hosts of a content network, each with its own long label; and records of services. */
static void names_of_a_content_network_are_none(void **state)
{
	(void)state;
	struct run r;
	run_start(&r);
	add(&r, conn_event("192.0.2.1", 443, 4000, OUTCOME_REFUSED, 2));
	for (unsigned i = 0; i < 100; i++) {
		char name[128];
		(void)snprintf(
			name, sizeof name, "edge-%u-frankfurt-cache.contentnet.example", i % 12);
		add(&r, lookup_event(name, 4005 + i, OUTCOME_OK, "203.0.113.9"));
		(void)snprintf(name, sizeof name, "s%u._domainkey.stationery-shop.example", i);
		struct event e = lookup_event(name, 4005.5 + i, OUTCOME_OK, NULL);
		e.lookup.qtype = 16;
		add(&r, e);
	}
	run_finish(&r);
	assert_null(first_of(&r, KIND_TUNNEL));
	run_stop(&r);
}

static struct event ping(double at_s, uint32_t hash, uint32_t bytes)
{
	struct event e = conn_event("203.0.113.50", 0, at_s, OUTCOME_OK, 0);
	e.conn.transport = TRANSPORT_ICMP;
	e.conn.ip_proto = 1;
	e.conn.client_port = 8;
	e.conn.request_bytes = bytes;
	e.conn.bytes_out = e.conn.bytes_in = bytes;
	e.conn.echo_hash = hash;
	e.conn.echo_fresh = bytes - 24;
	return e;
}

static void pings_that_differ_are_found_and_equal_ones_not(void **state)
{
	(void)state;
	for (uint32_t differ = 0; differ < 2; differ++) {
		struct run r;
		run_start(&r);
		add(&r, conn_event("192.0.2.1", 443, 4000, OUTCOME_REFUSED, 2));
		for (uint32_t i = 0; i < 60; i++)
			add(&r, ping(4005 + 30 * i, 1 + differ * i, 350));
		run_finish(&r);
		assert_int_equal(first_of(&r, KIND_TUNNEL) != NULL, differ);
		if (differ == 1) {
			const struct finding *f = first_of(&r, KIND_TUNNEL);
			assert_true(f->e_value < 0.02);
			assert_int_equal(f->channel[f->sw[0].to].transport, TRANSPORT_ICMP);
			assert_string_equal(f->channel[f->sw[0].to].endpoint, "203.0.113.50");
		}
		run_stop(&r);
	}
}

static void long_requests_for_the_time_are_found_and_usual_ones_not(void **state)
{
	(void)state;
	for (uint64_t extra = 0; extra < 2; extra++) {
		struct run r;
		run_start(&r);
		add(&r, conn_event("192.0.2.1", 443, 4000, OUTCOME_REFUSED, 2));
		for (int i = 0; i < 40; i++) {
			struct event e =
				conn_event("203.0.113.60", 123, 4005 + 30 * i, OUTCOME_OK, 0);
			e.conn.transport = TRANSPORT_UDP;
			e.conn.ip_proto = 17;
			e.conn.packets_out = e.conn.packets_in = 1;
			e.conn.bytes_out = extra == 0 ? 48 : 900;
			add(&r, e);
		}
		run_finish(&r);
		assert_int_equal(first_of(&r, KIND_TUNNEL) != NULL, extra);
		run_stop(&r);
	}
}

static void a_resolver_over_https_counts_after_a_failure_only(void **state)
{
	(void)state;
	for (int failed = 0; failed < 2; failed++) {
		struct run r;
		run_start(&r);
		if (failed == 1)
			add(&r, conn_event("192.0.2.1", 443, 4000, OUTCOME_REFUSED, 2));
		struct event e = conn_event("203.0.113.53", 443, 4005, OUTCOME_OK, 0);
		e.conn.name = "dns.mullvad.net";
		e.conn.name_source = NAME_HTTP_HOST;
		add(&r, e);
		run_finish(&r);
		assert_int_equal(e_of(&r, KIND_TUNNEL) <= 0.1, failed);
		run_stop(&r);
	}
}

/* ---- dead drops ---- */

static void read_page(struct run *r, double at_s)
{
	struct event e = conn_event("203.0.113.70", 443, at_s, OUTCOME_OK, 0);
	e.conn.name = "pastebin.com";
	e.conn.name_source = NAME_HTTP_HOST;
	add(r, e);
}

static void a_page_between_a_failure_and_an_address_is_found(void **state)
{
	(void)state;
	struct run r;
	run_start(&r);
	add(&r, conn_event("192.0.2.1", 443, 4000, OUTCOME_REFUSED, 2));
	read_page(&r, 4006);
	add(&r, conn_event("198.18.7.7", 8443, 4009, OUTCOME_OK, 0));
	run_finish(&r);
	const struct finding *f = first_of(&r, KIND_DEADDROP);
	assert_non_null(f);
	assert_true(f->e_value < 0.05);
	assert_int_equal(f->channels, 3);
	assert_int_equal(f->switches, 2);
	assert_int_equal(f->channel[f->sw[0].from].role, ROLE_PRIMARY);
	assert_string_equal(f->channel[f->sw[1].from].endpoint, "pastebin.com");
	assert_int_equal(f->channel[f->sw[1].from].role, ROLE_CARRIER);
	assert_string_equal(f->channel[f->sw[1].to].endpoint, "198.18.7.7");
	assert_int_equal(f->channel[f->sw[1].to].role, ROLE_FALLBACK);
	run_stop(&r);
}

/* The same without a failure, once: whoever reads also goes on. Again and again: no more. */
static void a_page_before_an_address_counts_when_repeated(void **state)
{
	(void)state;
	static const char *const next[] = {"198.18.7.7", "203.0.114.8", "192.0.5.9", "198.19.3.4"};
	for (int times = 1; times <= 4; times++) {
		struct run r;
		run_start(&r);
		for (int i = 0; i < times; i++) {
			read_page(&r, 2010 + 1100 * i);
			add(&r, conn_event(next[i], 8443, 2012 + 1100 * i, OUTCOME_OK, 0));
		}
		run_finish(&r);
		if (times == 1)
			assert_true(e_of(&r, KIND_DEADDROP) > 0.1);
		if (times == 4)
			assert_true(e_of(&r, KIND_DEADDROP) < 0.1);
		run_stop(&r);
	}
}

/* A site with a name, met soon after a page, is a link that somebody followed. */
static void a_page_and_a_new_site_are_no_finding(void **state)
{
	(void)state;
	struct run r;
	run_start(&r);
	add(&r, conn_event("192.0.2.1", 443, 4000, OUTCOME_REFUSED, 2));
	read_page(&r, 4006);
	add(&r, lookup_event("blog.newsite.com", 4008, OUTCOME_OK, "198.18.7.7"));
	add(&r, conn_event("198.18.7.7", 443, 4008.1, OUTCOME_OK, 0));
	run_finish(&r);
	assert_true(e_of(&r, KIND_DEADDROP) > 0.1);
	run_stop(&r);
}

/* ---- split volumes ---- */

static void upload(struct run *r, const char *to, double at_s, uint64_t bytes)
{
	struct event e = conn_event(to, 443, at_s, OUTCOME_OK, 0);
	e.conn.bytes_out = bytes;
	e.conn.bytes_in = 800;
	add(r, e);
}

static const char *const places[] = {
	"192.0.2.1", "198.51.100.7", "203.0.113.9", "203.0.114.77", "198.18.1.1", "198.19.2.2"};

static void six_places_with_volumes_under_a_cap_are_found(void **state)
{
	(void)state;
	static const unsigned kilobytes[] = {950, 871, 922, 804, 989, 846};
	struct run r;
	run_start(&r);
	for (int i = 0; i < 6; i++)
		upload(&r, places[i], 4000 + 90 * i, UINT64_C(1000) * kilobytes[i]);
	run_finish(&r);
	const struct finding *f = first_of(&r, KIND_SPLIT);
	assert_non_null(f);
	assert_true(f->e_value < 0.1);
	assert_int_equal(f->channels, 6);
	assert_int_equal(f->switches, 0);
	run_stop(&r);
}

/* The same file to six places, with another upload of that size beside it, and sizes as they come.
 */
static void copies_and_other_sizes_are_no_finding(void **state)
{
	(void)state;
	static const unsigned bytes[2][6] = {{900000, 900120, 900080, 900300, 900010, 900140},
		{90000, 420000, 1900000, 203000, 7000000, 846000}};
	for (size_t k = 0; k < 2; k++) {
		struct run r;
		run_start(&r);
		for (int i = 0; i < 6; i++)
			upload(&r, places[i], 4000 + 90 * i, bytes[k][i]);
		upload(&r, "192.0.9.9", 4100, 720000);
		run_finish(&r);
		assert_null(first_of(&r, KIND_SPLIT));
		run_stop(&r);
	}
}

/* One size again and again to each, in turns, is no copy. */
static void equal_pieces_in_turns_are_found(void **state)
{
	(void)state;
	struct run r;
	run_start(&r);
	for (int i = 0; i < 24; i++)
		upload(&r, places[i % 6], 4000 + 60 * i, 102400);
	run_finish(&r);
	assert_true(e_of(&r, KIND_SPLIT) < 0.1);
	run_stop(&r);
}

/* Ever so many equal pieces to one place, or to two: an upload, and its standby. */
static void one_place_is_no_split(void **state)
{
	(void)state;
	struct run r;
	run_start(&r);
	for (int i = 0; i < 30; i++)
		upload(&r, places[i % 2], 4000 + 90 * i, 900000 + (uint64_t)(i * 7919 % 40000));
	run_finish(&r);
	assert_null(first_of(&r, KIND_SPLIT));
	run_stop(&r);
}

/* ---- routes ---- */

static void by_proxy(struct run *r, const char *name, double at_s, enum outcome outcome)
{
	struct event e = conn_event("10.0.0.8", 3128, at_s, outcome, 0.1);
	e.conn.name = name;
	e.conn.name_source = NAME_PROXY_TARGET;
	e.conn.to_proxy = true;
	add(r, e);
}

static void directly(struct run *r, const char *name, double at_s, enum outcome outcome)
{
	add(r, lookup_event(name, at_s - 0.1, OUTCOME_OK, "192.0.2.1"));
	add(r, conn_event("192.0.2.1", 443, at_s, outcome, 0.5));
}

static void another_route_after_a_failure_is_found(void **state)
{
	(void)state;
	for (int reverse = 0; reverse < 2; reverse++) {
		struct run r;
		run_start(&r);
		if (reverse == 0) {
			directly(&r, "srv.rare.com", 4000, OUTCOME_REFUSED);
			by_proxy(&r, "srv.rare.com", 4003, OUTCOME_OK);
		} else {
			by_proxy(&r, "srv.rare.com", 4000, OUTCOME_HTTP_ERROR);
			directly(&r, "srv.rare.com", 4003, OUTCOME_OK);
		}
		run_finish(&r);
		const struct finding *f = first_of(&r, KIND_LADDER);
		assert_non_null(f);
		assert_true(f->e_value < 0.1);
		assert_string_equal(f->channel[f->sw[0].from].endpoint, "rare.com");
		assert_string_equal(f->channel[f->sw[0].to].endpoint, "rare.com");
		assert_int_equal(f->channel[f->sw[0].to].port, reverse == 0 ? 3128 : 443);
		run_stop(&r);
	}
}

/* A proxy script: every site is asked for both ways. */
static void a_habit_of_both_ways_is_no_finding(void **state)
{
	(void)state;
	static const char *const sites[] = {
		"www.one.com", "www.two.net", "www.three.org", "www.four.info", "www.five.io"};
	struct run r;
	run_start(&r);
	for (int i = 0; i < 5; i++) {
		directly(&r, sites[i], 4000 + 400 * i, OUTCOME_REFUSED);
		by_proxy(&r, sites[i], 4001 + 400 * i, OUTCOME_OK);
	}
	run_finish(&r);
	assert_true(e_of(&r, KIND_LADDER) > 0.1);
	run_stop(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tunnel_after_a_failure_is_found),
		cmocka_unit_test(a_tunnel_under_the_failed_domain_is_found),
		cmocka_unit_test(hashes_alone_are_no_finding),
		cmocka_unit_test(records_without_use_are_found),
		cmocka_unit_test(names_of_a_content_network_are_none),
		cmocka_unit_test(pings_that_differ_are_found_and_equal_ones_not),
		cmocka_unit_test(long_requests_for_the_time_are_found_and_usual_ones_not),
		cmocka_unit_test(a_resolver_over_https_counts_after_a_failure_only),
		cmocka_unit_test(a_page_between_a_failure_and_an_address_is_found),
		cmocka_unit_test(a_page_before_an_address_counts_when_repeated),
		cmocka_unit_test(a_page_and_a_new_site_are_no_finding),
		cmocka_unit_test(six_places_with_volumes_under_a_cap_are_found),
		cmocka_unit_test(copies_and_other_sizes_are_no_finding),
		cmocka_unit_test(equal_pieces_in_turns_are_found),
		cmocka_unit_test(one_place_is_no_split),
		cmocka_unit_test(another_route_after_a_failure_is_found),
		cmocka_unit_test(a_habit_of_both_ways_is_no_finding),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
