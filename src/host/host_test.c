#include "host/testing.h"

#include <math.h>

static void add(struct rig *r, struct event e)
{
	struct host *ripe = hosts_add(r->hosts, &e);
	if (ripe != NULL)
		host_retire(ripe);
}

static struct event named(struct event e, const char *name, enum name_source source)
{
	e.conn.name = name;
	e.conn.name_source = source;
	return e;
}

/* The look-up that led to a conversation is when the host turned to the endpoint; both are one
 * channel's party. */
static void a_lookup_leads_to_its_conversation(void **state)
{
	(void)state;
	struct rig r;
	rig_start(&r);
	add(&r, lookup_event("a.site.com", 100, OUTCOME_OK, "192.0.2.1"));
	add(&r, conn_event("192.0.2.1", 443, 100.5, OUTCOME_OK, 0));
	const struct view *v = rig_look(&r);
	assert_int_equal(v->attempts, 1);
	assert_int_equal(v->attempt[0].start_ns, at(100));
	assert_int_equal(v->arrivals, 1);
	char buf[ADDR_TEXT_BYTES];
	assert_string_equal(view_endpoint_text(v, v->attempt[0].channel, buf), "site.com");
	rig_stop(&r);
}

/* Port 443 is refused and port 80 of the same name is tried, with a look-up of its own or without:
 * told in either order, it begins after the failure that it answers. */
static void another_port_begins_after_what_it_answers(void **state)
{
	(void)state;
	for (int asked_again = 0; asked_again < 2; asked_again++) {
		struct rig r;
		rig_start(&r);
		add(&r, lookup_event("a.site.com", 0, OUTCOME_OK, "192.0.2.1"));
		add(&r, conn_event("192.0.2.1", 443, 0.1, OUTCOME_OK, 0));
		add(&r, lookup_event("a.site.com", 100, OUTCOME_OK, "192.0.2.1"));
		if (asked_again == 1)
			add(&r, lookup_event("a.site.com", 100.6, OUTCOME_OK, "192.0.2.1"));
		add(&r, conn_event("192.0.2.1", 80, 100.7, OUTCOME_OK, 0));
		add(&r, conn_event("192.0.2.1", 443, 100.1, OUTCOME_REFUSED, 0.4));
		const struct view *v = rig_look(&r);
		assert_int_equal(v->attempts, 3);
		assert_int_equal(v->attempt[0].start_ns, at(0));
		assert_int_equal(v->attempt[1].outcome, OUTCOME_REFUSED);
		assert_int_equal(v->attempt[2].outcome, OUTCOME_OK);
		assert_true(v->attempt[2].start_ns > v->attempt[1].over_ns);
		rig_stop(&r);
	}
}

/* An address that is named later, by anybody, was that name's all along. */
static void names_learnt_later_apply(void **state)
{
	(void)state;
	struct rig r;
	rig_start(&r);
	add(&r, conn_event("192.0.2.1", 443, 100, OUTCOME_REFUSED, 1));
	add(&r, lookup_event("www.site.com", 500, OUTCOME_OK, "192.0.2.1"));
	add(&r, conn_event("192.0.2.1", 443, 500.5, OUTCOME_OK, 0));
	const struct view *v = rig_look(&r);
	uint32_t before = v->attempt[0].channel, after = v->attempt[1].channel;
	assert_int_not_equal(before, after);
	assert_int_equal(v->channel[before].group, v->channel[after].group);
	assert_int_equal(v->arrivals, 1); /* the endpoint was met once */
	rig_stop(&r);
}

/* An address that many names share says nothing about which one was meant. */
static void shared_addresses_are_not_named(void **state)
{
	(void)state;
	struct rig r;
	rig_start(&r);
	add(&r, conn_event("192.0.2.1", 443, 100, OUTCOME_REFUSED, 1));
	static const char *const names[] = {
		"www.one.com", "www.two.com", "www.three.com", "www.four.com"};
	for (int i = 0; i < 4; i++)
		add(&r, lookup_event(names[i], 200 + i, OUTCOME_OK, "192.0.2.1"));
	const struct view *v = rig_look(&r);
	assert_false(v->channel[v->attempt[0].channel].named);
	rig_stop(&r);
}

