/* Frames: what stands around every Mappings Explorer file and every OSCAL document that Postern
 * writes, whether it tells of a hunt or of a boundary. */
#pragma once

#include "report/emit.h"

#define ATTACK_VERSION "16.1" /* of the Center's mappings */

struct mapex_frame {
	const char *type, *type_words;   /* the one kind of mapping in the file */
	const char *group, *group_words; /* and of capability */
};

void frame_mapex_metadata(struct emit *e, const struct mapex_frame *f, int64_t now_ns);

/* metadata and import-ap, which points to a resource that says there is no plan. */
void frame_oscal_head(struct emit *e, const char *title, int64_t now_ns);
/* back-matter with that resource. */
void frame_oscal_foot(struct emit *e, const char *no_plan);
