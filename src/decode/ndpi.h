/* Names the protocol of TCP and UDP conversations that no decoder here knows, by nDPI (LGPL-3).
 * Only what nDPI read in the bytes counts: what it would guess from ports and addresses is no
 * evidence here. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/check.h"

/* A conversation that has shown its first packets without being recognised never will be. */
#define NAMER_PACKETS_MAX 8
/* Conversations read at once; nDPI's state of one is about 1 kB. When all are taken, a new one
 * stays unnamed. */
#define NAMER_SLOTS_MAX ((size_t)4096)

/* Payload bytes of one packet that are shown: more than a frame of Ethernet has. */
#define NAMER_PAYLOAD_MAX ((size_t)2048)

struct namer;
struct packet; /* decode/decode.h */

/* Fails: -ENOMEM, -EINVAL (slots 0 or over NAMER_SLOTS_MAX). Not to be called by two threads at
 * once: nDPI's own rule. */
MUST_USE int namer_new(struct namer **ret, size_t slots);
void namer_free(struct namer *n);

/* A place for one conversation, 1 and up; 0 when all are taken. */
uint32_t namer_begin(struct namer *n);
/* Shows its next packet, both directions in the order they came. nDPI gets headers that are written
 * here and the payload: a stranger's header never reaches it, since 4.2 frees wild pointers when
 * one of its flows turns from UDP to TCP. Returns the protocol's name in lower case ("sip"),
 * which lives as long as n, once it is known. The place is given back, and *place made 0, when
 * there is a name, NAMER_PACKETS_MAX packets had none, or the transport is another than before.
 * Does nothing when *place is 0. */
const char *namer_guess(struct namer *n, uint32_t *place, const struct packet *packet);
/* Gives the place back early: the conversation is over. */
void namer_end(struct namer *n, uint32_t *place);

/* Conversations that found no place. */
uint64_t namer_refused(const struct namer *n);
