/* What is written is read back and judged: over flows at the bounds of every rule it must say what
 * the policy says, or shut (wider: open) what it can't tell. Policies are made at random, from a
 * seed that a failure names. */
#include "cloud/cloud.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/scan.h"
#include "cloud/testing.h"
#include "nfw/nfw.h"

#define POLICIES 48
#define ROOM     ((size_t)16 << 20)

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
	/* cmocka cuts what is long */
	(void)fprintf(stderr, "%s\n%s\n", r->text, r->rules);
	fail_msg("%s: the policy says %s, the firewall %s (%s: %s)", out_string(&words),
		policy_verdict_name(want.verdict), nfw_verdict_name(got.verdict), got.decides->name,
		got.decides->reason);
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

static void a_firewall_says_what_the_policy_says(void **state)
{
	struct out text = {0};
	struct reading r = {0};
	(void)state;
	for (unsigned i = 0; i < POLICIES; i++) {
		seed = i;
		make_policy(&text);
		struct policy *p = parsed(out_string(&text));
		check_nfw(p, out_string(&text), (enum cloud_form)(i % 3), i % 2 == 1, &r);
		policy_free(p);
	}
	/* all three verdicts were met, often */
	if (r.allowed < 500 || r.denied < 500 || r.untold < 500)
		fail_msg("%zu allowed, %zu denied, %zu untold", r.allowed, r.denied, r.untold);
	out_fini(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_firewall_says_what_the_policy_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
