/* One table over all kinds: open addressing by a keyed hash of 64 bits, of which the upper half
 * says where and the lower is compared before the key itself is. */
#include "intel/set.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define FIRST_THINGS ((size_t)2048)
#define LENGTH_BYTES ((size_t)2) /* before a key that varies */
#define UNIT_BYTES   ((size_t)4) /* records lie at multiples of it */
#define RECORD_MAX   (sizeof(struct entry) + KEY_BYTES_MAX + 2 * LENGTH_BYTES + UNIT_BYTES)
/* Two thirds full at most: five slots are looked at on average for what is not there, and they lie
 * on one line of the cache. */
#define SLOTS_FOR(things) ((things) + (things) / 2 + 1)
#define HUGE_PAGE         ((size_t)2 << 20)
/* A word of the filter is for four things: 16 bits each, of which a thing sets four in one word
 * (Putze, Sanders, Singler, "Cache-, Hash- and Space-Efficient Bloom Filters", 2007): one load
 * answers, and 2 in 100 of what is not there get past it. */
#define FILTERS_FOR(things) ((things) / 4 + 1)

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

/* ---- records ---- */

static inline uint8_t *record_at(const struct intel *set, uint32_t number)
{
	return set->record + (number - 1) * UNIT_BYTES;
}

struct entry entry_of(const struct intel *set, uint32_t number)
{
	struct entry e;
	memcpy(&e, record_at(set, number), sizeof e);
	return e;
}

enum intel_kind entry_kind(const struct intel *set, uint32_t number)
{
	return (enum intel_kind)entry_of(set, number).kind;
}

/* What lies behind its length. */
static inline struct span counted(const uint8_t *at)
{
	return (struct span){at + LENGTH_BYTES, at[0] | (size_t)at[1] << 8};
}

static inline struct span key_of(const struct intel *set, uint32_t number, enum intel_kind kind)
{
	const uint8_t *at = record_at(set, number) + sizeof(struct entry);
	size_t len = key_size(kind);
	return len == 0 ? counted(at) : (struct span){at, len};
}

struct span entry_key(const struct intel *set, uint32_t number)
{
	return key_of(set, number, entry_kind(set, number));
}

struct span entry_rest(const struct intel *set, uint32_t number)
{
	struct span key = entry_key(set, number);
	return entry_kind(set, number) == INTEL_URL ? counted(key.ptr + key.len) : (struct span){0};
}

uint32_t intel_next(const struct intel *set, uint32_t number)
{
	size_t end = 0;
	if (number != 0) {
		struct span last = entry_key(set, number);
		if (entry_kind(set, number) == INTEL_URL)
			last = entry_rest(set, number);
		end = (size_t)(last.ptr + last.len - set->record);
		end = (end + UNIT_BYTES - 1) / UNIT_BYTES * UNIT_BYTES;
	}
	return end < set->bytes ? (uint32_t)(end / UNIT_BYTES) + 1 : 0;
}

/* ---- the table ---- */

static inline uint64_t hash_of(
	const struct intel *set, enum intel_kind kind, const void *key, size_t len)
{
	return hash_bytes(&set->hash[kind], key, len);
}

static inline size_t home(const struct intel *set, uint64_t hash)
{
	return (size_t)((hash >> 32) * (uint64_t)set->slots >> 32);
}

static inline size_t after(const struct intel *set, size_t slot)
{
	return slot + 1 == set->slots ? 0 : slot + 1;
}

struct sought {
	enum intel_kind kind;
	const void *key;
	size_t len;
};

static inline bool is_key(const struct intel *set, uint32_t number, const struct sought *k)
{
	if (entry_kind(set, number) != k->kind)
		return false;
	struct span its = key_of(set, number, k->kind);
	return its.len == k->len && memcmp(its.ptr, k->key, k->len) == 0;
}

static size_t find(
	const struct intel *set, uint64_t hash, const struct sought *k, uint32_t *ret, size_t max)
{
	size_t found = 0;
	for (size_t i = home(set, hash); set->slot[i].number != 0 && found < max; i = after(set, i))
		if (set->slot[i].tag == (uint32_t)hash && is_key(set, set->slot[i].number, k))
			ret[found++] = set->slot[i].number;
	return found;
}

static inline size_t filter_home(const struct intel *set, uint64_t hash)
{
	return (size_t)((hash >> 32) * (uint64_t)set->filters >> 32);
}

/* Of the half of the hash that does not say which word. */
static inline uint64_t filter_bits(uint64_t hash)
{
	return UINT64_C(1) << (hash & 63) | UINT64_C(1) << (hash >> 6 & 63) |
	       UINT64_C(1) << (hash >> 12 & 63) | UINT64_C(1) << (hash >> 18 & 63);
}

size_t set_find(const struct intel *set, enum intel_kind kind, const void *key, size_t len,
	uint32_t *ret, size_t max)
{
	struct sought k = {kind, key, len};
	if (set->count[kind] == 0)
		return 0;
	uint64_t hash = hash_of(set, kind, key, len), bits = filter_bits(hash);
	if (set->filter != NULL && (set->filter[filter_home(set, hash)] & bits) != bits)
		return 0;
	return find(set, hash, &k, ret, max);
}

/* ---- building ---- */

/* Zeroed where clear is asked for. A look into hundreds of megabytes is one miss of the cache, and
 * on small pages one of the address translation too. */
static void *block_new(size_t bytes, bool clear)
{
	if (bytes < 2 * HUGE_PAGE)
		return calloc(1, bytes);
	bytes = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
	void *block = aligned_alloc(HUGE_PAGE, bytes);
	if (block == NULL)
		return NULL;
	(void)madvise(block, bytes, MADV_HUGEPAGE);
	if (clear)
		memset(block, 0, bytes);
	return block;
}

