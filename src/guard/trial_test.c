#include "guard/trial.h"

#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "base/testing.h"

#define SLOT     (10 * NS_PER_S)
#define STEP     (NS_PER_S / 2)
#define MADE_MAX 256

static struct addr addr(const char *text)
{
	struct addr a = {0};
	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static const char *const servers[] = {
	"198.18.1.1", "198.18.2.1", "198.18.3.1", "198.18.4.1", "198.18.5.1"};

#define SWITCH_WORDS "new, and after 198.18.1.1 port 443 protocol 6: it failed 2 s before"

struct scene {
	struct trials *trials;
	struct strings *strings;
	struct hosts *hosts;
	struct crowd *crowd, *askers;
	struct guard_rules rules;
	struct finding finding;
	struct cidr never;
	int64_t now_ns;
	struct guard_change made[MADE_MAX];
	size_t mades, shams, contains, released;
	bool refuses;   /* what is to be made is not */
	bool by_switch; /* it is asked before there is a finding */
	enum trial_news last;
	enum probe_verdict verdict;
	bool blocks[64]; /* of each slot */
	size_t slots, begun, confirmed, ended;
};

static bool make(void *context, const struct guard_change *change)
{
	struct scene *s = context;
	if (s->refuses)
		return false;
	assert_true(s->mades < MADE_MAX);
	s->made[s->mades++] = *change;
	s->contains += change->contain;
	return true;
}

static void sham(void *context, const struct guard_change *change)
{
	struct scene *s = context;
	assert_false(change->contain);
	s->shams++;
}

static void release(void *context, const struct trial *t)
{
	struct scene *s = context;
	for (size_t i = 0; i < s->mades; i++)
		if (s->made[i].experiment == t->number && s->made[i].until_ns > s->now_ns) {
			s->made[i].until_ns = s->now_ns;
			s->released++;
		}
}

static void news(void *context, enum trial_news n, const struct trial *t, const struct probe *one)
{
	struct scene *s = context;
	if (s->by_switch)
		assert_string_equal(t->words, SWITCH_WORDS);
	else
		assert_string_equal(t->finding, "00112233445566778899aabbccddeeff");
	s->last = n;
	s->verdict = one->verdict;
	s->begun += n == TRIAL_BEGUN;
	s->confirmed += n == TRIAL_CONFIRMED;
	s->ended += n == TRIAL_ENDED;
}

/* 10.0.0.5 left servers[0] for servers[1]. */
static struct finding finding_of(void)
{
	struct finding f = {.host = addr("10.0.0.5"), .e_value = 0.02, .channels = 2};
	(void)snprintf(f.id, sizeof f.id, "00112233445566778899aabbccddeeff");
	for (size_t i = 0; i < 2; i++)
		f.channel[i] =
			(struct finding_channel){.role = i == 0 ? ROLE_PRIMARY : ROLE_FALLBACK,
				.transport = TRANSPORT_TCP,
				.port = 443,
				.endpoint = servers[i],
				.addrs[0] = addr(servers[i]),
				.addr_count = 1,
				.connections = 3,
				.failures = i == 0 ? 3 : 0,
				.last_ns = 2 * NS_PER_S};
	return f;
}

static void open_trials(struct scene *s, uint64_t seed, bool dry)
{
	struct trials_options o = {.probe = probe_config_usual(),
		.rest_ns = 3600 * NS_PER_S,
		.expiry_ns = 3600 * NS_PER_S,
		.hooks = {.context = s,
			.make = make,
			.sham = sham,
			.release = release,
			.news = news}};
	struct fail why;
	o.probe.slot_min_ns = SLOT;
	o.probe.dry = dry;
	o.probe.coin = (struct hash_key){seed, 1};
	assert_int_equal(trials_new(&s->trials, &o, &why), 0);
}

/* What is told to the trials is told to the host's memory, as a guard does. */
static void remember(struct scene *s, const struct event *e)
{
	struct host *full = hosts_add(s->hosts, e);
	if (full != NULL)
		host_retire(full);
}

static void met(struct scene *s, const char *server, int64_t at_ns, bool answered)
{
	static uint64_t id;
	id++;
	struct event e = {.kind = EVENT_CONN,
		.conn = {.id = id,
			.settled = true,
			.ended = true,
			.start_ns = at_ns,
			.fail_ns = answered ? 0 : at_ns,
			.end_ns = at_ns,
			.client = s->finding.host,
			.server = addr(server),
			.client_port = (uint16_t)(20000 + id % 40000),
			.server_port = 443,
			.ip_proto = 6,
			.transport = TRANSPORT_TCP,
			.outcome = answered ? OUTCOME_OK : OUTCOME_REFUSED,
			.packets_out = 1,
			.packets_in = answered,
			.tries = 1}};
	remember(s, &e);
}

static void set(struct scene *s, uint64_t seed, bool dry)
{
	*s = (struct scene){.finding = finding_of(), .now_ns = 1000 * NS_PER_S};
	assert_int_equal(crowd_new(&s->crowd), 0);
	s->rules = (struct guard_rules){
		.response = RESPOND_PROBE, .max_e = 1, .popular = CROWD_HOSTS, .crowd = s->crowd};
	struct addr server = addr(servers[1]);
	crowd_add(s->crowd, &server, &s->finding.host);
	open_trials(s, seed, dry);
	assert_int_equal(strings_new(&s->strings, 1 << 16, 1 << 10), 0);
	const struct hosts_options o = {.strings = s->strings};
	assert_int_equal(hosts_new(&s->hosts, &o), 0);
	/* it lived with the first, until that died */
	for (int64_t at_ns = 10 * NS_PER_S; at_ns < s->now_ns - 60 * NS_PER_S; at_ns += SLOT / 2)
		met(s, servers[0], at_ns, true);
	met(s, servers[0], s->now_ns - 60 * NS_PER_S, false);
	met(s, servers[1], s->now_ns - 60 * NS_PER_S, true);
}

static void strike(struct scene *s)
{
	hosts_free(s->hosts);
	strings_free(s->strings);
	trials_free(s->trials);
	crowd_free(s->crowd);
}

static enum guard_leave ask(struct scene *s)
{
	struct guard_plan plan;
	const struct guard_switch sw = {.host = s->finding.host,
		.left = {.peer = addr(servers[0]), .proto = 6, .port = 443},
		.to = {.peer = s->finding.channel[1].addrs[0], .proto = 6, .port = 443},
		.words = SWITCH_WORDS};
	if (s->by_switch)
		trials_ask_switch(s->trials, &sw, &s->rules, s->hosts, s->now_ns, &plan);
	else
		trials_ask(s->trials, &s->finding, &s->rules, s->hosts, s->now_ns, &plan);
	assert_int_equal(plan.changes, 0);
	return plan.lefts == 0 ? LEAVE_NONE : plan.left[0].why;
}

static bool is_shut(const struct scene *s, const struct addr *peer)
{
	for (size_t i = 0; i < s->mades; i++)
		if (s->made[i].until_ns > s->now_ns &&
			(s->made[i].contain || addr_eq(&s->made[i].peer, peer)))
			return true;
	return false;
}

/* One contact, and whether it was answered. */
static bool contact(struct scene *s, const char *server, bool alive)
{
	struct trial_contact c = {.host = s->finding.host,
		.peer = addr(server),
		.start_ns = s->now_ns,
		.proto = 6,
		.port = 443};
	c.answered = alive && !is_shut(s, &c.peer);
	c.first = !crowd_knows(s->crowd, &c.peer, &c.host);
	if (c.answered)
		crowd_add(s->crowd, &c.peer, &c.host);
	trials_saw(s->trials, &c, &s->rules, s->hosts, s->now_ns);
	met(s, server, s->now_ns, c.answered);
	return c.answered;
}

static void turn(struct scene *s)
{
	const struct probe *one = trials_find(s->trials, &s->finding.host);
	uint32_t before = one->slots;
	(void)trials_turn(s->trials, s->now_ns);
	if (one->slots > before && s->slots < ARRAY_LEN(s->blocks))
		s->blocks[s->slots++] = one->block;
}

/* Until it is over: what is at `first` of the servers goes to the next of `count` when it is not
 * answered; the primary is dead. */
static void play(struct scene *s, size_t first, size_t count, size_t steps)
{
	size_t at = first;
	for (size_t i = 0; i < steps && s->ended == 0; i++) {
		s->now_ns += STEP;
		if (!contact(s, servers[at], at > 0) && ++at == count)
			at = count > 1 && first == 1 ? 1 : 0;
		turn(s);
	}
}

static void a_list_is_found_and_contained(void **state)
{
	static struct scene s;
	set(&s, 7, false);
	s.by_switch = *state != NULL;
	assert_int_equal(ask(&s), LEAVE_NONE);
	assert_int_equal(s.begun, 1);
	play(&s, 1, 4, 4000);
	assert_int_equal(s.confirmed, 1);
	assert_int_equal(s.verdict, PROBE_CONFIRMED);
	assert_int_equal(s.contains, 1);
	for (size_t i = 1; i < 4; i++) {
		struct addr peer = addr(servers[i]);
		s.made[s.mades - 1].contain = false; /* by themselves */
		assert_true(is_shut(&s, &peer));
	}
	for (size_t i = 0; i < s.mades; i++) {
		assert_int_equal(s.made[i].experiment, 1);
		assert_int_equal(s.made[i].cause, s.by_switch ? CAUSE_SWITCH : CAUSE_FINDING);
	}
	assert_true(s.shams > 0);
	strike(&s);
}

/* The finding may not name what the host left. */
static void the_end_of_a_list_is_known_by_its_dead_ways(void **state)
{
	static struct scene s;
	bool named = *state != NULL;
	set(&s, 8, false);
	if (!named)
		s.finding.channel[0] = s.finding.channel[--s.finding.channels];
	assert_int_equal(ask(&s), LEAVE_NONE);
	for (size_t i = 0; i < 4000 && s.ended == 0; i++) {
		s.now_ns += STEP;
		if (!contact(&s, servers[1], true))
			(void)contact(&s, servers[0], false); /* the finding's own primary */
		turn(&s);
	}
	assert_int_equal(s.verdict, PROBE_CONFIRMED);
	strike(&s);
}

/* That it met silence is known long after it was tried. */
static void what_is_told_late_is_of_the_slot_in_which_it_began(void **state)
{
	static struct scene s;
	(void)state;
	for (int within = 0; within < 2; within++) {
		set(&s, 8, true);
		assert_int_equal(ask(&s), LEAVE_NONE);
		for (size_t i = 0; i < 300; i++) {
			s.now_ns += STEP;
			(void)contact(&s, servers[1], true);
			turn(&s);
			const struct probe *one = trials_find(s.trials, &s.finding.host);
			if (one->phase != PROBE_REST || one->slots == 0)
				continue;
			struct trial_contact c = {.host = s.finding.host,
				.peer = addr(servers[0]),
				.start_ns = one->began_ns - (within ? 1 : SLOT + 1),
				.proto = 6,
				.port = 443};
			trials_saw(s.trials, &c, &s.rules, s.hosts, s.now_ns);
		}
		const struct probe *one = trials_find(s.trials, &s.finding.host);
		assert_true(one->count[PROBE_IN_SHAM].windows > 3);
		assert_int_equal(probe_hits(&one->count[PROBE_IN_SHAM]),
			within ? one->count[PROBE_IN_SHAM].windows : 0);
		strike(&s);
	}
}

/* It had failed, and is tried again all the time, or is everybody's, or the policy's. */
static void what_is_tried_anyway_counts_nothing(void **state)
{
	static struct scene s;
	(void)state;
	for (int common = 0; common < 2; common++) {
		set(&s, 8, true);
		assert_int_equal(ask(&s), LEAVE_NONE);
		for (size_t i = 0; i < 1000; i++) {
			s.now_ns += STEP;
			(void)contact(&s, servers[1], true);
			struct trial_contact c = {.host = s.finding.host,
				.peer = addr(servers[3]),
				.start_ns = s.now_ns,
				.proto = 6,
				.port = 443,
				.first = true,
				.common = common != 0};
			if (i % (common ? 50 : 15) == 0) {
				trials_saw(s.trials, &c, &s.rules, s.hosts, s.now_ns);
				met(&s, servers[3], s.now_ns, false);
			}
			turn(&s);
		}
		const struct probe *one = trials_find(s.trials, &s.finding.host);
		assert_true(one->count[PROBE_IN_SHAM].windows > 3);
		assert_true(probe_hits(&one->count[PROBE_IN_SHAM]) <=
			    (common ? 0 : 1)); /* the first time it is new */
		strike(&s);
	}
}

static void ask_name(struct scene *s, const char *name, bool answered)
{
	struct trial_contact c = {.host = s->finding.host,
		.start_ns = s->now_ns,
		.lookup = true,
		.domain = name,
		.answered = answered};
	struct addr key = guard_name_key(name);
	crowd_add(s->askers, &key, &c.host);
	trials_saw(s->trials, &c, &s->rules, s->hosts, s->now_ns);
}

/* Questions can't be stopped by addresses: the domain is not answered while a block lasts. */
static void a_tunnel_is_shut_by_its_name(void **state)
{
	static struct scene s;
	(void)state;
	set(&s, 8, false);
	assert_int_equal(crowd_new(&s.askers), 0);
	s.rules.askers = s.askers;
	s.finding.channel[1].addr_count = 0;
	s.finding.channel[1].port = 53;
	s.finding.channel[1].transport = TRANSPORT_UDP;
	s.finding.channel[1].names[0] = s.finding.channel[1].endpoint = "cover.example";
	s.finding.channel[1].name_count = 1;
	struct addr key = guard_name_key("cover.example");
	crowd_add(s.askers, &key, &s.finding.host);
	assert_int_equal(ask(&s), LEAVE_UNSEEN); /* no zone is kept */
	s.rules.names = true;
	assert_int_equal(ask(&s), LEAVE_NONE);
	for (size_t i = 0; i < 4000 && s.ended == 0; i++) {
		s.now_ns += STEP;
		bool open = s.mades == 0 || s.made[s.mades - 1].until_ns <= s.now_ns;
		ask_name(&s, "cover.example", open);
		if (!open)
			(void)contact(&s, servers[0], false);
		turn(&s);
	}
	assert_int_equal(s.verdict, PROBE_CONFIRMED);
	assert_true(s.mades > 4 && s.shams > 0);
	for (size_t i = 0; i < s.mades; i++)
		assert_true(s.made[i].contain || strcmp(s.made[i].name, "cover.example") == 0);
	crowd_free(s.askers);
	strike(&s);
}

static void what_goes_nowhere_is_cleared(void **state)
{
	static struct scene s;
	struct addr server = addr(servers[1]);
	set(&s, 9, false);
	s.by_switch = *state != NULL;
	assert_int_equal(ask(&s), LEAVE_NONE);
	for (size_t i = 0; i < 4000 && s.ended == 0; i++) {
		s.now_ns += STEP;
		(void)contact(&s, servers[1], true);
		turn(&s);
	}
	assert_int_equal(s.verdict, PROBE_CLEARED);
	assert_int_equal(s.contains, 0);
	s.now_ns += SLOT;
	assert_false(is_shut(&s, &server));
	s.now_ns += 10 * SLOT;
	assert_int_equal(ask(&s), LEAVE_ASKED);
	if (s.by_switch) { /* what it goes over to next is another question */
		server = s.finding.channel[1].addrs[0] = addr(servers[2]);
		crowd_add(s.crowd, &server, &s.finding.host);
	}
	s.now_ns += s.by_switch ? 0 : 3600 * NS_PER_S;
	assert_int_equal(ask(&s), LEAVE_NONE);
	strike(&s);
}

static void a_dry_run_makes_nothing_and_decides_nothing(void **state)
{
	static struct scene s;
	(void)state;
	set(&s, 7, true);
	assert_int_equal(ask(&s), LEAVE_NONE);
	play(&s, 1, 4, 40000);
	assert_int_equal(s.ended, 1);
	assert_int_equal(s.verdict, PROBE_UNDECIDED);
	assert_int_equal(s.mades, 0);
	assert_int_equal(s.shams, 64);
	strike(&s);
}

static void the_seed_gives_the_coins(void **state)
{
	static struct scene a, b, c;
	(void)state;
	set(&a, 7, false);
	set(&b, 7, false);
	set(&c, 1234, false);
	struct scene *const all[] = {&a, &b, &c};
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(ask(all[i]), LEAVE_NONE);
		play(all[i], 1, 5, 4000);
	}
	assert_int_equal(a.slots, b.slots);
	assert_memory_equal(a.blocks, b.blocks, sizeof a.blocks);
	assert_true(a.slots != c.slots || memcmp(a.blocks, c.blocks, sizeof a.blocks) != 0);
	strike(&a);
	strike(&b);
	strike(&c);
}

