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
    begun, running = time.monotonic(), None

    def end(*_):
        running.terminate()
        sys.exit(running.wait())

    signal.signal(signal.SIGTERM, end)
    for at in [*times, None]:
        running = subprocess.Popen(command)
        if at is None:
            return running.wait()
        time.sleep(max(0.0, begun + at - time.monotonic()))
        if running.poll() is not None:
            return running.returncode or 1  # it ended by itself
        running.kill()
        running.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
