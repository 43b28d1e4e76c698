/* Networks lie inside one another or apart. Sorted by their first address, the last that begins at
 * or before an address is the smallest around it, or one that ended before: then one of those
 * around that one holds it. */
#include <errno.h>
#include <string.h>

#include "intel/set.h"

static struct cidr cidr_of(const struct network *n)
{
	return (struct cidr){.net = n->net, .bits = n->bits};
}

static int by_start(const void *a, const void *b)
{
	const struct network *x = a, *y = b;
	int order = addr_cmp(&x->net, &y->net);
	return order != 0 ? order : x->bits - y->bits;
}

static void drop_repeated(struct intel *set)
{
	size_t kept = 0;
	for (size_t i = 0; i < set->networks; i++)
		if (kept == 0 || by_start(&set->network[kept - 1], &set->network[i]) != 0)
			set->network[kept++] = set->network[i];
	set->networks = kept;
}

static void find_parents(struct intel *set)
{
	uint32_t around = 0;
	for (size_t i = 0; i < set->networks; i++) {
		struct network *n = &set->network[i];
		while (around != 0) {
			struct cidr outer = cidr_of(&set->network[around - 1]);
			if (cidr_has(&outer, &n->net))
				break;
			around = set->network[around - 1].parent;
		}
		n->parent = around;
		around = (uint32_t)i + 1;
	}
}

int networks_make(struct intel *set)
{
	if (set->count[INTEL_NETWORK] == 0)
		return 0;
	set->network = calloc(set->count[INTEL_NETWORK], sizeof *set->network);
	if (set->network == NULL)
		return -ENOMEM;
	for (uint32_t i = intel_next(set, 0); i != 0; i = intel_next(set, i)) {
		if (entry_kind(set, i) != INTEL_NETWORK)
			continue;
		struct cur key = cur_of(entry_key(set, i).ptr, 17);
		struct network *n = &set->network[set->networks++];
		n->net = addr_of(cur_bytes(&key, 16));
		n->bits = cur_u8(&key);
	}
	qsort(set->network, set->networks, sizeof *set->network, by_start);
	drop_repeated(set);
	find_parents(set);
	return 0;
}

/* How many begin at the address or before it. */
static size_t begun(const struct intel *set, const struct addr *addr)
{
	size_t low = 0, high = set->networks;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (addr_cmp(&set->network[middle].net, addr) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

size_t networks_find(const struct intel *set, const struct addr *addr, uint32_t *ret, size_t max)
{
	size_t found = 0;
	for (size_t i = begun(set, addr); i != 0; i = set->network[i - 1].parent) {
		struct cidr c = cidr_of(&set->network[i - 1]);
		if (!cidr_has(&c, addr))
			continue;
		uint8_t key[17];
		memcpy(key, c.net.byte, 16);
		key[16] = c.bits;
		found += set_find(set, INTEL_NETWORK, key, sizeof key, ret + found, max - found);
	}
	return found;
}
