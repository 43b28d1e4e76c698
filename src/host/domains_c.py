#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns domains.tsv into a sorted C table. Usage: domains_c.py domains.tsv OUT.c"""
import sys

CLASSES = {"operator", "tenant", "echo", "dnsbl", "probe", "mirror", "resolver", "deaddrop"}
rows = {}
for number, line in enumerate(open(sys.argv[1], encoding="ascii"), 1):
    if line.startswith("#") or not line.strip():
        continue
    fields = line.rstrip("\n").split("\t")
    if len(fields) != 3 or fields[0] not in CLASSES or fields[2] in rows:
        sys.exit(f"{sys.argv[1]}:{number}: want class<TAB>operator<TAB>domain, each domain once")
    rows[fields[2]] = fields[0], fields[1]
with open(sys.argv[2], "w", encoding="ascii") as out:
    out.write('#include "host/domains.h"\n\nconst struct domain_row domain_rows[] = {\n')
    for domain in sorted(rows):
        kind, operator = rows[domain]
        name = "NULL" if operator == "-" else f'"{operator}"'
        out.write(f'\t{{"{domain}", {name}, DOMAIN_{kind.upper()}}},\n')
    out.write(f"}};\nconst size_t domain_row_count = {len(rows)};\n")
