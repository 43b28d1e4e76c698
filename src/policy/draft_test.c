#include "base/testing.h"

#include <errno.h>
#include <string.h>

#include "policy/policy.h"

static const char head[] =
	"postern baseline 1\nwindow 2026-03-02 2026-03-08\nrules min-days 2 min-hosts 1 shared 3 "
	"max-e 1\n"
	"zone office 10.1.0.0/16\nzone lab private\n"
	"columns zone host endpoint service transport port first last days hosts sent got why\n";
#define LINE(who, endpoint, service, transport, why) \
	who " " endpoint " " service " " transport " 2026-03-02 2026-03-08 7 1 20K 5M " why "\n"

struct drafted {
	struct out text, losses;
	struct policy *policy; /* NULL: there is no draft */
	int err;
	struct fail why;
};

static struct drafted draft(const char *lines, unsigned prefixes)
{
	struct drafted d = {0};
	struct out file = {0};
	struct baseline *b = NULL;
	out_text(&file, head);
	out_text(&file, lines);
	if (baseline_read(&b, "b", cur_of(out_string(&file), file.len), &d.why) < 0)
		fail_msg("%s", d.why.text);
	d.err = policy_draft(b, prefixes, &d.text, &d.losses, &d.why);
	if (d.err == 0 && policy_parse(&d.policy, "draft", cur_of(out_string(&d.text), d.text.len),
				  &d.why) < 0)
		fail_msg("%s\n%s", d.why.text, out_string(&d.text));
	baseline_free(b);
	out_fini(&file);
	return d;
}

static void drafted_fini(struct drafted *d)
{
	policy_free(d->policy);
	out_fini(&d->text);
	out_fini(&d->losses);
}

static enum policy_verdict ask(const struct policy *p, const char *text, const char *name)
{
	struct policy_flow flow = {0};
	struct fail why = {0};
	assert_int_equal(
		policy_flow_parse((struct span){(const uint8_t *)text, strlen(text)}, &flow, &why),
		0);
	flow.name = name;
	flow.as = "tls";
	return policy_ask(p, &flow).verdict;
}

static void what_is_in_use_is_allowed_and_nothing_else(void **state)
{
	(void)state;
	struct drafted d = draft(
		LINE("office *", "vendor.example", "tls", "tcp 443", "seen") LINE("office *",
			"other.example", "tls", "tcp 443",
			"seen") LINE("office 10.1.0.5", "203.0.113.9", "-", "udp 500", "seen")
			LINE("office 10.1.0.6", "203.0.113.9", "-", "udp 500", "seen") LINE(
				"lab 10.9.0.7", "198.51.100.7", "-", "icmp 0", "asked:2026-03-08"),
		0);
	const struct policy *p = d.policy;
	assert_int_equal(p->rules, 3); /* two names, two hosts: one rule each */
	assert_string_equal(out_string(&d.losses), "");
	assert_int_equal(
		ask(p, "tcp:10.1.2.3:5>192.0.2.1:443", "www.vendor.example"), POLICY_ALLOWED);
	assert_int_equal(ask(p, "tcp:10.1.2.3:5>192.0.2.1:443", "other.example"), POLICY_ALLOWED);
	assert_int_equal(ask(p, "tcp:10.1.2.3:5>192.0.2.1:80", "other.example"), POLICY_DENIED);
	assert_int_equal(ask(p, "tcp:10.9.2.3:5>192.0.2.1:443", "other.example"), POLICY_DENIED);
	assert_int_equal(ask(p, "udp:10.1.0.6:5>203.0.113.9:500", "x.example"), POLICY_ALLOWED);
	assert_int_equal(ask(p, "udp:10.1.0.7:5>203.0.113.9:500", "x.example"), POLICY_DENIED);
	assert_int_equal(ask(p, "icmp:10.9.0.7>198.51.100.7:8", "x.example"), POLICY_ALLOWED);
	assert_non_null(strstr(out_string(&d.text),
		"# vendor.example: 7 days to 2026-03-08, 1 host, 20K sent and 5M got a day"));
	drafted_fini(&d);
}

static void what_cannot_be_carried_is_told(void **state)
{
	(void)state;
	struct drafted d =
		draft(LINE("office *", "a.example", "-", "other 0", "seen")
				LINE("other *", "b.example", "-", "tcp 1", "seen")
					LINE("office *", "c.example", "-", "tcp 1", "held:finding"),
			0);
	assert_int_equal(d.policy->rules, 0);
	static const char *const said[] = {
		"a.example other/0 of zone office: a policy knows tcp, udp and icmp only",
		"b.example tcp/1 of zone other: it is of hosts in no zone",
		"c.example tcp/1 of zone office: "};
	for (size_t i = 0; i < ARRAY_LEN(said); i++)
		assert_non_null(strstr(out_string(&d.losses), said[i]));
	drafted_fini(&d);
}

/* Two rules: two neighbours and one far away; two that are neighbours. Under three prefixes the
 * first is to keep its two, and the second gets one; under two both get one. */
static void a_quota_is_shared_with_the_least_excess(void **state)
{
	(void)state;
	static const char lines[] = LINE("office *", "203.0.113.8", "-", "tcp 1", "seen")
		LINE("office *", "203.0.113.9", "-", "tcp 1", "seen")
			LINE("office *", "203.0.113.200", "-", "tcp 1", "seen")
				LINE("office *", "198.51.100.6", "-", "tcp 2", "seen")
					LINE("office *", "198.51.100.9", "-", "tcp 2", "seen");
	static const struct {
		unsigned prefixes;
		const char *said;
	} all[] = {{5, ""}, {4, ""},
		{3, "would be open too: rule office-tcp-2-2: 14 addresses beside the 2 that are "
		    "needed, under 1 prefixes\n"},
		{2, "would be open too: rule office-tcp-1-1: 253 addresses beside the 3"}};
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		struct drafted d = draft(lines, all[i].prefixes);
		assert_int_equal(d.err, 0);
		size_t nets = d.policy->rule[0].to.count + d.policy->rule[1].to.count;
		assert_true(nets <= all[i].prefixes);
		assert_int_equal(
			strncmp(out_string(&d.losses), all[i].said, strlen(all[i].said)), 0);
		drafted_fini(&d);
	}
	struct drafted none = draft(lines, 1);
	assert_int_equal(none.err, -ERANGE);
	assert_string_equal(none.why.text, "2 rules have addresses: they can't share 1 prefixes");
	drafted_fini(&none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_in_use_is_allowed_and_nothing_else),
		cmocka_unit_test(what_cannot_be_carried_is_told),
		cmocka_unit_test(a_quota_is_shared_with_the_least_excess),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
