/* Inside report/: the attempts of a finding drawn with characters: a lane per row, time to the
 * right. */
#pragma once

#include "report/page.h"
#include "report/rows.h"

void timeline_draw(
	struct page *p, const struct finding *f, const struct rows *rows, unsigned indent);
/* One line that says what the marks mean. */
void timeline_legend(struct page *p, unsigned indent);
