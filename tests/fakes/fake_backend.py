"""A backend that obeys the run contract in plain Python: a perceptron over words, so that its scores are real.

Where labels are numbers it learns by the delta rule.  Method `perceptron` takes `trouble`, which names one thing to go wrong: that is
how failures are tested end to end; and `spread`, the deviation of its first weights (0: with rate 0 one answer to everything).
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections import defaultdict
from typing import Any

from seedwise_contract import (
    DataError,
    Description,
    Estimate,
    Fault,
    Interrupted,
    OutOfMemory,
    Parameter,
    ParameterTable,
    Prediction,
    RunResult,
    RunSpec,
    RunStatus,
    weights_digest,
)
from seedwise_contract.command import main
from seedwise_contract.context import Roots, RunContext
from seedwise_contract.data import Example, read_measured, read_split
from seedwise_contract.environment import read_environment
from seedwise_contract.files import write_json, write_lines
from seedwise_contract.metrics import regression_metrics
from seedwise_contract.results import Cost, Selected, Timings

TROUBLES = ("none", "crash", "kill", "nan", "oom", "data", "slow", "no_space", "kill_once", "leave_behind")


class FakeBackend:
    def describe(self) -> Description:
        return Description(
            contract=1,
            backend="fake",
            version="1",
            tasks=["classification", "regression"],
            methods=["perceptron", "majority"],
            initialisations=["random", "none"],
            precisions=["fp32"],
            devices=["cpu"],
            deterministic_methods=["majority"],
            packages={},
        )

    def check(self, spec: RunSpec, roots: Roots) -> list[Fault]:
        trouble = spec.method.parameters.get("trouble", "none")
        if trouble not in TROUBLES:
            return [
                Fault(field="method.parameters.trouble", found=str(trouble), allowed=f"one of {', '.join(TROUBLES)}")
            ]
        return []

    def run(self, spec: RunSpec, context: RunContext) -> RunResult:
        begun = time.monotonic()
        numbers = spec.task.kind == "regression"
        read = read_measured if numbers else read_split
        splits = {name: read(spec.task, name, context.roots.data) for name in ("train", "selection", "test")}

        def measure(weights: dict[str, float], rows: list[Any]) -> dict[str, float]:
            if not numbers:
                return {"accuracy": accuracy(weights, rows)}
            return regression_metrics(spec, [score(weights, row) for row in rows], [row.label for row in rows])

        trouble = str(spec.method.parameters.get("trouble", "none"))
        rate = float(str(spec.method.parameters.get("rate", 1.0)))
        updates = spec.total_updates
        context.events.start(total_updates=updates, epochs=spec.recipe.epochs if spec.recipe else 0)
        self._trouble(trouble, context)
        generator = random.Random(spec.seeds.initialisation)
        spread = float(str(spec.method.parameters.get("spread", 0.5)))
        weights: dict[str, float] = defaultdict(lambda: generator.gauss(0, spread))
        order = random.Random(spec.seeds.order)
        epochs = spec.recipe.epochs if spec.recipe else 0
        done = restored(context, weights, generator, order)
        for epoch in range(1, epochs + 1):
            if done >= epoch * (updates // epochs):
                continue
            rows = list(splits["train"])
            drawn = order.getstate()
            order.shuffle(rows)
            for update, row in enumerate(rows[: updates // epochs], start=(epoch - 1) * (updates // epochs) + 1):
                if update <= done:
                    continue
                if context.stop_requested:
                    states = {"generator": generator.getstate(), "order": drawn}
                    write_json(
                        context.files.state / "state.json", {"update": update - 1, "weights": dict(weights), **states}
                    )
                    raise Interrupted("stopped; the state is saved")
                if trouble == "slow":
                    time.sleep(0.2)
                wrong = (score(weights, row) > 0) != (row.label == 1)
                step = 0.1 * (row.label - score(weights, row)) if numbers else (1 if row.label == 1 else -1) * wrong
                for word in words(row):
                    weights[word] += rate * step
                loss = None if trouble == "nan" else float(wrong)
                context.events.step(update=update, epoch=epoch, loss=loss, lr=rate, seconds=time.monotonic() - begun)
            context.events.evaluation(
                split="selection",
                epoch=epoch,
                update=update,
                metrics=measure(weights, splits["selection"]),
            )
            if spec.evaluation.curve:
                drawn = generator.getstate()  # a word that is met for the first time draws its weight
                shown = measure(weights.copy(), splits["test"])
                generator.setstate(drawn)
                context.events.evaluation(split="test", epoch=epoch, update=update, metrics=shown, display=True)
        write_json(context.files.checkpoint / "weights.json", dict(weights))
        metrics = {}
        for name in ("selection", "test"):
            write_lines(
                context.files.predictions(name),
                [
                    Estimate(id=row.id, label=row.label, value=score(weights, row))
                    if numbers
                    else Prediction(id=row.id, label=row.label, scores=[-score(weights, row), score(weights, row)])
                    for row in splits[name]
                ],
            )
            metrics[name] = measure(weights, splits[name])
        digest = weights_digest([("words", (len(weights),), b"")])
        table = [
            Parameter(
                name="words", shape=[len(weights)], count=len(weights), trainable=True, head=True, weight_decay=0.0
            )
        ]
        write_json(context.files.parameters, ParameterTable.of(table, digest))
        write_json(context.files.environment, read_environment(threads=1, device="cpu", driver=None, determinism={}))
        total = time.monotonic() - begun
        chosen = spec.selection.metric if numbers and spec.selection else "accuracy"
        diverged = trouble == "nan"
        return RunResult(
            contract=1,
            status=RunStatus.DIVERGED if diverged else RunStatus.COMPLETED,
            reason=None,
            message="loss is not a number at update 1" if diverged else None,
            metrics={} if diverged else metrics,
            selected=None
            if diverged or not epochs
            else Selected(epoch=epochs, update=updates, metric=chosen, value=metrics["selection"][chosen]),
            updates=updates,
            timings=Timings(setup=0.0, training=total, evaluation=0.0, total=total),
            cost=Cost(
                train_examples_per_second=None,
                peak_host_bytes=None,
                peak_device_bytes=None,
                energy_joules=None,
                checkpoint_bytes=None,
            ),
            files={},
        )

    def _trouble(self, trouble: str, context: RunContext) -> None:
        marker = context.files.folder.parent / f".{context.files.folder.name.partition('.')[0]}.was-killed"
        if trouble == "crash":
            raise RuntimeError("a fault in the backend")
        if trouble == "kill" or (trouble == "kill_once" and not marker.exists()):
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if trouble == "leave_behind":
            left = os.fork()
            if left == 0:
                os.setsid()
                time.sleep(600)
                os._exit(0)
            (context.files.folder / "left").write_text(str(left))
        if trouble == "oom":
            raise OutOfMemory("the device is full")
        if trouble == "data":
            raise DataError("row 3 is not what it should be")
        if trouble == "no_space":
            raise OSError(28, "No space left on device")


def restored(context: RunContext, weights: dict[str, float], generator: random.Random, order: random.Random) -> int:
    """Updates that an earlier attempt has done; what it saved is taken up, `order` as it was before the epoch's rows were drawn."""
    try:
        saved = json.loads((context.files.state / "state.json").read_text())
    except FileNotFoundError:
        return 0
    weights.update(saved["weights"])
    for name, drawn in (("generator", generator), ("order", order)):
        version, numbers, gauss = saved[name]
        drawn.setstate((version, tuple(numbers), gauss))
    return int(saved["update"])


def words(row: Example) -> list[str]:
    return f"{row.text} {row.text_pair or ''}".lower().split()


def score(weights: dict[str, float], row: Example) -> float:
    return sum(weights[word] for word in words(row))


def accuracy(weights: dict[str, float], rows: list[Example]) -> float:
    return sum((score(weights, row) > 0) == (row.label == 1) for row in rows) / len(rows)


if __name__ == "__main__":
    sys.exit(main(FakeBackend()))
