#include <errno.h>
#include <inttypes.h>

#include "base/scan.h"
#include "policy/testing.h"

static void wrong(const char *text, const char *words)
{
	struct policy *p = NULL;
	struct fail why = {0};
	assert_int_equal(policy_parse(&p, "p.yaml", cur_of(text, strlen(text)), &why), -EINVAL);
	assert_null(p);
	assert_string_equal(why.text, words);
}

static struct policy_flow flow_of(const char *text)
{
	struct policy_flow flow;
	struct fail why;
	assert_int_equal(policy_flow_parse(span_of(text), &flow, &why), 0);
	return flow;
}

static void asked(const struct policy *p, struct policy_flow flow, enum policy_verdict verdict,
	const char *rule, const char *reason)
{
	struct policy_answer answer = policy_ask(p, &flow);
	struct out said = {0};
	policy_say_rule(&said, &answer);
	assert_string_equal(out_string(&said), rule);
	assert_int_equal(answer.verdict, verdict);
	out_clear(&said);
	policy_say_reason(&said, &answer, &flow);
	assert_string_equal(out_string(&said), reason);
	out_fini(&said);
}

static void what_is_wrong_has_a_place(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{"", "p.yaml:1:1: the file is empty: see docs/POLICY.md"},
		{"- a", "p.yaml:1:1: a policy is a map: lines of \"key: value\""},
		{"version: 2\nzones: {}\nrules: []\n",
			"p.yaml:1:10: only policies of version 1 are read: \"version: 1\""},
		{"version: 1\nzones: {}\n", "p.yaml:1:1: a policy needs \"rules:\"; add it"},
		{"version: 1\nzone: {}\n", "p.yaml:2:1: a policy has no 'zone'; it has: version, "
					   "zones, services, destinations, never-block, rules"},
		{"version: 1\nversion: 1\n",
			"p.yaml:2:1: this key stands in line 1 already: keep one of them"},
		{"a: &x [b]\nc: *x\n",
			"p.yaml:1:4: anchors are not taken: write the value where it is used"},
		{"a: *x\n", "p.yaml:1:4: aliases are not taken: write the value where it is used"},
		{"a: !!str b\n", "p.yaml:1:4: tags are not taken: write the value without the '!'"},
		{"a: [[[[[[[[[]]]]]]]]]\n",
			"p.yaml:1:11: nested too deeply: a policy needs no more "
			"than five levels"},
		{"a: b\n---\nc: d\n", "p.yaml:2:1: a second document: a file holds one policy"},
		{"version: 1\nzones:\n  office: 192.0.2.1/24\nrules: []\n",
			"p.yaml:3:11: '192.0.2.1/24' has bits of a host; write 192.0.2.0/24"},
		{"version: 1\nzones:\n  any: 192.0.2.0/24\nrules: []\n",
			"p.yaml:3:3: 'any' has a meaning of its own; call a zone otherwise"},
		{"version: 1\nzones:\n  all: ::/0\nrules: []\n",
			"p.yaml:3:8: '::/0' would hold IPv4 too; write 2000::/3 for the internet "
			"of IPv6, any for all"},
		{SMALL "  - {id: a, owner: b, why: c, from: offce, to: any, service: web, action: "
		       "deny}\n",
			"p.yaml:13:37: 'offce' is no zone and no network; define it under "
			"\"zones:\""},
		{SMALL "  - {id: a, owner: b, why: c, from: office, to: vendr, service: web, "
		       "action: deny}\n",
			"p.yaml:13:49: 'vendr' is no destination, zone or network; define it under "
			"\"destinations:\""},
		{SMALL RULE("a", "deny", "any", "any", "web")
				RULE("a", "deny", "any", "any", "web"),
			"p.yaml:14:10: rule 'a' stands in line 13 already: give this one its own "
			"id"},
		{SMALL RULE("a", "drop", "any", "any", "web"),
			"p.yaml:13:78: 'drop' is no action; give allow, deny or reject"},
		{SMALL RULE("a", "deny", "any", "any", "[]"),
			"p.yaml:13:65: the list is empty: leave its key out, or fill it"},
		{SMALL RULE("a", "deny", "any", "any", "https, as: http"),
			"p.yaml:13:65: the rule says as: http and service 'https' says as: tls: "
			"drop "
			"one"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		wrong(cases[i][0], cases[i][1]);
}

static void flows_are_read(void **state)
{
	(void)state;
	struct policy_flow f = flow_of("tcp:192.0.2.10:40000>198.51.100.7:443");
	assert_int_equal(f.proto, 6);
	assert_int_equal(f.src_port, 40000);
	assert_int_equal(f.port, 443);
	f = flow_of("udp:[2001:db8::1]:5353>[2001:db8::2]:53");
	assert_int_equal(f.proto, 17);
	assert_int_equal(f.port, 53);
	assert_int_equal(flow_of("icmp:192.0.2.1>192.0.2.2:8").port, 8);
	assert_int_equal(flow_of("icmp:[2001:db8::1]>[2001:db8::2]:128").proto, 58);
	static const char *const bad[] = {"", "tcp", "tcp:192.0.2.1:1", "tcp:192.0.2.1>192.0.2.2:1",
		"tcp:192.0.2.1:1>192.0.2.2", "tcp:192.0.2.1:1>192.0.2.2:65536",
		"tcp:2001:db8::1:1>2001:db8::2:2", "tcp:[192.0.2.1]:1>[192.0.2.2]:1",
		"tcp:192.0.2.1:1>[2001:db8::2]:1", "icmp:192.0.2.1>192.0.2.2:256",
		"icmp:192.0.2.1:1>192.0.2.2:8", "sctp:192.0.2.1:1>192.0.2.2:1",
		"tcp:[2001:db8::1:1>[2001:db8::2]:1", "tcp:192.0.2.1:1>192.0.2.2:1 "};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct fail why = {0};
		if (policy_flow_parse(span_of(bad[i]), &f, &why) != -EINVAL)
			fail_msg("%s was read", bad[i]);
	}
}

