#include <errno.h>
#include <string.h>
#include <yara.h>

#include "base/out.h"
#include "scan/scan_private.h"

#define COMPILED_MAGIC "YARA"
#define SETS_MAX       64u /* compiled files, and one of all sources */

struct yara {
	YR_RULES *set[SETS_MAX];
	YR_SCANNER *scanner[SETS_MAX];
	size_t sets, rules;
	int timeout_s;
	bool begun;
};

/* ---- rules ---- */

struct complaint {
	char text[FAIL_BYTES];
};

static void complain(int level, const char *file, int line, const YR_RULE *rule,
	const char *message, void *context)
{
	struct complaint *c = context;
	(void)rule;
	if (level != YARA_ERROR_LEVEL_ERROR || c->text[0] != '\0')
		return;
	struct out o = {0}; /* a message may quote the rule */
	out_safe(&o, file == NULL ? "rules" : file, 120);
	out_printf(&o, ":%d: ", line);
	out_safe(&o, message, 120);
	(void)snprintf(c->text, sizeof c->text, "%s", out_string(&o));
	out_fini(&o);
}

static bool is_compiled(FILE *file)
{
	char magic[4] = {0};
	size_t len = fread(magic, 1, sizeof magic, file);
	rewind(file);
	return len == sizeof magic && memcmp(magic, COMPILED_MAGIC, sizeof magic) == 0;
}

static int add_set(struct yara *y, YR_RULES *rules)
{
	YR_RULE *rule = NULL;
	if (y->sets == SETS_MAX) {
		(void)yr_rules_destroy(rules);
		return -E2BIG;
	}
	y->set[y->sets] = rules;
	if (yr_scanner_create(rules, &y->scanner[y->sets]) != ERROR_SUCCESS) {
		(void)yr_rules_destroy(rules);
		return -ENOMEM;
	}
	y->sets++;
	yr_rules_foreach(rules, rule) y->rules++;
	return 0;
}

static int add_file(struct yara *y, YR_COMPILER *compiler, const char *path,
	const struct complaint *complaint, struct fail *why)
{
	FILE *file = fopen(path, "rbe");
	YR_RULES *rules = NULL;
	if (file == NULL)
		return fail_set(why, -errno, "%s: %s", path, strerror(errno));
	int err = 0;
	if (!is_compiled(file)) {
		if (yr_compiler_add_file(compiler, file, NULL, path) != 0)
			err = fail_set(why, -EINVAL, "%s",
				complaint->text[0] != '\0' ? complaint->text : "bad rules");
	} else if (yr_rules_load(path, &rules) != ERROR_SUCCESS) {
		err = fail_set(
			why, -EINVAL, "%s: compiled rules of another version, or damaged", path);
	} else {
		err = add_set(y, rules);
		if (err < 0)
			err = fail_set(why, err, "%s: too many compiled files of rules", path);
	}
	(void)fclose(file);
	return err;
}

static int compile(struct yara *y, const struct scan_options *o, struct fail *why)
{
	YR_COMPILER *compiler = NULL;
	YR_RULES *rules = NULL;
	struct complaint complaint = {0};
	if (yr_compiler_create(&compiler) != ERROR_SUCCESS)
		return fail_set(why, -ENOMEM, "out of memory");
	yr_compiler_set_callback(compiler, complain, &complaint);
	int err = 0;
	for (size_t i = 0; i < o->rules_count && err == 0; i++)
		err = add_file(y, compiler, o->rules[i], &complaint, why);
	if (err == 0 && yr_compiler_get_rules(compiler, &rules) != ERROR_SUCCESS)
		err = fail_set(why, -ENOMEM, "out of memory");
	if (err == 0 && add_set(y, rules) < 0)
		err = fail_set(why, -ENOMEM, "out of memory");
	yr_compiler_destroy(compiler);
	return err;
}

int yara_new(struct yara **ret, const struct scan_options *options, struct fail *why)
{
	struct yara *y = calloc(1, sizeof *y);
	if (y == NULL || yr_initialize() != ERROR_SUCCESS) {
		free(y);
		return fail_set(why, -ENOMEM, "out of memory");
	}
	y->begun = true;
	y->timeout_s = options->timeout_s;
	int err = compile(y, options, why);
	if (err < 0)
		yara_free(y);
	else
		*ret = y;
	return err;
}

void yara_free(struct yara *y)
{
	if (y == NULL)
		return;
	for (size_t i = 0; i < y->sets; i++) {
		yr_scanner_destroy(y->scanner[i]);
		(void)yr_rules_destroy(y->set[i]);
	}
	if (y->begun)
		(void)yr_finalize();
	free(y);
}

size_t yara_rules(const struct yara *y)
{
	return y->rules;
}

/* ---- scanning ---- */

/* The rule's "description", else its tags. */
static void say_rule(const YR_RULE *rule, struct out *o)
{
	const YR_META *meta = NULL;
	const char *tag = NULL, *space = "";
	yr_rule_metas_foreach(rule, meta) if (meta->type == META_TYPE_STRING &&
					      strcmp(meta->identifier, "description") == 0)
	{
		out_safe(o, meta->string, SCAN_TEXT_BYTES / 2);
		return;
	}
	yr_rule_tags_foreach(rule, tag)
	{
		out_text(o, space);
		out_safe(o, tag, 32);
		space = " ";
	}
}

static int matched(YR_SCAN_CONTEXT *scan, int message, void *data, void *context)
{
	struct scan_result *r = context;
	(void)scan;
	if (message == CALLBACK_MSG_TOO_MANY_MATCHES)
		result_gap(r, "a string of a rule matches too often to be followed");
	if (message != CALLBACK_MSG_RULE_MATCHING)
		return CALLBACK_CONTINUE;
	const YR_RULE *rule = data;
	struct out name = {0}, text = {0};
	out_safe(&name, rule->identifier, SCAN_NAME_BYTES / 2);
	say_rule(rule, &text);
	result_match(r, SCAN_YARA, out_string(&name), out_string(&text));
	out_fini(&name);
	out_fini(&text);
	return CALLBACK_CONTINUE;
}

void yara_scan(struct yara *y, struct span bytes, struct scan_result *ret)
{
	for (size_t i = 0; i < y->sets; i++) {
		yr_scanner_set_callback(y->scanner[i], matched, ret);
		yr_scanner_set_timeout(y->scanner[i], y->timeout_s);
		/* the bytes are on the heap: no signal of a file that shrinks is to be caught */
		yr_scanner_set_flags(
			y->scanner[i], SCAN_FLAGS_NO_TRYCATCH | SCAN_FLAGS_REPORT_RULES_MATCHING);
		int err = yr_scanner_scan_mem(y->scanner[i], bytes.ptr, bytes.len);
		if (err == ERROR_SCAN_TIMEOUT)
			result_gap(ret,
				"YARA was stopped after %d s: rules are too slow for this file",
				y->timeout_s);
		else if (err != ERROR_SUCCESS && err != ERROR_TOO_MANY_MATCHES)
			result_gap(ret, "YARA failed with error %d", err);
	}
}
