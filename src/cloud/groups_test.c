/* Security groups and ACLs, read back as Amazon would describe them: over flows at the bounds of
 * every rule they let out what the policy surely allows (wider: all that it may allow), and nothing
 * else. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/vpc.h"
#include "base/json.h"
#include "base/scan.h"
#include "cloud/model.h"
#include "cloud/testing.h"

#define POLICIES 120
#define ROOM     ((size_t)16 << 20)

#define ALL_OUT                                                             \
	"{\"IpProtocol\":\"-1\",\"IpRanges\":[{\"CidrIp\":\"0.0.0.0/0\"}]," \
	"\"Ipv6Ranges\":[{\"CidrIpv6\":\"::/0\"}]}"
#define OPEN(number, egress, net)                       \
	"{\"RuleNumber\":" number ",\"Egress\":" egress \
	",\"RuleAction\":\"allow\",\"Protocol\":\"-1\"," net "}"
#define OPEN_ACL                                                                      \
	OPEN("100", "true", "\"CidrBlock\":\"0.0.0.0/0\"")                            \
	"," OPEN("100", "false", "\"CidrBlock\":\"0.0.0.0/0\"") "," OPEN(             \
		"101", "true", "\"Ipv6CidrBlock\":\"::/0\"") "," OPEN("101", "false", \
		"\"Ipv6CidrBlock\":\"::/0\"")

static const char base[] =
	"{\"Vpcs\":[{\"VpcId\":\"vpc-1\",\"CidrBlock\":\"10.0.0.0/16\","
	"\"Ipv6CidrBlockAssociationSet\":[{\"Ipv6CidrBlock\":\"2001:db8:1::/48\","
	"\"Ipv6CidrBlockState\":{\"State\":\"associated\"}}]}],"
	"\"Subnets\":[{\"SubnetId\":\"subnet-office\",\"VpcId\":\"vpc-1\","
	"\"CidrBlock\":\"10.0.0.0/24\",\"Ipv6CidrBlockAssociationSet\":[{"
	"\"Ipv6CidrBlock\":\"2001:db8:1::/48\","
	"\"Ipv6CidrBlockState\":{\"State\":\"associated\"}}]},"
	"{\"SubnetId\":\"subnet-lab\",\"VpcId\":\"vpc-1\",\"CidrBlock\":\"10.0.1.0/24\"}],"
	"\"RouteTables\":[{\"RouteTableId\":\"rtb-1\",\"VpcId\":\"vpc-1\","
	"\"Associations\":[{\"Main\":true}],\"Routes\":["
	"{\"DestinationCidrBlock\":\"0.0.0.0/0\",\"GatewayId\":\"igw-1\",\"State\":\"active\"},"
	"{\"DestinationIpv6CidrBlock\":\"::/0\",\"GatewayId\":\"igw-1\",\"State\":\"active\"}"
	"]}]}";

/* ---- what was written, as it would be described ---- */

struct calls { /* of a document */
	struct json *json;
	struct json_value root, list, call;
};

static struct json_value member(struct calls *c, const struct json_value *object, const char *name)
{
	struct json_value at = {0};
	struct span key;
	while (json_member(c->json, object, &key, &at))
		if (span_is(key, name))
			return at;
	return (struct json_value){0};
}

static void open_calls(struct calls *c, const struct out *document)
{
	*c = (struct calls){0};
	assert_int_equal(json_new(&c->json), 0);
	const char *wrong = json_read(c->json, span_of(out_string(document)), &c->root);
	if (wrong != NULL)
		fail_msg("%s: %s", wrong, out_string(document));
	c->list = member(c, &c->root, "calls");
}

/* The next call of this operation. */
static bool next_call(struct calls *c, const char *operation, struct json_value *ret_input)
{
	while (json_each(c->json, &c->list, &c->call)) {
		*ret_input = member(c, &c->call, "input");
		if (span_is(member(c, &c->call, "operation").text, operation))
			return true;
	}
	return false;
}

static void say_span(struct out *o, struct span s)
{
	out_bytes(o, (const char *)s.ptr, s.len);
}

static void say_groups(struct out *o, const struct out *document)
{
	struct calls c;
	struct json_value input;
	bool any = false;
	open_calls(&c, document);
	out_text(o, "{\"SecurityGroups\":[");
	while (next_call(&c, "authorize-security-group-egress", &input)) {
		out_text(o, any ? ",{\"VpcId\":\"vpc-1\",\"GroupId\":\""
				: "{\"VpcId\":\"vpc-1\",\"GroupId\":\"");
		say_span(o, member(&c, &input, "GroupId").text);
		out_text(o, "\",\"IpPermissionsEgress\":");
		say_span(o, member(&c, &input, "IpPermissions").text);
		out_text(o, "}");
		any = true;
	}
	out_text(o, "]}");
	json_free(c.json);
}

