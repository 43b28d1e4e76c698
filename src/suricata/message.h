/* Inside suricata/: a flow of a capture, and its packets as rules see them. */
#pragma once

#include "decode/decode.h"
#include "suricata/suricata.h"

#define REPLAY_KEY_BYTES  37
#define REPLAY_HEAD_BYTES 4096u /* of each direction, from its begin */

struct replay_half {
	uint8_t head[REPLAY_HEAD_BYTES];
	size_t len;
	uint32_t next; /* sequence number behind the head */
	bool known;    /* next is */
	bool holed;    /* what follows the head is not next to it */
	bool seen;     /* a packet of it was */
	bool told;     /* its message was asked for */
	bool detected; /* rules of the protocol alone were asked */
};

struct replay_flow {
	uint8_t key[REPLAY_KEY_BYTES];
	struct addr client;
	uint16_t client_port;
	bool ports, midstream, passed, dropped;
	bool answered,
		established; /* SYN-ACK seen; the client's ACK of it, or datagrams both ways */
	enum suricata_app_state app_state;
	bool app_wild; /* not recognised by us: Suricata may know it */
	const char *app;
	struct replay_half half[2]; /* client, server */
	struct suricata_flow_bits bits;
};

struct message_room { /* what a packet's buffers point to */
	struct http_request http;
	struct tls_hello tls;
	struct dns dns;
};

/* The packet as rules see it. *ret_fresh: its direction's application protocol has just become
 * known. */
void message_read(struct replay_flow *f, const struct packet *p, struct suricata_packet *ret,
	struct message_room *room, bool *ret_fresh);
/* After the rules: what holds for the packets that follow. */
void message_done(struct replay_flow *f, const struct packet *p);
