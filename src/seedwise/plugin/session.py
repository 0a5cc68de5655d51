"""One pytest session over studies: prepares, executes, waits for items, summarises, records."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future, wait
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from seedwise.errors import InputError, SeedwiseError, failure
from seedwise.execution.engines.base import Engine, Outcome, StudyRun
from seedwise.execution.engines.choose import LOCAL, engine_name
from seedwise.execution.progress import Progress
from seedwise.execution.workbench import Options, Workbench, default_options, open_workbench
from seedwise.planning.plan import Plan, PlannedRun
from seedwise.plugin.early_records import EarlyRecords
from seedwise.plugin.starting import hopeless_of, not_started, prepared, skipped_of, studies_of
from seedwise.plugin.terminal import tell, tell_refusals, tell_regressions, tell_suites, tell_verdicts
from seedwise.project import find_project
from seedwise.secrets import masked
from seedwise.signals import Signals
from seedwise.store.tuning import Untuned
from seedwise.study.metric import METRICS
from seedwise.verdicts.certificates.need import Shelf, needs_of
from seedwise_contract import RunStatus

if TYPE_CHECKING:
    from seedwise.plugin.items import RunItem, StudyItem
    from seedwise.store.history import History
    from seedwise.study.suite import Suite
    from seedwise.verdicts.comparison import StudyOutcome
    from seedwise.verdicts.over_tasks import SuiteOutcome
    from seedwise.verdicts.regression import Regression


class BenchSession:
    def __init__(
        self,
        config: pytest.Config,
        items: Sequence[StudyItem],
        bench: Workbench,
        plans: dict[str, Plan],
        refused: dict[str, SeedwiseError],
        skipped: frozenset[str],
        engine: Engine,
        signals: Signals,
    ) -> None:
        self._signals = signals
        self._config = config
        self._bench = bench
        self._plans = plans
        self._refused = refused
        self._skipped = set(skipped)
        # Studies whose search this session has yet to run: they are planned when their turn comes.
        self._untuned = {
            name: item.study_file
            for item in items
            if isinstance(refused.get(name := item.study_file.study.name), Untuned)
        }
        self._suites = {file.suite.name: file.suite for item in items if (file := item.study_file).suite is not None}
        self._over: dict[str, SuiteOutcome] = {}
        self._engine = engine
        self._items: Sequence[RunItem] = ()
        self._runs: list[PlannedRun] = []
        self._futures: dict[str, Future[Outcome]] = {}
        self._compared: dict[str, StudyOutcome] = {}
        self._progress: Progress | None = None
        self._regressions: list[Regression] = []
        self._history: History | None = None
        self._by_item = {(name, run.arm, run.seed): run for name, plan in plans.items() for run in plan.runs}
        self._begun = time.monotonic()
        self._early = EarlyRecords(bench.pool, bench.project, bench.store)

    @classmethod
    def start(cls, config: pytest.Config, items: Sequence[StudyItem]) -> BenchSession:
        """Everything that runs need.

        Where no study can be run, the session ends with the first error's own exit code; where some can, those that cannot fail.
        What this machine cannot have is skipped, unless it was named, or a gate waits for it.
        """
        say = partial(_say, config)
        try:
            project = find_project(items[0].path)
        except SeedwiseError as error:
            not_started(config, error)
        try:
            studies = studies_of(items)
            given = default_options()
            options = Options(
                runtime=config.getoption("--seedwise-runtime") or given.runtime,
                device=config.getoption("--seedwise-device") or given.device,
                jobs=config.getoption("--seedwise-jobs"),
                runs_per_gpu=config.getoption("--seedwise-runs-per-gpu"),
                flavour=given.flavour,
                warm=given.warm and not config.getoption("--seedwise-cold"),
                engine=engine_name(config.getoption("--seedwise-engine")),
            )
            bench = open_workbench(project, options, studies)
            say(f"runtime: {bench.runtime.name} ({bench.why})")
            exact = bool(config.getoption("--seedwise-require-exact"))
            hopeless = hopeless_of(items, exact) if config.getoption("--seedwise-gate") else {}
            wanted = [study for study in studies if study.name not in hopeless]
            bench, plans, refused = prepared(bench, wanted, say)
            paths = {item.study_file.study.name: item.study_file.path for item in items}
            plans = {name: replace(plan, source=paths[name]) for name, plan in plans.items()}
            refused = hopeless | refused
            skipped = skipped_of(config, items, refused)
            for name, refusal in refused.items():
                if not plans and name not in skipped:
                    raise refusal
            packing = bench.packing(list(plans.values()))
            engine = bench.engine(packing, say)
        except (SeedwiseError, OSError) as error:
            not_started(config, failure(error, "what the studies need was not made", project.home))
        signals = Signals()
        if plans:
            say(packing.why)
        return cls(config, items, bench, plans, refused, skipped, engine, signals)

    def submit(self, items: Sequence[RunItem]) -> None:
        """Start the items' runs."""
        self._items = items
        try:
            self._give_out(items)
        except (SeedwiseError, OSError) as error:
            not_started(self._config, failure(error, "the runs were not started", self._bench.project.home))

    def _give_out(self, items: Sequence[RunItem]) -> None:
        chosen: list[StudyRun] = [
            (self._plans[name].study, self._planned(item))
            for item in items
            if (name := item.study_file.study.name) in self._plans
        ]
        self._futures |= self._engine.submit(chosen)
        self._runs += [run for _, run in chosen]
        self._progress = Progress(self._engine, self._runs, self._futures)

    def _tune(self, name: str) -> None:
        """Plan the study and start its runs, where it waited for a search that has ended in this session."""
        file = self._untuned.pop(name, None)
        if file is None:
            return
        plans, refused = self._bench.prepare([file.study], partial(_say, self._config))
        if name in refused:
            self._refused[name] = refused[name]
            return
        plan = replace(plans[name], source=file.path)
        del self._refused[name]
        self._skipped.discard(name)
        self._plans[name] = plan
        self._by_item |= {(name, run.arm, run.seed): run for run in plan.runs}
        try:
            self._give_out([item for item in self._items if item.study_file.study.name == name])
        except (SeedwiseError, OSError) as error:
            self._refused[name] = failure(error, "the runs were not started", self._bench.project.home)

    def wait_for(self, item: RunItem) -> Outcome:
        """The outcome of the item's run, with a live table meanwhile where there is a terminal.

        Raises what keeps its study from being run.
        """
        self._obey()
        self._tune(item.study_file.study.name)
        self._refuse(item.study_file.study.name)
        future = self._futures[self._planned(item).run_id or ""]
        reporter: Any = self._config.pluginmanager.get_plugin("terminalreporter")
        if not future.done() and self._progress is not None and reporter is not None:
            with self._progress.shown(reporter) as refresh:
                while not future.done():
                    self._obey()
                    wait([future], timeout=0.5)
                    refresh()
        while not future.done():
            self._obey()
            wait([future], timeout=0.5)
        return future.result()

    def words(self, item: RunItem, outcome: Outcome) -> str:
        """What stands on the item's line."""
        assert outcome.result is not None
        if outcome.result.status is RunStatus.DIVERGED:
            return "DIVERGED (kept and flagged)"
        metric = METRICS[item.study_file.study.task.metric]
        value = f"{metric.name} {metric.shown(outcome.result.metrics['test'][metric.name], 1)}"
        if outcome.cached:
            return f"{value} (done before)"
        left = self._progress.left() if self._progress else None
        return f"{value} in {outcome.seconds:.0f} s" + (f", {left}" if left else "")

    def _refuse(self, study: str) -> None:
        """Skips the item where its study cannot be had here, nobody named it and no gate waits for it; fails otherwise."""
        if study in self._skipped:
            pytest.skip("not to be had here: the reason stands at the end, once")
        if study in self._refused:
            raise InputError(f"{study} was not started: the reason stands at the end, once") from self._refused[study]

    def _obey(self) -> None:
        """End the session here, where it has been told to."""
        if self._signals:
            pytest.exit(self._signals.words, returncode=pytest.ExitCode.INTERRUPTED)

    def compared(self, study: str) -> StudyOutcome:
        self._obey()
        self._tune(study)
        self._refuse(study)
        return self._outcome(study)

    def _outcome(self, study: str) -> StudyOutcome:
        part = self._plans[study].study.part
        if part is not None and part.suite in self._suites:
            self.compared_over(self._suites[part.suite])
        if study not in self._compared:
            from seedwise.verdicts.comparison import compare  # brings scipy, slow to import; runs need not wait for it

            exact = bool(self._config.getoption("--seedwise-require-exact"))
            self._compared[study] = compare(self._plans[study], self._bench.store, require_exact=exact)
            self._record_early(self._compared[study])
        return self._compared[study]

    def compared_over(self, suite: Suite) -> SuiteOutcome:
        """The tasks of the suite that can be had here, compared as one family; `compared` gives each of them then."""
        if suite.name not in self._over:
            from seedwise.verdicts.over_tasks import compare_all

            plans = [self._plans[name] for name in suite.members if name in self._plans]
            if not plans:
                self._refuse(suite.members[0])
            exact = bool(self._config.getoption("--seedwise-require-exact"))
            outcomes, (over,) = compare_all(plans, [suite], self._bench.store, require_exact=exact)
            self._compared |= {outcome.study.name: outcome for outcome in outcomes}
            self._over[suite.name] = over
        return self._over[suite.name]

    def _record_early(self, outcome: StudyOutcome) -> None:
        """Where everything of a study is there while runs of others are under way."""
        under_way = not all(future.done() for future in self._futures.values())
        if under_way and not outcome.missing and not self._config.getoption("--seedwise-no-record"):
            self._early.add(outcome)

    def certify(self, study: str, pair: str) -> str:
        """What stands on the line of a certificate's item; makes those of `pair` that are missing.  Raises what is wrong."""
        self._obey()
        self._refuse(study)
        from seedwise.verdicts.certificates.make import Certifier

        plan = self._plans[study]
        shelf = Shelf.beside(self._bench.store.root)
        certifier = Certifier(
            self._bench.project, self._bench.runtime, self._bench.pool, plan.study.memory_gib, lambda _: None
        )
        made = 0
        for need in (need for need in needs_of(plan) if need.pair == pair):
            self._obey()
            certificate = shelf.find(need)
            if certificate is None:
                certificate = certifier.make(need)
                shelf.put(need, certificate)
                made += 1
            if not certificate.passed:
                raise InputError(
                    f"certificate of {need.arm}: failed: {', '.join(certificate.failed)} ({shelf.path(need)})"
                )
        return "passed" if made else "passed (made before)"

    def regression(self, study: str, arm: str, margin: float) -> Regression | None:
        """What the regression gate says of an arm; None where runs of it are missing."""
        found = self.compared(study)
        if arm not in found.arms:
            return None
        from seedwise.store.history import History, runs_of
        from seedwise.verdicts.regression import check_arm

        if (
            self._history is None
        ):  # the first of these items comes after every run of its study; later runs are no "earlier" ones
            self._history = History(runs_of(self._bench.store))
        told = check_arm(arm, found.plan, self._bench.store, self._history, margin)
        self._regressions.append(told)
        return told

    def close(self) -> None:
        self._engine.cancel()
        self._early.end()
        self._engine.close()

    def summarise(self, reporter: Any) -> None:
        """Verdicts, then where everything is; recording errors never hide the verdicts."""
        outcomes = []
        for note in self._bench.runtime.notes:
            tell(reporter, note, yellow=True)
        tell_refusals(reporter, self._refused, self._skipped)
        for name in self._plans:
            try:
                outcomes.append(self._outcome(name))
            except SeedwiseError as error:
                reporter.write_sep("=", f"no verdicts of {name}")
                tell(reporter, masked(str(error)), red=True)
                reporter._session.exitstatus = pytest.ExitCode.INTERNAL_ERROR
        for outcome in outcomes:
            tell_verdicts(reporter, outcome, self._bench.store)
        tell_suites(reporter, list(self._over.values()))
        tell_regressions(reporter, self._regressions)
        if outcomes and not self._config.getoption("--seedwise-no-record"):
            self._record(outcomes, reporter)
        self._signals.end()
        if (took := self._took()) is not None:
            tell(reporter, took)

    def _took(self) -> str | None:
        """What this session cost beside its runs' training and scoring; None where it has run nothing."""
        ended = [future.result() for future in self._futures.values() if future.done() and not future.cancelled()]
        ran = [outcome.result.timings for outcome in ended if outcome.result is not None and not outcome.cached]
        bare = sum(timings.training + timings.evaluation for timings in ran)
        if not bare:
            return None
        wall, jobs = time.monotonic() - self._begun, min(self._engine.jobs, len(ran))
        if self._engine.name != LOCAL:  # how many there were at once changed all the time
            return f"{len(ran)} runs in {wall / 60:.1f} min on {self._engine.name}: {bare / wall:.1f} of them training or scoring at a time"
        return f"{len(ran)} runs in {wall / 60:.1f} min, {jobs} at once: {wall * jobs / bare:.2f} times their training and scoring"

    def _record(self, outcomes: Sequence[StudyOutcome], reporter: Any) -> None:
        from seedwise.tracker.recording import record

        reporter.write_sep("=", "records")
        if self._signals:
            tell(reporter, "left out, since the session was stopped: `seedwise report` and `seedwise track` make them")
            return
        failed = record(
            outcomes,
            self._bench.project,
            self._bench.store,
            partial(tell, reporter),
            [over for over in self._over.values() if len(over.outcomes) == len(over.suite.tasks)],
            lambda: bool(self._signals),
        )
        for error in failed:
            tell(reporter, masked(str(error)), red=True)
        if self._signals:
            reporter._session.exitstatus = pytest.ExitCode.INTERRUPTED
        elif failed:
            reporter._session.exitstatus = pytest.ExitCode.INTERNAL_ERROR

    def _planned(self, item: RunItem) -> PlannedRun:
        return self._by_item[item.study_file.study.name, item.arm, item.seed]


def _say(config: pytest.Config, line: str) -> None:
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    reporter.ensure_newline()
    tell(reporter, line)
