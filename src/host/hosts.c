#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "host/facts.h"
#include "host/identity.h"
#include "host/outage.h"
#include "host/recent.h"
#include "host/state.h"

/* A host whose DNS is in view; then a name it never asked for is made up (Tor's SNI). */
#define DNS_IN_VIEW 10u

#define QTYPE_MX  15 /* RFC 1035 3.2.2 */
#define QTYPE_TXT 16

struct slot { /* host and what only this file needs of it */
	struct host host;
	struct recent recent;
};

struct hosts {
	struct hosts_options options;
	struct hosts_stats stats;
	struct naming *naming;
	struct facts *facts;
	struct outages *outages;
	struct slot **slot; /* by host.index */
	size_t count, room;
	struct identity *identity;
	struct uids *uids;
};

int hosts_new(struct hosts **ret, const struct hosts_options *options)
{
	struct hosts *hs = calloc(1, sizeof *hs);
	if (hs == NULL)
		return -ENOMEM;
	hs->options = *options;
	hs->slot = calloc(HOSTS_MAX, sizeof(struct slot *));
	if (hs->slot == NULL || identity_new(&hs->identity, HOSTS_MAX) < 0 ||
		uids_new(&hs->uids, UIDS_MAX) < 0 || naming_new(&hs->naming) < 0 ||
		facts_new(&hs->facts, options->strings) < 0 || outages_new(&hs->outages) < 0) {
		hosts_free(hs);
		return -ENOMEM;
	}
	*ret = hs;
	return 0;
}

void hosts_free(struct hosts *hs)
{
	if (hs == NULL)
		return;
	for (size_t i = 0; hs->slot != NULL && i < hs->count; i++) {
		host_stop(&hs->slot[i]->host);
		free(hs->slot[i]);
	}
	free(hs->slot);
	identity_free(hs->identity);
	naming_free(hs->naming);
	uids_free(hs->uids);
	facts_free(hs->facts);
	outages_free(hs->outages);
	free(hs);
}

size_t hosts_count(const struct hosts *hs)
{
	return hs->count;
}

struct host *hosts_get(struct hosts *hs, size_t index)
{
	CHECK(index < hs->count);
	return &hs->slot[index]->host;
}

const struct hosts_stats *hosts_stats(const struct hosts *hs)
{
	return &hs->stats;
}

struct strings *hosts_strings(const struct hosts *hs)
{
	return hs->options.strings;
}

const struct hosts_options *hosts_told(const struct hosts *hs)
{
	return &hs->options;
}

const struct naming *hosts_naming(const struct hosts *hs)
{
	return hs->naming;
}

const struct outages *hosts_outages(const struct hosts *hs)
{
	return hs->outages;
}

const struct uids *hosts_uids(const struct hosts *hs)
{
	return hs->uids;
}

uint32_t hosts_name_of(const struct hosts *hs, const struct addr *addr)
{
	const struct addr_names *names = naming_find(hs->naming, addr);
	return names == NULL || names->count > NAMES_PER_ADDR ? 0 : names->known[0].domain;
}

static bool is_local(const struct hosts *hs, const struct addr *a)
{
	for (size_t i = 0; i < hs->options.locals; i++)
		if (cidr_has(&hs->options.local[i], a))
			return true;
	return hs->options.locals == 0 && addr_is_private(a);
}

static struct slot *find_host(struct hosts *hs, const struct addr *addr, uint64_t mac)
{
	uint32_t known = identity_find(hs->identity, addr, mac);
	if (known != IDENTITY_NONE) {
		struct slot *slot = hs->slot[known];
		if (!addr_is_v4(&slot->host.addr) && addr_is_v4(addr))
			slot->host.addr = *addr; /* the address that lasts speaks for the host */
		return slot;
	}
	struct slot *slot = hs->count < HOSTS_MAX ? calloc(1, sizeof *slot) : NULL;
	if (slot == NULL || !host_start(&slot->host) ||
		!identity_add(hs->identity, addr, mac, (uint32_t)hs->count)) {
		if (slot != NULL)
			host_stop(&slot->host);
		free(slot);
		hs->stats.refused++;
		return NULL;
	}
	slot->host.addr = *addr;
	slot->host.index = (uint32_t)hs->count;
	hs->slot[hs->count++] = slot;
	return slot;
}

static bool name_is_rare(struct hosts *hs, uint32_t name)
{
	const char *text = strings_get(hs->options.strings, name);
	return text == NULL || domain_is_rare(facts_of(hs->facts, text).class);
}

