#include "cli/sources.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "cli/message.h"
#include "ingest/feed.h"
#include "ingest/follow.h"
#include "ingest/kernel.h"
#include "ingest/live.h"
#include "ingest/udp.h"

/* Packets, datagrams and connections taken before the others have their turn. */
#define TURN 4096
/* Lines of all logs that wait to be put in order; more are read when these were taken. */
#define HELD_MAX ((size_t)32 << 20)
/* The first lines of a log: its header. */
#define HEAD_BYTES ((size_t)16 << 10)

struct log {
	uint32_t file; /* follow's number */
	struct feed *feed;
};

struct sources {
	struct live *live;
	struct kernel *kernel;
	struct udp *udp;
	struct follow *follow;
	struct log *log;
	size_t logs, log_room;
	struct sources_stats stats;
	uint64_t gone_rejected; /* of logs that are not followed any more */
	int64_t latest_ns;      /* of what came */
	int64_t latest_at_ns;   /* on the machine's clock, when that came */
};

int sources_open(struct sources **ret, const struct sources_options *o, struct fail *why)
{
	struct sources *s = calloc(1, sizeof *s);
	if (s == NULL)
		return fail_set(why, -ENOMEM, "out of memory");
	int code = 0;
	if (o->iface != NULL) {
		struct live_options live = {.filter = o->filter};
		code = live_open(&s->live, o->iface, &live, why);
	}
	if (code == 0 && o->kernel)
		code = kernel_open(&s->kernel, why);
	if (code == 0 && o->netflow != NULL)
		code = udp_open(&s->udp, o->netflow, 0, why);
	if (code == 0 && o->paths > 0) {
		struct follow_options follow = {.paths = o->path,
			.path_count = o->paths,
			.state_path = o->state_path,
			.from_end = o->from_end};
		code = follow_open(&s->follow, &follow, why);
	}
	if (code < 0) {
		sources_close(s);
		return code;
	}
	*ret = s;
	return 0;
}

void sources_close(struct sources *s)
{
	if (s == NULL)
		return;
	live_close(s->live);
	kernel_close(s->kernel);
	udp_close(s->udp);
	follow_close(s->follow);
	for (size_t i = 0; i < s->logs; i++)
		feed_free(s->log[i].feed);
	free(s->log);
	free(s);
}

void sources_wait(struct sources *s, int other, int wait_ms)
{
	struct pollfd fds[5];
	nfds_t count = 0;
	const int fd[] = {s->live != NULL ? live_fd(s->live) : -1,
		s->kernel != NULL ? kernel_fd(s->kernel) : -1, s->udp != NULL ? udp_fd(s->udp) : -1,
		s->follow != NULL ? follow_fd(s->follow) : -1, other};
	for (size_t i = 0; i < ARRAY_LEN(fd); i++)
		if (fd[i] >= 0)
			fds[count++] = (struct pollfd){.fd = fd[i], .events = POLLIN};
	(void)poll(fds, count, wait_ms); /* a signal ends it too */
}

static void came(struct sources *s, int64_t time_ns)
{
	if (time_ns <= s->latest_ns)
		return;
	s->latest_ns = time_ns;
	s->latest_at_ns = clock_steady_ns();
}

int64_t sources_now(const struct sources *s)
{
	return s->latest_ns == 0 ? 0 : s->latest_ns + clock_steady_ns() - s->latest_at_ns;
}

/* ---- one turn of each ---- */

static int take_packets(struct sources *s, struct engine *engine, bool *ret_more, struct fail *why)
{
	struct frame frame;
	int code = 1;
	for (size_t i = 0; i < TURN && (code = live_next(s->live, &frame, why)) == 1; i++) {
		came(s, frame.time_ns);
		s->stats.packets++;
		if (engine_frame(engine, &frame) < 0)
			return fail_set(why, -ENOMEM, "out of memory");
	}
	*ret_more |= code == 1;
	return code < 0 ? code : 0;
}

static int take_connections(
	struct sources *s, struct engine *engine, bool *ret_more, struct fail *why)
{
	const struct event *event;
	int code = 1;
	for (size_t i = 0; i < TURN && (code = kernel_next(s->kernel, &event, NULL, why)) == 1;
		i++) {
		came(s, event->conn.end_ns);
		s->stats.connections++;
		engine_event(engine, event);
	}
	*ret_more |= code == 1;
	return code < 0 ? code : 0;
}

static int take_exports(struct sources *s, struct engine *engine, bool *ret_more, struct fail *why)
{
	struct udp_datagram d;
	int code = 1;
	for (size_t i = 0; i < TURN && (code = udp_next(s->udp, &d, why)) == 1; i++) {
		came(s, d.time_ns);
		s->stats.exports++;
		s->stats.rejected += !engine_export(
			engine, &d.from, udp_port(s->udp), cur_of(d.bytes, d.len), d.time_ns);
	}
	*ret_more |= code == 1;
	return code < 0 ? code : 0;
}

/* ---- logs: merged by their rows' times as far as they lie before us ---- */

