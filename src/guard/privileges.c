#include "guard/privileges.h"

#include <cap-ng.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "guard/calls.h"

/* Of the machine's record of a user. */
#define USER_BYTES 16384

static bool has(unsigned capability)
{
	return capng_have_capability(CAPNG_PERMITTED, capability);
}

/* Nothing is had any more but those of keep[] that were there; the bounding set is emptied where
 * that may be done. */
static int keep(const unsigned *kept, size_t count, unsigned types)
{
	bool bounds = has(CAP_SETPCAP);
	bool had[4];
	for (size_t i = 0; i < count; i++)
		had[i] = has(kept[i]);
	capng_clear(CAPNG_SELECT_ALL);
	for (size_t i = 0; i < count; i++)
		if (had[i] && capng_update(CAPNG_ADD, (capng_type_t)types, kept[i]) < 0)
			return -EIO;
	return bounds ? CAPNG_SELECT_ALL : CAPNG_SELECT_CAPS | CAPNG_SELECT_AMBIENT;
}

/* One that programs which are started get as well: ambient, or bounding for root. */
static int keep_for_programs(unsigned capability)
{
	if (capng_get_caps_process() < 0)
		return -EIO;
	int select = keep(&capability, 1,
		CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_INHERITABLE | CAPNG_BOUNDING_SET |
			CAPNG_AMBIENT);
	if (select < 0)
		return select;
	if (capng_apply((capng_select_t)select) < 0)
		return -EPERM;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

int privileges_keep_admin(void)
{
	return keep_for_programs(CAP_NET_ADMIN);
}

int privileges_keep_reading(void)
{
	return keep_for_programs(CAP_DAC_READ_SEARCH);
}

static int become(const char *name, struct fail *why)
{
	struct passwd entry, *found = NULL;
	char bytes[USER_BYTES];
	int code = -getpwnam_r(name, &entry, bytes, sizeof bytes, &found);
	if (code == 0 && found == NULL)
		code = -ENOENT;
	if (code < 0)
		return fail_set(why, code, "--user %s: no such user", name);
	if (entry.pw_uid == geteuid())
		return capng_apply(CAPNG_SELECT_CAPS | CAPNG_SELECT_AMBIENT) < 0
		               ? fail_set(why, -EPERM, "capabilities can't be dropped")
		               : 0;
	code = capng_change_id(
		(int)entry.pw_uid, (int)entry.pw_gid, CAPNG_INIT_SUPP_GRP | CAPNG_CLEAR_BOUNDING);
	return code < 0 ? fail_set(why, -EPERM, "--user %s: only root can become another user (%d)",
				  name, code)
	                : 0;
}

int privileges_lower(const char *user, struct fail *why)
{
	static const unsigned capture[] = {CAP_NET_RAW, CAP_NET_ADMIN};
	if (capng_get_caps_process() < 0)
		return fail_set(why, -EIO, "capabilities can't be read");
	int select = keep(capture, 2, CAPNG_EFFECTIVE | CAPNG_PERMITTED);
	if (select >= 0 && user != NULL)
		return become(user, why);
	if (select < 0 || capng_apply((capng_select_t)select) < 0)
		return fail_set(why, -EPERM, "capabilities can't be dropped");
	return 0;
}

static int refuse_sockets(scmp_filter_ctx filter)
{
	static const unsigned used[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};
	int code = 0;
	for (unsigned family = 0; family < AF_MAX && code == 0; family++) {
		const struct scmp_arg_cmp is = {.arg = 0, .op = SCMP_CMP_EQ, .datum_a = family};
		bool mine = false;
		for (size_t i = 0; i < ARRAY_LEN(used); i++)
			mine |= used[i] == family;
		if (!mine)
			code = seccomp_rule_add_array(
				filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1, &is);
	}
	return code;
}

static int filter_calls(void)
{
	static const int refused[] = {SCMP_SYS(chroot), SCMP_SYS(pidfd_send_signal),
		SCMP_SYS(pidfd_getfd), SCMP_SYS(open_by_handle_at)};
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	if (filter == NULL)
		return -ENOMEM;
	int code = calls_refuse_foreign(filter);
	if (code == 0)
		code = calls_refuse(filter, refused, ARRAY_LEN(refused));
	if (code == 0)
		code = refuse_sockets(filter);
	if (code == 0)
		code = seccomp_load(filter);
	seccomp_release(filter);
	return code;
}

int privileges_drop(struct fail *why)
{
	capng_clear(CAPNG_SELECT_ALL);
	if (capng_apply(CAPNG_SELECT_CAPS | CAPNG_SELECT_AMBIENT) < 0)
		return fail_set(why, -EPERM, "capabilities can't be dropped");
	int code = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : filter_calls();
	return code < 0 ? fail_set(why, code, "the guard can't confine itself: %s", strerror(-code))
	                : 0;
}
