"""`seedwise bundle` and `seedwise verify`: evidence as one small file, and the check of one."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seedwise.cli.common import (
    DeviceOption,
    RuntimeOption,
    StudiesArgument,
    find_studies,
    options_of,
    refuse_target,
    say,
    show,
    suites_of,
)
from seedwise.errors import InputError, SeedwiseError
from seedwise.execution.workbench import open_workbench
from seedwise.project import Project, find_project
from seedwise.store.store import Store
from seedwise.study.load import StudyFile, load_studies
from seedwise.study.yamlfile import read_yaml

if TYPE_CHECKING:
    from seedwise.verdicts.comparison import ClaimOutcome


def bundle(
    out: Annotated[Path, typer.Option("--out", help="The file to write; written whole, over what is there.")],
    studies: StudiesArgument = None,
    every: Annotated[bool, typer.Option("--all", help="Every study of the project that has finished runs.")] = False,
    runtime: RuntimeOption = None,
    device: DeviceOption = None,
) -> None:
    """Pack studies, runs, predictions and verdicts into one small ZIP that `seedwise verify` checks anywhere.

    Texts of the data are not in it, nor are checkpoints.  The same store gives the same bytes.
    """
    for path in studies or ():
        if path.suffix.lower() not in ("", ".yaml", ".yml"):
            raise InputError(
                f"{path}: not a study; of scores of your own, `seedwise compare {path} --bundle {out}` packs the comparison"
            )
    from seedwise.bundle import pack  # brings scipy, slow to import
    from seedwise.verdicts.comparison import compare
    from seedwise.verdicts.signature import sign
    from seedwise_contract.files import write_whole

    if every and studies:
        raise InputError("--all takes every study; leave the file names out, or leave --all out")
    refuse_target(out, b"PK\x03\x04")
    project, files = _every_study() if every else find_studies(studies)
    bench = open_workbench(project, options_of(runtime, device), [file.study for file in files])
    if len({file.study.name for file in files}) < len(files):
        raise InputError("two of the files name their study alike; bundle them one by one, or rename one")
    plans = []
    for file in files:
        try:
            plan = bench.plan(file.study, say)
        except SeedwiseError as error:
            if not every:
                raise
            say(f"left out: {file.study.name}: {error}")
            continue
        if not every or any(bench.store.is_done(run.run_id) for run in plan.runs):
            plans.append((plan, file.path))
    if not plans:
        raise InputError("no study has a run that is finished with the backends as they are now; run one first")
    data = pack(plans, bench.store, suites_of(files))
    write_whole(out, data)
    for plan, _ in plans:
        outcome = compare(plan, bench.store)
        if outcome.missing:
            say(f"{outcome.study.name}: {len(outcome.missing)} of {len(outcome.plan.runs)} runs are missing")
        for claim in outcome.claims:
            typer.echo(f"{claim.name}: {sign(outcome, claim)}")
    typer.echo(f"{out}: {len(data) / 1e6:.2f} MB")


def verify(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A file that `seedwise bundle` wrote.")],
    signature: Annotated[
        str | None, typer.Option("--signature", help="Also: one of its verdicts has this signature.")
    ] = None,
) -> None:
    """Recompute every figure of a bundle from its predictions; needs no project, no network and no torch.

    Exit codes: 0 everything holds; 2 not a bundle, or not safe to open; 6 a file is changed, missing or extra; 8 the
    files are whole, but a figure or a signature does not follow from the predictions.
    """
    from seedwise.bundle import verify as check
    from seedwise.scores.formats import as_text
    from seedwise.verdicts.ratios import ratio_outcomes
    from seedwise.verdicts.signature import parse_signature

    begun = time.monotonic()
    found = check(bundle, parse_signature(signature) if signature is not None else None)
    for outcome in found.outcomes:
        for claim in (*outcome.claims, *outcome.explored):
            _show_claim(claim)
        for ratio in ratio_outcomes(outcome.plan):
            show(f"{ratio.ratio.name}: {ratio.status}: {ratio.ratio.words}. {ratio.sentence}")
        for refused in outcome.refused:
            show(f"{refused.claim.name}: {refused.reason}")
        for undecided in outcome.open_claims:
            show(f"{undecided.name}: open; {len(outcome.missing)} of {len(outcome.plan.runs)} runs are missing")
    for over in found.suites:
        for claim in over.claims:
            _show_claim(claim)
        for waiting in over.open_claims:
            show(f"{waiting.name}: open; runs of some task are missing")
    for comparison in found.comparisons:
        show(
            "\n".join(each.text for each in comparison.reproduced)
            if comparison.card is None
            else as_text(comparison.card)
        )
    for note in found.notes:
        show(f"note: {note}")
    if signature is not None:
        show("the signature is that of one of these verdicts")
    of, source = [], []
    if found.outcomes:
        of.append(f"{len(found.outcomes)} {'study' if len(found.outcomes) == 1 else 'studies'}")
        source.append(f"the predictions of {found.runs} runs")
    if found.comparisons:
        of.append("1 comparison" if len(found.comparisons) == 1 else f"{len(found.comparisons)} comparisons")
        source.append(f"{sum(each.n_scores for each in found.comparisons)} scores")
    show(
        f"verified: {found.figures} figures of {' and '.join(of)} recomputed from {' and '.join(source)} in "
        f"{time.monotonic() - begun:.1f} s; bundle {found.name[:16]}"
    )


def _show_claim(claim: ClaimOutcome) -> None:
    status = "" if claim.status is None else f"{claim.status.value}: "
    show(f"{claim.name}{'' if claim.declared else ' (exploratory)'}: {status}{claim.sentence}")


def _every_study() -> tuple[Project, list[StudyFile]]:
    """The studies of the project that some finished run in the store names."""
    project = find_project(Path.cwd())
    store = Store(project.runs)
    known = {store.read(identity).provenance.study for identity in store.finished()}
    files = []
    for path in sorted(project.every_study.rglob("*.y*ml")):
        try:
            if path.parent.name == "assets" or "arms" not in read_yaml(path):
                continue  # a manifest, a pretraining
            found = load_studies(path)
        except SeedwiseError as error:
            say(f"left out: {error}")
            continue
        files += [file for file in found if file.study.name in known]
    if not files:
        raise InputError(f"{project.runs}: no finished run of any study below {project.every_study}")
    return project, files
