#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns a compiled BPF program into C. Usage: kernel_object.py IN.o OUT.c"""
import sys

with open(sys.argv[1], "rb") as file:
    data = file.read()
with open(sys.argv[2], "w", encoding="ascii") as out:
    # libbpf reads it as ELF, whose structures want to be aligned
    out.write('#include "ingest/kernel_object.h"\n\n_Alignas(16) const unsigned char kernel_object[] = {\n')
    for at in range(0, len(data), 24):
        out.write("\t" + " ".join(f"{byte}," for byte in data[at:at + 24]) + "\n")
    out.write(f"}};\nconst size_t kernel_object_bytes = {len(data)};\n")
