"""Files as people bring them, and the command that they are brought to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from seedwise.cli import app


def run(*arguments: object, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(app, ["compare", *map(str, arguments)], input=stdin)


def verdict(*arguments: object, stdin: bytes | None = None) -> Any:
    answer = run(*arguments, "--format", "json", stdin=stdin)
    assert answer.exit_code == 0, answer.output
    return json.loads(answer.stdout)


def refused(*arguments: object) -> str:
    answer = run(*arguments)
    assert answer.exit_code == 2, answer.output
    assert "Traceback" not in answer.output
    return str(answer.stderr)


def put(folder: Path, text: str, name: str = "scores.csv") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def holds(item: Any, outcome: str, estimate: float, low: float, high: float, p: float) -> None:
    """In the unit printed: points where the file holds fractions."""
    scale = 100.0 if item["unit"] == "fraction" else 1.0
    assert item["verdict"] == outcome
    assert item["estimate"] * scale == pytest.approx(estimate, abs=0.0051)
    assert [bound * scale for bound in item["interval"]] == pytest.approx([low, high], abs=0.0051)
    assert item["p"] == pytest.approx(p, rel=0.02)


def seeds(name: str = "score", **arms: list[float]) -> str:
    rows = [f"{arm},{seed},{value}" for arm, values in arms.items() for seed, value in enumerate(values)]
    return "\n".join([f"arm,seed,{name}", *rows]) + "\n"


F1 = seeds("perplexity", base=[12.1, 12.3, 12.0, 12.2], lora=[11.2, 11.4, 11.1, 11.3])


def labelled() -> str:
    lines = ["arm,seed,example,label,prediction,score"]
    for a, wrong, conf in (("lora", 1, 0.80), ("full", 3, 0.95)):
        for s in range(4):
            for i in range(10):
                y = i % 2
                lines.append(f"{a},{s},{i},{y},{1 - y if (i + s) % 10 < wrong else y},{conf + s / 1000}")
    return "\n".join(lines)


def passages() -> str:
    lines = ["arm,seed,example,score,passage"]
    for a in "AB":
        for s in range(4):
            for p in range(12):
                for q in range(10):
                    good = p % 4 != 3 and (a == "A" or p not in (0, 5))
                    lines.append(f"{a},{s},p{p}q{q},{int(good != ((p * 7 + q * 3 + s * 5) % 11 == 0))},p{p}")
    return "\n".join(lines)


def one_run_each() -> str:
    lines = ["arm,seed,example,score"]
    for i in range(100):
        b, t = (1, 1) if i < 60 else (0, 1) if i < 72 else (1, 0) if i < 74 else (0, 0)
        lines += [f"base,0,{i},{b}", f"tuned,0,{i},{t}"]
    return "\n".join(lines)


F12 = """Task,Method,Seed,Train Acc (%),Best Val Acc (%),Final Val Acc (%)
SST2,full_ft,42,85.58,84.70,84.23
SST2,full_ft,43,86.32,85.09,83.62
SST2,full_ft,44,84.89,84.72,83.49
SST2,full_ft,45,84.70,84.27,83.61
SST2,full_ft,46,86.12,85.25,84.39
SST2,lora_diffusion,42,87.14,87.84,87.52
SST2,lora_diffusion,43,87.79,88.28,86.89
SST2,lora_diffusion,44,88.47,88.11,86.80
SST2,lora_diffusion,45,88.25,88.19,87.51
SST2,lora_diffusion,46,88.28,87.63,87.37
"""


F13 = "task,arm,seed,score\n" + "".join(
    f"rte,{arm},{seed},{value}\n"
    for arm, values in (("lora", (80, 81, 82, 81)), ("full", (84, 85, 86, 85)))
    for seed, value in enumerate(values)
)


ROBERTA = [13.75, 66.55, 68.05, 69.25, 69.35, 71.05, 71.35, 72.30, 72.85, 75.30]


SETFIT = [73.75, 74.65, 74.90, 76.00, 76.35, 76.65, 76.65, 76.95, 78.00, 78.10]


def words() -> str:
    n = [1] * 60 + [2] * 20 + [40] * 20
    lines = ["arm,seed,example,errors,words"]
    for a in ("full", "lora"):
        for s in range(4):
            for i, k in enumerate(n):
                e = (
                    int((i * 7 + s * 3) % 10 < (4 if a == "full" else 1))
                    if k < 40
                    else (3 if a == "full" else 5) + (i + s) % 2
                )
                lines.append(f"{a},{s},{i},{e},{k}")
    return "\n".join(lines)
