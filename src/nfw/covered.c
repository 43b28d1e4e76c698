/* Rules that never decide, because one before them in their group takes all that they match: of
 * stateless rules, and of Suricata's those of addresses and ports alone, which are asked once and
 * act on the whole flow. */
#include <errno.h>
#include <string.h>

#include "nfw/use.h"

#define WORK_MAX UINT64_C(50000000) /* pairs, of all groups of a policy together */

/* ---- lists of addresses or ports ---- */

static bool is_same(const struct suricata_item *a, const struct suricata_item *b)
{
	for (; a != NULL && b != NULL; a = a->next, b = b->next) {
		bool named = (a->name == NULL) == (b->name == NULL) &&
		             (a->name == NULL || strcmp(a->name, b->name) == 0);
		if (a->kind != b->kind || a->negated != b->negated || !named || a->low != b->low ||
			a->high != b->high || !addr_eq(&a->first, &b->first) ||
			!addr_eq(&a->last, &b->last) || !is_same(a->child, b->child))
			return false;
	}
	return a == NULL && b == NULL;
}

static bool has_negated(const struct suricata_item *list)
{
	for (; list != NULL; list = list->next)
		if (list->negated || has_negated(list->child))
			return true;
	return false;
}

static bool holds(const struct suricata_item *list, const struct suricata_item *one)
{
	for (; list != NULL; list = list->next) {
		bool named = list->name != NULL && one->name != NULL &&
		             strcmp(list->name, one->name) == 0;
		if (list->kind == ITEM_ANY || (list->kind == ITEM_LIST && holds(list->child, one)))
			return true;
		if (list->kind != one->kind)
			continue;
		if (list->kind == ITEM_NET ? addr_cmp(&list->first, &one->first) <= 0 &&
						     addr_cmp(&list->last, &one->last) >= 0
			: list->kind == ITEM_PORTS
				? list->low <= one->low && list->high >= one->high
				: named)
			return true;
	}
	return false;
}

static bool holds_all(const struct suricata_item *list, const struct suricata_item *of)
{
	for (; of != NULL; of = of->next)
		if (!(of->kind == ITEM_LIST && of->child != NULL ? holds_all(list, of->child)
								 : holds(list, of)))
			return false;
	return true;
}

/* NULL: any. */
static bool covers(const struct suricata_item *a, const struct suricata_item *b)
{
	static const struct suricata_item any = {.kind = ITEM_ANY};
	a = a == NULL ? &any : a;
	b = b == NULL ? &any : b;
	return is_same(a, b) || (!has_negated(a) && !has_negated(b) && holds_all(a, b));
}

/* ---- Suricata's rules ---- */

struct comparing {
	void (*tell)(void *context, const struct nfw_covered *covered);
	void *context;
	uint64_t left;
};

bool nfw_is_plain(const struct entry *e)
{
	const struct suricata_rule *r = e->rule;
	return r != NULL && r->test == NULL && r->unsupported == NULL && r->app == NULL &&
	       !r->hook && r->scope == SCOPE_ONCE;
}

static bool decides(const struct entry *e)
{
	return nfw_is_plain(e) && e->rule->action != SURICATA_ALERT && !e->harmless;
}

static bool rule_covers(const struct suricata_rule *a, const struct suricata_rule *b)
{
	return (a->ip_proto == 256 || a->ip_proto == b->ip_proto) &&
	       (a->family == 0 || a->family == b->family) && (a->both || !b->both) &&
	       covers(a->src, b->src) && covers(a->dst, b->dst) && covers(a->sport, b->sport) &&
	       covers(a->dport, b->dport);
}

static void compare_rules(struct comparing *c, const struct nfw_policy *policy)
{
	const struct entry *entry = policy->order->entry;
	for (size_t i = 0; i < policy->order->entries; i++) {
		const struct suricata_rule *mine = entry[i].rule;
		for (size_t k = 0; k < i && decides(&entry[i]) && c->left > 0; k++) {
			const struct suricata_rule *other = entry[k].rule;
			c->left--;
			if (entry[k].ref != entry[i].ref || !decides(&entry[k]) ||
				!rule_covers(other, mine))
				continue;
			c->tell(c->context,
				&(struct nfw_covered){.group = entry[i].ref->group->name,
					.rule = mine->sid,
					.by = other->sid,
					.line = mine->line,
					.msg = mine->msg,
					.differs = other->action != mine->action});
			break;
		}
	}
}

/* ---- stateless rules ---- */

static bool stateless_covers(const struct nfw_stateless_rule *a, const struct nfw_stateless_rule *b)
{
	bool protos = a->any_proto || !b->any_proto;
	for (size_t i = 0; i < ARRAY_LEN(a->protos) && !a->any_proto; i++)
		protos = protos && (b->protos[i] & ~a->protos[i]) == 0;
	bool flags = !a->flagged || (b->flagged && a->mask == b->mask &&
					    (a->flags & a->mask) == (b->flags & b->mask));
	return a->way != 0 && protos && flags && covers(a->src, b->src) && covers(a->dst, b->dst) &&
	       covers(a->sport, b->sport) && covers(a->dport, b->dport);
}

static void compare_stateless(struct comparing *c, const struct nfw_group *group)
{
	for (const struct nfw_stateless_rule *r = group->stateless; r != NULL; r = r->next)
		for (const struct nfw_stateless_rule *s = group->stateless; s != r && c->left > 0;
			s = s->next) {
			c->left--;
			if (r->way == 0 || s->priority == r->priority || !stateless_covers(s, r))
				continue;
			c->tell(c->context, &(struct nfw_covered){.group = group->name,
						    .stateless = true,
						    .rule = r->priority,
						    .by = s->priority,
						    .differs = s->way != r->way});
			break;
		}
}

int nfw_each_covered(const struct nfw_policy *policy,
	void (*tell)(void *context, const struct nfw_covered *covered), void *context)
{
	struct comparing c = {tell, context, WORK_MAX};
	int err = order_make(policy);
	if (err < 0)
		return err;
	compare_rules(&c, policy);
	for (const struct nfw_ref *ref = policy->ref; ref != NULL; ref = ref->next)
		if (ref->is_stateless && ref->group != NULL)
			compare_stateless(&c, ref->group);
	return c.left > 0 ? 0 : -E2BIG;
}
