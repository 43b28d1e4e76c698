#include "store/store.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/testing.h"

#define T0 (INT64_C(1772438414) * NS_PER_S)

/* A folder of the test's own. */
struct folder {
	char path[64], file[96];
};

static void folder_make(struct folder *f)
{
	(void)snprintf(f->path, sizeof f->path, "/tmp/postern-store-XXXXXX");
	assert_non_null(mkdtemp(f->path));
	(void)snprintf(f->file, sizeof f->file, "%s/case.db", f->path);
}

static void folder_remove(const struct folder *f)
{
	(void)unlink(f->file);
	assert_int_equal(rmdir(f->path), 0); /* and nothing else was left in it */
}

/* Full to the brim, with values that are easily lost. */
static void fill(struct finding *f)
{
	*f = (struct finding){.id = "0123456789abcdef0123456789abcdef",
		.kind = KIND_SPLIT,
		.host = addr_v4(0xc0000201),
		.process = "evil\xff\x1b",
		.first_ns = -5,
		.last_ns = T0,
		.episodes = UINT32_MAX,
		.e_value = 1.0 / 3,
		.measured = true,
		.explained = "mirror",
		.explained_text = "",
		.channels = FINDING_CHANNELS_MAX,
		.switches = FINDING_SWITCHES_MAX,
		.evidences = FINDING_EVIDENCE_MAX,
		.ticks = FINDING_TICKS_MAX,
		.records = FINDING_RECORDS_MAX,
		.uids = 1,
		.uid = {"CHhAvVGS1DHFjwGM9"}};
	for (size_t i = 0; i < f->channels; i++)
		f->channel[i] = (struct finding_channel){.role = ROLE_CARRIER,
			.transport = TRANSPORT_ICMP,
			.failure = OUTCOME_STALLED,
			.port = UINT16_MAX,
			.endpoint = "caf\xc3\xa9.example",
			.names = {"a.example", "b.example"},
			.name_count = 2,
			.addrs = {addr_v4(0xcb007101)},
			.addr_count = 1,
			.connections = UINT64_MAX,
			.bytes_in = i,
			.user_agent = i % 2 == 0 ? NULL : ""};
	for (size_t i = 0; i < f->switches; i++)
		f->sw[i] = (struct finding_switch){
			.from = i % f->channels, .at_ns = T0, .after_ns = -1};
	for (size_t i = 0; i < f->evidences; i++)
		f->evidence[i] = (struct finding_evidence){
			.kind = "timing", .bits = -0.1 * (double)(i + 1), .text = "a → b \\x1b"};
	for (size_t i = 0; i < f->ticks; i++)
		f->tick[i] = (struct finding_tick){.channel = i % f->channels,
			.at_ns = T0 + (int64_t)i,
			.outcome = OUTCOME_SINKHOLED};
	for (size_t i = 0; i < f->records; i++)
		f->record[i] = "1:hYWhYxu6r5E57GT2PmGU+THKoTk=";
}

static void same_text(const char *a, const char *b)
{
	assert_int_equal(a == NULL, b == NULL);
	if (a != NULL && b != NULL)
		assert_string_equal(a, b);
}

static void same_channel(const struct finding_channel *a, const struct finding_channel *b)
{
	assert_int_equal(a->role, b->role);
	assert_int_equal(a->transport, b->transport);
	assert_int_equal(a->failure, b->failure);
	assert_int_equal(a->port, b->port);
	same_text(a->endpoint, b->endpoint);
	assert_int_equal(a->name_count, b->name_count);
	for (size_t i = 0; i < a->name_count; i++)
		same_text(a->names[i], b->names[i]);
	assert_int_equal(a->addr_count, b->addr_count);
	for (size_t i = 0; i < a->addr_count; i++)
		assert_true(addr_eq(&a->addrs[i], &b->addrs[i]));
	assert_true(a->connections == b->connections);
	assert_true(a->bytes_in == b->bytes_in);
	same_text(a->user_agent, b->user_agent);
	same_text(a->service, b->service);
}

static void same_finding(const struct finding *a, const struct finding *b)
{
	same_text(a->id, b->id);
	assert_int_equal(a->kind, b->kind);
	assert_true(addr_eq(&a->host, &b->host));
	same_text(a->process, b->process);
	assert_true(a->first_ns == b->first_ns && a->last_ns == b->last_ns);
	assert_int_equal(a->episodes, b->episodes);
	assert_memory_equal(&a->e_value, &b->e_value, sizeof a->e_value);
	assert_int_equal(a->measured, b->measured);
	same_text(a->explained, b->explained);
	same_text(a->explained_text, b->explained_text);
	assert_int_equal(a->channels, b->channels);
	for (size_t i = 0; i < a->channels; i++)
		same_channel(&a->channel[i], &b->channel[i]);
	assert_int_equal(a->switches, b->switches);
	assert_memory_equal(a->sw, b->sw, sizeof a->sw);
	assert_int_equal(a->evidences, b->evidences);
	for (size_t i = 0; i < a->evidences; i++) {
		same_text(a->evidence[i].text, b->evidence[i].text);
		assert_memory_equal(&a->evidence[i].bits, &b->evidence[i].bits, sizeof(double));
	}
	assert_int_equal(a->ticks, b->ticks);
	assert_memory_equal(a->tick, b->tick, a->ticks * sizeof *a->tick);
	assert_int_equal(a->records, b->records);
	same_text(a->record[a->records - 1], b->record[a->records - 1]);
	assert_int_equal(a->uids, b->uids);
	same_text(a->uid[0], b->uid[0]);
}

