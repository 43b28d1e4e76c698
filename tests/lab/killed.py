#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tests/lab/killed.py SEC[,SEC...] COMMAND...: runs the command, kills it (SIGKILL) when so many seconds have passed, and starts it again at once.

For measure.py: what does a guard whose analyst half is killed in the middle? Its output passes through; SIGTERM ends the last."""
import signal
import subprocess
import sys
import time


def main():
    times, command = [float(word) for word in sys.argv[1].split(",")], sys.argv[2:]
    begun, running, ending = time.monotonic(), None, False

    def end(*_):
        nonlocal ending
        ending = True
        running.terminate()

    signal.signal(signal.SIGTERM, end)
    for at in [*times, float("inf")]:
        running = subprocess.Popen(command)
        while running.poll() is None and (ending or time.monotonic() < begun + at):
            time.sleep(0.02)
        if running.poll() is not None:  # it ended by itself
            return running.returncode
        running.kill()
        running.wait()
    return 1


if __name__ == "__main__":
    sys.exit(main())
