/* Files with malicious code that a host had received before it opened a finding's channels, as
 * `postern scan --json` tells of the same traffic. */
#pragma once

#include "base/cur.h"
#include "base/fail.h"
#include "judge/judge.h"

#define SCANNED_BYTES_MAX ((size_t)256 << 20)
#define SCANNED_FILES_MAX 65536u /* that match; the others of the file are left out */
/* What came longer before a channel is not told of it. */
#define SCANNED_BEFORE_NS (INT64_C(86400) * 1000000000)

struct scanned;

/* text: JSON Lines. Files that match nothing, or were not carried to anybody, are passed over.
 * Fails: -EINVAL (with the line), -E2BIG, -ENOMEM. */
MUST_USE int scanned_parse(
	struct scanned **ret, const char *name, struct cur text, struct fail *why);
void scanned_free(struct scanned *s);
size_t scanned_count(const struct scanned *s);
uint64_t scanned_refused(const struct scanned *s);

/* Says in the evidence, with 0 bits (it says nothing of how often chance makes such a switch), what
 * the finding's host received in the day before it first spoke to one of its channels: the latest
 * three. */
void scanned_tell(struct finding *f, const struct scanned *s);
