#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "base/scan.h"
#include "policy/load.h"

#define NAME_BYTES_MAX  253u /* RFC 1035 2.3.4, without the final dot */
#define LABEL_BYTES_MAX 63u
#define DATE_BYTES      10u
#define DAY_NS          (INT64_C(86400) * NS_PER_S)

int load_wrong(const struct loader *l, struct policy_place at, const char *fmt, ...)
{
	char text[FAIL_BYTES];
	va_list args;
	va_start(args, fmt);
	(void)vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	return fail_set(l->why, -EINVAL, "%s:%u:%u: %s", l->policy->file, at.line, at.column, text);
}

struct load_word load_quoted(const char *text)
{
	struct load_word word;
	struct out safe = {0};
	out_safe(&safe, text, 48);
	(void)snprintf(word.text, sizeof word.text, "'%s'", out_string(&safe));
	out_fini(&safe);
	return word;
}

/* ---- maps ---- */

static int unknown_key(struct loader *l, const struct yaml_node *node, const char *what,
	const struct load_field *field, size_t fields)
{
	struct out keys = {0};
	for (size_t i = 0; i < fields; i++)
		out_printf(&keys, "%s%s", i == 0 ? "" : ", ", field[i].key);
	int err = load_wrong(l, node->key_place, "%s has no %s; it has: %s", what,
		load_quoted(node->key).text, out_string(&keys));
	out_fini(&keys);
	return err;
}

static const struct yaml_node *member(const struct yaml_node *map, const char *key)
{
	const struct yaml_node *n = map->first;
	while (n != NULL && strcmp(n->key, key) != 0)
		n = n->next;
	return n;
}

int load_map(struct loader *l, const struct yaml_node *node, const char *what,
	const struct load_field *field, size_t fields, void *object)
{
	if (node->kind != YAML_MAP)
		return load_wrong(l, node->place, "%s is a map: lines of \"key: value\"", what);
	for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
		size_t i = 0;
		while (i < fields && strcmp(field[i].key, n->key) != 0)
			i++;
		if (i == fields)
			return unknown_key(l, n, what, field, fields);
	}
	for (size_t i = 0; i < fields; i++) { /* in the order of the rows, not of the file */
		const struct yaml_node *n = member(node, field[i].key);
		if (n == NULL && field[i].needed)
			return load_wrong(
				l, node->place, "%s needs \"%s:\"; add it", what, field[i].key);
		int err = n == NULL ? 0 : field[i].read(l, n, object);
		if (err < 0)
			return err;
	}
	return 0;
}

/* ---- values ---- */

static int need_text(struct loader *l, const struct yaml_node *n, const char *what)
{
	if (n->kind != YAML_TEXT)
		return load_wrong(l, n->place, "%s is wanted here, not a map or list", what);
	if (n->text[0] == '\0')
		return load_wrong(l, n->place, "%s is wanted here; nothing is given", what);
	return 0;
}

int load_filled(struct loader *l, const struct yaml_node *node)
{
	if (load_count(node) == 0)
		return load_wrong(
			l, node->place, "the list is empty: leave its key out, or fill it");
	if (load_count(node) > POLICY_LIST_MAX)
		return load_wrong(
			l, node->place, "more than %u items: use wider networks", POLICY_LIST_MAX);
	return 0;
}

