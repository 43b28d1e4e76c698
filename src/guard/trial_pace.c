#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "event/event.h"
#include "guard/trial.h"

/* What is too short to know a host's pace by counts as this. */
#define ACTIVE_LEAST_S 60.0
/* First contacts of late weigh by their age in this. */
#define BURST_S 600.0

/* Whether the attempt is of one of the finding's channels. */
static bool is_its(
	const struct finding *f, const struct attempt *a, const char *target, struct addr addr)
{
	bool name = (a->flags & ATTEMPT_LOOKUP) != 0;
	for (size_t i = 0; i < f->channels; i++) {
		const struct finding_channel *c = &f->channel[i];
		if (name && c->endpoint != NULL &&
			strcmp(c->endpoint, registered_domain(target)) == 0)
			return true;
		for (size_t k = 0; !name && k < c->addr_count; k++)
			if (addr_eq(&c->addrs[k], &addr))
				return true;
	}
	return false;
}

double trial_chance(const struct host *h, struct strings *strings, const struct finding *f,
	int64_t slot_ns, int64_t now_ns)
{
	double slot_s = (double)slot_ns / 1e9, late = 0;
	uint64_t own = 0;
	for (uint32_t i = 0; i < h->attempts; i++) {
		const struct attempt *a = &h->attempt[i];
		const char *target = strings_get(strings, a->target);
		struct addr addr = {0};
		if ((a->flags & ATTEMPT_FIRST) == 0 || (a->flags & ATTEMPT_RARE) == 0)
			continue;
		if (target != NULL && (a->flags & ATTEMPT_LOOKUP) == 0)
			memcpy(addr.byte, target, sizeof addr.byte);
		if (target != NULL && is_its(f, a, target, addr))
			own++;
		else
			late += exp(-fmax(0, (double)(now_ns - a->start_ns) / 1e9) / BURST_S) /
			        BURST_S;
	}
	uint64_t others = h->arrivals > own ? h->arrivals - own : 0;
	double ever = fmax(1, (double)others) / fmax(ACTIVE_LEAST_S, (double)h->active_ns / 1e9);
	return 1 - exp(-fmax(ever, late) * slot_s);
}
