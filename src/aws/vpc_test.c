/* One VPC of ours, 10.0.0.0/16 with a public, a private and an inner subnet, and what is added to
 * it or put before it (the first description counts), rule by rule of docs/VPC.md. */
#include "aws/vpc.h"

#include <stdio.h>
#include <string.h>

#include "base/scan.h"
#include "base/testing.h"

#define ALL_OUT                                                                          \
	"'IpPermissionsEgress':[{'IpProtocol':'-1','IpRanges':[{'CidrIp':'0.0.0.0/0'}]," \
	"'Ipv6Ranges':[{'CidrIpv6':'::/0'}]}]"
#define RULE(number, egress, action, proto, net, more)                       \
	"{'RuleNumber':" number ",'Egress':" egress ",'RuleAction':'" action \
	"','Protocol':'" proto "'," net more "}"
#define ANY4            "'CidrBlock':'0.0.0.0/0'"
#define ANY6            "'Ipv6CidrBlock':'::/0'"
#define PORTS(from, to) ",'PortRange':{'From':" from ",'To':" to "}"
#define OPEN_ACL                                                                                 \
	RULE("100", "true", "allow", "-1", ANY4, "")                                             \
	"," RULE("100", "false", "allow", "-1", ANY4, "") "," RULE("101", "true", "allow", "-1", \
		ANY6, "") "," RULE("101", "false", "allow", "-1", ANY6, "")
#define ACL(entries)                                                                \
	"{'NetworkAcls':[{'NetworkAclId':'acl-1','VpcId':'vpc-1','IsDefault':true," \
	"'Entries':[" entries "]}]}"
#define GROUP(egress)                                           \
	"{'SecurityGroups':[{'GroupId':'sg-a','VpcId':'vpc-1'," \
	"'IpPermissionsEgress':[" egress "]}]}"
#define PERMIT(proto, ports, peer) "{'IpProtocol':'" proto "'" ports "," peer "}"
#define FROM_TO(from, to)          ",'FromPort':" from ",'ToPort':" to
#define TO_ANY                     "'IpRanges':[{'CidrIp':'0.0.0.0/0'}]"
#define ENI(id, subnet, addr, group, more)                                                       \
	"{'NetworkInterfaceId':'" id "','SubnetId':'" subnet "','VpcId':'vpc-1',"                \
	"'InterfaceType':'interface','PrivateIpAddress':'" addr "','Groups':[{'GroupId':'" group \
	"'}]" more "}"
#define ROUTES(routes)                                             \
	"{'RouteTables':[{'RouteTableId':'rtb-p','VpcId':'vpc-1'," \
	"'Associations':[{'Main':false,'SubnetId':'subnet-p'}],'Routes':[" routes "]}]}"
#define ROUTE(to, target) "{'DestinationCidrBlock':'" to "'," target ",'State':'active'}"
#define IGW               "'GatewayId':'igw-1'"

#define INTERFACES                                                                               \
	"{'NetworkInterfaces':[" ENI("eni-p", "subnet-p", "10.0.0.5", "sg-a",                    \
		",'Association':{'PublicIp':'198.51.100.5'},"                                    \
		"'Ipv6Addresses':[{'Ipv6Address':'2001:db8::5'}],'Attachment':{'InstanceId'"     \
		":'i-p'}") "," ENI("eni-q", "subnet-p", "10.0.0.6", "sg-b", "") "," ENI("eni-i", \
		"subnet-i", "10.0.1.5", "sg-b",                                                  \
		"") "," ENI("eni-n", "subnet-n", "10.0.2.5", "sg-a", "") "]}"

