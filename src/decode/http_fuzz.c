#include "decode/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void request(struct cur c)
{
	struct http_request r = {0};
	size_t before = c.len;
	http_request_decode(&c, &r);
	if (cur_ok(&c))
		CHECK(r.head_bytes > 0 && r.head_bytes <= HTTP_HEAD_BYTES_MAX &&
			c.len == before - r.head_bytes);
	else
		CHECK(r.head_bytes == 0 && (c.state == CUR_SHORT || r.method[0] == '\0'));
	CHECK(strlen(r.method) < sizeof r.method && strlen(r.uri) < sizeof r.uri);
	CHECK(strlen(r.host) < sizeof r.host && strlen(r.user_agent) < sizeof r.user_agent);
	CHECK(!r.host_is_address || r.host[0] != '\0');
}

static void response(struct cur c)
{
	struct http_response r = {0};
	size_t before = c.len;
	http_response_decode(&c, &r);
	if (cur_ok(&c))
		CHECK(r.status >= 100 && r.status <= 999 && c.len == before - r.head_bytes);
	else
		CHECK(r.head_bytes == 0 && (c.state == CUR_SHORT || r.status == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cur c = cur_of(data, size);
	request(c);
	response(c);
	CHECK(!http_is_request(c) || !http_is_response(c));
	for (int server = 0; server <= 1; server++) {
		const char *service = banner_service(c, server);
		CHECK(service == NULL || (size > 0 && service[0] != '\0'));
	}
	return 0;
}
