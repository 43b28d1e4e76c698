#include "host/naming.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

/* 8 ways of a set; 128 Ki addresses of 88 bytes, 256 Ki endpoints of 56 bytes. */
#define WAYS      8u
#define ADDR_SETS 16384u
#define USE_SETS  32768u

/* What is forgotten depends on the sets, and results must repeat exactly: so these are not keyed
 * per run. Whoever fills a set on purpose makes eight addresses or endpoints less known, no more.
 */
static const struct hash_key fixed_key = {0x706f737465726e00, 0x6e616d696e670000};

struct naming {
	struct addr_names addr[ADDR_SETS * WAYS];
	struct endpoint_use use[USE_SETS * WAYS];
};

int naming_new(struct naming **ret)
{
	*ret = calloc(1, sizeof **ret); /* pages are touched as it fills */
	if (*ret == NULL)
		return -ENOMEM;
	return 0;
}

void naming_free(struct naming *n)
{
	free(n);
}

static size_t addr_set(const struct addr *a)
{
	return (hash_bytes(&fixed_key, a, sizeof *a) & (ADDR_SETS - 1)) * WAYS;
}

const struct addr_names *naming_find(const struct naming *n, const struct addr *addr)
{
	const struct addr_names *set = &n->addr[addr_set(addr)];
	for (size_t i = 0; i < WAYS; i++)
		if (set[i].count > 0 && addr_eq(&set[i].addr, addr))
			return &set[i];
	return NULL;
}

static struct addr_names *addr_entry(struct naming *n, const struct addr *addr)
{
	struct addr_names *set = &n->addr[addr_set(addr)], *oldest = set;
	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].count == 0 || addr_eq(&set[i].addr, addr)) {
			set[i].addr = *addr;
			return &set[i];
		}
		if (set[i].used_ns < oldest->used_ns)
			oldest = &set[i];
	}
	*oldest = (struct addr_names){.addr = *addr};
	return oldest;
}

void naming_learn(struct naming *n, const struct learnt *l)
{
	if (l->domain == 0 || addr_is_none(&l->addr))
		return;
	struct addr_names *e = addr_entry(n, &l->addr);
	e->used_ns = l->at_ns > e->used_ns ? l->at_ns : e->used_ns;
	size_t known = e->count < NAMES_PER_ADDR ? e->count : NAMES_PER_ADDR, at = 0;
	while (at < known && e->known[at].domain != l->domain)
		at++;
	if (at == NAMES_PER_ADDR) { /* one domain too many: the address is shared; keep the latest
		                       names */
		e->count = NAMES_PER_ADDR + 1;
		at = 0;
		for (size_t i = 1; i < NAMES_PER_ADDR; i++)
			if (e->known[i].at_ns < e->known[at].at_ns)
				at = i;
	} else if (at == known) {
		e->count++;
	}
	e->known[at].domain = l->domain;
	e->known[at].name = l->name;
	e->known[at].host = l->host;
	e->known[at].at_ns = l->at_ns;
}

static size_t use_set(uint32_t endpoint)
{
	return (hash_bytes(&fixed_key, &endpoint, sizeof endpoint) & (USE_SETS - 1)) * WAYS;
}

const struct endpoint_use *naming_use_find(const struct naming *n, uint32_t endpoint)
{
	const struct endpoint_use *set = &n->use[use_set(endpoint)];
	for (size_t i = 0; i < WAYS; i++)
		if (set[i].endpoint == endpoint)
			return &set[i];
	return NULL;
}

struct endpoint_use *naming_use(struct naming *n, uint32_t endpoint, int64_t at_ns)
{
	struct endpoint_use *set = &n->use[use_set(endpoint)], *oldest = set;
	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].endpoint == endpoint || set[i].endpoint == 0) {
			set[i].endpoint = endpoint;
			set[i].used_ns = at_ns;
			return &set[i];
		}
		if (set[i].used_ns < oldest->used_ns)
			oldest = &set[i];
	}
	*oldest = (struct endpoint_use){.endpoint = endpoint, .used_ns = at_ns};
	return oldest;
}
