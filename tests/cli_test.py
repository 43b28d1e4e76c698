#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The command line as its users meet it: through the binary. Usage: cli_test.py POSTERN"""
import fcntl
import html.parser
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import stat
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
POSTERN = ""
CLEAN = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}


def run(*args, stdin=b"", env=None, **more):
    done = subprocess.run([POSTERN, *map(str, args)], input=stdin, capture_output=True, timeout=60,
                          env={**CLEAN, **(env or {})}, **more)
    done.out, done.err = done.stdout.decode(), done.stderr.decode()
    return done


def tcp(src, dst, sport, dport, flags, ident):
    """An Ethernet frame with an empty TCP segment."""
    segment = struct.pack(">HHIIBBHHH", sport, dport, 1, 1 if flags & 0x10 else 0, 0x50, flags, 8192, 0, 0)
    packet = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(segment), ident, 0, 64, 6, 0,
                         bytes(map(int, src.split("."))), bytes(map(int, dst.split("."))))
    return b"\2\0\0\0\0\1" + b"\2\0\0\0\0\2" + b"\x08\0" + packet + segment


def capture(packets):
    """A pcap file of (seconds, frame)."""
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)]
    for at, frame in packets:
        out.append(struct.pack("<IIII", int(at), int(at % 1 * 1e6), len(frame), len(frame)) + frame)
    return b"".join(out)


def refusals(count):
    """Connections that are refused, a second apart: nothing to find."""
    packets = []
    for i in range(count):
        at, port = 1600000000 + i, 40000 + i % 20000
        packets.append((at, tcp("10.0.0.5", "203.0.113.7", port, 443, 0x02, i & 0xFFFF)))
        packets.append((at + 0.01, tcp("203.0.113.7", "10.0.0.5", 443, port, 0x14, i & 0xFFFF)))
    return packets


class Case(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="postern-cli-"))
        cls.quiet = cls.folder / "quiet.pcap"
        cls.quiet.write_bytes(capture(refusals(20)))
        cls.found = cls.folder / "found.pcap"
        subprocess.run([sys.executable, HERE / "scenario/scenario.py", HERE / "scenario/demo-dga.scn", cls.found],
                       check=True, timeout=60)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def usage(self, *args, says):
        """Exit 2, nothing on stdout, one line that holds all the words."""
        done = run(*args)
        self.assertEqual((done.returncode, done.out), (2, ""), done.err)
        self.assertEqual(done.err.count("\n"), 1, done.err)
        self.assertTrue(done.err.startswith("postern: "))
        for words in [says] if isinstance(says, str) else says:
            self.assertIn(words, done.err)


