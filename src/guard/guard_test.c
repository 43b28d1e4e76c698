#include "guard/guard.h"

#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/scan.h"
#include "base/testing.h"

static struct addr addr(const char *text)
{
	struct addr a = {0};
	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

/* 10.0.0.5 left 198.51.100.7 for 198.51.100.8. */
static struct finding *finding(void)
{
	struct finding *f = calloc(1, sizeof *f);
	(void)snprintf(f->id, sizeof f->id, "00112233445566778899aabbccddeeff");
	f->host = addr("10.0.0.5");
	f->e_value = 1e-4;
	f->channels = 2;
	for (size_t i = 0; i < 2; i++)
		f->channel[i] =
			(struct finding_channel){.role = i == 0 ? ROLE_PRIMARY : ROLE_FALLBACK,
				.transport = TRANSPORT_TCP,
				.port = 443,
				.addrs[0] = addr(i == 0 ? "198.51.100.7" : "198.51.100.8"),
				.addr_count = 1,
				.connections = 3,
				.failures = i == 0 ? 3 : 0};
	return f;
}

struct scene {
	struct finding *finding;
	struct crowd *crowd;
	struct guard_rules rules;
	struct guard_state state;
	struct guard_plan plan;
};

static void set(struct scene *s, enum guard_response response)
{
	*s = (struct scene){.finding = finding()};
	assert_int_equal(crowd_new(&s->crowd), 0);
	s->rules = (struct guard_rules){.response = response,
		.max_e = 0.01,
		.expiry_ns = 3600 * NS_PER_S,
		.channels = 4,
		.hosts = 1,
		.changes = 10,
		.popular = CROWD_HOSTS,
		.crowd = s->crowd};
	struct addr server = addr("198.51.100.8"), host = addr("10.0.0.5");
	crowd_add(s->crowd, &server, &host);
}

static void strike(struct scene *s)
{
	free(s->finding);
	crowd_free(s->crowd);
	guard_state_fini(&s->state);
}

static void decide(struct scene *s)
{
	guard_decide(s->finding, &s->rules, &s->state, 100 * NS_PER_S, &s->plan);
}

static void the_fallback_is_blocked_and_nothing_else(void **state)
{
	struct scene s;
	struct addr want = addr("198.51.100.8");
	(void)state;
	set(&s, RESPOND_BLOCK);
	decide(&s);
	assert_int_equal(s.plan.changes, 1);
	assert_true(addr_eq(&s.plan.change[0].peer, &want));
	assert_int_equal(s.plan.change[0].port, 443);
	assert_int_equal(s.plan.change[0].proto, 6);
	assert_int_equal(s.plan.change[0].until_ns, 3700 * NS_PER_S);
	s.plan.change[0].id = 1;
	assert_int_equal(guard_state_add(&s.state, &s.plan.change[0]), 0);
	decide(&s); /* it is there */
	assert_int_equal(s.plan.changes, 0);
	assert_int_equal(s.plan.lefts, 0);
	strike(&s);
}

static void left_alone(struct scene *s, enum guard_leave why)
{
	decide(s);
	assert_int_equal(s->plan.changes, 0);
	assert_int_equal(s->plan.lefts, 1);
	assert_int_equal(s->plan.left[0].why, why);
}

static void what_is_left_alone(void **state)
{
	struct scene s;
	struct addr server = addr("198.51.100.8"), other = addr("198.51.100.9");
	struct cidr never[2];
	(void)state;
	set(&s, RESPOND_BLOCK);
	s.finding->channel[1].failures = 3;
	left_alone(&s, LEAVE_FAILED);
	s.finding->channel[1].failures = 0;
	s.finding->e_value = 0.02;
	left_alone(&s, LEAVE_WEAK);
	s.finding->e_value = 1e-4;
	s.finding->explained = "mirror";
	left_alone(&s, LEAVE_EXPLAINED);
	s.finding->explained = NULL;
	assert_int_equal(cidr_parse("198.51.100.0/24", &never[0]), 0);
	assert_int_equal(cidr_parse("10.0.0.5", &never[1]), 0);
	s.rules.never = &never[0];
	s.rules.nevers = 1;
	left_alone(&s, LEAVE_NEVER);
	s.rules.never = &never[1];
	left_alone(&s, LEAVE_NEVER);
	s.rules.nevers = 0;
	s.finding->channel[1].addrs[0] = other;
	left_alone(&s, LEAVE_UNSEEN);
	s.finding->channel[1].addrs[0] = server;
	for (uint32_t i = 0; i < CROWD_HOSTS; i++) {
		decide(&s);
		assert_int_equal(s.plan.changes, 1); /* as many hosts as may be */
		struct addr host = addr_v4(0x0a000100u + i);
		crowd_add(s.crowd, &server, &host);
	}
	left_alone(&s, LEAVE_POPULAR);
	strike(&s);
}

/* What lists know is blocked under the same limits, whether anybody was answered there or not. */
static void known_bad(void **state)
{
	struct scene s;
	struct addr bad = addr("203.0.113.5");
	struct cidr never;
	struct guard_known k = {.host = addr("10.0.0.5"),
		.peer = bad,
		.proto = 6,
		.words = "address 203.0.113.5 of \"feed\".csv, line 2",
		.thing = "203.0.113.5"};
	const int64_t now_ns = 100 * NS_PER_S;
	(void)state;
	set(&s, RESPOND_BLOCK);
	guard_decide_known(&k, &s.rules, &s.state, now_ns, &s.plan);
	assert_int_equal(s.plan.changes, 1);
	struct guard_change first = s.plan.change[0];
	assert_int_equal(first.until_ns, 3700 * NS_PER_S);
	assert_int_equal(strlen(first.finding), 32);
	assert_string_equal(first.words, k.words);
	k.until_ns = 160 * NS_PER_S; /* the list's own end */
	guard_decide_known(&k, &s.rules, &s.state, now_ns, &s.plan);
	assert_int_equal(s.plan.change[0].until_ns, k.until_ns);
	k.until_ns = now_ns;
	guard_decide_known(&k, &s.rules, &s.state, now_ns, &s.plan);
	assert_int_equal(s.plan.changes + s.plan.lefts, 0);
	k.until_ns = 0;
	assert_int_equal(cidr_parse("203.0.113.0/24", &never), 0);
	s.rules.never = &never;
	s.rules.nevers = 1;
	guard_decide_known(&k, &s.rules, &s.state, now_ns, &s.plan);
	assert_int_equal(s.plan.left[0].why, LEAVE_NEVER);
	s.rules.nevers = 0;
	for (uint32_t i = 0; i <= CROWD_HOSTS; i++) {
		struct addr host = addr_v4(0x0a000100u + i);
		crowd_add(s.crowd, &bad, &host);
	}
	guard_decide_known(&k, &s.rules, &s.state, now_ns, &s.plan);
	assert_int_equal(s.plan.left[0].why, LEAVE_POPULAR);
	k.peer = addr("203.0.113.6");
	s.rules.channels = 0;
	guard_decide_known(&k, &s.rules, &s.state, now_ns, &s.plan);
	assert_int_equal(s.plan.left[0].why, LEAVE_FULL);
	s.rules.channels = 4;
	s.rules.response = RESPOND_ALERT;
	guard_decide_known(&k, &s.rules, &s.state, now_ns, &s.plan);
	assert_int_equal(s.plan.changes + s.plan.lefts, 0);
	/* the trail keeps what it was */
	struct out line = {0};
	struct trail_reader *reader = NULL;
	struct guard_change read;
	enum guard_act act;
	first.id = 7;
	trail_say(&line, &first, ACT_MADE, now_ns, NULL);
	assert_int_equal(trail_reader_new(&reader), 0);
	assert_true(trail_read(
		reader, (struct span){(const uint8_t *)line.text, line.len}, &read, &act));
	assert_string_equal(read.words, k.words);
	assert_string_equal(read.finding, first.finding);
	trail_reader_free(reader);
	out_fini(&line);
	strike(&s);
}

static void a_switch_before_there_is_a_finding(void **state)
{
	struct scene s;
	struct guard_switch sw = {.host = addr("10.0.0.5"),
		.to = {.peer = addr("198.51.100.8"), .proto = 6, .port = 443},
		.words = "new, and after \"198.51.100.7\""};
	enum guard_act act;
	struct trail_reader *reader = NULL;
	struct guard_change read;
	struct out line = {0};
	int64_t now_ns = 1000 * NS_PER_S;
	(void)state;
	set(&s, RESPOND_CONTAIN);
	guard_decide_switch(&sw, &s.rules, &s.state, now_ns, &s.plan);
	assert_int_equal(s.plan.changes, 0); /* hold_ns 0: findings are waited for */
	s.rules.hold_ns = 600 * NS_PER_S;
	guard_decide_switch(&sw, &s.rules, &s.state, now_ns, &s.plan);
	assert_int_equal(s.plan.changes, 2);
	assert_int_equal(s.plan.change[0].cause, CAUSE_SWITCH);
	assert_int_equal(s.plan.change[0].until_ns, now_ns + 600 * NS_PER_S);
	assert_true(s.plan.change[1].contain && s.plan.change[1].cause == CAUSE_SWITCH);
	/* its line has its words and no E, and is read as it was */
	s.plan.change[0].id = 1;
	trail_say(&line, &s.plan.change[0], ACT_MADE, now_ns, NULL);
	assert_null(strstr(out_string(&line), "e_value"));
	assert_int_equal(trail_reader_new(&reader), 0);
	assert_true(trail_read(reader, span_of(out_string(&line)), &read, &act));
	assert_int_equal(read.cause, CAUSE_SWITCH);
	assert_string_equal(read.words, sw.words);
	trail_reader_free(reader);
	out_fini(&line);
	/* once; but a finding's change is another, for its own time */
	for (size_t i = 0; i < 2; i++) {
		s.plan.change[i].id = i + 1;
		assert_int_equal(guard_state_add(&s.state, &s.plan.change[i]), 0);
	}
	guard_decide_switch(&sw, &s.rules, &s.state, now_ns, &s.plan);
	assert_int_equal(s.plan.changes, 0);
	guard_decide(s.finding, &s.rules, &s.state, now_ns, &s.plan);
	assert_int_equal(s.plan.changes, 2);
	assert_int_equal(s.plan.change[0].cause, CAUSE_FINDING);
	assert_int_equal(s.plan.change[0].until_ns, now_ns + 3600 * NS_PER_S);
	/* who only tells does nothing about it; of who asks by experiment only the limit holds */
	sw.to.peer = addr("198.51.100.9");
	s.rules.response = RESPOND_ALERT;
	guard_decide_switch(&sw, &s.rules, &s.state, now_ns, &s.plan);
	assert_int_equal(s.plan.changes, 0);
	s.rules.response = RESPOND_PROBE;
	guard_decide_switch(&sw, &s.rules, &s.state, now_ns, &s.plan);
	assert_int_equal(s.plan.changes, 0);
	sw.many = true;
	sw.host = addr("10.0.0.6");
	s.rules.hosts = 2;
	guard_decide_switch(&sw, &s.rules, &s.state, now_ns, &s.plan);
	assert_int_equal(s.plan.changes, 2);
	assert_true(s.plan.change[1].contain);
	strike(&s);
}

static void names(void **state)
{
	static const char *const bad[] = {
		"", "a", "a.", ".a", "a..b", "A.b", "a b.c", "a;.b", "a\n.b"};
	char label[80] = "", name[4 * sizeof label] = "";
	(void)state;
	assert_true(guard_name_is_plain("_x-1.tun.example"));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(guard_name_is_plain(bad[i]));
	for (size_t i = 0; i < 64; i++)
		label[i] = 'a';
	(void)snprintf(name, sizeof name, "%s.b", label);
	assert_false(guard_name_is_plain(name));
	label[63] = '\0';
	(void)snprintf(name, sizeof name, "%s.%s.%s.%s", label, label, label, label);
	assert_false(guard_name_is_plain(name));
	struct guard_state s = {0};
	struct out zone = {0};
	struct guard_change c = {.id = 7, .name = "tun.example"}, block = {.id = 8};
	assert_int_equal(guard_state_add(&s, &c), 0);
	assert_int_equal(guard_state_add(&s, &block), 0);
	guard_zone_say(&zone, &s, 42);
	assert_non_null(strstr(out_string(&zone), "root.localhost. 42 "));
	assert_non_null(strstr(
		out_string(&zone), "\ntun.example CNAME . ; change 7\n*.tun.example CNAME .\n"));
	assert_null(strstr(out_string(&zone), "change 8"));
	/* whoever asked for it */
	struct guard_change again = {.host = addr("10.0.0.9"), .name = "tun.example"};
	assert_non_null(guard_changes_find(s.change, s.count, &again));
	out_fini(&zone);
	guard_state_fini(&s);
}

static void tunnel_to(struct scene *s, const char *name)
{
	s->finding->kind = KIND_TUNNEL;
	struct finding_channel *c = &s->finding->channel[1];
	c->addr_count = 0;
	c->port = 53;
	c->names[0] = name;
	c->name_count = 1;
}

static void a_tunnel_s_name(void **state)
{
	struct scene s;
	struct addr host = addr("10.0.0.5"), key = guard_name_key("tun.example");
	(void)state;
	set(&s, RESPOND_BLOCK);
	s.rules.askers = s.crowd;
	tunnel_to(&s, "aa.bb.tun.example");
	decide(&s);
	assert_int_equal(s.plan.changes, 0); /* no zone */
	s.rules.names = true;
	left_alone(&s, LEAVE_UNSEEN);
	crowd_add(s.crowd, &key, &host);
	decide(&s);
	assert_int_equal(s.plan.changes, 1);
	assert_string_equal(s.plan.change[0].name, "tun.example");
	assert_string_equal(guard_change_action(&s.plan.change[0]), "name");
	assert_int_equal(guard_state_add(&s.state, &s.plan.change[0]), 0);
	decide(&s);
	assert_int_equal(s.plan.changes + s.plan.lefts, 0);
	guard_state_fini(&s.state);
	s.finding->channel[1].failures = s.finding->channel[1].connections;
	left_alone(&s, LEAVE_FAILED);
	s.finding->channel[1].failures = 0;
	static const char *const suffixes[] = {"co.uk", "github.io", "com", "a;b.example"};
	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		tunnel_to(&s, suffixes[i]);
		left_alone(&s, LEAVE_SUFFIX);
	}
	tunnel_to(&s, "1.0.0.10.in-addr.arpa");
	decide(&s);
	assert_int_equal(s.plan.changes, 0);
	strike(&s);
}

