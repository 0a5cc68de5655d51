"""Planted cases: right and wrong answers of two arms of which it is known by how much one is better, on all such examples."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MEAN, SD_ITEM, SD_OWN, SD_REST = 1.5, 1.5, 0.7, 0.7  # logits: how examples differ, for an arm alone, for a run alone


@dataclass(frozen=True, slots=True)
class Case:
    """`shift` is what the second arm's logits have more; seeds differ by `sd_seeds` logits, where .1 is about one point of accuracy."""

    name: str
    seeds: int
    examples: int
    shift: float
    sd_seeds: float = 0.1

    def truth(self) -> float:
        """The second arm's expected accuracy less the first's, over new seeds and new examples (Gauss-Hermite quadrature)."""
        return self._accuracy(self.shift) - self._accuracy(0.0)

    def seed_sd(self) -> float:
        """Standard deviation of a run's expected accuracy between seeds, to first order."""
        step = 1e-4
        return self.sd_seeds * (self._accuracy(step) - self._accuracy(-step)) / (2 * step)

    def _accuracy(self, shift: float) -> float:
        spread = math.sqrt(SD_ITEM**2 + SD_OWN**2 + SD_REST**2 + self.sd_seeds**2)
        points, weights = np.polynomial.hermite_e.hermegauss(80)
        chance = 1.0 / (1.0 + np.exp(-(MEAN + shift + spread * points)))
        return float(weights @ chance / weights.sum())

    def draw(self, rng: np.random.Generator, repetitions: int) -> NDArray[np.uint8]:
        """[repetitions, 2, seeds, examples], seeds and examples drawn anew each time."""
        shape = (repetitions, 2, self.seeds, self.examples)
        logits = MEAN + rng.normal(0.0, SD_ITEM, (repetitions, 1, 1, self.examples))
        logits = logits + rng.normal(0.0, SD_OWN, (repetitions, 2, 1, self.examples))
        logits = (
            logits + rng.normal(0.0, self.sd_seeds, (repetitions, 2, self.seeds, 1)) + rng.normal(0.0, SD_REST, shape)
        )
        logits[:, 1] += self.shift
        return np.asarray(rng.random(shape) < 1.0 / (1.0 + np.exp(-logits)), dtype=np.uint8)


CASES = (
    Case("equal, 3 seeds, 872 examples", 3, 872, 0.0),
    Case("equal, 5 seeds, 277 examples", 5, 277, 0.0),
    Case("equal, 5 seeds, 872 examples", 5, 872, 0.0),
    Case("equal, 5 seeds, 2,000 examples", 5, 2000, 0.0),
    Case("better, 5 seeds, 872 examples", 5, 872, 0.25),
)
