#include "cli/learn.h"

#include <errno.h>
#include <string.h>

#include "cli/message.h"
#include "store/store.h"

/* Whether the case tells of bytes that one of the cases before it told of too. */
static bool is_known(struct stored *const *stored, size_t index)
{
	const struct store_case *c = stored_case(stored[index]);
	for (size_t i = 0; i < index; i++) {
		const struct store_case *before = stored_case(stored[i]);
		for (size_t k = 0; k < c->inputs; k++)
			for (size_t n = 0; n < before->inputs; n++)
				if (c->digest[k].sha256[0] != '\0' &&
					strcmp(c->digest[k].sha256, before->digest[n].sha256) == 0)
					return true;
	}
	return false;
}

static int learn_one(struct lessons *l, struct stored *const *stored, size_t index,
	const char *path, struct fail *why)
{
	const struct store_case *c = stored_case(stored[index]);
	struct lesson_case one = {.finding = c->finding,
		.findings = c->findings,
		.max_e = c->max_e,
		.hosts = c->summary->hosts,
		.host_days = c->summary->host_days,
		.known = is_known(stored, index)};
	int err = lessons_add(l, &one);
	if (err == -E2BIG)
		return fail_set(why, err, "%s: more than %u judged findings in all",
			shown(path).text, LESSONS_MAX);
	return err < 0 ? fail_set(why, err, "out of memory") : 0;
}

int learn(const struct texts *cases, struct lessons **ret, struct fail *why)
{
	struct stored *stored[TEXTS_MAX] = {0};
	struct lessons *l = NULL;
	if (cases->count == 0)
		return 0;
	int err = lessons_new(&l) < 0 ? fail_set(why, -ENOMEM, "out of memory") : 0;
	for (size_t i = 0; i < cases->count && err == 0; i++) {
		err = stored_open(&stored[i], cases->text[i], why);
		if (err == 0)
			err = learn_one(l, stored, i, cases->text[i], why);
	}
	for (size_t i = 0; i < cases->count; i++)
		stored_close(stored[i]);
	if (err < 0)
		lessons_free(l);
	else
		*ret = l;
	return err;
}
