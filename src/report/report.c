#include "report/report.h"

#include <string.h>

static const struct report_format *const formats[] = {
#define FORMAT(name) &report_##name,
#include "report/formats.def"
#undef FORMAT
};

size_t report_formats_count(void)
{
	return ARRAY_LEN(formats);
}

const struct report_format *report_formats_get(size_t index)
{
	return formats[index];
}

const struct report_format *report_formats_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		if (strcmp(formats[i]->name, name) == 0)
			return formats[i];
	return NULL;
}
