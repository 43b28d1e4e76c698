#include "policy/surface.h"
#include "policy/testing.h"

static void expect(const struct surface_count *count, const char *text)
{
	char buf[SURFACE_COUNT_BYTES];
	assert_string_equal(surface_count_text(count, buf), text);
}

static void take(const struct policy *p, size_t zone, struct surface *ret)
{
	struct policy_space *space = NULL;
	*ret = (struct surface){0};
	assert_int_equal(policy_space_new(&space, p), 0);
	assert_int_equal(surface_of(p, space, &p->zone[zone], 0, ret), 0);
	policy_space_free(space);
}

/* Two ports to 16 addresses, by name to all others; all of one address that must not be blocked.
 * 131,581 services: ports of TCP and UDP, 256 types of ICMP, 253 other protocols. Outside the zones
 * are 2^32 - 256 and 2^128 - 2^32 - 2^80 addresses. */
static void all_pairs_are_counted(void **state)
{
	(void)state;
	struct surface s;
	struct policy *p = parsed(SMALL RULE("a", "allow", "office", "vendor", "web"));
	take(p, 0, &s);
	expect(&s.part[SURFACE_V4].open, "131613");
	expect(&s.part[SURFACE_V4].some, "8589934046");
	expect(&s.part[SURFACE_V4].shut, "565127468024581");
	expect(&s.part[SURFACE_V6].open, "0");
	expect(&s.part[SURFACE_V6].some, "680564733841874509075109985596597075968");
	expect(&s.part[SURFACE_V6].shut, "44774013557090003014796948397407323329396736");
	surface_fini(&s);
	take(p, 1, &s); /* whose default is to allow */
	expect(&s.part[SURFACE_V4].open, "565136058090240");
	expect(&s.part[SURFACE_V4].shut, "0");
	expect(&s.part[SURFACE_V6].open, "44774694121823844889306023507392919926472704");
	surface_fini(&s);
	policy_free(p);
}

/* Three zones' worth of addresses and ports, each asked about alone. */
static void as_flow_by_flow(void **state)
{
	(void)state;
	static const char *const rules[] = {RULE("a", "allow", "office", "198.51.100.0/30", "web"),
		RULE("b", "deny", "office", "198.51.100.0/31", "web")
			RULE("c", "allow", "office", "198.51.100.0/29", "any"),
		RULE("d", "allow", "192.0.2.1/32", "198.51.100.4/31", "ping"),
		RULE("e", "allow", "office", "198.51.100.0/29", "https")};
	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		struct out text = {0};
		struct surface s;
		out_printf(&text, "%s%s", SMALL, rules[i]);
		struct policy *p = parsed(out_string(&text));
		take(p, 0, &s);
		uint64_t open = s.part[SURFACE_V4].open.word[0], some = 0;
		for (unsigned host = 0; host < 8; host++)
			for (unsigned port = 0; port < 65536; port++) {
				struct policy_flow flow = {
					.proto = 6, .port = (uint16_t)port, .name = "x"};
				char dst[32];
				unsigned yes = 0;
				(void)snprintf(dst, sizeof dst, "198.51.100.%u", host);
				assert_int_equal(addr_parse(dst, &flow.dst), 0);
				for (unsigned k = 0; k < 4; k++) {
					flow.as = k % 2 == 0 ? "tls" : "x";
					assert_int_equal(
						addr_parse(k < 2 ? "192.0.2.1" : "192.0.2.2",
							&flow.src),
						0);
					yes += policy_ask(p, &flow).verdict == POLICY_ALLOWED;
				}
				open -= yes == 4;
				some += yes > 0 && yes < 4;
			}
		/* what is left is open in other protocols, and the address never blocked */
		uint64_t others = UINT64_C(8) * (65536 + 256 + 253);
		assert_int_equal(open, 131581 + (i == 1 ? others : 0));
		/* of the one rule for ICMP, two addresses */
		assert_int_equal(s.part[SURFACE_V4].some.word[0], some + (i == 2 ? 2 : 0));
		surface_fini(&s);
		policy_free(p);
		out_fini(&text);
	}
}

static void a_box_is_said(void **state)
{
	(void)state;
	struct region_box box = region_box_all();
	struct out o = {0};
	surface_say_box(&o, &box, SURFACE_V4);
	struct cidr net;
	assert_int_equal(cidr_parse("198.51.100.0/28", &net), 0);
	box.axis[REGION_DST] = policy_range_of(&net);
	box.axis[REGION_PROTO] = (struct range){{0, 6}, {0, 6}};
	box.axis[REGION_PORT] = (struct range){{0, 8000}, {0, 8010}};
	out_text(&o, "; ");
	surface_say_box(&o, &box, SURFACE_V4);
	box.axis[REGION_DST].last.low--;
	box.axis[REGION_PROTO] = (struct range){{0, 18}, {0, 255}};
	box.axis[REGION_PORT] = region_box_all().axis[REGION_PORT];
	out_text(&o, "; ");
	surface_say_box(&o, &box, SURFACE_V4);
	box.axis[REGION_DST] = (struct range){{0, 0}, {UINT64_MAX, UINT64_MAX - 1}};
	out_text(&o, "; ");
	surface_say_box(&o, &box, SURFACE_V6);
	out_text(&o, "; ");
	surface_say_box(&o, &box, SURFACE_V4);
	assert_string_equal(out_string(&o),
		"anything any protocol; 198.51.100.0/28 tcp 8000-8010; "
		"198.51.100.0-198.51.100.14 protocols 18-255; "
		"::-::fffe:ffff:ffff and ::1:0:0:0-ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe "
		"protocols 18-255; 0.0.0.0/0 protocols 18-255");
	out_fini(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_pairs_are_counted),
		cmocka_unit_test(as_flow_by_flow),
		cmocka_unit_test(a_box_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
