/* A rule group: its rules, of whatever form, as Suricata's; its variables; stateless rules. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "nfw/model.h"

/* ---- rules as text ---- */

void read_rules(struct reader *r, struct nfw_group *group, struct span text)
{
	struct fail why = {0};
	if (suricata_read(&group->rules,
		    cur_of(text.ptr == NULL ? (const uint8_t *)"" : text.ptr, text.len),
		    &why) < 0) {
		warn(r, why.text, (struct span){0});
		group->unread = "its rules were not read";
		return;
	}
	for (const struct suricata_fault *f = group->rules->fault; f != NULL; f = f->next) {
		struct out words = {0};
		if (group->id != NULL || group->arn != NULL)
			out_printf(&words, "rules of %.64s, ", group->name);
		out_printf(&words, "%u:%u: rule left out: ", f->line, f->column);
		warn(r, out_string(&words), span_of(f->text));
		out_fini(&words);
	}
	if (group->rules->faults > 0)
		group->unread = "it has rules that are not understood";
}

/* A string's bytes into a rule: no line may end in it. */
static void put(struct out *o, struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		bool end = text.ptr[i] == '\n' || text.ptr[i] == '\r';
		out_bytes(o, end ? " " : (const char *)text.ptr + i, 1);
	}
}

/* ---- domain lists ---- */

static bool is_domain(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.ptr[i] | 0x20;
		if (!((c >= 'a' && c <= 'z') || (s.ptr[i] >= '0' && s.ptr[i] <= '9') ||
			    strchr(".-_", s.ptr[i]) != NULL))
			return false;
	}
	return s.len > 0 && s.len < 256;
}

/* As Network Firewall writes them (its guide, "Domain list rules"). */
static void write_domain(
	struct out *o, const char *action, bool tls, struct span name, unsigned sid)
{
	bool dot = name.ptr[0] == '.';
	out_printf(o, "%s %s $HOME_NET any -> $EXTERNAL_NET any (%s%s", action,
		tls ? "tls" : "http", tls ? "ssl_state:client_hello; tls.sni; " : "http.host; ",
		dot ? "dotprefix; content:\"" : "content:\"");
	for (size_t i = 0; i < name.len; i++) {
		char c = (char)(name.ptr[i] >= 'A' && name.ptr[i] <= 'Z' ? name.ptr[i] | 0x20
									 : name.ptr[i]);
		out_bytes(o, &c, 1);
	}
	out_printf(o,
		"\"; %s%sendswith; msg:\"matching %s %sed FQDNs\"; priority:1; flow:to_server, "
		"established; sid:%u; rev:1;)\n",
		dot ? "" : "startswith; ", tls ? "nocase; " : "", tls ? "TLS" : "HTTP",
		strcmp(action, "pass") == 0 ? "allowlist" : "denylist", sid);
}

static void write_rest(struct out *o, bool tls, unsigned sid)
{
	static const char head[] = "drop %s $HOME_NET any -> $EXTERNAL_NET any (%s";
	static const char tail[] = "flow:to_server, established; sid:%u; rev:1;)\n";
	if (tls) {
		out_printf(o, head, "tls", "msg:\"not matching any TLS allowlisted FQDNs\"; ");
		out_text(o, "priority:1; ssl_state:client_hello; ");
	} else {
		out_printf(o, head, "http", "http.header_names; content:\"|0d 0a|\"; startswith; ");
		out_text(o, "msg:\"not matching any HTTP allowlisted FQDNs\"; priority:1; ");
	}
	out_printf(o, tail, sid);
}

bool write_domains(struct reader *r, const struct json_value *list, struct out *text)
{
	static const struct {
		const char *name, *action;
	} kinds[] = {{"ALLOWLIST", "pass"}, {"DENYLIST", "drop"}, {"REJECTLIST", "reject"},
		{"ALERTLIST", "alert"}};
	struct json_value kind, types, targets, type = {0};
	const char *action = NULL;
	unsigned sid = 1;
	if (!get(r, list, "GeneratedRulesType", &kind) || !get(r, list, "TargetTypes", &types) ||
		!get(r, list, "Targets", &targets))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (span_is(kind.text, kinds[i].name))
			action = kinds[i].action;
	while (action != NULL && json_each(r->n->json, &types, &type)) {
		struct json_value target = {0};
		bool tls = span_is(type.text, "TLS_SNI");
		if (!tls && !span_is(type.text, "HTTP_HOST"))
			return false;
		while (json_each(r->n->json, &targets, &target)) {
			struct span name;
			if (!get_text(r, &target, &name) || !is_domain(name) || sid > LISTS_MAX)
				return false;
			write_domain(text, action, tls, name, sid++);
		}
		if (strcmp(action, "pass") == 0)
			write_rest(text, tls, sid++);
	}
	return action != NULL;
}

