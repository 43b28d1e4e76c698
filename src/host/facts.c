#include "host/facts.h"

#include <errno.h>
#include <stdlib.h>

#include "event/event.h"

#define PLACES 8192u /* direct-mapped by the name's number */

struct facts {
	struct strings *strings;
	struct name_facts known[PLACES];
};

int facts_new(struct facts **ret, struct strings *strings)
{
	*ret = calloc(1, sizeof **ret);
	if (*ret == NULL)
		return -ENOMEM;
	(*ret)->strings = strings;
	return 0;
}

void facts_free(struct facts *f)
{
	free(f);
}

struct name_facts facts_of(struct facts *f, const char *name)
{
	uint32_t number = strings_add(f->strings, name);
	struct name_facts *place = &f->known[number % PLACES];
	if (number != 0 && place->name == number)
		return *place;
	const char *tenant = tenant_domain(name);
	struct name_facts facts = {.name = number,
		.domain =
			strings_add(f->strings, tenant != NULL ? tenant : registered_domain(name)),
		.class = domain_class(name, NULL)};
	if (number != 0)
		*place = facts;
	return facts;
}
