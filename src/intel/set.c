/* One table over all kinds: open addressing by a keyed hash of 64 bits, of which the upper half
 * says where and the lower is compared before the key itself is. */
#include "intel/set.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define FIRST_SLOTS  ((size_t)1 << 12)
#define FIRST_BYTES  ((size_t)1 << 16)
#define LENGTH_BYTES 2u /* before a key that varies */
/* Two thirds full at most: five slots are looked at on average for what is not there, and they lie
 * on one line of the cache. */
#define ROOM(entries) ((entries) + (entries) / 2 + 1)
#define HUGE_PAGE     ((size_t)2 << 20)

size_t key_size(enum intel_kind kind)
{
	static const uint8_t bytes[INTEL_KINDS] = {[INTEL_ADDRESS] = 16,
		[INTEL_NETWORK] = 17,
		[INTEL_JA3] = 16,
		[INTEL_CERT_MD5] = 16,
		[INTEL_CERT_SHA1] = 20,
		[INTEL_CERT_SHA256] = 32,
		[INTEL_FILE_MD5] = 16,
		[INTEL_FILE_SHA1] = 20,
		[INTEL_FILE_SHA256] = 32};
	return bytes[kind];
}

struct origin origin_of(const struct intel *set, uint32_t number)
{
	struct origin o;
	memcpy(&o, strings_get(set->origins, number), sizeof o);
	return o;
}

/* What lies behind its length. */
static struct span counted(const uint8_t *at)
{
	return (struct span){at + LENGTH_BYTES, at[0] | (size_t)at[1] << 8};
}

struct span entry_key(const struct intel *set, const struct entry *e)
{
	const uint8_t *at = set->key + e->key;
	size_t len = key_size((enum intel_kind)e->kind);
	return len == 0 ? counted(at) : (struct span){at, len};
}

struct span entry_rest(const struct intel *set, const struct entry *e)
{
	struct span key = entry_key(set, e);
	return e->kind == INTEL_URL ? counted(key.ptr + key.len) : (struct span){0};
}

static inline uint64_t hash_of(
	const struct intel *set, enum intel_kind kind, const void *key, size_t len)
{
	return hash_bytes(&set->hash[kind], key, len);
}

static inline size_t home(const struct intel *set, uint64_t hash)
{
	return (size_t)((hash >> 32) * (uint64_t)set->slots >> 32);
}

static inline bool is_key(const struct intel *set, const struct entry *e, enum intel_kind kind,
	const void *key, size_t len)
{
	if ((enum intel_kind)e->kind != kind)
		return false;
	struct span its = entry_key(set, e);
	return its.len == len && memcmp(its.ptr, key, len) == 0;
}

size_t set_find(const struct intel *set, enum intel_kind kind, const void *key, size_t len,
	uint32_t *ret, size_t max)
{
	size_t found = 0;
	if (set->count[kind] == 0)
		return 0;
	uint64_t hash = hash_of(set, kind, key, len);
	for (size_t i = home(set, hash); set->slot[i].entry != 0 && found < max;
		i = i + 1 == set->slots ? 0 : i + 1)
		if (set->slot[i].tag == (uint32_t)hash &&
			is_key(set, &set->entry[set->slot[i].entry - 1], kind, key, len))
			ret[found++] = set->slot[i].entry - 1;
	return found;
}

/* ---- building ---- */

