/* The trail: JSON Lines, one for each thing done; what is in force is what was made and neither
 * refused nor ended. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/folder.h"
#include "base/json.h"
#include "base/scan.h"
#include "guard/guard.h"

/* A line of ours is shorter. */
#define LINE_MAX_BYTES 4096

enum {
	TYPE,
	ID,
	ACT,
	CONTAIN,
	HOST,
	PEER,
	PROTO,
	PORT,
	MADE,
	UNTIL,
	FINDING,
	E_VALUE,
	NAMED,
	FOLLOWS,
	HELD,
	KNOWN,
	SWITCH,
	EXPERIMENT,
	NAME,
	SLOTS
};

static const char *const keys[SLOTS] = {"type", "id", "act", "action", "host", "peer", "proto",
	"port", "made", "until", "finding", "e_value", "named", "follows", "held", "known",
	"switch", "experiment", "name"};

struct trail_reader {
	struct json *json;
	struct json_keys *keys;
};

static const char *const act_names[] = {
	[ACT_NONE] = "", "made", "would", "refused", "ended", "sham"};

const char *guard_act_name(enum guard_act act)
{
	return act_names[act];
}

const char *guard_cause_name(enum guard_cause cause)
{
	static const char *const names[CAUSE_COUNT] = {"finding", "known", "switch"};
	return names[cause];
}

