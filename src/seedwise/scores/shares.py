"""Single published accuracies: what the size of the test set says of their difference."""

from __future__ import annotations

from typing import Any

from seedwise.errors import InputError
from seedwise.scores.table import ArmTable, ScoreTable
from seedwise.stats import Verdict, decide_shares


def decide_single_shares(table: ScoreTable, a: ArmTable, b: ArmTable, n: int, held: dict[str, Any]) -> Verdict:
    """The verdict on two arms of one accuracy each, of `n` examples, in the table's own unit. Raises InputError for other arms."""
    for arm in (a, b):
        if table.examples is not None or table.summaries:
            raise InputError(
                "--test-size is for one number an arm; scores of examples and means of seeds say more by themselves"
            )
        if len(arm.seeds) != 1:
            raise InputError(
                f"--test-size is for one number an arm; {arm.name} has {len(arm.seeds)} seeds: leave it out, and they are the error"
            )
    if table.unit == "own":
        raise InputError(
            f"--test-size is for shares of right answers; {table.metric} is none, and its error cannot be told from the number of examples"
        )
    whole = 1.0 if table.unit == "fraction" else 100.0
    values = [table.sign * float(arm.scores[0]) for arm in (a, b)]
    for arm, value in zip((a, b), values, strict=True):
        if not 0.0 <= value <= whole:
            raise InputError(
                f"--test-size: {table.metric} of {arm.name} is {value:g}, which is no share of right answers"
            )
    shares = [value if table.sign > 0.0 else whole - value for value in values]  # of errors, the share that is right
    return decide_shares(shares[0], shares[1], n, whole=whole, **held)
