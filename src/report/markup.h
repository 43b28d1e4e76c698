/* Inside report/: HTML and SVG as text. Whatever a stranger wrote goes in through here and can be
 * neither tag nor attribute, whatever it holds. */
#pragma once

#include "base/out.h"

/* Safe text (out_safe has seen it) for an element or a quoted attribute. */
void markup_text(struct out *o, const char *text);
/* <tag class="class">text</tag>; class NULL: none. */
void markup_element(struct out *o, const char *tag, const char *class, const char *text);
