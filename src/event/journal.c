/* How the journal is used; its files are in journal_segment.c, its records in journal_record.c. A
 * position is the segment's number, from 1, in the upper 28 bits and the offset in its file in the
 * lower 36. */
#include "event/journal.h"

#include <errno.h>
#include <unistd.h>

#include "event/journal_private.h"

#define CLOCK_WINDOW 16 /* events in a row that a wrong time must be on to be believed */

static uint64_t position_of(uint32_t number, uint64_t offset)
{
	return (uint64_t)number << OFFSET_BITS | offset;
}

int journal_open(struct journal **ret, const char *path, const struct journal_options *options,
	struct fail *why)
{
	struct journal_options o = *options;
	o.bytes_max = o.bytes_max == 0 ? JOURNAL_BYTES_DEFAULT : o.bytes_max;
	if (o.bytes_max < JOURNAL_BYTES_MIN || o.bytes_max > JOURNAL_BYTES_MAX || o.age_ns < 0)
		return fail_set(why, -EINVAL, "a journal has 1 MiB to 32 GiB and no negative age");
	struct journal *j = calloc(1, sizeof *j);
	if (j == NULL)
		return fail_set(why, -ENOMEM, "%s", strerror(ENOMEM));
	j->options = o;
	j->segment[0].fd = j->segment[1].fd = -1;
	int len = snprintf(j->path, sizeof j->path, "%s.0", path);
	int code = 0;
	if (len < 0 || (size_t)len >= sizeof j->path)
		code = fail_set(why, -ENAMETOOLONG, "%s: %s", path, strerror(ENAMETOOLONG));
	if (code == 0)
		code = segments_open(j, why);
	if (code < 0) {
		journal_close(j);
		return code;
	}
	*ret = j;
	return 0;
}

void journal_close(struct journal *j)
{
	for (size_t i = 0; j != NULL && i < 2; i++)
		if (j->segment[i].fd >= 0)
			(void)close(j->segment[i].fd);
	free(j);
}

/* ---- cut ---- */

/* The current one goes; the older one is the current one then. */
static int drop_current(struct journal *j, uint64_t *counter, struct fail *why)
{
	uint64_t len = current(j)->len;
	int code = segment_shorten(j, current(j), 0, why);
	if (code < 0)
		return code;
	*counter += len;
	j->current--;
	return 0;
}

static int cut_all(struct journal *j, uint32_t number, struct fail *why)
{
	j->stats.bytes_cut += j->segment[0].len + j->segment[1].len;
	return segments_begin_anew(j, number, why);
}

/* The journal ends before the position. Its number must not come to be used again for other
 * records: an empty journal goes on behind it. */
static int cut_behind(struct journal *j, uint32_t number, struct fail *why)
{
	int code = 0;
	if (older(j)->number == 0 && current(j)->len <= HEADER_BYTES)
		code = segments_begin_anew(j, (number > j->current ? number : j->current) + 1, why);
	return code < 0 ? code
	                : fail_set(why, -ENODATA,
				  "%s: ends before the stored position: records are lost",
				  segment_path(j, current(j)));
}

int journal_cut(struct journal *j, uint64_t position, struct fail *why)
{
	CHECK(!j->ready);
	uint32_t number = (uint32_t)(position >> OFFSET_BITS);
	uint64_t offset = position & (((uint64_t)1 << OFFSET_BITS) - 1);
	if (position == 0)
		return cut_all(j, j->current + 1, why);
	if (number == 0 || offset < HEADER_BYTES)
		return fail_set(why, -EINVAL, "%s: no position of a journal: %llu",
			segment_path(j, current(j)), (unsigned long long)position);
	if (number < j->current && older(j)->number != number) {
		int code = cut_all(j, j->current + 1, why);
		return code < 0
		               ? code
		               : fail_set(why, -ESTALE,
					 "%s: the stored position is gone: the journal begins anew",
					 segment_path(j, current(j)));
	}
	if (number > j->current)
		return cut_behind(j, number, why);
	if (number < j->current) {
		int code = drop_current(j, &j->stats.bytes_cut, why);
		if (code < 0)
			return code;
	}
	if (offset > current(j)->len)
		return cut_behind(j, number, why);
	j->stats.bytes_cut += current(j)->len - offset;
	return segment_shorten(j, current(j), offset, why);
}

