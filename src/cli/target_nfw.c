/* Targets that are AWS Network Firewalls, or Suricata's rules. */
#include <errno.h>
#include <string.h>

#include "base/scan.h"
#include "cli/documents.h"
#include "cli/message.h"
#include "cli/target.h"

#define MODEL_BYTES_MAX ((size_t)256 << 20)
#define POLICY_NAME     256u

/* ---- reading ---- */

static int read_text(void *model, const char *name, struct span text, struct fail *why)
{
	return nfw_read(model, name, text, why);
}

static const char *warnings(const void *model, size_t i)
{
	return i == 0 ? nfw_warnings(model) : NULL;
}

enum exit_code target_open_nfw(struct nfw **ret, const struct target_read *how)
{
	struct fail why = {0};
	if (nfw_new(ret, MODEL_BYTES_MAX) < 0) {
		message("out of memory");
		return EXIT_NOTHING;
	}
	nfw_set_strict(*ret, how->strict);
	if (how->home == NULL || nfw_set_home(*ret, span_of(how->home), &why) == 0)
		return EXIT_DONE;
	message("--home %s: %s", quoted(how->home).text, why.text);
	return EXIT_USAGE;
}

enum exit_code target_read_nfw(struct target *t, const char *const *path, const struct cur *first,
	const struct target_read *how)
{
	static const char *const ends[] = {".json", ".yaml", ".yml", ".template", ".rules", NULL};
	static const struct documents kind = {.ends = ends,
		.folder = "*.json, *.yaml, *.yml, *.template and *.rules",
		.wanted = "what aws network-firewall describe-firewall-policy and "
			  "describe-rule-group print, a template of CloudFormation, terraform show "
			  "-json, or rules of Suricata",
		.bytes_max = NFW_BYTES_MAX,
		.fatal = {-E2BIG, -ENOMEM},
		.read = read_text,
		.warnings = warnings};
	enum exit_code code = target_open_nfw(&t->nfw, how);
	if (code != EXIT_DONE)
		return code;
	return documents_read(&kind, t->nfw, path, t->paths, first, how->quiet);
}

/* ---- asking ---- */

static void set_answer(
	struct target_answer *ret, const struct nfw_policy *policy, const struct nfw_answer *a)
{
	static const enum policy_verdict verdicts[] = {[NFW_DENIED] = POLICY_DENIED,
		[NFW_ALLOWED] = POLICY_ALLOWED,
		[NFW_UNDECIDED] = POLICY_UNDECIDED};
	out_clear(&ret->rule);
	out_clear(&ret->reason);
	ret->verdict = verdicts[a->verdict];
	out_safe(&ret->rule, a->decides->rule, sizeof a->decides->rule);
	out_safe(&ret->reason, nfw_policy_name(policy), POLICY_NAME);
	out_printf(&ret->reason, ", %s", a->decides->name);
	if (ret->rule.len > 0)
		out_printf(&ret->reason, ", %s", out_string(&ret->rule));
	out_text(&ret->reason, ": ");
	out_safe(&ret->reason, a->decides->reason, sizeof a->decides->reason);
}

/* Of all policies: which one a flow meets is not said. */
static int ask_all(const struct nfw *n, const struct nfw_flow *flow, struct target_answer *ret,
	struct fail *why)
{
	bool first = true, differ = false;
	const struct nfw_policy *policy = nfw_next_policy(n, NULL);
	ret->verdict = POLICY_UNDECIDED;
	for (; policy != NULL; policy = nfw_next_policy(n, policy)) {
		struct nfw_answer a;
		enum policy_verdict before = ret->verdict;
		if (nfw_ask(n, policy, flow, &a) < 0)
			return fail_set(why, -ENOMEM, "out of memory");
		set_answer(ret, policy, &a);
		differ |= !first && before != ret->verdict;
		first = false;
	}
	if (!differ && !first)
		return 0;
	ret->verdict = POLICY_UNDECIDED;
	out_clear(&ret->rule);
	out_clear(&ret->reason);
	out_text(&ret->reason, first ? "no policy and no rule group was read"
				     : "the policies that were read differ: give one of them");
	return 0;
}

struct target_said target_said_of(const struct target_ask *ask, uint8_t proto, uint16_t port)
{
	struct target_said said = {.as = ask->tls ? (proto == 17 ? "quic" : "tls") : ask->as};
	if (said.as == NULL && ask->name != NULL && port == 53)
		said.as = "dns";
	said.name = said.as == NULL ? NULL : ask->name;
	return said;
}

