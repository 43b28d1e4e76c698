/* HTTPS to public resolvers where it does not pass to just anybody: what is left is DNS over it. */
#include "audit/audit.h"

#define PROTO_TCP 6

static const char *const resolvers[] = {"1.1.1.1", "8.8.8.8", "9.9.9.9", "2606:4700:4700::1111",
	"2001:4860:4860::8888", "2620:fe::fe"};
static const char *const others[] = {AUDIT_STRANGER_V4, AUDIT_STRANGER_V6};

static void ask(const struct boundary *b, struct boundary_flow *flow, const char *server,
	struct boundary_answer *ret)
{
	flow->flow.proto = PROTO_TCP;
	flow->flow.port = 443;
	CHECK(addr_parse(server, &flow->flow.dst) == 0);
	boundary_ask(b, flow, ret);
}

static void one_path(
	struct audit *a, const struct boundary *b, struct boundary_flow *flow, const char *place)
{
	bool shut_to[2];
	for (size_t v6 = 0; v6 < 2; v6++) {
		struct boundary_answer other;
		ask(b, flow, others[v6], &other);
		shut_to[v6] = other.kind == BOUNDARY_DENIED;
	}
	for (size_t i = 0; i < ARRAY_LEN(resolvers); i++) {
		bool v6 = i >= ARRAY_LEN(resolvers) / 2;
		struct boundary_answer answer;
		struct out words = {0}, passes = {0}, shut = {0}, rule = {0}, key = {0};
		if (!shut_to[v6])
			continue;
		ask(b, flow, resolvers[i], &answer);
		if (answer.kind != BOUNDARY_ALLOWED)
			continue;
		out_printf(&passes, v6 ? "tcp:any>[%s]:443" : "tcp:any>%s:443", resolvers[i]);
		out_printf(&shut, v6 ? "tcp:any>[%s]:443" : "tcp:any>%s:443", others[v6]);
		out_printf(&words, "HTTPS passes to %s, a public resolver, and not to anybody",
			resolvers[i]);
		out_printf(&key, "%s %s", place, resolvers[i]);
		boundary_say_rule(&rule, b, &answer);
		audit_add(a,
			&(struct audit_finding){.kind = AUDIT_DOH,
				.place = place,
				.rule = rule.len == 0 ? NULL : out_string(&rule),
				.words = out_string(&words),
				.passes = out_string(&passes),
				.shut = out_string(&shut)},
			out_string(&key));
		out_fini(&words);
		out_fini(&passes);
		out_fini(&shut);
		out_fini(&rule);
		out_fini(&key);
	}
}

void audit_doh(struct audit *a, const struct boundary *b, const char *iif, const char *oif)
{
	struct boundary_flow flow = {.path = BOUNDARY_PATH_OUTPUT, .iif = iif, .oif = oif};
	if (boundary_has_hook(b, BOUNDARY_OUTPUT))
		one_path(a, b, &flow, "output");
	flow.path = BOUNDARY_PATH_FORWARD;
	if (boundary_has_hook(b, BOUNDARY_FORWARD))
		one_path(a, b, &flow, "forward");
}
