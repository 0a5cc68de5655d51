"""Metrics of classification, from the scores of each example's classes, and of regression, in plain Python.

A metric that is undefined on what it is given has the value of a constant answer: 0 for F1, every correlation and average
precision, one half for the area under the ROC curve.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

from seedwise_contract.predictions import predicted
from seedwise_contract.spec import RegressionTask, RunSpec, Task

Rows = Sequence[Sequence[float]]
ClassMetric = Literal["accuracy", "balanced-accuracy", "f1", "macro-f1", "matthews", "auroc", "average-precision"]


def positive_class(task: Task) -> int:
    """The class that F1, AUROC and average precision are of: the declared one, else the second of two."""
    return 1 if task.positive is None else task.labels.index(task.positive)


def log_odds(scores: Sequence[float], positive: int) -> float:
    """By how much the positive class is preferred to all others together, from logits or log-probabilities."""
    others = [score for index, score in enumerate(scores) if index != positive]
    highest = max(others)
    return scores[positive] - highest - math.log(sum(math.exp(score - highest) for score in others))


def classification_metrics(spec: RunSpec, rows: Rows, labels: Sequence[int]) -> dict[str, float]:
    """Accuracy, the task's metric and the one that checkpoints are selected by, of `rows` (a score a class) and gold labels."""
    assert isinstance(spec.task, Task)
    names: set[str] = {"accuracy", spec.task.metric}
    if spec.selection is not None and spec.selection.metric != "loss":
        names.add(spec.selection.metric)
    return {name: metric_of(name, rows, labels, positive_class(spec.task)) for name in sorted(names)}


def metric_of(name: str, rows: Rows, labels: Sequence[int], positive: int) -> float:
    """One metric by its name; 0.5 or 0 where scores are not finite."""
    if name in ("auroc", "average-precision"):
        finite = all(math.isfinite(score) for row in rows for score in row)
        odds = [log_odds(row, positive) if finite else 0.0 for row in rows]
        return (auroc if name == "auroc" else average_precision)(odds, [label == positive for label in labels])
    said = [predicted(row) for row in rows]
    if name == "f1":
        return f1(said, labels, positive)
    return _OF_LABELS[name](said, labels)


def accuracy_of(said: Sequence[int], labels: Sequence[int]) -> float:
    return sum(one == gold for one, gold in zip(said, labels, strict=True)) / len(labels)


def balanced_accuracy(said: Sequence[int], labels: Sequence[int]) -> float:
    """The mean over the classes that occur of the share of a class that is found."""
    classes = sorted(set(labels))
    hits = [
        sum(one == gold == label for one, gold in zip(said, labels, strict=True)) / list(labels).count(label)
        for label in classes
    ]
    return sum(hits) / len(classes)


def f1(said: Sequence[int], labels: Sequence[int], positive: int) -> float:
    hits = sum(one == gold == positive for one, gold in zip(said, labels, strict=True))
    both = list(said).count(positive) + list(labels).count(positive)
    return 2.0 * hits / both if both else 0.0


def macro_f1(said: Sequence[int], labels: Sequence[int]) -> float:
    """The mean of F1 over the classes that occur among the labels."""
    classes = sorted(set(labels))
    return sum(f1(said, labels, label) for label in classes) / len(classes)


def matthews(said: Sequence[int], labels: Sequence[int]) -> float:
    """Matthews' correlation, for any number of classes (Gorodkin 2004)."""
    total = len(labels)
    classes = set(said) | set(labels)
    gold = {label: list(labels).count(label) for label in classes}
    answers = {label: list(said).count(label) for label in classes}
    hits = sum(one == right for one, right in zip(said, labels, strict=True))
    covariance = hits * total - sum(gold[label] * answers[label] for label in classes)
    spread = (total**2 - sum(n**2 for n in gold.values())) * (total**2 - sum(n**2 for n in answers.values()))
    return covariance / math.sqrt(spread) if spread else 0.0


def auroc(odds: Sequence[float], positive: Sequence[bool]) -> float:
    """The share of pairs of a positive and a negative example that are in order, ties counting half."""
    n = sum(positive)
    if n in (0, len(positive)):
        return 0.5
    above = sum(rank for rank, is_one in zip(ranks(odds), positive, strict=True) if is_one) - n * (n + 1) / 2.0
    return above / (n * (len(positive) - n))


def average_precision(odds: Sequence[float], positive: Sequence[bool]) -> float:
    """The precision at each positive example, averaged; examples of equal scores are taken together (no interpolation)."""
    total = sum(positive)
    if not total:
        return 0.0
    order = sorted(range(len(odds)), key=odds.__getitem__, reverse=True)
    found = taken = 0
    area = 0.0
    start = 0
    while start < len(order):
        end = start
        while end + 1 < len(order) and odds[order[end + 1]] == odds[order[start]]:
            end += 1
        new = sum(positive[order[place]] for place in range(start, end + 1))
        found, taken = found + new, end + 1
        area += new * found / taken
        start = end + 1
    return area / total


_OF_LABELS: dict[str, Callable[[Sequence[int], Sequence[int]], float]] = {
    "accuracy": accuracy_of,
    "balanced-accuracy": balanced_accuracy,
    "macro-f1": macro_f1,
    "matthews": matthews,
}


def regression_metrics(spec: RunSpec, values: Sequence[float], labels: Sequence[float]) -> dict[str, float]:
    """The task's metric, the mean squared error (which is the loss too), and the metric that checkpoints are selected by."""
    assert isinstance(spec.task, RegressionTask)
    names: set[str] = {"mse", spec.task.metric}
    if spec.selection is not None and spec.selection.metric != "loss":
        names.add(spec.selection.metric)
    found = {name: of_numbers(name, values, labels) for name in sorted(names)}
    return {**found, "loss": found["mse"]}


def of_numbers(name: str, values: Sequence[float], labels: Sequence[float]) -> float:
    """One metric by its name; of values that are not finite a correlation is 0 and the mean squared error not finite."""
    if name == "mse":
        squares = [(value - label) ** 2 for value, label in zip(values, labels, strict=True)]
        return math.fsum(squares) / len(squares) if all(map(math.isfinite, squares)) else math.inf
    if not all(map(math.isfinite, values)):
        return 0.0
    return pearson(values, labels) if name == "pearson" else pearson(ranks(values), ranks(labels))


def pearson(x: Sequence[float], y: Sequence[float]) -> float:
    """Pearson's correlation; 0 where one of the two is constant."""
    if min(x) == max(x) or min(y) == max(y):
        return 0.0
    centre_x, centre_y = math.fsum(x) / len(x), math.fsum(y) / len(y)
    left, right = [value - centre_x for value in x], [value - centre_y for value in y]
    spread = math.sqrt(math.fsum(value * value for value in left) * math.fsum(value * value for value in right))
    return math.fsum(a * b for a, b in zip(left, right, strict=True)) / spread if spread else 0.0


def ranks(values: Sequence[float]) -> list[float]:
    """Ranks from 1 on; equal values have the mean of theirs."""
    order = sorted(range(len(values)), key=values.__getitem__)
    found = [0.0] * len(values)
    first = 0
    while first < len(order):
        last = first
        while last + 1 < len(order) and values[order[last + 1]] == values[order[first]]:
            last += 1
        for place in range(first, last + 1):
            found[order[place]] = (first + last) / 2 + 1
        first = last + 1
    return found
