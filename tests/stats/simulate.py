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
