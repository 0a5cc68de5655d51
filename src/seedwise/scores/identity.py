"""Whose rows these are: the arm and seed of each, by columns, by what a file stands for, or by its name."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from seedwise.errors import InputError
from seedwise.scores.asked import Asked, by_pattern, parts_of_name
from seedwise.scores.frame import Frame
from seedwise.scores.roles import Roles
from seedwise.scores.rows import Coded, cross, some
from seedwise.scores.selection import texts_of

BY_NAMES = "arms and seeds by the names of the files"


def whose(
    frame: Frame, asked: Asked, roles: Roles, index: int, n_frames: int, named: set[tuple[str, str]]
) -> tuple[Coded, Coded, list[str]]:
    """Arm and seed of each row, and what was chosen. `named` holds the arms and seeds that files have stood for so far.

    What is asked for comes first (`ARM=FILE`, --arm, --seed, --pattern), then columns, then names of files. Raises InputError
    where nothing tells.
    """
    pattern = by_pattern(asked.pattern, frame.source) if asked.pattern else {}
    if roles.run is not None:
        return *_of_chart(frame, roles.run, pattern), []
    place = Path(frame.source).parent.as_posix() if frame.of_folder else frame.source
    arm_name, seed_name = parts_of_name(place) if frame.source != "standard input" else (None, None)
    if arm_name is None and place == frame.source and place != "standard input":
        arm_name, seed_name = parts_of_name(Path(place).parent.as_posix())  # lora_0/all_results.json
    if frame.of_folder and arm_name is None:
        arm_name = Path(place).name or None
    said: list[str] = []
    by_name = False
    if frame.arm is not None:
        arm = Coded.constant(frame.arm, frame.n)
    elif "arm" in pattern and not asked.arm:
        arm = Coded.constant(pattern["arm"], frame.n)
    elif roles.arm:
        arm = cross([texts_of(frame, name) for name in roles.arm])
    elif arm_name and n_frames > 1:
        arm, by_name = Coded.constant(arm_name, frame.n), True
        said.append(BY_NAMES if not frame.of_folder else "arms and seeds by the names of the folders")
    else:
        raise InputError(_nameless(frame, roles))
    if "seed" in pattern and asked.seed is None:
        return arm, Coded.constant(pattern["seed"], frame.n), said
    if roles.seed is not None:
        return arm, texts_of(frame, roles.seed), said
    alone = f"{Path(frame.source).stem}#{index}"
    if n_frames > 1 or (len(arm.names) == 1 and frame.arm is not None):
        seed = seed_name or alone
        if not by_name and any((name, seed) in named for name in arm.names):
            seed = alone  # a name that tells the same of two runs tells nothing
        named.update((name, seed) for name in arm.names)
        return arm, Coded.constant(seed, frame.n), said
    if roles.example is not None:
        return arm, Coded.constant(alone, frame.n), [*said, "no column says a seed: one run of each arm"]
    if len(arm.names) > 1 and np.unique(arm.codes).size == frame.n and roles.task is None:
        return arm, Coded.constant("1", frame.n), [*said, "no column says a seed: one number of each arm"]
    raise InputError(
        f"{frame.source}: no column 'seed'; found {some(map(repr, frame.columns), 20)} (--seed COLUMN names it)"
    )


def _of_chart(frame: Frame, column: str, pattern: dict[str, str]) -> tuple[Coded, Coded]:
    """Of a chart's runs, named as their makers did."""
    runs = texts_of(frame, column)
    pairs = [parts_of_name(name) for name in runs.names]
    arms = [frame.arm or pattern.get("arm") or arm or name for (arm, _), name in zip(pairs, runs.names, strict=True)]
    seeds = [pattern.get("seed") or seed or name for (_, seed), name in zip(pairs, runs.names, strict=True)]
    return Coded.of([arms[code] for code in runs.codes]), Coded.of([seeds[code] for code in runs.codes])


def _nameless(frame: Frame, roles: Roles) -> str:
    if "doc_id" in frame.columns:
        kind = frame.kind if frame.kind != "table" else "sample log of lm-evaluation-harness"
        return f"{frame.source}: looks like a {kind}; give it as ARM={frame.source}, a file a seed"
    return (
        f"{frame.source}: no column 'arm'{'' if roles.seed or frame.seed else ' and ' + repr('seed')}; found "
        f"{some(map(repr, frame.columns), 20)} (--arm COLUMN names it, or give the file as ARM={frame.source})"
    )
