/* Inside aws/: templates in the words of describe-*. */
#pragma once

#include "base/cur.h"
#include "base/fail.h"
#include "base/out.h"

/* Names of resources of which it is not known whether they are there; no list of Amazon's. */
#define TEMPLATE_DOUBTFUL "Doubtful"

/* Whether it may be one of CloudFormation or Terraform. */
bool template_is(struct span text);
/* Writes the lists that describe-* would print, and "Firewalls". Resources are known by their name
 * in the text; number: how many such texts there were, this one included. Fails: as iac_read(). */
MUST_USE int template_write(struct span text, unsigned number, struct out *o, struct fail *why);
