"""What a study measures: which way is better, and how its numbers are written.

A verdict is about scores of which a higher one is better.  A metric of which a lower value is better is negated for it;
`own` turns what comes of it back, so that whatever a reader sees is the metric itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from seedwise_contract.spec import SelectionMetric

MetricName = Literal[
    "accuracy", "balanced-accuracy", "f1", "macro-f1", "matthews", "auroc", "average-precision",
    "pearson", "spearman", "mse", "perplexity",
]  # fmt: skip
Kind = Literal["classification", "regression", "causal_lm"]
Interval = tuple[float, float]

MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True, slots=True)
class Metric:
    """`scale` makes the number that is shown, `sign` follows a shown score, and `unit` a shown difference.

    `selection` is the metric by which checkpoints of such a task can be selected for its sake.  `worst` is the score of each
    example of a run that left none (None: there is no such score), `bounds` hold every value, and `differences` are such as a
    plan reckons with.  `kind`: of which tasks it is.  `route` says how
    scores of examples are made where the metric is no mean over them.  `digits` are those of a shown number.
    """

    name: MetricName
    scale: float
    sign: str
    unit: str
    higher_is_better: bool
    selection: SelectionMetric
    worst: float | None
    bounds: Interval
    differences: tuple[float, ...]
    kind: Kind = "classification"
    route: str | None = None
    digits: int = 2

    def own(self, score: float) -> float:
        """A score of which a higher one is better, or a difference of two, as the metric has it."""
        return score if self.higher_is_better else -score

    def own_interval(self, interval: Interval | None) -> Interval | None:
        if interval is None or self.higher_is_better:
            return interval
        return -interval[1], -interval[0]

    def better(self, value: float, other: float) -> bool:
        """Whether the metric's `value` is at least as good as `other`."""
        return value >= other if self.higher_is_better else value <= other

    def shown(self, value: float, digits: int | None = None) -> str:
        """A value, without its sign: 79.36 for an accuracy of .7936."""
        return f"{self.scale * value:.{self.digits if digits is None else digits}f}"

    def difference(self, value: float) -> str:
        """A difference, always with + or −, without its unit."""
        return f"{self.scale * value:+.{self.digits}f}".replace("-", MINUS)

    def amount(self, size: float) -> str:
        """A size of a difference with its unit: '2 points', '0.5 of perplexity'."""
        value = self.scale * size
        number = f"{value:.2g}" if value < 9.95 else f"{value:.1f}"
        return f"{number} {'point' if number == '1' and self.counted == 'points' else self.counted}"

    @property
    def counted(self) -> str:
        """What an amount is counted in: 'points', 'of perplexity'."""
        return self.unit or f"of {self.name}"

    @property
    def better_word(self) -> str:
        """Which of two values is better: 'higher', 'lower'."""
        return "higher" if self.higher_is_better else "lower"

    @property
    def axis(self) -> str:
        """What a shown score is in: ', %', or nothing."""
        return f", {self.sign}" if self.sign else ""


def _resampled(words: str) -> str:
    return (
        f"{words} is no mean over examples: each is left out in turn, and the jackknife pseudovalues (Dorfman, Berbaum and Metz 1992) "
        "enter the crossed analysis"
    )


def _share(
    name: MetricName, words: str | None, *, low: float = 0.0, sign: str = "%", kind: Kind = "classification"
) -> Metric:
    """A metric between `low` and 1, shown times 100; `words` name it where it is no mean over examples."""
    return Metric(
        name=name,
        scale=100.0,
        sign=sign,
        unit="points",
        higher_is_better=True,
        selection=name,  # type: ignore[arg-type]
        worst=0.0,
        bounds=(low, 1.0),
        differences=(0.005, 0.01, 0.02, 0.05),
        kind=kind,
        route=None if words is None else _resampled(words),
    )


def _loss(
    name: MetricName,
    selection: SelectionMetric,
    kind: Kind,
    *,
    least: float,
    differences: tuple[float, ...],
    digits: int = 2,
    route: str | None = None,
) -> Metric:
    """A metric of which less is better, from `least` on, shown as it is."""
    return Metric(
        name=name,
        scale=1.0,
        sign="",
        unit="",
        higher_is_better=False,
        selection=selection,
        worst=None,
        bounds=(least, float("inf")),
        differences=differences,
        kind=kind,
        route=route,
        digits=digits,
    )


METRICS: dict[MetricName, Metric] = {
    "accuracy": Metric(
        name="accuracy",
        scale=100.0,
        sign="%",
        unit="points",
        higher_is_better=True,
        selection="accuracy",
        worst=0.0,
        bounds=(0.0, 1.0),
        differences=(0.005, 0.01, 0.02, 0.05),
    ),
    "balanced-accuracy": _share("balanced-accuracy", "balanced accuracy"),
    "f1": _share("f1", "F1"),
    "macro-f1": _share("macro-f1", "macro-F1"),
    "matthews": _share("matthews", "Matthews correlation", low=-1.0, sign=""),
    "auroc": _share("auroc", "the area under the ROC curve"),
    "average-precision": _share("average-precision", "average precision"),
    "pearson": _share("pearson", "Pearson correlation", low=-1.0, sign="", kind="regression"),
    "spearman": _share("spearman", "Spearman correlation", low=-1.0, sign="", kind="regression"),
    "mse": _loss("mse", "mse", "regression", least=0.0, differences=(0.01, 0.05, 0.1, 0.5), digits=4),
    "perplexity": _loss(
        "perplexity",
        "loss",
        "causal_lm",
        least=1.0,
        differences=(0.5, 1.0, 2.0, 5.0),
        route=(
            "perplexity is no mean over examples: each is left out in turn, and the jackknife pseudovalues (Dorfman, Berbaum and "
            "Metz 1992) enter the crossed analysis, negated, so that a lower perplexity is better"
        ),
    ),
}
