#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "store/store.h"

#define READ_BYTES ((size_t)64 << 10)

static int digest_of(FILE *file, struct store_digest *ret)
{
	struct sha256_ctx sha256;
	struct stat st;
	uint8_t buf[READ_BYTES];
	if (fstat(fileno(file), &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL; /* what a pipe gave is gone */
	struct store_digest d = {0};
	sha256_init(&sha256);
	for (size_t got; (got = fread(buf, 1, sizeof buf, file)) > 0; d.bytes += got)
		sha256_update(&sha256, got, buf);
	if (ferror(file))
		return -EIO;
	uint8_t digest[SHA256_DIGEST_SIZE];
	sha256_digest(&sha256, sizeof digest, digest);
	hex_text(d.sha256, digest, sizeof digest);
	*ret = d;
	return 0;
}

int store_digest(const char *path, struct store_digest *ret)
{
	/* a pipe that took the file's place must not hold us up */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	FILE *file = fdopen(fd, "rb");
	if (file == NULL) {
		(void)close(fd);
		return -ENOMEM;
	}
	int err = digest_of(file, ret);
	(void)fclose(file);
	return err;
}
