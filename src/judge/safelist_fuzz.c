/* A safelist of any bytes: refused with its line named, or understood so that each entry vouches
 * for itself. */
#include <string.h>

#include "judge/judge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct safelist *s = NULL;
	struct fail why = {0};
	if (safelist_parse(&s, "list", cur_of(data, size), &why) < 0) {
		CHECK(why.text[0] != '\0');
		return 0;
	}
	struct addr addr;
	for (size_t i = 0; i < safelist_count(s); i++) {
		const struct safelist_entry *e = safelist_get(s, i);
		bool domain = addr_parse(e->text, &addr) < 0 && strchr(e->text, '/') == NULL;
		struct finding f = {.channels = 1, .channel[0].endpoint = e->text};
		CHECK(!domain || safelist_find(s, &f) != NULL);
	}
	safelist_free(s);
	return 0;
}
