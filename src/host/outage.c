#include "host/outage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

/* Nearly three days; a minute takes the place of the one that long before. */
#define MINUTES     4096u
#define MINUTE_NS   (60 * NS_PER_S)
#define HOSTS_MIN   5u
#define HOSTS_SHARE 3u /* of those that tried anything, one in */
#define LOST_MIN    3u
#define MAP_WORDS   4u /* hosts by number, 256 places: large sites are sampled by collision */

struct minute {
	int64_t number;
	uint64_t tried[MAP_WORDS], lost[MAP_WORDS];
	uint32_t endpoint[LOST_MIN];
};

struct outages {
	struct minute minute[MINUTES];
};

int outages_new(struct outages **ret)
{
	*ret = calloc(1, sizeof **ret);
	return *ret == NULL ? -ENOMEM : 0;
}

void outages_free(struct outages *o)
{
	free(o);
}

static struct minute *minute_of(struct outages *o, int64_t at_ns)
{
	int64_t number = at_ns / MINUTE_NS;
	struct minute *m = &o->minute[(uint64_t)number % MINUTES];
	if (m->number != number)
		*m = (struct minute){.number = number};
	return m;
}

static void mark(uint64_t map[static MAP_WORDS], uint32_t host)
{
	map[host / 64 % MAP_WORDS] |= UINT64_C(1) << host % 64;
}

static unsigned marks(const uint64_t map[static MAP_WORDS])
{
	unsigned count = 0;
	for (size_t i = 0; i < MAP_WORDS; i++)
		count += (unsigned)__builtin_popcountll(map[i]);
	return count;
}

void outages_tried(struct outages *o, uint32_t host, int64_t at_ns)
{
	mark(minute_of(o, at_ns)->tried, host);
}

void outages_lost(struct outages *o, uint32_t host, uint32_t endpoint, int64_t at_ns)
{
	struct minute *m = minute_of(o, at_ns);
	mark(m->tried, host);
	mark(m->lost, host);
	for (size_t i = 0; i < LOST_MIN; i++) {
		if (m->endpoint[i] == endpoint)
			return;
		if (m->endpoint[i] == 0) {
			m->endpoint[i] = endpoint;
			return;
		}
	}
}

bool outages_at(const struct outages *o, int64_t at_ns)
{
	int64_t number = at_ns / MINUTE_NS;
	for (int64_t n = number - 1; n <= number + 1; n++) {
		const struct minute *m = &o->minute[(uint64_t)n % MINUTES];
		unsigned lost = marks(m->lost);
		if (m->number == n && lost >= HOSTS_MIN && lost * HOSTS_SHARE >= marks(m->tried) &&
			m->endpoint[LOST_MIN - 1] != 0)
			return true;
	}
	return false;
}
