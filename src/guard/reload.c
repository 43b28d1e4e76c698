#include "guard/reload.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

/* A run that failed is tried again after this. */
#define AGAIN_NS (2 * NS_PER_S)

struct reload {
	char *text; /* owned; the words lie in it */
	char *word[RELOAD_WORDS_MAX + 1];
	pid_t pid; /* 0: none runs */
	int64_t began_ns;
	int64_t not_before_ns; /* after one that failed */
	bool wanted, failed;
};

int reload_new(struct reload **ret, const char *command, struct fail *why)
{
	struct reload *r = calloc(1, sizeof *r);
	size_t words = 0;
	if (r == NULL || (r->text = strdup(command)) == NULL) {
		free(r);
		return fail_set(why, -ENOMEM, "out of memory");
	}
	for (char *at = r->text + strspn(r->text, " "); *at != '\0' && words <= RELOAD_WORDS_MAX;) {
		if (words < RELOAD_WORDS_MAX)
			r->word[words] = at;
		words++;
		at += strcspn(at, " ");
		if (*at != '\0')
			*at++ = '\0';
		at += strspn(at, " ");
	}
	if (words == 0 || words > RELOAD_WORDS_MAX) {
		reload_free(r);
		return fail_set(why, -EINVAL,
			"--rpz-reload: write the program and its words, %u at most",
			RELOAD_WORDS_MAX);
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

/* With nothing to read and nobody to tell. */
static int start(struct reload *r)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	int code = posix_spawn_file_actions_init(&actions);
	if (code != 0)
		return -code;
	(void)sigemptyset(&none);
	(void)posix_spawnattr_init(&attributes);
	(void)posix_spawnattr_setsigmask(&attributes, &none);
	(void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	for (int fd = 0; fd < 3 && code == 0; fd++)
		code = posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
	if (code == 0)
		code = posix_spawnp(&r->pid, r->word[0], &actions, &attributes, r->word, environ);
	(void)posix_spawnattr_destroy(&attributes);
	(void)posix_spawn_file_actions_destroy(&actions);
	if (code != 0)
		r->pid = 0;
	return -code;
}

static int fail(struct reload *r, int code, struct fail *why, const char *what)
{
	r->failed = r->wanted = true;
	r->not_before_ns = clock_steady_ns() + AGAIN_NS;
	return fail_set(why, code, "--rpz-reload: %s: %s", r->word[0], what);
}

/* 0: it runs still, or ended well. */
static int look(struct reload *r, struct fail *why)
{
	int status = 0;
	if (r->pid == 0)
		return 0;
	pid_t ended = waitpid(r->pid, &status, WNOHANG);
	if (ended == 0) {
		if (clock_steady_ns() - r->began_ns < RELOAD_TIMEOUT_S * NS_PER_S)
			return 0;
		(void)kill(r->pid, SIGKILL);
		(void)waitpid(r->pid, &status, 0);
		r->pid = 0;
		return fail(r, -ETIMEDOUT, why, "it did not end, and was killed");
	}
	r->pid = 0;
	if (ended < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return fail(r, -EIO, why, "it failed: the resolver may have the zone of before");
	r->failed = false;
	return 0;
}

int reload_turn(struct reload *r, struct fail *why)
{
	int code = look(r, why);
	if (code < 0 || r->pid != 0 || !r->wanted || clock_steady_ns() < r->not_before_ns)
		return code;
	r->wanted = false;
	r->began_ns = clock_steady_ns();
	code = start(r);
	return code < 0 ? fail(r, code, why, strerror(-code)) : 0;
}

void reload_free(struct reload *r)
{
	if (r == NULL)
		return;
	int64_t until_ns = clock_steady_ns() + RELOAD_TIMEOUT_S * NS_PER_S;
	struct fail why = {0};
	/* what was asked for last is done; what fails now is not tried again */
	while ((r->pid != 0 || (r->wanted && !r->failed)) && clock_steady_ns() < until_ns &&
		reload_turn(r, &why) == 0 && r->pid != 0) {
		const struct timespec moment = {.tv_nsec = 10 * NS_PER_MS};
		(void)nanosleep(&moment, NULL);
	}
	if (r->pid != 0) {
		(void)kill(r->pid, SIGKILL);
		(void)waitpid(r->pid, NULL, 0);
	}
	free(r->text);
	free(r);
}
