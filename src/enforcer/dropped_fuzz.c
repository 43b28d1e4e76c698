/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforcer/dropped.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct guard_reply reply;
	(void)dropped_read(data, size, &reply);
	return 0;
}
