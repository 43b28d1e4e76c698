#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/folder.h"
#include "cli/message.h"

static int fail_errno(struct fail *why, const char *path, const char *what)
{
	int err = errno == 0 ? EIO : errno;
	return fail_set(why, -err, "%s: %s: %s", shown(path).text, what, strerror(err));
}

static int open_direct(struct output *o, const char *path, struct fail *why)
{
	o->file = fopen(path, "wbe");
	return o->file == NULL ? fail_errno(why, path, "can't be written") : 0;
}

/* The mode that a plain fopen() would have given, or that of the file which is replaced. */
static mode_t mode_for(const struct stat *old)
{
	if (old != NULL)
		return old->st_mode & 07777;
	mode_t mask = umask(0);
	(void)umask(mask);
	return 0666 & ~mask;
}

static int open_temp(struct output *o, const char *path, const struct stat *old, struct fail *why)
{
	/* a link stays one: what it points to is replaced */
	o->path = old == NULL ? strdup(path) : realpath(path, NULL);
	char *temp = NULL;
	if (o->path == NULL || asprintf(&temp, "%s.XXXXXX", o->path) < 0)
		return fail_errno(why, path, "can't be written");
	o->temp = temp;
	int fd = mkostemp(o->temp, O_CLOEXEC);
	if (fd < 0) {
		free(o->temp);
		o->temp = NULL; /* mkostemp made none */
		return fail_errno(why, path, "can't be written");
	}
	(void)fchmod(fd, mode_for(old));
	o->file = fdopen(fd, "wb");
	if (o->file == NULL) {
		(void)close(fd);
		return fail_errno(why, path, "can't be written");
	}
	return 0;
}

int output_open(struct output *o, const char *path, struct fail *why)
{
	*o = (struct output){.name = path == NULL ? "standard output" : path};
	if (path == NULL || strcmp(path, "-") == 0) {
		o->file = stdout;
		return 0;
	}
	struct stat st;
	bool exists = stat(path, &st) == 0;
	if (exists && S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return fail_errno(why, path, "can't be written");
	}
	int err = exists && !S_ISREG(st.st_mode) ? open_direct(o, path, why)
	                                         : open_temp(o, path, exists ? &st : NULL, why);
	if (err < 0)
		output_close(o);
	return err;
}

static int write_all(struct output *o, const struct out *text, struct fail *why)
{
	errno = 0;
	bool written = fwrite(out_string(text), 1, text->len, o->file) == text->len &&
	               fflush(o->file) == 0 && (o->temp == NULL || fsync(fileno(o->file)) == 0);
	int err = written ? 0 : fail_errno(why, o->name, "can't be written");
	bool closed = fclose(o->file) == 0;
	o->file = NULL;
	return err == 0 && !closed ? fail_errno(why, o->name, "can't be written") : err;
}

/* The bytes are on disk; that they go by this name must be too. */
static int sync_name(const struct output *o, struct fail *why)
{
	int err = folder_sync(o->path);
	return err == 0 ? 0
	                : fail_set(why, err, "%s: may be gone if the power fails now: %s",
				  shown(o->name).text, strerror(-err));
}

int output_finish(struct output *o, const struct out *text, struct fail *why)
{
	int err = text->failed ? fail_set(why, -ENOMEM, "%s: out of memory", shown(o->name).text)
	                       : write_all(o, text, why);
	if (err == 0 && o->temp != NULL && rename(o->temp, o->path) != 0)
		err = fail_errno(why, o->name, "can't be put in place");
	if (err == 0 && o->temp != NULL) {
		err = sync_name(o, why);
		free(o->temp);
		o->temp = NULL;
	}
	output_close(o);
	return err;
}

bool output_print(const char *path, const struct out *text)
{
	struct output output = {0};
	struct fail why = {0};
	if (output_open(&output, path, &why) == 0 && output_finish(&output, text, &why) == 0)
		return true;
	message("%s", why.text);
	output_close(&output);
	return false;
}

void output_close(struct output *o)
{
	if (o->file != NULL && o->file != stdout)
		(void)fclose(o->file);
	if (o->temp != NULL)
		(void)unlink(o->temp);
	free(o->temp);
	free(o->path);
	*o = (struct output){0};
}
