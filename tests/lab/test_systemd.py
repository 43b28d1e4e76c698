#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The units as they are installed, run by a systemd of their own: PID 1 of a container on the gateway of a net of namespaces."""
import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
import gateway  # noqa: E402
from gateway import HOST, SERVERS, Client, Net, ladder  # noqa: E402
from receivers import wait_for  # noqa: E402
from support import POSTERN, parsed  # noqa: E402
from test_guard import DEAD, children, rights  # noqa: E402

GUARD, EVIDENCE, TIMER = "postern-guard.service", "postern-evidence.service", "postern-evidence.timer"
ENFORCER = "postern-enforcer"[:15]  # as the kernel has it
GOOD, BETTER = SERVERS[12:14]
POLICY = """version: 1
zones: {{office: {{networks: 10.77.0.0/24}}}}
services: {{web: {{protocol: tcp, ports: 443}}}}
rules: [{{id: good, owner: net, why: work, from: office, to: "{}", service: web, action: allow}}]
"""
# when something that a unit asks for, or the guard does, is not allowed
WRONG = r"(?i)not permitted|permission denied|seccomp|=31/SYS|not support|unsupported|unknown key|fail(ed|ure) (to|at)"

# Starts the container when there is a net, and holds it until its standard input ends, as it does however the test ends;
# its mounts are its own. If the test did not say that it is done, the net goes too.
KEEPER = r"""
read -r net
mount -t cgroup2 cgroup2 /mnt || exit
own=/mnt$(sed -n 's/^0:://p' /proc/self/cgroup)/postern-test-$$
mkdir "$own" || exit
(
	echo 0 >"$own/cgroup.procs"
	exec setpriv --pdeathsig KILL ip netns exec "pg${PPID}g" unshare --cgroup --mount --pid --fork --kill-child --uts --ipc sh -ec "$1" - "$2" </dev/null
) &
read -r done
kill -9 $(cat /proc/$!/task/$!/children) || kill -9 $!
wait
find "$own" -depth -type d -exec rmdir {} +
[ ! "$done" ] || exit
for name in "pg${PPID}h" "pg${PPID}g" "pg${PPID}s"; do
	ip netns pids "$name" | xargs -r kill -9
	ip netns del "$name"
done
"""
OVERLAY = r"""
mount -t tmpfs -o mode=755 tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/machine
mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work overlay /mnt/machine
"""
# whether the container may be made
GROUND = r"""
mount -t cgroup2 cgroup2 /mnt
mkdir "/mnt$(sed -n 's/^0:://p' /proc/self/cgroup)/postern-may-$$"
rmdir "/mnt$(sed -n 's/^0:://p' /proc/self/cgroup)/postern-may-$$"
umount /mnt
""" + OVERLAY
# This machine's files, and over them the build as installed; what is written stays in memory. By hand, since
# systemd-nspawn forbids bpf(2), by which units filter addresses and devices.
INSIDE = OVERLAY + r"""
DESTDIR=/mnt/build meson install -C "$1" --no-rebuild >/dev/null
cd /mnt/machine
cp -R /mnt/build/. .
for at in dev run tmp var; do mount -t tmpfs -o mode=755 tmpfs $at; done
mkdir -p dev/shm var/lib etc/postern run/units/machine.target.wants run/units/postern-guard.service.d
mkdir -m 1777 var/tmp
chmod 1777 tmp dev/shm
for at in null zero full random urandom tty; do cp -a /dev/$at dev; done
ln -s pts/ptmx dev/ptmx
ln -s /run var/run
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
# no unit but these
find /mnt/build -path '*/systemd/system/*' -exec cp {} run/units \;
(cd lib/systemd/system && cp basic.target network.target shutdown.target sysinit.target systemd-journald.service systemd-journald.socket /mnt/machine/run/units)
echo '[Unit]' >run/units/machine.target
ln -s ../systemd-journald.service run/units/machine.target.wants
pivot_root . mnt
umount -l mnt
exec env -i container=test PATH=/usr/local/bin:/usr/sbin:/usr/bin SYSTEMD_UNIT_PATH=/run/units SYSTEMD_GENERATOR_PATH=/none \
	setpriv --bounding-set=-sys_module,-sys_time,-sys_rawio,-sys_boot,-syslog /lib/systemd/systemd --unit=machine.target --log-target=journal --show-status=no
"""