/* Tor's random SNIs: with DNS in view, a name that nobody asked for is made up, and the address is
 * the endpoint. */
static void made_up_sni_is_not_a_name(void **state)
{
	(void)state;
	struct rig r;
	rig_start(&r);
	for (int i = 0; i < 12; i++)
		add(&r, lookup_event("www.site.com", 10 + i, OUTCOME_OK, "192.0.2.1"));
	add(&r, named(conn_event("203.0.113.5", 443, 100, OUTCOME_OK, 0), "www.kx3vqz7.net",
			NAME_SNI));
	add(&r, named(conn_event("192.0.2.1", 443, 200, OUTCOME_OK, 0), "www.site.com", NAME_SNI));
	const struct view *v = rig_look(&r);
	assert_false(v->channel[v->attempt[0].channel].named);
	assert_true(v->channel[v->attempt[1].channel].named);
	rig_stop(&r);
}

/* A name's failure beside its answer was none. */
static void an_answer_voids_a_failure(void **state)
{
	(void)state;
	struct rig r;
	rig_start(&r);
	add(&r, lookup_event("a.site.com", 100, OUTCOME_SERVFAIL, NULL));
	add(&r, lookup_event("a.site.com", 101, OUTCOME_OK, "192.0.2.1"));
	const struct view *v = rig_look(&r);
	assert_int_equal(v->attempt[0].flags & ATTEMPT_VOID, ATTEMPT_VOID);
	assert_false(attempt_failed(&v->attempt[0]));
	rig_stop(&r);
}

/* A and AAAA, asked together: one attempt. */
static void twin_failures_are_one_attempt(void **state)
{
	(void)state;
	struct rig r;
	rig_start(&r);
	struct event six = lookup_event("gone.site.com", 100.001, OUTCOME_NXDOMAIN, NULL);
	six.lookup.qtype = 28;
	add(&r, lookup_event("gone.site.com", 100, OUTCOME_NXDOMAIN, NULL));
	add(&r, six);
	const struct view *v = rig_look(&r);
	assert_int_equal(v->attempts, 1);
	assert_int_equal(v->attempt[0].tries, 2);
	assert_int_equal(v->attempt[0].over_ns, at(100.001) + 20 * NS_PER_MS);
	rig_stop(&r);
}

/* Successes in a row are one attempt, but the first one after any failure is told. */
static void successes_after_a_failure_are_told(void **state)
{
	(void)state;
	struct rig r;
	rig_start(&r);
	add(&r, conn_event("192.0.2.1", 443, 100, OUTCOME_OK, 0));
	add(&r, conn_event("192.0.2.1", 443, 105, OUTCOME_OK, 0));
	add(&r, conn_event("203.0.113.5", 443, 106, OUTCOME_REFUSED, 1));
	add(&r, conn_event("192.0.2.1", 443, 110, OUTCOME_OK, 0));
	const struct view *v = rig_look(&r);
	assert_int_equal(v->attempts, 3);
	assert_int_equal(v->attempt[2].start_ns, at(110));
	rig_stop(&r);
}

/* 600 attempts of two channels with pauses within and beyond a burst, some refused. */
static void live_traffic(struct rig *r, bool looked_at)
{
	uint32_t dice = 1;
	double now = 100;
	for (int i = 0; i < 600; i++) {
		dice = dice * 1664525u + 1013904223u;
		bool fails = dice >> 28 == 0;
		now += (dice >> 20 & 15) == 0 ? 40 : 1 + (dice >> 24 & 7);
		add(r, conn_event((dice >> 16 & 1) == 0 ? "192.0.2.1" : "203.0.113.5", 443, now,
			       fails ? OUTCOME_REFUSED : OUTCOME_OK, 0.5));
		if (looked_at)
			rig_look(r);
	}
}

