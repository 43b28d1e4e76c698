/* Inside aws/: what writes templates in the words of describe-*. */
#pragma once

#include "aws/read_template.h"
#include "iac/iac.h"

typedef const struct iac_resource res;
typedef const struct iac_node node;

struct named { /* a resource by its name, or by the id that it has already */
	struct span name;
	res *resource;
	size_t place; /* in the text */
};

/* Resources looked at for one text: each may ask about all others. */
#define TEMPLATE_STEPS_MAX UINT64_C(100000000)

struct writer {
	const struct iac *c;
	struct named *named; /* sorted; owned */
	size_t names;
	uint64_t steps;
	struct out *o;
	unsigned number; /* of the template; names of the second and later ones are told apart */
	bool tf, more;   /* more: a comma is due */
};

node *tw_prop(res *r, const char *cfn, const char *tf);
node *tw_either(node *map, const char *cfn, const char *tf);
bool tw_is_text(node *n);
bool tw_says(node *n, const char *word);
bool tw_is_type(res *r, const char *cfn, const char *tf);
/* Fails: -ENOMEM. */
MUST_USE int tw_index(struct writer *w);
/* The resource behind r; NULL: the first. NULL: no more, or too many were looked at. */
res *tw_next(struct writer *w, res *r);
/* The resource that is meant by its name or id; NULL: none. */
res *tw_meant(const struct writer *w, node *id);
void tw_comma(struct writer *w);
void tw_begin(struct writer *w, const char *name, char bracket);
void tw_end(struct writer *w, char bracket);
void tw_string(struct writer *w, struct span text);
void tw_text(struct writer *w, const char *name, node *n);
void tw_words(struct writer *w, const char *name, const char *words);
void tw_bool(struct writer *w, const char *name, bool is);
void tw_name(struct writer *w, const char *name, struct span text);
void tw_own(struct writer *w, const char *name, res *r);
void tw_id(struct writer *w, const char *name, node *n);
bool tw_is_of(const struct writer *w, node *id, res *owner);
bool tw_strays(
	res *r, const char *cfn, const char *tf, const char *cfn_owner, const char *tf_owner);

/* One object of a list each. */
void template_put_network(struct writer *w, res *r);
void template_put_subnet(struct writer *w, res *r);
void template_put_table(struct writer *w, res *r);
void template_put_main_table(struct writer *w, res *network);
void template_put_acl(struct writer *w, res *r);
void template_put_default_acl(struct writer *w, res *network);
void template_put_group(struct writer *w, res *r);
void template_put_interface(struct writer *w, res *r);
void template_put_instance(struct writer *w, res *r);
void template_put_nat(struct writer *w, res *r);
void template_put_endpoint(struct writer *w, res *r);
void template_put_peering(struct writer *w, res *r);
void template_put_list(struct writer *w, res *r);
void template_put_firewall(struct writer *w, res *r);
