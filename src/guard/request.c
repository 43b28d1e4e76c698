/* Requests of the control socket, as they are written and read. */
#include <errno.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/scan.h"
#include "guard/command.h"
#include "guard/control.h"

enum { DO, ID, HOLD, HOST, SLOTS };

static const char *const keys[SLOTS] = {"do", "id", "hold", "host"};
static const char *const kinds[CONTROL_KINDS] = {"status", "undo", "explain"};

struct control_reader {
	struct json *json;
	struct json_keys *keys;
};

int control_reader_new(struct control_reader **ret)
{
	struct control_reader *r = calloc(1, sizeof *r);
	if (r == NULL)
		return -ENOMEM;
	if (json_new(&r->json) < 0 || json_keys_new(&r->keys, keys, SLOTS) < 0) {
		control_reader_free(r);
		return -ENOMEM;
	}
	*ret = r;
	return 0;
}

void control_reader_free(struct control_reader *r)
{
	if (r == NULL)
		return;
	json_keys_free(r->keys);
	json_free(r->json);
	free(r);
}

static const char *read_undo(const struct json_value *slot, struct control_request *r)
{
	uint64_t hold = 0;
	if (scan_u64(slot[ID].text, &r->id) < 0 || r->id == 0)
		return "id: the number of a change is missing";
	if (slot[HOLD].type != JSON_ABSENT &&
		(scan_max(slot[HOLD].text, (uint64_t)GUARD_EXPIRY_MAX_S, &hold) < 0 || hold == 0))
		return "hold: seconds, from 1 to 604800";
	r->hold_s = (uint32_t)hold;
	return NULL;
}

const char *control_read(struct control_reader *r, struct span line, struct control_request *ret)
{
	struct json_value root, slot[SLOTS];
	struct control_request request = {.kind = CONTROL_KINDS};
	const char *wrong = line.len > CONTROL_LINE_MAX ? "the request is too long"
	                                                : json_read(r->json, line, &root);
	if (wrong == NULL)
		wrong = json_pick(r->json, r->keys, &root, slot);
	if (wrong != NULL)
		return wrong;
	for (int kind = 0; kind < CONTROL_KINDS; kind++)
		if (span_is(slot[DO].text, kinds[kind]))
			request.kind = (enum control_kind)kind;
	if (request.kind == CONTROL_KINDS)
		return "do: status, undo or explain";
	if (request.kind == CONTROL_UNDO)
		wrong = read_undo(slot, &request);
	if (request.kind == CONTROL_EXPLAIN && scan_addr(slot[HOST].text, &request.host) < 0)
		wrong = "host: an address";
	if (wrong == NULL)
		*ret = request;
	return wrong;
}

void control_say(struct out *o, const struct control_request *request)
{
	char host[ADDR_TEXT_BYTES];
	out_printf(o, "{\"do\":\"%s\"", kinds[request->kind]);
	if (request->kind == CONTROL_UNDO)
		out_printf(o, ",\"id\":%llu", (unsigned long long)request->id);
	if (request->kind == CONTROL_UNDO && request->hold_s != 0)
		out_printf(o, ",\"hold\":%u", request->hold_s);
	if (request->kind == CONTROL_EXPLAIN)
		out_printf(o, ",\"host\":\"%s\"", addr_text(&request->host, host));
	out_text(o, "}");
}

void control_refuse(struct out *o, const char *why)
{
	out_printf(o, "{\"type\":\"error\",\"why\":\"%s\"}", why);
}
