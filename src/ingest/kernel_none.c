/* In place of kernel.c where clang or libbpf was missing when this was built. */
#include <errno.h>

#include "ingest/kernel.h"

int kernel_open(struct kernel **ret, struct fail *why)
{
	*ret = NULL;
	return fail_set(why, -ENOTSUP,
		"this Postern was built without the kernel's view: build it where clang and "
		"libbpf-dev are, with -Dkernel=enabled");
}

void kernel_close(struct kernel *k)
{
	CHECK(k == NULL);
}

int kernel_next(struct kernel *k, const struct event **ret, struct kernel_owner *ret_owner,
	struct fail *why)
{
	(void)k;
	(void)ret;
	(void)ret_owner;
	return fail_set(why, -ENOTSUP, "not open");
}

int kernel_fd(const struct kernel *k)
{
	(void)k;
	return -1;
}

struct kernel_stats kernel_stats(const struct kernel *k)
{
	(void)k;
	return (struct kernel_stats){0};
}
