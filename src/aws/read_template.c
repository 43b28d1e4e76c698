/* Templates, plans and states: what they say of networks, written as describe-* would say it, so
 * that one reader makes the model of all of them. */
#include "aws/template.h"

#include <errno.h>
#include <stdlib.h>

#include "base/scan.h"

/* ---- networks, subnets ---- */

void template_put_network(struct writer *w, res *r)
{
	tw_begin(w, NULL, '{');
	tw_own(w, "VpcId", r);
	tw_text(w, "CidrBlock", tw_prop(r, "CidrBlock", "cidr_block"));
	tw_begin(w, "CidrBlockAssociationSet", '[');
	for (res *b = tw_next(w, NULL); b != NULL; b = tw_next(w, b)) {
		if (!tw_is_type(
			    b, "AWS::EC2::VPCCidrBlock", "aws_vpc_ipv4_cidr_block_association") ||
			!tw_is_of(w, tw_prop(b, "VpcId", "vpc_id"), r))
			continue;
		tw_begin(w, NULL, '{');
		tw_text(w, "CidrBlock", tw_prop(b, "CidrBlock", "cidr_block"));
		tw_end(w, '}');
	}
	tw_end(w, ']');
	tw_end(w, '}');
}

void template_put_subnet(struct writer *w, res *r)
{
	tw_begin(w, NULL, '{');
	tw_own(w, "SubnetId", r);
	tw_id(w, "VpcId", tw_prop(r, "VpcId", "vpc_id"));
	tw_text(w, "CidrBlock", tw_prop(r, "CidrBlock", "cidr_block"));
	node *six = tw_prop(r, "Ipv6CidrBlock", "ipv6_cidr_block");
	if (tw_is_text(six)) {
		tw_begin(w, "Ipv6CidrBlockAssociationSet", '[');
		tw_begin(w, NULL, '{');
		tw_text(w, "Ipv6CidrBlock", six);
		tw_end(w, '}');
		tw_end(w, ']');
	}
	tw_end(w, '}');
}

/* ---- routes ---- */

static void put_target(struct writer *w, node *map)
{
	static const struct {
		const char *cfn, *tf, *as;
	} targets[] = {{"GatewayId", "gateway_id", "GatewayId"},
		{"VpcEndpointId", "vpc_endpoint_id", "VpcEndpointId"},
		{"NatGatewayId", "nat_gateway_id", "NatGatewayId"},
		{"VpcPeeringConnectionId", "vpc_peering_connection_id", "VpcPeeringConnectionId"},
		{"NetworkInterfaceId", "network_interface_id", "NetworkInterfaceId"},
		{"InstanceId", "instance_id", "NetworkInterfaceId"},
		{"EgressOnlyInternetGatewayId", "egress_only_gateway_id",
			"EgressOnlyInternetGatewayId"},
		{"TransitGatewayId", "transit_gateway_id", "TransitGatewayId"},
		{"LocalGatewayId", "local_gateway_id", "LocalGatewayId"},
		{"CarrierGatewayId", "carrier_gateway_id", "CarrierGatewayId"},
		{"CoreNetworkArn", "core_network_arn", "CoreNetworkArn"}};
	for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
		node *id = tw_either(map, targets[i].cfn, targets[i].tf);
		res *r = tw_meant(w, id);
		if (!tw_is_text(id))
			continue;
		bool internet = i == 0 && r != NULL &&
		                tw_is_type(r, "AWS::EC2::InternetGateway", "aws_internet_gateway");
		tw_id(w, internet ? "InternetGatewayId" : targets[i].as, id);
		return;
	}
}

static void put_route(struct writer *w, node *map)
{
	tw_begin(w, NULL, '{');
	tw_text(w, "DestinationCidrBlock",
		iac_get(map, "cidr_block") != NULL
			? tw_either(map, NULL, "cidr_block")
			: tw_either(map, "DestinationCidrBlock", "destination_cidr_block"));
	tw_text(w, "DestinationIpv6CidrBlock",
		iac_get(map, "ipv6_cidr_block") != NULL ? tw_either(map, NULL, "ipv6_cidr_block")
							: tw_either(map, "DestinationIpv6CidrBlock",
								  "destination_ipv6_cidr_block"));
	tw_id(w, "DestinationPrefixListId",
		tw_either(map, "DestinationPrefixListId", "destination_prefix_list_id"));
	put_target(w, map);
	tw_end(w, '}');
}