class Machine:
    def __init__(self):
        self.err = tempfile.TemporaryFile("w+")
        self.keeper = subprocess.Popen(["unshare", "--mount", "--propagation=slave", "sh", "-c", KEEPER, "-", INSIDE, POSTERN.parent], bufsize=0,
                                       stdin=subprocess.PIPE, stdout=self.err, stderr=self.err, start_new_session=True)
        self.net = Net()
        self.keeper.stdin.write(b"net\n")
        try:
            wait_for(self.is_up, 30)
        except AssertionError as wrong:
            self.err.seek(0)
            raise AssertionError(self.err.read()) from wrong

    def is_up(self):
        with contextlib.suppress(OSError):  # the keeper has others, that end
            for self.init in (init for pid in children(self.keeper.pid) for init in children(pid)):
                if pathlib.Path(f"/proc/{self.init}/comm").read_text() == "systemd\n":  # no more on this machine's files
                    return self.run("systemctl", "is-system-running", check=False).stdout == "running\n"

    def run(self, *words, check=True):
        return subprocess.run(["nsenter", "--all", "--target", str(self.init), *words], capture_output=True, text=True, timeout=60, check=check)

    def path(self, path):
        return pathlib.Path(f"/proc/{self.init}/root/{path}")

    def show(self, name, unit=GUARD):
        return self.run("systemctl", "show", "--value", "-p", name, unit).stdout.strip()

    def journal(self):
        """Without what the guard told."""
        return [line for line in self.run("journalctl", "-o", "cat", "-u", GUARD, "-u", EVIDENCE).stdout.splitlines() if line[:1] != "{"]

    def close(self):
        self.keeper.communicate(b"done\n", 30)
        self.err.close()
        self.net.close()


def why_not():
    if os.geteuid() != 0 or not gateway.can_make_namespaces():
        return "needs root, and the right to make network namespaces"
    if not os.path.exists("/lib/systemd/systemd") or subprocess.run(["unshare", "--mount", "sh", "-ec", GROUND], capture_output=True, check=False).returncode != 0:
        return "needs systemd, and the right to mount cgroup2 and an overlay of /"
    if not (POSTERN.parent / "build.ninja").exists() or b"__asan_init" in POSTERN.read_bytes():
        return "needs a build to install, without sanitizers: the units forbid what those do"
    return None


WHY_NOT = why_not()