static void answers_have_three_values(void **state)
{
	(void)state;
	struct policy *p = parsed(SMALL RULE("web-out", "allow", "office", "vendor", "https"));
	struct policy_flow f = flow_of("tcp:192.0.2.10:40000>203.0.113.9:443");
	asked(p, f, POLICY_UNDECIDED, "web-out",
		"rule web-out names *.vendor.example and 1 more, and the flow's name is not known");
	f.name = "www.vendor.example";
	asked(p, f, POLICY_UNDECIDED, "web-out",
		"rule web-out is for tls, and the flow's application protocol is not known");
	f.as = "tls";
	asked(p, f, POLICY_ALLOWED, "web-out", "rule web-out says allow: work");
	f.as = "ssh";
	asked(p, f, POLICY_DENIED, "default office",
		"no rule speaks of it, and the default of zone office is deny");
	f = flow_of("tcp:192.0.2.200:40000>203.0.113.9:443");
	asked(p, f, POLICY_ALLOWED, "default lab",
		"no rule speaks of it, and the default of zone lab is allow");
	f = flow_of("tcp:203.0.113.1:40000>203.0.113.9:443");
	asked(p, f, POLICY_UNDECIDED, "",
		"no rule speaks of it, and 203.0.113.1 is in no zone of the policy");
	f = flow_of("udp:192.0.2.10:40000>203.0.113.53:53");
	asked(p, f, POLICY_ALLOWED, "never-block", "never-block says allow");
	policy_free(p);
}

/* What is not known does not matter where both ways lead to the same verdict. */
static void what_does_not_matter_is_not_asked(void **state)
{
	(void)state;
	struct policy *p = parsed(SMALL RULE("no-vendor", "reject", "office", "vendor", "https")
			RULE("web-out", "allow", "lab", "vendor", "https"));
	struct policy_flow f = flow_of("tcp:192.0.2.10:40000>203.0.113.9:443");
	asked(p, f, POLICY_DENIED, "default office",
		"no rule speaks of it, and the default of zone office is deny");
	f = flow_of("tcp:192.0.2.200:40000>203.0.113.9:443");
	asked(p, f, POLICY_ALLOWED, "default lab",
		"no rule speaks of it, and the default of zone lab is allow");
	policy_free(p);
}

static void rules_expire(void **state)
{
	(void)state;
	struct policy *p = parsed(SMALL
		"  - {id: a, owner: b, why: c, from: office, to: any, service: web, action: allow, "
		"expires: 2027-06-30}\n");
	struct policy_flow f = flow_of("tcp:192.0.2.10:40000>203.0.113.9:443");
	assert_int_equal(scan_iso(span_of("2027-06-30T23:59:59Z"), &f.at_ns), 0);
	asked(p, f, POLICY_ALLOWED, "a", "rule a says allow: c");
	assert_int_equal(scan_iso(span_of("2027-07-01T00:00:00Z"), &f.at_ns), 0);
	assert_int_equal(policy_ask(p, &f).verdict, POLICY_DENIED);
	policy_free(p);
}

