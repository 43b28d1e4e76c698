/* The queue and the thread of each target. Whoever tells holds a queue's lock for as long as it
 * takes to put an alert there; the thread never holds it while it sends. */
#include "alert/alert.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "alert/sink.h"
#include "base/clock.h"
#include "base/hash.h"

/* Between two tries; doubled by each that fails. */
#define PAUSE_MIN_NS (NS_PER_S / 2)
#define PAUSE_MAX_NS (60 * NS_PER_S)

struct item {
	struct spool_item on; /* its number is of the spool */
	char *text;           /* NULL: in the spool */
};

struct sink {
	struct alert_target target;
	const struct sink_way *way;
	void *self;
	struct spool *spool; /* NULL: memory */
	struct item *item;   /* a ring of `room` */
	size_t room, head, count, bytes, bytes_max;
	uint64_t number; /* the last one's */
	struct alert_health health;
	pthread_mutex_t lock; /* of all above but self, which is the thread's */
	pthread_cond_t more;
	pthread_t thread;
	bool threaded, ending;
	atomic_bool hurry;
};

struct alerts {
	struct sink *sink[ALERT_TARGETS_MAX];
	size_t sinks;
};

/* ---- the thread ---- */

static void drop_head(struct sink *s)
{
	struct item *i = &s->item[s->head];
	if (s->spool != NULL)
		spool_drop(s->spool, &i->on);
	free(i->text);
	s->bytes -= i->on.bytes;
	s->head = (s->head + 1) % s->room;
	s->count--;
}

/* Until there is something to send. False: the end. */
static bool wait_for_item(struct sink *s)
{
	while (s->count == 0 && !s->ending)
		(void)pthread_cond_wait(&s->more, &s->lock);
	return s->count > 0 && !atomic_load(&s->hurry);
}

/* How long until the next try; a quarter of it by chance, so that many guards do not come at once.
 */
static int64_t pause_after(unsigned failures)
{
	int64_t pause = PAUSE_MIN_NS << (failures < 7 ? failures : 7);
	pause = pause > PAUSE_MAX_NS ? PAUSE_MAX_NS : pause;
	struct hash_key by_chance = hash_key_new();
	return pause - (int64_t)(hash_bytes(&by_chance, "", 0) % (uint64_t)(pause / 4));
}

static void pause_for(struct sink *s, int64_t ns)
{
	int64_t until_ns = clock_steady_ns() + ns;
	struct timespec until = {
		.tv_sec = (time_t)(until_ns / NS_PER_S), .tv_nsec = (long)(until_ns % NS_PER_S)};
	int code = 0;
	while (code == 0 && !s->ending && clock_steady_ns() < until_ns)
		code = pthread_cond_timedwait(&s->more, &s->lock, &until);
}

/* One try of the oldest; without the lock. Nobody else takes the head away. */
static int try_head(struct sink *s, struct fail *why)
{
	struct item item = s->item[s->head];
	char *read = NULL;
	(void)pthread_mutex_unlock(&s->lock);
	int code = s->spool == NULL ? 0 : spool_get(s->spool, &item.on, &read);
	if (code < 0)
		(void)fail_set(why, code, "the spool can't be read: %s", strerror(-code));
	else
		code = s->way->send(s->self, item.on.id, read != NULL ? read : item.text,
			item.on.bytes, &s->hurry, why);
	free(read);
	(void)pthread_mutex_lock(&s->lock);
	return code;
}

static void *run(void *argument)
{
	struct sink *s = argument;
	unsigned failures = 0;
	(void)pthread_mutex_lock(&s->lock);
	while (wait_for_item(s)) {
		struct fail why = {0};
		bool last = s->ending;
		int code = try_head(s, &why);
		s->health.down = code < 0 && code != -EBADMSG;
		s->health.told += code == 0;
		s->health.refused += code == -EBADMSG;
		s->health.failures += s->health.down;
		if (code < 0)
			memcpy(s->health.trouble, why.text, sizeof why.text);
		failures = s->health.down ? failures + 1 : 0;
		if (!s->health.down)
			drop_head(s);
		else if (last)
			break; /* it was tried once more */
		else
			pause_for(s, pause_after(failures));
	}
	(void)pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* ---- opening ---- */

static void free_sink(struct sink *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->count && s->item != NULL; i++)
		free(s->item[(s->head + i) % s->room].text);
	if (s->self != NULL)
		s->way->free(s->self);
	spool_close(s->spool);
	free(s->item);
	(void)pthread_mutex_destroy(&s->lock);
	(void)pthread_cond_destroy(&s->more);
	free(s);
}

