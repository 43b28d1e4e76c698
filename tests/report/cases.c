#include "cases.h"

#include <math.h>
#include <string.h>

#include "base/limits.h"

#define START_NS (INT64_C(1609951354) * NS_PER_S) /* 2021-01-06T16:42:34Z */
#define DAY_NS   (86400 * NS_PER_S)
#define OFF_ONE_WAY                                                                               \
	"192.0.2.77: only one direction of its traffic was captured; silence and refusal cannot " \
	"be told apart"

static struct finding *add_finding(struct sample *s, const char *id, enum finding_kind kind)
{
	struct finding *f = calloc(1, sizeof *f);
	CHECK(f != NULL && s->c.findings < ARRAY_LEN(s->finding));
	(void)snprintf(f->id, sizeof f->id, "%s", id);
	f->kind = kind;
	f->episodes = 1;
	CHECK(addr_parse("10.1.6.206", &f->host) == 0);
	s->finding[s->c.findings] = f;
	s->list[s->c.findings++] = f;
	return f;
}

static struct finding_channel *add_channel(
	struct finding *f, enum channel_role role, const char *endpoint, uint16_t port)
{
	struct finding_channel *ch = &f->channel[f->channels++];
	*ch = (struct finding_channel){.role = role,
		.endpoint = endpoint,
		.port = port,
		.transport = TRANSPORT_TCP,
		.failure = OUTCOME_OK};
	ch->addr_count = addr_parse(endpoint, &ch->addrs[0]) == 0;
	return ch;
}

static void add_tick(struct finding *f, size_t channel, double at_s, enum outcome outcome)
{
	int64_t at = START_NS + (int64_t)(at_s * 1000) * NS_PER_MS;
	struct finding_channel *ch = &f->channel[channel];
	size_t i = f->ticks++;
	for (; i > 0 && f->tick[i - 1].at_ns > at; i--)
		f->tick[i] = f->tick[i - 1];
	f->tick[i] = (struct finding_tick){channel, at, outcome};
	if (ch->connections++ == 0 || at < ch->first_ns)
		ch->first_ns = at;
	if (at > ch->last_ns)
		ch->last_ns = at;
	if (outcome_is_failure(outcome)) {
		ch->failures++;
		ch->failure = outcome;
	}
	f->first_ns = f->tick[0].at_ns;
	f->last_ns = f->tick[f->ticks - 1].at_ns;
}

static void add_switch(struct finding *f, size_t from, size_t to, double at_s, double after_s)
{
	f->sw[f->switches++] =
		(struct finding_switch){from, to, START_NS + (int64_t)(at_s * 1000) * NS_PER_MS,
			(int64_t)(after_s * 1000) * NS_PER_MS, f->channel[from].failure};
	f->episodes = (uint32_t)f->switches;
}

static void add_evidence(struct finding *f, const char *kind, double bits, const char *text)
{
	f->evidence[f->evidences++] =
		(struct finding_evidence){.kind = kind, .bits = bits, .text = text};
}

static void add_input(struct sample *s, const char *path, uint64_t frames)
{
	struct input *input = &s->input[s->c.inputs];
	*input = (struct input){.path = path, .format = "pcap", .frames = frames};
	s->inputs[s->c.inputs++] = input;
	s->summary.inputs++;
	s->summary.records += frames;
}

/* A backup server after each round of refusals, a beacon beside them: three tries within seconds,
 * then a quarter of an hour of nothing. */