class Usage(Case):
    def test_nothing(self):
        done = run()
        self.assertEqual((done.returncode, done.out), (2, ""))
        self.assertIn("usage: postern VERB [options] [INPUT...]", done.err)

    def test_unknown_verb(self):
        self.usage("hnut", "x", says="'hnut': no such verb; did you mean hunt?")
        self.usage("zzzz", says="postern help lists them")
        self.usage(self.quiet, says=["no such verb; to look into the file: postern hunt", "quiet.pcap"])
        self.usage("a\x1b[2J", says="'a\\x1b[2J'")
        self.usage("--frob", says="'--frob': no such verb")

    def test_unknown_option(self):
        self.usage("hunt", "--lcal", "10/8", says="hunt: --lcal: no such option; did you mean --local?")
        self.usage("hunt", "--frobnicate", says="--frobnicate: no such option (postern help hunt)")
        self.usage("hunt", "-z", says="-z: no such option")
        self.usage("hunt", "--\x1b[31m", says="--\\x1b[31m: no such option")
        self.usage("help", "--json", says="help: --json: no such option")

    def test_values(self):
        self.usage("hunt", "--json=yes", "x", says="--json: takes no value")
        self.usage("hunt", "--max-e", says="--max-e: needs a value: X")
        self.usage("hunt", "--max-e=", "x", says="--max-e: needs a value: X")
        self.usage("hunt", "--max-e", "2x", "x", says="--max-e: '2x' is not a number; give one such as 0.1")
        self.usage("hunt", "--max-e", "0", "x", says="--max-e: '0' is out of range")
        self.usage("hunt", "--budget=-1", "x", says="--budget: '-1' is out of range")
        self.usage("hunt", "--local", "10.0.0.0/40", "x", says="--local: '10.0.0.0/40' is not a network; give ADDRESS")
        self.usage("hunt", "--since", "noon", "x", says="--since: 'noon' is not a time; give one such as 2021-01-06T")
        self.usage("hunt", "--limit-memory", "1K", "x", says="give a size from 64M to 16T")

    def test_what_does_not_go_together(self):
        self.usage("hunt", says="hunt: nothing to read: name captures, logs or folders, or - for standard input")
        self.usage("hunt", "--max-e", "1", "--budget", "1", "x", says="--max-e and --budget set the same line")
        self.usage("hunt", "--since", "2021-01-02", "--until", "2021-01-01", "x", says="--since is not before --until")
        self.usage("hunt", "-", "-", says="- can be read once only")
        self.usage("hunt", "--report", "-", "x", says="--report needs a file of its own")
        self.usage("hunt", "--report", "same", "-o", "same", "x", says="--report needs a file of its own")
        self.usage("help", "hunt", "help", says="help: one verb at a time")

    def test_an_input_is_never_overwritten(self):
        before = self.quiet.read_bytes()
        link = self.folder / "link.pcap"
        link.symlink_to(self.quiet)
        for args in (("-o", self.quiet), ("--report", self.quiet), ("-o", link)):
            self.usage("hunt", *args, self.quiet, says="names an input: it would be overwritten")
        self.assertEqual(self.quiet.read_bytes(), before)

    def test_where_nothing_can_be_written_is_known_before_the_work(self):
        self.usage("hunt", "-o", "/no/such/folder/x", self.quiet, says="/no/such/folder/x: can't be written: No such file")
        self.usage("hunt", "--report", self.folder, self.quiet, says="can't be written: Is a directory")

    def test_every_way_to_write_an_option(self):
        want = run("hunt", "--max-e", "0.5", self.quiet).out.split(", ")[:4]
        for args in (("--max-e=0.5", self.quiet), (self.quiet, "--max-e=0.5"), ("-r", self.quiet, "--max-e=0.5"),
                     (f"-r{self.quiet}", "--max-e=0.5"), (f"--read={self.quiet}", "--max-e", "0.5"),
                     ("-q", "--max-e=0.5", "--", self.quiet), ("-qr", self.quiet, "--max-e=0.5")):
            done = run("hunt", *args)
            self.assertEqual(done.returncode, 0, done.err)
            self.assertEqual(done.out.split(", ")[:4], want)
            self.assertIn("E ≤ 0.5", done.out)

    def test_dashes_end_the_options(self):
        done = run("hunt", "--", "--json", cwd=self.folder)
        self.assertEqual(done.returncode, 3)
        self.assertIn("--json", done.err)


class Help(Case):
    def test_all(self):
        for args in (("help",), ("--help",), ("-h",)):
            done = run(*args)
            self.assertEqual((done.returncode, done.err), (0, ""))
            self.assertRegex(done.out, r"\n  hunt +read captures")
            self.assertRegex(done.out, r"\n  4 +part of the input was rejected or cut")
            self.assertNotIn("serve", done.out)  # only what there is

    def test_verb(self):
        want = run("help", "hunt").out
        for args in (("hunt", "--help"), ("hunt", "-h"), ("hunt", "x", "--json", "--help")):
            self.assertEqual(run(*args).out, want)
        for option in ("--json", "--report F.html", "--local CIDR,...", "--max-e X", "--budget N", "--all", "--since TIME",
                       "--until TIME", "--procedures", "--limit-memory SIZE", "--exit-code", "-q, --quiet", "-v, --verbose",
                       "-r, --read FILE", "-o, --output FILE"):
            self.assertIn(option, want)
        self.assertIn("(default 0.1)", want)
        self.assertTrue(all(len(line) <= 100 for line in want.splitlines()))
        self.usage("help", "hnut", says="did you mean hunt?")

    def test_version(self):
        self.assertRegex(run("--version").out, r"\Apostern \d+\.\d+\.\d+\n\Z")

    def test_procedures(self):
        done = run("hunt", "--procedures")
        self.assertEqual((done.returncode, done.err), (0, ""))
        for line in done.out.splitlines():
            self.assertRegex(line, r"^[a-z_]+ +T1008( T\d{4}(\.\d{3})?)* +\S.+")
        self.assertRegex(done.out, r"(?m)^ladder ")

    VERBS = re.findall(r"VERB\((\w+)\)", (pathlib.Path(__file__).parent.parent / "src/cli/verbs.def").read_text())
    PAGES = [(), *((verb,) for verb in VERBS if verb != "help")]

    @unittest.skipUnless(shutil.which("mandoc"), "mandoc is not installed")
    def test_man_pages_lint(self):
        for args in self.PAGES:
            page = run("--man", *args)
            self.assertEqual(page.returncode, 0)
            lint = subprocess.run(["mandoc", "-T", "lint", "-W", "warning"], input=page.stdout, capture_output=True,
                                  timeout=60)
            self.assertEqual(lint.stdout.decode(), "")
        page = run("--man", "hunt")
        text = subprocess.run(["mandoc", "-T", "utf8"], input=page.stdout, capture_output=True, timeout=60).stdout.decode()
        self.assertIn("Scale the tables to SIZE", text)

    @unittest.skipUnless(shutil.which("man") and shutil.which("groff"), "man is not installed")
    def test_man_reads_them(self):
        for args in self.PAGES:
            page = self.folder / "page.1"
            page.write_bytes(run("--man", *args).stdout)
            man = subprocess.run(["man", "-l", "--warnings", page], capture_output=True, timeout=60,
                                 env={**CLEAN, "MANPAGER": "cat"})
            self.assertEqual((man.returncode, man.stderr.decode()), (0, ""))
            self.assertIn(b"EXIT STATUS", man.stdout)

    @unittest.skipUnless(shutil.which("bash"), "bash is not installed")
    def test_completion(self):
        script = run("--completion").out

        def complete(*words):
            line = " ".join(f"'{word}'" for word in words)
            out = subprocess.run(["bash", "-c", f"{script}\nCOMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _postern; "
                                  'echo "${COMPREPLY[@]}"'], capture_output=True, text=True, timeout=60)
            self.assertEqual(out.stderr, "")
            return out.stdout.split()
        self.assertEqual(complete("postern", "hu"), ["hunt"])
        self.assertEqual(complete("postern", "hunt", "--re"), ["--read", "--report"])
        self.assertEqual(complete("postern", "help", ""), ["audit", "baseline", "cover", "guard", "hunt", "intel", "judge", "nfw", "policy", "report", "scan", "watch", "help"])
        self.assertEqual(complete("postern", "hunt", "cap"), [])


