/* content and pcre: read, and looked for in a buffer of which some bytes may not be known. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <string.h>

#include "suricata/match.h"
#include "suricata/read.h"

/* Rules come from strangers: what takes longer is not known. */
#define PCRE_TRIES     20000u
#define PCRE_DEPTH     1000u
#define PCRE_HEAP_KB   1024u
#define PCRE_BYTES_MAX 4096u

/* ---- reading ---- */

/* Hex between bars, backslash before what it guards. */
static bool read_bytes(struct span text, uint8_t *room, size_t *ret)
{
	bool hex = false;
	size_t len = 0;
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.ptr[i];
		if (c == '|') {
			hex = !hex;
		} else if (hex) {
			if (c == ' ')
				continue;
			if (i + 1 >= text.len || scan_hex(c) > 15 || scan_hex(text.ptr[i + 1]) > 15)
				return false;
			room[len++] = (uint8_t)(scan_hex(c) << 4 | scan_hex(text.ptr[++i]));
		} else {
			if (c == '\\' &&
				(++i >= text.len || strchr("\\\":;|", text.ptr[i]) == NULL))
				return false;
			room[len++] = text.ptr[i];
		}
	}
	*ret = len;
	return !hex && len > 0;
}

void parser_content(struct parser *p, struct span value)
{
	struct span text;
	bool negated = span_begins(value, "!");
	if (negated)
		value = span_trim((struct span){value.ptr + 1, value.len - 1});
	if (!parser_unquote(p, value, &text))
		return;
	struct suricata_test *t = parser_test(p, TEST_CONTENT);
	uint8_t *room = ARENA_NEW(&p->rules->arena, uint8_t, text.len + 1);
	p->full = p->full || room == NULL;
	if (t == NULL || room == NULL)
		return;
	t->negated = negated;
	t->bytes.ptr = room;
	if (!read_bytes(text, room, &t->bytes.len)) {
		parser_fault(p, value.ptr, value,
			"no content: bytes in quotes, hex between bars (|0d 0a|), a backslash "
			"before \" ; \\ :");
		return;
	}
	for (size_t i = 0; t->buffer == BUFFER_HTTP_HOST && i < t->bytes.len; i++)
		if (room[i] >= 'A' && room[i] <= 'Z') {
			parser_fault(p, value.ptr, value, "http.host is lower case: write it so");
			return;
		}
}

static void *take(size_t bytes, void *arena)
{
	return arena_alloc(arena, 1, bytes);
}

static void give(void *block, void *arena)
{
	(void)block, (void)arena; /* goes with the arena */
}

static const struct {
	uint8_t letter;
	enum suricata_buffer buffer;
} places[] = {{'U', BUFFER_HTTP_URI}, {'I', BUFFER_HTTP_URI_RAW}, {'H', BUFFER_HTTP_HEADER},
	{'D', BUFFER_HTTP_HEADER_RAW}, {'M', BUFFER_HTTP_METHOD}, {'C', BUFFER_HTTP_COOKIE},
	{'P', BUFFER_HTTP_REQUEST_BODY}, {'Q', BUFFER_HTTP_RESPONSE_BODY},
	{'S', BUFFER_HTTP_STAT_CODE}, {'Y', BUFFER_HTTP_STAT_MSG}, {'V', BUFFER_HTTP_USER_AGENT},
	{'W', BUFFER_HTTP_HOST}, {'Z', BUFFER_HTTP_HOST_RAW}};

static bool read_letters(struct span letters, struct suricata_test *t, uint32_t *ret)
{
	static const struct {
		uint8_t letter;
		uint32_t option;
	} options[] = {{'i', PCRE2_CASELESS}, {'m', PCRE2_MULTILINE}, {'s', PCRE2_DOTALL},
		{'x', PCRE2_EXTENDED}, {'A', PCRE2_ANCHORED}, {'E', PCRE2_DOLLAR_ENDONLY},
		{'G', PCRE2_UNGREEDY}, {'O', 0}, {'B', 0}, {'R', 0}};
	for (size_t i = 0; i < letters.len; i++) {
		bool found = false;
		for (size_t at = 0; at < ARRAY_LEN(options); at++) {
			if (letters.ptr[i] != options[at].letter)
				continue;
			found = true;
			*ret |= options[at].option;
			t->has |= letters.ptr[i] == 'R' ? HAS_RELATIVE : 0u;
		}
		for (size_t at = 0; at < ARRAY_LEN(places); at++) {
			if (letters.ptr[i] != places[at].letter)
				continue;
			found = true;
			t->buffer = places[at].buffer;
		}
		if (!found)
			return false;
	}
	return true;
}

