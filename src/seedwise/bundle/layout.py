"""Which files a bundle holds, and the two of them that are ours."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import numpy
import scipy
from pydantic import Field

from seedwise.bundle.archive import archive_bytes
from seedwise.verdicts.comparison import REPORTED_SPLIT
from seedwise.version import __version__
from seedwise_contract.base import ContractModel
from seedwise_contract.spec import Name, RunSpec, Sha256

FORMAT: Literal[1] = 1

MANIFEST = "manifest.json"
README = "README.md"
LEDGER = "declarations.jsonl"
CERTIFICATES = "certificates"
PREDICTIONS = f"predictions/{REPORTED_SPLIT}.jsonl"
COMPARISONS = ("comparison.json", "scores.csv", "verdicts.json")
RUN_RECORDS = ("spec.json", "provenance.json", "result.json")  # every finished run has them
RUN_FILES = ("environment.json", "parameters.json", PREDICTIONS)  # those that its result names


RunId = Annotated[str, Field(pattern=r"^[0-9a-f]{20}$")]


class Listed(ContractModel):
    sha256: Sha256
    bytes: int


class Manifest(ContractModel):
    """`manifest.json`: every other file by its digest.  Its own sha256 is the bundle's name.

    `suites` are the studies of several tasks that are in here as a whole, `comparisons` those of scores of one's own; either is
    written only where there is one.
    """

    format: Literal[1]
    versions: dict[str, str]
    studies: tuple[Name, ...]
    files: dict[str, Listed]
    suites: tuple[Name, ...] = ()
    comparisons: tuple[Name, ...] = ()


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
    rf"comparisons/[^/]+/({'|'.join(map(re.escape, COMPARISONS))})|"
    r"suites/[^/]+/verdicts\.json|"
    r"studies/[^/]+/(study\.yaml|study\.json|data\.json|plan\.json|verdicts\.json)|"
    rf"runs/[0-9a-f]{{20}}/({'|'.join(map(re.escape, (*RUN_RECORDS, *RUN_FILES)))})"
)


def is_own(name: str) -> bool:
    """Whether a bundle may have a file of this name."""
    return _NAMES.fullmatch(name) is not None


def study_file(study: str, name: str) -> str:
    return f"studies/{study}/{name}"


def suite_file(suite: str) -> str:
    return f"suites/{suite}/verdicts.json"


def comparison_file(comparison: str, name: str) -> str:
    return f"comparisons/{comparison}/{name}"


def run_file(run_id: str, name: str) -> str:
    return f"runs/{run_id}/{name}"


def sealed(
    files: Mapping[str, bytes],
    studies: Sequence[str] = (),
    comparisons: Sequence[str] = (),
    suites: Sequence[str] = (),
) -> bytes:
    """The archive of `files` and of the manifest that lists them."""
    manifest = Manifest(
        format=FORMAT,
        versions=versions(),
        studies=tuple(sorted(studies)),
        files={
            name: Listed(sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
            for name, data in sorted(files.items())
        },
        suites=tuple(sorted(suites)),
        comparisons=tuple(sorted(comparisons)),
    )
    return archive_bytes({**files, MANIFEST: json_bytes(manifest.model_dump(mode="json", exclude_defaults=True))})


def json_bytes(value: object) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
