/* The set against a plain list, and what it says of events. */
#include "base/limits.h"
#include "intel/testing.h"

/* ---- a small generator; its seed is printed when a test fails ---- */

static uint64_t random_state;

static uint32_t drawn(uint32_t below)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(random_state >> 33) % below;
}

/* ---- addresses and networks ---- */

#define NETS 600u

struct plain {
	struct cidr net[NETS];
};

static size_t plain_count(const struct plain *p, const struct addr *a)
{
	size_t count = 0;
	for (size_t i = 0; i < NETS; i++)
		count += cidr_has(&p->net[i], a);
	return count;
}

/* Distinct ones, close together and inside one another, in both families. */
static void draw_net(struct plain *p, size_t at)
{
	for (;;) {
		char text[64];
		uint32_t a = drawn(4), b = drawn(8), c = drawn(256);
		if (drawn(3) > 0)
			(void)snprintf(
				text, sizeof text, "198.%u.%u.%u/%u", 48 + a, b, c, 12 + drawn(21));
		else
			(void)snprintf(text, sizeof text, "2001:db8:%x:%x::%x/%u", a, b, c,
				30 + drawn(99));
		assert_int_equal(cidr_parse(text, &p->net[at]), 0);
		size_t i = 0;
		while (i < at && (p->net[i].bits != p->net[at].bits ||
					 !addr_eq(&p->net[i].net, &p->net[at].net)))
			i++;
		if (i == at)
			return;
	}
}

static void networks_are_as_a_list(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		static struct plain p;
		struct out text = {0};
		char addr[ADDR_TEXT_BYTES];
		random_state = seed;
		for (size_t i = 0; i < NETS; i++) {
			draw_net(&p, i);
			out_printf(&text, "%s/%u\n", addr_text(&p.net[i].net, addr),
				addr_is_v4(&p.net[i].net) ? p.net[i].bits - 96u : p.net[i].bits);
		}
		struct intel *set = set_of(out_string(&text));
		assert_int_equal(intel_count(set), NETS);
		for (size_t i = 0; i < 2000; i++) {
			struct addr a = p.net[drawn(NETS)].net;
			a.byte[15] = (uint8_t)drawn(256);
			a.byte[12 + drawn(3)] ^= (uint8_t)(1u << drawn(8));
			uint32_t found[NETS];
			size_t count = intel_find_addr(set, &a, found, NETS);
			if (count != plain_count(&p, &a))
				fail_msg("seed %u: %s: %zu, not %zu", (unsigned)seed,
					addr_text(&a, addr), count, plain_count(&p, &a));
		}
		intel_free(set);
		out_fini(&text);
	}
}

/* ---- names and hashes, as many as make the table grow ---- */

#define NAMES 20000u

static void draw_name(char *text, size_t bytes, uint32_t i)
{
	if (i % 5 == 4)
		(void)snprintf(text, bytes, "%08x%08x%08x%08x", i, i * 7, i * 13, ~i);
	else
		(void)snprintf(text, bytes, "%sn%u.d%u.example", i % 5 == 0 ? "*." : "", i, i % 97);
}

static void everything_is_found_and_nothing_else(void **state)
{
	(void)state;
	struct out text = {0};
	char name[80];
	for (uint32_t i = 0; i < NAMES; i++) {
		draw_name(name, sizeof name, i);
		out_printf(&text, "%s\n", name);
	}
	struct intel *set = set_of(out_string(&text));
	assert_int_equal(intel_count(set), NAMES);
	for (uint32_t i = 0; i < 2 * NAMES; i++) {
		uint32_t found[4];
		draw_name(name, sizeof name, i);
		bool hash = i % 5 == 4, below = i % 5 == 0, listed = i < NAMES;
		if (hash) {
			assert_int_equal(
				intel_find_text(set, INTEL_FILE_MD5, name, found, 4), listed);
			continue;
		}
		const char *bare = below ? name + 2 : name;
		char sub[96];
		(void)snprintf(sub, sizeof sub, "a.b.%s", bare);
		assert_int_equal(has_name(set, bare), listed && !below);
		assert_int_equal(has_name(set, sub), listed && below);
	}
	intel_free(set);
	out_fini(&text);
}

