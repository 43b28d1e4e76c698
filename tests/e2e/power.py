# SPDX-License-Identifier: Apache-2.0
"""What a disk may hold when the power goes, by what a program asked of the kernel (strace): of what was not synced any part."""
import contextlib
import dataclasses
import os
import re

WRITES = "write,pwrite64,writev,pwritev,pwritev2,ftruncate,truncate,fallocate,copy_file_range,sendfile"
NAMES = "open,openat,creat,rename,renameat,renameat2,unlink,unlinkat,link,linkat"
SYNCS = "fsync,fdatasync,sync,syncfs,sync_file_range"
CALL = re.compile(r"^(\w+)\((.*)\) += (-?\d+)(?:<([^>]*)>)?")
FD = re.compile(r"^(\d+|AT_FDCWD)(?:<([^>]*)>)?$")


def strace(file):
    """Words before a program's."""
    return ["strace", "-qq", "-y", "-xx", "-s", "4000000", "-o", str(file), "-e", f"trace={WRITES},{NAMES},{SYNCS},mmap,sendto"]


def text(word):
    return bytes(word, "ascii").decode("unicode_escape").encode("latin-1")


def path_of(word):
    return os.fsdecode(text(word.removesuffix("(deleted)")))


@dataclasses.dataclass
class Call:
    name: str
    fd: int | None
    path: str | None  # of the descriptor, or the first that is named
    data: bytes | None
    words: list
    ret: int


def calls(file):
    """Those that succeeded, in order."""
    for line in open(file, encoding="ascii"):
        match = CALL.match(line)
        if match is None or int(match[3]) < 0:
            continue
        name, words, ret = match[1], match[2].split(", "), int(match[3])
        fd = FD.match(words[0])
        strings = [text(word[1:-1]) for word in words if word.startswith('"')]
        path = path_of(fd[2]) if fd and fd[2] else None
        if name in ("open", "openat", "creat"):
            path = path_of(match[4])
        elif name in ("rename", "unlink", "renameat", "renameat2", "unlinkat"):
            path = os.fsdecode(strings[0])
        elif name == "mmap":
            mapped = FD.match(words[4])
            path = path_of(mapped[2]) if mapped and mapped[2] else None
        yield Call(name, int(fd[1]) if fd and fd[1].isdigit() else None, path, strings[-1] if strings else None, words, ret)


class File:
    def __init__(self):
        self.synced, self.now, self.pending = bytearray(), bytearray(), []

    @staticmethod
    def put(data, change):
        at, written = change
        if written is None:  # cut, or lengthened
            data[:] = data[:at].ljust(at, b"\0")
        else:
            data[:] = data.ljust(at, b"\0")
            data[at:at + len(written)] = written

    def change(self, at, written):
        self.put(self.now, (at, written))
        self.pending.append((at, written))

    def sync(self):
        self.synced, self.pending = bytearray(self.now), []


class Disk:
    """Of one folder. heeds: whether syncs do anything; a disk on which they don't shows that a test can fail."""

    def __init__(self, folder, heeds=True):
        self.folder, self.heeds = str(folder), heeds
        self.names, self.synced_names = {}, {}

    def is_ours(self, path):
        return path is not None and path.startswith(self.folder + "/") and not path.endswith("-shm")  # made anew by who opens it

    def take(self, call):
        """False: it changed nothing here."""
        path = call.path
        if call.name in ("sync", "syncfs") or (call.name in ("fsync", "fdatasync") and path == self.folder):
            if self.heeds:
                self.synced_names = dict(self.names)
            return True
        if not self.is_ours(path):
            return False
        if call.name in ("open", "openat", "creat"):
            made = path not in self.names
            file = self.names.setdefault(path, File())
            if "O_TRUNC" in call.words[-2] or "O_TRUNC" in call.words[-1] or call.name == "creat":
                file.change(0, None)
            return made
        if call.name == "mmap":
            assert "PROT_WRITE" not in call.words[2] or "MAP_PRIVATE" in call.words[3], call
            return False
        if call.name.startswith("unlink"):
            self.names.pop(path, None)
        elif call.name.startswith("rename"):
            self.names[os.fsdecode(call.data)] = self.names.pop(path)
        elif call.name in ("fsync", "fdatasync"):
            if self.heeds:
                self.names[path].sync()
        elif call.name == "pwrite64":
            self.names[path].change(int(call.words[3]), call.data[:call.ret])
        elif call.name == "write":  # the trail is appended to, and nothing else is written so
            self.names[path].change(len(self.names[path].now), call.data[:call.ret])
        elif call.name == "ftruncate":
            self.names[path].change(int(call.words[1]), None)
        else:
            raise AssertionError(f"the model does not know it: {call}")
        return True

    def crash(self, to, kept, chance):
        """What may be left, as files in the folder `to`: of what was not synced nothing, all, or some of it, the last write torn."""
        names = {"nothing": self.synced_names, "all": self.names}.get(kept)
        if names is None:
            names = {**self.synced_names, **{name: file for name, file in self.names.items() if chance.random() < 0.5}}
        for name, file in names.items():
            data = bytearray(file.synced)
            for change in file.pending:
                if kept == "all" or (kept == "some" and chance.random() < 0.5):
                    File.put(data, change)
                elif kept == "torn" and change[1] is not None:
                    File.put(data, (change[0], change[1][:chance.randrange(len(change[1]) + 1)]))
            with contextlib.suppress(FileExistsError):
                os.makedirs(to)
            with open(os.path.join(to, os.path.relpath(name, self.folder)), "wb") as out:
                out.write(data)