void parser_pcre(struct parser *p, struct span value)
{
	struct span text;
	bool negated = span_begins(value, "!");
	if (negated)
		value = span_trim((struct span){value.ptr + 1, value.len - 1});
	if (!parser_unquote(p, value, &text))
		return;
	struct suricata_test *t = parser_test(p, TEST_PCRE);
	if (t == NULL)
		return;
	size_t last = text.len;
	while (last > 1 && text.ptr[last - 1] != '/')
		last--;
	uint32_t options = PCRE2_NEVER_UTF | PCRE2_NEVER_BACKSLASH_C;
	t->negated = negated;
	bool ok = text.len > 1 && text.ptr[0] == '/' && last > 1 && text.len <= PCRE_BYTES_MAX &&
	          read_letters((struct span){text.ptr + last, text.len - last}, t, &options);
	if (!ok) {
		parser_fault(p, value.ptr, value, "no pattern: write pcre:\"/pattern/i\";");
		return;
	}
	if (t->buffer > BUFFER_UNKNOWN && suricata_buffer_app(t->buffer) != NULL &&
		p->rule->app == NULL)
		p->rule->app = suricata_buffer_app(t->buffer);
	t->bytes = (struct span){text.ptr + 1, last - 2};
	int error = 0;
	PCRE2_SIZE at = 0;
	pcre2_general_context *memory = pcre2_general_context_create(take, give, &p->rules->arena);
	pcre2_compile_context *context =
		memory == NULL ? NULL : pcre2_compile_context_create(memory);
	p->full = p->full || context == NULL;
	if (context == NULL)
		return;
	t->code = pcre2_compile(t->bytes.ptr, t->bytes.len, options, &error, &at, context);
	if (t->code == NULL)
		parser_fault(p, t->bytes.ptr + (at < t->bytes.len ? at : t->bytes.len),
			(struct span){0}, "PCRE2 does not take this pattern from here");
}

/* ---- looking ---- */

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

/* Whether the pattern stands at this place of what is known. */
static enum suricata_tri stands(
	const struct suricata_test *t, const struct suricata_bytes *in, size_t at)
{
	enum suricata_tri tri = SURICATA_YES;
	bool no_case = (t->has & HAS_NOCASE) != 0;
	for (size_t i = 0; i < t->bytes.len; i++) {
		uint8_t is = in->bytes.ptr[at + i];
		if (in->wild && is == '?')
			tri = SURICATA_MAYBE;
		else if ((no_case ? lower(is) : is) != t->bytes.ptr[i])
			return SURICATA_NO;
	}
	return tri;
}

struct search {
	const struct suricata_bytes *in;
	enum suricata_buffer buffer;
	bool dotprefix;
	unsigned steps;
};

static enum suricata_tri look(struct search *s, const struct suricata_test *t, size_t last);

static const struct suricata_test *skip(const struct search *s, const struct suricata_test *t)
{
	while (t != NULL &&
		(t->buffer != s->buffer || t->dotprefix != s->dotprefix || t->kind > TEST_BSIZE))
		t = t->next;
	return t;
}

static enum suricata_tri both(enum suricata_tri a, enum suricata_tri b)
{
	return a < b ? a : b;
}

/* From where to where a content may stand; false: nowhere. */
static bool window(const struct suricata_test *t, size_t last, size_t *from, size_t *to)
{
	int64_t low = 0, high = INT32_MAX; /* behind any buffer */
	if ((t->has & HAS_OFFSET) != 0)
		low = t->offset;
	if ((t->has & HAS_DEPTH) != 0)
		high = (int64_t)t->depth + low;
	if ((t->has & (HAS_DISTANCE | HAS_WITHIN)) != 0) {
		int64_t distance = (t->has & HAS_DISTANCE) != 0 ? t->distance : 0;
		int64_t begin = (int64_t)last + distance;
		low = begin > low ? begin : low;
		if ((t->has & HAS_WITHIN) != 0 && begin + t->within < high)
			high = begin + t->within;
	}
	low = low < 0 ? 0 : low;
	if (high < low + (int64_t)t->bytes.len)
		return false;
	*from = (size_t)low;
	*to = (size_t)high;
	return true;
}

