#include "ingest/json_log.h"

#include <errno.h>

#include "base/scan.h"

/* Lines that are looked at to tell what a file is. */
#define LOOK_LINES 8

int json_log_open(struct reader *r, const char *const *paths, size_t count, size_t memory_bytes,
	struct fail *why)
{
	CHECK(count <= JSON_LOG_KEYS_MAX);
	struct json_log *log = calloc(1, sizeof *log);
	r->log = log;
	int code = log == NULL ? -ENOMEM : json_new(&log->json);
	if (code == 0)
		code = json_keys_new(&log->keys, paths, count);
	if (code == 0 && memory_bytes > 0) {
		log->memory = calloc(1, memory_bytes);
		code = log->memory == NULL ? -ENOMEM : 0;
	}
	return code < 0 ? fail_set(why, code, "%s", strerror(-code)) : 0;
}

void json_log_close(struct reader *r)
{
	struct json_log *log = r->log;
	if (log == NULL)
		return;
	json_free(log->json);
	json_keys_free(log->keys);
	free(log->memory);
	free(log);
}

struct span json_log_object(struct span line)
{
	const uint8_t *brace = line.len == 0 ? NULL : memchr(line.ptr, '{', line.len);
	if (brace == NULL)
		return (struct span){0};
	return (struct span){brace, (size_t)(line.ptr + line.len - brace)};
}

bool json_log_next(struct reader *r, struct frame *ret, bool (*when)(struct span line, int64_t *ns))
{
	struct span line;
	while (lines_next(r, &line)) {
		struct span object = json_log_object(line);
		int64_t ns = r->last_ns;
		if (object.len == 0) {
			reader_reject_line(r, r->number, "no JSON in the line");
			continue;
		}
		if (!when(object, &ns))
			ns = r->last_ns;
		*ret = lines_frame(r, object, ns, r->log);
		return true;
	}
	return false;
}

bool json_log_pick(struct sink *s, const struct frame *row, struct json_value *slots)
{
	const struct json_log *log = row->schema;
	struct json_value root;
	const char *wrong = json_read(log->json, (struct span){row->bytes, row->cap_bytes}, &root);
	if (wrong == NULL)
		wrong = json_pick(log->json, log->keys, &root, slots);
	if (wrong != NULL)
		sink_reject(s, wrong);
	return wrong == NULL;
}

bool json_log_claims(struct cur start, bool (*is)(struct span object))
{
	struct span rest = {start.ptr, start.len}, line;
	for (int i = 0; i < LOOK_LINES && span_next(&rest, '\n', &line); i++) {
		struct span object = json_log_object(line);
		if (object.len > 0 && is(object))
			return true;
	}
	return false;
}

bool json_log_has(struct span object, const char *name)
{
	struct span value;
	return json_peek(object, name, &value);
}

struct span json_log_flatten(
	struct sink *s, const struct json_log *log, const struct json_value *list, char mark)
{
	struct json_value item = {0};
	char *to = list->text.len == 0 ? NULL : sink_room(s, list->text.len + 1);
	size_t len = 0;
	while (to != NULL && json_each(log->json, list, &item)) {
		/* an item and what stands beside it is never shorter than the item and a mark */
		for (struct cur c = cur_of(item.text.ptr, item.text.len); c.len > 0;) {
			uint8_t byte = cur_u8(&c);
			to[len++] = (char)(byte == 0 ? '?' : byte);
		}
		to[len++] = mark;
	}
	return (struct span){(const uint8_t *)to, len};
}
