/* Inside intel/: how the set is laid out. A thing is a record of 12 bytes and its key, one behind
 * the other in one block, 12 bytes of the table and 2 of the filter: 42 to 58 bytes in all for
 * addresses and hashes, 28 and its length for text. A look is one miss of the cache for what is
 * not there, in a filter that is small enough for much of it to stay in the cache; three for what
 * is. */
#pragma once

#include "base/hash.h"
#include "base/strings.h"
#include "intel/intel.h"

#define KEY_BYTES_MAX 2048u
#define NOTE_BYTES    160u
/* Of the notes of all lists; what is behind has none. */
#define NOTES_BYTES_MAX   ((size_t)64 << 20)
#define NOTES_COUNT_MAX   ((size_t)1 << 20)
#define ORIGINS_COUNT_MAX ((size_t)1 << 20)
#define CATEGORIES        61u /* of Suricata's reputation: 1 to 60 */

struct key { /* a thing in the form in which it is compared */
	enum intel_kind kind;
	size_t len;
	size_t rest; /* bytes behind those that are not compared: what a URL asks its server for */
	uint8_t byte[KEY_BYTES_MAX];
};

struct origin {         /* what many items have in common; kept once, as bytes: no padding */
	uint32_t note;  /* of notes */
	uint32_t group; /* holds only together with the others of this group; 0 alone */
	uint16_t file, port;
	uint8_t members; /* of the group */
	uint8_t tlp, category;
	int8_t confidence;
};

struct entry {            /* a record without its key */
	uint32_t until_s; /* 0 never */
	uint32_t line;
	uint32_t origin : 26, kind : 4, self : 1, below : 1;
};

struct slot {
	uint32_t tag;    /* lower half of the hash; the upper says where */
	uint32_t number; /* of the record: its place in fours of bytes, and one; 0: free */
};

struct network {
	struct addr net;
	uint32_t parent; /* the smallest one around it, from 1; 0 none */
	uint8_t bits;
};

struct intel {
	struct hash_key hash[INTEL_KINDS];
	struct slot *slot;
	size_t slots;
	uint64_t *filter; /* says of most of what is not there that it is not; NULL: not yet */
	size_t filters;
	uint8_t *record; /* the entry, then the key: behind its length (two bytes) where it varies;
	                  * of a URL then the rest in the same manner; then up to three bytes of
	                  * zero */
	size_t bytes, room;
	size_t entries;
	struct strings *notes, *origins;
	struct network *network; /* by net, then the larger first; each once */
	size_t networks;
	uint64_t count[INTEL_KINDS];
	uint32_t groups;               /* of things that hold together only */
	bool below;                    /* there are names with all below them */
	uint32_t category[CATEGORIES]; /* their names, of notes */
	struct intel_file **file;
	size_t files;
};

/* Bytes of a key of this kind; 0: it varies. */
size_t key_size(enum intel_kind kind);
struct origin origin_of(const struct intel *set, uint32_t number);
struct entry entry_of(const struct intel *set, uint32_t number);
enum intel_kind entry_kind(const struct intel *set, uint32_t number);
struct span entry_key(const struct intel *set, uint32_t number);
struct span entry_rest(const struct intel *set, uint32_t number); /* of a URL */

/* Room for as many things and bytes of text as a file may hold, so that nothing has to be moved
 * while it is read. Fails: -ENOMEM. */
MUST_USE int set_reserve(struct intel *set, size_t things, size_t bytes);
/* Adds what is not there yet from this origin. Returns 1: added, 0: repeated. Fails: -EEXIST
 * (INTEL_SAME_MAX others have it), -ENOMEM, -E2BIG. */
MUST_USE int set_add(struct intel *set, const struct key *key, const struct entry *e);
/* No more will be added: makes the table smaller when it is much too large, and the filter. Fails:
 * -ENOMEM. */
MUST_USE int set_seal(struct intel *set);
/* The numbers of this key's records, at most max, in the order in which they came. */
size_t set_find(const struct intel *set, enum intel_kind kind, const void *key, size_t len,
	uint32_t *ret, size_t max);

/* Fails: -ENOMEM. */
MUST_USE int networks_make(struct intel *set);
size_t networks_find(const struct intel *set, const struct addr *addr, uint32_t *ret, size_t max);
