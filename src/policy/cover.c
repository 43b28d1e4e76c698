/* Tree knapsack over the compressed prefix trie. A node of it is the longest prefix that two
 * neighbours in the order of addresses share; best(node, k) is the least excess with which k
 * prefixes cover the addresses below it: either the node's own prefix alone, or k split between its
 * two children. A child never gets more prefixes than it has addresses, so that all splits together
 * cost addresses times max (Johnson and Niemi, On knapsacks, partitions, and a new dynamic
 * programming technique for trees, 1983).
 *
 * Excess is a double: sums of differences of powers of two and counts. All that is of IPv4 is below
 * 2^33, and exact. For IPv6 it is the size of prefixes minus addresses, compared by magnitude. */
#include "policy/cover.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define NO_CHILD UINT32_MAX

struct node {
	uint32_t left, right; /* nodes; NO_CHILD: one address */
	uint32_t leaves;      /* addresses below it */
	uint32_t first;       /* index of the first of them */
	uint8_t bits;         /* of its prefix */
	uint32_t most;        /* prefixes that make sense: at most leaves, and max */
	size_t table;         /* of best and split: k from 1 to most stands at table + k - 1 */
};

struct solver {
	const struct addr *addr;
	unsigned max;
	struct node *node; /* children before parents */
	size_t nodes;
	double *best;
	uint16_t *split; /* prefixes of the left child; 0: the node's own prefix */
	uint32_t *stack;
	struct cover *cover;
};

void cover_fini(struct cover *c)
{
	free(c->net);
	*c = (struct cover){0};
}

/* IPv4 first: in the order of bytes it stands in the midst of IPv6. */
static int by_family(const void *a, const void *b)
{
	int order = (int)addr_is_v4(b) - (int)addr_is_v4(a);
	return order != 0 ? order : addr_cmp(a, b);
}

/* Bits that both begin with. */
static unsigned shared(const struct addr *a, const struct addr *b)
{
	unsigned bits = 0;
	while (bits < 128 && a->byte[bits / 8] == b->byte[bits / 8])
		bits += 8;
	for (; bits < 128; bits++)
		if (((a->byte[bits / 8] ^ b->byte[bits / 8]) >> (7 - bits % 8) & 1) != 0)
			break;
	return bits;
}

static uint32_t add_node(struct solver *s, struct node node)
{
	s->node[s->nodes] = node;
	return (uint32_t)s->nodes++;
}

static void join(struct solver *s, size_t *depth, unsigned bits)
{
	uint32_t right = s->stack[--*depth], left = s->stack[--*depth];
	s->stack[(*depth)++] =
		add_node(s, (struct node){.left = left,
				    .right = right,
				    .first = s->node[left].first,
				    .leaves = s->node[left].leaves + s->node[right].leaves,
				    .bits = (uint8_t)bits});
}

/* The trie of addresses in order, without recursion: the stack is the way to the newest. `between`
 * holds what each on it shares with the one before it. Returns the root. */
static uint32_t build(struct solver *s, size_t from, size_t to, uint8_t *between)
{
	size_t depth = 0;
	for (size_t i = from; i < to; i++) {
		unsigned bits = i == from ? 0 : shared(&s->addr[i - 1], &s->addr[i]);
		while (depth > 1 && between[depth - 1] > bits) {
			unsigned joined = between[depth - 1];
			join(s, &depth, joined);
		}
		between[depth] = (uint8_t)bits;
		s->stack[depth++] = add_node(s, (struct node){.left = NO_CHILD,
							.right = NO_CHILD,
							.first = (uint32_t)i,
							.leaves = 1,
							.bits = 128});
	}
	while (depth > 1) {
		unsigned joined = between[depth - 1];
		join(s, &depth, joined);
	}
	return s->stack[0];
}

static void solve_node(struct solver *s, struct node *n)
{
	double *best = &s->best[n->table];
	uint16_t *split = &s->split[n->table];
	best[0] = ldexp(1, 128 - n->bits) - n->leaves;
	split[0] = 0;
	for (uint32_t k = 1; k < n->most; k++) {
		best[k] = best[0];
		split[k] = 0;
	}
	if (n->left == NO_CHILD)
		return;
	const struct node *l = &s->node[n->left], *r = &s->node[n->right];
	const double *lb = &s->best[l->table], *rb = &s->best[r->table];
	for (uint32_t i = 1; i <= l->most; i++)
		for (uint32_t k = 1; k <= r->most && i + k <= n->most; k++) {
			double excess = lb[i - 1] + rb[k - 1];
			if (excess >= best[i + k - 1])
				continue;
			best[i + k - 1] = excess;
			split[i + k - 1] = (uint16_t)i;
		}
}

