/* Any bytes as a guard's file: refused with words and left as they are, or a story. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "store/cases.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int hear(void *context, const char *text, struct fail *why)
{
	size_t *left = context;
	CHECK(text != NULL);
	return --*left == 0 ? fail_set(why, -E2BIG, "enough") : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64];
	size_t left = 1000;
	struct cases *c = NULL;
	struct fail why = {0};
	(void)snprintf(path, sizeof path, "/tmp/postern-cases-fuzz-%d", (int)getpid());
	FILE *file = fopen(path, "wbe");
	if (file == NULL)
		return 0;
	size_t wrote = fwrite(data, 1, size, file);
	if (fclose(file) == 0 && wrote == size) {
		if (cases_story(path, "10.0.0.1", hear, &left, &why) < 0)
			CHECK(why.text[0] != '\0');
		if (cases_open(&c, path, &(struct cases_options){.age_ns = 1}, &why) == 0)
			(void)!cases_commit(c, 2, &why);
		cases_close(c);
	}
	(void)unlink(path);
	return 0;
}
