/* From key to conversation: open addressing with backward shift; the tag in the slot saves most
 * visits to the record. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow/conversation.h"

struct words {
	uint64_t a, b;
};

static struct words words_of(const struct addr *addr)
{
	struct words w;
	memcpy(&w.a, addr->byte, sizeof w.a);
	memcpy(&w.b, addr->byte + sizeof w.a, sizeof w.b);
	return w;
}

static bool has_ports(const struct packet *p)
{
	return p->proto == IP_TCP || p->proto == IP_UDP || p->proto == IP_SCTP;
}

/* Word 4. */
static uint64_t last_word(uint64_t proto, uint64_t client_port, uint64_t server_port)
{
	return proto << 32 | server_port << 16 | client_port;
}

struct flow_key key_of(const struct packet *p, bool by_client)
{
	struct words client = words_of(by_client ? &p->src : &p->dst),
		     server = words_of(by_client ? &p->dst : &p->src);
	uint64_t src_port = has_ports(p) ? p->src_port : 0,
		 dst_port = has_ports(p) ? p->dst_port : 0;
	uint64_t last = by_client ? last_word(p->proto, src_port, dst_port)
	                          : last_word(p->proto, dst_port, src_port);
	return (struct flow_key){{client.a, client.b, server.a, server.b, last}};
}

struct addr key_addr(const struct flow_key *key, enum side side)
{
	struct addr a;
	memcpy(a.byte, &key->word[side == CLIENT ? 0 : 2], sizeof a.byte);
	return a;
}

uint16_t key_port(const struct flow_key *key, enum side side)
{
	return (uint16_t)(key->word[4] >> (side == CLIENT ? 0 : 16));
}

uint8_t key_proto(const struct flow_key *key)
{
	return (uint8_t)(key->word[4] >> 32);
}

__extension__ typedef unsigned __int128 uint128;

/* Both halves of the product: every bit of the result hangs on every bit of both. */
static uint64_t fold(uint64_t a, uint64_t b)
{
	uint128 product = (uint128)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* A multiply-and-fold hash (in the manner of wyhash) under 256 secret bits of this run, a fifth of
 * SipHash's work; the same for both directions. A sender who does not know the secret cannot choose
 * keys that meet; one who measures times very well from afar might learn of some that do, and would
 * gain longer probes. */
static uint64_t hash_end(const struct flow_table *t, struct words addr, uint64_t port)
{
	return fold(addr.a ^ t->secret[0], addr.b ^ t->secret[1]) + port * t->secret[2];
}

static uint32_t tag_of(const struct flow_table *t, uint64_t end, uint64_t other, uint64_t proto)
{
	uint64_t secret = t->secret[3] + proto;
	uint32_t tag = (uint32_t)(fold(end ^ secret, other ^ secret) >> 16);
	return tag == 0 ? 1 : tag; /* 0 marks an empty slot */
}

int index_new(struct flow_table *t, size_t conversations)
{
	struct hash_key a = hash_key_new(), b = hash_key_new();
	t->secret[0] = a.k0;
	t->secret[1] = a.k1;
	t->secret[2] = (b.k0 ^ 0xa0761d6478bd642f) | 1; /* where there is no random source both keys
	                                             are the same */
	t->secret[3] = b.k1 ^ 0xe7037ed1a0b428db;
	size_t slots = 16; /* always more than records, so that a search ends */
	while (slots < 2 * conversations)
		slots *= 2;
	t->slot = calloc(slots, sizeof *t->slot);
	t->slot_mask = slots - 1;
	return t->slot == NULL ? -ENOMEM : 0;
}

/* What the key of a packet's conversation looks like, if its sender is the client, or the server.
 */
struct sought {
	struct words src, dst;
	uint64_t out, in;
};

static bool has_ends(const uint64_t word[static 5], struct words client, struct words server)
{
	return ((word[0] ^ client.a) | (word[1] ^ client.b) | (word[2] ^ server.a) |
		       (word[3] ^ server.b)) == 0;
}

static bool is_sought(const struct conversation *c, const struct sought *s, struct place *ret)
{
	const uint64_t *word = c->key.word;
	ret->tag = c->tag;
	ret->from = CLIENT;
	if (word[4] == s->out && has_ends(word, s->src, s->dst))
		return true;
	ret->from = SERVER;
	return word[4] == s->in && has_ends(word, s->dst, s->src);
}

struct conversation *index_find(
	const struct flow_table *t, const struct packet *p, struct place *ret)
{
	uint64_t src_port = p->src_port, dst_port = p->dst_port, proto = p->proto;
	if (!has_ports(p))
		src_port = dst_port = 0;
	struct sought sought = {.src = words_of(&p->src),
		.dst = words_of(&p->dst),
		.out = last_word(proto, src_port, dst_port),
		.in = last_word(proto, dst_port, src_port)};
	if (t->latest != NULL && is_sought(t->latest, &sought, ret))
		return t->latest; /* packets come in bursts */
	uint32_t tag = tag_of(
		t, hash_end(t, sought.src, src_port), hash_end(t, sought.dst, dst_port), proto);
	for (size_t i = tag & t->slot_mask; t->slot[i].tag != 0; i = (i + 1) & t->slot_mask) {
		struct conversation *c = &t->conversation[t->slot[i].index];
		if (t->slot[i].tag == tag && is_sought(c, &sought, ret))
			return c;
	}
	ret->tag = tag;
	return NULL;
}

void index_add(struct flow_table *t, struct conversation *c)
{
	size_t i = c->tag & t->slot_mask;
	while (t->slot[i].tag != 0)
		i = (i + 1) & t->slot_mask;
	t->slot[i] = (struct slot){c->tag, number_of(t, c)};
}

void index_remove(struct flow_table *t, const struct conversation *c)
{
	size_t mask = t->slot_mask, i = c->tag & mask;
	while (t->slot[i].tag != c->tag || t->slot[i].index != number_of(t, c))
		i = (i + 1) & mask;
	for (size_t j = (i + 1) & mask; t->slot[j].tag != 0; j = (j + 1) & mask) {
		/* move j back unless its home lies behind the hole */
		if (((j - t->slot[j].tag) & mask) >= ((j - i) & mask)) {
			t->slot[i] = t->slot[j];
			i = j;
		}
	}
	t->slot[i] = (struct slot){0};
}