static void names_and_wildcards(void **state)
{
	(void)state;
	assert_true(policy_name_matches("*.a.example", "b.a.example"));
	assert_true(policy_name_matches("*.a.example", "c.b.a.example"));
	assert_false(policy_name_matches("*.a.example", "a.example"));
	assert_false(policy_name_matches("*.a.example", "ba.example"));
	assert_false(policy_name_matches("a.example", "b.a.example"));
}

/* ---- regions against points ---- */

static uint64_t seed = 20261125;

static unsigned draw(unsigned below)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(seed >> 33) % below;
}

/* Universes are small, so that rules meet: 8 addresses a side, few ports and names. */
static void random_rule(struct out *o, unsigned number)
{
	static const char *const from[] = {
		"office", "lab", "any", "192.0.2.0/30", "[192.0.2.1, lab]", "\"2001:db8:1::/64\""};
	static const char *const to[] = {"any", "vendor", "inner", "apex",
		"[vendor, 203.0.113.0/30]", "203.0.113.2", "lab", "\"2001:db8::/32\""};
	static const char *const service[] = {
		"any", "web", "https", "ping", "[https, ping]", "both", "all"};
	static const char *const action[] = {"allow", "deny", "reject"};
	out_printf(o,
		"  - {id: r%u, owner: o, why: w, from: %s, to: %s, service: %s, action: %s%s}\n",
		number, from[draw(ARRAY_LEN(from))], to[draw(ARRAY_LEN(to))],
		service[draw(ARRAY_LEN(service))], action[draw(ARRAY_LEN(action))], "");
}

static void random_policy(struct out *o)
{
	out_text(o, "version: 1\n"
		    "zones:\n"
		    "  office: {networks: [192.0.2.0/30, \"2001:db8:1::/48\"]}\n"
		    "  lab: {networks: 192.0.2.4/30, default: allow}\n"
		    "services:\n"
		    "  web: {protocol: tcp, ports: [80, 443]}\n"
		    "  https: {protocol: [tcp, udp], ports: 443, as: tls}\n"
		    "  both: {protocol: [tcp, udp], ports: [53-80, 442-444]}\n"
		    "  ping: {protocol: icmp, types: 8}\n"
		    "  all: {protocol: any}\n"
		    "destinations:\n"
		    "  vendor: {names: [\"*.a.example\"], networks: 203.0.113.1}\n"
		    "  inner: {names: [\"*.b.a.example\", c.a.example]}\n"
		    "  apex: {names: [a.example, x.b.a.example]}\n");
	if (draw(2) == 0)
		out_text(o, "never-block: {names: b.a.example, networks: 203.0.113.3}\n");
	out_text(o, "rules:\n");
	unsigned rules = 1 + draw(7);
	for (unsigned i = 0; i < rules; i++)
		random_rule(o, i);
}

static struct policy_flow random_flow(void)
{
	static const char *const names[] = {"a.example", "b.a.example", "c.a.example",
		"x.b.a.example", "y.b.a.example", "z.example", "y.y.a.example"};
	static const char *const as[] = {"tls", "http"};
	static const uint8_t protos[] = {6, 17, 1, 58, 47};
	static const uint16_t ports[] = {8, 53, 80, 443, 445};
	struct policy_flow f = {.src = addr_v4(0xc0000200 + draw(9)),
		.dst = addr_v4(draw(4) == 0 ? 0xc0000205 : 0xcb007100 + draw(6)),
		.proto = protos[draw(ARRAY_LEN(protos))],
		.port = ports[draw(ARRAY_LEN(ports))],
		.name = names[draw(ARRAY_LEN(names))],
		.as = as[draw(ARRAY_LEN(as))]};
	if (draw(4) == 0) {
		assert_int_equal(addr_parse("2001:db8:1::7", &f.src), 0);
		assert_int_equal(addr_parse("2001:db8:9::7", &f.dst), 0);
	}
	return f;
}

/* The first rule whose region holds the point is the one that answers. */
static void same_answer(const struct policy *p, const struct policy_space *s,
	const struct region *region, const struct policy_flow *flow)
{
	struct region_point point;
	struct policy_answer answer = policy_ask(p, flow);
	policy_point_of_flow(s, flow, &point);
	size_t i = 0;
	while (i < p->rules && !region_has(&region[i], &point))
		i++;
	assert_ptr_equal(answer.rule, i == p->rules ? NULL : &p->rule[i]);
}

