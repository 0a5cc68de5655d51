"""Becomes a backend process: leased cores, and an end when the harness ends.  Imports nothing of Seedwise.

    python -I -S launcher.py PARENT CORES WORD...    CORES: numbers joined by commas, or '-'

It replaces itself by the command, so that the process that the harness holds is the backend itself.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    parent, cores, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died before we asked to be told
            os.kill(os.getpid(), signal.SIGKILL)
        if cores != "-":
            os.sched_setaffinity(0, {int(core) for core in cores.split(",")})
    os.execv(command[0], command)


main()
