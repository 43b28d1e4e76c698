#include <string.h>

#include "base/digest.h"
#include "base/limits.h"
#include "guard/private.h"

const char *guard_response_name(enum guard_response response)
{
	static const char *const names[] = {"alert", "block", "contain", "probe"};
	return names[response];
}

const char *guard_leave_words(enum guard_leave leave)
{
	static const char *const words[] = {[LEAVE_NONE] = "",
		[LEAVE_EXPLAINED] = "the finding is explained",
		[LEAVE_WEAK] = "the finding is too weak",
		[LEAVE_FAILED] = "nothing answered there, and failures alone block nothing",
		[LEAVE_NEVER] = "never-block",
		[LEAVE_NAMED] = "the policy or the baseline names it",
		[LEAVE_UNDONE] = "an operator has undone it",
		[LEAVE_POPULAR] = "many hosts reach it",
		[LEAVE_UNSEEN] = "which hosts reach it is not known",
		[LEAVE_SUFFIX] = "names of others lie below it, or it is no plain name",
		[LEAVE_FULL] = "as much is blocked as may be at once",
		[LEAVE_RATE] = "as much was changed as may be in a minute",
		[LEAVE_BUSY] = "as many experiments run as may at once, or its host rests from one",
		[LEAVE_LIVELY] =
			"so much is new for the host by itself that blocks can tell nothing",
		[LEAVE_ASKED] = "an experiment was made about it of late"};
	return words[leave];
}

struct deciding {
	const struct finding *finding;
	const struct guard_rules *rules;
	const struct guard_state *state;
	int64_t now_ns;
	uint32_t channels, hosts, changes; /* with those of the plan */
	struct guard_plan *plan;
};

static bool is_never(const struct guard_rules *rules, const struct addr *a)
{
	for (size_t i = 0; i < rules->nevers; i++)
		if (cidr_has(&rules->never[i], a))
			return true;
	return false;
}

static void leave_it(struct deciding *d, const struct guard_left *left)
{
	if (d->plan->lefts < GUARD_PLAN_MAX)
		d->plan->left[d->plan->lefts++] = *left;
}

static void leave(struct deciding *d, const struct addr *peer, uint16_t port, enum guard_leave why)
{
	leave_it(d, &(struct guard_left){.peer = *peer, .port = port, .why = why});
}

static struct guard_change change_of(const struct deciding *d)
{
	struct guard_change c = {.host = d->finding->host,
		.at_ns = d->now_ns,
		.until_ns = d->now_ns + d->rules->expiry_ns,
		.e_value = d->finding->e_value};
	memcpy(c.finding, d->finding->id, sizeof c.finding);
	return c;
}

static const struct guard_change *in_force(
	const struct deciding *d, const struct guard_change *like)
{
	return guard_changes_find(d->state->change, d->state->count, like);
}

/* What was done for a moment does not stand in the way of what is done for good. */
static bool is_there(const struct deciding *d, const struct guard_change *like)
{
	const struct guard_change *c = in_force(d, like);
	bool outranked = c != NULL && c->cause == CAUSE_SWITCH && like->cause != CAUSE_SWITCH;
	return (c != NULL && !outranked) ||
	       guard_changes_find(d->plan->change, d->plan->changes, like) != NULL;
}

/* Whether there is room for one more; it is taken. What stands in the place of another needs none.
 */
static enum guard_leave take_room(struct deciding *d, const struct guard_change *change)
{
	uint32_t *used = change->contain ? &d->hosts : &d->channels;
	uint32_t room = change->contain ? d->rules->hosts : d->rules->channels;
	bool replaces = in_force(d, change) != NULL;
	if ((*used >= room && !replaces) || d->plan->changes == GUARD_PLAN_MAX)
		return LEAVE_FULL;
	if (d->changes >= d->rules->changes)
		return LEAVE_RATE;
	*used += !replaces;
	d->changes++;
	return LEAVE_NONE;
}

