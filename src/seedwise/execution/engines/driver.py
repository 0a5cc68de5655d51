"""Whether the GPU driver of this machine can run what a CUDA lock pins: asked before anything is built or trained."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from seedwise.errors import NoDevice
from seedwise.execution.engines.leases import asked

# Oldest driver of each CUDA line on Linux: NVIDIA's release notes, "CUDA Toolkit and Corresponding Driver Versions".
_OLDEST_DRIVER = {11: (450, 80), 12: (525, 60), 13: (580, 65)}
# Oldest compute capability that libraries of a CUDA line still hold code for: 13 dropped Maxwell, Pascal and Volta.
_OLDEST_CARD = {11: (3, 5), 12: (5, 0), 13: (7, 5)}


@dataclass(frozen=True, slots=True)
class Card:
    """One GPU as the driver tells of it."""

    index: str
    name: str
    driver: str
    capability: tuple[int, int] | None


def cards() -> tuple[Card, ...]:
    """Every GPU that the driver lists; none where it does not answer."""
    try:
        lines = asked("index,name,driver_version,compute_cap")
    except (OSError, subprocess.SubprocessError):
        return ()
    found = []
    for line in lines:
        index, name, driver, capability = (part.strip() for part in line.split(","))
        numbers = re.fullmatch(r"(\d+)\.(\d+)", capability)
        found.append(Card(index, name, driver, (int(numbers[1]), int(numbers[2])) if numbers else None))
    return tuple(found)


def cuda_of(lock: Path) -> int | None:
    """The major version of CUDA whose runtime a lock file pins; None where it pins none."""
    text = lock.read_text(encoding="utf-8")
    found = re.search(r"^nvidia-cuda-runtime(?:-cu\d+)?==(\d+)\.", text, re.MULTILINE)
    return int(found[1]) if found else None


def require_driver(lock: Path, name: str, found: tuple[Card, ...]) -> None:
    """`NoDevice` that names driver, card and CUDA where a card of `found` cannot run what `lock` (shown as `name`) pins.

    A CUDA version that is not known here is let through: the run itself would tell.
    """
    cuda = cuda_of(lock)
    if cuda is None or cuda not in _OLDEST_DRIVER:
        return
    for card in found:
        driver = tuple(int(part) for part in re.findall(r"\d+", card.driver)[:2])
        if driver and driver < _OLDEST_DRIVER[cuda]:
            needed = ".".join(map(str, _OLDEST_DRIVER[cuda]))
            raise NoDevice(
                f"GPU {card.index} ({card.name}) has driver {card.driver}, but {name} is of CUDA {cuda}, which needs driver {needed} "
                "or newer: update the driver, or take '--device cpu'"
            )
        if card.capability is not None and card.capability < _OLDEST_CARD[cuda]:
            has, needs = (".".join(map(str, pair)) for pair in (card.capability, _OLDEST_CARD[cuda]))
            raise NoDevice(
                f"GPU {card.index} ({card.name}) is of compute capability {has}, but {name} is of CUDA {cuda}, whose libraries begin "
                f"at {needs}: take '--device cpu', or name newer cards in CUDA_VISIBLE_DEVICES"
            )