/* A host that is looked at while it works is seen as one that is looked at afterwards. */
static void looking_changes_nothing(void **state)
{
	(void)state;
	struct rig often, once;
	rig_start(&often);
	rig_start(&once);
	live_traffic(&often, true);
	live_traffic(&once, false);
	const struct view *a = rig_look(&often), *b = rig_look(&once);
	assert_in_range(b->attempts, 50, 250);
	assert_int_equal(a->attempts, b->attempts);
	for (uint32_t i = 0; i < a->attempts; i++) {
		assert_int_equal(a->attempt[i].start_ns, b->attempt[i].start_ns);
		assert_int_equal(a->attempt[i].outcome, b->attempt[i].outcome);
		assert_int_equal(a->attempt[i].channel, b->attempt[i].channel);
	}
	rig_stop(&often);
	rig_stop(&once);
}

/* A beacon of five seconds is one attempt, and its end another, however often one looks. */
static void a_beacon_that_is_watched_ends(void **state)
{
	(void)state;
	struct rig r;
	rig_start(&r);
	for (int i = 0; i < 20; i++) {
		add(&r, conn_event("192.0.2.1", 443, 100 + 5 * i, OUTCOME_OK, 0));
		rig_look(&r);
	}
	add(&r, conn_event("192.0.2.1", 443, 200, OUTCOME_REFUSED, 1));
	const struct view *v = rig_look(&r);
	assert_int_equal(v->attempts, 2);
	assert_int_equal(v->attempt[0].lasted_ms, 95000);
	assert_true(v->burst[v->burst_of[1]].failed);
	rig_stop(&r);
}

static void what_is_not_outbound_is_nobodys(void **state)
{
	(void)state;
	struct rig r;
	rig_start(&r);
	struct event e = conn_event("10.0.0.9", 443, 100, OUTCOME_REFUSED, 1);
	add(&r, e);
	e = conn_event("10.0.0.5", 443, 100, OUTCOME_REFUSED, 1);
	e.conn.client = test_addr("198.51.100.1");
	add(&r, e);
	assert_int_equal(hosts_count(r.hosts), 0);
	assert_int_equal(hosts_stats(r.hosts)->internal, 1);
	assert_int_equal(hosts_stats(r.hosts)->inbound, 1);
	/* between two public addresses the one that asks is the host */
	e = conn_event("203.0.113.5", 443, 100, OUTCOME_REFUSED, 1);
	e.conn.client = test_addr("198.51.100.1");
	add(&r, e);
	assert_int_equal(hosts_count(r.hosts), 1);
	rig_stop(&r);
}

/* Thousands of endpoints: bounded, and the first contacts of what was forgotten still count. */
static void forgetting_weakens(void **state)
{
	(void)state;
	struct rig r;
	rig_start(&r);
	char server[ADDR_TEXT_BYTES];
	for (int i = 0; i < 300; i++) {
		(void)snprintf(server, sizeof server, "203.%d.%d.1", i / 200, i % 200);
		add(&r, conn_event(server, 443, 100 + i, OUTCOME_REFUSED, 0.5));
	}
	const struct host *h = hosts_get(r.hosts, 0);
	assert_true(h->channels <= HOST_CHANNELS_MAX && h->attempts <= HOST_ATTEMPTS_MAX);
	assert_int_equal(h->arrivals, 300);
	const struct view *v = rig_look(&r);
	assert_int_equal(v->arrivals, 300);
	uint32_t failed = 0;
	for (uint32_t i = 0; i < v->attempts; i++)
		failed += attempt_failed(&v->attempt[i]);
	assert_true(failed < HOST_CHANNELS_MAX); /* of the forgotten nothing is claimed */
	/* met again after it was forgotten: known */
	add(&r, conn_event("203.0.0.1", 443, 900, OUTCOME_OK, 0));
	assert_int_equal(hosts_get(r.hosts, 0)->arrivals, 300);
	rig_stop(&r);
}

static void many_attempts_are_retired(void **state)
{
	(void)state;
	struct rig r;
	rig_start(&r);
	for (int i = 0; i < 5000; i++)
		add(&r, conn_event("192.0.2.1", 443, 100 + 40.0 * i, OUTCOME_OK, 0));
	const struct host *h = hosts_get(r.hosts, 0);
	assert_true(h->attempts <= HOST_ATTEMPTS_MAX);
	assert_int_equal(h->connections, 5000);
	assert_int_equal(h->attempt[h->attempts - 1].start_ns, at(100 + 40.0 * 4999));
	rig_stop(&r);
}

