/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforcer/confine.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "guard/calls.h"

static int drop_capabilities(void)
{
	if (capng_get_caps_process() < 0)
		return -EIO;
	if (!capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN)) {
		(void)fputs("postern-enforcer: it needs CAP_NET_ADMIN\n", stderr);
		return -EPERM;
	}
	bool bounds = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
	capng_clear(CAPNG_SELECT_ALL);
	if (capng_update(CAPNG_ADD, (capng_type_t)(CAPNG_EFFECTIVE | CAPNG_PERMITTED),
		    CAP_NET_ADMIN) < 0)
		return -EIO;
	/* a bounding set that can't be emptied gives nothing without exec either */
	return capng_apply(bounds ? CAPNG_SELECT_ALL : CAPNG_SELECT_CAPS) < 0 ? -EPERM : 0;
}

/* Refused are the ways to anything but what is open already and netlink. */
static int filter_calls(void)
{
	static const int refused[] = {SCMP_SYS(creat), SCMP_SYS(openat2), SCMP_SYS(unlink),
		SCMP_SYS(unlinkat), SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2),
		SCMP_SYS(chmod), SCMP_SYS(fchmodat)};
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int code = ctx == NULL ? -ENOMEM : calls_refuse_foreign(ctx);
	if (code == 0)
		code = calls_refuse(ctx, refused, sizeof refused / sizeof refused[0]);
	const struct scmp_arg_cmp not_netlink = {
		.arg = 0, .op = SCMP_CMP_NE, .datum_a = AF_NETLINK};
	if (code == 0)
		code = seccomp_rule_add_array(
			ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1, &not_netlink);
	for (unsigned mode = O_WRONLY; code == 0 && mode <= O_RDWR; mode++) {
		struct scmp_arg_cmp writes = {
			.arg = 2, .op = SCMP_CMP_MASKED_EQ, .datum_a = O_ACCMODE, .datum_b = mode};
		code = seccomp_rule_add_array(
			ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(openat), 1, &writes);
		writes.arg = 1;
		if (code == 0)
			code = seccomp_rule_add_array(
				ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(open), 1, &writes);
	}
	if (code == 0)
		code = seccomp_load(ctx);
	seccomp_release(ctx);
	return code;
}

int confine(void)
{
	int code = drop_capabilities();
	if (code == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		code = -errno;
	if (code == 0)
		code = filter_calls();
	if (code < 0)
		(void)fprintf(stderr, "postern-enforcer: it can't confine itself (%d)\n", code);
	return code;
}
