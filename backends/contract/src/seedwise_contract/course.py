"""The course of a training: what is told after every update and every epoch, and which checkpoint is kept."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from seedwise_contract.context import RunContext
from seedwise_contract.results import Selected
from seedwise_contract.spec import RunSpec
from seedwise_contract.states import Best, Progress


class Diverged(Exception):
    """The loss, the gradients or the scores are not finite."""


class Stopped(Exception):
    """Stopping was asked for in the middle of scoring."""


class Scored(NamedTuple):
    """A split's scores as the framework has them, whether each of them is finite, and their metrics."""

    logits: Any
    finite: bool
    metrics: dict[str, float]


class Course:
    """Beside a framework's training loop: it writes events, keeps time, and holds the best checkpoint in `progress`."""

    def __init__(self, spec: RunSpec, context: RunContext, progress: Progress) -> None:
        assert spec.selection is not None
        self._spec = spec
        self._rule = spec.selection
        self._events = context.events
        self.progress = progress
        self.mark()

    def mark(self) -> None:
        """Training begins, or goes on, now."""
        self._mark = time.perf_counter()

    def step(self, update: int, epoch: float, loss: float, lr: float, grad_norm: float) -> None:
        """An update is done; raises `Diverged` where its loss is not finite."""
        now = time.perf_counter()
        self.progress.training_seconds += now - self._mark
        self._mark = now
        self._events.step(
            update=update,
            epoch=epoch,
            loss=loss if math.isfinite(loss) else None,
            lr=lr,
            grad_norm=grad_norm if math.isfinite(grad_norm) else None,
            seconds=self.progress.training_seconds,
        )
        if not math.isfinite(loss):
            raise Diverged(f"the loss of update {update} is not finite")

    def unselected(self, update: int) -> bool:
        """Whether the run was stopped between the last update of an epoch and its evaluation."""
        return self.progress.evaluated_epochs < update // self._spec.updates_per_epoch

    def begin(self, score: Callable[[str], Scored]) -> None:
        """Where the spec asks for a curve, score the reported split before the first update, for display."""
        if self._spec.evaluation.curve:
            begun = time.perf_counter()
            self._display(0, score("test").metrics)
            self.mark()
            self.progress.evaluation_seconds += self._mark - begun

    def select(self, update: int, score: Callable[[str], Scored], weights: Callable[[], Any]) -> None:
        """Score the selection split, and keep the weights if the rule prefers them.

        Where the spec asks for a curve the reported split is scored too, for display: nothing here looks at its scores.
        Raises `Diverged`, and `Stopped` where `score` does: nothing has changed then, and no event is written.
        """
        begun = time.perf_counter()
        scored = score("selection")
        if not scored.finite:
            raise Diverged(f"the scores after update {update} are not finite")
        displayed = score("test").metrics if self._spec.evaluation.curve else None
        epoch = update / self._spec.updates_per_epoch
        self._events.evaluation(split="selection", epoch=epoch, update=update, metrics=scored.metrics)
        if displayed is not None:
            self._display(update, displayed)
        best, value = self.progress.best, scored.metrics[self._rule.metric]
        if self._rule.improves(value, best.selected.value if best else None):
            selected = Selected(epoch=epoch, update=update, metric=self._rule.metric, value=value)
            self.progress.best = Best(selected, scored.metrics, weights(), scored.logits)
        self.progress.evaluated_epochs += 1
        self.mark()
        self.progress.evaluation_seconds += self._mark - begun

    def _display(self, update: int, metrics: dict[str, float]) -> None:
        finite = {name: value for name, value in metrics.items() if math.isfinite(value)}
        epoch = update / self._spec.updates_per_epoch
        self._events.evaluation(split="test", epoch=epoch, update=update, metrics=finite, display=True)

    def report(self, score: Callable[[str], Scored]) -> Scored:
        """Score the reported split, once, at the selected checkpoint, whose weights the model holds; raises as `select`."""
        best = self.progress.best
        assert best is not None
        begun = time.perf_counter()
        scored = score("test")
        if not scored.finite:
            raise Diverged("the scores of the reported split are not finite")
        self.progress.evaluation_seconds += time.perf_counter() - begun
        selected = best.selected
        self._events.evaluation(split="test", epoch=selected.epoch, update=selected.update, metrics=scored.metrics)
        return scored
