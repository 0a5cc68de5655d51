"""How far the session is: time left from measured durations, and a live table where there is a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from seedwise.execution.engines.base import Engine, Outcome, Underway
from seedwise.execution.remaining import Seen, seconds_left
from seedwise.forecast.cost import family_of, kind_of, work_of
from seedwise.planning.plan import PlannedRun
from seedwise.study.metric import METRICS
from seedwise_contract import RunFiles
from seedwise_contract.events import last_progress

if TYPE_CHECKING:
    from rich.table import Table


_SHARE_OF_TIME = 20
_SCORING = 0.2  # of the time of a training example, as seen on CPUs: no backward pass, and less padding


class Progress:
    def __init__(self, engine: Engine, runs: Sequence[PlannedRun], futures: Mapping[str, Future[Outcome]]) -> None:
        self._engine = engine
        self._runs = {run.run_id: run for run in runs if run.run_id is not None}
        self._futures = futures
        self._natures: dict[str, Seen] = {}
        self._due = 0.0
        self._seconds: float | None = None

    def left(self) -> str | None:
        """'about 4 min left', from this session's durations and those of runs that were done before; None while nothing is known."""
        if all(future.done() for future in self._futures.values()):
            return None
        seconds = self._seconds_left()
        if seconds is None:
            return None
        return f"about {seconds / 60:.0f} min left" if seconds >= 90 else f"about {seconds:.0f} s left"

    def _seconds_left(self) -> float | None:
        """Reckoned anew when that takes a twentieth of the time at most: of thousands of runs it is not done for each that ends."""
        begun = time.monotonic()
        if begun >= self._due:
            self._seconds = seconds_left(self._seen(), self._engine.jobs)
            self._due = begun + _SHARE_OF_TIME * (time.monotonic() - begun)
        return self._seconds

    def _seen(self) -> list[Seen]:
        """The runs as they stand, those that failed left out."""
        running = self._engine.running()
        seen = []
        for identity, run in self._runs.items():
            nature, future = self._nature(identity, run), self._futures[identity]
            if not future.done():
                now = running.get(identity)
                seen.append(
                    nature
                    if now is None
                    else replace(nature, elapsed=now.seconds, fraction=_fraction(run, last_event(now)))
                )
            elif not future.cancelled() and (outcome := future.result()).result is not None:
                seen.append(replace(nature, seconds=outcome.seconds, earlier=outcome.cached))
        return seen

    def _nature(self, identity: str, run: PlannedRun) -> Seen:
        if identity not in self._natures:
            spec, work = run.spec, work_of(run.spec)
            after = spec.task.splits["test"].rows / work * _SCORING if work else 0.0
            self._natures[identity] = Seen(kind_of(spec), family_of(spec), work, after)
        return self._natures[identity]

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

    def table(self, rows: int = 40) -> Table:
        """The runs in progress, those `rows` of them that have been for longest: hundreds would be read for nobody to see."""
        from rich.markup import escape
        from rich.table import Table

        done = sum(future.done() for future in self._futures.values())
        left = self.left()
        table = Table(
            title=f"{done} of {len(self._futures)} runs done" + (f", {left}" if left else ""), title_justify="left"
        )
        running = self._engine.running()
        elsewhere = self._engine.name != "local"
        for heading in ("run", *(("host",) if elsewhere else ()), "progress", "epoch", "loss", "selection", "elapsed"):
            table.add_column(heading, justify="left" if heading in ("run", "host") else "right")
        known = {identity: run for identity, run in self._runs.items() if identity in running}
        shown = sorted(known, key=lambda identity: (-running[identity].seconds, identity))[:rows]
        for identity in sorted(shown):
            run, now = known[identity], running[identity]
            event = last_event(now)
            epochs = run.spec.recipe.epochs if run.spec.recipe else 0
            loss, score = event.get("loss"), None
            if event.get("split") == "selection":
                score = event["metrics"].get(run.spec.task.metric)
            table.add_row(
                escape(run.label),
                *((escape(now.host),) if elsewhere else ()),
                f"{100 * _fraction(run, event):.0f} %",
                f"{event.get('epoch', 0):.1f}/{epochs}",
                "" if loss is None else f"{loss:.3f}",
                "" if score is None else METRICS[run.spec.task.metric].shown(score, 1),
                f"{now.seconds:.0f} s",
            )
        if len(known) > len(shown):
            table.caption, table.caption_justify = f"and {len(known) - len(shown)} more", "left"
        return table


def last_event(now: Underway) -> Mapping[str, Any]:
    """The last thing that a run in progress told; empty while it has told nothing."""
    return last_progress(RunFiles(now.folder).events) or {}


def _fraction(run: PlannedRun, event: Mapping[str, Any]) -> float:
    """Share of a run's updates that are done."""
    if "update" not in event or not run.spec.total_updates:
        return 0.0
    return min(1.0, float(event["update"]) / run.spec.total_updates)
