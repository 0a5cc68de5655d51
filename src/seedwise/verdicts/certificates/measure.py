"""From the probes of two backends to checks: pure, with every tolerance and its reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedwise.verdicts.certificates.certificate import Check, Unequal
from seedwise_contract.probe import ProbeResult

STATES = 1e-4
RATES = 1e-9
FIRST_LOSS = 1e-5
# Adam turns rounding in small gradients into steps of full size, so that losses drift apart; random weights more than pretrained.
# About three times the largest seen with MiniLM over 20 updates (7e-4 and 5e-3), and a tenth of what dropout's seed does there.
LOSSES = {"pretrained": 2e-3, "random": 2e-2}


@dataclass(frozen=True, slots=True)
class Probe:
    """What one backend told; arrays are empty where no rows were asked for."""

    result: ProbeResult
    hidden: NDArray[np.float32]
    logits: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Side:
    """One backend's probes: without dropout, of another seed, with Adam's epsilon near 0, with the recipe's dropout, and
    with that and another dropout seed (None where the recipe has no dropout).
    """

    still: Probe
    other: Probe
    tiny_eps: Probe
    noisy: Probe | None
    noisy_again: Probe | None


def checks(a: Side, b: Side, initialisation: str) -> tuple[Check, ...]:
    """Every check; `a` and `b` are the two backends' probes of one setup and seed."""
    one, two = a.still.result, b.still.result
    names = f"{one.backend}, {two.backend}"
    tokens = sum(row.tokens for row in one.rows), sum(row.tokens for row in two.rows)
    rates = _relative(one.learning_rates, two.learning_rates)
    losses = LOSSES.get(initialisation, LOSSES["random"])
    found = [
        _equal(f"rows and tokens of each ({names})", one.rows, two.rows, f"{len(one.rows)} rows: {tokens[0]}, {tokens[1]} tokens"),
        _near("hidden states", _largest(a.still.hidden, b.still.hidden), STATES, "float32 through all layers"),
        _near("logits", _largest(a.still.logits, b.still.logits), STATES, "float32 through all layers"),
        _equal("updates", one.updates, two.updates, f"{one.updates}, {two.updates}"),
        _near("learning rate of every update, relative", rates, RATES, "double precision"),
        _equal("parameters that train", one.trainable, two.trainable, f"{one.trainable:,}, {two.trainable:,}"),
        _equal("of these in the head", one.trainable_head, two.trainable_head, f"{one.trainable_head:,}, {two.trainable_head:,}"),
        _equal("parameters by weight decay", one.groups, two.groups, f"{_groups(one)}; {_groups(two)}"),
        _equal("clipping", one.clip_norm, two.clip_norm, f"{_clip(one)}, {_clip(two)}"),
        _equal("batches of every epoch", one.epochs, two.epochs, f"{len(one.epochs)}, {len(two.epochs)} epochs, rows in order"),
        Check(
            name="head by seed",
            measured=f"{one.head_sha256[:12]}, {two.head_sha256[:12]}; another seed "
            f"{a.other.result.head_sha256[:12]}, {b.other.result.head_sha256[:12]}",
            tolerance="one seed gives both backends the same head, another seed another",
            passed=one.head_sha256 == two.head_sha256
            and a.other.result.head_sha256 == b.other.result.head_sha256 != one.head_sha256,
        ),
        _near("loss of the first update", _apart(one.losses[:1], two.losses[:1]), FIRST_LOSS, "one forward pass in float32"),
        _near(
            f"losses of {len(one.losses)} updates without dropout",
            _apart(one.losses, two.losses),
            losses,
            f"from {initialisation} weights: Adam makes full steps of rounding errors",
        ),
    ]  # fmt: skip
    return tuple(found)


def unequal(a: Side, b: Side) -> tuple[Unequal, ...]:
    """What the frameworks do differently, each with the size of what comes of it."""
    one, two = a.still.result, b.still.result
    found = []
    if a.noisy and b.noisy and a.noisy_again and b.noisy_again:
        between = _apart(a.noisy.result.losses, b.noisy.result.losses)
        within = [
            _apart(side.noisy.result.losses, side.noisy_again.result.losses)
            for side in (a, b)
            if side.noisy and side.noisy_again
        ]
        found.append(
            Unequal(
                name="dropout: masks, and where it stands before the head",
                effect=f"losses of {len(a.noisy.result.losses)} updates with the recipe's dropout differ by {between:.3g} at "
                f"most between the backends; two dropout seeds of one backend differ by {within[0]:.3g} "
                f"({one.backend}) and {within[1]:.3g} ({two.backend})",
            )
        )
    tiny = _apart(a.tiny_eps.result.losses, b.tiny_eps.result.losses)
    updates = len(a.tiny_eps.result.losses)
    still = _apart(one.losses[:updates], two.losses[:updates])
    found.append(
        Unequal(
            name="Adam's epsilon: before or after the bias correction",
            effect=f"losses of {updates} updates differ by {still:.3g} at most with the recipe's epsilon and by "
            f"{tiny:.3g} with one of 1e-30, where its place cannot matter",
        )
    )
    norms = [
        abs(x - y) / max(abs(x), abs(y))
        for x, y in zip(one.grad_norms, two.grad_norms, strict=False)
        if x is not None and y is not None and max(abs(x), abs(y)) > 0
    ]
    if norms:
        found.append(
            Unequal(
                name="norm of gradients: tables that one backend keeps apart and the other folds together",
                effect=f"relative difference of the norm before clipping: {norms[0]:.3g} at the first update, "
                f"{max(norms):.3g} at most",
            )
        )
    return tuple(found)


def _largest(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Largest difference; infinite where the shapes differ or there is nothing to compare."""
    if a.shape != b.shape or not a.size:
        return float("inf")
    gap = float(np.abs(a.astype(np.float64) - b).max())
    return gap if np.isfinite(gap) else float("inf")


def _pairs(a: Sequence[float], b: Sequence[float], gap: Callable[[float, float], float]) -> float:
    if len(a) != len(b) or not a:
        return float("inf")
    return max(gap(x, y) for x, y in zip(a, b, strict=True))


def _apart(a: Sequence[float], b: Sequence[float]) -> float:
    return _pairs(a, b, lambda x, y: abs(x - y))


def _relative(a: Sequence[float], b: Sequence[float]) -> float:
    return _pairs(a, b, lambda x, y: 0.0 if x == y else abs(x - y) / max(abs(x), abs(y)))


def _near(name: str, found: float, tolerance: float, why: str) -> Check:
    measured = f"{found:.3g}" if np.isfinite(found) else "not comparable: other shapes or numbers, or none"
    return Check(name=name, measured=measured, tolerance=f"at most {tolerance:g} ({why})", passed=found <= tolerance)


def _equal(name: str, a: object, b: object, measured: str) -> Check:
    return Check(name=name, measured=measured, tolerance="equal", passed=bool(a == b))


def _groups(result: ProbeResult) -> str:
    return ", ".join(f"{group.parameters:,} at {group.weight_decay:g}" for group in result.groups)


def _clip(result: ProbeResult) -> str:
    return "none" if result.clip_norm is None else f"{result.clip_norm:g}"
