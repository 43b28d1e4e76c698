/* Inside boundary/: nftables' JSON, while it is read. */
#pragma once

#include "base/json.h"
#include "boundary/build.h"

#define NFT_SETS_MAX 4096u

struct nft_set { /* or a map; names borrowed of the text */
	struct span family, table, name;
	struct json_value elem;
	bool partly;
};

struct nft {
	struct boundary *b;
	struct json *json;
	struct nft_set *set;
	size_t sets;
	struct span family, table; /* of the rule that is read */
};

/* The member of that name; type JSON_ABSENT: none. */
struct json_value nft_member(struct nft *n, const struct json_value *object, const char *name);
/* An object's first member, which says what it is. False: it is none. */
bool nft_only(struct nft *n, const struct json_value *object, struct span *ret_name,
	struct json_value *ret);
const struct nft_set *nft_set_find(const struct nft *n, struct span reference);

/* "match" and "vmap": steps for them, one that can't be known when it is not all understood. */
void nft_match(struct nft *n, struct build_steps *s, const struct json_value *match);
void nft_vmap(struct nft *n, struct build_steps *s, const struct json_value *vmap);
/* What is there when the protocol's header is; of fields that no flow tells, too. */
void nft_depend(struct nft *n, struct build_steps *s, struct span protocol);
/* One value of the field. Fails: -EINVAL. */
MUST_USE int nft_value(struct nft *n, enum boundary_field field, const struct json_value *value,
	struct boundary_range *ret);
/* {"jump": {"target": ...}} and its like. False: it is no verdict. */
bool nft_verdict(struct nft *n, struct span name, const struct json_value *value,
	struct boundary_verdict *ret);

/* A statement, a match, a vmap, all of a rule: as nft itself writes them. Not yet safe to print,
 * nor cut to a size. */
void nft_say(struct nft *n, struct out *o, const struct json_value *statement);
void nft_say_match(struct nft *n, struct out *o, const struct json_value *match);
void nft_say_vmap(struct nft *n, struct out *o, const struct json_value *vmap);
void nft_say_all(struct nft *n, struct out *o, const struct json_value *expr);