static void classes_of_domains(void **state)
{
	(void)state;
	const char *operator= NULL;
	assert_int_equal(domain_class("www.google.com", &operator), DOMAIN_OPERATOR);
	assert_string_equal(operator, "google");
	assert_int_equal(domain_class("api.ipify.org", NULL), DOMAIN_ECHO);
	assert_int_equal(domain_class("www.msftconnecttest.com", NULL), DOMAIN_PROBE);
	assert_int_equal(domain_class("1.2.3.4.zen.spamhaus.org", NULL), DOMAIN_DNSBL);
	assert_int_equal(domain_class("somebody.duckdns.org", NULL), DOMAIN_TENANT);
	assert_int_equal(domain_class("harborledger.example", &operator), DOMAIN_ORDINARY);
	assert_null(operator);
	assert_int_equal(domain_class("notgoogle.com", NULL), DOMAIN_ORDINARY);
	assert_string_equal(tenant_domain("a.somebody.duckdns.org"), "somebody.duckdns.org");
	assert_string_equal(tenant_domain("somebody.duckdns.org"), "somebody.duckdns.org");
	assert_null(tenant_domain("duckdns.org"));
	assert_null(tenant_domain("www.google.com"));
}

static struct event from_mac(struct event e, const char *client, uint64_t mac)
{
	e.conn.client = test_addr(client);
	e.conn.client_mac = mac;
	return e;
}

/* IPv4 and IPv6 from one Ethernet address are one host; behind a router's, every IPv4 address is a
 * host of its own. */
static void addresses_of_one_host(void **state)
{
	(void)state;
	struct rig r;
	rig_start(&r);
	struct event e = conn_event("203.0.113.5", 443, 100, OUTCOME_OK, 0);
	add(&r, from_mac(e, "fd00::5", 0x0200000000a1));
	add(&r, from_mac(e, "10.0.0.5", 0x0200000000a1));
	add(&r, from_mac(e, "fd00::1234", 0x0200000000a1));
	assert_int_equal(hosts_count(r.hosts), 1);
	struct addr v4 = test_addr("10.0.0.5");
	assert_true(addr_eq(&hosts_get(r.hosts, 0)->addr, &v4));
	add(&r, from_mac(e, "10.0.0.6", 0x0200000000a2));
	add(&r, from_mac(e, "10.0.0.7", 0x0200000000a2));
	add(&r, from_mac(e, "fd00::6", 0x0200000000a2));
	add(&r, from_mac(e, "10.0.0.8", 0));
	assert_int_equal(hosts_count(r.hosts), 5);
	rig_stop(&r);
}

static struct event by(struct event e, const char *process, const char *uid)
{
	if (e.kind == EVENT_CONN) {
		e.conn.process = process;
		e.conn.uid = uid;
	} else {
		e.lookup.process = process;
		e.lookup.uid = uid;
	}
	return e;
}

/* The same endpoint asked for by two programs is two channels, and one first contact. */
static void processes_have_channels_of_their_own(void **state)
{
	(void)state;
	struct rig r;
	rig_start(&r);
	add(&r, by(conn_event("192.0.2.1", 443, 100, OUTCOME_REFUSED, 1), "a.exe", "C1"));
	add(&r, by(conn_event("192.0.2.1", 443, 110, OUTCOME_OK, 0), "b.exe", NULL));
	add(&r, by(conn_event("192.0.2.1", 443, 115, OUTCOME_OK, 0), "b.exe", "C3")); /* joins */
	add(&r, by(conn_event("192.0.2.1", 443, 200, OUTCOME_REFUSED, 1), "a.exe", "C4"));
	add(&r, by(lookup_event("asked.com", 300, OUTCOME_NXDOMAIN, NULL), "a.exe", "D1"));
	add(&r, by(lookup_event("asked.com", 310, OUTCOME_NXDOMAIN, NULL), "b.exe", NULL));
	const struct view *v = rig_look(&r);
	assert_int_equal(v->channels, 5); /* one is the forgotten */
	assert_int_equal(v->attempts, 5);
	assert_int_equal(v->attempt[0].channel, v->attempt[2].channel);
	assert_int_not_equal(v->attempt[0].channel, v->attempt[1].channel);
	assert_int_not_equal(v->attempt[3].channel, v->attempt[4].channel);
	assert_int_equal(
		v->channel[v->attempt[1].channel].group, v->channel[v->attempt[0].channel].group);
	assert_int_equal(v->arrivals, 2);
	const char *process =
		strings_get(v->strings, v->channel[v->attempt[0].channel].channel->process);
	assert_string_equal(process, "a.exe");
	assert_string_equal(view_uid(v, &v->attempt[0]), "C1");
	assert_null(view_uid(v, &v->attempt[1]));
	assert_string_equal(view_uid(v, &v->attempt[2]), "C4");
	assert_string_equal(view_uid(v, &v->attempt[3]), "D1");
	rig_stop(&r);
}

