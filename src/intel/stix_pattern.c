#include "intel/stix_pattern.h"

#include <ctype.h>
#include <string.h>

#include "base/scan.h"

#define DEPTH_MAX 16u

/* Ways of one part of an expression, before it is known what they are joined with. */
struct ways {
	size_t from, to; /* of pattern.way: the newest ones */
};

struct parser {
	struct pattern *p;
	struct span rest;
	const char *wrong; /* the first one */
};

static void fail(struct parser *x, const char *wrong)
{
	if (x->wrong == NULL)
		x->wrong = wrong;
	x->rest.len = 0;
}

static void skip_space(struct parser *x)
{
	while (x->rest.len > 0 && isspace(x->rest.ptr[0]))
		x->rest = (struct span){x->rest.ptr + 1, x->rest.len - 1};
}

static bool take_sign(struct parser *x, const char *sign)
{
	skip_space(x);
	if (!span_begins(x->rest, sign))
		return false;
	size_t len = strlen(sign);
	x->rest = (struct span){x->rest.ptr + len, x->rest.len - len};
	return true;
}

static bool take_word(struct parser *x, const char *word)
{
	skip_space(x);
	size_t len = strlen(word);
	if (!span_begins(x->rest, word) ||
		(x->rest.len > len && (isalnum(x->rest.ptr[len]) || x->rest.ptr[len] == '_')))
		return false;
	x->rest = (struct span){x->rest.ptr + len, x->rest.len - len};
	return true;
}

/* 'text' with \' and \\ in it, copied without them. */
static struct span take_text(struct parser *x)
{
	struct pattern *p = x->p;
	size_t begin = p->text_bytes;
	if (!take_sign(x, "'"))
		return (struct span){0};
	while (x->rest.len > 0 && x->rest.ptr[0] != '\'') {
		if (x->rest.ptr[0] == '\\' && x->rest.len > 1)
			x->rest = (struct span){x->rest.ptr + 1, x->rest.len - 1};
		if (p->text_bytes == sizeof p->text) {
			fail(x, "pattern that is too long");
			return (struct span){0};
		}
		p->text[p->text_bytes++] = x->rest.ptr[0];
		x->rest = (struct span){x->rest.ptr + 1, x->rest.len - 1};
	}
	if (!take_sign(x, "'"))
		fail(x, "pattern with an open text");
	return (struct span){p->text + begin, p->text_bytes - begin};
}

/* ipv4-addr:value, file:hashes.'SHA-256', network-traffic:extensions.'http-request-ext'.x */
static struct span take_path(struct parser *x)
{
	skip_space(x);
	struct span s = {x->rest.ptr, 0};
	bool quoted = false;
	while (s.len < x->rest.len) {
		uint8_t c = x->rest.ptr[s.len];
		quoted ^= c == '\'';
		if (!quoted && !isalnum(c) && c != '\'' && (c == 0 || strchr("-_:.[]*", c) == NULL))
			break;
		s.len++;
	}
	x->rest = (struct span){x->rest.ptr + s.len, x->rest.len - s.len};
	if (s.len == 0 || quoted || span_find(s, ":") == s.len)
		fail(x, "pattern that can't be understood");
	return s;
}

/* ---- ways ---- */

static struct pattern_way *way_new(struct parser *x)
{
	if (x->p->ways == WAYS_MAX) {
		fail(x, "pattern with more than 1,024 ways to hold");
		return NULL;
	}
	struct pattern_way *w = &x->p->way[x->p->ways++];
	*w = (struct pattern_way){0};
	return w;
}

static void outside(struct parser *x, const char *why, struct span word)
{
	struct pattern_way *w = way_new(x);
	if (w != NULL) {
		w->outside = why;
		w->word = word;
	}
}

static bool joined(
	const struct pattern_way *a, const struct pattern_way *b, struct pattern_way *ret)
{
	*ret = *a;
	if (a->outside != NULL || b->outside != NULL) {
		*ret = a->outside != NULL ? *a : *b;
		return true;
	}
	if (a->things + b->things > (int)GROUP_MAX ||
		(a->port != 0 && b->port != 0 && a->port != b->port))
		return false;
	for (size_t i = 0; i < b->things; i++)
		ret->thing[ret->things++] = b->thing[i];
	ret->port = a->port != 0 ? a->port : b->port;
	return true;
}

