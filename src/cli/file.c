#include "cli/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/message.h"

int file_read(
	const char *path, size_t max, char **ret_owned, struct cur *ret_text, struct fail *why)
{
	FILE *file = fopen(path, "rbe");
	if (file == NULL)
		return fail_set(why, -errno, "%s: %s", shown(path).text, strerror(errno));
	struct stat st;
	size_t room = max + 1;
	if (fstat(fileno(file), &st) == 0 && S_ISREG(st.st_mode) && (size_t)st.st_size < max)
		room = (size_t)st.st_size + 1;
	char *text = malloc(room);
	size_t len = text == NULL ? 0 : fread(text, 1, room, file);
	int err = 0;
	if (text == NULL)
		err = fail_set(why, -ENOMEM, "out of memory");
	else if (ferror(file))
		err = fail_set(why, -EIO, "%s: could not be read", shown(path).text);
	(void)fclose(file);
	if (err < 0) {
		free(text);
		return err;
	}
	*ret_owned = text;
	*ret_text = cur_of(text, len);
	return 0;
}
