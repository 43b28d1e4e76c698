/* Cloud: the policy as Amazon's boundaries: rule groups of Network Firewall, security groups,
 * network ACLs. What a boundary can't tell (a name, an application protocol, a host of a subnet) is
 * left shut, or open when asked for, and told. docs/WRITING.md shows the forms, the quotas and how
 * each rule is lowered. */
#pragma once

#include "base/fail.h"
#include "base/out.h"
#include "policy/policy.h"

enum cloud_target { CLOUD_NFW, CLOUD_SG, CLOUD_NACL };
enum cloud_form { CLOUD_CLI, CLOUD_FORMATION, CLOUD_TERRAFORM };

/* Of rules: those of a group and direction, and of all groups of an interface; of an ACL, its own
 * denial among them; of a firewall policy. */
#define CLOUD_SG_RULES    60u
#define CLOUD_SG_GROUPS   5u
#define CLOUD_SG_ALL      1000u
#define CLOUD_NACL_RULES  20u
#define CLOUD_NACL_MAX    40u
#define CLOUD_NFW_RULES   30000u
#define CLOUD_NFW_GROUPS  20u
#define CLOUD_RULE_BYTES  8192u
#define CLOUD_GROUP_BYTES 2000000u

struct cloud_ask {
	const struct policy *policy;
	const struct policy_seen *seen; /* what names stand for in groups and ACLs; may be NULL */
	size_t seens;
	int64_t at_ns; /* rules stand as at this time */
	enum cloud_target target;
	enum cloud_form form;
	bool wider;     /* what can't be told is left open instead of shut */
	unsigned quota; /* rules of one group, ACL or policy; 0: Amazon's default (above) */
};

/* One JSON document into *text: calls for `aws --cli-input-json`, a CloudFormation template, or
 * Terraform's JSON. What is not as the policy says is in it and, a line each and safe to print, in
 * *losses. Nothing is written when it fails: -EDQUOT (a quota is too small: which, by how much),
 * -E2BIG (more parts than are taken), -ENOMEM. */
MUST_USE int cloud_compile(
	const struct cloud_ask *ask, struct out *text, struct out *losses, struct fail *why);
