/* Addresses and ports of a rule's header: any, networks, lists, what is negated, variables. */
#include <string.h>

#include "base/scan.h"
#include "suricata/suricata.h"

#define ITEMS_MAX 100000u /* of one list */

struct items {
	struct arena *arena;
	bool ports;
	const char *wrong;
};

static bool read_range(struct span text, struct suricata_item *item)
{
	uint64_t low = 0, high = UINT16_MAX;
	size_t colon = span_find(text, ":");
	struct span before = {text.ptr, colon};
	struct span after = {text.ptr + colon, text.len - colon};
	if (after.len > 0)
		after = (struct span){after.ptr + 1, after.len - 1};
	if (before.len > 0 && scan_max(before, UINT16_MAX, &low) < 0)
		return false;
	if (colon == text.len)
		high = low;
	else if (after.len > 0 && scan_max(after, UINT16_MAX, &high) < 0)
		return false;
	if (low > high || (before.len == 0 && after.len == 0))
		return false;
	item->kind = ITEM_PORTS;
	item->low = (uint16_t)low;
	item->high = (uint16_t)high;
	return true;
}

static bool read_net(struct span text, struct suricata_item *item)
{
	char buf[64] = {0};
	struct cidr net;
	item->kind = ITEM_NET;
	if (text.len >= sizeof buf || text.len == 0)
		return false;
	size_t dash = span_find(text, "-");
	if (dash < text.len)
		return scan_addr((struct span){text.ptr, dash}, &item->first) == 0 &&
		       scan_addr((struct span){text.ptr + dash + 1, text.len - dash - 1},
			       &item->last) == 0 &&
		       addr_cmp(&item->first, &item->last) <= 0;
	memcpy(buf, text.ptr, text.len);
	if (cidr_parse(buf, &net) < 0)
		return false;
	item->first = item->last = net.net;
	for (unsigned bit = net.bits; bit < 128; bit++)
		item->last.byte[bit / 8] = (uint8_t)(item->last.byte[bit / 8] | 0x80u >> bit % 8);
	return true;
}

static const char *copy_name(struct items *it, struct span text)
{
	bool fits = text.len > 0 && text.len <= SURICATA_NAMES_MAX;
	char *name = fits ? ARENA_NEW(it->arena, char, text.len + 1) : NULL;
	if (name == NULL) {
		it->wrong = "no name of a variable: 1 to 256 bytes";
		return NULL;
	}
	memcpy(name, text.ptr, text.len);
	return name;
}

static struct suricata_item *read_list(struct items *it, struct span text, unsigned depth);

static void read_item(
	struct items *it, struct span text, struct suricata_item *item, unsigned depth)
{
	while (text.len > 0 && text.ptr[0] == '!') {
		item->negated = !item->negated;
		text = span_trim((struct span){text.ptr + 1, text.len - 1});
	}
	if (text.len > 0 && text.ptr[0] == '[') {
		if (text.ptr[text.len - 1] != ']')
			it->wrong = "a list that does not end: write ] at its end";
		else if (depth == SURICATA_DEPTH_MAX)
			it->wrong = "lists in lists, over 8 deep";
		else
			item->child =
				read_list(it, (struct span){text.ptr + 1, text.len - 2}, depth + 1);
		item->kind = ITEM_LIST;
	} else if (span_is_nocase(text, "any")) {
		item->kind = ITEM_ANY;
		if (item->negated)
			it->wrong = "!any matches nothing";
	} else if (text.len > 0 && (text.ptr[0] == '$' || text.ptr[0] == '@')) {
		item->kind = text.ptr[0] == '$' ? ITEM_VARIABLE : ITEM_REFERENCE;
		item->name = copy_name(it, (struct span){text.ptr + 1, text.len - 1});
	} else if (it->ports ? !read_range(text, item) : !read_net(text, item)) {
		it->wrong = it->ports
		                    ? "no port: write any, 443, 1024:65535, [80,443], !80 or $NAME"
		                    : "no address: write any, 192.0.2.0/24, "
		                      "[10.0.0.0/8,!10.1.0.0/16] or $NAME";
	}
}

/* What stands before the next comma that is in no brackets. */
static struct span take_entry(struct span *rest)
{
	size_t depth = 0, len = 0;
	for (; len < rest->len && (depth > 0 || rest->ptr[len] != ','); len++) {
		depth += rest->ptr[len] == '[';
		depth -= rest->ptr[len] == ']' && depth > 0;
	}
	struct span entry = {rest->ptr, len};
	len += len < rest->len;
	*rest = (struct span){rest->ptr + len, rest->len - len};
	return span_trim(entry);
}

static struct suricata_item *read_list(struct items *it, struct span text, unsigned depth)
{
	struct suricata_item *first = NULL, **end = &first;
	size_t count = 0;
	do {
		struct suricata_item *item = ARENA_NEW(it->arena, struct suricata_item, 1);
		if (item == NULL || ++count > ITEMS_MAX) {
			it->wrong = "a list that is too long";
			return NULL;
		}
		read_item(it, take_entry(&text), item, depth);
		*end = item;
		end = &item->next;
	} while (text.len > 0 && it->wrong == NULL);
	return first;
}

const char *suricata_parse_items(
	struct arena *arena, struct span text, bool ports, struct suricata_item **ret)
{
	struct items it = {.arena = arena, .ports = ports};
	struct suricata_item *item = read_list(&it, span_trim(text), 0);
	if (it.wrong == NULL)
		*ret = item;
	return it.wrong;
}

