"""What both runtimes share: threads by lease, descriptions by digest."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from seedwise.errors import ImageError
from seedwise.project import Project
from seedwise.runtimes.base import Lease
from seedwise_contract import CONTRACT_VERSION, Description, faults_of
from seedwise_contract.environment import IMAGE_VARIABLE
from seedwise_contract.files import read_record, write_json

_QUIETLY = os.O_NOFOLLOW | os.O_NONBLOCK  # a FIFO in its place is not waited for
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def run_environment(lease: Lease, digest: str) -> dict[str, str]:
    """Variables of a backend process: one numerical thread a leased core, and what it is."""
    threads = str(max(1, len(lease.cores)))
    return {
        **dict.fromkeys(_THREAD_VARIABLES, threads),
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONUNBUFFERED": "1",
        "PYTHONHASHSEED": "0",
        IMAGE_VARIABLE: digest,
    }


def described(project: Project, backend: str, digest: str, ask: Callable[[], str]) -> Description:
    """The description of `digest`: from the cache, else what `ask` (the verb `describe`) prints."""
    path = project.cache / "describe" / f"{digest.replace(':', '-')}.json"
    try:
        return Description.model_validate_json(read_record(path))
    except (OSError, ValidationError):
        pass
    description = _parse(backend, ask())
    write_json(path, description)
    return description


def _parse(backend: str, text: str) -> Description:
    start = text.find("{")
    try:
        value = json.JSONDecoder().raw_decode(text[max(0, start) :])[0]
        description = Description.model_validate(value)
    except ValidationError as error:
        faults = "; ".join(str(fault) for fault in faults_of(error))
        raise ImageError(f"backend '{backend}': its 'describe' does not keep to the run contract: {faults}") from None
    except (ValueError, RecursionError):
        raise ImageError(f"backend '{backend}': its 'describe' printed no JSON but: {text.strip()[-400:]}") from None
    if description.contract != CONTRACT_VERSION:
        raise ImageError(
            f"backend '{backend}' speaks version {description.contract} of the run contract, the harness version "
            f"{CONTRACT_VERSION}: use a backend of that version"
        )
    if description.backend != backend:
        raise ImageError(
            f"backend '{backend}' calls itself '{description.backend}' in 'describe': "
            "give it that name in docker/images.yaml"
        )
    return description


def log_tail(path: Path, limit: int = 1 << 20) -> str:
    """The end of a log, at most `limit` bytes; a link that a run put in its place is not followed."""
    try:
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | _QUIETLY)) as handle:
            handle.seek(0, 2)
            handle.seek(max(0, handle.tell() - limit))
            return handle.read().decode(errors="replace")
    except OSError:
        return ""