static void make_rounds(struct sample *s)
{
	struct finding *f = add_finding(s, "5f3c2a9b7d1e4c60a1b2c3d4e5f60718", KIND_LADDER);
	struct finding_channel *first = add_channel(f, ROLE_PRIMARY, "192.0.2.90", 80);
	first->service = "http";
	first->bytes_out = 41200;
	first->bytes_in = 1893000;
	add_channel(f, ROLE_TRIED, "203.0.113.194", 443);
	struct finding_channel *next = add_channel(f, ROLE_FALLBACK, "198.51.100.4", 8080);
	next->service = "http";
	next->bytes_out = 18200;
	next->bytes_in = 240100;
	next->user_agent = "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 6.1)";
	static const double beacons[] = {
		0.457, 960.625, 1890.637, 2872.217, 3788.669, 4741.119, 5686.049};
	static const double refusals[] = {
		8.955, 11.963, 16.123, 19.771, 964.248, 1895.689, 5691.465, 5694.577};
	static const double answers[] = {
		14.292, 18.147, 22.444, 26.227, 969.354, 973.901, 1901.789, 5697.562};
	static const size_t after[] = {1, 2, 3, 3, 4, 4, 5, 7}; /* refusal before each answer */
	for (size_t i = 0; i < ARRAY_LEN(beacons); i++)
		add_tick(f, 0, beacons[i], OUTCOME_OK);
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++)
		add_tick(f, 1, refusals[i], OUTCOME_REFUSED);
	for (size_t i = 0; i < ARRAY_LEN(answers); i++)
		add_tick(f, 2, answers[i], OUTCOME_OK);
	for (size_t i = 0; i < ARRAY_LEN(answers); i++)
		if (i != 3 && i != 5) /* those followed an answer */
			add_switch(f, 1, 2, answers[i], answers[i] - refusals[after[i]]);
	f->e_value = 0.00117;
	f->measured = true;
	add_evidence(f, "timing", 8.2,
		"each of the 6 times that 203.0.113.194:443 refused, 198.51.100.4:8080 was opened "
		"next, 2.0 to 6.1 s after the last refusal; by chance that would happen 0.003 "
		"times in this capture");
	add_evidence(f, "contrast", 1.5,
		"198.51.100.4:8080 was never opened without such a refusal in the minute before");
	add_evidence(f, "pace", 0,
		"the host opened 2 other new rare endpoints in the hour: few, so chance is small");
	add_evidence(f, "likeness", -0.5, "the first requests differ in size (312 and 455 bytes)");
	static const char *const records[] = {
		"1:wCb3OG7yAFWelaUydu0D+125CLM=", "1:5dPMnOJrNgMjZ2yPuqvTCUTzPa8=",
		"1:lSG8r+fsQ4M1Kb9qXN0p3tYq0uI=", "1:S1TgCyZm3pTnmqeS8S0bYxTMCdA="};
	memcpy(f->record, records, sizeof records);
	f->records = ARRAY_LEN(records);
	s->summary.connections = 57;
}

static void make_emotet(struct sample *s)
{
	make_rounds(s);
	add_input(s, "captures/infection.pcap", 4509);
	s->summary.host_days = 0.0676;
	s->summary.hosts = 1;
	s->summary.seconds = 0.0214;
	s->summary.first_ns = START_NS - 100 * NS_PER_S;
	s->summary.last_ns = START_NS + 5800 * NS_PER_S;
}