/* ---- the journal's clock ---- */

static int64_t event_time(const struct event *e)
{
	if (e->kind == EVENT_CONN)
		return e->conn.end_ns != 0 ? e->conn.end_ns : e->conn.start_ns;
	if (e->kind != EVENT_LOOKUP)
		return 0;
	return e->lookup.answer_ns != 0 ? e->lookup.answer_ns : e->lookup.query_ns;
}

/* An event of that segment. */
static void tick(struct journal *j, struct segment *s, int64_t time_ns)
{
	if (time_ns <= 0)
		return;
	if (j->window == 0 || time_ns < j->window_ns)
		j->window_ns = time_ns;
	if (++j->window < CLOCK_WINDOW)
		return;
	j->window = 0;
	if (j->window_ns > j->clock_ns)
		j->clock_ns = j->window_ns;
	if (s->begun_ns == 0)
		s->begun_ns = j->clock_ns;
}

/* ---- replay ---- */

struct replay {
	void (*take)(void *context, const struct journal_record *record);
	void *context;
	struct journal_record record;
};

/* Through one segment; *ret_good is where the last whole record ends. */
static int replay_segment(struct journal *j, struct segment *s, struct replay *r,
	uint64_t *ret_good, struct fail *why)
{
	uint64_t offset = HEADER_BYTES;
	enum cur_state state = CUR_OK;
	if (s->begun_ns > j->clock_ns)
		j->clock_ns = s->begun_ns;
	for (bool more = true; more && state != CUR_BAD;) {
		size_t got;
		uint64_t left = s->len - offset;
		int code = segment_read(s, j->buffer,
			left < BUFFER_BYTES ? (size_t)left : BUFFER_BYTES, offset, &got);
		if (code < 0)
			return segment_failed(j, s, code, "cannot be read", why);
		struct cur c = cur_of(j->buffer, got);
		r->record.position = position_of(s->number, offset);
		while (c.len > 0 && (state = record_next(&c, &r->record)) == CUR_OK) {
			tick(j, s, event_time(&r->record.event));
			s->records++;
			if (r->take != NULL)
				r->take(r->context, &r->record);
			r->record.position = position_of(s->number, offset + (got - c.len));
		}
		more = got == BUFFER_BYTES; /* and half a record may be left in it */
		offset += got - c.len;
	}
	*ret_good = offset;
	return state == CUR_BAD ? 1 : 0;
}

/* From there on all is dropped. */
static int drop_from(struct journal *j, struct segment *s, uint64_t good, struct fail *why)
{
	if (s != current(j)) {
		int code = drop_current(j, &j->stats.bytes_lost, why);
		if (code < 0)
			return code;
	}
	j->stats.bytes_lost += s->len - good;
	return segment_shorten(j, s, good, why);
}

int journal_replay(struct journal *j,
	void (*take)(void *context, const struct journal_record *record), void *context,
	struct fail *why)
{
	CHECK(!j->ready);
	struct replay r = {.take = take, .context = context};
	struct segment *s = older(j)->number != 0 ? older(j) : current(j);
	uint64_t good = 0, lost = j->stats.bytes_lost;
	int code = replay_segment(j, s, &r, &good, why);
	bool more = code == 0 && s != current(j) && good == s->len;
	if (more) {
		s = current(j);
		code = replay_segment(j, s, &r, &good, why);
	}
	if (code < 0)
		return code;
	/* only the last record of all can be unfinished */
	bool damaged = code > 0 || s != current(j);
	if (good < s->len) {
		code = drop_from(j, s, good, why);
		if (code < 0)
			return code;
	}
	j->ready = true;
	if (!damaged)
		return 0;
	return fail_set(why, -EBADMSG,
		"%s: damaged at byte %llu: %llu bytes from there on are dropped",
		segment_path(j, s), (unsigned long long)good,
		(unsigned long long)(j->stats.bytes_lost - lost));
}

/* ---- add ---- */

