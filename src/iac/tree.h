/* Inside iac/: the text as a tree. */
#pragma once

#include "base/json.h"
#include "iac/iac.h"

struct iac {
	struct arena arena;
	struct json *json;
	struct out text; /* a YAML's JSON */
	struct iac_node *root;
	const struct iac_node *resources; /* of a template */
	struct iac_resource *first, **end;
	size_t nodes;
	uint64_t steps;
	bool full, terraform;
};

struct iac_node *iac_new(struct iac *c, enum iac_kind kind, struct span text);
/* One more resource is looked at. False: too many were, and the text is refused. */
bool iac_step(struct iac *c);
void iac_append(struct iac_node *parent, struct iac_node *child);
/* A copy with another key, its children shared. */
struct iac_node *iac_as(struct iac *c, const struct iac_node *node, struct span key);
struct iac_node *iac_out(struct iac *c, struct out *o); /* TEXT of it; ends o */
const struct iac_node *iac_find(const struct iac_node *map, struct span name);
void iac_add(struct iac *c, struct span type, struct span name, const struct iac_node *properties);
bool iac_same(struct span a, struct span b);

void iac_read_stack(struct iac *c);     /* CloudFormation: c->resources */
bool iac_read_terraform(struct iac *c); /* false: it is none */