static enum suricata_tri look_content(struct search *s, const struct suricata_test *t, size_t last)
{
	const struct suricata_bytes *in = s->in;
	enum suricata_tri best = SURICATA_NO;
	size_t from = 0, to = 0, len = t->bytes.len;
	bool room = window(t, last, &from, &to);
	for (size_t at = from; room && at + len <= in->bytes.len && at + len <= to; at++) {
		if (++s->steps > SURICATA_STEPS_MAX)
			return SURICATA_MAYBE;
		enum suricata_tri one = stands(t, in, at);
		if (one != SURICATA_NO && (t->has & HAS_ENDSWITH) != 0 && at + len != in->bytes.len)
			one = SURICATA_NO;
		if (one != SURICATA_NO && (t->has & HAS_ENDSWITH) != 0 && in->open)
			one = SURICATA_MAYBE;
		if (one != SURICATA_NO && !t->negated)
			one = both(one, look(s, t->next, at + len));
		best = one > best ? one : best;
		if (best == SURICATA_YES)
			break;
	}
	/* or further on, where nothing is known */
	bool beyond = in->open && room && to > in->bytes.len;
	if (beyond && best == SURICATA_NO)
		best = t->negated ? SURICATA_MAYBE
		                  : both(SURICATA_MAYBE, look(s, t->next, in->bytes.len));
	if (!t->negated)
		return best;
	return both((enum suricata_tri)(SURICATA_YES - best), look(s, t->next, last));
}

static enum suricata_tri look_pcre(struct search *s, const struct suricata_test *t, size_t last)
{
	size_t from = (t->has & HAS_RELATIVE) != 0 ? last : 0;
	size_t end = from;
	enum suricata_tri tri = SURICATA_MAYBE;
	if (from > s->in->bytes.len)
		return t->negated ? look(s, t->next, last) : SURICATA_NO;
	if (!s->in->open && !s->in->wild) {
		pcre2_match_data *data = pcre2_match_data_create(1, NULL);
		pcre2_match_context *context = pcre2_match_context_create(NULL);
		if (data != NULL && context != NULL) {
			(void)pcre2_set_match_limit(context, PCRE_TRIES);
			(void)pcre2_set_depth_limit(context, PCRE_DEPTH);
			(void)pcre2_set_heap_limit(context, PCRE_HEAP_KB);
			struct span rest = {s->in->bytes.ptr + from, s->in->bytes.len - from};
			int got =
				pcre2_match(t->code, rest.len == 0 ? (const uint8_t *)"" : rest.ptr,
					rest.len, 0, 0, data, context);
			if (got >= 0)
				end = from + pcre2_get_ovector_pointer(data)[1];
			tri = got >= 0                     ? SURICATA_YES
			      : got == PCRE2_ERROR_NOMATCH ? SURICATA_NO
			                                   : SURICATA_MAYBE;
		}
		pcre2_match_context_free(context);
		pcre2_match_data_free(data);
	}
	s->steps += 100;
	if (t->negated)
		return both((enum suricata_tri)(SURICATA_YES - tri), look(s, t->next, last));
	return tri == SURICATA_NO ? SURICATA_NO : both(tri, look(s, t->next, end));
}

static enum suricata_tri look_more(struct search *s, const struct suricata_test *t, size_t last)
{
	size_t from = (t->has & HAS_RELATIVE) != 0 ? last : 0;
	bool known = from + t->low <= s->in->bytes.len;
	enum suricata_tri tri = known ? SURICATA_YES : s->in->open ? SURICATA_MAYBE : SURICATA_NO;
	if (t->negated)
		tri = (enum suricata_tri)(SURICATA_YES - tri);
	return both(tri, look(s, t->next, last));
}

static enum suricata_tri look_size(struct search *s, const struct suricata_test *t, size_t last)
{
	size_t len = s->in->bytes.len;
	enum suricata_tri tri = len >= t->low && len <= t->high ? SURICATA_YES : SURICATA_NO;
	if (s->in->open)
		tri = len > t->high ? SURICATA_NO : SURICATA_MAYBE;
	return both(tri, look(s, t->next, last));
}

/* The patterns from t on, the one before having ended at last. As deep as a rule has tests. */
static enum suricata_tri look(struct search *s, const struct suricata_test *t, size_t last)
{
	t = skip(s, t);
	if (t == NULL)
		return SURICATA_YES;
	if (++s->steps > SURICATA_STEPS_MAX)
		return SURICATA_MAYBE;
	switch ((int)t->kind) {
	case TEST_CONTENT:
		return look_content(s, t, last);
	case TEST_PCRE:
		return look_pcre(s, t, last);
	case TEST_MORE:
		return look_more(s, t, last);
	default:
		return look_size(s, t, last);
	}
}

enum suricata_tri match_patterns(const struct suricata_rule *rule, enum suricata_buffer buffer,
	bool dotprefix, const struct suricata_bytes *in)
{
	uint8_t room[DOTTED_BYTES];
	struct suricata_bytes dotted = *in;
	struct search s = {.in = in, .buffer = buffer, .dotprefix = dotprefix};
	if (dotprefix) {
		if (in->bytes.len >= sizeof room)
			return SURICATA_MAYBE;
		room[0] = '.';
		if (in->bytes.len > 0)
			memcpy(room + 1, in->bytes.ptr, in->bytes.len);
		dotted.bytes = (struct span){room, in->bytes.len + 1};
		s.in = &dotted;
	}
	return look(&s, rule->test, 0);
}
