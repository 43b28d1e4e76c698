/* Inside suricata/: a rule under way. */
#pragma once

#include "base/scan.h"
#include "suricata/suricata.h"

struct parser {
	struct suricata_rules *rules;
	struct suricata_rule *rule;
	const uint8_t *begin;        /* of the rule, for places */
	uint32_t line;               /* there */
	enum suricata_buffer buffer; /* of the contents that follow */
	bool dotprefix;
	bool wrong;
	bool full;
};

/* Records what is wrong at that place of the text; the rule is left out. words come after it. */
void parser_fault(struct parser *p, const uint8_t *place, struct span what, const char *words);
/* A NUL-terminated copy. NULL: no room (p->full). */
const char *parser_copy(struct parser *p, struct span text);
/* Lower case; NULL: no room. */
const char *parser_lower(struct parser *p, struct span text);
/* A new test at the end of the rule's, or NULL. */
struct suricata_test *parser_test(struct parser *p, enum suricata_test_kind kind);
/* White space, and the backslash of a line that goes on, at both ends. */
struct span parser_trim(struct span text);

/* The name of old, or NULL. */
const char *buffer_legacy(enum suricata_buffer buffer);
/* scope.c */
enum suricata_scope_kind scope_of(const struct suricata_rule *rule);
/* options.c: all between the parentheses. */
void parser_options(struct parser *p, struct span body);
/* patterns.c: the values of content and pcre. */
void parser_content(struct parser *p, struct span value);
void parser_pcre(struct parser *p, struct span value);
/* A value without its quotes. False: there are none, and that was told. */
bool parser_unquote(struct parser *p, struct span value, struct span *ret);
