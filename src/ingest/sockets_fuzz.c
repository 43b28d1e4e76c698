/* Records as a kernel might tell them, or never would. The first byte chooses a small table. */
#include "ingest/sockets.h"

#define IDS_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct told {
	bool settled[IDS_MAX], ended[IDS_MAX];
};

/* What every event promises. */
static void check(struct told *told, const struct event *event)
{
	if (event == NULL)
		return;
	const struct conn *c = &event->conn;
	CHECK(event->kind == EVENT_CONN && c->id > 0 && c->settled);
	CHECK(c->outcome == OUTCOME_UNKNOWN || c->outcome == OUTCOME_OK ||
		c->outcome == OUTCOME_REFUSED || c->outcome == OUTCOME_SILENT ||
		c->outcome == OUTCOME_UNREACHABLE || c->outcome == OUTCOME_RESET ||
		c->outcome == OUTCOME_STALLED);
	CHECK(c->end_ns >= c->start_ns);
	CHECK(c->fail_ns == 0 || (outcome_is_failure(c->outcome) && c->fail_ns >= c->start_ns));
	CHECK(c->leave_ns == 0 || c->outcome == OUTCOME_SILENT);
	CHECK(c->process == NULL || (c->process[0] != '\0' && strlen(c->process) <= PROCESS_BYTES));
	if (c->id < IDS_MAX) {
		CHECK(!told->ended[c->id] && (c->ended || !told->settled[c->id]));
		told->settled[c->id] = true;
		told->ended[c->id] = c->ended;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cur c = cur_of(data, size);
	struct sockets *s;
	struct told told = {0};
	int code = sockets_new(&s, 1 + cur_u8(&c) % 16);
	CHECK(code == 0);
	while (c.len > 0) {
		struct cur record = cur_sub(&c, CHANGE_BYTES);
		struct change change;
		change_read(&record, &change);
		if (!cur_ok(&record))
			continue;
		check(&told, sockets_change(s, &change, NULL));
		check(&told, sockets_due(s, change.time_ns, NULL));
	}
	sockets_free(s);
	return 0;
}
