/* Properties of resources, and JSON made of them. */
#include "aws/template.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/scan.h"

/* ---- properties ---- */

node *tw_prop(res *r, const char *cfn, const char *tf)
{
	node *n = iac_get(r->properties, cfn);
	n = n == NULL && tf != NULL ? iac_get(r->properties, tf) : n;
	return n != NULL && n->kind == IAC_NONE ? NULL : n;
}

node *tw_either(node *map, const char *cfn, const char *tf)
{
	node *n = cfn == NULL ? NULL : iac_get(map, cfn);
	n = n == NULL && tf != NULL ? iac_get(map, tf) : n;
	return n != NULL && n->kind == IAC_NONE ? NULL : n;
}

bool tw_is_text(node *n)
{
	return n != NULL && n->kind == IAC_TEXT && n->text.len > 0;
}

bool tw_says(node *n, const char *word)
{
	return tw_is_text(n) && span_is_nocase(n->text, word);
}

bool tw_is_type(res *r, const char *cfn, const char *tf)
{
	return (cfn != NULL && span_is(r->type, cfn)) || (tf != NULL && span_is(r->type, tf));
}

/* ---- resources ---- */

static int by_name(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	size_t len = x->name.len < y->name.len ? x->name.len : y->name.len;
	int order = len == 0 ? 0 : memcmp(x->name.ptr, y->name.ptr, len);
	if (order == 0 && x->name.len != y->name.len)
		order = x->name.len < y->name.len ? -1 : 1;
	return order != 0 ? order : (x->place > y->place) - (x->place < y->place);
}

int tw_index(struct writer *w)
{
	size_t count = 0;
	for (res *r = iac_first(w->c); r != NULL; r = r->next)
		count++;
	w->named = calloc(2 * count + 1, sizeof *w->named);
	if (w->named == NULL)
		return -ENOMEM;
	size_t place = 0;
	for (res *r = iac_first(w->c); r != NULL; r = r->next, place++) {
		node *own = w->tf ? iac_get(r->properties, "id") : NULL;
		w->named[w->names++] = (struct named){r->name, r, place};
		if (tw_is_text(own))
			w->named[w->names++] = (struct named){own->text, r, place};
	}
	qsort(w->named, w->names, sizeof *w->named, by_name);
	return 0;
}

res *tw_next(struct writer *w, res *r)
{
	if (w->steps++ > TEMPLATE_STEPS_MAX)
		return NULL;
	return r == NULL ? iac_first(w->c) : r->next;
}

res *tw_meant(const struct writer *w, node *id)
{
	size_t low = 0, high = tw_is_text(id) ? w->names : 0;
	const struct named wanted = {.name = high == 0 ? (struct span){0} : id->text};
	while (low < high) { /* the first of this name */
		size_t middle = low + (high - low) / 2;
		if (by_name(&w->named[middle], &wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	bool found = low < w->names && tw_is_text(id) && w->named[low].name.len == id->text.len &&
	             memcmp(w->named[low].name.ptr, id->text.ptr, id->text.len) == 0;
	return found ? w->named[low].resource : NULL;
}

/* ---- writing ---- */

void tw_comma(struct writer *w)
{
	out_text(w->o, w->more ? "," : "");
	w->more = true;
}

static void key(struct writer *w, const char *name)
{
	tw_comma(w);
	out_printf(w->o, "\"%s\":", name);
}

void tw_begin(struct writer *w, const char *name, char bracket)
{
	if (name != NULL)
		key(w, name);
	else
		tw_comma(w);
	out_bytes(w->o, &bracket, 1);
	w->more = false;
}

void tw_end(struct writer *w, char bracket)
{
	out_bytes(w->o, &bracket, 1);
	w->more = true;
}

void tw_string(struct writer *w, struct span text)
{
	iac_write_string(w->o, text.ptr, text.len);
}

void tw_text(struct writer *w, const char *name, node *n)
{
	if (!tw_is_text(n))
		return;
	key(w, name);
	tw_string(w, n->text);
}

void tw_words(struct writer *w, const char *name, const char *words)
{
	key(w, name);
	tw_string(w, span_of(words));
}

void tw_bool(struct writer *w, const char *name, bool is)
{
	key(w, name);
	out_text(w->o, is ? "true" : "false");
}

void tw_name(struct writer *w, const char *name, struct span text)
{
	struct out o = {0};
	if (w->number > 1)
		out_printf(&o, "%u/", w->number);
	out_bytes(&o, (const char *)text.ptr, text.len);
	key(w, name);
	iac_write_string(w->o, (const uint8_t *)out_string(&o), o.len);
	out_fini(&o);
}

void tw_own(struct writer *w, const char *name, res *r)
{
	node *id = w->tf ? iac_get(r->properties, "id") : NULL;
	if (tw_is_text(id))
		tw_text(w, name, id);
	else
		tw_name(w, name, r->name);
}

static bool is_endpoint_name(node *n)
{
	return tw_is_text(n) && span_find(n->text, " endpoint") < n->text.len;
}

void tw_id(struct writer *w, const char *name, node *n)
{
	res *r = tw_meant(w, n);
	if (r != NULL)
		tw_own(w, name, r);
	else if (is_endpoint_name(n))
		tw_name(w, name, n->text);
	else
		tw_text(w, name, n);
}

bool tw_is_of(const struct writer *w, node *id, res *owner)
{
	return tw_meant(w, id) == owner;
}

/* A resource that belongs to a table or an ACL, of which is not known, may belong to any. */
bool tw_strays(res *r, const char *cfn, const char *tf, const char *cfn_owner, const char *tf_owner)
{
	if (!tw_is_type(r, cfn, tf))
		return false;
	node *owner = tw_prop(r, cfn_owner, tf_owner);
	return !tw_is_text(owner) || r->properties == NULL;
}
