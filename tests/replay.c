/* Runs a fuzz target over the files of its corpus: the same bytes in every test run, no fuzzer
 * needed. */
#include <dirent.h>
#include <stdint.h>

#include "base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void replay(const char *path)
{
	FILE *file = fopen(path, "rb");
	CHECK(file != NULL);
	uint8_t *data = NULL;
	size_t size = 0, room = 0, got = 0;
	do {
		if (size == room) {
			room = room == 0 ? 4096 : room * 2;
			data = realloc(data, room);
			CHECK(data != NULL);
		}
		got = fread(data + size, 1, room - size, file);
		size += got;
	} while (got > 0);
	(void)fclose(file);
	/* exactly size bytes, so that the sanitizer sees one byte too far */
	uint8_t *exact = malloc(size == 0 ? 1 : size);
	CHECK(exact != NULL);
	memcpy(exact, data, size);
	free(data);
	(void)LLVMFuzzerTestOneInput(exact, size);
	free(exact);
}

int main(int argc, char **argv)
{
	size_t files = 0;
	for (int i = 1; i < argc; i++) {
		DIR *dir = opendir(argv[i]);
		CHECK(dir != NULL);
		for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
			char path[4096];
			if (entry->d_name[0] == '.')
				continue;
			(void)snprintf(path, sizeof path, "%s/%s", argv[i], entry->d_name);
			replay(path);
			files++;
		}
		(void)closedir(dir);
	}
	printf("%zu inputs replayed\n", files);
	return files == 0;
}
