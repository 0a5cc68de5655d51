"""`events.jsonl`: what happens in a run, one flushed line an event."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any, Literal, TextIO

from pydantic import Field, TypeAdapter, ValidationError

from seedwise_contract.base import ContractModel
from seedwise_contract.files import open_file


class _Event(ContractModel):
    time: float = Field(description="seconds since the epoch")


class Start(_Event):
    event: Literal["start"] = "start"
    total_updates: int
    epochs: int
    resumed_at: int | None = Field(default=None, description="update that a resumed run goes on from")


class Step(_Event):
    """One optimizer update, numbered from 1.  `loss` is the mean over the update's examples; null when not finite."""

    event: Literal["step"] = "step"
    update: int
    epoch: float = Field(description="epochs done after this update, fractional")
    loss: float | None
    lr: float = Field(description="the learning rate that this update used")
    grad_norm: float | None = Field(default=None, description="before clipping, where it was measured")
    seconds: float = Field(description="training time so far, evaluations left out")


class Evaluation(_Event):
    event: Literal["evaluation"] = "evaluation"
    split: str
    epoch: float
    update: int
    metrics: dict[str, float]
    display: bool = Field(default=False, description="scored for a curve alone; selection never saw it")


class Checkpoint(_Event):
    event: Literal["checkpoint"] = "checkpoint"
    update: int
    path: str


class Warning_(_Event):
    event: Literal["warning"] = "warning"
    message: str


class End(_Event):
    event: Literal["end"] = "end"
    status: str


Event = Annotated[Start | Step | Evaluation | Checkpoint | Warning_ | End, Field(discriminator="event")]
_adapter: TypeAdapter[Any] = TypeAdapter(Event)
_BYTES = 2 << 30


class EventLog:
    """Appends events to a file, one flushed line each, so that a killed run leaves what happened up to then."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._handle: TextIO = open(path, "a", encoding="utf-8")

    def write(self, event: Any) -> None:
        self._handle.write(event.model_dump_json() + "\n")
        self._handle.flush()

    def keep(self, size: int) -> None:
        """Cut the file to its first `size` bytes: none where a run starts over, up to its state where it resumes."""
        self._handle.truncate(size)

    def start(self, **fields: Any) -> None:
        self.write(Start(time=time.time(), **fields))

    def step(self, **fields: Any) -> None:
        self.write(Step(time=time.time(), **fields))

    def evaluation(self, **fields: Any) -> None:
        self.write(Evaluation(time=time.time(), **fields))

    def checkpoint(self, **fields: Any) -> None:
        self.write(Checkpoint(time=time.time(), **fields))

    def warning(self, message: str) -> None:
        self.write(Warning_(time=time.time(), message=message))

    def end(self, status: str) -> None:
        self.write(End(time=time.time(), status=status))

    def close(self) -> None:
        self._handle.close()


def read_events(path: Path) -> list[Any]:
    """Events of a file in order.  A last line cut short by a crash is left out; a bad line before it is an error."""
    if not path.exists():
        return []
    with open_file(path, _BYTES) as handle:
        lines = handle.read().decode().splitlines()
    events = []
    for number, line in enumerate(lines, start=1):
        try:
            events.append(_adapter.validate_json(line))
        except ValidationError as error:
            if number == len(lines):
                break
            raise ValueError(
                f"{path}:{number}: not an event of the contract ({error.error_count()} fault(s))"
            ) from None
    return events


def event_schema() -> dict[str, Any]:
    return _adapter.json_schema()


def last_progress(path: Path, tail_bytes: int = 8192) -> dict[str, Any] | None:
    """The newest start, step or evaluation event, but for those that are for display alone, read from the file's end; cheap
    enough to poll.
    """
    try:
        with open_file(path) as handle:
            handle.seek(0, 2)
            handle.seek(max(0, handle.tell() - tail_bytes))
            lines = handle.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return None
    for line in reversed(lines):
        try:
            event = _adapter.validate_json(line)
        except ValidationError:  # cut off by the reading, or by a crash
            continue
        if isinstance(event, Start | Step) or (isinstance(event, Evaluation) and not event.display):
            return dict(event.model_dump())
    return None