/* The ids of all groups that the names begin. */
static void say_attached(struct out *o, const struct out *document, const char *name)
{
	struct calls c;
	struct json_value input;
	size_t len = strlen(name);
	bool any = false;
	open_calls(&c, document);
	while (next_call(&c, "authorize-security-group-egress", &input)) {
		struct span id = member(&c, &input, "GroupId").text;
		bool is = span_begins(id, name) && (id.len == len || id.ptr[len] == '-');
		if (!is)
			continue;
		out_text(o, any ? ",{\"GroupId\":\"" : "{\"GroupId\":\"");
		say_span(o, id);
		out_text(o, "\"}");
		any = true;
	}
	if (!any) /* a group without a rule */
		out_text(o, "{\"GroupId\":\"none\"}");
	json_free(c.json);
}

static void say_acl(struct out *o, const struct out *document, const char *zone)
{
	struct calls c;
	struct json_value input;
	struct out id = {0};
	bool any = false;
	out_printf(&id, "ACL:postern-%s", zone);
	open_calls(&c, document);
	out_printf(o,
		"{\"NetworkAclId\":\"acl-%s\",\"VpcId\":\"vpc-1\",\"IsDefault\":false,"
		"\"Associations\":[{\"SubnetId\":\"subnet-%s\"}],\"Entries\":[",
		zone, zone);
	while (next_call(&c, "create-network-acl-entry", &input)) {
		if (!span_is(member(&c, &input, "NetworkAclId").text, out_string(&id)))
			continue;
		out_text(o, any ? "," : "");
		say_span(o, input.text);
		any = true;
	}
	out_text(o, "]}");
	json_free(c.json);
	out_fini(&id);
}

/* ---- a VPC ---- */

static const struct place *place_of(const struct places *p, const struct addr *src, size_t *number)
{
	struct wide w = wide_of_addr(src);
	for (size_t i = 0; i < p->count; i++) {
		*number = 1;
		for (size_t k = 0; k < i; k++)
			*number += p->place[k].zone == p->place[i].zone &&
			           p->place[k].v4 == p->place[i].v4;
		for (size_t s = 0; s < p->place[i].srcs; s++) {
			const struct range *r = &p->place[i].src[s];
			struct region_box all = region_box_all(), dot = all;
			all.axis[REGION_SRC] = *r;
			dot.axis[REGION_SRC] = (struct range){w, w};
			if (region_box_overlaps(&all, &dot))
				return &p->place[i];
		}
	}
	return NULL;
}

static void say_interface(struct out *o, const struct out *groups, const struct places *p,
	const char *address, bool any)
{
	struct addr src = addr_from(address);
	size_t number = 0;
	const struct place *place = place_of(p, &src, &number);
	assert_non_null(place);
	struct out name = {0};
	out_printf(o,
		"%s{\"NetworkInterfaceId\":\"eni-%s\",\"SubnetId\":\"subnet-%s\",\"VpcId\":"
		"\"vpc-1\",\"InterfaceType\":\"interface\",",
		any ? "," : "", address, place->zone->name);
	if (place->v4)
		out_printf(o,
			"\"PrivateIpAddress\":\"%s\",\"Association\":{\"PublicIp\":"
			"\"198.51.100.5\"},",
			address);
	else
		out_printf(o,
			"\"PrivateIpAddress\":\"10.0.0.9\",\"Ipv6Addresses\":[{\"Ipv6Address\":"
			"\"%s\"}],",
			address);
	out_text(o, "\"Groups\":[");
	out_printf(&name, "GROUP:postern-%s-%s-%zu", place->zone->name, place->v4 ? "ipv4" : "ipv6",
		number);
	if (groups != NULL)
		say_attached(o, groups, out_string(&name));
	else
		out_text(o, "{\"GroupId\":\"open\"}");
	out_text(o, "]}");
	out_fini(&name);
}

static void read_text(struct vpc *v, const char *text)
{
	struct fail why = {0};
	if (vpc_read(v, "test", span_of(text), &why) < 0)
		fail_msg("%s: %s", text, why.text);
}

/* groups or acls: the document that was written; the other NULL. */
static struct vpc *vpc_with(
	const struct out *groups, const struct out *acls, const struct places *places)
{
	struct vpc *v = NULL;
	struct out o = {0};
	assert_int_equal(vpc_new(&v, ROOM), 0);
	read_text(v, base);
	out_text(&o, "{\"NetworkInterfaces\":[");
	for (size_t i = 0; i < ARRAY_LEN(from4); i++)
		say_interface(&o, groups, places, from4[i], i > 0);
	for (size_t i = 0; i < ARRAY_LEN(from6); i++)
		say_interface(&o, groups, places, from6[i], true);
	out_text(&o, "]}");
	read_text(v, out_string(&o));
	read_text(v, "{\"SecurityGroups\":[{\"GroupId\":\"none\",\"VpcId\":\"vpc-1\","
		     "\"IpPermissionsEgress\":[]},{\"GroupId\":\"open\",\"VpcId\":\"vpc-1\","
		     "\"IpPermissionsEgress\":[" ALL_OUT "]}]}");
	out_clear(&o);
	if (groups != NULL) {
		say_groups(&o, groups);
		read_text(v, out_string(&o));
		out_clear(&o);
	}
	out_text(&o, "{\"NetworkAcls\":[");
	if (acls != NULL) {
		say_acl(&o, acls, "office");
		out_text(&o, ",");
		say_acl(&o, acls, "lab");
	} else {
		out_text(&o, "{\"NetworkAclId\":\"acl-1\",\"VpcId\":\"vpc-1\",\"IsDefault\":true,"
			     "\"Entries\":[" OPEN_ACL "]}");
	}
	out_text(&o, "]}");
	read_text(v, out_string(&o));
	out_fini(&o);
	return v;
}

