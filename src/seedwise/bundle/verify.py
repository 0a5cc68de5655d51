"""Checking a bundle: its bytes, then what its runs are, then every figure recomputed from the predictions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seedwise.bounded import parse_json, reason
from seedwise.bundle.archive import read_archive
from seedwise.bundle.comparison import Recomputed, read_verdicts, recompute
from seedwise.bundle.evidence import Evidence
from seedwise.bundle.faults import MAX_ROWS, DamagedBundle, RefutedBundle, read_model
from seedwise.bundle.figures import count, differences, excused, figures, suite_figures
from seedwise.bundle.integrity import changed_files
from seedwise.bundle.layout import (
    CERTIFICATES,
    COMPARISONS,
    LEDGER,
    MANIFEST,
    Manifest,
    comparison_file,
    is_own,
    study_file,
    suite_file,
    versions,
)
from seedwise.bundle.recheck import recheck, recheck_suite, stray_runs
from seedwise.errors import SeedwiseError
from seedwise.project import MARKER
from seedwise.store import ledger
from seedwise.temporary import temporary_folder
from seedwise.verdicts.comparison import StudyOutcome
from seedwise.verdicts.over_tasks import SuiteOutcome
from seedwise.verdicts.signature import Signature, parse_signature

_SIGNED = ("claims", "explored")  # verdicts with a signature each; over the tasks of a suite there are claims alone


@dataclass(frozen=True, slots=True)
class Verified:
    """A bundle that holds.  `name` is the sha256 of its manifest; `figures` counts the numbers that were recomputed.

    `outcomes` are of studies, `suites` of several of them as tasks of one, `comparisons` of scores of one's own.
    """

    name: str
    outcomes: tuple[StudyOutcome, ...]
    runs: int
    figures: int
    notes: tuple[str, ...]
    signatures: tuple[tuple[str, Signature], ...]
    suites: tuple[SuiteOutcome, ...] = ()
    comparisons: tuple[Recomputed, ...] = ()


def verify(path: Path, wanted: Signature | None = None) -> Verified:
    """Check `path`, and that one of its verdicts has the signature `wanted`.

    Raises NotABundle for what is none or is not safe to open, DamagedBundle naming each file and what is wrong with it,
    RefutedBundle naming each figure that the predictions do not give.
    """
    with opened(path, wanted) as (found, _):
        return found


@contextmanager
def opened(path: Path, wanted: Signature | None = None) -> Iterator[tuple[Verified, Evidence]]:
    """The same check, and the bundle's runs as a store for as long as the block lasts: a report can be made of them."""
    with temporary_folder() as home:
        yield _checked(path, wanted, home)


def _checked(path: Path, wanted: Signature | None, home: Path) -> tuple[Verified, Evidence]:
    contents = read_archive(path, is_own)
    told = {name for name, _ in contents.faults}
    changed = [one for one in changed_files(contents.files) if one[0] not in told] if contents.files else []
    _raise(DamagedBundle, path, [*contents.faults, *changed])
    manifest = read_model(Manifest, contents.files, MANIFEST, path)
    store = _unpack(contents.files, home)
    outcomes, claims = [], []
    faults = list(stray_runs(contents.files, manifest, path))
    for name in manifest.studies:
        outcome, wrong = recheck(name, contents.files, home, store, path)
        faults += wrong
        if outcome is not None:
            said = _verdicts(contents.files, study_file(name, "verdicts.json"), path)
            outcomes.append(outcome)
            claims.append((name, said, figures(outcome)))
    suites = []
    for name in manifest.suites:
        over, wrong = recheck_suite(name, outcomes, store)
        faults += wrong
        if over is not None:
            suites.append((name, _verdicts(contents.files, suite_file(name), path), over))
    comparisons = []
    for name in manifest.comparisons:
        comparison, wrong = _comparison(name, contents.files)
        faults += wrong
        comparisons += [] if comparison is None else [comparison]
    held = [(study_file(name, "verdicts.json"), said, of_study) for name, said, of_study in claims]
    held += [(suite_file(name), said, suite_figures(over)) for name, said, over in suites]
    held += [(place, said, made.figures()) for place, said, made in comparisons]
    notes = []
    for place, said, found in held:
        differing = list(differences(said, found))
        kept = [one for one in differing if not excused(said, found, one[0], manifest.versions, versions())]
        if len(kept) < len(differing):
            theirs = ", ".join(f"{name} {version}" for name, version in manifest.versions.items())
            others = len(differing) - len(kept)
            what = "sentence or resampled figure is that" if others == 1 else "sentences or resampled figures are those"
            notes.append(f"{place}: {others} {what} of {theirs}, which are not the versions that checked it")
        differing = kept
        faults += [(place, f"{where} {what}") for where, what in differing]
    _raise(RefutedBundle, path, faults)
    signatures = tuple(
        (f"{name}: {key}", parse_signature(claim["signature"]))
        for name, said, _ in (*claims, *suites)
        for group in _SIGNED
        for key, claim in said.get(group, {}).items()
    )
    if wanted is not None:
        _refuse_other_signatures(path, wanted, signatures)
    verified = Verified(
        name=hashlib.sha256(contents.files[MANIFEST]).hexdigest(),
        outcomes=tuple(outcomes),
        runs=sum(name.endswith("/result.json") for name in contents.files),
        figures=sum(count(found) for _, _, found in held),
        notes=tuple(notes),
        signatures=signatures,
        suites=tuple(over for _, _, over in suites),
        comparisons=tuple(made for _, _, made in comparisons),
    )
    return verified, store


