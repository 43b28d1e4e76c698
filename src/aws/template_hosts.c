/* Hosts, gateways, endpoints and firewalls of templates. */
#include "aws/template.h"

#include "base/scan.h"

/* ---- hosts ---- */

static bool has_elastic(struct writer *w, res *host)
{
	for (res *a = tw_next(w, NULL); a != NULL; a = tw_next(w, a)) {
		if (!tw_is_type(a, "AWS::EC2::EIP", "aws_eip") &&
			!tw_is_type(a, "AWS::EC2::EIPAssociation", "aws_eip_association"))
			continue;
		node *instance = tw_prop(a, "InstanceId", "instance");
		node *other = tw_prop(a, "-", "instance_id");
		node *card = tw_prop(a, "NetworkInterfaceId", "network_interface");
		node *id = tw_prop(a, "-", "network_interface_id");
		if (tw_is_of(w, instance, host) || tw_is_of(w, other, host) ||
			tw_is_of(w, card, host) || tw_is_of(w, id, host))
			return true;
	}
	return false;
}

static const char *public_of(struct writer *w, res *host, node *asked, res *subnet)
{
	node *map = subnet == NULL
	                    ? NULL
	                    : tw_prop(subnet, "MapPublicIpOnLaunch", "map_public_ip_on_launch");
	if (has_elastic(w, host))
		return "some";
	node *decides = asked != NULL ? asked : map;
	if (subnet == NULL && asked == NULL)
		return "maybe";
	if (decides == NULL)
		return "none";
	return tw_says(decides, "true") ? "some" : tw_is_text(decides) ? "none" : "maybe";
}

static void put_groups(struct writer *w, node *list)
{
	if (list == NULL)
		return;
	tw_begin(w, "Groups", '[');
	node *n = list->kind == IAC_LIST ? list->first : list;
	for (; n != NULL; n = list->kind == IAC_LIST ? n->next : NULL) {
		tw_begin(w, NULL, '{');
		if (tw_is_text(n))
			tw_id(w, "GroupId", n);
		else
			tw_words(w, "GroupId", "a group that is not known");
		tw_end(w, '}');
	}
	tw_end(w, ']');
}

/* card: what describes the interface, of the host or in it. */
static void put_host(struct writer *w, res *host, node *card)
{
	node *subnet_id = tw_either(card, "SubnetId", "subnet_id");
	res *subnet = tw_meant(w, subnet_id);
	node *addr = tw_either(card, "PrivateIpAddress", "private_ip");
	node *list = tw_either(card, NULL, "private_ips"),
	     *six = tw_either(card, NULL, "ipv6_addresses");
	if (addr == NULL && list != NULL && list->kind == IAC_LIST)
		addr = list->first;
	node *groups = tw_either(card, "SecurityGroupIds", "vpc_security_group_ids");
	if (groups == NULL)
		groups = tw_either(card, "GroupSet", "security_groups");
	out_text(w->o, w->more ? "," : "");
	out_text(w->o, "{\"Instances\":[{\"NetworkInterfaces\":[{");
	w->more = false;
	tw_own(w, "NetworkInterfaceId", host);
	tw_id(w, "SubnetId", subnet_id);
	if (subnet != NULL)
		tw_id(w, "VpcId", tw_prop(subnet, "VpcId", "vpc_id"));
	put_groups(w, groups);
	tw_text(w, "PrivateIpAddress", addr);
	if (!tw_is_text(addr))
		tw_bool(w, "AnyAddress", true);
	node *given = tw_either(card, NULL, "public_ip");
	if (tw_is_text(given)) {
		tw_begin(w, "Association", '{');
		tw_text(w, "PublicIp", given);
		tw_end(w, '}');
	}
	tw_words(w, "PublicAddress",
		public_of(w, host,
			tw_either(card, "AssociatePublicIpAddress", "associate_public_ip_address"),
			subnet));
	tw_begin(w, "Ipv6Addresses", '[');
	for (node *n = six != NULL && six->kind == IAC_LIST ? six->first : NULL; n != NULL;
		n = n->next) {
		tw_begin(w, NULL, '{');
		tw_text(w, "Ipv6Address", n);
		tw_end(w, '}');
	}
	tw_end(w, ']');
	out_text(w->o, "}]}]}");
	w->more = true;
}

void template_put_instance(struct writer *w, res *r)
{
	node *cards = tw_prop(r, "NetworkInterfaces", NULL);
	node *card = cards != NULL && cards->kind == IAC_LIST && cards->first != NULL
	                     ? cards->first
	                     : r->properties;
	if (tw_either(card, "NetworkInterfaceId", NULL) == NULL) /* else it stands for itself */
		put_host(w, r, card);
}

void template_put_interface(struct writer *w, res *r)
{
	put_host(w, r, r->properties);
}

/* ---- gateways, endpoints, firewalls ---- */

void template_put_nat(struct writer *w, res *r)
{
	node *kind = tw_prop(r, "ConnectivityType", "connectivity_type");
	res *subnet = tw_meant(w, tw_prop(r, "SubnetId", "subnet_id"));
	tw_begin(w, NULL, '{');
	tw_own(w, "NatGatewayId", r);
	tw_id(w, "SubnetId", tw_prop(r, "SubnetId", "subnet_id"));
	if (subnet != NULL)
		tw_id(w, "VpcId", tw_prop(subnet, "VpcId", "vpc_id"));
	tw_words(w, "ConnectivityType", tw_says(kind, "private") ? "private" : "public");
	tw_end(w, '}');
}

