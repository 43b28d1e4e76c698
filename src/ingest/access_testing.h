/* For tests of proxies' logs: what conn_line() leaves out. */
#pragma once

#include "base/scan.h"
#include "ingest/dated_testing.h"
#include "ingest/source.h"

static inline void expect_request(const struct told_rows *t, size_t index, uint16_t status,
	const char *service, const char *user_agent, const char *uid)
{
	assert_true(index < t->events);
	const struct conn *c = &t->event[index].conn;
	const struct {
		const char *got, *want;
	} texts[] = {{c->service, service}, {c->user_agent, user_agent}, {c->uid, uid}};
	assert_int_equal(c->http_status, status);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		assert_int_equal(texts[i].got == NULL, texts[i].want == NULL);
		if (texts[i].got != NULL)
			assert_string_equal(texts[i].got, texts[i].want);
	}
}