/* a AND b: every way of one with every way of the other; they lie behind one another. */
static struct ways both(struct parser *x, struct ways a, struct ways b)
{
	size_t made = x->p->ways;
	for (size_t i = a.from; i < a.to; i++)
		for (size_t k = b.from; k < b.to && x->wrong == NULL; k++) {
			struct pattern_way w;
			if (!joined(&x->p->way[i], &x->p->way[k], &w)) {
				fail(x, "pattern of more than 8 things together, or of two ports");
				break;
			}
			struct pattern_way *new = way_new(x);
			if (new != NULL)
				*new = w;
		}
	size_t count = x->p->ways - made;
	memmove(&x->p->way[a.from], &x->p->way[made], count * sizeof x->p->way[0]);
	x->p->ways = a.from + count;
	return (struct ways){a.from, a.from + count};
}

/* ---- comparisons ---- */

static const struct path {
	const char *path;
	enum intel_kind kind;
	enum { A_VALUE, A_NETWORK, A_PORT, A_TYPE } what;
} paths[] = {{"ipv4-addr:value", INTEL_ADDRESS, A_NETWORK},
	{"ipv6-addr:value", INTEL_ADDRESS, A_NETWORK},
	{"network-traffic:dst_ref.value", INTEL_ADDRESS, A_NETWORK},
	{"network-traffic:dst_ref.type", INTEL_ADDRESS, A_TYPE},
	{"network-traffic:dst_port", INTEL_ADDRESS, A_PORT},
	{"domain-name:value", INTEL_NAME, A_VALUE}, {"url:value", INTEL_URL, A_VALUE},
	{"file:hashes.MD5", INTEL_FILE_MD5, A_VALUE},
	{"file:hashes.SHA-1", INTEL_FILE_SHA1, A_VALUE},
	{"file:hashes.SHA1", INTEL_FILE_SHA1, A_VALUE},
	{"file:hashes.SHA-256", INTEL_FILE_SHA256, A_VALUE},
	{"file:hashes.SHA256", INTEL_FILE_SHA256, A_VALUE},
	{"x509-certificate:hashes.MD5", INTEL_CERT_MD5, A_VALUE},
	{"x509-certificate:hashes.SHA-1", INTEL_CERT_SHA1, A_VALUE},
	{"x509-certificate:hashes.SHA-256", INTEL_CERT_SHA256, A_VALUE},
	{"network-traffic:extensions.http-request-ext.request_header.User-Agent", INTEL_AGENT,
		A_VALUE}};

static const struct path *path_of(struct span text)
{
	char bare[128];
	size_t len = 0;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '\'')
			continue;
		if (len + 1 == sizeof bare)
			return NULL;
		bare[len++] = (char)text.ptr[i];
	}
	bare[len] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		if (strcmp(paths[i].path, bare) == 0)
			return &paths[i];
	return NULL;
}

static void thing(struct parser *x, const struct path *path, struct span value, bool below)
{
	struct pattern *p = x->p;
	struct pattern_way *w = p->things == WAYS_MAX ? NULL : way_new(x);
	if (w == NULL) {
		fail(x, "pattern with more than 1,024 ways to hold");
		return;
	}
	p->thing[p->things] = (struct pattern_thing){.kind = path->kind,
		.network = path->what == A_NETWORK,
		.below = below,
		.value = value};
	w->thing[w->things++] = (uint16_t)p->things++;
}

static struct span take_literal(struct parser *x)
{
	skip_space(x);
	if (x->rest.len > 0 && x->rest.ptr[0] == '\'')
		return take_text(x);
	struct span s = {x->rest.ptr, 0};
	while (s.len < x->rest.len && (isalnum(x->rest.ptr[s.len]) || x->rest.ptr[s.len] == '-' ||
					      x->rest.ptr[s.len] == '.'))
		s.len++;
	if (s.len == 0) /* also binary and time literals, which begin with a letter and a quote */
		fail(x, "pattern that can't be understood");
	x->rest = (struct span){x->rest.ptr + s.len, x->rest.len - s.len};
	if (x->rest.len > 0 && x->rest.ptr[0] == '\'')
		(void)take_text(x);
	return s;
}

static void equal(struct parser *x, const struct path *path, struct span name, struct span value)
{
	uint64_t port = 0;
	if (path == NULL) {
		outside(x, "pattern with", name);
	} else if (path->what == A_PORT) {
		struct pattern_way *w = scan_max(value, UINT16_MAX, &port) < 0 ? NULL : way_new(x);
		if (w == NULL)
			fail(x, "pattern with a port that is none");
		else
			w->port = (uint16_t)port;
	} else if (path->what == A_TYPE) { /* the value says it too */
		(void)way_new(x);
	} else {
		thing(x, path, value, false);
	}
}

static void among(struct parser *x, const struct path *path, struct span name)
{
	if (!take_sign(x, "("))
		fail(x, "pattern that can't be understood");
	do
		equal(x, path, name, take_literal(x));
	while (x->wrong == NULL && take_sign(x, ","));
	if (!take_sign(x, ")"))
		fail(x, "pattern that can't be understood");
}

