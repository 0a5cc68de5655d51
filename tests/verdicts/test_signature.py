"""The signature says on which kind of processor bits were made, and older lines that do not say it are still found."""

from __future__ import annotations

import pytest

from seedwise.verdicts.signature import parse_signature, processor_kind
from seedwise_contract.environment import Environment

LINE = (
    "seedwise:0.1.0|study:tiny@01234567|claim:superiority|a:one|b:two|metric:accuracy|data:films@01234567|n:100|seeds:0-3"
    "|images:hf@01234567|processors:authenticamd-avx512|predictions:0123456789abcdef|test:crossed-t|alpha:0.05|family:1"
)


def environment(cpu: str | None, device: str = "cpu", **determinism: str) -> Environment:
    return Environment(
        image_digest=None,
        python="3.11.7",
        platform="Linux",
        cpu=cpu,
        cpu_threads=1,
        device=device,
        driver=None,
        packages={},
        determinism=determinism,
    )


@pytest.mark.parametrize(
    ("told", "instructions", "kind"),
    [
        (
            environment("AMD EPYC (AuthenticAMD, family 26, model 2)", **{"torch.cpu_capability": "AVX512"}),
            None,
            "authenticamd-avx512",
        ),
        (environment("Intel(R) Xeon(R) (GenuineIntel, family 6, model 143)"), None, "genuineintel"),
        (environment("AMD EPYC (AuthenticAMD, family 26, model 2)"), "avx2", "avx2"),
        (environment("x", "NVIDIA H100 PCIe"), None, "nvidia-h100-pcie"),
        (environment(None), None, "cpu"),
    ],
)
def test_the_kind_of_processor_is_what_decides_last_bits(
    told: Environment, instructions: str | None, kind: str
) -> None:
    assert processor_kind(told, instructions) == kind


def test_a_line_without_processors_names_the_same_verdict() -> None:
    here = parse_signature(LINE)
    older = parse_signature(LINE.replace("|processors:authenticamd-avx512", ""))
    other = parse_signature(LINE.replace("authenticamd", "genuineintel"))
    assert str(here) == LINE
    assert here.answers(older)
    assert not here.answers(other)