/* Host bits that are set are a slip: nobody can tell whether the host or the network was meant. */
static int load_net(struct loader *l, const struct yaml_node *n, struct cidr *ret)
{
	struct addr addr = {0};
	char host[64] = {0};
	int err = need_text(l, n, "a network");
	if (err < 0)
		return err;
	if (cidr_parse(n->text, ret) < 0)
		return load_wrong(l, n->place,
			"%s is not a network; give ADDRESS or ADDRESS/BITS, such as 192.0.2.0/24",
			load_quoted(n->text).text);
	struct addr v4 = addr_v4(0);
	if (!policy_net_is_v4(ret) && cidr_has(ret, &v4))
		return load_wrong(l, n->place,
			"%s would hold IPv4 too; write 2000::/3 for the internet of IPv6, any for "
			"all",
			load_quoted(n->text).text);
	size_t len = strcspn(n->text, "/");
	memcpy(host, n->text, len < sizeof host ? len : sizeof host - 1);
	if (addr_parse(host, &addr) == 0 && !addr_eq(&addr, &ret->net)) {
		char text[ADDR_TEXT_BYTES];
		return load_wrong(l, n->place, "%s has bits of a host; write %s%s",
			load_quoted(n->text).text, addr_text(&ret->net, text), n->text + len);
	}
	return 0;
}

int load_nets(struct loader *l, const struct yaml_node *node, struct policy_nets *ret)
{
	int err = load_filled(l, node);
	if (err < 0)
		return err;
	ret->net = ARENA_NEW(&l->policy->arena, struct cidr, load_count(node));
	if (ret->net == NULL)
		return fail_set(l->why, -E2BIG, "%s: too many networks", l->policy->file);
	for (const struct yaml_node *n = load_first(node); n != NULL; n = load_next(node, n)) {
		err = load_net(l, n, &ret->net[ret->count++]);
		if (err < 0)
			return err;
	}
	return 0;
}

/* Labels of 1 to 63 letters, digits, "-" and "_", the last not all digits (a broken address). */
static bool is_name(const char *text)
{
	size_t label = 0;
	bool letter = false;
	for (const char *c = text;; c++) {
		if (*c == '.' || *c == '\0') {
			if (label == 0 || label > LABEL_BYTES_MAX)
				return false;
			if (*c == '\0')
				return letter && strlen(text) <= NAME_BYTES_MAX;
			label = 0;
			letter = false;
			continue;
		}
		bool is_letter = *c >= 'a' && *c <= 'z';
		if (!is_letter && !(*c >= '0' && *c <= '9') && *c != '-' && *c != '_')
			return false;
		letter |= is_letter;
		label++;
	}
}

static int load_name(struct loader *l, const struct yaml_node *n, const char **ret)
{
	int err = need_text(l, n, "a name");
	if (err < 0)
		return err;
	size_t len = strlen(n->text);
	char *name = arena_alloc(&l->policy->arena, len + 1, 1);
	if (name == NULL)
		return fail_set(l->why, -E2BIG, "%s: too many names", l->policy->file);
	for (size_t i = 0; i < len; i++) {
		char c = n->text[i];
		name[i] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
	}
	if (len > 1 && name[len - 1] == '.')
		name[len - 1] = '\0';
	if (!is_name(strncmp(name, "*.", 2) == 0 ? name + 2 : name))
		return load_wrong(l, n->place,
			"%s is not a name; give one in ASCII (xn--...), such as www.vendor.example "
			"or *.vendor.example",
			load_quoted(n->text).text);
	*ret = name;
	return 0;
}

int load_names(struct loader *l, const struct yaml_node *node, struct policy_names *ret)
{
	int err = load_filled(l, node);
	if (err < 0)
		return err;
	ret->name = arena_alloc(&l->policy->arena, load_count(node), sizeof(char *));
	if (ret->name == NULL)
		return fail_set(l->why, -E2BIG, "%s: too many names", l->policy->file);
	for (const struct yaml_node *n = load_first(node); n != NULL; n = load_next(node, n)) {
		err = load_name(l, n, &ret->name[ret->count++]);
		if (err < 0)
			return err;
	}
	return 0;
}

static int load_range(
	struct loader *l, const struct yaml_node *n, unsigned max, struct policy_ports *ret)
{
	int err = need_text(l, n, "a number or a range");
	if (err < 0)
		return err;
	struct span rest = span_of(n->text), part = {0};
	uint64_t first = 0, last = 0;
	bool ok = span_next(&rest, '-', &part) && scan_max(part, max, &first) == 0;
	last = first;
	if (ok && strchr(n->text, '-') != NULL)
		ok = scan_max(rest, max, &last) == 0;
	if (!ok || first > last)
		return load_wrong(l, n->place,
			"%s is not a number or range from 0 to %u; give one such as 80 or 80-88",
			load_quoted(n->text).text, max);
	*ret = (struct policy_ports){(uint16_t)first, (uint16_t)last};
	return 0;
}

