"""Verbs beside `run` that a backend may offer: each reads a request (JSON) and writes into a folder.

A backend offers one by having a method of its name: `method(request, roots, out)`.
"""

from __future__ import annotations

import argparse
import sys
import traceback
from pathlib import Path
from typing import Annotated, Any, Dict, List, Literal, Optional, Type, Union

from pydantic import Field, ValidationError

from seedwise_contract.base import ContractModel
from seedwise_contract.exits import BackendError, ExitCode, SpecError
from seedwise_contract.faults import Fault, faults_of
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
    parameters: Dict[str, List[int]]
    left_out: Annotated[int, Field(ge=0, description="duplicates that a framework keeps for fast inference")]


class ConvertRequest(ContractModel):
    """`convert`: the model folder `model` (below the models root) for the framework `to`, into `model/` of the folder."""

    model: RelativePath
    to: Literal["hf", "fairseq"]


class Converted(ContractModel):
    """`converted.json`: what was converted and what was not, in words for a user."""

    kind: str
    tensors: int
    parameters: int
    positions: int
    vocabulary: int
    masked_head: bool = Field(description="the head for masked tokens was converted")
    notes: List[str]
    compare: Optional[str] = Field(description="folder below the output to compare with, where it is not the source")


_REQUESTS: Dict[str, Type[Union[ParametersRequest, ConvertRequest]]] = {
    "parameters": ParametersRequest,
    "convert": ConvertRequest,
}
_HELP = {
    "parameters": "write every parameter of a model of given sizes",
    "convert": "write a model for another framework",
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


def _request(verb: str, path: Path) -> Union[ParametersRequest, ConvertRequest]:
    try:
        return _REQUESTS[verb].model_validate_json(path.read_bytes())
    except OSError as error:
        raise SpecError(str(path), [Fault(field="(file)", found=str(error), allowed="a readable JSON file")]) from None
    except ValidationError as error:
        raise SpecError(str(path), faults_of(error)) from None