static void what_may_not_be_asked_about(void **state)
{
	static struct scene s;
	(void)state;
	set(&s, 7, false);
	s.finding.explained = "mirror";
	assert_int_equal(ask(&s), LEAVE_EXPLAINED);
	s.finding.explained = NULL;
	s.finding.e_value = 1.5;
	assert_int_equal(ask(&s), LEAVE_WEAK);
	s.finding.e_value = 0.02;
	s.finding.channel[1].failures = 3;
	assert_int_equal(ask(&s), LEAVE_FAILED);
	s.finding.channel[1].failures = 0;
	assert_int_equal(cidr_parse("198.18.2.0/24", &s.never), 0);
	s.rules.never = &s.never;
	s.rules.nevers = 1;
	assert_int_equal(ask(&s), LEAVE_NEVER);
	s.rules.nevers = 0;
	static const char named[] = "version: 1\nzones: {lan: {networks: 10.0.0.0/24}}\nservices: "
				    "{web: {protocol: tcp, ports: 443}}\nrules:\n"
				    "  - {id: a, owner: o, why: w, from: lan, to: 198.18.2.1, "
				    "service: web, action: allow}\n";
	struct policy *policy = NULL;
	struct fail why;
	assert_int_equal(policy_parse(&policy, "p", cur_of(named, strlen(named)), &why), 0);
	s.rules.expected.policy = policy;
	assert_int_equal(ask(&s), LEAVE_NAMED);
	s.by_switch = true;
	assert_int_equal(ask(&s), LEAVE_NAMED);
	s.by_switch = false;
	s.rules.expected.policy = NULL;
	policy_free(policy);
	struct addr server = addr(servers[1]);
	for (uint32_t i = 0; i < CROWD_HOSTS; i++) {
		struct addr host = addr_v4(0x0a000100u + i);
		crowd_add(s.crowd, &server, &host);
	}
	assert_int_equal(ask(&s), LEAVE_POPULAR);
	assert_int_equal(s.begun, 0);
	strike(&s);
}

