"""`predictions/<split>.jsonl`: one line an example, in the order of the split's file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import Field

from seedwise_contract.base import ContractModel
from seedwise_contract.data import Example, Measured
from seedwise_contract.files import lines_of

_Line = TypeVar("_Line", bound=ContractModel)


class Prediction(ContractModel):
    id: str
    label: int = Field(ge=0, description="gold class index")
    scores: list[float] = Field(min_length=2, description="one a class (logits or log-probabilities)")

    @property
    def predicted(self) -> int:
        """Class of the highest score; the first of equal ones."""
        return predicted(self.scores)

    @property
    def correct(self) -> bool:
        return self.predicted == self.label


def predicted(scores: Sequence[float]) -> int:
    """Class of the highest score; the first of equal ones."""
    return max(range(len(scores)), key=scores.__getitem__)


def predictions(rows: Sequence[Sequence[float]], examples: Sequence[Example]) -> list[Prediction]:
    """What `predictions/<split>.jsonl` holds, of the scores of each example."""
    return [
        Prediction(id=example.id, label=example.label, scores=list(row))
        for example, row in zip(examples, rows, strict=True)
    ]


class Estimate(ContractModel):
    """What stands in place of a `Prediction` where labels are numbers."""

    id: str
    label: float = Field(description="gold number")
    value: float = Field(description="the number that the model gives")


def estimates(values: Sequence[float], examples: Sequence[Measured]) -> list[Estimate]:
    """What `predictions/<split>.jsonl` holds, of the number for each example."""
    return [
        Estimate(id=example.id, label=example.label, value=value)
        for example, value in zip(examples, values, strict=True)
    ]


class TokenLoss(ContractModel):
    """What stands in place of a `Prediction` where the task is a language model's."""

    id: str
    loss: float = Field(description="summed over the predicted tokens, in nats")
    tokens: int = Field(ge=1, description="how many were predicted")


class Sampling(ContractModel):
    """How an answer was drawn: from the `top_k` most probable tokens, their logits divided by `temperature`."""

    temperature: float = Field(gt=0)
    top_k: int = Field(ge=1)
    seed: int = Field(ge=0, description="of the generator that drew this answer, and nothing else")


class Answer(ContractModel):
    """A line of `answers.jsonl`: what the selected model says to one of the first prompts of the reported split."""

    id: str
    prompt: str
    answer: str = Field(description="the one in the data")
    greedy: str = Field(description="the most probable token each time")
    sampled: str = Field(description="drawn, as `sampling` says")
    sampling: Sampling


def read_answers(path: Path) -> Iterator[Answer]:
    """Answers of a file; `ValueError` names the file and the line."""
    return _read(path, Answer, "answer")


def read_token_losses(path: Path) -> Iterator[TokenLoss]:
    """Losses of a file; `ValueError` names the file and the line."""
    return _read(path, TokenLoss, "loss")


def read_estimates(path: Path) -> Iterator[Estimate]:
    """Estimates of a file; `ValueError` names the file and the line."""
    return _read(path, Estimate, "estimate")


def read_predictions(path: Path) -> Iterator[Prediction]:
    """Predictions of a file; `ValueError` names the file and the line."""
    return _read(path, Prediction, "prediction")


def _read(path: Path, model: type[_Line], what: str) -> Iterator[_Line]:
    for number, line in lines_of(path):
        try:
            yield model.model_validate_json(line)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{path}:{number}: not a {what} of the contract: {error}") from None