static struct slot *slots_new(size_t count)
{
	size_t bytes = (count * sizeof(struct slot) + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
	if (bytes == HUGE_PAGE)
		return calloc(count, sizeof(struct slot));
	/* a look into a table of 100 MB is one miss of the cache, and on small pages one of the
	 * address translation too */
	struct slot *slot = aligned_alloc(HUGE_PAGE, bytes);
	if (slot == NULL)
		return NULL;
	(void)madvise(slot, bytes, MADV_HUGEPAGE);
	memset(slot, 0, bytes);
	return slot;
}

static void put(struct intel *set, uint64_t hash, uint32_t entry)
{
	size_t i = home(set, hash);
	while (set->slot[i].entry != 0)
		i = i + 1 == set->slots ? 0 : i + 1;
	set->slot[i] = (struct slot){.tag = (uint32_t)hash, .entry = entry};
}

static int resize(struct intel *set, size_t slots)
{
	struct slot *new = slots_new(slots);
	if (new == NULL)
		return -ENOMEM;
	free(set->slot);
	set->slot = new;
	set->slots = slots;
	for (size_t i = 0; i < set->entries; i++) {
		const struct entry *e = &set->entry[i];
		struct span key = entry_key(set, e);
		put(set, hash_of(set, (enum intel_kind)e->kind, key.ptr, key.len), (uint32_t)i + 1);
	}
	return 0;
}

static int reserve(void **block, size_t *room, size_t want, size_t item)
{
	if (want <= *room)
		return 0;
	size_t more = *room + *room / 2 > want ? *room + *room / 2 : want;
	more = more * item < FIRST_BYTES ? FIRST_BYTES / item : more;
	void *bigger = realloc(*block, more * item);
	if (bigger == NULL)
		return -ENOMEM;
	*block = bigger;
	*room = more;
	return 0;
}

static int make_room(struct intel *set, const struct key *key)
{
	size_t bytes = set->key_bytes + key->len + key->rest + 2 * (size_t)LENGTH_BYTES;
	if (set->entries == INTEL_ITEMS_MAX || bytes > UINT32_MAX)
		return -E2BIG;
	void *entry = set->entry, *text = set->key;
	int err = reserve(&entry, &set->entry_room, set->entries + 1, sizeof *set->entry);
	set->entry = entry;
	if (err == 0)
		err = reserve(&text, &set->key_room, bytes, 1);
	set->key = text;
	if (err == 0 && ROOM(set->entries + 1) > set->slots)
		err = resize(set, set->slots == 0 ? FIRST_SLOTS : set->slots * 2);
	return err;
}

static void put_bytes(struct intel *set, const uint8_t *bytes, size_t len, bool counted)
{
	if (counted) {
		set->key[set->key_bytes++] = (uint8_t)len;
		set->key[set->key_bytes++] = (uint8_t)(len >> 8);
	}
	if (len > 0)
		memcpy(set->key + set->key_bytes, bytes, len);
	set->key_bytes += len;
}

static uint32_t put_key(struct intel *set, const struct key *key)
{
	uint32_t at = (uint32_t)set->key_bytes;
	put_bytes(set, key->byte, key->len, key_size(key->kind) == 0);
	if (key->kind == INTEL_URL)
		put_bytes(set, key->byte + key->len, key->rest, true);
	return at;
}

/* The same thing said again is kept once, with the later end. */
static bool is_again(struct entry *have, const struct entry *e)
{
	if (have->origin != e->origin || have->self != e->self || have->below != e->below)
		return false;
	if (have->until_s != 0)
		have->until_s =
			e->until_s == 0 || e->until_s > have->until_s ? e->until_s : have->until_s;
	return true;
}

int set_add(struct intel *set, const struct key *key, const struct entry *e)
{
	uint32_t same[INTEL_SAME_MAX];
	CHECK(key->len > 0 && key->len + key->rest <= KEY_BYTES_MAX);
	CHECK(key_size(key->kind) == 0 || key_size(key->kind) == key->len);
	size_t found = set_find(set, key->kind, key->byte, key->len, same, ARRAY_LEN(same));
	for (size_t i = 0; i < found; i++)
		if (is_again(&set->entry[same[i]], e))
			return 0;
	if (found == INTEL_SAME_MAX)
		return 0;
	int err = make_room(set, key);
	if (err < 0)
		return err;
	struct entry new = *e;
	new.kind = (unsigned)key->kind & 15;
	/* a key that is there already is not kept twice */
	new.key = found > 0 ? set->entry[same[0]].key : put_key(set, key);
	set->entry[set->entries++] = new;
	put(set, hash_of(set, key->kind, key->byte, key->len), (uint32_t)set->entries);
	set->count[key->kind]++;
	set->below |= new.below;
	return 1;
}

int set_shrink(struct intel *set)
{
	if (set->entries == 0)
		return 0;
	void *entry = realloc(set->entry, set->entries * sizeof *set->entry);
	void *key = realloc(set->key, set->key_bytes);
	set->entry = entry == NULL ? set->entry : entry;
	set->key = key == NULL ? set->key : key;
	return ROOM(set->entries) == set->slots ? 0 : resize(set, ROOM(set->entries));
}
