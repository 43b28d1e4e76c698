/* SPDX-License-Identifier: Apache-2.0
 *
 * guard-load IFACE HOSTS PACKETS_A_SECOND SECONDS: what that many hosts of 10.64.0.0/10 say in honest
 * conversations, both directions of each, out of one interface to nobody's Ethernet address: a name
 * is asked for and answered, then TCP from SYN to FIN with a page by HTTP. Last it prints how many
 * packets the kernel took, in how many seconds, and how many conversations were begun. For network
 * namespaces of the benchmark's own: it needs CAP_NET_RAW. */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../tests/e2e/sender.h"

#define BATCH	    64
#define AT_ONCE	    512     /* conversations; the others wait for their turn */
#define HOSTS_MAX   1000000 /* fit into 10.64.0.0/10 */
#define NAMES	    2000    /* each with a server of its own, in its own /24 */
#define HOST_NAMES  16      /* that one host goes to */
#define FRAME_MAX   1024
#define PAGE_BYTES  600
#define RESOLVER    0x0a7fff35u /* 10.127.255.53 */
#define FIRST_HOST  0x0a400001u /* 10.64.0.1 */
#define FIRST_OTHER 0x2d000000u /* 45.0.0.0: 45.A.B.80 */

struct talk {
	uint32_t host, name; /* numbers, from 0 */
	uint32_t seq, back;  /* what either side sends next */
	uint16_t port;
	unsigned step;
};

struct frame {
	struct ether_header ether;
	struct iphdr ip;
	uint8_t rest[FRAME_MAX];
} __attribute__((packed));

static uint32_t address_of(uint32_t name)
{
	return FIRST_OTHER + (name << 8) + 80;
}

/* The frame's length. len: of what follows the IP header. */
static size_t finish(struct frame *f, const struct talk *t, bool back, uint8_t proto, size_t len)
{
	uint32_t host = htonl(FIRST_HOST + t->host),
		 other = htonl(proto == IPPROTO_UDP ? RESOLVER : address_of(t->name));
	f->ether = (struct ether_header){.ether_dhost = {2, 0, 0, 0, 0, 2},
		.ether_shost = {2, 0, 0, 0, 0, 1},
		.ether_type = htons(ETHERTYPE_IP)};
	struct iphdr ip = {.version = 4,
		.ihl = 5,
		.ttl = 64,
		.protocol = proto,
		.tot_len = htons((uint16_t)(sizeof f->ip + len)),
		.saddr = back ? other : host,
		.daddr = back ? host : other};
	ip.check = sum_of(&ip, sizeof ip);
	f->ip = ip;
	return sizeof f->ether + sizeof f->ip + len;
}

/* RFC 1035; the answer's owner name is a pointer to the question's. */
static size_t dns(struct frame *f, const struct talk *t, bool back)
{
	uint8_t *at = f->rest + sizeof(struct udphdr);
	const uint8_t head[12] = {(uint8_t)(t->port >> 8), (uint8_t)t->port, back ? 0x81 : 1,
		back ? 0x80 : 0, 0, 1, 0, back ? 1 : 0};
	memcpy(at, head, sizeof head);
	at += sizeof head;
	at += snprintf((char *)at, 32, "\3www\12vendor%04u\4test", t->name) + 1;
	memcpy(at, (const uint8_t[]){0, 1, 0, 1}, 4);
	at += 4;
	if (back) {
		uint32_t addr = htonl(address_of(t->name));
		memcpy(at, (const uint8_t[]){0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4}, 12);
		memcpy(at + 12, &addr, 4);
		at += 16;
	}
	size_t len = (size_t)(at - f->rest);
	const struct udphdr udp = {.source = htons(back ? 53 : t->port),
		.dest = htons(back ? t->port : 53),
		.len = htons((uint16_t)len)};
	memcpy(f->rest, &udp, sizeof udp);
	return finish(f, t, back, IPPROTO_UDP, len);
}

static size_t tcp(struct frame *f, struct talk *t, bool back, char flag, size_t len)
{
	struct tcphdr h = {.source = htons(back ? 80 : t->port),
		.dest = htons(back ? t->port : 80),
		.seq = htonl(back ? t->back : t->seq),
		.ack_seq = flag == 'S' && !back ? 0 : htonl(back ? t->seq : t->back),
		.doff = 5,
		.window = htons(64240),
		.ack = flag != 'S' || back,
		.syn = flag == 'S',
		.fin = flag == 'F',
		.psh = len > 0};
	memcpy(f->rest, &h, sizeof h);
	*(back ? &t->back : &t->seq) += (uint32_t)len + (flag == 'S' || flag == 'F');
	return finish(f, t, back, IPPROTO_TCP, sizeof h + len);
}