static bool in_time(const struct hosts *hs, int64_t at_ns)
{
	return at_ns >= hs->options.since_ns &&
	       (hs->options.until_ns == 0 || at_ns < hs->options.until_ns);
}

/* Counts the host among those that use the endpoint. */
static void count_use(struct hosts *hs, uint32_t endpoint, uint32_t host, int64_t at_ns, bool asked)
{
	if (endpoint == 0)
		return;
	struct endpoint_use *use = naming_use(hs->naming, endpoint, at_ns);
	use->asked |= asked;
	for (uint8_t i = 0; i < use->count; i++)
		if (use->host[i] == host)
			return;
	if (use->count < ARRAY_LEN(use->host))
		use->host[use->count++] = host;
}

/* ---- conversations ---- */

/* The registered domain of the name that the client used, when it can be believed. */
static uint32_t domain_of(
	struct hosts *hs, const struct host *h, const struct conn *c, uint32_t *ret_name)
{
	if (c->name == NULL || !plausible_name(c->name))
		return 0;
	struct name_facts facts = facts_of(hs->facts, c->name);
	uint32_t number = facts.domain;
	*ret_name = facts.name;
	if (c->name_source != NAME_SNI || h->lookups < DNS_IN_VIEW || number == 0 ||
		!domain_is_rare(facts.class))
		return number;
	const struct endpoint_use *use = naming_use_find(hs->naming, number);
	if (use != NULL && use->asked)
		return number;
	/* nobody asked for the name, and no answer ever held the address: a made-up SNI */
	return naming_find(hs->naming, &c->server) == NULL ? 0 : number;
}

/* The last name that resolved to the address before the connection, this host's own first. */
static uint32_t name_by_address(
	const struct hosts *hs, const struct host *h, const struct conn *c, uint32_t *ret_name)
{
	const struct addr_names *names = naming_find(hs->naming, &c->server);
	if (names == NULL)
		return 0;
	uint32_t best = 0;
	int64_t best_ns = INT64_MIN;
	bool best_own = false;
	for (size_t i = 0; i < names->count && i < NAMES_PER_ADDR; i++) {
		bool own = names->known[i].host == h->index;
		int64_t at = names->known[i].at_ns;
		if (at > c->start_ns + NS_PER_S / 2 || own < best_own ||
			(own == best_own && at <= best_ns))
			continue;
		best = names->known[i].domain;
		*ret_name = names->known[i].name;
		best_ns = at;
		best_own = own;
	}
	return best;
}

static struct channel_key key_of(
	struct hosts *hs, const struct host *h, const struct conn *c, uint32_t *ret_name)
{
	struct strings *strings = hs->options.strings;
	struct channel_key key = {.process = strings_add(strings, c->process),
		.port = c->server_port,
		.transport = (uint8_t)c->transport,
		.named = true,
		.proxied = c->to_proxy};
	key.endpoint = domain_of(hs, h, c, ret_name);
	if (key.endpoint != 0) {
		if (addr_is_none(&c->server))
			return key; /* a proxy's log: it alone knows the address */
		naming_learn(hs->naming, &(struct learnt){.addr = c->server,
						 .domain = key.endpoint,
						 .name = *ret_name,
						 .host = h->index,
						 .at_ns = c->start_ns});
		return key;
	}
	*ret_name = 0;
	key.endpoint = name_by_address(hs, h, c, ret_name);
	if (key.endpoint == 0 && !addr_is_none(&c->server)) {
		key.named = false;
		key.endpoint = strings_add_bytes(strings, c->server.byte, sizeof c->server.byte);
	}
	return key;
}

/* Whoever keeps a longer memory hears of services too that are no host's channel. */
static void tell_contact(struct hosts *hs, const struct host *h, const struct conn *c)
{
	const struct host_hooks *hooks = &hs->options.hooks;
	if (hooks->told == NULL || addr_is_group(&c->server))
		return;
	uint32_t name = 0;
	struct channel_key key = key_of(hs, h, c, &name);
	if (key.endpoint == 0)
		return;
	struct host_contact contact = contact_of(h, &key, c, hs->options.strings);
	contact.service = strings_add(hs->options.strings, c->service);
	hooks->told(hooks->context, &contact, c);
}

/* The server's address as a string of the run; 0 where only a proxy knows it. */
static uint32_t server_of(struct hosts *hs, const struct conn *c)
{
	return addr_is_none(&c->server) ? 0
	                                : strings_add_bytes(hs->options.strings, c->server.byte,
						  sizeof c->server.byte);
}

