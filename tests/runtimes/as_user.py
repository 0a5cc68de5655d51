"""A program that a test runs as an ordinary user: the probe by Apptainer or rootless Podman, its answers as JSON.

python as_user.py apptainer|podman ROOT HOME CACHE DO...     (DO after `warm:` in a backend that stays up for all of those)
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from seedwise.project import find_project
from seedwise.runtimes.base import Launch, Lease, ServingRuntime
from seedwise.runtimes.choose import choose
from seedwise.runtimes.warm import WarmRuntime


def launch(runtime: ServingRuntime, root: Path, home: Path, do: str, memory: int) -> Launch:
    out = home / "runs" / f"{do}-{time.time_ns()}"
    out.mkdir(parents=True)
    (out / "spec.json").write_text(json.dumps({"do": do}))
    digest = runtime.prepare(["probe"], lambda line: print(line, file=sys.stderr))["probe"]
    return Launch(
        backend="probe",
        digest=digest,
        run_id=out.name,
        out=out,
        data=root / "data",
        models=root / "models",
        lease=Lease((0,), ()),
        memory_bytes=memory,
    )


def main() -> None:
    name, root, home, cache, *what = sys.argv[1], *map(Path, sys.argv[2:5]), *sys.argv[5:]
    project = find_project(root).__class__(root=root, home=home, cache=cache, data_root=None)
    runtime, _ = choose(project, name, "cpu")
    answers: dict[str, object] = {
        "digest": runtime.prepare(["probe"], lambda line: print(line, file=sys.stderr))["probe"]
    }
    warm = WarmRuntime(runtime)
    warm.describe("probe")
    for asked in what:
        _, stays_up, do = asked.rpartition("warm:")
        one = launch(runtime, root, home, do, 512 << 20)
        begun = time.monotonic()
        before = set((home / "runs").rglob("started"))
        process = (warm if stays_up else runtime).start(one)
        if do == "save":
            # The folder of a warm backend lies elsewhere for its time.
            while set((home / "runs").rglob("started")) <= before and process.poll() is None:
                time.sleep(0.05)
            process.stop(20)
        ended = process.wait()
        found: dict[str, object] = {"code": ended.code, "log": ended.log[-1000:], "seconds": time.monotonic() - begun}
        found |= {
            path.name: path.read_text() for path in one.out.iterdir() if path.is_file() and path.name != "spec.json"
        }
        answers[asked] = found
    answers["notes"] = warm.notes
    warm.close()
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
