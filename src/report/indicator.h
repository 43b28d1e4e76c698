/* Inside report/: what of a finding may go into a rule, a block list or a feed. Nothing goes in
 * there that would hurt others: no public resolver, no large operator, no service that everybody
 * may write to, none of the hosts' own networks, nothing that only stood beside the story. */
#pragma once

#include "base/strings.h"
#include "report/report.h"

enum indicator_kind {
	INDICATOR_DOMAIN, /* the name and all below it */
	INDICATOR_NAME,   /* that name only */
	INDICATOR_ADDRESS,
};

struct indicator {
	enum indicator_kind kind;
	const struct finding *finding;
	const struct finding_channel *channel;
	const char *name; /* lower case; letters, digits, - _ and . only; NULL: an address */
	struct addr addr;
};

#define INDICATORS_MAX ((size_t)FINDING_CHANNELS_MAX * (1 + FINDING_NAMES_MAX + FINDING_ADDRS_MAX))

struct indicators {
	struct indicator item[INDICATORS_MAX];
	size_t count;
	size_t spared; /* endpoints left out because they are others' as well */
	size_t odd;    /* names left out because no rule could hold them safely */
};

/* In the order of the channels; each name and each address once. */
void indicators_of(const struct finding *f, struct indicators *ret);

/* What makes two addresses one: the address alone, with its port, with port and protocol. */
enum indicator_sameness { SAME_ADDRESS, SAME_PORT, SAME_PROTOCOL };

/* All of them over the findings that are reported, each once. */
struct indicator_walk {
	const struct report_case *c;
	enum indicator_sameness same;
	struct strings *seen;
	struct indicators list; /* of the finding that was looked at last */
	size_t finding, item;
};

/* End with indicators_end(), which says in o->failed when memory ran out: then none is found. */
void indicators_begin(
	struct indicator_walk *w, const struct report_case *c, enum indicator_sameness same);
/* NULL at the end. Borrowed until the next call. */
const struct indicator *indicators_next(struct indicator_walk *w);
void indicators_end(struct indicator_walk *w, struct out *o);

/* A host name that is safe in every language of rules and queries: lower-case letters, digits, -
 * and _ in labels of 1 to 63, at least two of them, 253 bytes at most. */
bool name_is_plain(const char *name);
/* A published resolver that half the world uses. */
bool addr_is_resolver(const struct addr *a);
