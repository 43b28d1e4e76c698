/* Engine: packets and rows become what hosts do: the stages from decode to host, put together once
 * for hunt and watch. It judges nothing: it says when a host must be looked at. */
#pragma once

#include "base/addr.h"
#include "base/strings.h"
#include "decode/decode.h"
#include "flow/flow.h"
#include "host/host.h"
#include "ingest/ingest.h"
#include "ingest/rows.h"

struct engine_options {
	const struct cidr *local; /* borrowed, outlives the engine */
	size_t locals;            /* 0: addr_is_private() */
	int64_t since_ns, until_ns;
	bool prompt;         /* as flow_options.prompt */
	size_t memory_bytes; /* scale the tables to fit; 0: the sizes of base/limits.h */
	struct host_hooks hooks;
	struct ingest *ingest; /* told which rows were rejected; may be NULL */
	/* The host's memory is full: look at it; it will be retired. */
	void (*ripe)(void *context, struct host *host);
	/* Each event on its way to the hosts; may be NULL. */
	void (*event)(void *context, const struct event *event);
	/* As flow_options.begun; may be NULL. */
	void (*begun)(void *context, const struct conn *c);
	void (*refused)(void *context, const struct conn *c); /* as well */
	void *context;
};

struct engine { /* all zero is valid for engine_fini() */
	struct engine_options options;
	struct decoder *decoder;
	struct namer *namer;
	struct strings *strings;
	struct flow_table *flow;
	struct sink *rows; /* NULL until the first row */
	struct hosts *hosts;
	uint64_t packets, rows_taken;
	int64_t first_ns,
		last_ns; /* of what was told: the earliest beginning, the latest; 0 none */
};

/* Fails: -ENOMEM. The engine must not move from here on; engine_fini() also when this fails. */
MUST_USE int engine_init(struct engine *e, const struct engine_options *options);
void engine_fini(struct engine *e);

/* A packet or a row, as ingest gives them. Fails: -ENOMEM (the first row only). */
MUST_USE int engine_frame(struct engine *e, const struct frame *frame);
/* A datagram of a flow exporter. False: it is none. */
bool engine_export(struct engine *e, const struct addr *exporter, uint16_t dst_port,
	struct cur payload, int64_t time_ns);
/* Something that happened, from a source that tells events. */
void engine_event(struct engine *e, const struct event *event);
/* All that there is was given, and the data's time is now_ns: what waited long enough is told, and
 * what waits for more of what there was. */
void engine_settle(struct engine *e, int64_t now_ns);
/* The end of the input: all that waits is told. */
void engine_finish(struct engine *e);