/* Twenty servers of a list within a minute, over IPv6; most are silent, one cuts, one answers. */
static void make_ladder(struct sample *s)
{
	static const char *const servers[] = {"2001:db8:1::1", "2001:db8:2::1", "2001:db8:3::1",
		"2001:db8:4::1", "2001:db8:5::1", "2001:db8:6::1", "2001:db8:7::1", "2001:db8:8::1",
		"2001:db8:9::1", "2001:db8:a::1", "2001:db8:b::1", "update.badlist.example"};
	struct finding *f = add_finding(s, "00112233445566778899aabbccddeeff", KIND_LADDER);
	CHECK(addr_parse("2001:db8::50", &f->host) == 0);
	for (size_t i = 0; i < ARRAY_LEN(servers); i++) {
		bool last = i + 1 == ARRAY_LEN(servers);
		struct finding_channel *ch = add_channel(f,
			i == 0 ? ROLE_PRIMARY
			: last ? ROLE_FALLBACK
			       : ROLE_TRIED,
			servers[i], i % 2 == 0 ? 443 : 8443);
		ch->service = last ? "tls" : NULL;
		add_tick(f, i, (double)i * 5.05,
			last     ? OUTCOME_OK
			: i == 4 ? OUTCOME_RESET
				 : OUTCOME_SILENT);
		if (i > 0)
			add_switch(f, i - 1, i, (double)i * 5.05, 2.05);
	}
	struct finding_channel *last = &f->channel[f->channels - 1];
	last->names[last->name_count++] = "update.badlist.example";
	last->names[last->name_count++] = "www.badlist.example";
	CHECK(addr_parse("2001:db8:ffff::7", &last->addrs[last->addr_count++]) == 0);
	last->ja4 = "t13d1516h2_8daaf6152771_b186095e22b6";
	f->e_value = 4.2e-9;
	add_evidence(f, "timing", 27.8,
		"11 servers failed in a row, the next one tried 2.05 s (give or take 0.01 s) after "
		"each");
	add_input(s, "-", 310);
	s->summary.hosts = 3;
	s->summary.host_days = 0.4;
	s->summary.connections = 1204;
	s->summary.seconds = 1.5;
	s->summary.first_ns = START_NS;
	s->summary.last_ns = START_NS + 3 * DAY_NS;
}

/* Every string that a stranger wrote is written to hurt. */
static void make_hostile(struct sample *s)
{
	struct finding *f = add_finding(s, "deadbeefdeadbeef", KIND_DGA);
	f->process = "\x1b]0;owned\x07</script><img src=x onerror=alert(1)>";
	struct finding_channel *ch =
		add_channel(f, ROLE_TRIED, "</script><script>alert(1)</script>.example", 0);
	ch->transport = TRANSPORT_OTHER;
	ch->names[ch->name_count++] = "a\"b'c\\d&lt;e\nf.example";
	ch->names[ch->name_count++] = "\xe2\x80\xaegpj.exe\xe2\x80\xac.example";
	ch->names[ch->name_count++] = "\xff\xfe\xc0\xaf.example";
	ch->names[ch->name_count++] = "]]>--><!--.example";
	ch = add_channel(f, ROLE_FALLBACK, "\xe6\xbc\xa2\xe5\xad\x97\xf0\x9f\x98\x80.example", 443);
	ch->service = "tls\" onload=\"alert(1)";
	ch->user_agent = "${jndi:ldap://x}\r\nSet-Cookie: a=b\xe2\x80\xa8";
	ch->ja3 = "<b>";
	CHECK(addr_parse("203.0.113.9", &ch->addrs[ch->addr_count++]) == 0);
	add_tick(f, 0, 0, OUTCOME_NXDOMAIN);
	add_tick(f, 1, 0.25, OUTCOME_OK);
	add_tick(f, 1, 3.5, OUTCOME_UNKNOWN);
	add_switch(f, 0, 1, 0.25, 0.2);
	f->e_value = 1e-320; /* not even a normal number */
	add_evidence(f, "names", HUGE_VAL, "a name of 7,000 that never existed & <one> that did");
	add_input(s, "dir/\x1b[2Jevil<&>\"name\".pcap", 3);
	s->input[0].cut = true;
	(void)snprintf(s->input[0].text, FAIL_BYTES, "cut off after 3 packets");
	s->summary.partial = true;
	s->summary.hosts = 1;
	s->summary.connections = 2;
	s->summary.first_ns = START_NS;
	s->summary.last_ns = START_NS + NS_PER_S;
}