int target_ask_nfw(const struct target *t, struct span text, const struct target_ask *ask,
	struct target_answer *ret, struct fail *why)
{
	struct nfw_flow flow = {0};
	int err = policy_flow_parse(text, &flow.flow, why);
	if (err < 0)
		return err;
	struct target_said said = target_said_of(ask, flow.flow.proto, flow.flow.port);
	flow.flow.as = said.as;
	flow.flow.name = said.name;
	return ask_all(t->nfw, &flow, ret, why);
}

/* ---- ways out ---- */

/* What is asked about where any port would do: rules may open others. */
const uint16_t target_some_ports[TARGET_SOME_PORTS] = {
	47808, 443, 80, 8080, 8443, 53, 22, 587, 123};

struct target_said target_said_try(const struct target_try *try)
{
	bool none = try->as != NULL && strcmp(try->as, "unknown") == 0;
	return (struct target_said){.as = none ? "" : try->as,
		.name = none || try->as == NULL ? NULL : TARGET_NAME,
		.any = true};
}

void target_judge_nfw(const struct nfw *n, const struct nfw_policy *policy, struct nfw_flow *flow,
	bool any, struct target_answer *ret)
{
	/* which addresses rules name is not known here: where they differ, one is named */
	const char *missing = NULL;
	bool ipv6 = !addr_is_v4(&flow->flow.dst);
	for (size_t i = 0; i < (any ? TARGET_UNKNOWNS : 1) && missing == NULL; i++) {
		struct nfw_answer a;
		enum policy_verdict before = ret->verdict;
		if (any)
			CHECK(addr_parse(target_unknown[ipv6][i], &flow->flow.dst) == 0);
		if (nfw_ask(n, policy, flow, &a) < 0)
			missing = "out of memory";
		else
			set_answer(ret, policy, &a);
		if (missing == NULL && i > 0 && ret->verdict != before)
			missing = "rules name some of the addresses that were asked about";
	}
	if (missing == NULL)
		return;
	ret->verdict = POLICY_UNDECIDED;
	out_clear(&ret->rule);
	out_clear(&ret->reason);
	out_text(&ret->reason, missing);
}

static void ask_port(const struct nfw *n, const struct nfw_policy *policy,
	const struct target_try *try, bool ipv6, uint16_t port, struct target_answer *ret)
{
	struct target_said said = target_said_try(try);
	struct nfw_flow flow = {.flow = {.proto = try->proto,
					.port = port,
					.src_port = try->proto == 1 ? 0 : 40000,
					.as = said.as,
					.name = said.name}};
	if (try->proto == 1 && ipv6) {
		flow.flow.proto = 58;
		flow.flow.port = 128;
	}
	CHECK(addr_parse(target_unknown[ipv6][0], &flow.flow.dst) == 0);
	target_judge_nfw(n, policy, &flow, true, ret);
}

static void ask_try(const struct nfw *n, const struct nfw_policy *policy,
	const struct target_try *try, bool ipv6, struct target_answer *ret)
{
	if (try->low == try->high) {
		ask_port(n, policy, try, ipv6, try->low, ret);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(target_some_ports); i++) {
		if (target_some_ports[i] < try->low || target_some_ports[i] > try->high)
			continue;
		ask_port(n, policy, try, ipv6, target_some_ports[i], ret);
		if (ret->verdict == POLICY_ALLOWED)
			return;
	}
	ret->verdict = POLICY_UNDECIDED;
	out_clear(&ret->rule);
	out_clear(&ret->reason);
	out_text(&ret->reason, "shut at the ports that were asked about; rules may open others");
}

size_t target_each_nfw(const struct target *t, const struct target_try *tries, size_t count,
	target_tell *tell, void *context)
{
	size_t places = 0;
	const struct nfw_policy *policy = nfw_next_policy(t->nfw, NULL);
	for (; policy != NULL; policy = nfw_next_policy(t->nfw, policy), places++) {
		struct out place = {0}, text = {0};
		out_safe(&place, nfw_policy_name(policy), POLICY_NAME);
		for (size_t i = 0; i < 2 * count; i++) {
			struct target_answer a = {0};
			struct target_channel channel = {
				.place = out_string(&place), .number = i / 2, .ipv6 = i % 2 == 1};
			ask_try(t->nfw, policy, &tries[i / 2], channel.ipv6, &a);
			out_clear(&text);
			out_printf(
				&text, "%s %s", channel.ipv6 ? "ipv6" : "ipv4", tries[i / 2].name);
			channel.text = out_string(&text);
			tell(context, &channel, &a);
			target_answer_fini(&a);
		}
		out_fini(&place);
		out_fini(&text);
	}
	return places;
}