enum guard_leave guard_objection(
	const struct guard_rules *rules, const struct addr *host, const struct addr *peer)
{
	unsigned hosts = crowd_hosts(rules->crowd, peer);
	if (is_never(rules, peer) || is_never(rules, host))
		return LEAVE_NEVER;
	if (hosts == 0)
		return LEAVE_UNSEEN;
	return hosts > rules->popular ? LEAVE_POPULAR : LEAVE_NONE;
}

uint8_t guard_proto(enum transport transport, const struct addr *peer)
{
	return transport == TRANSPORT_ICMP && !addr_is_v4(peer) ? 58 : transport_proto(transport);
}

/* In the plan, or left; left->why: what is against it already. */
static bool put(
	struct deciding *d, const struct guard_change *change, const struct guard_left *left)
{
	enum guard_leave why = left->why;
	if (why == LEAVE_NONE && guard_state_holds(d->state, change, d->now_ns))
		why = LEAVE_UNDONE;
	if (why == LEAVE_NONE)
		why = take_room(d, change);
	struct guard_left l = *left;
	l.why = why;
	if (why == LEAVE_NONE)
		d->plan->change[d->plan->changes++] = *change;
	else
		leave_it(d, &l);
	return why == LEAVE_NONE;
}

static enum guard_leave objection(const struct guard_rules *rules, const struct guard_change *c)
{
	if (c->contain)
		return LEAVE_NONE;
	if (c->name[0] != '\0')
		return name_objection(rules, c->name);
	enum guard_leave why = guard_objection(rules, &c->host, &c->peer);
	/* a list knows it, whoever was there; what begins has answered nobody yet */
	if (why == LEAVE_UNSEEN && c->cause != CAUSE_FINDING)
		why = LEAVE_NONE;
	return why == LEAVE_NONE && c->proto == 0 ? LEAVE_UNSEEN : why;
}

static bool add_change(struct deciding *d, const struct guard_change *change)
{
	struct guard_left left = {.peer = addr_is_none(&change->peer) ? change->host : change->peer,
		.port = change->port,
		.why = objection(d->rules, change)};
	memcpy(left.name, change->name, sizeof left.name);
	return put(d, change, &left);
}

bool guard_names(const struct guard_rules *rules, const struct addr *host,
	const struct finding_channel *c, const struct addr *peer)
{
	const struct host_contact contact = {.host = *host,
		.server = *peer,
		.domain = c->name_count > 0 ? registered_domain(c->names[0]) : NULL,
		.transport = c->transport,
		.port = c->transport == TRANSPORT_ICMP ? 0 : c->port};
	return expected_has(&rules->expected, &contact);
}

/* True: it is blocked, or will be. */
static bool consider(struct deciding *d, const struct finding_channel *c, const struct addr *peer)
{
	struct guard_change change = change_of(d);
	change.peer = *peer;
	change.proto = guard_proto(c->transport, peer);
	change.port = c->transport == TRANSPORT_ICMP ? 0 : c->port;
	change.named = c->name_count > 0;
	return is_there(d, &change) || add_change(d, &change);
}

/* Only what the host went over to, and only when it was answered there: resets and silence can be
 * forged, an answer that the host went on with hardly. */
static bool consider_channel(struct deciding *d, const struct finding_channel *c)
{
	bool any = false;
	if (c->role != ROLE_FALLBACK)
		return false;
	for (size_t i = 0; i < c->addr_count; i++) {
		if (c->connections <= c->failures)
			leave(d, &c->addrs[i], c->port, LEAVE_FAILED);
		else if (guard_names(d->rules, &d->finding->host, c, &c->addrs[i]))
			leave(d, &c->addrs[i], c->port, LEAVE_NAMED);
		else
			any |= consider(d, c, &c->addrs[i]);
	}
	return any;
}

