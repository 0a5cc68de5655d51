"""Becomes a backend process: leased cores, a cage, and an end when the harness ends.  Imports nothing else of Seedwise.

    python -I -S launcher.py PARENT CORES CAGE WORD...    CORES: numbers joined by commas, or '-'
                                                          CAGE: the arguments of `cage.enter` as JSON, or '-'

It replaces itself by the command, so that the process that the harness holds is the backend itself.
"""

import ctypes
import json
import os
import resource
import signal
import sys
from contextlib import suppress

_PR_SET_PDEATHSIG = 1
_NICENESS = 5  # behind whatever its user does meanwhile
_TO_BE_KILLED_FIRST = "500"  # where memory runs out, before the harness
_NOT_STARTED = 126


def main() -> None:
    parent, cores, cage, command = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:]
    if sys.platform == "linux":
        if cores != "-":
            os.sched_setaffinity(0, {int(core) for core in cores.split(",")})
        if cage != "-":
            _yield_to_others()
            _enter(json.loads(cage))
        # Last, since a change of rights takes it back.
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died before we asked to be told
            os.kill(os.getpid(), signal.SIGKILL)
    os.execv(command[0], command)


def _yield_to_others() -> None:
    os.nice(_NICENESS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write(_TO_BE_KILLED_FIRST)


def _enter(asked: dict[str, object]) -> None:
    """Nothing runs outside of a cage that was promised."""
    sys.path.append(__file__.rpartition("/")[0])  # -I leaves it out
    from cage import enter  # type: ignore[import-not-found]

    try:
        enter(**asked)
    except OSError as error:
        print(f"the backend was not started, since its cage could not be closed: {error}", file=sys.stderr)
        sys.exit(_NOT_STARTED)


main()
