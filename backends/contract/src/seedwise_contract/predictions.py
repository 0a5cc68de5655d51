"""`predictions/<split>.jsonl`: one line an example, in the order of the split's file."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator, List, Type, TypeVar

from pydantic import Field

from seedwise_contract.base import ContractModel

_Line = TypeVar("_Line", bound=ContractModel)


class Prediction(ContractModel):
    id: str
    label: int = Field(ge=0, description="gold class index")
    scores: List[float] = Field(min_length=2, description="one a class (logits or log-probabilities)")

    @property
    def predicted(self) -> int:
        """Class of the highest score; the first of equal ones."""
        return max(range(len(self.scores)), key=self.scores.__getitem__)

    @property
    def correct(self) -> bool:
        return self.predicted == self.label


class TokenLoss(ContractModel):
    """What stands in place of a `Prediction` where the task is a language model's."""

    id: str
    loss: float = Field(description="summed over the predicted tokens, in nats")
    tokens: int = Field(ge=1, description="how many were predicted")


def read_token_losses(path: Path) -> Iterator[TokenLoss]:
    """Losses of a file; `ValueError` names the file and the line."""
    return _read(path, TokenLoss, "loss")


def read_predictions(path: Path) -> Iterator[Prediction]:
    """Predictions of a file; `ValueError` names the file and the line."""
    return _read(path, Prediction, "prediction")


def _read(path: Path, model: Type[_Line], what: str) -> Iterator[_Line]:
    with open(path, encoding="utf-8") as handle:
        for number, line in enumerate(handle, start=1):
            try:
                yield model.model_validate_json(line)
            except ValueError as error:
                raise ValueError(f"{path}:{number}: not a {what} of the contract: {error}") from None