static uint32_t leave_us(const struct conn *c)
{
	int64_t us = c->leave_ns > c->start_ns ? (c->leave_ns - c->start_ns) / NS_PER_US : 0;
	return us > UINT32_MAX ? 0 : (uint32_t)us;
}

/* For outages of the site: that it tried, and whether it lost what had worked. What a firewall
 * denied was not lost: somebody chose it. */
static void note_loss(struct hosts *hs, const struct slot *slot, uint32_t channel,
	enum outcome outcome, int64_t at_ns)
{
	const struct channel *ch = &slot->host.channel[channel];
	bool lost = outcome_is_failure(outcome) && outcome != OUTCOME_DENIED;
	if (lost && ch->connections > ch->failures)
		outages_lost(hs->outages, slot->host.index, ch->endpoint, at_ns);
	else
		outages_tried(hs->outages, slot->host.index, at_ns);
}

/* The record's id is kept as long as the attempt is one of its own. */
static void add_attempt(struct hosts *hs, struct host *h, struct attempt *a, const char *uid)
{
	uint32_t before = h->attempts;
	a->uid = uids_add(hs->uids, uid);
	if (!host_add_attempt(h, a))
		hs->stats.refused++;
	if (h->attempts == before)
		uids_take_back(hs->uids, a->uid);
}

static void add_conn_attempt(struct hosts *hs, struct slot *slot, const struct conn *c,
	const struct channel_key *key, uint32_t channel, bool first)
{
	bool failed = outcome_is_failure(c->outcome);
	note_loss(hs, slot, channel, c->outcome, failed ? c->fail_ns : c->start_ns);
	struct attempt a = {
		/* A look-up tells when the host turned to what is new to it. What it knows it turns
	         * to with a packet: another port of it may be the answer to a failure, later than
	         * the look-up that led to both. A proxy asks for its targets itself. */
		.start_ns = !first || key->proxied || !key->named
	                            ? c->start_ns
	                            : recent_led(&slot->recent, key->endpoint, c->start_ns),
		.over_ns = failed     ? c->fail_ns
	                   : c->ended ? c->end_ns
	                              : 0,
		.leave_us = failed ? leave_us(c) : 0,
		.target = server_of(hs, c),
		.request_size = size_code(c->request_bytes),
		.request_mark = c->request_mark,
		.client_port = c->client_port,
		.channel = (uint16_t)channel,
		.outcome = (uint8_t)c->outcome,
		.flags = (uint8_t)((first ? ATTEMPT_FIRST : 0) |
				   (first && key->rare ? ATTEMPT_RARE : 0) |
				   (c->joined ? ATTEMPT_JOINED : 0) |
				   (pool_service(c->transport, c->server_port) != POOL_NONE
						   ? ATTEMPT_POOL
						   : 0)),
		.tries = (uint16_t)(c->tries > UINT16_MAX ? UINT16_MAX : c->tries),
	};
	if (failed && c->first_data_ns != 0 && c->outcome == OUTCOME_STALLED) {
		a.flags |= ATTEMPT_CUT; /* it had answered: what begins here is the silence */
		a.start_ns = a.over_ns;
	}
	if (a.leave_us != 0) /* kept relative to the start, which a look-up may have moved */
		a.leave_us += (uint32_t)((c->start_ns - a.start_ns) / NS_PER_US);
	add_attempt(hs, &slot->host, &a, c->uid);
	slot->host.arrivals += first && key->rare;
}

/* Echo and time: their servers may be spoken to in what the messages hold. */
static void carry_conn(struct hosts *hs, struct host *h, const struct conn *c)
{
	if (!conn_carries(c))
		return;
	uint32_t name = 0;
	struct channel_key key = key_of(hs, h, c, &name);
	key.rare = !key.named || name_is_rare(hs, name != 0 ? name : key.endpoint);
	uint32_t target =
		strings_add_bytes(hs->options.strings, c->server.byte, sizeof c->server.byte);
	if (!host_carry_conn(h, c, &key, name, target))
		hs->stats.refused++;
}

static struct host *add_pool(struct hosts *hs, struct slot *slot, const struct conn *c)
{
	struct host *h = &slot->host;
	uint32_t name = 0;
	bool first = false;
	struct channel_key key = key_of(hs, h, c, &name);
	uint32_t channel = key.endpoint == 0 ? CHANNEL_FORGOTTEN : host_channel(h, &key, &first);
	if (channel == CHANNEL_FORGOTTEN) {
		hs->stats.refused++;
		return h->ripe ? h : NULL;
	}
	contact_describe(hs->options.strings, &h->channel[channel], c, name, server_of(hs, c));
	if (pool_conn_changed(&h->channel[channel], c))
		add_conn_attempt(hs, slot, c, &key, channel, false);
	return h->ripe ? h : NULL;
}

