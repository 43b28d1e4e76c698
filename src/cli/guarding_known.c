/* What lists know to be bad, at a guard that blocks it at once. */
#include <netinet/in.h>

#include "base/clock.h"
#include "cli/guarding_private.h"
#include "report/indicator.h"

struct knowing {
	struct guarding *g;
	struct guard_known known; /* but for peer and proto */
};

/* What is ours, or half the world's, is bad by a mistake of the list's. */
static bool may_be_bad(const struct guarding *g, const struct addr *peer)
{
	return !addr_is_none(peer) && !addr_is_private(peer) && !addr_is_group(peer) &&
	       !guarding_is_local(g, peer) && !addr_is_resolver(peer);
}

static void block(struct knowing *k, const struct addr *peer, uint8_t proto)
{
	struct guarding *g = k->g;
	struct guard_plan plan;
	k->known.peer = *peer;
	k->known.proto = proto;
	guard_decide_known(&k->known, guarding_rules(g), &g->state, clock_day_ns(), &plan);
	guarding_carry_out(g, &plan, "known bad", &k->known.host);
}

static void block_all(struct knowing *k, const struct addr *peer)
{
	if (!may_be_bad(k->g, peer))
		return;
	block(k, peer, IPPROTO_TCP);
	block(k, peer, IPPROTO_UDP);
}

/* An answer that names a bad address, or the addresses of a bad name. */
static void block_answers(struct knowing *k, const struct intel *set, const struct intel_match *m,
	const struct lookup *l)
{
	for (size_t i = 0; i < l->answers; i++) {
		uint32_t item[INTEL_MATCHES_MAX];
		const struct addr *a = &l->answer[i].addr;
		bool is_it = m->field != INTEL_ANSWER;
		size_t count = is_it || addr_is_none(a)
		                       ? 0
		                       : intel_find_addr(set, a, item, INTEL_MATCHES_MAX);
		for (size_t n = 0; n < count; n++)
			is_it |= item[n] == m->item;
		if (is_it)
			block_all(k, a);
	}
}

static void block_server(struct knowing *k, const struct conn *c)
{
	block_all(k, &c->server);
	if (c->transport == TRANSPORT_ICMP && may_be_bad(k->g, &c->server))
		block(k, &c->server, c->ip_proto);
}

void guarding_known(void *context, const struct intel *set, const struct intel_match *match,
	const struct event *event)
{
	struct guarding *g = context;
	struct intel_item item = intel_item(set, match->item);
	bool is_name = item.kind == INTEL_NAME, is_conn = event->kind == EVENT_CONN;
	/* a URL's server is others' as well, and who calls from outside is not gone to */
	if (!g->options.block_known || match->field == INTEL_CLIENT ||
		!(is_name || item.kind == INTEL_ADDRESS || item.kind == INTEL_NETWORK))
		return;
	struct knowing k = {.g = g,
		.known = {.host = is_conn ? event->conn.client : event->lookup.client,
			.port = item.port,
			.named = is_name,
			.until_ns = item.until_ns}};
	struct out words = {0}, thing = {0};
	intel_say_item(&words, set, match->item);
	intel_say(&thing, set, match->item);
	k.known.words = out_string(&words);
	k.known.thing = out_string(&thing);
	if (guarding_is_local(g, &k.known.host) && !words.failed && !thing.failed) {
		if (is_conn)
			block_server(&k, &event->conn);
		else
			block_answers(&k, set, match, &event->lookup);
	}
	out_fini(&words);
	out_fini(&thing);
}