/* Any other operator, with what it compares to. */
static void other(struct parser *x, struct span name)
{
	static const char *const signs[] = {"!=", "<=", ">=", "<", ">", "LIKE", "MATCHES",
		"ISSUPERSET", "ISSUBSET", "EXISTS", "="};
	(void)name;
	for (size_t i = 0; i < ARRAY_LEN(signs); i++)
		if (take_sign(x, signs[i])) {
			(void)take_literal(x);
			outside(x, "pattern with the operator", span_of(signs[i]));
			return;
		}
	fail(x, "pattern that can't be understood");
}

static void comparison(struct parser *x)
{
	struct span name = take_path(x);
	if (x->wrong != NULL)
		return;
	const struct path *path = path_of(name);
	struct parser before = *x;
	if (take_word(x, "NOT")) {
		if (take_word(x, "IN")) {
			size_t from = x->p->ways;
			among(x, NULL, name);
			x->p->ways = x->wrong == NULL ? from : x->p->ways;
			outside(x, "pattern with the operator", span_of("NOT"));
			return;
		}
		other(x, name);
		return;
	}
	if (take_sign(x, "=")) {
		equal(x, path, name, take_literal(x));
	} else if (take_word(x, "IN")) {
		among(x, path, name);
	} else if (take_word(x, "ISSUBSET") && path != NULL && path->what == A_NETWORK) {
		thing(x, path, take_literal(x), false);
	} else if (path != NULL && path->kind == INTEL_NAME && take_word(x, "LIKE")) {
		struct span value = take_literal(x);
		if (span_begins(value, "%.") &&
			!span_has((struct span){value.ptr + 1, value.len - 1}, '%') &&
			!span_has(value, '_'))
			thing(x, path, (struct span){value.ptr + 2, value.len - 2}, true);
		else
			outside(x, "pattern with the operator", span_of("LIKE"));
	} else {
		x->rest = before.rest;
		other(x, name);
	}
}

/* ---- expressions ---- */

static struct ways expression(struct parser *x, unsigned depth);

static struct ways operand(struct parser *x, unsigned depth)
{
	struct ways w = {.from = x->p->ways};
	if (take_word(x, "EXISTS")) {
		(void)take_path(x);
		outside(x, "pattern with the operator", span_of("EXISTS"));
	} else if (take_sign(x, "(")) {
		if (depth == DEPTH_MAX)
			fail(x, "pattern that is nested too deeply");
		else
			(void)expression(x, depth + 1);
		if (!take_sign(x, ")"))
			fail(x, "pattern that can't be understood");
	} else {
		comparison(x);
	}
	w.to = x->p->ways;
	return w;
}

/* OR binds less than AND. At most DEPTH_MAX deep. */
static struct ways expression(struct parser *x, unsigned depth)
{
	struct ways all = {.from = x->p->ways};
	do {
		struct ways w = operand(x, depth);
		while (x->wrong == NULL && take_word(x, "AND"))
			w = both(x, w, operand(x, depth));
		all.to = x->p->ways;
	} while (x->wrong == NULL && take_word(x, "OR"));
	return all;
}

static void observation(struct parser *x)
{
	if (!take_sign(x, "["))
		fail(x, "pattern that can't be understood");
	(void)expression(x, 0);
	if (!take_sign(x, "]"))
		fail(x, "pattern that can't be understood");
}

/* Observations side by side, in as many parentheses as there are. */
static void observations(struct parser *x)
{
	unsigned open = 0;
	do {
		while (take_sign(x, "(") && x->wrong == NULL)
			open++;
		observation(x);
		while (open > 0 && take_sign(x, ")"))
			open--;
	} while (x->wrong == NULL && take_word(x, "OR"));
	skip_space(x);
	if (take_word(x, "AND") || take_word(x, "FOLLOWEDBY"))
		fail(x, "pattern of several observations together");
	if (take_word(x, "WITHIN") || take_word(x, "REPEATS") || take_word(x, "START"))
		fail(x, "pattern that counts or times observations");
	if (x->rest.len > 0 || open > 0)
		fail(x, "pattern that can't be understood");
}

const char *pattern_read(struct pattern *ret, struct span text)
{
	ret->ways = ret->things = ret->text_bytes = 0;
	struct parser x = {.p = ret, .rest = text};
	if (text.len > PATTERN_BYTES_MAX)
		return "pattern that is too long";
	observations(&x);
	for (size_t i = 0; x.wrong == NULL && i < ret->ways; i++)
		if (ret->way[i].outside == NULL && ret->way[i].things == 0) {
			ret->way[i].outside = "pattern of nothing but";
			ret->way[i].word = span_of(ret->way[i].port != 0 ? "a port" : "a type");
		}
	return x.wrong;
}