static int take_spool(struct sink *s, const char *folder, struct fail *why)
{
	/* of the place alone: an order of targets is no promise, nor is another run's key */
	static const struct hash_key fixed = {0};
	char key[32];
	(void)snprintf(key, sizeof key, "webhook-%016llx",
		(unsigned long long)hash_bytes(&fixed, s->target.place, strlen(s->target.place)));
	struct spool_item *left = calloc(s->room, sizeof *left);
	if (left == NULL)
		return fail_set(why, -ENOMEM, "out of memory");
	int code = spool_open(&s->spool, folder, key, why);
	if (code == 0)
		code = spool_list(s->spool, left, s->room, &s->count, why);
	for (size_t i = 0; code == 0 && i < s->count; i++) {
		s->item[i].on = left[i];
		s->bytes += left[i].bytes;
		s->number = left[i].number;
	}
	free(left);
	return code;
}

static int start_sink(struct sink *s, const struct alerts_options *o, struct fail *why)
{
	pthread_condattr_t steady;
	s->way = sink_way_of(s->target.kind);
	s->room = s->way->spooled ? ALERT_SPOOLED_MAX : ALERT_WAITING_MAX;
	s->bytes_max = s->way->spooled ? o->spool_bytes : ALERT_WAITING_BYTES_MAX;
	s->item = calloc(s->room, sizeof *s->item);
	s->health.target = s->target.shown;
	(void)pthread_mutex_init(&s->lock, NULL);
	(void)pthread_condattr_init(&steady);
	(void)pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&s->more, &steady);
	(void)pthread_condattr_destroy(&steady);
	if (s->item == NULL || s->way->new (&s->self, &s->target, o->ca) < 0)
		return fail_set(why, -ENOMEM, "out of memory");
	int code = s->way->spooled ? take_spool(s, o->spool, why) : 0;
	if (code < 0)
		return code;
	/* signals are the program's; a broken pipe is an error of write() */
	sigset_t all, before;
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	code = -pthread_create(&s->thread, NULL, run, s);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	s->threaded = code == 0;
	return code < 0 ? fail_set(why, code, "%s: %s", s->target.shown, strerror(-code)) : 0;
}

static int add_sink(
	struct alerts *a, const char *text, const struct alerts_options *o, struct fail *why)
{
	struct sink *s = calloc(1, sizeof *s);
	if (s == NULL)
		return fail_set(why, -ENOMEM, "out of memory");
	a->sink[a->sinks++] = s;
	int code = alert_target_parse(text, &s->target, why);
	if (code == 0 && s->target.kind == ALERT_TO_WEBHOOK && o->spool == NULL)
		code = fail_set(why, -EINVAL,
			"%s needs --alert-spool DIR: what the receiver has not acknowledged waits "
			"there",
			s->target.shown);
	return code < 0 ? code : start_sink(s, o, why);
}

int alerts_open(struct alerts **ret, const struct alerts_options *options, struct fail *why)
{
	if (options->targets > ALERT_TARGETS_MAX)
		return fail_set(why, -E2BIG, "--alert: %u targets are the most", ALERT_TARGETS_MAX);
	struct alerts *a = calloc(1, sizeof *a);
	if (a == NULL)
		return fail_set(why, -ENOMEM, "out of memory");
	int code = 0;
	for (size_t i = 0; code == 0 && i < options->targets; i++)
		code = add_sink(a, options->target[i], options, why);
	if (code < 0)
		(void)alerts_close(a, 0);
	else
		*ret = a;
	return code;
}

/* ---- the end ---- */

