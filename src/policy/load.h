/* Load: values of a policy's tree, checked; what load.c puts the policy together from. */
#pragma once

#include "policy/policy.h"
#include "policy/yaml.h"

struct loader {
	struct policy *policy;
	struct fail *why;
};

/* FILE:LINE:COLUMN: WORDS */
int load_wrong(const struct loader *l, struct policy_place at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* A stranger's word, in quotes and safe to print, cut when it is long. */
struct load_word {
	char text[72];
};
struct load_word load_quoted(const char *text);

struct load_field {
	const char *key;
	int (*read)(struct loader *l, const struct yaml_node *node, void *object);
	bool needed;
};
/* Reads a map by its rows; `what` names it in complaints ("a rule"). Fails: -EINVAL. */
MUST_USE int load_map(struct loader *l, const struct yaml_node *node, const char *what,
	const struct load_field *field, size_t fields, void *object);

/* All that follows takes one value or a list of them, and fails: -EINVAL, -E2BIG. */
MUST_USE int load_filled(struct loader *l, const struct yaml_node *node); /* has an item */
MUST_USE int load_nets(struct loader *l, const struct yaml_node *node, struct policy_nets *ret);
MUST_USE int load_names(struct loader *l, const struct yaml_node *node, struct policy_names *ret);
MUST_USE int load_ports(
	struct loader *l, const struct yaml_node *node, unsigned max, struct policy_service *ret);
MUST_USE int load_text(
	struct loader *l, const struct yaml_node *node, size_t max, const char **ret);
/* Letters, digits, "-", "_" and ".", not "any". */
MUST_USE int load_id(struct loader *l, const char *text, struct policy_place at, const char *what);
MUST_USE int load_action(struct loader *l, const struct yaml_node *node, enum policy_action *ret);
MUST_USE int load_as(struct loader *l, const struct yaml_node *node, const char **ret);
MUST_USE int load_expiry(struct loader *l, const struct yaml_node *node, int64_t *ret_ns);

/* The items of a list, or the value itself: for (n = load_first(node); n; n = load_next(node, n))
 */
static inline const struct yaml_node *load_first(const struct yaml_node *node)
{
	return node->kind == YAML_LIST ? node->first : node;
}
static inline const struct yaml_node *load_next(
	const struct yaml_node *node, const struct yaml_node *item)
{
	return node->kind == YAML_LIST ? item->next : NULL;
}
static inline size_t load_count(const struct yaml_node *node)
{
	return node->kind == YAML_LIST ? node->children : 1;
}
