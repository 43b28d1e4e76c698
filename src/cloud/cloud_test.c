/* What is written is read back and judged: over flows at the bounds of every rule it must say what
 * the policy says, or shut (wider: open) what it can't tell. Policies are made at random, from a
 * seed that a failure names. */
#include "cloud/cloud.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/scan.h"
#include "base/testing.h"
#include "nfw/nfw.h"

#define POLICIES 48
/* One in so many flows of a policy is asked: the firewall takes 0.2 ms for each. */
#define SAMPLE 6
#define ROOM   ((size_t)16 << 20)

/* ---- policies ---- */

static uint64_t seed;

static unsigned any_of(unsigned count)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)((seed >> 33) % count);
}

static const char *const services[] = {
	"web", "https", "quic", "dns", "ssh", "ping", "icmp", "high", "any", "udp"};
static const char *const ends[] = {"any", "203.0.113.0/24", "203.0.113.64/26", "198.51.100.7",
	"vendor", "mixed", "below", "\"2001:db8:9::/48\""};
static const char *const sources[] = {
	"any", "office", "lab", "10.0.0.5", "10.0.0.0/25", "\"2001:db8:1::/64\"", "10.0.1.7"};
static const char *const actions[] = {"allow", "allow", "deny", "reject"};

#define HEAD                                                                       \
	"version: 1\nzones:\n"                                                     \
	"  office: {networks: [10.0.0.0/24, \"2001:db8:1::/48\"], default: %s}\n"  \
	"  lab: {networks: [10.0.1.0/24, 10.0.0.128/25], default: %s}\n"           \
	"services:\n"                                                              \
	"  web: {protocol: tcp, ports: [80, 443]}\n"                               \
	"  https: {protocol: tcp, ports: 443, as: tls}\n"                          \
	"  quic: {protocol: udp, ports: 443, as: quic}\n"                          \
	"  dns: {protocol: [tcp, udp], ports: 53, as: dns}\n"                      \
	"  ssh: {protocol: tcp, ports: 22, as: ssh}\n"                             \
	"  ping: {protocol: icmp, types: [8, 128]}\n"                              \
	"  icmp: {protocol: icmp}\n"                                               \
	"  high: {protocol: [tcp, udp], ports: 8000-9000}\n"                       \
	"  udp: {protocol: udp}\n"                                                 \
	"destinations:\n"                                                          \
	"  vendor: {names: [vendor.example, \"*.vendor.example\"]}\n"              \
	"  below: {names: \"*.vendor.example\"}\n"                                 \
	"  mixed: {names: [a.example], networks: [203.0.113.128/25, 192.0.2.1]}\n" \
	"rules:\n"

static void make_policy(struct out *o)
{
	unsigned rules = 1 + any_of(7);
	out_clear(o);
	const char *first = actions[any_of(4)], *second = actions[any_of(4)];
	out_printf(o, HEAD, first, second);
	for (unsigned i = 0; i < rules; i++) {
		const char *service = services[any_of(ARRAY_LEN(services))];
		const char *more = services[any_of(ARRAY_LEN(services))];
		out_printf(o,
			"  - {id: r%u, owner: o, why: 'a \"b\"; c\\ ${x}', from: %s, to: %s, "
			"service: [%s, %s], action: %s}\n",
			i, sources[any_of(ARRAY_LEN(sources))], ends[any_of(ARRAY_LEN(ends))],
			service, more, actions[any_of(4)]);
	}
}

/* ---- flows ---- */

static const char *const from4[] = {"10.0.0.5", "10.0.0.4", "10.0.0.6", "10.0.0.127", "10.0.0.128",
	"10.0.0.255", "10.0.1.0", "10.0.1.7"};
static const char *const from6[] = {"2001:db8:1::1", "2001:db8:1:1::1"};
static const char *const to4[] = {"203.0.113.0", "203.0.112.255", "203.0.113.63", "203.0.113.64",
	"203.0.113.127", "203.0.113.128", "203.0.113.255", "203.0.114.0", "198.51.100.7",
	"198.51.100.6", "198.51.100.8", "192.0.2.1"};
static const char *const to6[] = {"2001:db8:9::1", "2001:db8:a::1"};

static const struct {
	uint8_t proto;
	uint16_t port;
	const char *as, *name;
} talks[] = {
	{6, 443, "tls", "vendor.example"},
	{6, 443, "tls", "www.vendor.example"},
	{6, 443, "tls", "a.example"},
	{6, 443, "tls", "xvendor.example"},
	{6, 443, "tls", ""},
	{6, 442, "tls", "a.example"},
	{6, 80, "http", "www.vendor.example"},
	{6, 80, "http", "b.example"},
	{6, 81, "http", "a.example"},
	{6, 80, "", NULL},
	{6, 443, "ssh", NULL},
	{6, 22, "ssh", NULL},
	{6, 22, "", NULL},
	{6, 53, "dns", NULL},
	{6, 7999, "", NULL},
	{6, 8000, "", NULL},
	{6, 9000, "tls", "a.example"},
	{6, 9001, "", NULL},
	{17, 443, "quic", "www.vendor.example"},
	{17, 443, "quic", "c.example"},
	{17, 443, "", NULL},
	{17, 53, "dns", NULL},
	{17, 53, "", NULL},
	{17, 8000, "", NULL},
	{17, 9001, "", NULL},
	{1, 8, "", NULL},
	{1, 0, "", NULL},
	{1, 13, "", NULL},
	{47, 0, "", NULL},
};

