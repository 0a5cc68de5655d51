"""Ratios of a `nox -s speed -- --benchmark-json NEW` beside those of another machine or another day; more is better.

    python benchmarks/ratios.py NEW                      # beside benchmarks/ratios.json; exit code 1 where one fell
    python benchmarks/ratios.py NEW --against OLD        # two saved files of pytest-benchmark
    python benchmarks/ratios.py NEW --write              # take NEW's as benchmarks/ratios.json

Only ratios are held against one another: seconds differ from machine to machine, and from hour to hour.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

REFERENCE = Path(__file__).parent / "ratios.json"
TOLERANCE = 0.25


def ratios_of(path: Path) -> dict[str, float]:
    """Benchmark and figure → ratio, of a file of pytest-benchmark's or of our own."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SystemExit(f"{path}: cannot be read: {error}") from None
    if "benchmarks" not in told:
        return {str(name): float(ratio) for name, ratio in told.items()}
    found = {}
    for benchmark in told["benchmarks"]:
        for name, ratio in _ratios(benchmark.get("extra_info", {}), ()):
            found["/".join([benchmark["name"], *name])] = ratio
    return found


def _ratios(info: Mapping[str, Any], place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], float]]:
    for key, value in info.items():
        if isinstance(value, Mapping):
            yield from _ratios(value, (*place, key))
        elif key == "ratio" or key.startswith("over_"):
            yield ((*place, key) if place or key != "ratio" else place, float(value))


def fallen(new: Mapping[str, float], old: Mapping[str, float], tolerance: float) -> list[str]:
    """Names of the ratios of `new` that are less than those of `old` by more than the share `tolerance`."""
    return [name for name in new.keys() & old.keys() if new[name] < (1 - tolerance) * old[name]]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("new", type=Path)
    parser.add_argument("--against", type=Path, default=REFERENCE, help="default: benchmarks/ratios.json")
    parser.add_argument("--tolerance", type=float, default=TOLERANCE, help=f"share of a ratio (default: {TOLERANCE})")
    parser.add_argument("--write", action="store_true", help="take them as benchmarks/ratios.json")
    chosen = parser.parse_args(arguments)
    if not 0 < chosen.tolerance < 1:
        parser.error(f"--tolerance {chosen.tolerance:g}: a share between 0 and 1")
    new = ratios_of(chosen.new)
    if not new:
        parser.error(f"{chosen.new}: no ratio in it; make it with nox -s speed -- --benchmark-json {chosen.new}")
    if chosen.write:
        known = ratios_of(REFERENCE) if REFERENCE.exists() else {}
        kept = {name: round(ratio, 3) for name, ratio in sorted({**known, **new}.items())}
        REFERENCE.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
        return 0
    old = ratios_of(chosen.against)
    bad = fallen(new, old, chosen.tolerance)
    for name in sorted(new):
        was = f"{old[name]:8.2f}" if name in old else "       –"
        print(f"{was} → {new[name]:8.2f}  {name}{'   FELL' if name in bad else ''}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
