#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns the page's style and script into C strings, with the hashes by which the page's own policy lets them in.
Usage: page_c.py page.css page.js OUT.c"""
import base64
import hashlib
import sys

out = ['#include "report/assets.h"\n']
for name, path in zip(("style", "script"), sys.argv[1:3]):
    text = open(path, "rb").read()
    if b"</" in text:
        sys.exit(f"{path}: '</' would end the element it stands in")
    digest = base64.b64encode(hashlib.sha256(text).digest()).decode()
    out.append(f"const unsigned char asset_{name}[] = {{")
    for start in range(0, len(text), 20):
        out.append("\t" + " ".join(f"{byte}," for byte in text[start:start + 20]))
    out.append(f"\t0}};\nconst char asset_{name}_hash[] = \"sha256-{digest}\";\n")
with open(sys.argv[3], "w", encoding="ascii") as file:
    file.write("\n".join(out))
