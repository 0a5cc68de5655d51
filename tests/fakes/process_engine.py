"""An engine as a package of somebody else adds one: hosts are process groups of this machine that can be killed.

`HOSTS` in its settings or the environment variable `PROCESS_HOSTS` is how many there are, a run on each at a time.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from seedwise.execution.engines.base import Node
from seedwise.execution.engines.cluster import Opening, Phase, State
from seedwise.execution.engines.node import TASKS
from seedwise.execution.engines.task import Task
from seedwise.execution.provenance import host_name


def unwilling(opening: Opening) -> None:
    raise RuntimeError("not today")


class Processes:
    name = "processes"
    shares_gpus = False
    keeps_jobs = False

    def __init__(self, opening: Opening) -> None:
        self._hosts = int(opening.address or os.environ.get("PROCESS_HOSTS", "2"))
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._count = 0
        self._log = Path(tempfile.mkstemp(prefix="process-engine-", dir=opening.project.home.parent)[1])

    def capacity(self) -> Sequence[Node]:
        return [Node(f"process{number}" if number else host_name(), 1, 8 << 30) for number in range(self._hosts)]

    def submit(self, tasks: Sequence[Task], avoid: Collection[str] = ()) -> Sequence[str]:
        handles = []
        for task in tasks[: max(0, self._hosts - len(self._alive()))]:
            self._count += 1
            handle = f"p{self._count}"
            with self._log.open("ab") as log:
                process = subprocess.Popen(
                    [sys.executable, "-m", "seedwise.execution.engines.node", "0", handle],
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    env={**os.environ, **self.environment()},
                )
            assert process.stdin is not None
            process.stdin.write(TASKS.dump_json([task]))
            process.stdin.close()
            self._running[handle] = process
            handles.append(handle)
        return handles

    def environment(self) -> dict[str, str]:
        """Of the next host's process, beside this one's, where a folder with a `sitecustomize` is named: clocks an hour ahead and
        behind, and another version of Seedwise on the first `PROCESS_OTHERS`.
        """
        odd = os.environ.get("PROCESS_ODD")
        if odd is None:
            return {}
        path = os.pathsep.join(filter(None, [odd, os.environ.get("PYTHONPATH")]))
        other = "9.9" if self._count <= int(os.environ.get("PROCESS_OTHERS", "0")) else ""
        return {"CLOCK_SHIFT": str((-3600, 3600)[self._count % 2]), "OTHER_VERSION": other, "PYTHONPATH": path}

    def found(self, run_ids: Collection[str]) -> Mapping[str, str]:
        return {}

    def states(self, handles: Collection[str]) -> Mapping[str, State]:
        found = {}
        for handle in handles:
            code = self._running[handle].poll()
            phase = Phase.RUNNING if code is None else Phase.LOST if code < 0 else Phase.ENDED
            found[handle] = State(phase, f"exit code {code}")
        return found

    def gone(self) -> Collection[str]:
        return ()

    def cancel(self, handles: Collection[str]) -> None:
        for handle in handles:
            if self._running[handle].poll() is None:
                self._running[handle].send_signal(signal.SIGTERM)

    def probe(self, nodes: Collection[Node], question: str) -> None:
        subprocess.run([sys.executable, "-m", "seedwise.execution.engines.probe"], input=question.encode(), check=True)

    def close(self) -> None:
        for process in self._alive():
            process.wait(30)

    def _alive(self) -> list[subprocess.Popen[bytes]]:
        return [process for process in self._running.values() if process.poll() is None]