/* ---- rules of five fields ---- */

static bool write_options(struct reader *r, const struct json_value *options, struct out *o)
{
	struct json_value option = {0};
	bool sid = false;
	while (json_each(r->n->json, options, &option)) {
		struct json_value keyword, settings, setting = {0};
		if (!get(r, &option, "Keyword", &keyword) || keyword.type != JSON_STRING)
			return false;
		sid = sid || span_begins(keyword.text, "sid");
		put(o, keyword.text);
		bool first = true;
		(void)get(r, &option, "Settings", &settings);
		while (json_each(r->n->json, &settings, &setting)) {
			struct span text;
			if (!get_text(r, &setting, &text))
				return false;
			out_text(o, first ? ":" : ",");
			put(o, text);
			first = false;
		}
		out_text(o, "; ");
	}
	if (!sid)
		out_text(o, "sid:1;");
	return true;
}

static bool write_tuple(struct reader *r, const struct json_value *rule, struct out *o)
{
	static const char *const fields[] = {
		"Protocol", "Source", "SourcePort", NULL, "Destination", "DestinationPort"};
	struct json_value header, options, value, action;
	if (!get_object(r, rule, "Header", &header) || !get(r, rule, "Action", &action) ||
		action.type != JSON_STRING)
		return false;
	for (size_t i = 0; i < action.text.len; i++) {
		char c = (char)(action.text.ptr[i] | 0x20);
		out_bytes(o, &c, 1);
	}
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		struct span text;
		out_text(o, " ");
		if (fields[i] == NULL) {
			bool any = get(r, &header, "Direction", &value) &&
			           span_is_nocase(value.text, "any");
			out_text(o, any ? "<>" : "->");
			continue;
		}
		if (!get(r, &header, fields[i], &value) || !get_text(r, &value, &text))
			return false;
		put(o, text);
	}
	out_text(o, " (");
	if (!get(r, rule, "RuleOptions", &options))
		(void)get(r, rule, "RuleOption", &options);
	bool ok = write_options(r, &options, o);
	out_text(o, ")\n");
	return ok;
}

bool write_tuples(struct reader *r, const struct json_value *list, struct out *text)
{
	struct json_value rule = {0};
	size_t count = 0;
	while (json_each(r->n->json, list, &rule))
		if (++count > LISTS_MAX || !write_tuple(r, &rule, text))
			return false;
	return true;
}

/* ---- variables ---- */

static void read_set(struct reader *r, struct span name, const struct json_value *set, bool ports,
	struct suricata_scope *ret)
{
	struct json_value definition, item = {0};
	struct out text = {0};
	struct suricata_variable *v = nfw_room(r, sizeof *v);
	if (v == NULL)
		return;
	*v = (struct suricata_variable){
		.name = copy_text(r, name), .ports = ports, .next = ret->first};
	ret->first = v;
	if (v->name == NULL)
		return;
	out_text(&text, "[");
	bool any = false;
	(void)get(r, set, "Definition", &definition);
	while (json_each(r->n->json, &definition, &item) && text.len < NFW_BYTES_MAX) {
		struct span one;
		if (!get_text(r, &item, &one))
			continue;
		out_text(&text, any ? "," : "");
		put(&text, one);
		any = true;
	}
	out_text(&text, "]");
	struct span all = {(const uint8_t *)out_string(&text), text.len};
	const char *wrong = suricata_parse_items(&r->n->arena, all, ports, &v->item);
	if (wrong != NULL && any)
		warn(r, "a variable that is not understood: ", name);
	out_fini(&text);
}