int load_ports(
	struct loader *l, const struct yaml_node *node, unsigned max, struct policy_service *ret)
{
	int err = load_filled(l, node);
	if (err < 0)
		return err;
	ret->port = ARENA_NEW(&l->policy->arena, struct policy_ports, load_count(node));
	if (ret->port == NULL)
		return fail_set(l->why, -E2BIG, "%s: too many ports", l->policy->file);
	for (const struct yaml_node *n = load_first(node); n != NULL; n = load_next(node, n)) {
		err = load_range(l, n, max, &ret->port[ret->ports++]);
		if (err < 0)
			return err;
	}
	return 0;
}

int load_text(struct loader *l, const struct yaml_node *node, size_t max, const char **ret)
{
	int err = need_text(l, node, "a text");
	if (err == 0 && strlen(node->text) > max)
		err = load_wrong(l, node->place, "longer than %zu bytes: shorten it", max);
	if (err == 0)
		*ret = node->text;
	return err;
}

int load_id(struct loader *l, const char *text, struct policy_place at, const char *what)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_.";
	size_t len = strlen(text);
	if (len == 0 || len > POLICY_ID_BYTES || strspn(text, letters) != len)
		return load_wrong(l, at,
			"%s is no name for %s; use up to %u letters, digits, '-', '_' and '.'",
			load_quoted(text).text, what, POLICY_ID_BYTES);
	struct cidr net;
	if (strcmp(text, "any") == 0 || strcmp(text, "never-block") == 0 ||
		cidr_parse(text, &net) == 0)
		return load_wrong(
			l, at, "'%s' has a meaning of its own; call %s otherwise", text, what);
	return 0;
}

int load_action(struct loader *l, const struct yaml_node *node, enum policy_action *ret)
{
	int err = need_text(l, node, "allow, deny or reject");
	if (err < 0)
		return err;
	static const enum policy_action all[] = {POLICY_DENY, POLICY_ALLOW, POLICY_REJECT};
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (strcmp(node->text, policy_action_name(all[i])) == 0) {
			*ret = all[i];
			return 0;
		}
	return load_wrong(l, node->place, "%s is no action; give allow, deny or reject",
		load_quoted(node->text).text);
}

int load_as(struct loader *l, const struct yaml_node *node, const char **ret)
{
	int err = need_text(l, node, "an application protocol");
	if (err < 0)
		return err;
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
	size_t len = strlen(node->text);
	if (len > 32 || strspn(node->text, letters) != len)
		return load_wrong(l, node->place,
			"%s is no application protocol; give one in small letters: tls, http, "
			"quic, dns, ssh",
			load_quoted(node->text).text);
	*ret = node->text;
	return 0;
}

int load_expiry(struct loader *l, const struct yaml_node *node, int64_t *ret_ns)
{
	int err = need_text(l, node, "a date");
	if (err < 0)
		return err;
	struct span text = span_of(node->text);
	char midnight[DATE_BYTES + sizeof "T00:00:00Z"];
	if (text.len == DATE_BYTES) {
		(void)snprintf(midnight, sizeof midnight, "%sT00:00:00Z", node->text);
		text = span_of(midnight);
	}
	if (scan_iso(text, ret_ns) < 0)
		return load_wrong(l, node->place,
			"%s is no date; give one such as 2027-06-30 (the last day, UTC) or "
			"2027-06-30T18:00:00Z",
			load_quoted(node->text).text);
	if (strlen(node->text) == DATE_BYTES) /* a date alone is the last day */
		*ret_ns += DAY_NS;
	return 0;
}