/* Only a proxy knows the address: the name is the channel. A single label is nobody's. */
static void names_without_an_address(void **state)
{
	(void)state;
	struct rig r;
	rig_start(&r);
	static const char *const names[] = {"a.site.com", "b.site.com", "intranet"};
	for (int i = 0; i < 3; i++) {
		struct event e =
			named(conn_event("192.0.2.1", 443, 100 + i, OUTCOME_HTTP_ERROR, 0.2),
				names[i], NAME_PROXY_TARGET);
		e.conn.server = (struct addr){0};
		e.conn.to_proxy = true;
		add(&r, e);
	}
	const struct view *v = rig_look(&r);
	assert_int_equal(v->attempts, 2);
	assert_int_equal(v->channels, 2);
	assert_int_equal(v->attempt[0].channel, v->attempt[1].channel);
	assert_int_equal(v->attempt[0].target, 0);
	const struct channel *c = v->channel[v->attempt[0].channel].channel;
	assert_true(c->named);
	assert_int_equal(c->addr[0], 0);
	char buf[ADDR_TEXT_BYTES];
	assert_string_equal(view_endpoint_text(v, v->attempt[0].channel, buf), "site.com");
	rig_stop(&r);
}

static void sizes_fit_in_16_bits(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 4096; i++)
		assert_true(size_bytes(size_code(i)) == i);
	uint16_t before = 0;
	for (uint64_t i = 1; i <= UINT32_MAX; i += 1 + i / 3000) {
		uint16_t code = size_code((uint32_t)i);
		assert_true(code >= before);
		assert_true(fabs(size_bytes(code) - (double)i) <= (double)i / 2048);
		before = code;
	}
	assert_true(size_bytes(size_code(UINT32_MAX)) > 0.9995 * UINT32_MAX);
}

/* ---- a memory that is longer than the run ---- */

static bool knows_old(void *context, const struct host_contact *contact)
{
	uint32_t *asked = context;
	++*asked;
	assert_true(contact->lookup || contact->port == 443);
	return contact->domain != NULL && strcmp(contact->domain, "old.com") == 0;
}

/* What is known from before is no first contact, and the pace of first contacts goes without it. */
static void what_is_known_from_before_is_no_first_contact(void **state)
{
	(void)state;
	for (int known = 0; known < 2; known++) {
		struct rig r;
		uint32_t asked = 0;
		rig_start_with(&r,
			(struct host_hooks){.known = known ? knows_old : NULL, .context = &asked});
		add(&r, lookup_event("www.old.com", 10, OUTCOME_OK, "192.0.2.1"));
		add(&r, conn_event("192.0.2.1", 443, 10.5, OUTCOME_OK, 0));
		add(&r, conn_event("192.0.2.1", 443, 90, OUTCOME_OK, 0));
		add(&r, lookup_event("www.new.com", 100, OUTCOME_OK, "192.0.2.2"));
		add(&r, conn_event("192.0.2.2", 443, 100.5, OUTCOME_OK, 0));
		add(&r, lookup_event("gone.old.com", 200, OUTCOME_NXDOMAIN, NULL));
		const struct view *v = rig_look(&r);
		assert_int_equal(v->arrivals, known ? 1 : 2);
		assert_int_equal((int)v->arrivals_ever, known ? 1 : 2);
		assert_int_equal(v->host->new_names, known ? 1 : 2);
		assert_int_equal(v->channel[v->attempt[v->arrival[known ? 0 : 1]].channel].endpoint,
			strings_find(r.strings, "new.com"));
		assert_int_equal(asked > 0, known);
		rig_stop(&r);
	}
}

