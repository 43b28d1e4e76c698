/* What the fuzz targets of the readers share: any bytes, read by one reader whoever would claim
 * them, and a set that holds what it took. */
#pragma once

#include <string.h>

#include "intel/reader.h"

static inline int fuzz_reader(const struct reader *reader, const uint8_t *data, size_t size)
{
	struct intel set = {0};
	struct intel_file file = {.name = "file", .format = reader->name};
	struct fail why = {0};
	struct out o = {0};
	uint64_t taken = 0;
	CHECK(strings_new(&set.notes, 65536, 1024) == 0);
	CHECK(strings_new(&set.origins, 65536, 1024) == 0);
	struct reading r = {
		.set = &set, .file = &file, .text = {data, size}, .at = data, .line = 1};
	set.file = (struct intel_file *[]){&file};
	set.files = 1;
	(void)reader->claims(r.text);
	(void)reader->read(&r, &why);
	CHECK(set_seal(&set) == 0 && networks_make(&set) == 0);
	for (size_t i = 0; i < INTEL_KINDS; i++)
		taken += file.taken[i];
	CHECK(taken == set.entries);
	for (uint32_t i = intel_next(&set, 0); i != 0; i = intel_next(&set, i), taken--) {
		struct span key = entry_key(&set, i);
		uint32_t found[INTEL_SAME_MAX];
		size_t count = set_find(&set, (enum intel_kind)entry_of(&set, i).kind, key.ptr,
			key.len, found, INTEL_SAME_MAX);
		bool there = false;
		for (size_t k = 0; k < count; k++)
			there |= found[k] == i;
		CHECK(there);
		out_clear(&o);
		intel_say(&o, &set, i);
		CHECK(o.len > 0 && intel_item(&set, i).file == &file);
	}
	CHECK(taken == 0);
	for (size_t i = 0; i < file.reasons; i++)
		CHECK(file.reason[i].count > 0 && file.reason[i].reason[0] != '\0');
	out_fini(&o);
	free(set.slot);
	free(set.filter);
	free(set.record);
	free(set.network);
	strings_free(set.notes);
	strings_free(set.origins);
	return 0;
}