static void the_same_of_many_lists(void **state)
{
	(void)state;
	struct intel_builder *b = NULL;
	uint32_t found[32];
	struct addr a = addr_v4(0xc6336407);
	assert_int_equal(intel_builder_new(&b), 0);
	for (unsigned i = 0; i < INTEL_SAME_MAX + 4; i++)
		add_file(b, "list", "198.51.100.7\n198.51.100.7\n");
	assert_int_equal(intel_builder_file(b, 0)->repeated, 1);
	assert_int_equal(intel_builder_file(b, INTEL_SAME_MAX)->repeated, 0);
	assert_int_equal(intel_builder_file(b, INTEL_SAME_MAX)->skipped, 2);
	struct intel *set = sealed(b);
	assert_int_equal(intel_find_addr(set, &a, found, 32), INTEL_SAME_MAX);
	for (uint32_t i = 0, n = 0; i < INTEL_SAME_MAX; i++) {
		n = intel_next(set, n);
		assert_int_equal(found[i], n);
	}
	intel_free(set);
}

static void an_empty_set(void **state)
{
	(void)state;
	struct intel_builder *b = NULL;
	assert_int_equal(intel_builder_new(&b), 0);
	struct intel *set = sealed(b);
	assert_false(has_addr(set, "198.51.100.7"));
	assert_false(has_name(set, "bad.example"));
	intel_free(set);
}

/* ---- events ---- */

#define AT_NS (INT64_C(1772323200) * NS_PER_S)

static struct event conn_to(const char *server, const char *name, uint16_t port)
{
	struct event e = {.kind = EVENT_CONN,
		.conn = {.id = 1,
			.settled = true,
			.ended = true,
			.start_ns = AT_NS,
			.server_port = port,
			.transport = TRANSPORT_TCP,
			.outcome = OUTCOME_REFUSED,
			.name = name}};
	assert_int_equal(addr_parse("192.168.1.5", &e.conn.client), 0);
	assert_int_equal(addr_parse(server, &e.conn.server), 0);
	return e;
}

static size_t matches(const struct intel *set, struct event e)
{
	struct intel_match match[INTEL_MATCHES_MAX];
	return intel_match(set, &e, match);
}

static void dates_are_asked_at_the_events_time(void **state)
{
	(void)state;
	struct intel *set = set_of("ip,valid_until\n198.51.100.7,2026-03-01T00:00:00Z\n"
				   "198.51.100.8,2026-03-01T00:00:01Z\n198.51.100.9,\n");
	assert_int_equal(matches(set, conn_to("198.51.100.7", NULL, 443)), 0);
	assert_int_equal(matches(set, conn_to("198.51.100.8", NULL, 443)), 1);
	assert_int_equal(matches(set, conn_to("198.51.100.9", NULL, 443)), 1);
	struct event before = conn_to("198.51.100.7", NULL, 443);
	before.conn.start_ns--;
	assert_int_equal(matches(set, before), 1);
	intel_free(set);
}

static void ports_and_company(void **state)
{
	(void)state;
	struct intel *set = set_of(
		"{\"type\":\"indicator\",\"pattern\":\"[ipv4-addr:value = '198.51.100.7' AND "
		"domain-name:value = 'bad.example' AND network-traffic:dst_port = 443]\","
		"\"spec_version\":\"2.1\"}");
	assert_int_equal(intel_count(set), 2);
	assert_int_equal(matches(set, conn_to("198.51.100.7", "bad.example", 443)), 2);
	assert_int_equal(matches(set, conn_to("198.51.100.7", "bad.example", 80)), 0);
	assert_int_equal(matches(set, conn_to("198.51.100.7", "good.example", 443)), 0);
	assert_int_equal(matches(set, conn_to("198.51.100.8", "bad.example", 443)), 0);
	intel_free(set);
}

static void urls(void **state)
{
	(void)state;
	struct intel *set = set_of("http://bad.example/a.php?x=1\nhttp://198.51.100.7:8080\n");
	struct event e = conn_to("198.51.100.9", "bad.example", 80);
	e.conn.request_hash = request_hash((struct span){(const uint8_t *)"/a.php?x=1", 10});
	assert_int_equal(matches(set, e), 1);
	e.conn.server_port = 8080;
	assert_int_equal(matches(set, e), 0);
	e.conn.server_port = 80;
	e.conn.request_hash = request_hash((struct span){(const uint8_t *)"/a.php?x=2", 10});
	assert_int_equal(matches(set, e), 0);
	e = conn_to("198.51.100.7", NULL, 8080);
	assert_int_equal(matches(set, e), 0);
	e.conn.request_hash = request_hash((struct span){(const uint8_t *)"/", 1});
	assert_int_equal(matches(set, e), 1);
	intel_free(set);
}