static void half_a_block_counts_as_none(void **state)
{
	static struct scene s;
	struct addr server = addr(servers[1]);
	(void)state;
	set(&s, 7, false);
	s.refuses = true;
	assert_int_equal(ask(&s), LEAVE_NONE);
	play(&s, 1, 4, 4000);
	assert_int_equal(s.verdict, PROBE_STOPPED);
	strike(&s);
	set(&s, 7, false); /* and an operator's word opens it */
	assert_int_equal(ask(&s), LEAVE_NONE);
	while (!is_shut(&s, &server))
		play(&s, 1, 2, 1);
	assert_true(trials_stop(s.trials, &s.finding.host, s.now_ns));
	turn(&s);
	assert_int_equal(s.verdict, PROBE_STOPPED);
	assert_int_equal(s.released, 1);
	assert_false(is_shut(&s, &server));
	strike(&s);
}

static void refuse(const struct out *bytes, size_t len)
{
	struct scene s = {0};
	struct fail why;
	open_trials(&s, 7, false);
	assert_int_equal(trials_restore(s.trials, bytes->text, len, 1, &why), -EPROTO);
	assert_null(trials_get(s.trials, 0));
	trials_free(s.trials);
}

/* Killed again and again, it is one experiment. */
static void it_goes_on_after_a_restart(void **state)
{
	static struct scene s;
	struct fail why;
	set(&s, 7, false);
	s.by_switch = *state != NULL;
	assert_int_equal(ask(&s), LEAVE_NONE);
	/* a slot of a channel that is met every five seconds is longer */
	size_t restarts = 0, at = 1, every = s.by_switch ? 83 : 97;
	for (size_t i = 0; i < 20000 && s.ended == 0; i++) {
		s.now_ns += STEP;
		if (!contact(&s, servers[at], at > 0) && ++at == 4)
			at = 1;
		turn(&s);
		if (i % every != every - 1)
			continue;
		struct out bytes = {0};
		trials_save(s.trials, &bytes);
		trials_free(s.trials);
		open_trials(&s, 7, false);
		assert_int_equal(
			trials_restore(s.trials, bytes.text, bytes.len, s.now_ns, &why), 0);
		for (size_t n = 0; n < bytes.len && restarts == 0; n++) /* cut anywhere */
			refuse(&bytes, n);
		out_fini(&bytes);
		restarts++;
	}
	assert_true(restarts > 2);
	assert_int_equal(s.begun, 1);
	assert_int_equal(s.verdict, PROBE_CONFIRMED);
	assert_int_equal(s.contains, 1);
	strike(&s);
}

int main(void)
{
	static bool named = true, by_switch = true;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_is_found_and_contained),
		cmocka_unit_test_prestate(a_list_is_found_and_contained, &by_switch),
		cmocka_unit_test(the_end_of_a_list_is_known_by_its_dead_ways),
		cmocka_unit_test_prestate(the_end_of_a_list_is_known_by_its_dead_ways, &named),
		cmocka_unit_test(what_is_told_late_is_of_the_slot_in_which_it_began),
		cmocka_unit_test(what_is_tried_anyway_counts_nothing),
		cmocka_unit_test(a_tunnel_is_shut_by_its_name),
		cmocka_unit_test(what_goes_nowhere_is_cleared),
		cmocka_unit_test_prestate(what_goes_nowhere_is_cleared, &by_switch),
		cmocka_unit_test(a_dry_run_makes_nothing_and_decides_nothing),
		cmocka_unit_test(the_seed_gives_the_coins),
		cmocka_unit_test(what_may_not_be_asked_about),
		cmocka_unit_test(half_a_block_counts_as_none),
		cmocka_unit_test(it_goes_on_after_a_restart),
		cmocka_unit_test_prestate(it_goes_on_after_a_restart, &by_switch),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
