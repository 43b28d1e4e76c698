/* A conversation of SMB, in any pieces, with holes: what is taken out of it is bounded, and all
 * memory comes back. A record is: direction and whether it is a hole, length (two bytes), bytes. */
#include "scan/smb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BYTES_MAX ((size_t)65536)

static void take(void *context, const struct carried *file)
{
	uint64_t *files = context;
	++*files;
	CHECK(file->bytes.len <= BYTES_MAX || file->gap != NULL);
	CHECK(file->bytes.len > 0 || file->gap != NULL);
	CHECK(strlen(file->host) < CARRY_NAME_BYTES && strlen(file->uri) < CARRY_NAME_BYTES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cur c = cur_of(data, size);
	uint64_t files = 0;
	struct ends ends = {0};
	struct carry_shared *x = calloc(1, sizeof *x);
	struct smb smb = {.ends = &ends};
	CHECK(x != NULL);
	x->options =
		(struct carry_options){.bytes_max = BYTES_MAX, .take = take, .context = &files};
	while (c.len > 0) {
		uint8_t what = cur_u8(&c);
		enum side side = (what & 1) == 0 ? CLIENT : SERVER;
		size_t len = cur_le16(&c);
		if ((what & 2) != 0) {
			carrier_smb.hole(x, &smb, side, len);
			continue;
		}
		struct span bytes = cur_bytes(&c, len < c.len ? len : c.len);
		carrier_smb.data(x, &smb, side, bytes, 1);
	}
	carrier_smb.end(x, &smb, CLIENT, true);
	carrier_smb.end(x, &smb, SERVER, true);
	carrier_smb.fini(x, &smb);
	CHECK(x->held == 0 && x->stats.files == files);
	free(x);
	return 0;
}
