/* bench/intel calls this: loads a list and measures lookups in the set, in one thread.
 * intel-lookup FILE [LOOKUPS]: prints one line of JSON. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/scan.h"
#include "intel/intel.h"

#define LOOKUPS 4000000u
#define BATCH   1024u /* questions made before they are asked: only the asking is measured */

static uint64_t random_state = 1;

static uint32_t drawn(uint32_t below)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)((random_state >> 32) * below >> 32);
}

static struct intel *load(const char *path)
{
	struct fail why = {0};
	struct intel_builder *b = NULL;
	struct intel *set = NULL;
	FILE *file = fopen(path, "rbe");
	CHECK(file != NULL && fseek(file, 0, SEEK_END) == 0);
	long size = ftell(file);
	CHECK(size > 0 && fseek(file, 0, SEEK_SET) == 0);
	char *text = malloc((size_t)size);
	CHECK(text != NULL && fread(text, 1, (size_t)size, file) == (size_t)size);
	(void)fclose(file);
	CHECK(intel_builder_new(&b) == 0);
	if (intel_read(b, path, cur_of(text, (size_t)size), &why) < 0) {
		fprintf(stderr, "%s\n", why.text);
		exit(1);
	}
	free(text);
	CHECK(intel_seal(&set, b) == 0);
	return set;
}

struct manner {
	uint32_t among; /* the first of the set are asked for */
	bool hit;       /* else what looks like them and is not there, but by chance */
};

/* Nanoseconds each. */
static double measure(
	const struct intel *set, size_t lookups, struct manner how, uint64_t *ret_found)
{
	uint32_t among = how.among;
	static struct addr addr[BATCH];
	static char name[BATCH][300];
	uint32_t found[16];
	int64_t spent_ns = 0;
	uint32_t *number = malloc(intel_count(set) * sizeof *number);
	CHECK(number != NULL);
	for (uint32_t i = 0, n = intel_next(set, 0); n != 0; n = intel_next(set, n))
		number[i++] = n;
	bool names = intel_count_of(set, INTEL_NAME) > 0;
	for (size_t done = 0; done < lookups; done += BATCH) {
		for (size_t i = 0; i < BATCH; i++) {
			struct out o = {0};
			intel_say(&o, set, number[drawn(among)]);
			const char *text = out_string(&o);
			if (names)
				(void)snprintf(name[i], sizeof name[i], how.hit ? "%s" : "x%s", text);
			else if (addr_parse(text, &addr[i]) < 0 || !how.hit)
				addr[i] = addr_v4(drawn(among == intel_count(set) ? UINT32_MAX : 1000));
			out_fini(&o);
		}
		int64_t begun_ns = clock_steady_ns();
		for (size_t i = 0; i < BATCH; i++)
			*ret_found += names ? intel_find_text(set, INTEL_NAME, name[i], found, 16)
			                    : intel_find_addr(set, &addr[i], found, 16);
		spent_ns += clock_steady_ns() - begun_ns;
	}
	free(number);
	return (double)spent_ns / (double)lookups;
}

int main(int argc, char **argv)
{
	uint64_t lookups = LOOKUPS, found = 0;
	if (argc < 2 || (argc > 2 && scan_u64(span_of(argv[2]), &lookups) < 0)) {
		fprintf(stderr, "usage: intel-lookup FILE [LOOKUPS]\n");
		return 2;
	}
	int64_t begun_ns = clock_steady_ns();
	struct intel *set = load(argv[1]);
	double load_s = (double)(clock_steady_ns() - begun_ns) / 1e9;
	uint32_t all = (uint32_t)intel_count(set), few = all < 1000 ? all : 1000;
	double cold_hit = measure(set, lookups, (struct manner){all, true}, &found);
	double cold_miss = measure(set, lookups, (struct manner){all, false}, &found);
	double warm_hit = measure(set, lookups, (struct manner){few, true}, &found);
	double warm_miss = measure(set, lookups, (struct manner){few, false}, &found);
	printf("{\"indicators\":%zu,\"load_s\":%.3f,\"bytes_each\":%.1f,\"cold_hit_ns\":%.1f,"
	       "\"cold_miss_ns\":%.1f,\"warm_hit_ns\":%.1f,\"warm_miss_ns\":%.1f,\"found\":%llu}\n",
		intel_count(set), load_s, (double)intel_bytes(set) / (double)intel_count(set), cold_hit,
		cold_miss, warm_hit, warm_miss, (unsigned long long)found);
	intel_free(set);
	return 0;
}
