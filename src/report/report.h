/* Report: a case becomes text. Each format is a file and a row in formats.def; none of them reads,
 * judges or opens anything: all they do is append to a buffer. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/out.h"
#include "ingest/ingest.h"
#include "judge/judge.h"

#define REPORT_WIDTH_MIN     60
#define REPORT_WIDTH_DEFAULT 100
#define REPORT_WIDTH_MAX     200 /* longer lines than this are not read */

/* What is told. Everything is borrowed for the call. */
struct report_case {
	/* By e_value, then id; may hold findings that are too weak (e_value > max_e) and such as
	 * are explained as benign. */
	const struct finding *const *finding;
	size_t findings;
	double max_e;
	const struct summary *summary;
	const struct input *const *input;
	size_t inputs;
	bool all; /* show what was explained as benign too, and what was too weak where a person
	             reads */
};

/* For whom. All zero: plain ASCII of the default width. Formats for programs ignore it. */
struct report_style {
	unsigned width; /* columns; 0: REPORT_WIDTH_DEFAULT; taken into MIN..MAX */
	bool colour;    /* ANSI escape sequences */
	bool unicode;   /* the reader's locale is UTF-8 */
	bool verbose;   /* fingerprints, volumes and all inputs too */
};

struct report_format {
	const char *name;        /* as in `--NAME` */
	const char *explanation; /* one sentence */
	bool lines; /* each finding is lines of its own, with nothing before, between and after */
	/* Appends the whole report; o->failed when memory ran out. */
	void (*write)(struct out *o, const struct report_case *c, const struct report_style *style);
};

#define FORMAT(name) extern const struct report_format report_##name;
#include "report/formats.def"
#undef FORMAT

size_t report_formats_count(void);
const struct report_format *report_formats_get(size_t index);
const struct report_format *report_formats_find(const char *name); /* NULL: none */
