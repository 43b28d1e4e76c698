/* Safelist: endpoints and hosts that a person vouches for. A line is a domain (it and all below
 * it), or an address or network; "#" begins a comment. What an entry hid is counted: a list that
 * nobody can see through is a hole. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/cur.h"
#include "base/fail.h"
#include "base/out.h"

/* More belongs into a policy. */
#define SAFELIST_ENTRIES_MAX 65536u
#define SAFELIST_BYTES_MAX   ((size_t)8 << 20)

struct safelist;
struct finding;

struct safelist_entry {
	const char *text; /* as it is understood: "vendor.example", "192.0.2.0/24"; safe to print */
	uint32_t line;    /* from 1 */
	uint64_t hid;     /* findings that would have been reported */
};

/* name stands for the list in complaints; copied. Fails: -EINVAL (a line that is neither a domain
 * nor an address, with its number), -E2BIG, -ENOMEM. */
MUST_USE int safelist_parse(
	struct safelist **ret, const char *name, struct cur text, struct fail *why);
void safelist_free(struct safelist *s);

/* The entry that vouches for the finding, or NULL: it holds the finding's host, or entries hold all
 * that the host went on to (without a switch: all its channels); the first of those then. */
struct safelist_entry *safelist_find(struct safelist *s, const struct finding *f);

#define SAFELIST_VOUCHED_BYTES 400u /* "line 3 of FILE vouches for NAME" */
/* Explains the finding by the entry that vouches for it, where nothing else did; text becomes the
 * sentence and is borrowed by the finding. The entry hid it when it would pass max_e. */
void safelist_vouch(struct safelist *s, struct finding *f, double max_e,
	char text[static SAFELIST_VOUCHED_BYTES]);
const char *safelist_name(const struct safelist *s);
size_t safelist_count(const struct safelist *s);
/* In the order of their lines. */
const struct safelist_entry *safelist_get(const struct safelist *s, size_t index);
/* Sets what an entry hid: of a list that is read back. */
void safelist_hid(struct safelist *s, size_t index, uint64_t hid);