static void put(struct intel *set, uint64_t hash, uint32_t number)
{
	size_t i = home(set, hash);
	while (set->slot[i].number != 0)
		i = after(set, i);
	set->slot[i] = (struct slot){.tag = (uint32_t)hash, .number = number};
}

static int resize(struct intel *set, size_t slots)
{
	struct slot *bigger = block_new(slots * sizeof *bigger, true);
	if (bigger == NULL)
		return -ENOMEM;
	free(set->slot);
	set->slot = bigger;
	set->slots = slots;
	for (uint32_t n = intel_next(set, 0); n != 0; n = intel_next(set, n)) {
		enum intel_kind kind = entry_kind(set, n);
		struct span key = key_of(set, n, kind);
		put(set, hash_of(set, kind, key.ptr, key.len), n);
	}
	return 0;
}

static int have_bytes(struct intel *set, size_t want)
{
	if (want <= set->room)
		return 0;
	size_t room = set->room * 2 > want ? set->room * 2 : want;
	uint8_t *bigger = block_new(room, false);
	if (bigger == NULL)
		return -ENOMEM;
	if (set->bytes > 0)
		memcpy(bigger, set->record, set->bytes);
	free(set->record);
	set->record = bigger;
	set->room = room;
	return 0;
}

int set_reserve(struct intel *set, size_t things, size_t bytes)
{
	size_t all = set->entries + things;
	all = all < INTEL_ITEMS_MAX ? all : INTEL_ITEMS_MAX;
	int err = have_bytes(set, set->bytes + bytes + things * sizeof(struct entry));
	return err < 0 || SLOTS_FOR(all) <= set->slots ? err : resize(set, SLOTS_FOR(all));
}

static int make_room(struct intel *set)
{
	if (set->entries == INTEL_ITEMS_MAX || (set->bytes + RECORD_MAX) / UNIT_BYTES >= UINT32_MAX)
		return -E2BIG;
	int err = have_bytes(set, set->bytes + RECORD_MAX);
	if (err == 0 && SLOTS_FOR(set->entries + 1) > set->slots)
		err = resize(set, SLOTS_FOR(set->entries * 2 + FIRST_THINGS));
	return err;
}

static void put_bytes(struct intel *set, const void *bytes, size_t len)
{
	if (len > 0)
		memcpy(set->record + set->bytes, bytes, len);
	set->bytes += len;
}

static void put_counted(struct intel *set, const uint8_t *bytes, size_t len)
{
	const uint8_t length[LENGTH_BYTES] = {(uint8_t)len, (uint8_t)(len >> 8)};
	put_bytes(set, length, sizeof length);
	put_bytes(set, bytes, len);
}

/* Returns its number. */
static uint32_t put_record(struct intel *set, const struct key *key, const struct entry *e)
{
	static const uint8_t zero[UNIT_BYTES] = {0};
	uint32_t number = (uint32_t)(set->bytes / UNIT_BYTES) + 1;
	put_bytes(set, e, sizeof *e);
	if (key_size(key->kind) == 0)
		put_counted(set, key->byte, key->len);
	else
		put_bytes(set, key->byte, key->len);
	if (key->kind == INTEL_URL)
		put_counted(set, key->byte + key->len, key->rest);
	put_bytes(set, zero, (UNIT_BYTES - set->bytes % UNIT_BYTES) % UNIT_BYTES);
	return number;
}

/* The same thing said again is kept once, with the later end. */
static bool is_again(struct intel *set, uint32_t number, const struct entry *e)
{
	struct entry have = entry_of(set, number);
	if (have.origin != e->origin || have.self != e->self || have.below != e->below)
		return false;
	if (have.until_s != 0 && (e->until_s == 0 || e->until_s > have.until_s))
		have.until_s = e->until_s;
	memcpy(record_at(set, number), &have, sizeof have);
	return true;
}

int set_add(struct intel *set, const struct key *key, const struct entry *e)
{
	uint32_t same[INTEL_SAME_MAX];
	CHECK(key->len > 0 && key->len + key->rest <= KEY_BYTES_MAX);
	CHECK(key_size(key->kind) == 0 || key_size(key->kind) == key->len);
	int err = make_room(set);
	if (err < 0)
		return err;
	uint64_t hash = hash_of(set, key->kind, key->byte, key->len);
	struct sought k = {key->kind, key->byte, key->len};
	size_t found = find(set, hash, &k, same, ARRAY_LEN(same));
	for (size_t i = 0; i < found; i++)
		if (is_again(set, same[i], e))
			return 0;
	if (found == INTEL_SAME_MAX)
		return -EEXIST;
	struct entry new = *e;
	new.kind = (unsigned)key->kind & 15;
	put(set, hash, put_record(set, key, &new));
	set->entries++;
	set->count[key->kind]++;
	set->below |= new.below;
	return 1;
}

static int make_filter(struct intel *set)
{
	set->filters = FILTERS_FOR(set->entries);
	set->filter = block_new(set->filters * sizeof *set->filter, true);
	if (set->filter == NULL)
		return -ENOMEM;
	for (uint32_t n = intel_next(set, 0); n != 0; n = intel_next(set, n)) {
		enum intel_kind kind = entry_kind(set, n);
		struct span key = key_of(set, n, kind);
		uint64_t hash = hash_of(set, kind, key.ptr, key.len);
		set->filter[filter_home(set, hash)] |= filter_bits(hash);
	}
	return 0;
}

int set_seal(struct intel *set)
{
	size_t slots = SLOTS_FOR(set->entries);
	int err = set->slots <= 2 * slots && set->slots != 0 ? 0 : resize(set, slots);
	return err < 0 ? err : make_filter(set);
}
