/* Scan of an interface: one thread takes packets and puts files together, another looks at them, so
 * that slow rules do not lose packets. Between both is a queue of bounded size. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "cli/message.h"
#include "cli/scanning.h"
#include "cli/signals.h"
#include "decode/decode.h"
#include "ingest/live.h"

#define QUEUE_BYTES_MAX ((size_t)256 << 20)
#define QUEUE_FILES_MAX 4096u
#define TURN            4096u /* packets taken before signals are looked at */
#define WAIT_MS         250
#define MINUTE_NS       (60 * NS_PER_S)
#define HOUR_NS         (60 * MINUTE_NS)

struct job { /* a file with all that it needs; owned */
	struct job *next;
	struct carried file;
	char *host, *uri, *gap; /* gap NULL: none */
	uint8_t bytes[];
};

struct live_scan {
	struct scanning *s; /* the looking thread's while it runs */
	FILE *file;
	pthread_mutex_t lock;
	pthread_cond_t more;
	/* Under the lock: */
	struct job *first, *last;
	size_t held, jobs;
	bool over;
	uint64_t files_lost, packets_lost;
};

/* ---- the queue ---- */

static void job_free(struct job *j)
{
	if (j == NULL)
		return;
	free(j->host);
	free(j->uri);
	free(j->gap);
	free(j);
}

static struct job *job_new(const struct carried *file)
{
	struct job *j = malloc(sizeof *j + file->bytes.len);
	if (j == NULL)
		return NULL;
	*j = (struct job){.file = *file, .host = strdup(file->host), .uri = strdup(file->uri)};
	j->gap = file->gap == NULL ? NULL : strdup(file->gap);
	if (j->host == NULL || j->uri == NULL || (file->gap != NULL && j->gap == NULL)) {
		job_free(j);
		return NULL;
	}
	memcpy(j->bytes, file->bytes.ptr, file->bytes.len);
	j->file.bytes.ptr = j->bytes;
	j->file.host = j->host;
	j->file.uri = j->uri;
	j->file.gap = j->gap;
	return j;
}

static void enqueue(void *context, const struct carried *file)
{
	struct live_scan *l = context;
	(void)pthread_mutex_lock(&l->lock);
	bool room = l->jobs < QUEUE_FILES_MAX && l->held + file->bytes.len <= QUEUE_BYTES_MAX;
	(void)pthread_mutex_unlock(&l->lock);
	struct job *j = room ? job_new(file) : NULL;
	(void)pthread_mutex_lock(&l->lock);
	if (j == NULL) {
		l->files_lost++;
	} else {
		*(l->first == NULL ? &l->first : &l->last->next) = j;
		l->last = j;
		l->jobs++;
		l->held += file->bytes.len;
		(void)pthread_cond_signal(&l->more);
	}
	(void)pthread_mutex_unlock(&l->lock);
}

/* NULL: none came within a second, or, *ret_over, none will. */
static struct job *dequeue(struct live_scan *l, bool *ret_over)
{
	struct timespec until;
	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec++;
	(void)pthread_mutex_lock(&l->lock);
	if (l->first == NULL && !l->over)
		(void)pthread_cond_timedwait(&l->more, &l->lock, &until);
	struct job *j = l->first;
	if (j != NULL) {
		l->first = j->next;
		l->jobs--;
		l->held -= j->file.bytes.len;
	}
	*ret_over = j == NULL && l->over;
	l->s->files_lost = l->files_lost;
	l->s->packets_lost = l->packets_lost;
	(void)pthread_mutex_unlock(&l->lock);
	return j;
}

/* ---- the looking thread ---- */

static void flush(struct live_scan *l)
{
	struct out *text = &l->s->text;
	if (text->len == 0)
		return;
	if ((fwrite(out_string(text), 1, text->len, l->file) != text->len ||
		    fflush(l->file) != 0) &&
		!signals_stop) {
		message("%s: %s",
			l->s->c->output != NULL ? shown(l->s->c->output).text : "standard output",
			strerror(errno));
		signals_stop = 1;
	}
	out_clear(text);
}

/* The new ones are whole before the old ones go; files wait in the queue meanwhile. */
static void read_again(struct scanning *s)
{
	struct sought new;
	struct fail why = {0};
	signals_reload = 0;
	if (sought_load(&new, s->c, &why) < 0) {
		message("%s; rules and lists stay as they were", why.text);
		return;
	}
	sought_free(&s->sought);
	s->sought = new;
	s->stale = sought_is_stale(&s->sought, s->c, clock_day_ns());
	message("rules and lists were read again: %zu rules, %zu indicators",
		scanner_rules(s->sought.scanner),
		s->sought.intel == NULL ? 0 : intel_count(s->sought.intel));
}

