"""How far the session is: time left from measured durations, and a live table where there is a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, nullcontext
from statistics import fmean
from typing import TYPE_CHECKING, Any

from seedwise.engines.local import LocalEngine, Outcome
from seedwise.metric import METRICS
from seedwise.plan import PlannedRun
from seedwise.store import Store
from seedwise_contract import RunFiles
from seedwise_contract.events import last_progress

if TYPE_CHECKING:
    from rich.table import Table


class Progress:
    def __init__(
        self, engine: LocalEngine, store: Store, runs: Sequence[PlannedRun], futures: Mapping[str, Future[Outcome]]
    ) -> None:
        self._engine = engine
        self._store = store
        self._runs = {run.run_id: run for run in runs if run.run_id is not None}
        self._futures = futures

    def left(self) -> str | None:
        """'about 4 min left', from this session's and the store's durations of each arm; None while nothing is known."""
        running = self._engine.running()
        waiting = [run for identity, run in self._runs.items() if not self._futures[identity].done()]
        if not waiting:
            return None
        by_arm = self._durations()
        everything = [seconds for durations in by_arm.values() for seconds in durations]
        remaining = 0.0
        for run in waiting:
            elapsed = running.get(run.run_id or "", 0.0)
            fraction = self.fraction(run) if elapsed else 0.0
            if run.arm in by_arm:
                expected = fmean(by_arm[run.arm])
            elif fraction > 0.05:
                expected = elapsed / fraction
            elif everything:
                expected = fmean(everything)
            else:
                return None
            remaining += max(expected - elapsed, 0.0)
        seconds = remaining / min(self._engine.jobs, len(waiting))
        return f"about {seconds / 60:.0f} min left" if seconds >= 90 else f"about {seconds:.0f} s left"

    def fraction(self, run: PlannedRun) -> float:
        """Share of a run's updates that are done."""
        event = last_progress(RunFiles(self._store.folder(run.run_id or "")).events)
        if event is None or "update" not in event or not run.spec.total_updates:
            return 0.0
        return min(1.0, float(event["update"]) / run.spec.total_updates)

    def _durations(self) -> dict[str, list[float]]:
        found: dict[str, list[float]] = {}
        for identity, future in self._futures.items():
            if future.done() and not future.cancelled() and (outcome := future.result()).result is not None:
                found.setdefault(self._runs[identity].arm, []).append(outcome.seconds)
        return found

    @contextmanager
    def shown(self, reporter: Any) -> Iterator[Callable[[], None]]:
        """A refresh function; on a terminal it redraws a table of the running runs in place of pytest's unfinished line."""
        if not reporter.isatty:
            yield lambda: None
            return
        from rich.console import Console
        from rich.live import Live

        capture = reporter.config.pluginmanager.get_plugin("capturemanager")
        writer = reporter._tw
        line = reporter.currentfspath  # the item's line, begun by pytest and finished when its report comes
        with capture.global_and_fixture_disabled() if capture else nullcontext():
            writer.write("\r\x1b[2K", flush=True)
            console = Console(file=writer._file, force_terminal=True)
            with Live(self.table(), console=console, transient=True, auto_refresh=False) as live:
                yield lambda: live.update(self.table(), refresh=True)
            if isinstance(line, str):
                writer._current_line = ""  # what the table overwrote does not count towards the line's width
                writer.write(line, flush=True)

    def table(self) -> Table:
        from rich.markup import escape
        from rich.table import Table

        done = sum(future.done() for future in self._futures.values())
        left = self.left()
        table = Table(
            title=f"{done} of {len(self._futures)} runs done" + (f", {left}" if left else ""), title_justify="left"
        )
        for heading in ("run", "progress", "epoch", "loss", "selection", "elapsed"):
            table.add_column(heading, justify="left" if heading == "run" else "right")
        for identity, elapsed in sorted(self._engine.running().items()):
            run = self._runs.get(identity)
            if run is None:
                continue
            event = last_progress(RunFiles(self._store.folder(identity)).events) or {}
            epochs = run.spec.recipe.epochs if run.spec.recipe else 0
            loss, score = event.get("loss"), None
            if event.get("split") == "selection":
                score = event["metrics"].get(run.spec.task.metric)
            table.add_row(
                escape(run.label),
                f"{100 * self.fraction(run):.0f} %",
                f"{event.get('epoch', 0):.1f}/{epochs}",
                "" if loss is None else f"{loss:.3f}",
                "" if score is None else METRICS[run.spec.task.metric].shown(score, 1),
                f"{elapsed:.0f} s",
            )
        return table
