/* Inside scan/: one way of looking each. */
#pragma once

#include "scan/scan.h"

void result_match(struct scan_result *r, enum scan_by by, const char *name, const char *text);
void result_gap(struct scan_result *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

struct yara;

MUST_USE int yara_new(struct yara **ret, const struct scan_options *options, struct fail *why);
void yara_free(struct yara *y);
size_t yara_rules(const struct yara *y);
void yara_scan(struct yara *y, struct span bytes, struct scan_result *ret);

/* Whether one answers there. Fails: -ENOTCONN, with words. */
MUST_USE int clamd_ping(const char *path, int timeout_s, struct fail *why);
void clamd_scan(const char *path, int timeout_s, struct span bytes, struct scan_result *ret);

/* Unpacks gzip, zlib and raw deflate, at most max bytes. Returns NULL, or why it is not all there.
 * The caller frees *ret. */
const char *inflate_bytes(struct span packed, size_t max, uint8_t **ret, size_t *ret_len);
