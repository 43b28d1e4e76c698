/* Inside aws/: what was read. Objects know each other by pointer whatever the order in which they
 * were described: one that is only named stands there with described = false. */
#pragma once

#include "aws/vpc.h"
#include "base/arena.h"
#include "base/json.h"
#include "base/strings.h"

enum vpc_kind {
	VPC_NETWORK, /* the VPC itself */
	VPC_SUBNET,
	VPC_GROUP,
	VPC_ACL,
	VPC_TABLE,
	VPC_INTERFACE,
	VPC_INSTANCE,
	VPC_NAT,
	VPC_ENDPOINT,
	VPC_PEERING,
	VPC_LIST, /* prefix list */
	VPC_GATEWAY,
	VPC_FIREWALL,
	VPC_TRANSIT,       /* a transit gateway */
	VPC_TRANSIT_TABLE, /* its route table */
	VPC_ATTACHMENT,    /* what is attached to it */
	VPC_KINDS
};

/* As SG rules and ACL entries say it. SERVICE_ANY as they write it: -1. */
#define SERVICE_ANY    (-1)
#define SERVICE_ABSENT (-2)
struct vpc_service {
	int proto, from, to; /* ICMP: type and code */
};

struct vpc_net {
	struct vpc_net *next;
	struct cidr net;
};

struct vpc_rule { /* of a security group: one peer each */
	struct vpc_rule *next;
	size_t index;     /* of all groups' rules and ACLs' entries */
	const char *id;   /* sgr-..., NULL: not known */
	const char *note; /* read_note() */
	bool egress, has_net;
	struct vpc_service service;
	struct cidr net;
	const struct vpc_object *peer; /* a group or a list; NULL without net: not understood */
};

struct vpc_entry { /* of an ACL: in the order of numbers */
	struct vpc_entry *next;
	size_t index; /* as a rule's */
	unsigned number;
	bool egress, allow, has_net;
	struct vpc_service service;
	struct cidr net;
};

enum vpc_target {
	TARGET_LOCAL,
	TARGET_INTERNET,
	TARGET_EGRESS_ONLY,
	TARGET_NAT,
	TARGET_ENDPOINT,
	TARGET_PEERING,
	TARGET_TRANSIT,
	TARGET_AWAY, /* VPN, local gateway, ... */
	TARGET_HOST, /* an interface or instance that forwards */
};

struct vpc_route {
	struct vpc_route *next;
	enum vpc_target target;
	const struct vpc_object *object; /* the target's */
	const struct vpc_object *list;   /* NULL: net */
	struct cidr net;
	bool blackhole, propagated;
};

/* What an endpoint's policy says of any request. */
enum vpc_allows {
	ALLOWS_UNKNOWN, /* not read, or some */
	ALLOWS_NONE,
	ALLOWS_ALL
};

enum vpc_public { PUBLIC_NONE, PUBLIC_MAYBE, PUBLIC_SOME };

struct vpc_address {
	struct vpc_address *next;
	struct addr addr, public_addr; /* public none: it has none */
	bool any; /* which address of the subnet is not known; addr tells the family */
	enum vpc_public has_public; /* where public_addr does not tell it */
};

struct vpc_member {
	struct vpc_member *next;
	struct vpc_object *object;
};

struct vpc_object {
	struct vpc_object *next; /* of the kind, as read */
	enum vpc_kind kind;
	size_t index; /* of all objects */
	bool described;
	bool rules_only;  /* a group: known by SecurityGroupRules alone */
	bool no_internet; /* an interface: DenyAllIgwTraffic */
	bool listed; /* an interface: by describe-network-interfaces; a list: with its entries */
	const char *id, *type, *state;
	const char *note;       /* read_note() */
	const char *zone;       /* a subnet's */
	const char *block;      /* a subnet: the mode of block public access */
	enum vpc_allows allows; /* an endpoint: by its policy */
	const char *policy;     /* a firewall's: ARN or name; NULL: not known */
	bool several;           /* an endpoint: one of those of all its firewall's subnets */
	bool anywhere;          /* an attachment: any of its subnets takes packets to the VPC */
	bool searched;          /* a transit gateway's table: its routes were read whole */
	bool statics;           /* the same, but for propagated ones */
	bool spread;            /* the same: what propagates to it was read */
	bool cut;               /* the same: it has routes that were not read */
	struct vpc_object *endpoint; /* an interface: the endpoint that it stands for */
	struct vpc_object *firewall; /* an endpoint's; NULL: of none that was read */
	struct vpc_object *vpc, *subnet,
		*peer; /* the accepter's VPC; an instance's interface; an attachment's gateway */
	/* a subnet's own; a VPC's default and main ones; an attachment's */
	struct vpc_object *acl, *table;
	struct vpc_net *nets;
	struct vpc_rule *rules;
	struct vpc_entry *entries;
	size_t entries_count;
	struct vpc_route *routes;
	struct vpc_address *addrs;
	/* an interface: its groups; a table: gateways it is for; a firewall, an attachment: its
	 * subnets; a transit gateway's table: attachments that propagate to it */
	struct vpc_member *members;
};

