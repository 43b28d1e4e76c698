#include "cli/verb.h"

#include <string.h>

static const struct verb *const verbs[] = {
#define VERB(name) &verb_##name,
#include "cli/verbs.def"
#undef VERB
};

size_t verbs_count(void)
{
	return ARRAY_LEN(verbs);
}

const struct verb *verbs_get(size_t index)
{
	return verbs[index];
}

const struct verb *verbs_find(const char *name)
{
	for (size_t i = 0; i < verbs_count(); i++)
		if (strcmp(verbs_get(i)->name, name) == 0)
			return verbs_get(i);
	return NULL;
}

bool call_given(const struct call *call, const char *option)
{
	for (size_t i = 0; i < call->verb->options; i++)
		if (strcmp(call->verb->option[i].name, option) == 0)
			return (call->given >> i & 1) != 0;
	return false;
}
