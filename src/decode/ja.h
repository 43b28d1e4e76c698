/* Fingerprints of a ClientHello: JA3 (github.com/salesforce/ja3) and JA4 (github.com/FoxIO-LLC/ja4,
 * its TLS client part, which is BSD 3-clause; nothing here is from the other parts). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cur.h"
#include "decode/tls.h"

/* Values of one list that are looked at. The longest offers met are those of scanners, about 200
 * ciphers; JA4 has to sort them, so a longer list is not fingerprinted at all rather than wrongly.
 */
#define JA_LIST_MAX 256

struct ja_list {
	size_t count;
	bool over; /* there were more than JA_LIST_MAX */
	uint16_t value[JA_LIST_MAX];
};

/* What both fingerprints are made of, GREASE (RFC 8701) left out of all of it. */
struct ja_input {
	bool quic, sni;        /* sni: the extension is there, whatever it says */
	uint16_t version;      /* legacy_version */
	uint16_t best_version; /* highest of supported_versions, 0 without them */
	struct span alpn;      /* first protocol offered */
	struct span formats;   /* ec_point_formats, one byte each */
	struct ja_list ciphers, extensions, groups, signatures;
};

/* RFC 8701: 0x0a0a, 0x1a1a … 0xfafa. */
bool ja_is_grease(uint16_t value);
/* Adds a value unless it is GREASE. */
void ja_add(struct ja_list *list, uint16_t value);

/* Both write "" when a list was too long. */
void ja3(const struct ja_input *in, char ret[static JA3_BYTES]);
void ja4(const struct ja_input *in, char ret[static JA4_BYTES]);