@unittest.skipIf(WHY_NOT, WHY_NOT)
class Units(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.machine = Machine()
        cls.addClassCleanup(cls.machine.close)
        cls.machine.path(f"run/units/{GUARD}.d/soon.conf").write_text("[Service]\nWatchdogSec=2\nRestartSec=100ms\nLimitCORE=0\n")
        cls.net = cls.machine.net
        cls.fallbacks = iter(SERVERS[7:10])  # a new one each time: the guard may see the last packets of one before it
        gateway.serve(cls.net, *(f"{addr}:8080" for addr in SERVERS[7:10]), f"{GOOD}:443", f"{BETTER}:443")

    def setUp(self):
        self.addCleanup(self.net.run, self.net.gateway, "nft", "flush", "ruleset")
        self.addCleanup(self.machine.run, "rm", "-rf", "/var/lib/private/postern")
        self.addCleanup(self.systemctl, "stop", GUARD)

    def systemctl(self, *words):
        done = self.machine.run("systemctl", *words, check=False)
        self.assertEqual(done.returncode, 0, (done.stderr, self.machine.journal()))

    def options(self, words):
        self.policy(GOOD)
        self.machine.path("etc/postern/guard.conf").write_text(f"GUARD_OPTIONS=-i in0 --act-e 0.1 --policy /etc/postern/egress.yaml --respond contain {words}\n")
        self.systemctl("daemon-reload")

    def begin(self, on_exit):
        self.options(f"--enforce --metrics 127.0.0.1:9477 --on-exit {on_exit}")
        self.systemctl("start", GUARD)
        wait_for(lambda: "enforcer: up" in self.machine.show("StatusText"))
        self.fallback = next(self.fallbacks)
        client = ladder(self.net, HOST, *DEAD, f"{self.fallback}:8080")
        self.addCleanup(self.net.running[-1].kill)
        client.wait(lambda line: line[:2] == ("left", self.fallback))

    def policy(self, addr):
        self.machine.path("etc/postern/egress.yaml").write_text(POLICY.format(addr))

    def processes(self):
        pids = self.machine.path(f"sys/fs/cgroup/system.slice/{GUARD}/cgroup.procs").read_text().split()
        return {pathlib.Path(f"/proc/{pid}/comm").read_text().strip(): int(pid) for pid in pids}

    def reached(self):
        return [addr for addr in (GOOD, BETTER) if Client(self.net, HOST, addr, 443).state == "open"]

    def check_shut(self):
        self.assertIn(f"{HOST} . {self.fallback} . tcp . 8080", self.net.ruleset())
        self.assertEqual(Client(self.net, HOST, self.fallback, 8080).state, "failed")

    def check_runs(self, restarts):
        self.assertEqual((self.machine.show("ActiveState"), self.machine.show("NRestarts")), ("active", str(restarts)), self.machine.journal())

    def wait_restart(self, count):
        wait_for(lambda: (self.machine.show("NRestarts"), self.machine.show("SubState")) == (str(count), "running"))

    def status(self):
        return parsed(self.machine.run("postern", "guard", "status", "--json", "--control", "/run/postern/guard").stdout)

    def test_finds_shuts_and_answers(self):
        self.begin("open")
        self.check_shut()
        self.assertEqual([{thread["Uid"] == 0 for thread in rights(pid)} for pid in self.processes().values()], [{False}] * 3)
        self.assertEqual([(c["action"], c.get("peer")) for c in self.status()["in_force"]], [("block", self.fallback), ("contain", None)])
        answers = self.machine.run("curl", "-s", "http://127.0.0.1:9477/{metrics,health}").stdout
        self.assertRegex(answers, r'(?s)\npostern_guard_changes_total\{act="made"\} 2\n.*\nok\n$')
        self.systemctl("start", EVIDENCE, TIMER)
        self.assertEqual([parsed(file.read_text())["in_force"] for file in self.machine.path("var/lib/private/postern/evidence").iterdir()], [self.status()["in_force"]])
        self.assertNotEqual(self.machine.show("NextElapseUSecRealtime", TIMER), "")
        # a policy that is read anew, and one that can't be
        self.assertEqual(self.reached(), [GOOD])
        self.policy(BETTER)
        self.systemctl("reload", GUARD)
        wait_for(lambda: f"{HOST} . {BETTER}" in self.net.ruleset())
        self.policy("nobody")
        self.systemctl("reload", GUARD)
        wait_for(lambda: self.status()["policy"]["not_loaded"])
        self.assertEqual(self.reached(), [BETTER])
        self.check_runs(0)
        self.systemctl("stop", GUARD)
        self.assertEqual((self.machine.show("Result"), self.net.ruleset()), ("success", ""))
        self.assertNotRegex("\n".join(self.machine.journal()), WRONG)

    def test_killed_or_hung(self):
        self.begin("closed")
        time.sleep(5)  # two watchdogs, and more
        self.check_runs(0)
        for restarts, number in (1, signal.SIGSTOP), (2, signal.SIGKILL):
            os.kill(self.processes()["postern"], number)
            self.wait_restart(restarts)
            self.check_shut()
        # the guard starts another enforcer; what only a new start heals, systemd starts anew
        os.kill(enforcer := self.processes()[ENFORCER], signal.SIGKILL)
        wait_for(lambda: self.processes().get(ENFORCER, enforcer) != enforcer and self.status()["enforcer"] == "up")
        self.check_runs(2)
        self.check_shut()
        for pid in [pid for name, pid in self.processes().items() if name != "postern"]:
            os.kill(pid, signal.SIGKILL)
        self.wait_restart(3)
        self.check_shut()
        self.systemctl("stop", GUARD)
        self.check_shut()
        self.assertNotRegex("\n".join(self.machine.journal()), WRONG)

    def test_wrong_words_and_no_guard(self):
        self.options("--on-exit ajar")
        for unit in GUARD, EVIDENCE:
            self.assertEqual(self.machine.run("systemctl", "start", unit, check=False).returncode, 1)
        self.assertEqual([self.machine.show(name) for name in ("ActiveState", "ExecMainStatus", "NRestarts")], ["failed", "2", "0"])
        self.assertEqual(self.machine.show("ActiveState", EVIDENCE), "inactive")
        self.assertFalse(self.machine.path("var/lib/private/postern/evidence").exists())


if __name__ == "__main__":
    unittest.main()