struct vpc {
	struct arena arena;
	struct strings *strings;
	struct vpc_object **by_name; /* number of a string: the object of that id */
	struct json *json, *inner;   /* inner: of texts within a text */
	struct json_keys **keys;
	struct out warnings;
	struct vpc_object *first[VPC_KINDS], *last[VPC_KINDS];
	bool cut[VPC_KINDS]; /* the answer goes on where we did not read */
	bool rules_cut;
	const char *block;      /* block public access, of the account; NULL: not read */
	bool exclusions_denied; /* of it: none are possible */
	unsigned templates;
	bool full;
	size_t objects, rules; /* rules: those with an index */
	struct vpc_inspector inspector;
};

static inline bool net_has(const struct cidr *net, const struct addr *a)
{
	return addr_is_v4(&net->net) == addr_is_v4(a) && cidr_has(net, a);
}

static inline bool nets_have(const struct vpc_net *nets, const struct addr *a)
{
	for (const struct vpc_net *n = nets; n != NULL; n = n->next)
		if (net_has(&n->net, a))
			return true;
	return false;
}

/* ---- matching (match.c) ---- */

enum tri { NO, MAYBE, YES };

/* Whether the net has an address of which the last `open` bits are not known. */
enum tri net_match(const struct cidr *net, const struct addr *a, uint8_t open);

struct packet {
	struct addr src, dst;
	uint8_t src_free, dst_free; /* last bits of each that are not known */
	const struct vpc_object *src_interface, *dst_interface; /* NULL: not known */
	uint8_t proto;
	uint16_t low, high; /* destination ports: replies go to any of some */
	int type, code;
	uint16_t client_port; /* that replies go to; 0: not known */
	struct vpc_use *use;  /* where it is noted what it uses; NULL: nowhere */
};

/* Interfaces with the address, those of one VPC or, with vpc NULL, of all. */
#define VPC_HOLDERS_MAX 4
struct holders {
	const struct vpc_object *interface[VPC_HOLDERS_MAX];
	size_t count;
};
struct holders vpc_holders(
	const struct vpc *v, const struct vpc_object *network, const struct addr *a);
/* eni-..., or the first of i-...; NULL: not read. */
const struct vpc_object *vpc_named_interface(const struct vpc *v, const char *name);
const struct vpc_object *vpc_subnet_of(
	const struct vpc *v, const struct vpc_object *network, const struct addr *a);

/* Its id, else what it says, into ret->rule. */
void vpc_say_rule(const struct vpc_rule *r, struct vpc_stage *ret);
enum tri vpc_match_rule(
	const struct vpc *v, const struct vpc_rule *r, const struct packet *p, bool egress);
void vpc_judge_groups(const struct vpc *v, const struct vpc_object *interface,
	const struct packet *p, bool egress, struct vpc_stage *ret);
enum tri vpc_match_entry(
	const struct vpc_entry *e, const struct packet *p, bool egress, uint16_t port);
/* The next port at which another set of entries may match, or 65536. */
uint32_t vpc_next_edge(const struct vpc_object *acl, uint32_t port);
/* The ACL that the subnet has, or its VPC's; NULL: not read. */
const struct vpc_object *vpc_acl_of(const struct vpc_object *subnet);
/* All ports of the packet must agree, else it is undecided. */
void vpc_judge_acl(const struct vpc_object *subnet, const struct packet *p, bool egress,
	struct vpc_stage *ret);

/* ---- what connections use (used.c) ---- */

/* Of a packet that is noted: all that may have let it pass, or denied it. */
void vpc_use_groups(const struct vpc *v, const struct vpc_object *interface, const struct packet *p,
	bool egress);
void vpc_use_acl(const struct vpc_object *acl, const struct vpc_object *subnet,
	const struct packet *p, bool egress);
/* As vpc_ask(), and notes in `use`; also at the destination where the way there is not known. */
void vpc_ask_noting(const struct vpc *v, const struct vpc_flow *flow, struct vpc_use *use,
	struct vpc_answer *ret);