/* Set operations on rules 0 and 1 hold for points what they say. */
static void same_sets(const struct region *a, const struct region *b, const struct policy_space *s)
{
	struct region both = {0}, rest = {0}, sum = {0};
	assert_int_equal(region_cut(&both, a, b), 0);
	assert_int_equal(region_copy(&rest, a), 0);
	assert_int_equal(region_take(&rest, b), 0);
	assert_int_equal(region_copy(&sum, a), 0);
	for (size_t i = 0; i < b->count; i++)
		assert_int_equal(region_add(&sum, &b->box[i]), 0);
	for (size_t i = 0; i < sum.count; i++)
		for (size_t k = i + 1; k < sum.count; k++)
			assert_false(region_box_overlaps(&sum.box[i], &sum.box[k]));
	assert_int_equal(region_overlaps(a, b), both.count > 0);
	for (int i = 0; i < 100; i++) {
		struct policy_flow flow = random_flow();
		struct region_point point;
		policy_point_of_flow(s, &flow, &point);
		bool in_a = region_has(a, &point), in_b = region_has(b, &point);
		assert_int_equal(region_has(&both, &point), in_a && in_b);
		assert_int_equal(region_has(&rest, &point), in_a && !in_b);
		assert_int_equal(region_has(&sum, &point), in_a || in_b);
	}
	region_fini(&both);
	region_fini(&rest);
	region_fini(&sum);
}

static void regions_say_what_asking_says(void **state)
{
	(void)state;
	print_message("seed %" PRIu64 "\n", seed);
	for (int round = 0; round < 300; round++) {
		struct out text = {0};
		struct policy_space *s = NULL;
		struct region region[8] = {0};
		random_policy(&text);
		struct policy *p = parsed(out_string(&text));
		assert_int_equal(policy_space_new(&s, p), 0);
		for (size_t i = 0; i < p->rules; i++)
			assert_int_equal(policy_region_of_rule(s, &p->rule[i], &region[i]), 0);
		for (int i = 0; i < 300; i++) {
			struct policy_flow flow = random_flow();
			same_answer(p, s, region, &flow);
		}
		same_sets(&region[0], &region[p->rules > 1], s);
		for (size_t i = 0; i < p->rules; i++)
			region_fini(&region[i]);
		policy_space_free(s);
		policy_free(p);
		out_fini(&text);
	}
}

static const char *expected(
	const struct policy *p, const char *host, const char *domain, uint16_t port)
{
	struct policy_contact c = {
		.domain = domain, .proto = 6, .port = port, .any_service = port == 0};
	const struct policy_rule *rule = NULL;
	assert_int_equal(addr_parse(host, &c.host), 0);
	assert_int_equal(addr_parse("198.51.100.7", &c.server), 0);
	rule = policy_expects(p, &c);
	return rule == NULL ? "" : rule->id;
}

static void who_is_named_is_expected(void **state)
{
	(void)state;
	struct policy *p = parsed(
		"version: 1\nzones: {a: {networks: 10.0.0.0/9}, b: {networks: 10.128.0.0/9}}\n"
		"services: {web: {protocol: tcp, ports: 443, as: tls}}\n"
		"destinations: {v: {names: [www.vendor.com, '*.other.com']}, n: {networks: "
		"198.51.100.0/28}}\nrules:\n"
		"- {id: no, owner: o, why: w, from: b, to: v, service: any, action: deny}\n"
		"- {id: names, owner: o, why: w, from: any, to: v, service: web, action: allow}\n"
		"- {id: all, owner: o, why: w, from: b, to: any, service: web, action: allow}\n"
		"- {id: net, owner: o, why: w, from: any, to: n, service: any, action: allow}\n");
	assert_string_equal(expected(p, "10.0.0.1", "vendor.com", 443), "names");
	assert_string_equal(expected(p, "10.0.0.1", "other.com", 443), "names");
	assert_string_equal(expected(p, "10.0.0.1", "vendor.com", 0), "names"); /* a look-up */
	assert_string_equal(expected(p, "10.0.0.1", "vendor.com", 80), "net");  /* by its address */
	assert_string_equal(expected(p, "10.0.0.1", NULL, 80), "net");
	assert_string_equal(expected(p, "10.200.0.1", "vendor.com", 443), ""); /* denied */
	assert_string_equal(expected(p, "10.200.0.1", "x.com", 443), "");      /* anybody is */
	assert_string_equal(expected(p, "10.200.0.1", "x.com", 80), "net");
	policy_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_wrong_has_a_place),
		cmocka_unit_test(flows_are_read),
		cmocka_unit_test(answers_have_three_values),
		cmocka_unit_test(what_does_not_matter_is_not_asked),
		cmocka_unit_test(rules_expire),
		cmocka_unit_test(names_and_wildcards),
		cmocka_unit_test(who_is_named_is_expected),
		cmocka_unit_test(regions_say_what_asking_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
