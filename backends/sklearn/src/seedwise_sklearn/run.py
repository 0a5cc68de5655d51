"""One run: TF-IDF fitted on the training texts, a linear model on top.  Importing this imports scikit-learn."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.linear_model import Ridge as RidgeRegression

from seedwise_contract import (
    DataError,
    Interrupted,
    Parameter,
    ParameterTable,
    RunResult,
    RunSpec,
    RunStatus,
)
from seedwise_contract.context import RunContext
from seedwise_contract.data import Example, Measured, read_measured, read_split
from seedwise_contract.environment import read_environment
from seedwise_contract.files import write_json, write_lines
from seedwise_contract.memory import peak_host_bytes
from seedwise_contract.metrics import classification_metrics, regression_metrics
from seedwise_contract.predictions import estimates, predictions
from seedwise_contract.results import Cost, Timings
from seedwise_sklearn.parameters import Logistic, Ridge

_SPLITS = ("train", "selection", "test")


def run(spec: RunSpec, context: RunContext, begun: float) -> RunResult:
    """Fit, score both splits, write; `begun` is when the process's work began, by the monotonic clock."""
    files = context.files
    fitted = _kind_of(spec)
    wanted = fitted.wanted
    ready = time.monotonic()
    context.events.keep(0)
    context.events.start(total_updates=0, epochs=0)
    threads = spec.device.threads
    write_json(
        files.environment,
        read_environment(threads=threads, device="cpu", driver=None, determinism={"threads": str(threads)}),
    )
    splits = fitted.read(context.roots.data)
    set_up = time.monotonic()
    vectorizer = TfidfVectorizer(
        ngram_range=(1, wanted.ngram_max), sublinear_tf=wanted.sublinear_tf, min_df=wanted.min_df
    )
    try:
        features = vectorizer.fit_transform(texts(splits["train"]))
    except ValueError as error:
        raise DataError(
            f"no vocabulary can be made of split 'train': {error}; lower method.parameters.min_df"
        ) from error
    if fitted.fit(features, [example.label for example in splits["train"]]):
        context.events.warning(f"the solver stopped at max_iter={wanted.max_iter} before it converged")
    trained = time.monotonic()
    if context.stop_requested:
        raise Interrupted("stopped before scoring; run again to start over (seconds)")
    write_json(files.parameters, table(fitted.model))
    scored: dict[str, dict[str, float]] = {}
    for name in ("selection", "test"):
        lines, scored[name] = fitted.scored(vectorizer.transform(texts(splits[name])), splits[name])
        write_lines(files.predictions(name), lines)
        context.events.evaluation(split=name, epoch=0.0, update=0, metrics=scored[name])
    ended = time.monotonic()
    return RunResult(
        contract=1,
        status=RunStatus.COMPLETED,
        reason=None,
        message=None,
        metrics=scored,
        selected=None,
        updates=0,
        timings=Timings(
            setup=set_up - ready, training=trained - set_up, evaluation=ended - trained, total=ended - begun
        ),
        cost=Cost(
            train_examples_per_second=len(splits["train"]) / (trained - set_up),
            peak_host_bytes=peak_host_bytes(),
            peak_device_bytes=None,
            energy_joules=None,
            checkpoint_bytes=None,
        ),
        files={},
    )


class _Fitted(Protocol):
    """What differs between the kinds of task."""

    wanted: Logistic | Ridge
    model: Any

    def read(self, root: Path) -> dict[str, list[Any]]:
        """Every split; `DataError` where the model cannot be fitted to the rows of 'train'."""
        ...

    def fit(self, features: Any, labels: Sequence[Any]) -> bool:
        """Whether the solver stopped before it converged."""
        ...

    def scored(self, features: Any, examples: Sequence[Any]) -> tuple[Sequence[Any], dict[str, float]]:
        """The lines of a split's predictions, and its metrics."""
        ...


class _Classes:
    def __init__(self, spec: RunSpec) -> None:
        self._spec = spec
        self.wanted = Logistic.model_validate(spec.method.parameters)
        self.model = LogisticRegression(C=self.wanted.c, max_iter=self.wanted.max_iter, solver="lbfgs")

    def read(self, root: Path) -> dict[str, list[Example]]:
        labels = self._spec.task.labels
        splits = {name: read_split(self._spec.task, name, root) for name in _SPLITS}
        classes = {example.label for example in splits["train"]}
        if len(classes) < len(labels):
            missing = [label for index, label in enumerate(labels) if index not in classes]
            raise DataError(f"split 'train' holds no example of {', '.join(missing)}; every label needs one")
        return splits

    def fit(self, features: Any, labels: Sequence[int]) -> bool:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            self.model.fit(features, labels)
        return any(issubclass(warning.category, ConvergenceWarning) for warning in caught)

    def scored(self, features: Any, examples: Sequence[Example]) -> tuple[Sequence[Any], dict[str, float]]:
        scores = log_probabilities(self.model, features).tolist()
        lines = predictions(scores, examples)
        metrics = classification_metrics(self._spec, scores, [example.label for example in examples])
        return lines, {**metrics, "loss": -sum(p.scores[p.label] for p in lines) / len(lines)}


class _Numbers:
    """Ridge regression by conjugate gradients, which goes through sparse features with an intercept and draws nothing."""

    def __init__(self, spec: RunSpec) -> None:
        self._spec = spec
        self.wanted = Ridge.model_validate(spec.method.parameters)
        self.model = RidgeRegression(
            alpha=self.wanted.alpha, max_iter=self.wanted.max_iter, solver="sparse_cg", tol=1e-8
        )

    def read(self, root: Path) -> dict[str, list[Measured]]:
        return {name: read_measured(self._spec.task, name, root) for name in _SPLITS}

    def fit(self, features: Any, labels: Sequence[float]) -> bool:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            self.model.fit(features, labels)
        return any("did not converge" in str(warning.message) for warning in caught)

    def scored(self, features: Any, examples: Sequence[Measured]) -> tuple[Sequence[Any], dict[str, float]]:
        values = self.model.predict(features).tolist()
        labels = [example.label for example in examples]
        return estimates(values, examples), regression_metrics(self._spec, values, labels)


def _kind_of(spec: RunSpec) -> _Fitted:
    return _Numbers(spec) if spec.task.kind == "regression" else _Classes(spec)


def texts(examples: Sequence[Example | Measured]) -> list[str]:
    """The two texts of a pair are joined by a blank: a bag of words keeps no side."""
    return [e.text if e.text_pair is None else f"{e.text} {e.text_pair}" for e in examples]


def log_probabilities(model: LogisticRegression, features: object) -> np.ndarray:
    """Examples × classes, floored at the smallest double so that each score is finite."""
    probabilities = model.predict_proba(features)
    return np.log(np.maximum(probabilities, np.finfo(np.float64).tiny))


def table(model: LogisticRegression | RidgeRegression) -> ParameterTable:
    weights = [("coefficients", np.atleast_1d(model.coef_)), ("intercept", np.atleast_1d(model.intercept_))]
    rows = [
        Parameter(
            name=name, shape=list(value.shape), count=int(value.size), trainable=True, head=True, weight_decay=None
        )
        for name, value in weights
    ]
    return ParameterTable.of(rows, None)  # the fit starts from zeros: there are no initial weights to tell apart
