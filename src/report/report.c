#include "report/report.h"

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
