"""How often `seedwise compare` claims a difference between arms that are equal: whole files through the command's own function.

    python benchmarks/null_files.py --files 2000 --seed 1 --out docs/results/null-files.md

Each file is drawn with two or three arms of one distribution, written, read and decided by the command line as anybody's file would
be, and its JSON read back. A file counts as a false claim where any of its pairs is called better.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from seedwise.cli import app

FILES, SEED = 2000, 1


def per_seed(rng: np.random.Generator, path: Path) -> list[str]:
    """A row a seed: 3 to 8 seeds an arm, normal."""
    rows = [f"{arm},{seed},{rng.normal(80, 1):.4f}" for arm in "ab" for seed in range(int(rng.integers(3, 9)))]
    path.write_text("\n".join(["arm,seed,accuracy", *rows]))
    return []


def three_arms(rng: np.random.Generator, path: Path) -> list[str]:
    """Three arms, all pairs, as one family."""
    rows = [f"{arm},{seed},{rng.normal(80, 1):.4f}" for arm in "abc" for seed in range(5)]
    path.write_text("\n".join(["arm,seed,accuracy", *rows]))
    return []


def _logits(rng: np.random.Generator, seeds: int, examples: int, sd_seeds: float) -> np.ndarray:  # type: ignore[type-arg]
    """Right or wrong [2, seeds, examples] of arms that are equal on average over examples of this kind."""
    item = rng.normal(1.0, 1.2, examples)
    own = rng.normal(0.0, 0.7, (2, examples))
    noise = sd_seeds * rng.normal(0.0, 1.0, (2, seeds, 1)) + rng.normal(0.0, 0.8, (2, seeds, examples))
    chance = 1.0 / (1.0 + np.exp(-(item + own[:, None, :] + noise)))
    return rng.random(chance.shape) < chance


def per_example(rng: np.random.Generator, path: Path) -> list[str]:
    """A row an example, prediction and label: 5 seeds, 200 examples."""
    right = _logits(rng, 5, 200, 0.15)
    rows = [f"{'ab'[m]},{s},{i},{int(i % 2 == right[m, s, i])},{i % 2}" for m, s, i in np.ndindex(*right.shape)]
    path.write_text("\n".join(["arm,seed,example,prediction,label", *rows]))
    return []


def f1(rng: np.random.Generator, path: Path) -> list[str]:
    """The same, by F1."""
    per_example(rng, path)
    return ["--metric", "f1"]


def clustered(rng: np.random.Generator, path: Path) -> list[str]:
    """A row an example in 40 clusters of 5, which share what sets the arms apart on them: 5 seeds."""
    item, own = rng.normal(1.0, 1.0, 40), rng.normal(0.0, 1.0, (2, 40))
    cluster = np.repeat(np.arange(40), 5)
    noise = rng.normal(0.0, 0.15, (2, 5, 1)) + rng.normal(0.0, 0.6, (2, 5, 200))
    chance = 1.0 / (1.0 + np.exp(-(item[cluster] + own[:, None, cluster] + noise)))
    right = rng.random(chance.shape) < chance
    rows = [f"{'ab'[m]},{s},{i},{int(right[m, s, i])},p{cluster[i]}" for m, s, i in np.ndindex(*right.shape)]
    path.write_text("\n".join(["arm,seed,example,score,passage", *rows]))
    return []


def one_run(rng: np.random.Generator, path: Path) -> list[str]:
    """One run of each on 300 examples, the two checkpoints being equal on such examples: what is asked of single runs."""
    right = _logits(rng, 1, 300, 0.0)
    rows = [f"{'ab'[m]},{i},{int(right[m, 0, i])}" for m in range(2) for i in range(300)]
    path.write_text("\n".join(["arm,example,score", *rows]))
    return []


def loss(rng: np.random.Generator, path: Path) -> list[str]:
    """A loss a seed, 5 seeds, wide, with semicolons and decimal commas."""
    rows = [";".join([arm, *(f"{rng.normal(2, 0.1):.4f}".replace(".", ",") for _ in range(5))]) for arm in "ab"]
    path.write_text("\n".join(["arm;" + ";".join(f"seed{s}" for s in range(5)), *rows]))
    return ["--metric", "loss"]


KINDS: tuple[Callable[[np.random.Generator, Path], list[str]], ...] = (
    per_seed,
    three_arms,
    per_example,
    f1,
    clustered,
    one_run,
    loss,
)


def claims(arguments: Sequence[str]) -> bool:
    """Whether the command calls any arm better."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        app(["compare", *arguments, "--format", "json"], standalone_mode=False)
    found = json.loads(out.getvalue())
    return any(item["verdict"] in ("A better", "B better") for item in (found if isinstance(found, list) else [found]))


def rates(files: int, seed: int) -> list[tuple[str, int, int]]:
    """A line a kind of file: what it is, files, files with a false claim."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for place, kind in enumerate(KINDS):
            n = files // len(KINDS) + (place < files % len(KINDS))
            wrong = 0
            for index in range(n):
                path = Path(folder, "scores.csv")
                options = kind(np.random.default_rng([seed, place, index]), path)
                wrong += claims([str(path), *options])
            found.append((" ".join((kind.__doc__ or "").split()), n, wrong))
    return found


def page(files: int, seed: int) -> str:
    found = rates(files, seed)
    total, wrong = sum(n for _, n, _ in found), sum(bad for _, _, bad in found)
    lines = [f"| {what} | {n} | {bad} | {bad / n:.3f} |" for what, n, bad in found]
    error = (0.05 * 0.95 / total) ** 0.5
    return "\n".join(
        [
            "# Files without a difference, through the command line",
            "",
            f"Made by `python benchmarks/null_files.py --files {files} --seed {seed}`. A file counts where any of its pairs is called "
            f"better; "
            f"{total:,} files give a rate of .05 a standard error of {error:.4f}.",
            "",
            "| files | number | false claims | rate |",
            "| --- | --: | --: | --: |",
            *lines,
            f"| all | {total} | {wrong} | {wrong / total:.3f} |",
            "",
        ]
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=FILES)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args(arguments)
    if asked.files < len(KINDS):
        parser.error(f"--files {asked.files}: at least {len(KINDS)}, one of each kind")
    text = page(asked.files, asked.seed)
    print(text) if asked.out is None else asked.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
