/* Inside host/: which names an address was known by, and how many hosts use an endpoint. Fixed
 * caches: when full, what was not used for the longest is forgotten, which may only make an
 * endpoint less known. */
#pragma once

#include "host/host.h"

#define NAMES_PER_ADDR 3

struct addr_names {
	struct addr addr;
	int64_t used_ns;
	struct {
		int64_t at_ns;
		uint32_t domain, name, host;
	} known[NAMES_PER_ADDR];
	uint8_t count; /* NAMES_PER_ADDR + 1: more domains than that, a shared address */
};

struct endpoint_use {
	uint32_t endpoint; /* strings number; 0 free */
	uint8_t count;     /* hosts, saturating at 8 */
	bool asked;        /* some host asked DNS for it and got an answer */
	uint32_t host[8];
	int64_t used_ns;
};

struct naming;

MUST_USE int naming_new(struct naming **ret);
void naming_free(struct naming *n);

struct learnt {
	struct addr addr;
	uint32_t domain, name, host;
	int64_t at_ns;
};
void naming_learn(struct naming *n, const struct learnt *l);
/* Names of an address, or NULL. */
const struct addr_names *naming_find(const struct naming *n, const struct addr *addr);
/* The entry of an endpoint, made when missing. */
struct endpoint_use *naming_use(struct naming *n, uint32_t endpoint, int64_t at_ns);
const struct endpoint_use *naming_use_find(const struct naming *n, uint32_t endpoint);
