/* What is open in a conversation of SMB, and what was asked of it. */
#include <string.h>

#include "scan/smb.h"

#define FILES_FIRST 8u

void smb_text(char ret[static CARRY_NAME_BYTES], struct span text, bool wide)
{
	struct cur c = cur_of(text.ptr, text.len);
	size_t len = 0;
	while (c.len > 0 && len + 4 < CARRY_NAME_BYTES) {
		uint32_t u = wide ? cur_le16(&c) : cur_u8(&c);
		if (u == 0)
			break;
		if (wide && u >= 0xd800 && u < 0xdc00) /* the first of a pair */
			u = 0x10000 + ((u & 0x3ff) << 10 | (cur_le16(&c) & 0x3ff));
		if (!wide || u < 0x80) {
			ret[len++] = (char)u;
			continue;
		}
		unsigned more = u < 0x800 ? 1 : u < 0x10000 ? 2 : 3;
		static const uint8_t first[] = {0, 0xc0, 0xe0, 0xf0};
		ret[len++] = (char)(first[more] | u >> 6 * more);
		while (more-- > 0)
			ret[len++] = (char)(0x80 | (u >> 6 * more & 0x3f));
	}
	ret[len] = '\0';
}

/* ---- shares ---- */

void smb_tree_asked(const struct smb_now *now, uint64_t key, const char *path)
{
	struct smb_files *f = now->smb->files;
	struct smb_tree *t = &f->tree[f->trees++ % SMB_TREES_MAX];
	*t = (struct smb_tree){.asked = true, .key = key};
	(void)snprintf(t->path, sizeof t->path, "%s", path);
}

void smb_tree_got(
	const struct smb_now *now, uint64_t key, uint64_t session, uint32_t number, bool pipe)
{
	struct smb_files *f = now->smb->files;
	for (size_t i = 0; i < SMB_TREES_MAX; i++) {
		struct smb_tree *t = &f->tree[i];
		if (!t->asked || t->key != key)
			continue;
		t->asked = false;
		t->known = true;
		t->session = session;
		t->number = number;
		t->pipe = pipe;
		return;
	}
}

static const struct smb_tree *tree_of(const struct smb_files *f, uint64_t session, uint32_t number)
{
	for (size_t i = 1; i <= SMB_TREES_MAX; i++) { /* the newest first */
		const struct smb_tree *t = &f->tree[(f->trees - i) % SMB_TREES_MAX];
		if (t->known && t->number == number && t->session == session)
			return t;
	}
	return NULL;
}

/* ---- files ---- */

static void tell_side(struct carry_shared *x, struct smb *s, struct smb_file *f, enum side side)
{
	static const char lost[] = "the capture lacks a part of the conversation";
	const struct ends *ends = s->ends;
	struct carried like = {.from = ends->addr[side],
		.to = ends->addr[1 - side],
		.from_port = ends->port[side],
		.to_port = ends->port[1 - side],
		.upload = side == CLIENT,
		.protocol = "smb",
		.host = f->share,
		.uri = f->name};
	bool sized = side == SERVER && f->sized;
	pieces_tell(x, &f->data[side], like, sized ? &f->size : NULL, f->lost ? lost : NULL);
}

static void file_close(struct carry_shared *x, struct smb *s, struct smb_file *f)
{
	for (int side = CLIENT; side <= SERVER; side++)
		if (!f->ignored && (f->data[side].count > 0 || f->data[side].dropped))
			tell_side(x, s, f, (enum side)side);
	if (!f->ignored && f->wanted && f->lost && f->data[CLIENT].count == 0 &&
		f->data[SERVER].count == 0)
		tell_side(x, s, f, SERVER);
	pieces_drop(x, &f->data[CLIENT]);
	pieces_drop(x, &f->data[SERVER]);
	*f = (struct smb_file){0};
}

static struct smb_file *file_by(struct smb_files *f, uint32_t number)
{
	for (size_t i = 0; i < f->files && number != 0; i++)
		if (f->file[i].number == number) {
			f->file[i].used = ++f->clock;
			return &f->file[i];
		}
	return NULL;
}

static bool grow(struct smb_files *f)
{
	size_t files = f->files == 0 ? FILES_FIRST : f->files * 2;
	if (files > SMB_FILES_MAX)
		return false;
	struct smb_file *bigger = realloc(f->file, files * sizeof *bigger);
	if (bigger == NULL)
		return false;
	memset(bigger + f->files, 0, (files - f->files) * sizeof *bigger);
	f->file = bigger;
	f->files = files;
	return true;
}

static struct smb_file *file_new(struct carry_shared *x, struct smb *s)
{
	struct smb_files *f = s->files;
	size_t free_place = 0, oldest = 0;
	while (free_place < f->files && f->file[free_place].number != 0) {
		if (f->file[free_place].used < f->file[oldest].used)
			oldest = free_place;
		free_place++;
	}
	if (free_place == f->files && !grow(f)) {
		if (f->files == 0)
			return NULL;
		f->file[oldest].lost = true; /* what comes of it later is another's */
		file_close(x, s, &f->file[oldest]);
		free_place = oldest;
	}
	struct smb_file *file = &f->file[free_place];
	*file = (struct smb_file){.number = ++f->numbers, .used = ++f->clock};
	return file;
}

/* ---- questions ---- */

static void ask(const struct smb_now *now, uint64_t key, uint32_t file, uint64_t at)
{
	struct smb_files *f = now->smb->files;
	struct smb_asked *a = &f->asked[f->askeds++ % SMB_ASKED_MAX];
	struct smb_file *forgotten = a->waits ? file_by(f, a->file) : NULL;
	if (forgotten != NULL)
		forgotten->lost = true;
	*a = (struct smb_asked){.waits = true, .key = key, .file = file, .at = at};
}