class Exit(Case):
    def test_done(self):
        done = run("hunt", self.quiet)
        self.assertEqual((done.returncode, done.err), (0, ""))
        self.assertIn("postern: quiet.pcap: 40 packets, 19 s, 1 host, 20 connections", done.out)
        self.assertIn("no findings (E ≤ 0.1)", done.out)

    def test_findings_only_when_asked(self):
        self.assertEqual(run("hunt", self.found).returncode, 0)
        self.assertEqual(run("hunt", "--exit-code", self.found).returncode, 1)
        self.assertEqual(run("hunt", "--exit-code", self.quiet).returncode, 0)
        self.assertEqual(run("hunt", "--exit-code", "--max-e", "1e-300", self.found).returncode, 0)

    def test_nothing_read(self):
        empty = self.folder / "empty.pcap"
        empty.write_bytes(capture([]))
        text = self.folder / "notes.txt"
        text.write_text("no capture at all, just words that go on for a while\n" * 10)
        bare = self.folder / "bare"
        bare.mkdir(exist_ok=True)
        for args in ((self.folder / "none.pcap",), (empty,), (text,), (bare,)):
            done = run("hunt", *args)
            self.assertEqual((done.returncode, done.out), (3, ""), done.err)
            self.assertIn("postern: nothing was read\n", done.err)
        done = run("hunt", "-")
        self.assertEqual((done.returncode, done.out), (3, ""), done.err)

    def test_nothing_read_as_json(self):
        page = self.folder / "page.html"
        page.write_text("an earlier one")
        done = run("hunt", "--json", "--report", page, self.folder / "none.pcap")
        self.assertEqual(done.returncode, 3)
        summary = json.loads(done.out)
        self.assertEqual((summary["type"], summary["records"]), ("summary", 0))
        self.assertEqual(page.read_text(), "an earlier one")

    def test_part_read(self):
        cut = self.folder / "cut.pcap"
        cut.write_bytes(self.quiet.read_bytes()[:-7])
        done = run("hunt", cut)
        self.assertEqual(done.returncode, 4, done.err)
        self.assertIn("cut.pcap", done.err)
        self.assertIn("39 packets", done.out)  # what was read is reported
        self.assertIn("not all of the input was read", done.out)
        done = run("hunt", self.quiet, self.folder / "none.pcap")
        self.assertEqual(done.returncode, 4)
        self.assertIn("none.pcap: ", done.err)
        self.assertIn("No such file", done.err)
        done = run("hunt", "--exit-code", self.found, self.folder / "none.pcap")
        self.assertEqual(done.returncode, 1)  # findings matter more

    def test_standard_input(self):
        done = run("hunt", "-", stdin=self.quiet.read_bytes())
        self.assertEqual((done.returncode, done.err), (0, ""))
        self.assertIn("postern: standard input: 40 packets", done.out)

    def test_full_disk(self):
        for args in (("hunt", self.quiet), ("hunt", "--json", self.quiet), ("hunt", "--procedures"), ("--help",),
                     ("--version",)):
            with open("/dev/full", "wb") as full:
                done = subprocess.run([POSTERN, *map(str, args)], stdout=full, stderr=subprocess.PIPE, timeout=60, env=CLEAN)
            self.assertEqual(done.returncode, 3, args)
            self.assertIn(b"standard output: can't be written: No space left on device", done.stderr)

    def test_reader_went_away(self):
        read, write = os.pipe()
        os.close(read)
        done = subprocess.run([POSTERN, "hunt", self.quiet], stdout=write, stderr=subprocess.PIPE, timeout=60, env=CLEAN)
        os.close(write)
        self.assertEqual(done.returncode, 3)
        self.assertIn(b"standard output: can't be written: Broken pipe", done.stderr)


