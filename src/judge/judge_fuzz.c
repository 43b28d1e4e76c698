/* What a host did, told by bytes: whatever it is, the findings hold together. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>

#include "base/cur.h"
#include "base/limits.h"
#include "judge/judge.h"

#define EVENTS_PER_INPUT 4096
/* Few of each, so that they meet. */
#define SERVERS 24u
#define NAMES   14u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *name_of(unsigned number)
{
	static const char *const names[NAMES] = {"a.one.com", "b.one.com", "two.net", "three.org",
		"www.google.com", "api.ipify.org", "x.duckdns.org", "y.duckdns.org", "four.example",
		"five.example", "six.io", "q.seven.dev", "pastebin.com", "dns.nextdns.io"};
	return names[number % NAMES];
}

static struct addr server_of(unsigned number)
{
	number %= SERVERS;
	return addr_v4(0xc6336400u + (number << 8) + number);
}

static void read_conn(struct cur *c, int64_t now_ns, uint64_t id, struct conn *ret)
{
	unsigned server = cur_u8(c), outcome = cur_u8(c);
	*ret = (struct conn){.id = id,
		.settled = true,
		.ended = true,
		.joined = (outcome & 0x80) != 0,
		.start_ns = now_ns,
		.end_ns = now_ns + NS_PER_S,
		.client = addr_v4(0x0a000005u + (server >> 7)),
		.server = server_of(server),
		.client_port = (uint16_t)(1024 + id),
		.server_port = (server & 0x40) != 0 ? 443 : 8080,
		.ip_proto = 6,
		.transport = TRANSPORT_TCP,
		.outcome = (enum outcome)(outcome % OUTCOME_COUNT),
		.packets_out = 1,
		.packets_in = 1,
		.tries = 1 + (outcome >> 5),
		.request_bytes = server * 3,
		.name = (outcome & 0x10) != 0 ? name_of(server) : NULL,
		.name_source = NAME_SNI};
	if (outcome_is_failure(ret->outcome))
		ret->fail_ns = now_ns + (int64_t)cur_u8(c) * 20 * NS_PER_MS;
	unsigned more = cur_u8(c);
	ret->to_proxy = ret->name != NULL && more % 5 == 0;
	if (ret->to_proxy)
		ret->server = addr_v4(0x0a000008u);
	if (more % 7 == 0) {
		ret->transport = more % 2 == 0 ? TRANSPORT_ICMP : TRANSPORT_UDP;
		ret->server_port = more % 2 == 0 ? 0 : 123;
		ret->client_port = more % 2 == 0 ? 8 : 123;
		ret->echo_hash = more / 8;
		ret->echo_fresh = more * 5;
	}
	ret->bytes_out = (uint64_t)more * more * 100;
}

/* A name that tells something: letters of the input's own. */
static const char *told_name(struct cur *c, unsigned domain)
{
	static char name[256];
	unsigned letters = 16 + cur_u8(c) % 48u;
	for (unsigned i = 0; i < letters; i++)
		name[i] = (char)('a' + (i * 7 + cur_u8(c)) % 26);
	(void)snprintf(name + letters, sizeof name - letters, ".tunnel%u.example", domain % 10);
	return name;
}

static void read_lookup(struct cur *c, int64_t now_ns, uint64_t id, struct lookup *ret)
{
	unsigned name = cur_u8(c), outcome = cur_u8(c);
	*ret = (struct lookup){.id = id,
		.query_ns = now_ns,
		.repeat_ns = now_ns,
		.answer_ns = now_ns + NS_PER_MS,
		.client = addr_v4(0x0a000005u),
		.resolver = addr_v4(0x0a000001u),
		.transport = TRANSPORT_UDP,
		.qtype = 1,
		.outcome = (enum outcome)(outcome % OUTCOME_COUNT),
		.name = name_of(name)};
	if ((name & 0x80) != 0) {
		static const uint16_t types[] = {1, 5, 10, 15, 16, 28, 33, 65399};
		ret->name = told_name(c, name & 15);
		ret->qtype = types[name >> 4 & 7];
	}
	if (outcome_is_failure(ret->outcome))
		ret->fail_ns = ret->answer_ns;
	else
		ret->answer[ret->answers++].addr = server_of(name >> 3);
}

static void check(const struct finding *f)
{
	CHECK(f->e_value >= 1e-6 && isfinite(f->e_value));
	CHECK(f->channels >= 1 && f->channels <= FINDING_CHANNELS_MAX);
	CHECK(f->episodes >= 1 && f->evidences >= 1 && f->first_ns <= f->last_ns);
	double bits = 0;
	for (size_t i = 0; i < f->evidences; i++) {
		CHECK(strlen(f->evidence[i].text) >= 10);
		bits += f->evidence[i].bits;
	}
	CHECK(fabs(bits + log2(f->e_value)) < 1e-6);
	for (size_t i = 0; i < f->switches; i++)
		CHECK(f->sw[i].from < f->channels && f->sw[i].to < f->channels &&
			f->sw[i].after_ns >= 0);
	for (size_t i = 0; i < f->ticks; i++)
		CHECK(f->tick[i].channel < f->channels &&
			(i == 0 || f->tick[i - 1].at_ns <= f->tick[i].at_ns));
}

static void look(struct hosts *hosts, struct judge *judge, struct cur *c)
{
	int64_t now_ns = INT64_C(1700000000) * NS_PER_S;
	for (uint64_t id = 1; id < EVENTS_PER_INPUT && c->len > 0; id++) {
		struct event e = {0};
		unsigned step = cur_u8(c);
		/* now and then back, as events come when they are over */
		now_ns += (step & 0x40) != 0 ? -(int64_t)(step & 0x3f) * NS_PER_S
		                             : (int64_t)(step & 0x3f) * NS_PER_S / 4;
		e.kind = (step & 0x80) != 0 ? EVENT_LOOKUP : EVENT_CONN;
		if (e.kind == EVENT_CONN)
			read_conn(c, now_ns, id, &e.conn);
		else
			read_lookup(c, now_ns, id, &e.lookup);
		struct host *ripe = hosts_add(hosts, &e);
		if (ripe == NULL)
			continue;
		judge_look(judge, ripe);
		host_retire(ripe);
		CHECK(!ripe->ripe && ripe->attempts < HOST_ATTEMPTS_MAX &&
			ripe->channels < HOST_CHANNELS_MAX);
	}
	for (size_t i = 0; i < hosts_count(hosts); i++)
		judge_look(judge, hosts_get(hosts, i));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strings *strings = NULL;
	struct hosts *hosts = NULL;
	struct judge *judge = NULL;
	CHECK(strings_new(&strings, 1 << 16, 1 << 10) == 0);
	CHECK(hosts_new(&hosts, &(struct hosts_options){.strings = strings}) == 0);
	CHECK(judge_new(&judge, &(struct judge_options){.hosts = hosts}) == 0);
	struct cur c = cur_of(data, size);
	look(hosts, judge, &c);
	judge_finish(judge, 0.1);
	for (size_t i = 0; i < judge_count(judge); i++)
		check(judge_get(judge, i));
	judge_free(judge);
	hosts_free(hosts);
	strings_free(strings);
	return 0;
}
