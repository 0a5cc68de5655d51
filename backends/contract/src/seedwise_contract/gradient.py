"""One run of a backend that trains by gradient, from the state that it finds to its result."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn, Protocol

from seedwise_contract.context import RunContext
from seedwise_contract.course import Course, Diverged, Scored, Stopped
from seedwise_contract.exits import BackendError
from seedwise_contract.files import RunFiles, write_lines
from seedwise_contract.memory import peak_host_bytes
from seedwise_contract.predictions import predictions
from seedwise_contract.results import Cost, RunResult, RunStatus, Selected, Timings
from seedwise_contract.spec import RunSpec
from seedwise_contract.states import Progress, States, update_of


class Trainer(Protocol):
    """A framework's trainer.  Whatever it does raises `Interrupted` soon after stopping was asked for."""

    course: Course

    def fit(self, resumed: Path | None) -> None:
        """Train to the end, from the state in `resumed` where there is one; raises `Diverged`."""
        ...

    @property
    def updates(self) -> int:
        """Updates done."""
        ...

    def scored(self, split: str) -> Scored:
        """Scores of `split` by the weights as they are; raises `Stopped`."""
        ...

    def restore(self, weights: Any) -> None:
        """Put the weights of a `Best` back into the model."""
        ...

    def interrupt(self) -> NoReturn:
        """Save everything that the rest of the run depends on, and raise `Interrupted`."""
        ...


class GradientRun:
    """What is left to a backend: to make `examples` and whatever else it needs ready, `trainer` and `save`."""

    examples: dict[str, list[Any]]

    def __init__(self, spec: RunSpec, context: RunContext, states: States, begun: float) -> None:
        """`begun` is when the process's work began, by the monotonic clock; setting up begins now."""
        self.spec = spec
        self.context = context
        self.files: RunFiles = context.files
        self.states = states
        self._begun = begun
        self._setup_begun = time.monotonic()

    def trainer(self, progress: Progress) -> Trainer:
        raise NotImplementedError

    def save(self, folder: Path, selected: Selected) -> None:
        """Write the selected model, as it is now, head included, into `folder`, which is not there yet."""
        raise NotImplementedError

    def peak_device_bytes(self) -> int | None:
        return None

    def lines(self, split: str, logits: Any) -> Sequence[Any]:
        """What `predictions/<split>.jsonl` holds."""
        return predictions(logits.tolist(), self.examples[split])

    def result(self) -> RunResult:
        """Train, select, score, write."""
        spec = self.spec
        assert spec.recipe is not None
        assert spec.selection is not None
        setup = time.monotonic() - self._setup_begun
        resumed = self.states.find()
        progress = self.states.load(resumed) if resumed else Progress()
        self.context.events.keep(progress.events_bytes)
        self.context.events.start(
            total_updates=spec.total_updates,
            epochs=spec.recipe.epochs,
            resumed_at=update_of(resumed) if resumed else None,
        )
        trainer = self.trainer(progress)
        diverged: str | None = None
        try:
            trainer.fit(resumed)
        except Diverged as error:
            diverged = str(error)
            self.context.events.warning(diverged)
        updates = trainer.updates
        if diverged is None and updates != spec.total_updates:
            raise BackendError(f"{updates} updates were done, but the spec asks for {spec.total_updates}")
        if diverged is not None and spec.selection.rule == "last":
            progress.best = None  # the last checkpoint is the one that diverged: there is nothing to score
        try:
            metrics = self._report(trainer, progress)
        except Diverged as error:
            diverged, metrics, progress.best = str(error), {}, None
        checkpoint_bytes = self._save_checkpoint(progress)
        seconds = progress.training_seconds
        return RunResult(
            contract=1,
            status=RunStatus.COMPLETED if diverged is None else RunStatus.DIVERGED,
            reason=None,
            message=diverged,
            metrics=metrics,
            selected=progress.best.selected if progress.best else None,
            updates=updates,
            timings=Timings(
                setup=setup,
                training=seconds,
                evaluation=progress.evaluation_seconds,
                total=time.monotonic() - self._begun,
            ),
            cost=Cost(
                train_examples_per_second=spec.examples_after(updates) / seconds if seconds else None,
                peak_host_bytes=peak_host_bytes(),
                peak_device_bytes=self.peak_device_bytes(),
                energy_joules=None,
                checkpoint_bytes=checkpoint_bytes,
            ),
            files={},
        )

    def _report(self, trainer: Trainer, progress: Progress) -> dict[str, dict[str, float]]:
        """Score the reported split at the selected checkpoint; both splits' predictions."""
        best = progress.best
        if best is None:
            return {}
        trainer.restore(best.weights)
        try:
            reported = trainer.course.report(trainer.scored)
        except Stopped:
            trainer.interrupt()
        write_lines(self.files.predictions("selection"), self.lines("selection", best.logits))
        write_lines(self.files.predictions("test"), self.lines("test", reported.logits))
        return {"selection": best.metrics, "test": reported.metrics}

    def _save_checkpoint(self, progress: Progress) -> int | None:
        """The selected weights, which the model holds; their size."""
        final = self.files.checkpoint
        partial = final.with_name(f".{final.name}.partial")
        shutil.rmtree(final, ignore_errors=True)
        shutil.rmtree(partial, ignore_errors=True)
        if progress.best is None:
            return None
        self.save(partial, progress.best.selected)
        partial.replace(final)
        self.context.events.checkpoint(update=progress.best.selected.update, path=final.name)
        return sum(path.stat().st_size for path in final.rglob("*") if path.is_file())
