/* Any text is refused with words, or read: every resource has a name, and twice the same. */
#include <errno.h>

#include "base/scan.h"
#include "iac/iac.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t count(const struct iac *c)
{
	size_t resources = 0;
	for (const struct iac_resource *r = iac_first(c); r != NULL; r = r->next, resources++)
		CHECK(r->properties == NULL || r->properties->kind != IAC_TEXT || r->type.len > 0);
	return resources;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct iac *c = NULL, *again = NULL;
	struct fail why = {0};
	struct span text = {data, size};
	if (size > 16384)
		return 0;
	int err = iac_read(&c, text, &why);
	CHECK(iac_read(&again, text, &why) == err);
	if (err < 0) {
		CHECK(err == -ENOENT || why.text[0] != '\0');
		return 0;
	}
	CHECK(count(c) == count(again) && iac_is_terraform(c) == iac_is_terraform(again));
	iac_free(c);
	iac_free(again);
	return 0;
}