static struct addr addr_from(const char *text)
{
	struct addr a;
	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

typedef void ask_flow(void *context, const struct policy_flow *flow);

static void each_talk(struct policy_flow flow, bool v4, ask_flow *ask, void *context)
{
	for (size_t i = 0; i < ARRAY_LEN(talks); i++) {
		flow.proto = talks[i].proto;
		flow.port = talks[i].port;
		flow.as = talks[i].as;
		flow.name = talks[i].name;
		if (!v4 && flow.proto == 1) {
			flow.proto = 58;
			flow.port = flow.port == 8 ? 128 : flow.port;
		}
		if (any_of(SAMPLE) == 0)
			ask(context, &flow);
	}
}

static void each_flow(ask_flow *ask, void *context)
{
	struct policy_flow flow = {.src_port = 40000};
	for (size_t s = 0; s < ARRAY_LEN(from4); s++)
		for (size_t d = 0; d < ARRAY_LEN(to4); d++) {
			flow.src = addr_from(from4[s]);
			flow.dst = addr_from(to4[d]);
			each_talk(flow, true, ask, context);
		}
	for (size_t s = 0; s < ARRAY_LEN(from6); s++)
		for (size_t d = 0; d < ARRAY_LEN(to6); d++) {
			flow.src = addr_from(from6[s]);
			flow.dst = addr_from(to6[d]);
			each_talk(flow, false, ask, context);
		}
}

static void say_flow(struct out *o, const struct policy_flow *f)
{
	char src[ADDR_TEXT_BYTES], dst[ADDR_TEXT_BYTES];
	out_printf(o, "%u %s > %s:%u as %s, name %s", f->proto, addr_text(&f->src, src),
		addr_text(&f->dst, dst), f->port, f->as == NULL ? "?" : f->as,
		f->name == NULL ? "?" : f->name);
}

/* ---- Network Firewall ---- */

struct reading {
	const struct policy *policy;
	const struct nfw *nfw;
	const char *text; /* of the policy */
	const char *rules;
	bool wider;
	size_t allowed, denied, untold;
};

static void compare_nfw(void *context, const struct policy_flow *flow)
{
	struct reading *r = context;
	struct policy_answer want = policy_ask(r->policy, flow);
	struct nfw_flow asked = {.flow = *flow};
	struct nfw_answer got;
	struct out words = {0};
	asked.flow.src_port = flow->proto == 6 || flow->proto == 17 ? flow->src_port : 0;
	assert_int_equal(nfw_ask(r->nfw, nfw_next_policy(r->nfw, NULL), &asked, &got), 0);
	bool open =
		want.verdict == POLICY_ALLOWED || (r->wider && want.verdict == POLICY_UNDECIDED);
	r->allowed += want.verdict == POLICY_ALLOWED;
	r->denied += want.verdict == POLICY_DENIED;
	r->untold += want.verdict == POLICY_UNDECIDED;
	if ((got.verdict == NFW_ALLOWED) == open && got.verdict != NFW_UNDECIDED)
		return;
	say_flow(&words, flow);
	fail_msg("%s\n%s\n%s: the policy says %s, the firewall %s (%s: %s, %s)", r->text, r->rules,
		out_string(&words), policy_verdict_name(want.verdict),
		nfw_verdict_name(got.verdict), got.decides->name, got.decides->rule,
		got.decides->reason);
}

/* What terraform show says of an interpolated ARN. */
static void resolve(struct out *text)
{
	static const char from[] = "${aws_networkfirewall_rule_group.";
	struct out o = {0};
	const char *at = out_string(text);
	for (const char *hit = strstr(at, from); hit != NULL; hit = strstr(at, from)) {
		const char *end = strstr(hit, ".arn}");
		assert_non_null(end);
		out_bytes(&o, at, (size_t)(hit - at));
		hit += sizeof from - 1;
		out_printf(&o, "$%.*s_Arn", (int)(end - hit), hit);
		at = end + sizeof ".arn}" - 1;
	}
	out_text(&o, at);
	out_fini(text);
	*text = o;
}

static void check_nfw(const struct policy *p, const char *text, enum cloud_form form, bool wider,
	struct reading *r)
{
	struct out document = {0}, losses = {0};
	struct fail why = {0};
	struct nfw *n = NULL;
	const struct cloud_ask ask = {
		.policy = p, .target = CLOUD_NFW, .form = form, .wider = wider};
	if (cloud_compile(&ask, &document, &losses, &why) < 0)
		fail_msg("%s: %s", text, why.text);
	if (form == CLOUD_TERRAFORM)
		resolve(&document);
	assert_int_equal(nfw_new(&n, ROOM), 0);
	if (nfw_read(n, "t", span_of(out_string(&document)), &why) < 0)
		fail_msg("%s: %s", out_string(&document), why.text);
	if (*nfw_warnings(n) != '\0')
		fail_msg("%s", nfw_warnings(n));
	r->policy = p;
	r->nfw = n;
	r->text = text;
	r->rules = out_string(&document);
	r->wider = wider;
	each_flow(compare_nfw, r);
	nfw_free(n);
	out_fini(&document);
	out_fini(&losses);
}

static struct policy *parse(const char *text)
{
	struct policy *p = NULL;
	struct fail why = {0};
	if (policy_parse(&p, "p.yaml", cur_of(text, strlen(text)), &why) < 0)
		fail_msg("%s: %s", text, why.text);
	return p;
}

static void a_firewall_says_what_the_policy_says(void **state)
{
	struct out text = {0};
	struct reading r = {0};
	(void)state;
	for (unsigned i = 0; i < POLICIES; i++) {
		seed = i;
		make_policy(&text);
		struct policy *p = parse(out_string(&text));
		check_nfw(p, out_string(&text), (enum cloud_form)(i % 3), i % 2 == 1, &r);
		policy_free(p);
	}
	/* all three verdicts were met, often */
	assert_true(r.allowed > 1000 && r.denied > 1000 && r.untold > 1000);
	out_fini(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_firewall_says_what_the_policy_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