static size_t page(struct frame *f, struct talk *t, bool back)
{
	char *text = (char *)f->rest + sizeof(struct tcphdr);
	int len = back ? snprintf(text, FRAME_MAX - sizeof(struct tcphdr),
				 "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%*s", PAGE_BYTES,
				 PAGE_BYTES, "page")
		       : snprintf(text, FRAME_MAX - sizeof(struct tcphdr),
				 "GET /%u HTTP/1.1\r\nHost: www.vendor%04u.test\r\n\r\n", t->port,
				 t->name);
	return tcp(f, t, back, 'A', (size_t)len);
}

static void begin(struct talk *t, uint32_t hosts)
{
	static uint32_t begun;
	uint32_t host = begun % hosts, round = begun / hosts;
	begun++;
	*t = (struct talk){.host = host,
		.name = (host * 7 + (round % HOST_NAMES) * 131) % NAMES,
		.seq = chance(),
		.back = chance(),
		.port = (uint16_t)(32768 + (host + round * 5) % 28000)};
}

/* The next packet of a conversation: its length. 0: it has ended. */
static size_t step(struct frame *f, struct talk *t)
{
	switch (t->step++) {
	case 0:
		return dns(f, t, false);
	case 1:
		return dns(f, t, true);
	case 2:
		return tcp(f, t, false, 'S', 0);
	case 3:
		return tcp(f, t, true, 'S', 0);
	case 4:
		return tcp(f, t, false, 'A', 0);
	case 5:
		return page(f, t, false);
	case 6:
		return page(f, t, true);
	case 7:
		return tcp(f, t, false, 'A', 0);
	case 8:
		return tcp(f, t, false, 'F', 0);
	case 9:
		return tcp(f, t, true, 'F', 0);
	case 10:
		return tcp(f, t, false, 'A', 0);
	default:
		return 0;
	}
}

struct load {
	struct talk talk[AT_ONCE];
	uint32_t hosts;
	size_t next;
	unsigned long begun;
	struct frame frame[BATCH];
	size_t len[BATCH], ready; /* made, not yet taken by the kernel, from the first on */
};

static void make_batch(struct load *l)
{
	while (l->ready < BATCH) {
		struct talk *t = &l->talk[l->next++ % AT_ONCE];
		size_t len = step(&l->frame[l->ready], t);
		if (len == 0) {
			begin(t, l->hosts);
			l->begun++;
			len = step(&l->frame[l->ready], t);
		}
		l->len[l->ready++] = len;
	}
}

/* Returns how many went out; the others are sent next time, so that conversations stay whole. */
static unsigned send_batch(int fd, struct sockaddr_ll *to, struct load *l)
{
	struct iovec part[BATCH];
	struct mmsghdr message[BATCH] = {0};
	make_batch(l);
	for (size_t i = 0; i < BATCH; i++) {
		part[i] = (struct iovec){&l->frame[i], l->len[i]};
		message[i].msg_hdr = (struct msghdr){.msg_name = to,
			.msg_namelen = sizeof *to,
			.msg_iov = &part[i],
			.msg_iovlen = 1};
	}
	int sent = sendmmsg(fd, message, BATCH, 0);
	size_t gone = sent < 0 ? 0 : (size_t)sent;
	memmove(l->frame, l->frame + gone, (BATCH - gone) * sizeof l->frame[0]);
	memmove(l->len, l->len + gone, (BATCH - gone) * sizeof l->len[0]);
	l->ready = BATCH - gone;
	return (unsigned)gone;
}

int main(int argc, char **argv)
{
	static struct load load;
	if (argc != 5)
		return 2;
	struct sockaddr_ll to = {.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_IP),
		.sll_ifindex = (int)if_nametoindex(argv[1])};
	load.hosts = (uint32_t)strtoul(argv[2], NULL, 10);
	double rate = strtod(argv[3], NULL), seconds = strtod(argv[4], NULL), begun = now_s();
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	unsigned long sent = 0;
	if (to.sll_ifindex == 0 || load.hosts < AT_ONCE || load.hosts > HOSTS_MAX)
		return 2;
	if (fd < 0)
		return 3;
	for (size_t i = 0; i < AT_ONCE; i++) {
		begin(&load.talk[i], load.hosts);
		load.begun++;
	}
	while (now_s() - begun < seconds)
		if ((double)sent < (now_s() - begun) * rate)
			sent += send_batch(fd, &to, &load);
		else
			(void)usleep(200);
	(void)printf("%lu %.3f %lu\n", sent, now_s() - begun, load.begun);
	(void)close(fd);
	return 0;
}