/* The question to this answer, which is no question any more; NULL: it is not known. */
static struct smb_asked *answered(struct smb_files *f, uint64_t key)
{
	for (size_t i = 1; i <= SMB_ASKED_MAX; i++) {
		struct smb_asked *a = &f->asked[(f->askeds - i) % SMB_ASKED_MAX];
		if (a->waits && a->key == key) {
			a->waits = false;
			return a;
		}
	}
	return NULL;
}

uint32_t smb_open_asked(
	const struct smb_now *now, uint64_t key, uint64_t session, uint32_t tree, const char *name)
{
	struct smb_file *file = file_new(now->x, now->smb);
	if (file == NULL)
		return 0;
	const struct smb_tree *t = tree_of(now->smb->files, session, tree);
	if (t != NULL) {
		memcpy(file->share, t->path, sizeof file->share);
		file->ignored = t->pipe;
	}
	(void)snprintf(
		file->name, sizeof file->name, "%s%.250s", name[0] == '\\' ? "" : "\\", name);
	ask(now, key, file->number, 0);
	return file->number;
}

void smb_opened(const struct smb_now *now, uint64_t key, const struct smb_opened *o)
{
	struct smb_files *f = now->smb->files;
	const struct smb_asked *a = answered(f, key);
	struct smb_file *file = a == NULL ? NULL : file_by(f, a->file);
	if (file == NULL)
		return;
	if (!o->ok) {
		file_close(now->x, now->smb, file);
		return;
	}
	file->opened = true;
	file->id = o->id;
	file->ignored |= o->folder;
	file->size = o->size;
	file->sized = true;
}

uint32_t smb_file_of(const struct smb_now *now, const struct smb_id *id)
{
	struct smb_files *f = now->smb->files;
	for (size_t i = 0; i < f->files; i++)
		if (f->file[i].opened && memcmp(&f->file[i].id, id, sizeof *id) == 0)
			return f->file[i].number;
	struct smb_file *file = file_new(now->x, now->smb);
	if (file == NULL)
		return 0;
	file->opened = file->lost = true;
	file->id = *id;
	return file->number;
}

void smb_read_asked(const struct smb_now *now, uint64_t key, uint32_t number, uint64_t at)
{
	struct smb_file *file = file_by(now->smb->files, number);
	if (file == NULL)
		return;
	file->wanted = true;
	ask(now, key, number, at);
}

static void keep(const struct smb_now *now, struct smb_file *file, enum side side, uint64_t at,
	struct span bytes)
{
	struct pieces *p = &file->data[side];
	if (file->ignored || bytes.len == 0)
		return;
	p->at_ns = p->count == 0 ? now->at_ns : p->at_ns;
	pieces_put(now->x, p, at, bytes);
}

void smb_read(const struct smb_now *now, uint64_t key, struct span bytes)
{
	struct smb_files *f = now->smb->files;
	const struct smb_asked *a = answered(f, key);
	struct smb_file *file = a == NULL ? NULL : file_by(f, a->file);
	if (file == NULL && bytes.len > 0)
		smb_tell_unnamed(
			now, bytes, "it is a part of a file, and the capture lacks of which");
	if (file == NULL)
		return;
	file->lost |= now->cut;
	keep(now, file, SERVER, a->at, bytes);
}

void smb_write(const struct smb_now *now, uint32_t number, uint64_t at, struct span bytes)
{
	struct smb_file *file = file_by(now->smb->files, number);
	if (file == NULL)
		return;
	file->wanted = true;
	file->lost |= now->cut;
	keep(now, file, CLIENT, at, bytes);
	/* what is read of it from now on may be longer */
	if (file->sized && at < UINT64_MAX - bytes.len && at + bytes.len > file->size)
		file->size = at + bytes.len;
}

void smb_close_asked(const struct smb_now *now, uint64_t key, uint32_t number)
{
	if (file_by(now->smb->files, number) != NULL)
		ask(now, key, number, 0);
}

void smb_closed(const struct smb_now *now, uint64_t key)
{
	struct smb_files *f = now->smb->files;
	const struct smb_asked *a = answered(f, key);
	struct smb_file *file = a == NULL ? NULL : file_by(f, a->file);
	if (file == NULL)
		return;
	for (size_t i = 0; i < SMB_ASKED_MAX; i++) /* what is never answered */
		file->lost |= f->asked[i].waits && f->asked[i].file == file->number;
	file_close(now->x, now->smb, file);
}

/* ---- ends ---- */

void smb_lost(struct smb_files *f)
{
	for (size_t i = 0; f != NULL && i < f->files; i++)
		f->file[i].lost |= f->file[i].number != 0;
}

void smb_tell_all(struct carry_shared *x, struct smb *s)
{
	for (size_t i = 0; s->files != NULL && i < s->files->files; i++) {
		struct smb_file *f = &s->files->file[i];
		f->lost = true; /* it was not closed: more may come */
		if (f->number != 0)
			file_close(x, s, f);
	}
}

void smb_files_free(struct carry_shared *x, struct smb_files *f)
{
	if (f == NULL)
		return;
	for (size_t i = 0; i < f->files; i++) {
		pieces_drop(x, &f->file[i].data[CLIENT]);
		pieces_drop(x, &f->file[i].data[SERVER]);
	}
	free(f->file);
	free(f);
}
