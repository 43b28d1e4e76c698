# SPDX-License-Identifier: Apache-2.0
"""The lab's ground: network namespaces that are nobody else's, and vanish with the process that made them.

`enter()` starts the program again as the first process of its own process, mount and network namespaces, with /run
an empty file system and the resolver's file its own. Everything that the lab starts lives in there; when its first
process ends, however it ends, the kernel ends the others and takes the namespaces away. Nothing outside is changed.

    clients 192.0.2.0/24 --lan-- gateway --wan-- internet (198.51.100.0/24, 203.0.113.0/24, 198.18.0.0/15)

The last is for tests of network devices (RFC 2544): documentation has too few networks for servers that are no neighbours.
"""
import ctypes
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG = 1
CLONE_NEWNET = 0x40000000
INSIDE = "POSTERN_LAB_INSIDE"
GATEWAY, INTERNET = "gateway", "internet"
RESOLVER = "198.51.100.53"
NETWORKS = ["198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15"]
NEEDS = ["ip", "nft", "unshare", "unbound", "nginx", "openssl", "dumpcap", "curl"]


def why_not():
    """Why no lab can be made here, or None."""
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    missing = [name for name in NEEDS if shutil.which(name, path=path) is None]
    if missing:
        return f"{', '.join(missing)} not installed (tools/packages test)"
    if os.geteuid() != 0:
        return "network namespaces with services need root"
    tried = subprocess.run(["unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc", "nft", "list", "tables"],
                           capture_output=True, check=False)
    return None if tried.returncode == 0 else f"no namespaces can be made here: {tried.stderr.decode().strip()}"


def die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def enter():
    """Returns inside; outside it never returns. Whoever started the program takes all of it with him."""
    if os.environ.get(INSIDE) != "yes":
        die_with_parent()
        environment = {**os.environ, INSIDE: "yes", "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}
        words = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc",
                 sys.executable, *sys.argv]
        os.execvpe("unshare", words, environment)
    if os.getpid() != 1:
        raise SystemExit("the lab is no first process: it was not started as it should be")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def run(*words, check=True):
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


class World:
    """Namespaces, addresses, and what is dead on the lab's Internet. One a process."""

    def __init__(self, clients):
        self.folder = pathlib.Path("/run/lab")  # of the file system that is our own
        self.clients = clients  # name -> address
        self.children = []
        self.own_files()
        self.make_links()

    def own_files(self):
        resolv = pathlib.Path(os.path.realpath("/etc/resolv.conf"))
        run("mount", "-t", "tmpfs", "tmpfs", "/run")
        self.folder.mkdir()
        mine = self.folder / "resolv.conf"
        mine.write_text(f"nameserver {RESOLVER}\noptions timeout:2 attempts:2\n")
        if resolv.is_relative_to("/run"):
            resolv.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(mine, resolv)
        else:
            run("mount", "--bind", str(mine), str(resolv))
        for name in (GATEWAY, INTERNET, *self.clients):
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")

    def make_links(self):
        run("ip", "-n", GATEWAY, "link", "add", "lan", "type", "bridge")
        run("ip", "-n", GATEWAY, "addr", "add", "192.0.2.1/24", "dev", "lan")
        run("ip", "-n", GATEWAY, "link", "set", "lan", "up")
        for number, (name, address) in enumerate(self.clients.items()):
            run("ip", "-n", name, "link", "add", "eth0", "type", "veth", "peer", "name", f"port{number}", "netns", GATEWAY)
            run("ip", "-n", GATEWAY, "link", "set", f"port{number}", "master", "lan", "up")
            run("ip", "-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
            run("ip", "-n", name, "link", "set", "eth0", "up")
            run("ip", "-n", name, "route", "add", "default", "via", "192.0.2.1")
        run("ip", "-n", INTERNET, "link", "add", "eth0", "type", "veth", "peer", "name", "wan", "netns", GATEWAY)
        for name, device, address in ((GATEWAY, "wan", "192.0.0.1/30"), (INTERNET, "eth0", "192.0.0.2/30")):
            run("ip", "-n", name, "addr", "add", address, "dev", device)
            run("ip", "-n", name, "link", "set", device, "up")
        for network in NETWORKS:
            run("ip", "-n", GATEWAY, "route", "add", network, "via", "192.0.0.2")
            run("ip", "-n", INTERNET, "route", "add", "local", network, "dev", "lo")
        run("ip", "-n", INTERNET, "route", "add", "192.0.2.0/24", "via", "192.0.0.1")
        run("ip", "netns", "exec", GATEWAY, "sysctl", "-qw", "net.ipv4.ip_forward=1")
        rules = """table inet internet {
  set silent { type ipv4_addr . inet_proto . inet_service; flags interval; }
  set refused { type ipv4_addr . inet_proto . inet_service; flags interval; }
  chain input { type filter hook input priority 0;
    ip daddr . meta l4proto . th dport @silent drop
    ip daddr . meta l4proto . th dport @refused meta l4proto tcp reject with tcp reset
    ip daddr . meta l4proto . th dport @refused reject
  }
}"""
        subprocess.run(["ip", "netns", "exec", INTERNET, "nft", "-f", "-"], input=rules, text=True, check=True)

    def kill(self, address, how="silent", protocol="tcp", ports="0-65535"):
        """From now on the endpoint is dead: `silent` or `refused`, in established connections too."""
        run("ip", "netns", "exec", INTERNET, "nft", "add", "element", "inet", "internet", how,
            f"{{ {address} . {protocol} . {ports} }}")

    def spawn(self, where, act):
        """Runs act() in a process in this namespace; it ends with the lab."""
        child = os.fork()
        if child == 0:
            code = 1
            try:
                die_with_parent()
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                handle = os.open(f"/run/netns/{where}", os.O_RDONLY)
                if LIBC.setns(handle, CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
                act()
                code = 0
            except Exception as wrong:  # pylint: disable=broad-except
                print(f"lab: {where}: {type(wrong).__name__}: {wrong}", file=sys.stderr, flush=True)
            finally:
                os._exit(code)
        self.children.append(child)
        return child

    def start(self, where, *words, stdout=subprocess.DEVNULL, stderr=None):
        """Starts a program in this namespace."""
        log = open(self.folder / f"{pathlib.Path(words[0]).name}.log", "ab") if stderr is None else stderr
        return subprocess.Popen(["ip", "netns", "exec", where, *map(str, words)], stdin=subprocess.DEVNULL,
                                stdout=stdout, stderr=log)

    def stop(self, grace=5.0):
        """Asks the children to end, waits, ends them."""
        end = time.monotonic() + grace
        left = set(self.children)
        for child in left:
            os.kill(child, signal.SIGTERM)
        while left and time.monotonic() < end:
            left = {child for child in left if os.waitpid(child, os.WNOHANG)[0] == 0}
            time.sleep(0.02)
        for child in left:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        self.children.clear()