/* Tables for nodes from `from`, children before parents. */
static int solve(struct solver *s)
{
	size_t entries = 0;
	for (size_t i = 0; i < s->nodes; i++) {
		struct node *n = &s->node[i];
		n->most = n->leaves < s->max ? n->leaves : s->max;
		n->table = entries;
		entries += n->most;
	}
	s->best = malloc((entries + 1) * sizeof *s->best);
	s->split = malloc((entries + 1) * sizeof *s->split);
	if (s->best == NULL || s->split == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < s->nodes; i++)
		solve_node(s, &s->node[i]);
	return 0;
}

/* The least k whose excess is the least. */
static uint32_t least(const struct solver *s, const struct node *n, uint32_t most)
{
	const double *best = &s->best[n->table];
	uint32_t k = 1;
	for (uint32_t i = 2; i <= most && i <= n->most; i++)
		if (best[i - 1] < best[k - 1])
			k = i;
	return k;
}

static void add_net(struct solver *s, const struct node *n)
{
	struct cidr *net = &s->cover->net[s->cover->count++];
	*net = (struct cidr){.net = s->addr[n->first], .bits = n->bits};
	for (unsigned bit = n->bits; bit < 128; bit++)
		net->net.byte[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
}

/* Takes k prefixes below the root, in the order of addresses. */
static void collect(struct solver *s, uint32_t root, uint32_t prefixes)
{
	struct {
		uint32_t node, k;
	} way[130]; /* no deeper than an address is long: only right children wait */
	size_t depth = 0;
	way[depth].node = root;
	way[depth++].k = prefixes;
	while (depth > 0) {
		uint32_t node = way[--depth].node, k = way[depth].k;
		const struct node n = s->node[node];
		uint32_t left = s->split[n.table + k - 1];
		if (left == 0) {
			add_net(s, &n);
			continue;
		}
		CHECK(depth + 2 <= ARRAY_LEN(way));
		way[depth].node = n.right;
		way[depth++].k = k - left;
		way[depth].node = n.left;
		way[depth++].k = left;
	}
}

/* Both families have tables; the best split of max between them. */
static void choose(struct solver *s, const uint32_t *root, size_t roots)
{
	const struct node *a = &s->node[root[0]];
	uint32_t first = least(s, a, roots == 1 ? s->max : s->max - 1), second = 0;
	double excess = s->best[a->table + first - 1];
	if (roots == 2) {
		const struct node *b = &s->node[root[1]];
		excess = HUGE_VAL;
		for (uint32_t i = 1; i <= a->most && i < s->max; i++) {
			uint32_t k = least(s, b, s->max - i);
			double both = s->best[a->table + i - 1] + s->best[b->table + k - 1];
			bool fewer = both == excess && i + k < first + second;
			if (both < excess || fewer) {
				excess = both;
				first = i;
				second = k;
			}
		}
	}
	s->cover->excess = excess;
	collect(s, root[0], first);
	if (roots == 2)
		collect(s, root[1], second);
}

static int run(struct solver *s, size_t count)
{
	size_t roots = 0;
	uint32_t root[2]; /* of IPv4 and of IPv6 */
	uint8_t *between = calloc(count + 1, 1);
	s->node = calloc(2 * count, sizeof *s->node);
	s->stack = calloc(count + 1, sizeof *s->stack);
	s->cover->net = calloc(s->max, sizeof *s->cover->net);
	int err = 0;
	if (between == NULL || s->node == NULL || s->stack == NULL || s->cover->net == NULL)
		err = -ENOMEM;
	for (size_t i = 0, k; err == 0 && i < count; i = k) {
		bool v4 = addr_is_v4(&s->addr[i]);
		for (k = i + 1; k < count && addr_is_v4(&s->addr[k]) == v4;)
			k++;
		CHECK(roots < ARRAY_LEN(root));
		root[roots++] = build(s, i, k, between);
	}
	if (err == 0 && roots > s->max)
		err = -EINVAL;
	if (err == 0)
		err = solve(s);
	if (err == 0)
		choose(s, root, roots);
	free(between);
	return err;
}

int cover_find(struct addr *addr, size_t count, unsigned max, struct cover *ret)
{
	struct cover cover = {0};
	if (max == 0 || max > COVER_NETS_MAX)
		return -EINVAL;
	if (count > COVER_ADDRS_MAX)
		return -E2BIG;
	for (size_t i = 0; i < count; i++)
		if (addr_is_none(&addr[i]))
			return -EINVAL;
	size_t kept = 0;
	if (count > 0)
		qsort(addr, count, sizeof *addr, by_family);
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || !addr_eq(&addr[kept - 1], &addr[i]))
			addr[kept++] = addr[i];
	struct solver s = {.addr = addr, .max = max, .cover = &cover};
	int err = kept == 0 ? 0 : run(&s, kept);
	free(s.node);
	free(s.stack);
	free(s.best);
	free(s.split);
	if (err < 0)
		cover_fini(&cover);
	else
		*ret = cover;
	return err;
}
