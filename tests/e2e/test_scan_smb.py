# SPDX-License-Identifier: Apache-2.0
"""postern scan: files that SMB carries, told whole or said to be not."""
import pathlib
import random
import shutil
import socket
import struct
import subprocess
import threading
import time
import unittest

import packets
import smbtalk
from support import DONE, PARTIAL
from test_scan import BODY, CLIENT, SERVER, Scan, Talk, sha


def talk(says, mss=1000, port=445):
    t = Talk(mss=mss)
    t.list, t.ports, t.seq = [], (40000, port), {True: 1000, False: 9000}
    t.segment(True, b"", packets.SYN)
    t.segment(False, b"", packets.SYN | packets.ACK)
    for up, data in says:
        t.say(up, data)
    return t.end()


class Smb(Scan):
    def carried(self, says, codes=(DONE,), mss=1000, port=445):
        return self.scan(self.capture(talk(says, mss, port)), codes=codes)[0]

    def whole(self, says, direction="download", uri="\\dir\\b.exe", host=smbtalk.SHARE, **how):
        files = self.carried(says, **how)
        self.assertEqual([(file["sha256"], file["gap"], file["direction"], file["host"], file["uri"], file["protocol"]) for file in files],
                         [(sha(BODY), None, direction, host, uri, "smb")])
        self.assertEqual(files[0]["matches"][0]["name"], "own_mark")
        self.assertEqual(files[0]["from"]["address"], SERVER if direction == "download" else CLIENT)

    def test_files_that_are_read_and_written(self):
        for mss in (1, 3, 100, 1400):
            for write, direction in ((False, "download"), (True, "upload")):
                self.whole(smbtalk.passing(BODY, write=write), direction, mss=mss)
                self.whole(smbtalk.old_passing(BODY, write=write), direction, mss=mss)

    def test_any_order_of_offsets(self):
        for seed in range(4):
            order = list(range((len(BODY) + 99) // 100))
            random.Random(seed).shuffle(order)
            for write, direction in ((False, "download"), (True, "upload")):
                self.whole(smbtalk.passing(BODY, write=write, size=100, order=order, late=seed % 2 == 1), direction)

    def test_several_in_one_message(self):
        self.whole(smbtalk.at_once(BODY), uri="\\b.exe", host="")

    def test_over_netbios_on_any_port(self):
        called = struct.pack(">BBHB32sBB32sB", 0x81, 0, 68, 32, b"CK" * 16, 0, 32, b"CA" * 16, 0)
        self.whole([(True, called), (False, b"\x82\0\0\0"), *smbtalk.passing(BODY)], port=139)
        self.whole(smbtalk.passing(BODY), port=5555)

    def test_names_are_unicode(self):
        self.whole(smbtalk.passing(BODY, name="\u00e4\u20ac\U0001f600.exe"), uri="\\\u00e4\u20ac\U0001f600.exe")

    def test_pipes_and_folders_are_no_files(self):
        says = smbtalk.passing(BODY)
        says[1] = (False, smbtalk.compound((smbtalk.TREE_CONNECT, 1, smbtalk.SERVER, smbtalk.got_tree(2))))
        self.assertEqual(self.carried(says), [])

    def test_what_was_not_read_is_said(self):
        files = self.carried(smbtalk.passing(BODY, order=[0, 2, 3]), codes=(PARTIAL,))
        self.assertEqual([file["gap"] for file in files], [f"bytes 3000 to 5999 of it are not there, {len(BODY) - 3000} of {len(BODY)} are"])
        files = self.carried(smbtalk.passing(BODY, order=[0]), codes=(PARTIAL,))
        self.assertEqual((files[0]["bytes"], files[0]["gap"]), (3000, f"bytes 3000 to {len(BODY) - 1} of it are not there, 3000 of {len(BODY)} are"))

    def test_places_far_away_cost_nothing(self):
        says = smbtalk.passing(BODY[:100], write=True)
        says[4:4] = [(True, smbtalk.compound((smbtalk.WRITE, 50 + i, 0, smbtalk.ask_write(at, b"x")))) for i, at in enumerate((1 << 25, 1 << 62, (1 << 64) - 1))]
        files = self.carried(says, codes=(PARTIAL,))
        self.assertEqual(sorted(file["bytes"] for file in files), [1, 100])
        self.assertTrue(all(file["gap"] for file in files))

    def test_what_is_sealed_or_packed_is_said(self):
        for mark, words in ((b"\xfdSMB", "encrypted"), (b"\xfcSMB", "compressed")):
            [file] = self.carried([(True, smbtalk.frame(mark + bytes(100))), (False, smbtalk.frame(mark + bytes(100)))], codes=(PARTIAL,))
            self.assertIn(words, file["gap"])

    def test_a_lost_packet_is_said_or_nothing_is_lost(self):
        for says in (smbtalk.passing(BODY, write=True), smbtalk.passing(BODY), smbtalk.at_once(BODY), smbtalk.old_passing(BODY)):
            frames = talk(says, mss=900)
            for lost in range(2, len(frames) - 2):
                files, _ = self.scan(self.capture(frames[:lost] + frames[lost + 1:]), codes=(DONE, PARTIAL))
                found = any(file["matches"] for file in files if file["sha256"] == sha(BODY))
                said = any(file["gap"] for file in files)
                self.assertTrue(found or said, lost)
                self.assertEqual([file["gap"] for file in files if file["gap"] is None and file["sha256"] != sha(BODY)], [], lost)


class Recorder:
    """Between a client and a server on this machine: what passes, in order."""

    def __init__(self, server_port):
        self.says, self.lock = [], threading.Lock()
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port, self.to = self.socket.getsockname()[1], server_port
        threading.Thread(target=self.serve, daemon=True).start()

    def pass_on(self, source, target, up):
        while data := source.recv(65536):
            with self.lock:
                self.says.append((up, data))
                target.sendall(data)
        target.close()

    def serve(self):
        client, _ = self.socket.accept()
        server = socket.create_connection(("127.0.0.1", self.to))
        threading.Thread(target=self.quietly, args=(server, client, False), daemon=True).start()
        self.quietly(client, server, True)

    def quietly(self, *args):
        try:
            self.pass_on(*args)
        except OSError:
            pass


@unittest.skipUnless(shutil.which("smbd") and shutil.which("smbclient"), "no Samba here (samba, smbclient)")
class Samba(Scan):
    """Real peers."""

    def start(self, protocol):
        folder = pathlib.Path(self.folder) / protocol
        for name in ("share", "private", "state", "cache", "lock", "pid", "ncalrpc"):
            (folder / name).mkdir(parents=True)
        (folder / "share").chmod(0o777)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        config = folder / "smb.conf"
        config.write_text(f"""[global]
private dir = {folder}/private
state directory = {folder}/state
cache directory = {folder}/cache
lock directory = {folder}/lock
pid directory = {folder}/pid
ncalrpc dir = {folder}/ncalrpc
log file = {folder}/log
smb ports = {port}
interfaces = lo
bind interfaces only = yes
server min protocol = NT1
server smb encrypt = off
map to guest = Bad User
disable spoolss = yes
load printers = no
[share]
path = {folder}/share
guest ok = yes
read only = no
force user = root
""")
        smbd = subprocess.Popen(["smbd", "-F", "--no-process-group", "-s", config], start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        self.addCleanup(smbd.wait)
        self.addCleanup(smbd.terminate)
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return folder, port
            except OSError:
                time.sleep(0.1)
        self.skipTest("smbd does not start here")

    def passed(self, protocol):
        folder, port = self.start(protocol)
        (folder / "up.bin").write_bytes(BODY * 30)
        (folder / "share/down.bin").write_bytes(BODY * 40)
        recorder = Recorder(port)
        done = subprocess.run(["smbclient", "-N", "-p", str(recorder.port), "-m", protocol, "--option=client min protocol=NT1", "//127.0.0.1/share",
                               "-c", f"get down.bin {folder}/got; put {folder}/up.bin up.bin"], capture_output=True, timeout=60, check=False)
        if (folder / "share/up.bin").exists() and (folder / "got").exists():
            return recorder.says
        self.skipTest(f"smbclient and smbd do not get on here: {done.stdout.decode()[-200:]}")

    def test_versions(self):
        for protocol in ("NT1", "SMB2_02", "SMB3_11"):
            files, _ = self.scan(self.capture(talk(self.passed(protocol), mss=1400), f"{protocol}.pcap"))
            self.assertEqual({(file["uri"], file["direction"], file["sha256"], file["gap"]) for file in files},
                             {("\\down.bin", "download", sha(BODY * 40), None), ("\\up.bin", "upload", sha(BODY * 30), None)}, protocol)


if __name__ == "__main__":
    unittest.main()
