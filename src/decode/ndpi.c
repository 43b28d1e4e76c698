#include "decode/ndpi.h"

#include <errno.h>
#include <ndpi/ndpi_main.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "decode/decode.h"

/* nDPI's longest name is below 20 */
#define NAME_BYTES 32

#define IP6_BYTES 40
#define TCP_BYTES 20
#define UDP_BYTES 8

struct place {
	struct ndpi_flow_struct *flow; /* NULL: never used; kept for the next one otherwise */
	uint32_t free_next;
	uint8_t packets;
	uint8_t proto; /* of its packets so far, 0 none yet */
};

struct namer {
	struct ndpi_detection_module_struct *ndpi;
	struct place *place; /* by number - 1 */
	uint32_t free_first, slots;
	uint32_t names;
	char (*name)[NAME_BYTES]; /* by nDPI's protocol number */
	uint64_t refused;
	uint8_t packet[IP6_BYTES + TCP_BYTES + NAMER_PAYLOAD_MAX]; /* the one being shown */
	size_t packet_len;
};

static void keep_name(struct namer *n, uint16_t protocol)
{
	const char *from = ndpi_get_proto_name(n->ndpi, protocol);
	size_t len = 0;
	for (; len < NAME_BYTES - 1 && from[len] != '\0'; len++) {
		char c = from[len];
		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		else if (c == ' ')
			c = '-';
		n->name[protocol][len] = c;
	}
	n->name[protocol][len] = '\0';
}

/* All dissectors but those of protocols that are read here: what nDPI does not parse can't hurt. */
static void choose_dissectors(struct ndpi_detection_module_struct *ndpi)
{
	static const uint16_t ours[] = {NDPI_PROTOCOL_TLS, NDPI_PROTOCOL_QUIC, NDPI_PROTOCOL_HTTP,
		NDPI_PROTOCOL_DNS, NDPI_PROTOCOL_BITTORRENT};
	NDPI_PROTOCOL_BITMASK all;
	NDPI_BITMASK_SET_ALL(all);
	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		/* nDPI's own macro for this does not compile without a narrowing */
		all.fds_bits[ours[i] / NDPI_BITS] &= ~((ndpi_ndpi_mask)1 << ours[i] % NDPI_BITS);
	ndpi_set_protocol_detection_bitmask2(ndpi, &all);
}

/* nDPI's tables take as long to set up as a capture of 100,000 packets to hunt: made when the first
 * conversation needs them. False: no memory; then nothing gets a name. */
static bool set_up(struct namer *n)
{
	/* the list of Tor hosts would only serve guesses; libgcrypt is for the QUIC that is ours */
	n->ndpi = ndpi_init_detection_module(ndpi_dont_load_tor_hosts | ndpi_dont_init_libgcrypt);
	if (n->ndpi == NULL)
		return false;
	choose_dissectors(n->ndpi);
	ndpi_finalize_initialization(n->ndpi);
	n->names = ndpi_get_num_supported_protocols(n->ndpi);
	n->name = calloc(n->names, sizeof *n->name);
	if (n->name == NULL) {
		ndpi_exit_detection_module(n->ndpi);
		n->ndpi = NULL;
		return false;
	}
	for (uint32_t i = 0; i < n->names; i++)
		keep_name(n, (uint16_t)i);
	return true;
}

int namer_new(struct namer **ret, size_t slots)
{
	if (slots == 0 || slots > NAMER_SLOTS_MAX)
		return -EINVAL;
	struct namer *n = calloc(1, sizeof *n);
	if (n == NULL)
		return -ENOMEM;
	CHECK(ndpi_detection_get_sizeof_ndpi_flow_struct() ==
		SIZEOF_FLOW_STRUCT); /* header and library agree */
	n->place = calloc(slots, sizeof *n->place);
	if (n->place == NULL) {
		namer_free(n);
		return -ENOMEM;
	}
	n->slots = (uint32_t)slots;
	for (uint32_t i = 0; i < n->slots; i++)
		n->place[i].free_next = i + 1 < n->slots ? i + 2 : 0;
	n->free_first = 1;
	*ret = n;
	return 0;
}

void namer_free(struct namer *n)
{
	if (n == NULL)
		return;
	for (uint32_t i = 0; i < n->slots; i++)
		if (n->place[i].flow != NULL)
			ndpi_flow_free(n->place[i].flow);
	if (n->ndpi != NULL)
		ndpi_exit_detection_module(n->ndpi);
	free(n->name);
	free(n->place);
	free(n);
}

