/* Every table's maximum, with the reason beside it. Sizes are for one run with default options. */
#pragma once

#define NS_PER_S  INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_US INT64_C(1000)

/* Distinct names, fingerprints and user agents of a run: 2 M strings of 40 bytes; more are
 * "unknown", counted. */
#define STRINGS_BYTES_MAX ((size_t)96 << 20)
#define STRINGS_COUNT_MAX ((size_t)2 << 20)

/* Conversations held at once: 1 M in 512 MB (DESIGN: speed and size). */
#define CONVERSATIONS_MAX ((size_t)1 << 20)
/* Conversations whose first messages are being read at once; the oldest gives way to a new one. */
#define TALKS_MAX ((size_t)8192)
/* Buffers for messages that need more than one packet, 32 MB in all; few are needed at once, and
 * only what is needed is touched. */
#define TALK_BLOCKS_MAX ((size_t)2048)
/* A ClientHello or an HTTP head that is longer is read as far as this. */
#define TALK_BYTES_MAX 16384
/* DNS questions awaiting their answer. */
#define LOOKUPS_MAX ((size_t)65536)
/* Fragments of unfinished datagrams, all together. */
#define FRAGMENT_BYTES_MAX ((size_t)8 << 20)

/* Ids of records that told the latest attempts of all hosts: 10 MB, touched as it fills. A finding
 * names those that are still there when it is judged. */
#define UIDS_MAX ((uint32_t)1 << 18)

/* Hosts watched at once, 35 KB each at most. */
#define HOSTS_MAX ((size_t)131072)