class Results(Case):
    def test_same_input_same_bytes(self):
        first, second = (run("hunt", "--json", "--all", self.found).out for _ in range(2))
        cut = [[l for l in text.splitlines() if '"summary"' not in l] for text in (first, second)]
        self.assertEqual(cut[0], cut[1])
        summaries = [json.loads(text.splitlines()[-1]) for text in (first, second)]
        for summary in summaries:
            del summary["seconds"]  # the only field that may differ
        self.assertEqual(summaries[0], summaries[1])

    def test_json_keeps_the_contract(self):
        try:
            import jsonschema
        except ImportError:
            self.skipTest("python3-jsonschema is not installed")
        validator = jsonschema.Draft202012Validator(json.loads((HERE / "schema/finding.schema.json").read_text()))
        lines = [json.loads(line) for line in run("hunt", "--json", "--all", self.found).out.splitlines()]
        for finding in lines[:-1]:
            self.assertEqual([e.message for e in validator.iter_errors(finding)], [])
        reported = [f for f in lines[:-1] if f["explained"] is None]
        self.assertEqual(lines[-1]["findings"], len(reported))
        self.assertGreater(len(reported), 0)
        self.assertEqual([f["e_value"] for f in reported], sorted(f["e_value"] for f in reported))

    def test_output_file(self):
        plain = run("hunt", "--json", self.found).out.splitlines()[:-1]
        path = self.folder / "out.jsonl"
        done = run("hunt", "--json", "-o", path, self.found)
        self.assertEqual((done.returncode, done.out, done.err), (0, "", ""))
        self.assertEqual(path.read_text().splitlines()[:-1], plain)
        self.assertEqual([p.name for p in self.folder.glob("out.jsonl*")], ["out.jsonl"])

    def test_page(self):
        path = self.folder / "case.html"
        done = run("hunt", "--report", path, self.found)
        self.assertEqual(done.returncode, 0)
        self.assertIn("case.html: written", done.err)
        self.assertEqual(run("hunt", "-q", "--report", path, self.found).err, "")
        text = path.read_text()
        self.assertTrue(text.startswith("<!doctype html>"))
        self.assertIn("fallback channel", text)
        html.parser.HTMLParser().feed(text)

    def test_since_until_and_local(self):
        def connections(*args):
            return json.loads(run("hunt", "--json", *args, self.quiet).out)["connections"]
        self.assertEqual(connections(), 20)
        summary = json.loads(run("hunt", "--json", "--local", "192.0.2.0/24", self.quiet).out)
        self.assertEqual(summary["hosts"], 0)
        self.assertTrue(any("--local" in off for off in summary["off"]))

    def test_budget_is_shared_by_the_hosts(self):
        packets = refusals(5) + [(at + 10, frame.replace(bytes([10, 0, 0, 5]), bytes([10, 0, 0, 6])))
                                 for at, frame in refusals(5)]
        two = self.folder / "two.pcap"
        two.write_bytes(capture(packets))
        summary = json.loads(run("hunt", "--json", "--budget", "1", two).out)
        self.assertEqual((summary["hosts"], summary["max_e"]), (2, 0.5))

    def test_verbose(self):
        done = run("hunt", "-v", self.quiet)
        self.assertIn("quiet.pcap: pcap, 40 records", done.out)

    def test_ascii_without_utf8(self):
        done = run("hunt", self.found, env={"LC_ALL": "C"})
        self.assertEqual(done.returncode, 0)
        self.assertTrue(done.out.isascii())
        self.assertIn("(E <= 0.1)", done.out)

    def test_width(self):
        for env, most in (({}, 100), ({"COLUMNS": "70"}, 70), ({"COLUMNS": "10"}, 60), ({"COLUMNS": "x"}, 100)):
            lines = run("hunt", self.found, env=env).out.splitlines()
            self.assertLessEqual(max(len(l) for l in lines if "wireshark: " not in l), most)


