/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforcer/denied.h"

#include <errno.h>
#include <libnetfilter_log/libnetfilter_log.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "enforcer/dropped.h"

#define COPY_BYTES 128 /* an IPv6 header, a few of its extensions, ports */

struct denied {
	struct nflog_handle *log;
	struct nflog_g_handle *group;
	void (*tell)(void *context, const struct guard_reply *reply);
	void *context;
	uint32_t lost;
};

static int see(
	struct nflog_g_handle *group, struct nfgenmsg *msg, struct nflog_data *data, void *context)
{
	struct denied *d = context;
	struct guard_reply reply;
	struct timespec now = {0};
	char *packet = NULL;
	(void)group;
	(void)msg;
	int len = nflog_get_payload(data, &packet);
	if (len <= 0 || !dropped_read(packet, (size_t)len, &reply)) {
		d->lost++;
		return 0;
	}
	(void)clock_gettime(CLOCK_REALTIME, &now);
	reply.time_ns = now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
	reply.lost = d->lost;
	d->tell(d->context, &reply);
	return 0;
}

int denied_open(struct denied **ret, void (*tell)(void *context, const struct guard_reply *reply),
	void *context)
{
	struct denied *d = calloc(1, sizeof *d);
	if (d == NULL)
		return -ENOMEM;
	*d = (struct denied){.tell = tell, .context = context};
	errno = 0;
	d->log = nflog_open();
	if (d->log != NULL)
		d->group = nflog_bind_group(d->log, GUARD_LOG_GROUP);
	if (d->group == NULL || nflog_set_mode(d->group, NFULNL_COPY_PACKET, COPY_BYTES) < 0 ||
		nflog_set_qthresh(d->group, 1) < 0) {
		int code = errno != 0 ? -errno : -EIO;
		denied_close(d);
		return code;
	}
	(void)nflog_callback_register(d->group, see, d);
	*ret = d;
	return 0;
}

void denied_close(struct denied *d)
{
	if (d == NULL)
		return;
	if (d->group != NULL)
		(void)nflog_unbind_group(d->group);
	if (d->log != NULL)
		(void)nflog_close(d->log);
	free(d);
}

int denied_fd(const struct denied *d)
{
	return nflog_fd(d->log);
}

void denied_take(struct denied *d)
{
	char buf[16384] __attribute__((aligned(8)));
	ssize_t len = recv(denied_fd(d), buf, sizeof buf, MSG_DONTWAIT);
	if (len > 0)
		(void)nflog_handle_packet(d->log, buf, (int)len);
	else if (len < 0 && errno == ENOBUFS)
		d->lost++;
}