static const char *const base[] = {
	"{'Vpcs':[{'VpcId':'vpc-1','CidrBlock':'10.0.0.0/16'}]}",
	"{'Subnets':[{'SubnetId':'subnet-p','VpcId':'vpc-1','CidrBlock':'10.0.0.0/24'},"
	"{'SubnetId':'subnet-i','VpcId':'vpc-1','CidrBlock':'10.0.1.0/24'},"
	"{'SubnetId':'subnet-n','VpcId':'vpc-1','CidrBlock':'10.0.2.0/24'}]}",
	ACL(OPEN_ACL),
	"{'SecurityGroups':[{'GroupId':'sg-a','VpcId':'vpc-1'," ALL_OUT "},"
	"{'GroupId':'sg-b','VpcId':'vpc-1'," ALL_OUT ",'IpPermissions':[{'IpProtocol':'tcp',"
	"'FromPort':22,'ToPort':23,'UserIdGroupPairs':[{'GroupId':'sg-a'}]}]}]}",
	INTERFACES,
	"{'RouteTables':[{'RouteTableId':'rtb-p','VpcId':'vpc-1','Associations':"
	"[{'Main':false,'SubnetId':'subnet-p'}],'Routes':[" ROUTE(
		"10.0.0.0/16", "'GatewayId':'local'") "," ROUTE("0.0.0.0/0",
		IGW) ",{'DestinationIpv6CidrBlock':'::/0'," IGW "}]},"
		     "{'RouteTableId':'rtb-n','VpcId':'vpc-1','Associations':[{'SubnetId':'"
		     "subnet-n'}],"
		     "'Routes':[" ROUTE("0.0.0.0/0",
			     "'NatGatewayId':'nat-1'") "]},"
						       "{'RouteTableId':'rtb-m','VpcId':'"
						       "vpc-1','Associations':[{'Main':"
						       "true}],'Routes':[" ROUTE("10.0.0.0/16",
							       "'GatewayId':'local'") "]}]"
										      "}",
	("{'NatGateways':[{'NatGatewayId':'nat-1','SubnetId':'subnet-p','VpcId':'vpc-1',"
	 "'State':'available'}]}"),
};

static void read_one(struct vpc *v, const char *text)
{
	struct fail why = {0};
	size_t len = strlen(text);
	char *json = malloc(len + 1);
	assert_non_null(json);
	for (size_t i = 0; i <= len; i++)
		json[i] = (char)(text[i] == '\'' ? '"' : text[i]);
	int err = vpc_read(v, "test pl-0b", (struct span){(const uint8_t *)json, len}, &why);
	free(json);
	if (err < 0)
		fail_msg("%s", why.text);
}

/* `first` (may be NULL) is read before the base; the flow's verdict, and the stage that decides
 * when `stage` is not NULL. */
static void expect(const char *first, const char *text, enum vpc_verdict verdict, const char *stage)
{
	struct vpc *v = NULL;
	struct vpc_flow flow;
	struct vpc_answer a;
	struct fail why = {0};
	char room[VPC_NAME_BYTES];
	assert_int_equal(vpc_new(&v, (size_t)1 << 20), 0);
	if (first != NULL)
		read_one(v, first);
	for (size_t i = 0; i < ARRAY_LEN(base); i++)
		read_one(v, base[i]);
	assert_int_equal(vpc_flow_parse(span_of(text), room, &flow, &why), 0);
	vpc_ask(v, &flow, &a);
	if (a.verdict != verdict || (stage != NULL && strcmp(a.decides->name, stage) != 0))
		fail_msg("%s: %s by %s: %s", text, vpc_verdict_name(a.verdict), a.decides->name,
			a.decides->reason);
	vpc_free(v);
}

#define OUT(port) "tcp:10.0.0.5>203.0.113.1:" port

