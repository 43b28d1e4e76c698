/* From key to conversation: open addressing with backward shift; the tag in the slot saves most
 * visits to the record. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow/conversation.h"

static void read_words(const struct addr *a, uint64_t ret[static 2])
{
	memcpy(ret, a->byte, sizeof a->byte);
}

/* Any total order does, as long as both directions agree. */
static bool is_after(const uint64_t a[static 2], const uint64_t b[static 2])
{
	return a[1] != b[1] ? a[1] > b[1] : a[0] > b[0];
}

struct flow_key key_of(const struct packet *p, unsigned *ret_src_at)
{
	bool ports = p->proto == IP_TCP || p->proto == IP_UDP || p->proto == IP_SCTP;
	uint64_t src_port = ports ? p->src_port : 0, dst_port = ports ? p->dst_port : 0;
	uint64_t src[2], dst[2];
	read_words(&p->src, src);
	read_words(&p->dst, dst);
	bool same = src[0] == dst[0] && src[1] == dst[1];
	bool after = same ? src_port > dst_port : is_after(src, dst);
	*ret_src_at = after;
	uint64_t last = (uint64_t)p->proto << 32;
	if (after)
		return (struct flow_key){
			{dst[0], dst[1], src[0], src[1], last | src_port << 16 | dst_port}};
	return (struct flow_key){
		{src[0], src[1], dst[0], dst[1], last | dst_port << 16 | src_port}};
}

struct addr key_addr(const struct flow_key *key, unsigned at)
{
	struct addr a;
	memcpy(a.byte, &key->word[2 * at], sizeof a.byte);
	return a;
}

uint16_t key_port(const struct flow_key *key, unsigned at)
{
	return (uint16_t)(key->word[4] >> 16 * at);
}

uint8_t key_proto(const struct flow_key *key)
{
	return (uint8_t)(key->word[4] >> 32);
}

static bool same_key(const struct flow_key *a, const struct flow_key *b)
{
	uint64_t differ = 0;
	for (size_t i = 0; i < ARRAY_LEN(a->word); i++)
		differ |= a->word[i] ^ b->word[i];
	return differ == 0;
}

__extension__ typedef unsigned __int128 uint128;

/* Both halves of the product: every bit of the result hangs on every bit of both. */
static uint64_t fold(uint64_t a, uint64_t b)
{
	uint128 product = (uint128)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* A multiply-and-fold hash (in the manner of wyhash) under 256 secret bits of this run: a fifth of
 * SipHash's work. A sender who does not know the secret cannot choose keys that meet; one who
 * measures times very well from afar might learn of some that do, and would gain longer probes. */
uint32_t key_tag(const struct flow_table *t, const struct flow_key *key)
{
	const uint64_t *w = key->word, *s = t->secret;
	uint64_t hash = fold(w[0] ^ s[0], w[1] ^ s[1]) ^ fold(w[2] ^ s[2], w[3] ^ s[3]);
	uint32_t tag = (uint32_t)(fold(hash ^ s[1], w[4] ^ s[2]) >> 16);
	return tag == 0 ? 1 : tag; /* 0 marks an empty slot */
}

int index_new(struct flow_table *t, size_t conversations)
{
	struct hash_key a = hash_key_new(), b = hash_key_new();
	t->secret[0] = a.k0;
	t->secret[1] = a.k1;
	t->secret[2] = b.k0 ^ 0xa0761d6478bd642f; /* where there is no random source both keys are
	                                             the same */
	t->secret[3] = b.k1 ^ 0xe7037ed1a0b428db;
	size_t slots = 16; /* always more than records, so that a search ends */
	while (slots < 2 * conversations)
		slots *= 2;
	t->slot = calloc(slots, sizeof *t->slot);
	t->slot_mask = slots - 1;
	return t->slot == NULL ? -ENOMEM : 0;
}

struct conversation *index_find(
	const struct flow_table *t, const struct flow_key *key, uint32_t tag)
{
	for (size_t i = tag & t->slot_mask;; i = (i + 1) & t->slot_mask) {
		struct slot s = t->slot[i];
		if (s.tag == tag && same_key(&t->conversation[s.index].key, key))
			return &t->conversation[s.index];
		if (s.tag == 0)
			return NULL;
	}
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
