/* Flows as people write them: tcp:192.0.2.10:40000>[2001:db8::7]:443 */
#include <errno.h>
#include <string.h>

#include "base/scan.h"
#include "policy/policy.h"

#define HOW                                                                                 \
	"write tcp:SRC:PORT>DST:PORT, udp:SRC:PORT>DST:PORT or icmp:SRC>DST:TYPE, IPv6 in " \
	"brackets"

static const struct {
	const char *name;
	uint8_t proto;
	bool ports;
} protocols[] = {
	{"tcp", 6, true},
	{"udp", 17, true},
	{"icmp", 1, false},
};

/* ADDR or [ADDR]; an IPv6 address has to be in brackets. */
static int take_addr(struct span *rest, struct addr *ret)
{
	struct span text;
	bool bracket = span_begins(*rest, "[");
	if (bracket) {
		*rest = (struct span){rest->ptr + 1, rest->len - 1};
		size_t end = span_find(*rest, "]");
		if (end == rest->len)
			return -EINVAL;
		text = (struct span){rest->ptr, end};
		*rest = (struct span){rest->ptr + end + 1, rest->len - end - 1};
	} else {
		size_t end = span_find(*rest, ":");
		text = (struct span){rest->ptr, end};
		*rest = (struct span){rest->ptr + end, rest->len - end};
	}
	if (span_has(text, '%') || span_has(text, ':') != bracket)
		return -EINVAL;
	return scan_addr(text, ret);
}

/* ":NUMBER" to the end. */
static int take_number(struct span rest, uint64_t max, uint16_t *ret)
{
	uint64_t number = 0;
	if (!span_begins(rest, ":"))
		return -EINVAL;
	int err = scan_max((struct span){rest.ptr + 1, rest.len - 1}, max, &number);
	if (err == 0)
		*ret = (uint16_t)number;
	return err;
}

static int take_ends(struct span src, struct span dst, bool ports, struct policy_flow *flow)
{
	if (take_addr(&src, &flow->src) < 0 || take_addr(&dst, &flow->dst) < 0)
		return -EINVAL;
	if (ports ? take_number(src, UINT16_MAX, &flow->src_port) < 0 : src.len > 0)
		return -EINVAL;
	if (!ports && dst.len == 0)
		return 0; /* echo: type 0 stands for what is not said */
	return take_number(dst, ports ? UINT16_MAX : UINT8_MAX, &flow->port);
}

int policy_flow_parse(struct span text, struct policy_flow *ret, struct fail *why)
{
	struct policy_flow flow = {0};
	struct span rest = text, proto = {0}, src = {0};
	bool known = false, ports = false;
	bool ok = span_next(&rest, ':', &proto) && span_next(&rest, '>', &src);
	for (size_t i = 0; ok && i < ARRAY_LEN(protocols); i++) {
		if (!span_is(proto, protocols[i].name))
			continue;
		known = true;
		ports = protocols[i].ports;
		flow.proto = protocols[i].proto;
	}
	if (!known || take_ends(src, rest, ports, &flow) < 0)
		return fail_set(why, -EINVAL, HOW);
	if (addr_is_v4(&flow.src) != addr_is_v4(&flow.dst))
		return fail_set(why, -EINVAL, "its ends are of different families; " HOW);
	if (!ports && !addr_is_v4(&flow.src))
		flow.proto = 58;
	*ret = flow;
	return 0;
}
