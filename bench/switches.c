/* What a guard would take for a switch (guard/strangers.h) in captures: a JSON line for each file.
 *
 *     switches LOCAL|- FILE...
 *
 * No policy: everything but large operators is a stranger, so of honest traffic it is the worst
 * case. hosts: local ones with anything; hours: of them together, from each one's first packet to
 * its last. LOCAL: a network of one's own; -: private addresses. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/guarding_private.h"

struct run {
	struct guarding g;
	struct engine engine;
	struct networks local;
	unsigned signs, by_cause[SWITCH_MANY + 1];
};

static void begun(void *context, const struct conn *c)
{
	struct run *r = context;
	struct stranger one;
	struct switch_sign sign;
	char from[ADDR_TEXT_BYTES], left[ADDR_TEXT_BYTES], to[ADDR_TEXT_BYTES];
	if (!switching_begun(&r->g, c, &one, &sign))
		return;
	r->signs++;
	r->by_cause[sign.cause]++;
	(void)fprintf(stderr, "%s: %s:%u/%u, then %.2f s later %s:%u/%u; chance %.3g, cause %d\n",
		addr_text(&c->client, from), addr_text(&sign.left.peer, left), sign.left.port,
		sign.left.proto, (double)sign.lag_ns / 1e9, addr_text(&c->server, to),
		c->server_port, c->ip_proto, sign.chance, (int)sign.cause);
}

static void refused(void *context, const struct conn *c)
{
	struct run *r = context;
	guarding_refused(&r->g, c);
}

static void event(void *context, const struct event *e)
{
	struct run *r = context;
	guarding_event(&r->g, e, false);
}

static void ripe(void *context, struct host *host)
{
	(void)context;
	(void)host;
}

static int read_all(struct run *r, const char *path)
{
	struct ingest *ingest = NULL;
	struct frame frame;
	struct fail why = {0};
	int code = ingest_open(&ingest, &path, 1, &why);
	while (code == 0 && ingest_next(ingest, &frame) == 1)
		code = engine_frame(&r->engine, &frame);
	engine_finish(&r->engine);
	ingest_close(ingest);
	return code;
}

static int start(struct run *r, const char *local)
{
	struct engine_options o = {.prompt = true,
		.ripe = ripe,
		.event = event,
		.begun = begun,
		.refused = refused,
		.context = r};
	if (strcmp(local, "-") != 0 && cidr_parse(local, &r->local.net[0]) == 0)
		r->local.count = 1;
	o.local = r->local.net;
	o.locals = r->local.count;
	r->g.options.local = &r->local;
	r->g.engine = &r->engine;
	return strangers_new(&r->g.strangers) < 0 || crowd_new(&r->g.servers) < 0 ||
	                       crowd_new(&r->g.resolvers) < 0 ||
	                       allowances_new(&r->g.allowances, &(struct expected){0}) < 0
	               ? -1
	               : engine_init(&r->engine, &o);
}

int main(int argc, char **argv)
{
	for (int i = 2; i < argc; i++) {
		struct run *r = calloc(1, sizeof *r);
		double hours = 0;
		size_t hosts = 0;
		if (r == NULL || start(r, argv[1]) < 0 || read_all(r, argv[i]) < 0) {
			(void)fprintf(stderr, "%s: can't be read\n", argv[i]);
			return 1;
		}
		for (size_t k = 0; k < hosts_count(r->engine.hosts); k++) {
			const struct host *h = hosts_get(r->engine.hosts, k);
			hosts += h->connections > 0;
			hours += (double)(h->last_ns - h->first_ns) / 3600e9;
		}
		const char *slash = strrchr(argv[i], '/');
		(void)printf("{\"file\":\"%s\",\"hosts\":%zu,\"hours\":%.3f,\"signs\":%u,"
			     "\"failed\":%u,\"silent\":%u}\n",
			slash == NULL ? argv[i] : slash + 1, hosts, hours, r->signs,
			r->by_cause[SWITCH_FAILED], r->by_cause[SWITCH_SILENT]);
		engine_fini(&r->engine);
		strangers_free(r->g.strangers);
		crowd_free(r->g.servers);
		crowd_free(r->g.resolvers);
		allowances_free(r->g.allowances);
		free(r);
	}
	return 0;
}
