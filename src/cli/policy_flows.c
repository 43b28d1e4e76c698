/* postern policy test: flows that a person writes. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/scan.h"
#include "cli/message.h"
#include "cli/policy.h"

/* The longest flow is under 120. */
#define LINE_BYTES 512

struct asker {
	const struct policy_call *call;
	const struct target *target;
	struct target_ask ask; /* of all flows */
	struct target_answer answer;
	struct out text;
	char name[256]; /* "" not known */
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
	a->ask = (struct target_ask){.hook = c->hook,
		.iif = c->iif,
		.oif = c->oif,
		.vpc = c->vpc,
		.subnet = c->subnet,
		.eni = c->eni,
		.name = a->name[0] == '\0' ? NULL : a->name,
		.as = c->as != NULL          ? c->as
	              : c->http_host != NULL ? "http"
	                                     : NULL,
		.tls = c->sni != NULL,
		.at_ns = c->at_ns};
	return NULL;
}

static void say(struct asker *a, const char *text, const struct target_answer *answer)
{
	if (a->call->json) {
		struct emit e = {.out = &a->text};
		emit_open(&e, NULL, '{');
		emit_text(&e, "flow", text, SIZE_MAX);
		target_put_answer(&e, answer);
		emit_close(&e, '}');
		out_text(&a->text, "\n");
	} else {
		out_printf(&a->text, "%-9s %s: %s\n", policy_verdict_name(answer->verdict), text,
			out_string(&answer->reason));
	}
}

/* Fails: -EINVAL. */
static int ask(struct asker *a, const char *text, struct fail *why)
{
	int err = target_ask(a->target, span_of(text), &a->ask, &a->answer, why);
	if (err < 0)
		return err;
	a->denied += a->answer.verdict == POLICY_DENIED;
	say(a, text, &a->answer); /* a flow that was read holds nothing that is not safe */
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
	const struct policy_call *c, const struct target *t, const char *const *word, size_t words)
{
	struct asker a = {.call = c, .target = t};
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
	target_answer_fini(&a.answer);
	out_fini(&a.text);
	return code;
}
