/* Lines of any bytes: refused with words, or read so that what was there is found again. */
#include "audit/audit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct audit_since *s = NULL;
	struct audit *a = NULL;
	struct audit_gone gone;
	struct fail why = {0};
	size_t at = 0, count = 0;
	if (audit_since_read(&s, cur_of(data, size), &why) < 0) {
		CHECK(why.text[0] != '\0');
		return 0;
	}
	CHECK(audit_new(&a) == 0);
	CHECK(audit_since_mark(s, a) == 0);
	while (audit_since_gone(s, &at, &gone)) {
		CHECK(gone.id != NULL && gone.text != NULL);
		count++;
	}
	CHECK(count <= size);
	audit_free(a);
	audit_since_free(s);
	return 0;
}
