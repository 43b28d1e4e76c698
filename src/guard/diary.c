#include "guard/diary.h"

#include <errno.h>
#include <string.h>

enum kind { KIND_NONE, FOUND, LEFT, CHANGED };

struct entry {
	enum kind kind;
	struct addr host;
	int64_t first_ns, last_ns;
	uint64_t times;
	char finding[33];
	enum finding_kind found;
	double e_value;
	struct guard_left left;
	struct guard_change change;
	enum guard_act act;
	const char *why;
};

struct diary {
	struct entry entry[DIARY_MAX];
	size_t next; /* the oldest, when the ring is full */
};

int diary_new(struct diary **ret)
{
	struct diary *s = calloc(1, sizeof *s);
	if (s == NULL)
		return -ENOMEM;
	*ret = s;
	return 0;
}

void diary_free(struct diary *s)
{
	free(s);
}

static struct entry *add(struct diary *s, enum kind kind, const struct addr *host, int64_t now_ns)
{
	struct entry *e = &s->entry[s->next];
	s->next = (s->next + 1) % DIARY_MAX;
	*e = (struct entry){
		.kind = kind, .host = *host, .first_ns = now_ns, .last_ns = now_ns, .times = 1};
	return e;
}

bool diary_finding(struct diary *s, const struct finding *f, int64_t now_ns)
{
	struct entry *e = NULL;
	for (size_t i = 0; i < DIARY_MAX && e == NULL; i++)
		if (s->entry[i].kind == FOUND && strcmp(s->entry[i].finding, f->id) == 0)
			e = &s->entry[i];
	bool fresh = e == NULL;
	if (fresh)
		e = add(s, FOUND, &f->host, now_ns);
	memcpy(e->finding, f->id, sizeof e->finding);
	e->found = f->kind;
	e->e_value = f->e_value;
	e->last_ns = now_ns;
	return fresh;
}

bool diary_left(struct diary *s, const char *finding, const struct addr *host,
	const struct guard_left *left, int64_t now_ns)
{
	for (size_t i = 0; i < DIARY_MAX; i++) {
		struct entry *e = &s->entry[i];
		if (e->kind != LEFT || !addr_eq(&e->host, host) ||
			!addr_eq(&e->left.peer, &left->peer) || e->left.port != left->port ||
			e->left.why != left->why || strcmp(e->left.name, left->name) != 0)
			continue;
		e->times++;
		e->last_ns = now_ns;
		return false;
	}
	struct entry *e = add(s, LEFT, host, now_ns);
	(void)snprintf(e->finding, sizeof e->finding, "%s", finding);
	e->left = *left;
	return true;
}

void diary_change(struct diary *s, const struct guard_change *change, enum guard_act act,
	const char *why, int64_t now_ns)
{
	struct entry *e = add(s, CHANGED, &change->host, now_ns);
	e->change = *change;
	e->act = act;
	e->why = why;
}

static void say_times(const struct entry *e, struct out *o)
{
	out_text(o, ",\"first\":\"");
	out_time(o, e->first_ns);
	out_text(o, "\",\"last\":\"");
	out_time(o, e->last_ns);
	out_text(o, "\"");
}

static void say(const struct entry *e, struct out *o)
{
	char peer[ADDR_TEXT_BYTES];
	if (e->kind == CHANGED) {
		trail_say(o, &e->change, e->act, e->last_ns, e->why);
		return;
	}
	out_printf(o, "{\"type\":\"%s\",\"finding\":\"%s\"", e->kind == FOUND ? "finding" : "left",
		e->finding);
	say_times(e, o);
	if (e->kind == FOUND)
		out_printf(o, ",\"kind\":\"%s\",\"e_value\":%.9g}", finding_kind_name(e->found),
			e->e_value);
	else if (e->left.name[0] != '\0')
		out_printf(o, ",\"name\":\"%s\",\"why\":\"%s\",\"times\":%llu}", e->left.name,
			guard_leave_words(e->left.why), (unsigned long long)e->times);
	else
		out_printf(o, ",\"peer\":\"%s\",\"port\":%u,\"why\":\"%s\",\"times\":%llu}",
			addr_text(&e->left.peer, peer), e->left.port,
			guard_leave_words(e->left.why), (unsigned long long)e->times);
}

void diary_say_newest(const struct diary *s, struct out *o)
{
	say(&s->entry[(s->next + DIARY_MAX - 1) % DIARY_MAX], o);
}

void diary_say(const struct diary *s, const struct addr *host, struct out *o)
{
	const char *comma = "";
	out_text(o, "[");
	for (size_t i = 0; i < DIARY_MAX; i++) {
		const struct entry *e = &s->entry[(s->next + i) % DIARY_MAX];
		if (e->kind == KIND_NONE || !addr_eq(&e->host, host))
			continue;
		out_text(o, comma);
		say(e, o);
		comma = ",";
	}
	out_text(o, "]");
}
