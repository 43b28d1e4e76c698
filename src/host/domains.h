/* The table made of domains.tsv at build time, sorted by domain. */
#pragma once

#include "host/host.h"

struct domain_row {
	const char *domain, *operator;
	enum domain_class class;
};

extern const struct domain_row domain_rows[];
extern const size_t domain_row_count;
