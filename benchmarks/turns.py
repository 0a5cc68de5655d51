"""A runtime beside the same one kept warm, turn and turn about."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import pytest

from seedwise.errors import SeedwiseError
from seedwise.runtimes.base import Runtime, ServingRuntime
from seedwise.runtimes.warm import WarmRuntime


def warmed(runtime: ServingRuntime) -> tuple[WarmRuntime, str]:
    """`runtime` kept warm, and the digest of its hf backend; skips the benchmark where that cannot be had."""
    warm = WarmRuntime(runtime)
    try:
        digest = warm.prepare(["hf"], print)["hf"]
        assert warm.describe("hf").serves
    except SeedwiseError as error:
        pytest.skip(f"the hf backend cannot be had here: {error}")
    return warm, digest


def in_turn(
    benchmark: Any, runtime: Runtime, warm: WarmRuntime, seconds: Callable[[Runtime, str], float], rounds: int
) -> dict[str, Any]:
    """`seconds` of a named run by each in turn, and the ratio of the medians (cold over warm), also in `extra_info`; closes `warm`."""
    told: dict[str, Any] = {}
    try:
        told["first_warm_seconds"] = seconds(warm, "first")  # pays for the server's start
        cold: list[float] = []
        hot: list[float] = []

        def one_turn() -> None:
            cold.append(seconds(runtime, f"cold-{len(cold)}"))
            hot.append(seconds(warm, f"warm-{len(hot)}"))

        benchmark.pedantic(one_turn, rounds=rounds, iterations=1)
    finally:
        warm.close()
    told |= {"cold_seconds": cold, "warm_seconds": hot, "ratio": statistics.median(cold) / statistics.median(hot)}
    benchmark.extra_info.update(told)
    return told