static void limits(void **state)
{
	struct scene s;
	(void)state;
	set(&s, RESPOND_BLOCK);
	s.rules.channels = 1;
	struct guard_change there = {
		.id = 1, .host = addr("10.0.0.9"), .peer = addr("198.51.100.99"), .proto = 6};
	assert_int_equal(guard_state_add(&s.state, &there), 0);
	left_alone(&s, LEAVE_FULL);
	s.rules.channels = 2;
	s.state.minute_ns = 41 * NS_PER_S;
	s.state.changes = 10;
	left_alone(&s, LEAVE_RATE);
	s.state.minute_ns = 40 * NS_PER_S;
	decide(&s);
	assert_int_equal(s.plan.changes, 1);
	strike(&s);
}

static void containment(void **state)
{
	struct scene s;
	(void)state;
	set(&s, RESPOND_CONTAIN);
	decide(&s);
	assert_int_equal(s.plan.changes, 2);
	assert_false(s.plan.change[0].contain);
	assert_true(s.plan.change[1].contain);
	assert_true(addr_is_none(&s.plan.change[1].peer));
	s.finding->channel[1].failures = 3; /* failures alone contain nobody */
	decide(&s);
	assert_int_equal(s.plan.changes, 0);
	s.rules.response = RESPOND_ALERT;
	s.finding->channel[1].failures = 0;
	decide(&s);
	assert_int_equal(s.plan.changes, 0);
	strike(&s);
}

