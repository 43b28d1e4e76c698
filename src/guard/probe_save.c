/* Saved probes, big-endian:
 *
 *   "PRB3"  time (8)  experiments so far (8)  number of hosts (2), and of each
 *   host (16)  phase  verdict  block  told (1 each)  number  slot  began  due (8 each)
 *   p0 (8, IEEE 754)  19 counters (4 each)  number of channels (1), and of each
 *   key length (2), key  first  seen  lag (8 each)  hits in blocks, in shams (4 each)  flags (1)
 *
 * Flags: 1 shut in the next block, 2 spared. The hits of the slot that ran are not kept. */
#include <errno.h>
#include <math.h>

#include "base/cur.h"
#include "guard/probe_private.h"

static const char magic[4] = {'P', 'R', 'B', '3'};

#define FLAG_SET    1
#define FLAG_SPARED 2
#define TIME_MAX    (INT64_MAX / 4)

/* ---- write ---- */

static void put(struct out *to, uint64_t v, unsigned n)
{
	char byte[8];
	for (unsigned i = 0; i < n; i++)
		byte[i] = (char)(uint8_t)(v >> 8 * (n - 1 - i));
	out_bytes(to, byte, n);
}

static void put_double(struct out *to, double v)
{
	uint64_t bits = 0;
	memcpy(&bits, &v, sizeof bits);
	put(to, bits, 8);
}

static void put_channel(struct out *to, const struct probe_channel *c)
{
	size_t len = strlen(c->key);
	put(to, len, 2);
	out_bytes(to, c->key, len);
	put(to, (uint64_t)c->first_ns, 8);
	put(to, (uint64_t)c->seen_ns, 8);
	put(to, (uint64_t)c->lag_ns, 8);
	put(to, c->block_hits, 4);
	put(to, c->sham_hits, 4);
	put(to, (c->in_set ? FLAG_SET : 0u) | (c->spared ? FLAG_SPARED : 0u), 1);
}

static void put_counters(struct out *to, const struct probe *one)
{
	for (size_t i = 0; i < PROBE_WINDOWS; i++) {
		const struct probe_count *c = &one->count[i];
		put(to, c->windows, 4);
		put(to, c->fresh, 4);
		put(to, c->again, 4);
		put(to, c->met, 4);
		put(to, c->first, 4);
	}
	put(to, one->slots, 4);
	put(to, one->tree_blocks, 4);
	put(to, one->nothing_new, 4);
	put(to, one->forgotten, 4);
}

static void put_probe(struct out *to, const struct probe *one)
{
	out_bytes(to, (const char *)one->host.byte, sizeof one->host.byte);
	put(to, one->phase, 1);
	put(to, one->verdict, 1);
	put(to, one->block, 1);
	put(to, one->told, 1);
	put(to, one->number, 8);
	put(to, (uint64_t)one->slot_ns, 8);
	put(to, (uint64_t)one->began_ns, 8);
	put(to, (uint64_t)one->due_ns, 8);
	put_double(to, one->p0_given);
	put_counters(to, one);
	put(to, one->channels, 1);
	for (uint32_t i = 0; i < one->channels; i++)
		put_channel(to, &one->channel[i]);
}

void probes_save(const struct probes *p, struct out *to)
{
	uint64_t hosts = 0;
	for (size_t i = 0; i < PROBE_HOSTS_MAX; i++)
		hosts += p->item[i].phase != PROBE_NONE;
	out_bytes(to, magic, sizeof magic);
	put(to, (uint64_t)p->now_ns, 8);
	put(to, p->experiments, 8);
	put(to, hosts, 2);
	for (size_t i = 0; i < PROBE_HOSTS_MAX; i++)
		if (p->item[i].phase != PROBE_NONE)
			put_probe(to, &p->item[i]);
}

/* ---- read ---- */

static int64_t get_time(struct cur *c)
{
	uint64_t v = cur_be64(c);
	if (v > TIME_MAX)
		cur_fail(c, CUR_BAD);
	return v > TIME_MAX ? 0 : (int64_t)v;
}

static double get_double(struct cur *c, double least, double most)
{
	uint64_t bits = cur_be64(c);
	double v = 0;
	memcpy(&v, &bits, sizeof v);
	if (v >= least && v <= most)
		return v;
	cur_fail(c, CUR_BAD);
	return 0;
}

static unsigned get_small(struct cur *c, unsigned most)
{
	unsigned v = cur_u8(c);
	if (v > most)
		cur_fail(c, CUR_BAD);
	return v > most ? 0 : v;
}

static void get_channel(struct cur *c, struct probe_channel *to)
{
	*to = (struct probe_channel){0};
	size_t len = cur_be16(c);
	struct span key = cur_bytes(c, len);
	if (key.len == 0 || key.len >= PROBE_KEY_BYTES || memchr(key.ptr, 0, key.len) != NULL) {
		cur_fail(c, CUR_BAD);
		return;
	}
	memcpy(to->key, key.ptr, key.len);
	to->first_ns = get_time(c);
	to->seen_ns = get_time(c);
	to->lag_ns = get_time(c);
	to->block_hits = cur_be32(c);
	to->sham_hits = cur_be32(c);
	unsigned flags = get_small(c, FLAG_SET | FLAG_SPARED);
	to->in_set = (flags & FLAG_SET) != 0;
	to->spared = (flags & FLAG_SPARED) != 0;
}