static struct finding *add_benign(struct sample *s)
{
	struct finding *f = add_finding(s, "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbb", KIND_LADDER);
	add_channel(f, ROLE_PRIMARY, "ntp.example", 123)->transport = TRANSPORT_UDP;
	add_channel(f, ROLE_FALLBACK, "pool.ntp.example", 123)->transport = TRANSPORT_UDP;
	add_tick(f, 0, 10, OUTCOME_SILENT);
	add_tick(f, 1, 15, OUTCOME_OK);
	add_switch(f, 0, 1, 15, 5);
	f->e_value = 0.02;
	f->explained = "ntp-pool";
	f->explained_text = "time servers of one pool stand in for each other";
	add_evidence(f, "timing", 5.6,
		"the second server was asked 5 s after the first was not "
		"answered");
	return f;
}

static struct finding *add_weak(struct sample *s)
{
	struct finding *f = add_finding(s, "ccccccccccccccccdddddddddddddddd", KIND_HANDOVER);
	add_channel(f, ROLE_PRIMARY, "198.51.100.20", 443);
	add_channel(f, ROLE_FALLBACK, "203.0.113.80", 443);
	add_tick(f, 0, 100, OUTCOME_STALLED);
	add_tick(f, 1, 190, OUTCOME_OK);
	add_switch(f, 0, 1, 190, 80);
	f->e_value = 0.42;
	add_evidence(f, "timing", 1.3, "the second was opened 80 s after the first fell silent");
	return f;
}

static void make_nothing(struct sample *s)
{
	static const struct off off[] = {
		{.text = OFF_ONE_WAY}, {.text = "dns: no resolver's answers were seen"}};
	(void)add_benign(s);
	(void)add_weak(s);
	add_input(s, "monday.pcap", 1000000);
	add_input(s, "tuesday.pcap", 234567);
	s->summary.hosts = 12;
	s->summary.host_days = 5.25;
	s->summary.connections = 88123;
	s->summary.seconds = 0.73;
	s->summary.first_ns = START_NS;
	s->summary.last_ns = START_NS + 2 * DAY_NS;
	s->summary.off = off;
	s->summary.offs = ARRAY_LEN(off);
}

static void make_all(struct sample *s)
{
	make_emotet(s);
	(void)add_benign(s);
	(void)add_weak(s);
	s->c.all = true;
}

/* What people said: one accepted though it is weak, one rejected. */
static void make_ruled(struct sample *s)
{
	static const struct ruling accepted = {.kind = RULING_ACCEPTED,
		.why = "the host held Emotet <b>",
		.by = "ann",
		.at_ns = START_NS + 3 * DAY_NS};
	static const struct ruling rejected = {
		.kind = RULING_REJECTED, .why = "our backup", .at_ns = START_NS + DAY_NS};
	make_emotet(s);
	add_weak(s)->ruling = &accepted;
	add_benign(s)->ruling = &rejected;
}

/* Each string is made to break out of one format or another; some are too long for all. */
static void make_poison(struct sample *s)
{
	static char longest[65536 + 1];
	memset(longest, 'a', sizeof longest - 1);
	static const char *const names[] = {"=cmd|' /C calc'!A0", "+1+1.example", "-2+3.example",
		"@sum(1).example", "a|b=c\\d.example", "x\"] [y\\", "\r\n<14>1 - - -",
		"<script>alert(1)</script>"};
	static const char *const more[] = {"[x](javascript:alert(1))", "`rm`.example",
		"www.evil.example", "\"; drop ip any any -> any any (sid:1;)", "| where 1==1",
		"*.example", "} ; add rule ip x y accept", "\xe2\x80\xae\xff\t$(id)"};
	struct finding *f = add_finding(s, "feedfacefeedfacefeedfacefeedface", KIND_TUNNEL);
	f->process = "=1|2\\3";
	struct finding_channel *ch = add_channel(f, ROLE_PRIMARY, longest, 53);
	ch->transport = TRANSPORT_UDP;
	ch->name_count = ARRAY_LEN(names);
	memcpy(ch->names, names, sizeof names);
	ch = add_channel(f, ROLE_FALLBACK, "http://=evil|.example", 443);
	ch->name_count = ARRAY_LEN(more);
	memcpy(ch->names, more, sizeof more);
	ch->service = ch->ja3 = ch->ja4 = ch->user_agent = longest;
	CHECK(addr_parse("203.0.113.9", &ch->addrs[ch->addr_count++]) == 0);
	add_tick(f, 0, 0, OUTCOME_SILENT);
	add_tick(f, 1, 2, OUTCOME_OK);
	add_switch(f, 0, 1, 2, 1);
	f->e_value = 0.001;
	f->record[f->records++] = "1:=|\"<>";
	f->uid[f->uids++] = "@C|=";
	add_evidence(f, "timing", 3, "=2+5 | **bold** <i> [x](y) www.evil.example a@b.example");
	add_input(s, "=evil|.pcap", 2);
}

