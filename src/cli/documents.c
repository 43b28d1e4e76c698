#include "cli/documents.h"

#include <stdlib.h>
#include <string.h>

#include "base/scan.h"
#include "cli/file.h"
#include "cli/message.h"
#include "ingest/walk.h"

struct reading {
	const struct documents *kind;
	void *model;
	const char *const *path;
	size_t paths;
	const struct cur *first;
	size_t read, failed;
	bool quiet;
};

static bool is_given(const struct reading *r, const char *path)
{
	for (size_t i = 0; i < r->paths; i++)
		if (strcmp(r->path[i], path) == 0)
			return true;
	return false;
}

static bool is_wanted(const struct reading *r, const char *path)
{
	size_t len = strlen(path);
	for (const char *const *end = r->kind->ends; *end != NULL; end++)
		if (len > strlen(*end) && strcmp(path + len - strlen(*end), *end) == 0)
			return true;
	return is_given(r, path);
}

/* Fails only when answers would be wrong. */
static int read_file(struct reading *r, const struct walk_file *file)
{
	struct fail why = file->why;
	struct cur text = {0};
	char *owned = NULL;
	int err = why.code;
	if (err == 0 && !is_wanted(r, file->path)) {
		if (!r->quiet)
			message("%s: passed by: only %s of a folder are read",
				shown(file->path).text, r->kind->folder);
		return 0;
	}
	if (err == 0 && r->first != NULL && strcmp(r->path[0], file->path) == 0)
		text = *r->first;
	else if (err == 0)
		err = file_read(file->path, r->kind->bytes_max, &owned, &text, &why);
	if (err == 0)
		err = r->kind->read(r->model, file->path, (struct span){text.ptr, text.len}, &why);
	free(owned);
	if (err == 0) {
		r->read++;
		return 0;
	}
	message("%s: %s", shown(file->path).text, why.text);
	r->failed++;
	return err == r->kind->fatal[0] || err == r->kind->fatal[1] ? err : 0;
}

static void tell_warnings(const struct reading *r)
{
	const char *text = NULL;
	for (size_t i = 0; !r->quiet && (text = r->kind->warnings(r->model, i)) != NULL; i++) {
		struct span rest = span_of(text), line;
		while (span_next(&rest, '\n', &line))
			if (line.len > 0)
				message("%.*s", (int)line.len, (const char *)line.ptr);
	}
}

enum exit_code documents_read(const struct documents *kind, void *model, const char *const *path,
	size_t paths, const struct cur *first, bool quiet)
{
	struct reading r = {.kind = kind,
		.model = model,
		.path = path,
		.paths = paths,
		.first = first,
		.quiet = quiet};
	struct walk w = {0};
	struct fail why = {0};
	int err = 0;
	for (size_t i = 0; i < paths && err == 0; i++)
		if ((err = walk_add(&w, path[i], &why)) < 0)
			message("%s", why.text);
	for (size_t i = 0; i < w.files && err == 0; i++)
		err = read_file(&r, &w.file[i]);
	walk_fini(&w);
	if (err < 0)
		return EXIT_NOTHING;
	tell_warnings(&r);
	if (r.read > 0)
		return r.failed > 0 ? EXIT_PARTIAL : EXIT_DONE;
	message("nothing was read: give %s", kind->wanted);
	return EXIT_NOTHING;
}
