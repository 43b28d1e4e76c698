/* The data's clock, and a wheel of buckets that knows whose patience ends next. A conversation is
 * not moved when it speaks: only when the end of its bucket comes is it looked at again. */
#include "flow/conversation.h"

const int64_t wait_ns[2][WAIT_COUNT] = {
	{
		[WAIT_CLOSE] = 10 * NS_PER_S,
		[WAIT_REFUSED] = 20 * NS_PER_S,
		[WAIT_SYN] = 75 * NS_PER_S,
		[WAIT_HALF] = 120 * NS_PER_S,
		[WAIT_OPEN] = 3600 * NS_PER_S,
	},
	/* prompt: Windows answers a RST with a SYN after half a second; of the gaps between SYNs
         * (1, 2, 4, 8 s) all but the last that a client waits for */
	{
		[WAIT_CLOSE] = 2 * NS_PER_S,
		[WAIT_REFUSED] = 1 * NS_PER_S,
		[WAIT_SYN] = 8 * NS_PER_S,
		[WAIT_HALF] = 120 * NS_PER_S,
		[WAIT_OPEN] = 3600 * NS_PER_S,
	},
};

/* A packet that is older by more than this is not late: the clock was set back. (Ingest orders
 * within 10 s.) */
#define LATE_NS (60 * NS_PER_S)

/* A longer silence ends every conversation just the same; so the wheel need not turn further. */
#define STEP_NS (3700 * NS_PER_S)

/* Years 1970 to 2043 and far beyond: no sum of times overflows. */
#define TIME_MAX (INT64_MAX / 4)

_Static_assert((3600 * NS_PER_S >> TICK_BITS) + 1 + (STEP_NS >> TICK_BITS) + 1 < WHEEL_BUCKETS,
	"a bucket never holds two ticks");

/* The first packet, a late one, a clock set back, a long silence. */
RARE static void set_oddly(struct flow_table *t, int64_t time_ns)
{
	int64_t at = time_ns < 1 ? 1 : time_ns > TIME_MAX ? TIME_MAX : time_ns;
	t->at_ns = at;
	if (!t->started) {
		t->started = true;
		t->origin_ns = t->begin_ns = at;
	}
	int64_t clock = at - t->origin_ns;
	if (clock < t->clock_ns - LATE_NS) {
		t->stats.clock_backs++;
		t->origin_ns = at - t->clock_ns;
	} else if (clock > t->most_ns) {
		t->origin_ns = at - t->most_ns;
		t->clock_ns = t->most_ns;
	} else if (clock > t->clock_ns) {
		t->clock_ns = clock;
	}
}

void clock_set(struct flow_table *t, int64_t time_ns)
{
	int64_t clock = (int64_t)((uint64_t)time_ns - (uint64_t)t->origin_ns);
	if (clock < t->clock_ns || clock > t->most_ns || time_ns > TIME_MAX || !t->started) {
		set_oddly(t, time_ns);
		return;
	}
	t->at_ns = time_ns;
	t->clock_ns = clock;
}

void clock_done(struct flow_table *t, uint32_t tick)
{
	t->tick = tick;
	t->most_ns = ((int64_t)tick << TICK_BITS) + STEP_NS;
	t->due_ns = (int64_t)(tick + 1) << TICK_BITS;
	t->quiet = true;
}

/* The first tick at which it is idle for too long, should it stay silent. */
static uint32_t end_tick(const struct flow_table *t, const struct conversation *c)
{
	return (uint32_t)((c->clock_ns + wait_ns[t->options.prompt][c->wait]) >> TICK_BITS) + 1;
}

void wheel_add(struct flow_table *t, struct conversation *c)
{
	c->tick = end_tick(t, c);
	if (t->live++ == 0 || c->tick < t->wheel_tick)
		t->wheel_tick = c->tick;
	/* in a circle: the first's older is the last */
	uint32_t *first = &t->wheel[c->tick % WHEEL_BUCKETS], me = number_of(t, c);
	if (*first == NOBODY) {
		*first = c->older = c->newer = me;
		return;
	}
	struct conversation *head = &t->conversation[*first];
	c->older = head->older;
	c->newer = *first;
	t->conversation[c->older].newer = me;
	head->older = me;
}

void wheel_remove(struct flow_table *t, struct conversation *c)
{
	uint32_t *first = &t->wheel[c->tick % WHEEL_BUCKETS], me = number_of(t, c);
	t->live--;
	t->conversation[c->older].newer = c->newer;
	t->conversation[c->newer].older = c->older;
	if (*first == me)
		*first = c->newer == me ? NOBODY : c->newer;
}

struct conversation *wheel_first(struct flow_table *t, uint32_t until_tick)
{
	while (t->live > 0 && t->wheel_tick <= until_tick) {
		uint32_t first = t->wheel[t->wheel_tick % WHEEL_BUCKETS];
		if (first == NOBODY) {
			t->wheel_tick++;
			continue;
		}
		struct conversation *c = &t->conversation[first];
		if (end_tick(t, c) <= t->wheel_tick)
			return c;
		wheel_remove(t, c);
		wheel_add(t, c);
	}
	return NULL;
}

void conversation_wait(struct flow_table *t, struct conversation *c, enum wait wait)
{
	c->wait = (uint8_t)wait;
	if (end_tick(t, c) >= c->tick)
		return; /* that is mended when its bucket's time comes */
	wheel_remove(t, c);
	wheel_add(t, c);
}
