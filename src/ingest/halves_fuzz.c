/* Records of a few addresses and ports in any order: packets are neither lost nor told twice,
 * whatever is told when. */
#include "ingest/rows_fuzzing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The clock of the rows: a format whose rows are the halves themselves. */
static void parse(struct sink *sink, const struct frame *row)
{
	sink_half(sink, (const struct half *)row->schema);
}

static const struct format format_halves = {.name = "halves", .parse = parse};

static struct half half_of(struct cur *c, int64_t *clock_ns)
{
	static const uint8_t protos[] = {6, 6, 6, 17, 17, 1, 58, 47};
	uint8_t who = cur_u8(c), what = cur_u8(c), when = cur_u8(c), flags = cur_u8(c);
	uint8_t how = cur_u8(c);
	struct half half = {.src = addr_v4(0x0a000001 + (who & 3)),
		.dst = addr_v4(0xc6336401 + (who >> 2 & 1)),
		.src_port = (uint16_t)(40000 + (who >> 3 & 1)),
		.dst_port = (who & 0x10) != 0 ? 443 : 40001,
		.ip_proto = protos[what & 7],
		.tcp_flags = flags,
		.flags_known = (how & 1) != 0,
		.acks_hidden = (how & 2) != 0,
		.denied = (how & 0x0c) == 0x0c,
		.sampled = (how & 0x30) == 0x30,
		.both_exported = (how & 0x40) != 0,
		.exporter = who >> 6,
		.packets = what >> 3,
		.bytes = (uint64_t)(what >> 3) * (40 + (flags & 0x3f))};
	if ((who & 0x20) != 0) {
		struct addr addr = half.src;
		uint16_t port = half.src_port;
		half.src = half.dst;
		half.dst = addr;
		half.src_port = half.dst_port;
		half.dst_port = port;
	}
	if (half.ip_proto == 1 || half.ip_proto == 58)
		half.dst_port = 0;
	int64_t step_s = when & 0x0f, age_s = when >> 5, length_s = how >> 7;
	*clock_ns += ((when & 0x10) != 0 ? 30 * step_s : step_s) * NS_PER_S;
	half.end_ns = *clock_ns - 10 * age_s * NS_PER_S;
	half.start_ns = half.end_ns - 40 * length_s * NS_PER_S;
	return half;
}

static struct seen_events run(const uint8_t *data, size_t size, size_t waiting_max)
{
	struct fuzz_rows f;
	struct cur c = cur_of(data, size);
	int64_t clock_ns = INT64_C(1700000000) * NS_PER_S;
	uint64_t packets = 0;
	fuzz_rows_init(&f, waiting_max);
	while (c.len >= 5) {
		struct half half = half_of(&c, &clock_ns);
		struct frame row = {.format = &format_halves, .time_ns = clock_ns, .schema = &half};
		packets += half.packets;
		rows_add(f.sink, &row);
	}
	rows_finish(f.sink);
	CHECK(f.seen.packets == packets);
	fuzz_rows_fini(&f);
	return f.seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen_events small = run(data, size, 4), again = run(data, size, 4);
	CHECK(small.count == again.count && small.sum == again.sum);
	(void)run(data, size, 256);
	return 0;
}
