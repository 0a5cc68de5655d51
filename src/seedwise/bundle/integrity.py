"""Whether a bundle's files are those of its manifest, and its manifest one of a bundle."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping

from pydantic import ValidationError

from seedwise.bundle.layout import (
    CERTIFICATES,
    COMPARISONS,
    FORMAT,
    LEDGER,
    MANIFEST,
    README,
    RUN_FILES,
    RUN_RECORDS,
    Manifest,
    comparison_file,
    study_file,
    suite_file,
)

_STUDY_FILES = ("study.yaml", "study.json", "data.json", "plan.json", "verdicts.json")


def changed_files(files: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
    """Files that are not what the manifest says, missing or beside it."""
    if MANIFEST not in files:
        yield MANIFEST, "missing; it says what every other file is"
        return
    try:
        manifest = Manifest.model_validate_json(files[MANIFEST])
    except (ValidationError, RecursionError):
        found = _format(files[MANIFEST])
        yield MANIFEST, f"format {found}, but this version reads {FORMAT}" if found else "not a bundle's manifest"
        return
    if len(set(manifest.studies)) < len(manifest.studies):
        yield MANIFEST, "names a study twice"
    if len(set(manifest.suites)) < len(manifest.suites):
        yield MANIFEST, "names a suite of tasks twice"
    if len(set(manifest.comparisons)) < len(manifest.comparisons):
        yield MANIFEST, "names a comparison twice"
    if not manifest.studies and not manifest.comparisons:
        yield MANIFEST, "names neither a study nor a comparison"
    needed = {study_file(study, name) for study in manifest.studies for name in _STUDY_FILES}
    needed |= {comparison_file(comparison, name) for comparison in manifest.comparisons for name in COMPARISONS}
    needed |= {suite_file(suite) for suite in manifest.suites}
    needed |= {LEDGER} if manifest.studies else set()
    for name in sorted(manifest.files.keys() | files.keys() | needed):
        if name == MANIFEST:
            continue
        listed = manifest.files.get(name)
        if name not in files:
            yield name, "missing"
        elif listed is None or not _known(name, manifest):
            yield name, "not one of the bundle's own files"
        elif (digest := hashlib.sha256(files[name]).hexdigest()) != listed.sha256:
            yield name, f"changed: its sha256 is {digest[:16]}…, the manifest says {listed.sha256[:16]}…"


def _known(name: str, manifest: Manifest) -> bool:
    head, _, rest = name.partition("/")
    if head == "studies":
        study, _, file = rest.partition("/")
        return study in manifest.studies and file in _STUDY_FILES
    if head == "suites":
        return rest.partition("/")[0] in manifest.suites
    if head == "comparisons":
        comparison, _, file = rest.partition("/")
        return comparison in manifest.comparisons and file in COMPARISONS
    if head == "runs":
        return rest.partition("/")[2] in (*RUN_RECORDS, *RUN_FILES)
    return name in (LEDGER, README) or head == CERTIFICATES


def _format(data: bytes) -> object:
    try:
        value = json.loads(data)
        return value.get("format") if isinstance(value, dict) and value.get("format") != FORMAT else None
    except (ValueError, RecursionError):
        return None