static void test_groups(void **state)
{
	(void)state;
	const char *const sg = "security group egress";
	expect(NULL, OUT("443"), VPC_OPEN, NULL);
	expect(GROUP(""), OUT("443"), VPC_SHUT, sg);
	const char *https = GROUP(PERMIT("tcp", FROM_TO("443", "444"), TO_ANY));
	expect(https, OUT("443"), VPC_OPEN, NULL);
	expect(https, OUT("444"), VPC_OPEN, NULL);
	expect(https, OUT("445"), VPC_SHUT, sg);
	expect(https, OUT("442"), VPC_SHUT, sg);
	expect(https, "udp:10.0.0.5>203.0.113.1:443", VPC_SHUT, sg);
	expect(https, "tcp:[2001:db8::5]>[2001:db8:9::1]:443", VPC_SHUT, sg); /* IPv4 alone */
	const char *both = GROUP(PERMIT("tcp", FROM_TO("80", "80"), TO_ANY) "," PERMIT(
		"17", FROM_TO("53", "53"), "'IpRanges':[{'CidrIp':'203.0.113.0/24'}]"));
	expect(both, OUT("80"), VPC_OPEN, NULL); /* the union */
	expect(both, "udp:10.0.0.5>203.0.113.1:53", VPC_OPEN, NULL);
	expect(both, "udp:10.0.0.5>192.0.2.1:53", VPC_SHUT, sg);
	const char *gre = GROUP(PERMIT("47", FROM_TO("1", "2"), TO_ANY));
	expect(gre, "47:10.0.0.5>203.0.113.1", VPC_OPEN, NULL); /* ports are no matter */
	expect(gre, "50:10.0.0.5>203.0.113.1", VPC_SHUT, sg);
	expect("{'Vpcs':[]}", "tcp:10.0.0.9>203.0.113.1:443", VPC_UNDECIDED, sg);
}

static void test_icmp(void **state)
{
	(void)state;
	const char *const sg = "security group egress";
	const char *echo = GROUP(PERMIT("icmp", FROM_TO("8", "0"), TO_ANY));
	expect(echo, "icmp:10.0.0.5>203.0.113.1", VPC_OPEN, NULL);
	expect(echo, "icmp:10.0.0.5>203.0.113.1:13", VPC_SHUT, sg);
	const char *any = GROUP(PERMIT("icmp", FROM_TO("-1", "-1"), TO_ANY));
	expect(any, "icmp:10.0.0.5>203.0.113.1:13", VPC_OPEN, NULL);
	expect(any, OUT("8"), VPC_SHUT, sg);
	const char *code = GROUP(PERMIT("icmp", FROM_TO("3", "4"), TO_ANY));
	expect(code, "icmp:10.0.0.5>203.0.113.1:3", VPC_UNDECIDED, sg); /* of which code? */
	const char *odd = GROUP(PERMIT("icmp", FROM_TO("-1", "9"), TO_ANY));
	expect(odd, "icmp:10.0.0.5>203.0.113.1", VPC_UNDECIDED, sg);
}

static void test_peers(void **state)
{
	(void)state;
	const char *const in = "security group ingress", *const out = "security group egress";
	expect(NULL, "tcp:10.0.0.5>10.0.1.5:22", VPC_OPEN, NULL); /* eni-p carries sg-a */
	expect(NULL, "tcp:10.0.0.6>10.0.1.5:22", VPC_SHUT, in);
	expect(NULL, "tcp:10.0.0.5>10.0.1.5:24", VPC_SHUT, in);
	expect("{'NetworkInterfaces':[],'NextToken':'x'}", "tcp:10.0.0.6>10.0.1.5:22",
		VPC_UNDECIDED, in); /* who else carries sg-a? */
	const char *list = GROUP(PERMIT("-1", "", "'PrefixListIds':[{'PrefixListId':'pl-0b'}]"));
	expect(list, OUT("443"), VPC_UNDECIDED, out);
	const char *entries = "{'SecurityGroupRules':[{'SecurityGroupRuleId':'sgr-1',"
			      "'GroupId':'sg-a','IsEgress':true,'IpProtocol':'-1',"
			      "'PrefixListId':'pl-0b'}],'Entries':[{'Cidr':'203.0.113.0/28'}]}";
	expect(entries, OUT("443"), VPC_OPEN, NULL);
	/* a group of another account: its VPC and interfaces were not read */
	const char *elsewhere = GROUP(PERMIT("-1", "", "'UserIdGroupPairs':[{'GroupId':'sg-x'}]"));
	expect(elsewhere, OUT("443"), VPC_UNDECIDED, out);
	const char *own = GROUP(PERMIT("-1", "", "'UserIdGroupPairs':[{'GroupId':'sg-b'}]"));
	expect(own, OUT("443"), VPC_SHUT, out);                  /* not of its VPC */
	expect(own, "tcp:10.0.0.5>10.0.0.6:22", VPC_OPEN, NULL); /* eni-q carries it */
	expect(own, "tcp:10.0.0.5>10.0.2.5:22", VPC_SHUT, out);  /* eni-n does not */
}

