#include "cli/nft_text.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/scan.h"

#define SECONDS_MAX  30
#define NAMES_MAX    64u
#define NAME_BYTES   16u /* IFNAMSIZ */
#define SAID_BYTES   200u
#define NO_NAMESPACE 100 /* exit codes that nft does not have */
#define NO_PROGRAM   101

struct child {
	int in, links, out, said; /* memory files: what nft reads, what ip reads, both answers */
	pid_t pid;
};

/* ---- interfaces that the text names ---- */

struct names {
	char name[NAMES_MAX][NAME_BYTES];
	size_t count;
};

static bool is_name_byte(uint8_t b)
{
	return (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9') ||
	       b == '.' || b == '_' || b == '-';
}

static void add_name(struct names *n, struct span word)
{
	char name[NAME_BYTES] = {0};
	if (word.len == 0 || word.len >= NAME_BYTES || n->count == NAMES_MAX || word.ptr[0] == '-')
		return;
	memcpy(name, word.ptr, word.len);
	for (size_t i = 0; i < n->count; i++)
		if (strcmp(n->name[i], name) == 0)
			return;
	memcpy(n->name[n->count++], name, sizeof name);
}

/* A word of the text: letters as names have them. Anything else is passed by one at a time. */
static struct span next_word(struct span *rest)
{
	size_t len = 0;
	while (len < rest->len && is_name_byte(rest->ptr[len]))
		len++;
	struct span word = {rest->ptr, len};
	len = len == 0 ? 1 : len;
	*rest = (struct span){rest->ptr + len, rest->len - len};
	return word;
}

/* Those of one statement: from the word to the line's end. A word too many does no harm: it is a
 * dummy that no rule asks for. */
static void find_names(struct span text, struct names *ret)
{
	struct span line;
	while (span_next(&text, '\n', &line)) {
		bool inside = false;
		while (line.len > 0) {
			struct span word = next_word(&line);
			if (inside)
				add_name(ret, word);
			inside = inside || span_is(word, "iif") || span_is(word, "oif") ||
			         span_is(word, "device") || span_is(word, "devices") ||
			         span_is(word, "define");
		}
	}
}

/* ---- the child ---- */

static void set_map(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0) {
		/* then nft says that it may not */
	}
	(void)close(fd);
}

static int enter_namespace(void)
{
	char map[32];
	unsigned id = (unsigned)geteuid();
	if (id == 0)
		return unshare(CLONE_NEWNET);
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return -1;
	(void)snprintf(map, sizeof map, "0 %u 1", id);
	set_map("/proc/self/setgroups", "deny");
	set_map("/proc/self/uid_map", map);
	return 0;
}

/* Returns its exit code. */
static int run(int in, int out, int said, char *const *word)
{
	static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", locale[] = "LC_ALL=C";
	char *const environment[] = {path, locale, NULL};
	int status = 0;
	pid_t pid = fork();
	if (pid == 0) {
		if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
			dup2(said, STDERR_FILENO) < 0)
			_exit(NO_PROGRAM);
		(void)execvpe(word[0], word, environment);
		_exit(NO_PROGRAM);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status))
		return NO_PROGRAM;
	return WEXITSTATUS(status);
}

static _Noreturn void work(const struct child *c)
{
	static const struct rlimit cpu = {SECONDS_MAX, SECONDS_MAX},
				   memory = {(rlim_t)2 << 30, (rlim_t)2 << 30},
				   file = {(rlim_t)256 << 20, (rlim_t)256 << 20};
	static char ip[] = "ip", force[] = "-force", batch[] = "-batch", nft[] = "nft", f[] = "-f",
		    j[] = "-j", list[] = "list", ruleset[] = "ruleset", dash[] = "-";
	char *const make_links[] = {ip, force, batch, dash, NULL},
		    *const load[] = {nft, f, dash, NULL},
		    *const show[] = {nft, j, list, ruleset, NULL};
	int none = open("/dev/null", O_RDWR | O_CLOEXEC);
	(void)setpgid(0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)setrlimit(RLIMIT_AS, &memory);
	(void)setrlimit(RLIMIT_CPU, &cpu); /* also when nobody waits any more */
	(void)setrlimit(RLIMIT_FSIZE, &file);
	if (none < 0 || enter_namespace() < 0)
		_exit(NO_NAMESPACE);
	(void)run(c->links, none, none, make_links);
	int code = run(c->in, none, c->said, load);
	_exit(code != 0 ? code : run(none, c->out, c->said, show));
}