static void get_channels(struct cur *c, const struct probe_config *config, struct probe *to)
{
	uint32_t set = 0;
	to->channels = get_small(c, PROBE_CHANNELS_MAX);
	for (uint32_t i = 0; cur_ok(c) && i < to->channels; i++) {
		get_channel(c, &to->channel[i]);
		set += to->channel[i].in_set;
		for (uint32_t k = 0; k < i; k++)
			if (strcmp(to->channel[k].key, to->channel[i].key) == 0)
				cur_fail(c, CUR_BAD);
	}
	if (to->channels == 0 || set > config->blocked)
		cur_fail(c, CUR_BAD);
}

static bool counts_agree(const struct probe_config *config, const struct probe *one)
{
	const struct probe_count *of = one->count;
	uint64_t done = probe_counted(one) + one->tree_blocks;
	for (uint32_t i = 0; i < one->channels; i++)
		if ((uint64_t)one->channel[i].block_hits + one->channel[i].sham_hits > one->slots)
			return false;
	for (size_t i = 0; i < PROBE_WINDOWS; i++)
		if (of[i].windows > one->slots || of[i].met > of[i].again ||
			(uint64_t)of[i].fresh + of[i].again > of[i].windows ||
			(uint64_t)of[i].first + of[i].again > of[i].windows ||
			(uint64_t)of[i].first + of[i].again + of[i].fresh < of[i].windows)
			return false;
	return one->p0_given < 1 && one->slots <= config->slots && done <= one->slots &&
	       one->nothing_new <= one->tree_blocks &&
	       (one->phase == PROBE_COOLING || one->verdict == PROBE_OPEN ||
		       one->verdict == PROBE_CONFIRMED) &&
	       (one->phase != PROBE_COOLING || one->verdict != PROBE_OPEN);
}

static void get_counters(struct cur *c, struct probe *to)
{
	for (size_t i = 0; i < PROBE_WINDOWS; i++) {
		struct probe_count *count = &to->count[i];
		count->windows = cur_be32(c);
		count->fresh = cur_be32(c);
		count->again = cur_be32(c);
		count->met = cur_be32(c);
		count->first = cur_be32(c);
	}
	to->slots = cur_be32(c);
	to->tree_blocks = cur_be32(c);
	to->nothing_new = cur_be32(c);
	to->forgotten = cur_be32(c);
}

static void get_probe(struct cur *c, const struct probe_config *config, struct probe *to)
{
	*to = (struct probe){0};
	to->host = addr_of(cur_bytes(c, sizeof to->host.byte));
	to->phase = (enum probe_phase)get_small(c, PROBE_COOLING);
	to->verdict = (enum probe_verdict)get_small(c, PROBE_STOPPED);
	to->block = get_small(c, 1) != 0;
	to->told = get_small(c, 1) != 0;
	to->number = cur_be64(c);
	to->slot_ns = get_time(c);
	to->began_ns = get_time(c);
	to->due_ns = get_time(c);
	to->p0_given = get_double(c, 0, 1);
	get_counters(c, to);
	get_channels(c, config, to);
	if (cur_ok(c) && (to->phase == PROBE_NONE || to->slot_ns < config->slot_min_ns ||
				 to->slot_ns > config->slot_max_ns || !counts_agree(config, to)))
		cur_fail(c, CUR_BAD);
}

/* What ran is not watched any more: its slot counts nothing, and what the block shut opens by
 * itself. */
static void wake(struct probe *one, int64_t now_ns)
{
	if (one->phase != PROBE_SLOT)
		return;
	one->phase = PROBE_REST;
	one->began_ns = one->due_ns > now_ns ? one->due_ns : now_ns;
	one->due_ns = one->began_ns + one->slot_ns;
}

static void get_probes(struct cur *c, struct probes *to)
{
	struct span head = cur_bytes(c, sizeof magic);
	if (head.len != sizeof magic || memcmp(head.ptr, magic, sizeof magic) != 0)
		cur_fail(c, CUR_BAD);
	to->now_ns = get_time(c);
	to->experiments = cur_be64(c);
	size_t hosts = cur_be16(c), running = 0;
	if (hosts > PROBE_HOSTS_MAX)
		cur_fail(c, CUR_BAD);
	for (size_t i = 0; cur_ok(c) && i < hosts; i++) {
		struct probe *one = &to->item[i];
		get_probe(c, &to->config, one);
		running += one->phase != PROBE_COOLING;
		if (one->number > to->experiments)
			cur_fail(c, CUR_BAD);
		for (size_t k = 0; k < i; k++)
			if (addr_eq(&to->item[k].host, &one->host))
				cur_fail(c, CUR_BAD);
	}
	if (c->len > 0 || running > to->config.hosts)
		cur_fail(c, CUR_BAD);
}

int probes_restore(
	struct probes *p, const void *bytes, size_t len, int64_t now_ns, struct fail *why)
{
	struct cur c = cur_of(bytes, len);
	get_probes(&c, p);
	if (!cur_ok(&c)) {
		*p = (struct probes){.config = p->config};
		return fail_set(why, -EPROTO,
			"probe: the saved experiments are broken, or of another configuration; "
			"without them all begin anew");
	}
	if (now_ns > p->now_ns)
		p->now_ns = now_ns;
	for (size_t i = 0; i < PROBE_HOSTS_MAX; i++) {
		probe_weigh(p, &p->item[i]);
		wake(&p->item[i], p->now_ns);
	}
	return 0;
}
