"""The quick studies on a GPU, by the clock, beside the same on this machine's processor.

    python benchmarks/gpu_speed.py --out FILE        (`nox -s gpu` runs the tests on a device before it)

Every row is a session of its own from an empty store, with environments and data already there.  The speed of a small model
on a large device says what the suite costs there, and nothing of the device.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from seedwise.execution.engines.leases import asked, usable_cores, usable_gpus
from seedwise_contract.processor import cpu_name

ROOT = Path(__file__).parents[1]
QUICK = ROOT / "benchmarks" / "quick"
STUDY = "pretrained-vs-random.yaml"


@dataclass(frozen=True)
class Mode:
    """What a session is called with; `precision` replaces the studies' own."""

    name: str
    words: tuple[str, ...]
    studies: tuple[str, ...] = (STUDY,)
    precision: str = "fp32"


EVERY = tuple(sorted(path.name for path in QUICK.glob("*.yaml")))
MODES = (
    Mode("all quick studies, GPU, 4 runs at once", ("--device", "cuda", "--runs-per-gpu", "4"), EVERY),
    Mode("one study, GPU, 1 run at a time", ("--device", "cuda")),
    Mode("one study, GPU, 4 runs at once", ("--device", "cuda", "--runs-per-gpu", "4")),
    Mode("one study, GPU, 4 runs at once, bf16", ("--device", "cuda", "--runs-per-gpu", "4"), precision="bf16"),
    Mode("one study, processor", ("--device", "cpu")),
)


@dataclass(frozen=True)
class Measured:
    mode: Mode
    seconds: float
    training: dict[str, float]  # median seconds of training a run, by backend
    verdicts: list[str]
    device: str


def measure(mode: Mode, runtime: str, timeout: float) -> Measured:
    with tempfile.TemporaryDirectory(prefix="seedwise-gpu-") as folder:
        root = Path(folder)
        for name in ("docker", "backends"):
            (root / name).symlink_to(ROOT / name)
        (root / "pytest.ini").write_text("[pytest]\n")
        for study in mode.studies:
            text = (QUICK / study).read_text(encoding="utf-8")
            (root / study).write_text(text.replace("precision: fp32", f"precision: {mode.precision}"))
        environment = {**os.environ, "SEEDWISE_HOME": str(root / "home"), "NO_COLOR": "1"}
        words = [sys.executable, "-m", "pytest", "-p", "no:benchmark", *mode.studies, "--runtime", runtime, *mode.words]
        begun = time.monotonic()
        answer = subprocess.run(words, cwd=root, env=environment, capture_output=True, text=True, timeout=timeout)
        seconds = time.monotonic() - begun
        if answer.returncode != 0:
            raise SystemExit(
                f"{mode.name}: exit code {answer.returncode}\n{answer.stdout[-6000:]}{answer.stderr[-2000:]}"
            )
        training: dict[str, list[float]] = {}
        devices = set()
        for path in (root / "home" / "runs").glob("*/result.json"):
            backend = json.loads((path.parent / "spec.json").read_text())["backend"]
            if backend != "sklearn":
                training.setdefault(backend, []).append(json.loads(path.read_text())["timings"]["training"])
                devices.add(json.loads((path.parent / "environment.json").read_text())["device"])
        verdicts = [line.strip() for line in answer.stdout.splitlines() if line.startswith(_CLAIMS)]
        medians = {backend: statistics.median(times) for backend, times in sorted(training.items())}
        return Measured(mode, seconds, medians, verdicts, ", ".join(sorted(devices)))


_CLAIMS = ("pretraining-helps:", "same-accuracy:", "lora-", "bitfit-", "fairseq-")


def page(found: list[Measured], command: str) -> str:
    rows = [
        f"| {one.mode.name} | {len(one.mode.studies)} | {one.seconds:.0f} | "
        + ", ".join(f"{backend} {seconds:.1f}" for backend, seconds in one.training.items())
        + f" | {'; '.join(one.verdicts)} |"
        for one in found
    ]
    card = asked("name,driver_version,memory.total")[0]
    return "\n".join(
        [
            f"<!-- generated: `{command}` -->",
            "",
            f"GPU, driver, MiB: {card}; {len(usable_cores())} cores of {cpu_name() or 'an unnamed processor'}; "
            f"as torch names it: {found[0].device}.",
            "",
            "| session, from an empty store | studies | seconds, whole | median seconds of training a run | verdicts |",
            "| --- | ---: | ---: | --- | --- |",
            *rows,
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="where the page is written; printed without it")
    parser.add_argument("--runtime", default="auto")
    parser.add_argument(
        "--modes", type=int, nargs="*", help="some of the rows, counted from 0", default=range(len(MODES))
    )
    parser.add_argument("--timeout", type=float, default=3600, help="seconds for each row")
    given = parser.parse_args()
    if not usable_gpus():
        parser.error("no CUDA device is usable here")
    found: list[Measured] = []
    for number in given.modes:
        found.append(measure(MODES[number], given.runtime, given.timeout))
        text = page(found, "nox -s gpu")
        print(text, flush=True)
        if given.out:
            given.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
