/* ACLs and security groups of templates. */
#include "aws/template.h"

#include "base/scan.h"

/* ---- ACLs ---- */

static void put_entry(struct writer *w, node *map, node *egress, bool out)
{
	node *action = iac_get(map, "action") != NULL ? iac_get(map, "action")
	                                              : tw_either(map, "RuleAction", "rule_action");
	node *number = iac_get(map, "rule_no") != NULL
	                       ? iac_get(map, "rule_no")
	                       : tw_either(map, "RuleNumber", "rule_number");
	node *ports = tw_either(map, "PortRange", NULL), *icmp = tw_either(map, "Icmp", NULL);
	bool known = tw_is_text(action) && (egress == NULL || tw_is_text(egress));
	tw_begin(w, NULL, '{');
	if (known)
		tw_text(w, "RuleNumber", number);
	tw_bool(w, "Egress", egress == NULL ? out : tw_says(egress, "true"));
	tw_words(w, "RuleAction", tw_says(action, "allow") ? "allow" : "deny");
	tw_text(w, "Protocol", tw_either(map, "Protocol", "protocol"));
	tw_text(w, "CidrBlock", tw_either(map, "CidrBlock", "cidr_block"));
	tw_text(w, "Ipv6CidrBlock", tw_either(map, "Ipv6CidrBlock", "ipv6_cidr_block"));
	tw_begin(w, "PortRange", '{');
	tw_text(w, "From",
		w->tf ? tw_either(map, NULL, "from_port") : tw_either(ports, "From", NULL));
	tw_text(w, "To", w->tf ? tw_either(map, NULL, "to_port") : tw_either(ports, "To", NULL));
	tw_end(w, '}');
	tw_begin(w, "IcmpTypeCode", '{');
	tw_text(w, "Type",
		w->tf ? tw_either(map, NULL, "icmp_type") : tw_either(icmp, "Type", NULL));
	tw_text(w, "Code",
		w->tf ? tw_either(map, NULL, "icmp_code") : tw_either(icmp, "Code", NULL));
	tw_end(w, '}');
	tw_end(w, '}');
}

static void put_acl_subnets(struct writer *w, res *acl)
{
	node *own = tw_prop(acl, "-", "subnet_ids");
	tw_begin(w, "Associations", '[');
	for (node *n = own != NULL && own->kind == IAC_LIST ? own->first : NULL; n != NULL;
		n = n->next) {
		tw_begin(w, NULL, '{');
		tw_id(w, "SubnetId", n);
		tw_end(w, '}');
	}
	for (res *a = tw_next(w, NULL); a != NULL; a = tw_next(w, a))
		if (tw_is_type(a, "AWS::EC2::SubnetNetworkAclAssociation",
			    "aws_network_acl_association") &&
			tw_is_of(w, tw_prop(a, "NetworkAclId", "network_acl_id"), acl)) {
			tw_begin(w, NULL, '{');
			tw_id(w, "SubnetId", tw_prop(a, "SubnetId", "subnet_id"));
			tw_end(w, '}');
		}
	tw_end(w, ']');
}

void template_put_acl(struct writer *w, res *r)
{
	static const char *const blocks[] = {"ingress", "egress"};
	tw_begin(w, NULL, '{');
	tw_own(w, "NetworkAclId", r);
	tw_id(w, "VpcId", tw_prop(r, "VpcId", "vpc_id"));
	put_acl_subnets(w, r);
	tw_begin(w, "Entries", '[');
	for (size_t i = 0; i < ARRAY_LEN(blocks); i++) {
		node *list = tw_prop(r, "-", blocks[i]);
		for (node *n = list != NULL && list->kind == IAC_LIST ? list->first : NULL;
			n != NULL; n = n->next)
			put_entry(w, n, NULL, i == 1);
		if (list != NULL && list->kind == IAC_UNKNOWN)
			put_entry(w, list, NULL, i == 1);
	}
	for (res *a = tw_next(w, NULL); a != NULL; a = tw_next(w, a)) {
		bool stray = tw_strays(a, "AWS::EC2::NetworkAclEntry", "aws_network_acl_rule",
			"NetworkAclId", "network_acl_id");
		if (stray || (tw_is_type(a, "AWS::EC2::NetworkAclEntry", "aws_network_acl_rule") &&
				     tw_is_of(w, tw_prop(a, "NetworkAclId", "network_acl_id"), r)))
			put_entry(w, stray ? NULL : a->properties,
				stray ? NULL : tw_prop(a, "Egress", "egress"), false);
	}
	tw_end(w, ']');
	tw_end(w, '}');
}

