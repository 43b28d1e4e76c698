/* For tests: a network of the test's own, where nothing of the machine's is seen or disturbed. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* after the standard headers that it needs */
#include "base/check.h"
#include "base/testing.h"

static bool net_own; /* whether net_set_up() got one */

static inline bool net_up(const char *iface, bool up)
{
	struct ifreq request = {.ifr_flags = (short)(up ? IFF_UP | IFF_RUNNING : 0)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	(void)snprintf(request.ifr_name, sizeof request.ifr_name, "%s", iface);
	bool done = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &request) == 0;
	(void)close(fd);
	return done;
}

/* Its loopback is up. Needs root, or a kernel that lets users have namespaces. */
static inline int net_set_up(void **state)
{
	(void)state;
	net_own = unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
	if (net_own)
		return !net_up("lo", true);
	(void)fprintf(stderr, "no network namespace of its own: %s\n", strerror(errno));
	return 0;
}

/* Skips a test that needs a network of its own. */
static inline void net_needed(void)
{
	if (!net_own)
		skip();
}

/* A tunnel, up: what is written to the descriptor arrives there. Gone when it is closed; -1 where
 * the machine has none. Raw IP, or Ethernet. */
static inline int net_tunnel(const char *iface, bool ethernet)
{
	struct ifreq request = {.ifr_flags = (short)((ethernet ? IFF_TAP : IFF_TUN) | IFF_NO_PI)};
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -1;
	(void)snprintf(request.ifr_name, sizeof request.ifr_name, "%s", iface);
	if (ioctl(fd, TUNSETIFF, &request) < 0 || !net_up(iface, true)) {
		(void)close(fd);
		return -1;
	}
	return fd;
}
