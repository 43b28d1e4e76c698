/* Rules in nft's own syntax, out of its JSON. What is not known here stays JSON. */
#include "boundary/nft.h"

#define DEPTH_MAX 8u
#define BYTES_MAX 1000u /* nobody reads further, and it is cut behind that */

static void say_value(struct nft *n, struct out *o, const struct json_value *v, unsigned depth);

static void put(struct out *o, struct span text)
{
	if (text.len > 0)
		out_bytes(o, (const char *)text.ptr, text.len);
}

static void put_json(struct out *o, const struct json_value *v)
{
	struct span text = v->text;
	if (text.len > BYTES_MAX)
		text.len = BYTES_MAX;
	put(o, text);
}

static void say_list(struct nft *n, struct out *o, const struct json_value *list,
	const char *between, unsigned depth)
{
	struct json_value item = {0};
	for (size_t i = 0; o->len < BYTES_MAX && json_each(n->json, list, &item); i++) {
		out_text(o, i == 0 ? "" : between);
		say_value(n, o, &item, depth + 1);
	}
}

/* Keys that nft writes without "meta". */
static bool is_bare(struct span key)
{
	static const char *const bare[] = {
		"iif", "oif", "iifname", "oifname", "iifgroup", "oifgroup", "iiftype", "oiftype"};
	for (size_t i = 0; i < ARRAY_LEN(bare); i++)
		if (span_is(key, bare[i]))
			return true;
	return false;
}

static bool say_field(
	struct nft *n, struct out *o, struct span what, const struct json_value *inner)
{
	struct span key = nft_member(n, inner, "key").text;
	struct span protocol = nft_member(n, inner, "protocol").text;
	struct span field = nft_member(n, inner, "field").text;
	if (span_is(what, "payload") && protocol.len > 0 && field.len > 0) {
		put(o, protocol);
		out_text(o, " ");
		put(o, field);
		return true;
	}
	bool plain = nft_member(n, inner, "dir").type == JSON_ABSENT;
	if ((!span_is(what, "meta") && !span_is(what, "ct")) || key.len == 0 || !plain)
		return false;
	if (!span_is(what, "meta") || !is_bare(key)) {
		put(o, what);
		out_text(o, " ");
	}
	put(o, key);
	return true;
}

static bool say_numbers(struct nft *n, struct out *o, struct span what,
	const struct json_value *inner, unsigned depth)
{
	if (span_is(what, "prefix")) {
		put(o, nft_member(n, inner, "addr").text);
		out_text(o, "/");
		put(o, nft_member(n, inner, "len").text);
		return true;
	}
	if (span_is(what, "elem")) {
		struct json_value value = nft_member(n, inner, "val");
		say_value(n, o, &value, depth + 1);
		return true;
	}
	static const struct {
		const char *name, *before, *between, *behind;
	} lists[] = {{"range", "", "-", ""}, {"concat", "", " . ", ""}, {"set", "{ ", ", ", " }"},
		{"|", "", " | ", ""}, {"&", "", " & ", ""}};
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		if (span_is(what, lists[i].name)) {
			out_text(o, lists[i].before);
			say_list(n, o, inner, lists[i].between, depth);
			out_text(o, lists[i].behind);
			return true;
		}
	return false;
}

static bool say_verdict(
	struct nft *n, struct out *o, struct span what, const struct json_value *inner)
{
	struct json_value target = nft_member(n, inner, "target");
	struct span type = nft_member(n, inner, "type").text;
	struct span expr = nft_member(n, inner, "expr").text;
	static const char *const names[] = {
		"accept", "drop", "reject", "return", "continue", "jump", "goto"};
	size_t i = 0;
	while (i < ARRAY_LEN(names) && !span_is(what, names[i]))
		i++;
	if (i == ARRAY_LEN(names))
		return false;
	put(o, what);
	if (target.type == JSON_STRING) {
		out_text(o, " ");
		put(o, target.text);
	}
	if (type.len > 0) {
		out_text(o, " with ");
		put(o, type);
		out_text(o, expr.len > 0 ? " " : "");
		put(o, expr);
	}
	return true;
}

static void say_value(struct nft *n, struct out *o, const struct json_value *v, unsigned depth)
{
	struct span what;
	struct json_value inner;
	if (depth > DEPTH_MAX || o->len >= BYTES_MAX)
		return;
	if (v->type == JSON_ARRAY)
		say_list(n, o, v, ",", depth);
	else if (v->type != JSON_OBJECT || !nft_only(n, v, &what, &inner))
		put(o, v->text);
	else if (!say_numbers(n, o, what, &inner, depth) && !say_field(n, o, what, &inner) &&
		 !say_verdict(n, o, what, &inner))
		put_json(o, v);
}

