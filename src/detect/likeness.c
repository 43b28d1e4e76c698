#include <math.h>

#include "base/limits.h"
#include "detect/detect.h"
#include "detect/detect_private.h"

/* How much more often such a failure begins a fallback of malware than of other software: 39 steps
 * of the former, 99 of the latter (prototype section 5). */
static double failure_bits(enum outcome outcome)
{
	switch (outcome) {
	case OUTCOME_NXDOMAIN:
	case OUTCOME_TLS_ALERT:
	case OUTCOME_HTTP_ERROR:
	case OUTCOME_STALLED:
		return 1;
	case OUTCOME_REFUSED:
		return 0.5;
	case OUTCOME_SERVFAIL:
	case OUTCOME_UNREACHABLE:
		return -1;
	case OUTCOME_SILENT:
	case OUTCOME_DNS_SILENT:
		return -2;
	case OUTCOME_UNKNOWN:
	case OUTCOME_OK:
	case OUTCOME_RESET:
	case OUTCOME_DENIED:
	case OUTCOME_SINKHOLED:
	case OUTCOME_COUNT:
		break;
	}
	return 0;
}

static void add_step(const struct view *v, const struct step *s, struct likeness *sum)
{
	uint32_t a = v->attempt[s->from_attempt].request_bytes,
		 b = v->attempt[s->to_attempt].request_bytes;
	if (a != 0 && b != 0) {
		bool near = fabs((double)a - (double)b) <= 0.05 * fmax(a, b);
		sum->request += near ? 1.5 : -0.5;
		sum->requests_near += near;
		sum->requests_known++;
	}
	uint32_t x = v->channel[s->from].channel->ja3, y = v->channel[s->to].channel->ja3;
	if (x != 0 && y != 0 && x != y)
		sum->ja3 -= 1.5;
	sum->failure += failure_bits((enum outcome)v->attempt[s->from_attempt].outcome);
}

struct likeness likeness_of(
	const struct view *v, const struct step *steps, uint32_t count, bool mean)
{
	struct likeness sum = {0};
	for (uint32_t i = 0; i < count; i++)
		add_step(v, &steps[i], &sum);
	double share = mean && count > 0 ? 1.0 / count : 1;
	double total = share * (sum.request + sum.ja3 + sum.failure);
	/* clamped as a whole; the parts shrink with it, so that they still add up */
	if (fabs(total) > LIKENESS_MAX)
		share *= LIKENESS_MAX / fabs(total);
	sum.request *= share;
	sum.ja3 *= share;
	sum.failure *= share;
	sum.total = sum.request + sum.ja3 + sum.failure;
	return sum;
}
