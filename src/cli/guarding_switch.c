/* A host leaves a channel for one that nobody has named: answered at its first packet. */
#include <netinet/in.h>

#include "base/clock.h"
#include "cli/guarding_private.h"
#include "report/indicator.h"

/* A contact that goes on for so long is use of its channel. */
#define LASTING_NS (60 * NS_PER_S)

static bool may_be_stranger(const struct guarding *g, const struct conn *c)
{
	const struct addr *peer = &c->server;
	return c->transport != TRANSPORT_OTHER && !addr_is_none(peer) && !addr_is_private(peer) &&
	       !addr_is_group(peer) && !guarding_is_local(g, peer) && !addr_is_resolver(peer) &&
	       !guarding_is_resolver(g, peer);
}

/* Not by the handshake's own words, which the first packet does not have. */
static const char *domain_of(const struct guarding *g, const struct conn *c)
{
	uint32_t number = hosts_name_of(g->engine->hosts, &c->server);
	return number == 0 ? NULL : strings_get(g->engine->strings, number);
}

static bool stranger_of(const struct guarding *g, const struct conn *c, struct stranger *ret)
{
	if (!may_be_stranger(g, c))
		return false;
	const char *domain = domain_of(g, c);
	if ((domain != NULL && !domain_is_rare(domain_class(domain, NULL))) ||
		guarding_expects(g, c))
		return false;
	*ret = (struct stranger){.host = c->client,
		.peer = c->server,
		.domain = domain == NULL ? 0 : strangers_domain(domain),
		.proto = c->ip_proto,
		.port = c->transport == TRANSPORT_ICMP ? 0 : c->server_port};
	return true;
}

/* ---- acting ---- */

static void say_why(struct out *o, const struct switch_sign *sign)
{
	static const char *const words[] = {[SWITCH_NONE] = "",
		[SWITCH_FAILED] = "it failed",
		[SWITCH_SILENT] = "it has not answered since",
		[SWITCH_STOPPED] = "a packet to it was dropped",
		[SWITCH_MANY] = "it was used"};
	char peer[ADDR_TEXT_BYTES];
	if (sign->cause == SWITCH_MANY)
		out_printf(o, "%u channels that nobody has named are in use; the latest, ",
			sign->used);
	else
		out_text(o, "new, and after ");
	out_printf(o, "%s port %u protocol %u: %s ", addr_text(&sign->left.peer, peer),
		sign->left.port, sign->left.proto, words[sign->cause]);
	out_duration(o, sign->lag_ns);
	out_text(o, " before");
	if (sign->cause != SWITCH_MANY)
		out_printf(
			o, "; something new begins by chance in %.2g of such times", sign->chance);
}

/* What an address is called is known by DNS. name: of one that has no address. */
static struct guard_end end_of(
	const struct guarding *g, const struct stranger *one, const char *name)
{
	uint32_t number =
		addr_is_none(&one->peer) ? 0 : hosts_name_of(g->engine->hosts, &one->peer);
	if (number != 0)
		name = strings_get(g->engine->strings, number);
	return (struct guard_end){
		.peer = one->peer, .name = name, .proto = one->proto, .port = one->port};
}

/* Of one that never answers nothing can be asked. The oldest that waits gives way. */
static void wait_for_answer(struct guarding *g, const struct stranger *one, int64_t at_ns,
	const struct guard_switch *sw, const struct stranger *left)
{
	struct switch_waiting *w = &g->waiting[g->next_waiting];
	g->next_waiting = (g->next_waiting + 1) % SWITCHES_WAITING;
	*w = (struct switch_waiting){.to = *one, .left = *left, .at_ns = at_ns};
	(void)snprintf(w->words, sizeof w->words, "%s", sw->words);
	if (sw->to.name != NULL)
		(void)snprintf(w->name, sizeof w->name, "%s", sw->to.name);
}

static void answered(struct guarding *g, const struct stranger *one, int64_t at_ns)
{
	for (size_t i = 0; g->probing != NULL && i < SWITCHES_WAITING; i++) {
		struct switch_waiting *w = &g->waiting[i];
		if (w->at_ns == 0 || !stranger_same(&w->to, one) ||
			at_ns > w->at_ns + SWITCH_LAG_NS)
			continue;
		probing_switch(g, &(struct guard_switch){.host = one->host,
					  .left = end_of(g, &w->left, NULL),
					  .to = end_of(g, one, w->name[0] == '\0' ? NULL : w->name),
					  .words = w->words});
		w->at_ns = 0;
	}
}

