/* Why an operation on the world (file, socket, nft) failed, in words for the person running it. */
#pragma once

#define FAIL_BYTES 256

struct fail {
	int code;              /* negative errno */
	char text[FAIL_BYTES]; /* one line, no newline */
};

/* Fills *why (which may be NULL) and returns code, so that failing is one statement. */
int fail_set(struct fail *why, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
