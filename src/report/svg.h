/* Inside report/: the drawings of the page. They stand without scripts; the page's script moves
 * their marks when the reader zooms, finding them by their order. */
#pragma once

#include "report/axis.h"
#include "report/report.h"
#include "report/rows.h"

/* In units of the drawing. */
#define SVG_WIDTH 1240
#define SVG_LEFT  216 /* behind the labels */
#define SVG_PAD   8   /* before the first mark */
#define SVG_RIGHT 1224

/* Where a time stands in the timeline of a finding. */
double svg_x(const struct axis *a, int64_t at_ns);
/* A lane per row, marks for the attempts, arcs for the switches; number names it on the page. */
void svg_timeline(struct out *o, const struct finding *f, const struct rows *rows, size_t number);
/* A mark of the legend: ok, fail, unknown or arc. */
void svg_legend_mark(struct out *o, const char *class);
/* All reported findings over the whole time that was read. */
void svg_glance(struct out *o, const struct report_case *c);
/* A bar for bits, to the right or, negative, to the left of the middle. */
void svg_bits(struct out *o, double bits, double most);