/* Where experiments decide, a switch is what to ask about; but one that runs brings new channels by
 * itself, and those are not one too many. */
static void act(struct guarding *g, const struct stranger *one, const char *name, int64_t at_ns,
	const struct switch_sign *sign)
{
	struct guard_plan plan;
	struct out words = {0};
	struct guard_switch sw = {.host = one->host,
		.left = end_of(g, &sign->left, NULL),
		.to = end_of(g, one, name),
		.many = sign->cause == SWITCH_MANY};
	if (sw.many && probing_runs(g, &one->host))
		return;
	say_why(&words, sign);
	sw.words = out_string(&words);
	if (g->probing != NULL && !sw.many) {
		wait_for_answer(g, one, at_ns, &sw, &sign->left);
	} else {
		guard_decide_switch(&sw, guarding_rules(g), &g->state, clock_day_ns(), &plan);
		guarding_carry_out(g, &plan, "a switch", &sw.host);
	}
	out_fini(&words);
}

bool switching_begun(
	struct guarding *g, const struct conn *c, struct stranger *ret_new, struct switch_sign *ret)
{
	if (!guarding_is_local(g, &c->client))
		return false;
	strangers_watch(g->strangers, &c->client, c->start_ns);
	return !c->joined && stranger_of(g, c, ret_new) &&
	       strangers_begin(g->strangers, ret_new, c->start_ns, g->options.strangers, ret);
}

void guarding_begun(void *context, const struct conn *c)
{
	struct guarding *g = context;
	struct stranger one;
	struct switch_sign sign;
	if (!switching_begun(g, c, &one, &sign) || guard_state_contains(&g->state, &c->client))
		return;
	act(g, &one, NULL, c->start_ns, &sign);
}

void guarding_refused(void *context, const struct conn *c)
{
	struct guarding *g = context;
	struct stranger one;
	if (guarding_is_local(g, &c->client) && stranger_of(g, c, &one))
		strangers_fail(g->strangers, &one, c->end_ns);
}

/* ---- what was told ---- */

void switching_conn(struct guarding *g, const struct conn *c)
{
	struct stranger one;
	if (g->strangers == NULL)
		return;
	strangers_watch(g->strangers, &c->client, c->start_ns);
	if (!c->settled || !stranger_of(g, c, &one))
		return;
	if (c->bytes_in > 0 && c->outcome != OUTCOME_HTTP_ERROR) {
		strangers_answer(
			g->strangers, &one, c->start_ns, c->end_ns - c->start_ns >= LASTING_NS);
		answered(g, &one, c->start_ns);
	}
	if (outcome_is_failure(c->outcome))
		strangers_fail(g->strangers, &one, c->fail_ns);
}

/* Questions that carry data both ways; addresses are asked for by everybody. */
static bool carries_data(uint16_t qtype)
{
	return (carrier_type_of(qtype) & (CARRIER_ADDRESS | CARRIER_OTHER)) == 0;
}

void switching_lookup(struct guarding *g, const struct lookup *l, bool before)
{
	const char *domain = l->name == NULL ? NULL : registered_domain(l->name);
	struct switch_sign sign;
	if (g->strangers == NULL || domain == NULL)
		return;
	struct stranger one = {.host = l->client, .domain = strangers_domain(domain), .port = 53};
	if (l->outcome == OUTCOME_NXDOMAIN || l->outcome == OUTCOME_SINKHOLED)
		strangers_fail_domain(g->strangers, &l->client, one.domain, l->fail_ns);
	if (l->outcome != OUTCOME_OK || !carries_data(l->qtype) ||
		!domain_is_rare(domain_class(domain, NULL)) || g->options.rpz == NULL)
		return;
	if (!before &&
		strangers_begin(g->strangers, &one, l->query_ns, g->options.strangers, &sign))
		act(g, &one, domain, l->query_ns, &sign);
	strangers_answer(g->strangers, &one, l->query_ns, false);
	answered(g, &one, l->query_ns);
}

void switching_deny(struct guarding *g, const struct conn *c)
{
	struct stranger one;
	if (g->strangers != NULL && stranger_of(g, c, &one))
		strangers_stop(g->strangers, &one, c->start_ns);
}