static void what_was_seen(void **state)
{
	(void)state;
	struct intel *set = set_of(".bad.example\n198.51.100.7\n");
	struct intel_seen *seen = NULL;
	assert_int_equal(intel_seen_new(&seen, set), 0);
	struct event query = {.kind = EVENT_LOOKUP,
		.lookup = {.query_ns = AT_NS - 5, .outcome = OUTCOME_OK, .name = "c2.bad.example"}};
	const char process[] = "/opt/agent";
	assert_int_equal(addr_parse("192.168.1.5", &query.lookup.client), 0);
	struct event conn = conn_to("198.51.100.7", "c2.bad.example", 443);
	conn.conn.process = process;
	assert_int_equal(intel_seen_add(seen, &query), 1);
	assert_int_equal(intel_seen_add(seen, &conn), 1);
	conn.conn.settled = false; /* told again when it is over */
	assert_int_equal(intel_seen_add(seen, &conn), 0);
	struct event in = conn_to("192.168.1.5", NULL, 22);
	assert_int_equal(addr_parse("198.51.100.7", &in.conn.client), 0);
	assert_int_equal(intel_seen_add(seen, &in), 0);
	intel_seen_sort(seen);
	assert_int_equal(intel_seen_count(seen), 2);
	const struct intel_sight *s = intel_seen_get(seen, 0);
	assert_int_equal(s->item, intel_next(set, 0));
	assert_int_equal(s->count, 2);
	assert_int_equal(s->failures, 1);
	assert_int_equal(s->first_ns, AT_NS - 5);
	assert_int_equal(s->fields, 1u << INTEL_QUERY | 1u << INTEL_SNI);
	assert_int_equal(s->port, 443);
	assert_string_equal(s->name, "c2.bad.example");
	assert_string_equal(s->process, process);
	s = intel_seen_get(seen, 1);
	assert_int_equal(s->fields, 1u << INTEL_SERVER | 1u << INTEL_CLIENT);
	assert_ptr_equal(intel_seen_find(seen, s->item, &conn.conn.client), s);
	intel_seen_free(seen);
	intel_free(set);
}

/* It answers, which is told, and then falls silent, which is told too: one connection. */
static void a_conversation_counts_once(void **state)
{
	(void)state;
	struct intel *set = set_of("198.51.100.7\n");
	struct intel_seen *seen = NULL;
	assert_int_equal(intel_seen_new(&seen, set), 0);
	for (uint64_t id = 1; id <= 3; id++) {
		struct event e = conn_to("198.51.100.7", NULL, 443);
		e.conn.id = id;
		e.conn.ended = false;
		e.conn.outcome = OUTCOME_OK;
		(void)intel_seen_add(seen, &e);
	}
	for (uint64_t id = 1; id <= 2; id++) {
		struct event e = conn_to("198.51.100.7", NULL, 443);
		e.conn.id = id;
		e.conn.outcome = OUTCOME_STALLED;
		(void)intel_seen_add(seen, &e);
	}
	struct event other_run = conn_to("198.51.100.7", NULL, 443);
	other_run.conn.id = 3;
	other_run.conn.start_ns += NS_PER_S;
	(void)intel_seen_add(seen, &other_run);
	assert_int_equal(intel_seen_count(seen), 1);
	assert_int_equal(intel_seen_get(seen, 0)->count, 4);
	assert_int_equal(intel_seen_get(seen, 0)->failures, 3);
	intel_seen_free(seen);
	intel_free(set);
}

static void the_same_twice_is_no_company(void **state)
{
	(void)state;
	struct intel *set = set_of("{\"type\":\"indicator\",\"pattern\":\"[ipv4-addr:value = "
				   "'198.51.100.7' AND ipv4-addr:value = '198.51.100.7']\","
				   "\"spec_version\":\"2.1\"}");
	assert_int_equal(matches(set, conn_to("198.51.100.7", NULL, 443)), 1);
	assert_int_equal(matches(set, conn_to("198.51.100.8", NULL, 443)), 0);
	intel_free(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(networks_are_as_a_list),
		cmocka_unit_test(everything_is_found_and_nothing_else),
		cmocka_unit_test(the_same_of_many_lists), cmocka_unit_test(an_empty_set),
		cmocka_unit_test(dates_are_asked_at_the_events_time),
		cmocka_unit_test(ports_and_company), cmocka_unit_test(urls),
		cmocka_unit_test(what_was_seen), cmocka_unit_test(a_conversation_counts_once),
		cmocka_unit_test(the_same_twice_is_no_company)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