static struct log *log_of(struct sources *s, uint32_t file, bool *ret_new)
{
	*ret_new = false;
	for (size_t i = 0; i < s->logs; i++)
		if (s->log[i].file == file)
			return &s->log[i];
	if (s->logs == s->log_room) {
		size_t room = s->log_room == 0 ? 16 : s->log_room * 2;
		struct log *bigger = realloc(s->log, room * sizeof *bigger);
		if (bigger == NULL)
			return NULL;
		s->log = bigger;
		s->log_room = room;
	}
	struct log *log = &s->log[s->logs];
	*log = (struct log){.file = file};
	if (feed_new(&log->feed, file) < 0)
		return NULL;
	s->logs++;
	*ret_new = true;
	return log;
}

/* The log's header, when it is gone on with in its middle. */
static int add_head(
	struct sources *s, struct log *log, const struct follow_lines *lines, struct fail *why)
{
	if (lines->offset == 0)
		return 0;
	uint8_t *head = malloc(HEAD_BYTES);
	size_t len = head == NULL ? 0 : follow_head(s->follow, lines->file, head, HEAD_BYTES);
	int code = len == 0 ? 0 : feed_add(log->feed, head, len, why);
	feed_pass(log->feed);
	free(head);
	return code;
}

static int add_lines(struct sources *s, const struct follow_lines *lines, struct fail *why)
{
	bool fresh;
	struct log *log = log_of(s, lines->file, &fresh);
	if (log == NULL)
		return fail_set(why, -ENOMEM, "out of memory");
	int code = fresh ? add_head(s, log, lines, why) : 0;
	if (code == 0)
		code = feed_add(log->feed, lines->bytes, lines->len, why);
	if (code == -ENOMSG) /* told once; its lines are passed by from now on */
		message("%s: %s", shown(lines->path).text, why->text);
	return code == -ENOMSG ? 0 : code;
}

static size_t held(const struct sources *s)
{
	size_t bytes = 0;
	for (size_t i = 0; i < s->logs; i++)
		bytes += feed_held(s->log[i].feed);
	return bytes;
}

static void forget_logs(struct sources *s)
{
	size_t kept = 0;
	for (size_t i = 0; i < s->logs; i++) {
		struct log *log = &s->log[i];
		if (follow_knows(s->follow, log->file) || feed_held(log->feed) > 0) {
			s->log[kept++] = *log;
			continue;
		}
		s->gone_rejected += feed_rejected(log->feed);
		feed_free(log->feed);
	}
	s->logs = kept;
}

static struct feed *earliest(struct sources *s)
{
	struct feed *best = NULL;
	int64_t best_ns = 0;
	for (size_t i = 0; i < s->logs; i++) {
		const struct frame *f = feed_first(s->log[i].feed);
		if (f == NULL || (best != NULL && f->time_ns >= best_ns))
			continue;
		best = s->log[i].feed;
		best_ns = f->time_ns;
	}
	return best;
}

static int take_rows(struct sources *s, struct engine *engine, bool *ret_more, struct fail *why)
{
	struct follow_lines lines;
	int code = 1;
	while (held(s) < HELD_MAX && (code = follow_next(s->follow, 0, &lines, why)) == 1) {
		int err = add_lines(s, &lines, why);
		if (err < 0)
			return err;
	}
	*ret_more |= code == 1;
	for (struct feed *f = earliest(s); f != NULL; f = earliest(s)) {
		const struct frame *row = feed_first(f);
		came(s, row->time_ns);
		s->stats.rows++;
		if (engine_frame(engine, row) < 0)
			return fail_set(why, -ENOMEM, "out of memory");
		feed_take(f);
	}
	forget_logs(s);
	return code < 0 ? code : 0;
}

int sources_take(struct sources *s, struct engine *engine, bool *ret_more, struct fail *why)
{
	int code = 0;
	*ret_more = false;
	if (s->live != NULL)
		code = take_packets(s, engine, ret_more, why);
	if (code == 0 && s->kernel != NULL)
		code = take_connections(s, engine, ret_more, why);
	if (code == 0 && s->udp != NULL)
		code = take_exports(s, engine, ret_more, why);
	if (code == 0 && s->follow != NULL)
		code = take_rows(s, engine, ret_more, why);
	return code;
}

/* ---- how far ---- */

const char *sources_note(const struct sources *s)
{
	return s->follow == NULL ? "" : follow_note(s->follow);
}

int sources_store(struct sources *s, const char *note, struct fail *why)
{
	if (s->follow == NULL)
		return 0;
	follow_commit(s->follow);
	return follow_save(s->follow, note, why);
}

struct sources_stats sources_stats(struct sources *s)
{
	struct sources_stats stats = s->stats;
	if (s->live != NULL) {
		struct live_drops drops = live_drops(s->live);
		stats.packets_lost = drops.kernel + drops.interface;
	}
	stats.exports_lost = s->udp != NULL ? udp_drops(s->udp) : 0;
	stats.changes_lost = s->kernel != NULL ? kernel_stats(s->kernel).lost : 0;
	stats.files = s->follow != NULL ? follow_stats(s->follow).files : 0;
	stats.rejected += s->gone_rejected;
	for (size_t i = 0; i < s->logs; i++)
		stats.rejected += feed_rejected(s->log[i].feed);
	return stats;
}
