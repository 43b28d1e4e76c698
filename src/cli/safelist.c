#include "cli/safelist.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/message.h"

int safelist_read(const char *path, struct safelist **ret, struct fail *why)
{
	if (path == NULL)
		return 0;
	FILE *file = fopen(path, "rbe");
	if (file == NULL)
		return fail_set(why, -errno, "%s: %s", shown(path).text, strerror(errno));
	size_t room = SAFELIST_BYTES_MAX + 1; /* one more than is taken: too much is seen */
	char *text = malloc(room);
	size_t len = text == NULL ? 0 : fread(text, 1, room, file);
	int err = 0;
	if (text == NULL)
		err = fail_set(why, -ENOMEM, "out of memory");
	else if (ferror(file))
		err = fail_set(why, -EIO, "%s: could not be read", shown(path).text);
	else
		err = safelist_parse(ret, shown(path).text, cur_of(text, len), why);
	free(text);
	(void)fclose(file);
	return err;
}
