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

void likeness_add(
	struct likeness *sum, double request_a, double request_b, uint32_t ja3_a, uint32_t ja3_b)
{
	if (request_a > 0 && request_b > 0) {
		bool near = fabs(request_a - request_b) <= 0.05 * fmax(request_a, request_b);
		sum->request += near ? 1.5 : -0.5;
		sum->requests_near += near;
		sum->requests_known++;
	}
	if (ja3_a != 0 && ja3_b != 0 && ja3_a != ja3_b)
		sum->ja3 -= 1.5;
}

static void add_step(const struct view *v, const struct step *s, struct likeness *sum)
{
	likeness_add(sum, v->attempt[s->from_attempt].request_bytes,
		v->attempt[s->to_attempt].request_bytes, v->channel[s->from].channel->ja3,
		v->channel[s->to].channel->ja3);
	sum->failure += failure_bits((enum outcome)v->attempt[s->from_attempt].outcome);
}

struct likeness likeness_clamped(struct likeness sum, double share)
{
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

struct likeness likeness_of(
	const struct view *v, const struct step *steps, uint32_t count, bool mean)
{
	struct likeness sum = {0};
	for (uint32_t i = 0; i < count; i++)
		add_step(v, &steps[i], &sum);
	double share = mean && count > 0 ? 1.0 / count : 1;
	return likeness_clamped(sum, share);
}