uint32_t namer_begin(struct namer *n)
{
	bool ready = n->ndpi != NULL || set_up(n);
	uint32_t number = ready ? n->free_first : 0;
	struct place *p = number == 0 ? NULL : &n->place[number - 1];
	if (p != NULL && p->flow == NULL)
		p->flow = ndpi_flow_malloc(SIZEOF_FLOW_STRUCT);
	if (p == NULL || p->flow == NULL) {
		n->refused++;
		return 0;
	}
	memset(p->flow, 0, SIZEOF_FLOW_STRUCT);
	p->packets = p->proto = 0;
	n->free_first = p->free_next;
	return number;
}

void namer_end(struct namer *n, uint32_t *place)
{
	if (*place == 0)
		return;
	struct place *p = &n->place[*place - 1];
	ndpi_free_flow_data(p->flow);
	memset(p->flow, 0, SIZEOF_FLOW_STRUCT); /* nothing left to free twice */
	p->free_next = n->free_first;
	n->free_first = *place;
	*place = 0;
}

static void put(struct namer *n, uint32_t value, size_t bytes)
{
	for (size_t i = bytes; i > 0; i--)
		n->packet[n->packet_len++] = (uint8_t)(value >> 8 * (i - 1));
}

static void put_bytes(struct namer *n, const uint8_t *bytes, size_t len)
{
	CHECK(len <= sizeof n->packet - n->packet_len);
	if (len > 0)
		memcpy(n->packet + n->packet_len, bytes, len);
	n->packet_len += len;
}

/* RFC 791, RFC 8200; no checksums: nDPI looks at none */
static void put_ip(struct namer *n, const struct packet *p, size_t above)
{
	bool v4 = addr_is_v4(&p->src) && addr_is_v4(&p->dst);
	if (v4) {
		put(n, 0x45000000 | (uint32_t)(20 + above), 4);
		put(n, 0, 4); /* not a fragment */
		put(n, 64, 1);
		put(n, p->proto, 1);
		put(n, 0, 2);
	} else {
		put(n, 0x60000000, 4);
		put(n, (uint32_t)above, 2);
		put(n, p->proto, 1);
		put(n, 64, 1);
	}
	size_t from = v4 ? 12 : 0;
	put_bytes(n, p->src.byte + from, sizeof p->src.byte - from);
	put_bytes(n, p->dst.byte + from, sizeof p->dst.byte - from);
}

static void write_packet(struct namer *n, const struct packet *p)
{
	struct cur payload = p->payload;
	struct span shown = cur_bytes(
		&payload, payload.len < NAMER_PAYLOAD_MAX ? payload.len : NAMER_PAYLOAD_MAX);
	n->packet_len = 0;
	put_ip(n, p, shown.len + (p->proto == IP_TCP ? TCP_BYTES : UDP_BYTES));
	put(n, p->src_port, 2);
	put(n, p->dst_port, 2);
	if (p->proto == IP_TCP) {
		put(n, p->tcp_seq, 4);
		put(n, p->tcp_ack, 4);
		put(n, 0x5000u | p->tcp_flags, 2);
		put(n, p->tcp_window, 2);
		put(n, 0, 4);
	} else {
		put(n, (uint32_t)(UDP_BYTES + shown.len), 2);
		put(n, 0, 2);
	}
	put_bytes(n, shown.ptr, shown.len);
}

const char *namer_guess(struct namer *n, uint32_t *place, const struct packet *packet)
{
	if (*place == 0)
		return NULL;
	struct place *p = &n->place[*place - 1];
	bool same = p->proto == 0 || p->proto == packet->proto;
	if (!same || (packet->proto != IP_TCP && packet->proto != IP_UDP)) {
		namer_end(n, place);
		return NULL;
	}
	p->proto = packet->proto;
	write_packet(n, packet);
	ndpi_protocol found = ndpi_detection_process_packet(n->ndpi, p->flow, n->packet,
		(unsigned short)n->packet_len, (uint64_t)(packet->time_ns / NS_PER_MS));
	uint16_t protocol = found.app_protocol != NDPI_PROTOCOL_UNKNOWN ? found.app_protocol
	                                                                : found.master_protocol;
	/* not what it remembers of the same addresses' other conversations either: one false
	 * handshake would name all that follow */
	bool read = protocol != NDPI_PROTOCOL_UNKNOWN && protocol < n->names &&
	            p->flow->confidence == NDPI_CONFIDENCE_DPI;
	if (read || ++p->packets == NAMER_PACKETS_MAX)
		namer_end(n, place);
	return read ? n->name[protocol] : NULL;
}

uint64_t namer_refused(const struct namer *n)
{
	return n->refused;
}