static struct host *add_conn(struct hosts *hs, const struct conn *c)
{
	bool over = c->ended && !c->rest;
	hs->stats.connections += over;
	bool client_local = is_local(hs, &c->client),
	     server_local = is_local(hs, &c->server) && !c->to_proxy;
	if (server_local) {
		uint64_t *count = client_local ? &hs->stats.internal : &hs->stats.inbound;
		*count += over;
		return NULL;
	}
	/* between two public addresses, the one that asks is the host, unless networks were named
	 */
	bool ours = client_local || hs->options.locals == 0;
	struct slot *slot =
		ours && in_time(hs, c->start_ns) ? find_host(hs, &c->client, c->client_mac) : NULL;
	if (slot == NULL)
		return NULL;
	struct host *h = &slot->host;
	host_touch(h, c->start_ns);
	if (over)
		host_count(h, c);
	tell_contact(hs, h, c);
	carry_conn(hs, h, c);
	if (pool_conn(c))
		return add_pool(hs, slot, c);
	if (ignored_conn(c))
		return NULL;
	uint32_t name = 0;
	bool first = false;
	struct channel_key key = key_of(hs, h, c, &name);
	key.rare = !key.named || name_is_rare(hs, name != 0 ? name : key.endpoint);
	uint32_t channel = key.endpoint == 0 ? CHANNEL_FORGOTTEN : host_channel(h, &key, &first);
	if (channel == CHANNEL_FORGOTTEN) {
		hs->stats.refused++;
		return h->ripe ? h : NULL;
	}
	first = first && !contact_known(&hs->options, h, &key, c);
	struct channel *ch = &h->channel[channel];
	contact_describe(hs->options.strings, ch, c, name, server_of(hs, c));
	if (c->ended) {
		ch->bytes_out += c->bytes_out;
		ch->bytes_in += c->bytes_in;
		host_keep_upload(h, c, &key);
	}
	count_use(hs, key.endpoint, h->index, c->start_ns, false);
	if (c->ended && !c->settled)
		host_end_attempt(h, channel, c->client_port, c->end_ns);
	if (c->settled)
		add_conn_attempt(hs, slot, c, &key, channel, first);
	return h->ripe ? h : NULL;
}

/* ---- look-ups ---- */

static void learn_answers(
	struct hosts *hs, const struct lookup *l, uint32_t domain, uint32_t name, uint32_t host)
{
	for (size_t i = 0; i < l->answers; i++)
		naming_learn(hs->naming, &(struct learnt){.addr = l->answer[i].addr,
						 .domain = domain,
						 .name = name,
						 .host = host,
						 .at_ns = l->query_ns});
}

/* A name of the host's own, asked again with a search suffix behind it (resolv.conf "search"): no
 * failure of the name. */
static bool is_search_suffix(const struct hosts *hs, const char *name)
{
	char prefix[256];
	size_t len = strlen(name);
	if (len >= sizeof prefix)
		return false;
	memcpy(prefix, name, len + 1);
	for (char *dot = strrchr(prefix, '.'); dot != NULL; dot = strrchr(prefix, '.')) {
		*dot = '\0';
		if (strchr(prefix, '.') == NULL)
			return false;
		uint32_t number = strings_find(hs->options.strings, prefix);
		const struct endpoint_use *use =
			number == 0 ? NULL : naming_use_find(hs->naming, number);
		if (use != NULL && use->asked)
			return true;
	}
	return false;
}

/* An answer is the beginning of a conversation, and tells that failures of the same name beside it
 * were none. */
static struct host *add_answer(
	struct slot *slot, const struct lookup *l, const struct channel_key *key, uint32_t name)
{
	uint32_t channel = host_channel_find(&slot->host, key);
	if (channel != CHANNEL_FORGOTTEN)
		host_void_failures(&slot->host, channel, name, l->query_ns);
	recent_add(&slot->recent, key->endpoint, name, l->query_ns);
	return NULL;
}

