/* Digest: SHA-256 as text. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Two lower-case digits for each byte, and NUL: ret has 2 * len + 1. */
void hex_text(char *ret, const uint8_t *bytes, size_t len);

#define DIGEST_NAME_BYTES 33u

/* The first half of the text's SHA-256: the same name for the same text, in every run. */
void digest_name(const char *text, size_t len, char ret[static DIGEST_NAME_BYTES]);