class Terminal(Case):
    def on_terminal(self, *args, columns=120, env=None, during=None):
        """Runs with stdout and stderr on a terminal of its own; returns exit code and what was shown."""
        main, side = pty.openpty()
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        child = subprocess.Popen([POSTERN, *map(str, args)], stdin=subprocess.PIPE, stdout=side, stderr=side,
                                 env={**CLEAN, "TERM": "xterm", **(env or {})})
        os.close(side)
        shown, deadline = b"", time.monotonic() + 60
        if during:
            during(child)
        while time.monotonic() < deadline:
            if not select.select([main], [], [], 0.2)[0]:
                continue
            try:
                piece = os.read(main, 65536)
            except OSError:  # the other side is closed
                break
            if not piece:
                break
            shown += piece
        os.close(main)
        child.stdin.close()
        return child.wait(timeout=10), shown.decode()

    def test_colour_and_width(self):
        code, shown = self.on_terminal("hunt", self.found, columns=90)
        self.assertEqual(code, 0)
        for colour in ("\x1b[31m", "\x1b[32m", "\x1b[33m"):
            self.assertIn(colour, shown)
        self.assertIn("●", shown)

    def test_plain_when_wanted(self):
        for args, env in ((("-q",), {}), ((), {"NO_COLOR": "1"}), ((), {"TERM": "dumb"})):
            self.assertNotIn("\x1b", self.on_terminal("hunt", *args, self.found, env=env)[1])
        self.assertIn("\x1b", self.on_terminal("hunt", self.found, env={"NO_COLOR": ""})[1])

    @staticmethod
    def feed_slowly(child):
        frames = capture(refusals(5000))
        step = len(frames) // 15
        for start in range(0, len(frames), step):
            child.stdin.write(frames[start:start + step])
            child.stdin.flush()
            time.sleep(0.1)
        child.stdin.close()

    def test_progress_after_a_second(self):
        code, shown = self.on_terminal("hunt", "-", during=self.feed_slowly)
        self.assertEqual(code, 0)
        self.assertRegex(shown, "\r[0-9.]+ [kM]?B, [0-9.]+ [kM]?B/s, [0-9,]+ records\x1b\\[K")
        self.assertRegex(shown, "\r\x1b\\[Kpostern: standard input: 10,000 packets")  # and it is gone
        self.assertNotIn("/s", self.on_terminal("hunt", "-q", "-", during=self.feed_slowly)[1])
        self.assertNotIn("/s", self.on_terminal("hunt", self.quiet)[1])


class Signals(Case):
    def interrupted(self, number):
        child = subprocess.Popen([POSTERN, "hunt", "--json", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, env=CLEAN)
        child.stdin.write(capture(refusals(5000)))
        child.stdin.flush()
        time.sleep(1)
        child.send_signal(number)
        # the hunt looks up between packets: a few more arrive
        try:
            child.stdin.write(capture(refusals(5000))[24:])
            child.stdin.flush()
        except BrokenPipeError:
            pass
        out, err = child.communicate(timeout=30)
        self.assertEqual(child.returncode, 4, err)
        self.assertIn(b"interrupted: what had been read by then is judged", err)
        summary = json.loads(out)
        self.assertTrue(summary["partial"])
        self.assertGreaterEqual(summary["records"], 8192)
        self.assertLess(summary["records"], 20000)
        self.assertTrue(any("stopped early" in off for off in summary["off"]))

    def test_the_first_ends_the_hunt_early(self):
        self.interrupted(signal.SIGINT)
        self.interrupted(signal.SIGTERM)

    def test_the_second_ends_the_program(self):
        child = subprocess.Popen([POSTERN, "hunt", "-o", self.folder / "killed", "-"], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=CLEAN)
        child.stdin.write(capture(refusals(10)))
        child.stdin.flush()
        time.sleep(1)
        for _ in range(2):
            child.send_signal(signal.SIGINT)
            time.sleep(0.3)
        self.assertIn(child.wait(timeout=10), (-signal.SIGINT, 4))
        if (self.folder / "killed").exists():  # the first was enough: then it is whole
            self.assertRegex((self.folder / "killed").read_text(), "no findings .*; not all of the input was read\n\\Z")
        child.stdin.close()
        child.stdout.close()
        child.stderr.close()


if __name__ == "__main__":
    POSTERN = os.path.abspath(sys.argv.pop(1))
    unittest.main()
