"""What a session says at its end, in pytest's terminal: refusals, verdicts, suites, the regression gate."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from seedwise.errors import SeedwiseError
from seedwise.escaping import folded, plain
from seedwise.secrets import without_credentials

if TYPE_CHECKING:
    from seedwise.store.store import Store
    from seedwise.verdicts.comparison import StudyOutcome
    from seedwise.verdicts.over_tasks import SuiteOutcome
    from seedwise.verdicts.regression import Regression

_COLOURS = {"supported": "green", "contradicted": "red", "undecided": "yellow"}


def tell(reporter: Any, line: str, **markup: bool) -> None:
    """A line without control sequences and credentials, whoever wrote it; folded where a terminal would break it anywhere."""
    text = plain(without_credentials(line))
    reporter.write_line(folded(text, reporter._tw.fullwidth) if reporter.isatty else text, **markup)


def tell_refusals(reporter: Any, refused: Mapping[str, SeedwiseError], skipped: Collection[str]) -> None:
    """Each reason once, with the studies that it keeps from being run."""
    reasons: dict[str, list[str]] = {}
    for name, refusal in refused.items():
        reasons.setdefault(str(refusal), []).append(name)
    for reason, names in reasons.items():
        only_skipped = all(name in skipped for name in names)
        reporter.write_sep("=", f"{', '.join(names)} {'skipped' if only_skipped else 'not started'}")
        tell(reporter, reason, **{"yellow" if only_skipped else "red": True})


def tell_verdicts(reporter: Any, outcome: StudyOutcome, store: Store) -> None:
    from seedwise.report.beside import lines_beside
    from seedwise.verdicts.signature import sign  # brings scipy, slow to import

    beside = lines_beside(outcome, store)
    if not (outcome.claims or outcome.explored or outcome.refused or outcome.open_claims or beside):
        return  # a search, say: what it found is told with the study that it is of
    reporter.write_sep("=", f"verdicts of {outcome.study.name}")
    for claim in (*outcome.claims, *outcome.explored):
        found = claim.verdict.outcome.value
        label = found if claim.status is None else f"{claim.status.value} ({found})"
        colour = {} if claim.status is None or not claim.declared else {_COLOURS[claim.status.value]: True}
        tell(reporter, f"{claim.name}: {'' if claim.declared else 'exploratory: '}{label}", bold=True, **colour)
        tell(reporter, f"  {claim.sentence}")
        for note in claim.notes:
            tell(reporter, f"  note: {note}")
        if claim.declared:
            tell(reporter, f"  cite as: {sign(outcome, claim)}")
    for line in beside:
        tell(reporter, line)
    for refused in outcome.refused:
        tell(reporter, f"{refused.claim.name}: refused", bold=True)
        tell(reporter, f"  {refused.reason}")
    missing = f"{len(outcome.missing)} of {len(outcome.plan.runs)} runs are missing"
    for open_claim in outcome.open_claims:
        tell(reporter, f"{open_claim.name}: open; {missing}")


def tell_suites(reporter: Any, found: Sequence[SuiteOutcome]) -> None:
    if not found:
        return
    from seedwise.report.suite import suite_lines

    for over in found:
        reporter.write_sep("=", f"over the tasks of {over.suite.name}")
        for line in suite_lines(over):
            tell(reporter, line)


def tell_regressions(reporter: Any, found: Sequence[Regression]) -> None:
    if found:
        reporter.write_sep("=", "regression gate")
    for told in found:
        tell(reporter, f"{told.arm}: {told.gate.value}", bold=True)
        tell(reporter, f"  {told.words}")
