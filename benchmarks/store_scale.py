"""How store, plan, verdicts, report and import into MLflow bear many runs: 1,000 and 10,000 of them, side by side.

    python benchmarks/store_scale.py [--runs 1000 10000] [--seeds 50] [--no-import] [--json FILE]

Studies of 2 arms, the more the more runs there are (`--seeds 5000` makes one study of 10,000 runs).  Figures are seconds of the
processor; the last column is the exponent of their growth: 1 is as the runs, more is faster than the runs.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from seedwise.execution.engines.base import Setting  # noqa: E402
from seedwise.execution.engines.leases import LeasePool  # noqa: E402
from seedwise.execution.engines.local import LocalEngine  # noqa: E402
from seedwise.execution.provenance import look_around  # noqa: E402
from seedwise.execution.workbench import roots_of  # noqa: E402
from seedwise.forecast.claims import forecast  # noqa: E402
from seedwise.forecast.cost import CostModel  # noqa: E402
from seedwise.planning.plan import Plan, make_plan  # noqa: E402
from seedwise.report import write_reports  # noqa: E402
from seedwise.runtimes.venv import VenvRuntime  # noqa: E402
from seedwise.store import attempts  # noqa: E402
from seedwise.store.history import History, runs_of  # noqa: E402
from seedwise.store.store import Store  # noqa: E402
from seedwise.study.load import load_study  # noqa: E402
from seedwise.study.model import Study, Variances  # noqa: E402
from seedwise.tracker import track  # noqa: E402
from seedwise.verdicts.comparison import StudyOutcome, compare  # noqa: E402
from seedwise_contract import FailureReason  # noqa: E402
from tests.conftest import STUDY, Small, small_project  # noqa: E402
from tests.tracker.stores import quiet, write_run  # noqa: E402


class Figures(dict[str, float]):
    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        gc.collect()
        gc.freeze()  # what was made before is not gone through again and again at the expense of this figure
        begun = time.process_time()
        yield
        self[name] = time.process_time() - begun


def studies_of(small: Small, count: int, seeds: int) -> list[Study]:
    """`count` studies of 2 arms whose runs differ."""
    small.study.unlink()
    found = []
    for number in range(count):
        text = STUDY.replace("name: small", f"name: many-{number}").replace("seeds: 4", f"seeds: {seeds}")
        text = text.replace("rate: 0.0", f"rate: 0.{number}1").replace("rate: 1.0", f"rate: 1.{number}1")
        path = small.study.with_name(f"many-{number}.yaml")
        path.write_text(text)
        found.append(load_study(path).study)
    return found


def fail(store: Store, plans: list[Plan]) -> None:
    """Of every run an attempt that failed."""
    for plan in plans:
        for run in plan.runs:
            attempt = attempts.begin(store.root, run.run_id or "")
            store.record_failure(attempt, FailureReason.BAD_DATA, "row 3 is not what it should be", 3)


def measure(runs: int, seeds: int, imported: bool, folder: Path) -> Figures:
    figures = Figures()
    small = small_project(folder)
    project = small.project
    with patch.dict(os.environ, small.environment):
        studies = studies_of(small, max(1, runs // (2 * seeds)), seeds)
        runtime = VenvRuntime(project, "cpu")
        digests = runtime.prepare(["fake"], quiet)
        store = Store(project.runs)

        def planned(some: list[Study]) -> list[Plan]:
            return [make_plan(study, project, digests, "cpu", quiet) for study in some]

        def compared(some: list[Plan]) -> list[StudyOutcome]:
            return [compare(plan, store) for plan in some]

        with figures.of("plan of all runs"):
            plans = planned(studies)
        for plan in plans:
            store.declare(plan.study.declaration())
            for run in plan.runs:
                write_run(store, plan, run, accuracy=0.8 if run.arm == "quick" else 0.6)
        with figures.of("store listed"):
            assert sum(1 for _ in store.finished()) == sum(len(plan.runs) for plan in plans)
        with figures.of("store read"):
            stored = runs_of(store)
        with figures.of("forecast of every study, and time of every run"):
            costs, history = CostModel(stored), History(stored)
            for plan in plans:
                forecast(plan, store, history, costs, Variances(), require_exact=False)
                for run in plan.runs:
                    costs.estimate(run.spec)
        with figures.of("verdicts"):
            outcomes = compared(plans)
        # Each study declares something else now, and its runs are older than that.
        later = [study.model_copy(update={"alpha": 0.04}) for study in studies]
        for study in later:
            store.declare(study.declaration())
        others = planned(later)
        with figures.of("verdicts of older runs"):
            assert all(not claim.declared for outcome in compared(others) for claim in outcome.claims)
        with figures.of("reports"):
            pages = write_reports(outcomes, project, store, quiet)
        with figures.of("reports that are there"):
            write_reports(outcomes, project, store, quiet)
        if imported:
            with figures.of("import into MLflow"):
                track(outcomes, project, store, quiet, reports=pages)
            with figures.of("import of what is there"):
                track(outcomes, project, store, quiet, reports=pages)
        setting = Setting(project, runtime, store, roots_of(project), look_around(project.root))
        engine = LocalEngine(setting, LeasePool((0,), ()), 1)
        with figures.of("a session that finds all done"):
            futures = engine.submit([(plan.study, run) for plan in plans for run in plan.runs])
        assert all(future.done() for future in futures.values())
        engine.close()
        empty = Store(folder / "failed" / "runs")
        fail(empty, plans)
        with figures.of("verdicts and reports where every run has failed"):
            failed = [compare(plan, empty) for plan in plans]
            there = project.__class__(project.root, folder / "failed", project.cache, project.data_root)
            write_reports(failed, there, empty, quiet)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, nargs=2, default=(1000, 10_000))
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--no-import", action="store_true", help="leave MLflow out, which takes most of the time")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    found = []
    for runs in given.runs:
        with tempfile.TemporaryDirectory() as folder:
            found.append(measure(runs, min(given.seeds, runs // 2), not given.no_import, Path(folder)))
    ratio = math.log(given.runs[1] / given.runs[0])
    print(f"{'seconds of the processor':<52}" + "".join(f"{runs:>10,}" for runs in given.runs) + "  growth")
    for name, few in found[0].items():
        many = found[1][name]
        print(f"{name:<52}{few:>10.2f}{many:>10.2f}{math.log(max(many, 1e-3) / max(few, 1e-3)) / ratio:>8.2f}")
    if given.json:
        given.json.write_text(json.dumps(dict(zip(map(str, given.runs), found, strict=True)), indent=2) + "\n")


if __name__ == "__main__":
    main()