/* ---- asking ---- */

static enum suricata_tri not(enum suricata_tri value) {
	return (enum suricata_tri)(SURICATA_YES - value);
}

static const struct suricata_variable *find(
	const struct suricata_scope *scope, const char *name, bool ports)
{
	for (; scope != NULL; scope = scope->around)
		for (const struct suricata_variable *v = scope->first; v != NULL; v = v->next)
			if (v->ports == ports && strcmp(v->name, name) == 0)
				return v;
	return NULL;
}

struct question {
	const struct suricata_scope *scope;
	const struct suricata_packet *packet; /* NULL: a port is asked for */
	bool src;
	uint16_t port;
	unsigned steps;
};

static enum suricata_tri has(struct question *q, const struct suricata_item *list, unsigned depth);

static enum suricata_tri has_net(const struct question *q, const struct suricata_item *item)
{
	const struct addr *a = q->src ? &q->packet->src : &q->packet->dst;
	if (!addr_is_none(a)) {
		const struct addr *end = q->src ? &q->packet->src_last : &q->packet->dst_last;
		const struct addr *last = addr_is_none(end) ? a : end;
		if (addr_cmp(&item->last, a) < 0 || addr_cmp(last, &item->first) < 0)
			return SURICATA_NO;
		bool all = addr_cmp(&item->first, a) <= 0 && addr_cmp(last, &item->last) <= 0;
		return all ? SURICATA_YES : SURICATA_MAYBE;
	}
	/* an address that is not known is of one family: all of it holds it */
	struct addr v4_first = addr_v4(0), v4_last = addr_v4(UINT32_MAX), zero = {0};
	bool all = addr_cmp(&item->first, &v4_first) <= 0 && addr_cmp(&v4_last, &item->last) <= 0;
	bool all6 = addr_eq(&item->first, &zero) && item->last.byte[0] == 0xff;
	const struct addr *other = q->src ? &q->packet->dst : &q->packet->src;
	return (addr_is_v4(other) ? all : all6) ? SURICATA_YES : SURICATA_MAYBE;
}

static enum suricata_tri has_variable(
	struct question *q, const struct suricata_item *item, unsigned depth)
{
	const struct suricata_packet *p = q->packet;
	bool home = p != NULL && strcmp(item->name, "HOME_NET") == 0;
	bool foreign = p != NULL && strcmp(item->name, "EXTERNAL_NET") == 0;
	bool inside = p != NULL && (q->src ? p->src_home : p->dst_home);
	bool outside = p != NULL && (q->src ? p->src_foreign : p->dst_foreign);
	if ((home || foreign) && (inside || outside))
		return home == inside ? SURICATA_YES : SURICATA_NO;
	const struct suricata_variable *v = find(q->scope, item->name, p == NULL);
	if (v != NULL && v->item != NULL)
		return depth >= SURICATA_DEPTH_MAX ? SURICATA_MAYBE : has(q, v->item, depth + 1);
	if (!foreign || depth >= SURICATA_DEPTH_MAX)
		return SURICATA_MAYBE;
	/* what is not said otherwise is all that is not HOME_NET */
	struct suricata_item net = {.kind = ITEM_VARIABLE, .name = "HOME_NET"};
	return not(has_variable(q, &net, depth + 1));
}

static enum suricata_tri has_item(
	struct question *q, const struct suricata_item *item, unsigned depth)
{
	switch (item->kind) {
	case ITEM_ANY:
		return SURICATA_YES;
	case ITEM_PORTS:
		return q->port >= item->low && q->port <= item->high ? SURICATA_YES : SURICATA_NO;
	case ITEM_NET:
		return q->packet == NULL ? SURICATA_MAYBE : has_net(q, item);
	case ITEM_LIST:
		return depth >= 2 * SURICATA_DEPTH_MAX ? SURICATA_MAYBE
		                                       : has(q, item->child, depth + 1);
	case ITEM_VARIABLE:
		return has_variable(q, item, depth);
	case ITEM_REFERENCE:
		break;
	}
	const struct suricata_variable *v = find(q->scope, item->name, q->packet == NULL);
	bool known = v != NULL && v->item != NULL && depth < SURICATA_DEPTH_MAX;
	return known ? has(q, v->item, depth + 1) : SURICATA_MAYBE;
}

/* Any of the plain ones (all, when there are none), and none of the negated ones. */
static enum suricata_tri has(struct question *q, const struct suricata_item *list, unsigned depth)
{
	enum suricata_tri in = SURICATA_NO, out = SURICATA_NO;
	bool plain = false;
	for (const struct suricata_item *item = list; item != NULL; item = item->next) {
		if (++q->steps > ITEMS_MAX)
			return SURICATA_MAYBE;
		enum suricata_tri one = has_item(q, item, depth);
		if (item->negated)
			out = one > out ? one : out;
		else
			in = one > in ? one : in;
		plain = plain || !item->negated;
	}
	in = plain ? in : SURICATA_YES;
	return in < not(out) ? in : not(out);
}

enum suricata_tri suricata_has_addr(const struct suricata_item *list,
	const struct suricata_scope *scope, const struct suricata_packet *packet, bool src)
{
	struct question q = {.scope = scope, .packet = packet, .src = src};
	return has(&q, list, 0);
}

enum suricata_tri suricata_has_port(
	const struct suricata_item *list, const struct suricata_scope *scope, uint16_t port)
{
	struct question q = {.scope = scope, .port = port};
	return has(&q, list, 0);
}
