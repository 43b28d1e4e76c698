#include "host/domains.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *name, const void *row)
{
	return strcmp(name, ((const struct domain_row *)row)->domain);
}

enum domain_class domain_class(const char *name, const char **ret_operator)
{
	if (ret_operator != NULL)
		*ret_operator = NULL;
	/* the longest match first: one label less each time */
	for (const char *at = name; at != NULL && *at != '\0';) {
		const struct domain_row *row =
			bsearch(at, domain_rows, domain_row_count, sizeof *row, compare);
		if (row != NULL) {
			if (row->class == DOMAIN_TENANT && at != name)
				return DOMAIN_TENANT; /* below it is anybody's; the suffix itself is
				                         the operator's */
			if (ret_operator != NULL)
				*ret_operator = row->operator;
			if (row->class == DOMAIN_TENANT)
				return row->operator!= NULL ? DOMAIN_OPERATOR : DOMAIN_TENANT;
			return row->class;
		}
		at = strchr(at, '.');
		at = at == NULL ? NULL : at + 1;
	}
	return DOMAIN_ORDINARY;
}

const char *tenant_domain(const char *name)
{
	const char *label = name;
	for (const char *at = strchr(name, '.'); at != NULL; at = strchr(at, '.')) {
		at++;
		const struct domain_row *row =
			bsearch(at, domain_rows, domain_row_count, sizeof *row, compare);
		if (row != NULL)
			return row->class == DOMAIN_TENANT ? label : NULL;
		label = at;
	}
	return NULL;
}
