"""Where an arm's noise comes from: arms that are alike but for the streams that vary in them."""

from __future__ import annotations

from seedwise.report.arm_rows import NoiseRow
from seedwise.stats import Noise, noise_components
from seedwise.study.metric import METRICS
from seedwise.study.model import Arm, Study
from seedwise.verdicts.comparison import StudyOutcome

STREAMS = ("initialisation", "order", "dropout")  # that vary where an arm does not say it


def noise_rows(outcome: StudyOutcome) -> tuple[NoiseRow, ...]:
    """A row a stream that varies alone in an arm, and one of the runs in which all vary, with what their interactions add."""
    rows: list[NoiseRow] = []
    for whole, parts in alike(outcome.study).items():
        if whole not in outcome.arms or any(name not in outcome.arms for name in parts):
            continue
        known = {name: [score for score in outcome.arms[name].scores if score is not None] for name in (whole, *parts)}
        single = {_source(outcome.study.arms[name]): known[name] for name in parts}
        found = noise_components(single, known[whole], outcome.study.alpha)
        if not isinstance(found, Noise):
            continue
        for each in (*found.components, found.together):
            rows.append(
                NoiseRow(
                    arm=whole, source=each.source, n=each.n, sd=each.sd, interval=each.interval, share=each.share,
                    share_interval=each.share_interval,
                )
            )  # fmt: skip
        total = found.together.sd**2
        if total > 0.0:
            # An estimate of a variance below 0 is shown as 0, as usual (Searle, Casella and McCulloch 1992).
            low, high = (max(0.0, bound / total) for bound in found.rest_interval)
            rows.append(
                NoiseRow(
                    arm=whole, source="interactions", n=None, sd=None, interval=None, share=max(0.0, found.rest / total),
                    share_interval=(low, high),
                )
            )  # fmt: skip
    return tuple(rows)


def alike(study: Study) -> dict[str, list[str]]:
    """Arm in which every stream varies, with the rows or without → the arms that are like it but for `vary`, of one of its streams each."""
    bare = {name: _bare(arm) for name, arm in study.arms.items()}
    moved = {name: _moved(arm) for name, arm in study.arms.items()}
    found = {
        whole: [
            name
            for name in study.arms
            if len(moved[name]) == 1 and moved[name] < moved[whole] and bare[name] == bare[whole]
        ]
        for whole, arm in study.arms.items()
        if moved[whole] >= set(STREAMS) and not arm.deterministic
    }
    return {whole: parts for whole, parts in found.items() if parts}


def ways(study: Study) -> set[str]:
    """The arms that are ways to train: of those that are alike but for `vary`, the one in which most varies."""
    chosen: list[str] = []
    for name in sorted(study.arms, key=lambda name: -len(_moved(study.arms[name]))):
        bare = _bare(study.arms[name])
        if all(_bare(study.arms[other]) != bare for other in chosen):
            chosen.append(name)
    return set(chosen)


def _bare(arm: Arm) -> Arm:
    return arm.model_copy(update={"vary": None})


def _moved(arm: Arm) -> set[str]:
    return set(STREAMS if arm.vary is None else arm.vary)


def noise_lines(rows: tuple[NoiseRow, ...], outcome: StudyOutcome) -> list[str]:
    """A line an arm, for a terminal."""
    metric = METRICS[outcome.study.task.metric]
    lines = []
    for arm in dict.fromkeys(row.arm for row in rows):
        parts = []
        for row in (row for row in rows if row.arm == arm):
            of = "" if row.sd is None else f" sd {metric.shown(row.sd)}"
            share = "" if row.share is None else f" {100.0 * row.share:.0f} %{_percent(row)}"
            parts.append(f"{row.source}{of}{share}")
        lines.append(f"noise of {arm}, of the variance between its runs: {'; '.join(parts)}")
    return lines


def _percent(row: NoiseRow) -> str:
    if row.share_interval is None:
        return ""
    return f" ({100.0 * row.share_interval[0]:.0f} to {100.0 * row.share_interval[1]:.0f})"


def _source(arm: Arm) -> str:
    return arm.vary[0] if arm.vary else "all"