/* Endpoints that nobody may block: a resolver, an operator, a paste site, a neighbour; a tenant's
 * name and an address of its own are no such. */
static void make_shared(struct sample *s)
{
	struct finding *f = add_finding(s, "0badc0de0badc0de0badc0de0badc0de", KIND_DEADDROP);
	CHECK(addr_parse("198.51.100.20", &f->host) == 0);
	static const char *const endpoints[] = {"8.8.8.8", "google.com", "pastebin.com",
		"198.51.100.77", "10.9.9.9", "dns.quad9.net", "bad.example", "203.0.113.66"};
	for (size_t i = 0; i < ARRAY_LEN(endpoints); i++) {
		add_channel(f, i == 0 ? ROLE_PRIMARY : ROLE_TRIED, endpoints[i], 443);
		add_tick(f, i, (double)i, i == 7 ? OUTCOME_OK : OUTCOME_SILENT);
		if (i > 0)
			add_switch(f, i - 1, i, (double)i, 0.5);
	}
	add_channel(f, ROLE_PRIMARY, "beside.example", 80);
	f->e_value = 1e-4;
	add_evidence(f, "timing", 13, "one after the other");
	add_input(s, "shared.pcap", 20);
	s->summary.last_ns = START_NS + 60 * NS_PER_S;
}

/* As many as a page may be asked to hold. */
static void make_many(struct sample *s)
{
	make_emotet(s);
	for (size_t i = 1; i < SAMPLE_FINDINGS_MAX; i++) {
		make_rounds(s);
		(void)snprintf(s->finding[i]->id, sizeof s->finding[i]->id, "%032zx", i);
		s->finding[i]->host = addr_v4(0x0a010000u + (uint32_t)i);
	}
}

static void make_empty(struct sample *s)
{
	add_input(s, "empty.pcap", 0);
}

/* ---- findings made by chance, to see that nothing in them can break a format ---- */

struct dice {
	uint64_t state;
};

static uint64_t roll(struct dice *d, uint64_t sides) /* SplitMix64 (Steele 2014) */
{
	uint64_t z = d->state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (z ^ (z >> 31)) % sides;
}

static const char long_name[] =
	"a-very-long-name-that-nobody-would-type.of-a-very-long-domain."
	"that-goes-on-and-on-and-on-until-it-fills-more-than-a-whole-line.example";

static const char *any_name(struct dice *d)
{
	static const char *const names[] = {"203.0.113.7", "2001:db8::7", "a.example", "",
		"\xf0\x9f\x98\x80\xe6\xbc\xa2.example", "\xff\x1b[2J</style>&amp;\"'", long_name};
	return names[roll(d, ARRAY_LEN(names))];
}

