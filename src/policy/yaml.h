/* YAML: a document as a tree whose every node knows its place. A policy needs maps, lists and text
 * and nothing else: aliases (and with them documents that grow when read), tags, merge keys and a
 * second document are refused, as are a key that stands twice and nesting over YAML_DEPTH_MAX. */
#pragma once

#include "base/arena.h"
#include "base/cur.h"
#include "base/fail.h"
#include "policy/policy.h"

#define YAML_DEPTH_MAX 8

enum yaml_kind { YAML_TEXT, YAML_MAP, YAML_LIST };

struct yaml_node {
	enum yaml_kind kind;
	struct policy_place place, key_place;
	const char *key;  /* in a map: what stands before the colon; else NULL */
	const char *text; /* of YAML_TEXT, without NUL inside */
	struct yaml_node *first, *last, *next;
	size_t children;
};

/* Bytes of an arena that hold the tree of any document of `len` bytes. */
size_t yaml_arena_bytes(size_t len);
/* The tree lives in the arena. file stands for the text in complaints. Fails: -EINVAL, -E2BIG (the
 * arena is full). */
MUST_USE int yaml_read(struct yaml_node **ret, struct arena *arena, const char *file,
	struct cur text, struct fail *why);