/* Of the API a map of names; of Terraform a list of blocks with a key each. */
static void read_sets(
	struct reader *r, const struct json_value *sets, bool ports, struct suricata_scope *ret)
{
	struct json_value member = {0}, block = {0};
	struct span name;
	if (sets->type == JSON_OBJECT)
		while (json_member(r->n->json, sets, &name, &member))
			read_set(r, name, &member, ports, ret);
	while (sets->type == JSON_ARRAY && json_each(r->n->json, sets, &block)) {
		struct json_value key, set;
		if (get(r, &block, "key", &key) && key.type == JSON_STRING &&
			(get_object(r, &block, ports ? "PortSet" : "IPSet", &set)))
			read_set(r, key.text, &set, ports, ret);
	}
}

void read_variables(
	struct reader *r, const struct json_value *variables, struct suricata_scope *ret)
{
	struct json_value sets;
	if (get(r, variables, "IPSets", &sets) || get(r, variables, "RuleVariables", &sets))
		read_sets(r, &sets, false, ret);
	if (get(r, variables, "PortSets", &sets))
		read_sets(r, &sets, true, ret);
}

/* ---- the group ---- */

static const char *text_at(struct reader *r, const struct json_value *object, const char *name)
{
	struct json_value value;
	struct span text;
	bool ok = get(r, object, name, &value) && get_text(r, &value, &text);
	return ok ? copy_text(r, text) : NULL;
}

static void read_source(struct reader *r, const struct json_value *source, struct nfw_group *group)
{
	struct json_value part;
	struct span words;
	struct out text = {0};
	bool ok = true, list = false;
	if (get_object(r, source, "StatelessRulesAndCustomActions", &part)) {
		group->is_stateless = true;
		read_stateless(r, &part, group);
		return;
	}
	if (get(r, source, "RulesString", &part) && get_text(r, &part, &words) && words.len > 0) {
		read_rules(r, group, words);
		return;
	}
	if (get_object(r, source, "RulesSourceList", &part)) {
		ok = write_domains(r, &part, &text);
		list = true;
	} else if (get(r, source, "StatefulRules", &part) ||
		   get(r, source, "StatefulRule", &part)) {
		ok = write_tuples(r, &part, &text);
	} else {
		group->unread = "its rules are not in the text";
		warn(r, "a rule group without rules that are understood: ",
			span_of(group->name == NULL ? "" : group->name));
	}
	if (!ok || text.failed) {
		group->unread =
			list ? "its domain list is not understood" : "its rules are not understood";
		warn(r, group->unread, (struct span){0});
	}
	if (text.len > 0)
		read_rules(r, group, (struct span){(const uint8_t *)out_string(&text), text.len});
	if (!ok)
		group->unread = "it has rules that are not understood";
	out_fini(&text);
}

void read_rule_group(
	struct reader *r, const struct json_value *group, const struct json_value *around)
{
	struct json_value response, part, variables = {0};
	struct nfw_group *g = nfw_room(r, sizeof *g);
	if (g == NULL)
		return;
	r->found++;
	const struct json_value *told =
		get_object(r, around, "RuleGroupResponse", &response) ? &response : around;
	g->id = r->id;
	g->name = text_at(r, told, "RuleGroupName");
	if (g->name == NULL)
		g->name = text_at(r, told, "name");
	if (g->name == NULL)
		g->name = r->id != NULL ? r->id : copy_text(r, span_of(r->name));
	g->arn = text_at(r, told, "RuleGroupArn");
	if (g->arn == NULL)
		g->arn = text_at(r, told, "arn");
	const char *type = text_at(r, told, "Type");
	g->is_stateless = type != NULL && strcmp(type, "STATELESS") == 0;
	if (get_object(r, group, "StatefulRuleOptions", &part)) {
		const char *order = text_at(r, &part, "RuleOrder");
		g->strict = order != NULL && strcmp(order, "STRICT_ORDER") == 0;
	}
	if (get_object(r, group, "RuleVariables", &variables))
		read_variables(r, &variables, &g->scope);
	if (get_object(r, group, "RulesSource", &part)) {
		read_source(r, &part, g);
	} else if (get(r, around, "rules", &part) && part.type == JSON_STRING) {
		read_rules(r, g, part.text); /* Terraform's other way to say them */
	} else {
		g->unread = "its rules are not in the text";
		warn(r, "a rule group without RulesSource: ",
			span_of(g->name == NULL ? "" : g->name));
	}
	*r->n->group_end = g;
	r->n->group_end = &g->next;
	r->n->groups++;
}
