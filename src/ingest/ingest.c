#include "ingest/ingest.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/limits.h"
#include "base/out.h"
#include "ingest/source.h"
#include "ingest/twins.h"
#include "ingest/walk.h"
#include "ingest/window.h"

/* Inputs that stay open from the start: most runs have no more, and a file is begun once only. */
#define KEPT_MAX 16
/* What all open inputs may hold together; where more files than fit overlap in time, the last ones
 * begin late. */
#define MEMORY_MAX ((size_t)1 << 30)
/* Shared by the windows of all open inputs. */
#define WINDOWS_BYTES_MAX ((size_t)256 << 20)
#define WINDOW_BYTES_MIN  ((size_t)512 << 10)
/* Read of each of many inputs at first, to learn when it begins. */
#define LOOK_BYTES ((size_t)257 << 10)
/* An input is begun so much before the first frame that was seen of it, which may not be its
 * earliest. */
#define EARLY_NS (10 * NS_PER_S)
/* A path in a message; its end tells more than its beginning. */
#define PATH_TEXT_MAX 100

struct source { /* an input that is open; does not move */
	struct reader reader;
	struct window window;
	uint32_t input; /* index */
	uint32_t rank;  /* in ingest.order */
	size_t memory;  /* counted in ingest.memory */
};

struct entry { /* an input */
	struct input input;
	struct source *source; /* open; owned */
	int64_t begin_ns;      /* its first frame */
	uint64_t begin_hash;   /* of that one's bytes; 0: it can't be read twice */
	size_t memory;         /* what it holds when open */
	uint64_t disk_bytes, disk_done;
	bool endless; /* bytes on disk are not known */

	uint64_t rejected_line; /* of the first row that its parser would not have */
	const char *why_rejected;
};

struct ingest {
	struct walk walk;
	struct entry *entry;
	size_t entries, kept;
	struct raw_pool pool;
	struct hash_key hash;

	uint32_t *order; /* those with frames, by the time of the first one, then by index */
	size_t ordered, begun;
	struct source **heap; /* by the first waiting frame's time, then by rank */
	size_t heaped;
	struct source *lent; /* its first frame is the caller's until the next call */
	size_t memory;
	bool any;
	int64_t last_ns; /* the latest frame given */
};

/* ---- words for the person ---- */

static void put_path(struct out *o, const char *path)
{
	size_t len = strlen(path), from = len > PATH_TEXT_MAX ? len - PATH_TEXT_MAX : 0;
	while ((path[from] & 0xc0) == 0x80) /* not in the middle of a UTF-8 character */
		from++;
	if (from > 0)
		out_text(o, "…");
	out_safe(o, strcmp(path, "-") == 0 ? "standard input" : path + from, PATH_TEXT_MAX);
}

static void keep_text(struct input *input, struct out *o)
{
	(void)snprintf(input->text, sizeof input->text, "%s", out_string(o));
	out_fini(o);
}

static void tell_error(struct input *input, const struct fail *why)
{
	struct out o = {0};
	put_path(&o, input->path);
	out_printf(&o, ": %s", why->text);
	input->error = why->code;
	keep_text(input, &o);
}

static void put_cut(struct out *o, const struct reader *r)
{
	const char *why = r->why_cut;
	bool asks = why[0] != '\0' && why[strlen(why) - 1] == '?';
	out_printf(o, ": cut at byte %llu: %s%s All before it was read",
		(unsigned long long)r->cut_offset, why, asks ? "" : ".");
}

static void put_rejected(struct out *o, const struct entry *e, const struct reader *r)
{
	bool log = r->format != NULL && r->format->parse != NULL;
	/* lines that were no rows, and rows that their parser would not have */
	bool framing = r->rejected > 0 &&
	               (e->input.rows_rejected == 0 || r->rejected_line < e->rejected_line);
	uint64_t all = e->input.rejected;
	unsigned long long where = !log      ? r->rejected_offset
	                           : framing ? r->rejected_line
	                                     : e->rejected_line;
	out_printf(o, "%s %llu %s%s left out, the first at %s %llu: %s", r->cut ? ";" : ":",
		(unsigned long long)all, log ? "row" : "record", all == 1 ? "" : "s",
		log ? "line" : "byte", where, framing || !log ? r->why_rejected : e->why_rejected);
}

