"""Verbs beside `run` that a backend may offer: each reads a request (JSON) and writes into a folder.

A backend offers one by having a method of its name: `method(request, roots, out)`.
"""

from __future__ import annotations

import argparse
import random
import sys
import traceback
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from seedwise_contract.base import ContractModel
from seedwise_contract.exits import BackendError, ExitCode, SpecError
from seedwise_contract.faults import Fault, faults_of
from seedwise_contract.files import read_record
from seedwise_contract.spec import RelativePath

Count = Annotated[int, Field(ge=1)]


class ParametersRequest(ContractModel):
    """`parameters`: build a model of these sizes, weights of no matter, and write its parameters: `Modules`."""

    kind: Literal["bert", "roberta"]
    layers: Count
    hidden: Count
    feed_forward: Count
    heads: Count
    positions: Annotated[int, Field(ge=1, description="places that a token can have, empty rows not counted")]
    vocabulary: Count
    types: Annotated[int, Field(ge=1, description="token types, where the framework has them")]
    classes: Annotated[int, Field(ge=2)]


class Modules(ContractModel):
    """`modules.json`: every parameter of a real model, a shared one once."""

    framework: str
    model: str
    parameters: dict[str, list[int]]
    left_out: Annotated[int, Field(ge=0, description="duplicates that a framework keeps for fast inference")]


class ConvertRequest(ContractModel):
    """`convert`: the model folder `model` (below the models root) for the framework `to`, into `model/` of the folder."""

    model: RelativePath
    to: Literal["hf", "fairseq"]


class StatesRequest(ContractModel):
    """`states`: the model folder `model` on `texts`, float32, no dropout, one at a time, into `states.npz`.

    `states.npz` holds `ids` (of every text's tokens, special ones included, end to end), `lengths` (tokens a text), `hidden`
    (tokens × width, the last layer's), `logits` (texts × classes) and, where the model has a head for masked tokens,
    `masked` (tokens of the first `masked_texts` texts × vocabulary).  The classification head is the model's own;
    where it has none, both its layers are drawn: `drawn_head`.
    """

    model: RelativePath
    texts: Annotated[list[str], Field(min_length=1)]
    max_length: Annotated[int, Field(ge=4, description="tokens, special tokens included")]
    masked_texts: Annotated[int, Field(ge=0)]


class Converted(ContractModel):
    """`converted.json`: what was converted and what was not, in words for a user."""

    kind: str
    tensors: int
    parameters: int
    positions: int
    vocabulary: int
    masked_head: bool = Field(description="the head for masked tokens was converted")
    notes: list[str]
    compare: str | None = Field(description="folder below the output to compare with, where it is not the source")


Request = ParametersRequest | ConvertRequest | StatesRequest
_REQUESTS: dict[str, type[Request]] = {
    "parameters": ParametersRequest,
    "convert": ConvertRequest,
    "states": StatesRequest,
}
_HELP = {
    "parameters": "write every parameter of a model of given sizes",
    "convert": "write a model for another framework",
    "states": "write a model's hidden states and logits on texts",
}


def drawn_head(hidden: int, classes: int) -> dict[str, list[float]]:
    """Weights of a dense layer (`dense`, hidden × hidden) and of scores (`out_proj`, classes × hidden), row by row.

    By the standard library alone, so that every framework has the same; small, and without biases.
    """
    generator = random.Random("head")
    return {
        name: [generator.gauss(0.0, 0.02) for _ in range(rows * hidden)]
        for name, rows in (("dense", hidden), ("out_proj", classes))
    }


def add_verbs(verbs: Any) -> None:
    for verb, text in _HELP.items():
        sub = verbs.add_parser(verb, help=text)
        sub.add_argument("request", type=Path, help="a JSON file")
        sub.add_argument("--data", type=Path, default=Path("/data"), help="not read; every verb takes it")
        sub.add_argument("--models", type=Path, default=Path("/models"), help="root of model folders (default /models)")
        sub.add_argument("--out", type=Path, required=True, help="folder to write into")


def answers(verb: str) -> bool:
    return verb in _REQUESTS


def answer(backend: Any, arguments: argparse.Namespace) -> int:
    """Do what `arguments.verb` asks of `backend`; the return value is the process's exit code."""
    try:
        method = getattr(backend, arguments.verb, None)
        if method is None:
            fault = Fault(field="(verb)", found=arguments.verb, allowed="this backend does not offer it")
            raise SpecError(str(arguments.request), [fault])
        method(_request(arguments.verb, arguments.request), arguments.models, arguments.out)
    except BackendError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except Exception:  # noqa: BLE001 - the process boundary: an exit code, with the traceback in the log
        traceback.print_exc()
        return ExitCode.INTERNAL
    return ExitCode.COMPLETED


def _request(verb: str, path: Path) -> Request:
    try:
        return _REQUESTS[verb].model_validate_json(read_record(path))
    except OSError as error:
        raise SpecError(str(path), [Fault(field="(file)", found=str(error), allowed="a readable JSON file")]) from None
    except ValidationError as error:
        raise SpecError(str(path), faults_of(error)) from None
