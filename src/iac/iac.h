/* Infrastructure as code: what CloudFormation's templates and Terraform's plans and states say
 * will be there, as one list of resources with resolved properties. A reference to a resource of
 * the same text is that resource's name. What can't be resolved is UNKNOWN, never guessed.
 * Sources: CloudFormation's user guide (template anatomy, intrinsic functions), Terraform's "JSON
 * output format" and its state files of version 4. */
#pragma once

#include "base/arena.h"
#include "base/cur.h"
#include "base/fail.h"
#include "base/out.h"

/* Far above what both tools take (a template: 500 resources, 200 parameters, 1 MB). */
#define IAC_DEPTH_MAX   48u
#define IAC_NODES_MAX   1000000u
#define IAC_MEMBERS_MAX 4096u               /* of a map */
#define IAC_STEPS_MAX   UINT64_C(200000000) /* resources looked at while references are resolved */
#define IAC_TEXT_MAX    ((size_t)16 << 20)  /* that functions make */

enum iac_kind { IAC_UNKNOWN, IAC_NONE, IAC_TEXT, IAC_LIST, IAC_MAP }; /* TEXT: also numbers */

/* UNKNOWN: text may say it as far as it is known, with $NAME for each part that is not. */
struct iac_node {
	enum iac_kind kind;
	struct span key, text;
	struct iac_node *first, *last, *next;
};

struct iac_resource {
	struct span type,
		name; /* AWS::EC2::Subnet, Public; aws_subnet, module.net.aws_subnet.a[0] */
	const struct iac_node *properties; /* MAP */
	struct iac_resource *next;
};

struct iac;

/* Owns its memory, and borrows the text. Fails: -ENOENT (no template, plan or state), -EINVAL (a
 * broken one), -E2BIG, -ENOMEM. */
MUST_USE int iac_read(struct iac **ret, struct span text, struct fail *why);
void iac_free(struct iac *c);
/* In the text's order. */
const struct iac_resource *iac_first(const struct iac *c);
bool iac_is_terraform(const struct iac *c);

/* The member of a map; NULL: none. */
const struct iac_node *iac_get(const struct iac_node *map, const char *name);
/* As JSON: TEXT and UNKNOWN are strings, NONE is null. */
void iac_write(struct out *o, const struct iac_node *node);
/* CloudFormation's YAML as JSON; tags become what they stand for (!Ref X: {"Ref": X}).
 * Fails: -EINVAL, -E2BIG. */
MUST_USE int yaml_to_json(struct span text, struct out *json, struct fail *why);
/* Quoted and escaped. */
void iac_write_string(struct out *o, const uint8_t *text, size_t len);