/* Rules alone are as good as groups, but for a list that goes on. */
static void test_rules_alone(void **state)
{
	(void)state;
	struct vpc *v = NULL;
	struct vpc_flow flow;
	struct vpc_answer a;
	struct fail why = {0};
	char room[VPC_NAME_BYTES];
	static const char *const more[] = {"", ",'NextToken':'x'"};
	for (size_t i = 0; i < ARRAY_LEN(more); i++) {
		char text[300];
		(void)snprintf(text, sizeof text,
			"{'SecurityGroupRules':[{'SecurityGroupRuleId':'sgr-1','GroupId':'sg-a',"
			"'IsEgress':true,'IpProtocol':'tcp','FromPort':443,'ToPort':443,"
			"'CidrIpv4':'0.0.0.0/0'}]%s}",
			more[i]);
		assert_int_equal(vpc_new(&v, (size_t)1 << 20), 0);
		for (size_t k = 0; k < ARRAY_LEN(base); k++)
			if (strstr(base[k], "SecurityGroups") == NULL)
				read_one(v, base[k]);
		read_one(v, text);
		assert_int_equal(vpc_flow_parse(span_of(OUT("443")), room, &flow, &why), 0);
		vpc_ask(v, &flow, &a);
		assert_int_equal(a.verdict, VPC_OPEN);
		assert_string_equal(a.stage[0].rule, "sgr-1");
		flow.port = 80;
		vpc_ask(v, &flow, &a);
		assert_int_equal(a.verdict, i == 0 ? VPC_SHUT : VPC_UNDECIDED);
		assert_true((strstr(vpc_warnings(v), "NextToken") != NULL) == (i == 1));
		vpc_free(v);
	}
}

static void test_acls(void **state)
{
	(void)state;
	const char *const out = "network ACL egress", *const in = "network ACL ingress, reply";
	const char *order = ACL(RULE("200", "true", "allow", "-1", ANY4, "") "," RULE("100", "true",
		"deny", "6", ANY4,
		PORTS("443", "443")) "," RULE("100", "false", "allow", "-1", ANY4, ""));
	expect(order, OUT("443"), VPC_SHUT, out);
	expect(order, OUT("444"), VPC_OPEN, NULL);
	expect(order, "tcp:10.0.0.5>10.0.0.6:443", VPC_SHUT, "security group ingress");
	expect(order, "tcp:10.0.0.6>10.0.1.5:443", VPC_SHUT, out);
	expect(ACL(""), OUT("443"), VPC_SHUT, out); /* the implicit deny */
	const char *replies = ACL(RULE("1", "true", "allow", "-1", ANY4, "") "," RULE(
		"1", "false", "allow", "6", ANY4, PORTS("1024", "65535")));
	expect(replies, OUT("443"), VPC_OPEN, NULL);
	expect(replies, "udp:10.0.0.5>203.0.113.1:53", VPC_SHUT, in);
	const char *some = ACL(RULE("1", "true", "allow", "-1", ANY4, "") "," RULE(
		"1", "false", "allow", "6", ANY4, PORTS("49152", "65535")));
	expect(some, OUT("443"), VPC_UNDECIDED, in);
	const char *ping = ACL(RULE("1", "true", "allow", "1", ANY4,
		",'IcmpTypeCode':{'Type':8,'Code':-1}") "," RULE("1", "false", "allow", "1", ANY4,
		",'IcmpTypeCode':{'Type':0,'Code':0}"));
	expect(ping, "icmp:10.0.0.5>203.0.113.1", VPC_OPEN, NULL);
	expect(ping, "icmp:10.0.0.5>203.0.113.1:13", VPC_SHUT, out);
	expect(ping, OUT("443"), VPC_SHUT, out);
	const char *six = ACL(RULE("1", "true", "allow", "-1", ANY6, "") "," RULE(
		"1", "false", "allow", "-1", ANY6, ""));
	expect(six, OUT("443"), VPC_SHUT, out);
	expect(six, "tcp:[2001:db8::5]>[2001:db8:9::1]:443", VPC_OPEN, NULL);
}