/* What was reached by a name that can be blocked where it is asked for: data within the questions,
 * which go to a resolver that has to be reached; generated names, of which the next is not known.
 */
static bool is_of_names(const struct finding *f, const struct finding_channel *c)
{
	bool asked_only = channel_is_tunnel(c) && f->kind == KIND_TUNNEL;
	return c->role == ROLE_FALLBACK && c->name_count > 0 &&
	       (asked_only || f->kind == KIND_DGA || f->kind == KIND_DEADDROP);
}

/* True: it is blocked, or will be. why: what is against it already. */
static bool add_name(
	struct deciding *d, struct guard_change *change, const char *domain, enum guard_leave why)
{
	change->named = true;
	if (guard_name_is_plain(domain))
		(void)snprintf(change->name, sizeof change->name, "%s", domain);
	else
		why = LEAVE_SUFFIX; /* and it is not said */
	if (why == LEAVE_NONE)
		return is_there(d, change) || add_change(d, change);
	struct guard_left left = {.peer = change->host, .why = why};
	memcpy(left.name, change->name, sizeof left.name);
	return put(d, change, &left);
}

static bool consider_name(struct deciding *d, const struct finding_channel *c)
{
	struct guard_change change = change_of(d);
	return d->rules->names && is_of_names(d->finding, c) &&
	       add_name(d, &change, registered_domain(c->names[0]),
		       c->connections <= c->failures ? LEAVE_FAILED : LEAVE_NONE);
}

static void contain(struct deciding *d)
{
	struct guard_change change = change_of(d);
	change.contain = true;
	if (!is_there(d, &change))
		(void)add_change(d, &change);
}

static void count(struct deciding *d)
{
	for (size_t i = 0; i < d->state->count; i++)
		*(d->state->change[i].contain ? &d->hosts : &d->channels) += 1;
	if (d->now_ns - d->state->minute_ns < 60 * NS_PER_S)
		d->changes = d->state->changes;
}

void guard_decide(const struct finding *f, const struct guard_rules *rules,
	const struct guard_state *state, int64_t now_ns, struct guard_plan *ret)
{
	struct deciding d = {
		.finding = f, .rules = rules, .state = state, .now_ns = now_ns, .plan = ret};
	bool any = false;
	ret->changes = ret->lefts = 0;
	if (rules->response == RESPOND_ALERT || rules->response == RESPOND_PROBE)
		return; /* a probe decides by itself what it does */
	if (f->explained != NULL || f->e_value > rules->max_e) {
		leave(&d, &f->host, 0, f->explained != NULL ? LEAVE_EXPLAINED : LEAVE_WEAK);
		return;
	}
	count(&d);
	for (size_t i = 0; i < f->channels; i++) {
		any |= consider_name(&d, &f->channel[i]);
		any |= consider_channel(&d, &f->channel[i]);
	}
	if (any && rules->response == RESPOND_CONTAIN)
		contain(&d);
}

/* The latest of what was blocked for the host, that it has just been stopped at. */
static const struct guard_change *story_of(
	const struct guard_state *state, const struct guard_new *n)
{
	const struct guard_change *latest = NULL;
	for (size_t i = 0; i < state->count; i++) {
		const struct guard_change *c = &state->change[i];
		if (c->contain || c->named || c->cause == CAUSE_KNOWN || c->denied_ns == 0 ||
			!addr_eq(&c->host, &n->host))
			continue;
		if (c->denied_ns <= n->start_ns && n->start_ns - c->denied_ns <= GUARD_FOLLOW_NS &&
			(latest == NULL || c->denied_ns > latest->denied_ns))
			latest = c;
	}
	return latest;
}

void guard_try(const struct guard_change *change, const struct guard_rules *rules,
	const struct guard_state *state, int64_t now_ns, struct guard_plan *ret)
{
	struct deciding d = {.rules = rules, .state = state, .now_ns = now_ns, .plan = ret};
	ret->changes = ret->lefts = 0;
	if (is_there(&d, change))
		return;
	count(&d);
	(void)add_change(&d, change);
}

