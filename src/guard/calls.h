/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
 *
 * System calls that neither half of the guard ever makes, for their seccomp filters. Refused are
 * the ways to other programs, other processes and the kernel's insides: libraries' harmless calls
 * differ from version to version, and a list of those would break with them. */
#pragma once

#include <errno.h>
#include <seccomp.h>
#include <stddef.h>

/* As many as there are, each answered by EPERM. Returns 0 or a negative errno. */
static inline int calls_refuse(scmp_filter_ctx filter, const int *call, size_t calls)
{
	int code = 0;
	for (size_t i = 0; code == 0 && i < calls; i++)
		code = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call[i], 0);
	return code;
}

static inline int calls_refuse_foreign(scmp_filter_ctx filter)
{
	static const int refused[] = {SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(ptrace),
		SCMP_SYS(bpf), SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(pivot_root),
		SCMP_SYS(setns), SCMP_SYS(unshare), SCMP_SYS(init_module), SCMP_SYS(finit_module),
		SCMP_SYS(delete_module), SCMP_SYS(kexec_load), SCMP_SYS(process_vm_readv),
		SCMP_SYS(process_vm_writev), SCMP_SYS(keyctl), SCMP_SYS(add_key),
		SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd), SCMP_SYS(io_uring_setup),
		SCMP_SYS(kill), SCMP_SYS(tkill)};
	return calls_refuse(filter, refused, sizeof refused / sizeof refused[0]);
}