void trail_say(struct out *o, const struct guard_change *change, enum guard_act act, int64_t at_ns,
	const char *why)
{
	char host[ADDR_TEXT_BYTES], peer[ADDR_TEXT_BYTES];
	out_text(o, "{\"type\":\"change\",\"time\":\"");
	out_time(o, at_ns);
	out_printf(o, "\",\"act\":\"%s\",\"id\":%llu,\"action\":\"%s\",\"host\":\"%s\"",
		act_names[act], (unsigned long long)change->id, guard_change_action(change),
		addr_text(&change->host, host));
	if (change->name[0] != '\0')
		out_printf(o, ",\"name\":\"%s\"", change->name);
	else if (!change->contain)
		out_printf(o, ",\"peer\":\"%s\",\"proto\":%u,\"port\":%u",
			addr_text(&change->peer, peer), change->proto, change->port);
	out_text(o, ",\"made\":\"");
	out_time(o, change->at_ns);
	out_text(o, "\",\"until\":\"");
	out_time(o, change->until_ns);
	out_printf(o, "\",\"finding\":\"%s\"", change->finding);
	if (change->cause == CAUSE_FINDING)
		out_printf(o, ",\"e_value\":%.9g", change->e_value);
	if (!change->contain)
		out_printf(o, ",\"named\":%s", change->named ? "true" : "false");
	if (change->cause != CAUSE_FINDING) {
		out_printf(o, ",\"%s\":\"", guard_cause_name(change->cause));
		for (const char *c = change->words; *c != '\0'; c++)
			out_printf(o, *c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
		out_text(o, "\"");
	}
	if (change->follows != 0)
		out_printf(o, ",\"follows\":%llu", (unsigned long long)change->follows);
	if (change->experiment != 0)
		out_printf(o, ",\"experiment\":%llu", (unsigned long long)change->experiment);
	if (change->held_ns != 0) {
		out_text(o, ",\"by\":\"operator\",\"held\":\"");
		out_time(o, change->held_ns);
		out_text(o, "\"");
	}
	if (why != NULL)
		out_printf(o, ",\"why\":\"%s\"", why);
	out_text(o, "}");
}

int trail_reader_new(struct trail_reader **ret)
{
	struct trail_reader *r = calloc(1, sizeof *r);
	if (r == NULL)
		return -ENOMEM;
	if (json_new(&r->json) < 0 || json_keys_new(&r->keys, keys, SLOTS) < 0) {
		trail_reader_free(r);
		return -ENOMEM;
	}
	*ret = r;
	return 0;
}

void trail_reader_free(struct trail_reader *r)
{
	if (r == NULL)
		return;
	json_keys_free(r->keys);
	json_free(r->json);
	free(r);
}

static enum guard_act act_of(struct span text)
{
	for (int act = ACT_MADE; act < ACT_COUNT; act++)
		if (span_is(text, act_names[act]))
			return (enum guard_act)act;
	return ACT_NONE;
}

static bool copy_finding(struct span text, char ret[static 33])
{
	if (text.len != 32)
		return false;
	for (size_t i = 0; i < 32; i++)
		if (scan_hex(text.ptr[i]) > 15)
			return false;
	memcpy(ret, text.ptr, 32);
	ret[32] = '\0';
	return true;
}

/* Safe again, whoever wrote it. */
static void copy_words(struct span text, char ret[static GUARD_WORDS_BYTES])
{
	struct out raw = {0}, safe = {0};
	out_bytes(&raw, (const char *)text.ptr, text.len);
	out_safe(&safe, out_string(&raw), text.len);
	(void)snprintf(ret, GUARD_WORDS_BYTES, "%s", out_string(&safe));
	out_fini(&safe);
	out_fini(&raw);
}

static bool copy_name(struct span text, char ret[static GUARD_NAME_BYTES])
{
	if (text.len >= GUARD_NAME_BYTES || memchr(text.ptr, 0, text.len) != NULL)
		return false;
	memcpy(ret, text.ptr, text.len);
	ret[text.len] = '\0';
	return guard_name_is_plain(ret);
}

static bool read_peer(const struct json_value *slot, struct guard_change *c)
{
	uint64_t proto = 0, port = 0;
	if (scan_addr(slot[PEER].text, &c->peer) < 0 ||
		scan_max(slot[PROTO].text, 255, &proto) < 0 ||
		scan_max(slot[PORT].text, 65535, &port) < 0)
		return false;
	c->proto = (uint8_t)proto;
	c->port = (uint16_t)port;
	return true;
}

/* What it rests on. A finding has its E. */
static bool read_cause(const struct json_value *slot, struct guard_change *c)
{
	char number[32] = "", *end = number;
	struct span e = slot[E_VALUE].text;
	if (slot[KNOWN].type == JSON_STRING || slot[SWITCH].type == JSON_STRING) {
		c->cause = slot[KNOWN].type == JSON_STRING ? CAUSE_KNOWN : CAUSE_SWITCH;
		copy_words(slot[c->cause == CAUSE_KNOWN ? KNOWN : SWITCH].text, c->words);
		return true;
	}
	if (e.len == 0 || e.len >= sizeof number)
		return false;
	memcpy(number, e.ptr, e.len);
	c->e_value = strtod(number, &end);
	return end != number;
}

bool trail_read(
	struct trail_reader *r, struct span line, struct guard_change *ret, enum guard_act *ret_act)
{
	struct json_value root, slot[SLOTS];
	struct guard_change c = {0};
	if (json_read(r->json, line, &root) != NULL ||
		json_pick(r->json, r->keys, &root, slot) != NULL)
		return false;
	enum guard_act act = act_of(slot[ACT].text);
	if (!span_is(slot[TYPE].text, "change") || act == ACT_NONE || !read_cause(slot, &c))
		return false;
	c.contain = span_is(slot[CONTAIN].text, "contain");
	if (scan_u64(slot[ID].text, &c.id) < 0 || c.id == 0 ||
		scan_addr(slot[HOST].text, &c.host) < 0 ||
		scan_iso(slot[MADE].text, &c.at_ns) < 0 ||
		scan_iso(slot[UNTIL].text, &c.until_ns) < 0 ||
		!copy_finding(slot[FINDING].text, c.finding))
		return false;
	/* what does not say whether it had a name is followed by nothing */
	c.named = !span_is(slot[NAMED].text, "false");
	if (slot[FOLLOWS].type != JSON_ABSENT && scan_u64(slot[FOLLOWS].text, &c.follows) < 0)
		return false;
	if (slot[EXPERIMENT].type != JSON_ABSENT &&
		scan_u64(slot[EXPERIMENT].text, &c.experiment) < 0)
		return false;
	if (slot[HELD].type != JSON_ABSENT && scan_iso(slot[HELD].text, &c.held_ns) < 0)
		return false;
	if (span_is(slot[CONTAIN].text, "name")) {
		if (!copy_name(slot[NAME].text, c.name))
			return false;
	} else if (!c.contain && !read_peer(slot, &c)) {
		return false;
	}
	*ret = c;
	*ret_act = act;
	return true;
}

static int take_lines(FILE *file, struct guard_state *state, int64_t now_ns)
{
	char line[LINE_MAX_BYTES];
	struct trail_reader *reader = NULL;
	struct guard_change change;
	enum guard_act act;
	int code = trail_reader_new(&reader);
	while (code == 0 && fgets(line, sizeof line, file) != NULL) {
		size_t len = strcspn(line, "\n");
		if (!trail_read(reader, (struct span){(const uint8_t *)line, len}, &change, &act))
			continue;
		if (change.id > state->last_id)
			state->last_id = change.id;
		if (act == ACT_MADE && change.until_ns > now_ns)
			code = guard_state_add(state, &change);
		else if (act != ACT_WOULD && act != ACT_SHAM)
			(void)guard_state_take(state, change.id, NULL);
		if (act == ACT_ENDED && change.held_ns > now_ns && code == 0)
			code = guard_state_hold(state, &change);
	}
	trail_reader_free(reader);
	return code;
}

/* A line that was cut by the end of its writer must not spoil the next. */
static void end_line(FILE *file)
{
	if (fseek(file, -1, SEEK_END) == 0 && fgetc(file) != '\n') {
		(void)fseek(file, 0, SEEK_END);
		(void)fputc('\n', file);
	}
	(void)fseek(file, 0, SEEK_END);
}

int trail_open(
	FILE **ret, const char *path, struct guard_state *state, int64_t now_ns, struct fail *why)
{
	int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r+e");
	if (file == NULL)
		return fail_set(why, -errno, "%s: %s", path, strerror(errno));
	int code = flock(fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
	if (code < 0)
		(void)fail_set(why, code,
			"%s: another guard writes it: stop it, or give another --trail", path);
	if (code == 0 && (code = folder_sync(path)) < 0)
		(void)fail_set(why, code, "the folder of %s: %s", path, strerror(-code));
	if (code == 0 && (code = take_lines(file, state, now_ns)) < 0)
		(void)fail_set(why, code, "out of memory");
	if (code < 0) {
		(void)fclose(file);
		return code;
	}
	end_line(file);
	*ret = file;
	return 0;
}

int trail_line(FILE *trail, const char *line, struct fail *why)
{
	bool done = fputs(line, trail) >= 0 && fputc('\n', trail) != EOF && fflush(trail) == 0 &&
	            fsync(fileno(trail)) == 0;
	int code = done ? 0 : -(errno != 0 ? errno : EIO);
	return done ? 0 : fail_set(why, code, "the trail can't be written: %s", strerror(-code));
}

int trail_add(FILE *trail, const struct guard_change *change, enum guard_act act, int64_t at_ns,
	const char *why_words, struct fail *why)
{
	struct out line = {0};
	trail_say(&line, change, act, at_ns, why_words);
	int code = line.failed ? fail_set(why, -ENOMEM, "the trail can't be written: out of memory")
	                       : trail_line(trail, out_string(&line), why);
	out_fini(&line);
	return code;
}