/* A case of one finding. */
struct rig {
	struct folder folder;
	struct finding finding;
	const struct finding *list[1];
	struct summary summary;
	struct off off;
	struct store_option option;
	struct store_case c;
};

static void rig_start(struct rig *r)
{
	*r = (struct rig){.summary = {.records = UINT64_MAX, .host_days = 0.1, .offs = 1},
		.off = {.text = "no DNS in view"},
		.option = {"local", "192.0.2.0/24"}};
	folder_make(&r->folder);
	fill(&r->finding);
	r->list[0] = &r->finding;
	r->summary.off = &r->off;
	r->c = (struct store_case){.finding = r->list,
		.findings = 1,
		.summary = &r->summary,
		.max_e = 0.1,
		.option = &r->option,
		.options = 1,
		.version = "0.1.0",
		.made_ns = T0};
}

static void rig_stop(const struct rig *r)
{
	folder_remove(&r->folder);
}

static void all_comes_back(void **state)
{
	(void)state;
	struct rig r;
	struct fail why = {0};
	rig_start(&r);
	assert_int_equal(store_may_write(r.folder.file, &why), 0);
	assert_int_equal(store_write(r.folder.file, &r.c, &why), 0);
	struct stored *s = NULL;
	assert_int_equal(stored_open(&s, r.folder.file, &why), 0);
	const struct store_case *c = stored_case(s);
	assert_int_equal(c->findings, 1);
	same_finding(&r.finding, c->finding[0]);
	assert_true(c->summary->records == UINT64_MAX);
	assert_memory_equal(&c->summary->host_days, &r.summary.host_days, sizeof(double));
	assert_int_equal(c->summary->offs, 1);
	assert_string_equal(c->summary->off[0].text, "no DNS in view");
	assert_null(c->summary->safelist);
	assert_int_equal(c->options, 1);
	assert_string_equal(c->option[0].value, "192.0.2.0/24");
	assert_string_equal(c->version, "0.1.0");
	assert_true(c->made_ns == T0);
	stored_close(s);
	rig_stop(&r);
}

/* What can't be kept as it is becomes the nearest that can. */
static void the_impossible_is_bent(void **state)
{
	(void)state;
	struct rig r;
	struct fail why = {0};
	struct stored *s = NULL;
	rig_start(&r);
	r.finding.first_ns = INT64_MIN;
	r.finding.evidence[0].bits = (double)NAN;
	r.finding.evidence[1].bits = HUGE_VAL;
	r.finding.evidence[0].text = "a letter cut in two: \xc3";
	assert_int_equal(store_write(r.folder.file, &r.c, &why), 0);
	assert_int_equal(stored_open(&s, r.folder.file, &why), 0);
	const struct finding *f = stored_case(s)->finding[0];
	assert_true(f->first_ns < -(INT64_MAX / 2) + 2);
	assert_true(f->evidence[0].bits == 0);
	assert_true(isfinite(f->evidence[1].bits) && f->evidence[1].bits > 1000);
	assert_string_equal(f->evidence[0].text, "a letter cut in two: \\xc3");
	stored_close(s);
	rig_stop(&r);
}

static void too_many_are_refused(void **state)
{
	(void)state;
	struct rig r;
	struct fail why = {0};
	rig_start(&r);
	const struct finding **many = calloc(STORE_FINDINGS_MAX + 1, sizeof(struct finding *));
	assert_non_null(many);
	r.c.finding = many;
	r.c.findings = STORE_FINDINGS_MAX + 1;
	assert_int_equal(store_write(r.folder.file, &r.c, &why), -E2BIG);
	free(many);
	struct stat st;
	assert_int_equal(stat(r.folder.file, &st), -1); /* nothing half-written */
	rig_stop(&r);
}

static void digests_are_of_the_bytes(void **state)
{
	(void)state;
	struct folder folder;
	struct store_digest d = {0};
	folder_make(&folder);
	FILE *file = fopen(folder.file, "wbe");
	assert_non_null(file);
	assert_int_equal(fwrite("abc", 1, 3, file), 3);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(store_digest(folder.file, &d), 0);
	assert_true(d.bytes == 3);
	/* FIPS 180-2, appendix B.1 */
	assert_string_equal(
		d.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_int_equal(unlink(folder.file), 0);
	assert_int_equal(mkfifo(folder.file, 0600), 0);
	assert_int_equal(store_digest(folder.file, &d), -EINVAL); /* and does not wait */
	assert_int_equal(store_digest(folder.path, &d), -EINVAL);
	folder_remove(&folder);
	assert_int_equal(store_digest(folder.file, &d), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_comes_back),
		cmocka_unit_test(the_impossible_is_bent),
		cmocka_unit_test(too_many_are_refused),
		cmocka_unit_test(digests_are_of_the_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