static void test_routes(void **state)
{
	(void)state;
	expect(ROUTES(ROUTE("0.0.0.0/0", IGW) ",{'DestinationCidrBlock':'203.0.113.0/24',"
					      "'GatewayId':'igw-2','State':'blackhole'}"),
		OUT("443"), VPC_SHUT, "route");
	expect(ROUTES(ROUTE("0.0.0.0/0", "'GatewayId':'vpce-1'")), OUT("443"), VPC_UNDECIDED,
		"endpoint");
	expect(ROUTES(ROUTE("0.0.0.0/0", "'TransitGatewayId':'tgw-1'")), OUT("443"), VPC_UNDECIDED,
		"transit gateway");
	expect(ROUTES(ROUTE("10.0.0.0/16", "'GatewayId':'local'")), OUT("443"), VPC_SHUT, "route");
	expect(ROUTES("{'DestinationPrefixListId':'pl-9','GatewayId':'vpce-2'}"), OUT("443"),
		VPC_UNDECIDED, "route");
	expect(NULL, "tcp:10.0.1.5>203.0.113.1:443", VPC_SHUT, "route"); /* the main table */
	expect(NULL, "tcp:10.0.0.6>203.0.113.1:443", VPC_SHUT, "internet gateway");
	expect(NULL, "tcp:10.0.2.5>203.0.113.1:443", VPC_OPEN, NULL); /* by the NAT gateway */
	expect(NULL, "47:10.0.2.5>203.0.113.1", VPC_SHUT, "NAT gateway");
	expect("{'NatGateways':[{'NatGatewayId':'nat-1','SubnetId':'subnet-p','State':'deleted'}]}",
		"tcp:10.0.2.5>203.0.113.1:443", VPC_SHUT, "NAT gateway");
	expect("{'NetworkAcls':[{'NetworkAclId':'acl-2','VpcId':'vpc-1','Associations':"
	       "[{'SubnetId':'subnet-p'}],'Entries':[]}]}",
		"tcp:10.0.2.5>203.0.113.1:443", VPC_SHUT, "network ACL ingress of the NAT gateway");
	expect(NULL, "tcp:10.0.0.5>10.0.9.9:443", VPC_SHUT, "destination");
	expect(NULL, "tcp:i-p>203.0.113.1:443", VPC_OPEN, NULL);
	expect(NULL, "tcp:i-none>203.0.113.1:443", VPC_UNDECIDED, "source");
	expect(NULL, "tcp:203.0.113.1>198.51.100.5:22", VPC_SHUT, "security group ingress");
}

#define BLOCK(mode, exclusions)                                                        \
	"{'VpcBlockPublicAccessOptions':{'InternetGatewayBlockMode':'block-" mode "'," \
	"'ExclusionsAllowed':'" exclusions "'}}"

static void test_block_and_edge(void **state)
{
	(void)state;
	const char *text = BLOCK("bidirectional", "not-allowed");
	expect(text, OUT("443"), VPC_SHUT, "block public access");
	expect(text, "tcp:10.0.2.5>203.0.113.1:443", VPC_SHUT, "block public access");
	text = BLOCK("bidirectional", "allowed");
	expect(text, OUT("443"), VPC_UNDECIDED, "block public access");
	text = BLOCK("ingress", "not-allowed");
	expect(text, OUT("443"), VPC_SHUT, "block public access");
	expect(text, "tcp:10.0.2.5>203.0.113.1:443", VPC_OPEN, NULL); /* its own way is out */
	expect("{'RouteTables':[{'RouteTableId':'rtb-e','VpcId':'vpc-1','Associations':"
	       "[{'GatewayId':'igw-1'}],'Routes':[" ROUTE(
		       "10.0.0.0/24", "'GatewayId':'vpce-1'") "]}]}",
		OUT("443"), VPC_UNDECIDED, "route of the reply");
	/* the NAT gateway stands in the subnet whose replies are led elsewhere */
	expect("{'RouteTables':[{'RouteTableId':'rtb-e','VpcId':'vpc-1','Associations':"
	       "[{'GatewayId':'igw-1'}],'Routes':[" ROUTE(
		       "10.0.0.0/24", "'GatewayId':'vpce-1'") "]}]}",
		"tcp:10.0.2.5>203.0.113.1:443", VPC_UNDECIDED, "route of the reply");
}

