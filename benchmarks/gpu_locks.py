"""Installs the CUDA lock of each backend for real and trains a few updates with it on a CPU, one after the other.

A lock that nobody has installed may be broken in ways that no reading shows.  A machine without a GPU shows most of them: what is
missing, what does not fit together, what does not import, what does not train.  What it cannot show, a device, the tests marked `gpu` do.
Each environment takes several GB, and is removed before the next.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from seedwise.images.definition import PackageBackend, load_definition  # noqa: E402
from seedwise.images.environments import build_environment  # noqa: E402
from seedwise.images.sources import sources_of  # noqa: E402
from seedwise.project import find_project  # noqa: E402
from tests.backends.conftest import backend_python  # noqa: E402
from tests.backends.workplace import INSIDE, Outcome, Workplace, call  # noqa: E402

LORA = {"method": {"name": "lora", "parameters": {"r": 2, "alpha": 4, "dropout": 0.0, "target_modules": "default"}}}
PATHS = {"hf": ("hf",), "peft": ("hf", "peft"), "fairseq": ("fairseq",)}


def tried(backend: str, place: Workplace, cache: Path) -> tuple[str, ...]:
    """Install, ask, train: a row of the table."""
    project = replace(find_project(ROOT), cache=cache)
    sources = sources_of(project, load_definition(project), backend, "cuda")
    begun = time.monotonic()
    built = build_environment(project, sources, print)
    seconds = time.monotonic() - begun
    size = sum(path.lstat().st_size for path in built.environment.rglob("*") if path.is_file())
    fetched = sum(path.stat().st_size for path in (cache / "wheels").rglob("*") if path.is_file())
    python, module = str(built.python), f"seedwise_{backend}"
    described = call([python, "-m", module, "describe"], *PATHS[backend])
    assert described.returncode == 0, described.stderr
    offers = json.loads(described.stdout)
    spec = place.spec({"backend": backend, **(LORA if backend == "peft" else {})})
    ran = call(place.command(python, module, "run", f"{backend}-cuda", spec), *PATHS[backend])
    assert ran.returncode == 0, ran.stderr
    outcome = Outcome(place.out(f"{backend}-cuda"))
    assert len(outcome.losses) == outcome.result.updates > 0
    return (
        backend, sources.lock_name, offers["packages"]["torch"], ", ".join(offers["devices"]), f"{fetched / 1e9:.1f} GB",
        f"{size / 1e9:.1f} GB", f"{seconds:.0f} s", f"{outcome.result.updates} updates on a CPU, loss {outcome.losses[0]:.4f} to "
        f"{outcome.losses[-1]:.4f}",
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("backends", nargs="*", help="default: every backend with a CUDA lock")
    parser.add_argument("--out", type=Path, help="Markdown file to write the table to")
    arguments = parser.parse_args()
    defined = load_definition(find_project(ROOT)).backends
    names = arguments.backends or [
        name for name, it in defined.items() if isinstance(it, PackageBackend) and "cuda" in it.flavours
    ]
    rows = []
    with tempfile.TemporaryDirectory(prefix="seedwise-gpu-locks-", dir=os.environ.get("TMPDIR")) as folder:
        place = Workplace(Path(folder) / "work")
        made = call([backend_python("hf"), str(INSIDE / "make_models.py"), str(place.models)], "hf")
        assert made.returncode == 0, made.stderr
        for name in names:
            cache = Path(folder) / "cache"
            rows.append(tried(name, place, cache))
            print(*rows[-1], sep=" | ", flush=True)
            shutil.rmtree(cache)
    head = (
        "backend",
        "lock",
        "torch",
        "devices it offers",
        "fetched",
        "environment",
        "fetching and installing",
        "trained",
    )
    lines = [f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows)]
    text = "\n".join(
        [
            "# CUDA locks, installed",
            "",
            f"By `nox -s gpu_locks` on Python {platform.python_version()}, {platform.machine()}, a machine **without a GPU**: each lock",
            "was fetched, installed, asked what it offers, and trained a few updates on the CPU. What has run on a device",
            "stands on [its own page](gpu.md). Times are of a shared machine.",
            "",
            *lines,
            "",
        ]
    )
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