/* The route that each table has by itself; of a VPC whose net is not known none is known. */
static void put_local(struct writer *w, res *network)
{
	node *net = network == NULL ? NULL : tw_prop(network, "CidrBlock", "cidr_block");
	tw_begin(w, NULL, '{');
	tw_text(w, "DestinationCidrBlock", net);
	tw_words(w, "GatewayId", "local");
	tw_end(w, '}');
}

static void put_associations(struct writer *w, res *table)
{
	tw_begin(w, "Associations", '[');
	for (res *a = tw_next(w, NULL); a != NULL; a = tw_next(w, a)) {
		bool main = tw_is_type(a, NULL, "aws_main_route_table_association");
		if (!main &&
			!tw_is_type(a, "AWS::EC2::SubnetRouteTableAssociation",
				"aws_route_table_association") &&
			!tw_is_type(a, "AWS::EC2::GatewayRouteTableAssociation", NULL))
			continue;
		if (!tw_is_of(w, tw_prop(a, "RouteTableId", "route_table_id"), table))
			continue;
		tw_begin(w, NULL, '{');
		tw_bool(w, "Main", main);
		tw_id(w, "SubnetId", tw_prop(a, "SubnetId", "subnet_id"));
		tw_id(w, "GatewayId", tw_prop(a, "GatewayId", "gateway_id"));
		tw_end(w, '}');
	}
	tw_end(w, ']');
}

/* Whether the endpoint's list of tables names this one, or may. */
static bool may_name(struct writer *w, node *tables, res *table)
{
	if (tables == NULL || tables->kind != IAC_LIST)
		return tables != NULL;
	for (node *n = tables->first; n != NULL; n = n->next)
		if (!tw_is_text(n) || tw_is_of(w, n, table))
			return true;
	return false;
}

static bool may_join(struct writer *w, res *a, res *endpoint, res *table)
{
	node *to = tw_prop(a, "-", "vpc_endpoint_id"), *of = tw_prop(a, "-", "route_table_id");
	return tw_is_type(a, NULL, "aws_vpc_endpoint_route_table_association") &&
	       (!tw_is_text(to) || tw_is_of(w, to, endpoint)) &&
	       (!tw_is_text(of) || tw_is_of(w, of, table));
}

/* A gateway endpoint puts a route to its service into the tables that it names; the service's
 * addresses are in no text. */
static void put_endpoint_routes(struct writer *w, res *table)
{
	for (res *e = tw_next(w, NULL); e != NULL; e = tw_next(w, e)) {
		if (!tw_is_type(e, "AWS::EC2::VPCEndpoint", "aws_vpc_endpoint"))
			continue;
		bool named = may_name(w, tw_prop(e, "RouteTableIds", "route_table_ids"), table);
		for (res *a = tw_next(w, NULL); a != NULL && !named; a = tw_next(w, a))
			named = may_join(w, a, e, table);
		node *kind = tw_prop(e, "VpcEndpointType", "vpc_endpoint_type");
		if (!named || tw_says(kind, "Interface") || tw_says(kind, "GatewayLoadBalancer"))
			continue;
		tw_begin(w, NULL, '{');
		tw_own(w, "DestinationPrefixListId", e);
		tw_own(w, "GatewayId", e);
		tw_end(w, '}');
	}
}

void template_put_table(struct writer *w, res *r)
{
	node *network = tw_prop(r, "VpcId", "vpc_id"), *own = tw_prop(r, "-", "route");
	tw_begin(w, NULL, '{');
	tw_own(w, "RouteTableId", r);
	tw_id(w, "VpcId", network);
	put_associations(w, r);
	tw_begin(w, "Routes", '[');
	put_local(w, tw_meant(w, network));
	for (node *n = own != NULL && own->kind == IAC_LIST ? own->first : NULL; n != NULL;
		n = n->next)
		put_route(w, n);
	if (own != NULL && own->kind == IAC_UNKNOWN)
		put_route(w, own);
	put_endpoint_routes(w, r);
	for (res *a = tw_next(w, NULL); a != NULL; a = tw_next(w, a)) {
		bool stray = tw_strays(
			a, "AWS::EC2::Route", "aws_route", "RouteTableId", "route_table_id");
		if (stray || (tw_is_type(a, "AWS::EC2::Route", "aws_route") &&
				     tw_is_of(w, tw_prop(a, "RouteTableId", "route_table_id"), r)))
			put_route(w, stray ? NULL : a->properties);
	}
	tw_end(w, ']');
	tw_end(w, '}');
}

