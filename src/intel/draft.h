/* Inside intel/: an indicator as a reader gives it, on its way into a set. */
#pragma once

#include "intel/set.h"

#define GROUP_MAX 8u /* things that must be seen together */

struct draft {             /* all zero but value and confidence is a thing that says nothing else */
	struct span value; /* as it is written; "*.", "[.]" and "hxxp" are understood */
	struct span note;
	int64_t until_s;
	enum intel_kind kind;
	enum intel_tlp tlp;
	int confidence; /* -1 not known */
	uint32_t line;
	uint16_t port;
	uint8_t category; /* of Suricata's reputation */
	bool below;       /* of a name: names below it too, where that is no public suffix */
};

/* The form in which it is compared, and what a name stands for. Returns NULL, or why it is no
 * indicator of its kind: a constant. */
const char *draft_key(const struct draft *d, struct key *ret, struct entry *ret_entry);

/* What a value without a word for its kind is by its looks alone: address, network, name, URL, a
 * file's hash. False: none of them. */
bool draft_guess(struct draft *d);
/* By the words that lists have for it ("ip-dst", "Intel::ADDR", "FileHash-SHA256", "sha1"); value
 * may then be cut (to what stands behind "filename|") and port be set. more: the second thing of a
 * pair ("domain|ip"), its value empty when it is none. False: no word of ours. */
bool draft_word(struct draft *d, struct span word, struct draft *more);
#define WORD_BYTES 48u
/* Lower case, every sign a dash, without "Intel::". */
void word_dashed(struct span word, char ret[static WORD_BYTES]);
/* A file's or a certificate's hash by its length. False: it has none. */
bool draft_hash(struct draft *d, bool certificate);
/* A confidence in words or numbers ("high", "75"); false: neither. */
bool draft_confidence(struct draft *d, struct span text);
/* "tlp:amber", "TLP:AMBER+STRICT", "white". */
enum intel_tlp tlp_of(struct span text);
/* Any form that scan_time() takes, or a date alone. False: neither. */
bool draft_until(struct draft *d, struct span text);

/* The path and query of a request as they are hashed for comparing; behind them host[:port] as
 * bytes: a URL's key. */
bool url_key(struct key *ret, uint64_t request, const char *host, uint16_t port);
