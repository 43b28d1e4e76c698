#include "cli/versions.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cur.h"
#include "cli/file.h"
#include "cli/message.h"
#include "cli/output.h"

char *versions_name(const char *path, unsigned version)
{
	char *name = NULL;
	return asprintf(&name, "%s.%u", path, version) < 0 ? NULL : name;
}

static bool is_there(const char *path, unsigned version)
{
	struct stat st;
	char *name = versions_name(path, version);
	bool there = name != NULL && lstat(name, &st) == 0;
	free(name);
	return there;
}

unsigned versions_count(const char *path)
{
	unsigned count = 0;
	while (count < VERSIONS_MAX && is_there(path, count + 1))
		count++;
	return count;
}

static int move(const char *path, unsigned from, unsigned to, struct fail *why)
{
	char *old = versions_name(path, from);
	char *new = versions_name(path, to);
	int err = 0;
	if (old == NULL || new == NULL)
		err = fail_set(why, -ENOMEM, "out of memory");
	else if (rename(old, new) != 0)
		err = fail_set(why, -errno, "%s: can't be kept as version %u: %s", shown(old).text,
			to, strerror(errno));
	free(old);
	free(new);
	return err;
}

/* A file of another name with the same bytes, where links are not known (FAT, some networks'). */
static int copy(const char *path, const char *name, struct fail *why)
{
	struct cur text = {0};
	char *owned = NULL;
	struct output output = {0};
	struct out all = {0};
	struct stat st = {0};
	int err = stat(path, &st) == 0
	                  ? file_read(path, (size_t)st.st_size, &owned, &text, why)
	                  : fail_set(why, -errno, "%s: %s", shown(path).text, strerror(errno));
	if (err == 0) {
		out_bytes(&all, owned, text.len);
		err = output_open(&output, name, why);
	}
	if (err == 0)
		err = output_finish(&output, &all, why);
	out_fini(&all);
	free(owned);
	return err;
}

/* Frees number 1, by moving what stands from there to the first free number, the oldest first. */
static int make_room(const char *path, unsigned keep, struct fail *why)
{
	unsigned count = versions_count(path);
	int err = 0;
	for (unsigned i = count < keep ? count : keep - 1; i > 0 && err == 0; i--)
		err = move(path, i, i + 1, why);
	return err;
}

static int keep_version(const char *path, unsigned keep, struct fail *why)
{
	int err = make_room(path, keep, why);
	if (err < 0)
		return err;
	char *first = versions_name(path, 1);
	if (first == NULL)
		return fail_set(why, -ENOMEM, "out of memory");
	(void)unlink(first); /* keep 1: what stood there is the oldest */
	if (link(path, first) != 0)
		err = errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS
		              ? copy(path, first, why)
		              : fail_set(why, -errno, "%s: can't be kept: %s", shown(path).text,
					strerror(errno));
	free(first);
	return err;
}

static bool same(const struct cur *old, const struct out *text)
{
	return old->len == text->len &&
	       (old->len == 0 || memcmp(old->ptr, out_string(text), text->len) == 0);
}

int versions_write(const char *path, const struct out *text, unsigned keep, bool *ret_changed,
	struct fail *why)
{
	struct output output = {0};
	struct cur old = {0};
	char *owned = NULL, *real = realpath(path, NULL);
	const char *to = real == NULL ? path : real;
	*ret_changed = true;
	int err = 0;
	if (real != NULL)
		err = file_read(real, text->len, &owned, &old, why);
	if (err == 0 && real != NULL && same(&old, text)) {
		*ret_changed = false;
		goto out;
	}
	if (err == 0)
		err = output_open(&output, to, why); /* a name that can't be written moves none */
	if (err == 0 && real != NULL && keep > 0)
		err = keep_version(real, keep, why);
	if (err == 0)
		err = output_finish(&output, text, why);
	output_close(&output);
out:
	free(owned);
	free(real);
	return err;
}