void guard_follow(const struct guard_new *n, const struct guard_rules *rules,
	const struct guard_state *state, int64_t now_ns, struct guard_plan *ret)
{
	const struct guard_change *story = story_of(state, n);
	ret->changes = ret->lefts = 0;
	if (story == NULL || !n->first || n->named || n->expected ||
		rules->response == RESPOND_ALERT || rules->response == RESPOND_PROBE)
		return;
	struct guard_change change = *story;
	change.id = 0;
	change.peer = n->peer;
	change.proto = n->proto;
	change.port = n->port;
	change.at_ns = now_ns;
	change.until_ns =
		now_ns + (change.cause == CAUSE_SWITCH ? rules->hold_ns : rules->expiry_ns);
	change.denied_ns = 0;
	change.follows = story->id;
	guard_try(&change, rules, state, now_ns, ret);
}

void guard_decide_known(const struct guard_known *k, const struct guard_rules *rules,
	const struct guard_state *state, int64_t now_ns, struct guard_plan *ret)
{
	struct guard_change change = {.host = k->host,
		.peer = k->peer,
		.proto = k->proto,
		.port = k->port,
		.named = k->named,
		.at_ns = now_ns,
		.until_ns = now_ns + rules->expiry_ns};
	ret->changes = ret->lefts = 0;
	if (k->until_ns != 0 && k->until_ns < change.until_ns)
		change.until_ns = k->until_ns;
	if (rules->response == RESPOND_ALERT || change.until_ns <= now_ns)
		return;
	change.cause = CAUSE_KNOWN;
	digest_name(k->thing, strlen(k->thing), change.finding);
	(void)snprintf(change.words, sizeof change.words, "%s", k->words);
	guard_try(&change, rules, state, now_ns, ret);
}

/* One for all switches of a host: who undoes a containment is not contained by the next. */
static struct guard_change change_of_switch(
	const struct guard_switch *sw, const struct guard_rules *rules, int64_t now_ns)
{
	char host[ADDR_TEXT_BYTES], thing[ADDR_TEXT_BYTES + 8];
	struct guard_change c = {.cause = CAUSE_SWITCH,
		.host = sw->host,
		.at_ns = now_ns,
		.until_ns = now_ns + rules->hold_ns};
	(void)snprintf(thing, sizeof thing, "switch %s", addr_text(&sw->host, host));
	digest_name(thing, strlen(thing), c.finding);
	(void)snprintf(c.words, sizeof c.words, "%s", sw->words);
	return c;
}

static bool hold_peer(
	struct deciding *d, struct guard_change *change, const struct guard_switch *sw)
{
	change->peer = sw->to.peer;
	change->proto = sw->to.proto;
	change->port = sw->to.port;
	change->named = sw->to.name != NULL;
	return is_there(d, change) || add_change(d, change);
}

void guard_decide_switch(const struct guard_switch *sw, const struct guard_rules *rules,
	const struct guard_state *state, int64_t now_ns, struct guard_plan *ret)
{
	struct deciding d = {.rules = rules, .state = state, .now_ns = now_ns, .plan = ret};
	ret->changes = ret->lefts = 0;
	if (rules->hold_ns == 0 || rules->response == RESPOND_ALERT ||
		(rules->response == RESPOND_PROBE && !sw->many))
		return;
	struct guard_change change = change_of_switch(sw, rules, now_ns), all = change;
	count(&d);
	bool held = addr_is_none(&sw->to.peer) ? add_name(&d, &change, sw->to.name,
							 rules->names ? LEAVE_NONE : LEAVE_UNSEEN)
	                                       : hold_peer(&d, &change, sw);
	all.contain = true;
	if (held && rules->response != RESPOND_BLOCK && !is_there(&d, &all))
		(void)add_change(&d, &all);
}
