#include "report/indicator.h"

#include <string.h>

#include "host/host.h"
#include "report/rows.h"
#include "report/told.h"

#define NAME_BYTES_MAX  253 /* RFC 1035 2.3.4, without the final dot */
#define LABEL_BYTES_MAX 63
/* More than the findings of a case can have (1,024 of 24 channels) with what each is. */
#define SEEN_BYTES_MAX ((size_t)64 << 20)
#define SEEN_COUNT_MAX ((size_t)1 << 20)

bool name_is_plain(const char *name)
{
	size_t label = 0, labels = 1, len = 0;
	for (; name[len] != '\0'; len++) {
		char c = name[len];
		bool plain =
			(c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
		if (len >= NAME_BYTES_MAX || (c == '.' ? label == 0 : !plain))
			return false;
		labels += c == '.';
		label = c == '.' ? 0 : label + 1;
		if (label > LABEL_BYTES_MAX)
			return false;
	}
	return label > 0 && labels > 1;
}

bool addr_is_resolver(const struct addr *a)
{
	/* as their operators publish them */
	static const char *const published[] = {"1.1.1.1", "1.0.0.1", "1.1.1.2", "1.0.0.2",
		"1.1.1.3", "1.0.0.3", "8.8.8.8", "8.8.4.4", "9.9.9.9", "149.112.112.112",
		"9.9.9.10", "149.112.112.10", "9.9.9.11", "149.112.112.11", "208.67.222.222",
		"208.67.220.220", "208.67.222.123", "208.67.220.123", "94.140.14.14",
		"94.140.15.15", "94.140.14.15", "94.140.15.16", "185.228.168.9", "185.228.169.9",
		"185.228.168.168", "185.228.169.168", "76.76.2.0", "76.76.10.0", "4.2.2.1",
		"4.2.2.2", "4.2.2.3", "4.2.2.4", "64.6.64.6", "64.6.65.6", "77.88.8.8", "77.88.8.1",
		"114.114.114.114", "114.114.115.115", "223.5.5.5", "223.6.6.6", "119.29.29.29",
		"180.76.76.76", "193.110.81.0", "185.253.5.0", "2606:4700:4700::1111",
		"2606:4700:4700::1001", "2001:4860:4860::8888", "2001:4860:4860::8844",
		"2620:fe::fe", "2620:fe::9", "2620:119:35::35", "2620:119:53::53",
		"2a10:50c0::ad1:ff", "2a10:50c0::ad2:ff",
		"2a0f:fc80::", "2a0f:fc81::", "2400:3200::1", "2400:3200:baba::1"};
	for (size_t i = 0; i < ARRAY_LEN(published); i++) {
		struct addr known;
		CHECK(addr_parse(published[i], &known) == 0);
		if (addr_eq(&known, a))
			return true;
	}
	return false;
}

static bool name_is_shared(const char *name)
{
	enum domain_class class = domain_class(name, NULL);
	return class != DOMAIN_ORDINARY && class != DOMAIN_TENANT;
}

static bool addr_is_spared(const struct finding *f, const struct addr *a)
{
	return addr_is_none(a) || addr_is_private(a) || addr_is_group(a) || addr_is_resolver(a) ||
	       addr_same_net(&f->host, a);
}

static void add(struct indicators *list, const struct indicator *item)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct indicator *old = &list->item[i];
		bool same = item->name == NULL
		                    ? old->name == NULL && addr_eq(&old->addr, &item->addr)
		                    : old->name != NULL && strcmp(old->name, item->name) == 0;
		if (same)
			return;
	}
	CHECK(list->count < ARRAY_LEN(list->item));
	list->item[list->count++] = *item;
}

static void add_name(
	struct indicators *list, struct indicator item, enum indicator_kind kind, const char *name)
{
	if (!name_is_plain(name)) {
		list->odd++;
		return;
	}
	item.kind = kind;
	item.name = name;
	add(list, &item);
}

static void add_channel(
	struct indicators *list, const struct finding *f, const struct finding_channel *ch)
{
	struct indicator item = {.finding = f, .channel = ch};
	struct addr literal;
	bool named = addr_parse(ch->endpoint, &literal) != 0;
	bool shared = named && name_is_shared(ch->endpoint);
	for (size_t i = 0; i < ch->name_count; i++)
		shared |= name_is_shared(ch->names[i]);
	if (shared) {
		list->spared++;
		return;
	}
	if (named)
		add_name(list, item, INDICATOR_DOMAIN, ch->endpoint);
	for (size_t i = 0; i < ch->name_count; i++)
		if (strcmp(ch->names[i], ch->endpoint) != 0)
			add_name(list, item, INDICATOR_NAME, ch->names[i]);
	for (size_t i = 0; i < ch->addr_count; i++) {
		item.kind = INDICATOR_ADDRESS;
		item.addr = ch->addrs[i];
		if (addr_is_spared(f, &item.addr))
			list->spared++;
		else
			add(list, &item);
	}
}

void indicators_of(const struct finding *f, struct indicators *ret)
{
	ret->count = ret->spared = ret->odd = 0;
	for (size_t i = 0; i < f->channels; i++)
		if (f->switches == 0 || !channel_is_beside(f, i))
			add_channel(ret, f, &f->channel[i]);
}

void indicators_begin(
	struct indicator_walk *w, const struct report_case *c, enum indicator_sameness same)
{
	*w = (struct indicator_walk){.c = c, .same = same};
	if (strings_new(&w->seen, SEEN_BYTES_MAX, SEEN_COUNT_MAX) < 0)
		w->seen = NULL;
}

static bool is_new(struct indicator_walk *w, const struct indicator *item)
{
	struct out key = {0};
	char text[ADDR_TEXT_BYTES];
	if (item->name != NULL)
		out_printf(&key, "%s %u", item->name, (unsigned)item->kind);
	else
		out_printf(&key, "%s %u %u", addr_text(&item->addr, text),
			w->same >= SAME_PORT ? item->channel->port : 0,
			w->same >= SAME_PROTOCOL ? (unsigned)item->channel->transport : 0);
	bool new = strings_find(w->seen, out_string(&key)) == 0 &&
	           strings_add(w->seen, out_string(&key)) != 0;
	out_fini(&key);
	return new;
}

const struct indicator *indicators_next(struct indicator_walk *w)
{
	while (w->seen != NULL) {
		while (w->item < w->list.count)
			if (is_new(w, &w->list.item[w->item++]))
				return &w->list.item[w->item - 1];
		if (w->finding == w->c->findings)
			return NULL;
		const struct finding *f = w->c->finding[w->finding++];
		w->list.count = w->item = 0;
		if (told_against(w->c, f))
			indicators_of(f, &w->list);
	}
	return NULL;
}

void indicators_end(struct indicator_walk *w, struct out *o)
{
	o->failed |= w->seen == NULL || strings_refused(w->seen) > 0;
	strings_free(w->seen);
	w->seen = NULL;
}
