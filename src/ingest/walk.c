#include "ingest/walk.h"

#include <errno.h>
#include <fts.h>
#include <sys/stat.h>

#include "base/cur.h"

static struct walk_file *add(struct walk *w, const char *path, struct fail *why)
{
	if (w->files == WALK_FILES_MAX) {
		(void)fail_set(why, -E2BIG, "more than %zu files: give fewer, or merge them",
			WALK_FILES_MAX);
		return NULL;
	}
	if (w->files == w->room) {
		size_t room = w->room == 0 ? 16 : w->room * 2;
		struct walk_file *file = realloc(w->file, room * sizeof *file);
		if (file != NULL) {
			w->file = file;
			w->room = room;
		}
	}
	struct walk_file *file = w->files < w->room ? &w->file[w->files] : NULL;
	if (file != NULL) {
		*file = (struct walk_file){.path = strdup(path)};
		if (file->path != NULL)
			return (void)w->files++, file;
	}
	(void)fail_set(why, -ENOMEM, "%s", strerror(ENOMEM));
	return NULL;
}

/* Returns 0, or why the walk cannot go on. */
static int add_failed(struct walk *w, const char *path, int code, struct fail *why)
{
	struct walk_file *file = add(w, path, why);
	if (file == NULL)
		return why->code;
	return (void)fail_set(&file->why, -code, "%s", strerror(code)), 0;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static bool is_regular(const FTSENT *entry)
{
	struct stat st;
	if (entry->fts_info == FTS_F)
		return S_ISREG(entry->fts_statp->st_mode);
	return entry->fts_info == FTS_SL && stat(entry->fts_accpath, &st) == 0 &&
	       S_ISREG(st.st_mode);
}

static int visit(struct walk *w, FTS *fts, FTSENT *entry, struct fail *why)
{
	bool hidden = entry->fts_level > 0 && entry->fts_name[0] == '.';
	switch (entry->fts_info) {
	case FTS_D:
		if (hidden)
			return (void)fts_set(fts, entry, FTS_SKIP), 0;
		if (entry->fts_level <= WALK_DEPTH_MAX)
			return 0;
		(void)fts_set(fts, entry, FTS_SKIP);
		return add_failed(w, entry->fts_path, ELOOP, why);
	case FTS_DNR:
	case FTS_ERR:
	case FTS_NS:
		return hidden ? 0 : add_failed(w, entry->fts_path, entry->fts_errno, why);
	default:
		if (hidden || !is_regular(entry))
			return 0;
		return add(w, entry->fts_path, why) == NULL ? why->code : 0;
	}
}

static int walk_folder(struct walk *w, const char *path, struct fail *why)
{
	char *copy = strdup(path);
	char *const paths[] = {copy, NULL};
	FTS *fts = copy == NULL
	                   ? NULL
	                   : fts_open(paths, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
	int code = 0;
	if (fts == NULL)
		code = fail_set(why, -ENOMEM, "%s", strerror(ENOMEM));
	while (code == 0) {
		errno = 0;
		FTSENT *entry = fts_read(fts);
		if (entry == NULL)
			break;
		code = visit(w, fts, entry, why);
	}
	if (code == 0 && errno != 0)
		code = add_failed(w, path, errno, why);
	if (fts != NULL)
		(void)fts_close(fts);
	free(copy);
	return code;
}

int walk_add(struct walk *w, const char *path, struct fail *why)
{
	struct stat st;
	struct fail spare;
	why = why != NULL ? why : &spare;
	size_t before = w->files;
	if (strcmp(path, "-") == 0 || stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return add(w, path, why) == NULL ? why->code : 0;
	int code = walk_folder(w, path, why);
	if (code < 0 || w->files > before)
		return code;
	struct walk_file *file = add(w, path, why);
	if (file == NULL)
		return why->code;
	return (void)fail_set(&file->why, -ENOENT, "a folder without files in it"), 0;
}

void walk_fini(struct walk *w)
{
	for (size_t i = 0; i < w->files; i++)
		free(w->file[i].path);
	free(w->file);
	*w = (struct walk){0};
}