/* The buffer to the file. When that fails nothing of it counts as written. */
static int spill(struct journal *j, struct fail *why)
{
	struct segment *s = current(j);
	int code = segment_write(s, j->buffer, j->fill, s->len);
	j->stuck = code < 0;
	if (code < 0) {
		segment_undo(s);
		return segment_failed(j, s, code, "cannot be written", why);
	}
	s->len += j->fill;
	s->records += j->waiting;
	j->fill = 0;
	j->waiting = 0;
	return 0;
}

struct entry { /* an event, or a note */
	const struct event *event;
	uint8_t kind;
	const void *bytes;
	size_t len;
};

/* Behind what is in the buffer. The writer is full when there is no room. */
static struct put put_entry(struct journal *j, const struct entry *e)
{
	size_t room = BUFFER_BYTES - j->fill;
	if (room < FRAME_BYTES)
		return (struct put){.full = true};
	struct put p = {.ptr = j->buffer + j->fill + FRAME_BYTES, .room = room - FRAME_BYTES};
	if (e->event != NULL)
		put_event(&p, e->event);
	else
		put_note(&p, e->kind, e->bytes, e->len);
	return p;
}

static bool make_room(struct journal *j)
{
	return !j->stuck && current(j)->len + j->fill <= j->options.bytes_max &&
	       spill(j, NULL) == 0;
}

static void add(struct journal *j, const struct entry *e)
{
	CHECK(j->ready);
	struct put p = put_entry(j, e);
	if (p.full && make_room(j)) {
		p = put_entry(j, e);
		CHECK(!p.full);
	}
	if (p.full) {
		j->stats.refused++;
		return;
	}
	put_frame(&p);
	j->fill += FRAME_BYTES + p.len;
	j->waiting++;
	j->stats.texts_cut += p.texts_cut;
	if (e->event != NULL)
		tick(j, current(j), event_time(e->event));
}

void journal_add(struct journal *j, const struct event *event)
{
	add(j, &(struct entry){.event = event});
}

void journal_note(struct journal *j, uint8_t kind, const void *bytes, size_t len)
{
	add(j, &(struct entry){.kind = kind, .bytes = bytes, .len = len});
}

bool journal_due(const struct journal *j)
{
	const struct segment *s = &j->segment[j->current & 1];
	return s->len + j->fill > j->options.bytes_max / 2;
}

/* ---- flush ---- */

/* All that lies in the older segment is older than the current one. */
static bool current_is_old(struct journal *j)
{
	const struct segment *s = current(j);
	return j->options.age_ns > 0 && s->begun_ns > 0 &&
	       j->clock_ns - s->begun_ns >= j->options.age_ns;
}

static int rotate(struct journal *j, struct fail *why)
{
	if (current(j)->len <= HEADER_BYTES || !(journal_due(j) || current_is_old(j)))
		return 0;
	if (j->current == SEGMENT_MAX)
		return fail_set(why, -EOVERFLOW,
			"%s: has no number left for a new segment: move it away to begin anew",
			segment_path(j, current(j)));
	*(current_is_old(j) ? &j->stats.aged : &j->stats.forced) += older(j)->records;
	older(j)->records = 0; /* when this fails below they are not counted once more */
	if (j->options.sync && fdatasync(current(j)->fd) < 0)
		return segment_failed(j, current(j), -errno, "cannot be written", why);
	return segment_begin(j, j->current + 1, why);
}

int journal_flush(struct journal *j, uint64_t *ret_position, struct fail *why)
{
	CHECK(j->ready);
	int code = rotate(j, why);
	if (code == 0)
		code = spill(j, why);
	if (code == 0 && j->options.sync && fdatasync(current(j)->fd) < 0)
		code = segment_failed(j, current(j), -errno, "cannot be written", why);
	if (code == 0)
		*ret_position = position_of(j->current, current(j)->len);
	return code;
}

struct journal_stats journal_stats(const struct journal *j)
{
	struct journal_stats stats = j->stats;
	const struct segment *now = &j->segment[j->current & 1],
			     *old = &j->segment[~j->current & 1];
	stats.records = now->records + old->records + j->waiting;
	stats.bytes = now->len + old->len + j->fill;
	int64_t begun_ns = old->number != 0 && old->begun_ns != 0 ? old->begun_ns : now->begun_ns;
	stats.span_ns = begun_ns != 0 && j->clock_ns > begun_ns ? j->clock_ns - begun_ns : 0;
	return stats;
}