static void any_channel(struct dice *d, struct finding *f)
{
	struct finding_channel *ch =
		add_channel(f, (enum channel_role)roll(d, 4), any_name(d), (uint16_t)roll(d, 3));
	ch->transport = (enum transport)roll(d, 4);
	ch->connections = roll(d, 3) * roll(d, 1000000);
	ch->failures = roll(d, ch->connections + 1);
	ch->failure = (enum outcome)roll(d, OUTCOME_COUNT);
	ch->bytes_out = roll(d, UINT64_MAX) >> roll(d, 64);
	ch->service = roll(d, 2) == 0 ? NULL : any_name(d);
	ch->user_agent = roll(d, 2) == 0 ? NULL : any_name(d);
	ch->name_count = roll(d, FINDING_NAMES_MAX + 1);
	for (size_t i = 0; i < ch->name_count; i++)
		ch->names[i] = any_name(d);
	ch->addr_count = roll(d, FINDING_ADDRS_MAX + 1);
	for (size_t i = 0; i < ch->addr_count; i++)
		ch->addrs[i] = addr_v4((uint32_t)roll(d, UINT32_MAX));
}

static void make_any(struct sample *s, uint64_t seed)
{
	struct dice d = {seed};
	struct finding *f =
		add_finding(s, "0123456789abcdef", (enum finding_kind)roll(&d, KIND_COUNT));
	size_t channels = 1 + roll(&d, FINDING_CHANNELS_MAX);
	for (size_t i = 0; i < channels; i++)
		any_channel(&d, f);
	double span_s = (double)(roll(&d, UINT64_C(1) << (1 + roll(&d, 30))) + 1);
	size_t ticks = roll(&d, FINDING_TICKS_MAX + 1),
	       switches = roll(&d, FINDING_SWITCHES_MAX + 1);
	for (size_t i = 0; i < ticks; i++)
		add_tick(f, roll(&d, channels), span_s * (double)roll(&d, 1000) / 1000,
			(enum outcome)roll(&d, OUTCOME_COUNT));
	for (size_t i = 0; i < switches; i++)
		add_switch(f, roll(&d, channels), roll(&d, channels),
			span_s * (double)roll(&d, 1000) / 1000, (double)roll(&d, 1000) - 10);
	f->process = roll(&d, 2) == 0 ? NULL : any_name(&d);
	f->e_value = exp2(-(double)roll(&d, 1000)) * (double)roll(&d, 3);
	f->measured = roll(&d, 2) == 0;
	size_t evidences = 1 + roll(&d, FINDING_EVIDENCE_MAX);
	for (size_t i = 0; i < evidences; i++)
		add_evidence(f, roll(&d, 4) == 0 ? "also" : "timing",
			(double)roll(&d, 4000) / 10 - 200,
			"some words that say why, of which there may be enough to fill more than "
			"one line of the page");
	add_input(s, any_name(&d), roll(&d, UINT32_MAX));
	s->summary.host_days = (double)roll(&d, 1000) / 100;
	s->summary.first_ns = f->first_ns;
	s->summary.last_ns = f->last_ns;
	s->c.max_e = 1e9;
}

struct sample *sample_make(const char *name)
{
	static const struct {
		const char *name;
		void (*make)(struct sample *s);
	} makers[] = {{"emotet", make_emotet}, {"ladder", make_ladder}, {"hostile", make_hostile},
		{"nothing", make_nothing}, {"all", make_all}, {"empty", make_empty},
		{"many", make_many}, {"ruled", make_ruled}, {"poison", make_poison},
		{"shared", make_shared}};
	struct sample *s = calloc(1, sizeof *s);
	CHECK(s != NULL);
	s->c.max_e = 0.1;
	s->c.finding = s->list;
	s->c.input = s->inputs;
	s->c.summary = &s->summary;
	if (strncmp(name, "any-", 4) == 0) {
		make_any(s, strtoull(name + 4, NULL, 10));
		return s;
	}
	for (size_t i = 0; i < ARRAY_LEN(makers); i++) {
		if (strcmp(makers[i].name, name) == 0) {
			makers[i].make(s);
			return s;
		}
	}
	free(s);
	return NULL;
}

void sample_fini(struct sample *s)
{
	for (size_t i = 0; i < s->c.findings; i++)
		free(s->finding[i]);
	free(s);
}
