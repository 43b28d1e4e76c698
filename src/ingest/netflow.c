/* NetFlow v5, v9 and IPFIX: files that hold export datagrams one behind the other (for IPFIX that
 * is RFC 5655's file format), and those that come as packets. */
#include "ingest/netflow.h"

#include "ingest/netflow_decode.h"
#include "ingest/sink.h"

/* ---- files ---- */

static bool claims(struct cur start)
{
	int64_t time_ns;
	return netflow_length(start, &time_ns) > 0;
}

/* Datagrams so far from the last one's time are not believed to follow damage. */
#define RESYNC_NS (86400 * NS_PER_S)

static bool datagram_fits(const struct reader *r, struct cur c)
{
	int64_t time_ns;
	if (netflow_length(c, &time_ns) == 0)
		return false;
	int64_t away_ns = time_ns - r->last_ns;
	return r->number == 0 || (away_ns < RESYNC_NS && away_ns > -RESYNC_NS);
}

static bool netflow_next(struct reader *r, struct frame *ret)
{
	for (;;) {
		/* the header of the next one tells where one of v9 ends */
		struct cur c = stream_view(&r->stream, NETFLOW_BYTES_MAX + 2);
		if (c.len == 0)
			return reader_end(r, 0);
		int64_t time_ns;
		size_t len = netflow_length(c, &time_ns);
		if (len == 0) {
			if (r->stream.damage != NULL)
				return reader_end(r, c.len);
			if (!reader_resync(r, "bytes that are no export datagram", datagram_fits))
				return false;
			continue;
		}
		stream_advance(&r->stream, len);
		r->last_ns = time_ns;
		*ret = (struct frame){.time_ns = time_ns,
			.bytes = c.ptr,
			.cap_bytes = (uint32_t)len,
			.wire_bytes = (uint32_t)len,
			.number = ++r->number};
		return true;
	}
}

static void netflow_parse(struct sink *sink, const struct frame *row)
{
	struct netflow_from from = {.exporter = (uint64_t)row->input + 1};
	netflow_datagram(sink->netflow, sink, &from, cur_of(row->bytes, row->cap_bytes));
}

const struct format format_netflow = {
	.name = "netflow", .claims = claims, .next = netflow_next, .parse = netflow_parse};

/* ---- packets ---- */

static bool is_collector(uint16_t port)
{
	static const uint16_t ports[] = {2055, 2056, 4739, 9555, 9995, 9996};
	for (size_t i = 0; i < ARRAY_LEN(ports); i++)
		if (ports[i] == port)
			return true;
	return false;
}

bool netflow_packet(struct sink *s, const struct addr *exporter, uint16_t dst_port,
	struct cur payload, int64_t time_ns)
{
	int64_t header_ns;
	size_t len = netflow_length(payload, &header_ns);
	if (len == 0 || (len != payload.len && !is_collector(dst_port)))
		return false;
	struct netflow_from from = {
		.exporter = sink_key_bytes(s, exporter->byte, sizeof exporter->byte),
		.time_ns = time_ns};
	if (time_ns > s->clock_ns)
		rows_advance(s, time_ns);
	netflow_datagram(s->netflow, s, &from, payload);
	rows_advance(s, time_ns);
	return true;
}
