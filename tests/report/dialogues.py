"""A finished study of a language model without training: prompts, answers, and perplexities that the test asks for."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from seedwise.assets.prepare import PreparedData
from seedwise.planning.plan import PlannedRun, derive_seeds, task_of
from seedwise.study.model import Study
from seedwise_contract import Answer, RunSpec, TokenLoss
from seedwise_contract.events import EventLog
from seedwise_contract.files import write_lines
from seedwise_contract.predictions import Sampling
from seedwise_contract.results import Selected
from seedwise_contract.spec import PromptColumns, Split

from .outcomes import EPOCHS, RECIPE, UPDATES, Lab, Left

TEMPLATE = "Q: {prompt}\nA: {answer}"


@dataclass(frozen=True)
class Dialogues(Lab):
    """Perplexity by arm; runs in `diverged` leave no predictions."""

    name: str = "faq"
    title: str = "Which way of answering?"
    examples: int = 60
    baseline: bool = False
    curve: bool = True
    accuracy: dict[str, float] = field(default_factory=lambda: {"full": 30.0, "lora": 40.0})
    claims: tuple[dict[str, Any], ...] = ({"name": "full-is-better", "a": "full", "b": "lora", "margin": 2.5},)
    loss_on: dict[str, str] = field(default_factory=lambda: {"lora": "prompt_and_answer"})

    def study(self) -> Study:
        value = super().study().model_dump(mode="json")
        value["task"] |= {"metric": "perplexity", "template": TEMPLATE, "loss_on": "answer"}
        value["selection"]["metric"] = "loss"
        for name, arm in value["arms"].items():
            arm["loss_on"] = self.loss_on.get(name)
        return Study.model_validate_json(json.dumps(value))

    def _data(self) -> PreparedData:
        rows = {"train": 800, "selection": 30, "test": self.examples}
        splits = {
            name: Split(file=f"faq/{name}.jsonl", sha256=f"{number}" * 64, rows=count)
            for number, (name, count) in enumerate(rows.items(), start=1)
        }
        columns = PromptColumns(id="id", prompt="prompt", answer="answer")
        return PreparedData(
            name="faq", labels=[], columns=columns, splits=splits, facts={}, title="Questions", citation="none", licence="none"
        )  # fmt: skip

    def _spec(self, study: Study, name: str, seed: int) -> RunSpec:
        value = {
            "contract": 1, "backend": "hf", "initialisation": "pretrained",
            "task": task_of(study, study.arms[name], self._data()).model_dump(mode="json"),
            "model": {"name": "minilm-l6", "path": "minilm-l6", "sha256": "5" * 64},
            "method": study.arms[name].method.model_dump(), "recipe": RECIPE, "seeds": derive_seeds(seed).model_dump(),
            "selection": study.selection.model_dump(), "evaluation": study.evaluation.model_dump(),
            "device": {"kind": "cpu", "threads": 1},
        }  # fmt: skip
        return RunSpec.model_validate_json(json.dumps(value))

    def _outcome(self, run: PlannedRun, folder: Path, diverged: bool) -> Left:
        random = np.random.default_rng([run.seed, *run.arm.encode()])
        wanted = math.log(self.accuracy[run.arm]) + random.normal(0, 0.01)
        tokens = np.random.default_rng(3).integers(5, 60, size=self.examples)
        each = wanted + np.random.default_rng(4).normal(0, 0.2, size=self.examples)
        losses = each * tokens
        perplexity = math.exp(losses.sum() / tokens.sum())
        _events(folder / "events.jsonl", perplexity, diverged, self.curve)
        if diverged:
            return Left({}, None)
        lines = [
            TokenLoss(id=f"e{number}", loss=float(loss), tokens=int(count))
            for number, (loss, count) in enumerate(zip(losses, tokens, strict=True))
        ]
        write_lines(folder / "predictions" / "test.jsonl", lines)
        write_lines(folder / "answers.jsonl", [_answer(number, run) for number in range(8)])
        metrics = {"loss": math.log(perplexity), "perplexity": perplexity}
        selected = Selected(epoch=3.0, update=UPDATES, metric="loss", value=math.log(perplexity + 1))
        return Left({"test": metrics, "selection": {"loss": selected.value, "perplexity": perplexity + 1}}, selected)


def _answer(number: int, run: PlannedRun) -> Answer:
    return Answer(
        id=f"e{number}",
        prompt=f"What is <{number}>?",
        answer=f"It is | {number}.",
        greedy=f"{run.arm} says so",
        sampled=f"{run.arm} draws {run.seed}",
        sampling=Sampling(temperature=0.7, top_k=50, seed=run.seed),
    )


def _events(path: Path, perplexity: float, diverged: bool, curve: bool) -> None:
    log = EventLog(path)
    log.start(total_updates=UPDATES, epochs=EPOCHS)
    if curve:
        log.evaluation(split="test", epoch=0, update=0, metrics={"perplexity": 200.0, "loss": 5.3}, display=True)
    for update in range(1, UPDATES + 1):
        value = None if diverged and update >= 60 else 5.3 - update / UPDATES
        log.step(update=update, epoch=update * EPOCHS / UPDATES, loss=value, lr=1e-4, seconds=update * 0.2)
        if update % (UPDATES // EPOCHS) == 0 and not diverged:
            at = perplexity + 10 * (EPOCHS - update * EPOCHS / UPDATES)
            metrics = {"perplexity": at + 1, "loss": math.log(at + 1)}
            log.evaluation(split="selection", epoch=update * EPOCHS / UPDATES, update=update, metrics=metrics)
            if curve:
                shown = {"perplexity": at, "loss": math.log(at)}
                log.evaluation(
                    split="test", epoch=update * EPOCHS / UPDATES, update=update, metrics=shown, display=True
                )
    log.end("diverged" if diverged else "completed")
    log.close()