static void what_follows_a_block(void **state)
{
	struct scene s;
	struct guard_new n = {.host = addr("10.0.0.5"),
		.peer = addr("203.0.113.9"),
		.proto = 6,
		.port = 8080,
		.start_ns = 130 * NS_PER_S,
		.first = true};
	(void)state;
	set(&s, RESPOND_BLOCK);
	crowd_add(s.crowd, &n.peer, &n.host);
	assert_true(crowd_knows(s.crowd, &n.peer, &n.host));
	decide(&s);
	s.plan.change[0].id = 1;
	assert_int_equal(guard_state_add(&s.state, &s.plan.change[0]), 0);
	struct guard_change hit = s.plan.change[0];
	guard_follow(&n, &s.rules, &s.state, n.start_ns, &s.plan);
	assert_int_equal(s.plan.changes, 0); /* nothing was dropped yet */
	guard_state_deny(&s.state, &hit, 120 * NS_PER_S);
	guard_follow(&n, &s.rules, &s.state, n.start_ns, &s.plan);
	assert_int_equal(s.plan.changes, 1);
	assert_true(addr_eq(&s.plan.change[0].peer, &n.peer));
	assert_int_equal(s.plan.change[0].port, 8080);
	assert_int_equal(s.plan.change[0].follows, 1);
	const struct guard_new wanted = n;
	struct guard_new other[5] = {n, n, n, n, n};
	other[0].named = true;
	other[1].first = false;
	other[2].expected = true;
	other[3].host = addr("10.0.0.6");
	other[4].start_ns = 120 * NS_PER_S + GUARD_FOLLOW_NS + 1;
	for (size_t i = 0; i < ARRAY_LEN(other); i++) {
		guard_follow(&other[i], &s.rules, &s.state, n.start_ns, &s.plan);
		assert_int_equal(s.plan.changes, 0);
	}
	s.rules.channels = 1;
	guard_follow(&wanted, &s.rules, &s.state, n.start_ns, &s.plan);
	assert_int_equal(s.plan.changes, 0);
	assert_int_equal(s.plan.left[0].why, LEAVE_FULL);
	s.rules.channels = 2;
	s.state.change[0].named =
		true; /* what was found by a name is not followed by bare addresses */
	guard_follow(&wanted, &s.rules, &s.state, n.start_ns, &s.plan);
	assert_int_equal(s.plan.changes, 0);
	strike(&s);
}

