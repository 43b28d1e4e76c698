#include "base/testing.h"

#include <string.h>

#include "judge/known.h"

static const char text[] =
	"postern baseline 1\nrules min-days 2 min-hosts 1 shared 3 max-e 1\n"
	"zone office 10.1.0.0/16\n"
	"columns zone host endpoint service transport port first last days hosts sent got why\n"
	"office * backup.example tls tcp 443 2026-03-02 2026-03-08 7 12 20K 5M seen # Ann's\n"
	"office 10.1.0.5 192.0.2.9 - tcp 8080 2026-03-02 2026-03-02 1 1 0 0 asked:2026-03-08\n"
	"office 10.1.0.5 held.example - tcp 443 2026-03-02 2026-03-02 1 1 0 0 held:finding\n";

static struct baseline *read_good(void)
{
	struct baseline *b = NULL;
	struct fail why = {0};
	if (baseline_read(&b, "file", cur_of(text, sizeof text - 1), &why) < 0)
		fail_msg("%s", why.text);
	return b;
}

/* From a dead server to each endpoint in turn, the last NULL. */
static struct finding finding_of(const char *host, const char *const *endpoint, uint16_t port)
{
	struct finding f = {.kind = KIND_LADDER};
	assert_int_equal(addr_parse(host, &f.host), 0);
	f.channel[f.channels++] = (struct finding_channel){
		.endpoint = "dead.example", .transport = TRANSPORT_TCP, .port = 1};
	for (; *endpoint != NULL; endpoint++) {
		f.sw[f.switches++] =
			(struct finding_switch){.from = f.channels - 1, .to = f.channels};
		f.channel[f.channels++] = (struct finding_channel){
			.endpoint = *endpoint, .transport = TRANSPORT_TCP, .port = port};
	}
	return f;
}

static bool knows(const struct baseline *b, const struct finding *f)
{
	return known_to_baseline(b, f) != NULL;
}

static void all_that_the_host_went_on_to_must_be_known(void **state)
{
	(void)state;
	struct baseline *b = read_good();
	static const char *const known[] = {"backup.example", NULL};
	static const char *const also[] = {"backup.example", "new.example", NULL};
	static const char *const held[] = {"held.example", NULL};
	struct finding f = finding_of("10.1.0.5", known, 443);
	assert_true(knows(b, &f));
	f = finding_of("10.1.0.5", also, 443);
	assert_false(knows(b, &f));
	f = finding_of("10.1.0.5", held, 443);
	assert_false(knows(b, &f));
	f = finding_of("10.1.0.5", known, 8443); /* another port is another way */
	assert_false(knows(b, &f));
	f = finding_of("10.2.0.5", known, 443); /* another zone */
	assert_false(knows(b, &f));
	f = finding_of("10.1.0.5", known, 443);
	f.switches = 0; /* then the dead one counts too */
	assert_false(knows(b, &f));
	baseline_free(b);
}

static void a_line_of_a_host_is_its_own(void **state)
{
	(void)state;
	struct baseline *b = read_good();
	static const char *const own[] = {"192.0.2.9", NULL};
	struct finding f = finding_of("10.1.0.5", own, 8080);
	assert_true(knows(b, &f));
	f = finding_of("10.1.0.6", own, 8080);
	assert_false(knows(b, &f));
	baseline_free(b);
}

/* Known ways may carry what they never carried. */
static void amounts_are_not_excused(void **state)
{
	(void)state;
	struct baseline *b = read_good();
	static const char *const known[] = {"backup.example", NULL};
	struct finding f = finding_of("10.1.0.5", known, 443);
	for (int kind = 0; kind < KIND_COUNT; kind++) {
		f.kind = (enum finding_kind)kind;
		assert_int_equal(knows(b, &f), kind != KIND_TUNNEL && kind != KIND_SPLIT);
	}
	baseline_free(b);
}

static void the_entry_is_told_in_words(void **state)
{
	(void)state;
	struct baseline *b = read_good();
	struct out o = {0};
	static const char *const known[] = {"backup.example", NULL};
	struct finding f = finding_of("10.1.0.5", known, 443);
	known_say(&o, known_to_baseline(b, &f));
	assert_string_equal(out_string(&o),
		"the baseline has backup.example tcp/443 for all hosts of "
		"zone office: 7 days since 2026-03-02; Ann's");
	out_fini(&o);
	baseline_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_that_the_host_went_on_to_must_be_known),
		cmocka_unit_test(a_line_of_a_host_is_its_own),
		cmocka_unit_test(amounts_are_not_excused),
		cmocka_unit_test(the_entry_is_told_in_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