/* A thread that does not come back from a name's look-up in time keeps what it holds until the
 * program ends. */
static bool end_sink(struct sink *s, int64_t until_ns)
{
	int64_t hurry_ns = until_ns + NS_PER_S;
	const struct timespec soon = {
		.tv_sec = (time_t)(until_ns / NS_PER_S), .tv_nsec = (long)(until_ns % NS_PER_S)};
	const struct timespec last = {
		.tv_sec = (time_t)(hurry_ns / NS_PER_S), .tv_nsec = (long)(hurry_ns % NS_PER_S)};
	if (!s->threaded)
		return true;
	int code = pthread_clockjoin_np(s->thread, NULL, CLOCK_MONOTONIC, &soon);
	atomic_store(&s->hurry, true);
	if (code != 0)
		code = pthread_clockjoin_np(s->thread, NULL, CLOCK_MONOTONIC, &last);
	return code == 0;
}

uint64_t alerts_close(struct alerts *a, int64_t wait_ns)
{
	int64_t until_ns = clock_steady_ns() + wait_ns;
	uint64_t lost = 0;
	for (size_t i = 0; a != NULL && i < a->sinks; i++) {
		struct sink *s = a->sink[i];
		if (!s->threaded)
			continue;
		(void)pthread_mutex_lock(&s->lock);
		s->ending = true;
		(void)pthread_cond_broadcast(&s->more);
		(void)pthread_mutex_unlock(&s->lock);
	}
	for (size_t i = 0; a != NULL && i < a->sinks; i++) {
		struct sink *s = a->sink[i];
		bool ended = end_sink(s, until_ns);
		(void)pthread_mutex_lock(&s->lock);
		lost += s->spool == NULL ? s->count : 0;
		(void)pthread_mutex_unlock(&s->lock);
		if (ended)
			free_sink(s);
	}
	free(a);
	return lost;
}

/* ---- telling ---- */

/* Whether it is kept now. */
static bool put(struct sink *s, const char *id, const char *text)
{
	struct item item = {.on = {.number = s->number + 1, .bytes = strlen(text)}};
	(void)snprintf(item.on.id, sizeof item.on.id, "%s", id);
	if (item.on.bytes == 0 || item.on.bytes > ALERT_BYTES_MAX || s->count == s->room ||
		s->bytes + item.on.bytes > s->bytes_max)
		return false;
	if (s->spool != NULL) {
		int code = spool_put(s->spool, &item.on, text);
		if (code < 0)
			(void)snprintf(s->health.trouble, sizeof s->health.trouble,
				"the spool can't be written: %s", strerror(-code));
		if (code < 0)
			return false;
	} else if ((item.text = strdup(text)) == NULL) {
		return false;
	}
	s->item[(s->head + s->count++) % s->room] = item;
	s->bytes += item.on.bytes;
	s->number++;
	return true;
}

void alerts_tell(struct alerts *a, const struct alert *alert)
{
	CHECK(strlen(alert->id) == 32);
	for (size_t i = 0; a != NULL && i < a->sinks; i++) {
		struct sink *s = a->sink[i];
		const char *text = alert->text[s->way->form];
		if (text == NULL)
			continue;
		(void)pthread_mutex_lock(&s->lock);
		s->health.lost += !put(s, alert->id, text);
		(void)pthread_cond_signal(&s->more);
		(void)pthread_mutex_unlock(&s->lock);
	}
}

bool alerts_want(const struct alerts *a, enum alert_form form)
{
	for (size_t i = 0; a != NULL && i < a->sinks; i++)
		if (a->sink[i]->way->form == form)
			return true;
	return false;
}

size_t alerts_count(const struct alerts *a)
{
	return a == NULL ? 0 : a->sinks;
}

void alerts_health(struct alerts *a, size_t index, struct alert_health *ret)
{
	CHECK(index < a->sinks);
	struct sink *s = a->sink[index];
	(void)pthread_mutex_lock(&s->lock);
	s->health.waiting = s->count;
	*ret = s->health;
	(void)pthread_mutex_unlock(&s->lock);
}