void template_put_main_table(struct writer *w, res *network)
{
	for (res *a = tw_next(w, NULL); a != NULL; a = tw_next(w, a))
		if (tw_is_type(a, NULL, "aws_main_route_table_association") ||
			tw_is_type(a, NULL, "aws_default_route_table"))
			return; /* another one, or one with routes */
	struct out name = {0};
	out_text(&name, "main table of ");
	out_bytes(&name, (const char *)network->name.ptr, network->name.len);
	tw_begin(w, NULL, '{');
	tw_name(w, "RouteTableId", span_of(out_string(&name)));
	out_fini(&name);
	tw_own(w, "VpcId", network);
	out_text(w->o, ",\"Associations\":[{\"Main\":true}]");
	tw_begin(w, "Routes", '[');
	put_local(w, network);
	tw_end(w, ']');
	tw_end(w, '}');
}

/* ---- all ---- */

static const struct {
	const char *list, *cfn, *tf;
	void (*put)(struct writer *w, res *r);
} kinds[] = {{"Vpcs", "AWS::EC2::VPC", "aws_vpc", template_put_network},
	{"Subnets", "AWS::EC2::Subnet", "aws_subnet", template_put_subnet},
	{"RouteTables", "AWS::EC2::RouteTable", "aws_route_table", template_put_table},
	{"RouteTables", "AWS::EC2::VPC", "aws_vpc", template_put_main_table},
	{"NetworkAcls", "AWS::EC2::NetworkAcl", "aws_network_acl", template_put_acl},
	{"NetworkAcls", "AWS::EC2::VPC", "aws_vpc", template_put_default_acl},
	{"SecurityGroups", "AWS::EC2::SecurityGroup", "aws_security_group", template_put_group},
	{"Reservations", "AWS::EC2::NetworkInterface", "aws_network_interface",
		template_put_interface},
	{"Reservations", "AWS::EC2::Instance", "aws_instance", template_put_instance},
	{"NatGateways", "AWS::EC2::NatGateway", "aws_nat_gateway", template_put_nat},
	{"VpcEndpoints", "AWS::EC2::VPCEndpoint", "aws_vpc_endpoint", template_put_endpoint},
	{"VpcPeeringConnections", "AWS::EC2::VPCPeeringConnection", "aws_vpc_peering_connection",
		template_put_peering},
	{"ManagedPrefixLists", "AWS::EC2::PrefixList", "aws_ec2_managed_prefix_list",
		template_put_list},
	{"Firewalls", "AWS::NetworkFirewall::Firewall", "aws_networkfirewall_firewall",
		template_put_firewall}};

/* Resources of which it is not known whether they are there: their condition can't be told. */
static void put_doubtful(struct writer *w)
{
	tw_begin(w, TEMPLATE_DOUBTFUL, '[');
	for (res *r = tw_next(w, NULL); r != NULL; r = tw_next(w, r))
		if (r->properties == NULL &&
			(span_begins(r->type, "AWS::EC2::") ||
				span_begins(r->type, "AWS::NetworkFirewall::"))) {
			tw_comma(w);
			tw_string(w, r->name);
		}
	tw_end(w, ']');
}

bool template_is(struct span text)
{
	static const char *const marks[] = {"AWS::EC2::", "AWS::NetworkFirewall::",
		"\"planned_values\"", "\"values\"", "\"lineage\"", "\"terraform_version\""};
	for (size_t i = 0; i < ARRAY_LEN(marks); i++)
		if (span_find(text, marks[i]) < text.len)
			return true;
	return false;
}

int template_write(struct span text, unsigned number, struct out *o, struct fail *why)
{
	struct iac *c = NULL;
	int err = iac_read(&c, text, why);
	if (err < 0)
		return err;
	struct writer w = {.c = c, .o = o, .number = number, .tf = iac_is_terraform(c)};
	err = tw_index(&w);
	out_text(o, "{");
	for (size_t i = 0; i < ARRAY_LEN(kinds) && err == 0; i++) {
		tw_begin(&w, kinds[i].list, '[');
		for (res *r = tw_next(&w, NULL); r != NULL; r = tw_next(&w, r))
			if (tw_is_type(r, kinds[i].cfn, kinds[i].tf) && r->properties != NULL)
				kinds[i].put(&w, r);
		tw_end(&w, ']');
	}
	put_doubtful(&w);
	out_text(o, "}");
	free(w.named);
	iac_free(c);
	if (w.steps > TEMPLATE_STEPS_MAX)
		return fail_set(why, -E2BIG, "too many resources that may belong to each other");
	return err < 0 || o->failed ? fail_set(why, -ENOMEM, "out of memory") : 0;
}
