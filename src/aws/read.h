/* Inside aws/: JSON values become parts of the model. */
#pragma once

#include "aws/model.h"

/* The members that are read of each kind of JSON object: a row each in read.c. */
#define KEYS(X)                                                                                    \
	X(ROOT, "status_code", "data", "NextToken", "VpcBlockPublicAccessOptions", "Entries",      \
		"PrefixListId", "Firewall", "FirewallStatus.SyncStates", "Routes",                 \
		"AdditionalRoutesAvailable", "TransitGatewayRouteTablePropagations")               \
	X(GROUP, "GroupId", "VpcId", "IpPermissions", "IpPermissionsEgress", "Description",        \
		"Tags")                                                                            \
	X(PERMISSION, "IpProtocol", "FromPort", "ToPort", "IpRanges", "Ipv6Ranges",                \
		"PrefixListIds", "UserIdGroupPairs")                                               \
	X(PEER, "CidrIp", "CidrIpv6", "PrefixListId", "GroupId", "Description")                    \
	X(RULE, "SecurityGroupRuleId", "GroupId", "IsEgress", "IpProtocol", "FromPort", "ToPort",  \
		"CidrIpv4", "CidrIpv6", "PrefixListId", "ReferencedGroupInfo.GroupId",             \
		"Description", "Tags")                                                             \
	X(TAG, "Key", "Value")                                                                     \
	X(ACL, "NetworkAclId", "VpcId", "IsDefault", "Associations", "Entries", "Tags")            \
	X(ENTRY, "RuleNumber", "Egress", "RuleAction", "Protocol", "CidrBlock", "Ipv6CidrBlock",   \
		"PortRange.From", "PortRange.To", "IcmpTypeCode.Type", "IcmpTypeCode.Code")        \
	X(SUBNET, "SubnetId", "VpcId", "CidrBlock", "Ipv6CidrBlockAssociationSet",                 \
		"BlockPublicAccessStates.InternetGatewayBlockMode", "AvailabilityZone")            \
	X(NETWORK, "VpcId", "CidrBlock", "CidrBlockAssociationSet", "Ipv6CidrBlockAssociationSet") \
	X(BLOCK, "CidrBlock", "Ipv6CidrBlock", "CidrBlockState.State", "Ipv6CidrBlockState.State") \
	X(TABLE, "RouteTableId", "VpcId", "Associations", "Routes")                                \
	X(ASSOCIATION, "Main", "SubnetId", "GatewayId", "AssociationState.State")                  \
	X(ROUTE, "DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId",    \
		"State", "Origin", "GatewayId", "NatGatewayId", "VpcPeeringConnectionId",          \
		"NetworkInterfaceId", "InstanceId", "EgressOnlyInternetGatewayId",                 \
		"TransitGatewayId", "LocalGatewayId", "CarrierGatewayId", "CoreNetworkArn",        \
		"OdbNetworkArn", "InternetGatewayId", "VpcEndpointId")                             \
	X(INTERFACE, "NetworkInterfaceId", "SubnetId", "VpcId", "InterfaceType", "Groups",         \
		"PrivateIpAddress", "PrivateIpAddresses", "Ipv6Addresses", "Association.PublicIp", \
		"Attachment.InstanceId", "DenyAllIgwTraffic", "AnyAddress", "PublicAddress")       \
	X(ADDRESS, "PrivateIpAddress", "Ipv6Address", "Association.PublicIp")                      \
	X(RESERVATION, "Instances")                                                                \
	X(INSTANCE, "InstanceId", "NetworkInterfaces")                                             \
	X(NAT, "NatGatewayId", "SubnetId", "VpcId", "ConnectivityType", "State",                   \
		"NatGatewayAddresses")                                                             \
	X(ENDPOINT, "VpcEndpointId", "VpcEndpointType", "VpcId", "State", "PolicyDocument",        \
		"NetworkInterfaceIds")                                                             \
	X(ATTACHMENT, "TransitGatewayAttachmentId", "TransitGatewayId", "ResourceType",            \
		"ResourceId", "State", "Association.TransitGatewayRouteTableId",                   \
		"Association.State", "VpcId", "SubnetIds", "Options.ApplianceModeSupport")         \
	X(TRANSIT_TABLE, "TransitGatewayRouteTableId", "Routes", "AdditionalRoutesAvailable",      \
		"TransitGatewayRouteTablePropagations")                                            \
	X(TRANSIT_ROUTE, "DestinationCidrBlock", "PrefixListId", "State", "Type",                  \
		"TransitGatewayAttachments")                                                       \
	X(POLICY, "Statement")                                                                     \
	X(STATEMENT, "Effect", "Principal", "Action", "Resource", "Condition", "NotPrincipal",     \
		"NotAction", "NotResource", "Principal.AWS")                                       \
	X(PEERING, "VpcPeeringConnectionId", "Status.Code", "RequesterVpcInfo.VpcId",              \
		"AccepterVpcInfo.VpcId")                                                           \
	X(LIST, "PrefixListId", "Cidrs")                                                           \
	X(NAT_ADDRESS, "PrivateIp", "PublicIp")                                                    \
	X(FIREWALL, "FirewallArn", "FirewallName", "FirewallPolicyArn", "VpcId", "SubnetMappings") \
	X(TOLD, "Firewall", "FirewallStatus.SyncStates")                                           \
	X(MAPPING, "SubnetId")                                                                     \
	X(SYNC, "Attachment.SubnetId", "Attachment.EndpointId", "Several")                         \
	X(CIDR, "Cidr")                                                                            \
	X(GATEWAY, "InternetGatewayId", "Attachments")                                             \
	X(ACCESS, "InternetGatewayBlockMode", "ExclusionsAllowed")

