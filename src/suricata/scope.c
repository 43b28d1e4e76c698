/* What a rule's action is done to: the first that fits of Suricata's guide, "Rule Types". */
#include <string.h>

#include "suricata/read.h"

static bool has_negated(const struct suricata_item *list, unsigned depth)
{
	for (; list != NULL; list = list->next)
		if (list->negated ||
			(depth < SURICATA_DEPTH_MAX && has_negated(list->child, depth + 1)))
			return true;
	return false;
}

struct traits {
	bool sticky, payload, app, packet, state, flow;
};

static void look_at(const struct suricata_test *t, bool app, struct traits *ret)
{
	switch (t->kind) {
	case TEST_CONTENT:
	case TEST_PCRE:
		ret->payload = true;
		break;
	case TEST_APP:
	case TEST_HELLO:
		ret->app = true;
		break;
	case TEST_FLOW:
		ret->flow = true;
		ret->state =
			ret->state || (t->flow & (FLOW_ESTABLISHED | FLOW_NOT_ESTABLISHED)) != 0;
		break;
	case TEST_BITS:
		ret->state = ret->state || t->bits >= BITS_ISSET;
		break;
	case TEST_DSIZE:
	case TEST_FLAGS:
	case TEST_ICMP_TYPE:
	case TEST_ICMP_CODE:
		ret->packet = true;
		break;
	case TEST_UNKNOWN:
		ret->app = ret->app || app;
		ret->packet = ret->packet || (!app && strcmp(t->name, "geoip") != 0);
		break;
	case TEST_MORE:
	case TEST_BSIZE:
	case TEST_IP_PROTO:
		break;
	}
	ret->sticky = ret->sticky || (t->kind <= TEST_BSIZE && t->buffer > BUFFER_UNKNOWN);
}

enum suricata_scope_kind scope_of(const struct suricata_rule *rule)
{
	struct traits is = {0};
	for (const struct suricata_test *t = rule->test; t != NULL; t = t->next)
		look_at(t, rule->app != NULL, &is);
	if (is.sticky || (is.app && rule->app != NULL))
		return SCOPE_FLOW;
	if (is.payload)
		return strcmp(rule->proto, "tcp-pkt") == 0 || is.packet ? SCOPE_PACKET : SCOPE_FLOW;
	if (is.packet || is.state)
		return SCOPE_PACKET;
	if (rule->app != NULL || is.app)
		return SCOPE_FLOW;
	if (is.flow)
		return SCOPE_PACKET;
	return has_negated(rule->src, 0) || has_negated(rule->dst, 0) ? SCOPE_FLOW : SCOPE_ONCE;
}
