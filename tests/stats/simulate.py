"""A logistic model of seeds × examples, with both drawn anew in every repetition."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

PRETRAINED, RANDOM = (79.5, 78.5, 80.1), (65.4, 66.7, 67.4)
FAIRSEQ, HF = (79.9, 78.5, 80.1), (80.05, 80.3, 80.3)


def logistic(
    rng: np.random.Generator, repetitions: int, seeds: int, examples: int = 277, shift: float = 0.0
) -> NDArray[np.float64]:
    """Return 0/1 scores [repetitions, 2, seeds, examples]; `shift` on the logit scale favours the first arm.

    The arms differ on single examples (sd 1) but, without a shift, not in expectation over examples.
    """
    example = rng.normal(0.6, 1.5, (repetitions, 1, 1, examples))
    arm_example = rng.normal(0.0, 1.0, (repetitions, 2, 1, examples))
    seed = rng.normal(0.0, 0.1, (repetitions, 2, seeds, 1))
    residual = rng.normal(0.0, 0.3, (repetitions, 2, seeds, examples))
    logit = example + arm_example + seed + residual
    logit[:, 0] += shift
    return (rng.random(logit.shape) < 1.0 / (1.0 + np.exp(-logit))).astype(np.float64)


def clustered(
    rng: np.random.Generator, seeds: int, clusters: int, size: int, alike: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]:
    """Return scores of two equal arms, [seeds, clusters * size] each, and the cluster of each example.

    `alike` is the correlation of the arms' difference between examples of one cluster.
    """
    labels = np.repeat(np.arange(clusters), size)
    difference = rng.normal(0, np.sqrt(alike), clusters)[labels] + rng.normal(0, np.sqrt(1 - alike), labels.size)
    shared = rng.normal(0, 1, labels.size)
    arms = []
    for side in (0.5, -0.5):
        own = rng.normal(0, 0.05, (seeds, 1)) + rng.normal(0, 0.5, (seeds, labels.size))
        arms.append(shared + side * difference + own)
    return arms[0], arms[1], labels


def pair(seeds: int = 5, shift: float = 0.0, seed: int = 3, examples: int = 277) -> NDArray[np.float64]:
    return logistic(np.random.default_rng(seed), 1, seeds, examples, shift)[0]


SPREAD = np.array([-2.0, -1.0, 0.0, 1.0, 2.0]) / 100