static void test_unfiltered(void **state)
{
	(void)state;
	const char *const own = "Amazon's own", *const none = GROUP("");
	expect(none, "udp:10.0.0.5>10.0.0.2:53", VPC_OPEN, own);
	expect(none, "tcp:10.0.0.5>169.254.169.253:53", VPC_OPEN, own);
	expect(none, "tcp:10.0.0.5>169.254.169.254:80", VPC_OPEN, own);
	expect(none, "udp:10.0.0.5>169.254.169.123:123", VPC_OPEN, own);
	expect(none, "tcp:10.0.0.5>169.254.169.254:8080", VPC_UNDECIDED, own);
	expect(none, "udp:10.0.0.5>10.0.1.2:53", VPC_SHUT, "security group egress");
}

#define PEER_VPC(state, routes)                                                                    \
	"{'Vpcs':[{'VpcId':'vpc-2','CidrBlock':'10.2.0.0/16'}],'Subnets':[{'SubnetId':'subnet-2'," \
	"'VpcId':'vpc-2','CidrBlock':'10.2.0.0/24'}],'NetworkAcls':[{'NetworkAclId':'acl-2',"      \
	"'VpcId':'vpc-2','IsDefault':true,'Entries':[" OPEN_ACL "]}],'SecurityGroups':[{"          \
	"'GroupId':'sg-2','VpcId':'vpc-2','IpPermissions':[{'IpProtocol':'tcp','FromPort':22,"     \
	"'ToPort':22,'UserIdGroupPairs':[{'GroupId':'sg-a'}]}]}],'NetworkInterfaces':[{"           \
	"'NetworkInterfaceId':'eni-2','SubnetId':'subnet-2','VpcId':'vpc-2',"                      \
	"'PrivateIpAddress':'10.2.0.5','Groups':[{'GroupId':'sg-2'}]}],"                           \
	"'VpcPeeringConnections':[{'VpcPeeringConnectionId':'pcx-1','Status':{'Code':'" state      \
	"'},"                                                                                      \
	"'RequesterVpcInfo':{'VpcId':'vpc-1'},'AccepterVpcInfo':{'VpcId':'vpc-2'}}],"              \
	"'RouteTables':[{'RouteTableId':'rtb-2','VpcId':'vpc-2','Associations':[{'Main':true}],"   \
	"'Routes':[" routes "]},{'RouteTableId':'rtb-p','VpcId':'vpc-1','Associations':"           \
	"[{'SubnetId':'subnet-p'}],'Routes':[" ROUTE(                                              \
		"10.0.0.0/8", "'VpcPeeringConnectionId':'pcx-1'") "]}]}"
#define BACK ROUTE("10.0.0.0/16", "'VpcPeeringConnectionId':'pcx-1'")

static void test_peering(void **state)
{
	(void)state;
	expect(PEER_VPC("active", BACK), "tcp:10.0.0.5>10.2.0.5:22", VPC_OPEN, NULL);
	expect(PEER_VPC("active", BACK), "tcp:10.0.0.5>10.2.0.5:80", VPC_SHUT,
		"security group ingress");
	expect(PEER_VPC("active", BACK), "tcp:10.0.0.5>10.3.0.5:22", VPC_SHUT, "peering");
	expect(PEER_VPC("deleted", BACK), "tcp:10.0.0.5>10.2.0.5:22", VPC_SHUT, "peering");
	expect(PEER_VPC("active", ""), "tcp:10.0.0.5>10.2.0.5:22", VPC_SHUT, "route of the reply");
	expect(ROUTES(ROUTE("10.2.0.0/16", "'VpcPeeringConnectionId':'pcx-9'")),
		"tcp:10.0.0.5>10.2.0.5:22", VPC_UNDECIDED, "peering");
}

