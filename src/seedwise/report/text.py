"""Numbers as papers print them.  An accuracy of 0.7936 is 79.36; a difference carries its sign; None is a dash."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedwise.stats import format_floor, format_p
from seedwise.study.metric import METRICS, Metric, MetricName
from seedwise_contract.spec import SelectionMetric

if TYPE_CHECKING:
    from seedwise.report.model import Look

MISSING = "–"
STATUS_SIGNS = {"supported": "✓", "contradicted": "✗", "undecided": "?"}
SPENDINGS = {"obrien-fleming": "O'Brien-Fleming type", "pocock": "Pocock type"}
SELECTION_METRICS: dict[SelectionMetric, Metric] = {
    metric.selection: metric for metric in METRICS.values() if metric.selection == metric.name
}
_SHORT_DIGEST = 12


def score(value: float | None, metric: MetricName) -> str:
    """With the metric's decimals and without a sign; an accuracy in percent."""
    return MISSING if value is None else METRICS[metric].shown(value)


def difference(value: float | None, metric: MetricName) -> str:
    """A difference of two scores, accuracies in points, always with + or −."""
    return MISSING if value is None else METRICS[metric].difference(value)


def score_interval(interval: tuple[float, float] | None, metric: MetricName) -> str:
    return MISSING if interval is None else " to ".join(score(bound, metric) for bound in interval)


def difference_interval(interval: tuple[float, float] | None, metric: MetricName) -> str:
    return MISSING if interval is None else " to ".join(difference(bound, metric) for bound in interval)


def margin(value: float | None, metric: MetricName) -> str:
    return MISSING if value is None else f"±{METRICS[metric].scale * value:g}"


def goal(value: float, metric: MetricName) -> str:
    """A score to be reached, with its sign: '78 %', '41.5'."""
    return f"{METRICS[metric].scale * value:g} {METRICS[metric].sign}".strip()


def p_value(value: float | None) -> str:
    return MISSING if value is None else format_p(value)


def floor(value: float | None) -> str:
    """The smallest p that an exact test can return: an exact figure, however small."""
    return MISSING if value is None else format_floor(value)


def degrees(value: float | None) -> str:
    return MISSING if value is None else f"{value:.1f}"


def error(value: float | None, metric: MetricName) -> str:
    """A standard error of a difference, as differences are shown."""
    return MISSING if value is None else METRICS[metric].shown(value)


def probability(value: float | None) -> str:
    return MISSING if value is None else f"{value:.2f}"


def percent(level: float) -> str:
    return f"{100.0 * level:g} %"


def status(word: str) -> str:
    """What a claim's status is marked with, so that it is told by a sign and a word, never by colour alone."""
    return f"{STATUS_SIGNS[word]} {word}"


def look(at: Look) -> str:
    """Which look the study has reached, as a sentence."""
    return (
        f"Look {at.number} of {at.of}, declared before: {plural(at.seeds, 'seed')} an arm, each claim decided at {at.level:.3g}, "
        f"what {SPENDINGS[at.spending]} spending leaves this look."
    )


def number(value: float) -> str:
    """A setting as people write it: 1e-8, not 1e-08."""
    mantissa, _, exponent = f"{value:g}".partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa


def setting(value: object) -> str:
    """A value of a searched setting."""
    return number(value) if isinstance(value, float) else str(value)


def selected(value: float | None, metric: SelectionMetric) -> str:
    """A score on the selection split: as a metric of studies is shown; a loss, which is none, with four digits."""
    if value is None:
        return MISSING
    known = SELECTION_METRICS.get(metric)
    return f"{value:.4g}" if known is None else known.shown(value)


def selected_interval(interval: tuple[float, float] | None, metric: SelectionMetric) -> str:
    return MISSING if interval is None else " to ".join(selected(bound, metric) for bound in interval)


def selection_axis(metric: SelectionMetric) -> str:
    """What a shown score on the selection split is in: ', %', or nothing."""
    known = SELECTION_METRICS.get(metric)
    return "" if known is None else known.axis


def count(value: int | None) -> str:
    return MISSING if value is None else f"{value:,}"


def seconds(value: float | None) -> str:
    """Seconds below two minutes, minutes below two hours, hours above."""
    if value is None:
        return MISSING
    if value < 120:
        return f"{value:.1f} s"
    return f"{value / 60:.1f} min" if value < 7200 else f"{value / 3600:.1f} h"


def rate(value: float | None) -> str:
    if value is None:
        return MISSING
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def size(value: int | None) -> str:
    """Binary multiples."""
    if value is None:
        return MISSING
    scaled = float(value)
    for unit in ("B", "KiB", "MiB"):
        if scaled < 1024:
            return f"{scaled:.0f} {unit}"
        scaled /= 1024
    return f"{scaled:.2f} GiB"


def energy(value: float | None) -> str:
    return MISSING if value is None else f"{value / 1000:.1f} kJ"


def epoch(value: float | None) -> str:
    return MISSING if value is None else f"{value:g}"


def short(digest: str | None) -> str:
    """The first digits of a digest, enough to compare by eye."""
    return MISSING if digest is None else digest.rsplit(":", 1)[-1][:_SHORT_DIGEST]


def listed(words: tuple[str, ...] | list[str]) -> str:
    """'a', 'a and b', 'a, b and c'."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def some(words: tuple[str, ...], most: int = 6) -> str:
    """The first few, and how many more there are."""
    if len(words) <= most:
        return listed(words)
    return f"{', '.join(words[:most])} and {len(words) - most} more"


def plural(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def seeds(values: tuple[int, ...]) -> str:
    """'0 to 4' where they are consecutive, else all of them."""
    consecutive = len(values) > 2 and list(values) == list(range(values[0], values[0] + len(values)))
    return f"{values[0]} to {values[-1]}" if consecutive else listed([str(value) for value in values])


def capitalize_first(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def as_sentence(words: str) -> str:
    """With a capital at its beginning and one full stop at its end."""
    return f"{capitalize_first(words).rstrip('.')}."
