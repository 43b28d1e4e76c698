#include "host/recent.h"

#include "base/limits.h"
#include "host/state.h"

/* A connection this long after the answer to a look-up was made for it (prototype section 3). */
#define LOOKUP_LEADS_NS (10 * NS_PER_S)

void recent_add(struct recent *r, uint32_t domain, uint32_t name, int64_t query_ns)
{
	size_t at = r->next++ % ARRAY_LEN(r->lookup);
	r->lookup[at].query_ns = query_ns;
	r->lookup[at].domain = domain;
	r->lookup[at].name = name;
}

int64_t recent_led(const struct recent *r, uint32_t domain, int64_t start_ns)
{
	int64_t best = start_ns;
	for (size_t i = 0; i < ARRAY_LEN(r->lookup); i++) {
		int64_t asked = r->lookup[i].query_ns;
		if (r->lookup[i].domain == domain && asked <= start_ns &&
			start_ns - asked < LOOKUP_LEADS_NS && asked < best)
			best = asked;
	}
	return best;
}

bool recent_answered(const struct recent *r, uint32_t name, int64_t at_ns)
{
	for (size_t i = 0; i < ARRAY_LEN(r->lookup); i++) {
		int64_t since = at_ns - r->lookup[i].query_ns;
		if (r->lookup[i].name == name && since < ANSWER_VOIDS_NS &&
			since > -ANSWER_VOIDS_NS)
			return true;
	}
	return false;
}