static void tell_reader(struct entry *e, const struct reader *r)
{
	struct input *input = &e->input;
	input->rejected = r->rejected + e->input.rows_rejected;
	input->drops = r->drops;
	input->comments = r->comments;
	input->cut = r->cut;
	input->cut_offset = r->cut_offset;
	if (!r->cut && input->rejected == 0)
		return;
	struct out o = {0};
	put_path(&o, input->path);
	if (r->cut)
		put_cut(&o, r);
	if (input->rejected > 0)
		put_rejected(&o, e, r);
	keep_text(input, &o);
}

void ingest_reject(struct ingest *ing, const struct frame *row, const char *why)
{
	CHECK(row->input < ing->entries);
	struct entry *e = &ing->entry[row->input];
	if (e->input.rows_rejected++ == 0 || row->number < e->rejected_line) {
		e->rejected_line = row->number;
		e->why_rejected = why;
	}
}

/* ---- one input ---- */

static void source_free(struct source *s)
{
	if (s == NULL)
		return;
	window_fini(&s->window, &s->reader);
	reader_close(&s->reader);
	free(s);
}

/* Opens the input. On failure the input says why. */
static struct source *source_new(struct ingest *ing, size_t index)
{
	struct entry *e = &ing->entry[index];
	struct fail why = {0};
	struct source *s = calloc(1, sizeof *s);
	if (s == NULL) {
		(void)fail_set(&why, -ENOMEM, "%s", strerror(ENOMEM));
		tell_error(&e->input, &why);
		return NULL;
	}
	s->input = (uint32_t)index;
	struct unpack *unpack = &s->reader.stream.unpack;
	int code = raw_open(&unpack->raw, e->input.path, &ing->pool, &why);
	if (code < 0) {
		free(s);
		tell_error(&e->input, &why);
		return NULL;
	}
	e->disk_bytes = unpack->raw.size;
	e->endless = unpack->raw.size == 0;
	code = reader_open(&s->reader, &why);
	e->input.packing = packing_name(unpack->packing);
	const struct format *format = s->reader.format;
	e->input.format = format != NULL ? format->name : NULL;
	e->input.log = format != NULL && format->parse != NULL;
	if (code < 0) {
		source_free(s);
		e->disk_bytes = 0;
		e->endless = false;
		tell_error(&e->input, &why);
		return NULL;
	}
	return s;
}

/* What it holds besides its window; known once a frame was read. */
static void count_memory(struct ingest *ing, struct source *s)
{
	const struct stream *stream = &s->reader.stream;
	s->memory = sizeof *s + stream->chunk_bytes + unpack_memory(&stream->unpack);
	ing->memory += s->memory;
	ing->entry[s->input].memory = s->memory;
}

static void finish(struct ingest *ing, struct source *s)
{
	struct entry *e = &ing->entry[s->input];
	tell_reader(e, &s->reader);
	e->disk_done = e->endless ? s->reader.stream.unpack.raw.offset : e->disk_bytes;
	e->source = NULL;
	ing->memory -= s->memory;
	source_free(s);
}

/* Looks at an input for the first time. It stays open when it can be opened once only, or when few
 * others are. */
