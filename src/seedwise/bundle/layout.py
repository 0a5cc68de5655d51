"""Which files a bundle holds, and the two of them that are ours."""

from __future__ import annotations

import re
from typing import Annotated, Literal

import numpy
import scipy
from pydantic import Field

from seedwise.verdicts.comparison import REPORTED_SPLIT
from seedwise.version import __version__
from seedwise_contract.base import ContractModel
from seedwise_contract.spec import Name, RunSpec, Sha256

FORMAT: Literal[1] = 1

MANIFEST = "manifest.json"
README = "README.md"
LEDGER = "declarations.jsonl"
DECLARATIONS = ".declarations.jsonl"  # the same in a store
CERTIFICATES = "certificates"
PREDICTIONS = f"predictions/{REPORTED_SPLIT}.jsonl"
RUN_RECORDS = ("spec.json", "provenance.json", "result.json")  # every finished run has them
RUN_FILES = ("environment.json", "parameters.json", PREDICTIONS)  # those that its result names


RunId = Annotated[str, Field(pattern=r"^[0-9a-f]{20}$")]


class Listed(ContractModel):
    sha256: Sha256
    bytes: int


class Manifest(ContractModel):
    """`manifest.json`: every other file by its digest.  Its own sha256 is the bundle's name."""

    format: Literal[1]
    versions: dict[str, str]
    studies: tuple[Name, ...]
    files: dict[str, Listed]


class PlannedEntry(ContractModel):
    """One planned run; `spec` only where it is not finished, since a finished run has its own."""

    arm: Name
    seed: int
    digest: str | None
    run_id: RunId | None
    spec: RunSpec | None


class PlanFile(ContractModel):
    """`studies/NAME/plan.json`."""

    declaration: Sha256
    runs: tuple[PlannedEntry, ...]


def versions() -> dict[str, str]:
    """Of what computes the figures."""
    return {"seedwise": __version__, "numpy": numpy.__version__, "scipy": scipy.__version__}


_NAMES = re.compile(
    r"manifest\.json|README\.md|declarations\.jsonl|certificates/[^/]+|"
    r"studies/[^/]+/(study\.yaml|study\.json|data\.json|plan\.json|verdicts\.json)|"
    rf"runs/[0-9a-f]{{20}}/({'|'.join(map(re.escape, (*RUN_RECORDS, *RUN_FILES)))})"
)


def is_own(name: str) -> bool:
    """Whether a bundle may have a file of this name."""
    return _NAMES.fullmatch(name) is not None


def study_file(study: str, name: str) -> str:
    return f"studies/{study}/{name}"


def run_file(run_id: str, name: str) -> str:
    return f"runs/{run_id}/{name}"
