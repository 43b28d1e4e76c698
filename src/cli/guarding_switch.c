/* A host leaves a channel for one that nobody has named: answered at its first packet. */
#include <netinet/in.h>

#include "base/clock.h"
#include "cli/guarding_private.h"
#include "report/indicator.h"

/* A contact that goes on for so long is use of its channel. */
#define LASTING_NS (60 * NS_PER_S)
/* Types of questions that carry data both ways; addresses are asked for by everybody (RFC 1035;
 * 65399 is iodine's). */
static const uint16_t data_types[] = {5, 10, 15, 16, 65399};

static bool may_be_stranger(const struct guarding *g, const struct conn *c)
{
	const struct addr *peer = &c->server;
	return c->transport != TRANSPORT_OTHER && !addr_is_none(peer) && !addr_is_private(peer) &&
	       !addr_is_group(peer) && !guarding_is_local(g, peer) && !addr_is_resolver(peer) &&
	       !guarding_is_resolver(g, peer);
}

/* By what DNS told of the address, which is known before the first packet and after it alike. */
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

static bool is_contained(const struct guarding *g, const struct addr *host)
{
	const struct guard_change like = {.contain = true, .host = *host};
	return guard_changes_find(g->state.change, g->state.count, &like) != NULL;
}

static void act(struct guarding *g, struct guard_switch *sw, const struct switch_sign *sign)
{
	struct guard_plan plan;
	struct out words = {0};
	say_why(&words, sign);
	sw->words = out_string(&words);
	guard_decide_switch(sw, guarding_rules(g), &g->state, clock_day_ns(), &plan);
	guarding_carry_out(g, &plan, "a switch", &sw->host);
	out_fini(&words);
}

bool switching_begun(struct guarding *g, const struct conn *c, struct switch_sign *ret)
{
	struct stranger one;
	if (!guarding_is_local(g, &c->client))
		return false;
	strangers_watch(g->strangers, &c->client, c->start_ns);
	return !c->joined && stranger_of(g, c, &one) &&
	       strangers_begin(g->strangers, &one, c->start_ns, g->options.strangers, ret);
}

void guarding_begun(void *context, const struct conn *c)
{
	struct guarding *g = context;
	struct switch_sign sign;
	if (!switching_begun(g, c, &sign) || is_contained(g, &c->client))
		return;
	act(g,
		&(struct guard_switch){.host = c->client,
			.peer = c->server,
			.proto = c->ip_proto,
			.port = c->transport == TRANSPORT_ICMP ? 0 : c->server_port,
			.named = domain_of(g, c) != NULL},
		&sign);
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
	if (c->bytes_in > 0 && c->outcome != OUTCOME_HTTP_ERROR)
		strangers_answer(
			g->strangers, &one, c->start_ns, c->end_ns - c->start_ns >= LASTING_NS);
	if (outcome_is_failure(c->outcome))
		strangers_fail(g->strangers, &one, c->fail_ns);
}

static bool carries_data(uint16_t qtype)
{
	for (size_t i = 0; i < sizeof data_types / sizeof *data_types; i++)
		if (data_types[i] == qtype)
			return true;
	return false;
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
		act(g,
			&(struct guard_switch){
				.host = l->client, .name = domain, .port = 53, .named = true},
			&sign);
	strangers_answer(g->strangers, &one, l->query_ns, false);
}

void switching_deny(struct guarding *g, const struct conn *c)
{
	struct stranger one;
	if (g->strangers != NULL && stranger_of(g, c, &one))
		strangers_stop(g->strangers, &one, c->start_ns);
}