/* A VPC is made with an ACL that allows all ("Default network ACLs"). */
void template_put_default_acl(struct writer *w, res *network)
{
	static const char *const nets[] = {
		"\"CidrBlock\":\"0.0.0.0/0\"", "\"Ipv6CidrBlock\":\"::/0\""};
	for (res *a = tw_next(w, NULL); a != NULL; a = tw_next(w, a))
		if (tw_is_type(a, NULL, "aws_default_network_acl"))
			return; /* it says otherwise */
	struct out name = {0};
	out_text(&name, "default ACL of ");
	out_bytes(&name, (const char *)network->name.ptr, network->name.len);
	tw_begin(w, NULL, '{');
	tw_name(w, "NetworkAclId", span_of(out_string(&name)));
	out_fini(&name);
	tw_own(w, "VpcId", network);
	tw_bool(w, "IsDefault", true);
	tw_begin(w, "Entries", '[');
	for (unsigned i = 0; i < 4; i++) {
		tw_comma(w);
		out_printf(w->o,
			"{\"RuleNumber\":%u,\"Egress\":%s,\"RuleAction\":\"allow\",\"Protocol\":"
			"\"-1\",%s}",
			100 + i / 2, i % 2 == 0 ? "false" : "true", nets[i / 2]);
	}
	tw_end(w, ']');
	tw_end(w, '}');
}

/* ---- security groups ---- */

static void put_service(struct writer *w, node *map)
{
	node *proto = iac_get(map, "protocol") != NULL
	                      ? iac_get(map, "protocol")
	                      : tw_either(map, "IpProtocol", "ip_protocol");
	tw_text(w, "IpProtocol", proto);
	tw_text(w, "FromPort", tw_either(map, "FromPort", "from_port"));
	tw_text(w, "ToPort", tw_either(map, "ToPort", "to_port"));
}

struct peers {
	size_t known, said;
};

static void put_peer(
	struct writer *w, const char *list, const char *field, node *n, struct peers *p)
{
	if (n == NULL)
		return;
	node *only = n->kind == IAC_LIST ? n->first : n;
	tw_begin(w, list, '[');
	for (; only != NULL; only = n->kind == IAC_LIST ? only->next : NULL) {
		p->said++;
		tw_begin(w, NULL, '{'); /* empty: whom it names is not known */
		tw_id(w, field, only);
		tw_end(w, '}');
	}
	tw_end(w, ']');
}