/* ---- statements ---- */

static bool is_name(struct nft *n, const struct json_value *left)
{
	struct span what;
	struct json_value inner;
	if (!nft_only(n, left, &what, &inner) || !span_is(what, "meta"))
		return false;
	struct span key = nft_member(n, &inner, "key").text;
	return is_bare(key);
}

void nft_say_match(struct nft *n, struct out *o, const struct json_value *match)
{
	struct json_value left = nft_member(n, match, "left"),
			  right = nft_member(n, match, "right");
	struct span op = nft_member(n, match, "op").text;
	bool quoted =
		right.type == JSON_STRING && is_name(n, &left) && !span_begins(right.text, "@");
	say_value(n, o, &left, 0);
	out_text(o, " ");
	if (!span_is(op, "==") && !span_is(op, "in")) {
		put(o, op);
		out_text(o, " ");
	}
	out_text(o, quoted ? "\"" : "");
	say_value(n, o, &right, 0);
	out_text(o, quoted ? "\"" : "");
}

void nft_say_vmap(struct nft *n, struct out *o, const struct json_value *vmap)
{
	struct json_value key = nft_member(n, vmap, "key"), data = nft_member(n, vmap, "data");
	struct json_value list, item = {0};
	struct span what;
	say_value(n, o, &key, 0);
	out_text(o, " vmap ");
	if (!nft_only(n, &data, &what, &list) || !span_is(what, "set")) {
		say_value(n, o, &data, 0);
		return;
	}
	out_text(o, "{ ");
	for (size_t i = 0; o->len < BYTES_MAX && json_each(n->json, &list, &item); i++) {
		out_text(o, i == 0 ? "" : ", ");
		say_list(n, o, &item, " : ", 1); /* [key, verdict] */
	}
	out_text(o, " }");
}

static void say_nat(struct nft *n, struct out *o, struct span what, const struct json_value *inner)
{
	struct json_value addr = nft_member(n, inner, "addr"), port = nft_member(n, inner, "port");
	put(o, what);
	if (addr.type == JSON_ABSENT && port.type == JSON_ABSENT)
		return;
	out_text(o, " to ");
	say_value(n, o, &addr, 0);
	if (port.type == JSON_ABSENT)
		return;
	out_text(o, ":");
	say_value(n, o, &port, 0);
}

static bool say_plain(
	struct nft *n, struct out *o, struct span what, const struct json_value *inner)
{
	struct json_value key = nft_member(n, inner, "key"), value = nft_member(n, inner, "value");
	struct span prefix = nft_member(n, inner, "prefix").text;
	if (span_is(what, "mangle")) {
		say_value(n, o, &key, 0);
		out_text(o, " set ");
		say_value(n, o, &value, 0);
	} else if (span_is(what, "limit")) {
		out_text(o, "limit rate ");
		put(o, nft_member(n, inner, "rate").text);
		out_text(o, "/");
		put(o, nft_member(n, inner, "per").text);
	} else if (span_is(what, "log")) {
		out_text(o, "log");
		if (prefix.len > 0) {
			out_text(o, " prefix \"");
			put(o, prefix);
			out_text(o, "\"");
		}
	} else if (span_is(what, "counter") || span_is(what, "notrack")) {
		put(o, what); /* the same rule, whatever it counted */
	} else {
		return false;
	}
	return true;
}

void nft_say(struct nft *n, struct out *o, const struct json_value *statement)
{
	struct span what = {0};
	struct json_value inner;
	bool known = nft_only(n, statement, &what, &inner);
	if (span_is(what, "match"))
		nft_say_match(n, o, &inner);
	else if (span_is(what, "vmap"))
		nft_say_vmap(n, o, &inner);
	else if (span_is(what, "dnat") || span_is(what, "snat") || span_is(what, "redirect") ||
		 span_is(what, "masquerade"))
		say_nat(n, o, what, &inner);
	else if (!known || (!say_plain(n, o, what, &inner) && !say_verdict(n, o, what, &inner)))
		put_json(o, statement);
}

void nft_say_all(struct nft *n, struct out *o, const struct json_value *expr)
{
	struct json_value item = {0};
	for (size_t i = 0; o->len < BYTES_MAX && json_each(n->json, expr, &item); i++) {
		out_text(o, i == 0 ? "" : " ");
		nft_say(n, o, &item);
	}
}
