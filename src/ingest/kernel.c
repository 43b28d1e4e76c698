#include "ingest/kernel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "ingest/kernel_object.h"
#include "ingest/sockets.h"

/* As many as the program in the kernel keeps. */
#define SOCKETS_MAX ((size_t)65536)
#define TYPES_PATH  "/sys/kernel/btf/vmlinux"

struct kernel {
	struct bpf_object *object;
	struct bpf_link *link;
	struct ring_buffer *ring;
	int lost_fd;
	struct sockets *sockets;
	int64_t utc_minus_monotonic_ns;
	/* of the record read last */
	const struct event *event;
	struct kernel_owner owner;
	struct kernel_stats stats;
};

/* ---- opening ---- */

static int say_nothing(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

/* The ring buffer came with 5.8, as did CAP_BPF; the tracepoint and its types before. */
static bool is_too_old(struct utsname *ret_name)
{
	if (uname(ret_name) < 0)
		return false;
	char *rest;
	unsigned long major = strtoul(ret_name->release, &rest, 10);
	unsigned long minor = *rest == '.' ? strtoul(rest + 1, NULL, 10) : 0;
	return major < 5 || (major == 5 && minor < 8);
}

static int fail_load(int code, struct fail *why)
{
	struct utsname name = {0};
	if (code == -EPERM || code == -EACCES) {
		char self[128];
		ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
		self[len > 0 ? len : 0] = '\0';
		return fail_set(why, -EPERM,
			"no permission to ask the kernel (CAP_BPF, CAP_PERFMON): use sudo, or "
			"once: sudo setcap cap_bpf,cap_perfmon=ep %s",
			len > 0 ? self : "postern");
	}
	if (is_too_old(&name))
		return fail_set(why, -ENOTSUP,
			"Linux %.64s is too old for the kernel's view: 5.8 or later", name.release);
	if (access(TYPES_PATH, R_OK) < 0)
		return fail_set(why, -ENOTSUP,
			"this kernel does not tell its types (no %s): one with "
			"CONFIG_DEBUG_INFO_BTF is needed, as Debian's have",
			TYPES_PATH);
	return fail_set(why, code, "the kernel refuses the BPF program: %s", strerror(-code));
}

/* Of three tries the one that was least disturbed. */
static int64_t utc_minus_monotonic(void)
{
	int64_t best_ns = INT64_MAX, offset = 0;
	for (int i = 0; i < 3; i++) {
		int64_t before = clock_steady_ns(), utc = clock_day_ns();
		int64_t after = clock_steady_ns();
		if (after - before < best_ns) {
			best_ns = after - before;
			offset = utc - (before + best_ns / 2);
		}
	}
	return offset;
}

/* One record; stops the reading when it gave an event. */
static int take(void *context, void *record, size_t len)
{
	struct kernel *k = context;
	struct cur c = cur_of(record, len);
	struct change change;
	change_read(&c, &change);
	k->stats.changes++;
	if (!cur_ok(&c)) {
		k->stats.strange++;
		return 0;
	}
	change.time_ns += k->utc_minus_monotonic_ns;
	k->event = sockets_change(k->sockets, &change, &k->owner);
	return k->event != NULL ? -ECANCELED : 0;
}

static int start(struct kernel *k, struct fail *why)
{
	const struct bpf_object_open_opts options = {
		.sz = sizeof options, .object_name = "postern"};
	(void)libbpf_set_print(say_nothing);
	k->object = bpf_object__open_mem(kernel_object, kernel_object_bytes, &options);
	if (k->object == NULL)
		return fail_load(-errno, why);
	int code = bpf_object__load(k->object);
	if (code < 0)
		return fail_load(code, why);
	struct bpf_program *program = bpf_object__find_program_by_name(k->object, "on_state");
	CHECK(program != NULL);
	k->link = bpf_program__attach(program);
	if (k->link == NULL)
		return fail_load(-errno, why);
	k->lost_fd = bpf_object__find_map_fd_by_name(k->object, "lost");
	k->ring = ring_buffer__new(
		bpf_object__find_map_fd_by_name(k->object, "changes"), take, k, NULL);
	if (k->ring == NULL)
		return fail_load(-errno, why);
	code = sockets_new(&k->sockets, SOCKETS_MAX);
	return code < 0 ? fail_set(why, code, "%s", strerror(-code)) : 0;
}

int kernel_open(struct kernel **ret, struct fail *why)
{
	struct kernel *k = calloc(1, sizeof *k);
	if (k == NULL)
		return fail_set(why, -ENOMEM, "%s", strerror(ENOMEM));
	int code = start(k, why);
	if (code < 0) {
		kernel_close(k);
		return code;
	}
	*ret = k;
	return 0;
}

void kernel_close(struct kernel *k)
{
	if (k == NULL)
		return;
	ring_buffer__free(k->ring);
	(void)bpf_link__destroy(k->link);
	bpf_object__close(k->object);
	sockets_free(k->sockets);
	free(k);
}

/* ---- reading ---- */

static void count_lost(struct kernel *k)
{
	const uint32_t zero = 0;
	uint64_t lost = 0;
	if (bpf_map_lookup_elem(k->lost_fd, &zero, &lost) == 0)
		k->stats.lost = lost;
}

int kernel_next(struct kernel *k, const struct event **ret, struct kernel_owner *ret_owner,
	struct fail *why)
{
	k->event = NULL;
	/* asked each time: the clock of the day may be set */
	k->utc_minus_monotonic_ns = utc_minus_monotonic();
	int code = ring_buffer__consume(k->ring);
	if (code < 0 && code != -ECANCELED)
		return fail_set(why, code, "the kernel's ring: %s", strerror(-code));
	if (k->event == NULL) {
		k->event = sockets_due(k->sockets, clock_day_ns(), &k->owner);
		count_lost(k);
	}
	if (k->event == NULL)
		return 0;
	*ret = k->event;
	if (ret_owner != NULL)
		*ret_owner = k->owner;
	return 1;
}

int kernel_fd(const struct kernel *k)
{
	return ring_buffer__epoll_fd(k->ring);
}

struct kernel_stats kernel_stats(const struct kernel *k)
{
	struct kernel_stats stats = k->stats;
	sockets_stats(k->sockets, &stats);
	return stats;
}
