#include "cli/sought.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "cli/intel.h"
#include "cli/message.h"
#include "cli/scanning.h"

#define DAY_NS (86400 * NS_PER_S)

static int64_t changed(const char *path)
{
	struct stat st;
	return stat(path, &st) != 0 ? 0 : st.st_mtim.tv_sec * NS_PER_S + st.st_mtim.tv_nsec;
}

static void keep_newest(int64_t *newest_ns, const char *path)
{
	int64_t at_ns = changed(path);
	if (at_ns > *newest_ns)
		*newest_ns = at_ns;
}

static int load_scanner(
	struct sought *s, const struct scan *c, const struct walk *rules, struct fail *why)
{
	const char **rule = calloc(rules->files + 1, sizeof(char *));
	if (rule == NULL)
		return fail_set(why, -ENOMEM, "out of memory");
	int err = 0;
	for (size_t i = 0; err == 0 && i < rules->files; i++) {
		rule[i] = rules->file[i].path;
		keep_newest(&s->rules_ns, rule[i]);
		if (rules->file[i].why.code != 0)
			err = fail_set(why, rules->file[i].why.code, "%s", rules->file[i].why.text);
	}
	struct scan_options o = {.rules = rule,
		.rules_count = rules->files,
		.intel = s->intel,
		.clamd = c->clamd,
		.timeout_s = c->timeout_s < 1 ? 1 : (int)c->timeout_s};
	if (err == 0)
		err = scanner_new(&s->scanner, &o, why);
	free(rule);
	return err;
}

int sought_load(struct sought *ret, const struct scan *c, struct fail *why)
{
	struct walk rules = {0};
	*ret = (struct sought){0};
	int err = intel_load(&c->intel, &ret->intel, &ret->seen, why);
	for (size_t i = 0; i < c->intel.count; i++)
		keep_newest(&ret->lists_ns, c->intel.text[i]);
	for (size_t i = 0; i < c->rules.count && err == 0; i++)
		err = walk_add(&rules, c->rules.text[i], why);
	if (err == 0)
		err = load_scanner(ret, c, &rules, why);
	walk_fini(&rules);
	if (err < 0)
		sought_free(ret);
	return err;
}

void sought_free(struct sought *s)
{
	scanner_free(s->scanner);
	intel_seen_free(s->seen);
	intel_free(s->intel);
	*s = (struct sought){0};
}

static bool is_old(const char *what, int64_t at_ns, const struct scan *c, int64_t now_ns)
{
	double days = (double)(now_ns - at_ns) / (double)DAY_NS;
	if (at_ns == 0 || days <= c->max_age_days)
		return false;
	message("--max-age: the newest file of %s was changed %.0f days ago: fetch new ones", what,
		days);
	return true;
}

bool sought_is_stale(const struct sought *s, const struct scan *c, int64_t now_ns)
{
	if (c->max_age_days <= 0)
		return false;
	bool rules = is_old("rules", s->rules_ns, c, now_ns);
	return is_old("lists", s->lists_ns, c, now_ns) || rules;
}
