/* Flows of a capture, and rules over their packets. */
#include "suricata/replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "suricata/message.h"

#define BITS_ROOM ((size_t)1 << 20)

struct ranked {
	const struct suricata_rule *rule;
	unsigned rank;
	size_t place;
};

struct replay {
	struct replay_options options;
	struct ranked *rule; /* in the order in which they are asked */
	size_t rules;
	struct replay_flow *flow;
	uint32_t *slot; /* number of a flow, from 1 */
	size_t slots;
	size_t flows, flows_max;
	struct hash_key key;
	struct arena arena; /* flowbits */
	uint64_t untracked;
	struct replay_event event[REPLAY_EVENTS_MAX];
	size_t events;
	struct suricata_packet packet;
	struct message_room room;
};

/* ---- order ---- */

static int compare(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

static int sort_rules(struct replay *r)
{
	r->rule = calloc(r->options.rules->count + 1, sizeof *r->rule);
	if (r->rule == NULL)
		return -ENOMEM;
	for (const struct suricata_rule *s = r->options.rules->first; s != NULL; s = s->next) {
		unsigned rank =
			r->options.strict ? 0 : r->options.rank[s->action] * 256u + s->priority;
		r->rule[r->rules] = (struct ranked){s, rank, r->rules};
		r->rules++;
	}
	qsort(r->rule, r->rules, sizeof *r->rule, compare);
	return 0;
}

int replay_new(struct replay **ret, const struct replay_options *options)
{
	struct replay *r = calloc(1, sizeof *r);
	if (r == NULL)
		return -ENOMEM;
	r->options = *options;
	r->key = hash_key_new();
	r->flows_max = options->flows == 0 ? REPLAY_FLOWS_MAX : options->flows;
	r->slots = 4 * r->flows_max;
	r->flow = calloc(r->flows_max, sizeof *r->flow);
	r->slot = calloc(r->slots, sizeof *r->slot);
	if (r->flow == NULL || r->slot == NULL || arena_init(&r->arena, BITS_ROOM) < 0 ||
		sort_rules(r) < 0) {
		replay_free(r);
		return -ENOMEM;
	}
	*ret = r;
	return 0;
}

void replay_free(struct replay *r)
{
	if (r == NULL)
		return;
	if (r->arena.base != NULL)
		arena_fini(&r->arena);
	free(r->flow);
	free(r->slot);
	free(r->rule);
	free(r);
}

uint64_t replay_untracked(const struct replay *r)
{
	return r->untracked;
}

/* ---- flows ---- */

static bool has_ports(const struct packet *p)
{
	return p->proto == IP_TCP || p->proto == IP_UDP || p->proto == IP_SCTP;
}

/* The same for both directions. */
static void key_of(const struct packet *p, uint8_t key[static REPLAY_KEY_BYTES])
{
	bool ports = has_ports(p);
	uint16_t src = ports ? p->src_port : 0, dst = ports ? p->dst_port : 0;
	int order = addr_cmp(&p->src, &p->dst);
	bool turn = order > 0 || (order == 0 && src > dst);
	const struct addr *low = turn ? &p->dst : &p->src, *high = turn ? &p->src : &p->dst;
	uint16_t low_port = turn ? dst : src, high_port = turn ? src : dst;
	memcpy(key, low->byte, 16);
	memcpy(key + 16, high->byte, 16);
	memcpy(key + 32, &low_port, 2);
	memcpy(key + 34, &high_port, 2);
	key[36] = p->proto;
}

static struct replay_flow *flow_of(struct replay *r, const struct packet *p)
{
	uint8_t key[REPLAY_KEY_BYTES];
	key_of(p, key);
	size_t at = hash_bytes(&r->key, key, sizeof key) % r->slots;
	while (r->slot[at] != 0) {
		struct replay_flow *f = &r->flow[r->slot[at] - 1];
		if (memcmp(f->key, key, sizeof key) == 0)
			return f;
		at = (at + 1) % r->slots;
	}
	if (r->flows == r->flows_max)
		return NULL;
	struct replay_flow *f = &r->flow[r->flows++];
	r->slot[at] = (uint32_t)r->flows;
	memcpy(f->key, key, sizeof key);
	f->client = p->src;
	f->client_port = p->src_port;
	f->ports = has_ports(p);
	f->bits.arena = &r->arena;
	bool syn = (p->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
	f->midstream = p->proto == IP_TCP && !syn;
	return f;
}

/* ---- rules ---- */

static void add(struct replay *r, enum replay_kind kind, const struct suricata_rule *rule)
{
	if (r->events < REPLAY_EVENTS_MAX)
		r->event[r->events++] = (struct replay_event){kind, rule};
}

/* Rules of the application protocol alone are asked when it becomes known, once for each
 * direction. */
static bool is_of_detection(const struct suricata_rule *rule)
{
	bool app = false;
	if (rule->app != NULL)
		return false;
	for (const struct suricata_test *t = rule->test; t != NULL; t = t->next) {
		if (t->kind == TEST_CONTENT || t->kind == TEST_PCRE)
			return false;
		app = app || t->kind == TEST_APP;
	}
	return app;
}

/* False: the packet is decided about. */
static bool ask_rule(struct replay *r, struct replay_flow *f, const struct suricata_rule *rule,
	bool fresh, bool *dropped)
{
	if (is_of_detection(rule) && !fresh)
		return true;
	enum suricata_tri tri = suricata_match(rule, r->options.scope, &r->packet, &f->bits);
	if (tri == SURICATA_NO)
		return true;
	if (tri == SURICATA_MAYBE || !suricata_set_bits(rule, tri, &f->bits)) {
		add(r, REPLAY_UNDECIDED, rule);
		return true;
	}
	if (rule->action == SURICATA_PASS) {
		if (rule->alerts)
			add(r, REPLAY_ALERT, rule);
		f->passed = f->passed || (rule->scope != SCOPE_PACKET && !*dropped);
		return false;
	}
	if (!rule->noalert)
		add(r, REPLAY_ALERT, rule);
	if (rule->action == SURICATA_ALERT || !r->options.ips || *dropped)
		return true;
	*dropped = true;
	f->dropped = f->dropped || rule->scope != SCOPE_PACKET;
	add(r, REPLAY_DROP, rule);
	return true;
}

size_t replay_packet(struct replay *r, const struct packet *packet, const struct replay_event **ret)
{
	struct replay_flow *f = flow_of(r, packet);
	bool fresh = false, dropped = false;
	r->events = 0;
	*ret = r->event;
	r->untracked += f == NULL;
	if (f == NULL || f->passed)
		return 0;
	if (f->dropped) {
		add(r, REPLAY_DROP, NULL);
		return r->events;
	}
	message_read(f, packet, &r->packet, &r->room, &fresh);
	for (size_t i = 0; i < r->rules; i++)
		if (!ask_rule(r, f, r->rule[i].rule, fresh, &dropped))
			break;
	message_done(f, packet);
	return r->events;
}
