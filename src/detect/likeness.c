#include <math.h>

#include "base/limits.h"
#include "detect/detect.h"
#include "detect/detect_private.h"

/* How many of the programs that go on with another server ask it for the same: not known, so
 * neither is likelier. */
#define MARK_KEPT 0.5

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

/* Of two requests, whether both ends are known to have asked for something, and for the same. */
static bool marks_known(const struct attempt *a, const struct attempt *b, bool *ret_same)
{
	*ret_same = a->request_mark == b->request_mark;
	return a->request_mark != 0 && b->request_mark != 0;
}

static bool is_step(const struct step *steps, uint32_t count, uint32_t from, uint32_t to)
{
	for (uint32_t i = 0; i < count; i++)
		if (steps[i].from == from && steps[i].to == to)
			return true;
	return false;
}

/* How often this host asks two new endpoints in a row for the same anyway, the switch apart: by
 * Laplace's rule of succession. */
static double usual_marks(const struct view *v, const struct step *steps, uint32_t count)
{
	uint32_t same = 0, known = 0;
	for (uint32_t i = 1; i < v->arrivals; i++) {
		const struct attempt *a = &v->attempt[v->arrival[i - 1]],
				     *b = &v->attempt[v->arrival[i]];
		bool alike;
		if (!marks_known(a, b, &alike) || is_step(steps, count, a->channel, b->channel))
			continue;
		same += alike;
		known++;
	}
	return (same + 1.0) / (known + 2.0);
}

void likeness_add_marks(
	const struct view *v, const struct step *steps, uint32_t count, struct likeness *sum)
{
	double usual = 0;
	for (uint32_t i = 0; i < count; i++) {
		bool same;
		if (!marks_known(&v->attempt[steps[i].from_attempt],
			    &v->attempt[steps[i].to_attempt], &same))
			continue;
		usual = usual > 0 ? usual : usual_marks(v, steps, count);
		sum->mark += log2(same ? MARK_KEPT / usual : (1 - MARK_KEPT) / (1 - usual));
		sum->marks_same += same;
		sum->marks_known++;
	}
}

static void add_step(const struct view *v, const struct step *s, struct likeness *sum)
{
	likeness_add(sum, size_bytes(v->attempt[s->from_attempt].request_size),
		size_bytes(v->attempt[s->to_attempt].request_size),
		v->channel[s->from].channel->ja3, v->channel[s->to].channel->ja3);
	sum->failure += failure_bits((enum outcome)v->attempt[s->from_attempt].outcome);
}

struct likeness likeness_clamped(struct likeness sum, double share)
{
	double total = share * (sum.request + sum.mark + sum.ja3 + sum.failure);
	/* clamped as a whole; the parts shrink with it, so that they still add up */
	if (fabs(total) > LIKENESS_MAX)
		share *= LIKENESS_MAX / fabs(total);
	sum.request *= share;
	sum.mark *= share;
	sum.ja3 *= share;
	sum.failure *= share;
	sum.total = sum.request + sum.mark + sum.ja3 + sum.failure;
	return sum;
}

struct likeness likeness_of(
	const struct view *v, const struct step *steps, uint32_t count, bool mean)
{
	struct likeness sum = {0};
	for (uint32_t i = 0; i < count; i++)
		add_step(v, &steps[i], &sum);
	likeness_add_marks(v, steps, count, &sum);
	double share = mean && count > 0 ? 1.0 / count : 1;
	return likeness_clamped(sum, share);
}