static void look(struct ingest *ing, size_t index)
{
	struct entry *e = &ing->entry[index];
	struct source *s = source_new(ing, index);
	if (s == NULL)
		return;
	e->source = s;
	/* a pipe may take its time: its first frame must do */
	bool regular = s->reader.stream.unpack.raw.regular, keep = ing->kept < KEPT_MAX || !regular;
	window_fill(&s->window, &s->reader, !keep ? LOOK_BYTES : regular ? WINDOW_BYTES : 0);
	count_memory(ing, s);
	const struct frame *first = window_first(&s->window);
	if (first == NULL) {
		finish(ing, s);
		return;
	}
	e->begin_ns = first->time_ns;
	e->begin_hash = regular ? hash_bytes(&ing->hash, first->bytes, first->cap_bytes) | 1 : 0;
	ing->order[ing->ordered++] = (uint32_t)index;
	if (keep) {
		ing->kept++;
		return;
	}
	e->source = NULL;
	ing->memory -= s->memory;
	source_free(s);
}

/* ---- the order of time over all ---- */

static bool source_before(const struct source *a, const struct source *b)
{
	int64_t at = window_first(&a->window)->time_ns, bt = window_first(&b->window)->time_ns;
	return at != bt ? at < bt : a->rank < b->rank;
}

