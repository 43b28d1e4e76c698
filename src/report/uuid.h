/* Inside report/: UUIDs made of names (RFC 9562, version 5): the same finding has the same id in
 * every report, and no other has it. */
#pragma once

#define UUID_BYTES 37

/* Of the objects that Postern makes itself. */
#define UUID_POSTERN "c2ac1f5e-9c0b-5d0e-8a53-6a3a1d1f6008"
/* Of STIX 2.1's cyber-observable objects (STIX 2.1, 2.9). */
#define UUID_STIX "00abedb4-aa42-466c-9c01-fed23315a9b7"

/* space: a UUID as text. Returns buf. */
const char *uuid_of(const char *space, const char *name, char buf[static UUID_BYTES]);
/* The same of two parts, such as a kind and an id. */
const char *uuid_of2(
	const char *space, const char *kind, const char *name, char buf[static UUID_BYTES]);
