#include "cli/safelist.h"

#include <stdlib.h>

#include "cli/file.h"
#include "cli/message.h"

int safelist_read(const char *path, struct safelist **ret, struct fail *why)
{
	if (path == NULL)
		return 0;
	struct cur text;
	char *owned = NULL;
	int err = file_read(path, SAFELIST_BYTES_MAX, &owned, &text, why);
	if (err == 0)
		err = safelist_parse(ret, shown(path).text, text, why);
	free(owned);
	return err;
}