static void the_trail_remembers_what_is_in_force(void **state)
{
	char path[] = "/tmp/postern-trail-XXXXXX";
	struct guard_state s = {0}, later = {0};
	struct guard_change c = {.host = addr("10.0.0.5"),
		.peer = addr("198.51.100.8"),
		.proto = 6,
		.port = 443,
		.at_ns = 100 * NS_PER_S,
		.until_ns = 200 * NS_PER_S,
		.e_value = 1e-6,
		.finding = "00112233445566778899aabbccddeeff"};
	struct fail why = {0};
	FILE *trail = NULL, *second = NULL;
	int fd = mkstemp(path);
	(void)state;
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(trail_open(&trail, path, &s, c.at_ns, &why), 0);
	assert_true(trail_open(&second, path, &later, c.at_ns, &why) < 0);
	for (c.id = 1; c.id <= 4; c.id++)
		assert_int_equal(trail_add(trail, &c, ACT_MADE, c.at_ns, NULL, &why), 0);
	c.id = 2;
	assert_int_equal(trail_add(trail, &c, ACT_ENDED, c.at_ns, NULL, &why), 0);
	c.id = 3;
	assert_int_equal(trail_add(trail, &c, ACT_REFUSED, c.at_ns, NULL, &why), 0);
	c.id = 9;
	assert_int_equal(trail_add(trail, &c, ACT_WOULD, c.at_ns, NULL, &why), 0);
	(void)fputs("{\"type\":\"change\",\"act\":\"ma", trail); /* the power went */
	(void)fclose(trail);
	assert_int_equal(trail_open(&trail, path, &later, c.at_ns, &why), 0);
	assert_int_equal(later.count, 2);
	assert_int_equal(later.last_id, 9);
	c.id = 10;
	assert_int_equal(trail_add(trail, &c, ACT_MADE, c.at_ns, NULL, &why), 0);
	(void)fclose(trail);
	guard_state_fini(&later);
	assert_int_equal(trail_open(&trail, path, &later, c.at_ns, &why), 0);
	assert_int_equal(later.count, 3);
	assert_true(guard_state_take(&later, 10, &c));
	assert_int_equal(c.port, 443);
	assert_int_equal(c.until_ns, 200 * NS_PER_S);
	(void)fclose(trail);
	guard_state_fini(&later);
	assert_int_equal(trail_open(&trail, path, &later, 200 * NS_PER_S, &why), 0);
	assert_int_equal(later.count, 0); /* all have ended */
	(void)fclose(trail);
	guard_state_fini(&later);
	(void)unlink(path);
}

