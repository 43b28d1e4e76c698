/* CloudFormation's YAML becomes JSON, event by event; its short tags what they stand for. */
#include <errno.h>
#include <string.h>
#include <yaml.h>

#include "iac/iac.h"

struct level {
	bool map, key; /* key: the next scalar is one */
	bool tagged;   /* an object around it has to be closed too */
	size_t count;
};

struct converter {
	struct out *out;
	struct level level[IAC_DEPTH_MAX];
	size_t depth;
	const char *wrong;
};

void iac_write_string(struct out *o, const uint8_t *text, size_t len)
{
	static const char plain[] = " !#$%&'()*+,-./:;<=>?@[]^_`{|}~";
	out_text(o, "\"");
	for (size_t i = 0; i < len; i++) {
		uint8_t c = text[i];
		bool simple = c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
		              (c >= 'a' && c <= 'z') || (c != 0 && strchr(plain, c) != NULL);
		if (simple)
			out_bytes(o, (const char *)text + i, 1);
		else
			out_printf(o, "\\u%04x", c);
	}
	out_text(o, "\"");
}

/* Before a node: the comma. Whether it is a key. */
static bool begin(struct converter *c)
{
	if (c->depth == 0)
		return false;
	struct level *l = &c->level[c->depth - 1];
	bool key = l->map && l->key;
	if (l->map)
		l->key = !l->key;
	if (key || !l->map) {
		if (l->count > 0)
			out_text(c->out, ",");
		l->count++;
	}
	return key;
}

static bool open_tag(struct converter *c, const yaml_char_t *tag)
{
	const char *name = (const char *)tag;
	if (name == NULL || name[0] != '!' || name[1] == '\0')
		return false;
	bool plain = strcmp(name, "!Ref") == 0 || strcmp(name, "!Condition") == 0;
	out_text(c->out, "{");
	struct out key = {0};
	out_printf(&key, "%s%s", plain ? "" : "Fn::", name + 1);
	iac_write_string(c->out, (const uint8_t *)out_string(&key), key.len);
	out_text(c->out, ":");
	out_fini(&key);
	return true;
}

static void on_open(struct converter *c, bool map, const yaml_char_t *tag)
{
	if (begin(c))
		c->wrong = "a key that is no text";
	else if (c->depth == IAC_DEPTH_MAX)
		c->wrong = "nested over 48 deep";
	if (c->wrong != NULL)
		return;
	bool tagged = open_tag(c, tag);
	c->level[c->depth++] = (struct level){.map = map, .key = map, .tagged = tagged};
	out_text(c->out, map ? "{" : "[");
}

static void on_close(struct converter *c)
{
	const struct level *l = &c->level[--c->depth];
	out_text(c->out, l->map ? "}" : "]");
	if (l->tagged)
		out_text(c->out, "}");
}

static void on_scalar(struct converter *c, const yaml_event_t *e)
{
	bool key = begin(c);
	bool tagged = !key && open_tag(c, e->data.scalar.tag);
	iac_write_string(c->out, e->data.scalar.value, e->data.scalar.length);
	if (key)
		out_text(c->out, ":");
	if (tagged)
		out_text(c->out, "}");
}

static void on_event(struct converter *c, const yaml_event_t *e)
{
	switch ((int)e->type) {
	case YAML_SCALAR_EVENT:
		on_scalar(c, e);
		break;
	case YAML_MAPPING_START_EVENT:
		on_open(c, true, e->data.mapping_start.tag);
		break;
	case YAML_SEQUENCE_START_EVENT:
		on_open(c, false, e->data.sequence_start.tag);
		break;
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		on_close(c);
		break;
	case YAML_ALIAS_EVENT:
		c->wrong = "an alias (*name), which a template can't have";
		break;
	default:
		break;
	}
}

int yaml_to_json(struct span text, struct out *json, struct fail *why)
{
	yaml_parser_t parser;
	struct converter c = {.out = json};
	bool done = false;
	int err = 0;
	if (yaml_parser_initialize(&parser) == 0)
		return fail_set(why, -ENOMEM, "out of memory");
	yaml_parser_set_input_string(&parser, text.ptr, text.len);
	while (!done && err == 0) {
		yaml_event_t e;
		if (yaml_parser_parse(&parser, &e) == 0) {
			err = fail_set(why, -EINVAL, "%zu:%zu: no YAML: %s",
				parser.problem_mark.line + 1, parser.problem_mark.column + 1,
				parser.problem == NULL ? "it can't be read" : parser.problem);
			break;
		}
		on_event(&c, &e);
		done = e.type == YAML_STREAM_END_EVENT || e.type == YAML_DOCUMENT_END_EVENT;
		if (c.wrong != NULL)
			err = fail_set(why, -EINVAL, "%zu:%zu: %s", e.start_mark.line + 1,
				e.start_mark.column + 1, c.wrong);
		yaml_event_delete(&e);
	}
	yaml_parser_delete(&parser);
	return err == 0 && json->failed ? fail_set(why, -ENOMEM, "out of memory") : err;
}
