#include "host/testing.h"
#include "judge/testing.h"

/* Clocks that stop, begin and take turns, in seconds since the start of the test. */

#define HOUR 3600.0

/* A generator of its own (splitmix64): the same numbers everywhere. */
static double draw(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

struct contact {
	double at_s;
	char server[40];
	uint16_t port;
	enum outcome outcome;
};

struct plan {
	struct contact contact[4096];
	uint32_t count;
};

static void plan_add(struct plan *p, const char *server, uint16_t port, double at_s, enum outcome o)
{
	assert_true(p->count < ARRAY_LEN(p->contact));
	struct contact *c = &p->contact[p->count++];
	*c = (struct contact){.at_s = at_s, .port = port, .outcome = o};
	(void)snprintf(c->server, sizeof c->server, "%s", server);
}

static void plan_clock(
	struct plan *p, const char *server, uint16_t port, double from_s, double every_s, int count)
{
	for (int i = 0; i < count; i++)
		plan_add(p, server, port, from_s + i * every_s, OUTCOME_OK);
}

static int by_time(const void *a, const void *b)
{
	const struct contact *x = a, *y = b;
	return (x->at_s > y->at_s) - (x->at_s < y->at_s);
}

/* Hunts the plan; the caller stops the run. */
static void hunt(struct run *r, struct plan *p, double max_e)
{
	run_start(r);
	qsort(p->contact, p->count, sizeof *p->contact, by_time);
	for (uint32_t i = 0; i < p->count; i++) {
		const struct contact *c = &p->contact[i];
		add(r, conn_event(c->server, c->port, c->at_s, c->outcome, 1));
	}
	run_finish(r, max_e);
}

/* Two hours of something else that the host does: one server every minute. */
static void plan_company(struct plan *p)
{
	plan_clock(p, "198.51.100.200", 443, 7, 47, 153);
}

static const struct finding *strongest(const struct run *r)
{
	assert_true(judge_count(r->judge) > 0);
	return judge_get(r->judge, 0);
}

static void assert_quiet(const struct run *r)
{
	for (size_t i = 0; i < judge_count(r->judge); i++) {
		const struct finding *f = judge_get(r->judge, i);
		assert_true(f->e_value > 0.1 || f->explained != NULL);
	}
}

/* The first clock's last contact is refused; another server is contacted 2 s after that, and twice
 * more: its gaps. others: servers that keep the first one's pace as well, but began before. */
static double e_of_third_contact(double first_gap_s, double second_gap_s, int others)
{
	struct plan p = {.count = 0};
	struct run r;
	plan_company(&p);
	plan_clock(&p, "192.0.2.1", 443, 100, 120, 30);
	plan_add(&p, "192.0.2.1", 443, 100 + 30 * 120, OUTCOME_REFUSED);
	double at_s = 100 + 30 * 120 + 3;
	plan_add(&p, "203.0.113.9", 443, at_s, OUTCOME_OK);
	plan_add(&p, "203.0.113.9", 443, at_s + first_gap_s, OUTCOME_OK);
	plan_add(&p, "203.0.113.9", 443, at_s + first_gap_s + second_gap_s, OUTCOME_OK);
	for (int i = 0; i < 40; i++) { /* new ones all the time: a ladder's step is nothing */
		char server[24];
		(void)snprintf(server, sizeof server, "198.18.%d.1", i);
		plan_clock(&p, server, 443, 150 + 95 * i, 120, i < others ? 3 : 1);
	}
	hunt(&r, &p, 100);
	double e = 100;
	for (size_t i = 0; i < judge_count(r.judge); i++) {
		const struct finding *f = judge_get(r.judge, i);
		if (f->kind == KIND_HANDOVER && f->explained == NULL &&
			strcmp(f->channel[f->sw[0].to].endpoint, "203.0.113.9") == 0)
			e = f->e_value;
		assert_near(bits_of(f), -log2(f->e_value), 1e-6);
	}
	run_stop(&r);
	return e;
}

static void the_pace_is_known_at_the_third_contact(void **state)
{
	(void)state;
	double e = e_of_third_contact(123, 117, 0);
	assert_true(e < 0.1);
	assert_true(e_of_third_contact(123, 150, 0) > 0.5); /* another pace */
	/* where a quarter of all beginnings keep it, that is worth as much less */
	double usual = e_of_third_contact(123, 117, 10);
	assert_true(usual > 5 * e);
}

/* The clock's name does not resolve at its next turn, and its twin begins 20 s after that: a
 * contact that did not come about is one all the same. */
static void a_name_that_is_gone_ends_a_clock(void **state)
{
	(void)state;
	struct run r;
	run_start(&r);
	for (int i = 0; i < 40; i++) {
		double at_s = 300.0 * i;
		for (int k = 0; k < 6; k++)
			add(&r, conn_event("198.51.100.200", 443, at_s + 47 * k, OUTCOME_OK, 0));
		for (int k = 0; k < 2; k++) { /* so many new ones that a ladder's step is nothing */
			char other[24];
			(void)snprintf(other, sizeof other, "198.18.%d.%d", i, k + 1);
			add(&r, conn_event(other, 443, at_s + 50 + 130 * k, OUTCOME_OK, 0));
		}
		const char *name = i < 20 ? "a.first-site.com" : "b.second-place.com";
		const char *server = i < 20 ? "192.0.2.1" : "203.0.113.9";
		if (i == 20)
			add(&r, lookup_event(
					"a.first-site.com", at_s + 285, OUTCOME_NXDOMAIN, NULL));
		double begin_s = at_s + (i < 20 ? 285 : 285 + 20);
		add(&r, lookup_event(name, begin_s, OUTCOME_OK, server));
		add(&r, conn_event(server, 80, begin_s + 0.1, OUTCOME_OK, 0));
	}
	run_finish(&r, 0.1);
	const struct finding *f = strongest(&r);
	assert_null(f->explained);
	assert_int_equal(f->kind, KIND_HANDOVER);
	assert_true(f->e_value < 0.1);
	assert_int_equal(f->sw[0].failure, OUTCOME_NXDOMAIN);
	assert_near((double)f->sw[0].after_ns, 20e9, 1.5e9);
	run_stop(&r);
}

/* The first stops after 30 contacts, the second begins when it was due again. Nothing failed. */
static void a_handover_at_the_tick(void **state)
{
	(void)state;
	struct plan p = {.count = 0};
	struct run r;
	plan_company(&p);
	plan_clock(&p, "192.0.2.1", 443, 100, 120, 30);
	plan_clock(&p, "203.0.113.9", 443, 100 + 30 * 120, 120, 28);
	hunt(&r, &p, 0.1);
	const struct finding *f = strongest(&r);
	assert_null(f->explained);
	assert_int_equal(f->kind, KIND_HANDOVER);
	assert_true(f->e_value <= 0.01);
	assert_int_equal(f->channels, 2);
	assert_string_equal(f->channel[0].endpoint, "192.0.2.1");
	assert_int_equal(f->channel[0].role, ROLE_PRIMARY);
	assert_int_equal(f->channel[1].role, ROLE_FALLBACK);
	assert_int_equal(f->switches, 1);
	assert_int_equal(f->sw[0].failure, OUTCOME_OK);
	assert_int_equal(f->sw[0].at_ns, at(3700));
	assert_int_equal(f->sw[0].after_ns, 120 * NS_PER_S);
	assert_near(bits_of(f), -log2(f->e_value), 1e-6);
	run_stop(&r);
}

/* The same, but the first goes on: nothing was handed over. */
static void a_second_clock_is_no_handover(void **state)
{
	(void)state;
	struct plan p = {.count = 0};
	struct run r;
	plan_company(&p);
	plan_clock(&p, "192.0.2.1", 443, 100, 120, 58);
	plan_clock(&p, "203.0.113.9", 443, 100 + 30 * 120, 120, 28);
	hunt(&r, &p, 0.1);
	assert_quiet(&r);
	run_stop(&r);
}

/* What begins at the first one's pace is dead: it takes nothing over. */
static void a_dead_clock_is_no_handover(void **state)
{
	(void)state;
	struct plan p = {.count = 0};
	struct run r;
	plan_company(&p);
	plan_clock(&p, "192.0.2.1", 443, 100, 120, 30);
	for (int i = 0; i < 28; i++)
		plan_add(&p, "203.0.113.9", 443, 3700 + 120 * i, OUTCOME_REFUSED);
	hunt(&r, &p, 0.1);
	assert_quiet(&r);
	run_stop(&r);
}

/* The second begins an hour after the first had stopped. */
static void a_late_clock_is_no_handover(void **state)
{
	(void)state;
	struct plan p = {.count = 0};
	struct run r;
	plan_company(&p);
	plan_clock(&p, "192.0.2.1", 443, 100, 60, 30);
	plan_clock(&p, "203.0.113.9", 443, 1900 + HOUR, 60, 28);
	hunt(&r, &p, 0.1);
	assert_quiet(&r);
	run_stop(&r);
}

/* A laptop leaves one network for another: all that it polled there stops, and others begin. */
static void a_move_is_explained(void **state)
{
	(void)state;
	struct plan p = {.count = 0};
	struct run r;
	plan_clock(&p, "192.0.2.1", 443, 100, 60, 50);
	plan_clock(&p, "192.0.2.77", 8443, 130, 300, 10);
	plan_clock(&p, "198.51.100.4", 8080, 115, 90, 33);
	plan_clock(&p, "203.0.113.9", 443, 100 + 50 * 60, 60, 50);
	hunt(&r, &p, 0.1);
	assert_quiet(&r);
	run_stop(&r);
}

/* Three servers, 40 polls each, around twice. */
static void a_rotation_by_count(void **state)
{
	(void)state;
	static const char *const servers[] = {"192.0.2.1", "203.0.113.9", "198.51.100.7"};
	struct plan p = {.count = 0};
	struct run r;
	uint64_t seed = 11;
	double t = 50;
	plan_company(&p);
	for (int i = 0; i < 160; i++) {
		plan_add(&p, servers[i / 40 % 3], 443, t, OUTCOME_OK);
		t += 40 * (0.9 + 0.2 * draw(&seed));
	}
	hunt(&r, &p, 0.1);
	const struct finding *f = strongest(&r);
	assert_null(f->explained);
	assert_int_equal(f->kind, KIND_ROTATION);
	assert_true(f->e_value <= 0.01);
	assert_int_equal(f->channels, 3);
	assert_int_equal(f->switches, 3);
	assert_string_equal(f->channel[f->sw[2].to].endpoint, "192.0.2.1");
	assert_near(bits_of(f), -log2(f->e_value), 1e-6);
	run_stop(&r);
}

/* Each poll goes to the next of four servers. */
static void a_round_robin(void **state)
{
	(void)state;
	static const char *const servers[] = {
		"192.0.2.1", "203.0.113.9", "198.51.100.7", "203.0.114.8"};
	struct plan p = {.count = 0};
	struct run r;
	uint64_t seed = 12;
	double t = 50;
	plan_company(&p);
	for (int i = 0; i < 160; i++) {
		plan_add(&p, servers[i % 4], 443, t, OUTCOME_OK);
		t += 40 * (0.95 + 0.1 * draw(&seed));
	}
	hunt(&r, &p, 0.1);
	const struct finding *f = strongest(&r);
	assert_null(f->explained);
	assert_int_equal(f->kind, KIND_ROTATION);
	assert_true(f->e_value <= 0.1);
	assert_int_equal(f->channels, 4);
	assert_near(bits_of(f), -log2(f->e_value), 1e-6);
	run_stop(&r);
}

/* Each poll goes to one of four servers, drawn: none keeps time, together they do. */
static void turns_in_any_order(void **state)
{
	(void)state;
	static const char *const servers[] = {
		"192.0.2.1", "203.0.113.9", "198.51.100.7", "203.0.114.8"};
	struct plan p = {.count = 0};
	struct run r;
	uint64_t seed = 13;
	double t = 50;
	plan_clock(&p, "198.51.100.200", 80, 7, 47, 153);
	for (int i = 0; i < 160; i++) {
		plan_add(&p, servers[(int)(4 * draw(&seed))], 443, t, OUTCOME_OK);
		t += 40 * (0.9 + 0.2 * draw(&seed));
	}
	hunt(&r, &p, 0.1);
	const struct finding *f = strongest(&r);
	assert_null(f->explained);
	assert_int_equal(f->kind, KIND_ROTATION);
	assert_near(f->e_value, 1e-3, 1e-9); /* the floor of a chance, times ten sets */
	assert_int_equal(f->channels, 4);
	assert_near(bits_of(f), -log2(f->e_value), 1e-6);
	run_stop(&r);
}

/* Seventeen contacts of four servers in turn suffice; as many at any time are nothing, whoever's.
 */
static void few_turns_suffice(void **state)
{
	(void)state;
	static const char *const servers[] = {
		"192.0.2.1", "203.0.113.9", "198.51.100.7", "203.0.114.8"};
	uint64_t seed = 15;
	for (int kind = 0; kind < 20; kind++) {
		struct plan p = {.count = 0};
		struct run r;
		double t = 50;
		plan_clock(&p, "198.51.100.200", 80, 7, 47, 20);
		for (int i = 0; i < 17; i++) {
			plan_add(&p, servers[i % 4], 443, t, OUTCOME_OK);
			t += kind == 0 ? 40 * (0.9 + 0.2 * draw(&seed))
			               : -40 * log(1 - draw(&seed));
		}
		hunt(&r, &p, 0.1);
		if (kind == 0)
			assert_near(strongest(&r)->e_value, 1e-3, 1e-9);
		else
			assert_quiet(&r);
		run_stop(&r);
	}
}

/* The same servers, visited when a person likes. */
static void visits_are_no_rotation(void **state)
{
	(void)state;
	static const char *const servers[] = {
		"192.0.2.1", "203.0.113.9", "198.51.100.7", "203.0.114.8"};
	struct plan p = {.count = 0};
	struct run r;
	uint64_t seed = 14;
	double t = 50;
	plan_clock(&p, "198.51.100.200", 80, 7, 47, 153);
	for (int i = 0; i < 160; i++) {
		plan_add(&p, servers[(int)(4 * draw(&seed))], 443, t, OUTCOME_OK);
		t -= 40 * log(1 - draw(&seed));
	}
	hunt(&r, &p, 0.1);
	assert_quiet(&r);
	run_stop(&r);
}

/* A mail client asks its servers all at once, every five minutes. */
static void together_is_no_rotation(void **state)
{
	(void)state;
	struct plan p = {.count = 0};
	struct run r;
	plan_company(&p);
	plan_clock(&p, "192.0.2.1", 993, 100, 300, 22);
	plan_clock(&p, "203.0.113.9", 993, 100.4, 300, 22);
	plan_clock(&p, "198.51.100.7", 993, 101.1, 300, 22);
	hunt(&r, &p, 0.1);
	assert_quiet(&r);
	run_stop(&r);
}

/* A server polled on one port is polled on another, two seconds after the first was refused. */
static void a_ladder_of_ports(void **state)
{
	(void)state;
	struct plan p = {.count = 0};
	struct run r;
	plan_company(&p);
	plan_clock(&p, "192.0.2.1", 4433, 100, 120, 30);
	plan_add(&p, "192.0.2.1", 4433, 3700, OUTCOME_REFUSED);
	plan_add(&p, "192.0.2.1", 4434, 3703, OUTCOME_REFUSED);
	plan_add(&p, "192.0.2.1", 4435, 3706, OUTCOME_OK);
	hunt(&r, &p, 0.1);
	const struct finding *f = strongest(&r);
	assert_null(f->explained);
	assert_int_equal(f->kind, KIND_LADDER);
	assert_true(f->e_value <= 0.1);
	assert_int_equal(f->channels, 3);
	assert_int_equal(f->channel[f->sw[0].from].port, 4433);
	assert_int_equal(f->channel[f->sw[f->switches - 1].to].port, 4435);
	assert_near(bits_of(f), -log2(f->e_value), 1e-6);
	run_stop(&r);
}

/* The same ports at one endpoint after another: how the program connects to anybody. */
static void a_habit_is_no_ladder(void **state)
{
	(void)state;
	static const char *const servers[] = {"192.0.2.1", "203.0.113.9", "198.51.100.7"};
	struct plan p = {.count = 0};
	struct run r;
	plan_company(&p);
	for (int i = 0; i < 3; i++) {
		plan_add(&p, servers[i], 4433, 1000 + 1700 * i, OUTCOME_REFUSED);
		plan_add(&p, servers[i], 4434, 1003 + 1700 * i, OUTCOME_OK);
	}
	hunt(&r, &p, 0.1);
	assert_quiet(&r);
	run_stop(&r);
}

/* What mail set-up tries in turn is told as what it is. */
static void mail_ports_are_no_ladder(void **state)
{
	(void)state;
	struct plan p = {.count = 0};
	struct run r;
	plan_company(&p);
	plan_add(&p, "192.0.2.1", 993, 3000, OUTCOME_REFUSED);
	plan_add(&p, "192.0.2.1", 143, 3001.5, OUTCOME_REFUSED);
	plan_add(&p, "192.0.2.1", 995, 3003, OUTCOME_OK);
	hunt(&r, &p, 0.1);
	assert_quiet(&r);
	run_stop(&r);
}

/* ---- chance ---- */

/* Eight hours of a host with clocks of usual periods that start and stop when they like, and a
 * person's visits: nothing depends on anything. */
static void plan_chance(struct plan *p, uint64_t *seed)
{
	static const double period[] = {30, 60, 60, 120, 300, 300, 600, 900};
	char server[40];
	for (int i = 0; i < 8; i++) {
		double every = period[(int)(8 * draw(seed))], jitter = 0.1 * draw(seed);
		double t = 8 * HOUR * draw(seed), end = t + 4 * HOUR * draw(seed);
		(void)snprintf(
			server, sizeof server, "203.0.%d.%d", 1 + i, 1 + (int)(250 * draw(seed)));
		while (t < end && t < 8 * HOUR && p->count < 3000) {
			plan_add(p, server, 443, t, OUTCOME_OK);
			t += every * (1 + jitter * (2 * draw(seed) - 1));
		}
	}
	double t = 0;
	while (t < 8 * HOUR) {
		t -= 600 * log(1 - draw(seed));
		(void)snprintf(server, sizeof server, "198.51.%d.%d", 1 + (int)(250 * draw(seed)),
			1 + (int)(250 * draw(seed)));
		plan_add(p, server, 443, t, draw(seed) < 0.1 ? OUTCOME_SILENT : OUTCOME_OK);
	}
}

/* Eight hours of a host whose servers fail now and then, and are also asked on other ports now and
 * then: neither because of the other. */
static void plan_doors(struct plan *p, uint64_t *seed)
{
	char server[40];
	for (int i = 0; i < 6; i++) {
		(void)snprintf(
			server, sizeof server, "203.0.%d.%d", 1 + i, 1 + (int)(250 * draw(seed)));
		double t = 300 * draw(seed);
		while (t < 8 * HOUR) {
			plan_add(p, server, 4430, t,
				draw(seed) < 0.1 ? OUTCOME_REFUSED : OUTCOME_OK);
			t += 600 * (0.5 + draw(seed));
		}
		plan_add(p, server, (uint16_t)(4431 + 100 * i), 8 * HOUR * draw(seed),
			OUTCOME_REFUSED);
	}
}

/* Of so many hosts whose clocks know nothing of one another, no more show a hand-over or a rotation
 * than E says. */
static void assert_chance(
	void (*fill)(struct plan *p, uint64_t *seed), bool (*counts)(enum finding_kind))
{
	enum { HOSTS = 200 };
	uint64_t seed = 2026;
	uint32_t low = 0, lower = 0, lowest = 0;
	static struct plan p;
	for (int host = 0; host < HOSTS; host++) {
		struct run r;
		p.count = 0;
		fill(&p, &seed);
		hunt(&r, &p, 1);
		for (size_t i = 0; i < judge_count(r.judge); i++) {
			const struct finding *f = judge_get(r.judge, i);
			if (!counts(f->kind) || f->explained != NULL)
				continue;
			low += f->e_value <= 1;
			lower += f->e_value <= 0.1;
			lowest += f->e_value <= 0.01;
		}
		run_stop(&r);
	}
	print_message("E <= 1, 0.1, 0.01: %u, %u, %u of %d\n", low, lower, lowest, HOSTS);
	assert_true(low <= HOSTS);
	assert_true(lower <= HOSTS / 10);
	assert_true(lowest <= 2 * HOSTS / 100);
}

static bool is_move(enum finding_kind kind)
{
	return kind == KIND_HANDOVER || kind == KIND_ROTATION;
}

static bool is_ladder(enum finding_kind kind)
{
	return kind == KIND_LADDER;
}

static void clocks_meet_as_often_as_e_says(void **state)
{
	(void)state;
	assert_chance(plan_chance, is_move);
}

static void doors_follow_failures_as_often_as_e_says(void **state)
{
	(void)state;
	assert_chance(plan_doors, is_ladder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_pace_is_known_at_the_third_contact),
		cmocka_unit_test(a_name_that_is_gone_ends_a_clock),
		cmocka_unit_test(a_handover_at_the_tick),
		cmocka_unit_test(a_second_clock_is_no_handover),
		cmocka_unit_test(a_dead_clock_is_no_handover),
		cmocka_unit_test(a_late_clock_is_no_handover),
		cmocka_unit_test(a_move_is_explained),
		cmocka_unit_test(a_rotation_by_count),
		cmocka_unit_test(a_round_robin),
		cmocka_unit_test(turns_in_any_order),
		cmocka_unit_test(few_turns_suffice),
		cmocka_unit_test(visits_are_no_rotation),
		cmocka_unit_test(together_is_no_rotation),
		cmocka_unit_test(a_ladder_of_ports),
		cmocka_unit_test(a_habit_is_no_ladder),
		cmocka_unit_test(mail_ports_are_no_ladder),
		cmocka_unit_test(clocks_meet_as_often_as_e_says),
		cmocka_unit_test(doors_follow_failures_as_often_as_e_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