def _raise(kind: type[SeedwiseError], path: Path, faults: list[tuple[str, str]]) -> None:
    if faults:
        raise kind("\n".join(f"{path}: {name}: {what}" if name else f"{path}: {what}" for name, what in faults))


def _unpack(files: Any, home: Path) -> Evidence:
    """The runs and certificates as they lie in a project's home; names are the layout's own by now."""
    for name, data in files.items():
        if name.startswith(("runs/", f"{CERTIFICATES}/", "studies/")):
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            (home / name).write_bytes(data)
    (home / MARKER).touch()  # the study's file is named from here, whatever lies around the temporary folder
    store = Evidence(home / "runs")
    store.root.mkdir(exist_ok=True)
    (store.root / ledger.LINES).write_bytes(files.get(LEDGER, b""))
    return store


def _verdicts(files: Any, place: str, path: Path) -> dict[str, Any]:
    """What a study's verdicts, or those over the tasks of a suite, say; each has the signature of another version perhaps."""
    try:
        said = parse_json(files[place])
        for group in _SIGNED if place.startswith("studies/") else _SIGNED[:1]:
            for claim in said[group].values():
                parse_signature(claim["signature"])
    except (ValueError, TypeError, KeyError, AttributeError, SeedwiseError) as error:
        raise RefutedBundle(f"{path}: {place}: not a study's verdicts: {reason(error)}") from None
    return dict(said)


def _comparison(name: str, files: Any) -> tuple[tuple[str, dict[str, Any], Recomputed] | None, list[tuple[str, str]]]:
    """What the scores of a comparison give, beside what it claims; and what is wrong with its files."""
    record, scores, verdicts = (comparison_file(name, each) for each in COMPARISONS)
    if files[scores].count(b"\n") > MAX_ROWS:
        return None, [(scores, f"more than {MAX_ROWS:,} rows are not checked")]
    try:
        made = recompute(files[record], files[scores])
    except (SeedwiseError, ValueError, ArithmeticError, RecursionError) as error:
        return None, [(f"comparisons/{name}", f"gives no verdict: {reason(error)}")]
    try:
        return (verdicts, read_verdicts(files[verdicts]), made), []
    except ValueError as error:
        return None, [(verdicts, f"not a comparison's verdicts: {reason(error)}")]


def _refuse_other_signatures(path: Path, wanted: Signature, held: tuple[tuple[str, Signature], ...]) -> None:
    if any(signature.answers(wanted) for _, signature in held):
        return
    if not held:
        raise RefutedBundle(f"{path}: no verdict in it, so none with this signature")
    name, nearest = min(held, key=lambda item: len(item[1].differences(wanted)))
    lines = "\n".join(f"  {line}" for line in nearest.differences(wanted))
    raise RefutedBundle(f"{path}: no verdict with this signature; the nearest, of {name}, differs in\n{lines}")
