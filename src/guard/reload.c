/* Both sides of the reloader: the guard, which asks, and the child that starts the program. */
#include "guard/reload.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "guard/child.h"
#include "guard/privileges.h"

/* A run that failed is tried again after this. */
#define AGAIN_NS (2 * NS_PER_S)

struct reload {
	char *text; /* owned; the words lie in it */
	char *word[RELOAD_WORDS_MAX + 1];
	struct child child;
	bool running;
	int64_t not_before_ns; /* after one that failed */
	bool wanted, failed, helpless;
};

/* ---- the child ---- */

/* With nothing to read and nobody to tell. */
static int start(const struct reload *r, pid_t *ret)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t usual;
	int code = posix_spawn_file_actions_init(&actions);
	if (code != 0)
		return -code;
	(void)sigemptyset(&usual);
	(void)sigaddset(&usual, SIGINT);
	(void)sigaddset(&usual, SIGTERM);
	(void)sigaddset(&usual, SIGHUP);
	(void)posix_spawnattr_init(&attributes);
	(void)posix_spawnattr_setsigdefault(&attributes, &usual);
	(void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
	for (int fd = 0; fd < 3 && code == 0; fd++)
		code = posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
	if (code == 0)
		code = posix_spawnp(ret, r->word[0], &actions, &attributes, r->word, environ);
	(void)posix_spawnattr_destroy(&attributes);
	(void)posix_spawn_file_actions_destroy(&actions);
	return -code;
}

static int run(const struct reload *r)
{
	int status = 0;
	pid_t pid = 0;
	int code = start(r, &pid);
	if (code < 0)
		return code;
	if (!child_wait(pid, RELOAD_TIMEOUT_S * 1000, &status))
		return -ETIMEDOUT;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

static int serve(const void *what)
{
	if (privileges_keep_reading() < 0)
		return -EPERM;
	while (child_asked()) {
		int code = run(what);
		(void)send(CHILD_FD, &code, sizeof code, MSG_NOSIGNAL);
	}
	return 0;
}

/* ---- the guard ---- */

/* Fails: -EINVAL: none, or too many. */
static int split(struct reload *r)
{
	size_t words = 0;
	for (char *at = r->text + strspn(r->text, " "); *at != '\0' && words <= RELOAD_WORDS_MAX;) {
		if (words < RELOAD_WORDS_MAX)
			r->word[words] = at;
		words++;
		at += strcspn(at, " ");
		if (*at != '\0')
			*at++ = '\0';
		at += strspn(at, " ");
	}
	return words == 0 || words > RELOAD_WORDS_MAX ? -EINVAL : 0;
}

int reload_new(struct reload **ret, const char *command, struct fail *why)
{
	struct reload *r = calloc(1, sizeof *r);
	if (r == NULL || (r->text = strdup(command)) == NULL) {
		free(r);
		return fail_set(why, -ENOMEM, "out of memory");
	}
	int code = split(r);
	if (code < 0)
		(void)fail_set(why, code,
			"--rpz-reload: write the program and its words, %u at most",
			RELOAD_WORDS_MAX);
	else
		code = child_start(&r->child, "postern-reload", serve, r, why);
	if (code < 0) {
		free(r->text);
		free(r);
		return code;
	}
	*ret = r;
	return 0;
}

void reload_ask(struct reload *r)
{
	r->wanted = true;
}

bool reload_failed(const struct reload *r)
{
	return r->failed;
}

static int fail(struct reload *r, int code, struct fail *why)
{
	const char *what = code == -ETIMEDOUT ? "it did not end, and was killed"
	                   : code == -EIO   ? "it failed: the resolver may have the zone of before"
	                   : code == -EPIPE ? "what starts it has ended: restart the guard"
	                                    : strerror(-code);
	r->failed = r->wanted = true;
	r->helpless = code == -EPIPE;
	r->not_before_ns = clock_steady_ns() + AGAIN_NS;
	return fail_set(why, code, "--rpz-reload: %s: %s", r->word[0], what);
}

/* 0: it runs still, or ended well. */
static int look(struct reload *r, bool wait, struct fail *why)
{
	int code = 0;
	if (!r->running)
		return 0;
	ssize_t got = recv(r->child.fd, &code, sizeof code, wait ? 0 : MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	r->running = false;
	if (got != (ssize_t)sizeof code) {
		child_lose(&r->child);
		code = -EPIPE;
	}
	if (code < 0)
		return fail(r, code, why);
	r->failed = false;
	return 0;
}

int reload_turn(struct reload *r, struct fail *why)
{
	int code = look(r, false, why);
	if (code < 0 || r->running || !r->wanted || r->helpless ||
		clock_steady_ns() < r->not_before_ns)
		return code;
	r->wanted = false;
	r->running = send(r->child.fd, "r", 1, MSG_NOSIGNAL) == 1;
	return r->running ? 0 : fail(r, -EPIPE, why);
}

void reload_free(struct reload *r)
{
	struct fail why = {0};
	if (r == NULL)
		return;
	/* what was asked for last is done; what fails now is not tried again */
	for (unsigned i = 0; i < 2 && (r->running || r->wanted) && !r->failed; i++)
		if (look(r, true, &why) < 0 || reload_turn(r, &why) < 0)
			break;
	child_end(&r->child);
	free(r->text);
	free(r);
}
