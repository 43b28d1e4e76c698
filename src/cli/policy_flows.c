/* postern policy test: flows that a person writes. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/scan.h"
#include "cli/message.h"
#include "cli/policy.h"
#include "report/emit.h"

/* The longest flow is under 120. */
#define LINE_BYTES 512

struct asker {
	const struct policy_call *call;
	const struct policy *policy;
	struct out text;
	char name[256], as[40]; /* of all flows; "" not known */
	bool tls;               /* the name is of a ClientHello */
	uint64_t denied;
};

/* What --sni and the like say, which must agree. */
static const char *take_names(struct asker *a)
{
	const struct policy_call *c = a->call;
	const char *name[] = {c->sni, c->http_host, c->dns_name};
	for (size_t i = 0; i < ARRAY_LEN(name); i++) {
		if (name[i] == NULL)
			continue;
		char lower[sizeof a->name] = {0};
		size_t len = strlen(name[i]);
		if (len >= sizeof lower)
			return "a name is longer than 253 bytes";
		for (size_t k = 0; k < len; k++)
			lower[k] = (char)tolower((unsigned char)name[i][k]);
		if (len > 1 && lower[len - 1] == '.')
			lower[len - 1] = '\0';
		if (a->name[0] != '\0' && strcmp(a->name, lower) != 0)
			return "--sni, --http-host and --dns-name differ: ask about one name at a "
			       "time";
		memcpy(a->name, lower, sizeof lower);
	}
	if ((c->sni != NULL) + (c->http_host != NULL) + (c->as != NULL) > 1)
		return "--sni, --http-host and --as each say the application protocol: give one";
	const char *as = c->as != NULL ? c->as : c->http_host != NULL ? "http" : "";
	if (strlen(as) >= sizeof a->as)
		return "--as is longer than 32 bytes";
	(void)snprintf(a->as, sizeof a->as, "%s", as);
	a->tls = c->sni != NULL;
	return NULL;
}

static void say(struct asker *a, const char *text, const struct policy_answer *answer,
	const struct policy_flow *flow)
{
	struct out rule = {0}, reason = {0};
	policy_say_rule(&rule, answer);
	policy_say_reason(&reason, answer, flow);
	const char *verdict = policy_verdict_name(answer->verdict);
	if (a->call->json) {
		struct emit e = {.out = &a->text};
		emit_open(&e, NULL, '{');
		emit_text(&e, "flow", text, SIZE_MAX);
		emit_text(&e, "verdict", verdict, SIZE_MAX);
		emit_text(&e, "rule", rule.len == 0 ? NULL : out_string(&rule), SIZE_MAX);
		emit_text(&e, "reason", out_string(&reason), SIZE_MAX);
		emit_close(&e, '}');
		out_text(&a->text, "\n");
	} else {
		out_printf(&a->text, "%-9s %s: %s\n", verdict, text, out_string(&reason));
	}
	out_fini(&rule);
	out_fini(&reason);
}

/* Fails: -EINVAL. */
static int ask(struct asker *a, const char *text, struct fail *why)
{
	struct policy_flow flow = {0};
	int err = policy_flow_parse(span_of(text), &flow, why);
	if (err < 0)
		return err;
	flow.name = a->name[0] == '\0' ? NULL : a->name;
	flow.as = a->as[0] != '\0' ? a->as : a->tls ? (flow.proto == 17 ? "quic" : "tls") : NULL;
	flow.at_ns = a->call->at_ns;
	struct policy_answer answer = policy_ask(a->policy, &flow);
	a->denied += answer.verdict == POLICY_DENIED;
	say(a, text, &answer, &flow); /* a flow that was read holds nothing that is not safe */
	return 0;
}

static int ask_lines(struct asker *a, FILE *file)
{
	char line[LINE_BYTES];
	int err = 0;
	for (size_t number = 1; err == 0 && fgets(line, sizeof line, file) != NULL; number++) {
		struct fail why = {0};
		struct span text = span_trim(span_of(line));
		if (text.len == 0)
			continue;
		char flow[LINE_BYTES];
		memcpy(flow, text.ptr, text.len);
		flow[text.len] = '\0';
		err = ask(a, flow, &why);
		if (err < 0)
			message("-:%zu: %s is no flow: %s", number, quoted(flow).text, why.text);
	}
	if (err == 0 && ferror(file)) {
		message("standard input: could not be read");
		err = -EIO;
	}
	return err;
}

enum exit_code policy_call_flows(
	const struct policy_call *c, const struct policy *p, const char *const *word, size_t words)
{
	struct asker a = {.call = c, .policy = p};
	struct fail why = {0};
	const char *wrong = take_names(&a);
	int err = wrong == NULL ? 0 : -EINVAL;
	if (wrong != NULL)
		message("policy: %s (postern help policy)", wrong);
	for (size_t i = 0; i < words && err == 0; i++) {
		if (strcmp(word[i], "-") == 0) {
			err = ask_lines(&a, stdin);
			continue;
		}
		err = ask(&a, word[i], &why);
		if (err < 0)
			message("policy: %s is no flow: %s", quoted(word[i]).text, why.text);
	}
	enum exit_code code = err == -EIO ? EXIT_NOTHING : EXIT_USAGE;
	if (err == 0)
		code = policy_call_write(
			c, &a.text, c->exit_code && a.denied > 0 ? EXIT_FINDINGS : EXIT_DONE);
	out_fini(&a.text);
	return code;
}