static struct host *add_failed_lookup(struct hosts *hs, struct slot *slot, const struct lookup *l,
	const struct channel_key *key, uint32_t name)
{
	struct host *h = &slot->host;
	bool first = false;
	uint32_t channel = host_channel(h, key, &first);
	if (channel == CHANNEL_FORGOTTEN) {
		hs->stats.refused++;
		return h->ripe ? h : NULL;
	}
	first = first && !contact_known(&hs->options, h, key, NULL);
	struct attempt a = {.start_ns = l->query_ns,
		.over_ns = l->fail_ns,
		.target = name,
		.client_port = l->client_port,
		.channel = (uint16_t)channel,
		.outcome = (uint8_t)l->outcome,
		.flags = (uint8_t)(ATTEMPT_LOOKUP | (first ? ATTEMPT_FIRST : 0) |
				   (first && key->rare ? ATTEMPT_RARE : 0)),
		.tries = 1};
	if (recent_answered(&slot->recent, name, l->query_ns))
		a.flags |= ATTEMPT_VOID;
	h->channel[channel].name = name;
	h->channel[channel].service = strings_add(hs->options.strings, "dns");
	h->arrivals += first && key->rare;
	add_attempt(hs, h, &a, l->uid);
	return h->ripe ? h : NULL;
}

/* A question is a message to whoever runs the domain, whatever comes back. */
static void carry_lookup(struct hosts *hs, struct host *h, const struct lookup *l)
{
	if (!lookup_may_carry(l))
		return;
	struct name_facts facts = facts_of(hs->facts, l->name);
	const char *domain = strings_get(hs->options.strings, facts.domain);
	double bytes = domain == NULL ? 0 : carried_by_name(l->name, domain);
	if (!domain_is_rare(facts.class) || bytes <= 0)
		return;
	count_use(hs, facts.domain, h->index, l->query_ns, false);
	uint32_t resolver =
		strings_add_bytes(hs->options.strings, l->resolver.byte, sizeof l->resolver.byte);
	if (!host_carry_lookup(h, l, &facts, resolver, bytes))
		hs->stats.refused++;
}

/* ClamAV's updater asks for a text that holds the versions before it asks a mirror for the files.
 */
static void note_database(struct hosts *hs, struct host *h, const struct lookup *l)
{
	static const char version[] = "current.cvd.";
	if (l->qtype == QTYPE_TXT && strncmp(l->name, version, sizeof version - 1) == 0)
		h->database = facts_of(hs->facts, l->name).domain;
}

static struct host *add_lookup(struct hosts *hs, const struct lookup *l)
{
	hs->stats.lookups++;
	if (l->name == NULL || !in_time(hs, l->query_ns))
		return NULL;
	bool client_local = is_local(hs, &l->client);
	if (!client_local && (is_local(hs, &l->resolver) || hs->options.locals > 0))
		return NULL; /* somebody outside asks our server, or is none of ours */
	struct slot *slot = find_host(hs, &l->client, l->client_mac);
	if (slot == NULL)
		return NULL;
	struct host *h = &slot->host;
	host_touch(h, l->query_ns);
	h->lookups++;
	h->answered += l->answer_ns != 0;
	h->asks_mx |= l->qtype == QTYPE_MX;
	note_database(hs, h, l);
	carry_lookup(hs, h, l);
	bool failed = outcome_is_failure(l->outcome), answered = l->answers > 0 && !failed;
	if (!plausible_name(l->name) || (!failed && !answered))
		return NULL;
	struct name_facts facts = facts_of(hs->facts, l->name);
	uint32_t name = facts.name, domain = facts.domain;
	if (answered) {
		learn_answers(hs, l, domain, name, h->index);
		count_use(hs, domain, h->index, l->query_ns, true);
		naming_use(hs->naming, name, l->query_ns)->asked = true;
	}
	if (domain == 0 || facts.class == DOMAIN_DNSBL || ignored_lookup(l->name, l->qtype) ||
		(failed && is_search_suffix(hs, l->name)))
		return NULL;
	struct channel_key key = {.endpoint = domain,
		.process = strings_add(hs->options.strings, l->process),
		.transport = TRANSPORT_OTHER,
		.named = true,
		.rare = domain_is_rare(facts.class)};
	if (key.rare && !host_knows(h, domain) && !contact_known(&hs->options, h, &key, NULL) &&
		!host_add_name(h, domain, l->query_ns))
		hs->stats.refused++;
	host_name_told(h, domain, answered, l->outcome == OUTCOME_NXDOMAIN);
	return answered ? add_answer(slot, l, &key, name)
	                : add_failed_lookup(hs, slot, l, &key, name);
}

struct host *hosts_add(struct hosts *hs, const struct event *event)
{
	switch (event->kind) {
	case EVENT_CONN:
		return add_conn(hs, &event->conn);
	case EVENT_LOOKUP:
		return add_lookup(hs, &event->lookup);
	case EVENT_NONE:
		break;
	}
	return NULL;
}
