/* What the tests of the policy share: a small good one, and parsing that must succeed. */
#pragma once

#include <string.h>

#include "base/testing.h"
#include "policy/policy.h"

#define SMALL                                                                                    \
	"version: 1\n"                                                                           \
	"zones:\n"                                                                               \
	"  office: {networks: [192.0.2.0/25, \"2001:db8:1::/48\"]}\n"                            \
	"  lab: {networks: 192.0.2.128/25, default: allow}\n"                                    \
	"services:\n"                                                                            \
	"  web: {protocol: tcp, ports: [80, 443]}\n"                                             \
	"  https: {protocol: tcp, ports: 443, as: tls}\n"                                        \
	"  ping: {protocol: icmp, types: 8}\n"                                                   \
	"destinations:\n"                                                                        \
	"  vendor: {names: [\"*.vendor.example\", vendor.example], networks: 198.51.100.0/28}\n" \
	"never-block: {networks: 203.0.113.53}\n"                                                \
	"rules:\n"

#define RULE(id, action, from, to, service)                                                     \
	"  - {id: " id ", owner: net, why: work, from: " from ", to: " to ", service: " service \
	", action: " action "}\n"

static inline struct policy *parsed(const char *text)
{
	struct policy *p = NULL;
	struct fail why = {0};
	if (policy_parse(&p, "p.yaml", cur_of(text, strlen(text)), &why) < 0)
		fail_msg("%s", why.text);
	return p;
}
