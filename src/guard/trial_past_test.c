#include "base/testing.h"

#include "base/limits.h"
#include "guard/trial.h"

#define SLOT (10 * NS_PER_S)

static const char *const servers[] = {"198.18.1.1", "198.18.2.1", "198.18.3.1", "198.18.4.1"};

static struct addr addr(const char *text)
{
	struct addr a = {0};
	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static enum trial_past past_of(
	struct strings *strings, const struct channel *ch, uint16_t port, const char *domain)
{
	struct channel channel[2] = {{0}, *ch};
	const struct host h = {.channel = channel, .channels = 2};
	const struct trial_contact c = {.peer = addr(servers[0]),
		.proto = 6,
		.port = port,
		.domain = domain,
		.lookup = port == 0};
	return trial_past(&h, strings, &c, 5 * SLOT);
}

static void what_was_left_is_told_from_what_is_used(void **state)
{
	struct strings *strings = NULL;
	(void)state;
	assert_int_equal(strings_new(&strings, 4096, 64), 0);
	struct addr a = addr(servers[0]);
	struct channel ch = {.endpoint = strings_add_bytes(strings, a.byte, sizeof a.byte),
		.transport = TRANSPORT_TCP,
		.port = 443,
		.last_ns = 5 * SLOT - 1,
		.last_outcome = OUTCOME_SILENT & 15u};
	assert_int_equal(past_of(strings, &ch, 443, NULL), PAST_FAILED);
	assert_int_equal(past_of(strings, &ch, 444, NULL), PAST_NEW);
	assert_int_equal(past_of(strings, &ch, 443, "a.example"), PAST_NEW);
	ch.last_ns++; /* in use when the slot began */
	assert_int_equal(past_of(strings, &ch, 443, NULL), PAST_USED);
	ch.last_ns--;
	ch.last_outcome = OUTCOME_OK;
	assert_int_equal(past_of(strings, &ch, 443, NULL), PAST_QUIET);
	ch = (struct channel){.endpoint = strings_add(strings, "a.example"),
		.named = true,
		.last_ns = 1,
		.last_outcome = OUTCOME_NXDOMAIN & 15u};
	assert_int_equal(past_of(strings, &ch, 0, "a.example"), PAST_FAILED);
	assert_int_equal(past_of(strings, &ch, 0, "b.example"), PAST_NEW);
	strings_free(strings);
}

static void a_tunnel_is_what_has_carried_enough(void **state)
{
	struct strings *strings = NULL;
	(void)state;
	assert_int_equal(strings_new(&strings, 4096, 64), 0);
	struct carrier carrier[HOST_CARRIERS_MAX] = {
		{.endpoint = strings_add(strings, "t.example"), .kind = CARRIER_DNS}};
	struct host h = {.carrier = carrier};
	assert_null(trial_tunnel(&h, strings, "t.example"));
	carrier[0].proven = true;
	assert_ptr_equal(trial_tunnel(&h, strings, "t.example"), &carrier[0]);
	assert_null(trial_tunnel(&h, strings, "u.example"));
	h.carrier = NULL;
	assert_null(trial_tunnel(&h, strings, "t.example"));
	strings_free(strings);
}

/* Of a beacon that is too quick to be told apart into openings too. */
static void how_often_it_came_back(void **state)
{
	struct strings *strings = NULL;
	(void)state;
	assert_int_equal(strings_new(&strings, 4096, 64), 0);
	struct addr a = addr(servers[0]);
	struct channel channel[2] = {
		{0}, {.endpoint = strings_add_bytes(strings, a.byte, sizeof a.byte),
			     .transport = TRANSPORT_TCP,
			     .port = 443,
			     .openings = 1,
			     .connections = 61,
			     .first_ns = 1,
			     .last_ns = 1 + 120 * NS_PER_S}};
	const struct host h = {.channel = channel, .channels = 2};
	struct trial_contact c = {.peer = a, .proto = 6, .port = 443};
	assert_int_equal(trial_period(&h, strings, &c), 2 * NS_PER_S);
	channel[1].connections = 1;
	assert_int_equal(trial_period(&h, strings, &c), 0);
	c.port = 444;
	assert_int_equal(trial_period(&h, strings, &c), 0);
	strings_free(strings);
}

static void the_pace_is_of_other_software(void **state)
{
	struct strings *strings = NULL;
	struct finding_channel its[2];
	const struct expected nobody = {0};
	const struct trial_asked asked = {its, 2, &nobody, 0};
	struct attempt attempt[6] = {{0}};
	struct channel channel[5] = {{0}};
	struct host h = {.attempt = attempt,
		.attempts = 4,
		.channel = channel,
		.channels = 5,
		.arrivals = 4};
	const int64_t slot_ns = 120 * NS_PER_S, hour_ns = 3600 * NS_PER_S;
	(void)state;
	for (size_t i = 0; i < 2; i++)
		its[i] = (struct finding_channel){
			.endpoint = servers[i], .addrs[0] = addr(servers[i]), .addr_count = 1};
	assert_int_equal(strings_new(&strings, 4096, 64), 0);
	h.active_ns = hour_ns;
	for (size_t i = 0; i < 4; i++) {
		struct addr a = addr(servers[i]);
		channel[i + 1] = (struct channel){.rare = true,
			.first_ns = 1,
			.transport = TRANSPORT_TCP,
			.port = 443,
			.endpoint = strings_add_bytes(strings, a.byte, sizeof a.byte)};
		attempt[i] = (struct attempt){.start_ns = 1,
			.channel = (uint16_t)(i + 1),
			.outcome = OUTCOME_REFUSED,
			.flags = ATTEMPT_FIRST | ATTEMPT_RARE};
	}
	/* two of four are the finding's: two an hour, long ago, and one more */
	double calm = trial_chance(&h, strings, &asked, slot_ns, hour_ns);
	assert_true(calm > 0.095 && calm < 0.096); /* 1 - exp(-3 * 120 / 3600) */
	/* and just now: two in the last ten minutes */
	double busy = trial_chance(&h, strings, &asked, slot_ns, 1);
	assert_true(busy > 0.32 && busy < 0.34); /* 1 - exp(-2 * 120 / 600) */
	/* what had failed and is tried again after a slot counts, the finding's own too */
	attempt[4] = attempt[3];
	attempt[4].start_ns = 200 * NS_PER_S;
	attempt[5] = attempt[0];
	attempt[5].start_ns = 400 * NS_PER_S;
	h.attempts = 6;
	double again = trial_chance(&h, strings, &asked, slot_ns, hour_ns);
	assert_true(again > 0.153 && again < 0.154); /* 1 - exp(-5 * 120 / 3600) */
	attempt[4].start_ns = 100 * NS_PER_S;        /* and within a slot it was in use */
	assert_true(trial_chance(&h, strings, &asked, slot_ns, hour_ns) < 0.13);
	/* so does a name that was answered and led nowhere */
	struct new_name name = {.asked_ns = 1, .domain = 77, .answered = true};
	h.attempts = 4;
	h.new_name = &name;
	h.new_names = 1;
	double idle = trial_chance(&h, strings, &asked, slot_ns, hour_ns);
	assert_true(idle > 0.124 && idle < 0.125); /* 1 - exp(-4 * 120 / 3600) */
	h.active_ns = 0;
	assert_true(trial_chance(&h, strings, &asked, slot_ns, hour_ns) > 0.9);
	strings_free(strings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_left_is_told_from_what_is_used),
		cmocka_unit_test(a_tunnel_is_what_has_carried_enough),
		cmocka_unit_test(how_often_it_came_back),
		cmocka_unit_test(the_pace_is_of_other_software),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
