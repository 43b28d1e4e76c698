#include "judge/judge.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* RFC 1035 2.3.4: 253 without the final dot. */
#define NAME_MAX_BYTES  253u
#define LABEL_MAX_BYTES 63u
/* What of a wrong line is shown. */
#define SHOWN_BYTES 40u

struct entry {
	struct safelist_entry told;
	char *own;       /* the text */
	struct cidr net; /* when not a domain */
	bool domain;
};

struct safelist {
	char *name;
	struct entry *entry; /* by line */
	size_t count, room;
	struct entry **domain; /* by text */
	size_t domains;
};

void safelist_free(struct safelist *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->count; i++)
		free(s->entry[i].own);
	free(s->entry);
	free(s->domain);
	free(s->name);
	free(s);
}

/* ---- one line ---- */

static struct span trimmed(struct span line)
{
	const uint8_t *hash = line.len == 0 ? NULL : memchr(line.ptr, '#', line.len);
	if (hash != NULL)
		line.len = (size_t)(hash - line.ptr);
	while (line.len > 0 && (line.ptr[line.len - 1] == ' ' || line.ptr[line.len - 1] == '\t' ||
				       line.ptr[line.len - 1] == '\r'))
		line.len--;
	while (line.len > 0 && (*line.ptr == ' ' || *line.ptr == '\t')) {
		line.ptr++;
		line.len--;
	}
	return line;
}