static void what_an_operator_ended_is_held(void **state)
{
	char path[] = "/tmp/postern-trail-XXXXXX";
	struct scene s;
	struct fail why = {0};
	FILE *trail = NULL;
	int fd = mkstemp(path);
	(void)state;
	assert_true(fd >= 0);
	close(fd);
	set(&s, RESPOND_BLOCK);
	guard_decide(s.finding, &s.rules, &s.state, 100 * NS_PER_S, &s.plan);
	assert_int_equal(s.plan.changes, 1);
	struct guard_change c = s.plan.change[0];
	c.id = 1;
	c.held_ns = 300 * NS_PER_S;
	assert_int_equal(trail_open(&trail, path, &s.state, 100 * NS_PER_S, &why), 0);
	assert_int_equal(trail_add(trail, &c, ACT_ENDED, 100 * NS_PER_S, NULL, &why), 0);
	(void)fclose(trail);
	assert_int_equal(trail_open(&trail, path, &s.state, 101 * NS_PER_S, &why), 0);
	(void)fclose(trail);
	guard_decide(s.finding, &s.rules, &s.state, 299 * NS_PER_S, &s.plan);
	assert_int_equal(s.plan.changes, 0);
	assert_int_equal(s.plan.left[0].why, LEAVE_UNDONE);
	guard_decide(s.finding, &s.rules, &s.state, 301 * NS_PER_S, &s.plan);
	assert_int_equal(s.plan.changes, 1);
	s.finding->id[0] = 'f'; /* another finding is another matter */
	guard_decide(s.finding, &s.rules, &s.state, 200 * NS_PER_S, &s.plan);
	assert_int_equal(s.plan.changes, 1);
	for (c.held_ns = 400 * NS_PER_S; c.held_ns < 2000 * NS_PER_S; c.held_ns += NS_PER_S)
		assert_int_equal(guard_state_hold(&s.state, &c), 0);
	assert_int_equal(s.state.helds, GUARD_HELD_MAX);
	strike(&s);
	(void)unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_fallback_is_blocked_and_nothing_else),
		cmocka_unit_test(what_is_left_alone),
		cmocka_unit_test(known_bad),
		cmocka_unit_test(a_switch_before_there_is_a_finding),
		cmocka_unit_test(names),
		cmocka_unit_test(a_tunnel_s_name),
		cmocka_unit_test(limits),
		cmocka_unit_test(containment),
		cmocka_unit_test(what_follows_a_block),
		cmocka_unit_test(the_trail_remembers_what_is_in_force),
		cmocka_unit_test(what_an_operator_ended_is_held),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
