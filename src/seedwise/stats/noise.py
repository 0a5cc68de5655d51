"""Where the noise between runs comes from: variances of runs in which one stream of randomness varies, and of such in which all do."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from numpy.typing import ArrayLike
from scipy.special import chdtri, fdtri

from .degenerate import Degenerate, finite_fault, seeds_fault
from .numeric import as_scores, check_alpha


@dataclass(frozen=True, slots=True)
class NoiseComponent:
    """Runs in which `source` alone varied: their standard deviation (ddof 1) with its interval, and its share of the variance together.

    `share` and `share_interval` are None of the runs in which everything varies, and where that variance is 0.
    """

    source: str
    n: int
    sd: float
    interval: tuple[float, float]
    share: float | None = None
    share_interval: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Noise:
    """The components, and the `rest`: the variance together less the sum of the single ones, which is what their interactions add.

    `rest` may be negative: then the streams make up for one another, or it is chance; `rest_interval` tells.
    """

    components: tuple[NoiseComponent, ...]
    together: NoiseComponent
    rest: float
    rest_interval: tuple[float, float]
    alpha: float


def noise_components(single: Mapping[str, ArrayLike], together: ArrayLike, alpha: float = 0.05) -> Noise | Degenerate:
    """Compare per-seed scores [S] of runs in which one stream varies with those in which all do, on one test file.

    Each variance has the chi-square interval of a normal sample; a share of two independent ones has the F interval; the rest, a
    difference of variances, has the modified large-sample interval (Graybill and Wang 1980, doi 10.1080/01621459.1980.10477565; Burdick
    and Graybill 1992), without cross terms. Assumes runs that scatter near normally. What a stream does alone is seen at
    one draw of the others. Returns `Degenerate` for fewer than two seeds or scores that are not finite; raises ValueError
    without a source.
    """
    check_alpha(alpha)
    if not single:
        raise ValueError("no runs in which one source of noise alone varies")
    values = {name: as_scores(scores, name) for name, scores in single.items()}
    whole = as_scores(together, "together")
    for name, found in (*values.items(), ("together", whole)):
        fault = seeds_fault(name, found.size, False) or finite_fault(name, found)
        if fault is not None:
            return fault
    total, free = float(whole.var(ddof=1)), whole.size - 1
    components = []
    for name, found in values.items():
        variance, own = float(found.var(ddof=1)), found.size - 1
        share = share_interval = None
        if total > 0.0:
            share = variance / total
            share_interval = (
                share / float(fdtri(own, free, 1.0 - alpha / 2.0)),
                share * float(fdtri(free, own, 1.0 - alpha / 2.0)),
            )
        components.append(
            NoiseComponent(
                name, found.size, math.sqrt(variance), _interval(variance, own, alpha), share, share_interval
            )
        )
    terms = [(total, free, 1.0), *((c.sd**2, c.n - 1, -1.0) for c in components)]
    rest = math.fsum(sign * variance for variance, _, sign in terms)
    low = math.sqrt(math.fsum((_reach(n, alpha, sign > 0.0) * variance) ** 2 for variance, n, sign in terms))
    high = math.sqrt(math.fsum((_reach(n, alpha, sign < 0.0) * variance) ** 2 for variance, n, sign in terms))
    return Noise(
        tuple(components),
        NoiseComponent("together", whole.size, math.sqrt(total), _interval(total, free, alpha)),
        rest,
        (rest - low, rest + high),
        alpha,
    )


def _interval(variance: float, free: int, alpha: float) -> tuple[float, float]:
    """Of a standard deviation."""
    low = variance * free / float(chdtri(free, alpha / 2.0))
    high = variance * free / float(chdtri(free, 1.0 - alpha / 2.0))
    return math.sqrt(low), math.sqrt(high)


def _reach(free: int, alpha: float, below: bool) -> float:
    """How far, as a share of it, a variance may lie below (or above) its estimate."""
    if below:
        return 1.0 - free / float(chdtri(free, alpha / 2.0))
    return free / float(chdtri(free, 1.0 - alpha / 2.0)) - 1.0