enum keys {
#define X(name, ...) KEYS_##name,
	KEYS(X)
#undef X
		KEYS_COUNT
};
#define PATHS_MAX 20

struct reader {
	struct vpc *v;
	const char *name; /* of the text */
	size_t refused;   /* parts that are not what they should be */
	size_t repeated;  /* objects that were described before */
	bool broken;      /* a list ends where none can */
	bool listed;      /* interfaces of describe-network-interfaces */
};

bool read_pick(struct reader *r, enum keys k, const struct json_value *object,
	struct json_value slot[static PATHS_MAX]);
/* As json_each(), but what ends too early is remembered: rules would be missing. */
bool read_each(struct reader *r, const struct json_value *list, struct json_value *item);
/* Room in the arena, zeroed, or NULL: then v->full. */
void *read_room(struct reader *r, size_t bytes);
const char *read_text(struct reader *r, const struct json_value *value); /* NULL: no string */
/* -1 and what stands in a string too. SERVICE_ABSENT: none. */
int read_number(const struct json_value *value);
bool read_true(const struct json_value *value);
/* False: no prefix; counted when it should have been one. */
bool read_cidr(struct reader *r, const struct json_value *value, struct cidr *ret);
void read_net(struct reader *r, const struct json_value *value, struct vpc_net **list);
int read_protocol(const struct json_value *value);

/* The object of that id, made when it is new. NULL: no id, no room, or an id of another kind. */
struct vpc_object *read_named(struct reader *r, enum vpc_kind kind, const struct json_value *id);
/* The same, to be described now. NULL also when it was described before. */
struct vpc_object *read_described(
	struct reader *r, enum vpc_kind kind, const struct json_value *id);

/* Whose it is and since when: what is said of it, and of its tags those that tell that, as
 * "owner=NAME" and a date. NULL: nothing. */
const char *read_note(
	struct reader *r, const struct json_value *words, const struct json_value *tags);
void read_member(struct reader *r, struct vpc_object *o, struct vpc_object *member);
/* What an answer is about where only its file's name says so: the id in it that begins so. */
struct json_value read_id_of_name(const struct reader *r, const char *prefix);
void read_warn(struct reader *r, const char *words, struct span what);

/* The lists of the root. */
void read_group(struct reader *r, const struct json_value *object);
void read_group_rule(struct reader *r, const struct json_value *object);
void read_acl(struct reader *r, const struct json_value *object);
void read_table(struct reader *r, const struct json_value *object);
void read_told_firewall(struct reader *r, const struct json_value *object);
void read_endpoint(struct reader *r, const struct json_value *object);
void read_peering(struct reader *r, const struct json_value *object);
void read_attachment(struct reader *r, const struct json_value *object);
void read_transit_table(struct reader *r, const struct json_value *object);
/* As Batfish keeps them: of each table its static routes, and what propagates to it. */
void read_static_routes(struct reader *r, const struct json_value *object);
void read_propagations(struct reader *r, const struct json_value *object);
/* Of search-transit-gateway-routes (more: some were left out) and of
 * get-transit-gateway-route-table-propagations; id: the table's. */
void read_transit_routes(struct reader *r, const struct json_value *id,
	const struct json_value *routes, const struct json_value *more);
void read_propagated(struct reader *r, const struct json_value *id, const struct json_value *list);
/* Of describe-firewall: Firewall and its SyncStates. */
void read_firewall(
	struct reader *r, const struct json_value *object, const struct json_value *states);
