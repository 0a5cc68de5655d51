"""What a terminal says of a study beside its claims: costs, where the noise comes from, ratios of best values."""

from __future__ import annotations

from seedwise.report.noise import noise_lines, noise_rows
from seedwise.report.standing import standing_lines, standings
from seedwise.report.tuned import ratio_lines
from seedwise.store.store import Store
from seedwise.verdicts.comparison import StudyOutcome


def lines_beside(outcome: StudyOutcome, store: Store) -> tuple[str, ...]:
    return (
        *ratio_lines(outcome.plan),
        *standing_lines(standings(outcome, store)),
        *noise_lines(noise_rows(outcome), outcome),
    )
