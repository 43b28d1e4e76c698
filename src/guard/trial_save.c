/* Saved trials, big-endian:
 *
 *   "TRL2"  number of questions that rest (2), and of each  question (32)  until (8)
 *   number of hosts (1), and of each  host (16)  finding (32)  E (8, IEEE 754)
 *   length of a switch's words (1; 0: it is a finding's)  words
 *   then the probes (probe_save.c)
 *
 * Addresses of channels are not kept: a channel is shut as soon as it is seen again, and no slot
 * begins before it is. */
#include <errno.h>
#include <string.h>

#include "base/cur.h"
#include "base/scan.h"
#include "guard/trial_private.h"

static const char magic[4] = {'T', 'R', 'L', '2'};

#define ID_BYTES 32
#define TIME_MAX (INT64_MAX / 4)

static void put(struct out *to, uint64_t v, unsigned n)
{
	while (n-- > 0) {
		char byte = (char)(uint8_t)(v >> 8 * n);
		out_bytes(to, &byte, 1);
	}
}

void trials_save(const struct trials *t, struct out *to)
{
	uint64_t hosts = 0, bits = 0;
	out_bytes(to, magic, sizeof magic);
	put(to, t->rests, 2);
	for (size_t i = 0; i < t->rests; i++) {
		/* the oldest first, so that it is the first to give way again */
		const struct trial_rest *r =
			&t->rest[t->rests < TRIAL_RESTS_MAX ? i
							    : (t->next_rest + i) % TRIAL_RESTS_MAX];
		out_bytes(to, r->question, ID_BYTES);
		put(to, (uint64_t)r->until_ns, 8);
	}
	for (size_t i = 0; i < PROBE_HOSTS_MAX; i++)
		hosts += probe_find(t->probes, &t->item[i].host) != NULL;
	put(to, hosts, 1);
	for (size_t i = 0; i < PROBE_HOSTS_MAX; i++) {
		const struct trial *one = &t->item[i];
		if (probe_find(t->probes, &one->host) == NULL)
			continue;
		out_bytes(to, (const char *)one->host.byte, sizeof one->host.byte);
		out_bytes(to, one->finding, ID_BYTES);
		memcpy(&bits, &one->e_value, sizeof bits);
		put(to, bits, 8);
		put(to, strlen(one->words), 1);
		out_text(to, one->words);
	}
	probes_save(t->probes, to);
}

static void get_id(struct cur *c, char ret[static 33])
{
	struct span text = cur_bytes(c, ID_BYTES);
	for (size_t i = 0; i < text.len; i++)
		if (scan_hex(text.ptr[i]) > 15)
			cur_fail(c, CUR_BAD);
	if (!cur_ok(c))
		return;
	memcpy(ret, text.ptr, ID_BYTES);
	ret[ID_BYTES] = '\0';
}

/* Only what we would have written: they are shown. */
static void get_words(struct cur *c, struct trial *one)
{
	struct span words = cur_bytes(c, cur_u8(c));
	for (size_t i = 0; i < words.len; i++)
		if (words.ptr[i] < ' ' || words.ptr[i] > '~')
			cur_fail(c, CUR_BAD);
	if (!cur_ok(c) || words.len >= sizeof one->words) {
		cur_fail(c, CUR_BAD);
		return;
	}
	memcpy(one->words, words.ptr, words.len);
	one->words[words.len] = '\0';
	one->cause = words.len > 0 ? CAUSE_SWITCH : CAUSE_FINDING;
}

static void get_trials(struct cur *c, struct trials *t)
{
	struct span head = cur_bytes(c, sizeof magic);
	if (head.len != sizeof magic || memcmp(head.ptr, magic, sizeof magic) != 0)
		cur_fail(c, CUR_BAD);
	size_t rests = cur_be16(c);
	if (rests > TRIAL_RESTS_MAX)
		cur_fail(c, CUR_BAD);
	for (size_t i = 0; cur_ok(c) && i < rests; i++) {
		struct trial_rest *r = &t->rest[i];
		get_id(c, r->question);
		uint64_t until = cur_be64(c);
		if (until > TIME_MAX)
			cur_fail(c, CUR_BAD);
		else
			r->until_ns = (int64_t)until;
		t->rests = i + 1;
	}
	t->next_rest = t->rests % TRIAL_RESTS_MAX;
	size_t hosts = cur_u8(c);
	if (hosts > PROBE_HOSTS_MAX)
		cur_fail(c, CUR_BAD);
	for (size_t i = 0; cur_ok(c) && i < hosts; i++) {
		struct trial *one = &t->item[i];
		one->host = addr_of(cur_bytes(c, sizeof one->host.byte));
		get_id(c, one->finding);
		if (addr_is_none(&one->host))
			cur_fail(c, CUR_BAD);
		uint64_t bits = cur_be64(c);
		memcpy(&one->e_value, &bits, sizeof bits);
		if (!(one->e_value >= 0 && one->e_value <= 1e9))
			cur_fail(c, CUR_BAD);
		get_words(c, one);
	}
}

/* Each host has its experiment, and each experiment its host. */
static bool agree(struct trials *t)
{
	size_t ours = 0, theirs = 0;
	for (size_t i = 0; i < PROBE_HOSTS_MAX; i++) {
		struct trial *one = &t->item[i];
		const struct probe *probe = probe_find(t->probes, &one->host);
		theirs += t->probes->item[i].phase != PROBE_NONE;
		if (addr_is_none(&one->host))
			continue;
		for (size_t k = 0; k < i; k++)
			if (addr_eq(&t->item[k].host, &one->host))
				return false;
		if (probe == NULL)
			return false;
		ours++;
		one->number = probe->number;
		one->confirmed = probe->verdict == PROBE_CONFIRMED;
	}
	return ours == theirs;
}

int trials_restore(
	struct trials *t, const void *bytes, size_t len, int64_t now_ns, struct fail *why)
{
	struct cur c = cur_of(bytes, len);
	get_trials(&c, t);
	struct span rest = cur_bytes(&c, c.len);
	int code =
		cur_ok(&c) ? probes_restore(t->probes, rest.ptr, rest.len, now_ns, why) : -EPROTO;
	if (code == 0 && agree(t))
		return 0;
	*t->probes = (struct probes){.config = t->probes->config};
	*t = (struct trials){.options = t->options, .probes = t->probes};
	return fail_set(why, -EPROTO,
		"the saved experiments are broken, or of other settings; without them all begin "
		"anew");
}