/* Lower case; "*.", a leading dot and the root's dot say nothing that a suffix does not. */
static void normalise(char *text)
{
	size_t len = strlen(text), skip = strncmp(text, "*.", 2) == 0 ? 2 : text[0] == '.';
	memmove(text, text + skip, len - skip + 1);
	len -= skip;
	if (len > 1 && text[len - 1] == '.')
		text[len - 1] = '\0';
	for (char *c = text; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
}

/* Letters, digits, "-" and "_" in labels of 1 to 63; not all digits: that is a broken address. */
static bool is_domain(const char *text)
{
	size_t label = 0;
	bool letter = false;
	for (const char *c = text;; c++) {
		if (*c == '.' || *c == '\0') {
			if (label == 0 || label > LABEL_MAX_BYTES)
				return false;
			label = 0;
			if (*c == '\0')
				return letter && strlen(text) <= NAME_MAX_BYTES;
			continue;
		}
		bool is_letter = *c >= 'a' && *c <= 'z';
		if (!is_letter && !(*c >= '0' && *c <= '9') && *c != '-' && *c != '_')
			return false;
		letter |= is_letter;
		label++;
	}
}

static int complain(const struct safelist *s, struct span line, uint32_t number, struct fail *why)
{
	struct out safe = {0};
	char *text =
		strndup((const char *)line.ptr, line.len < SHOWN_BYTES ? line.len : SHOWN_BYTES);
	out_safe(&safe, text == NULL ? "" : text, SHOWN_BYTES);
	free(text);
	int err = fail_set(why, -EINVAL,
		"%s:%u: '%s' is neither a domain (in ASCII: xn--...) nor an address or network, "
		"one a line",
		s->name, number, out_string(&safe));
	out_fini(&safe);
	return err;
}

static int add_line(struct safelist *s, struct span line, uint32_t number, struct fail *why)
{
	if (s->count == SAFELIST_ENTRIES_MAX)
		return fail_set(why, -E2BIG, "%s:%u: more than %u entries", s->name, number,
			SAFELIST_ENTRIES_MAX);
	if (s->count == s->room) {
		size_t room = s->room == 0 ? 64 : s->room * 2;
		struct entry *bigger = realloc(s->entry, room * sizeof *bigger);
		if (bigger == NULL)
			return fail_set(why, -ENOMEM, "out of memory");
		s->entry = bigger;
		s->room = room;
	}
	bool nul = memchr(line.ptr, '\0', line.len) != NULL;
	char *text = strndup((const char *)line.ptr, nul ? 0 : line.len);
	if (text == NULL)
		return fail_set(why, -ENOMEM, "out of memory");
	struct entry *e = &s->entry[s->count++];
	*e = (struct entry){.own = text, .told = {.text = text, .line = number}};
	e->domain = cidr_parse(text, &e->net) < 0;
	if (e->domain)
		normalise(text);
	return e->domain && !is_domain(text) ? complain(s, line, number, why) : 0;
}

/* ---- the list ---- */

static int by_text(const void *a, const void *b)
{
	const struct entry *const *x = a, *const *y = b;
	int order = strcmp((*x)->told.text, (*y)->told.text);
	return order != 0
	               ? order
	               : ((*x)->told.line > (*y)->told.line) - ((*x)->told.line < (*y)->told.line);
}

/* Domains in order, each once: the first line of it counts. */
static int sort_domains(struct safelist *s)
{
	s->domain = calloc(s->count + 1, sizeof(struct entry *));
	if (s->domain == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < s->count; i++)
		if (s->entry[i].domain)
			s->domain[s->domains++] = &s->entry[i];
	qsort(s->domain, s->domains, sizeof(struct entry *), by_text);
	size_t kept = 0;
	for (size_t i = 0; i < s->domains; i++)
		if (kept == 0 ||
			strcmp(s->domain[kept - 1]->told.text, s->domain[i]->told.text) != 0)
			s->domain[kept++] = s->domain[i];
	s->domains = kept;
	return 0;
}

static struct span next_line(struct cur *text)
{
	const uint8_t *end = text->len == 0 ? NULL : memchr(text->ptr, '\n', text->len);
	struct span line = cur_bytes(text, end == NULL ? text->len : (size_t)(end - text->ptr));
	if (end != NULL)
		cur_skip(text, 1);
	return line;
}

int safelist_parse(struct safelist **ret, const char *name, struct cur text, struct fail *why)
{
	struct safelist *s = calloc(1, sizeof *s);
	if (s == NULL || (s->name = strdup(name)) == NULL) {
		safelist_free(s);
		return fail_set(why, -ENOMEM, "out of memory");
	}
	int err = 0;
	if (text.len > SAFELIST_BYTES_MAX)
		err = fail_set(why, -E2BIG, "%s: more than 8 MB", name);
	if (text.len >= 3 && memcmp(text.ptr, "\xef\xbb\xbf", 3) == 0)
		cur_skip(&text, 3); /* the mark of UTF-8 that some editors write */
	for (uint32_t number = 1; err == 0 && text.len > 0; number++) {
		struct span line = trimmed(next_line(&text));
		if (line.len > 0)
			err = add_line(s, line, number, why);
	}
	if (err == 0 && sort_domains(s) < 0)
		err = fail_set(why, -ENOMEM, "out of memory");
	if (err < 0) {
		safelist_free(s);
		return err;
	}
	*ret = s;
	return 0;
}

const char *safelist_name(const struct safelist *s)
{
	return s->name;
}

size_t safelist_count(const struct safelist *s)
{
	return s->count;
}

const struct safelist_entry *safelist_get(const struct safelist *s, size_t index)
{
	CHECK(index < s->count);
	return &s->entry[index].told;
}

void safelist_hid(struct safelist *s, size_t index, uint64_t hid)
{
	CHECK(index < s->count);
	s->entry[index].told.hid = hid;
}

/* ---- whom it vouches for ---- */

static int text_of(const void *key, const void *item)
{
	return strcmp(key, (*(struct entry *const *)item)->told.text);
}

/* The nearest domain at or above the name. */
static struct safelist_entry *find_name(struct safelist *s, const char *name)
{
	for (const char *at = name; at != NULL && *at != '\0';) {
		struct entry **found =
			bsearch(at, s->domain, s->domains, sizeof(struct entry *), text_of);
		if (found != NULL)
			return &(*found)->told;
		at = strchr(at, '.');
		at = at == NULL ? NULL : at + 1;
	}
	return NULL;
}

static struct safelist_entry *find_addr(struct safelist *s, const struct addr *addr)
{
	for (size_t i = 0; i < s->count; i++)
		if (!s->entry[i].domain && cidr_has(&s->entry[i].net, addr))
			return &s->entry[i].told;
	return NULL;
}

/* All names that the channel is known by, or all its addresses: one that is left out could be
 * anybody's. */
static struct safelist_entry *find_channel(struct safelist *s, const struct finding_channel *ch)
{
	struct addr addr;
	bool address = addr_parse(ch->endpoint, &addr) == 0;
	struct safelist_entry *e = address ? find_addr(s, &addr) : find_name(s, ch->endpoint);
	if (e != NULL || address)
		return e;
	for (size_t i = 0; i < ch->name_count && ch->name_count < FINDING_NAMES_MAX; i++) {
		struct safelist_entry *one = find_name(s, ch->names[i]);
		if (one == NULL)
			break;
		if (i + 1 == ch->name_count)
			return one;
	}
	for (size_t i = 0; i < ch->addr_count && ch->addr_count < FINDING_ADDRS_MAX; i++) {
		struct safelist_entry *one = find_addr(s, &ch->addrs[i]);
		if (one == NULL)
			return NULL;
		if (i + 1 == ch->addr_count)
			return one;
	}
	return NULL;
}

struct safelist_entry *safelist_find(struct safelist *s, const struct finding *f)
{
	struct safelist_entry *first = find_addr(s, &f->host);
	if (first != NULL)
		return first;
	for (size_t i = 0; i < f->channels; i++) {
		bool reached = f->switches == 0;
		for (size_t k = 0; k < f->switches; k++)
			reached |= f->sw[k].to == i;
		if (!reached)
			continue;
		struct safelist_entry *e = find_channel(s, &f->channel[i]);
		if (e == NULL)
			return NULL;
		first = first == NULL ? e : first;
	}
	return first;
}

void safelist_vouch(struct safelist *s, struct finding *f, double max_e,
	char text[static SAFELIST_VOUCHED_BYTES])
{
	struct safelist_entry *e = f->explained == NULL ? safelist_find(s, f) : NULL;
	if (e == NULL)
		return;
	e->hid += f->ruling == NULL && f->e_value <= max_e;
	struct out sentence = {0};
	out_printf(&sentence, "line %u of ", e->line);
	out_safe(&sentence, s->name, SAFELIST_VOUCHED_BYTES / 3);
	out_text(&sentence, " vouches for ");
	out_safe(&sentence, e->text, SAFELIST_VOUCHED_BYTES / 2);
	(void)snprintf(text, SAFELIST_VOUCHED_BYTES, "%s", out_string(&sentence));
	out_fini(&sentence);
	f->explained = "safelist";
	f->explained_text = text;
}
