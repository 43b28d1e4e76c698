/* Inside report/: the channels of a finding as rows of a table or lanes of a timeline. When there
 * are too many for a screen, those in the middle of a ladder share one row. */
#pragma once

#include "judge/judge.h"

struct row {
	uint8_t channel[FINDING_CHANNELS_MAX]; /* indexes into finding.channel */
	size_t channels;                       /* 1, or more for a group */
	uint64_t tries, failures; /* connections; look-ups of a name that was never connected to */
	uint64_t most_failures;   /* of one of its channels */
	enum outcome failure;     /* that channel's commonest */
};

struct rows {
	struct row row[FINDING_CHANNELS_MAX];
	size_t count;
	uint8_t of[FINDING_CHANNELS_MAX]; /* the row of each channel */
};

/* At most max rows (4 or more), in the order in which their first attempts were made; those beside
 * the story last. */
void rows_of(const struct finding *f, size_t max, struct rows *ret);

/* Whether it is told for the whole picture only: no switch led from it or to it. */
bool channel_is_beside(const struct finding *f, size_t channel);
/* Its part in the story: from, tried, to, via, beside. */
const char *row_part(const struct finding *f, const struct row *row);
/* Whether the row is what the host fell back to. */
bool row_is_fallback(const struct finding *f, const struct row *row);
