/* Inside nfw/: policies, groups, and reading them. */
#pragma once

#include "base/json.h"
#include "base/scan.h"
#include "nfw/nfw.h"

#define LISTS_MAX 65536u /* targets, rules, definitions: of one group */
#define DEPTH_MAX 48u    /* of JSON and YAML */

enum { /* what can become of a packet: a set */
	WAY_DROP = 1,
	WAY_PASS = 2, /* this packet */
	WAY_FLOW = 4, /* and all that follow */
	WAY_FORWARD = 8,
};

struct nfw_stateless_rule {
	uint32_t priority;
	size_t index;                                    /* of all stateless rules that were read */
	struct suricata_item *src, *dst, *sport, *dport; /* NULL: any */
	uint64_t protos[4];                              /* a bit each */
	bool any_proto;
	bool flagged;
	uint8_t flags, mask;
	unsigned way; /* 0: not understood */
	struct nfw_stateless_rule *next;
};

struct nfw_group {
	const char *name, *id, *arn; /* may be NULL */
	bool is_stateless, strict;
	struct suricata_rules *rules; /* owned */
	struct suricata_scope scope;
	struct nfw_stateless_rule *stateless; /* by priority */
	size_t stateless_rules;
	const char *unread; /* why it is not known what else it does; NULL: all is known */
	struct nfw_group *next;
};

struct nfw_ref {
	const char *to; /* ARN, or a template's name for it */
	bool is_stateless, managed, to_alert;
	uint32_t priority;
	const struct nfw_group *group; /* NULL: was not read */
	struct nfw_ref *next;
};

enum { /* stateful defaults */
	DEFAULT_DROP_STRICT = 1,
	DEFAULT_DROP_ESTABLISHED = 2,
	DEFAULT_DROP_APP = 4,
	DEFAULT_DROP_APP_TO_SERVER = 8,
	DEFAULT_UNKNOWN = 16,
};

struct nfw_order; /* order.h */

struct nfw_policy {
	const char *name, *id, *arn; /* may be NULL, but for the name */
	bool strict, alone, next_generation;
	unsigned stateless_default, fragment_default; /* WAY_...; 0: not understood */
	unsigned defaults;
	struct nfw_ref *ref, **ref_end; /* in the text's order */
	struct nfw_order *order;        /* as they are asked; filled by the first question */
	struct suricata_scope scope;
	struct nfw_policy *next;
};

struct nfw {
	struct arena arena;
	struct json *json;
	struct json_keys *keys;
	struct nfw_group *group, **group_end;
	struct nfw_policy *policy, **policy_end;
	struct nfw_policy all; /* the groups together, while no policy was read */
	struct suricata_scope home;
	bool full, strict;
	size_t groups, policies, stateless;
	struct out warnings;
};

struct reader {
	struct nfw *n;
	const char *name; /* of the text */
	const char *id;   /* of the object around: a template's name for it */
	size_t found;
};

/* ---- values: read.c ---- */

/* The member whose name is this, whatever its case and with or without underscores. */
bool get(struct reader *r, const struct json_value *object, const char *name,
	struct json_value *ret);
/* The same, of an object; Terraform's blocks are lists of one. */
bool get_object(struct reader *r, const struct json_value *object, const char *name,
	struct json_value *ret);
/* A string, number or word as it stands; "$NOT_KNOWN" for an object; false: none. */
bool get_text(struct reader *r, const struct json_value *value, struct span *ret);
const char *copy_text(struct reader *r, struct span text); /* NULL: no room */
void *nfw_room(struct reader *r, size_t bytes);
void warn(struct reader *r, const char *words, struct span what);

/* ---- parts ---- */

void read_rule_group(
	struct reader *r, const struct json_value *group, const struct json_value *around);
void read_firewall_policy(
	struct reader *r, const struct json_value *policy, const struct json_value *around);
/* IPSets and PortSets; what refers to prefix lists is not known. */
void read_variables(
	struct reader *r, const struct json_value *variables, struct suricata_scope *ret);
void read_stateless(struct reader *r, const struct json_value *source, struct nfw_group *group);
/* Rules as text: of the group, read. */
void read_rules(struct reader *r, struct nfw_group *group, struct span text);
/* The rules that Network Firewall makes of a domain list. False: it is none. */
bool write_domains(struct reader *r, const struct json_value *list, struct out *text);
bool write_tuples(struct reader *r, const struct json_value *list, struct out *text);

/* stateless.c: what can become of the packet, and what decides. used: set at the index of each rule
 * that may have matched; NULL: not noted. */
unsigned stateless_ask(const struct nfw_policy *policy, const struct suricata_packet *packet,
	bool fragment, struct out *rule, bool *used);

/* link.c: after each text. */
void link_groups(struct nfw *n);
