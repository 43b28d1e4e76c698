/* Targets: which kind a path is, and one way to ask all of them. */
#include "cli/target.h"

#include <string.h>
#include <sys/stat.h>

#include "base/scan.h"
#include "cli/file.h"
#include "cli/message.h"
#include "cli/nft_text.h"
#include "ingest/walk.h"

#define HEAD_BYTES 65536u

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

static bool begins_with_one_of(struct span line, const char *const *word, size_t words)
{
	struct span first = line;
	for (size_t i = 0; i < first.len; i++)
		if (first.ptr[i] == ' ' || first.ptr[i] == '\t')
			first.len = i;
	for (size_t i = 0; i < words; i++)
		if (first.len < line.len && span_is(first, word[i]))
			return true;
	return false;
}

/* What only its documents have: the API's, CloudFormation's, Terraform's. */
static bool speaks_of_nfw(struct span text)
{
	static const char *const marks[] = {"\"FirewallPolicy\"", "\"RuleGroup\"",
		"\"RulesSource\"", "\"StatelessDefaultActions\"",
		"AWS::NetworkFirewall::", "aws_networkfirewall_"};
	for (size_t i = 0; i < ARRAY_LEN(marks); i++)
		if (span_find(text, marks[i]) < text.len)
			return true;
	return false;
}

static bool is_suricata(struct span text)
{
	static const char *const actions[] = {
		"alert", "drop", "pass", "reject", "rejectsrc", "rejectdst", "rejectboth"};
	return begins_with_one_of(first_line(text), actions, ARRAY_LEN(actions));
}

bool target_speaks_of_nfw(const char *name, struct span text)
{
	size_t len = strlen(name);
	bool json = span_begins(span_trim(text), "{");
	return speaks_of_nfw(text) ||
	       (!json && (is_suricata(text) || (len > 6 && strcmp(name + len - 6, ".rules") == 0)));
}

static enum target_kind kind_of_text(struct span text)
{
	static const char *const nft[] = {"table", "flush", "add", "create", "delete", "destroy",
		"define", "include", "undefine", "redefine", "insert", "replace"};
	struct span start = span_trim(text), line = first_line(text), key;
	if (span_begins(start, "{")) {
		key = span_trim((struct span){start.ptr + 1, start.len - 1});
		return span_begins(key, "\"nftables\"") ? TARGET_JSON
		       : speaks_of_nfw(text)            ? TARGET_NFW
		                                        : TARGET_VPC;
	}
	if (span_begins(line, "*"))
		return TARGET_SAVE;
	if (begins_with_one_of(line, nft, ARRAY_LEN(nft)))
		return TARGET_TEXT;
	if (is_suricata(text) || speaks_of_nfw(text))
		return TARGET_NFW;
	return TARGET_POLICY;
}

/* ---- open and close ---- */

/* By its beginning; what can be read but once, or not at all, is taken for a policy. */
static enum target_kind kind_of_file(const char *path)
{
	struct stat about;
	uint8_t head[HEAD_BYTES];
	FILE *file = stat(path, &about) == 0 && S_ISREG(about.st_mode) ? fopen(path, "rbe") : NULL;
	if (file == NULL)
		return TARGET_POLICY;
	size_t len = fread(head, 1, sizeof head, file);
	(void)fclose(file);
	return kind_of_text((struct span){head, len});
}

/* A folder is a VPC's unless a file of it is a Network Firewall's. */
static enum target_kind kind_of_folder(const char *path)
{
	struct walk w = {0};
	struct fail why = {0};
	enum target_kind kind = TARGET_VPC;
	if (walk_add(&w, path, &why) == 0)
		for (size_t i = 0; i < w.files && kind != TARGET_NFW; i++)
			kind = kind_of_file(w.file[i].path) == TARGET_NFW ? TARGET_NFW : TARGET_VPC;
	walk_fini(&w);
	return kind;
}

static bool is_folder(const char *path)
{
	struct stat about;
	return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

static bool is_aws(const char *path)
{
	enum target_kind kind = is_folder(path) ? kind_of_folder(path) : kind_of_file(path);
	return kind == TARGET_VPC || kind == TARGET_NFW;
}

static enum exit_code open_vpc(struct target *t, const char *const *path, size_t paths,
	const struct cur *text, const struct target_read *how)
{
	while (t->paths < paths && is_aws(path[t->paths]))
		t->paths++;
	return target_read_aws(t, path, text, how);
}

static enum exit_code open_text(struct target *t, const char *const *path, size_t paths,
	struct cur text, const struct target_read *how)
{
	struct fail why = {0};
	int err = 0;
	t->kind = kind_of_text((struct span){text.ptr, text.len});
	switch (t->kind) {
	case TARGET_VPC:
		return open_vpc(t, path, paths, &text, how);
	case TARGET_NFW:
		return target_read_aws(t, path, &text, how);
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
		[TARGET_VPC] = ": ",
		[TARGET_NFW] = ": "};
	struct out name = {0};
	out_safe(&name, path[0], SIZE_MAX); /* who reads FILE:LINE wants to go there */
	message("%s%s%s", out_string(&name), between[t->kind], why.text);
	out_fini(&name);
	return EXIT_USAGE;
}

enum exit_code target_open(
	struct target *t, const char *const *path, size_t paths, const struct target_read *how)
{
	struct fail why = {0};
	char *owned = NULL;
	struct cur text = {0};
	*t = (struct target){.kind = TARGET_VPC, .path = path[0], .paths = 1};
	if (is_folder(path[0])) {
		t->kind = kind_of_folder(path[0]);
		return t->kind == TARGET_NFW ? target_read_aws(t, path, NULL, how)
		                             : open_vpc(t, path, paths, NULL, how);
	}
	enum exit_code code = EXIT_USAGE;
	if (file_read(path[0], TARGET_BYTES_MAX, &owned, &text, &why) < 0)
		message("%s", why.text);
	else
		code = open_text(t, path, paths, text, how);
	free(owned);
	return code;
}

void target_close(struct target *t)
{
	policy_free(t->policy);
	boundary_free(t->rules);
	vpc_free(t->vpc);
	nfw_free(t->nfw);
	target_close_firewalls(t->firewalls);
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
	if (t->vpc != NULL)
		return target_ask_vpc(t, flow, ask, ret, why);
	return target_ask_nfw(t, flow, ask, ret, why);
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
	if (t->nfw != NULL)
		return target_each_nfw(t, tries, count, tell, context);
	return t->policy != NULL ? target_each_zone(t, ask, tries, count, tell, context) : 0;
}
