/* Verbs and their options: rows. Parsing, help, man page and completion all come from them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/check.h"

/* What the outside relies on (man postern). */
enum exit_code {
	EXIT_DONE = 0,
	EXIT_FINDINGS = 1, /* only when asked for */
	EXIT_USAGE = 2,
	EXIT_NOTHING = 3, /* nothing could be read, or nothing be written */
	EXIT_PARTIAL = 4,
};

enum option_kind {
	OPTION_FLAG,     /* bool */
	OPTION_TEXT,     /* const char *, of argv */
	OPTION_TEXTS,    /* struct texts, of argv, added to: may be given again */
	OPTION_WORD,     /* adds a word, as if it stood alone */
	OPTION_NUMBER,   /* double */
	OPTION_SIZE,     /* size_t, bytes; K M G T are powers of 1024 */
	OPTION_TIME,     /* int64_t, ns; RFC 3339 */
	OPTION_NETWORKS, /* struct networks, added to */
};

#define NETWORKS_MAX 64 /* more zones than that belong into a file */

struct networks {
	struct cidr net[NETWORKS_MAX];
	size_t count;
};

#define TEXTS_MAX 256

struct texts {
	const char *text[TEXTS_MAX];
	size_t count;
};

struct option {
	const char *name; /* without the dashes */
	char letter;      /* 0: none */
	enum option_kind kind;
	const char *argument; /* what stands for the value in help; NULL for flags */
	size_t offset;        /* of the field in the verb's settings */
	double min, max;      /* as value_number(); sizes: from min to max */
	const char *fallback; /* value when not given, as it would be typed; NULL: all zero */
	const char *help;     /* no capital, no full stop */
};

struct example {
	const char *command, *meaning;
};

struct call;

struct verb {
	const char *name;
	const char *words;       /* "INPUT..." */
	const char *summary;     /* completes "postern NAME: …" */
	const char *const *text; /* paragraphs of the man page, NULL at the end */
	const struct option *option;
	size_t options;
	size_t settings_bytes;
	const struct example *example;
	size_t examples;
	bool formats; /* its --to takes every format of report/: the man page lists them */
	enum exit_code (*run)(const struct call *call);
};

#define VERB(name) extern const struct verb verb_##name;
#include "cli/verbs.def"
#undef VERB

size_t verbs_count(void);
const struct verb *verbs_get(size_t index);
const struct verb *verbs_find(const char *name); /* NULL: none */

/* A verb with what the command line said. */
struct call {
	const struct verb *verb;
	const void *settings; /* verb.settings_bytes of them */
	const char *const *word;
	size_t words;
	uint64_t given; /* bit i: option i was on the command line */
	bool help;      /* --help was */
};

bool call_given(const struct call *call, const char *option);
