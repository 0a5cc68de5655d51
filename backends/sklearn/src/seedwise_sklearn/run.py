"""One run: TF-IDF fitted on the training texts, logistic regression on top.  Importing this imports scikit-learn."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

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
from seedwise_contract.data import Example, read_split
from seedwise_contract.environment import read_environment
from seedwise_contract.files import write_json, write_lines
from seedwise_contract.memory import peak_host_bytes
from seedwise_contract.metrics import classification_metrics
from seedwise_contract.predictions import predictions
from seedwise_contract.results import Cost, Timings
from seedwise_sklearn.parameters import Parameters


def run(spec: RunSpec, context: RunContext, begun: float) -> RunResult:
    """Fit, score both splits, write; `begun` is when the process's work began, by the monotonic clock."""
    files = context.files
    wanted = Parameters.model_validate(spec.method.parameters)
    ready = time.monotonic()
    context.events.keep(0)
    context.events.start(total_updates=0, epochs=0)
    threads = spec.device.threads
    write_json(
        files.environment,
        read_environment(threads=threads, device="cpu", driver=None, determinism={"threads": str(threads)}),
    )
    splits = {name: read_split(spec.task, name, context.roots.data) for name in ("train", "selection", "test")}
    classes = {example.label for example in splits["train"]}
    if len(classes) < len(spec.task.labels):
        missing = [label for index, label in enumerate(spec.task.labels) if index not in classes]
        raise DataError(f"split 'train' holds no example of {', '.join(missing)}; every label needs one")
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
    model = LogisticRegression(C=wanted.c, max_iter=wanted.max_iter, solver="lbfgs")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        model.fit(features, [example.label for example in splits["train"]])
    if any(issubclass(warning.category, ConvergenceWarning) for warning in caught):
        context.events.warning(f"the solver stopped at max_iter={wanted.max_iter} before it converged")
    fitted = time.monotonic()
    if context.stop_requested:
        raise Interrupted("stopped before scoring; run again to start over (seconds)")
    write_json(files.parameters, table(model))
    scored: dict[str, dict[str, float]] = {}
    for name in ("selection", "test"):
        scores = log_probabilities(model, vectorizer.transform(texts(splits[name])))
        lines = predictions(scores.tolist(), splits[name])
        write_lines(files.predictions(name), lines)
        scored[name] = {
            **classification_metrics(spec, scores.tolist(), [example.label for example in splits[name]]),
            "loss": -sum(p.scores[p.label] for p in lines) / len(lines),
        }
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
        timings=Timings(setup=set_up - ready, training=fitted - set_up, evaluation=ended - fitted, total=ended - begun),
        cost=Cost(
            train_examples_per_second=len(splits["train"]) / (fitted - set_up),
            peak_host_bytes=peak_host_bytes(),
            peak_device_bytes=None,
            energy_joules=None,
            checkpoint_bytes=None,
        ),
        files={},
    )


def texts(examples: Sequence[Example]) -> list[str]:
    """The two texts of a pair are joined by a blank: a bag of words keeps no side."""
    return [e.text if e.text_pair is None else f"{e.text} {e.text_pair}" for e in examples]


def log_probabilities(model: LogisticRegression, features: object) -> np.ndarray:
    """Examples × classes, floored at the smallest double so that each score is finite."""
    probabilities = model.predict_proba(features)
    return np.log(np.maximum(probabilities, np.finfo(np.float64).tiny))


def table(model: LogisticRegression) -> ParameterTable:
    weights = [("coefficients", model.coef_), ("intercept", model.intercept_)]
    rows = [
        Parameter(
            name=name, shape=list(value.shape), count=int(value.size), trainable=True, head=True, weight_decay=None
        )
        for name, value in weights
    ]
    return ParameterTable.of(rows, None)  # the fit starts from zeros: there are no initial weights to tell apart