static void store(const struct scanning *s)
{
	struct fail why = {0};
	if (scanning_state_write(s, &why) < 0)
		message("%s", why.text);
}

static void *look(void *argument)
{
	struct live_scan *l = argument;
	struct scanning *s = l->s;
	int64_t stored_ns = clock_steady_ns(), aged_ns = stored_ns;
	for (bool over = false; !over;) {
		struct job *j = dequeue(l, &over);
		if (signals_reload)
			read_again(s);
		if (j != NULL)
			scanning_look_at(s,
				(struct origin){.path = s->c->iface,
					.carried = &j->file,
					.gap = j->file.gap},
				j->file.bytes);
		job_free(j);
		flush(l);
		int64_t now_ns = clock_steady_ns();
		if (now_ns - stored_ns >= MINUTE_NS) {
			stored_ns = now_ns;
			store(s);
		}
		if (now_ns - aged_ns >= HOUR_NS) {
			aged_ns = now_ns;
			s->stale = sought_is_stale(&s->sought, s->c, clock_day_ns());
		}
	}
	return NULL;
}

/* ---- the taking thread ---- */

struct taking {
	struct live *live;
	struct decoder *decoder;
	struct carry *carry;
	uint64_t told_packets, told_files;
	int64_t told_ns;
};

static void count_losses(struct live_scan *l, struct taking *t)
{
	struct live_drops drops = live_drops(t->live);
	(void)pthread_mutex_lock(&l->lock);
	l->packets_lost = drops.kernel + drops.interface;
	uint64_t packets = l->packets_lost, files = l->files_lost;
	(void)pthread_mutex_unlock(&l->lock);
	int64_t now_ns = clock_steady_ns();
	if (l->s->c->quiet || now_ns - t->told_ns < MINUTE_NS)
		return;
	t->told_ns = now_ns;
	if (packets > t->told_packets || files > t->told_files)
		message("lost since the last such line: %llu packets, %llu files",
			(unsigned long long)(packets - t->told_packets),
			(unsigned long long)(files - t->told_files));
	t->told_packets = packets;
	t->told_files = files;
}

static int take(struct live_scan *l, struct taking *t, struct fail *why)
{
	struct frame frame;
	struct packet packet;
	int code = 0;
	t->told_ns = clock_steady_ns();
	while (!signals_stop && code == 0) {
		struct pollfd fd = {.fd = live_fd(t->live), .events = POLLIN};
		(void)poll(&fd, 1, WAIT_MS); /* a signal ends it too */
		for (size_t i = 0; i < TURN && (code = live_next(t->live, &frame, why)) == 1; i++)
			if (decode_frame(t->decoder, &frame, &packet) == DECODED_OK)
				carry_add(t->carry, &packet);
		code = code == 1 ? 0 : code;
		count_losses(l, t);
	}
	carry_finish(t->carry);
	return code;
}

/* ---- both ---- */

static int open_taking(struct live_scan *l, struct taking *t, struct fail *why)
{
	const struct scan *c = l->s->c;
	struct live_options live = {.filter = c->filter};
	struct carry_options carry = {.bytes_max = c->file_bytes, .take = enqueue, .context = l};
	int code = live_open(&t->live, c->iface, &live, why);
	if (code == 0 && (decoder_new(&t->decoder, FRAGMENT_BYTES_MAX) < 0 ||
				 carry_new(&t->carry, &carry) < 0))
		code = fail_set(why, -ENOMEM, "out of memory");
	return code;
}

static int run(struct live_scan *l, struct taking *t, struct fail *why)
{
	pthread_t thread;
	if (!l->s->c->quiet)
		message("scanning what passes %s with %zu rules", shown(l->s->c->iface).text,
			scanner_rules(l->s->sought.scanner));
	if (pthread_create(&thread, NULL, look, l) != 0)
		return fail_set(why, -EAGAIN, "out of threads");
	int code = take(l, t, why);
	(void)pthread_mutex_lock(&l->lock);
	l->over = true;
	(void)pthread_cond_signal(&l->more);
	(void)pthread_mutex_unlock(&l->lock);
	(void)pthread_join(thread, NULL);
	l->s->carried = carry_stats(t->carry);
	l->s->captures = 1;
	return code;
}

int scanning_live(struct scanning *s, FILE *file, struct fail *why)
{
	struct live_scan l = {.s = s,
		.file = file,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.more = PTHREAD_COND_INITIALIZER};
	struct taking t = {0};
	int code = open_taking(&l, &t, why);
	if (code == 0)
		code = scanning_state_write(s, why);
	if (code == 0)
		code = run(&l, &t, why);
	carry_free(t.carry);
	decoder_free(t.decoder);
	live_close(t.live);
	return code;
}
