/* SPDX-License-Identifier: Apache-2.0
 *
 * forge HOST PACKETS_A_SECOND SECONDS SERVER...: TCP resets that nobody sent, to HOST from the
 * servers' port 443, as many as are asked for. Last it prints how many were sent and in how many
 * seconds. For network namespaces of the tests' own: it needs CAP_NET_RAW. */
#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sender.h"

#define BATCH   64
#define SERVERS 64

struct forged {
	struct iphdr ip;
	struct tcphdr tcp;
};

struct pseudo {
	uint32_t src, dst;
	uint16_t proto, len;
	struct tcphdr tcp;
};

static struct forged make(uint32_t src, uint32_t dst)
{
	struct forged f = {.ip = {.version = 4,
				   .ihl = 5,
				   .ttl = 64,
				   .protocol = IPPROTO_TCP,
				   .saddr = src,
				   .daddr = dst},
		.tcp = {.source = htons(443),
			.dest = htons((uint16_t)(32768 + chance() % 28232)),
			.seq = chance(),
			.ack_seq = chance(),
			.doff = 5,
			.rst = 1,
			.ack = 1}};
	const struct pseudo p = {.src = src,
		.dst = dst,
		.proto = htons(IPPROTO_TCP),
		.len = htons(sizeof f.tcp),
		.tcp = f.tcp};
	f.tcp.check = sum_of(&p, sizeof p);
	return f;
}

/* Returns how many went out. */
static unsigned send_some(int fd, struct sockaddr_in *to, const uint32_t *server, size_t servers)
{
	static struct forged packet[BATCH];
	struct iovec part[BATCH];
	struct mmsghdr message[BATCH] = {0};
	for (size_t i = 0; i < BATCH; i++) {
		packet[i] = make(server[chance() % servers], to->sin_addr.s_addr);
		part[i] = (struct iovec){&packet[i], sizeof packet[i]};
		message[i].msg_hdr = (struct msghdr){.msg_name = to,
			.msg_namelen = sizeof *to,
			.msg_iov = &part[i],
			.msg_iovlen = 1};
	}
	int sent = sendmmsg(fd, message, BATCH, 0);
	return sent < 0 ? 0 : (unsigned)sent;
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	uint32_t server[SERVERS];
	size_t servers = 0;
	if (argc < 5 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1)
		return 2;
	for (int i = 4; i < argc && servers < SERVERS; i++)
		if (inet_pton(AF_INET, argv[i], &server[servers]) == 1)
			servers++;
	double rate = strtod(argv[2], NULL), seconds = strtod(argv[3], NULL), begun = now_s();
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	unsigned long sent = 0;
	if (fd < 0 || servers == 0)
		return 3;
	while (now_s() - begun < seconds)
		if ((double)sent < (now_s() - begun) * rate)
			sent += send_some(fd, &to, server, servers);
		else
			(void)usleep(200);
	(void)printf("%lu %.3f\n", sent, now_s() - begun);
	(void)close(fd);
	return 0;
}
