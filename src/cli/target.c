/* Targets: which kind a path is, and one way to ask all of them. */
#include "cli/target.h"

#include <string.h>
#include <sys/stat.h>

#include "base/scan.h"
#include "cli/file.h"
#include "cli/message.h"
#include "cli/nft_text.h"

#define HEAD_BYTES 4096u

const char *const target_unknown[2][TARGET_UNKNOWNS] = {
	{"151.101.1.9", "45.83.12.9", "193.29.13.9", "103.77.192.9", "5.188.86.9", "80.66.75.9"},
	{"2a04:4e42::9", "2001:470:9::9", "2a0a:1111:9::9", "2400:8902::9", "2606:4700:9::9",
		"2a02:6b8:9::9"},
};

/* ---- kinds ---- */

/* The first line that is neither empty nor a comment. */
static struct span first_line(struct span text)
{
	struct span line = {0};
	while (span_next(&text, '\n', &line)) {
		line = span_trim(line);
		if (line.len > 0 && line.ptr[0] != '#')
			return line;
	}
	return (struct span){0};
}

static enum target_kind kind_of_text(struct span text)
{
	static const char *const nft[] = {"table", "flush", "add", "create", "delete", "destroy",
		"define", "include", "undefine", "redefine", "insert", "replace"};
	struct span start = span_trim(text), line = first_line(text), word, key;
	if (span_begins(start, "{")) {
		key = span_trim((struct span){start.ptr + 1, start.len - 1});
		return span_begins(key, "\"nftables\"") ? TARGET_JSON : TARGET_VPC;
	}
	if (span_begins(line, "*"))
		return TARGET_SAVE;
	word = line;
	for (size_t i = 0; i < word.len; i++)
		if (word.ptr[i] == ' ' || word.ptr[i] == '\t')
			word.len = i;
	for (size_t i = 0; i < ARRAY_LEN(nft); i++)
		if (word.len < line.len && span_is(word, nft[i]))
			return TARGET_TEXT;
	return TARGET_POLICY;
}

/* ---- open and close ---- */

/* Whether a further path is of a VPC too. What can be read but once is not looked at. */
static bool is_vpc(const char *path)
{
	struct stat about;
	uint8_t head[HEAD_BYTES];
	if (stat(path, &about) < 0)
		return false;
	FILE *file = S_ISREG(about.st_mode) ? fopen(path, "rbe") : NULL;
	if (file == NULL)
		return S_ISDIR(about.st_mode);
	size_t len = fread(head, 1, sizeof head, file);
	(void)fclose(file);
	return kind_of_text((struct span){head, len}) == TARGET_VPC;
}

static enum exit_code open_vpc(
	struct target *t, const char *const *path, size_t paths, const struct cur *text, bool quiet)
{
	while (t->paths < paths && is_vpc(path[t->paths]))
		t->paths++;
	return target_read_vpc(t, path, text, quiet);
}

static enum exit_code open_text(
	struct target *t, const char *const *path, size_t paths, struct cur text, bool quiet)
{
	struct fail why = {0};
	int err = 0;
	t->kind = kind_of_text(
		(struct span){text.ptr, text.len < HEAD_BYTES ? text.len : HEAD_BYTES});
	switch (t->kind) {
	case TARGET_VPC:
		return open_vpc(t, path, paths, &text, quiet);
	case TARGET_POLICY:
		err = policy_parse(&t->policy, "", text, &why);
		break;
	case TARGET_JSON:
		err = boundary_read_nft_json(&t->rules, text, &why);
		break;
	case TARGET_TEXT:
		err = nft_text_read(&t->rules, text, &why);
		break;
	case TARGET_SAVE:
		err = boundary_read_iptables(&t->rules, text, &why);
		break;
	}
	if (err == 0)
		return EXIT_DONE;
	/* Some words begin with the line. */
	static const char *const between[] = {[TARGET_POLICY] = "",
		[TARGET_JSON] = ": ",
		[TARGET_TEXT] = ": ",
		[TARGET_SAVE] = ":",
		[TARGET_VPC] = ": "};
	struct out name = {0};
	out_safe(&name, path[0], SIZE_MAX); /* who reads FILE:LINE wants to go there */
	message("%s%s%s", out_string(&name), between[t->kind], why.text);
	out_fini(&name);
	return EXIT_USAGE;
}

enum exit_code target_open(struct target *t, const char *const *path, size_t paths, bool quiet)
{
	struct stat about;
	struct fail why = {0};
	char *owned = NULL;
	struct cur text = {0};
	*t = (struct target){.kind = TARGET_VPC, .path = path[0], .paths = 1};
	if (stat(path[0], &about) == 0 && S_ISDIR(about.st_mode))
		return open_vpc(t, path, paths, NULL, quiet);
	enum exit_code code = EXIT_USAGE;
	if (file_read(path[0], TARGET_BYTES_MAX, &owned, &text, &why) < 0)
		message("%s", why.text);
	else
		code = open_text(t, path, paths, text, quiet);
	free(owned);
	return code;
}

void target_close(struct target *t)
{
	policy_free(t->policy);
	boundary_free(t->rules);
	vpc_free(t->vpc);
	*t = (struct target){0};
}

/* ---- asking ---- */

static int ask_policy(const struct target *t, struct span text, const struct target_ask *ask,
	struct target_answer *ret, struct fail *why)
{
	struct policy_flow flow = {0};
	int err = policy_flow_parse(text, &flow, why);
	if (err < 0)
		return err;
	flow.name = ask->name;
	flow.as = ask->tls ? (flow.proto == 17 ? "quic" : "tls") : ask->as;
	flow.at_ns = ask->at_ns;
	struct policy_answer answer = policy_ask(t->policy, &flow);
	ret->verdict = answer.verdict;
	policy_say_rule(&ret->rule, &answer);
	policy_say_reason(&ret->reason, &answer, &flow);
	return 0;
}

int target_ask(const struct target *t, struct span flow, const struct target_ask *ask,
	struct target_answer *ret, struct fail *why)
{
	out_clear(&ret->rule);
	out_clear(&ret->reason);
	ret->vpc.stages = 0;
	if (t->policy != NULL)
		return ask_policy(t, flow, ask, ret, why);
	if (t->rules != NULL)
		return target_ask_rules(t, flow, ask, ret, why);
	return target_ask_vpc(t, flow, ask, ret, why);
}

void target_answer_fini(struct target_answer *a)
{
	out_fini(&a->rule);
	out_fini(&a->reason);
}

void target_put_answer(struct emit *e, const struct target_answer *a)
{
	emit_text(e, "verdict", policy_verdict_name(a->verdict), SIZE_MAX);
	emit_text(e, "rule", a->rule.len == 0 ? NULL : out_string(&a->rule), SIZE_MAX);
	emit_text(e, "reason", out_string(&a->reason), SIZE_MAX);
	if (a->vpc.stages > 0)
		target_put_stages(e, &a->vpc);
}

size_t target_each_try(const struct target *t, const struct target_ask *ask,
	const struct target_try *tries, size_t count, target_tell *tell, void *context)
{
	if (t->rules != NULL)
		return target_each_rules(t, ask, tries, count, tell, context);
	if (t->vpc != NULL)
		return target_each_vpc(t, tries, count, tell, context);
	return t->policy != NULL ? target_each_zone(t, ask, tries, count, tell, context) : 0;
}