/* Also by the name that an address turns out to have. */
static void what_is_known_by_a_name_learnt_later_is_no_first_contact(void **state)
{
	(void)state;
	static const char *const names[] = {"www.old.com", "www.new.com"};
	for (uint32_t i = 0; i < ARRAY_LEN(names); i++) {
		struct rig r;
		uint32_t asked = 0;
		rig_start_with(&r, (struct host_hooks){.known = knows_old, .context = &asked});
		add(&r, conn_event("192.0.2.1", 443, 10, OUTCOME_OK, 0));
		add(&r, lookup_event(names[i], 50, OUTCOME_OK, "192.0.2.1"));
		assert_int_equal(rig_look(&r)->arrivals, i);
		rig_stop(&r);
	}
}

struct heard {
	uint32_t told, answered;
	uint16_t port[4];
};

static void hear(void *context, const struct host_contact *contact, const struct conn *conn)
{
	struct heard *heard = context;
	assert_true(addr_eq(&contact->server, &conn->server));
	assert_true(heard->told < ARRAY_LEN(heard->port));
	heard->port[heard->told++] = contact->port;
	heard->answered += conn->outcome == OUTCOME_OK;
}

/* All that goes outside is told, also services that are no host's channel; nothing inside or to
 * groups. */
static void conversations_with_the_outside_are_told(void **state)
{
	(void)state;
	struct rig r;
	struct heard heard = {0};
	rig_start_with(&r, (struct host_hooks){.told = hear, .context = &heard});
	add(&r, conn_event("192.0.2.1", 443, 10, OUTCOME_OK, 0));
	struct event e = conn_event("192.0.2.1", 53, 11, OUTCOME_OK, 0);
	e.conn.transport = TRANSPORT_UDP;
	add(&r, e);
	add(&r, conn_event("192.0.2.1", 22, 12, OUTCOME_REFUSED, 0.1));
	add(&r, conn_event("10.0.0.9", 443, 13, OUTCOME_OK, 0));
	add(&r, conn_event("224.0.0.251", 5353, 14, OUTCOME_OK, 0));
	assert_int_equal(heard.told, 3);
	assert_int_equal(heard.answered, 2);
	assert_int_equal(heard.port[0], 443);
	assert_int_equal(heard.port[1], 53);
	assert_int_equal(heard.port[2], 22);
	rig_stop(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lookup_leads_to_its_conversation),
		cmocka_unit_test(another_port_begins_after_what_it_answers),
		cmocka_unit_test(names_learnt_later_apply),
		cmocka_unit_test(shared_addresses_are_not_named),
		cmocka_unit_test(made_up_sni_is_not_a_name),
		cmocka_unit_test(an_answer_voids_a_failure),
		cmocka_unit_test(twin_failures_are_one_attempt),
		cmocka_unit_test(successes_after_a_failure_are_told),
		cmocka_unit_test(looking_changes_nothing),
		cmocka_unit_test(a_beacon_that_is_watched_ends),
		cmocka_unit_test(what_is_not_outbound_is_nobodys),
		cmocka_unit_test(forgetting_weakens),
		cmocka_unit_test(many_attempts_are_retired),
		cmocka_unit_test(classes_of_domains),
		cmocka_unit_test(processes_have_channels_of_their_own),
		cmocka_unit_test(names_without_an_address),
		cmocka_unit_test(addresses_of_one_host),
		cmocka_unit_test(sizes_fit_in_16_bits),
		cmocka_unit_test(what_is_known_from_before_is_no_first_contact),
		cmocka_unit_test(what_is_known_by_a_name_learnt_later_is_no_first_contact),
		cmocka_unit_test(conversations_with_the_outside_are_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