static void heap_push(struct ingest *ing, struct source *s)
{
	size_t at = ing->heaped++;
	while (at > 0 && source_before(s, ing->heap[(at - 1) / 2])) {
		ing->heap[at] = ing->heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	ing->heap[at] = s;
}

/* The first one's frame has changed, or the last one takes its place. */
static void heap_sink(struct ingest *ing, struct source *s)
{
	size_t at = 0;
	for (size_t child = 1; child < ing->heaped; child = 2 * at + 1) {
		if (child + 1 < ing->heaped &&
			source_before(ing->heap[child + 1], ing->heap[child]))
			child++;
		if (!source_before(ing->heap[child], s))
			break;
		ing->heap[at] = ing->heap[child];
		at = child;
	}
	ing->heap[at] = s;
}

static size_t window_share(const struct ingest *ing)
{
	size_t share = WINDOWS_BYTES_MAX / (ing->heaped + 1);
	return share > WINDOW_BYTES       ? WINDOW_BYTES
	       : share < WINDOW_BYTES_MIN ? WINDOW_BYTES_MIN
	                                  : share;
}

static void begin(struct ingest *ing, size_t rank)
{
	size_t index = ing->order[rank];
	struct entry *e = &ing->entry[index];
	bool again = e->source == NULL;
	struct source *s = again ? source_new(ing, index) : e->source;
	if (s == NULL)
		return; /* it is gone since it was looked at */
	s->rank = (uint32_t)rank;
	window_fill(&s->window, &s->reader, window_share(ing));
	if (again)
		count_memory(ing, s);
	e->source = s;
	if (window_first(&s->window) == NULL)
		finish(ing, s); /* it was truncated since it was looked at */
	else
		heap_push(ing, s);
}

/* Begins every input that may hold a frame as early as the next one. */
static void begin_due(struct ingest *ing)
{
	while (ing->begun < ing->ordered) {
		const struct entry *e = &ing->entry[ing->order[ing->begun]];
		if (ing->heaped > 0) {
			int64_t next_ns = window_first(&ing->heap[0]->window)->time_ns;
			size_t extra = e->source == NULL ? e->memory : 0;
			if (e->begin_ns - EARLY_NS > next_ns || ing->memory + extra > MEMORY_MAX)
				return;
		}
		begin(ing, ing->begun++);
	}
}

static void take_back(struct ingest *ing)
{
	struct source *s = ing->lent;
	ing->lent = NULL;
	if (s == NULL)
		return;
	window_pop(&s->window, &s->reader);
	window_fill(&s->window, &s->reader, window_share(ing));
	if (window_first(&s->window) != NULL) {
		heap_sink(ing, s);
		return;
	}
	struct source *last = ing->heap[--ing->heaped];
	if (ing->heaped > 0)
		heap_sink(ing, last);
	finish(ing, s);
}

int ingest_next(struct ingest *ing, struct frame *ret)
{
	take_back(ing);
	if (ing->begun < ing->ordered)
		begin_due(ing);
	if (ing->heaped == 0)
		return 0;
	struct source *s = ing->heap[0];
	struct input *input = &ing->entry[s->input].input;
	*ret = *window_first(&s->window);
	ret->input = s->input;
	ing->lent = s;

	if (input->frames == 0 || ret->time_ns < input->first_ns)
		input->first_ns = ret->time_ns;
	if (input->frames == 0 || ret->time_ns > input->last_ns)
		input->last_ns = ret->time_ns;
	input->frames++;
	if (ing->any && ret->time_ns < ing->last_ns)
		input->late++;
	else
		ing->last_ns = ret->time_ns;
	ing->any = true;
	return 1;
}

/* ---- the same content under two names ---- */

/* Earlier inputs that an input is compared with: those that begin alike and differ later are few.
 */
#define TWINS_MAX 16

/* The input before this rank that holds the same, or NULL. */
static const struct entry *twin_of(struct ingest *ing, size_t rank)
{
	const struct entry *e = &ing->entry[ing->order[rank]];
	for (size_t i = rank; i-- > 0 && rank - i <= TWINS_MAX;) {
		const struct entry *other = &ing->entry[ing->order[i]];
		if (other->begin_ns != e->begin_ns)
			return NULL;
		if (other->begin_hash == e->begin_hash && other->input.format == e->input.format &&
			twins_same(other->input.path, e->input.path, &ing->pool))
			return other;
	}
	return NULL;
}

/* A log beside its packed copy, or a day that was copied twice, would double every row. */
static void drop_twins(struct ingest *ing)
{
	size_t kept = 0;
	for (size_t rank = 0; rank < ing->ordered; rank++) {
		uint32_t index = ing->order[rank];
		struct entry *e = &ing->entry[index];
		ing->order[kept] = index; /* those before it are kept ones */
		const struct entry *twin = e->begin_hash == 0 ? NULL : twin_of(ing, kept);
		if (twin == NULL) {
			kept++;
			continue;
		}
		if (e->source != NULL)
			finish(ing, e->source);
		struct out o = {0};
		struct fail why;
		put_path(&o, twin->input.path);
		(void)fail_set(&why, -EEXIST, "holds the same as %s: read once", out_string(&o));
		e->input.cut = false;
		e->input.rejected = 0;
		tell_error(&e->input, &why);
		out_fini(&o);
	}
	ing->ordered = kept;
}

/* ---- opening all ---- */

struct identity {
	dev_t dev;
	ino_t ino;
	size_t index;
};

static int by_identity(const void *pa, const void *pb)
{
	const struct identity *a = pa, *b = pb;
	if (a->dev != b->dev)
		return a->dev < b->dev ? -1 : 1;
	if (a->ino != b->ino)
		return a->ino < b->ino ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

/* One file under two names, or given twice, would double every packet. */
static int find_twins(struct ingest *ing)
{
	size_t count = 0;
	struct identity *id = calloc(ing->entries, sizeof *id);
	if (id == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < ing->entries; i++) {
		struct stat st;
		const char *path = ing->entry[i].input.path;
		if (ing->entry[i].input.error == 0 &&
			(strcmp(path, "-") == 0 ? fstat(0, &st) : stat(path, &st)) == 0 &&
			(S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode)))
			id[count++] = (struct identity){st.st_dev, st.st_ino, i};
	}
	qsort(id, count, sizeof *id, by_identity);
	for (size_t i = 1, first = 0; i < count; i++) {
		if (id[i].dev != id[first].dev || id[i].ino != id[first].ino) {
			first = i;
			continue;
		}
		struct out o = {0};
		struct fail why;
		put_path(&o, ing->entry[id[first].index].input.path);
		(void)fail_set(&why, -EEXIST, "the same file as %s: read once", out_string(&o));
		tell_error(&ing->entry[id[i].index].input, &why);
		out_fini(&o);
	}
	free(id);
	return 0;
}

static int by_begin(const void *pa, const void *pb, void *context)
{
	const struct ingest *ing = context;
	uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;
	int64_t at = ing->entry[a].begin_ns, bt = ing->entry[b].begin_ns;
	if (at != bt)
		return at < bt ? -1 : 1;
	return a < b ? -1 : a > b;
}

static int make_entries(struct ingest *ing)
{
	ing->entries = ing->walk.files;
	ing->entry = calloc(ing->entries, sizeof *ing->entry);
	ing->order = calloc(ing->entries, sizeof *ing->order);
	ing->heap = calloc(ing->entries, sizeof(struct source *));
	if (ing->entry == NULL || ing->order == NULL || ing->heap == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < ing->entries; i++) {
		struct walk_file *file = &ing->walk.file[i];
		ing->entry[i].input.path = file->path;
		if (file->why.code < 0)
			tell_error(&ing->entry[i].input, &file->why);
	}
	return find_twins(ing);
}

static int open_all(
	struct ingest *ing, const char *const *paths, size_t path_count, struct fail *why)
{
	size_t pipes = 0;
	int code = 0;
	for (size_t i = 0; i < path_count; i++)
		pipes += strcmp(paths[i], "-") == 0;
	if (path_count == 0)
		return fail_set(why, -EINVAL, "no input given");
	if (pipes > 1)
		return fail_set(why, -EINVAL, "standard input (-) given twice");
	for (size_t i = 0; i < path_count && code == 0; i++)
		code = walk_add(&ing->walk, paths[i], why);
	if (code == 0 && make_entries(ing) < 0)
		code = fail_set(why, -ENOMEM, "%s", strerror(ENOMEM));
	if (code < 0)
		return code;
	for (size_t i = 0; i < ing->entries; i++)
		if (ing->entry[i].input.error == 0)
			look(ing, i);
	if (ing->ordered > 1)
		qsort_r(ing->order, ing->ordered, sizeof *ing->order, by_begin, ing);
	drop_twins(ing);
	return 0;
}

int ingest_open(struct ingest **ret, const char *const *paths, size_t path_count, struct fail *why)
{
	struct ingest *ing = calloc(1, sizeof *ing);
	if (ing == NULL)
		return fail_set(why, -ENOMEM, "%s", strerror(ENOMEM));
	ing->hash = hash_key_new();
	int code = open_all(ing, paths, path_count, why);
	if (code < 0)
		ingest_close(ing);
	else
		*ret = ing;
	return code;
}

void ingest_close(struct ingest *ing)
{
	if (ing == NULL)
		return;
	for (size_t i = 0; i < ing->entries && ing->entry != NULL; i++)
		source_free(ing->entry[i].source);
	free(ing->entry);
	free(ing->order);
	free(ing->heap);
	walk_fini(&ing->walk);
	free(ing);
}

/* ---- what became of them ---- */

size_t ingest_inputs(const struct ingest *ing)
{
	return ing->entries;
}

const struct input *ingest_input(const struct ingest *ing, size_t index)
{
	CHECK(index < ing->entries);
	struct entry *e = &ing->entry[index];
	if (e->source != NULL)
		tell_reader(e, &e->source->reader);
	return &e->input;
}

void ingest_progress(const struct ingest *ing, uint64_t *ret_done, uint64_t *ret_total)
{
	uint64_t done = 0, total = 0;
	bool endless = false;
	for (size_t i = 0; i < ing->entries; i++) {
		const struct entry *e = &ing->entry[i];
		uint64_t read = e->source != NULL ? e->source->reader.stream.unpack.raw.offset
		                                  : e->disk_done;
		endless = endless || e->endless;
		done += e->endless || read < e->disk_bytes ? read : e->disk_bytes;
		total += e->disk_bytes;
	}
	*ret_done = done;
	*ret_total = endless ? 0 : total;
}
