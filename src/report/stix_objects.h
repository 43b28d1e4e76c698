/* Inside report/: the parts of a STIX 2.1 bundle that are no opinions: ids, and what was observed.
 */
#pragma once

#include "base/strings.h"
#include "report/emit.h"
#include "report/report.h"

#define STIX_REF_BYTES 64

struct stix_ref {
	char text[STIX_REF_BYTES]; /* type--UUID */
};

struct stix_refs {
	struct stix_ref
		item[2 + FINDING_CHANNELS_MAX * (2 + FINDING_NAMES_MAX + FINDING_ADDRS_MAX)];
	size_t count;
};

struct stix_bundle {
	struct emit e;
	struct strings *seen; /* ids of what is told already; NULL: no memory */
	struct stix_ref identity;
	int64_t now_ns;
};

/* The id of an object that is Postern's own. */
struct stix_ref stix_ref_of(const char *type, const char *name);
/* Each once, in the order of their first use. */
void stix_refs_add(struct stix_refs *refs, struct stix_ref ref);
void stix_refs_put(struct emit *e, const char *key, const struct stix_refs *refs);
/* Whether it is to be told now; it counts as told from then on. */
bool stix_is_new(struct stix_bundle *b, const struct stix_ref *id);

/* Observables: told when they are new; their id in any case. value: plain (name_is_plain). */
struct stix_ref stix_name(struct stix_bundle *b, const char *value);
struct stix_ref stix_address(struct stix_bundle *b, const struct addr *a);
/* A channel's addresses, names and traffic from the host, added to refs. */
void stix_channel(struct stix_bundle *b, const struct finding *f, const struct finding_channel *ch,
	const struct stix_ref *host, struct stix_refs *refs);
