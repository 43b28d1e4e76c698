/* kernel.bpf.c, compiled; made by kernel_object.py. */
#pragma once

#include <stddef.h>

extern const unsigned char kernel_object[];
extern const size_t kernel_object_bytes;