static int memory_file(const void *bytes, size_t len)
{
	int fd = memfd_create("postern", MFD_CLOEXEC);
	const char *at = bytes;
	while (fd >= 0 && len > 0) {
		ssize_t n = write(fd, at, len);
		if (n <= 0) {
			(void)close(fd);
			return -1;
		}
		at += n;
		len -= (size_t)n;
	}
	if (fd >= 0)
		(void)lseek(fd, 0, SEEK_SET);
	return fd;
}

static int start(struct child *c, struct span text)
{
	struct names names = {.count = 0};
	struct out links = {0};
	find_names(text, &names);
	out_text(&links, "link set lo up\n");
	for (size_t i = 0; i < names.count; i++)
		out_printf(&links, "link add name %s type dummy\nlink add name %s type veth\n",
			names.name[i], names.name[i]); /* the second where there are no dummies */
	c->in = memory_file(text.ptr, text.len);
	c->links = memory_file(out_string(&links), links.len);
	c->out = memory_file(NULL, 0);
	c->said = memory_file(NULL, 0);
	out_fini(&links);
	if (c->in < 0 || c->links < 0 || c->out < 0 || c->said < 0)
		return -ENOMEM;
	c->pid = fork();
	if (c->pid == 0)
		work(c);
	return c->pid < 0 ? -errno : 0;
}

/* Returns the exit code, or -ETIMEDOUT. */
static int finish(const struct child *c)
{
	static const struct timespec pause = {.tv_nsec = 2000000};
	for (int i = 0; i < SECONDS_MAX * 500; i++) {
		int status = 0;
		if (waitpid(c->pid, &status, WNOHANG) == c->pid)
			return WIFEXITED(status) ? WEXITSTATUS(status) : NO_PROGRAM;
		(void)nanosleep(&pause, NULL);
	}
	(void)kill(-c->pid, SIGKILL);
	(void)kill(c->pid, SIGKILL);
	(void)waitpid(c->pid, NULL, 0);
	return -ETIMEDOUT;
}

/* ---- reading ---- */

static int read_back(int fd, struct out *ret)
{
	char buf[65536];
	ssize_t n = 0;
	(void)lseek(fd, 0, SEEK_SET);
	while ((n = read(fd, buf, sizeof buf)) > 0)
		out_bytes(ret, buf, (size_t)n);
	return n < 0 ? -errno : 0;
}

static int complain(struct fail *why, int code, const struct child *c)
{
	struct out said = {0}, first = {0}, safe = {0};
	struct span rest, line = {0};
	if (code == NO_NAMESPACE)
		return fail_set(why, -EPERM,
			"nftables' own text needs nft in a namespace of its own, which may not be "
			"made here: give the output of nft -j list ruleset");
	if (code == NO_PROGRAM || code == 127)
		return fail_set(why, -ENOENT,
			"nftables' own text is read by nft, which is missing or was stopped: "
			"install nftables, or give the output of nft -j list ruleset");
	if (code == -ETIMEDOUT)
		return fail_set(why, code, "nft took more than %d s", SECONDS_MAX);
	(void)read_back(c->said, &said);
	rest = span_of(out_string(&said));
	(void)span_next(&rest, '\n', &line);
	if (span_begins(line, "/dev/stdin:"))
		line = (struct span){line.ptr + 11, line.len - 11};
	out_bytes(&first, (const char *)line.ptr, line.len);
	out_safe(&safe, out_string(&first), SAID_BYTES);
	int err = fail_set(why, -EINVAL, "nft says: %s", out_string(&safe));
	out_fini(&said);
	out_fini(&first);
	out_fini(&safe);
	return err;
}

int nft_text_read(struct boundary **ret, struct cur text, struct fail *why)
{
	struct child c = {.in = -1, .links = -1, .out = -1, .said = -1, .pid = -1};
	struct out json = {0};
	if (text.len > BOUNDARY_BYTES_MAX)
		return fail_set(why, -E2BIG,
			"over 8 MB of rules: give its tables or chains one at a time, and "
			"addresses as sets");
	int err = start(&c, (struct span){text.ptr, text.len});
	if (err < 0)
		err = fail_set(why, err, "nft could not be started: %s", strerror(-err));
	int code = err < 0 ? 0 : finish(&c);
	if (err == 0 && code != 0)
		err = complain(why, code, &c);
	if (err == 0 && read_back(c.out, &json) < 0)
		err = fail_set(why, -EIO, "what nft wrote could not be read");
	if (err == 0)
		err = boundary_read_nft_json(ret, cur_of(out_string(&json), json.len), why);
	out_fini(&json);
	int fds[] = {c.in, c.links, c.out, c.said};
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
	return err;
}
