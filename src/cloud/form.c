/* The three forms of a document. */
#include <string.h>

#include "cloud/model.h"

void form_open(struct emit *e, enum cloud_form form)
{
	emit_open(e, NULL, '{');
	if (form == CLOUD_CLI) {
		emit_open(e, "calls", '[');
		return;
	}
	if (form == CLOUD_TERRAFORM)
		return;
	emit_text(e, "AWSTemplateFormatVersion", "2010-09-09", SIZE_MAX);
	emit_text(e, "Description", "Made by postern policy compile", SIZE_MAX);
}

static void say_losses(struct emit *e, const struct cloud_call *c, const char *key)
{
	struct out line = {0};
	emit_open(e, key, '[');
	if (c->ask->form == CLOUD_TERRAFORM)
		emit_text(e, NULL,
			"Made by postern policy compile; not as the policy says:", SIZE_MAX);
	const char *at = out_string(c->losses);
	for (const char *end = strchr(at, '\n'); end != NULL; end = strchr(at, '\n')) {
		out_clear(&line);
		out_bytes(&line, at, (size_t)(end - at));
		emit_text(e, NULL, out_string(&line), SIZE_MAX);
		at = end + 1;
	}
	emit_close(e, ']');
	e->out->failed |= line.failed;
	out_fini(&line);
}

void form_close(struct emit *e, const struct cloud_call *c)
{
	if (c->ask->form == CLOUD_CLI)
		emit_close(e, ']');
	if (c->ask->form == CLOUD_FORMATION)
		emit_open(e, "Metadata", '{');
	say_losses(e, c, c->ask->form == CLOUD_TERRAFORM ? "//" : "NotAsThePolicySays");
	if (c->ask->form == CLOUD_FORMATION)
		emit_close(e, '}');
	emit_close(e, '}');
	out_text(e->out, "\n");
}

void form_call(struct emit *e, const char *service, const char *operation)
{
	emit_open(e, NULL, '{');
	emit_text(e, "service", service, SIZE_MAX);
	emit_text(e, "operation", operation, SIZE_MAX);
	emit_open(e, "input", '{');
}

void form_call_end(struct emit *e)
{
	emit_close(e, '}');
	emit_close(e, '}');
}

void form_resource(struct emit *e, const char *id, const char *type)
{
	emit_open(e, id, '{');
	emit_text(e, "Type", type, SIZE_MAX);
	emit_open(e, "Properties", '{');
}

void form_resource_end(struct emit *e)
{
	emit_close(e, '}');
	emit_close(e, '}');
}

void form_vpc(struct emit *e, enum cloud_form form, const char *type)
{
	if (form == CLOUD_FORMATION) {
		emit_open(e, "Parameters", '{');
		emit_open(e, "VpcId", '{');
		emit_text(e, "Type", "AWS::EC2::VPC::Id", SIZE_MAX);
		emit_close(e, '}');
		emit_close(e, '}');
		emit_open(e, "Resources", '{');
	} else if (form == CLOUD_TERRAFORM) {
		emit_open(e, "variable", '{');
		emit_open(e, "vpc_id", '{');
		emit_text(e, "type", "string", SIZE_MAX);
		emit_close(e, '}');
		emit_close(e, '}');
		emit_open(e, "resource", '{');
		emit_open(e, type, '{');
	}
}

void form_vpc_end(struct emit *e, enum cloud_form form)
{
	if (form != CLOUD_CLI)
		emit_close(e, '}');
	if (form == CLOUD_TERRAFORM)
		emit_close(e, '}');
}

void form_lines(struct emit *e, enum cloud_form form, const char *key, const char *text)
{
	struct out plain = {0};
	for (const char *c = text; *c != '\0'; c++) {
		/* ${ and %{ begin a template: doubled they do not */
		if (form == CLOUD_TERRAFORM && (*c == '$' || *c == '%') && c[1] == '{')
			out_bytes(&plain, c, 1);
		out_bytes(&plain, c, 1);
	}
	emit_lines(e, key, out_string(&plain));
	e->out->failed |= plain.failed;
	out_fini(&plain);
}

void form_name(struct out *o, const char *what, size_t number)
{
	out_text(o, "postern-");
	for (const char *c = what; *c != '\0'; c++) {
		bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
		             (*c >= '0' && *c <= '9');
		out_bytes(o, plain ? c : "-", 1);
	}
	if (number > 0)
		out_printf(o, "-%zu", number);
}

void form_net(struct out *o, const struct cidr *net)
{
	char text[ADDR_TEXT_BYTES];
	bool v4 = policy_net_is_v4(net);
	out_printf(o, "%s/%u", addr_text(&net->net, text), v4 ? net->bits - 96u : net->bits);
}

void form_number(struct emit *e, const char *key, int value)
{
	if (value < 0)
		emit_number(e, key, value);
	else
		emit_count(e, key, (uint64_t)value);
}
