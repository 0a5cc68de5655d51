"""Runs a command, and kills all of its session when the harness ends.  Imports nothing of Seedwise.

    python -I -S guard.py HARNESS WORD...    HARNESS: its process

For commands that change their own rights: that takes back what the launcher asked of the kernel, and they would outlive the
harness.  SIGTERM is handed on, and it ends as the command ends.
"""

import ctypes
import os
import select
import signal
import sys
from contextlib import suppress
from pathlib import Path
from types import FrameType

_PR_SET_PDEATHSIG = 1
_NOT_STARTED = 126


def main() -> None:
    harness, command = int(sys.argv[1]), sys.argv[2:]
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, 0, 0, 0, 0)  # it has to outlive the harness for a moment
    try:
        harness_ended = os.pidfd_open(harness)
    except ProcessLookupError:
        sys.exit(_NOT_STARTED)
    if os.getppid() != harness:  # it has ended, and another process may have its number
        sys.exit(_NOT_STARTED)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    child = os.fork()
    if child == 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
        os.execv(command[0], command)

    def hand_on(number: int, frame: FrameType | None) -> None:
        os.kill(child, number)

    signal.signal(signal.SIGTERM, hand_on)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):  # the command's alone: whoever reads what it says waits for its end
        os.dup2(nothing, standard)
    ended = select.poll()
    ended.register(harness_ended, select.POLLIN)
    ended.register(os.pidfd_open(child), select.POLLIN)
    if harness_ended in (file for file, _ in ended.poll()):
        _kill_session()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code < 0:
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def _kill_session() -> None:
    """Everything that the command has started, this process last: a file system of its own has a group of its own."""
    own = os.getpid()
    for other in (int(place.name) for place in Path("/proc").iterdir() if place.name.isdigit()):
        with suppress(OSError):
            if other != own and os.getsid(other) == os.getsid(0):
                os.kill(other, signal.SIGKILL)
    os.kill(own, signal.SIGKILL)


if __name__ == "__main__":
    main()
