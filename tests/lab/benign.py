# SPDX-License-Identifier: Apache-2.0
"""Software that fails over for honest reasons, at work on the lab's other hosts; real programs where Debian has them.

Each action says in the log what was expected of it, so that a connection that a guard cut is told from one that was
dead anyway."""
import itertools
import random
import shutil
import subprocess
import time

from contact import Truth, attempt, endpoint, way

SITES = {f"{word}.example": f"198.51.100.{100 + n}" for n, word in enumerate(
    "news weather library museum bakery cinema garden railway theatre harvest".split())}
PARTS = {"cdn.pages.example": "198.51.100.130", "fonts.pages.example": "198.51.100.131", "img.pages.example": "198.51.100.132"}
DEAD_TRACKERS = {"tracker.ads.example": "198.51.100.133"}  # refused; metrics.gone.example does not exist
MIRRORS = {"mirror1.distro.example": "198.51.100.140", "mirror2.distro.example": "198.51.100.141"}  # the first is dead
VENDOR = {"vpn.vendor.example": "198.51.100.150"}  # UDP 1194 is dead, TCP 443 works
NTP = {"time1.example": "198.51.100.123", "time2.example": "198.51.100.124", "time3.example": "198.51.100.126"}  # the third is dead
NAMES = {**SITES, **PARTS, **DEAD_TRACKERS, **MIRRORS, **VENDOR, **NTP}
DEAD = [("198.51.100.133", "refused", "tcp"), ("198.51.100.140", "silent", "tcp"), ("198.51.100.150", "silent", "udp"),
        ("198.51.100.126", "silent", "udp")]
AGENTS = {"apt": "Debian APT-HTTP/1.3 (2.6.1)", "page": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"}


def touch(truth, one, expect, timeout=3.0, **more):
    began = time.time()
    outcome, got = attempt(one, timeout=timeout, **more)
    truth.note("contact", way=endpoint(one), outcome=outcome, bytes=got, expect=expect, began=round(began, 6))
    return outcome == "ok"


def loader(truth, end, rnd):
    """curl on a timer: a few sites, again and again."""
    for site in itertools.cycle(list(SITES)[:3]):
        if time.monotonic() > end:
            return
        began = time.time()
        done = subprocess.run(["curl", "-sSkf", "--max-time", "5", "-o", "/dev/null", f"https://{site}/20k"],
                              stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        truth.note("contact", way=f"https/{site}:443", outcome="ok" if done.returncode == 0 else f"curl {done.returncode}",
                   expect="ok", began=round(began, 6))
        time.sleep(rnd.uniform(1.5, 2.5))


def pages(truth, end, rnd):
    """Pages with their parts, one tracker that is refused and one that does not exist."""
    sites = list(SITES)
    while time.monotonic() < end:
        touch(truth, way("https", rnd.choice(sites)), "ok", path="/20k", agent=AGENTS["page"])
        for part in rnd.sample(list(PARTS), 2):
            touch(truth, way("https", part), "ok", path="/1k", agent=AGENTS["page"])
        if rnd.random() < 0.6:
            touch(truth, way("https", "tracker.ads.example"), "refused", agent=AGENTS["page"])
        if rnd.random() < 0.4:
            touch(truth, way("https", "metrics.gone.example"), "nxdomain", agent=AGENTS["page"])
        time.sleep(rnd.uniform(2.0, 5.0))


def packages(truth, end, rnd):
    """A package tool: the first mirror is dead, the second has it all."""
    while time.monotonic() < end:
        for mirror in MIRRORS:
            expect = "silent" if mirror.startswith("mirror1") else "ok"
            if touch(truth, way("http", mirror), expect, timeout=2.0, path="/200k", agent=AGENTS["apt"]):
                break
        time.sleep(rnd.uniform(6.0, 9.0))


def remote(truth, end, rnd):
    """A VPN's client: its own port over UDP, then TCP 443 of the same vendor, then it stays."""
    vendor = next(iter(VENDOR))
    for _ in range(2):
        touch(truth, way("udp", vendor, 1194), "silent", timeout=1.5)
    while time.monotonic() < end:
        touch(truth, way("https", vendor), "ok", body=b"\0" * 400, path="/c", agent="vpn/3")
        time.sleep(rnd.uniform(2.5, 3.5))


def clock(folder, host):
    """chronyd with three sources, one of which is dead. -x: no clock is touched. None where it is not installed."""
    if shutil.which("chronyd") is None:
        return None
    path = folder / f"chrony-{host}.conf"
    path.write_text("".join(f"server {address} iburst minpoll 2 maxpoll 3\n" for address in NTP.values())
                    + f"cmdport 0\npidfile {folder}/chrony-{host}.pid\n")
    return ["chronyd", "-x", "-d", "-u", "root", "-f", path]


# which of them live on which host; the implant's host has one as well
HOSTS = {"suspect": [loader], "desk": [pages], "server": [packages, loader], "traveller": [remote, pages]}
CLOCKS = ["suspect", "server"]


def run(path, host, address, act, seconds, seed):
    truth = Truth(path, act.__name__, address)
    act(truth, time.monotonic() + seconds, random.Random(f"{seed} {host} {act.__name__}"))