static void test_shapes(void **state)
{
	(void)state;
	static const char *const wrong[] = {"", "[]", "{", "x", "{\"Subnets\":[}",
		"{\"Subnets\":[{} {}]}", "{\"Subnets\":[{},]}"};
	struct vpc *v = NULL;
	struct fail why = {0};
	assert_int_equal(vpc_new(&v, (size_t)1 << 20), 0);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_true(vpc_read(v, "t", span_of(wrong[i]), &why) < 0);
	read_one(v, "{'status_code':200,'data':{'Surprises':[1],'ResponseMetadata':{},'Subnets':[{"
		    "'SubnetId':'subnet-1','VpcId':'vpc-1','CidrBlock':'10.0.0.0/33'}]}}");
	assert_non_null(strstr(vpc_warnings(v), "Surprises"));
	assert_non_null(strstr(vpc_warnings(v), "not what they should be: 1"));
	assert_null(strstr(vpc_warnings(v), "Metadata"));
	read_one(v, "{'Subnets':[{'SubnetId':'subnet-1'}]}");
	assert_non_null(strstr(vpc_warnings(v), "described before"));
	vpc_free(v);
}

static void test_ports(void **state)
{
	(void)state;
	struct vpc *v = NULL;
	struct vpc_answer a;
	struct vpc_flow flow = {.interface = "eni-p", .dst = addr_v4(0xcb007101), .proto = 6};
	assert_int_equal(vpc_new(&v, (size_t)1 << 20), 0);
	read_one(v, GROUP(PERMIT("tcp", FROM_TO("8443", "8444"), TO_ANY)));
	for (size_t i = 0; i < ARRAY_LEN(base); i++)
		read_one(v, base[i]);
	vpc_ask_ports(v, &flow, 1024, 65535, &a);
	assert_int_equal(a.verdict, VPC_OPEN);
	assert_int_equal(flow.port, 8443);
	vpc_ask_ports(v, &flow, 8445, 65535, &a);
	assert_int_equal(a.verdict, VPC_SHUT);
	vpc_ask_ports(v, &flow, 8444, 8444, &a);
	assert_int_equal(a.verdict, VPC_OPEN);
	vpc_free(v);
}

static void test_flows(void **state)
{
	(void)state;
	static const char *const wrong[] = {"", "tcp:", "tcp:10.0.0.1>10.0.0.2",
		"tcp:10.0.0.1:x>10.0.0.2:3", "icmp:10.0.0.1:1>10.0.0.2",
		"icmp:10.0.0.1>10.0.0.2:256", "50:10.0.0.1>10.0.0.2:3", "256:10.0.0.1>10.0.0.2",
		"tcp:[2001:db8::1]>10.0.0.2:3", "tcp:10.0.0.1>2001:db8::1:3",
		"tcp:10.0.0.1>10.0.0.2:65536"};
	char room[VPC_NAME_BYTES];
	struct vpc_flow flow;
	struct fail why;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_true(vpc_flow_parse(span_of(wrong[i]), room, &flow, &why) < 0);
	static const char *const right[] = {"tcp:10.0.0.1:40000>10.0.0.2:3",
		"tcp:[2001:db8::1]:40000>[2001:db8::2]:3", "udp:eni-1:40000>10.0.0.2:3"};
	for (size_t i = 0; i < ARRAY_LEN(right); i++) {
		assert_int_equal(vpc_flow_parse(span_of(right[i]), room, &flow, &why), 0);
		assert_int_equal(flow.port, 3);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_icmp),
		cmocka_unit_test(test_peers),
		cmocka_unit_test(test_rules_alone),
		cmocka_unit_test(test_acls),
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_block_and_edge),
		cmocka_unit_test(test_unfiltered),
		cmocka_unit_test(test_peering),
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_flows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
