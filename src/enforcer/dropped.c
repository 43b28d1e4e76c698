/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforcer/dropped.h"

#include <netinet/in.h>
#include <string.h>

#include "base/cur.h"

/* Of IPv6; what has more is no packet of a program that means well. */
#define EXTENSIONS 6

static void read_v4(struct cur *c, struct guard_reply *r)
{
	unsigned words = cur_u8(c) & 15u;
	cur_skip(c, 5);
	bool later = (cur_be16(c) & 0x1fff) != 0; /* a fragment without ports */
	cur_skip(c, 1);
	r->proto = cur_u8(c);
	cur_skip(c, 2);
	struct span src = cur_bytes(c, 4), dst = cur_bytes(c, 4);
	if (words < 5 || later)
		cur_fail(c, CUR_BAD);
	if (c->state != CUR_OK)
		return;
	memset(r->host + 10, 0xff, 2);
	memset(r->peer + 10, 0xff, 2);
	memcpy(r->host + 12, src.ptr, 4);
	memcpy(r->peer + 12, dst.ptr, 4);
	cur_skip(c, (size_t)(words - 5) * 4);
}

static void read_v6(struct cur *c, struct guard_reply *r)
{
	cur_skip(c, 6);
	r->proto = cur_u8(c);
	cur_skip(c, 1);
	struct span src = cur_bytes(c, 16), dst = cur_bytes(c, 16);
	if (c->state != CUR_OK)
		return;
	memcpy(r->host, src.ptr, 16);
	memcpy(r->peer, dst.ptr, 16);
	for (int i = 0; i < EXTENSIONS; i++) {
		if (r->proto != IPPROTO_HOPOPTS && r->proto != IPPROTO_ROUTING &&
			r->proto != IPPROTO_DSTOPTS)
			return;
		r->proto = cur_u8(c);
		cur_skip(c, (size_t)cur_u8(c) * 8 + 6);
	}
}

bool dropped_read(const void *packet, size_t len, struct guard_reply *ret)
{
	struct guard_reply r = {.version = GUARD_VERSION, .kind = GUARD_DENIED, .count = 1};
	struct cur c = cur_of(packet, len);
	unsigned version = len == 0 ? 0 : c.ptr[0] >> 4;
	if (version == 4)
		read_v4(&c, &r);
	else if (version == 6)
		read_v6(&c, &r);
	else
		return false;
	if (r.proto == IPPROTO_TCP || r.proto == IPPROTO_UDP) {
		r.host_port = cur_be16(&c);
		r.port = cur_be16(&c);
	}
	if (c.state != CUR_OK)
		return false;
	*ret = r;
	return true;
}
