#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""bench/make_log.py ROWS OUT [json]: a conn.log as Zeek writes it, of a site that nobody works at.

2,000 hosts, some busy and most quiet, 200 connections a second; each has forty servers of its own among 1,500 and meets a
new one in three of a hundred; two in a hundred fail. The same rows each time."""
import random
import sys

FIELDS = ("ts uid id.orig_h id.orig_p id.resp_h id.resp_p proto service duration orig_bytes resp_bytes conn_state local_orig "
          "local_resp missed_bytes history orig_pkts orig_ip_bytes resp_pkts resp_ip_bytes tunnel_parents").split()
TEXTS = {"uid", "id.orig_h", "id.resp_h", "proto", "service", "conn_state", "history"}
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
HEAD = ("#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n#fields\t" +
        "\t".join(FIELDS) + "\n")


def rows(count):
    dice = random.Random(20261125)
    servers = [f"{dice.randint(11, 170)}.{dice.randint(1, 250)}.{dice.randint(1, 250)}.{dice.randint(1, 250)}" for _ in range(5000)]
    hosts = [f"10.{i // 500}.{i // 250 % 2}.{1 + i % 250}" for i in range(2000)]
    own = [dice.sample(servers[:1500], 40) for _ in hosts]
    now = 1_600_000_000.0
    for _ in range(count):
        now += dice.expovariate(200)
        host = int(dice.paretovariate(0.9)) % len(hosts)
        server = own[host][min(39, int(dice.expovariate(0.15)))] if dice.random() < 0.97 else dice.choice(servers)
        luck = dice.random()
        state, history, duration, out, back, there, here = (
            ("SF", "ShADadFf", dice.expovariate(0.5), dice.randint(80, 4000), dice.randint(200, 90000), 10, 20) if luck < 0.98 else
            ("S0", "S", 3.0, 0, 0, 2, 0) if luck < 0.99 else ("REJ", "Sr", 0.1, 0, 0, 1, 1))
        uid = "C" + "".join(dice.choices(LETTERS, k=17))
        yield (f"{now:.6f}", uid, hosts[host], dice.randint(1024, 65000), server, 443, "tcp", "ssl" if state == "SF" else "-",
               f"{duration:.6f}", out, back, state, "T", "F", 0, history, there, there * 40 + out, here, here * 40 + back, "-")


def as_json(row):
    pairs = []
    for field, value in zip(FIELDS, row):
        if value == "-":
            continue
        flag = {"T": "true", "F": "false"}.get(value) if field.startswith("local_") else None
        pairs.append(f'"{field}":' + (flag or (f'"{value}"' if field in TEXTS else str(value))))
    return "{" + ",".join(pairs) + "}\n"


def make(count, path, form="tsv"):
    with open(path, "w", encoding="ascii") as file:
        file.write(HEAD if form == "tsv" else "")
        for row in rows(count):
            file.write("\t".join(map(str, row)) + "\n" if form == "tsv" else as_json(row))


if __name__ == "__main__":
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    make(int(sys.argv[1]), sys.argv[2], *sys.argv[3:4])
