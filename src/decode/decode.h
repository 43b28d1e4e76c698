/* Decode: one frame becomes its layers. Decoders are pure: bytes in, a struct out; what spans
 * frames (fragments) lives in struct decoder, what spans segments is flow's. All reading is through
 * struct cur. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/cur.h"
#include "decode/dns.h"
#include "decode/http.h"
#include "decode/ndpi.h"
#include "decode/quic.h"
#include "decode/tls.h"
#include "ingest/ingest.h"

/* Verdict on one frame; each is counted. */
enum decoded {
	DECODED_OK,
	DECODED_FRAGMENT, /* kept for reassembly, or one that adds nothing */
	DECODED_NOT_IP,   /* ARP, STP, LLDP, …: nothing for us */
	DECODED_LINKTYPE, /* a link type without a decoder */
	DECODED_DEPTH,    /* too many layers inside one another: over 8 tunnels, 16 extensions */
	DECODED_SHORT,    /* the capture cut it before the ports */
	DECODED_BAD,      /* contradicts its format */
	DECODED_COUNT
};

#define TCP_FIN 0x01u
#define TCP_SYN 0x02u
#define TCP_RST 0x04u
#define TCP_PSH 0x08u
#define TCP_ACK 0x10u

enum ip_proto { IP_ICMP = 1, IP_TCP = 6, IP_UDP = 17, IP_ICMPV6 = 58, IP_SCTP = 132 };

/* The conversation that an ICMP error speaks of, as far as the quote goes. */
struct quoted {
	bool present;
	struct addr src, dst;
	uint8_t proto;
	uint16_t src_port, dst_port;
};

/* The innermost IP packet of a frame: what a tunnel carries, if that is IP and sound, else the
 * packet around it. No IPv6 packet has IPv4-mapped addresses. Borrowed bytes: live as long as the
 * frame, or, for a reassembled packet, until the next decode_frame(). */
struct packet {
	int64_t time_ns;
	struct addr src, dst;
	uint64_t src_mac; /* of the outermost Ethernet frame; 0 none */
	uint8_t proto;    /* enum ip_proto or any other IP protocol number */
	uint8_t ttl;
	uint8_t tunnels;             /* outer IP packets taken off */
	uint16_t vlan;               /* innermost tag, 0 none; not part of any key */
	uint16_t src_port, dst_port; /* TCP, UDP, UDP-Lite, SCTP; ICMP: type and code */
	uint32_t wire_bytes;         /* of the IP packet */
	bool logged; /* by a rule of a firewall (NFLOG): answers to it need not have been */
	bool denied; /* and that rule's prefix says that it went no further */

	uint8_t tcp_flags; /* what the capture cut off the header is 0 */
	uint32_t tcp_seq, tcp_ack;
	uint16_t tcp_window;

	struct quoted quoted;  /* ICMP errors */
	uint32_t payload_wire; /* bytes above the transport header as sent, from the lengths in the
	                          headers */
	struct cur payload;    /* those that were captured; <= payload_wire */
};

struct decoder; /* fragment table and counters */

/* fragment_bytes: bound on what all unfinished datagrams hold together. Fails: -ENOMEM. */
MUST_USE int decoder_new(struct decoder **ret, size_t fragment_bytes);
void decoder_free(struct decoder *d);

/* Takes the frame apart. *ret is written only on DECODED_OK. */
enum decoded decode_frame(struct decoder *d, const struct frame *frame, struct packet *ret);

/* Frames per verdict, indexed by enum decoded; and unfinished datagrams given up. */
const uint64_t *decoder_counts(const struct decoder *d);
uint64_t decoder_fragments_dropped(const struct decoder *d);
const char *decoded_name(enum decoded verdict);
/* The first link type met that no decoder knows, for the message; 0 none. */
uint16_t decoder_unknown_linktype(const struct decoder *d);
