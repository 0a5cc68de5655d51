"""A driver or a card that a CUDA lock is too new for is named before anything is built."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from seedwise.errors import NoDevice
from seedwise.execution.engines.driver import Card, cards, cuda_of, require_driver
from tests.conftest import ROOT

LOCKS = sorted((ROOT / "backends").glob("*/cuda.lock"))


@pytest.mark.parametrize("lock", LOCKS, ids=[lock.parent.name for lock in LOCKS])
def test_every_cuda_lock_names_its_cuda(lock: Path) -> None:
    assert cuda_of(lock) == 13


def card(driver: str, capability: tuple[int, int] | None = (9, 0)) -> Card:
    return Card("0", "NVIDIA H100", driver, capability)


def test_what_fits_passes(tmp_path: Path) -> None:
    lock = tmp_path / "cuda.lock"
    lock.write_text("torch==2.13.0 \\\n    --hash=sha256:00\nnvidia-cuda-runtime==13.0.96 \\\n    --hash=sha256:00\n")
    require_driver(lock, "cuda.lock", ())
    require_driver(lock, "cuda.lock", (card("580.65.06"), card("610.1", None)))
    lock.write_text("torch==1.12.1\n")
    require_driver(lock, "cuda.lock", (card("300.1"),))


@pytest.mark.parametrize(
    ("driver", "capability", "said"),
    [
        ("535.104.05", (9, 0), "driver 535.104.05, but cuda.lock is of CUDA 13, which needs driver 580.65 or newer"),
        ("580.65.06", (7, 0), "compute capability 7.0, but cuda.lock is of CUDA 13, whose libraries begin at 7.5"),
    ],
)
def test_what_does_not_is_named(tmp_path: Path, driver: str, capability: tuple[int, int], said: str) -> None:
    lock = tmp_path / "cuda.lock"
    lock.write_text("nvidia-cuda-runtime==13.0.96\n")
    with pytest.raises(NoDevice, match="NVIDIA H100") as caught:
        require_driver(lock, "cuda.lock", (card("590.1"), card(driver, capability)))
    assert said in str(caught.value)
    assert "--device cpu" in str(caught.value)


def test_cards_are_read_as_the_driver_lists_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho '0, NVIDIA A10, 535.104.05, 8.6'\necho '1, Old, 390.1, [N/A]'\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert cards() == (Card("0", "NVIDIA A10", "535.104.05", (8, 6)), Card("1", "Old", "390.1", None))
    program.write_text("#!/bin/sh\nexit 9\n")
    assert cards() == ()