/* One rule, in the words of a block of either tool or of a resource of its own. */
static void put_permission(struct writer *w, node *map, res *own)
{
	static const struct {
		const char *list, *field, *name[4];
	} peers[] = {{"IpRanges", "CidrIp", {"CidrIp", "cidr_blocks", "cidr_ipv4", NULL}},
		{"Ipv6Ranges", "CidrIpv6", {"CidrIpv6", "ipv6_cidr_blocks", "cidr_ipv6", NULL}},
		{"PrefixListIds", "PrefixListId",
			{"SourcePrefixListId", "DestinationPrefixListId", "prefix_list_ids",
				"prefix_list_id"}},
		{"UserIdGroupPairs", "GroupId",
			{"SourceSecurityGroupId", "DestinationSecurityGroupId", "security_groups",
				"referenced_security_group_id"}}};
	struct peers p = {0};
	bool all = tw_says(iac_get(map, "self"), "true");
	tw_begin(w, NULL, '{');
	put_service(w, map);
	for (size_t i = 0; i < ARRAY_LEN(peers); i++) {
		node *found = NULL;
		for (size_t k = 0; k < ARRAY_LEN(peers[i].name) && found == NULL; k++)
			found = peers[i].name[k] == NULL ? NULL
			                                 : tw_either(map, peers[i].name[k], NULL);
		if (found == NULL && i == 3)
			found = tw_either(map, "source_security_group_id", NULL);
		if (i == 3 && all && (found == NULL || found->first == NULL)) {
			out_text(w->o, ",\"UserIdGroupPairs\":[{");
			w->more = false;
			tw_own(w, "GroupId", own);
			out_text(w->o, "}]");
			w->more = true;
			p.said++;
		} else {
			put_peer(w, peers[i].list, peers[i].field, found, &p);
		}
	}
	if (p.said == 0 && (map == NULL || map->kind == IAC_UNKNOWN || map->first == NULL))
		out_text(w->o, "\"UserIdGroupPairs\":[{}]");
	tw_end(w, '}');
}

static void put_group_rules(struct writer *w, res *group, bool egress, bool *ret_own)
{
	for (res *a = tw_next(w, NULL); a != NULL; a = tw_next(w, a)) {
		bool cfn = tw_is_type(a,
			egress ? "AWS::EC2::SecurityGroupEgress" : "AWS::EC2::SecurityGroupIngress",
			egress ? "aws_vpc_security_group_egress_rule"
			       : "aws_vpc_security_group_ingress_rule");
		bool old = tw_is_type(a, NULL, "aws_security_group_rule") &&
		           tw_says(tw_prop(a, "type", NULL), egress ? "egress" : "ingress");
		if (!cfn && !old)
			continue;
		node *owner = tw_prop(a, "GroupId", "security_group_id");
		if (tw_is_text(owner) && !tw_is_of(w, owner, group))
			continue;
		put_permission(w, tw_is_text(owner) ? a->properties : NULL, group);
		*ret_own = true;
	}
}

void template_put_group(struct writer *w, res *r)
{
	static const char *const cfn[] = {"SecurityGroupIngress", "SecurityGroupEgress"};
	static const char *const tf[] = {"ingress", "egress"};
	static const char *const names[] = {"IpPermissions", "IpPermissionsEgress"};
	tw_begin(w, NULL, '{');
	tw_own(w, "GroupId", r);
	tw_id(w, "VpcId", tw_prop(r, "VpcId", "vpc_id"));
	for (size_t i = 0; i < 2; i++) {
		bool own = false;
		node *list = tw_prop(r, cfn[i], tf[i]);
		tw_begin(w, names[i], '[');
		for (node *n = list != NULL && list->kind == IAC_LIST ? list->first : NULL;
			n != NULL; n = n->next)
			put_permission(w, n, r);
		if (list != NULL && list->kind != IAC_LIST)
			put_permission(w, list->kind == IAC_MAP ? list : NULL, r);
		put_group_rules(w, r, i == 1, &own);
		/* CloudFormation leaves Amazon's default, which allows all; whether it takes it
		 * away for a rule that is a resource of its own is not clear from its guide */
		if (i == 1 && !w->tf && list == NULL && !own) {
			tw_comma(w);
			out_text(w->o, "{\"IpProtocol\":\"-1\",\"IpRanges\":[{\"CidrIp\":"
				       "\"0.0.0.0/0\"}],\"Ipv6Ranges\":[{\"CidrIpv6\":\"::/0\"}]}");
		} else if (i == 1 && !w->tf && list == NULL) {
			put_permission(w, NULL, r);
		}
		tw_end(w, ']');
	}
	tw_end(w, '}');
}