void template_put_endpoint(struct writer *w, res *r)
{
	tw_begin(w, NULL, '{');
	tw_own(w, "VpcEndpointId", r);
	tw_text(w, "VpcEndpointType", tw_prop(r, "VpcEndpointType", "vpc_endpoint_type"));
	tw_id(w, "VpcId", tw_prop(r, "VpcId", "vpc_id"));
	tw_end(w, '}');
}

void template_put_peering(struct writer *w, res *r)
{
	tw_begin(w, NULL, '{');
	tw_own(w, "VpcPeeringConnectionId", r);
	tw_begin(w, "RequesterVpcInfo", '{');
	tw_id(w, "VpcId", tw_prop(r, "VpcId", "vpc_id"));
	tw_end(w, '}');
	tw_begin(w, "AccepterVpcInfo", '{');
	tw_id(w, "VpcId", tw_prop(r, "PeerVpcId", "peer_vpc_id"));
	tw_end(w, '}');
	tw_end(w, '}');
}

void template_put_list(struct writer *w, res *r)
{
	node *entries = tw_prop(r, "Entries", "entry");
	tw_begin(w, NULL, '{');
	tw_own(w, "PrefixListId", r);
	bool known = entries != NULL && entries->kind == IAC_LIST;
	for (node *n = known ? entries->first : NULL; n != NULL; n = n->next)
		known = known && tw_is_text(tw_either(n, "Cidr", "cidr"));
	if (known) {
		tw_begin(w, "Cidrs", '[');
		for (node *n = entries->first; n != NULL; n = n->next) {
			tw_comma(w);
			tw_string(w, tw_either(n, "Cidr", "cidr")->text);
		}
		tw_end(w, ']');
	}
	tw_end(w, '}');
}

static void put_attachments(struct writer *w, node *status)
{
	node *states = tw_either(status != NULL ? status->first : NULL, NULL, "sync_states");
	for (node *n = states == NULL ? NULL : states->first; n != NULL; n = n->next) {
		node *list = tw_either(n, NULL, "attachment");
		node *a = list == NULL ? NULL : list->first;
		if (a == NULL)
			continue;
		tw_comma(w);
		out_text(w->o, "\"zone\":{\"Attachment\":{");
		w->more = false;
		tw_id(w, "SubnetId", tw_either(a, NULL, "subnet_id"));
		tw_text(w, "EndpointId", tw_either(a, NULL, "endpoint_id"));
		out_text(w->o, "}}");
		w->more = true;
	}
}

/* Endpoints of a firewall that is not there yet: of CloudFormation one for each place in the list,
 * of Terraform one that stands for all. */
static void put_planned(struct writer *w, res *r, node *mappings)
{
	size_t count = 0;
	for (node *m = mappings == NULL ? NULL : mappings->first; m != NULL; m = m->next)
		count++;
	for (size_t i = 0; i < (w->tf ? 1 : count); i++) {
		struct out name = {0};
		out_bytes(&name, (const char *)r->name.ptr, r->name.len);
		out_text(&name, " endpoint");
		if (!w->tf)
			out_printf(&name, " %zu", i);
		tw_comma(w);
		out_printf(w->o, "\"%zu\":{\"Attachment\":{", i);
		w->more = false;
		tw_name(w, "EndpointId", span_of(out_string(&name)));
		if (count == 1)
			tw_id(w, "SubnetId", tw_either(mappings->first, "SubnetId", "subnet_id"));
		out_printf(w->o, "},\"Several\":%s}", w->tf && count != 1 ? "true" : "false");
		w->more = true;
		out_fini(&name);
	}
}

void template_put_firewall(struct writer *w, res *r)
{
	node *mappings = tw_prop(r, "SubnetMappings", "subnet_mapping"),
	     *status = w->tf ? tw_prop(r, "firewall_status", NULL) : NULL;
	tw_begin(w, NULL, '{');
	tw_begin(w, "Firewall", '{');
	tw_own(w, "FirewallArn", r);
	tw_text(w, "FirewallPolicyArn", tw_prop(r, "FirewallPolicyArn", "firewall_policy_arn"));
	tw_id(w, "VpcId", tw_prop(r, "VpcId", "vpc_id"));
	tw_begin(w, "SubnetMappings", '[');
	for (node *m = mappings == NULL ? NULL : mappings->first; m != NULL; m = m->next) {
		tw_begin(w, NULL, '{');
		tw_id(w, "SubnetId", tw_either(m, "SubnetId", "subnet_id"));
		tw_end(w, '}');
	}
	tw_end(w, ']');
	tw_end(w, '}');
	tw_begin(w, "FirewallStatus", '{');
	tw_begin(w, "SyncStates", '{');
	if (status != NULL && status->kind == IAC_LIST)
		put_attachments(w, status);
	else
		put_planned(w, r, mappings);
	tw_end(w, '}');
	tw_end(w, '}');
	tw_end(w, '}');
}