/* ---- asking ---- */

struct reading {
	const struct policy *policy;
	const struct vpc *vpc;
	const char *text, *document;
	const struct places *places;
	bool wider, acl;
	size_t open, shut, compared;
};

/* A rule of some of a zone's hosts holds for all or for none in its ACL. */
static bool is_of_some(const struct reading *r, const struct addr *src)
{
	size_t number;
	const struct place *place = place_of(r->places, src, &number);
	for (size_t i = 0; i < r->policy->rules; i++)
		if (place->rule[i] == SPEAKS_SOME)
			return true;
	return false;
}

static void compare(void *context, const struct policy_flow *flow)
{
	struct reading *r = context;
	struct policy_flow seen = *flow;
	struct vpc_answer got;
	struct out words = {0};
	seen.name = seen.as = NULL;
	struct policy_answer want = policy_ask(r->policy, &seen);
	bool icmp = flow->proto == 1 || flow->proto == 58;
	const struct vpc_flow asked = {.src = flow->src,
		.dst = flow->dst,
		.proto = flow->proto,
		.port = icmp ? 0 : flow->port,
		.type = icmp ? flow->port : -1,
		.code = icmp ? 0 : -1};
	vpc_ask(r->vpc, &asked, &got);
	bool open =
		want.verdict == POLICY_ALLOWED || (r->wider && want.verdict == POLICY_UNDECIDED);
	bool some = r->acl && is_of_some(r, &flow->src);
	r->open += open && !some;
	r->shut += !open && !some;
	/* where it can't tell hosts apart, it may be shut only; wider, open only */
	if ((got.verdict == VPC_OPEN) == open || (some && (got.verdict == VPC_OPEN) == r->wider))
		return;
	say_flow(&words, flow);
	/* cmocka cuts what is long */
	(void)fprintf(stderr, "%s\n%s\n", r->text, r->document);
	fail_msg("%s: the policy says %s, what was written %s (%s: %s)", out_string(&words),
		policy_verdict_name(want.verdict), vpc_verdict_name(got.verdict), got.decides->name,
		got.decides->reason);
}

/* Whether it fits the quotas. */
static bool check(struct reading *r, enum cloud_target target, unsigned quota)
{
	struct out document = {0}, losses = {0};
	struct fail why = {0};
	struct places places = {0};
	const struct cloud_ask ask = {
		.policy = r->policy, .target = target, .wider = r->wider, .quota = quota};
	const struct cloud_call call = {.ask = &ask};
	int err = cloud_compile(&ask, &document, &losses, &why);
	if (err < 0) {
		assert_true(err == -EDQUOT || err == -E2BIG);
		assert_int_equal(document.len, 0);
	} else {
		r->acl = target == CLOUD_NACL;
		assert_int_equal(places_of(&call, !r->acl, &places), 0);
		struct vpc *v =
			vpc_with(r->acl ? NULL : &document, r->acl ? &document : NULL, &places);
		if (*vpc_warnings(v) != '\0')
			fail_msg("%s", vpc_warnings(v));
		r->vpc = v;
		r->document = out_string(&document);
		r->places = &places;
		each_flow(compare, r);
		r->compared++;
		vpc_free(v);
		places_fini(&places);
	}
	out_fini(&document);
	out_fini(&losses);
	return err == 0;
}

static void check_all(enum cloud_target target, unsigned quota, struct reading *r)
{
	struct out text = {0};
	for (unsigned i = 0; i < POLICIES; i++) {
		seed = i;
		make_policy(&text);
		struct policy *p = parsed(out_string(&text));
		r->policy = p;
		r->text = out_string(&text);
		r->wider = i % 2 == 1;
		(void)check(r, target, quota);
		policy_free(p);
	}
	out_fini(&text);
}

static void groups_let_out_what_the_policy_allows(void **state)
{
	struct reading r = {0};
	(void)state;
	check_all(CLOUD_SG, 0, &r);
	if (r.open < 1000 || r.shut < 1000 || r.compared < POLICIES / 2)
		fail_msg("%zu open, %zu shut, %zu policies", r.open, r.shut, r.compared);
}

static void acls_let_out_what_the_policy_allows(void **state)
{
	struct reading r = {0};
	(void)state;
	check_all(CLOUD_NACL, CLOUD_NACL_MAX, &r);
	if (r.open < 1000 || r.shut < 1000 || r.compared < POLICIES / 2)
		fail_msg("%zu open, %zu shut, %zu policies", r.open, r.shut, r.compared);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_let_out_what_the_policy_allows),
		cmocka_unit_test(acls_let_out_what_the_policy_allows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
