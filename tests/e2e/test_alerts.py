# SPDX-License-Identifier: Apache-2.0
"""postern watch --alert: what was found reaches real receivers, whatever becomes of them and of the watch."""
import json
import os
import re
import shutil
import signal
import subprocess
import time
import unittest

import zeeklogs
from receivers import Datagrams, Hook, Stream, free_port, wait_for
from support import DONE, NOTHING, Case, Run
from test_watch import Watch

HEADER = re.compile(r"<(3[3-8])>1 \d{4}-\d\d-\d\dT[\d:.]+Z - postern - (ladder|handover|rotation) \[postern@32473 id=\"[0-9a-f]{32}\" ")


class Alerts(Case):
    def setUp(self):
        self.log = self.path("conn.log", (zeeklogs.head() + "".join(zeeklogs.day())).encode())
        self.hosts = 0

    def fall_back(self, hosts=1):
        """So many hosts do, each with servers of its own: what many reach is nobody's fallback."""
        rows = []
        for _ in range(hosts):
            self.hosts += 1
            client = f"10.0.{self.hosts // 200}.{self.hosts % 200 + 5}"
            servers = re.compile(r"\t(192|198|203)\.\d+\.")
            rows += [servers.sub(rf"\t\g<1>.{self.hosts + 20}.", row)
                     for row in zeeklogs.day(client) + zeeklogs.ladder(zeeklogs.START + 12100, client)]
        with self.log.open("a", encoding="utf-8") as file:
            file.write("".join(rows))

    def watch(self, *args):
        watch = Watch(self.log, *args)
        self.addCleanup(lambda: watch.child.poll() is None and watch.child.kill())
        return watch

    def spool(self):
        return self.folder / f"{self._testMethodName}-spool"

    def spooled(self):
        return sorted(self.spool().glob("*/*-*"))

    def hook(self, *args, **more):
        hook = Hook(*args, **more)
        self.addCleanup(hook.close)
        return hook

    def to(self, port, scheme="http"):
        return "--alert", f"webhook:{scheme}://127.0.0.1:{port}/alert", "--alert-spool", self.spool()

    @staticmethod
    def told(watch):
        """(id, status) of what stood on standard output."""
        return {(line["id"], line["status"]) for _, line in list(watch.lines)}

    @staticmethod
    def got(hook):
        return {(line["id"], line["status"]) for _, line in hook.got}

    def test_a_web_hook_gets_each_alert_once(self):
        hook = self.hook()
        watch = self.watch(*self.to(hook.port))
        self.fall_back()
        wait_for(lambda: hook.got)
        watch.end()
        self.assertEqual(self.got(hook), self.told(watch))
        self.assertEqual(len({key for key, _ in hook.got}), len(hook.got))
        for key, alert in hook.got:
            self.assertRegex(key, "^[0-9a-f]{32}$")
            self.assertEqual((alert.pop("alert"), alert["type"]), (key, "finding"))
            self.assertIn(alert, [line for _, line in watch.lines])
        self.assertEqual(self.spooled(), [])
        self.assertEqual(self.spool().stat().st_mode & 0o777, 0o700)

    def test_a_receiver_that_is_down_gets_all_when_it_is_up(self):
        port = free_port()
        watch = self.watch(*self.to(port))
        self.fall_back(3)
        wait_for(lambda: len(self.told(watch)) >= 3 and self.spooled())
        self.assertTrue(self.spooled())
        hook = self.hook(port, answer=lambda n: (503, None, 429, 404)[n] if n < 4 else 200)
        wait_for(lambda: self.got(hook) >= self.told(watch))
        watch.end()
        self.assertEqual(self.got(hook), self.told(watch))
        self.assertTrue(any("they wait" in text for _, text in watch.errors), watch.errors)
        self.assertTrue(any("it takes them again" in text for _, text in watch.errors), watch.errors)

    def test_killed_at_any_moment_nothing_that_was_told_is_lost(self):
        port = free_port()
        state = self.folder / "killed-state"
        told, hook = set(), None
        for number in range(6):
            watch = self.watch(*self.to(port), "--state", state)
            self.fall_back(2)
            wait_for(lambda: {line["host"] for _, line in list(watch.lines)} and len(self.told(watch)) >= number % 3)
            if number == 3:  # while it is being told
                hook = self.hook(port, delay=0.05)
                wait_for(lambda: hook.got)
            watch.end(signal.SIGKILL)
            told |= self.told(watch)
        self.assertGreater(len(told), 5)
        watch = self.watch(*self.to(port), "--state", state)
        wait_for(lambda: self.got(hook) >= told)
        watch.end()
        self.assertEqual(self.spooled(), [])

    def test_a_full_spool_is_bounded_and_what_is_lost_is_told(self):
        port = free_port()
        watch = self.watch(*self.to(port), "--alert-spool-max", "64K")
        self.fall_back(60)
        wait_for(lambda: any("were lost so far" in text for _, text in watch.errors), 60)
        kept = {path.name.split("-")[1] for path in self.spooled()}
        self.assertLessEqual(sum(path.stat().st_size for path in self.spooled()), 64 << 10)
        self.assertGreater(len(kept), 3)
        watch.end(signal.SIGKILL)
        hook = self.hook(port)
        again = self.watch(*self.to(port), "--from-end")
        wait_for(lambda: {key for key, _ in hook.got} == kept)
        again.end()

    @unittest.skipUnless(os.geteuid() == 0 and shutil.which("unshare"), "needs root, for a file system of its own")
    def test_a_full_disk_is_told_and_the_watch_goes_on(self):
        port = free_port()
        self.spool().mkdir()
        mount = "mount", "-t", "tmpfs", "-o", "size=32k", "full", self.spool()
        watch = Watch(self.log, *self.to(port), prefix=("unshare", "-m", "sh", "-c", f'{" ".join(map(str, mount))} && exec "$@"', "sh"))
        self.addCleanup(lambda: watch.child.poll() is None and watch.child.kill())
        self.fall_back(30)
        wait_for(lambda: any("were lost so far" in text for _, text in watch.errors))
        told = len(self.told(watch))
        self.fall_back(5)
        wait_for(lambda: len(self.told(watch)) >= told + 5)
        hook = self.hook(port)  # what was kept is whole
        wait_for(lambda: hook.got)
        watch.end()
        self.assertLessEqual(self.got(hook), self.told(watch))

    def test_a_slow_receiver_holds_nothing_up(self):
        hook = self.hook(delay=5)
        watch = self.watch(*self.to(hook.port))
        self.fall_back(5)
        began = time.monotonic()
        wait_for(lambda: len(self.told(watch)) >= 5)
        self.assertLess(len(hook.got), 3)
        watch.end()
        self.assertLess(time.monotonic() - began, 25)
        self.assertTrue(self.spooled())  # for the next run

    def test_what_a_receiver_will_never_take_does_not_stop_the_rest(self):
        hook = self.hook(answer=lambda n: 400 if n == 0 else 200)
        watch = self.watch(*self.to(hook.port))
        self.fall_back(3)
        wait_for(lambda: len(self.got(hook)) >= 2)
        watch.end()
        self.assertEqual(self.spooled(), [])

    def test_nobody_is_sent_elsewhere(self):
        other = self.hook()
        hook = self.hook(answer=lambda n: 307, location=f"http://127.0.0.1:{other.port}/")
        watch = self.watch(*self.to(hook.port))
        self.fall_back()
        wait_for(lambda: hook.asked >= 2)
        watch.end()
        self.assertEqual(other.asked, 0)
        self.assertTrue(any("redirects are not followed" in text for _, text in watch.errors), watch.errors)
        self.assertTrue(self.spooled())

    def test_a_certificate_is_verified(self):
        key, cert = self.folder / "key.pem", self.folder / "cert.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-keyout", key,
                        "-out", cert, "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
        hook = self.hook(tls=(cert, key))
        watch = self.watch(*self.to(hook.port, "https"))
        self.fall_back()
        wait_for(lambda: any("they wait" in text for _, text in watch.errors))
        watch.end()
        self.assertTrue(any("certificate" in text for _, text in watch.errors), watch.errors)
        self.assertEqual(hook.asked, 0)
        again = self.watch(*self.to(hook.port, "https"), "--alert-ca", cert, "--from-end")
        wait_for(lambda: hook.got)
        again.end()

    def test_syslog_and_journal(self):
        udp, here = Datagrams(), Datagrams(self.folder / "syslog")
        journal, tcp = Datagrams(self.folder / "journal"), Stream()
        for receiver in (udp, here, journal, tcp):
            self.addCleanup(receiver.close)
        watch = self.watch("--alert", f"syslog:127.0.0.1:{udp.port}", "--alert", f"syslog+tcp:127.0.0.1:{tcp.port}",
                           "--alert", f"syslog:{self.folder}/syslog", "--alert", f"journal:{self.folder}/journal")
        self.fall_back()
        lines = [receiver.next() for receiver in (udp, here, tcp)]
        self.assertEqual(len(set(lines)), 1)
        self.assertRegex(lines[0], HEADER)
        self.assertNotIn("\n", lines[0])
        entry = dict(line.split("=", 1) for line in journal.next().splitlines())
        watch.end()
        first = watch.lines[0][1]
        self.assertEqual({name: entry[f"POSTERN_{name}"] for name in ("TYPE", "FINDING", "KIND", "HOST", "STATUS")},
                         {"TYPE": "finding", "FINDING": first["id"], "KIND": first["kind"], "HOST": first["host"], "STATUS": "provisional"})
        self.assertEqual(entry["SYSLOG_IDENTIFIER"], "postern")
        self.assertIn(int(entry["PRIORITY"]), range(7))
        self.assertIn(first["host"], entry["MESSAGE"])

    def test_syslog_over_tcp_goes_on_after_a_break(self):
        tcp = Stream()
        watch = self.watch("--alert", f"syslog+tcp:127.0.0.1:{tcp.port}")
        self.fall_back()
        self.assertRegex(tcp.next(), HEADER)
        tcp.close()
        time.sleep(0.3)
        self.fall_back(2)
        wait_for(lambda: any("they wait" in text for _, text in watch.errors))
        again = Stream(tcp.port)
        self.addCleanup(again.close)
        self.assertEqual(len({again.next() for _ in range(2)}), 2)
        watch.end()

    def test_eve_follows_a_file_that_is_rotated(self):
        eve = self.path("eve.json", b'{"half":')
        watch = self.watch("--alert", f"eve:{eve}")
        self.fall_back()
        wait_for(lambda: eve.read_bytes().count(b"\n") >= 2)
        old = eve.with_suffix(".1")
        os.rename(eve, old)
        self.fall_back()
        wait_for(eve.exists)
        watch.end()
        lines = old.read_text().splitlines()
        self.assertEqual(lines[0], '{"half":')
        for path, host in ((old, "10.0.0.6"), (eve, "10.0.0.7")):
            alerts = [json.loads(line) for line in path.read_text().splitlines() if line != '{"half":']
            self.assertTrue(alerts)
            self.assertEqual({(alert["event_type"], alert["alert"]["action"]) for alert in alerts}, {("alert", "allowed")})
            self.assertIn(host, {alert["src_ip"] for alert in alerts})

    def test_a_full_disk_cuts_no_line(self):
        watch = self.watch("--alert", "eve:/dev/full")
        self.fall_back()
        wait_for(lambda: any("No space left" in text for _, text in watch.errors))
        watch.end()
        self.assertTrue(any("could not be told before the end" in text for _, text in watch.errors), watch.errors)

    def test_what_lists_know_is_alerted_of(self):
        hook = self.hook()
        bad = self.path("list.txt", b"192.21.100.50\n")
        watch = self.watch(*self.to(hook.port), "--intel", bad)
        self.fall_back()
        wait_for(lambda: any(alert["type"] == "known-bad" for _, alert in hook.got))
        watch.lines[:] = [(0, {"id": 0, "status": 0})]
        watch.end()
        known = next(alert for _, alert in hook.got if alert["type"] == "known-bad")
        self.assertEqual((known["indicator"], known["host"]), ("192.21.100.50", "10.0.0.6"))

    def test_wrong_words(self):
        for words, said in ((("--alert", "mail:a"), "write syslog:HOST:PORT"), (("--alert", "webhook:https://h/secret"), "needs --alert-spool"),
                            (("--alert", "syslog:h:x"), "the port is a number")):
            run = Run("watch", *words, self.log)
            self.assertEqual(run.code, NOTHING, run)
            self.assertIn(said, run.err)
            self.assertNotIn("secret", run.err)
        first = self.watch(*self.to(9))
        wait_for(self.spool().exists)
        time.sleep(0.3)
        run = Run("watch", *self.to(9), self.log)
        self.assertIn("another run has this spool", run.err)
        first.end()
        self.assertEqual(first.child.returncode, DONE)


if __name__ == "__main__":
    unittest.main()
