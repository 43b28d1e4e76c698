/* Cover: how well a boundary stops fallback channels (MITRE ATT&CK T1008), by what it lets out to a
 * place that nobody named: which of the technique's procedures are cut, the score by the rubric of
 * the Center for Threat-Informed Defense ("Scoring Rubric", security stack mappings), and what that
 * says of controls of NIST SP 800-53 rev. 5. Three-valued: what is not proven is not claimed. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/out.h"
#include "policy/policy.h"
#include "scan/scan.h"

enum cover_way { /* by which a fallback leaves */
	COVER_HTTPS,
	COVER_HTTP,
	COVER_WEB, /* HTTP on 8080 */
	COVER_TCP, /* any port, whatever is spoken */
	COVER_FTP,
	COVER_MAIL,
	COVER_UDP,
	COVER_DNS, /* to a server of the adversary's choice */
	COVER_ICMP,
	COVER_ODD,   /* a port of TCP that nobody names: no procedure's, but a boundary's habit */
	COVER_ASKED, /* up to here they are asked about */
	COVER_RESOLVER = COVER_ASKED, /* in names that the site's own resolver asks for */
	COVER_INSIDE,                 /* through another host of the site: not the boundary's */
	COVER_WAYS
};
const char *cover_way_name(enum cover_way way);

#define COVER_PLACES_MAX  256u
#define COVER_PLACE_BYTES 96u

/* How many of a boundary's places (zones, paths, subnets) say what. */
struct cover_place {
	char name[COVER_PLACE_BYTES];            /* cut */
	enum policy_verdict way[2][COVER_ASKED]; /* IPv4, IPv6 */
	bool known[2];                           /* hosts of the family are there */
};

struct cover_state { /* all zero: nothing was asked */
	struct cover_place place[COVER_PLACES_MAX];
	size_t places;
	bool refused;                  /* there are more: no claim is made for them */
	bool partly_read;              /* the target was: nor then */
	bool resolver_known;           /* somebody says what its resolver does: */
	bool resolver_open;            /* it looks up names that nobody named */
	bool denies_known;             /* what is known to be bad is refused by name or address */
	int64_t at_ns;                 /* when it is asked */
	const struct scan_state *scan; /* what looks for malicious code at it; NULL: not known */
};

/* The worst of all places, both families: allowed, then undecided, then denied. */
enum policy_verdict cover_of_way(const struct cover_state *s, enum cover_way way);

struct cover_procedure {
	const char *id, *name;
	uint32_t ways; /* bits of enum cover_way */
};
extern const struct cover_procedure cover_procedures[];
extern const size_t cover_procedures_count; /* 53 */
/* denied: every fallback to a place that nobody named is cut. */
enum policy_verdict cover_of_procedure(
	const struct cover_state *s, const struct cover_procedure *procedure);

enum cover_score { COVER_MINIMAL, COVER_PARTIAL, COVER_SIGNIFICANT };
const char *cover_score_name(enum cover_score score);
/* The protect score that is proven, and in *reason why. *most is what it would be if all that is
 * undecided were shut. */
enum cover_score cover_score_of(
	const struct cover_state *s, enum cover_score *most, struct out *reason);

enum cover_status { COVER_NOT_ASSESSED, COVER_SATISFIED, COVER_NOT_SATISFIED };
const char *cover_status_name(enum cover_status status);

struct cover_control {
	const char *id, *name; /* "sc-7.5" as OSCAL writes it */
	const char *requirement;
};
extern const struct cover_control cover_controls[];
extern const size_t cover_controls_count;
/* With the evidence, or why it is not assessed. */
enum cover_status cover_of_control(
	const struct cover_state *s, size_t control, struct out *evidence);
